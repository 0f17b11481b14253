"""How does this person show the topics of a run? Edits, their undo, and what follows from them.

The run itself never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from dashboard.session.tab import state
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitting import FittedRun, fit_key
from nmfcore import topics
from nmfcore.solvers import make_solver

T = TypeVar("T")

MOST_STEPS = 100  # edits of a run's topics that can be undone
MOST_EDITED = 240  # pictures and tables of edited topics that a session keeps: those of a page at a few slider positions


def _edited_run(run: FittedRun) -> Hashable:
    """Names a run for its edits: a parameter that was named with its usual value is the same as one that was not named."""
    spec = run.spec
    return fit_key(spec.replace(solver_options=make_solver(spec.solver, spec.solver_options).options()))


def edits(run: FittedRun) -> Edits:
    """What this person changed in how the topics of a run are shown."""
    steps = state().shown.edits.get(_edited_run(run), [])
    return steps[-1][1] if steps else Edits()


def edit(run: FittedRun, new: Edits, said: str) -> None:
    """Show the topics of a run so from now on. `said` names the step where it can be undone, as plain text."""
    if new != edits(run):
        steps = state().shown.edits.setdefault(_edited_run(run), [])
        if len(steps) == MOST_STEPS:
            del steps[0]  # undoing all still leads to the run as it is
        steps.append((said, new))


def last_edit(run: FittedRun) -> str:
    """What was done last to the topics of a run; "" when nothing can be undone."""
    steps = state().shown.edits.get(_edited_run(run), [])
    return steps[-1][0] if steps else ""


def undo_edit(run: FittedRun) -> None:
    """Take back the last edit."""
    steps = state().shown.edits.get(_edited_run(run), [])
    if steps:
        steps.pop()


def undo_edits(run: FittedRun) -> None:
    """Take back all edits of a run."""
    state().shown.edits.pop(_edited_run(run), None)


def edited_facts(run: FittedRun, edited: Hashable, key: Hashable, compute: Callable[[], T]) -> T:
    """Something that follows from a run as this person shows it: kept with the run where nothing is edited, else here.

    edited : what of the edits it depends on; None when on nothing
    """
    if edited is None:
        return run.derived(key, compute)
    kept, place = state().shown.edited, (run.key, edited, key)
    if place not in kept:
        kept[place] = compute()
        while len(kept) > MOST_EDITED:
            kept.popitem(last=False)
    kept.move_to_end(place)
    found: T = kept[place]
    return found


def latest_merge(run: FittedRun, merges: Hashable, compute: Callable[[], T]) -> T:
    """The factors of merged topics; only those asked for last are kept."""
    shown, key = state().shown, (run.key, merges)
    if shown.merged is None or shown.merged[0] != key:
        shown.merged = (key, compute())
    found: T = shown.merged[1]
    return found


def topic_names(run: FittedRun) -> list[str]:
    """What the components of a run are called: as somebody named them, else by their first words. Plain text, not escaped."""
    now = edits(run)
    hidden: Any = now.hidden or None
    suggested = edited_facts(
        run, hidden, "names", lambda: topics.names(run.factorization.H, run.dataset.axes.columns, hidden=now.hidden)
    )
    return [now.names.get((k,), name) for k, name in enumerate(suggested)]
