"""The recommender's table of ratings, to be edited: what is in it now, new rows and columns, and the mask beside it."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards.recommender import PAGE, ZEROS
from dashboard.figures.ratings import Rated, ratings
from dashboard.text.plain import clean, markdown
from dashboard.topics_shown.edits import LONGEST_NAME
from dashboard.widgets import card
from dashboard.work import recommender as bench_data
from dashboard.work.recommender import Source
from nmfcore.core.written import percent

NARROW = 60  # px of a column of ratings


def edited(base: str, given: Source) -> Source | None:
    """The ratings as the person has changed them; those of a large table are as they came."""
    if not given.editable:
        return given
    now = session.control_value(f"{base}-now", None)
    return given if now is None else bench_data.of_frame(now, given, session.owner())


def table_card(
    base: str, given: Source, source: Source | None, predicted: np.ndarray | None = None, meaning: str = "zero"
) -> None:
    """The table to edit beside the mask, or only what it is when it is large."""
    if not given.editable:
        m, n = given.ratings.shape
        with card.plain("Ratings"):
            st.markdown(
                f"{len(given.ratings):,} ratings in a table of {m:,} × {n:,}; up to {bench_data.EDITABLE[0]} × "
                f"{bench_data.EDITABLE[1]} it could be edited here. {percent(given.ratings.missing)} of the cells are missing: "
                "a fit with zeros as ratings is mostly a fit to cells that nobody filled."
            )
        return
    left, right = st.columns([6, 5])
    with left, st.container(border=True, gap="xsmall"):
        editor(base, given)
    if source is not None:
        with right:
            mask(source, predicted, meaning)


def editor(base: str, given: Source) -> None:
    """The table as it is now; a change begins the script anew with it."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("**Ratings, to be edited**", width="content")
        with st.container(horizontal=True, horizontal_alignment="right", gap="small", width="content"):
            add(base, given)
            back, icon = "Back to the start", ":material/undo:"
            st.button(back, key=f"{base}-reset", type="tertiary", icon=icon, on_click=reset, args=(base,))
    version = session.control(f"{base}-version", 0)
    if session.control_value(f"{base}-editor-{version}", None) is None:  # the page was left and opened again
        session.set_control(f"{base}-shown", session.control_value(f"{base}-now", None))
    shown = session.control_value(f"{base}-shown", None)
    table = bench_data.frame(given) if shown is None else shown
    low, high = given.scale
    cell = st.column_config.NumberColumn(min_value=0.0, max_value=max(10.0, high), step=0.1, format="%.4g", width=NARROW)
    after = st.data_editor(
        table, hide_index=True, key=f"{base}-editor-{version}", disabled=[table.columns[0]], placeholder="",
        alt="The ratings, to be edited",
        column_config=dict.fromkeys(table.columns[1:], cell),
    )  # fmt: skip
    if not after.equals(edited_frame(base, given)):
        session.set_control(f"{base}-now", after)
        st.rerun()
    st.markdown(f":small[An empty cell, or a 0, is a missing rating. Ratings go from {low:g} to {high:g}.]")


def mask(source: Source, predicted: np.ndarray | None, meaning: str) -> None:
    """What is known, as a picture; in the other cells what the model says."""
    m, n = source.ratings.shape
    cells, known = np.zeros((m, n)), np.zeros((m, n), bool)
    cells[source.ratings.items, source.ratings.users] = source.ratings.values
    known[source.ratings.items, source.ratings.users] = True
    rated = Rated(cells, known, source.axes.rows.take(range(m)), source.axes.columns.take(range(n)))
    drawn = ratings(rated, predicted=predicted, theme=session.theme(), height=max(300, 34 + 18 * m))
    say = f"{percent(source.ratings.missing, 0)} of the cells are missing."
    say += "" if predicted is None else f" In the fit a missing rating {ZEROS[meaning]}."
    card.picture(PAGE, "mask", "What is known, and the mask", drawn, say=say)


def add(base: str, given: Source) -> None:
    """A new show or user, whose ratings are typed into the table afterwards."""
    m, n = edited_frame(base, given).shape
    sides = ((given.axes.rows, m, bench_data.EDITABLE[0]), (given.axes.columns, n - 1, bench_data.EDITABLE[1]))
    with st.popover("Add", icon=":material/add:", type="tertiary", key=f"{base}-add"):
        name = st.text_input("Name", key=f"{base}-name", max_chars=LONGEST_NAME, persist_state="session")
        with st.container(horizontal=True, gap="small"):
            for side, (axis, size, most) in enumerate(sides):
                st.button(
                    f"New {markdown(axis.singular, 30)}", key=f"{base}-add-{side}", on_click=grow, args=(base, given, side),
                    disabled=not clean(name or "", LONGEST_NAME) or size >= most,
                    help=f"Up to {most} can be edited here." if size >= most else "Nobody has rated it yet: type into the table.",
                )  # fmt: skip


def edited_frame(base: str, given: Source) -> pd.DataFrame:
    """The table as it is on the page now."""
    now = session.control_value(f"{base}-now", None)
    return bench_data.frame(given) if now is None else now


def grow(base: str, given: Source, side: int) -> None:
    """Add the row (0) or column (1) whose name was typed; in a callback."""
    name = clean(session.control_value(f"{base}-name", ""), LONGEST_NAME)
    if name:
        table = (bench_data.with_row, bench_data.with_column)[side](edited_frame(base, given), name)
        show(base, table)
        session.set_control(f"{base}-name", "")


def show(base: str, table: pd.DataFrame | None) -> None:
    """Show this table from now on, the data as it came for None; the editor begins anew, since it knows its old lines only."""
    for part in ("now", "shown"):
        session.set_control(f"{base}-{part}", table)
    session.set_control(f"{base}-version", session.control_value(f"{base}-version", 0) + 1)


def reset(base: str) -> None:
    """Take the table back to the data as it came."""
    show(base, None)
