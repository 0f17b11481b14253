"""Do the words of each topic belong together, are they its own, and does no other topic list them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.figures import Picture
from dashboard.figures import theme as look
from dashboard.figures.bars import Measure, bars
from dashboard.text.plain import clean, markdown
from dashboard.text.words import part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card, header, stability
from dashboard.widgets.header import Figure
from nmfcore.evaluate import coherence

WORDS = 10  # per topic: what the literature scores
NAME_WIDTH = 100  # px for a number and a name beside a bar, three charts in a row
DEFINITIONS = {
    "NPMI": "Mean over pairs of words of log(p(v, w) / (p(v) p(w))) / −log p(v, w): 1 only together, 0 independent, −1 never.",
    "Exclusivity": "Mean over its words of the weight here over the weights in all, rows of H summing to 1: 1 = in no other.",
    "Diversity": "Different words over all words of the lists; for one: mean of 1 / (lists that have the word). 1 = no overlap.",
}

ALL_NAMES = {"NPMI": "Mean NPMI coherence", "Exclusivity": "Mean exclusivity", "Diversity": "Diversity"}


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a view per topic (t,), and the diversity of all lists together.

    words : how many each list has: some topics have fewer
    """

    npmi: np.ndarray
    exclusivity: np.ndarray
    uniqueness: np.ndarray
    diversity: float
    words: str = str(WORDS)

    @property
    def means(self) -> tuple[float, float, float]:
        """NPMI and exclusivity as means over the topics that have them, and the diversity."""
        return _mean(self.npmi), _mean(self.exclusivity), self.diversity


def measure(H: np.ndarray, X: Any, hidden: tuple[int, ...] = ()) -> Scores:
    """The scores of the first ten words of every row of H, co-occurrence counted in the rows of X."""
    if hidden:
        H = H.copy()
        H[:, list(hidden)] = 0.0
    found = coherence.coherence(H, X, count=WORDS)
    words = coherence.top_words(H, WORDS)
    fewest = int(np.count_nonzero(H > 0, axis=1).min())
    many = str(WORDS) if fewest >= WORDS else f"{fewest} to {WORDS}"
    return Scores(found.npmi, found.exclusivity, coherence.uniqueness(words), found.diversity, many)


def scores(view: TopicsShown) -> Scores | None:
    """The scores of what is shown; computed in the background, None while they are not there."""
    run = view.run
    key = ("topic scores", run.key, view.edits.merges, tuple(sorted(view.edits.hidden)))
    H, X, hidden = view.H, run.dataset.X, view.hidden
    found: Scores | None = bench.compute(
        key, lambda job: measure(H, X, hidden), label=f"Coherence of the {part(run.dataset)}s", lane="topic scores"
    )
    return found


def draw(view: TopicsShown) -> None:
    """Three numbers for all, three charts and a table for each."""
    found = scores(view)
    if found is None:
        return
    run, noun = view.run, part(view.run.dataset)
    names, values = list(DEFINITIONS), found.means
    edited = bool(view.edits.merges or view.hidden)
    beside = (
        f"over the {noun}s, in {markdown(run.dataset.axes.rows.name, 30)}",
        f"over the {noun}s",
        f"of {found.words} {markdown(run.dataset.axes.columns.name, 30)} each",
    )
    header.key_figures(
        [
            Figure(
                ALL_NAMES[name] + (" (edited view)" if edited else ""),
                _written(value),
                text,
                DEFINITIONS[name],
            )
            for name, value, text in zip(names, values, beside, strict=True)
        ]
    )
    with st.grid(3, min_column_width=250):
        for key, name, each in (
            ("npmi", "NPMI coherence", found.npmi),
            ("exclusivity", "Exclusivity", found.exclusivity),
            ("diversity", "Diversity", found.uniqueness),
        ):
            card.picture("topics", key, name, chart(view, name, each))
    table(view, found)


def chart(view: TopicsShown, quantity: str, values: np.ndarray) -> Picture:
    """One score of every topic, in their order."""
    theme, noun = view.theme, part(view.run.dataset)
    alt = f"{quantity}: no {noun} has a value."
    if np.isfinite(values).any():
        best, worst = int(np.nanargmax(values)), int(np.nanargmin(values))
        alt = f"{quantity}: highest in {noun} {view.labels[best]} ({values[best]:.2f}), lowest in {view.labels[worst]}"
        alt += f" ({values[worst]:.2f})."
    return bars(
        [f"{topic.label} · {clean(topic.name, 30)}" for topic in view.topics],
        values,
        Measure(quantity, lambda v: f"{v:.2f}", "none", 1.0 if quantity != "NPMI coherence" else None),
        colours=[look.component_colour(k, theme) for k in view.colours],
        most_label=NAME_WIDTH,
        alt=alt,
        theme=theme,
    )


def table(view: TopicsShown, found: Scores) -> None:
    """All scores in one table."""
    noun, known = part(view.run.dataset), stability.measured(view.run)
    shown = pd.DataFrame(
        {
            noun: view.labels,
            "name": [clean(name, 60) for name in view.names],
            "share of explained": [topic.share for topic in view.topics],
            "NPMI": found.npmi,
            "exclusivity": found.exclusivity,
            "diversity": found.uniqueness,
        }
    )
    if known is not None:
        shown["stability"] = [float(np.mean(known.topics[list(topic.members)])) for topic in view.topics]
    number = st.column_config.NumberColumn(format="%.3f")
    bench.table(
        "topics",
        "scores",
        f"All {noun}s in numbers",
        shown,
        height="content" if len(shown) <= 12 else 420,
        column_config={
            "share of explained": st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent"),
            "NPMI": number,
            "exclusivity": number,
            "diversity": number,
            "stability": number,
        },
    )


def _mean(values: np.ndarray) -> float:
    live = values[np.isfinite(values)]
    return float(live.mean()) if len(live) else float("nan")


def _written(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.3f}"
