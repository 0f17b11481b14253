"""Which state does a tab go on with when its page was loaded anew (F5, another address in the same tab, a tab opened again)?

Streamlit then begins a new session: its controls are drawn from the address, and what the person had (names, merges, kept runs,
data of their own) is still held by the session before, for as long as a tab may be away. assets/opening.js draws a name at random
for each page that is opened, known to this tab and the server alone, and says it when it connects, with that of the page before.
Who says the name of a page gets the state that was made under it, if it is the same person and no page shows it any more. The old
session is then an empty shell that Streamlit ends in its time.
"""

from __future__ import annotations

import functools
import re
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

NAMED = re.compile(r"nmf-page\.([0-9a-f]{32})(?:\.([0-9a-f]{32}))?")  # as assets/opening.js writes it
CLOSING = 2.0  # seconds within which the server hears that the page before was closed
LOOK = 0.02  # seconds between two looks


@dataclass(frozen=True)
class Spoken:
    """What the browser says of itself when it connects.

    session : Streamlit's session that this page had; "" for a page just opened
    page : the page's name, "" without one;  before : that of the page before it in this tab, if anything was done there
    """

    session: str = ""
    page: str = ""
    before: str = ""


@dataclass(frozen=True)
class Holder:
    """A state made under a page's name: which session shows it, and who that is to the sign-in."""

    state: weakref.ref[Any]
    session: str
    user: Mapping[str, Any]


@dataclass
class Pages:
    """The states of the pages that are open, or were a moment ago, by their names.

    Each lives as long as Streamlit holds a session with it, and has one name.
    """

    _held: dict[str, Holder] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, page: str, holder: Holder) -> None:
        """Note that a session shows a state, and no other one does."""
        with self._lock:
            kept = {name: each for name, each in self._held.items() if each.state() is not None}
            self._held = {name: each for name, each in kept.items() if each.state() is not holder.state()} | {page: holder}

    def of(self, page: str, user: Mapping[str, Any]) -> Holder | None:
        """Who holds the state of that name, where it is the same person."""
        with self._lock:
            found = self._held.get(page)
        return found if found is not None and found.state() is not None and found.user == user else None


@functools.cache
def pages() -> Pages:
    """Those of this process."""
    return Pages()


def spoken() -> Spoken:
    """What the browser of this script run says of itself."""
    said = [part.strip() for part in str(st.context.headers.get("Sec-WebSocket-Protocol", "") or "").split(",")[2:]]
    named = [found for part in said if (found := NAMED.fullmatch(part))]
    session = said[0] if said and not NAMED.fullmatch(said[0]) else ""
    return Spoken(session, named[0][1], named[0][2] or "") if named else Spoken(session)


def is_open(session: str) -> bool:
    """Whether a page shows that session now."""
    return runtime.exists() and runtime.get_instance().is_active_session(session)


def taken_up(make: Callable[[], Any]) -> tuple[Any, bool]:
    """The state that this page goes on with, or a new one; and whether there was one before that is nowhere any more."""
    context = get_script_run_ctx()
    session = context.session_id if context is not None else ""
    said, user = spoken(), st.user.to_dict()
    holder = pages().of(said.page, user) or pages().of(said.before, user)
    found = holder.state() if holder is not None and _closed(holder.session) else None
    lost = holder is None and (said.session not in ("", session) or said.before != "")
    if found is not None and holder is not None:
        _carry(holder.session)
    state = make() if found is None else found
    if said.page:
        pages().hold(said.page, Holder(weakref.ref(state), session, dict(user)))
    return state, lost


def _carry(session: str) -> None:
    """What pages keep for themselves, such as a table that was typed and results of a workbench; the address has the controls."""
    sessions = getattr(runtime.get_instance(), "_session_mgr", None) if runtime.exists() else None
    ended = sessions.get_session_info(session) if sessions is not None else None
    if ended is None:
        return
    before = ended.session.session_state
    for name, value in before.filtered_state.items():
        is_control = name in before._key_id_mapper
        if not is_control and name not in st.session_state and name not in st.query_params:
            st.session_state[name] = value


def _closed(session: str) -> bool:
    """Whether no page shows a session any more; a browser connects anew before the server has heard of all that it closed."""
    end = time.monotonic() + CLOSING
    while is_open(session):
        if time.monotonic() > end:
            return False  # the tab was duplicated
        time.sleep(LOOK)
    return True
