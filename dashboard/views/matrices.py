"""Matrices: heatmaps of W and H, and X, WH and the residual side by side, at any size; and what the scale convention changes."""

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.heatmaps import components_by_feature, items_by_topic, parts
from dashboard.fitting import FittedRun
from dashboard.plain import clean, markdown
from dashboard.widgets import bench, card, header, notices, scale, topic_cards
from dashboard.words import count, part
from nmfcore.scale import CONVENTIONS, ScaleLedger, ledger

SHOWN = {"W": "W", "H": "H", "parts": "X, WH and residual"}
ORDERS = {"strongest": "by component", "input": "as in the data"}
COLOURS = {"linear": "Linear", "log": "Logarithmic"}


def draw() -> None:
    run = session.shown()
    if run is None:
        header.draw("Matrices", None)
        notices.nothing_yet()
        return
    (m, n), r = run.dataset.shape, run.rank
    header.draw(f"{m:,} × {n:,} ≈ ({m:,} × {r}) times ({r} × {n:,})", run)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        which = st.segmented_control(
            "Matrix", list(SHOWN), format_func=SHOWN.get, default="W", key="matrix", required=True, bind="query-params"
        )
        order = st.segmented_control(
            "Order", list(ORDERS), format_func=ORDERS.get, default="strongest", key="order", required=True, bind="query-params"
        )
        colours = "linear"
        if which != "parts":
            colours = st.segmented_control(
                "Colours",
                list(COLOURS),
                format_func=COLOURS.get,
                default="linear",
                key="colours",
                required=True,
                bind="query-params",
            )
    if which == "parts":
        draw_parts(run, order)
    else:
        draw_factor(run, which, order, colours == "log")
    scales(run)


def draw_factor(run: FittedRun, which: str, order: str, log: bool) -> None:
    """W or H, kept with the run: at 18,846 items drawing takes longer than showing."""
    W, H = scale.apply(run)
    theme, noun = session.theme(), part(run.dataset)
    axis = run.dataset.axes.rows if which == "W" else run.dataset.axes.columns
    make = items_by_topic if which == "W" else components_by_feature
    drawn = run.derived(
        ("factor", which, order, log, scale.current(), theme),
        lambda: make(W if which == "W" else H, axis=axis, component=noun, order=order, log=log, theme=theme, height=560),
    )
    card.picture("matrices", which, f"{which}: {markdown(axis.name)} by {noun}, {ORDERS[order]}", drawn)


def draw_parts(run: FittedRun, order: str) -> None:
    theme = session.theme()
    factors, data = run.factorization, run.dataset
    drawn = run.derived(
        ("parts", order, theme),
        lambda: parts(data.X, factors.W, factors.H, axes=data.axes, mask=data.mask, order=order, theme=theme, height=560),
    )
    card.picture("matrices", "parts", "X, its model WH, and what is left", drawn)


def scales(run: FittedRun) -> None:
    """The scale ledger: the convention in force, and the items whose largest component is another under another one."""
    rows = run.dataset.axes.rows
    found: ScaleLedger = run.derived("ledger", lambda: ledger(run.factorization.W, run.factorization.H))
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
            f"**{said} of {len(found.clusters[0]):,} ({found.share(present, other):.1%}) have another largest component** under "
            f"“{CONVENTIONS[other].title}”."
        )
    if moved:

        def called(k: int) -> str:
            return "none" if k < 0 else f"{k + 1} · {clean(topic_cards.name(run, k), 40)}"

        table = pd.DataFrame(
            [(clean(rows.label(item)), called(before), called(after)) for item, before, after in moved],
            columns=[clean(rows.singular), "now", "then"],
        )
        bench.table("matrices", "scale", f"The {said} that would change", table, height="content" if len(moved) <= 8 else 260)


draw()
