"""Do the compiled loops equal their plain twins, and does everything work without them?"""

import importlib.util
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls

from nmfcore.core.checks import as_problem
from nmfcore.kernels import available, engines, parts, plain, tiles
from nmfcore.kernels.half import Half, Pace
from nmfcore.solvers.starts import start

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra [fast] is not installed")


def half(engine, A, rank, *, beta=0.3, sweeps=2, l1=0.0, l2=0.0, dead=None):
    """One half iteration from a fixed start, seen from outside; and the value it reports."""
    rng = np.random.default_rng(5)
    m, n = A.shape
    other, begin, previous = rng.random((n, rank)), rng.random((m, rank)), rng.random((m, rank))
    if dead is not None:
        other[:, dead] = 0
    inside = [engine.inside(F.astype(A.dtype)) for F in (other, begin, previous)]
    G = engine.gram(inside[0])
    kept = [F.copy() for F in inside]
    task = Half(G[None], inside[1], inside[2], Pace(np.array([beta]), sweeps, l1, l2), engine.gram(inside[1])[None])
    new, ahead, (value,) = engine.half(A, inside[0], task)
    for F, copy in zip(inside, kept, strict=True):
        np.testing.assert_array_equal(F, copy)  # nothing that came in is written to
    return engine.outside(new), engine.outside(ahead), value


def matrix(kind, dtype, m=150, n=70):
    X = sp.csr_array(sp.random(m, n, 0.15, random_state=3, format="csr", dtype=dtype))
    return X if kind == "sparse" else X.toarray()


@needs_numba
@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rank", [1, 3, 8, 20, 60])
@pytest.mark.parametrize("penalty", [(0.0, 0.0), (0.2, 0.5)])
def test_compiled_half_iteration_equals_its_plain_twin(kind, dtype, rank, penalty):
    A, dtype = matrix(kind, dtype), np.dtype(dtype)
    options = {"sweeps": 1 if dtype == np.float32 else 3, "l1": penalty[0], "l2": penalty[1]}
    plain, fast = (half(kind(rank, dtype), A, rank, **options) for kind in (engines.Rows, engines.Tiles))
    tolerance = 1e-3 if dtype == np.float32 else 1e-9  # a Gauss-Seidel sweep over 60 nearly collinear rows amplifies rounding
    for one, two in zip(plain[:2], fast[:2], strict=True):
        np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance)
    size = np.sum(np.random.default_rng(5).random((70, rank)).sum(axis=0)) ** 2  # of the terms whose difference the value is
    assert plain[2] == pytest.approx(fast[2], abs=size * 10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("name", ["Rows", pytest.param("Tiles", marks=needs_numba)])
def test_threads_change_nothing_but_the_order_of_sums(kind, name, monkeypatch):
    A = matrix(kind, np.float64, 1100, 300)
    engine = getattr(engines, name)(5, A.dtype)
    one = half(engine, A, 5)
    monkeypatch.setattr(parts, "PARALLEL_WORK", 0)
    several = half(engine, A, 5)
    for before, after in zip(one, several, strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["Rows", pytest.param("Tiles", marks=needs_numba)])
def test_a_low_rank_matrix_acts_as_its_product(name):
    rng = np.random.default_rng(0)
    low = engines.LowRank(rng.random((150, 7)), rng.random((7, 70)))

    class Held(engines.LowRank):
        dtype = np.dtype(float)

    engine = getattr(engines, name)(4, np.dtype(float))
    one, two = half(engine, low.Y @ low.B, 4), half(engine, Held(low.Y, low.B), 4)
    for before, after in zip(one, two, strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(low.T @ np.ones((150, 2)), (low.Y @ low.B).T @ np.ones((150, 2)))


@needs_numba
@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_compiled_cross_product_equals_its_plain_twin(kind):
    A, rng = matrix(kind, np.float64), np.random.default_rng(0)
    other, F = rng.random((70, 6)), rng.random((150, 6))
    both = engines.Rows(6, A.dtype), engines.Tiles(6, A.dtype)
    values = [engine.cross(A, engine.inside(other), engine.inside(F)) for engine in both]
    dense = A.toarray() if kind == "sparse" else A
    assert values == pytest.approx([np.sum((dense @ other) * F)] * 2, rel=1e-12)


@pytest.mark.parametrize("name", ["Rows", pytest.param("Tiles", marks=needs_numba)])
def test_value_is_that_of_the_quadratic_form(name):
    A, rng = matrix("sparse", np.float64), np.random.default_rng(5)
    engine = getattr(engines, name)(4, A.dtype)
    other = rng.random((70, 4))
    new, _, value = half(engine, A, 4)
    assert value == pytest.approx(0.5 * np.sum((new @ (other.T @ other)) * new) - np.sum((A @ other) * new), rel=1e-11)


@pytest.mark.parametrize("name", ["Rows", pytest.param("Tiles", marks=needs_numba)])
def test_many_sweeps_reach_the_non_negative_least_squares_solution(name):
    A = np.random.default_rng(1).random((9, 30))
    new, _, _ = half(getattr(engines, name)(4, A.dtype), A, 4, beta=0.0, sweeps=3000)
    other = np.random.default_rng(5).random((30, 4))  # the first numbers that `half` draws
    np.testing.assert_allclose(new, [nnls(other, row)[0] for row in A], atol=1e-7)


@pytest.mark.parametrize("name", ["Rows", pytest.param("Tiles", marks=needs_numba)])
def test_dead_component_is_left_as_it_is(name):
    A = matrix("dense", np.float64)
    engine = getattr(engines, name)(3, A.dtype)
    new, _, _ = half(engine, A, 3, dead=1)
    rng = np.random.default_rng(5)
    rng.random((70, 3))
    np.testing.assert_array_equal(new[:, 1], rng.random((150, 3))[:, 1])


@pytest.mark.parametrize("rank", [5, 48, 49, 70])
def test_panels_change_nothing(rank, monkeypatch):
    rng = np.random.default_rng(0)
    other = rng.random((90, rank))
    G, P, F = other.T @ other, rng.random((rank, 40)) * 50, rng.random((rank, 40))
    whole = F.copy()
    engines.sweep_rows(F, P, G, 2)
    monkeypatch.setattr(plain, "ONE_PANEL", 1000)
    engines.sweep_rows(whole, P, G, 2)
    np.testing.assert_allclose(F, whole, rtol=1e-8, atol=1e-8)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_product_equals_scipys(dtype):
    A, B = matrix("sparse", dtype), np.random.default_rng(0).random((70, 13)).astype(dtype)
    np.testing.assert_allclose(engines.multiply(A, B), A @ B, rtol=1e-5 if dtype == np.float32 else 1e-13)
    assert engines.multiply(A, B).dtype == dtype


def test_kernels_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("NMF_KERNELS", "off")
    assert engines.compiled() is None
    assert isinstance(engines.engine(4, np.dtype(np.float32)), engines.Rows)
    assert "switched off" in engines.in_use()
    assert not engines.warm()


def test_without_numba_plain_numpy_takes_over(monkeypatch):
    monkeypatch.setattr(available, "installed", lambda: False)
    assert isinstance(engines.engine(4, np.dtype(np.float32)), engines.Rows)
    assert "[fast]" in engines.in_use()


def test_a_broken_numba_does_not_break_nmf(monkeypatch):
    monkeypatch.setattr(available, "installed", lambda: True)
    monkeypatch.setattr(available, "load", lambda: None)
    assert isinstance(engines.engine(4, np.dtype(np.float32)), engines.Rows)
    assert "does not work" in engines.in_use() or "switched off" in engines.in_use()


@needs_numba
def test_runs_do_not_wait_for_kernels_that_are_being_warmed(monkeypatch):
    entered, leave = threading.Event(), threading.Event()
    monkeypatch.setenv("NMF_KERNELS", "auto")

    class Slow:
        LANES = 8

        @staticmethod
        def warm(dtype):
            entered.set()
            leave.wait(5)

    monkeypatch.setattr(available, "load", lambda: Slow)
    worker = threading.Thread(target=engines.warm)
    worker.start()
    assert entered.wait(5)
    assert isinstance(engines.engine(4, np.dtype(np.float32)), engines.Rows)
    assert "being prepared" in engines.in_use()
    leave.set()
    worker.join(5)
    assert engines.compiled() is Slow


@needs_numba
@pytest.mark.parametrize("use", [lambda A: engines.multiply(A, np.ones((70, 3))), lambda A: engines.engine(3, A.dtype)])
def test_what_runs_is_decided_once_though_warming_may_begin_at_any_moment(monkeypatch, use):
    """Seen in CI: asked twice, the kernels were there and then not, and the fit on the first screen failed."""
    answers = iter([engines.compiled()])
    monkeypatch.setattr(engines, "compiled", lambda: next(answers, None))
    use(matrix("sparse", np.float64))


@needs_numba
def test_the_kernels_stay_aside_until_the_last_one_has_prepared_them(monkeypatch):
    monkeypatch.setenv("NMF_KERNELS", "auto")
    with engines.plain_meanwhile():
        with engines.plain_meanwhile():
            assert engines.compiled() is None
        assert engines.compiled() is None
    assert engines.compiled() is not None


def test_importing_nmfcore_imports_no_compiler():
    code = "import sys, nmfcore, nmfcore.run; sys.exit('numba' in sys.modules or 'llvmlite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("exact", [True, False])
def test_gram_in_blocks_is_the_gram_matrix(exact, monkeypatch):
    F = np.random.default_rng(0).random((900, 7)).astype(np.float32)
    monkeypatch.setattr(parts, "GRAM_ROWS", 128)
    wanted = F.astype(np.float64).T @ F.astype(np.float64)
    for threshold in (0, 10**9):
        monkeypatch.setattr(parts, "PARALLEL_GRAM", threshold)
        np.testing.assert_allclose(engines.gram(F, exact), wanted, rtol=1e-12 if exact else 1e-5)


def test_start_is_the_same_to_rounding_with_and_without_kernels(monkeypatch):
    problem = as_problem(matrix("sparse", np.float64), 4)
    one = start(problem, "nndsvd", 0)
    monkeypatch.setenv("NMF_KERNELS", "off")
    two = start(problem, "nndsvd", 0)
    np.testing.assert_allclose(one.W, two.W, rtol=1e-7, atol=1e-9)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_short_rows_are_multiplied_from_the_transpose_with_the_same_bits(dtype):
    A = sp.csr_array(sp.random(900, 60, 0.05, random_state=3, format="csr", dtype=dtype))
    At, engine, rng = sp.csr_array(A.T), engines.Tiles(5, np.dtype(dtype)), np.random.default_rng(0)
    other, start = engine.inside(rng.random((60, 5))), engine.inside(rng.random((900, 5)))
    np.testing.assert_array_equal(engine.product(A, other, At), engine.product(A, other))
    task = Half(engine.grams(other, [0]), start, start, Pace(np.array([0.4]), 2), engine.grams(start, [0]))
    for one, two in zip(engine.half(A, other, task), engine.half(A, other, task, At), strict=True):
        np.testing.assert_array_equal(one, two)


@needs_numba
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("rank", [1, 7, 16, 17])
def test_compiled_gram_matrices_are_those_of_every_start(rank, exact):
    rng = np.random.default_rng(0)
    engine = engines.Tiles(rank, np.dtype(np.float32), exact)
    factors = [rng.random((130, rank)).astype(np.float32) for _ in range(3)]
    beside = engine.beside([engine.inside(F) for F in factors])
    for F, found in zip(factors, engine.grams(beside, [0, 1, 2]), strict=True):
        np.testing.assert_allclose(found, F.T.astype(float) @ F.astype(float), rtol=1e-13 if exact else 1e-6)
        np.testing.assert_array_equal(found, engine.gram(engine.inside(F)))


@needs_numba
def test_only_arrays_that_nobody_holds_are_given_out_again():
    buffers = tiles.Buffers(np.dtype(float))

    def place(array):
        return int(array.__array_interface__["data"][0])

    first, second = buffers.empty((40_000, 3)), buffers.empty((40_000, 3))
    view, places = first[:, :2], (place(first), place(second))
    assert places[0] != places[1]
    del first, second
    again = place(buffers.empty((40_000, 3)))
    assert again == places[1]  # the other is seen through the view
    del view
    again = place(buffers.empty((40_000, 3)))
    assert again == places[0]
    assert len(buffers.arrays) == 2
    buffers.empty((50_000, 3))
    assert len(buffers.arrays) == 1  # what no longer fits goes
    buffers.empty((5, 3))
    assert len(buffers.arrays) == 1  # small ones are new
