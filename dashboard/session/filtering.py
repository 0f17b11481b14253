"""Which items does this tab look at? One filter for all pages, in the address as long as it holds."""

from __future__ import annotations

import json

import streamlit as st

from dashboard.session.tab import state
from nmfcore.core.checks import ProblemError
from nmfcore.methods.subset import Filter

NAME = "filter"
LONGEST = 6_000  # characters of a filter in an address; a lasso around very scattered items is kept in the session only


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


def write_filter() -> None:
    """Write the filter in force into the address."""
    me = state()
    text = json.dumps(me.filter.to_list(), ensure_ascii=False, separators=(",", ":")) if me.filter else ""
    if text and len(text) <= LONGEST:
        me.filter_written = text
        if st.query_params.get(NAME) != text:
            st.query_params[NAME] = text
    elif NAME in st.query_params:
        del st.query_params[NAME]
