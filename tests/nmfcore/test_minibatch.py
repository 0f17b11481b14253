"""Do mini-batches minimise the whole loss?"""

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_problem
from nmfcore.core.losses import loss
from nmfcore.core.spec import StopRule
from nmfcore.run import prepare, solve
from nmfcore.solvers.minibatch import MiniBatch

X = np.random.default_rng(0).random((60, 25))
SPARSE = sp.csr_array(sp.random(60, 40, 0.2, random_state=1, format="csr"))


def steps(count):
    return StopRule(tol=0, max_iter=count, max_seconds=None)


@pytest.mark.parametrize("data", [X, SPARSE], ids=["dense", "csr"])
@pytest.mark.parametrize("batch", [7, 60, 1000])
def test_the_loss_never_rises_and_is_the_one_reported(data, batch):
    result = solve(data, 4, solver=MiniBatch(batch=batch), init="random", stop=steps(45))  # past a refresh of W^T X
    losses = result.history.column("loss")
    assert np.all(np.diff(losses) <= 1e-12 * losses[:-1])
    assert losses[-1] == pytest.approx(loss(as_problem(data, 4), result.factors), rel=1e-9)


def test_one_batch_of_all_rows_is_plain_hals():
    one = solve(X, 4, solver=MiniBatch(batch=60), init="random", stop=steps(5))
    two = solve(X, 4, solver="hals", solver_options={"extrapolate": False, "sweeps": 1}, init="random", stop=steps(5))
    np.testing.assert_allclose(one.W, two.W, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(one.H, two.H, rtol=1e-8, atol=1e-10)


def test_small_batches_get_further_in_one_pass():
    many = np.random.default_rng(1).random((3000, 5)) @ np.random.default_rng(2).random((5, 20))
    small, large = (solve(many, 5, solver=MiniBatch(batch=b), init="random", stop=steps(2)) for b in (100, 3000))
    assert small.relative_error < large.relative_error


def test_same_seed_same_batches_other_seed_other_batches():
    def factor(seed):
        W, H = np.full((60, 3), 0.4) + np.eye(60, 3), np.full((3, 25), 0.4) + np.eye(3, 25)
        return solve(X, 3, solver=MiniBatch(batch=9), W=W, H=H, seed=seed, stop=steps(2)).W

    np.testing.assert_array_equal(factor(1), factor(1))
    assert not np.array_equal(factor(1), factor(2))


def test_bad_parameters_are_refused():
    for options in ({"batch": 0}, {"sweeps": 0}):
        with pytest.raises(ProblemError, match=r"from 1 to|at least 1"):
            prepare(X, 3, solver="minibatch", solver_options=options)
