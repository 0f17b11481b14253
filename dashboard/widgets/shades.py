"""What is white on a light blue of the dark theme? Dark: white on it reaches a contrast of 2.5 only, where 4.5 is readable."""

from __future__ import annotations

import streamlit as st

from dashboard import session

# Buttons that are pressed next and chosen words, in the page and in what opens above it; the panel's blue is a darker one.
ON_LIGHT_BLUE = 'button[kind="primary"], [data-testid="stMultiSelectTagsContainer"] > span *'
INK = "#10151D"
IN_PANEL = '[data-testid="stSidebar"] button[kind="primary"]'


def draw() -> None:
    """Where the page is dark; Streamlit's themes have no colour for the text of buttons."""
    if session.theme() == "dark":
        st.html(f"<style>{ON_LIGHT_BLUE} {{ color: {INK}; }} {IN_PANEL} {{ color: #FFFFFF; }}</style>")
