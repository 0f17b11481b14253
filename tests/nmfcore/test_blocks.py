"""Is a factorization of blocks the one in memory, whoever visits them, and does it end, go on and refuse like any other?"""

import importlib.util
import os
import signal
import threading
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls
from scipy.sparse.linalg import svds

import nmfcore
from nmfcore import ProblemError, StopReason, StopRule
from nmfcore.core.blocks import ArrayBlocks, Blocks, cut
from nmfcore.core.guidance import Delete, Guidance
from nmfcore.core.losses import relative_error
from nmfcore.data.blocks import as_blocks
from nmfcore.estimator import NMF
from nmfcore.evaluate import blocks as whole
from nmfcore.evaluate.svd import svd
from nmfcore.export import load_run, save_run
from nmfcore.solvers import block_dask, block_journal
from nmfcore.solvers.block_engines import Shelf
from nmfcore.solvers.block_work import Tree
from nmfcore.solvers.blocked_run import Within
from nmfcore.solvers.starts import rescaled, start

EDGES = [0, 61, 62, 200, 333, 420]
FOREVER = StopRule(tol=0, max_iter=25, max_seconds=None)
needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="the extra [dask] is not installed")


def data(kind="sparse", dtype=np.float64, m=420, n=70, rank=5, seed=0):
    """Planted topics with a little noise; few enough values for float64 throughout."""
    rng = np.random.default_rng(seed)
    X = rng.random((m, rank)) ** 4 @ rng.random((rank, n)) ** 4 + 0.02 * rng.random((m, n))
    if kind == "sparse":
        X[X < 0.15] = 0
        return sp.csr_array(X.astype(dtype))
    return X.astype(dtype)


def begun(X, rank=5):
    """A start at the best multiple of WH, so that both ways take the same steps."""
    problem = nmfcore.as_problem(X, rank)
    return rescaled(problem, start(problem, "nndsvd", 0))


def finish(run):
    for _ in run:
        pass
    return run.result()


# -- the same numbers ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernels", ["on", "off"])
@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("options", [{}, {"extrapolate": False}, {"sweeps": 3}])
def test_blocks_take_the_same_steps_as_memory(kind, options, kernels, monkeypatch):
    monkeypatch.setenv("NMF_KERNELS", "auto" if kernels == "on" else "off")
    X = data(kind)
    given = begun(X)
    options = {"W": given.W, "H": given.H, "stop": FOREVER, "solver_options": {**options, "sketch": False}}
    one, two = nmfcore.solve(X, 5, **options), nmfcore.solve(ArrayBlocks(X, edges=EDGES), 5, **options)
    np.testing.assert_allclose(two.history.column("loss"), one.history.column("loss"), rtol=1e-6)
    np.testing.assert_allclose(two.H, one.H, rtol=1e-4, atol=1e-4 * one.H.max())
    assert two.relative_error == pytest.approx(nmfcore.relative_error(X, two.W, two.H), abs=1e-7)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_bits_do_not_depend_on_the_number_of_threads(threads):
    X = ArrayBlocks(data(dtype=np.float32, m=2000), edges=[0, 300, 700, 701, 1200, 1500, 2000])
    one = nmfcore.solve(X, 5, stop=FOREVER, threads=1, init="random", seed=3)
    other = nmfcore.solve(X, 5, stop=FOREVER, threads=threads, init="random", seed=3)
    np.testing.assert_array_equal(other.W, one.W)
    np.testing.assert_array_equal(other.H, one.H)


def test_states_in_files_give_the_same_bits_and_leave_nothing_behind(monkeypatch, tmp_path):
    X = ArrayBlocks(data(), edges=EDGES)
    one = nmfcore.solve(X, 5, stop=FOREVER)
    monkeypatch.setattr("nmfcore.solvers.blocked_run.STATE_BYTES", 0)
    monkeypatch.setattr("nmfcore.solvers.block_engines.LARGE_BYTES", 0)
    run = nmfcore.prepare(X, 5, stop=FOREVER, folder=tmp_path)
    other = finish(run)
    assert isinstance(other.W, np.memmap)
    np.testing.assert_array_equal(other.W, one.W)
    assert list(tmp_path.iterdir())
    del run, other
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rows", [7, 100, 1000])
@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_a_cut_gives_blocks_of_about_equal_work(kind, rows):
    X = data(kind)
    edges = np.array(cut(X, 2000, rows))
    assert edges[0] == 0
    assert edges[-1] == 420
    assert 0 < np.diff(edges).min() <= np.diff(edges).max() <= rows
    if rows == 1000:
        work = np.diff(X.indptr[edges]) if kind == "sparse" else np.diff(edges) * 70
        assert work.min() > 0.9 * work.max()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 13])
def test_sums_over_blocks_have_one_shape_whatever_arrives_first(count):
    def root(order):
        tree = Tree(count)
        for index in order:
            tree.put(index, str(index), lambda a, b: f"({a}+{b})")
        return tree.root

    straight = root(range(count))
    rng = np.random.default_rng(count)
    assert all(root(rng.permutation(count)) == straight for _ in range(5))
    assert straight.replace("(", "").replace(")", "").split("+") == [str(i) for i in range(count)]


@pytest.mark.parametrize("init", ["nndsvd", "random", "sample"])
def test_every_start_ends_where_memory_ends(init):
    X = data()
    stop = StopRule(tol=1e-9, max_iter=600, max_seconds=None)
    floor = svd(X, 5).floor([5])[0]
    memory = nmfcore.solve(X, 5, stop=stop)
    blocks = nmfcore.solve(ArrayBlocks(X, edges=EDGES), 5, stop=stop, init=init)
    assert blocks.stopped is StopReason.CONVERGED
    assert floor <= blocks.relative_error <= memory.relative_error * (1 + 1e-4)
    assert (np.diff(blocks.history.column("loss")) <= 1e-12).all(), "the loss never rises"


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_the_unit_of_the_data_does_not_matter(factor):
    X = data()
    one = nmfcore.solve(ArrayBlocks(X, edges=EDGES), 5, stop=FOREVER)
    other = nmfcore.solve(ArrayBlocks(X * factor, edges=EDGES), 5, stop=FOREVER)
    assert other.relative_error == pytest.approx(one.relative_error, rel=1e-6)
    assert other.history[-1].loss == pytest.approx(one.history[-1].loss * factor**2, rel=1e-6)


def test_a_penalty_is_the_one_of_memory():
    X, given = data(), begun(data())
    options = {"W": given.W, "H": given.H, "stop": FOREVER, "penalty": nmfcore.Penalty(l1_W=0.3, l1_H=0.2, l2_W=0.1, l2_H=0.4)}
    one, two = nmfcore.solve(X, 5, **options), nmfcore.solve(ArrayBlocks(X, edges=EDGES), 5, **options)
    np.testing.assert_allclose(two.history.column("loss"), one.history.column("loss"), rtol=1e-7)
    np.testing.assert_allclose(two.history.column("relative_error"), one.history.column("relative_error"), rtol=1e-6)


def test_a_fit_finer_than_float32_goes_on_in_float64():
    rng = np.random.default_rng(2)
    X = sp.csr_array((rng.random((900, 4)) ** 3 @ rng.random((4, 80)) ** 3).astype(np.float32))  # exact but for float32
    fit = nmfcore.solve(ArrayBlocks(X, edges=[0, 400, 900]), 4, stop=StopRule(tol=0, max_iter=400, max_seconds=None))
    assert fit.relative_error < 1e-3
    assert fit.relative_error == pytest.approx(nmfcore.relative_error(X, fit.W, fit.H), rel=0.02)


# -- a run like any other ------------------------------------------------------------------------------------------------------
def test_a_pass_tells_block_by_block_and_can_be_left_in_the_middle():
    X = ArrayBlocks(data(), edges=EDGES)
    straight = nmfcore.solve(X, 5, stop=FOREVER)
    run = nmfcore.prepare(X, 5, stop=FOREVER, threads=1)
    seen = []
    for point in run:
        seen.append(point)
        if isinstance(point, Within) and point.phase == "Pass 7" and point.blocks == 2:
            break
    inside = [p for p in seen if isinstance(p, Within) and p.phase == "Pass 3"]
    assert [p.blocks for p in inside] == [1, 2, 3, 4, 5]
    assert inside[-1].bytes == sum(X.nbytes(i) for i in range(5))
    assert inside[1].seconds_left > 0
    half = run.result()
    assert half.stopped is StopReason.CANCELLED
    assert half.history[-1].iteration == 6
    assert half.relative_error == pytest.approx(nmfcore.relative_error(X.X, half.W, half.H), rel=1e-7)
    run.stop = StopRule(tol=0, max_iter=19, max_seconds=None)
    again = finish(run)
    np.testing.assert_array_equal(again.W, straight.W)
    np.testing.assert_array_equal(again.history.column("loss"), straight.history.column("loss"))


class Slow(ArrayBlocks):
    """Blocks of which the third waits until it is told to go on."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.reached, self.go_on, self.visits = threading.Event(), threading.Event(), 0

    def block(self, index):
        self.visits += 1
        if index == 2 and self.visits > 40:
            self.reached.set()
            self.go_on.wait(20)
        return super().block(index)


def test_cancel_ends_a_run_inside_a_block():
    blocks = Slow(data(), edges=EDGES)
    run = nmfcore.prepare(blocks, 5, stop=StopRule(tol=0, max_iter=1000, max_seconds=None), threads=1)
    thread = threading.Thread(target=finish, args=(run,))
    thread.start()
    assert blocks.reached.wait(20)
    run.cancel()
    blocks.go_on.set()
    thread.join(20)
    assert not thread.is_alive()
    result = run.result()
    assert result.stopped is StopReason.CANCELLED
    assert result.relative_error == pytest.approx(nmfcore.relative_error(blocks.X, result.W, result.H), rel=1e-7)
    waiting = nmfcore.prepare(blocks, 5)
    waiting.cancel()
    with pytest.raises(ProblemError, match="before its first pass"):
        finish(waiting)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (StopRule(tol=1e-3), StopReason.CONVERGED),
        (StopRule(tol=0, kkt=1e-2, max_iter=900), StopReason.KKT),
        (StopRule(tol=0, max_iter=3), StopReason.ITERATIONS),
        (StopRule(tol=0, max_iter=0), StopReason.ITERATIONS),
        (StopRule(tol=0, max_seconds=0.0), StopReason.SECONDS),
    ],
)
def test_every_stop_rule_ends_a_run(stop, reason):
    X = ArrayBlocks(data(), edges=EDGES)
    fit = nmfcore.solve(X, 5, stop=stop)
    assert fit.stopped is reason
    assert fit.history[-1].iteration <= max(1, stop.max_iter)
    assert fit.relative_error == pytest.approx(nmfcore.relative_error(X.X, fit.W, fit.H), rel=1e-6)


def test_the_kkt_residual_is_that_of_memory():
    X, given = data(), begun(data())
    options = {"W": given.W, "H": given.H, "stop": FOREVER, "kkt_every": 5}
    one, two = (finish(nmfcore.prepare(x, 5, **options)) for x in (X, ArrayBlocks(X, edges=EDGES)))
    start_of_one = one.history.column("kkt")[[5, 10, 20]]
    start_of_two = two.history.column("kkt")[[5, 10, 20]]
    np.testing.assert_allclose(start_of_two / start_of_two[0], start_of_one / start_of_one[0], rtol=1e-3)


def test_a_run_is_continued_kept_and_opened_again(tmp_path):
    from nmfcore.run import continue_

    X = ArrayBlocks(data(), edges=EDGES)
    first = nmfcore.solve(X, 5, stop=StopRule(tol=0, max_iter=5, max_seconds=None))
    run = continue_(first, X, stop=StopRule(tol=0, max_iter=4, max_seconds=None))
    more = finish(run)
    assert more.history[-1].iteration == 9
    assert more.relative_error <= first.relative_error * (1 + 1e-12)
    save_run(tmp_path / "run.npz", more)
    opened, _ = load_run(tmp_path / "run.npz")
    np.testing.assert_array_equal(opened.W, more.W)
    assert opened.spec == more.spec
    repeated = nmfcore.solve(X, spec=first.spec)
    np.testing.assert_array_equal(repeated.W, first.W)


def test_what_blocks_cannot_do_is_refused_with_the_way_out():
    X = ArrayBlocks(data(), edges=EDGES)
    for options, words in [
        ({"solver": "mu"}, "The solver that can: hals"),
        ({"loss": "kullback-leibler"}, "Frobenius loss only"),
        ({"mask": np.ones(X.shape)}, "missing entries"),
        ({"symmetric": True}, "S S"),
        ({"init": "separable"}, "Starts that can: sample, nndsvd"),
        ({"init": "given"}, "needs both W and H"),
        ({"W": -np.ones((420, 5)), "H": np.ones((5, 70))}, "negative or not finite"),
    ]:
        with pytest.raises(ProblemError, match=words):
            nmfcore.solve(X, 5, **options)
    with pytest.raises(ProblemError, match="choose 1 to 70"):
        nmfcore.solve(X, 71)


def test_the_estimator_takes_blocks():
    X = ArrayBlocks(data(), edges=EDGES)
    model = NMF(5, init="nndsvd", random_state=0, tol=1e-8, max_iter=400)
    W = model.fit_transform(X)
    assert model.components_.shape == (5, 70)
    assert model.reconstruction_err_ == pytest.approx(float(np.linalg.norm(X.X.toarray() - W @ model.components_)), rel=1e-6)
    np.testing.assert_allclose(model.transform(X), W, atol=2e-3 * W.max())
    with pytest.raises(ValueError, match="shuffle"):
        NMF(5, shuffle=True).fit(X)


# -- what is said of blocks ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_what_is_said_of_blocks_is_what_is_said_of_the_matrix(kind):
    X = data(kind)
    dense = X.toarray() if kind == "sparse" else X
    blocks = ArrayBlocks(X, edges=EDGES)
    np.testing.assert_allclose(whole.column_totals(blocks), dense.sum(axis=0))
    H = np.random.default_rng(1).random((4, 70))
    W = whole.transform(blocks, H)
    np.testing.assert_allclose(W[77], nnls(H.T, dense[77])[0], atol=1e-8)
    rows, taken = whole.sample(blocks, 50, seed=4)
    np.testing.assert_array_equal(taken.toarray() if kind == "sparse" else taken, dense[rows])
    assert len(np.unique(rows)) == 50
    column_of = np.arange(70) % 3
    means, counts = whole.block_means(blocks, 7, column_of, 3)
    assert counts.sum() == dense.size
    bins = whole.row_bin(np.arange(420), 420, 7)
    np.testing.assert_allclose(means[2, 1], dense[bins == 2][:, column_of == 1].mean())


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_the_error_of_factors_that_come_from_elsewhere_is_that_of_memory(kind):
    X = data(kind)
    rng = np.random.default_rng(3)
    W, H = rng.random((420, 4)), rng.random((4, 70))
    blocks = ArrayBlocks(X, edges=EDGES)
    assert whole.relative_error(blocks, W, H) == pytest.approx(relative_error(X, W, H), rel=1e-12)
    with pytest.raises(ProblemError, match="do not fit"):
        whole.relative_error(blocks, W[1:], H)


@needs_dask
def test_what_needs_all_of_the_data_says_so_and_what_to_do(tmp_path):
    blocks = ArrayBlocks(data(), edges=EDGES)
    fit = nmfcore.solve(blocks, 5, stop=FOREVER)
    for X in (blocks, in_chunks(data(), EDGES)):
        with pytest.raises(ProblemError, match=r"visited block by block.*evaluate\.blocks\.sample"):
            svd(X)
        with pytest.raises(ProblemError, match=r"visited block by block"):
            save_run(tmp_path / "run.npz", fit, X=X)
    with pytest.raises(ProblemError, match=r"Guided topics.*sample"):
        nmfcore.solve(blocks, 5, guidance=Guidance((Delete(1),)))


def test_the_floor_on_blocks_is_the_floor():
    X = data()
    blocks = ArrayBlocks(X, edges=EDGES)
    U, s, _ = svds(X, 6)
    found = whole.svd(blocks, 6)
    np.testing.assert_allclose(found.singular_values, s[::-1], rtol=1e-8)
    np.testing.assert_allclose(found.floor([3, 6]), svd(X, 6).floor([3, 6]), rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(found.U[:, 0] * U[:, -1])), 1, rtol=1e-6)
    np.testing.assert_allclose(X @ found.Vt.T, found.U * found.singular_values, atol=1e-8 * s.max())


def test_the_floor_of_many_columns_is_never_too_low(monkeypatch):
    monkeypatch.setattr(whole, "EXACT_COLUMNS", 10)
    X = data("sparse", m=500)
    true = svd(X, 6)
    found = whole.svd(ArrayBlocks(X, edges=[0, 200, 500]), 6)
    assert (found.singular_values <= true.singular_values * (1 + 1e-9)).all()
    np.testing.assert_allclose(found.floor([5]), true.floor([5]), rtol=1e-3)
    with pytest.raises(ProblemError, match="at least 2 passes"):
        whole.svd(ArrayBlocks(X), 3, passes=1)


# -- Dask ----------------------------------------------------------------------------------------------------------------------
def in_chunks(X, edges):
    import dask
    import dask.array as da

    meta = sp.csr_array((0, 0), dtype=X.dtype)
    parts = [da.from_delayed(dask.delayed(X[a:b]), (b - a, X.shape[1]), meta=meta) for a, b in pairwise(edges)]
    return da.concatenate(parts)


@needs_dask
@pytest.mark.filterwarnings("ignore")
def test_an_array_of_dask_gives_the_same_bits_with_and_without_workers(tmp_path):
    from distributed import Client, LocalCluster

    X = data(dtype=np.float32)
    local = nmfcore.solve(ArrayBlocks(X, edges=EDGES), 5, stop=FOREVER)
    without = nmfcore.solve(in_chunks(X, EDGES), 5, stop=FOREVER)
    np.testing.assert_array_equal(without.W, local.W)
    store = as_blocks(X, tmp_path / "x.blocks", values=2000)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        with Client(cluster, set_as_default=False) as c:
            by_workers = nmfcore.solve(store, 5, stop=FOREVER, client=c)
            np.testing.assert_array_equal(by_workers.W, nmfcore.solve(store, 5, stop=FOREVER).W)
            totals = [whole.column_totals(store, whole.Visit(client=one, threads=1)) for one in (c, None)]
            np.testing.assert_array_equal(*totals)
        with Client(cluster):
            found = nmfcore.solve(in_chunks(X, EDGES), 5, stop=FOREVER)
            np.testing.assert_array_equal(found.W, local.W)
            np.testing.assert_array_equal(found.H, local.H)
            assert NMF(5, init="nndsvd", tol=1e-6).fit_transform(in_chunks(X, EDGES)).shape == (420, 5)


@needs_dask
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_is_killed_is_made_up_for():
    from distributed import Client, LocalCluster

    X = data(dtype=np.float32)
    local = nmfcore.solve(ArrayBlocks(X, edges=EDGES), 5, stop=FOREVER)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster, Client(cluster) as c:
        run = nmfcore.prepare(in_chunks(X, EDGES), 5, stop=FOREVER)
        killed = []
        for point in run:
            if isinstance(point, Within) and point.phase == "Pass 6" and point.blocks == 2 and not killed:
                killed = list(c.run(os.getpid).values())[:1]
                os.kill(killed[0], signal.SIGKILL)
        assert killed
        found = run.result()
    np.testing.assert_array_equal(found.W, local.W)
    np.testing.assert_array_equal(found.H, local.H)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12, 61, 96, 300])
@pytest.mark.parametrize("threads", [1, 2, 4, 64])
def test_sums_of_groups_are_branches_of_the_tree_of_all_blocks(count, threads):
    groups = block_dask.groups_of(count, threads)
    assert [i for group in groups for i in group] == list(range(count))
    assert len(groups) >= min(count, 2 * threads)
    numbers = np.random.default_rng(1).random(count) ** 9

    def summed(values):
        tree = Tree(len(values))
        for i, value in enumerate(values):
            tree.put(i, value, lambda a, b: a + b)
        return tree.root

    assert summed([summed([numbers[i] for i in group]) for group in groups]) == summed(list(numbers))


@needs_dask
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seen", [True, False])
def test_a_late_loss_is_made_up_for_from_the_last_checkpoint(seen, monkeypatch):
    from distributed import Client, LocalCluster

    monkeypatch.setattr(block_journal, "CHECKPOINT_EVERY", 3)
    monkeypatch.setattr(block_dask, "GROUPS_PER_THREAD", 1)  # several blocks a group
    X = data(dtype=np.float32)
    local = nmfcore.solve(ArrayBlocks(X, edges=EDGES), 5, stop=FOREVER)
    begun = []
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as c,
    ):
        run = nmfcore.prepare(in_chunks(X, EDGES), 5, stop=FOREVER, client=c)
        journal = run.engine.journal
        if not seen:  # as on a worker that does not see the folder
            journal._token.unlink()
        again, go, passes = run.engine._again, run.engine._go, []

        def counted(g):
            begun.append((journal.number, journal.checkpoint, len(journal.orders)))
            return again(g)

        def lost_once(order):
            """In a late pass all workers lose what they held."""
            passes.append(order.kind)
            if passes.count("sweep") == FOREVER.max_iter - 1 and not begun:
                run.engine.good = [None] * len(run.engine.groups)
                raise block_journal.LostWorkers("in a test")
            yield from go(order)

        run.engine._again, run.engine._go = counted, lost_once
        for _ in run:
            assert len(journal.orders) <= 2 * 3
        found = run.result()
        assert len(list(journal.folder.glob("states-*"))) <= 2 * len(run.engine.groups)  # one may be under way
    assert begun
    assert all(number > 8 and number - checkpoint == orders <= 2 * 3 for number, checkpoint, orders in begun)
    np.testing.assert_array_equal(found.W, local.W)
    np.testing.assert_array_equal(found.H, local.H)


def test_blocks_are_an_interface_that_others_can_fill():
    class Squares(Blocks):
        """A matrix that is made when it is visited."""

        edges, columns, dtype, sparse = np.array([0, 30, 60]), 20, np.dtype(np.float64), False

        def block(self, index):
            return np.outer(np.arange(30.0) + 30 * index, np.arange(20.0)) + 1

    fit = nmfcore.solve(Squares(), 2, stop=StopRule(tol=0, max_iter=300, max_seconds=None))
    assert fit.relative_error < 1e-3


def test_a_state_in_files_is_what_was_put_there_last(tmp_path):
    """Files are written over in place: what was longer before, or of the other precision, must not shine through."""
    shelf = Shelf(2, tmp_path)
    rng = np.random.default_rng(0)
    for shape, dtype in (((9, 4), np.float64), ((9, 4), np.float32), ((12, 4), np.float32), ((3, 4), np.float64)):
        W, A = rng.random(shape).astype(dtype), np.asfortranarray(rng.random(shape).astype(dtype))
        shelf.put(1, 0, (W, A))
        for put, got in zip((W, A), shelf.get(1, 0), strict=True):
            assert got.dtype == dtype
            assert np.array_equal(got, put)
    assert shelf.get(0, 0) is None
