"""What is the frame of the dashboard? Page config, the pages in the top bar, and the instrument panel beside every page."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard import session
from dashboard.widgets import notices, panel, shades, signin

HERE = Path(__file__).resolve().parent
# in the page itself: as a file, Streamlit drops it between two script runs, and a browser that asks just then gets a 404
ICON = "data:image/png;base64," + base64.b64encode((HERE / "assets" / "icon.png").read_bytes()).decode()
DRAWN = threading.Event()  # some session's page has been drawn; the warm-up waits for it

BENCHES = "Workbenches"  # the section of pages that compute something of their own: each draws its own panel

# One line per page: key (the file in views/), title, one sentence. "" holds the single links of the top bar.
PAGES: dict[str, list[tuple[str, str, str]]] = {
    "": [
        ("overview", "Overview", "The run on screen at a glance: error against the floor, items, topics."),
        ("data", "Data", "Pick a data set or bring your own; see its axes, shape and what 0 means."),
        ("fit", "Fit", "The loss curve while the solver runs, why it stopped, and what exactly was run."),
        ("topics", "Topics", "The top keywords of each component and the items that load most on it."),
        ("items", "Items", "What one item is made of and why, what is near it, and a new one described; all in clusters."),
        ("matrices", "Matrices", "Heatmaps of W and H, and X, WH and the residual side by side."),
        ("svd", "NMF and SVD", "What the SVD, the best model of each rank, finds in the same data."),
        ("rank", "Rank", "Which rank: several starts, held-out error, stability and coherence over a range of ranks."),
        ("compare", "Compare", "Two kept runs topic by topic, or several solvers from the same start."),
        ("learn", "Learn", "A course of short lessons: guess, then see; every device can be touched."),
    ],
    "Lenses": [
        ("groups", "By group", "Topics by class, country or decade, with intervals, and the words that are a group's own."),
        ("over_time", "Over time", "Shares bin by bin, a topic's words in each, and dynamic topics."),
        ("item_map", "Map", "The items in the plane: near means alike, with how far that can be trusted."),
    ],
    BENCHES: [
        ("stores", "Beyond memory", "Data too large for memory, visited block by block: fitted, read and drawn from disk."),
        ("symmetric", "Symmetric topics", "Topics from keywords alone, then the items described with them."),
        ("recommender", "Recommender", "Ratings with gaps: nearest shows, masked factorization, held-out error."),
        ("images", "Images", "Parts as pictures, one image as their sum, and NMF beside SVD, PCA and k-means."),
        ("expression", "Expression", "Metagenes, consensus over ranks, misplaced samples and the genes of each metagene."),
    ],
}


def _page(key: str, title: str, help_: str) -> StreamlitPage:
    first = key == "overview"
    return st.Page(HERE / "views" / f"{key}.py", title=title, help=help_, url_path="" if first else key, default=first)


def main() -> None:
    """Draw the frame and the page that is open."""
    st.set_page_config(page_title="NMF dashboard", page_icon=ICON, layout="wide")
    shades.draw()
    if signin.wanted():
        signin.draw()
        return
    with session.undisturbed():
        _draw()
    DRAWN.set()


def _draw() -> None:
    pages = {key: _page(key, title, help_) for entries in PAGES.values() for key, title, help_ in entries}
    session.set_pages(pages)
    place: Literal["hidden", "top"] = "hidden" if session.presenting() else "top"
    page = st.navigation({section: [pages[key] for key, _, _ in entries] for section, entries in PAGES.items()}, position=place)
    if session.bring_first():
        st.switch_page(pages["data"])
    session.accept_at_once()
    session.begin()
    learning = page is pages["learn"]  # there the panel has no meaning, and the devices need its room
    bench = page in [pages[key] for key, _, _ in PAGES[BENCHES]]
    if not learning and not bench:
        panel.draw()
    if not learning:
        notices.draw()
    if not learning and not bench:
        notices.chosen()
    page.run()
    if session.said_all() and not learning:
        st.rerun()  # what the page found of the address stands above it
    if bench:
        panel.elsewhere()
    signin.who()
    session.end()
