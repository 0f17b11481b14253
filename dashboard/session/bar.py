"""What stands in the address, and what shall stand there when this script run is over?

Everything that changes is written at once, in one message: the browser makes an entry of its history of each, and an address that
names half of a run would be another run to whoever comes back to it. So this file alone names `st.query_params`.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.session.tab import state


def said(name: str) -> str:
    """What the address says under a name, or shall say after this script run; "" when nothing."""
    shall = state().address.shall
    return shall[name] if name in shall else str(st.query_params.get(name, ""))


def names() -> list[str]:
    """The names under which the address says something, or shall."""
    return [name for name in dict.fromkeys([*st.query_params, *state().address.shall]) if said(name)]


def say(name: str, text: str) -> None:
    """Have the address say something under a name, when this script run is over; "" takes it out."""
    state().address.shall[name] = text


def write() -> None:
    """Write what the address shall say; at the end of a script run, or of a part of the page that is redrawn alone."""
    shall, context = state().address.shall, get_script_run_ctx()
    changed = {name: text for name, text in shall.items() if text != str(st.query_params.get(name, ""))}
    shall.clear()
    if not changed or context is None:
        return
    with context.session_state.query_params() as query:
        for name, text in changed.items():
            if not text:
                query.discard_param_no_forward_msg(name)
        query.update({name: text for name, text in changed.items() if text})  # sends all of it, also where this is empty


def write_part() -> None:
    """The same, where a part of the page is redrawn alone; in a whole script run its end writes."""
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run:
        write()


def came_back() -> bool:
    """Whether this script run follows Back or Forward in the browser: then the address says all that shall be seen."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation
