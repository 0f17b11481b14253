"""In which order do the items and features of a matrix stand? One choice for both sides, and what it means for each."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard import session
from dashboard.text.words import part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench
from dashboard.work.fitted import FittedRun
from nmfcore.topics.ordering import Ordering, input_order, label_order, leaf_order, topic_order

KEY, USUAL = "order", "strongest"
LANE = f"{bench.LANE}-order"


def choices(run: FittedRun | None) -> dict[str, str]:
    """The orders that this data allows, and what they are called; all of them while there is no data yet."""
    if run is None:
        return {USUAL: "By topic", "label": "By label", "leaves": "By likeness", "input": "As given"}
    known = run.dataset.classes is not None or run.dataset.column_classes is not None
    label = {"label": "By label"} if known else {}
    return {USUAL: f"By {part(run.dataset)}", **label, "leaves": "By likeness", "input": "As given"}


def choose(run: FittedRun | None) -> str:
    """The picker; its value is part of the link."""
    offered = choices(run)
    if session.control_value(KEY, USUAL) not in offered:  # of other data; where there is no value yet, the link may bring one
        session.set_control(KEY, USUAL)
    return str(
        st.segmented_control(
            "Order",
            list(offered),
            format_func=lambda name: offered[name],
            default=USUAL,
            key=KEY,
            required=True,
            bind="query-params",
        )
    )


def arranged(view: TopicsShown, side: str, order: str) -> Ordering | None:
    """The order of one side ("rows" or "columns") in the scale in force; None while it is computed, and the page says so."""
    run, key = view.run, ("order", side, order)
    M = view.W if side == "rows" else view.H.T
    if order == "input":
        return view.facts(key, lambda: input_order(len(M)))
    if order == "leaves":
        name = (run.dataset.axes.rows if side == "rows" else run.dataset.axes.columns).name
        found = bench.compute(
            (view.seen().place, *key), lambda job: leaf_order(M), label=f"Putting like {name} beside like", lane=f"{LANE}-{side}"
        )
        return None if found is None else found
    classes = run.dataset.classes if side == "rows" else run.dataset.column_classes
    if order == "label" and classes is not None:
        return view.facts(key, lambda: _said(label_order(classes.index, M, names=classes.names), run))
    return view.facts((*key[:2], USUAL), lambda: _said(topic_order(M), run))


def _said(order: Ordering, run: FittedRun) -> Ordering:
    """The same with this data's word for a topic."""
    return replace(order, sentence=order.sentence.replace("topic", part(run.dataset)))
