"""Which cells does somebody want to see as they are? A box over the picture, places in its order, or a name; real labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.figures import Picture
from dashboard.figures.beside import View, parts
from dashboard.figures.labelled import Cells, Ends, Labelled, matrix
from dashboard.figures.lines import box
from dashboard.figures.theme import WIDE_WIDTH
from dashboard.text.plain import clean, markdown
from dashboard.text.words import part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from dashboard.work.fitted import FittedRun
from nmfcore.core.factorization import Axes, Axis
from nmfcore.topics.ordering import Ordering, window
from nmfcore.topics.terms import find_terms

MOST_ROWS, MOST_COLUMNS, MOST_BESIDE = 40, 40, 16  # cells that can be read; columns where three matrices stand side by side
USUAL_ROWS, USUAL_COLUMNS = 20, 12
BEFORE = 3  # places before the one that was looked for
LINE = 18  # px per row
SIDES = ("rows", "columns")


def whole(run: FittedRun, shown: str) -> bool:
    """Whether the picture above shows and names every cell already."""
    m, n = run.dataset.shape
    rows = shown == "H" or m <= USUAL_ROWS
    columns = shown == "W" or n <= (MOST_BESIDE if shown == "parts" else MOST_COLUMNS)
    return rows and columns


def place_key(side: str) -> str:
    return f"cells-{side}-from"


def number_key(side: str) -> str:
    return f"cells-{side}-number"


def boxed(run: FittedRun, shown: str) -> Callable[[str], None]:
    """What a box over the picture does: its first rows and columns, as many as can be read, become the real cells."""

    def drew(chart: str) -> None:
        event = session.control_value(chart, None)
        places = box(event["selection"]["points"]) if event else None
        if places is None:
            return
        for side, first, end in (("rows", *places[:2]), ("columns", *places[2:])):
            session.set_control(place_key(side), first + 1)
            session.set_control(number_key(side), min(end - first, most(side, shown)))
        session.set_control("cells-box", places)

    return drew


def most(side: str, shown: str) -> int:
    return MOST_ROWS if side == "rows" else MOST_BESIDE if shown == "parts" else MOST_COLUMNS


def draw(view: TopicsShown, shown: str, rows: Ordering, columns: Ordering) -> None:
    """The card: where the window begins, how many, what to look for, and the cells."""
    run = view.run
    if whole(run, shown):
        return
    orders = {"rows": rows, "columns": columns}
    axes = {"rows": run.dataset.axes.rows, "columns": run.dataset.axes.columns}
    used = [side for side in SIDES if not (shown == "W" and side == "columns") and not (shown == "H" and side == "rows")]
    with card.plain("Real cells"):
        st.markdown(
            ":small[Draw a box over the picture, or say where to begin in its order, or look for a name. "
            "What is shown here is not averaged and not cut off.]"
        )
        windows = {}
        for side in used:
            windows[side] = _choose(side, axes[side], orders[side], shown)
    if not all(len(found) for found in windows.values()):
        return
    drawn = picture(view, shown, windows.get("rows"), windows.get("columns"))
    sides = " × ".join(
        f"{markdown(axes[side].name)} {first + 1:,} to {first + len(found):,} of {len(orders[side].indices):,}"
        for side, found in windows.items()
        for first in [int(session.control_value(place_key(side), 1)) - 1]
    )
    card.picture("matrices", "cells", f"Real cells of {NAMES.get(shown, shown)}: {sides}", drawn)


NAMES = {"residual": "the residual", "parts": "X, WH and the residual"}


def _choose(side: str, axis: Axis, order: Ordering, shown: str) -> np.ndarray:
    """The entries of one side that are wanted, in the order of the picture."""
    size, limit = len(order.indices), most(side, shown)
    usual = min(USUAL_ROWS if side == "rows" else USUAL_COLUMNS, size)
    where, how_many = place_key(side), number_key(side)
    bench.within(where, range(1, size + 1), 1)
    bench.within(how_many, range(1, min(limit, size) + 1), usual)
    noun, nouns = clean(axis.singular), clean(axis.name)
    looked = f"cells-{side}-find"

    def look_for() -> None:
        found = find_places(str(session.control_value(looked, "")), axis, order)
        if found:
            session.set_control(where, max(found[0] + 1 - BEFORE, 1))

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.number_input(
            f"From {markdown(noun)}",
            1,
            size,
            key=where,
            width=150,
            persist_state="session",
            help=f"Its place in the order of the picture, 1 to {size:,}.",
        )
        st.number_input(f"Number of {markdown(nouns)}", 1, min(limit, size), key=how_many, width=150, persist_state="session")
        text = str(
            st.text_input(
                f"Find a {markdown(noun)}", key=looked, width=260, max_chars=80, on_change=look_for, persist_state="session"
            )
        )
        if text.strip():
            found = find_places(text, axis, order)
            said = f"{markdown(axis.label(int(order.indices[found[0]])), 60)}, place {found[0] + 1:,}" if found else "not found"
            st.markdown(f":small[{said}]")
    first = int(session.control_value(where, 1)) - 1
    return order.indices[first : first + int(session.control_value(how_many, usual))]


def find_places(text: str, axis: Axis, order: Ordering) -> list[int]:
    """Places in the order of the entry with this name, or of the names that contain it; empty when there is none."""
    wanted = text.strip()
    if not wanted or axis.labels is None:
        number = wanted.rsplit(" ", 1)[-1].replace(",", "")
        index = int(number) - 1 if number.isascii() and number.isdigit() and len(number) < 10 else -1
        at = np.flatnonzero(order.indices == index)
        return [int(p) for p in at]
    hits = find_terms(axis, wanted, count=1)
    return [int(p) for hit in hits for p in np.flatnonzero(order.indices == hit)]


def picture(view: TopicsShown, shown: str, rows: np.ndarray | None, columns: np.ndarray | None) -> Picture:
    """The real cells at these rows and columns, with their labels; only these are computed."""
    run, theme = view.run, view.theme
    data, noun, numbers = run.dataset, part(run.dataset), view.labels
    cells: np.ndarray | None = None
    if columns is None and rows is not None:
        cells, labels, titles = view.W[rows], (data.axes.rows.take(rows), numbers), ("", noun)
    elif columns is not None and rows is None:
        cells, labels, titles = view.H[:, columns], (numbers, data.axes.columns.take(columns)), (noun, "")
    if cells is not None:
        return matrix(
            Labelled(cells, *labels, f"weight in {shown}", f"real cells of {shown}", *titles),
            ends=Ends(0.0),
            cells=Cells(digits=decimals(cells)),
            theme=theme,
            height=LINE * len(cells) + (70 if rows is not None else 180),
            width=WIDE_WIDTH,
        )
    assert rows is not None
    assert columns is not None
    W, H = run.factorization.W, run.factorization.H
    X = window("X", data.X, W, H, rows, columns)
    mask = None if data.mask is None else window("X", data.mask, W, H, rows, columns) > 0
    sides = [Axis(axis.name, axis.singular, axis.take(chosen)) for axis, chosen in zip(_axes(run), (rows, columns), strict=True)]
    return parts(
        X,
        W[rows],
        np.ascontiguousarray(H[:, columns]),
        axes=Axes(*sides),
        mask=mask,
        view=View(
            show={"X": ("X",), "WH": ("WH",), "residual": ("X − WH",)}.get(shown, ("X", "WH", "X − WH")),
            rows="input",
            columns="input",
            digits=decimals(np.maximum(X, W[rows] @ H[:, columns])),
            height=LINE * len(rows) + 240,
        ),
        theme=theme,
    )


def _axes(run: FittedRun) -> tuple[Axis, Axis]:
    return run.dataset.axes.rows, run.dataset.axes.columns


def decimals(cells: np.ndarray) -> int:
    """Decimals with which the largest cell has about two digits that mean something."""
    top = float(np.abs(cells).max(initial=0.0))
    if top == 0 or (top >= 10 and np.array_equal(cells, np.round(cells))):
        return 0
    return int(np.clip(1 - np.floor(np.log10(top)), 0, 4))
