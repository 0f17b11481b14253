"""Items: find one, see what it is made of and why, what is near it, and describe a new one; or all of them in clusters."""

import streamlit as st

from dashboard import session
from dashboard.cards import clusters, items, subset, wish
from dashboard.widgets import filter_bar, header, notices
from dashboard.widgets.alone import alone
from dashboard.work.fitted import FittedRun

VIEW = "items-view"
VIEWS = {"items": "Items", "clusters": "Clusters"}


def open_item() -> None:
    """An item was chosen in the Clusters view."""
    session.set_control(VIEW, "items")


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("Items", None)
        notices.nothing_yet()
        return
    body(run)


@alone
def body(run: FittedRun) -> None:
    """The page of a run; its own controls redraw it without the panel beside it."""
    top = st.container()
    view = st.segmented_control(
        "View", list(VIEWS), format_func=VIEWS.__getitem__, default="items", key=VIEW, required=True, bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if view == "clusters":
        clusters.controls(run)  # the scale and the threshold, which an address may have set
        shown = session.topics_of(run)
        with top:
            header.draw(clusters.finding(shown), run)
            filter_bar.whole(run, "This view")
        clusters.draw(shown, open_item)
        return
    shown = session.topics_of(run)
    with top:
        seen = filter_bar.subset(shown)
        header.draw(items.finding(shown, seen), run)
        subset.draw(shown, filter_bar.draw(shown, seen))
    wish.draw(run, items=True)
    items.draw(shown, seen)


draw()
