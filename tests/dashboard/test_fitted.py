"""What does a run say of itself where something is missing, and is what follows from it kept, shared and given up as it says?"""

import math
import threading

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.work.fitted import Derived
from dashboard.work.fitting import FIRST, fit_work, fraction, solver_refusals
from dashboard.work.floor import EXTRA_RANKS, SVD_TERMS, floor_key, known_floor
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from dashboard.work.loading import data_key
from nmfcore.core.factorization import Axes, Axis, Progress
from nmfcore.core.spec import StopRule
from nmfcore.data.model.dataset import Dataset
from nmfcore.solvers import SOLVERS, make_solver

SPEC = FIRST.replace(data="upload", rank=2, stop=StopRule(tol=0.0, max_iter=5))
X = np.random.default_rng(5).random((9, 7))


def data(X=X, owner="", **more):
    m, n = X.shape
    axes = Axes(Axis("rows", "row", [f"r{i}" for i in range(m)]), Axis("columns", "column", [f"c{j}" for j in range(n)]))
    return Dataset("upload", "x", X, axes=axes, owner=owner, **more)


def fitted(dataset, **changes):
    spec = SPEC.replace(fingerprint=dataset.fingerprint, **changes)
    return fit_work(spec, Jobs(), dataset)(Job("k", _until=math.inf))


@pytest.fixture(scope="module")
def run():
    return fitted(data())


@pytest.mark.parametrize("kept", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("rank", [1, 2, 4])
def test_the_floor_is_numpys_svd_and_no_run_falls_below_it(kept, rank):
    one = fitted(data(kept(X)), rank=rank)
    values = np.linalg.svd(X, compute_uv=False)
    floor = math.sqrt((values[rank:] ** 2).sum() / (values**2).sum())
    assert one.floor == pytest.approx(floor, abs=1e-6)
    assert one.error >= floor - 1e-9
    assert one.floor_line == one.floor
    assert one.attainable == pytest.approx((1 - one.error**2) / (1 - floor**2), abs=1e-6)
    baseline = math.sqrt((values[1:] ** 2).sum() / (values**2).sum())
    assert one.baseline is None if rank == 1 else one.baseline == pytest.approx(baseline, abs=1e-6)


@pytest.mark.parametrize(
    ("dataset", "solver", "words"),
    [
        (data(np.zeros((5, 4))), "mu", "every entry is 0"),
        (data(np.where(X > 0.5, X, 0), mask=(X > 0.5).astype(np.uint8)), "masked", "the SVD takes missing entries for 0"),
    ],
)
def test_where_there_is_no_floor_the_run_says_why(dataset, solver, words):
    one = fitted(dataset, solver=solver, init="random")
    assert words in one.no_floor
    assert (one.bounded, one.floor_line, one.baseline) == (False, None, None)
    assert math.isnan(one.error) == one.empty
    assert np.isnan(one.errors).all() == one.empty


def test_only_the_first_goes_on_from_a_run():
    one, taken = fitted(data()), []
    threads = [threading.Thread(target=lambda: taken.append(one.take_run())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(given is not None for given in taken) == 1


def test_a_solver_is_let_go_only_where_the_data_is_somebodys_own(run):
    assert not run.forget_solver()  # others may go on from it
    own = fitted(data(owner="me"))
    assert own.key == f"{own.spec.key}@me"
    assert own.forget_solver()
    assert not own.forget_solver()
    assert own.take_run() is None


@given(st.integers(1, 300), st.integers(2, 2000), st.integers(2, 2000))
@settings(max_examples=80, deadline=None)
def test_one_svd_serves_the_ranks_near_each_other_and_has_terms_enough(rank, m, n):
    class Shape:
        shape, identity = (m, n), "x"

    *_, terms = floor_key(Shape, rank)
    assert terms <= min(m, n)
    assert terms >= min(rank + EXTRA_RANKS, m, n, SVD_TERMS[-1])
    assert terms in (*SVD_TERMS, m, n)


def test_the_svd_of_a_run_is_here_for_the_next_one():
    jobs, dataset = Jobs(), data()
    assert known_floor(dataset, 2, jobs) is None
    one = fit_work(SPEC.replace(fingerprint=dataset.fingerprint), jobs, dataset)(Job("k", _until=math.inf))
    assert known_floor(dataset, 3, jobs) is one.decomposition


# -- what is derived -----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_what_was_asked_for_lately_is_kept_and_the_rest_computed_anew(asked, most):
    derived, model, computed = Derived(most), [], []
    for key in asked:
        value = derived(key, lambda key=key: computed.append(key) or ("value", key))
        assert value == ("value", key)
        expected = [] if key in model else [key]
        assert computed == expected
        computed.clear()
        model = [*(one for one in model if one != key), key][-most:]
        assert len(derived) == len(model)
    assert derived.forget() == bool(asked)
    assert len(derived) == 0
    assert not derived.forget()


def test_of_what_is_large_only_the_last_is_kept():
    derived, made = Derived(), []
    for key in (1, 1, 2, 1):
        assert derived.latest("matrix", key, lambda key=key: made.append(key) or key * 10) == key * 10
    assert made == [1, 2, 1]
    assert derived.latest("other", 1, lambda: 5) == 5
    assert derived.latest("matrix", 1, lambda: 7) == 10


# -- limits and refusals -------------------------------------------------------------------------------------------------


@given(st.integers(0, 500), st.floats(0, 100), st.integers(1, 300), st.none() | st.floats(0.1, 50))
@settings(max_examples=60, deadline=None)
def test_the_share_that_is_done_is_that_of_the_limit_that_is_nearest(iteration, seconds, most, limit):
    share = fraction(Progress(iteration, seconds, 1.0, 1.0), StopRule(max_iter=most, max_seconds=limit))
    assert share == min(1.0, max(iteration / most, 0.0 if limit is None else seconds / limit))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("square", [False, True])
def test_a_solver_is_refused_exactly_where_no_loss_of_it_can_run(masked, square):
    values = X[:7] + X[:7].T if square else X
    dataset = data(values, mask=np.ones(values.shape, np.uint8) if masked else None)
    refused = solver_refusals(dataset)
    for key in SOLVERS:
        supports = make_solver(key, {}).supports
        impossible = (masked and not supports.mask) or (not masked and supports.requires_mask) or supports.requires_symmetric
        assert (key in refused) == impossible, key
        assert not impossible or refused[key].endswith((".", "?")) or len(refused[key]) > 20


def test_a_prepared_data_set_is_named_by_what_is_loaded_and_how():
    plain = FIRST.replace(data_options={"a": 1, "b": 2})
    assert data_key(plain) == data_key(plain.replace(data_options={"b": 2, "a": 1}, rank=7, seed=9, fingerprint="f"))
    assert data_key(plain) != data_key(plain.replace(data_options={"a": 1}))
    assert data_key(plain) != data_key(plain.replace(preparation=({"step": "log1p"},)))
    mine = plain.replace(data="upload", fingerprint="f")
    assert data_key(mine) != data_key(mine.replace(fingerprint="g"))  # an upload is its content
