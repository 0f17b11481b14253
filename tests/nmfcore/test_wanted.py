"""Can every long computation be ended, and does a run that was ended keep its best?"""

import threading

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore.core import products, threads
from nmfcore.core.spec import StopRule
from nmfcore.core.wanted import ask, asking
from nmfcore.evaluate.svd import svd
from nmfcore.run import prepare
from nmfcore.solvers import SOLVERS
from nmfcore.solvers.starts import INITS


class Enough(Exception):
    """What the person who presses Stop raises."""


class After:
    """Wanted for so many questions."""

    def __init__(self, questions):
        self.left = questions

    def __call__(self):
        self.left -= 1
        if self.left < 0:
            raise Enough


def planted(m=300, n=120, rank=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((m, rank)) @ rng.random((rank, n)) + 0.01 * rng.random((m, n))


def test_nobody_asks_when_nobody_wants_to_know():
    ask()
    with pytest.raises(Enough), asking(After(0)):
        ask()
    ask()


def test_the_iterative_svd_can_be_ended_within_its_iteration():
    with pytest.raises(Enough), asking(After(20)):
        svd(planted(), 10, exact_side=50)


@pytest.mark.parametrize("init", [name for name in INITS if name != "random"])
def test_every_start_that_takes_long_can_be_ended(init):
    with pytest.raises(Enough), asking(After(1)):
        prepare(planted(), 5, init=init, solver="mu")


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("stored", [np.asarray, sp.csr_array])
def test_a_step_can_be_ended_and_the_run_keeps_its_best(solver, stored):
    X = planted()
    kind = SOLVERS[solver].supports
    options = {"loss": kind.losses[0]}
    if kind.requires_symmetric:
        X, options = X.T @ X, {**options, "symmetric": True}
    if kind.requires_mask:
        options |= {"mask": stored(np.ones_like(X))}
    run = prepare(stored(X), 5, solver=solver, stop=StopRule(tol=0.0, max_iter=8), **options)
    for progress in run:
        if progress.iteration == 3:
            break
    kept = run.result()
    with pytest.raises(Enough), asking(After(0)):
        for _ in run:
            pass
    again = run.result()
    assert again.history[-1].iteration == kept.history[-1].iteration == 3
    np.testing.assert_array_equal(again.W, kept.W)
    np.testing.assert_array_equal(again.H, kept.H)
    for _ in run:  # and it can go on
        pass
    assert run.result().history[-1].iteration > 3


@pytest.mark.parametrize("stored", [np.asarray, sp.csr_array])
def test_a_product_in_pieces_is_the_same_product(stored, monkeypatch):
    monkeypatch.setattr(products, "LONGEST_WORK", 1_000)
    A, B = stored(planted() * (planted(seed=1) > 1.2)), np.random.default_rng(2).random((120, 7))
    asked = After(10**6)
    with asking(asked):
        found = products.times(A, B)
    assert asked.left < 10**6 - 100
    np.testing.assert_allclose(found, A @ B, rtol=1e-14)


def test_helpers_take_nothing_further_on_when_the_work_is_not_wanted():
    over, done = threading.Event(), []

    def loop(begin, end):
        if threading.current_thread() is not threading.main_thread():
            over.wait(10)  # a helper works on its first span until the caller has heard that nobody wants the rest
        done.append(begin)

    def question():
        if done:
            over.set()
            raise Enough

    with pytest.raises(Enough), asking(question):
        threads.share(loop, [(i, i + 1) for i in range(100)])
    assert len(done) < 10
