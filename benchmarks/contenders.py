"""Who factorizes? Each contender takes X, a rank and a loss and returns W, H and, where it can, its curve."""

from __future__ import annotations

import importlib.util
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import NMF, MiniBatchNMF

import nmfcore.run
from nmfcore.core.spec import StopRule
from nmfcore.solvers import SOLVERS

NO_CAP = 100_000
PEER_CELLS = 5_000_000  # nmf-rs knows dense matrices only: larger ones are not made dense for it
Result = tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]  # W, H, [(seconds, loss), ...]


@dataclass(frozen=True)
class Contender:
    """fit(X, rank, loss, start, seed, most) -> Result, timed from outside.

    start is (W, H), or None for its own with that seed; most is the cap on iterations.
    """

    key: str
    title: str
    fit: Callable[[Any, int, str, Any, int, int], Result]
    can: Callable[[Any, int, str], bool]


@contextmanager
def kernels(setting: str) -> Iterator[None]:
    before = os.environ.get("NMF_KERNELS")
    os.environ["NMF_KERNELS"] = setting
    try:
        yield
    finally:
        if before is None:
            del os.environ["NMF_KERNELS"]
        else:
            os.environ["NMF_KERNELS"] = before


def ours(setting: str) -> Callable[[Any, int, str, Any, int, int], Result]:
    def fit(X: Any, rank: int, loss: str, start: Any, seed: int, most: int) -> Result:
        solver = "hals" if loss == "frobenius" else "kl-newton"
        W, H = start if start is not None else (None, None)
        with kernels(setting):
            began = time.perf_counter()
            tol = SOLVERS[solver].tol / (1 if start is None else 10)  # from the same start, what counts is the curve
            run = nmfcore.run.prepare(X, rank, solver=solver, loss=loss, W=W, H=H, seed=seed, stop=StopRule(tol, most, None))
            prepared = time.perf_counter() - began
            curve = [(prepared + p.seconds, p.relative_error**2 if loss == "frobenius" else p.loss) for p in run]
            result = run.result()
        return result.W, result.H, curve

    return fit


def scikit_learn(solver: str, *, capped: bool = False) -> Callable[[Any, int, str, Any, int, int], Result]:
    """NMF with its default tolerance and start (for `mu`, too); capped: with its default cap of 200 iterations."""

    def fit(X: Any, rank: int, loss: str, start: Any, seed: int, most: int) -> Result:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cap = min(most, 200) if capped and loss == "frobenius" else most  # uncapped where others are compared with it
            init = "nndsvda" if solver == "mu" else None
            model = NMF(rank, init=init, solver=solver, beta_loss=loss, random_state=seed, max_iter=cap)
            W = model.fit_transform(X)
        return W, model.components_, []

    return fit


def minibatch(X: Any, rank: int, loss: str, start: Any, seed: int, most: int) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MiniBatchNMF(rank, beta_loss=loss, random_state=seed)
        W = model.fit_transform(X)
    return W, model.components_, []


def nmf_rs(X: Any, rank: int, loss: str, start: Any, seed: int, most: int) -> Result:
    import nmf_rs

    V = X.toarray() if sp.issparse(X) else X
    W0, H0 = nmf_rs.nndsvd_init(V, rank)[:2]
    found = nmf_rs.nmf(V, rank, "ehals", W0=W0, H0=H0, max_iter=min(most, 500), rescale=False)
    return np.asarray(found.W), np.asarray(found.H), []


def any_problem(X: Any, rank: int, loss: str) -> bool:
    return True


def frobenius(X: Any, rank: int, loss: str) -> bool:
    return loss == "frobenius"


def small_frobenius(X: Any, rank: int, loss: str) -> bool:
    return loss == "frobenius" and X.shape[0] * X.shape[1] <= PEER_CELLS and importlib.util.find_spec("nmf_rs") is not None


def has_numba(X: Any, rank: int, loss: str) -> bool:
    return importlib.util.find_spec("numba") is not None


def mu_is_worth_its_time(X: Any, rank: int, loss: str) -> bool:
    return loss != "frobenius" or (sp.issparse(X) and X.nnz * rank < 30_000_000) or (not sp.issparse(X) and X.size < 10_000_000)


CONTENDERS = {
    c.key: c
    for c in (
        Contender("numpy", "nmfcore, NumPy only", ours("off"), any_problem),
        Contender("compiled", "nmfcore, compiled kernels", ours("auto"), has_numba),
        Contender("cd", "scikit-learn cd", scikit_learn("cd"), frobenius),
        Contender("mu", "scikit-learn mu", scikit_learn("mu", capped=True), mu_is_worth_its_time),
        Contender("minibatch", "scikit-learn MiniBatchNMF", minibatch, any_problem),
        Contender("nmf-rs", "nmf-rs ehals, 500 iterations", nmf_rs, small_frobenius),
    )
}
