"""Which part of the screen is redrawn when a control of a page is moved? The page alone, not the panel beside it.

What a control changes is mostly on its own page. Where it starts a fit, brings back a run or refuses something, the panel and the
notices have to say so: then everything is drawn anew.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import streamlit as st

from dashboard import session


def alone(draw: Callable[..., None]) -> Callable[..., None]:
    """`draw` as a part of the page that its own controls redraw alone."""

    @st.fragment
    def part(before: tuple[Any, ...], *given: Any) -> None:
        if session.outside() != before:
            st.rerun()
        draw(*given)
        session.end_part()

    @wraps(draw)
    def begin(*given: Any) -> None:
        part(session.outside(), *given)

    return begin
