"""What does a file of one's own mean? Which way it lies, what zero and missing say, what its rows and columns are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.figures.orientation import orientation
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.work.importing import Import
from nmfcore.data.model.table import Table
from nmfcore.data.usual import known_labels, settled

MISSING = {"mask": "not measured", "zero": "a real zero", "drop_rows": "drop the rows", "drop_columns": "drop the columns"}
NEGATIVES = {"clip": "become 0", "shift": "raise all entries"}
ZEROS = {"real": "a real zero", "missing": "not measured"}


def draw(brought: Import, table: Table) -> None:
    """Which way the table lies, what zero and missing mean, what happens to negative numbers."""
    chosen = settled(table, brought.meaning)
    with st.container(border=True, gap="small"):
        st.markdown("**What it means**")
        if table.documents is None:
            _orientation(brought, table, str(chosen.get("orientation", "rows")))
            missing, negative = table.missing.count, table.negatives.count
            m, n = table.shape
            cells = m * n
            if missing:
                title = "A pair without a rating is" if table.absent == "missing" else "A missing cell is"
                names = {"mask": "not rated", "zero": "a rating of 0"} if table.absent == "missing" else MISSING
                _settle(
                    brought,
                    f"{title} ({missing:,} of {cells:,})",
                    "missing",
                    names,
                    chosen.get("missing"),
                    reading("data", "missing"),
                )
            if negative:
                _settle(
                    brought, f"Negative numbers ({negative:,} of {cells:,})", "negatives", NEGATIVES, chosen.get("negatives"),
                    reading("data", "negative"),
                )  # fmt: skip
            if table.content == "matrix":
                _settle(
                    brought,
                    "An entry of 0 is",
                    "zeros",
                    ZEROS,
                    chosen.get("zeros", "real"),
                    reading("data", "zero"),
                    required=True,
                )
        if known_labels(table, str(chosen.get("orientation", "rows"))):
            _labels(brought, table, chosen)
        _names(brought, table, chosen)


def _orientation(brought: Import, table: Table, value: str) -> None:
    rows, columns = table.row_labels, table.column_labels
    first_row = str(rows[0]) if rows else "row 1"
    first_column = str(columns[0]) if columns else "column 1"
    by_rows = value == "rows"
    left, right = st.columns([3, 4], vertical_alignment="center")
    with left:
        _settle(
            brought, "The items are", "orientation", {"rows": "the rows", "columns": "the columns"}, value,
            reading("data", "orientation"), required=True,
        )  # fmt: skip
        item, feature = (first_row, first_column) if by_rows else (first_column, first_row)
        st.markdown(f":small[One item: **{markdown(item, 30)}**. One of its features: {markdown(feature, 30)}.]")
    with right:
        drawing = orientation(item, feature, by_rows=by_rows, theme=session.theme())
        along = "row" if by_rows else "column"
        st.image(drawing, width=330, alt=f"The table as it stands in the file; its first {along} is highlighted as one item.")


def _settle(
    brought: Import, title: str, name: str, names: Mapping[str, str], value: Any, help_: str, *, required: bool = False
) -> None:
    key = f"import_{brought.id}_{name}"
    session.set_control(key, value if value in names else None)
    st.segmented_control(
        title,
        list(names),
        format_func=names.__getitem__,
        key=key,
        required=required,
        help=help_,
        on_change=_mean,
        args=(brought, name, key),
    )


def _mean(brought: Import, name: str, key: str) -> None:
    brought.choose_meaning(name, session.control_value(key, None))


def _labels(brought: Import, table: Table, chosen: Mapping[str, Any]) -> None:
    key = f"import_{brought.id}_classes"
    session.set_control(key, chosen.get("classes"))
    names = known_labels(table, str(chosen.get("orientation", "rows")))
    st.selectbox(
        "Known labels of the items", names, index=None, format_func=lambda name: clean(name, 60), key=key,
        placeholder="none", help=reading("data", "labels"), on_change=_mean, args=(brought, "classes", key),
    )  # fmt: skip


def _names(brought: Import, table: Table, chosen: Mapping[str, Any]) -> None:
    """What items and features are called; a word each, with its plural."""
    with st.expander("Names"):
        usual = brought.outcome.raw.axes if brought.outcome is not None and brought.outcome.raw is not None else None
        with st.grid(2, min_column_width=170):
            _text(brought, "Title", "name", brought.name, str(chosen.get("name") or ""), lambda text: text)
            _text(brought, "What 0 means", "zero_means", "not stated", str(chosen.get("zero_means") or ""), lambda text: text)
            for title, name, axis in (("Items", "rows", "rows"), ("Features", "columns", "columns")):
                given = chosen.get(name)
                here = getattr(usual, axis) if usual is not None else None
                shown = (
                    f"{here.name}, {here.singular}"
                    if here is not None
                    else "films, film"
                    if axis == "rows"
                    else "keywords, keyword"
                )
                _text(brought, f"{title}: plural, singular", name, shown, ", ".join(given) if given else "", _pair)


def _text(brought: Import, title: str, name: str, placeholder: str, value: str, convert: Callable[[str], Any]) -> None:
    key = f"import_{brought.id}_{name}"
    session.set_control(key, value)
    st.text_input(
        title, key=key, placeholder=clean(placeholder, 60), max_chars=80, on_change=_mean_text, args=(brought, name, key, convert)
    )


def _mean_text(brought: Import, name: str, key: str, convert: Callable[[str], Any]) -> None:
    text = str(session.control_value(key, "")).strip()
    brought.choose_meaning(name, convert(text) if text else None)


def _pair(text: str) -> tuple[str, str]:
    """ "films, film" as two names; one word is its own singular."""
    plural, _, singular = (part.strip() for part in text.partition(","))
    return plural, singular or plural
