"""What does the address say, and what is written into it?

The address always names the run on screen. A page may add a few words of its own (`linked`, `link`, `numbered`).
"""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from dashboard import links
from dashboard.session import bar, dividing, filtering, refusing, showing
from dashboard.session.tab import State, control_value, set_control, state
from dashboard.work.fitting import FIRST

FILE = "file"  # the name of an uploaded file, beside the fingerprint that names its content
LONGEST_NUMBER = 7  # digits of a number that an address may hold
LONGEST_LINKED = 80  # characters of what a page writes into the address for itself


def named(me: State) -> dict[str, str] | None:
    """The run's parameters in the address, when they are news; None when it is what we wrote there ourselves.

    An address without any is the first screen's where somebody came back to it, and otherwise what a link between pages left.
    """
    given = {name: bar.said(name) for name in links.PARAMETERS if bar.said(name)}
    written = me.address.written
    if written and not given and not bar.came_back():
        me.address.written = None  # a page link dropped the parameters: write them again
        return None
    if given == (written or {}):
        return None
    me.address.written = given
    return given


def has_link() -> bool:
    """Whether the address names a run."""
    return any(bar.said(name) for name in links.PARAMETERS)


def end() -> None:
    """Write the run on screen into the address; at the end of each script run."""
    me = state()
    if me.shown.run is not None:
        query = links.to_query(me.shown.run.spec, FIRST)
        file = me.shown.run.dataset.title if me.shown.run.spec.data == "upload" else ""
        link(FILE, file[:LONGEST_LINKED])  # by which its owner knows what to bring when the server no longer has it
        if query != me.address.written:
            for name in links.PARAMETERS:
                bar.say(name, query.get(name, ""))
            me.address.written = query
        showing.write(me.shown.run)
        dividing.write(me.shown.run)
    filtering.write_filter()
    bar.write()


def end_part() -> None:
    """The same after a part of the page: it is written where that part is redrawn alone."""
    filtering.write_filter()
    bar.write_part()


def address() -> str:
    """The address that opens the run on screen, on the page that is open, for the items that are looked at, with its names."""
    run = state().shown.run
    said = links.to_query(run.spec, FIRST) if run is not None else {}
    if run is not None and (cuts := dividing.as_linked(run)):
        said = {**said, dividing.NAME: cuts}
    if run is not None and (shown := showing.as_linked(run)):
        said = {**said, showing.NAME: shown}
    if looked_at := filtering.as_written():
        said = {**said, filtering.NAME: looked_at}
    query = urlencode(said)
    url = (st.context.url or "").split("?")[0]
    return f"{url}?{query}" if query else url


def page_address() -> str:
    """The address that opens this page with its own choices, without the run on screen."""
    own = {name: bar.said(name) for name in bar.names() if name not in links.PARAMETERS}
    url = (st.context.url or "").split("?")[0]
    return f"{url}?{urlencode(own)}" if own else url


def leave_link() -> None:
    """Give up a link whose data is not here and show the first screen."""
    me = state()
    me.address.missing, me.address.written, me.notice = None, None, None
    for name in links.PARAMETERS:
        bar.say(name, "")


def linked(name: str, longest: int = LONGEST_LINKED) -> str:
    """What the address says under a name of a page's own; "" when nothing. It is input like any other: check it.

    longest : characters of it that are read
    """
    return bar.said(name)[:longest]


def link(name: str, text: str) -> None:
    """Write something of a page's own into the address; "" takes it out. A link to another page leaves it behind."""
    bar.say(name, text)


def numbered(name: str, choices: list[int], usual: int = 0) -> int:
    """The control `name`, which says a component, turned to one of the choices; from the address where it is news there.

    Call it before the control is drawn. The address holds the component's number from 1, never its name: a typed name belongs
    to this session.
    """
    given, known = bar.said(name), state().address.numbers
    value = control_value(name, None)
    news = bool(given) and (value is None or given != known.get(name))
    if news:
        value = int(given) - 1 if given.isascii() and given.isdigit() and len(given) < LONGEST_NUMBER else None
    found = value if value in choices else usual if usual in choices else choices[0]
    if news and found != value:
        refusing.cannot(name, given, found + 1, f"a number from {min(choices) + 1} to {max(choices) + 1}")
    set_control(name, found)
    known[name] = str(found + 1)
    link(name, known[name])
    return int(found)
