"""One data set's card: axes, shape, density, what 0 means, the values, the first rows, where it came from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.explanations import reading
from dashboard.figures.data import value_histogram
from dashboard.plain import clean, markdown
from dashboard.widgets import card
from dashboard.words import count, percent
from nmfcore.data import catalog
from nmfcore.data.dataset import Dataset

PREVIEW_ROWS, PREVIEW_COLUMNS = 8, 12
SAMPLE = 200_000  # stored values that the histogram is made of, evenly spaced


def draw(dataset: Dataset) -> None:
    """The card of a loaded data set."""
    numbers = dataset.summary()
    rows, columns = dataset.axes.rows, dataset.axes.columns
    with st.container(border=True):
        st.markdown(f"**{markdown(dataset.title)}**, as it is used")
        with st.grid(4, min_column_width=130):
            st.metric(markdown(rows.name.capitalize()), f"{numbers.rows:,}", "rows: the items", delta_color="off", delta_arrow="off")
            st.metric(
                markdown(columns.name.capitalize()), f"{numbers.columns:,}", "columns: the features", delta_color="off", delta_arrow="off"
            )
            st.metric("Filled", percent(numbers.density), f"{numbers.stored:,} entries not 0", delta_color="off", delta_arrow="off")
            st.metric(
                "Values", f"{numbers.minimum:g} to {numbers.maximum:g}", f"mean {numbers.mean:.4g}", delta_color="off", delta_arrow="off"
            )
        facts = {
            "What 0 means": dataset.zero_means or "not stated",
            "Memory": f"{dataset.nbytes / 2**20:.1f} MB, {'sparse' if dataset.sparse else 'dense'} {dataset.X.dtype}",
            "Source used": dataset.source,
            "Licence": dataset.card.licence if dataset.card else "yours",
            "Cite": dataset.card.citation if dataset.card else "",
            "Fingerprint": f"{dataset.fingerprint[:16]} (SHA-256 of the content)",
        }
        st.markdown("  \n".join(f":gray[{name}:] {markdown(text, 400)}" for name, text in facts.items() if text))
        if dataset.notes:
            st.markdown("**What was dropped, filled or assumed**")
            st.markdown("\n".join(f"- {markdown(note, 400)}" for note in dataset.notes))
    drawn = session.data_facts(("histogram", session.theme()), lambda: value_histogram(_values(dataset), theme=session.theme()))
    card.picture("data", "values", "Entries that are not 0", drawn)
    with st.container(border=True):
        shown = preview(dataset)
        st.markdown(f"**First {count(len(shown), markdown(rows.singular), markdown(rows.name))}**")
        st.dataframe(shown, hide_index=True, key="preview", alt=f"First rows of {clean(dataset.title)}")
        m, n = dataset.shape
        if n > PREVIEW_COLUMNS:
            st.markdown(f":small[{reading('data', 'preview')}]")


def before_loading(key: str) -> None:
    """What is known of a data set that is not loaded."""
    entry = catalog.card(key)
    with st.container(border=True):
        st.markdown("**Card**")
        facts = {
            "Rows": f"{entry.rows.name} (the items)",
            "Columns": f"{entry.columns.name} (the features)",
            "Entries": f"{entry.values}; {entry.unit}",
            "What 0 means": entry.zero_means,
            "Source": entry.source,
            "Licence": entry.licence,
            "Cite": entry.citation,
        }
        st.markdown("  \n".join(f":gray[{name}:] {markdown(text, 400)}" for name, text in facts.items()))


def preview(dataset: Dataset) -> pd.DataFrame:
    """The first rows; of a wide matrix the columns with the most weight in them. Only that block is made dense."""
    m, n = dataset.shape
    height = min(m, PREVIEW_ROWS)
    block = dataset.X[:height]
    if n > PREVIEW_COLUMNS:
        weight = np.asarray(block.sum(axis=0)).ravel()
        chosen = np.sort(np.argsort(-weight, kind="stable")[:PREVIEW_COLUMNS])
    else:
        chosen = np.arange(n)
    dense = block[:, chosen].toarray() if dataset.sparse else block[:, chosen]
    names = [clean(label, 30) for label in dataset.axes.columns.take(chosen)]
    unique = [name if names.count(name) == 1 else f"{name} ({j + 1})" for name, j in zip(names, chosen, strict=True)]
    table = pd.DataFrame(np.round(dense.astype(float), 4), columns=unique)
    table.insert(0, clean(dataset.axes.rows.singular), [clean(label) for label in dataset.axes.rows.take(range(height))], allow_duplicates=True)
    return table


def _values(dataset: Dataset) -> np.ndarray:
    values = dataset.X.data if dataset.sparse else dataset.X[dataset.X != 0]
    return values[:: max(1, len(values) // SAMPLE)]
