"""What are the topics of a run as this person shows them: with their names, merges and hidden words?

Every widget of the Topics page reads a `View`. Without edits it is the run itself; `untouched` is that also with edits (the cards
on Overview).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from dashboard import session
from dashboard.topics_shown import shown
from dashboard.topics_shown.edits import Edits
from dashboard.topics_shown.shown import Topic
from dashboard.widgets import scale
from dashboard.work.fitting import FittedRun
from nmfcore import topics
from nmfcore.topics.scale import apply as rescale
from nmfcore.topics.similarity import Map, cosine_rows, mds
from nmfcore.topics.terms import TopItems, TopTerms

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class View:
    """The topics of a run as they are shown; W and H on the scale in force, one column and row per topic."""

    run: FittedRun
    edits: Edits
    topics: tuple[Topic, ...]
    W: np.ndarray
    H: np.ndarray

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.edits.hidden

    def facts(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Something that follows from merges, hidden words and the scale, computed once."""
        edited = (self.edits.merges, self.edits.hidden) if self.edits.merges or self.edits.hidden else None
        return session.edited_facts(self.run, edited, ("topics", scale.current(), key), compute)

    @property
    def firsts(self) -> list[int]:
        """The component that gives each topic number and colour."""
        return [topic.first for topic in self.topics]

    @property
    def labels(self) -> list[str]:
        return [topic.label for topic in self.topics]

    @property
    def names(self) -> list[str]:
        return [topic.name for topic in self.topics]

    def at(self, component: int) -> int:
        """Where the topic that a component is in stands."""
        return next(i for i, topic in enumerate(self.topics) if component in topic.members)

    def top(self, count: int, relevance: float) -> list[TopTerms]:
        """The first words of every topic."""
        return self.facts(
            ("words", count, relevance),
            lambda: topics.top_terms(
                self.H,
                self.run.dataset.axes.columns,
                count=count,
                relevance=relevance,
                totals=totals(self.run),
                hidden=self.hidden,
            ),
        )

    def items(self, count: int) -> list[TopItems]:
        """The items that load most on every topic."""
        return self.facts(("items", count), lambda: topics.top_items(self.W, self.run.dataset.axes.rows, count=count))

    def likeness(self) -> np.ndarray:
        """(t, t) cosines between the topics' words, hidden ones included: hiding changes what is listed, not what is alike."""
        return self.facts("likeness", lambda: cosine_rows(self.H))

    def map(self) -> Map:
        """The topics in the plane, from the distances sqrt(2 - 2 cosine)."""
        return self.facts("map", lambda: mds(np.sqrt(np.maximum(2.0 - 2.0 * self.likeness(), 0.0))))


def of(run: FittedRun) -> View:
    """The topics as this person edited them."""
    return _view(run, session.edits(run))


def untouched(run: FittedRun) -> View:
    """The run's own topics; typed names only."""
    return _view(run, Edits(names=session.edits(run).names))


def _view(run: FittedRun, edits: Edits) -> View:
    W, H = factors(run, edits)
    suggested = session.topic_names(run)
    if edits.merges:
        hidden, axis = edits.hidden, run.dataset.axes.columns
        merged = session.edited_facts(run, (edits.merges, hidden), "names", lambda: topics.names(H, axis, hidden=hidden))
    else:
        merged = suggested
    return View(run, edits, shown.listed(edits, sizes(run), suggested, merged), W, H)


def factors(run: FittedRun, edits: Edits) -> tuple[np.ndarray, np.ndarray]:
    """W and H of the topics that are shown, on the scale in force; the run's own arrays where nothing is merged."""
    if not edits.merges:
        return scale.apply(run)

    def compute() -> Any:
        return rescale(*shown.merged(run.factorization.W, run.factorization.H, edits), scale.current())

    found = session.latest_merge(run, (edits.merges, scale.current()), compute)
    return found.W, found.H


def totals(run: FittedRun) -> np.ndarray:
    """(n,) column sums of X."""
    return run.derived("totals", lambda: topics.corpus_totals(run.dataset.X))


def sizes(run: FittedRun) -> np.ndarray:
    """(r,) share of what the model explains that is each component's."""
    return run.derived("sizes", lambda: topics.sizes(run.dataset.X, run.factorization.W, run.factorization.H)).share
