"""Which parts are these pictures made of, and how does NMF's answer differ from PCA's and from k-means'?

X (m, n) holds one image per row, n = height × width pixels. The rows of H are the parts, as pictures; row i of W says how much of
each part image i takes. NMF can only add, so its parts have to be parts; PCA adds and subtracts whole pictures around the mean;
k-means gives every image one whole prototype (Lee & Seung 1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_matrix, check_rank
from nmfcore.core.factorization import Factors
from nmfcore.core.spec import StopRule
from nmfcore.evaluate.svd import svd
from nmfcore.run import solve
from nmfcore.solvers.starts import nndsvd_of_svd
from nmfcore.topics.sparsity import hoyer

KMEANS_STARTS = 4  # k-means depends on its start; the best of a few is kept
ORDERS = ("error", "size", "number")


def as_pictures(rows: np.ndarray, shape: tuple[int, int], *, signed: bool = False) -> np.ndarray:
    """Rows (k, h*w) as pictures (k, h, w), each divided by its own largest absolute value; a zero row stays zero.

    Values lie between 0 and 1, or with `signed` between -1 and 1 (0 stays 0).

    Raises
    ------
    ProblemError
        If the rows are not h*w long, or negative without `signed`.
    """
    rows = np.asarray(rows, np.float64)
    height, width = shape
    if rows.ndim != 2 or rows.shape[1] != height * width:
        raise ProblemError(f"Pictures of {height} × {width} have {height * width} pixels; these rows have {rows.shape[-1]}.")
    if not signed and rows.min(initial=0.0) < 0:
        raise ProblemError("Some values are negative; show them as signed pictures.")
    top = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    return np.divide(rows, top, out=np.zeros_like(rows), where=top > 0).reshape(-1, height, width)


@dataclass(frozen=True, eq=False)
class Step:
    """One part added: which, how much of it, the picture so far (n,), and the relative error ||x - picture|| / ||x|| left."""

    component: int
    amount: float
    picture: np.ndarray
    error: float


def sum_of_parts(
    x: np.ndarray, weights: np.ndarray, H: np.ndarray, *, order: str = "error", base: np.ndarray | None = None
) -> list[Step]:
    """One image as a sum of parts, added one at a time.

    Parameters
    ----------
    x : (n,) the image
    weights : (r,) its row of W
    H : (r, n) the parts
    order : "error": next comes the part that lowers the error most; "size": the one with the largest amount ||w_k h_k||;
        "number": as they are numbered
    base : (n,) what the sum starts from: nothing, or PCA's mean image

    Returns
    -------
    list of Step
        Components with weight 0 are left out. The last picture is base + weights @ H, whatever the order.

    Raises
    ------
    ProblemError
        If the order is unknown.
    """
    if order not in ORDERS:
        raise ProblemError(f"Unknown order {order!r}. Known: {', '.join(ORDERS)}.")
    x, weights, H = (np.asarray(a, np.float64) for a in (x, weights, H))
    picture = np.zeros_like(x) if base is None else np.asarray(base, np.float64).copy()
    left = [k for k in range(len(H)) if weights[k] != 0]
    parts = weights[:, None] * H  # (r, n)
    overlap = parts @ parts.T  # (r, r)
    pull = parts @ (x - picture)  # (r,): <x - p, part> for the picture p so far
    norm = float(np.linalg.norm(x))
    if order == "size":
        left.sort(key=lambda k: -float(np.linalg.norm(parts[k])))
    steps = []
    while left:
        k = left[0]
        if order == "error":
            # ||x - p - part||^2 - ||x - p||^2 = ||part||^2 - 2 <x - p, part>
            k = left[int(np.argmin(overlap[left, left] - 2.0 * pull[left]))]
        left.remove(k)
        pull = pull - overlap[k]
        picture = picture + parts[k]
        gap = float(np.linalg.norm(x - picture))
        steps.append(Step(k, float(weights[k]), picture, gap / norm if norm > 0 else gap))
    return steps


@dataclass(frozen=True, eq=False)
class Model:
    """One way to describe the images: X ~ mean + codes @ parts.

    name : "NMF", "SVD", "PCA" or "k-means"
    codes : (m, k) how much of each part every image takes; parts : (k, n)
    mean : (n,) subtracted before (PCA), or None
    relative_error : ||X - reconstruction||_F / ||X||_F
    parts_sparsity, codes_sparsity : mean Hoyer sparsity of the parts and of the rows of codes
    negative : whether parts or codes subtract
    """

    name: str
    codes: np.ndarray
    parts: np.ndarray
    mean: np.ndarray | None
    relative_error: float
    parts_sparsity: float
    codes_sparsity: float
    negative: bool

    def reconstruct(self, rows: np.ndarray | slice) -> np.ndarray:
        """The images of these rows as the model sees them."""
        picture = self.codes[rows] @ self.parts
        return picture if self.mean is None else picture + self.mean


def describe(X: np.ndarray, name: str, codes: np.ndarray, parts: np.ndarray, mean: np.ndarray | None = None) -> Model:
    """A `Model` with its numbers.

    X : (m, n) images by pixels;  codes : (m, r);  parts : (r, n);  mean : (n,)
    """
    square, norm2 = 0.0, float(np.einsum("ij,ij->", X, X, dtype=np.float64))
    for begin in range(0, len(X), 1000):  # in blocks, so that no second X exists
        rows = slice(begin, begin + 1000)
        gap = X[rows] - codes[rows] @ parts - (0 if mean is None else mean)
        square += float(np.einsum("ij,ij->", gap, gap, dtype=np.float64))
    return Model(
        name,
        codes,
        parts,
        mean,
        float(np.sqrt(square / norm2)) if norm2 > 0 else 0.0,
        float(np.nanmean(hoyer(parts, axis=1))) if parts.any() else float("nan"),
        float(np.nanmean(hoyer(codes, axis=1))) if codes.any() and codes.shape[1] > 1 else float("nan"),
        bool(codes.min(initial=0.0) < 0 or parts.min(initial=0.0) < 0),
    )


def nmf_model(X: Any, rank: int, *, seed: int = 0, stop: StopRule | None = None, start: Factors | None = None) -> Model:
    """Non-negative matrix factorization: parts that are only added. `start`: warm start, e.g. of `change_rank`.

    X : (m, n) images by pixels, >= 0
    """
    X = _images(X)
    given = {"W": start.W.astype(X.dtype), "H": start.H.astype(X.dtype)} if start is not None else {}
    result = solve(X, rank, seed=seed, stop=stop or StopRule(), **given)
    return describe(X, "NMF", result.W, result.H)


def svd_model(X: Any, rank: int) -> Model:
    """The best rank-`rank` matrix (Eckart & Young 1936): codes U S, parts V^T with orthonormal rows; it subtracts.

    X : (m, n) images by pixels
    """
    X = _images(X)
    found = svd(X, check_rank(rank, X.shape))
    return describe(X, "SVD", found.U * found.singular_values, found.Vt)


def pca_model(X: Any, rank: int) -> Model:
    """Principal components: the SVD of X minus its mean image, the mean added back (Pearson 1901; Hotelling 1933).

    X : (m, n) images by pixels
    """
    X = _images(X).astype(np.float64)
    rank = check_rank(rank, X.shape)
    mean = X.mean(axis=0)
    centred = X - mean
    small = centred @ centred.T if len(X) <= X.shape[1] else centred.T @ centred
    values, vectors = np.linalg.eigh(small)
    vectors = vectors[:, ::-1][:, :rank]
    if len(X) <= X.shape[1]:
        scale = np.sqrt(np.maximum(values[::-1][:rank], 0.0))
        vectors = np.divide(
            centred.T @ vectors, scale, out=np.zeros((X.shape[1], rank)), where=scale > 1e-7 * scale.max(initial=0.0)
        )
    parts = vectors.T
    parts = (
        parts * np.where(parts[np.arange(rank), np.abs(parts).argmax(axis=1)] < 0, -1.0, 1.0)[:, None]
    )  # the sign is arbitrary
    return describe(X, "PCA", centred @ parts.T, parts, mean)


def kmeans_model(X: Any, rank: int, *, seed: int = 0) -> Model:
    """k-means prototypes: every image is one of `rank` mean images; its code is a single 1 (MacQueen 1967; Lloyd 1982).

    X : (m, n) images by pixels
    """
    from sklearn.cluster import KMeans  # scikit-learn is slow to import and needed only here

    X = _images(X)
    found = KMeans(check_rank(rank, X.shape), n_init=KMEANS_STARTS, random_state=seed).fit(X)
    codes = np.eye(rank, dtype=X.dtype)[found.labels_]
    return describe(X, "k-means", codes, np.maximum(found.cluster_centers_, 0).astype(X.dtype))  # -1e-17 is rounding


def compare_models(X: Any, rank: int, *, seed: int = 0, stop: StopRule | None = None) -> tuple[Model, Model, Model, Model]:
    """NMF, SVD, PCA and k-means of the same images at the same number of parts, side by side.

    X : (m, n) images by pixels, >= 0
    """
    return nmf_model(X, rank, seed=seed, stop=stop), svd_model(X, rank), pca_model(X, rank), kmeans_model(X, rank, seed=seed)


def change_rank(X: Any, factors: Factors, rank: int) -> Factors:
    """A warm start at another rank, from factors at this one.

    Upwards: the new parts are the non-negative halves of the leading singular triples of what WH leaves over (the idea of NNDSVD,
    applied to the residual). Downwards: again and again the part whose removal costs least is left out, ||w_k|| ||h_k||.
    X : (m, n) images by pixels;  factors : W (m, r) and H (r, n);  the result has `rank` columns and rows

    Deterministic; the error of the start is never far above that of the factors it came from.

    Source: Boutsidis & Gallopoulos 2008 for the split of a singular triple.
    """
    X = _images(X)
    rank = check_rank(rank, X.shape)
    W, H = np.asarray(factors.W), np.asarray(factors.H)
    old = W.shape[1]
    if rank <= old:
        size = np.linalg.norm(W, axis=0) * np.linalg.norm(H, axis=1)
        kept = np.sort(np.argsort(-size, kind="stable")[:rank])
        return Factors(W[:, kept].copy(), H[kept].copy())
    over = np.maximum(X - W @ H, 0)
    found = svd(over, rank - old)
    extra_W, extra_H = nndsvd_of_svd(found.U, found.singular_values, found.Vt)
    level = np.sqrt(max(float(over.mean()), np.finfo(np.float64).tiny) / rank)
    extra_W[:, ~extra_W.any(axis=0)] = level  # nothing left over in that direction: a flat part, which the run shapes
    extra_H[~extra_H.any(axis=1)] = level
    return Factors(np.hstack([W, extra_W.astype(W.dtype)]), np.vstack([H, extra_H.astype(H.dtype)]))


def _images(X: Any) -> np.ndarray:
    matrix = as_matrix(X, name="The image table")
    return matrix.toarray() if sp.issparse(matrix) else matrix
