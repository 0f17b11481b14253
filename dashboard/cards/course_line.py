"""One quiet line on the first screen that points a newcomer to the course, until it is closed for good."""

from __future__ import annotations

import streamlit as st

from dashboard import session
from dashboard.devices.mount import mount

KEY = "course-line"
LINE = {
    "id": KEY,
    "text": "New to NMF?",
    "link": "A course of short lessons shows how it works.",
    "close": "Don't show this again",
}


def draw() -> None:
    mount("hint", LINE, key=KEY)
    asked = session.sent(KEY, "ask").get("at")
    if asked is not None and asked != session.control_value(f"{KEY}-seen", None):
        session.set_control(f"{KEY}-seen", asked)
        st.switch_page(session.page("learn"))
