"""How does this person change the topics themselves? A wish is formulated, tried, and kept or discarded; and one can go back.

A kept wish makes another run: the one before stays what it is, so undoing is showing it again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard.session.editing import edit as edit_view
from dashboard.session.editing import edits
from dashboard.session.flow import fit, present, want
from dashboard.session.keeping import leads_to
from dashboard.session.tab import Trial, jobs, state
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import share
from dashboard.work.steering import Preview
from nmfcore.core.spec import RunSpec
from nmfcore.guide import Edit


def trial(run: FittedRun) -> Trial | None:
    """The wish that is being tried on this run."""
    found = state().trial
    return found if found is not None and found.run == run.key else None


def attempt(run: FittedRun, edit: Edit, others: str) -> None:
    """Try a wish on a run; in a callback."""
    state().trial = Trial(run.key, edit, others)


def discard() -> None:
    """Leave the model as it is; in a callback."""
    state().trial = None


def keep(preview: Preview) -> None:
    """The refitted model takes the place of the one before; in a callback."""
    me = state()
    me.trial = None
    me.shown.undone.clear()
    before, after = preview.before, preview.after
    for run in (before, after):
        share(run, jobs())
    if before.spec.guidance:
        me.shown.steps[before.key] = before
    present(after)
    carried = carry(edits(before), before.ids, after.ids)
    if carried:
        edit_view(after, carried, "names kept through the refit")


def carry(now: Edits, before: tuple[int, ...], after: tuple[int, ...]) -> Edits:
    """Names, hidden words, merges and divisions of the view, for the topics that are still there: they go with their ids."""
    place = {topic: k for k, topic in enumerate(after)}

    def there(members: tuple[int, ...]) -> tuple[int, ...] | None:
        found = tuple(sorted(place[before[k]] for k in members if before[k] in place))
        return found if len(found) == len(members) else None

    merges = tuple(sorted(group for group in map(there, now.merges) if group is not None))
    names = {group: name for group, name in ((there(at), name) for at, name in now.names.items()) if group is not None}
    cuts = tuple(replace(cut, members=group) for cut, group in ((cut, there(cut.members)) for cut in now.cuts) if group)
    return replace(now, merges=merges, names=names, cuts=tuple(sorted(cuts)))


# -- there and back ------------------------------------------------------------------------------------------------------


def go(spec: RunSpec) -> None:
    """Show the model of that chain of wishes: the same bits, from this session or computed anew; in a callback."""
    me = state()
    me.trial = None
    here = [*me.shown.steps.values(), *me.shown.kept.values()]
    found = next((run for run in here if run.spec.key == spec.key), None)
    if found is not None:
        present(found)
        return
    run = me.shown.run
    want(spec, run.dataset if run is not None else me.chosen.data)
    fit(spec)


def undo_wish() -> None:
    """Back to the model before the last wish; in a callback."""
    me = state()
    run = me.shown.run
    if run is not None and run.spec.guidance:
        me.shown.undone.append(run.spec)
        me.shown.steps[run.key] = run
        go(step(run.spec, len(run.spec.guidance) - 1))


def redo_wish() -> None:
    """To the model that was undone last; in a callback."""
    undone = redoable()
    if undone is not None:
        state().shown.undone.pop()
        go(undone)


def redoable() -> RunSpec | None:
    """The model that can be gone to again from the one on screen."""
    me = state()
    run, undone = me.shown.run, me.shown.undone
    return undone[-1] if run is not None and undone and leads_to(run.spec, undone[-1]) else None


def step(spec: RunSpec, count: int) -> RunSpec:
    """The run of the first `count` wishes of a chain."""
    return spec.replace(guidance=spec.guidance.first(count))


def branches(run: FittedRun) -> list[FittedRun]:
    """Other models from the same first fit whose chain of wishes is another one, the longest of each."""
    me = state()
    base = step(run.spec, 0).key
    known: dict[str, FittedRun] = {}
    for one in [*me.shown.steps.values(), *me.shown.kept.values()]:
        if one.spec.guidance and step(one.spec, 0).key == base:
            known[one.spec.key] = one
    tips = [one for one in known.values() if not any(leads_to(one.spec, other.spec) for other in known.values())]
    return [one for one in tips if one.spec.key != run.spec.key and not leads_to(one.spec, run.spec)]


def set_form(**values: Any) -> None:
    """Turn controls of the form; before they are drawn, or in a callback."""
    for name, value in values.items():
        st.session_state[f"wish-{name}"] = value
