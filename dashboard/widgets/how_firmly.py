"""How near does a topic stay to what somebody asks it to be? The same three steps wherever a wish is formulated."""

from __future__ import annotations

import streamlit as st

from dashboard.widgets import bench
from nmfcore.core.guidance import HOW


def control(key: str, named: str) -> str:
    """Loosely, firmly or exactly.

    key : of the control;  named : what is among the first ten in any case, at the start of a sentence ("Words are")
    """
    bench.within(key, HOW, "firmly")
    meaning = f"How near it stays to what you ask for: a cosine of 0.7, 0.9 or 1. {named} among its first ten anyway."
    return str(st.segmented_control("How firmly", HOW, format_func=str.capitalize, key=key, required=True, help=meaning))
