"""Open a run that was saved from the Export menu, here or on another machine."""

from __future__ import annotations

import streamlit as st

from dashboard import session

KEY = "open-run"


def draw() -> None:
    """A drop zone; what is on screen stays until the saved run is there, and a file that is none gets a sentence."""
    with st.container(border=True, gap="small"):
        st.markdown("**Open a saved run**")
        st.file_uploader(
            "Drop a saved run here",
            key=KEY,
            on_change=_dropped,
            label_visibility="collapsed",
            help="A .nmf.npz file from Export, Saved run. Nothing in it is run.",
        )
        st.markdown(
            ":small[:gray[A file from *Export* · *Saved run*: it opens with its W and H, its loss curve and its settings. "
            "A run on data of your own brings that data with it.]]"
        )


def _dropped() -> None:
    file = session.control_value(KEY, None)
    if file is not None:
        session.open_run(file.name, file.getvalue())
