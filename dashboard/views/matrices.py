"""Matrices: heatmaps of W and H at any size, and X, WH and the residual side by side where they fit."""

import streamlit as st

from dashboard import session
from dashboard.figures.heatmaps import components_by_feature, items_by_topic, parts
from dashboard.fitting import FittedRun
from dashboard.widgets import card, header, notices, scale
from dashboard.words import part

SHOWN = {"W": "W", "H": "H", "parts": "X, WH and residual"}


def draw() -> None:
    run = session.shown()
    if run is None:
        header.draw("Matrices", None)
        notices.nothing_yet()
        return
    (m, n), r = run.dataset.shape, run.rank
    header.draw(f"{m:,} × {n:,} ≈ ({m:,} × {r}) times ({r} × {n:,})", run)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        which = st.segmented_control(
            "Matrix", list(SHOWN), format_func=SHOWN.get, default="W", key="matrix", required=True, bind="query-params"
        )
        with st.container(width=320):
            scale.choose()
    {"W": draw_W, "H": draw_H, "parts": draw_parts}[which](run)


def draw_W(run: FittedRun) -> None:
    W, _ = scale.apply(run)
    rows, noun = run.dataset.axes.rows, part(run.dataset)
    drawn = items_by_topic(W, axis=rows, component=noun, theme=session.theme(), height=620)
    card.picture("matrices", "W", f"W: {rows.name} by {noun}, strongest first", drawn)


def draw_H(run: FittedRun) -> None:
    _, H = scale.apply(run)
    columns, noun = run.dataset.axes.columns, part(run.dataset)
    drawn = components_by_feature(H, axis=columns, component=noun, theme=session.theme(), height=620)
    card.picture("matrices", "H", f"H: {columns.name} by {noun}", drawn)


def draw_parts(run: FittedRun) -> None:
    theme = session.theme()
    factors, data = run.factorization, run.dataset
    drawn = run.derived(
        ("parts", theme),
        lambda: parts(data.X, factors.W, factors.H, axes=data.axes, mask=data.mask, theme=theme, height=560),
    )
    card.picture("matrices", "parts", "X, its model WH, and what is left", drawn)


draw()
