"""Which topics does the address say are divided? An edit of the view like any other, and the only one that it always holds.

Names and hidden words are a person's own (`showing`); into how many a topic is divided says nothing of anybody.
"""

from __future__ import annotations

from dashboard.session import bar
from dashboard.session.editing import edit, edits
from dashboard.session.tab import state
from dashboard.text.plain import clean
from dashboard.topics_shown import divided
from dashboard.work.fitted import FittedRun

NAME = "divided"
LONGEST = 2_000  # characters of it in an address


def look_up() -> None:
    """Remember what the address says, where that is news; before the run that it belongs to is there."""
    state().address.divided.look_up(bar.said(NAME))


def take_over() -> None:
    """Divide the run on screen as the address said, once it is the run that was waited for."""
    me = state()
    given, run = me.address.divided.due(me), me.shown.run
    if not given or run is None:
        return
    try:
        cuts = divided.from_text(given[:LONGEST], run.ids)
    except ValueError as wrong:
        me.tell(f"The divided topics in this link cannot be shown: it names {clean(wrong, 80)}.")
        return
    now = edits(run)
    for cut in cuts:
        now = now.merge(cut.members).divide(cut.members, cut.path, cut.into)
    edit(run, now, "opening the link")


def write(run: FittedRun) -> None:
    """Write the divisions that are shown into the address."""
    part, text = state().address.divided, as_linked(run)
    if text or not part.waits:
        part.said = text
        bar.say(NAME, text)


def as_linked(run: FittedRun) -> str:
    """The divisions of a run as a link holds them."""
    return divided.as_text(edits(run).cuts_seen, run.ids)
