"""Which rows of a data set does somebody mean by what they typed?

A row is found by its label (or the name of its known class), by its words (it has every word that was typed), or, where the
words are not all known and there are texts, by the exact phrase in its text. Rows found by label come first, then those with the
words, the largest sum of their entries first, then the order of the data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.dataset import Dataset

LONGEST = 200  # characters of a search


@dataclass(frozen=True, eq=False)
class Hits:
    """The rows found, those by label first; how many were found by label, by words, and by the phrase in their text."""

    items: np.ndarray
    by_label: int
    by_words: int
    by_text: int


def find_rows(dataset: Dataset, query: str) -> Hits:
    """The rows that a search finds; all rows for an empty one."""
    wanted = " ".join(query[:LONGEST].casefold().split())
    m = dataset.shape[0]
    if not wanted:
        return Hits(np.arange(m), 0, 0, 0)
    label = _by_label(dataset, wanted)
    weights = _by_words(dataset, wanted)
    text = np.zeros(m, bool)
    if weights is None and dataset.documents is not None:
        phrase = re.compile(r"\s+".join(map(re.escape, wanted.split())))  # also where the text breaks the line
        text = np.fromiter((phrase.search(str(one).casefold()) is not None for one in dataset.documents), bool, m)
    weights = np.zeros(m) if weights is None else weights
    words = weights > 0
    rest = np.flatnonzero((words | text) & ~label)
    rest = rest[np.argsort(-weights[rest], kind="stable")]
    return Hits(
        np.concatenate([np.flatnonzero(label), rest]), int(label.sum()), int((words & ~label).sum()), int((text & ~label).sum())
    )


def _by_label(dataset: Dataset, wanted: str) -> np.ndarray:
    """(m,) rows whose label or class holds the text; without labels, the row of that number."""
    m, rows = dataset.shape[0], dataset.axes.rows
    found = np.zeros(m, bool)
    if rows.labels is not None:
        found = np.fromiter((wanted in str(label).casefold() for label in rows.labels), bool, m)
    else:
        number = wanted.removeprefix(rows.singular.casefold()).strip().lstrip("#")
        if number.isascii() and number.isdigit() and len(number) < 10 and 1 <= int(number) <= m:
            found[int(number) - 1] = True
    if dataset.classes is not None:
        named = [i for i, name in enumerate(dataset.classes.names) if wanted in str(name).casefold()]
        found |= np.isin(dataset.classes.index, named)
    return found


def _by_words(dataset: Dataset, wanted: str) -> np.ndarray | None:
    """(m,) sums of the entries of the words where a row has every one, else 0; None when one of them is no column.

    A column whose label is several words is one word too.
    """
    X, labels = dataset.X, dataset.axes.columns.labels
    if X is None or labels is None:
        return None
    pieces = {wanted, *wanted.replace(",", " ").split()}
    place = {folded: j for j, label in enumerate(labels) if (folded := str(label).casefold()) in pieces}
    columns = [place[wanted]] if wanted in place else [place.get(word, -1) for word in wanted.replace(",", " ").split()]
    if not columns or -1 in columns:
        return None
    entries = [_column(X, j) for j in dict.fromkeys(columns)]
    every = np.logical_and.reduce([entry > 0 for entry in entries])
    return np.where(every, np.sum(entries, axis=0), 0.0)


def _column(X: Any, j: int) -> np.ndarray:
    """(m,) column j; a CSR array has each entry once, so no slice of it is made."""
    if not sp.issparse(X):
        return np.asarray(X[:, j], np.float64)
    found = np.zeros(X.shape[0])
    stored = np.flatnonzero(X.indices == j)
    found[np.searchsorted(X.indptr, stored, side="right") - 1] = X.data[stored]
    return found
