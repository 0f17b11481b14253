"""What is a data set, once it is loaded?

A `Dataset` is X with the names of its axes, what is known about it, and the steps that made it. A text data set begins as
a corpus (documents, X is None) and becomes a matrix by the `text` step of nmfcore/data/prepare.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Axes
from nmfcore.data.model.facts import Classes, Facts

if TYPE_CHECKING:
    from nmfcore.data.model.card import Card


@dataclass(frozen=True)
class Summary:
    """The numbers of a matrix that stand before and after a step of preparation.

    stored counts entries that are not zero; density is their share of m n. Minimum, maximum and mean are over all entries
    (with a mask: over the observed ones). A corpus has rows only.
    """

    rows: int
    columns: int = 0
    stored: int = 0
    density: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    mean: float = 0.0


@dataclass(frozen=True)
class Effect:
    """What one step of preparation did: its name, the numbers before and after, and what it dropped or assumed."""

    step: str
    before: Summary
    after: Summary
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """A matrix to factorize, or the corpus that becomes one.

    key, title : of the catalog's card, or "upload" and the file's name
    X : (m, n) C-ordered array or CSR array, float32 or float64, finite, >= 0; None for a corpus
    axes : names, singulars and labels of rows and columns
    kind : "documents", "ratings", "images", "expression" or "table"
    card : the catalog's card; None for an upload
    notes : sentences on everything dropped, filled or assumed on the way here
    source : where it came from ("scikit-learn's cache")
    documents : the raw text of each row, or None
    classes, column_classes : known labels of the rows, and of the columns (samples of gene expression), or None
    facts, column_facts : what else is known of the rows and of the columns; never factorized, empty when nothing is
    mask : (m, n) uint8 array, 1 = observed; None when everything is
    options : how it was loaded, JSON values (a RunSpec's `data_options`)
    steps : how it was prepared, JSON values (a RunSpec's `preparation`)
    effects : what each of these steps did
    image_shape : (height, width) when a row is an image
    zero_means : what an entry of 0 says, one clause
    decimal : the decimal sign of the file it came from, for values that are typed to go with it
    owner : whose it is; what is computed from it is kept under that name and shared with nobody else. "" for a catalog's data
    """

    key: str
    title: str
    X: Any
    axes: Axes = field(default_factory=Axes)
    kind: str = "table"
    card: Card | None = None
    notes: tuple[str, ...] = ()
    source: str = ""
    documents: Sequence[str] | None = None
    classes: Classes | None = None
    column_classes: Classes | None = None
    mask: np.ndarray | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Mapping[str, Any], ...] = ()
    effects: tuple[Effect, ...] = ()
    image_shape: tuple[int, int] | None = None
    zero_means: str = ""
    facts: Facts = field(default_factory=Facts)
    column_facts: Facts = field(default_factory=Facts)
    decimal: str = "."
    owner: str = ""

    def __post_init__(self) -> None:
        sizes = self.shape if self.X is not None else (len(self.documents or ()), None)
        for axis, size in zip((self.axes.rows, self.axes.columns), sizes, strict=True):
            if axis.labels is not None and size is not None and len(axis.labels) != size:
                raise ValueError(f"{len(axis.labels):,} labels for {size:,} {axis.name} of {self.title!r}.")
        for axis, size, facts in zip((self.axes.rows, self.axes.columns), sizes, (self.facts, self.column_facts), strict=True):
            if facts and size is not None and facts.items != size:
                raise ValueError(f"Facts of {facts.items:,} for {size:,} {axis.name} of {self.title!r}.")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content (dtype, shape, values, mask, labels, documents, facts); taken once, when first asked for."""
        return content_hash(self)

    @property
    def identity(self) -> str:
        """Names this data set among all that a process holds: the fingerprint of its content, and whose it is.

        Equal content of two people has one fingerprint and two identities, so that names, labels and results never meet.
        """
        return f"{self.fingerprint}@{self.owner}" if self.owner else self.fingerprint

    @property
    def is_corpus(self) -> bool:
        """Whether this is still text: the `text` step has to make a matrix of it."""
        return self.X is None

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n); a corpus has n = 0."""
        if self.X is None:
            return (len(self.documents or ()), 0)
        return (int(self.X.shape[0]), int(self.X.shape[1]))

    @property
    def sparse(self) -> bool:
        return sp.issparse(self.X)

    @property
    def nbytes(self) -> int:
        """Bytes of the matrix and its mask (a corpus: of its characters)."""
        if self.X is None:
            return sum(map(len, self.documents or ()))
        mask = 0 if self.mask is None else self.mask.nbytes
        if self.sparse:
            return int(self.X.data.nbytes + self.X.indices.nbytes + self.X.indptr.nbytes) + mask
        return int(self.X.nbytes) + mask

    def summary(self) -> Summary:
        """The numbers of its matrix."""
        return summarise(self.X, self.mask) if self.X is not None else Summary(self.shape[0])

    def owned_by(self, owner: str) -> Dataset:
        """The same data as somebody's own; the fingerprint, which costs time, comes along."""
        new = self.changed(owner=owner)
        if "fingerprint" in self.__dict__:
            new.__dict__["fingerprint"] = self.fingerprint
        return new

    def changed(self, **changes: Any) -> Dataset:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def take_rows(self, rows: np.ndarray) -> Dataset:
        """The data set with some of its rows, in the given order: documents, classes, labels and mask follow."""
        labels = self.axes.rows.labels
        axis = replace(self.axes.rows, labels=None if labels is None else [labels[i] for i in rows])
        return self.changed(
            X=None if self.X is None else self.X[rows],
            axes=Axes(axis, self.axes.columns),
            documents=None if self.documents is None else [self.documents[i] for i in rows],
            classes=None if self.classes is None else self.classes.take(rows),
            facts=self.facts.take(rows),
            mask=None if self.mask is None else np.ascontiguousarray(self.mask[rows]),
        )

    def take_columns(self, columns: np.ndarray) -> Dataset:
        """The data set with some of its columns, in the given order; no longer images, if it was."""
        labels = self.axes.columns.labels
        axis = replace(self.axes.columns, labels=None if labels is None else [labels[j] for j in columns])
        return self.changed(
            X=as_kept(self.X[:, columns]),
            axes=Axes(self.axes.rows, axis),
            mask=None if self.mask is None else np.ascontiguousarray(self.mask[:, columns]),
            column_classes=None if self.column_classes is None else self.column_classes.take(columns),
            column_facts=self.column_facts.take(columns),
            image_shape=None,
        )


def as_kept(X: Any) -> Any:
    """X as a data set keeps it: a CSR array with sorted indices and no stored zeros, or a C-ordered array; float32 or float64.

    X : (m, n) array-like or any scipy sparse matrix
    """
    dtype = X.dtype if X.dtype in (np.float32, np.float64) else np.float64
    if not sp.issparse(X):
        return np.ascontiguousarray(X, dtype=dtype)
    csr = sp.csr_array(X)
    if csr.dtype != dtype:
        csr = csr.astype(dtype)
    if not csr.has_canonical_format or (csr.data == 0).any():
        csr = csr.copy()
        csr.sum_duplicates()
        csr.eliminate_zeros()
    return csr


def summarise(X: Any, mask: np.ndarray | None = None) -> Summary:
    """The numbers of one matrix, sums in float64.

    X : (m, n) array or CSR;  mask : (m, n), 1 = observed
    """
    m, n = (int(size) for size in X.shape)
    values = X.data if sp.issparse(X) else np.ravel(X) if mask is None else X[mask.astype(bool)]
    count = m * n if mask is None or sp.issparse(X) else int(values.size)
    stored = int(np.count_nonzero(values))
    if not count:
        return Summary(m, n)
    full = values.size == count  # otherwise some entries are the zeros that are not stored
    low = float(values.min()) if values.size else 0.0
    high = float(values.max()) if values.size else 0.0
    return Summary(
        rows=m,
        columns=n,
        stored=stored,
        density=stored / (m * n),
        minimum=low if full else min(low, 0.0),
        maximum=high if full else max(high, 0.0),
        mean=float(values.sum(dtype=np.float64)) / count,
    )


class _Digest:
    """SHA-256 of named things, each with its kind and size, so that no two contents run into each other."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def say(self, line: str) -> None:
        self._sum.update(line.encode())

    def array(self, name: str, array: np.ndarray) -> None:
        self.say(f"{name} {array.dtype.str} {array.shape}\n")
        self._sum.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")

    def whole(self, name: str, array: np.ndarray) -> None:
        """Whole numbers as int64, whatever they are stored as; in pieces, so that no second array is made."""
        self.say(f"{name} {array.shape}\n")
        for start in range(0, array.size, 2**18):
            self._sum.update(array[start : start + 2**18].astype(np.int64, copy=False).data.cast("B"))

    def texts(self, name: str, texts: Sequence[str] | None) -> None:
        self.say(f"{name} {'none' if texts is None else len(texts)}\n")
        for text in texts or ():
            raw = str(text).encode("utf-8", "surrogatepass")
            self._sum.update(len(raw).to_bytes(8, "little"))
            self._sum.update(raw)

    def facts(self, name: str, facts: Facts) -> None:
        for fact in facts:
            self.texts(f"{name} {fact.name} {fact.kind}", fact.names)
            if fact.kind == "text":
                self.texts("texts", fact.values)
            else:
                self.array("values", fact.values.view(np.int64) if fact.kind == "date" else fact.values)

    def hex(self) -> str:
        return self._sum.hexdigest()


def content_hash(dataset: Dataset) -> str:
    """SHA-256 over everything that makes two data sets different: values, shape, dtype, mask, labels, texts.

    The facts of an upload belong to it. Those of a catalog data set come with its card and may be added to without making other
    data of it: nothing is computed from them.
    """
    digest, X = _Digest(), dataset.X
    if sp.issparse(X):
        digest.say(f"csr {X.shape}\n")
        digest.array("data", X.data)
        digest.whole("indices", X.indices)
        digest.whole("indptr", X.indptr)
    elif X is not None:
        digest.array("dense", X)
    if dataset.mask is not None:
        digest.array("mask", dataset.mask)
    for name, axis in (("rows", dataset.axes.rows), ("columns", dataset.axes.columns)):
        digest.say(json.dumps([axis.name, axis.singular]))
        digest.texts(name, axis.labels)
    digest.texts("documents", dataset.documents)
    for name, classes in (("classes", dataset.classes), ("column classes", dataset.column_classes)):
        if classes is not None:
            digest.texts(name, classes.names)
            digest.array(name, classes.index)
    if dataset.card is None:
        digest.facts("facts", dataset.facts)
        digest.facts("column facts", dataset.column_facts)
    return digest.hex()
