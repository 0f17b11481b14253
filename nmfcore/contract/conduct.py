"""Which promises are about what a solver does to its inputs, and about inputs that must not matter or do harm?"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.contract.cases import (
    Case,
    case_for,
    fit,
    losses,
    same,
    steps,
    valid,
    with_loss,
    with_zeros,
)
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Factors
from nmfcore.solvers.protocol import Solver


def check_nonnegative_and_finite(solver: Solver) -> None:
    """W and H are finite, non-negative and of the right shape after every step, for every loss the solver has."""
    for name in losses(solver):
        full = with_loss(case_for(solver), name)
        sparse = [with_zeros(full)] if name in losses(solver, zeros=True) else []
        for case in (full, *sparse):
            for iterations in (1, 2, 30):
                valid(fit(solver, case, iterations), case, f"{name}, {iterations} iterations")


def check_inputs_untouched(solver: Solver) -> None:
    """X, the start and the mask stay as they were, also where they cannot be written to or are not contiguous."""
    case = case_for(solver)
    wide = np.repeat(np.repeat(case.X, 2, axis=0), 2, axis=1)[::2, ::2]
    strided = replace(case, X=wide, W=np.asfortranarray(case.W), H=np.asfortranarray(case.H))
    plain = fit(solver, case_for(solver), 5)
    for frozen in (case, strided):
        arrays = [frozen.X, frozen.W, frozen.H, *(v for v in frozen.options.values() if isinstance(v, np.ndarray))]
        before = [a.copy() for a in arrays]
        for array in arrays:
            array.flags.writeable = False
        result = fit(solver, frozen, 5)
        for array, old in zip(arrays, before, strict=True):
            same(array, old, "an input was changed")
            assert not np.shares_memory(array, result.W), "W shares memory with an input"
            assert not np.shares_memory(array, result.H), "H shares memory with an input"
        # The result depends on the values only. The layout may change the order of a sum, hence not to the last bit.
        same(result.W, plain.W, "the layout of the inputs changed W", rtol=1e-9, atol=1e-12)
    if solver.supports.sparse:  # a product of sparse matrices has its indices in any order, and may share them with another
        ordered = sp.csr_array(case.X)
        turned = np.concatenate([np.arange(b, e)[::-1] for b, e in pairwise(ordered.indptr)])
        stored = sp.csr_matrix((ordered.data[turned], ordered.indices[turned], ordered.indptr), shape=ordered.shape)
        kept = stored.data.tobytes(), stored.indices.tobytes(), stored.indptr.tobytes()
        result = fit(solver, replace(case, X=stored), 5)
        assert kept == (stored.data.tobytes(), stored.indices.tobytes(), stored.indptr.tobytes()), "sparse X was put in order"
        same(result.W, plain.W, "the order of sparse X changed W", rtol=1e-6, atol=1e-9)


def check_factors_handed_out_stay(solver: Solver) -> None:
    """A step never writes into factors it was given or has handed out, and repeating it gives the same again."""
    case = case_for(solver)
    problem, start = case.problem(), Factors(case.W.copy(), case.H.copy())
    with np.errstate(all="ignore"):
        memory = solver.start(problem, start, np.random.default_rng(0))
        first, then = solver.step(problem, start, memory)
        kept = Factors(first.W.copy(), first.H.copy())
        second, after = solver.step(problem, first, then)
        again, _ = solver.step(problem, first, then)
        solver.step(problem, second, after)
    same(start.W, case.W, "the step changed the start's W")
    same(start.H, case.H, "the step changed the start's H")
    same(first.W, kept.W, "a later step changed a W that had been handed out")
    same(first.H, kept.H, "a later step changed an H that had been handed out")
    same(second.W, again.W, "the same step on the same factors and memory gave another W")


def check_same_beside_others(solver: Solver) -> None:
    """`steps` takes several runs of one problem and gives each the bits that it has alone."""
    case, other = case_for(solver), case_for(solver, seed=1)
    problem = case.problem()
    starts = [Factors(case.W, case.H), Factors(other.W, other.H)]
    with np.errstate(all="ignore"):
        memories = [solver.start(problem, each, np.random.default_rng(0)) for each in starts]
        alone = [solver.step(problem, each, memory)[0] for each, memory in zip(starts, memories, strict=True)]
        beside = solver.steps(problem, starts, memories)
    for (got, _), expected in zip(beside, alone, strict=True):
        assert np.array_equal(got.W, expected.W), "beside another run a step gave another W"
        assert np.array_equal(got.H, expected.H), "beside another run a step gave another H"


def _global_state() -> tuple[bytes, int]:
    """NumPy's global generator: its key, which changes every 624 numbers, and the position in it, which changes with each."""
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    return state["key"].tobytes(), int(state["pos"])


def check_same_seed_same_result(solver: Solver) -> None:
    """Equal seeds give equal bits; the global random state is neither read nor changed."""
    case = case_for(solver)
    before = _global_state()
    one = fit(solver, case, 8, seed=3)
    assert _global_state() == before, "the global random state was used"
    two = fit(solver, case, 8, seed=3)
    assert np.array_equal(one.W, two.W), "the same seed gave another W"
    assert np.array_equal(one.H, two.H), "the same seed gave another H"


def check_order_does_not_matter(solver: Solver) -> None:
    """Rows and columns of X in another order give the same factors in that order (`ordered` solvers: the same error)."""
    case = case_for(solver)
    m, n = case.X.shape
    rng = np.random.default_rng(1)
    rows = rng.permutation(m)
    columns = rows if solver.supports.requires_symmetric else rng.permutation(n)
    options = {k: v[np.ix_(rows, columns)] if isinstance(v, np.ndarray) else v for k, v in case.options.items()}
    moved = Case(case.X[np.ix_(rows, columns)], case.W[rows], case.H[:, columns], options)
    times = 200 if solver.ordered else 10
    one, two = fit(solver, case, times), fit(solver, moved, times)
    if solver.ordered:
        same(two.relative_error, one.relative_error, "relative error of reordered data", rtol=0.02)
    else:
        same(two.W, one.W[rows], "W of reordered data", rtol=1e-6, atol=1e-9)
        same(two.H, one.H[:, columns], "H of reordered data", rtol=1e-6, atol=1e-9)


def check_sparse_equals_dense(solver: Solver) -> None:
    """CSR, CSC and COO data give what the same dense data give, for every loss; stored zeros change nothing."""
    if not solver.supports.sparse:
        return
    for name in losses(solver, zeros=True):
        case = with_zeros(with_loss(case_for(solver), name))
        plain = fit(solver, case, 8)
        stored = sp.csr_array(case.X)
        extra = sp.csr_array(np.where(case.X > 0, case.X, 1.0))
        extra.data[np.asarray(case.X)[np.nonzero(extra.toarray())] == 0] = 0.0
        kinds: dict[str, Any] = {"CSR": stored, "CSC": sp.csc_array(case.X), "COO": sp.coo_array(case.X), "CSR with zeros": extra}
        for kind, X in kinds.items():
            other = fit(solver, replace(case, X=X), 8)
            same(other.W, plain.W, f"{name}: W of {kind} data", rtol=1e-6, atol=1e-9)
            same(other.H, plain.H, f"{name}: H of {kind} data", rtol=1e-6, atol=1e-9)


def check_float32_agrees(solver: Solver) -> None:
    """float32 data give float32 factors whose fit is that of float64."""
    for name in losses(solver):
        case = with_loss(case_for(solver), name)
        narrow = replace(case, X=case.X.astype(np.float32))
        one, two = fit(solver, case, 20), fit(solver, narrow, 20)
        problem = narrow.problem()
        for factors, _ in steps(solver, problem, Factors(narrow.W.astype(np.float32), narrow.H.astype(np.float32)), 2):
            kinds = factors.W.dtype, factors.H.dtype
            assert kinds == (np.float32, np.float32), f"{name}: float32 data gave factors of {kinds[0]} and {kinds[1]}"
        same(two.relative_error, one.relative_error, f"{name}: relative error in float32", rtol=1e-3)


def check_masked_entries_do_not_matter(solver: Solver) -> None:
    """What stands under the mask changes nothing, be it NaN, and is not taken for zero: it is predicted from the rest."""
    if not solver.supports.mask:
        return
    case = case_for(solver)
    shown = np.random.default_rng(2).random(case.X.shape) < 0.7
    results = []
    for junk in (0.0, 1e9, np.nan, -5.0, np.inf):
        options = {**case.options, "mask": shown.astype(float)}
        results.append(fit(solver, replace(case, X=np.where(shown, case.X, junk), options=options), 10))
    for other in results[1:]:
        assert np.array_equal(other.W, results[0].W), "an entry under the mask changed W"
        assert np.array_equal(other.H, results[0].H), "an entry under the mask changed H"
    line = case_for(solver, rank=1, noise=0)
    hidden = fit(solver, replace(line, X=np.where(shown, line.X, 0), options={**line.options, "mask": shown.astype(float)}), 200)
    same((hidden.W @ hidden.H)[~shown], line.X[~shown], "hidden entries of a rank-1 matrix", rtol=0.02)
    pattern = sp.csr_array(np.where(shown, case.X, 0))  # all data are positive: what is stored is what is observed
    stored = fit(solver, replace(case, X=pattern, options={**case.options, "mask": "stored"}), 10)
    same(stored.W, results[0].W, "W of the same data, stored sparse", rtol=1e-6, atol=1e-9)


def check_transposition_mirrors(solver: Solver) -> None:
    """X transposed with transposed starts ends at the same fit (W is updated first in both, so not step by step)."""
    case = case_for(solver, noise=0.02)
    if solver.supports.requires_symmetric:
        return
    options = {k: v.T if isinstance(v, np.ndarray) else v for k, v in case.options.items()}
    turned = Case(case.X.T, case.H.T.copy(), case.W.T.copy(), options)
    one, two = fit(solver, case, 150), fit(solver, turned, 150)
    gap = np.linalg.norm(two.H.T @ two.W.T - one.W @ one.H) / np.linalg.norm(case.X)
    assert gap < 0.03, f"the transposed problem ends at another fit ({gap:.3f} apart)"


def check_shapes_and_special_matrices(solver: Solver) -> None:
    """One row, one column, constant, identity and all-zero matrices give finite non-negative factors or a reason."""
    shapes: dict[str, np.ndarray] = {
        "1 × 1": np.ones((1, 1)),
        "constant": np.full((5, 5), 3.0),
        "identity": np.eye(5),
        "all zero": np.zeros((5, 5)),
        "one entry": np.diag([0, 0, 1.0, 0, 0]),
    }
    if not solver.supports.requires_symmetric:
        shapes |= {"1 × n": np.arange(1.0, 8.0)[None], "m × 1": np.arange(1.0, 8.0)[:, None], "5 × 3": np.ones((5, 3))}
    for what, X in shapes.items():
        for rank in {1, min(X.shape)}:
            for kind in (np.asarray, sp.csr_array) if solver.supports.sparse else (np.asarray,):
                start = case_for(solver, X.shape[0], X.shape[1], rank)
                case = replace(start, X=kind(X))
                valid(fit(solver, case, 20), case, f"{what}, rank {rank}")


def check_zeros_in_the_start_are_safe(solver: Solver) -> None:
    """A start with dead components, dead rows or nothing but zeros ends finite, or is refused with a reason."""
    case = case_for(solver)
    dead, empty = case.W.copy(), np.zeros_like(case.W)
    dead[:, 0], dead[1] = 0, 0
    for what, W in (("a dead component and a dead row", dead), ("only zeros", empty)):
        H = W.T.copy() if solver.supports.requires_symmetric else case.H
        for name in losses(solver):
            zero = replace(with_loss(case, name), W=W, H=H)
            try:
                result = fit(solver, zero, 10)
            except ProblemError:
                continue
            valid(result, zero, f"{name}, start with {what}")


def check_zero_rows_and_columns(solver: Solver) -> None:
    """Rows and columns of zeros do no harm: the rest is fitted, and they end up near zero."""
    case = with_zeros(case_for(solver))
    X = np.asarray(case.X).copy()
    X[2], X[:, 2] = 0, 0
    case = replace(case, X=X)
    result = fit(solver, case, 100)
    valid(result, case, "zero rows and columns")
    product = result.W @ result.H
    assert product[2].max() <= 0.3 * X.max(), "a row of zeros is not fitted as one"
    assert result.relative_error < 0.9, f"the rest of the data is not fitted (relative error {result.relative_error})"
