"""Does a solver keep what every solver here promises?

`check_solver(solver)` runs all checks, or `check(solver)` one of them; each raises `AssertionError` with a sentence that says
what was broken. The tests run them over the registry, and over deliberately wrong solvers that each check has to catch. Write
a new solver against them: they need nothing but the solver object.

What may differ between solvers is declared by the solver (`supports`, `monotone`, `ordered`), never guessed here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import kl_div

from nmfcore.core.checks import ProblemError, as_problem
from nmfcore.core.factorization import Factorization, Factors, Matrix, Penalty, Problem, StopReason, beta_of
from nmfcore.core.losses import loss, squared_error
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.solvers.loop import Run, prepare
from nmfcore.solvers.protocol import Solver

Check = Callable[[Solver], None]


@dataclass(frozen=True)
class Case:
    """Data that the solver can run on, with a start: what the checks vary."""

    X: Matrix
    W: np.ndarray
    H: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def rank(self) -> int:
        return int(self.W.shape[1])

    def problem(self) -> Problem:
        return as_problem(self.X, self.rank, **self.options)


def case_for(solver: Solver, m: int = 18, n: int = 13, rank: int = 3, *, noise: float = 0.3, seed: int = 0) -> Case:
    """Positive data of about that shape for this solver: W H plus noise, with a mask or symmetric where it needs that."""
    rng = np.random.default_rng(seed)
    if solver.supports.requires_symmetric:
        S = rng.random((m, rank)) * (rng.random((m, rank)) < 0.6)
        extra = rng.random((m, m))
        X = S @ S.T + noise * (extra + extra.T) / 2
        W = rng.random((m, rank)) + 0.1
        return Case(X, W, W.T.copy(), {"symmetric": True})
    X = rng.random((m, rank)) @ rng.random((rank, n)) + noise * rng.random((m, n))
    W, H = rng.random((m, rank)) + 0.1, rng.random((rank, n)) + 0.1
    options = {"mask": np.ones((m, n))} if solver.supports.requires_mask else {}
    return Case(X, W, H, {"loss": solver.supports.losses[0], **options})


def fit(solver: Solver, case: Case, iterations: int = 20, *, seed: int = 0) -> Factorization:
    """The result of so many iterations from the case's start."""
    run = run_of(solver, case, iterations, seed=seed)
    for _ in run:
        pass
    return run.result()


def run_of(solver: Solver, case: Case, iterations: int = 20, *, seed: int = 0) -> Run:
    """The run of so many iterations from the case's start, not yet begun."""
    spec = RunSpec(
        solver=solver.key,
        solver_options=solver.options(),
        rank=case.rank,
        seed=seed,
        init="given",
        loss=case.options.get("loss", "frobenius"),
        symmetric=case.options.get("symmetric", False),
        penalty=vars(case.options.get("penalty", Penalty())),
        stop=StopRule(tol=0, max_iter=iterations, max_seconds=None),
    )
    return prepare(case.X, case.rank, solver=solver, W=case.W, H=case.H, spec=spec, **case.options)


def steps(solver: Solver, problem: Problem, start: Factors, times: int) -> Iterator[tuple[Factors, Any]]:
    """The bare steps, without the loop's stop rule."""
    with np.errstate(all="ignore"):
        factors, memory = start, solver.start(problem, start, np.random.default_rng(0))
        for _ in range(times):
            factors, memory = solver.step(problem, factors, memory)
            yield factors, memory


def _same(got: Any, expected: Any, what: str, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, err_msg=what)


def _valid(result: Factorization, case: Case, what: str) -> None:
    m, n = case.X.shape
    assert result.stopped is not StopReason.DIVERGED, f"{what}: the run diverged"
    for name, factor, shape in (("W", result.W, (m, case.rank)), ("H", result.H, (case.rank, n))):
        assert factor.shape == shape, f"{what}: {name} has shape {factor.shape}, not {shape}"
        assert np.isfinite(factor).all(), f"{what}: {name} is not finite"
        assert (factor >= 0).all(), f"{what}: {name} has negative entries"


# -- the promises -------------------------------------------------------------------------------------------------------
def check_nonnegative_and_finite(solver: Solver) -> None:
    """W and H are finite, non-negative and of the right shape after every step, for every loss the solver has."""
    for name in _losses(solver):
        full = _with_loss(case_for(solver), name)
        sparse = [_with_zeros(full)] if name in _losses(solver, zeros=True) else []
        for case in (full, *sparse):
            for iterations in (1, 2, 30):
                _valid(fit(solver, case, iterations), case, f"{name}, {iterations} iterations")


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
            _same(array, old, "an input was changed")
            assert not np.shares_memory(array, result.W), "W shares memory with an input"
            assert not np.shares_memory(array, result.H), "H shares memory with an input"
        # The result depends on the values only. The layout may change the order of a sum, hence not to the last bit.
        _same(result.W, plain.W, "the layout of the inputs changed W", rtol=1e-9, atol=1e-12)
    if solver.supports.sparse:  # a product of sparse matrices has its indices in any order, and may share them with another
        ordered = sp.csr_array(case.X)
        turned = np.concatenate([np.arange(b, e)[::-1] for b, e in pairwise(ordered.indptr)])
        stored = sp.csr_matrix((ordered.data[turned], ordered.indices[turned], ordered.indptr), shape=ordered.shape)
        kept = stored.data.tobytes(), stored.indices.tobytes(), stored.indptr.tobytes()
        result = fit(solver, replace(case, X=stored), 5)
        assert kept == (stored.data.tobytes(), stored.indices.tobytes(), stored.indptr.tobytes()), "sparse X was put in order"
        _same(result.W, plain.W, "the order of sparse X changed W", rtol=1e-6, atol=1e-9)


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
    _same(start.W, case.W, "the step changed the start's W")
    _same(start.H, case.H, "the step changed the start's H")
    _same(first.W, kept.W, "a later step changed a W that had been handed out")
    _same(first.H, kept.H, "a later step changed an H that had been handed out")
    _same(second.W, again.W, "the same step on the same factors and memory gave another W")


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


def check_monotone(solver: Solver) -> None:
    """The loss never rises, for every loss, where the solver claims that, also from a start far too small or too large; it ends
    lower than it began in any case."""
    for name in _losses(solver):
        for seed, size in ((0, 1.0), (1, 1.0), (2, 0.02), (3, 50.0)):
            case = _with_loss(case_for(solver, seed=seed), name)
            case = replace(case, W=case.W * size, H=case.H * size)
            curve = fit(solver, case, 60).history.column("loss")
            assert curve[-1] < curve[0], f"{name}: the loss did not fall ({curve[0]} to {curve[-1]})"
            if solver.monotone:
                rise = np.diff(curve) / curve[0]  # relative to the start: rounding near an exact fit is no rise
                assert rise.max() <= 1e-12, f"{name}: the loss rose by {rise.max():.2g} of its first value"


def check_penalties_hold(solver: Solver) -> None:
    """A penalised loss never rises where the solver claims that, however large the weights, and dead components cost nothing."""
    if not solver.supports.penalty:
        return
    for name in _losses(solver):
        case = _with_loss(case_for(solver), name)
        for penalty in (Penalty(0.1, 0.2, 3.0, 30.0), Penalty(l2_W=1e3, l2_H=1e4), Penalty(l1_W=0.3, l1_H=0.1)):
            heavy = replace(case, options={**case.options, "penalty": penalty})
            curve = fit(solver, heavy, 40).history.column("loss")
            rise = np.diff(curve).max() / curve[0]
            assert not solver.monotone or rise <= 1e-12, f"{name}, {penalty}: the loss rose by {rise:.2g} of its first value"
    case = case_for(solver)
    H = case.H.copy()
    H[0] = 0
    for penalty in (Penalty(l2_W=0.1), Penalty(l1_W=0.1)):
        W = fit(solver, replace(case, H=H, options={**case.options, "penalty": penalty}), 30).W
        assert W[:, 0].max() < 0.99 * case.W[:, 0].max(), f"{penalty}: a component that is zero in H keeps weights that only cost"


def check_reported_loss(solver: Solver) -> None:
    """The loss a step hands over is the loss of the factors it returns."""
    for name in _losses(solver):
        case = _with_loss(case_for(solver), name)
        problem = case.problem()
        for factors, memory in steps(solver, problem, Factors(case.W, case.H), 5):
            known = getattr(memory, "loss", None)
            if known is not None and np.isfinite(known):
                _same(known, loss(problem, factors), f"{name}: the loss handed over", rtol=1e-6)


def check_what_is_shown_as_final_is_exact(solver: Solver) -> None:
    """The loss and the relative error of a result are those of its factors, in float64, also where float32 led there; and no
    error lies below the SVD's."""
    for name in _losses(solver):
        for size, dtype in ((18, np.float32), (210, np.float64), (210, np.float32)):
            if size > 18 and name not in (solver.supports.losses[0], "kullback-leibler"):
                continue
            case = _with_loss(case_for(solver, size, size - 5, 4), name)
            case = replace(case, X=case.X.astype(dtype))
            zeros = [_with_zeros(case)] if name in _losses(solver, zeros=True) else []
            for data in (case, *zeros, *(replace(z, X=sp.csr_array(z.X)) for z in zeros if solver.supports.sparse)):
                result = fit(solver, data, 25)
                X = np.asarray(data.X.toarray() if sp.issparse(data.X) else data.X, np.float64)
                Y = result.W.astype(np.float64) @ result.H.astype(np.float64)
                what = f"{name}, {size} rows, {np.dtype(dtype)}"
                error = float(np.linalg.norm(X - Y) / np.linalg.norm(X))
                _same(result.relative_error, error, f"{what}: the final relative error", rtol=1e-8)
                _same(result.history[-1].loss, _divergence(X, Y, beta_of(name)), f"{what}: the final loss", rtol=1e-8)
                singular = np.linalg.svd(X, compute_uv=False)
                floor = float(np.sqrt(np.sum(singular[case.rank :] ** 2) / np.sum(singular**2)))
                assert result.relative_error >= floor * (1 - 1e-9), f"{what}: {error} lies below the SVD's {floor}"


def check_svd_floor(solver: Solver) -> None:
    """No run says at any time that it is below the truncated SVD's error, which no rank-r model can beat."""
    case = case_for(solver, noise=0.5)
    X = np.asarray(case.X)
    singular = np.linalg.svd(X, compute_uv=False)
    floor = np.sqrt(np.sum(singular[case.rank :] ** 2) / np.sum(singular**2))
    error = min(point.relative_error for point in run_of(solver, case, 100))
    assert error >= floor - 1e-9, f"a relative error of {error} lies below the SVD's {floor}: the factors are not of this rank"


def check_units_do_not_matter(solver: Solver) -> None:
    """X -> aX gives sqrt(a) W and sqrt(a) H, for a from 1e-300 to 1e300; it is refused where the loss would be no float."""
    for name in _losses(solver):
        case = _with_loss(case_for(solver), name)
        plain = fit(solver, case, 10)
        for a in (1e-300, 1e-12, 1e-5, 1e5, 1e12, 1e300):
            root = np.sqrt(a)
            scaled = replace(case, X=case.X * a, W=case.W * root, H=case.H * root)
            try:
                other = fit(solver, scaled, 10)
            except ProblemError:
                size = math.log10(plain.history[0].loss) + beta_of(name) * math.log10(a)
                assert abs(size) > 300, f"{name}, a = {a:g}: refused, though the loss would be about 1e{size:.0f}"
                continue
            assert other.stopped is not StopReason.DIVERGED, f"{name}, a = {a:g}: the run diverged"
            _same(other.W / root, plain.W, f"{name}: W at a = {a:g}", rtol=1e-6, atol=1e-9)
            _same(other.H / root, plain.H, f"{name}: H at a = {a:g}", rtol=1e-6, atol=1e-9)
            _same(other.relative_error, plain.relative_error, f"{name}: relative error at a = {a:g}", rtol=1e-7)


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
        _same(two.relative_error, one.relative_error, "relative error of reordered data", rtol=0.02)
    else:
        _same(two.W, one.W[rows], "W of reordered data", rtol=1e-6, atol=1e-9)
        _same(two.H, one.H[:, columns], "H of reordered data", rtol=1e-6, atol=1e-9)


def check_sparse_equals_dense(solver: Solver) -> None:
    """CSR, CSC and COO data give what the same dense data give, for every loss; stored zeros change nothing."""
    if not solver.supports.sparse:
        return
    for name in _losses(solver, zeros=True):
        case = _with_zeros(_with_loss(case_for(solver), name))
        plain = fit(solver, case, 8)
        stored = sp.csr_array(case.X)
        extra = sp.csr_array(np.where(case.X > 0, case.X, 1.0))
        extra.data[np.asarray(case.X)[np.nonzero(extra.toarray())] == 0] = 0.0
        kinds: dict[str, Any] = {"CSR": stored, "CSC": sp.csc_array(case.X), "COO": sp.coo_array(case.X), "CSR with zeros": extra}
        for kind, X in kinds.items():
            other = fit(solver, replace(case, X=X), 8)
            _same(other.W, plain.W, f"{name}: W of {kind} data", rtol=1e-6, atol=1e-9)
            _same(other.H, plain.H, f"{name}: H of {kind} data", rtol=1e-6, atol=1e-9)


def check_float32_agrees(solver: Solver) -> None:
    """float32 data give float32 factors whose fit is that of float64."""
    for name in _losses(solver):
        case = _with_loss(case_for(solver), name)
        narrow = replace(case, X=case.X.astype(np.float32))
        one, two = fit(solver, case, 20), fit(solver, narrow, 20)
        problem = narrow.problem()
        for factors, _ in steps(solver, problem, Factors(narrow.W.astype(np.float32), narrow.H.astype(np.float32)), 2):
            kinds = factors.W.dtype, factors.H.dtype
            assert kinds == (np.float32, np.float32), f"{name}: float32 data gave factors of {kinds[0]} and {kinds[1]}"
        _same(two.relative_error, one.relative_error, f"{name}: relative error in float32", rtol=1e-3)


def check_zero_rows_and_columns(solver: Solver) -> None:
    """Rows and columns of zeros do no harm: the rest is fitted, and they end up near zero."""
    case = _with_zeros(case_for(solver))
    X = np.asarray(case.X).copy()
    X[2], X[:, 2] = 0, 0
    case = replace(case, X=X)
    result = fit(solver, case, 100)
    _valid(result, case, "zero rows and columns")
    product = result.W @ result.H
    assert product[2].max() <= 0.3 * X.max(), "a row of zeros is not fitted as one"
    assert result.relative_error < 0.9, f"the rest of the data is not fitted (relative error {result.relative_error})"


def check_exact_is_fixed_point(solver: Solver) -> None:
    """From an exact factorization a step goes nowhere: X stays fitted."""
    for name in _losses(solver):
        case = _with_loss(case_for(solver), name)
        case = replace(case, X=case.W @ case.H)
        problem = case.problem()
        for factors, _ in steps(solver, problem, Factors(case.W, case.H), 3):
            error = np.sqrt(squared_error(problem, factors) / problem.squared_norm)
            assert error <= 1e-9, f"{name}: a step left an exact factorization (relative error {error:.2g})"


def check_planted_factors_are_found(solver: Solver) -> None:
    """Factors with an identity block in each are unique, and are found up to order and scale from one start of several."""
    rng = np.random.default_rng(4)
    r = 3
    W0 = np.vstack([np.eye(r), rng.random((15, r))])
    symmetric = solver.supports.requires_symmetric
    H0 = W0.T if symmetric else np.hstack([np.eye(r), rng.random((r, 10))])
    X = W0 @ H0
    found = 0.0
    for seed in range(4):
        start = case_for(solver, X.shape[0], X.shape[1], r, seed=seed)
        result = fit(solver, replace(start, X=X), 500)
        found = max(found, min(_matched(result.W, W0), _matched(result.H.T, H0.T)))
        if found > 0.98:
            return
    raise AssertionError(f"planted factors were not found: the best cosine over four starts is {found:.3f}")


def check_rank_one(solver: Solver) -> None:
    """At rank 1 the optimum is the leading singular pair."""
    case = case_for(solver, rank=1)
    X = np.asarray(case.X)
    if case.options.get("loss", "frobenius") != "frobenius":
        return
    left, singular, right = np.linalg.svd(X)
    result = fit(solver, case, 300)
    _same(result.W @ result.H, singular[0] * np.outer(left[:, 0], right[0]), "W H at rank 1", rtol=1e-3, atol=1e-3 * X.max())


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
    _same((hidden.W @ hidden.H)[~shown], line.X[~shown], "hidden entries of a rank-1 matrix", rtol=0.02)
    pattern = sp.csr_array(np.where(shown, case.X, 0))  # all data are positive: what is stored is what is observed
    stored = fit(solver, replace(case, X=pattern, options={**case.options, "mask": "stored"}), 10)
    _same(stored.W, results[0].W, "W of the same data, stored sparse", rtol=1e-6, atol=1e-9)


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
                _valid(fit(solver, case, 20), case, f"{what}, rank {rank}")


def check_zeros_in_the_start_are_safe(solver: Solver) -> None:
    """A start with dead components, dead rows or nothing but zeros ends finite, or is refused with a reason."""
    case = case_for(solver)
    dead, empty = case.W.copy(), np.zeros_like(case.W)
    dead[:, 0], dead[1] = 0, 0
    for what, W in (("a dead component and a dead row", dead), ("only zeros", empty)):
        H = W.T.copy() if solver.supports.requires_symmetric else case.H
        for name in _losses(solver):
            zero = replace(_with_loss(case, name), W=W, H=H)
            try:
                result = fit(solver, zero, 10)
            except ProblemError:
                continue
            _valid(result, zero, f"{name}, start with {what}")


CHECKS: dict[str, Check] = {
    f.__name__.removeprefix("check_"): f
    for f in (
        check_nonnegative_and_finite,
        check_inputs_untouched,
        check_factors_handed_out_stay,
        check_same_beside_others,
        check_same_seed_same_result,
        check_monotone,
        check_penalties_hold,
        check_reported_loss,
        check_what_is_shown_as_final_is_exact,
        check_svd_floor,
        check_units_do_not_matter,
        check_order_does_not_matter,
        check_sparse_equals_dense,
        check_float32_agrees,
        check_zero_rows_and_columns,
        check_exact_is_fixed_point,
        check_planted_factors_are_found,
        check_rank_one,
        check_masked_entries_do_not_matter,
        check_transposition_mirrors,
        check_shapes_and_special_matrices,
        check_zeros_in_the_start_are_safe,
    )
}


def check_solver(solver: Solver) -> None:
    """All checks, in order.

    Raises
    ------
    AssertionError
        By the first promise that is not kept.
    """
    for check in CHECKS.values():
        check(solver)


# -- helpers ------------------------------------------------------------------------------------------------------------
def _losses(solver: Solver, *, zeros: bool = False) -> list[str]:
    """Names of losses the solver has ("beta=..." is tried with 0.5, 1.5 and 3); with `zeros`, those that allow zeros in X."""
    names = [n for n in solver.supports.losses if n != "beta=..."]
    if "beta=..." in solver.supports.losses:
        names += ["beta=0.5", "beta=1.5", "beta=3", "beta=-0.5"]
    return [n for n in names if not zeros or n not in ("itakura-saito", "beta=-0.5")]


def _divergence(X: np.ndarray, Y: np.ndarray, beta: float) -> float:
    """D_beta(X | Y), straight from its definition (Fevotte & Idier 2011, eq. 2)."""
    if beta == 2:
        return float(0.5 * np.sum((X - Y) ** 2))
    if beta == 1:
        return float(np.sum(kl_div(X, Y)))
    if beta == 0:
        return float(np.sum(X / Y - np.log(X / Y) - 1))
    return float(np.sum(X**beta + (beta - 1) * Y**beta - beta * X * Y ** (beta - 1)) / (beta * (beta - 1)))


def _with_loss(case: Case, name: str) -> Case:
    return replace(case, options={**case.options, "loss": name})


def _with_zeros(case: Case) -> Case:
    """The case with a share of its entries set to 0, mirror-symmetrically where it is symmetric."""
    gone = np.random.default_rng(5).random(case.X.shape) < 0.4
    if case.options.get("symmetric"):
        gone |= gone.T
    return replace(case, X=np.where(gone, 0.0, case.X))


def _matched(got: np.ndarray, expected: np.ndarray) -> float:
    """The smallest cosine between the columns of `expected` and their best matches in `got`, each used once."""
    from scipy.optimize import linear_sum_assignment

    norms = np.linalg.norm(got, axis=0)[:, None] * np.linalg.norm(expected, axis=0)
    cosines = np.divide(got.T @ expected, norms, out=np.zeros_like(norms), where=norms > 0)
    return float(cosines[linear_sum_assignment(-cosines)].min())
