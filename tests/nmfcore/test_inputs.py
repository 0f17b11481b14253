"""Does everything that is handed over stay as it was, byte for byte, over every door and in every thread?"""

import threading

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nmfcore import NMF, ProblemError, StopRule, as_problem, relative_error, solve
from nmfcore.core.checks import as_matrix
from nmfcore.evaluate.compare import Race
from nmfcore.evaluate.svd import baselines, svd
from nmfcore.export import matrix_digest
from nmfcore.methods.recommend import as_ratings
from nmfcore.run import continue_
from nmfcore.solvers import SOLVERS
from nmfcore.topics.projection import project_columns, project_rows

DENSE = np.where(np.random.default_rng(0).random((14, 11)) < 0.5, np.random.default_rng(1).random((14, 11)), 0) + np.eye(14, 11)
FEW = StopRule(tol=0, max_iter=3)


def disordered(kind=sp.csr_array, dtype=float):
    """CSR with every row's columns backwards, and an entry stored in two parts."""
    csr = sp.csr_array(DENSE.astype(dtype))
    indptr, indices, data = csr.indptr, csr.indices.copy(), csr.data.copy()
    for i in range(len(indptr) - 1):
        row = slice(indptr[i], indptr[i + 1])
        indices[row], data[row] = indices[row][::-1].copy(), data[row][::-1].copy()
    at = indptr[3]
    indices, data = np.insert(indices, at, indices[at]), np.insert(data, at, data[at] / 2)
    data[at + 1] /= 2
    return kind((data, indices, np.where(np.arange(len(indptr)) > 3, indptr + 1, indptr)), shape=csr.shape)


def frozen(X):
    """The same arrays, not to be written to."""
    for array in (X.data, X.indices, X.indptr) if sp.issparse(X) else (X,):
        array.flags.writeable = False
    return X


def with_room(kind=sp.csr_array):
    """CSR whose arrays are longer than what they store."""
    csr = kind(DENSE)
    csr.data, csr.indices = np.append(csr.data, [9.0, 9.0]), np.append(csr.indices, [0, 0]).astype(csr.indices.dtype)
    return csr


KINDS = {
    "dense": lambda: DENSE.copy(),
    "float32": lambda: DENSE.astype(np.float32),
    "whole numbers": lambda: np.ceil(DENSE * 3).astype(np.int64),
    "columns first": lambda: np.asfortranarray(DENSE),
    "read-only": lambda: frozen(DENSE.copy()),
    "every second": lambda: np.repeat(np.repeat(DENSE, 2, 0), 2, 1)[::2, ::2],
    "csr": lambda: sp.csr_array(DENSE),
    "csr_matrix": lambda: sp.csr_matrix(DENSE),
    "csr in disorder": disordered,
    "csr_matrix in disorder": lambda: disordered(sp.csr_matrix),
    "float32 in disorder": lambda: disordered(dtype=np.float32),
    "read-only in disorder": lambda: frozen(disordered(sp.csr_matrix)),
    "read-only csr": lambda: frozen(sp.csr_matrix(DENSE)),
    "int64 indices": lambda: sp.csr_array(
        (disordered().data, disordered().indices.astype(np.int64), disordered().indptr.astype(np.int64)), shape=DENSE.shape
    ),
    "with room": with_room,
    "csc": lambda: sp.csc_array(DENSE),
    "coo": lambda: sp.coo_array(DENSE),
    "stored zeros": lambda: sp.csr_array(
        (np.append(sp.csr_array(DENSE).data[:-1], 0.0), sp.csr_array(DENSE).indices, sp.csr_array(DENSE).indptr),
        shape=DENSE.shape,
    ),
}


def runs(X):
    for key, kind in SOLVERS.items():
        if not (kind.supports.requires_mask or kind.supports.requires_symmetric):
            done = solve(X, 3, solver=key, loss=kind.supports.losses[0], stop=FEW)
    continue_(done, X, stop=FEW).result()


DOORS = {
    "every solver": runs,
    "masked": lambda X: solve(X, 3, solver="masked", mask=np.ones(X.shape), stop=FEW),
    "stored": lambda X: solve(X, 3, solver="masked-hals", mask="stored", stop=FEW) if sp.issparse(X) else None,
    "estimator": lambda X: NMF(3, max_iter=3, tol=0, random_state=0).fit(X).transform(X) if "int" not in str(X.dtype) else None,
    "projection": lambda X: (project_rows(X, np.ones((2, X.shape[1]))), project_columns(X, np.ones((X.shape[0], 2)))),
    "svd": lambda X: (svd(X, 3), svd(X, 3, exact_side=1), baselines(X)),
    "error": lambda X: relative_error(X, np.ones((X.shape[0], 1)), np.ones((1, X.shape[1]))),
    "digest": matrix_digest,
    "ratings": as_ratings,
    "race": lambda X: list(Race(X, 2, ["hals", "mu"], stop=FEW)),
    "matrix": as_matrix,
}


def bytes_of(X):
    arrays = [X.data, *((X.indices, X.indptr) if hasattr(X, "indptr") else X.coords)] if sp.issparse(X) else [X]
    return [(array.dtype, array.shape, array.tobytes()) for array in arrays], [id(array) for array in arrays] if sp.issparse(
        X
    ) else []


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_is_handed_over_stays_as_it_was(kind, door):
    """A csr_matrix out of order was sorted in place: a second matrix that shared its indices was wrong afterwards."""
    X = KINDS[kind]()
    before = bytes_of(X)
    DOORS[door](X)
    assert bytes_of(X) == before


@pytest.mark.parametrize(
    "kind",
    [kind for kind in KINDS if kind not in ("float32", "whole numbers", "float32 in disorder", "with room", "stored zeros")],
)
def test_every_kind_of_array_gives_the_same_run(kind):
    assert_allclose(solve(KINDS[kind](), 3, stop=FEW).W, solve(DENSE, 3, stop=FEW).W, rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), matrix=st.sampled_from([sp.csr_array, sp.csr_matrix]), threads=st.integers(1, 4))
def test_matrices_that_share_their_indices_stay_right_also_in_threads(seed, matrix, threads):
    """Four threads that were given one such matrix damaged it in 19 of 30 tries."""
    rng = np.random.default_rng(seed)
    A, B = (sp.random(30, 25, 0.3, random_state=rng, format="csr") for _ in range(2))
    one = matrix(A @ B.T)  # the columns of a product come in any order
    two = matrix((rng.random(one.nnz), one.indices, one.indptr), shape=one.shape)
    wanted = [one.toarray(), two.toarray()]
    work = [threading.Thread(target=lambda X=X: solve(X, 2, stop=FEW)) for X in (one, two, one, two)[:threads]]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert np.array_equal(one.toarray(), wanted[0])
    assert np.array_equal(two.toarray(), wanted[1])


def test_a_memory_map_is_read_and_not_written(tmp_path):
    np.save(tmp_path / "x.npy", DENSE)
    for mode in ("r", "c"):
        X = np.load(tmp_path / "x.npy", mmap_mode=mode)
        assert np.array_equal(solve(X, 3, stop=FEW).W, solve(DENSE, 3, stop=FEW).W)
    assert np.array_equal(np.load(tmp_path / "x.npy"), DENSE)


# -- masked arrays -------------------------------------------------------------------------------------------------------------
HIDDEN = np.random.default_rng(2).random(DENSE.shape) < 0.2
MASKED = np.ma.masked_array(np.where(HIDDEN, 1e6, DENSE), mask=HIDDEN)


@pytest.mark.parametrize("solver", ["masked", "masked-hals"])
def test_a_masked_array_is_taken_at_its_mask(solver):
    """It was read as if nothing was masked."""
    ours, expected = solve(MASKED, 3, solver=solver, stop=FEW), solve(DENSE, 3, solver=solver, mask=~HIDDEN, stop=FEW)
    assert np.array_equal(ours.W, expected.W)
    both = np.ones(DENSE.shape)
    both[0] = 0
    joined = solve(MASKED, 3, solver=solver, mask=both, stop=FEW)
    assert np.array_equal(joined.W, solve(DENSE, 3, solver=solver, mask=~HIDDEN & (both > 0), stop=FEW).W)
    H = expected.H
    assert_allclose(project_rows(MASKED, H), project_rows(DENSE, H, mask=~HIDDEN))
    assert_allclose(project_columns(MASKED, ours.W), project_columns(DENSE, ours.W, mask=~HIDDEN))


@pytest.mark.parametrize("door", [lambda X: solve(X, 3), svd, lambda X: NMF(3).fit(X), as_matrix, matrix_digest, baselines])
def test_a_masked_array_is_refused_where_nothing_can_be_missing(door):
    with pytest.raises(ProblemError, match=r"masked-hals|masked ent|a mask was given"):
        door(MASKED)


def test_a_masked_array_without_masked_entries_is_an_array():
    plain = np.ma.masked_array(DENSE)
    assert np.array_equal(solve(plain, 3, stop=FEW).W, solve(DENSE, 3, stop=FEW).W)
    assert as_problem(plain, 2).mask is None
