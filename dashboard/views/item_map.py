"""A map of the items: near means alike; coloured by topic, fact or share; searched, and lassoed into a filter."""

import streamlit as st

from dashboard import session
from dashboard.cards import map_points, subset, wish
from dashboard.text.plain import markdown
from dashboard.text.words import count, part
from dashboard.widgets import filter_bar, header, notices
from dashboard.widgets.alone import alone
from dashboard.widgets.filter_bar import Subset
from dashboard.work.fitted import FittedRun

MOST_WISHED = 500  # items that one wish is about: its link has to hold them


def together(run: FittedRun, found: Subset) -> None:
    """What was lassoed can be a wish."""
    rows, noun = run.dataset.axes.rows, part(run.dataset)
    st.button(
        f"These {count(len(found.rows), markdown(rows.singular, 30), markdown(rows.name, 30))} belong together",
        key="map-together",
        icon=":material/conversion_path:",
        on_click=wish.choose_items,
        args=(run, [int(i) for i in found.rows], "group"),
        help=f"Refit with a wish: a {noun} of their own, and none of them in another.",
    )


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("Map", None)
        notices.nothing_yet()
        return
    body(run)


@alone
def body(run: FittedRun) -> None:
    """The page of a run; its own controls redraw it without the panel beside it."""
    shown = session.topics_of(run)
    found = filter_bar.subset(shown)
    lit = "" if found.all else f", {len(found.rows):,} of them looked at"
    header.draw(f"A map of {map_points.many(run)}{lit}", run)
    filter_bar.draw(shown, found)
    subset.draw(shown, found)
    if not found.all and 0 < len(found.rows) <= MOST_WISHED and not wish.is_open(run):
        together(run, found)
    wish.draw(run, items=True)
    map_points.draw(shown, found, session.filter_now())


draw()
