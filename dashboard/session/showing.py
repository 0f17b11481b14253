"""How does a link hold what a person changed in how topics are shown: names, merges, hidden words?

Copy link carries them, because who sends it wants them seen. The address that stands in the browser does not, unless it came from
such a link: there nobody is asked before it is copied. Divided topics have a part of their own (`dividing`).
"""

from __future__ import annotations

import json
from dataclasses import replace

from dashboard.session import bar
from dashboard.session.editing import edit, edits
from dashboard.session.tab import state
from dashboard.text.plain import clean
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitted import FittedRun

NAME = "shown"
LONGEST = 4_000  # characters of it in a link: sixty long names


def look_up() -> None:
    """Remember what the address says, where that is news; before the run that it belongs to is there."""
    state().address.shown.look_up(bar.said(NAME))


def take_over() -> None:
    """Show the topics of the run on screen as the address said, once it is the run that was waited for."""
    me = state()
    given, run = me.address.shown.due(me), me.shown.run
    if not given or run is None:
        return
    try:
        said = json.loads(given[:LONGEST])
        if not isinstance(said, dict):
            raise ValueError("no names")
        found = Edits.from_dict(said, run.rank, run.dataset.shape[1])
    except (ValueError, RecursionError) as wrong:
        damaged = isinstance(wrong, (json.JSONDecodeError, RecursionError))
        why = "its text is damaged" if damaged else f"it has {clean(wrong, 80)}"
        me.tell(f"The names and merges in this link cannot be shown: {why}.")
        return
    edit(run, replace(edits(run), merges=found.merges, hidden=found.hidden, names=found.names), "opening the link")


def write(run: FittedRun) -> None:
    """Leave in the address what a link brought, as long as the topics are shown so."""
    part = state().address.shown
    if not part.waits:
        bar.say(NAME, part.said if part.said == as_linked(run) else "")


def as_linked(run: FittedRun) -> str:
    """What was changed in how the topics of a run are shown, as a link holds it; "" for nothing, and where it is too long."""
    said = {name: value for name, value in replace(edits(run), cuts=()).to_dict().items() if value}
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":")) if said else ""
    return text if len(text) <= LONGEST else ""


def unlinked(run: FittedRun) -> bool:
    """Whether it is too long for a link; a saved run holds it all the same."""
    return bool(replace(edits(run), cuts=())) and not as_linked(run)
