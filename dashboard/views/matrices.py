"""Matrices: X, WH, the residual, W and H as pictures at any size, their real cells; and what the scale convention changes."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import matrix_order, matrix_zoom, subset
from dashboard.figures import Picture
from dashboard.figures.beside import View, parts
from dashboard.figures.heatmaps import components_by_feature, items_by_topic
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card, filter_bar, header, notices, scale
from dashboard.widgets.alone import alone
from dashboard.work.fitted import FittedRun
from nmfcore.core.factorization import Axis
from nmfcore.core.written import percent
from nmfcore.topics.ordering import Ordering, input_order, only
from nmfcore.topics.scale import CONVENTIONS, ScaleLedger, ledger

SHOWN = {"W": "W", "H": "H", "X": "X", "WH": "WH", "residual": "Residual", "parts": "All three"}
PANELS = {"X": ("X",), "WH": ("WH",), "residual": ("X − WH",), "parts": ("X", "WH", "X − WH")}
COLOURS = {"linear": "Linear", "log": "Logarithmic"}
HEIGHT = 560


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("Matrices", None)
        controls(None)  # a link's choices are dropped from the address unless their controls are drawn
        notices.nothing_yet()
        return
    body(run)


@alone
def body(run: FittedRun) -> None:
    """The page of a run; its own controls redraw it without the panel beside it."""
    (m, n), r, view = run.dataset.shape, run.rank, session.topics_of(run)
    found = filter_bar.subset(view)
    some = "" if found.all else f"{len(found.rows):,} rows of "
    header.draw(f"{some}{m:,} × {n:,} ≈ ({m:,} × {r}) times ({r} × {n:,})", run)
    subset.draw(view, filter_bar.draw(view, found))
    which, order, colours = controls(run)
    rows = matrix_order.arranged(view, "rows", order) if which != "H" else input_order(0)
    columns = matrix_order.arranged(view, "columns", order) if which != "W" else input_order(0)
    if rows is not None and not found.all and which != "H":
        rows = only(rows, found.rows)
    if rows is not None and columns is not None and len(found.rows):
        show(view, which, rows, columns, log=colours == "log")
        matrix_zoom.draw(view, which, rows, columns)
    scales(view)


def controls(run: FittedRun | None) -> tuple[str, str, str]:
    """Which matrix, in which order, in which colours; all three are part of the link."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        which = st.segmented_control(
            "Matrix", list(SHOWN), format_func=SHOWN.__getitem__, default="W", key="matrix", required=True, bind="query-params"
        )
        order = matrix_order.choose(run)
        colours = "linear"
        if which != "residual":
            colours = st.segmented_control(
                "Colours",
                list(COLOURS),
                format_func=COLOURS.__getitem__,
                default="linear",
                key="colours",
                required=True,
                bind="query-params",
            )
    return str(which), order, str(colours)


def show(view: TopicsShown, which: str, rows: Ordering, columns: Ordering, *, log: bool) -> None:
    """The picture, kept with the run: at 18,846 items drawing takes longer than showing."""
    run = view.run
    seen = (rows.sentence, len(rows.indices), hash(rows.indices.tobytes()))
    key = ("matrix", which, *seen, columns.sentence, log, view.theme)
    drawn = view.facts(key, lambda: picture(view, which, rows, columns, log=log))
    items, features = markdown(run.dataset.axes.rows.name), markdown(run.dataset.axes.columns.name)
    noun = part(run.dataset)
    titles = {
        "W": f"W: {items} by {noun}",
        "H": f"H: {noun}s by {features}",
        "X": f"X: {items} by {features}",
        "WH": "WH: the model of X",
        "residual": "X − WH: what is left",
        "parts": "X, its model WH, and what is left",
    }
    axes = run.dataset.axes
    sides = ((axes.rows.name, rows), (axes.columns.name, columns))
    said = " ".join(f"{clean(name).capitalize()} {order.sentence}." for name, order in sides if len(order.indices))
    name = which if which in ("W", "H") else "parts"
    boxed = None if matrix_zoom.whole(run, which) else matrix_zoom.boxed(run, which)
    card.picture("matrices", name, titles[which], drawn, say=markdown(said, 600), on_box=boxed)


def picture(view: TopicsShown, which: str, rows: Ordering, columns: Ordering, *, log: bool) -> Picture:
    """One of the six pictures; of W and H as the topics are shown, of the others as the run was fitted."""
    run, theme = view.run, view.theme
    data, noun = run.dataset, part(run.dataset)
    handles = not matrix_zoom.whole(run, which)
    common: dict[str, Any] = {"component": noun, "log": log, "handles": handles, "theme": theme, "height": HEIGHT}
    if which == "W":
        return items_by_topic(view.W, axis=data.axes.rows, order=rows, labels=view.labels, **common)
    if which == "H":
        return components_by_feature(view.H, axis=data.axes.columns, order=columns, labels=view.labels, **common)
    factors = run.factorization
    beside = View(PANELS[which], rows, columns, noun, log, handles, height=HEIGHT)
    return parts(data.X, factors.W, factors.H, axes=data.axes, mask=data.mask, view=beside, theme=theme)


def scales(view: TopicsShown) -> None:
    """The scale ledger: the convention in force, and the items whose largest topic is another under another one."""
    rows, noun = view.run.dataset.axes.rows, part(view.run.dataset)
    found: ScaleLedger = view.facts("ledger", lambda: ledger(*view.as_solved()))
    with card.plain("Scale"):
        left, right = st.columns(2)
        with left:
            present = scale.choose()
        with right:
            others = [key for key in CONVENTIONS if key != present]
            bench.within("scale-other", others)
            other = st.selectbox(
                "Compared with",
                others,
                format_func=lambda key: CONVENTIONS[key].title,
                key="scale-other",
                persist_state="session",
            )
        moved = found.moves(present, other)
        said = count(len(moved), markdown(rows.singular), markdown(rows.name))
        st.markdown(
            f"{CONVENTIONS[present].sentence} WH is the same under every convention. "
            f"**{said} of {len(found.clusters[0]):,} ({percent(found.share(present, other))}) have another largest {noun}** "
            f"under “{CONVENTIONS[other].title}”."
        )
    if moved:
        names = ("none", *(f"{topic.label} · {clean(topic.name, 40)}" for topic in view.topics))
        table = view.facts(("moved", present, other, names), lambda: listed(moved, rows, names))
        bench.table("matrices", "scale", f"The {said} that would change", table, height="content" if len(moved) <= 8 else 260)


def listed(moved: Sequence[tuple[int, int, int]], rows: Axis, names: Sequence[str]) -> pd.DataFrame:
    """The items that change, with the names of both topics; names[0] is of none."""
    lines = [(clean(rows.label(item)), names[before + 1], names[after + 1]) for item, before, after in moved]
    return pd.DataFrame(lines, columns=[clean(rows.singular), "now", "then"])


draw()
