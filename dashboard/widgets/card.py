"""A card: bold title, the picture, one sentence, and in its corner one small menu. The same on every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import session
from dashboard.figures import Picture
from dashboard.figures.theme import camera
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.tables import as_csv
from dashboard.widgets import lesson_link
from nmfcore.data.readers.names import unique

FORMATS = ("PNG", "SVG")
MANY_POINTS = 5_000  # beyond, a map is drawn in the pixels of the screen, not in twice as many each way
SHOWN_ROWS = 1_000  # rows of the table twin on screen; the CSV holds all


def picture(
    page: str,
    name: str,
    title: str,
    drawn: Picture,
    *,
    say: str = "",
    live: bool = False,
    on_box: Callable[[str], None] | None = None,
    on_lasso: Callable[[], None] | None = None,
) -> None:
    """One chart in a bordered card.

    page, name : the section of help/<page>.md that explains it, and the card's key
    title : trusted text; data names in it must be escaped by the caller
    say : at most one sentence on what to see
    live : redrawn while a run goes on, so it stands still under the mouse
    on_box : called with the chart's key when somebody drew a box over it
    on_lasso : called when somebody drew a lasso or box around points, or clicked one; the chart's key is `page-name-theme`
    """
    with st.container(border=True, gap="xsmall"):
        format_ = _head(page, name, title, drawn)
        chart(f"{page}-{name}", drawn, format_=format_, live=live, on_box=on_box, on_lasso=on_lasso)
        if say or drawn.note:
            st.markdown(f":small[{' '.join(part for part in (say, markdown(drawn.note or '', 400)) if part)}]")


def chart(
    key: str,
    drawn: Picture,
    *,
    format_: str = "PNG",
    live: bool = False,
    on_box: Callable[[str], None] | None = None,
    on_lasso: Callable[[], None] | None = None,
) -> None:
    """The bare chart with its accessible name and camera button."""
    config: dict[str, Any] = {"staticPlot": True} if live else camera(key, format_.lower())
    # the theme is part of the key: on a switch, traces keep their old colours until they are mounted anew
    name = f"{key}-{session.theme()}"
    if on_lasso is not None:
        config = camera(key, format_.lower(), keep=("select2d", "lasso2d")) | {"scrollZoom": True}
        if sum(len(trace.x) for trace in drawn.figure.data if trace.type == "scattergl") > MANY_POINTS:
            config["plotGlPixelRatio"] = 1  # a quarter of Plotly's own pixels: the browser may have to draw them without a card
        st.plotly_chart(
            drawn.figure, key=name, config=config, alt=drawn.alt, on_select=on_lasso, selection_mode=("points", "box", "lasso")
        )
        return
    if on_box is None:
        st.plotly_chart(drawn.figure, key=name, config=config, alt=drawn.alt)
        return
    config = camera(key, format_.lower(), keep=("select2d",))

    def drew() -> None:
        on_box(name)

    st.plotly_chart(drawn.figure, key=name, config=config, alt=drawn.alt, on_select=drew, selection_mode="box")


@contextmanager
def plain(title: str = "") -> Iterator[None]:
    """A card without a chart."""
    with st.container(border=True):
        if title:
            st.markdown(f"**{title}**")
        yield


def corner(page: str, name: str, title: str, holds: str) -> DeltaGenerator | None:
    """The head of a card: its title, and the menu in its corner with how to read it. Returns the menu where it is open.

    The explanation is asked for also while the menu is closed, so that a card without one is seen as soon as it is drawn.
    """
    how = reading(page, name)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
        st.markdown(f"**{title}**", width="content")
        menu = st.popover("⋯", type="tertiary", key=f"{page}-{name}-menu", on_change="rerun", help=f"{title}: {holds}")
    if not menu.open:
        return None
    menu.markdown(how)
    lesson_link.draw(menu, page, name)
    return menu


def numbers(key: str, table: Callable[[], pd.DataFrame]) -> None:
    """The button that saves a card's numbers; the table is made when somebody presses it."""
    st.download_button(
        "Numbers as CSV",
        data=session.in_session(lambda: as_csv(table())),
        file_name=f"{key}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key=f"{key}-csv",
    )


def _head(page: str, name: str, title: str, drawn: Picture) -> str:
    """Title and corner menu; the picture format chosen there."""
    key = f"{page}-{name}"
    menu = corner(page, name, title, "how to read it, numbers, picture")
    if menu is not None:
        with menu:
            _menu(key, drawn)
    chosen = session.control_value(f"{key}-format", FORMATS[0])
    return str(chosen) if chosen in FORMATS else FORMATS[0]


def _menu(key: str, drawn: Picture) -> None:
    table = drawn.table()
    names = unique(
        [clean(name) for name in table.columns]
    )  # two features may have one label, and a table on screen no two columns
    st.dataframe(table.head(SHOWN_ROWS).set_axis(names, axis=1), hide_index=True, height=240, key=f"{key}-table")
    if len(table) > SHOWN_ROWS:
        st.markdown(f":small[The first {SHOWN_ROWS:,} of {len(table):,} rows; the CSV has them all.]")
    numbers(key, lambda: table)
    session.control(f"{key}-format", FORMATS[0])
    st.segmented_control(
        "Picture format of the chart's camera button", FORMATS, key=f"{key}-format", required=True, persist_state="session"
    )
