"""Which items does this tab look at? One filter for all pages, in the address as long as it holds."""

from __future__ import annotations

import json

from dashboard.session import bar
from dashboard.session.tab import state
from nmfcore.core.checks import ProblemError
from nmfcore.methods.subset import Filter

NAME = "filter"
LONGEST = 6_000  # characters of a filter in an address: half of 36,000 items, drawn at random, still fit


def follow() -> None:
    """Look at the items that the address says, where that is news; before anything is drawn.

    Without a word on them it means all of them where somebody came back to it, and otherwise what a link between pages left.
    """
    me, given = state(), bar.said(NAME)
    if given and given != me.filter_written:
        me.filter_written = given
        try:
            me.filter = Filter.from_list(json.loads(given[:LONGEST]))
        except (ValueError, RecursionError) as wrong:
            said = str(wrong) if isinstance(wrong, ProblemError) else "its text is damaged."
            me.tell(f"The filter in this link cannot be used: {said}")
            me.filter = Filter()
    elif not given and me.filter_written and bar.came_back():
        me.filter, me.filter_written = Filter(), None


def filter_now() -> Filter:
    """The filter in force."""
    return state().filter


def set_filter(new: Filter) -> None:
    """Look at other items; in a callback or before the bar is drawn."""
    me = state()
    me.filter, me.filter_written = new, None
    bar.say(NAME, "")


def as_linked() -> str:
    """The filter in force as text; "" without one."""
    now = state().filter
    return json.dumps(now.to_list(), ensure_ascii=False, separators=(",", ":")) if now else ""


def as_written() -> str:
    """The filter in force as a link holds it; "" without one, and where it is too long."""
    text = as_linked()
    return text if len(text) <= LONGEST else ""


def filter_unlinked() -> bool:
    """Whether the filter in force is too long for a link; a saved run holds it all the same."""
    return len(as_linked()) > LONGEST


def write_filter() -> None:
    """Write the filter in force into the address, if it is not too long for one."""
    text = as_written()
    state().filter_written = text or None
    bar.say(NAME, text)
