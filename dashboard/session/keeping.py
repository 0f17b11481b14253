"""Which runs does a session hold on to, and which goes first when there are too many?

A run that a control made while it was being turned is passed through: the next one within a moment takes its place, so of one
continuous change the run is kept that it came to rest on. What was passed through goes first, and never pushes out another.
"""

from __future__ import annotations

from time import monotonic

from dashboard.session.editing import edits
from dashboard.session.tab import State
from dashboard.work.fitted import FittedRun
from nmfcore.core.spec import RunSpec
from nmfcore.data.model.dataset import Dataset

MOST_KEPT = 8  # runs a session holds on to, besides the one on screen where that is passed through
MOST_STEPS = 40  # models between wishes that it holds on to besides; what is dropped is computed anew
REST = 3.0  # seconds a run is looked at before the next change of a control counts as another
FELL_OUT = "A kept run had to go for the next one: rank {rank} of {title} ({edits}). Its copied link, or its saved run, has it."


def take_in(me: State, run: FittedRun, instead_of: str = "", passing: bool = False) -> None:
    """Keep the run that is shown now.

    instead_of : the run that it takes the place of, or ""
    passing : it came of a control that may still be turned
    """
    shown = me.shown
    if instead_of and instead_of != run.key:
        shown.kept.pop(instead_of, None)
    if passing and run.key not in shown.kept:
        shown.passed[run.key] = monotonic()
    elif not passing:
        shown.passed.pop(run.key, None)
    shown.kept[run.key] = run
    shown.kept.move_to_end(run.key)
    _forget_steps(me, run)
    while len(shown.kept) - (run.key in shown.passed) > MOST_KEPT:
        let_go(me, run)
    for key in [key for key in shown.passed if key not in shown.kept]:
        del shown.passed[key]


def passed_through(me: State) -> str:
    """The run on screen, where it is one that a control made a moment ago and nobody has done anything with; else ""."""
    run = me.shown.run
    since = me.shown.passed.get(run.key) if run is not None else None
    return run.key if run is not None and since is not None and monotonic() - since < REST and not edits(run) else ""


def came_to(me: State, key: str) -> None:
    """The person has come back to a run: it is one of those they made."""
    me.shown.passed.pop(key, None)


def upload_of(me: State, fingerprint: str) -> Dataset | None:
    """Data that this person brought, in use or beside a kept run."""
    kept = {run.dataset.fingerprint: run.dataset for run in me.shown.kept.values() if run.spec.data == "upload"}
    return {**kept, **me.chosen.uploads}.get(fingerprint)


def let_go(me: State, shown: FittedRun | None) -> bool:
    """Drop the kept run that is worth least, but not the one that is shown; whether there was one."""
    others = [run for run in me.shown.kept.values() if run is not shown]
    if not others:
        return False
    gone = me.shown.kept.pop(min(others, key=lambda run: _worth(me, run)).key)
    if edits(gone):
        me.tell(FELL_OUT.format(rank=gone.rank, title=gone.dataset.title, edits=edits(gone).sentence))
    return True


def _worth(me: State, run: FittedRun) -> int:
    """What goes last is worth most; of equals the one shown longest ago goes first."""
    return 2 if edits(run) else 0 if run.key in me.shown.passed else 1


def _forget_steps(me: State, run: FittedRun) -> None:
    """Of a chain of wishes only the last model stands among the kept runs; the ones before it are in its history."""
    if run.spec.guidance:
        me.shown.steps[run.key] = run
        me.shown.steps.move_to_end(run.key)
        while len(me.shown.steps) > MOST_STEPS:
            me.shown.steps.popitem(last=False)
    specs = [one.spec for one in me.shown.kept.values()]
    for key, one in list(me.shown.kept.items()):
        if key != run.key and one.spec.guidance and any(leads_to(one.spec, spec) for spec in specs):
            del me.shown.kept[key]


def leads_to(earlier: RunSpec, later: RunSpec) -> bool:
    """Whether a run is later in the same chain of wishes."""
    wishes = len(earlier.guidance)
    return len(later.guidance) > wishes and later.replace(guidance=later.guidance.first(wishes)).key == earlier.key
