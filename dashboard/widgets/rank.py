"""The control of a rank: a slider, and above it a number field where there are more ranks than a slider can be set to."""

from __future__ import annotations

from typing import Any

import streamlit as st

SLIDER_TOP = 40  # beyond this a slider of the sidebar's width cannot be set exactly; the number field goes on


def draw(label: str, least: int, most: int, now: int, slider: dict[str, Any], field: dict[str, Any], meaning: str = "") -> None:
    """Both controls, or the slider alone up to `SLIDER_TOP` ranks; nothing where there is no choice.

    now : the rank there is;  slider, field : key and callback of the two, which say the same
    """
    if most <= least:
        return
    top = max(min(SLIDER_TOP, most), now)
    if most <= SLIDER_TOP:
        st.slider(label, least, top, help=meaning or None, **slider)
        return
    with st.container(gap="xsmall"):  # the slider's number stands above its thumb, and below the field
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":small[{label}]", help=meaning or None, width="content")
            st.number_input(f"{label}, as a number", least, most, step=1, width=76, label_visibility="collapsed", **field)
        st.slider(label, least, top, label_visibility="collapsed", **slider)
