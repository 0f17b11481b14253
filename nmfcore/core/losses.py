"""How far is WH from X?

Frobenius: 1/2 ||X - WH||_F^2. Its Gram form 1/2 (||X||^2 - 2 <X, WH> + <W^T W, H H^T>) needs no (m, n) array, so WH is never
formed for sparse X; when the relative error is so small that the difference cancels, the residual is formed in blocks of rows.
Beta-divergences (Fevotte & Idier 2011, eq. 2): beta = 2 Frobenius, 1 generalised Kullback-Leibler, 0 Itakura-Saito.

residual = X - WH; loss = what a solver minimises; relative error = ||residual||_F / ||X||_F, whatever the loss (masked: both
norms over the observed entries).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import as_problem
from nmfcore.core.factorization import BETA as BETA
from nmfcore.core.factorization import Factors, Matrix, Problem, beta_of
from nmfcore.core.keeping import Rules
from nmfcore.core.products import times, wide_times
from nmfcore.core.wanted import ask

# Below this relative error the Gram form has lost about half of its digits (its error is about eps ||X||^2).
CANCELS = {np.dtype(np.float32): 0.03, np.dtype(np.float64): 1e-4}
# The largest entry of a problem is at least 2^-20, so an entry below this adds nothing to any digit of a sum. Where the model
# underflows to 0 on such an entry, the divergence is not infinite for any practical purpose.
NEGLIGIBLE = 1e-30
NEAR = 0.1  # a relative difference up to which the Kullback-Leibler loss is computed from the difference itself
STORED_AT_ONCE = 1 << 17  # stored values worked on at one time: their temporaries stay in the second-level cache
BLOCK_CELLS = 1_000_000  # cells of WH that exist at one time when a residual is formed


def gram_form(squared_norm: float, cross: float, W: np.ndarray, H: np.ndarray, WtW: np.ndarray | None = None) -> float:
    """||X - WH||_F^2 from ||X||^2, <X, WH> and the factors, clamped at 0.

    The Gram matrices are those of float64, whatever the factors are: their rounding is the largest part of the result's. WtW
    saves one of them where it is known in float64.

    W : (m, r);  H : (r, n);  WtW : (r, r), the result has the unit of X squared
    """
    if WtW is None or WtW.dtype != np.float64:
        WtW = _wide_gram(W)
    return _clamped(squared_norm - 2.0 * cross + inner(WtW, _wide_gram(H.T)))


def _wide_gram(F: np.ndarray) -> np.ndarray:
    """F^T F (r, r) in float64 of F (m, r)."""
    F = F.astype(np.float64, copy=False)
    return F.T @ F


def inner(A: np.ndarray, B: np.ndarray) -> float:
    """<A, B> of two dense arrays of one shape, summed in float64.

    A, B : (a, b) arrays
    """
    return float(np.einsum("ij,ij->", A, B, dtype=np.float64))


def squared_error(problem: Problem, factors: Factors, cross: float | None = None) -> float:
    """||M * (X - WH)||_F^2 in float64, where M is the mask (all ones without one).

    cross : <X, WH> if the caller has it already; it saves the one expensive product.
    """
    W, H = factors.W, factors.H
    if problem.mask is not None:
        return _masked_squared_error(problem, W, H)
    if cross is None:
        cross = _cross(problem.X, W, H)
    square = gram_form(problem.squared_norm, cross, W, H)
    if square >= CANCELS[W.dtype] ** 2 * problem.squared_norm or not np.isfinite(square):
        return square
    return _direct_squared_error(problem.X, W, H)


def _cross(X: Matrix, W: np.ndarray, H: np.ndarray) -> float:
    """<X, WH> in float64: float32's rounding of it can take an error below the SVD's."""
    return inner(wide_times(X, H.T), W)


def relative_error(X: Matrix, W: np.ndarray, H: np.ndarray, mask: Matrix | None = None) -> float:
    """Relative error of X ~ WH over the observed entries.

    ||M*(X - WH)||_F / ||M*X||_F          (no unit; 0 = exact)

    Parameters
    ----------
    X : (m, n) array or CSR, >= 0
    W : (m, r) array
    H : (r, n) array
    mask : (m, n) array of 0/1, or None when everything is observed

    Raises
    ------
    ValueError
        If X is zero on every observed entry.

    Source: Lee & Seung 2001, eq. 1, with a mask.
    """
    problem = as_problem(X, 1, mask=mask)
    if problem.squared_norm == 0:
        raise ValueError("X is zero on every observed entry, so a relative error has no meaning.")
    H = np.asarray(H, problem.dtype)
    height = np.maximum(H.max(axis=1, initial=0.0), np.finfo(problem.dtype).tiny)  # (r,): rows of H get the maximum 1, ...
    factors = Factors(np.asarray(W, problem.dtype) / problem.scale * height, H / height[:, None])  # ... W carries the size
    return float(np.sqrt(squared_error(problem, factors) / problem.squared_norm))


def beta_divergence(problem: Problem, factors: Factors, beta: float) -> float:
    """D_beta(X | WH), summed over all (or all observed) entries, in float64; sparse X needs only its stored values.

    beta 1: sum x log(x/y) - x + y;  beta 0: sum x/y - log(x/y) - 1;
    else: sum (x^beta + (beta - 1) y^beta - beta x y^(beta-1)) / (beta (beta - 1)).   Terms with x = 0 keep only their y part.

    Source: Fevotte & Idier 2011, eq. 2.
    """
    if beta == 2:
        return 0.5 * squared_error(problem, factors)
    W, H = factors.W, factors.H
    if problem.sparse and problem.mask is None and beta == 1:
        x = problem.X.data.astype(np.float64)
        y = at_stored(problem.X, W, H).astype(np.float64)
        total = float(W.sum(axis=0, dtype=np.float64) @ H.sum(axis=1, dtype=np.float64))
        elsewhere = total - float(y.sum()) if problem.X.nnz < math.prod(problem.shape) else 0.0
        return _clamped(_kl_terms(x, y) + _clamped(elsewhere))
    if problem.sparse and problem.mask is not None:
        return _clamped(_beta_terms(problem.X.data.astype(np.float64), at_stored(problem.X, W, H).astype(np.float64), beta))
    total = 0.0
    for rows, x, y in blocks(problem.X, W, H):
        x, y = x.astype(np.float64), y.astype(np.float64)
        if problem.mask is not None:
            seen = problem.mask[rows] > 0
            x, y = x[seen], y[seen]
        total += _beta_terms(x.ravel(), y.ravel(), beta)
    return _clamped(total)


def loss(problem: Problem, factors: Factors) -> float:
    """What a solver minimises on this problem, regularisation included, in the problem's (scaled) units."""
    value = beta_divergence(problem, factors, beta_of(problem.loss))
    return value + penalty(problem, factors)


def penalty(problem: Problem, factors: Factors) -> float:
    """What the loss has beside X against WH: the regularisation terms, and the price of rules that pull; 0 without any."""
    W, H = factors.W, factors.H
    price = problem.rules.price(W, H, problem.loss) if problem.rules else 0.0
    p = problem.penalty
    if not p:
        return price
    l1 = p.l1_W * float(W.sum(dtype=np.float64)) + p.l1_H * float(H.sum(dtype=np.float64))
    return price + l1 + 0.5 * (p.l2_W * inner(W, W) + p.l2_H * inner(H, H))


def gradients(problem: Problem, factors: Factors) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of the loss with respect to W (m, r) and H (r, n), each with the other held fixed.

    A symmetric problem has one factor S = W = H^T and the gradient 2 (S S^T S - C S), the sum of the two that stand here.
    """
    W, H = factors.W, factors.H
    beta = beta_of(problem.loss)
    if beta == 2 and problem.mask is None:
        grad_W = W @ (H @ H.T) - times(problem.X, H.T)
        grad_H = (W.T @ W) @ H - times(problem.Xt, W).T
    else:
        grad_W, grad_H = _gradients_by_blocks(problem, W, H, beta)
    p = problem.penalty
    if p:
        grad_W = grad_W + (p.l1_W + p.l2_W * W)
        grad_H = grad_H + (p.l1_H + p.l2_H * H)
    if problem.rules and problem.rules.pulls:
        grad_W, grad_H = _pulled(problem, problem.rules, factors, grad_W, grad_H)
    return grad_W, grad_H


def kkt_residual(problem: Problem, factors: Factors) -> float:
    """sqrt(||min(W, dW)||^2 + ||min(H, dH)||^2): 0 exactly at a stationary point. Divide by its value at the start.

    A symmetric problem has one factor S: ||min(S, dS)||, with dS the gradient of 1/2 ||C - S S^T||^2. Under rules, entries that
    have to be zero or fixed do not count, and pulls are part of the gradient; under cones there is no such simple measure: NaN.

    Source: the Karush-Kuhn-Tucker conditions W >= 0, dW >= 0, W * dW = 0, and the same for H.
    """
    grad_W, grad_H = gradients(problem, factors)
    if problem.rules:
        grad_W, grad_H = _where_free(problem.rules, grad_W, grad_H)
    if problem.symmetric:
        at_S = np.minimum(factors.W, grad_W + grad_H.T)
        return float(np.sqrt(inner(at_S, at_S)))
    at_W, at_H = np.minimum(factors.W, grad_W), np.minimum(factors.H, grad_H)
    return float(np.sqrt(inner(at_W, at_W) + inner(at_H, at_H)))


def _pulled(
    problem: Problem, rules: Rules, factors: Factors, grad_W: np.ndarray, grad_H: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients with the price of the pulls in them; NaN for Kullback-Leibler, where nobody needs them."""
    W, H = factors.W, factors.H
    if problem.loss != "frobenius":
        return np.full_like(grad_W, np.nan), np.full_like(grad_H, np.nan)
    grad_W, grad_H = grad_W + W * rules.weights(H).astype(W.dtype), grad_H.copy()
    for k, pull in rules.pulls.items():
        grad_H[k] += (pull.strength * inner(W[:, [k]], W[:, [k]]) * pull.slope(H[k])).astype(H.dtype)
    return grad_W, grad_H


def _where_free(rules: Rules, grad_W: np.ndarray, grad_H: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients with 0 where nothing is free to move; NaN where a gradient is not the whole truth."""
    if not all(row.simple for row in (*rules.rows.values(), *rules.columns.values())):
        return np.full_like(grad_W, np.nan), np.full_like(grad_H, np.nan)
    grad_W, grad_H = grad_W.copy(), grad_H.copy()
    for gradient, side in ((grad_W.T, rules.columns), (grad_H, rules.rows)):
        for k, row in side.items():
            gradient[k, slice(None) if row.fixed else row.zeros] = 0
    return grad_W, grad_H


def at_stored(X: sp.csr_array, W: np.ndarray, H: np.ndarray) -> np.ndarray:
    """(WH)_ij at the stored entries of X only, in stored order; memory beyond the result is two short arrays.

    X : (m, n) CSR;  W : (m, r);  H : (r, n);  the result is (stored values of X,)
    """
    kind = np.result_type(W, H)
    Wt, H = np.ascontiguousarray(W.T, kind), np.ascontiguousarray(H, kind)
    values = np.zeros(X.nnz, kind)
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    left, right = np.empty((2, min(STORED_AT_ONCE, X.nnz)), kind)
    for begin in range(0, X.nnz, STORED_AT_ONCE):
        ask()
        part = slice(begin, begin + STORED_AT_ONCE)
        out = values[part]
        w, h = left[: len(out)], right[: len(out)]
        for k in range(len(H)):  # one component at a time: its row of W^T and of H stay in cache, twice as fast as gathering rows
            np.take(Wt[k], rows[part], out=w, mode="clip")  # "clip" only spares a copy: all indices are inside
            np.take(H[k], X.indices[part], out=h, mode="clip")
            w *= h
            out += w
    return values


def blocks(X: Matrix, W: np.ndarray, H: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """X and WH side by side in blocks of rows, so that at most BLOCK_CELLS cells of WH exist at one time.

    X : (m, n);  W : (m, r);  H : (r, n);  each triple is the rows as a slice, X's and WH's, both (rows, n)
    """
    height = max(1, BLOCK_CELLS // X.shape[1])
    for begin in range(0, X.shape[0], height):
        ask()
        rows = slice(begin, begin + height)
        x = X[rows].toarray() if sp.issparse(X) else X[rows]
        yield rows, x, W[rows] @ H


def observed(X: Matrix, W: np.ndarray, H: np.ndarray, mask: Matrix) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """The same in float64, with zeros in both where the mask says that an entry is missing.

    X, mask : (m, n), 1 = observed;  W : (m, r);  H : (r, n)
    """
    X, mask = (sp.csr_array(A) if sp.issparse(A) else np.asarray(A) for A in (X, mask))
    for rows, x, y in blocks(X, W.astype(np.float64), H.astype(np.float64)):
        seen = (mask[rows].toarray() if sp.issparse(mask) else mask[rows]) != 0
        yield rows, np.where(seen, x, 0).astype(np.float64), np.where(seen, y, 0.0)


def _direct_squared_error(X: Matrix, W: np.ndarray, H: np.ndarray) -> float:
    total = 0.0
    W64, H64 = W.astype(np.float64), H.astype(np.float64)
    for _, x, y in blocks(X, W64, H64):
        gap = x - y
        total += inner(gap, gap)
    return total


def _masked_squared_error(problem: Problem, W: np.ndarray, H: np.ndarray) -> float:
    mask: Matrix = problem.mask
    if problem.sparse:
        gap = problem.X.data.astype(np.float64) - at_stored(problem.X, W, H)
        return float(gap @ gap)
    total = 0.0
    for rows, x, y in blocks(problem.X, W, H):
        gap = mask[rows] * (x.astype(np.float64) - y)
        total += inner(gap, gap)
    return total


def _clamped(value: float) -> float:
    """The value, or 0 where rounding left it below 0; NaN stays NaN, so that a diverged run is not taken for an exact one."""
    return 0.0 if value < 0 else value


def _kl_terms(x: np.ndarray, y: np.ndarray) -> float:
    """sum of x log(x/y) - x + y over x > 0; infinite where WH is 0 and X is not.

    Near an exact fit the three parts cancel: with d = (y - x) / x each term is x (d - log(1 + d)). log(x/y) is taken as the
    difference of two logarithms where the quotient is no normal number.
    """
    seen = (x > NEGLIGIBLE) | ((x > 0) & (y > 0))
    x, y = x[seen], y[seen]
    if np.any(y <= 0):
        return float("inf")
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        away, quotient = (y - x) / x, x / y
        logs = np.log(quotient)
        odd = ~((quotient >= np.finfo(quotient.dtype).tiny) & (quotient < np.inf))
        logs[odd] = np.log(x[odd]) - np.log(y[odd])
        terms = x * logs - x + y
        near = np.abs(away) < NEAR
        terms[near] = x[near] * (away[near] - np.log1p(away[near]))
        return float(terms.sum())


def _beta_terms(x: np.ndarray, y: np.ndarray, beta: float) -> float:
    if beta == 1:
        return _kl_terms(x, y) + float(y[x <= 0].sum())
    if beta == 0:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = x / y
            terms = ratio - np.log(ratio) - 1.0
        return float(np.sum(terms)) if np.all(np.isfinite(terms)) else float("inf")
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        terms = (beta - 1.0) * y**beta + np.where(x > 0, x**beta - beta * x * y ** (beta - 1.0), 0.0)
        value = float(np.sum(terms) / (beta * (beta - 1.0)))
    return value if np.isfinite(value) else float("inf")


def _gradients_by_blocks(problem: Problem, W: np.ndarray, H: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of D_beta: (y^(beta-1) - x y^(beta-2)) H^T and its mirror, in blocks or over stored values."""
    if problem.sparse and (problem.mask is not None or beta == 1):
        y = at_stored(problem.X, W, H)
        x = problem.X.data
        if problem.mask is not None:
            weight = y - x if beta == 2 else power(y, beta - 1) - x * power(y, beta - 2)
            R = sp.csr_array((weight, problem.X.indices, problem.X.indptr), shape=problem.shape)
            return R @ H.T, (R.T @ W).T
        R = sp.csr_array((x * power(y, -1.0), problem.X.indices, problem.X.indptr), shape=problem.shape)
        return H.sum(axis=1) - R @ H.T, W.sum(axis=0)[:, None] - (R.T @ W).T
    grad_W, grad_H = np.empty_like(W), np.zeros_like(H)
    for rows, x, y in blocks(problem.X, W, H):
        slope = y - x if beta == 2 else power(y, beta - 1) - x * power(y, beta - 2)
        if problem.mask is not None:
            slope = slope * problem.mask[rows]
        grad_W[rows] = slope @ H.T
        grad_H += W[rows].T @ slope
    return grad_W, grad_H


def power(y: np.ndarray, exponent: float) -> np.ndarray:
    """y^exponent, y >= 0; where the exponent is negative, y is kept so far away from 0 that the result stays finite."""
    if exponent == 0:
        return np.ones_like(y)
    if exponent == 1:
        return y
    if exponent < 0:
        y = np.maximum(y, np.finfo(y.dtype).tiny ** (0.5 / max(1.0, -exponent)))
    return 1 / y if exponent == -1 else y ** y.dtype.type(exponent)
