"""Where does a run start? Seed in, factors out; the global random state is never touched.

Random starts, the NNDSVD family (Boutsidis & Gallopoulos 2008) on our own randomised range finder, and a separable start (the
successive projection algorithm, Araujo et al. 2001; Gillis & Vavasis 2014). INITS at the end is what pickers list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, check_start
from nmfcore.core.factorization import SINGLE_SIZE, Factors, Matrix, Problem, stored_values
from nmfcore.core.losses import at_stored, inner
from nmfcore.core.products import times
from nmfcore.core.threads import one_blas_thread
from nmfcore.core.wanted import ask
from nmfcore.kernels.engines import engine, sweep_rows
from nmfcore.kernels.half import Half, Pace
from nmfcore.kernels.sketch import range_finder, svd_of_sketch

OVERSAMPLING = 10  # directions beyond the rank that the range finder carries
POWER_SMALL, POWER_LARGE = 4, 2  # power iterations below and above SINGLE_SIZE: more than two win nothing for the fit
FAINT = 0.01  # of the random start's level: what a component gets for which X has no direction left
NEGLIGIBLE = 1e-6  # entries below this part of the largest are rounding and become zero
LEAST_SQUARES_STEPS = 10  # HALS iterations from NNDSVD: more gain nothing for the divergence that the run goes on with
LEAST_SQUARES_SWEEPS = 2  # passes over the components in each half of them
LEAST_SQUARES_AHEAD = 0.5  # extrapolation between them
RAISED = 0.1  # of a component's mean: what is added to every entry afterwards, since WH must not be 0 where X is not
SEPARABLE_SWEEPS = 20  # HALS sweeps that fit W to the chosen rows; the run goes on from there


def random(problem: Problem, rng: np.random.Generator) -> Factors:
    """|normal| entries times sqrt(mean(X) / r), so that WH has about the mean of X (over the observed entries)."""
    m, n = problem.shape
    observed = m * n if problem.mask is None else problem.mask.sum(dtype=np.float64)
    level = np.sqrt(float(problem.X.sum(dtype=np.float64)) / observed / problem.rank)
    W = level * np.abs(rng.standard_normal((m, problem.rank)))
    H = level * np.abs(rng.standard_normal((problem.rank, n)))
    return Factors(W.astype(problem.dtype), H.astype(problem.dtype))


def nndsvd(problem: Problem, rng: np.random.Generator) -> Factors:
    """The larger non-negative half of each singular triple; about half of the entries are zero.

    For X ~ sum s_k u_k v_k^T: the pair (u+, v+) or (u-, v-) with the larger ||u|| ||v||, each scaled to norm
    sqrt(s_k ||u|| ||v||). The sign of a singular vector does not matter. For large X: six or seven products of width r + 10.

    Source: Boutsidis & Gallopoulos 2008, algorithm 1; the SVD: nmfcore/kernels/sketch.py.
    """
    W, H = nndsvd_of_svd(*svd_of_sketch(*sketch(problem, rng), problem.rank))
    W, H = (np.ascontiguousarray(A, dtype=problem.dtype) for A in (W, H))
    missing = problem.rank - W.shape[1]
    if missing:  # X has a lower rank: a zero pair could never be brought to life
        extra = random(problem, rng).scaled(FAINT)
        W = np.hstack([W, extra.W[:, :missing]])
        H = np.vstack([H, extra.H[:missing]])
    return Factors(W, H)


def nndsvda(problem: Problem, rng: np.random.Generator) -> Factors:
    """NNDSVD with its zeros set to the mean of X, then rescaled to the data: no zeros to lock multiplicative updates.

    The mean is taken of X divided by its largest entry, in whose units W and H then stand: so the start does not depend on the
    unit of X (filling 0 to 255 grey values with their plain mean drowns the NNDSVD).
    """
    return _filled(problem, nndsvd(problem, rng), lambda mean, shape: np.full(shape, mean))


def nndsvdar(problem: Problem, rng: np.random.Generator) -> Factors:
    """NNDSVD with its zeros set to small random numbers (up to a hundredth of the mean of X), then rescaled."""
    return _filled(problem, nndsvd(problem, rng), lambda mean, shape: mean / 100 * (1.0 - rng.random(shape)))


def least_squares(problem: Problem, rng: np.random.Generator) -> Factors:
    """NNDSVD, ten extrapolated HALS iterations, no zeros, and WH with the sum of X: a start for other losses than this.

    Least squares finds the topics at a fraction of a divergence's price per iteration. On 2000 documents the Kullback-Leibler
    solver needs 6 iterations from here, and 40 from NNDSVDA, for the loss at which scikit-learn's `mu` stops; it ends lower, too.

    Source of the iteration: Cichocki & Phan 2009, algorithm 2. Each component is raised by a tenth of its mean.
    """
    begun, working = nndsvd(problem, rng), problem.working
    fit = engine(problem.rank, np.dtype(working.X.dtype))
    W, F = (fit.inside(np.ascontiguousarray(A, fit.dtype)) for A in (begun.W, begun.H.T))
    W_ahead, F_ahead = W, F
    for turn in range(LEAST_SQUARES_STEPS):
        beta = LEAST_SQUARES_AHEAD if turn else 0.0
        pace = Pace(np.array([beta]), LEAST_SQUARES_SWEEPS)
        W, W_ahead, _ = fit.half(working.X, F_ahead, Half(fit.grams(F_ahead, [0]), W_ahead, W, pace))
        F, F_ahead, _ = fit.half(working.Xt, W_ahead, Half(fit.grams(W_ahead, [0]), F_ahead, F, pace))
    W, F = (np.array(fit.outside(A), problem.dtype) for A in (W, F))
    W, F = (A + A.dtype.type(RAISED) * A.mean(axis=0) for A in (W, F))
    found = Factors(W, np.ascontiguousarray(F.T))
    if problem.mask is not None:
        return rescaled(problem, found)
    total = float(W.sum(axis=0, dtype=np.float64) @ F.sum(axis=0, dtype=np.float64))
    return found.scaled(np.sqrt(float(problem.X.sum(dtype=np.float64)) / total)) if total > 0 else found


def separable(problem: Problem, rng: np.random.Generator) -> Factors:
    """H is made of r rows of X that span the others best, one after the other; W fits X to them.

    Rows are scaled to sum one; in each turn the row with the largest norm is taken and all rows are projected onto its
    orthogonal complement. The projected rows are never formed: ||p||^2 falls by (x q)^2, so sparse X stays sparse.

    Source: Araujo et al. 2001; Gillis & Vavasis 2014, algorithm 1 (with rows in place of columns).
    """
    H = _dense_rows(problem.X, extreme_rows(problem.X, problem.rank))
    if len(H) < problem.rank:  # the rows of X span fewer dimensions
        H = np.vstack([H, random(problem, rng).H[len(H) :]])
    Wt = np.ascontiguousarray(random(problem, rng).W.T)
    sweep_rows(Wt, np.ascontiguousarray(times(problem.X, H.T).T), H @ H.T, SEPARABLE_SWEEPS)
    return Factors(np.ascontiguousarray(Wt.T), H)


def sketch(problem: Problem, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Y (m, l), B (l, n) with X ~ YB, l = rank + OVERSAMPLING, in the problem's working precision."""
    power = POWER_LARGE if stored_values(problem.X) >= SINGLE_SIZE else POWER_SMALL
    Y, B = range_finder(problem.working, problem.rank + OVERSAMPLING, power, rng)
    if not problem.sparse:  # where it is of use again; Y and B are larger than the factors
        problem.notes["sketch"] = Y, B
    return Y, B


def nndsvd_of_svd(U: np.ndarray, s: np.ndarray, Vt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (m, k) and H (k, n) from singular triples, by the sign split described in `nndsvd`.

    U : (m, k);  s : (k,);  Vt : (k, n)
    """
    Ut, Vt = np.ascontiguousarray(U.T), np.ascontiguousarray(Vt)
    W, H = np.empty_like(Ut), np.empty_like(Vt)
    levels = np.zeros((2, len(s)))
    for k in range(len(s)):
        norms = np.array([[_half(x, 1, out), _rest(x, out)] for x, out in ((Ut[k], W[k]), (Vt[k], H[k]))])  # u+, u-; v+, v-
        side = int(np.argmax(norms.prod(axis=0)))
        if side:
            norms[:, 1] = _half(Ut[k], -1, W[k]), _half(Vt[k], -1, H[k])
        a, b = norms[:, side]
        if a * b > 0:
            levels[:, k] = np.sqrt(float(s[k]) * a * b) / (a, b)
    for half, level in zip((W, H), levels.astype(W.dtype), strict=True):
        negligible = NEGLIGIBLE * (half.max(axis=1, initial=0.0) * level).max(initial=0.0)
        for row, by in zip(half, level, strict=True):
            row *= by
            row *= row >= negligible
    return W.T, H


def _half(x: np.ndarray, sign: int, out: np.ndarray) -> float:
    """Write max(sign x, 0) into out and return its norm."""
    if sign > 0:
        np.maximum(x, 0, out=out)
    else:
        np.maximum(np.negative(x, out=out), 0, out=out)
    return float(np.sqrt(np.dot(out, out)))


def _rest(x: np.ndarray, half: np.ndarray) -> float:
    """The norm of the other half, to the rounding of the whole: enough to choose between the two."""
    return float(np.sqrt(max(0.0, float(np.dot(x, x)) - float(np.dot(half, half)))))


def extreme_rows(X: Matrix, count: int) -> np.ndarray:
    """Indices of up to `count` rows of X (m, n) chosen by successive projection; fewer when the rows span fewer dimensions."""
    sums = np.asarray(X.sum(axis=1, dtype=np.float64)).ravel()
    weight = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)
    squares = X.multiply(X).sum(axis=1) if sp.issparse(X) else np.einsum("ij,ij->i", X, X)
    norms = np.asarray(squares, np.float64).ravel() * weight**2
    tolerance = 100 * np.finfo(X.dtype).eps * float(norms.max(initial=0.0))
    directions = np.zeros((0, X.shape[1]))
    chosen: list[int] = []
    for _ in range(count):
        ask()
        best = int(np.argmax(norms))
        if norms[best] <= tolerance:
            break
        row = _dense_rows(X, np.array([best]))[0].astype(np.float64) * weight[best]
        for _ in range(2):  # twice is enough: the second pass removes the first one's rounding
            row = row - (directions @ row) @ directions
        length = float(np.linalg.norm(row))
        if length**2 <= tolerance:
            norms[best] = 0.0
            continue
        q = row / length
        directions = np.vstack([directions, q])
        norms = np.maximum(norms - (np.asarray(X @ q.astype(X.dtype), np.float64) * weight) ** 2, 0.0)
        norms[best] = 0.0
        chosen.append(best)
    return np.array(chosen, dtype=np.intp)


def rescaled(problem: Problem, factors: Factors) -> Factors:
    """The factors times sqrt(a), where a = <X, WH> / ||WH||^2 is the best multiple of WH (over the observed entries)."""
    W, H = factors.W, factors.H
    cross = inner(times(problem.X, H.T), W)
    if problem.mask is None:
        square = inner(W.T @ W, H @ H.T)
    elif problem.sparse:
        square = float(np.sum(at_stored(problem.X, W, H).astype(np.float64) ** 2))
    else:
        square = sum(
            float(np.sum((mask_row * (w @ H)).astype(np.float64) ** 2)) for mask_row, w in zip(problem.mask, W, strict=True)
        )
    return factors.scaled(np.sqrt(cross / square)) if cross > 0 and square > 0 else factors


def _filled(problem: Problem, factors: Factors, fill: Callable[[float, tuple[int, ...]], np.ndarray]) -> Factors:
    top = float(problem.X.max())
    mean = float(problem.X.sum(dtype=np.float64)) / float(np.prod(problem.shape)) / np.sqrt(top or 1.0)
    W, H = (np.where(F == 0, fill(mean, F.shape).astype(F.dtype), F) for F in (factors.W, factors.H))
    return rescaled(problem, Factors(W, H))


def _dense_rows(X: Matrix, rows: np.ndarray) -> np.ndarray:
    return X[rows].toarray() if sp.issparse(X) else np.array(X[rows])


@dataclass(frozen=True)
class Init:
    """A start as a picker shows it: call it with a problem and a generator.

    key, title, reference : its name in links and scripts, its name on screen, its source
    zeros : whether many entries of the start are zero, which multiplicative updates can never change
    """

    key: str
    title: str
    reference: str
    make: Callable[[Problem, np.random.Generator], Factors]
    zeros: bool = False

    def __call__(self, problem: Problem, rng: np.random.Generator) -> Factors:
        """W (m, r), H (r, n) in the problem's units; symmetric problems get H = W^T."""
        with one_blas_thread():
            factors = self.make(problem, rng)
        if problem.symmetric:
            S = 0.5 * (factors.W + factors.H.T)
            return Factors(S, np.ascontiguousarray(S.T))
        return factors


INITS: dict[str, Init] = {
    start.key: start
    for start in (
        Init("nndsvda", "NNDSVD, zeros filled with the mean", "Boutsidis & Gallopoulos 2008", nndsvda),
        Init("nndsvd", "NNDSVD (from the SVD; half of it zero)", "Boutsidis & Gallopoulos 2008", nndsvd, zeros=True),
        Init("nndsvdar", "NNDSVD, zeros filled with small random numbers", "Boutsidis & Gallopoulos 2008", nndsvdar),
        Init("random", "Random, scaled to the data", "Lee & Seung 2001", random),
        Init("least-squares", "Ten HALS steps from NNDSVD", "Cichocki & Phan 2009; Boutsidis & Gallopoulos 2008", least_squares),
        Init("separable", "Separable: the most extreme rows", "Araujo et al. 2001; Gillis & Vavasis 2014", separable, zeros=True),
    )
}


def start(problem: Problem, init: str, seed: int, *, W: Any = None, H: Any = None) -> Factors:
    """The start of that name for the problem, in the caller's units (X's own, before scaling).

    Parameters
    ----------
    problem : the checked problem
    init : a key of INITS, or "given"
    seed : of the generator made for it; equal seeds give equal starts
    W, H : (m, r) and (r, n), for "given" only

    Raises
    ------
    ProblemError
        If the name is unknown, or "given" without W and H.
    """
    if init == "given":
        if W is None or H is None:
            raise ProblemError("The start 'given' needs both W and H.")
        return check_start(problem, W, H)
    if init not in INITS:
        raise ProblemError(f"Unknown start {init!r}. Known: {', '.join([*INITS, 'given'])}.")
    return INITS[init](problem, np.random.default_rng(seed)).scaled(problem.scale**0.5)
