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
            found = {name: query.get_binding_for_param(name) for name in me.address.given}
        for name, binding in found.items():
            if binding is None:
                continue
            text, now = me.address.given[name], _written(_called(context, name, binding.widget_id))
            if str(st.query_params.get(name, "")) != text and not _same(now, text):
                cannot(name, text, now or "the usual choice")
    me.address.given = {}
    me.address.seen = {name: str(st.query_params[name]) for name in st.query_params}
    return len(me.news) > me.address.told


def _called(context: Any, name: str, widget: str) -> Any:
    """What an address calls the value of a control: its label, of a choice. Streamlit takes out what is usual or impossible."""
    value = control_value(name, "")
    known = context.session_state._state._new_widget_state.widget_metadata.get(widget)
    said = known.serializer(value) if known is not None else value
    return said[0] if isinstance(said, (list, tuple)) and len(said) == 1 else said


def _same(now: str, text: str) -> bool:
    """Whether both say the same choice or number."""
    try:
        return now == text or float(now) == float(text)
    except ValueError:
        return False


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
