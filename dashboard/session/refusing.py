"""Which part of an address could not be followed? Each is said in a sentence, once, above the page.

The run's parameters, the filter and the divided topics say it themselves; here is what pages and their controls find.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.session import bar
from dashboard.session.tab import control_value, state

LONGEST = 40  # characters of what was given that are repeated


def not_there(name: str, given: str, shown: Any, possible: str = "") -> str:
    """The sentence that the address asks for something that there is not.

    shown : what is shown in its place; possible : what could be asked for, in a few words
    """
    there = f" Possible: {possible}." if possible else ""
    return f"The link's part {name}={given[:LONGEST]} cannot be followed: there is no such choice.{there} Shown: {shown}."


def cannot(name: str, given: str, shown: Any, possible: str = "") -> None:
    """Say it above the page."""
    state().tell(not_there(name, given, shown, possible))


def begin() -> None:
    """Remember what is news in the address; before the page is drawn."""
    me = state().address
    now = {name: bar.said(name) for name in bar.names()}
    me.given = {name: text for name, text in now.items() if me.seen.get(name) != text}
    me.told = len(state().news)


def end() -> bool:
    """Say which controls do not stand at what the address asked for; whether there is anything to say since the page began."""
    me, context = state(), get_script_run_ctx()
    if context is not None:
        with context.session_state.query_params() as query:
            changed = {name: text for name, text in me.address.given.items() if query.is_bound(name) and not _stands(name, text)}
        for name, text in changed.items():
            cannot(name, text, _written(control_value(name, "")) or "the usual choice")
    me.address.given = {}
    me.address.seen = {name: str(st.query_params[name]) for name in st.query_params}
    return len(me.news) > me.address.told


def _stands(name: str, text: str) -> bool:
    """Whether a control stands at what the address says; Streamlit takes out what is not possible, and what is usual."""
    if str(st.query_params.get(name, "")) == text:
        return True
    value = control_value(name, None)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _written(value) == text
    try:
        return float(value) == float(text)
    except ValueError:
        return False


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
