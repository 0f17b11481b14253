"""What are the topics of a run as they are shown: with their names, merges and hidden words, on one scale?

`of` makes them once for a page, which hands them to its cards; files are made from them, too. Numbers are written from 1; a
merged topic is written "2 + 5" and has the colour of its first member. What follows from them (lists of words, pictures) is kept
with the run where nothing is edited, so that sessions share it, else where the caller says.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from dashboard.figures.components import Components
from dashboard.figures.words import Words
from dashboard.text.words import part
from dashboard.topics_shown.divided import Cut, Members
from dashboard.topics_shown.edits import Edits
from dashboard.work.divide import Wanted
from dashboard.work.fitted import Derived, FittedRun
from dashboard.work.lenses import Place, Seen
from nmfcore import topics
from nmfcore.core.factorization import Factors
from nmfcore.topics.clusters import Clusters, assign
from nmfcore.topics.scale import CONVENTIONS, DEFAULT
from nmfcore.topics.scale import apply as rescale
from nmfcore.topics.similarity import Map, cosine_rows, mds
from nmfcore.topics.terms import TopItems, TopTerms, together

T = TypeVar("T")


@dataclass(frozen=True)
class Topic:
    """One topic on the page.

    members : its components, counted from 0, rising;  name : typed or suggested, not escaped
    typed : whether somebody typed the name;  share : of what the model explains (a merged topic: the sum over its members)
    numbers : of its members, counted from 0: their places, unless wishes have removed or added topics
    """

    members: Members
    name: str
    typed: bool
    share: float
    numbers: Members

    @property
    def first(self) -> int:
        """The component that stands for it."""
        return self.members[0]

    @property
    def colour(self) -> int:
        """The number that gives it its colour."""
        return self.numbers[0]

    @property
    def label(self) -> str:
        """ "3", or "2 + 5" for a merged one."""
        return " + ".join(str(k + 1) for k in self.numbers)

    @property
    def merged(self) -> bool:
        return len(self.members) > 1


@dataclass(frozen=True, eq=False)
class TopicsShown:
    """The t topics of a run of r components as they are shown.

    scale : key of the convention that W and H are on;  theme : "light" or "dark", for what is drawn of them
    topics : one for each column of W and row of H, in the order of the first of their members
    components : (r,) what each component is called, merged or not
    W, H : (m, t) and (t, n); the run's own arrays where nothing is merged
    kept : where is kept what follows from edits
    """

    run: FittedRun
    edits: Edits
    scale: str
    theme: str
    topics: tuple[Topic, ...]
    components: tuple[str, ...]
    W: np.ndarray
    H: np.ndarray
    kept: Derived

    @property
    def hidden(self) -> tuple[int, ...]:
        """Columns that no list of words shows."""
        return self.edits.hidden

    @cached_property
    def firsts(self) -> list[int]:
        """The component that stands for each topic."""
        return [topic.first for topic in self.topics]

    @cached_property
    def colours(self) -> list[int]:
        """The number that gives each topic its colour."""
        return [topic.colour for topic in self.topics]

    @cached_property
    def labels(self) -> list[str]:
        return [topic.label for topic in self.topics]

    @cached_property
    def names(self) -> list[str]:
        return [topic.name for topic in self.topics]

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """Topics, and children of them, that are shown divided."""
        return self.edits.cuts_seen

    def division(self, cut: Cut) -> Wanted:
        """What has to be computed for a cut: the way down to it says into how many each parent is divided."""
        into = {(one.members, one.path): one.into for one in self.cuts}
        trail = tuple((into[cut.members, cut.path[:depth]], place) for depth, place in enumerate(cut.path))
        return Wanted(cut.members, trail, cut.into)

    @property
    def scale_words(self) -> str:
        """The convention as it is written in captions."""
        return scale_words(self.scale)

    def at(self, component: int) -> int:
        """Where the topic that a component is in stands."""
        return next(i for i, topic in enumerate(self.topics) if component in topic.members)

    def as_solved(self) -> tuple[np.ndarray, np.ndarray]:
        """W and H of the topics that are shown before any convention is applied: single ones as the solver left them."""
        return merged(self.run.factorization.W, self.run.factorization.H, self.edits)

    # -- the same, shown otherwise ---------------------------------------------------------------------------------------

    def as_fitted(self) -> TopicsShown:
        """The run's own components and words; their names stay."""
        if not (self.edits.merges or self.hidden):
            return self
        return _shown(self.run, Edits(names=self.edits.names), self.scale, self.theme, self.kept, self.components)

    def apart(self) -> TopicsShown:
        """Every component by itself, hidden words still hidden."""
        if not self.edits.merges:
            return self
        return _shown(self.run, replace(self.edits, merges=()), self.scale, self.theme, self.kept, self.components)

    def unhidden(self) -> TopicsShown:
        """The same topics with their hidden words."""
        return replace(self, edits=self.edits.unhide(self.hidden))

    # -- what follows from them ------------------------------------------------------------------------------------------

    def facts(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Something that follows from merges, hidden words and the scale, computed once."""
        return _kept(self.run, self.edits, self.kept, ("topics", self.scale, key), compute)

    def top(self, count: int, relevance: float) -> list[TopTerms]:
        """The first words of every topic."""
        return self.facts(
            ("words", count, relevance),
            lambda: topics.top_terms(
                self.H,
                self.run.dataset.axes.columns,
                count=count,
                relevance=relevance,
                totals=self.totals,
                hidden=self.hidden,
                W=self.W,
            ),
        )

    def called(self) -> Components:
        """How the topics are written, coloured and called in a picture."""
        return Components(self.labels, self.colours, self.names, part(self.run.dataset))

    def seen(self) -> Seen:
        """The items by the topics that are shown, for what is computed of them in the background."""
        return Seen(self.run, self.W, Place(self.run.key, self.run.dataset.identity, self.scale, self.edits.merges))

    def words(self, place: int, count: int, relevance: float) -> Words:
        """The first words of one topic, as they are drawn."""
        found, topic = self.top(count, relevance)[place], self.topics[place]
        return Words(
            found.terms,
            found.weights,
            topic.colour,
            topic.label,
            totals=self.totals[found.indices],
            everywhere=self.parts(found.indices),
            labels=self.labels,
            noun=part(self.run.dataset),
            in_parts=True,
        )

    def items(self, count: int) -> list[TopItems]:
        """The items that load most on every topic."""
        return self.facts(("items", count), lambda: topics.top_items(self.W, self.run.dataset.axes.rows, count=count))

    def likeness(self) -> np.ndarray:
        """(t, t) cosines between the topics' words, hidden ones included: hiding changes what is listed, not what is alike."""
        return self.facts("likeness", lambda: cosine_rows(self.H))

    def largest(self) -> Clusters:
        """The topic that each item is most of."""
        return self.facts("largest", lambda: assign(self.W))

    def map(self) -> Map:
        """The topics in the plane, from the distances sqrt(2 - 2 cosine)."""
        return self.facts("map", lambda: mds(np.sqrt(np.maximum(2.0 - 2.0 * self.likeness(), 0.0))))

    def gathered(self, weights: np.ndarray) -> np.ndarray:
        """(t,) of the topics that are shown, for one row's weights (r,) of the components on the scale in force.

        A topic of several has the sum of what they put into the row, as its column of W has.
        """
        if not self.edits.merges:
            return weights
        amounts, sums = weights * self.apart().H.sum(axis=1), self.H.sum(axis=1)
        of = np.array([amounts[list(topic.members)].sum() for topic in self.topics])
        return np.divide(of, sums, out=np.zeros_like(of), where=sums > 0)

    @property
    def use(self) -> np.ndarray:
        """(t,) column sums of W: how much each topic is used, on the scale in force."""
        return self.facts("use", lambda: self.W.sum(axis=0, dtype=np.float64))

    def parts(self, columns: np.ndarray) -> np.ndarray:
        """(c, t) of each word the part that the model expects of each topic, whatever the scale; zeros where it expects none."""
        amounts = (self.H[:, columns] * self.use[:, None]).T
        whole = amounts.sum(axis=1, keepdims=True)
        return np.divide(amounts, whole, out=np.zeros_like(amounts), where=whole > 0)

    @property
    def totals(self) -> np.ndarray:
        """(n,) column sums of X."""
        return self.run.derived("totals", lambda: topics.corpus_totals(self.run.dataset.X))


def of(
    run: FittedRun, edits: Edits | None = None, scale: str = DEFAULT, theme: str = "light", kept: Derived | None = None
) -> TopicsShown:
    """The topics of a run under these edits, on this scale.

    kept : where is kept what follows from the edits; nowhere when None
    """
    edits, kept = edits or Edits(), Derived() if kept is None else kept
    hidden, axis = edits.hidden, run.dataset.axes.columns
    suggested = _kept(run, Edits(hidden=hidden), kept, "names", lambda: topics.names(run.factorization.H, axis, hidden=hidden))
    return _shown(run, edits, scale, theme, kept, tuple(edits.names.get((k,), name) for k, name in enumerate(suggested)))


def _shown(run: FittedRun, edits: Edits, scale: str, theme: str, kept: Derived, components: tuple[str, ...]) -> TopicsShown:
    W, H = _factors(run, edits, scale, kept)
    names: Sequence[str] = components
    if edits.merges:
        axis = run.dataset.axes.columns
        names = _kept(run, edits, kept, "names of merged", lambda: topics.names(H, axis, hidden=edits.hidden))
    return TopicsShown(run, edits, scale, theme, listed(edits, sizes(run), components, names, run.ids), components, W, H, kept)


def _kept(run: FittedRun, edits: Edits, kept: Derived, key: Hashable, compute: Callable[[], T]) -> T:
    if not (edits.merges or edits.hidden):
        return run.derived(key, compute)
    return kept((run.key, edits.merges, edits.hidden, key), compute)


def _factors(run: FittedRun, edits: Edits, scale: str, kept: Derived) -> tuple[np.ndarray, np.ndarray]:
    """W and H of the topics that are shown; those of merged topics are as large as the run's, so only the latest are kept."""
    if not edits.merges:
        found = on_scale(run, scale)
    else:
        found = kept.latest(
            "factors",
            (run.key, edits.merges, scale),
            lambda: rescale(*merged(run.factorization.W, run.factorization.H, edits), scale),
        )
    return found.W, found.H


def on_scale(run: FittedRun, scale: str) -> Factors:
    """W and H of a run under a convention."""
    return run.derived(("scaled", scale), lambda: rescale(run.factorization.W, run.factorization.H, scale))


def scale_words(scale: str) -> str:
    """A convention as it is written in captions."""
    title = CONVENTIONS[scale].title
    return title[0].lower() + title[1:]


def sizes(run: FittedRun) -> np.ndarray:
    """(r,) share of what the model explains that is each component's."""
    fit, data = run.factorization, run.dataset
    return run.derived("sizes", lambda: topics.sizes(data.X, fit.W, fit.H, data.mask)).share


def listed(
    edits: Edits, shares: np.ndarray, suggested: Sequence[str], suggested_merged: Sequence[str], ids: Sequence[int] | None = None
) -> tuple[Topic, ...]:
    """The topics in the order of the first of their members.

    Parameters
    ----------
    shares : (r,) of what the model explains that is each component's
    suggested : (r,) what components are called where nobody typed a name
    suggested_merged : (t,) the same for the topics that are shown; used where several components are one topic
    ids : (r,) the components' numbers, counted from 0; their places when None
    """
    found = []
    for g, members in enumerate(edits.topics(len(shares))):
        typed = edits.names.get(members)
        name = typed or (suggested_merged[g] if len(members) > 1 else suggested[members[0]])
        numbers = members if ids is None else tuple(ids[k] for k in members)
        found.append(Topic(members, name, typed is not None, float(shares[list(members)].sum()), numbers))
    return tuple(found)


def merged(W: np.ndarray, H: np.ndarray, edits: Edits) -> tuple[np.ndarray, np.ndarray]:
    """W (m, t) and H (t, n) of the topics that are shown, on no particular scale; W and H themselves where nothing is merged."""
    if not edits.merges:
        return W, H
    sums = together(W, H, edits.topics(len(H)))
    return sums.W, sums.H
