"""Why not both at once? The card that holds the steps of the page on symmetric topics against the joint NMF of the same X."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from typing import Any

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.cards.symmetric import PAGE
from dashboard.widgets import bench, card
from dashboard.work import symmetric as bench_data
from dashboard.work.job import JobsBusy
from dashboard.work.symmetric import Steps
from nmfcore.core.guidance import Guidance
from nmfcore.data.model.dataset import Dataset
from nmfcore.methods import symmetric_topics as symmetric

COMPARING: dict[str, Any] = {"label": "Stepwise beside joint", "lane": f"{bench.LANE}-check"}  # of the comparison's job


def begin(dataset: Dataset, steps: Steps) -> None:
    """Begin what `comparison` shows at the end of the page, so that it is computed while the cards above are drawn."""
    if compared(dataset) and not bench.was_stopped(_key(dataset, steps)):
        with suppress(JobsBusy):  # `comparison` says so in its place
            session.jobs().submit(_key(dataset, steps), bench_data.compare_work(steps), session=session.owner(), **COMPARING)


def compared(dataset: Dataset) -> bool:
    """Whether the comparison is wanted: of few keywords at once, of many when somebody asked."""
    return dataset.shape[1] <= bench_data.AT_ONCE or bool(session.control_value(_wanted(dataset), False))


def _wanted(dataset: Dataset) -> str:
    return f"{PAGE}-compare-{dataset.fingerprint[:12]}"


def _key(dataset: Dataset, steps: Steps) -> Hashable:
    return (PAGE, "compare", dataset.identity, steps.choice)


def comparison(dataset: Dataset, steps: Steps, wishes: Guidance) -> None:
    """The joint NMF of the same X beside the steps."""
    st.subheader("Why not both at once?", anchor=False)
    if not compared(dataset):
        with card.plain("Stepwise beside the joint NMF of the same X"):
            st.markdown(f"Not measured: {len(bench_data.SEEDS)} starts of each.")
            st.button("Compare", key=f"{PAGE}-compare", on_click=session.set_control, args=(_wanted(dataset), True))
        return
    found = bench.compute(_key(dataset, steps), bench_data.compare_work(steps), **COMPARING)
    if found is None:
        return
    if wishes:
        st.markdown("Both are free fits here: they know nothing of what the topics above were told.")
    table = bench_data.comparison_table(found)
    numbers = {side: st.column_config.NumberColumn(format="%.4g", width=110) for side in ("stepwise", "joint")}
    title = f"In numbers, {len(bench_data.SEEDS)} starts each"
    bench.table(PAGE, "compare", title, table, column_config=numbers, height="content", say=verdict(found))
    floor = f"The SVD's error at this rank, below which neither can be: {found.floor:.4f}."
    columns = {"cosine": st.column_config.NumberColumn(format="%.3f"), "topic": st.column_config.NumberColumn(width=45)}
    matched = bench_data.matched_table(found, steps.axes)
    bench.table(PAGE, "matched", "Matched topics", matched, height="content", column_config=columns, say=floor)


def verdict(found: symmetric.Comparison) -> str:
    """The answer in one sentence, from the numbers."""
    ours, theirs = found.stepwise, found.joint
    gap = float(np.mean(ours.error) - np.mean(theirs.error))
    steadier = "stepwise" if ours.stability >= theirs.stability else "jointly"
    return (
        f"Learning both at once describes X better by {gap:.4f} of its norm; the topics learnt {steadier} are the steadier "
        f"ones over other starts ({ours.stability:.2f} stepwise, {theirs.stability:.2f} jointly)."
    )
