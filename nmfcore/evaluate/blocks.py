"""What can be said of data that is visited block by block?

Each function here is a stated number of passes over X, by threads of this process or by a Dask client's workers, with the same
bits either way. What needs all of X at one time works on a sample of its rows instead (`sample`), and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import Blocks, as_visited
from nmfcore.core.checks import as_problem, check_rank
from nmfcore.core.errors import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.evaluate.svd import SVD, fix_signs
from nmfcore.kernels.engines import compiled, round_trip
from nmfcore.solvers.block_engines import Engine, engine_for, mapped_array
from nmfcore.solvers.block_work import Order, Tree
from nmfcore.solvers.blocked import directions
from nmfcore.topics.encode import encode_rows

Report = Callable[[str, float | None], None]

EXACT_COLUMNS = 2500  # up to so many columns X^T X is summed in one pass, and its eigenvalues are all singular values of X
SVD_PASSES = 4  # over X for the leading singular values: of word counts and cells they are then right to four digits
OVERSAMPLING = 10  # directions beyond the terms that are asked for
MOST_BINS = 1_000_000  # cells of a picture of block means


def _quiet(sentence: str, fraction: float | None) -> None:
    """A report that nobody reads."""


@dataclass(frozen=True)
class Visit:
    """Who visits the blocks: a Dask client, or so many threads of this process (None: one for each processor), and who is told.

    report : called with a sentence and the share that is done; what it raises ends the pass
    """

    client: Any = None
    threads: int | None = None
    report: Report = _quiet

    def engine(self, blocks: Blocks) -> Engine:
        return engine_for(blocks, self.client, self.threads)

    def each(self, blocks: Blocks, sentence: str, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """function(X_b, index, first_row, *args) of every block, in order."""
        engine = self.engine(blocks)
        try:
            for index, found in enumerate(engine.map(function, *args)):
                self.report(sentence, (index + 1) / len(blocks))
                yield found
        finally:
            engine.close()


def column_totals(X: Any, visit: Visit | None = None) -> np.ndarray:
    """The sum of each column of X (n,), in float64: what the relevance of words is measured against. One pass."""
    blocks = as_visited(X)
    tree = Tree(len(blocks))
    for index, totals in enumerate((visit or Visit()).each(blocks, "Column totals", _totals)):
        tree.put(index, totals, np.add)
    return tree.root


def transform(X: Any, H: np.ndarray, *, visit: Visit | None = None, folder: str | Path | None = None) -> np.ndarray:
    """W (m, r) of X for topics H (r, n) that stay fixed: the exact non-negative least squares of every row. One pass.

    W is a mapped file where it is large (`folder` says where); it goes when the array does.

    Raises
    ------
    ProblemError
        If H has another number of columns than X.
    """
    blocks = as_visited(X)
    H = np.asarray(H, blocks.dtype)
    if H.shape[1] != blocks.columns:
        raise ProblemError(f"H has {H.shape[1]:,} columns, X has {blocks.columns:,}.")
    W = mapped_array((blocks.shape[0], len(H)), blocks.dtype, folder)
    for index, rows in enumerate((visit or Visit()).each(blocks, "Weights", _encoded, H)):
        begin, end = blocks.span(index)
        W[begin:end] = rows
    return W


def relative_error(X: Any, W: np.ndarray, H: np.ndarray, *, visit: Visit | None = None) -> float:
    """||X - WH||_F / ||X||_F of factors that come from somewhere else. One pass, in float64.

    X : (m, n) blocks;  W : (m, r), may be a mapped file;  H : (r, n)

    Raises
    ------
    ProblemError
        If W and H do not fit X, or X is zero everywhere.
    """
    blocks = as_visited(X)
    if W.shape[0] != blocks.shape[0] or H.shape[1] != blocks.columns or W.shape[1] != H.shape[0]:
        raise ProblemError(f"W {W.shape} and H {H.shape} do not fit X {blocks.shape}.")
    tree, F = Tree(len(blocks)), np.ascontiguousarray(H.T, np.float64)
    for index, found in enumerate((visit or Visit()).each(blocks, "Error", _error, W, F)):
        tree.put(index, found, np.add)
    square, inner, model = tree.root
    if square == 0:
        raise ProblemError("X is zero everywhere, so a relative error has no meaning.")
    return float(np.sqrt(max(square - 2.0 * inner + model, 0.0) / square))


def svd(X: Any, rank: int, *, passes: int = SVD_PASSES, seed: int = 0, left: bool = True, visit: Visit | None = None,
        folder: str | Path | None = None) -> SVD:  # fmt: skip
    """The leading singular values and vectors of X, for the floor under every NMF of a rank.

    Up to 2500 columns they come from X^T X, summed in one pass, to about 8 digits. Beyond, from a range finder: `passes` over
    X, then the values of the last one, never too large. One more half pass makes the left vectors U.

    Parameters
    ----------
    X : (m, n) blocks, array or CSR, >= 0
    X : blocks or an array of Dask
    rank : terms to hold
    passes : at least 2; more where values fall slowly and more digits are wanted
    left : whether U is wanted, which costs the half pass and memory as long as X; without it U has no rows

    Raises
    ------
    ProblemError
        If the rank does not fit X, or there are fewer than two passes.

    Source: Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1.
    """
    blocks, visit = as_visited(X), visit or Visit()
    rank = check_rank(rank, blocks.shape)
    if passes < 2:
        raise ProblemError(f"An SVD of blocks takes at least 2 passes, not {passes}.")
    if blocks.columns <= EXACT_COLUMNS:
        tree = Tree(len(blocks))
        for index, found in enumerate(visit.each(blocks, "Gram matrix", _gram)):
            tree.put(index, found, np.add)
        values, vectors = np.linalg.eigh(tree.root)
        values, vectors = values[::-1], vectors[:, ::-1]
        norm2 = float(np.trace(tree.root))
        known = min(len(values), blocks.shape[0])
    else:
        values, vectors, norm2 = _by_range_finder(blocks, rank, passes, seed, visit)
        known = rank
    s = np.sqrt(np.maximum(values[:known], 0.0))
    V = np.ascontiguousarray(vectors[:, :rank])
    signs = fix_signs(np.ones((1, rank)), V.T)[0][0]
    U = np.zeros((0, rank))
    if left:
        U = mapped_array((blocks.shape[0], rank), np.dtype(np.float64), folder)
        inverse = np.divide(signs, s[:rank], out=np.zeros(rank), where=s[:rank] > 1e-7 * max(s[0], 1e-300))
        for index, rows in enumerate(visit.each(blocks, "Left vectors", _projected, V * inverse)):
            begin, end = blocks.span(index)
            U[begin:end] = rows
    shares = s**2 / norm2 if norm2 > 0 else np.full(len(s), np.nan)
    complete = blocks.columns <= EXACT_COLUMNS
    rest = float("nan") if not norm2 > 0 else 0.0 if complete else max(0.0, 1.0 - float(shares.sum()))
    return SVD(U, s[:rank].copy(), V.T * signs[:, None], False, norm2, s, shares, rest)


def _by_range_finder(blocks: Blocks, rank: int, passes: int, seed: int, visit: Visit) -> tuple[np.ndarray, np.ndarray, float]:
    """Squared singular values, right vectors (n, l) and ||X||^2."""
    rng = np.random.default_rng(seed)
    V = rng.random((blocks.columns, min(rank + OVERSAMPLING, *blocks.shape))) - 0.5
    V = np.linalg.qr(V)[0].astype(blocks.dtype)
    engine, norm2, used = visit.engine(blocks), 0.0, V
    try:
        for turn in range(passes):
            used = V
            for done, _ in enumerate(engine.go(Order("sketch", V, plain=compiled() is None, dtype=blocks.dtype.str))):
                visit.report(f"Pass {turn + 1} of {passes}", (turn + (done + 1) / len(blocks)) / passes)
            Z, square = engine.sums
            V, _ = directions(Z)
        norm2 = sum(engine.map(_squares))
    finally:
        engine.close()
    values, rotation = np.linalg.eigh(square)
    return values[::-1], used.astype(np.float64) @ rotation[:, ::-1], norm2


def sample(X: Any, rows: int, *, seed: int = 0, visit: Visit | None = None) -> tuple[np.ndarray, Matrix]:
    """Row numbers (rising) and those rows of X as one matrix: for what needs all of its data in memory, such as stability.

    Every row is as likely as every other one; only the blocks' chosen rows come into memory. One pass.

    X : (m, n) blocks, array or CSR;  the row numbers are (rows,), the matrix is (rows, n)
    """
    blocks = as_visited(X)
    m = blocks.shape[0]
    chosen = np.sort(np.random.default_rng(seed).choice(m, min(rows, m), replace=False))
    parts = list((visit or Visit()).each(blocks, "Sample", _taken, chosen))
    return chosen, sp.csr_array(sp.vstack(parts, format="csr")) if sp.issparse(parts[0]) else np.vstack(parts)


def block_means(
    X: Any, row_bins: int, column_of: np.ndarray, column_bins: int, *, visit: Visit | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The mean of X in each cell of a coarse grid, and how many entries a cell has, for a picture of the whole matrix. One pass.

    Parameters
    ----------
    X : (m, n) blocks, array or CSR
    row_bins : runs of neighbouring rows, of about equal length
    column_of : (n,) the bin of each column, 0 to column_bins - 1

    Returns
    -------
    means (row_bins, column_bins), counts (row_bins, column_bins)

    Raises
    ------
    ProblemError
        If the grid has too many cells, or a column has no bin.
    """
    blocks = as_visited(X)
    column_of = np.asarray(column_of, np.int64)
    if row_bins * column_bins > MOST_BINS or column_of.shape != (blocks.columns,):
        raise ProblemError(f"A picture has at most {MOST_BINS:,} cells, and a bin for each of the {blocks.columns:,} columns.")
    tree = Tree(len(blocks))
    one = partial(_binned, rows=blocks.shape[0], row_bins=row_bins, column_bins=column_bins)
    for index, sums in enumerate((visit or Visit()).each(blocks, "Block means", one, column_of)):
        tree.put(index, sums, np.add)
    heights = np.bincount(row_bin(np.arange(blocks.shape[0]), blocks.shape[0], row_bins), minlength=row_bins)
    counts = np.outer(heights, np.bincount(column_of, minlength=column_bins))
    return np.divide(tree.root, counts, out=np.zeros(counts.shape), where=counts > 0), counts


def row_bin(rows: np.ndarray, count: int, bins: int) -> np.ndarray:
    """The bin of each row number when `count` rows are cut into `bins` runs of about equal length."""
    return np.minimum(rows.astype(np.int64) * bins // max(1, count), bins - 1)


# -- what is done to one block ------------------------------------------------------------------------------------------------
def _totals(X: Matrix, index: int, first_row: int) -> np.ndarray:
    return np.asarray(X.sum(axis=0, dtype=np.float64)).ravel()


def _squares(X: Matrix, index: int, first_row: int) -> float:
    values = X.data if sp.issparse(X) else X.ravel()
    return float(np.einsum("i,i->", values, values, dtype=np.float64))


def _error(X: Matrix, index: int, first_row: int, W: np.ndarray, F: np.ndarray) -> np.ndarray:
    """||X_b||^2, <X_b, W_b H> and ||W_b H||^2 of one block."""
    W_b = np.asarray(W[first_row : first_row + X.shape[0]], np.float64)
    inner = np.einsum("ij,ij->", X.astype(np.float64) @ F, W_b)
    model = np.einsum("ij,ij->", W_b.T @ W_b, F.T @ F)
    return np.array([_squares(X, index, first_row), inner, model])


def _encoded(X: Matrix, index: int, first_row: int, H: np.ndarray) -> np.ndarray:
    problem = as_problem(X, len(H), overcomplete=True)
    return encode_rows(problem, H, tol=0.0, max_iter=1)[0]


def _gram(X: Matrix, index: int, first_row: int) -> np.ndarray:
    A = X.astype(np.float64)
    G = A.T @ A
    return G.toarray() if sp.issparse(G) else G


def _projected(X: Matrix, index: int, first_row: int, V: np.ndarray) -> np.ndarray:
    return round_trip(X.astype(np.float64), V, back=False, plain=compiled() is None)[0]


def _taken(X: Matrix, index: int, first_row: int, chosen: np.ndarray) -> Matrix:
    mine = chosen[(chosen >= first_row) & (chosen < first_row + X.shape[0])] - first_row
    return sp.csr_array(X[mine]) if sp.issparse(X) else np.array(X[mine])


def _binned(
    X: Matrix, index: int, first_row: int, column_of: np.ndarray, *, rows: int, row_bins: int, column_bins: int
) -> np.ndarray:
    bins = row_bin(first_row + np.arange(X.shape[0]), rows, row_bins)
    if sp.issparse(X):
        cells = np.repeat(bins, np.diff(X.indptr)) * column_bins + column_of[X.indices]
        return np.bincount(cells, X.data, row_bins * column_bins).reshape(row_bins, column_bins)
    folded = np.zeros((X.shape[0], column_bins))
    np.add.at(folded.T, column_of, X.T)
    sums = np.zeros((row_bins, column_bins))
    np.add.at(sums, bins, folded)
    return sums
