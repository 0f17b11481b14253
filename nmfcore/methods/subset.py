"""Which items does a person look at, and what is different about them?

A `Filter` is a list of conditions on the items that all have to hold: a fact is one of some values or lies in a range, an item
is at least so much of a topic, contains words, or was chosen one by one. A filter never changes a model; what the items that
pass have more or less of is measured against all items (`contrast`). Filters are JSON both ways, so a link can hold one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.core.written import percent
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.rows import count_of, from_ranges
from nmfcore.data.search import find_rows
from nmfcore.methods.groups import LogOdds, log_odds, occurrences, shares

LONGEST = 200  # characters of a text, and values of a fact
MOST = 20  # conditions of a filter
ROUNDING = 1e-12  # a sum of shares may fall short of the share that was meant by a few last bits


@dataclass(frozen=True)
class Among:
    """A fact is one of some values, written as the fact shows them."""

    fact: str
    values: tuple[str, ...]

    def passes(self, dataset: Dataset, W: np.ndarray) -> np.ndarray:
        classes = _fact(dataset, self.fact).classes()
        wanted = [i for i, name in enumerate(classes.names) if name in self.values]
        return np.isin(classes.index, wanted)

    @property
    def sentence(self) -> str:
        shown = self.values if len(self.values) <= 3 else (*self.values[:2], f"{len(self.values) - 2} more")
        return f"{self.fact}: {', '.join(shown)}"


@dataclass(frozen=True)
class Between:
    """A number or date lies in a range, ends included; dates in ISO form, "" for an open end."""

    fact: str
    low: str
    high: str

    def passes(self, dataset: Dataset, W: np.ndarray) -> np.ndarray:
        fact = _fact(dataset, self.fact)
        if fact.kind not in ("number", "date"):
            raise ProblemError(f"{self.fact} is neither a number nor a date, so there is no range of it.")
        try:
            read = float if fact.kind == "number" else lambda text: np.datetime64(text, "s")
            low, high = (read(end) if end else None for end in (self.low, self.high))
        except ValueError:
            raise ProblemError(f"{self.low!r} to {self.high!r} is no range of {self.fact}.") from None
        kept = fact.known.copy()
        with np.errstate(invalid="ignore"):
            if low is not None:
                kept &= fact.values >= low
            if high is not None:  # a day without a time means the whole day
                whole = fact.kind == "date" and len(self.high) == 10
                kept &= fact.values < np.datetime64(self.high) + 1 if whole else fact.values <= high
        return kept

    @property
    def sentence(self) -> str:
        if self.low and self.high:
            return f"{self.fact}: {self.low} to {self.high}"
        return f"{self.fact}: {'from ' + self.low if self.low else 'to ' + self.high}"


@dataclass(frozen=True)
class OfTopic:
    """An item's share of a topic is at least `least`, a share from 0 to 1 on the scale of W.

    topic : counted from 0, or the components of a topic that several make together: their shares are added
    """

    topic: int | tuple[int, ...]
    least: float

    @property
    def members(self) -> tuple[int, ...]:
        """The components of the topic."""
        return (self.topic,) if isinstance(self.topic, int) else self.topic

    def passes(self, dataset: Dataset, W: np.ndarray) -> np.ndarray:
        for k in self.members:
            if not 0 <= k < W.shape[1]:
                raise ProblemError(f"There is no topic {k + 1}; there are {W.shape[1]}.")
        return np.nan_to_num(shares(W)[:, list(self.members)].sum(axis=1), nan=-1.0) >= self.least - ROUNDING

    @property
    def sentence(self) -> str:
        return self.said(range(max(self.members) + 1))

    def said(self, numbers: Sequence[int]) -> str:
        """The same with the numbers (from 0) that the components have on the page."""
        return f"topic {' + '.join(str(numbers[k] + 1) for k in self.members)} ≥ {percent(self.least, 0)}"


@dataclass(frozen=True)
class Contains:
    """An item has the words, the label or the phrase, as the search on Items finds it."""

    text: str

    def passes(self, dataset: Dataset, W: np.ndarray) -> np.ndarray:
        found = np.zeros(dataset.shape[0], bool)
        found[find_rows(dataset, self.text).items] = True
        return found

    @property
    def sentence(self) -> str:
        return f"contains: {self.text}"


@dataclass(frozen=True)
class Chosen:
    """Items chosen one by one, by a lasso or by ticking; `rows` as `as_text` writes them."""

    rows: str
    how: str = "chosen"

    def passes(self, dataset: Dataset, W: np.ndarray) -> np.ndarray:
        found = np.zeros(dataset.shape[0], bool)
        found[from_ranges(self.rows, len(found))] = True
        return found

    @property
    def sentence(self) -> str:
        many = count_of(self.rows)
        return f"{self.how}: {many:,} item{'' if many == 1 else 's'}"


Condition = Among | Between | OfTopic | Contains | Chosen
KINDS: dict[str, type[Condition]] = {
    "among": Among, "between": Between, "topic": OfTopic, "contains": Contains, "chosen": Chosen,
}  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """Conditions that all have to hold; without any, all items pass."""

    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def rows(self, dataset: Dataset, W: np.ndarray) -> np.ndarray:
        """The rows that pass, rising.

        W : (m, r) on a stated scale, for conditions on topics

        Raises
        ------
        ProblemError
            If a condition does not fit the data: no such fact, value, topic or row.
        """
        kept = np.ones(dataset.shape[0], bool)
        for condition in self.conditions:
            kept &= condition.passes(dataset, W)
        return np.flatnonzero(kept)

    def with_(self, condition: Condition) -> Filter:
        """This and one more; a condition of the same kind on the same fact or topic is replaced."""
        same = [one for one in self.conditions if _about(one) == _about(condition)]
        return Filter((*(one for one in self.conditions if one not in same), condition))

    def without(self, place: int) -> Filter:
        return Filter(tuple(one for at, one in enumerate(self.conditions) if at != place))

    @property
    def of_run(self) -> bool:
        """Whether it speaks of topics, so that it means nothing for another run."""
        return any(isinstance(one, OfTopic) for one in self.conditions)

    def to_list(self) -> list[list[Any]]:
        """JSON values: for each condition its kind and what it says."""
        names = {kind: name for name, kind in KINDS.items()}
        said = []
        for one in self.conditions:
            values = [list(value) if isinstance(value, tuple) else value for value in vars(one).values()]
            said.append([names[type(one)], *values])
        return said

    @classmethod
    def from_list(cls, plain: Any) -> Filter:
        """The filter of JSON values, checked.

        Raises
        ------
        ProblemError
            If it is no filter.
        """
        if not isinstance(plain, list) or len(plain) > MOST:
            raise ProblemError("This is no filter.")
        return cls(tuple(_condition(one) for one in plain))


def _condition(plain: Any) -> Condition:
    wrong = ProblemError("A condition of this filter cannot be understood.")
    if not isinstance(plain, list) or not plain or plain[0] not in KINDS:
        raise wrong
    name, *values = plain
    texts = all(isinstance(value, str) for value in values)
    if name == "among" and len(values) == 2 and isinstance(values[1], list):
        listed = values[1]
        if isinstance(values[0], str) and len(listed) <= LONGEST and all(isinstance(value, str) for value in listed):
            return Among(values[0][:LONGEST], tuple(listed))
    elif name == "between" and len(values) == 3 and texts:
        return Between(*(value[:LONGEST] for value in values))
    elif name == "topic" and len(values) == 2 and isinstance(values[1], (int, float)):
        topic = values[0]
        if isinstance(topic, int):
            return OfTopic(topic, min(max(float(values[1]), 0.0), 1.0))
        if isinstance(topic, list) and 0 < len(topic) <= LONGEST and all(isinstance(k, int) for k in topic):
            return OfTopic(tuple(topic), min(max(float(values[1]), 0.0), 1.0))
    elif name == "contains" and len(values) == 1 and texts:
        return Contains(values[0][:LONGEST])
    elif name == "chosen" and 1 <= len(values) <= 2 and texts:
        return Chosen(*values)
    raise wrong


def _about(condition: Condition) -> Any:
    if isinstance(condition, (Among, Between)):
        return condition.fact
    return condition.members if isinstance(condition, OfTopic) else type(condition)


def _fact(dataset: Dataset, name: str) -> Any:
    if name not in dataset.facts:
        known = ", ".join(dataset.facts.names) or "none"
        raise ProblemError(f"Of these items no {name!r} is known. Known: {known}.")
    return dataset.facts[name]


@dataclass(frozen=True, eq=False)
class Contrast:
    """A subset against all items.

    rows : of the subset;  mean, whole : (r,) mean shares of the subset and of all items
    words : log-odds of the subset's words against the rest's, or None where one of them has no words
    counted : whether X itself was counted; else in how many items a word stands
    """

    rows: np.ndarray
    mean: np.ndarray
    whole: np.ndarray
    words: LogOdds | None
    counted: bool


def contrast(dataset: Dataset, W: np.ndarray, rows: np.ndarray, counts: tuple[Matrix, bool] | None = None) -> Contrast:
    """What the rows of a subset have more or less of than all items: topics by mean share, words by log-odds against the rest.

    W : (m, r) on a stated scale;  rows : of the subset
    counts : what `occurrences` gives for the data, where it is at hand

    Raises
    ------
    ProblemError
        If no item of the subset is in a topic.
    """
    S = shares(W)
    live = ~np.isnan(S[:, 0])
    inside = rows[live[rows]]
    if not len(inside):
        raise ProblemError("None of these items is in a topic, so there is nothing to compare.")
    X, counted = counts or occurrences(dataset.X)
    rest = np.setdiff1d(np.arange(len(W)), rows)
    try:
        words = log_odds(X, rows, rest) if len(rest) else None
    except ProblemError:
        words = None
    return Contrast(rows, S[inside].mean(axis=0), S[live].mean(axis=0), words, counted)


def facts_to_filter(dataset: Dataset) -> Sequence[str]:
    """The facts a filter can be made of: all but free texts that differ from item to item."""
    return [fact.name for fact in dataset.facts if fact.kind != "text"]
