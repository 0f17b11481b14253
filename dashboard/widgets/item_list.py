"""The items that load most on one component, with their share of it and, where there is one, their text."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.explanations import reading
from dashboard.fitting import FittedRun
from dashboard.plain import clean
from dashboard.widgets import scale
from nmfcore.topics import top_items

COUNT = 12
SNIPPET = 160  # characters of a document's text in the table


def draw(run: FittedRun, k: int) -> None:
    """The table for component k (counted from 0)."""
    W, _ = scale.apply(run)
    found = run.derived(("top items", scale.current()), lambda: top_items(W, run.dataset.axes.rows, count=COUNT))[k]
    if not len(found.indices):
        st.markdown("No item has any of this component.")
        return
    rows, documents = run.dataset.axes.rows, run.dataset.documents
    table = pd.DataFrame(
        {
            clean(rows.singular): [clean(label) for label in found.items],
            "weight": found.weights,
            "share of the item": found.shares,
        }
    )
    if documents is not None:
        table["text"] = [clean(documents[i], SNIPPET) for i in found.indices]
    st.dataframe(
        table,
        hide_index=True,
        key="top-items",
        alt=f"Items that load most on component {k + 1}",
        column_config={
            "weight": st.column_config.NumberColumn(format="%.4f"),
            "share of the item": st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent"),
        },
    )
    st.markdown(f":small[:gray[{reading('topics', 'items')}]]")
