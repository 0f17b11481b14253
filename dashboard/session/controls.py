"""What do the controls of the instrument panel want, and what may they say for the data that is chosen?

A control is drawn from what is wanted (`turned`), and writes into it before anything else is drawn (`take`). So a rank, a
solver, a seed is wanted in one place, whatever page draws a control for it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from dashboard import links
from dashboard.session.tab import State, Wanted, jobs, state
from dashboard.text.plain import markdown
from dashboard.text.words import count
from dashboard.work import estimates
from dashboard.work.estimates import Estimate, estimate
from dashboard.work.fitted import Derived, FittedRun
from dashboard.work.fitting import LIVE_SECONDS, fit_key, solver_refusals
from dashboard.work.floor import known_floor
from dashboard.work.loading import data_key
from nmfcore.core.guidance import Guidance
from nmfcore.core.losses import beta_of
from nmfcore.core.spec import RunSpec
from nmfcore.data import catalog
from nmfcore.solvers import SOLVERS, make_solver

T = TypeVar("T")

OTHER_BETA = "beta=..."  # the loss whose number a control of its own says
USUAL_BETA = 1.5  # between Kullback-Leibler (1) and Frobenius (2)
OFFERED_RANK = int(links.NUMBERS["rank"].most or 1)
LOSSES = ("frobenius", "kullback-leibler", "itakura-saito", OTHER_BETA)


def _rule(name: str) -> Callable[[Wanted], Any]:
    return lambda now: getattr(now.spec.stop, name)


def _weight(name: str) -> Callable[[Wanted], Any]:
    return lambda now: float(now.spec.penalty.get(name, 0.0))


SAYS: dict[str, Callable[[Wanted], Any]] = {
    "rank": lambda now: now.spec.rank,
    "solver": lambda now: now.spec.solver,
    "loss": lambda now: OTHER_BETA if now.spec.loss.startswith("beta=") else now.spec.loss,
    "beta": lambda now: float(beta_of(now.spec.loss)),
    "init": lambda now: now.spec.init,
    "seed": lambda now: now.spec.seed,
    "sym": lambda now: now.spec.symmetric,
    **{name: _rule(of) for name, of in links.STOPS.items()},
    **{name: _weight(of) for name, of in links.PENALTIES.items()},
    "live": lambda now: now.live,
}


def parameter_key(solver: str, name: str) -> str:
    """The control of a solver's parameter."""
    return f"par_{solver}_{name}"


def wanted() -> RunSpec:
    """The run that the controls describe."""
    return state().wanted.spec


def said(name: str) -> Any:
    """What a control of the panel has to say: what is wanted."""
    now = state().wanted
    if name in SAYS:
        return SAYS[name](now)
    return _options(now.spec)[name.removeprefix(parameter_key(now.spec.solver, ""))]


def turned(control: str, value: Any, change: Callable[..., None], *args: Any) -> dict[str, Any]:
    """Key and callback of a control that is turned to a value before it is drawn: `st.slider("Rank", 1, 40, **turned(...))`.

    change : called with the args and the key where the person changes it

    A control that the program turns gets a new key. What the browser still says under the old one would otherwise count as a
    change by the person: a slider that is moved twice within one rerun would be set back by the number field beside it.
    """
    key = _turn(control, value)
    return {"key": key, "on_change": _heard, "args": (control, key, change, *args)}


def _heard(control: str, key: str, change: Callable[..., None], *args: Any) -> None:
    if key == _key(control, st.session_state["turns"]):  # else it is gone from the page, and speaks of what was
        change(*args, key)


def _turn(control: str, value: Any) -> str:
    turns: dict[str, int] = st.session_state.setdefault("turns", {})
    if st.session_state.get(_key(control, turns), value) != value:
        turns[control] = turns.get(control, 0) + 1
    key = _key(control, turns)
    if key not in st.session_state:
        st.session_state[key] = value
    return key


def _key(control: str, turns: dict[str, int]) -> str:
    return f"{control}~{turns[control]}" if control in turns else control


def take(name: str, key: str) -> None:
    """Want what a control of the panel, drawn under a key, says now; in its callback."""
    value = st.session_state[key]
    now = state().wanted
    if name == "live":
        now.live = bool(value)
    elif name == "solver":
        now.options[now.spec.solver] = now.spec.solver_options
        usual = make_solver(str(value)).options()
        now.spec = now.spec.replace(solver=str(value), solver_options={**usual, **now.options.get(str(value), {})})
    elif name == "loss":
        now.spec = now.spec.replace(loss=f"beta={USUAL_BETA:g}" if value == OTHER_BETA else str(value))
    elif name == "beta":
        now.spec = now.spec.replace(loss=f"beta={value:g}")
    elif name in links.STOPS:
        now.spec = now.spec.replace(stop=replace(now.spec.stop, **{links.STOPS[name]: value}))
    elif name in links.PENALTIES:
        now.spec = now.spec.replace(penalty={**now.spec.penalty, links.PENALTIES[name]: value})
    elif name == "sym":
        now.spec = now.spec.replace(symmetric=bool(value))
    elif name in SAYS:
        now.spec = now.spec.replace(**{name: value})
    else:
        parameter = name.removeprefix(parameter_key(now.spec.solver, ""))
        now.spec = now.spec.replace(solver_options={**_options(now.spec), parameter: value})
    if name != "live" and len(now.spec.guidance):
        _leave_wishes(now)
    settle()


def _leave_wishes(now: Wanted) -> None:
    """Wishes belong to the fit that they were made for; it stays among the kept runs."""
    many = len(now.spec.guidance)
    state().tell(
        f"What you change now is fitted without the {count(many, 'wish', 'wishes')}. "
        f"The run that keeps to {'it' if many == 1 else 'them'} is among the kept runs, in the panel and on Compare."
    )
    now.spec = now.spec.replace(guidance=Guidance())


def _options(spec: RunSpec) -> dict[str, Any]:
    """All parameters of a spec's solver, also those that are as usual."""
    return make_solver(spec.solver, spec.solver_options).options()


# -- what may be wanted --------------------------------------------------------------------------------------------------


def settle() -> None:
    """Turn what is wanted to what there is: a loss that the solver has, a rank that fits the data."""
    me = state()
    spec, possible = me.wanted.spec, losses(me.wanted.spec.solver)
    if SAYS["loss"](me.wanted) not in possible:
        spec = spec.replace(loss=possible[0])
    spec = spec.replace(rank=min(spec.rank, most_rank() or spec.rank))
    if spec != me.wanted.spec:
        me.wanted.spec = spec


def most_rank() -> int | None:
    """The largest rank that can be chosen; None while the data is not here."""
    data = state().chosen.data
    return max(1, int(min(*data.shape, OFFERED_RANK))) if data is not None and data.X is not None else None


def losses(solver: str) -> list[str]:
    """The losses that a solver has, as the control names them."""
    return [name for name in LOSSES if name in SOLVERS[solver].supports.losses]


def solvers() -> list[str]:
    """The solvers that this kind of data calls for; those made for another kind of problem are not offered."""
    me = state()
    masked = me.chosen.data is not None and me.chosen.data.mask is not None
    return [
        key
        for key, kind in SOLVERS.items()
        if key == me.wanted.spec.solver or (not kind.supports.requires_symmetric and (masked or not kind.supports.requires_mask))
    ]


def refusals() -> dict[str, str]:
    """For each solver that cannot run on the chosen data with the chosen loss: why. The same sentence the loop would say."""
    data = state().chosen.data
    if data is None or data.X is None:
        return {}
    return data_facts("refusals", lambda: solver_refusals(data))


def able_solver(me: State) -> None:
    """Where the wanted solver cannot run on new data (missing entries, say), want the first that can."""
    refused = refusals()
    if me.wanted.spec.solver in refused:
        able = next((key for key in SOLVERS if key not in refused), None)
        if able is not None:
            me.wanted.spec = me.wanted.spec.replace(solver=able, solver_options=me.wanted.options.get(able, {}))


def data_facts(key: Hashable, compute: Callable[[], T]) -> T:
    """Something that follows from the chosen data set, computed once for it."""
    chosen = state().chosen
    if chosen.facts_of is not chosen.data:
        chosen.facts, chosen.facts_of = Derived(), chosen.data
    return chosen.facts(key, compute)


def chosen_data() -> Any:
    """The data set that is chosen, once it is here."""
    return state().chosen.data


def chosen_title() -> str:
    """Title of the data set that is chosen."""
    me = state()
    if me.chosen.data is not None:
        return me.chosen.data.title
    return "Your data" if me.wanted.spec.data == "upload" else catalog.card(me.wanted.spec.data).title


# -- what differs from the run on screen -----------------------------------------------------------------------------------


def pending() -> bool:
    """Whether the controls say something else than the run on screen."""
    me = state()
    return me.shown.run is not None and _request(me.wanted.spec) != _request(me.shown.asked)


def _request(spec: RunSpec) -> Any:
    """Names what a person asks for, whether or not a parameter that is as usual was said."""
    return fit_key(spec.replace(solver_options=_options(spec)))


def other_data() -> bool:
    """Whether other data is chosen, or prepared otherwise, than the run on screen was fitted to."""
    me = state()
    return me.shown.run is not None and data_key(me.wanted.spec) != data_key(me.shown.run.spec)


def quick() -> bool:
    """Whether what is wanted is fitted so soon that a change of a control can fit at once."""
    me = state()
    if me.chosen.data is None or (me.shown.run is not None and me.chosen.data is not me.shown.run.dataset):
        return False
    expected = estimate(me.wanted.spec, me.chosen.data, ran())
    return expected is not None and expected < LIVE_SECONDS


def ran() -> list[FittedRun]:
    """The runs that are here, the one on screen first: what they took tells what others take."""
    shown = state().shown
    return [shown.run, *reversed(shown.kept.values())] if shown.run is not None else []


def expected() -> Estimate | None:
    """How long what is wanted will take, and how that is known; None while its data is not here."""
    me = state()
    data, spec = me.chosen.data, me.wanted.spec
    if data is None or data.X is None:
        return None
    return estimates.expected(spec, data, ran(), floor=known_floor(data, spec.rank, jobs()) is None)


def difference() -> str:
    """What the controls would change, in one short sentence."""
    me, now = state(), wanted()
    if me.shown.run is None:
        return ""
    old = me.shown.run.spec
    if data_key(now) != data_key(old):
        title = markdown(me.shown.run.dataset.title)
        return f"{title}, rank {old.rank}. Press Fit for {markdown(chosen_title())}, rank {now.rank}."
    if now.rank != old.rank:
        return f"rank {old.rank}. Press Fit for rank {now.rank}."
    if now.solver != old.solver:
        return f"{SOLVERS[old.solver].title}. Press Fit for {SOLVERS[now.solver].title}."
    if old.guidance and not now.guidance:
        return f"a run with {count(len(old.guidance), 'wish', 'wishes')}. Press Fit for one without."
    return "a run with other settings. Press Fit for these."
