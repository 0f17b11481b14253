"""How is a matrix visited that does not fit into memory?

`Blocks` is X cut into blocks of whole rows, in order: each block is a CSR or dense matrix of all columns, read when it is its
turn and let go of afterwards. The cut belongs to the data, not to the machine: sums over blocks are added in a tree whose shape
follows from their number, so a result has the same bits whoever computes it.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import scipy.sparse as sp

from nmfcore.core.errors import ProblemError
from nmfcore.core.factorization import Axes, Matrix, stored_values
from nmfcore.core.matrices import NEEDS_MEMORY, as_matrix

BLOCK_VALUES = 1 << 23  # stored values of a block that is made here, 64 MB in float32; docs/beyond-memory.md says why
BLOCK_ROWS = 1 << 20  # rows of a block at most: the factors of a block have to fit as well
LARGEST, SMALLEST = 2.0**20, 2.0**-20  # the span of the largest entry in which nothing over- or underflows, as in checks


@dataclass(frozen=True)
class Facts:
    """What one look at every entry tells.

    squared_norm, total : the sums of x^2 and x, in float64
    largest : the largest entry
    stored : entries that are stored (of a dense block: all)
    empty_rows : rows without an entry above 0; first_empty : the first of them, counted from 0
    """

    squared_norm: float = 0.0
    total: float = 0.0
    largest: float = 0.0
    stored: int = 0
    empty_rows: int = 0
    first_empty: int | None = None

    def __add__(self, other: Facts) -> Facts:
        """Of two runs of rows, the first one before the second."""
        return Facts(
            self.squared_norm + other.squared_norm,
            self.total + other.total,
            max(self.largest, other.largest),
            self.stored + other.stored,
            self.empty_rows + other.empty_rows,
            self.first_empty if self.first_empty is not None else other.first_empty,
        )


class Blocks(ABC):
    """X (m, n), finite and >= 0, as blocks of rows.

    edges : (p + 1,) int64: block i holds the rows edges[i] to edges[i + 1]; columns : n; dtype : float32 or float64
    sparse : whether blocks are CSR; axes : names and labels; title : a name for people
    fingerprint : SHA-256 of content, labels and cut, or "" where it would have to be computed
    facts : what is known of all entries, or None until somebody has looked (`measured`)
    """

    by_blocks = True  # what core/checks.py knows them by
    edges: np.ndarray
    columns: int
    dtype: np.dtype
    sparse: bool = True
    axes: Axes = Axes()
    title: str = "X"
    fingerprint: str = ""
    facts: Facts | None = None

    @abstractmethod
    def block(self, index: int) -> Matrix:
        """Block `index` as it is used: canonical CSR or C-ordered, of `dtype`; maybe a view of a file."""

    def release(self, index: int) -> None:  # noqa: B027 (what is in memory has nothing to let go of)
        """The block is not needed for a while: pages of a mapped file may go."""

    def nbytes(self, index: int) -> int:
        """Bytes that are read to visit the block, as far as that is known without reading it."""
        facts, rows = self.facts, int(self.edges[index + 1] - self.edges[index])
        if not self.sparse:
            return rows * self.columns * self.dtype.itemsize
        share = rows / max(1, self.shape[0])
        return int((facts.stored if facts else 0) * share * (self.dtype.itemsize + 4)) + 8 * rows

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.edges[-1]), int(self.columns)

    def span(self, index: int) -> tuple[int, int]:
        """First row of a block, and the one after its last."""
        return int(self.edges[index]), int(self.edges[index + 1])

    def in_memory(self, *_: Any, **__: Any) -> NoReturn:
        """Whatever takes X for a matrix gets a sentence that says what it needs instead of an error of NumPy's.

        Raises
        ------
        ProblemError
        """
        raise ProblemError(NEEDS_MEMORY.format(name="X"))

    __array__ = __array_ufunc__ = __getitem__ = __iter__ = __matmul__ = __rmatmul__ = __mul__ = __rmul__ = __sub__ = in_memory
    sum = max = min = multiply = toarray = astype = in_memory

    def rows(self, begin: int, end: int) -> Matrix:
        """The rows begin <= i < end as one matrix in memory; only the blocks that hold them are read."""
        first, last = np.searchsorted(self.edges, [begin, max(begin, end - 1)], side="right") - 1
        parts = []
        for index in range(int(first), int(last) + 1):
            at = int(self.edges[index])
            piece = self.block(index)[max(0, begin - at) : max(0, end - at)]
            parts.append(piece.copy())
            self.release(index)
        return sp.csr_array(sp.vstack(parts, format="csr")) if self.sparse else np.vstack(parts)


class ArrayBlocks(Blocks):
    """A matrix in memory, cut into blocks: for tests, and for whoever wants the arithmetic of blocks on small data."""

    def __init__(self, X: Any, *, edges: Sequence[int] | None = None, axes: Axes | None = None, title: str = "X") -> None:
        self.X = as_matrix(X, axes=axes)
        self.edges = np.asarray(edges if edges is not None else cut(self.X), np.int64)
        self.columns, self.dtype, self.sparse = self.X.shape[1], self.X.dtype, sp.issparse(self.X)
        self.axes, self.title = axes or Axes(), title
        self.facts = facts_of(self.X)

    def block(self, index: int) -> Matrix:
        begin, end = self.span(index)
        return self.X[begin:end]

    def nbytes(self, index: int) -> int:
        begin, end = self.span(index)
        values = int(self.X.indptr[end] - self.X.indptr[begin]) if self.sparse else (end - begin) * self.columns
        return values * (self.dtype.itemsize + 4 * self.sparse)


def cut(X: Matrix, values: int = BLOCK_VALUES, rows: int = BLOCK_ROWS) -> list[int]:
    """Edges of blocks of X (m, n) of about equal work: about so many stored values each, and at most so many rows."""
    m = X.shape[0]
    stored = stored_values(X)
    parts = min(m, max(1, round(stored / values), -(-m // rows)))
    if sp.issparse(X):
        inner = np.searchsorted(X.indptr, stored * np.arange(1, parts) / parts)
    else:
        inner = m * np.arange(1, parts) // parts
    edges = [0]
    for end in np.unique([*inner.tolist(), m]).tolist():
        begin, pieces = edges[-1], -(-(end - edges[-1]) // rows)
        edges += [begin + (end - begin) * k // pieces for k in range(1, pieces + 1)]
    return edges


def facts_of(X: Matrix, first_row: int = 0) -> Facts:
    """The facts of one block; first_row : the number of its first row in the whole.

    X : (rows, n) array or CSR, one block
    """
    values = X.data if sp.issparse(X) else X.ravel()
    if sp.issparse(X):
        starts = X.indptr[:-1]
        filled = np.diff(X.indptr) > 0
        largest = np.zeros(X.shape[0], X.dtype)
        if filled.any():
            largest[filled] = np.maximum.reduceat(values, starts[filled])
    else:
        largest = X.max(axis=1, initial=0)
    empty = np.flatnonzero(largest == 0)
    return Facts(
        float(np.einsum("i,i->", values, values, dtype=np.float64)),
        float(values.sum(dtype=np.float64)),
        float(largest.max(initial=0)),
        stored_values(X),
        len(empty),
        first_row + int(empty[0]) if len(empty) else None,
    )


def checked_block(block: Any, first_row: int, columns: int, axes: Axes, dtype: np.dtype | None = None) -> Matrix:
    """A block as the solvers want it: CSR with sorted indices and without duplicates, or C-ordered; finite and >= 0.

    Raises
    ------
    ProblemError
        Naming row, column and value of the first entry that is negative or not finite, or what the block is instead.
    """
    matrix = as_matrix(block, allow_missing=True, name=f"The block that begins at row {first_row + 1:,}")
    if matrix.shape[1] != columns:
        raise ProblemError(
            f"The block that begins at row {first_row + 1:,} has {matrix.shape[1]:,} columns, the others {columns:,}. "
            "Every block has to hold all columns."
        )
    if dtype is not None and matrix.dtype != dtype:
        matrix = matrix.astype(dtype)
    values = matrix.data if sp.issparse(matrix) else matrix
    if values.size and not (values.min() >= 0 and np.isfinite(values.max())):
        _refuse(matrix, values, first_row, axes)
    return matrix


def _refuse(matrix: Matrix, values: np.ndarray, first_row: int, axes: Axes) -> None:
    wrong = ~(np.isfinite(values) & (values >= 0))
    at = int(np.argmax(wrong))
    if sp.issparse(matrix):
        row, column = int(np.searchsorted(matrix.indptr, at, side="right")) - 1, int(matrix.indices[at])
    else:
        row, column = divmod(at, matrix.shape[1])
    value = float(values.ravel()[at])
    kind = "missing (NaN)" if np.isnan(value) else "infinite" if np.isinf(value) else "negative"
    place = f"row {first_row + row + 1:,}"
    place += f" ({axes.rows.label(first_row + row)})" if axes.rows.labels is not None else ""
    place += f", column {column + 1:,}"
    place += f" ({axes.columns.label(column)})" if axes.columns.labels is not None else ""
    raise ProblemError(
        f"X has {int(np.count_nonzero(wrong)):,} {'entry' if np.count_nonzero(wrong) == 1 else 'entries'} that NMF cannot use in "
        f"the rows {first_row + 1:,} to {first_row + matrix.shape[0]:,}; the first is {kind}: {value:g} at {place}. "
        "NMF needs finite numbers >= 0: clip, fill or drop them in the source, then convert again."
    )


def measured(blocks: Blocks, report: Callable[[int], None] | None = None) -> Facts:
    """The facts of all blocks; one look at every entry where they are not known, and they are kept."""
    if blocks.facts is None:
        total = Facts()
        for index in range(len(blocks)):
            total = total + facts_of(blocks.block(index), blocks.span(index)[0])
            blocks.release(index)
            if report is not None:
                report(index)
        blocks.facts = total
    return blocks.facts


def scale_of(facts: Facts) -> float:
    """The power of four by which X is divided so that nothing over- or underflows: 1 for nearly all data (see `Problem`)."""
    if facts.largest == 0.0 or SMALLEST <= facts.largest <= LARGEST:
        return 1.0
    return float(4.0 ** min(round(np.log2(facts.largest) / 2), 511))


def fingerprint_of(parts: Sequence[str]) -> str:
    """One SHA-256 for several, in order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def is_blocks(X: Any) -> bool:
    """Whether X is visited block by block: `Blocks`, or an array of Dask.

    X : anything of shape (m, n)
    """
    return isinstance(X, Blocks) or is_dask(X)


def is_dask(X: Any) -> bool:
    """Whether X is an array of Dask; Dask is not imported for the question.

    X : anything of shape (m, n)
    """
    return type(X).__module__.partition(".")[0] == "dask" and hasattr(X, "chunks") and hasattr(X, "to_delayed")


class DaskBlocks(Blocks):
    """An array of Dask in row chunks, all columns in one chunk, dense or CSR inside, as scanpy and anndata make it.

    Raises
    ------
    ProblemError
        If it is cut into column chunks or has chunks of unknown size; the message says what to do.
    """

    def __init__(self, array: Any, *, axes: Axes | None = None, title: str = "Dask array") -> None:
        if array.ndim != 2:
            raise ProblemError(f"This Dask array has {array.ndim} dimension(s); NMF needs a table of rows and columns.")
        if any(np.isnan(size) for sizes in array.chunks for size in sizes):
            raise ProblemError("This Dask array has chunks of unknown size. Call compute_chunk_sizes() on it first.")
        if len(array.chunks[1]) > 1:
            raise ProblemError(
                f"This Dask array is cut into {len(array.chunks[1])} column chunks; a block needs all columns of its rows. "
                "Rechunk it: array.rechunk({1: -1}); what is stored by columns has to be stored by rows once."
            )
        kept = [i for i, size in enumerate(array.chunks[0]) if size]
        self.array, self.kept = array, kept
        self.edges = np.concatenate([[0], np.cumsum([array.chunks[0][i] for i in kept], dtype=np.int64)]).astype(np.int64)
        self.columns = int(array.shape[1])
        if min(self.shape) == 0:
            raise ProblemError(f"This Dask array is empty: {self.shape[0]} rows × {self.columns} columns.")
        self.dtype = np.dtype(array.dtype) if array.dtype in (np.float32, np.float64) else np.dtype(np.float64)
        self.sparse = "scipy.sparse" in type(array._meta).__module__ or type(array._meta).__module__.startswith("sparse")
        self.axes, self.title = axes or Axes(), title

    def delayed(self) -> list[Any]:
        """One delayed block for each chunk, checked when it is computed."""
        import dask

        parts = self.array.to_delayed().ravel()
        make = dask.delayed(_prepared, pure=True)
        return [make(parts[i], int(self.edges[k]), self.columns, self.dtype) for k, i in enumerate(self.kept)]

    def block(self, index: int) -> Matrix:
        return self.delayed()[index].compute(scheduler="synchronous")


def _prepared(chunk: Any, first_row: int, columns: int, dtype: np.dtype) -> Matrix:
    """A chunk as a block; any sparse kind becomes CSR."""
    if hasattr(chunk, "to_scipy_sparse"):  # the package `sparse`
        chunk = chunk.to_scipy_sparse()
    return checked_block(chunk, first_row, columns, Axes(), dtype)


def as_visited(X: Any, axes: Axes | None = None) -> Blocks:
    """Blocks as they are, an array of Dask as `DaskBlocks`.

    X : `Blocks`, or an array of Dask, of shape (m, n)
    """
    return DaskBlocks(X, axes=axes) if is_dask(X) else X
