"""What does this session hold in the server's memory, and what goes first? A line at the foot of the Data page."""

from __future__ import annotations

import streamlit as st

from dashboard import session

MIB = 2**20
WHAT_GOES = (
    "What this session holds in the server's memory: uploaded data, runs, and pictures and tables made from them. When full, "
    "pictures and tables go first (they are made again when shown), then what earlier runs need to go on, then the runs shown "
    "longest ago; the data in use and the run on screen stay. Data of the catalog is shared and not counted. All of it goes "
    "15 minutes after the tab was closed."
)


def draw() -> None:
    """How much of the budget is used, by what."""
    now = session.held(session.state())
    parts = f"data {now.uploads / MIB:,.1f}, runs {now.runs / MIB:,.1f}, pictures and tables {now.derived / MIB:,.1f}"
    st.markdown(
        f":small[:gray[This session holds {now.total / MIB:,.1f} of {now.budget / MIB:,.0f} MB: {parts}.]]",
        help=WHAT_GOES,
        width="content",
    )
