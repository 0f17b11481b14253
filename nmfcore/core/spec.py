"""What determines a result, completely?

A `RunSpec` is the cache key, the link to share, the report's header and the exported script at once: two runs with equal
specs and equal nmfcore versions have equal W and H. It holds names and numbers only, never data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from nmfcore.core.errors import ProblemError
from nmfcore.core.guidance import Guidance
from nmfcore.core.parameters import Parameter, check_parameters, parameter, plain

# JSON values only: str, int, float, bool, None, and lists or dicts of them
Options = Mapping[str, Any]

PENALTIES = ("l1_W", "l1_H", "l2_W", "l2_H")  # the weights that a penalty may have
WEIGHT = Parameter("weight", float, 0.0, least=0.0, offered=1e12)  # what each of them may be
LARGEST_SEED = 2**32 - 1  # as scikit-learn's random_state
KEEPS_ZEROS = ("mu", "masked", "symmetric")  # solvers that can never change a zero (their `locks_zeros`)


@dataclass(frozen=True)
class StopRule:
    """When to stop; the first condition that holds ends the run and is named in the result.

    tol : the relative error fell by less than tol (relative to itself) per iteration, over the last five; 0 switches it off
    max_iter : iterations
    max_seconds : seconds inside the solver; None for no limit
    kkt : stop when the KKT residual, relative to the start, is below this; 0 switches it off

    Raises
    ------
    ProblemError
        If one of them is out of its bounds; `parameters(StopRule)` tells them.
    """

    tol: float = parameter(1e-5, least=0.0, most=1.0)
    max_iter: int = parameter(500, least=0, unit="iterations", offered=2_000)
    max_seconds: float | None = parameter(60.0, least=0.0, optional=True, unit="seconds", offered=3_600.0)
    kkt: float = parameter(0.0, least=0.0, most=1.0)

    def __post_init__(self) -> None:
        check_parameters(self)


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines a factorization.

    data : key of the data set in the catalog, or "upload"
    data_options : how the data set was loaded (categories, subset, ...)
    preparation : the steps applied to the matrix, in order, each a dict with "step" and its parameters
    fingerprint : SHA-256 of the prepared matrix's content; "" when not known
    solver, solver_options : the solver's key and its parameters
    loss : what is minimised
    rank : how many components W has columns and H rows
    init : the start; "" is replaced by the one that suits the solver and the loss, see `usual_start`
    seed : of the start and of the solver; the same seed gives the same result
    stop : the stop rule
    penalty : the weights l1_W, l1_H, l2_W and l2_H of the regularisation that are not 0; empty for none
    symmetric : X = S S^T was asked for
    guidance : the wishes that the result was refitted under, one after the other (nmfcore/guide); `rank` stays that of the
        base fit. Left out of the JSON, and so of the key, when there are none

    Weights of 0 are left out of `penalty`, so that a run has one key however its penalty was written; NumPy's numbers become
    Python's, for the same reason.

    Raises
    ------
    ProblemError
        If a value is of another kind or out of bounds (`parameters(RunSpec)` tells them), or a weight has an unknown name.
    """

    data: str = ""
    data_options: Options = field(default_factory=dict)
    preparation: tuple[Options, ...] = ()
    fingerprint: str = ""
    solver: str = "hals"
    solver_options: Options = field(default_factory=dict)
    loss: str = "frobenius"
    rank: int = parameter(6, least=1, offered=200)
    init: str = ""
    seed: int = parameter(0, least=0, most=LARGEST_SEED)
    stop: StopRule = StopRule()
    penalty: Options = field(default_factory=dict)
    symmetric: bool = False
    guidance: Guidance = field(default_factory=Guidance)

    def __post_init__(self) -> None:
        check_parameters(self)
        if not isinstance(self.stop, StopRule):
            raise ProblemError(f"A stop rule is written as StopRule(tol=1e-6, max_iter=500), not {self.stop!r}.")
        for name in ("data_options", "solver_options", "penalty"):
            if not isinstance(getattr(self, name), Mapping):
                raise ProblemError(f"{name} is a mapping of names to values, not {getattr(self, name)!r}.")
            object.__setattr__(self, name, plain(getattr(self, name)))
        object.__setattr__(self, "preparation", tuple(plain(list(self.preparation))))
        unknown = sorted(set(self.penalty) - set(PENALTIES))
        if unknown:
            raise ProblemError(f"Unknown weights in the penalty: {', '.join(unknown)}. Known: {', '.join(PENALTIES)}.")
        weights = {name: replace(WEIGHT, name=name).checked(weight, "the penalty") for name, weight in self.penalty.items()}
        object.__setattr__(self, "penalty", {name: weights[name] for name in PENALTIES if weights.get(name)})
        if not isinstance(self.guidance, Guidance):
            raise ProblemError(f"A guidance is written as Guidance((Seed(...), Split(...))), not {str(self.guidance)[:60]!r}.")
        if not self.guidance:  # how refits would go means nothing without one
            object.__setattr__(self, "guidance", Guidance())
        object.__setattr__(self, "init", self.init or usual_start(self.loss, keeps_zeros=self.solver in KEEPS_ZEROS))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, in a fixed order."""
        plain = asdict(replace(self, guidance=Guidance()))
        plain["preparation"] = [dict(step) for step in self.preparation]
        del plain["guidance"]
        return plain | ({"guidance": self.guidance.to_dict()} if self.guidance else {})

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> RunSpec:
        """The spec of a dict made by `to_dict`; unknown names, and values of another kind, are refused by name.

        Raises
        ------
        ValueError
            If a name is unknown, or a value is not what that name holds.
        """
        if not isinstance(plain, Mapping):
            raise ValueError("A run's specification must be a mapping of names to values.")
        unknown = sorted(set(plain) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"Unknown entries in a run's specification: {', '.join(unknown)}.")
        values = dict(plain)
        if "stop" in values:
            stop = dict(_a(Mapping, "stop", values["stop"]))
            strange = sorted(set(stop) - {f.name for f in fields(StopRule)})
            if strange:
                raise ValueError(f"Unknown entries in the stop rule: {', '.join(strange)}.")
            for name, value in stop.items():
                if not (value is None and name == "max_seconds"):  # JSON's kinds only, in JSON's words
                    _a(int if name == "max_iter" else (int, float), name, value)
            values["stop"] = StopRule(**stop)
        if "preparation" in values:
            steps = _a((list, tuple), "preparation", values["preparation"])
            values["preparation"] = tuple(dict(_a(Mapping, "preparation", step)) for step in steps)
        for name in values.keys() & {"data", "fingerprint", "solver", "loss", "init"}:
            _a(str, name, values[name])
        for name in values.keys() & {"data_options", "solver_options", "penalty"}:
            _a(Mapping, name, values[name])
        for name in values.keys() & {"rank", "seed"}:
            _a(int, name, values[name])
        if not isinstance(values.get("symmetric", False), bool):
            raise ValueError(f"A run's specification cannot have symmetric = {values['symmetric']!r}.")
        if "guidance" in values:
            values["guidance"] = Guidance.from_dict(values["guidance"])
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> RunSpec:
        return cls.from_dict(json.loads(text))

    @property
    def topics(self) -> int:
        """How many topics the result has: the rank, and what the guidance adds and takes away."""
        return self.guidance.grown(self.rank)

    @property
    def key(self) -> str:
        """A short stable name of this spec: 16 hex digits of the SHA-256 of its JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.to_json())

    def replace(self, **changes: Any) -> RunSpec:
        return replace(self, **changes)


def usual_start(loss: str, *, keeps_zeros: bool) -> str:
    """The start that a run gets when none is asked for.

    Zeros are a good start where a solver can leave them, and a prison where it cannot ("nndsvda" has none); for other losses than
    Frobenius ten steps of least squares come first.
    """
    return "nndsvda" if keeps_zeros else "nndsvd" if loss in ("frobenius", "beta=2", "beta=2.0") else "least-squares"


def _a(kind: Any, name: str, value: Any) -> Any:
    """The value, if it is of that kind (a bool is no number here)."""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise ValueError(f"A run's specification cannot have {name} = {str(value)[:60]!r}.")
    return value
