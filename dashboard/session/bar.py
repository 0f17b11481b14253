"""What stands in the address, and what shall stand there when this script run is over?

Everything that changes is written at once, in one message: the browser makes an entry of its history of each, and an address that
names half of a run would be another run to whoever comes back to it. So this file alone names `st.query_params`.

A browser sends its address with every act, and it is an old one where a person acts again before the answer to the act before is
there. So the address is news only where it can be: in a tab's first script run, on another page, and on Back or Forward. What was
written since then stands, whatever is sent.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.session.tab import state


def begin() -> None:
    """Listen to the address where it is news; at the start of a script run."""
    me, context = state().address, get_script_run_ctx()
    place = context.page_script_hash if context is not None else ""
    if came_back() or place != me.place:
        me.stands.clear()
    me.place = place


def said(name: str) -> str:
    """What the address says under a name, or shall say after this script run; "" when nothing."""
    me = state().address
    return me.shall[name] if name in me.shall else _stands(name)


def _stands(name: str) -> str:
    """What the address says under a name until this script run is over."""
    return state().address.stands.get(name, str(st.query_params.get(name, "")))


def names() -> list[str]:
    """The names under which the address says something, or shall."""
    me = state().address
    return [name for name in dict.fromkeys([*st.query_params, *me.stands, *me.shall]) if said(name)]


def say(name: str, text: str) -> None:
    """Have the address say something under a name, when this script run is over; "" takes it out."""
    state().address.shall[name] = text


def write() -> None:
    """Write what the address shall say; at the end of a script run, or of a part of the page that is redrawn alone."""
    me, context = state().address, get_script_run_ctx()
    changed = {name: text for name, text in me.shall.items() if text != _stands(name)}
    me.stands.update(me.shall)
    me.shall.clear()
    if not changed or context is None:
        return
    with context.session_state.query_params() as query:
        for name, text in me.stands.items():
            if not text:
                query.discard_param_no_forward_msg(name)
        query.update({name: text for name, text in me.stands.items() if text})  # sends all of it, also where this is empty


def write_part() -> None:
    """The same, where a part of the page is redrawn alone; in a whole script run its end writes."""
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run:
        write()


def came_back() -> bool:
    """Whether this script run follows Back or Forward in the browser: then the address says all that shall be seen."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation
