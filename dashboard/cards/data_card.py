"""One data set's card: axes, shape, density, what 0 means, the values, the first rows, where it came from."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.data import value_histogram
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, percent
from dashboard.widgets import card, prepare
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.facts import Fact, Facts

PREVIEW_ROWS, PREVIEW_COLUMNS = 8, 12
SAMPLE = 200_000  # stored values that the histogram is made of, evenly spaced
NOTES_SHOWN = 5  # more of them fold away


def draw(dataset: Dataset) -> None:
    """The card of the chosen data set."""
    numbers = session.data_facts("summary", dataset.summary)
    rows, columns = dataset.axes.rows, dataset.axes.columns
    if dataset.X is None:
        with card.plain(f"{markdown(dataset.title)}, as it is used"):
            st.markdown(f"{count(numbers.rows, markdown(rows.singular), markdown(rows.name))}, still as text.")
        return
    with st.container(border=True):
        st.markdown(f"**{markdown(dataset.title)}**, as it is used")
        with st.grid(4, min_column_width=110):
            _metric(markdown(rows.name.capitalize()), f"{numbers.rows:,}", "rows: the items")
            _metric(markdown(columns.name.capitalize()), f"{numbers.columns:,}", "columns: the features")
            _metric("Filled", percent(numbers.density), f"{numbers.stored:,} not 0")
            _metric("Mean", f"{numbers.mean:.4g}", f"from {numbers.minimum:.4g} to {numbers.maximum:.4g}")
        facts = {
            "What 0 means": dataset.zero_means or "not stated",
            "Not measured": _unmeasured(dataset),
            "Memory": f"{amount(dataset.nbytes)}, {'sparse' if dataset.sparse else 'dense'} {dataset.X.dtype}",
            "Source used": dataset.source,
            "Licence": dataset.card.licence if dataset.card else "yours",
            "Cite": dataset.card.citation if dataset.card else "",
            "Fingerprint": f"{dataset.fingerprint[:16]} (SHA-256 of the content)",
        }
        _facts(facts)
        notes = [markdown(note, 400) for note in dataset.notes]
        if notes:
            with st.expander(f"Dropped, filled or assumed: {count(len(notes), 'note')}", expanded=len(notes) <= NOTES_SHOWN):
                st.markdown("\n".join(f"- {note}" for note in notes))
        if dataset.effects:
            with st.expander("Before and after the preparation"):
                prepare.effects(dataset, "effects", notes=False)
    _facts_card(dataset)
    _values_card(dataset)
    with st.container(border=True):
        shown = session.data_facts("preview", lambda: preview(dataset))
        named = count(len(shown), markdown(rows.singular), markdown(rows.name))
        st.markdown(f"**{'All' if len(shown) == numbers.rows else 'First'} {named}**")
        st.dataframe(shown, hide_index=True, key="preview", placeholder="", alt=f"First rows of {clean(dataset.title)}")
        if dataset.shape[1] > PREVIEW_COLUMNS:
            st.markdown(f":small[{reading('data', 'preview')}]")


def _facts_card(dataset: Dataset) -> None:
    """What is known of the items and of the features beside the numbers, one line for each fact."""
    tables = [(dataset.axes.rows.name, dataset.facts), (dataset.axes.columns.name, dataset.column_facts)]
    for name, facts in tables:
        if not facts:
            continue
        with st.container(border=True, gap="small"):
            st.markdown(f"**Facts about the {markdown(name)}**")
            st.dataframe(
                session.data_facts(("facts", name), partial(fact_table, facts)), hide_index=True,
                key=f"facts-{'rows' if facts is dataset.facts else 'columns'}", placeholder="",
                alt=f"Facts about the {clean(name)}: name, kind, how many are known, and values",
            )  # fmt: skip
            st.markdown(
                ":small[:gray[They are not factorized. Items can be grouped and filtered by them, and each can serve as known "
                "labels.]]"
            )


def fact_table(facts: Facts) -> pd.DataFrame:
    """One line for each fact: its name, kind, how many items have one, and some of its values."""
    rows = [
        {"Fact": clean(fact.name, 60), "Kind": fact.kind, "Known": int(fact.known.sum()), "Values": clean(_values_of(fact), 120)}
        for fact in facts
    ]
    return pd.DataFrame(rows)


def _values_of(fact: Fact) -> str:
    """The most frequent categories, the range of numbers and dates, or the first texts."""
    known = np.flatnonzero(fact.known)
    if not known.size:
        return "none"
    if fact.kind == "category":
        often = np.bincount(fact.values[known], minlength=len(fact.names))
        order = np.argsort(-often, kind="stable")[:4]
        more = f" and {len(fact.names) - 4:,} more" if len(fact.names) > 4 else ""
        return ", ".join(f"{fact.names[k]} ({often[k]:,})" for k in order) + more
    if fact.kind in ("number", "date"):
        values = fact.values[known]
        low, high = (Fact("", fact.kind, np.array([value])).shown(0) for value in (values.min(), values.max()))
        return low if low == high else f"{low} to {high}"
    return ", ".join(fact.shown(int(i))[:40] for i in known[:3])


def _metric(name: str, value: str, beside: str) -> None:
    st.metric(name, value, beside, delta_color="off", delta_arrow="off")


def _facts(facts: dict[str, str]) -> None:
    st.markdown("  \n".join(f":gray[{name}:] {markdown(text, 400)}" for name, text in facts.items() if text))


def _unmeasured(dataset: Dataset) -> str:
    """How many entries a mask leaves out; "" without a mask."""
    if dataset.mask is None:
        return ""
    m, n = dataset.shape
    observed = int(session.data_facts("observed", lambda: dataset.mask.sum(dtype=np.int64)))  # type: ignore[union-attr]
    return f"{m * n - observed:,} of {m * n:,} entries are left out of the fit (mask)"


def _values_card(dataset: Dataset) -> None:
    """The histogram; for a single value a sentence."""
    values = session.data_facts("values", lambda: _values(dataset))
    first = values[0] if len(values) else 0.0
    if not len(values) or (values == first).all():
        with card.plain("Entries that are not 0"):
            st.markdown(f"All of them are {first:g}: an entry says present or not." if len(values) else "There are none.")
        return
    drawn = session.data_facts(("histogram", session.theme()), lambda: value_histogram(values, theme=session.theme()))
    stored = session.data_facts("summary", dataset.summary).stored
    say = f"Drawn from {len(values):,} of the {stored:,} entries, evenly spaced." if len(values) < stored else ""
    card.picture("data", "values", "Entries that are not 0", drawn, say=say)


def before_loading(key: str) -> None:
    """What will come: what is known of a data set before it is loaded."""
    entry = catalog.card(key)
    m, n = entry.shape or (None, None)
    with card.plain("What will come"):
        _facts(
            {
                "Rows": f"{entry.rows.name} (the items)" + (f", {m:,}" if m else ", as many as the choice above holds"),
                "Columns": f"{entry.columns.name} (the features)" + (f", {n:,}" if n else ", as many as the preparation leaves"),
                "Entries": f"{entry.values}; {entry.unit}",
                "What 0 means": entry.zero_means,
                "Source": entry.source,
                "Licence": entry.licence,
                "Cite": entry.citation,
            }
        )


def amount(size: float) -> str:
    """Bytes as a person reads them: 12 kB, 3.4 MB, 1.2 GB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            value = size / factor
            return f"{value:,.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{size:.0f} bytes"


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
    dense = (block[:, chosen].toarray() if dataset.sparse else block[:, chosen]).astype(float)
    if dataset.mask is not None:
        dense = np.where(dataset.mask[:height][:, chosen] > 0, dense, np.nan)  # what is not measured stays empty
    names = [clean(label, 30) for label in dataset.axes.columns.take(chosen)]
    unique = [name if names.count(name) == 1 else f"{name} ({j + 1})" for name, j in zip(names, chosen, strict=True)]
    table = pd.DataFrame(np.round(dense, 4), columns=unique)
    labels = [clean(label) for label in dataset.axes.rows.take(range(height))]
    table.insert(0, _free(clean(dataset.axes.rows.singular), unique), labels)
    return table


def _free(name: str, taken: list[str]) -> str:
    """A column name that no other column has."""
    while name in taken:
        name += " "
    return name


def _values(dataset: Dataset) -> np.ndarray:
    values = dataset.X.data if dataset.sparse else dataset.X[dataset.X != 0]
    return values[:: max(1, -(-len(values) // SAMPLE))]
