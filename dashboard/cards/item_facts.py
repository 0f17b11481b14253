"""What is known of every item of a run, whichever widget asks: its component, its error, its class, and which is open?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.text.plain import clean, markdown
from dashboard.topics_shown import TopicsShown
from dashboard.work.fitted import FittedRun
from nmfcore.topics.clusters import NONE
from nmfcore.topics.explain import ItemErrors, item_errors

OPEN = "item"  # the control, and the address's parameter, that say which item is open
PASTE = "items-paste"  # the control that says whether something new is described in place of the table
VIEW = "items-view"  # the control that says whether the page shows items or clusters
SNIPPET = 160  # characters of a document's text in a table


def errors(run: FittedRun) -> ItemErrors:
    """The relative error of every item."""
    factors = run.factorization
    return run.derived("item errors", lambda: item_errors(run.dataset.X, factors.W, factors.H, run.dataset.mask))


def chosen(key: str, shown: np.ndarray) -> bool:
    """Open the item whose row was chosen; whether there was one."""
    picked = session.control_value(key, None)
    places = list(picked["selection"]["rows"]) if picked else []
    if not places or places[0] >= len(shown):
        return False
    session.set_control(OPEN, int(shown[places[0]]))
    session.set_control(PASTE, False)
    return True


def snippet(text: object) -> str:
    """The beginning of a document on one line; what lies far behind it is not looked at."""
    return clean(str(text)[: 20 * SNIPPET].lstrip()[: 4 * SNIPPET], SNIPPET)


def known_class(run: FittedRun, item: int) -> str:
    """The known class of an item; "" without one."""
    known = run.dataset.classes
    return "" if known is None or known.index[item] < 0 else clean(known.names[int(known.index[item])], 60)


def components(run: FittedRun) -> dict[int, str]:
    """The components as a table writes them; "none" for -1."""
    names = session.topics_of(run).components
    return {NONE: "none"} | {k: f"{run.ids[k] + 1} · {clean(name, 40)}" for k, name in enumerate(names)}


def topics(view: TopicsShown) -> dict[int, str]:
    """The topics that are shown as a table writes them, by their places; "none" for -1."""
    return {NONE: "none"} | {at: f"{topic.label} · {clean(topic.name, 40)}" for at, topic in enumerate(view.topics)}


def chosen_elsewhere(key: str, shown: np.ndarray) -> None:
    """A row was chosen on another page: the Items page will open it."""
    if chosen(key, shown):
        session.set_control(VIEW, "items")


def link(run: FittedRun, key: str, shown: np.ndarray) -> None:
    """Below a table on another page: the way to the item whose row is chosen. (A page cannot be left without a click where
    controls are bound to the address: Streamlit refuses.)"""
    picked = session.control_value(key, None)
    places = list(picked["selection"]["rows"]) if picked else []
    if places and places[0] < len(shown):
        label = markdown(run.dataset.axes.rows.label(int(shown[places[0]])), 50)
        st.page_link(session.page("items"), label=f"Why is {label} here?", icon=":material/arrow_forward:")
