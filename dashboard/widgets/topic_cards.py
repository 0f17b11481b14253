"""Components as cards: number, suggested name, size, and the top words as bars. The same cards on Overview and Topics."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.figures import Picture
from dashboard.figures.topics import topic_bars
from dashboard.fitting import FittedRun
from dashboard.plain import markdown
from dashboard.widgets import card, scale, stability
from dashboard.words import percent
from nmfcore import topics

CARD_WIDTH = 260
MOST_CARDS = 30  # a page of more cannot be read


def draw(run: FittedRun, *, page: str, words: int, relevance: float = 1.0) -> None:
    """One card per component, in the model's order."""
    with st.grid("auto", min_column_width=CARD_WIDTH):
        for k in range(min(run.rank, MOST_CARDS)):
            one(run, k, page=page, words=words, relevance=relevance)
    if run.rank > MOST_CARDS:
        st.markdown(f"Components {MOST_CARDS + 1} to {run.rank} have no card here; Matrices shows all, Export has the numbers.")


def one(run: FittedRun, k: int, *, page: str, words: int, relevance: float = 1.0) -> None:
    """The card of component k (counted from 0)."""
    shares = sizes(run)
    with st.container(border=True, gap="xsmall"):
        known = stability.measured(run)
        beside = f" · stability {known.topics[k]:.2f}" if known is not None else ""
        st.markdown(
            f"**{k + 1} · {markdown(name(run, k), 34)}**  \n:small[:gray[{percent(shares[k])} of what is explained{beside}]]"
        )
        drawn = bars(run, k, words, relevance, session.theme())
        card.chart(f"{page}-topic-{k + 1}", drawn)


def bars(run: FittedRun, k: int, words: int, relevance: float, theme: str) -> Picture:
    """The chart of one card; kept with the run, because a page draws up to thirty of them on every rerun."""

    def draw() -> Picture:
        labels, weights, behind = words_of(run, k, words, relevance)
        return topic_bars(labels, weights, component=k, background=behind, theme=theme)

    return run.derived(("bars", k, words, relevance, scale.current(), theme), draw)


def words_of(run: FittedRun, k: int, count: int, relevance: float) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The leading features of a component, their weights in the scale shown, and their totals in the data."""
    key = ("words", count, relevance, scale.current())

    def compute() -> list[topics.TopTerms]:
        _, H = scale.apply(run)
        return topics.top_terms(H, run.dataset.axes.columns, count=count, relevance=relevance, totals=totals(run))

    found = run.derived(key, compute)[k]
    return found.terms, found.weights, totals(run)[found.indices]


def totals(run: FittedRun) -> np.ndarray:
    """(n,) column sums of X."""
    return run.derived("totals", lambda: topics.corpus_totals(run.dataset.X))


def sizes(run: FittedRun) -> np.ndarray:
    """(r,) share of what the model explains that is each component's."""
    return run.derived("sizes", lambda: topics.sizes(run.dataset.X, run.factorization.W, run.factorization.H)).share


def name(run: FittedRun, k: int) -> str:
    """The suggested name: the three leading words."""
    return run.derived("names", lambda: topics.names(run.factorization.H, run.dataset.axes.columns))[k]


def overlap_in_words(cosines: np.ndarray) -> str:
    """How much components share, for a title."""
    if len(cosines) < 2:
        return "nothing to overlap with"
    apart = cosines - np.diag(np.diag(cosines))
    return f"the closest two at cosine {apart.max():.2f}"
