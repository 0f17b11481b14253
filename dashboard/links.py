"""How does an address hold a run?

One readable query parameter for each part of the `RunSpec` that differs from the default, so that a link can be read, and a
link that was edited by hand is checked like any other input.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from nmfcore.core.checks import ProblemError
from nmfcore.core.guidance import Guidance
from nmfcore.core.losses import beta_of
from nmfcore.core.parameters import Parameter, parameters
from nmfcore.core.spec import WEIGHT, RunSpec, StopRule
from nmfcore.solvers import SOLVERS, make_solver
from nmfcore.solvers.starts import INITS

PARAMETERS = (
    "data",
    "options",
    "prep",
    "print",
    "solver",
    "par",
    "loss",
    "rank",
    "init",
    "seed",
    "tol",
    "iterations",
    "seconds",
    "kkt",
    "l1w",
    "l1h",
    "l2w",
    "l2h",
    "sym",
    "guide",
)
STOPS = {"tol": "tol", "iterations": "max_iter", "seconds": "max_seconds", "kkt": "kkt"}  # of the link, of the stop rule
PENALTIES = {"l1w": "l1_W", "l1h": "l1_H", "l2w": "l2_W", "l2h": "l2_H"}  # of the link, of the specification
LONGEST = 8_000  # characters of one parameter; a longer one was not made here
SHOWN = 40  # characters of what was given that a refusal repeats
DEEPEST = 8  # nested lists and objects in a part of a link

# The numbers that an address or a control may ask for; their bounds are nmfcore's own
NUMBERS: dict[str, Parameter] = {
    name: replace(each.asked, name=name)
    for name, each in (
        ("rank", parameters(RunSpec)["rank"]),
        ("seed", parameters(RunSpec)["seed"]),
        *((name, parameters(StopRule)[of]) for name, of in STOPS.items()),
        *((name, WEIGHT) for name in PENALTIES),
    )
}

REFUSED = "This link cannot be opened: "


class LinkError(ValueError):
    """The address does not name a run; the message says which part."""


def to_query(spec: RunSpec, default: RunSpec) -> dict[str, str]:
    """The parameters in which `spec` differs from `default`."""
    mine, usual = _texts(spec), _texts(_default_of(spec.data, default))
    usual["data"] = default.data
    if spec.data != "upload":
        mine.pop("print")  # a catalog data set is named by how it is loaded
    return {name: text for name, text in mine.items() if text != usual[name]}


def too_long(spec: RunSpec) -> bool:
    """Whether a part of a run's link would be refused for its length."""
    return any(len(text) > LONGEST for text in _texts(spec).values())


def from_query(query: Mapping[str, str], default: RunSpec) -> RunSpec | None:
    """The run that an address names; None when it names none.

    Raises
    ------
    LinkError
        If a parameter cannot be understood.
    """
    given = {name: str(query[name]) for name in PARAMETERS if name in query}
    if not given:
        return None
    for name, text in given.items():
        if len(text) > LONGEST:
            raise LinkError(f"The link's part '{name}' is too long to be one of ours.")
    default = _default_of(given.get("data", default.data), default)
    try:
        spec = default.replace(
            data_options=_json(given, "options", dict, default.data_options),
            preparation=tuple(_json(given, "prep", list, list(default.preparation))),
            fingerprint=given.get("print", ""),
            solver=given.get("solver", default.solver),
            solver_options=_json(given, "par", dict, default.solver_options),
            loss=given.get("loss", default.loss),
            rank=_number(given, "rank", default.rank),
            init=given.get("init", default.init),
            seed=_number(given, "seed", default.seed),
            stop=StopRule(**{of: _number(given, name, getattr(default.stop, of)) for name, of in STOPS.items()}),
            penalty={of: _number(given, name, default.penalty.get(of, 0.0)) for name, of in PENALTIES.items()},
            symmetric=_flag(given, "sym", default.symmetric),
            guidance=Guidance.from_dict(_json(given, "guide", dict, {})),
        )
        make_solver(spec.solver, spec.solver_options)
        beta_of(spec.loss)
    except LinkError:
        raise
    except (ValueError, TypeError) as wrong:
        raise LinkError(f"{REFUSED}{_shortened(str(wrong), given.values())}") from None
    if spec.init not in INITS:
        raise LinkError(f"{REFUSED}unknown start {spec.init[:SHOWN]!r}. Known: {', '.join(INITS)}.")
    if not all(isinstance(step, dict) for step in spec.preparation):
        raise LinkError(f"{REFUSED}its preparation is not a list of steps.")
    return spec


def _shortened(sentence: str, given: Iterable[str]) -> str:
    """The sentence, with no more of what was given than can be read."""
    for text in given:
        if len(text) > SHOWN:
            sentence = sentence.replace(text, f"{text[:SHOWN]}…")
    return sentence


def _default_of(data: str, default: RunSpec) -> RunSpec:
    """What a link to a data set leaves out; another data set's usual rank has no meaning for it."""
    return default if data == default.data else RunSpec(data=data, init=default.init)


def _texts(spec: RunSpec) -> dict[str, str]:
    stop = spec.stop
    return {
        "data": spec.data,
        "options": json.dumps(dict(spec.data_options), sort_keys=True, separators=(",", ":")),
        "prep": json.dumps([dict(step) for step in spec.preparation], sort_keys=True, separators=(",", ":")),
        "print": spec.fingerprint,
        "solver": spec.solver,
        "par": json.dumps(solver_changes(spec), sort_keys=True, separators=(",", ":")),
        "loss": spec.loss,
        "rank": str(spec.rank),
        "init": spec.init,
        "seed": str(spec.seed),
        **{name: repr(getattr(stop, of)) for name, of in STOPS.items()},
        **{name: repr(float(spec.penalty.get(weight, 0.0))) for name, weight in PENALTIES.items()},
        "sym": str(int(spec.symmetric)),
        "guide": spec.guidance.to_json(),
    }


def solver_changes(spec: RunSpec) -> dict[str, Any]:
    """The solver's parameters that differ from its defaults."""
    usual = asdict(SOLVERS[spec.solver]()) if spec.solver in SOLVERS else {}
    return {name: value for name, value in spec.solver_options.items() if usual.get(name) != value}


def _json(given: Mapping[str, str], name: str, kind: type, default: Any) -> Any:
    if name not in given:
        return default
    try:
        value = json.loads(given[name])
        json.dumps(value, allow_nan=False)  # what cannot be written again (NaN, 1e999) is not one of ours
    except (ValueError, RecursionError):
        value = None
    if _depth(value) > DEEPEST:
        value = None
    if not isinstance(value, kind):
        raise LinkError(f"{REFUSED}its part '{name}' is damaged.")
    return value


def _depth(value: Any) -> int:
    """How deeply lists and objects are nested; no further than one beyond the limit."""
    depth, inner = 0, [value]
    while inner and depth <= DEEPEST:
        whole = [part for part in inner if isinstance(part, (list, dict))]
        inner = [part for parts in whole for part in (parts.values() if isinstance(parts, dict) else parts)]
        depth += 1
    return depth


def _flag(given: Mapping[str, str], name: str, default: bool) -> bool:
    if given.get(name, "0") not in ("0", "1"):
        raise LinkError(f"{REFUSED}{name} must be 0 or 1.")
    return given[name] == "1" if name in given else default


def _number(given: Mapping[str, str], name: str, default: Any) -> Any:
    if name not in given:
        return default
    held = NUMBERS[name]
    if given[name] == "None" and held.optional:
        return None
    try:
        if not given[name].isascii():
            raise ValueError("digits of other scripts are not written here")
        return held.checked(held.kind(given[name]))
    except ProblemError:
        raise
    except (ValueError, OverflowError):
        raise LinkError(f"{REFUSED}{name}={given[name][:SHOWN]!r} is not a number that can be used.") from None
