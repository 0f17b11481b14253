"""Which items does this tab look at? One filter for all pages, in the address as long as it holds."""

from __future__ import annotations

import json

import streamlit as st

from dashboard.session.tab import state
from nmfcore.core.checks import ProblemError
from nmfcore.methods.subset import Filter

NAME = "filter"
LONGEST = 6_000  # characters of a filter in an address: half of 36,000 items, drawn at random, still fit


def filter_now() -> Filter:
    """The filter in force; the address's, where it is new."""
    me = state()
    given = str(st.query_params.get(NAME, ""))
    if given and given != me.filter_written:
        me.filter_written = given
        try:
            me.filter = Filter.from_list(json.loads(given[:LONGEST]))
        except (ValueError, RecursionError) as wrong:
            said = str(wrong) if isinstance(wrong, ProblemError) else "its text is damaged."
            me.tell(f"The filter in this link cannot be used: {said}")
            me.filter = Filter()
    return me.filter


def set_filter(new: Filter) -> None:
    """Look at other items; in a callback or before the bar is drawn."""
    me = state()
    me.filter, me.filter_written = new, None
    if NAME in st.query_params:
        del st.query_params[NAME]


def as_linked() -> str:
    """The filter in force as a link holds it; "" without one."""
    now = state().filter
    return json.dumps(now.to_list(), ensure_ascii=False, separators=(",", ":")) if now else ""


def filter_unlinked() -> bool:
    """Whether the filter in force is too long for a link; a saved run holds it all the same."""
    return len(as_linked()) > LONGEST


def write_filter() -> None:
    """Write the filter in force into the address, if it is not too long for one."""
    me, text = state(), as_linked()
    if text and len(text) <= LONGEST:
        me.filter_written = text
        if st.query_params.get(NAME) != text:
            st.query_params[NAME] = text
    elif NAME in st.query_params:
        del st.query_params[NAME]
