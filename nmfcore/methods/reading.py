"""Which topic explains each word of an item's text?

`explain_item` says what column j of an item's row speaks for topic k: c_kj = x_j w_k H_kj / ||x||^2. Here c_kj is laid on the
places of the text where column j stands: a column that occurs t times gives each place c_kj / t, and a phrase of several words
gives each of its words an equal part. What is not found in the text (taken out with markup, or cut otherwise) is kept apart, so
that places and rest sum to `explain_item`'s numbers exactly, whatever the weights in X are (counts, sublinear, TF-IDF).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.words import analyzer, cutter, stop_list
from nmfcore.data.prepare import checked
from nmfcore.topics.explain import Explanation

CHUNK = re.compile(r"[^\W_]+(?:['’ʼ\-_][^\W_]+)*|\S")  # a word as it stands, or one sign
LONGEST = 50_000  # characters of a text that are read
EXPLAINED, UNEXPLAINED, STOP, PLAIN = "explained", "unexplained", "stop word", "no word of the data"


@dataclass(frozen=True, eq=False)
class Place:
    """A word where it stands in the text.

    begin, end : its characters;  columns : of X that it is, or is a part of
    kind : "explained" (a topic speaks through it), "unexplained" (a word of the data that no topic explains), "stop word", or
        "no word of the data"
    shares : (r,) what it contributes to each topic
    """

    begin: int
    end: int
    columns: tuple[int, ...]
    kind: str
    shares: np.ndarray

    @property
    def topic(self) -> int:
        """The topic that explains most of it; -1 for none."""
        return int(np.argmax(self.shares)) if self.kind == EXPLAINED else -1


@dataclass(frozen=True, eq=False)
class Reading:
    """An item's text with what explains each word.

    text : at most LONGEST characters;  places : in the order of the text
    topics : (r,) what each topic explains of the item, as `explain_item` has it
    elsewhere : (r,) the part of it whose words were not found in the text;  missing : their columns
    """

    text: str
    places: tuple[Place, ...]
    topics: np.ndarray
    elsewhere: np.ndarray
    missing: tuple[int, ...]

    def course(self, pieces: int) -> np.ndarray:
        """(pieces, r) what each topic contributes in each of so many equal stretches of the text."""
        out = np.zeros((pieces, len(self.topics)))
        for place in self.places:
            out[min(pieces - 1, place.begin * pieces // max(len(self.text), 1))] += place.shares
        return out


def read_item(dataset: Dataset, found: Explanation, item: int, text: str | None = None) -> Reading:
    """The text of an item with the contributions of its words laid on it.

    Parameters
    ----------
    dataset : with `documents`; prepared by the step "text", or with columns whose labels stand in the texts
    found : of the same item, from `explain_item`
    item : row
    text : of the item, where it is shown otherwise than it stands in the data (control characters taken out)

    Raises
    ------
    ValueError
        If the data has no texts.
    """
    if dataset.documents is None:
        raise ValueError("This data has no texts.")
    text = (str(dataset.documents[item]) if text is None else text)[:LONGEST]
    step = next((checked(one) for one in dataset.steps if one["step"] == "text"), None)
    if step is None:
        spans, kinds, parts = _by_labels(dataset, found, text)
    else:
        spans, kinds, parts = _by_words(dataset, found, text, step)
    place_of = {int(j): c for c, j in enumerate(found.words)}
    times = np.zeros(len(found.words))
    for columns in parts:
        for j, share in columns:
            times[place_of[j]] += share
    each = np.divide(found.contributions, times, out=np.zeros_like(found.contributions), where=times > 0)
    places = []
    for (begin, end), kind, columns in zip(spans, kinds, parts, strict=True):
        shares = sum((each[:, place_of[j]] * share for j, share in columns), np.zeros(len(found.topics)))
        if columns:
            kind = EXPLAINED if shares.sum() > 0 else UNEXPLAINED
        places.append(Place(begin, end, tuple(j for j, _ in columns), kind, shares))
    lost = times == 0
    return Reading(
        text, tuple(places), found.topics, found.contributions[:, lost].sum(axis=1), tuple(int(j) for j in found.words[lost])
    )


def read_row(found: Explanation, most: int = 200) -> Reading:
    """A row without a text, read as its columns: each label with its value, the largest first, laid out like words.

    found : of the item, from `explain_item`;  most : columns that are read; the rest is kept apart as `elsewhere`
    """
    places, text = [], ""
    for c, (label, value) in enumerate(zip(found.terms[:most], found.values, strict=False)):
        said = f"{' '.join(str(label).split())} {value:.4g}"
        begin = len(text)
        text += f"{said}  ·  "
        shares = found.contributions[:, c]
        kind = EXPLAINED if shares.sum() > 0 else UNEXPLAINED
        places.append(Place(begin, begin + len(said), (int(found.words[c]),), kind, shares))
    rest = found.contributions[:, most:].sum(axis=1)
    return Reading(text.rstrip(" ·"), tuple(places), found.topics, rest, tuple(int(j) for j in found.words[most:]))


Spans = tuple[list[tuple[int, int]], list[str], list[list[tuple[int, float]]]]  # places, kinds, and (column, part of it) of each


def _by_words(dataset: Dataset, found: Explanation, text: str, step: dict[str, object]) -> Spans:
    """Places of a text that was cut into words by the step "text"; each chunk goes through the step's own analyzer."""
    pattern, lower = str(step["token_pattern"]), bool(step["lowercase"])
    stop = stop_list(step["stop_words"], step["extra_stop_words"], pattern)  # type: ignore[arg-type]
    cut = analyzer(pattern, lowercase=lower, cut=cutter(dataset.documents or (), pattern))
    column = {str(label): int(j) for label, j in zip(found.terms, found.words, strict=True)}
    longest = int(step["ngrams"][1])  # type: ignore[index]
    spans, kinds, parts = [], [], []
    kept: list[tuple[int, str]] = []  # chunk and word of every word that is no stop word, for phrases
    known: dict[str, list[str]] = {}
    for match in CHUNK.finditer(text):
        words = known.setdefault(match[0], cut(match[0]))
        spans.append(match.span())
        kinds.append(STOP if words and all(word in stop for word in words) else PLAIN)
        parts.append([(column[word], 1.0) for word in words if word in column and word not in stop])
        kept += [(len(spans) - 1, word) for word in words if word not in stop]
    for length in range(2, longest + 1):
        for at in range(len(kept) - length + 1):
            phrase = " ".join(word for _, word in kept[at : at + length])
            if phrase in column:
                for chunk, _ in kept[at : at + length]:
                    parts[chunk].append((column[phrase], 1.0 / length))
    return spans, kinds, parts


def _by_labels(dataset: Dataset, found: Explanation, text: str) -> Spans:
    """Places where the labels of the item's columns stand in the text as they are; longer labels first."""
    low = text.casefold() if len(text.casefold()) == len(text) else text
    taken = np.zeros(len(text), bool)
    hits: list[tuple[int, int, list[tuple[int, float]]]] = []
    by_length: Callable[[int], int] = lambda c: -len(str(found.terms[c]))  # noqa: E731
    for c in sorted(range(len(found.words)), key=by_length):
        label = str(found.terms[c]).casefold()
        if not label:
            continue
        for match in re.finditer(rf"(?<!\w){re.escape(label)}(?!\w)", low):
            if not taken[match.start() : match.end()].any():
                taken[match.start() : match.end()] = True
                hits.append((match.start(), match.end(), [(int(found.words[c]), 1.0)]))
    plain = [(*match.span(), []) for match in CHUNK.finditer(text) if not taken[match.start() : match.end()].any()]  # type: list[tuple[int, int, list[tuple[int, float]]]]
    whole = sorted([*hits, *plain], key=lambda one: one[0])
    return [(a, b) for a, b, _ in whole], [PLAIN for _ in whole], [columns for *_, columns in whole]
