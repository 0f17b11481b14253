"""How does this person show the topics of a run? Edits, their undo, and what follows from them.

The run itself never changes.
"""

from __future__ import annotations

from collections.abc import Hashable

from dashboard.session.tab import control_value, state, theme
from dashboard.topics_shown import TopicsShown, of
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import fit_key
from nmfcore.solvers import make_solver
from nmfcore.topics.scale import CONVENTIONS, DEFAULT

SCALE = "scale"  # the control, and the address's parameter, that say the scale of W and H
MOST_STEPS = 100  # edits of a run's topics that can be undone


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


def convention() -> str:
    """Key of the scale that W and H are shown on."""
    key = control_value(SCALE, DEFAULT)
    return key if key in CONVENTIONS else DEFAULT


def topics_of(run: FittedRun) -> TopicsShown:
    """The topics of a run as this person shows them, on the scale and in the theme in force; a page makes them once."""
    return of(run, edits(run), convention(), theme(), state().shown.edited)
