"""Does every solver survive data that nobody should have? Either a reason, or finite non-negative factors; never a warning."""

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore import ProblemError, StopReason, StopRule, solve
from nmfcore.solvers import SOLVERS

RNG = np.random.default_rng(0)
BASE = RNG.random((8, 6))
SIZES = [5e-324, 1e-310, 1e-300, 1e-150, 1e-30, 1e-12, 1e-5, 1e5, 1e12, 1e30, 1e150, 1e300, 1.7e308]
STOP = StopRule(tol=0, max_iter=12, max_seconds=None)
ROUNDING = 1e-9  # of the first loss: a rise by less is none
EXACT = 1e-8  # relative errors below this are those of an exact fit
SIZES32 = [1e-45, 1e-38, 1e-30, 1e-12, 1e12, 1e25, 3e38]


def with_entry(value, at=(2, 3)):
    X = BASE.copy()
    X[at] = value
    return X


def stored_zeros(X):
    full = sp.csr_array(np.ones_like(X))
    full.data[:] = X.ravel()
    return full


def duplicated():
    return sp.csr_array((np.ones(6), np.array([1, 1, 0, 2, 2, 2]), np.array([0, 2, 3, 6])), shape=(3, 3))


def wide_range():
    return 10.0 ** RNG.integers(-300, 300, (8, 6))


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def zero_rows(rows, columns):
    X = BASE.copy()
    X[rows], X[:, columns] = 0, 0
    return X


# Name: data and rank; the solver gets them with its own kind of mask or symmetry.
CASES = (
    {
        "all zero": (np.zeros((6, 5)), 2),
        "all zero, sparse": (sp.csr_array((6, 5)), 2),
        "all zero, stored": (stored_zeros(np.zeros((6, 5))), 2),
        "one entry": (np.diag([0, 0, 3.0, 0]), 2),
        "one entry, sparse": (sp.csr_array(np.diag([0, 0, 3.0, 0])), 2),
        "1 x 1": (np.array([[2.0]]), 1),
        "1 x n": (BASE[:1], 1),
        "m x 1": (BASE[:, :1], 1),
        "1 x n with zeros": (np.array([[0.0, 1, 0, 2]]), 1),
        "1 x n, sparse": (sp.csr_array(BASE[:1]), 1),
        "constant": (np.full((6, 5), 7.0), 3),
        "constant rows": (np.repeat(np.arange(6.0)[:, None], 5, axis=1), 3),
        "constant columns": (np.repeat(np.arange(5.0)[None], 6, axis=0), 3),
        "identity": (np.eye(6), 3),
        "identity at full rank": (np.eye(6), 6),
        "identity, sparse": (sp.csr_array(np.eye(6)), 3),
        "permutation": (np.eye(6)[[2, 0, 1, 5, 4, 3]], 4),
        "rank deficient": (np.outer(np.arange(1.0, 7), np.arange(1.0, 6)), 4),
        "full rank": (BASE, 6),
        "zero row": (zero_rows([1], []), 3),
        "zero column": (zero_rows([], [1]), 3),
        "zero rows and columns": (zero_rows([0, 1, 7], [0, 5]), 3),
        "zero rows and columns, sparse": (sp.csr_array(zero_rows([0, 1, 7], [0, 5])), 3),
        "only one row left": (zero_rows(list(range(7)), []), 3),
        "stored zeros": (stored_zeros(zero_rows([1], [2])), 3),
        "duplicates": (duplicated(), 2),
        "checkerboard": (np.indices((8, 6)).sum(0) % 2 * 1.0, 3),
        "triangle": (np.tril(np.ones((6, 6))), 3),
        "equal rows": (np.repeat(BASE[:1], 8, axis=0), 3),
        "huge spread of sizes": (wide_range(), 3),
        "one huge entry": (with_entry(1e300), 3),
        "one tiny entry": (with_entry(1e-300), 3),
        "one subnormal entry": (with_entry(5e-324), 3),
        "one huge among zeros": (np.diag([1e300, 0, 0, 1e-300]), 2),
        "negative zero": (with_entry(-0.0), 3),
        "negative": (with_entry(-1e-12), 3),
        "NaN": (with_entry(np.nan), 3),
        "infinite": (with_entry(np.inf), 3),
        "minus infinite": (with_entry(-np.inf), 3),
        "NaN, sparse": (sp.csr_array(with_entry(np.nan)), 3),
        "negative, sparse": (sp.csr_array(with_entry(-1.0)), 3),
        "infinite, sparse": (sp.csr_array(with_entry(np.inf)), 3),
        "rank above the shape": (BASE, 7),
        "rank 0": (BASE, 0),
        "rank -1": (BASE, -1),
        "rank 2.5": (BASE, 2.5),
        "empty": (np.zeros((0, 4)), 1),
        "three dimensions": (np.ones((2, 2, 2)), 1),
        "text": (np.array([["a", "b"], ["c", "d"]]), 1),
        "complex": (BASE * 1j, 2),
        "whole numbers": (RNG.integers(0, 5, (8, 6)), 3),
        "small whole numbers": (RNG.integers(0, 5, (8, 6)).astype(np.uint8), 3),
        "truth values": (BASE > 0.5, 3),
        "truth values, sparse": (sp.csr_array(BASE > 0.5), 3),
        "half precision": (BASE.astype(np.float16), 3),
        "read-only": (read_only(BASE), 3),
        "Fortran order": (np.asfortranarray(BASE), 3),
        "every second": (np.repeat(BASE, 2, axis=1)[:, ::2], 3),
        "backwards": (BASE[::-1, ::-1], 3),
        "list of lists": (BASE.tolist(), 3),
        "CSC": (sp.csc_array(BASE), 3),
        "COO": (sp.coo_array(BASE), 3),
        "big endian": (BASE.astype(">f8"), 3),
        "objects": (BASE.astype(object), 3),
        "whole numbers at 2^52": (np.full((5, 4), 2**52), 2),
        "whole numbers beyond 2^53": (np.full((5, 4), 2**53 + 1), 2),
        "tall": (RNG.random((1000, 2)), 2),
        "wide": (RNG.random((2, 1000)), 2),
        "equal columns": (np.repeat(BASE[:, :3], 2, axis=1), 5),
        "nearly deficient": (np.outer(BASE[:, 0], BASE[0]) + 1e-12 * BASE, 4),
        "nearly deficient, 1e-7": (BASE[:, :2] @ BASE[:2] + 1e-7 * BASE, 4),
        "identity and rounding": (np.eye(6) + 1e-16, 4),
        "mostly zero": (np.where(RNG.random((12, 9)) < 0.05, 1.0, 0), 3),
        "counts": (RNG.poisson(0.3, (12, 9)), 3),
        "columns from 1e-8 to 1": (BASE * 10.0 ** np.linspace(-8, 0, 6), 3),
        "rows from 1e-30 to 1e30": (BASE * 10.0 ** np.linspace(-30, 30, 8)[:, None], 3),
        "exponentials": (np.exp(20 * BASE), 3),
        "5 % at 1e-9": (np.where(BASE < 0.05, 1e-9, BASE), 3),
        "blocks": (np.kron(np.eye(3), BASE[:3, :3]), 3),
        "Hilbert": (1 / (np.arange(9)[:, None] + np.arange(7) + 1), 4),
        "Vandermonde": (np.linspace(0.1, 1, 9)[:, None] ** np.arange(7), 4),
        "one huge on every row": (np.where(np.eye(8, 6)[:, ::-1] > 0, 1e300, BASE), 3),
    }
    | {
        f"{'sparse, ' if sparse else ''}size {size:g}": (sp.csr_array(BASE * size) if sparse else BASE * size, 3)
        for size in SIZES
        for sparse in (False, True)
    }
    | {f"float32, size {size:g}": (BASE.astype(np.float32) * np.float32(size), 3) for size in SIZES32}
)


def suited(solver, X):
    """The data as this solver takes them: a mask of what is finite and most of the rest, or the data times themselves."""
    if solver.supports.requires_symmetric:
        dense = np.asarray(X.toarray() if sp.issparse(X) else X)
        if dense.ndim != 2 or dense.dtype.kind not in "fiub" or not dense.size:
            return X, {"symmetric": True}
        side = min(dense.shape)
        square = dense[:side, :side]
        square = np.maximum(square, square.T)
        return (sp.csr_array(square) if sp.issparse(X) else square), {"symmetric": True}
    if solver.supports.requires_mask:
        shape = np.shape(X) if not sp.issparse(X) else X.shape
        mask = (np.indices(shape).sum(0) % 4 != 1).astype(float) if len(shape) == 2 else np.ones(shape)
        return X, {"mask": mask}
    return X, {}


def unsound(solver, fit, loss, shape):
    """What is wrong with a fit, in words; nothing when it is sound."""
    found = []
    if fit.stopped is StopReason.DIVERGED:
        found.append("diverged")
    for factor, expected in ((fit.W, (shape[0], fit.W.shape[1])), (fit.H, (fit.W.shape[1], shape[1]))):
        if factor.shape != expected or not np.isfinite(factor).all() or (factor < 0).any():
            found.append(f"factors: {factor.shape}, {fit.stopped}")
    if not np.isfinite(fit.history.relative_errors).all():
        found.append("errors that are no numbers")
    curve, errors = np.asarray(fit.history.column("loss")), np.asarray(fit.history.relative_errors)
    if curve[0] < np.finfo(float).tiny:
        return found  # no loss that a float holds
    rises = np.diff(curve / curve[0])[errors[1:] > EXACT]  # where the fit is exact, rounding takes it from 0 to 1e-15 and back
    if rises.size and curve[-1] / curve[0] > 1 + 1e-6:
        found.append(f"the loss rose to {curve[-1] / curve[0]:.9g} of its first")
    if solver.monotone and rises.max(initial=0) > ROUNDING:
        found.append(f"a step of the loss rose by {rises.max():.3g} of its first")
    return found


def floor(X, rank):
    """The least relative error that any factorization of this rank has (Eckart and Young), by NumPy's SVD."""
    dense = np.asarray(X.toarray() if sp.issparse(X) else X, dtype=float)
    with np.errstate(all="ignore"):
        scaled = dense / (dense.max() or 1)
    values = np.linalg.svd(scaled, compute_uv=False)
    return np.sqrt((values[rank:] ** 2).sum() / max((values**2).sum(), 1e-300))


def tortured(solver, case):
    """What is wrong with a solver's fits of a case, for every loss it names and three other betas."""
    X, rank = CASES[case]
    with np.errstate(all="ignore"):
        X, options = suited(solver, X)
    shape = X.shape if sp.issparse(X) else np.shape(X)
    inits = ["random", "nndsvda"]
    losses = [name for name in solver.supports.losses if "..." not in name]
    if len(losses) < len(solver.supports.losses):
        losses += ["beta=0.5", "beta=1.5", "beta=3"]  # not below 0: `mu` and `masked` diverge on rows from 1e-30 to 1e30 there
    found = []
    for number, loss in enumerate(losses, list(CASES).index(case)):
        try:
            fit = solve(X, rank, solver=solver, init=inits[number % 2], loss=loss, seed=0, stop=STOP, **options)
        except ProblemError:
            continue  # the sentences are tested in test_checks.py
        found += [(case, loss, inits[number % 2], what) for what in unsound(solver, fit, loss, shape)]
        if loss == "frobenius" and not options and fit.relative_error < floor(X, rank) * (1 - 1e-6) - EXACT:
            found.append((case, loss, inits[number % 2], f"an error of {fit.relative_error}, below that of the SVD"))
    return found


@pytest.mark.parametrize("key", SOLVERS)
def test_torture_ends_with_a_reason_or_with_sound_factors(key):
    solver = SOLVERS[key]()
    found = [what for case in CASES for what in tortured(solver, case)]
    assert not found, "\n".join(map(str, found))


def test_there_are_at_least_eighty_cases():
    assert len(CASES) >= 80
