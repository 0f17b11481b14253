"""The estimator is a drop-in for scikit-learn's NMF: compared with scikit-learn, attribute by attribute and text by text."""

import inspect
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.decomposition
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize, nnls
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import nmfcore
from nmfcore import NMF, SOLVERS, StopReason, as_problem, make_solver, non_negative_factorization
from nmfcore.solvers.starts import start
from nmfcore.topics.encode import encode_rows

THEIRS = sklearn.decomposition.NMF
X = np.random.default_rng(0).random((30, 12))
PLAIN = [k for k, s in SOLVERS.items() if not (s.supports.requires_mask or s.supports.requires_symmetric)]
LOSSES_OF_MU = [2, "frobenius", 1, "kullback-leibler", 0, "itakura-saito", 1.5, 0.5, 3.0]


def planted(m=40, n=25, rank=3, seed=0):
    """A matrix with one NMF up to order and scale: an identity block in each factor."""
    rng = np.random.default_rng(seed)
    W, H = rng.random((m, rank)) + 0.1, rng.random((rank, n)) + 0.1
    W[:rank], H[:, :rank] = np.eye(rank), np.eye(rank)
    return W @ H


def quiet(model, data=X, **given):
    """Fitted without the warning about max_iter, which these tests are not about."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(data, **given)


# -- the interface ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["NMF", "non_negative_factorization"])
def test_signatures_have_scikit_learns_names_order_and_defaults(name):
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (nmfcore, sklearn.decomposition))
    assert [(p.name, p.default, p.kind) for p in ours.values()] == [(p.name, p.default, p.kind) for p in theirs.values()]


@pytest.mark.parametrize(
    "method", ["fit", "fit_transform", "transform", "inverse_transform", "get_feature_names_out", "set_output"]
)
def test_methods_have_scikit_learns_parameters(method):
    ours, theirs = (list(inspect.signature(getattr(kind, method)).parameters) for kind in (NMF, THEIRS))
    assert ours == theirs


def test_every_public_attribute_of_a_fitted_model_is_there():
    ours, theirs = (
        quiet(kind(3, random_state=0), pd.DataFrame(X, columns=[f"f{j}" for j in range(12)])) for kind in (NMF, THEIRS)
    )
    assert {a for a in vars(theirs) if a.endswith("_")} <= set(dir(ours))
    assert ours.components_.shape == theirs.components_.shape
    assert (ours.n_components_, ours.n_features_in_) == (3, 12)
    assert_array_equal(ours.feature_names_in_, theirs.feature_names_in_)
    assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())


def test_tags_equal_scikit_learns():
    ours, theirs = NMF().__sklearn_tags__(), THEIRS().__sklearn_tags__()
    assert ours == theirs


def test_metadata_requests_equal_scikit_learns():
    assert NMF().get_metadata_routing()._serialize() == THEIRS().get_metadata_routing()._serialize()


def test_parameters_survive_clone_set_params_and_pickle():
    model = NMF(4, solver="mu", alpha_W=0.1, random_state=3)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(l1_ratio=0.5).l1_ratio == 0.5
    fitted = quiet(NMF(3, random_state=0))
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.transform(X), fitted.transform(X))
    assert len(again.history_) == len(fitted.history_)


def test_importing_nmfcore_does_not_import_scikit_learn():
    code = "import sys, nmfcore; assert 'sklearn' not in sys.modules; nmfcore.NMF; assert 'sklearn' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nmf'"):
        _ = nmfcore.nmf


def test_pandas_output_and_pipelines_work():
    names = [f"f{j}" for j in range(12)]
    frame = pd.DataFrame(X, columns=names)
    out = NMF(2, random_state=0, max_iter=1000).set_output(transform="pandas").fit_transform(frame)
    assert list(out.columns) == ["nmf0", "nmf1"]
    pipe = make_pipeline(MinMaxScaler(), NMF(2, random_state=0, max_iter=1000)).fit(frame)
    assert pipe.transform(frame).shape == (30, 2)
    assert list(pipe.get_feature_names_out()) == ["nmf0", "nmf1"]


# -- texts people match on ----------------------------------------------------------------------------------------------
REFUSED = {
    "negative": (lambda kind: kind(2).fit(-X), ValueError),
    "negative in transform": (lambda kind: kind(2, max_iter=1000).fit(X).transform(-X), ValueError),
    "missing": (lambda kind: kind(2).fit(np.where(X > 0.9, np.nan, X)), ValueError),
    "loss of cd": (lambda kind: kind(2, solver="cd", beta_loss=1.0).fit(X), ValueError),
    "zeros under Itakura-Saito": (lambda kind: kind(2, solver="mu", beta_loss=0).fit(np.eye(4)), ValueError),
    "nndsvd of too high a rank": (lambda kind: kind(13, init="nndsvd").fit(X), ValueError),
    "n_components": (lambda kind: kind(0).fit(X), ValueError),
    "tol": (lambda kind: kind(2, tol=-1.0).fit(X), ValueError),
    "l1_ratio": (lambda kind: kind(2, l1_ratio=2).fit(X), ValueError),
    "alpha_H": (lambda kind: kind(2, alpha_H="none").fit(X), ValueError),
    "rows of the start": (lambda kind: kind(2, init="custom").fit(X, W=np.ones((5, 2)), H=np.ones((2, 12))), ValueError),
    "columns of the start": (lambda kind: kind(2, init="custom").fit(X, W=np.ones((30, 2)), H=np.ones((2, 5))), ValueError),
    "negative start": (lambda kind: kind(2, init="custom").fit(X, W=-np.ones((30, 2)), H=np.ones((2, 12))), ValueError),
    "zero start": (lambda kind: kind(2, init="custom").fit(X, W=np.ones((30, 2)), H=np.zeros((2, 12))), ValueError),
    "dtype of the start": (
        lambda kind: kind(2, init="custom").fit(X, W=np.ones((30, 2)), H=np.ones((2, 12), np.float32)),
        TypeError,
    ),
    "other columns": (lambda kind: kind(2, max_iter=1000).fit(X).transform(X[:, :5]), ValueError),
    "not fitted": (lambda kind: kind(2).transform(X), ValueError),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_have_scikit_learns_type_and_text(case):
    call, error = REFUSED[case]
    texts = []
    for kind in (THEIRS, NMF):
        with pytest.raises(error) as caught:
            call(kind)
        texts.append(str(caught.value))
    assert texts[1].startswith(texts[0])  # ours may add where it is


def test_the_text_about_an_unknown_solver_begins_as_scikit_learns():
    with pytest.raises(ValueError, match=r"The 'solver' parameter of NMF must be a str among \{") as caught:
        NMF(2, solver="newton").fit(X)
    assert all(f"'{key}'" in str(caught.value) for key in ("cd", *PLAIN))


WARNED = {
    "max_iter": lambda kind, _: kind(3, max_iter=2).fit(X),
    "mu from nndsvd": lambda kind, _: kind(3, solver="mu", init="nndsvd", max_iter=20, tol=0).fit(X),
    "given but unused": lambda _, call: call(X, H=np.ones((12, 12)), init="random", max_iter=3, tol=0, random_state=0),
    "W without update_H": lambda _, call: call(X, W=np.ones((30, 2)), H=X[:2], update_H=False, max_iter=1000),
}


@pytest.mark.parametrize("case", WARNED)
def test_warnings_have_scikit_learns_category_and_text(case):
    found = []
    for module in (sklearn.decomposition, nmfcore):
        with pytest.warns(Warning) as caught:  # noqa: PT030 - the texts are compared below
            WARNED[case](module.NMF, module.non_negative_factorization)
        found.append([(w.category, str(w.message)) for w in caught])
    assert found[0] == found[1]


def test_no_warning_at_tol_0():
    NMF(3, max_iter=2, tol=0).fit(X)


# -- what is computed ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("solver", ["cd", "mu"])
def test_the_loss_is_as_low_as_scikit_learns(solver):
    data = planted()
    ours, theirs = (quiet(kind(3, solver=solver, random_state=0, max_iter=3000), data) for kind in (NMF, THEIRS))
    assert ours.reconstruction_err_ <= theirs.reconstruction_err_ + 1e-3 * np.linalg.norm(data)


@pytest.mark.parametrize("beta_loss", LOSSES_OF_MU)
def test_multiplicative_updates_follow_scikit_learns_step_for_step(beta_loss):
    W, H = (f / 2 for f in (np.random.default_rng(1).random((30, 3)), np.random.default_rng(2).random((3, 12))))
    results = [
        call(X, W=W.copy(), H=H.copy(), init="custom", solver="mu", beta_loss=beta_loss, tol=0, max_iter=7)
        for call in (non_negative_factorization, sklearn.decomposition.non_negative_factorization)
    ]
    for ours, theirs in zip(*results, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("beta_loss", LOSSES_OF_MU)
def test_the_reconstruction_error_is_scikit_learns_number(beta_loss):
    given = {"W": np.random.default_rng(1).random((30, 3)), "H": np.random.default_rng(2).random((3, 12))}
    ours, theirs = (
        kind(3, init="custom", solver="mu", beta_loss=beta_loss, tol=0, max_iter=3).fit(
            X, **{k: v.copy() for k, v in given.items()}
        )
        for kind in (NMF, THEIRS)
    )
    assert_allclose(ours.reconstruction_err_, theirs.reconstruction_err_, rtol=1e-9)


@pytest.mark.parametrize("beta_loss", [2, 1, 0, 1.5])
def test_multiplicative_updates_from_nndsvda_give_scikit_learns_factors(beta_loss):
    data = np.abs(np.random.RandomState(42).randn(48, 5))
    ours, theirs = (quiet(kind(5, solver="mu", beta_loss=beta_loss, tol=0, random_state=0), data) for kind in (NMF, THEIRS))
    assert_allclose(ours.components_, theirs.components_, rtol=1e-7)


def test_what_only_rounding_keeps_from_zero_is_zero_under_kullback_leibler():
    # found with scikit-learn's test file: entries of 1e-16 where X, and scikit-learn's WH, have exact zeros
    data = np.kron(np.eye(3), np.arange(1.0, 5)[:, None] * np.ones((1, 3)))
    model = NMF(3, solver="mu", beta_loss=1, max_iter=1000, random_state=0)
    assert_array_equal((model.fit_transform(data) @ model.components_ == 0), data == 0)


@pytest.mark.parametrize("beta_loss", [1, 0])
def test_a_start_whose_loss_would_be_infinite_runs_as_it_does_in_scikit_learn(beta_loss):
    given = {"W": np.eye(30)[:, :2].copy(), "H": X[:2].copy()}
    ours, theirs = (
        quiet(kind(2, solver="mu", beta_loss=beta_loss, init="custom"), X + 0.01, **{k: v.copy() for k, v in given.items()})
        for kind in (NMF, THEIRS)
    )
    assert ours.reconstruction_err_ <= theirs.reconstruction_err_


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_the_reconstruction_error_has_the_unit_of_x(unit):
    one, other = (NMF(3, init="random", random_state=0, max_iter=5000).fit(X * u) for u in (1.0, unit))
    assert_allclose(other.reconstruction_err_ / unit, one.reconstruction_err_, rtol=1e-3)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("solver", ["cd", "mu"])
def test_the_penalties_mean_what_they_mean_in_scikit_learn(solver, l1_ratio):
    options = {"alpha_W": 0.002, "alpha_H": 0.001, "l1_ratio": l1_ratio, "random_state": 0}
    m, n = X.shape

    def objective(W, H):
        l1 = 0.002 * n * np.abs(W).sum() + 0.001 * m * np.abs(H).sum()
        l2 = 0.002 * n * (W**2).sum() + 0.001 * m * (H**2).sum()
        return 0.5 * np.linalg.norm(X - W @ H) ** 2 + l1_ratio * l1 + 0.5 * (1 - l1_ratio) * l2

    ours = NMF(3, solver=solver, tol=1e-6, max_iter=5000, **options)
    theirs = THEIRS(3, solver="cd", tol=1e-8, max_iter=5000, **options)
    value = objective(ours.fit_transform(X), ours.components_)
    assert value <= objective(theirs.fit_transform(X), theirs.components_) * (1 + 1e-3)
    assert_allclose(ours.history_[-1].loss, value)


def test_alpha_same_takes_that_of_w():
    a, b = (NMF(3, alpha_W=0.01, alpha_H=h, random_state=0, max_iter=500).fit(X) for h in ("same", 0.01))
    assert_array_equal(a.components_, b.components_)


def test_transform_is_the_exact_least_squares_solution():
    model = NMF(4, random_state=0, max_iter=1000).fit(X)
    new = np.random.default_rng(5).random((6, 12))
    assert_allclose(model.transform(new), [nnls(model.components_.T, row)[0] for row in new], atol=1e-10)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_transform_with_a_penalty_is_the_minimiser_of_the_penalised_loss(l1_ratio):
    model = NMF(3, alpha_W=0.02, l1_ratio=l1_ratio, random_state=0, max_iter=1000).fit(X)
    H, n = model.components_, X.shape[1] * 0.02
    for row, w in zip(X[:4], model.transform(X[:4]), strict=True):
        found = minimize(
            lambda v, row=row: 0.5 * np.sum((row - v @ H) ** 2) + n * (l1_ratio * v.sum() + 0.5 * (1 - l1_ratio) * v @ v),
            np.full(3, 0.1), jac=lambda v, row=row: (v @ H - row) @ H.T + n * (l1_ratio + (1 - l1_ratio) * v),
            bounds=[(0, None)] * 3, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-12},
        )  # fmt: skip
        assert_allclose(w, found.x, atol=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("beta_loss", [1, 1.5])
def test_transform_for_other_losses_reaches_the_minimum(beta_loss, sparse):
    H = np.random.default_rng(3).random((3, 12)) + 0.05
    data = X[:4] + 0.1
    problem = as_problem(sp.csr_array(data) if sparse else data, 3, loss="kullback-leibler" if beta_loss == 1 else "beta=1.5")
    W, settled = encode_rows(problem, H, tol=1e-9, max_iter=20_000)
    assert settled

    def divergence(v, row):
        y = v @ H
        if beta_loss == 1:
            return np.sum(row * np.log(row / y) - row + y)
        return np.sum(row**1.5 + 0.5 * y**1.5 - 1.5 * row * y**0.5) / 0.75

    for row, w in zip(data, W, strict=True):
        found = minimize(divergence, np.full(3, 0.5), args=(row,), bounds=[(1e-12, None)] * 3, method="L-BFGS-B")
        assert divergence(w, row) <= found.fun * (1 + 1e-6) + 1e-12


def test_transform_of_some_rows_is_some_rows_of_transform():
    for options in ({}, {"solver": "mu", "beta_loss": 1}):
        model = NMF(3, random_state=0, max_iter=1000, **options).fit(X)
        assert_allclose(model.transform(X)[::3], model.transform(X[::3]), rtol=1e-9)


def test_transform_says_when_rows_have_not_settled():
    model = NMF(3, solver="mu", beta_loss=1, random_state=0, max_iter=1000).fit(X).set_params(max_iter=10)
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 10 reached"):
        model.transform(X)


def test_zero_rows_get_zero_weights_for_every_loss():
    for options in ({}, {"alpha_W": 0.01}, {"solver": "mu", "beta_loss": 1}):
        model = NMF(2, random_state=0, max_iter=1000, **options).fit(X)
        assert not model.transform(np.zeros((2, 12))).any()


@pytest.mark.parametrize("options", [{}, {"alpha_W": 0.01, "l1_ratio": 0.5}, {"solver": "mu", "beta_loss": 1}])
def test_extreme_units_come_back_in_units(options):
    big = 2.0**80
    scaled = dict(options)
    if "alpha_W" in scaled:  # the penalty of aX with factors sqrt(a) W: alpha_1 scales with a^1.5, alpha_2 with a
        scaled["l1_ratio"] = 0.0
        options, scaled = {**options, "l1_ratio": 0.0}, {**scaled, "alpha_W": 0.01 * big}
    one = NMF(3, init="random", random_state=0, max_iter=5000, **options).fit(X)
    two = NMF(3, init="random", random_state=0, max_iter=5000, **scaled).fit(X * big)
    assert_allclose(two.transform(X * big) @ two.components_ / big, one.transform(X) @ one.components_, atol=1e-6)


# -- types, formats, randomness -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_array, sp.csr_matrix, sp.csc_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_equals_dense_and_the_precision_stays(container, dtype):
    data = np.where(X > 0.6, X, 0).astype(dtype)
    dense, sparse = (quiet(NMF(3, init="random", random_state=0, tol=0, max_iter=20), d) for d in (data, container(data)))
    assert_allclose(sparse.components_, dense.components_, atol=1e-4 if dtype == np.float32 else 1e-10)
    assert sparse.components_.dtype == sparse.transform(container(data)).dtype == dtype
    assert dense.transform(data).dtype == dtype


def test_float32_and_float64_agree_at_full_rank():
    data = np.abs(np.random.RandomState(0).randn(50, 7))
    low, high = (quiet(NMF(random_state=0, tol=1e-3), data.astype(d)) for d in (np.float32, np.float64))
    assert_allclose(low.components_, high.components_, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_start_knows_every_direction_of_a_small_matrix_in_either_precision(dtype):
    # found with scikit-learn's own test file: a square random test matrix in float32 lost directions of X at full rank
    data = np.abs(np.random.RandomState(0).randn(50, 7))
    W, H = sklearn.decomposition._nmf._initialize_nmf(data, 7, "nndsvd", random_state=0)
    ours = start(as_problem(data.astype(dtype), 7), "nndsvd", 0)
    assert_allclose(ours.W, W, atol=1e-5)
    assert_allclose(ours.H, H, atol=1e-5)


def test_whole_numbers_and_booleans_become_float64():
    for data in ((X * 10).astype(int), X > 0.5):
        assert NMF(2, random_state=0, max_iter=1000).fit_transform(data).dtype == np.float64


def test_read_only_and_fortran_ordered_data_are_used_as_they_are():
    data = np.asfortranarray(X)
    data.setflags(write=False)
    before = data.copy()
    model = NMF(2, random_state=0, max_iter=1000).fit(data)
    assert_allclose(model.components_, NMF(2, random_state=0, max_iter=1000).fit(X).components_)
    assert_array_equal(data, before)


def test_the_given_start_is_not_written_to():
    W, H = np.ones((30, 2)), np.ones((2, 12)) + X[:2]
    for array in (W, H):
        array.setflags(write=False)
    quiet(NMF(2, init="custom", max_iter=5), W=W, H=H)
    assert_array_equal(W, 1)


@pytest.mark.parametrize("make", [lambda: 7, lambda: np.random.RandomState(7), lambda: np.random.default_rng(7)])
def test_equal_seeds_give_equal_results(make):
    a, b = (quiet(NMF(3, init="random", random_state=make(), max_iter=10)) for _ in range(2))
    assert_array_equal(a.components_, b.components_)


def test_a_random_state_object_moves_on_between_fits():
    state = np.random.RandomState(0)
    a, b = (quiet(NMF(3, init="random", random_state=state, max_iter=3)).components_ for _ in range(2))
    assert np.abs(a - b).max() > 0.01


def test_none_is_a_fresh_seed_and_the_global_state_is_untouched():
    np.random.seed(0)  # noqa: NPY002 - the point of the test
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    a, b = (quiet(NMF(3, init="random", shuffle=True, max_iter=3)).components_ for _ in range(2))
    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert np.abs(a - b).max() > 0.01


def test_shuffle_changes_the_order_of_updates_but_not_the_names_of_components():
    data = np.kron(np.eye(4), np.ones((5, 3))) + 0.2 * X[:20]
    start = {"W": np.kron(np.eye(4), np.ones((5, 1))) + 0.1, "H": np.kron(np.eye(4), np.ones((1, 3))) + 0.1}
    plain, mixed = (quiet(NMF(4, init="custom", shuffle=s, random_state=0, max_iter=2), data, **start) for s in (False, True))
    assert np.abs(plain.components_ - mixed.components_).max() > 1e-6
    nearest = np.abs(plain.components_[:, None] - mixed.components_[None]).sum(axis=2).argmin(axis=1)
    assert nearest.tolist() == [0, 1, 2, 3]


# -- ranks, custom starts, update_H -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("n_components", "rank"), [("auto", 12), (None, 12), (15, 15), (1, 1)])
def test_the_rank_follows_n_components(n_components, rank):
    model = quiet(NMF(n_components, random_state=0, max_iter=5))
    assert model.n_components_ == rank == len(model.components_)


def test_auto_takes_the_rank_of_the_given_start():
    model = quiet(NMF(init="custom", max_iter=5), W=X[:, :2].copy(), H=X[:2].copy())
    assert model.n_components_ == 2


def test_update_h_false_keeps_h_and_equals_transform():
    model = NMF(3, random_state=0, max_iter=1000).fit(X)
    W, H, n_iter = non_negative_factorization(X, H=model.components_, update_H=False)
    assert_array_equal(H, model.components_)
    assert_array_equal(W, model.transform(X))
    assert n_iter == 1


def test_function_and_class_give_the_same():
    W, H, n_iter = non_negative_factorization(X, n_components=3, random_state=0, max_iter=1000)
    model = NMF(3, random_state=0, max_iter=1000)
    assert_array_equal(W, model.fit_transform(X))
    assert_array_equal(H, model.components_)
    assert n_iter == model.n_iter_


def test_all_zero_data_give_zero_weights_and_no_warning():
    model = NMF(2, init="random", random_state=0)
    assert not (model.fit_transform(np.zeros((5, 4))) @ model.components_).any()
    assert model.reconstruction_err_ == 0
    assert model.n_iter_ >= 1


# -- our own ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", PLAIN)
def test_every_solver_works_by_its_key_and_as_an_object(key):
    loss = SOLVERS[key].supports.losses[0]
    for solver in (key, make_solver(key)):
        model = quiet(NMF(3, solver=solver, beta_loss=loss, init="nndsvda", random_state=0, max_iter=30), planted())
        assert len(model.history_) > 1
        assert model.components_.min() >= 0


def test_small_data_take_scikit_learns_steps_of_coordinate_descent():
    W, H = (f / 2 for f in (np.random.default_rng(1).random((30, 3)), np.random.default_rng(2).random((3, 12))))
    results = [
        call(X, W=W.copy(), H=H.copy(), init="custom", tol=0, max_iter=9, alpha_W=0.01, l1_ratio=0.5)
        for call in (non_negative_factorization, sklearn.decomposition.non_negative_factorization)
    ]
    for ours, theirs in zip(*results, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_diverging_run_is_warned_about_and_leaves_finite_factors():
    with pytest.warns(ConvergenceWarning, match="The loss rose without bound"):
        model = NMF(3, solver=make_solver("gd", {"step_size": 1.0, "absolute": True}), random_state=0, init="random", tol=0).fit(
            X
        )
    assert model.stopped_ is StopReason.DIVERGED
    assert np.isfinite(model.components_).all()


def test_the_history_ends_at_the_reconstruction_error():
    model = NMF(3, random_state=0, max_iter=1000).fit(X)
    assert_allclose(model.history_.relative_errors[-1] * np.linalg.norm(X), model.reconstruction_err_)
    assert model.history_[-1].iteration == model.n_iter_
    assert model.stopped_ is StopReason.CONVERGED


def test_max_iter_is_exact_and_there_is_no_time_limit():
    model = quiet(NMF(3, random_state=0, tol=0, max_iter=37))
    assert model.n_iter_ == 37
    assert model.stopped_ is StopReason.ITERATIONS


def test_verbose_writes_one_line_per_iteration(capsys):
    quiet(NMF(3, random_state=0, tol=0, max_iter=4, verbose=1))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert "relative error" in lines[-1]
    quiet(NMF(3, random_state=0, tol=0, max_iter=4))
    assert capsys.readouterr().out == ""


def test_a_tolerance_of_any_size_ends_the_run():
    """Above 10 it was refused in words of the loop's own tolerance."""
    X = np.random.default_rng(0).random((9, 7))
    assert NMF(2, tol=1e9, random_state=0).fit(X).n_iter_ < 20
