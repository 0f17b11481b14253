"""What was in the file, and what does it become?

A `Table` is what a reader understood: the matrix as it stands in the file, with NaN where a cell is missing and with
negative numbers if there are any. `as_dataset` turns it into a `Dataset` once it is settled what rows are, what a missing
cell means, what zero means and what happens to negative numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.errors import Fix, shown
from nmfcore.data.model.words import Counting, term_counts


@dataclass(frozen=True)
class Question:
    """Something that a file does not settle.

    key : names the question ("ratings or counts")
    asks : the question, as a person reads it
    choices : the answers, each with the options of `read_matrix` that give it and what follows from it; the first one was taken
    """

    key: str
    asks: str
    choices: tuple[Fix, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"key": self.key, "asks": self.asks, "choices": [choice.to_dict() for choice in self.choices]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Question:
        return cls(str(plain["key"]), str(plain["asks"]), tuple(Fix.from_dict(choice) for choice in plain["choices"]))


@dataclass(frozen=True)
class Missing:
    """How many cells are missing or negative, and where the first one is."""

    count: int
    place: str = ""
    value: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """What a reader understood of a file.

    name : the file's name
    content : "matrix", "ratings", "counts" (of terms in documents), "documents" or "images"
    X : (m, n) array with NaN for missing cells, or CSR array; None when the content is documents
    row_labels, column_labels : or None when the file has none
    notes : a sentence for everything assumed, dropped or changed
    understood : what was recognised, JSON values: format, delimiter, decimal, encoding, header, index column, sheet, ...
    aside : columns that are not part of the matrix, by name: the facts of the rows; any can serve as known labels
    column_aside : the same of the columns (what an h5ad file says of its genes)
    documents : the texts, or None
    image_shape : (height, width) when a row is an image
    absent : what an entry that a sparse X does not store means: "zero" or "missing" (ratings)
    questions : what the file does not settle, and how it was taken
    """

    name: str
    content: str = "matrix"
    X: Any = None
    row_labels: Sequence[str] | None = None
    column_labels: Sequence[str] | None = None
    notes: tuple[str, ...] = ()
    understood: Mapping[str, Any] = field(default_factory=dict)
    aside: Mapping[str, Sequence[str]] = field(default_factory=dict)
    column_aside: Mapping[str, Sequence[str]] = field(default_factory=dict)
    documents: Sequence[str] | None = None
    image_shape: tuple[int, int] | None = None
    absent: str = "zero"
    questions: tuple[Question, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        """matrix, row labels, column labels, notes: `X, rows, columns, notes = read_matrix(file)`."""
        return iter((self.matrix, self.row_labels, self.terms, self.notes))

    @cached_property
    def matrix(self) -> Any:
        """The matrix; for documents the counts of their words, made when first asked for."""
        if self.X is not None or self.documents is None:
            return self.X
        return self._counts[0]

    @cached_property
    def _counts(self) -> tuple[Any, list[str]]:
        counts, terms, _ = term_counts(self.documents or (), Counting(token_pattern="natural"))
        return counts, terms

    @property
    def terms(self) -> Sequence[str] | None:
        """The labels of `matrix`'s columns; for documents their words."""
        return self.column_labels if self.X is not None or self.documents is None else self._counts[1]

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n); documents have n = 0 until they are prepared."""
        if self.X is None:
            return (len(self.documents or ()), 0)
        return (int(self.X.shape[0]), int(self.X.shape[1]))

    @property
    def sparse(self) -> bool:
        return sp.issparse(self.X)

    @property
    def mask(self) -> np.ndarray | None:
        """(m, n) uint8, 1 = the file has a value there; None when it has one everywhere."""
        if self.X is None:
            return None
        if self.absent == "missing":
            return stored_mask(self.X)
        if not self.missing.count:
            return None
        return 1 - np.isnan(self.X.toarray() if self.sparse else self.X).astype(np.uint8)

    @cached_property
    def missing(self) -> Missing:
        """The missing cells: those the file leaves empty or marks as such."""
        if self.X is None:
            return Missing(0)
        if self.absent == "missing":
            m, n = self.shape
            return Missing(m * n - int(self.X.nnz))
        return self._where(np.isnan, "")

    @cached_property
    def negatives(self) -> Missing:
        """The negative cells."""
        return Missing(0) if self.X is None else self._where(lambda values: values < 0, "value")

    def _where(self, test: Any, show: str) -> Missing:
        values = self.X.data if self.sparse else self.X.reshape(-1)
        count, first = 0, -1
        for start in range(0, values.size, _CHUNK):  # no second array of the matrix's size
            hits = np.flatnonzero(test(values[start : start + _CHUNK]))
            if hits.size and first < 0:
                first = start + int(hits[0])
            count += int(hits.size)
        if first < 0:
            return Missing(0)
        if self.sparse:
            row = int(np.searchsorted(self.X.indptr, first, side="right")) - 1
            column = int(self.X.indices[first])
        else:
            row, column = divmod(first, self.shape[1])
        return Missing(count, self.place(row, column), f"{values[first]:g}" if show else "")

    def place(self, row: int, column: int) -> str:
        """An entry of the matrix in words: "row 3 ('Jaws'), column 2 ('shark')"; counted from 1."""
        words = []
        for name, index, labels in (("row", row, self.row_labels), ("column", column, self.column_labels)):
            words.append(f"{name} {index + 1}" + (f" ({shown(labels[index])})" if labels is not None else ""))
        return ", ".join(words)


_CHUNK = 2**20  # values looked at in one go


def stored_mask(X: Any) -> np.ndarray:
    """(m, n) uint8: 1 where a CSR array stores an entry, explicit zeros included.

    X : (m, n) CSR
    """
    mask = np.zeros(X.shape, np.uint8)
    mask[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices] = 1
    return mask
