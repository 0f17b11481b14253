"""What does the page on images compute? NMF (also from a warm start), SVD, PCA and k-means of the same images, as one job.

Pure of Streamlit. X has one image per row; the formulas and their sources stand in nmfcore/methods/images.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.work.fitting import fraction
from dashboard.work.gate import fits
from dashboard.work.job import Job
from nmfcore.core.factorization import Factorization, Factors
from nmfcore.core.spec import StopRule
from nmfcore.data.model.dataset import Dataset
from nmfcore.methods.images import Model, Step, change_rank, describe, kmeans_model, pca_model, sum_of_parts, svd_model
from nmfcore.run import prepare

STOP = StopRule(tol=1e-4, max_iter=300, max_seconds=60.0)
MOST_RANK = 60
MOST_IMAGES = 6  # rebuilt side by side
LONGEST = 12  # ranks of a chain of warm starts; then it begins anew
MOST_CELLS = 40_000_000  # pixels in all images: 160 MB in single precision


@dataclass(frozen=True)
class Choice:
    """All that determines the models, besides the images; see `Fitted`."""

    chain: tuple[int, ...]
    seed: int


@dataclass(frozen=True, eq=False)
class Fitted:
    """Four models of the same images at the same number of parts.

    chain : the ranks that NMF went through, each started from the one before; one rank is a cold start
    run : NMF's run at the last rank
    """

    chain: tuple[int, ...]
    seed: int
    run: Factorization
    nmf: Model
    svd: Model
    pca: Model
    kmeans: Model

    @property
    def models(self) -> tuple[Model, Model, Model, Model]:
        return (self.nmf, self.svd, self.pca, self.kmeans)


def refusal(dataset: Dataset) -> str:
    """Why a data set is no set of images; "" when it is."""
    if dataset.is_corpus or dataset.image_shape is None:
        return "Its rows are not pictures of one height and width (upload a folder or a zip of pictures of one size)."
    if dataset.mask is not None:
        return "It has missing pixels."
    m, n = dataset.shape
    if m * n > MOST_CELLS:
        return f"It has {m:,} × {n:,} pixels; up to {MOST_CELLS:,} fit here."
    return "" if m > 2 else "It needs at least three images."


def key(dataset: Dataset, chain: tuple[int, ...], seed: int) -> tuple[object, ...]:
    return ("images", dataset.identity, chain, seed)


def extended(chain: tuple[int, ...], rank: int, warm: bool) -> tuple[int, ...]:
    """The chain of ranks that ends at `rank`: the old one continued when warm, else a new one."""
    if chain and chain[-1] == rank:
        return chain
    return (*chain, rank) if warm and chain and len(chain) < LONGEST else (rank,)


def fit_work(dataset: Dataset, chain: tuple[int, ...], seed: int, before: Factors | None) -> Callable[[Job], Fitted]:
    """The work of the job.

    before : factors at the rank before the last of the chain; where they are gone, the whole chain is walked again
    """

    def work(job: Job) -> Fitted:
        m, n = dataset.shape
        fits(job, dataset, max(chain), extra=3 * 8 * m * n)  # the SVD, PCA and k-means take dense copies
        X = dataset.X.toarray() if dataset.sparse else dataset.X
        left = chain[-1:] if len(chain) == 1 or before is not None else chain
        factors = before if len(chain) > 1 else None
        run = None
        for rank in left:
            start = change_rank(X, factors, rank) if factors is not None else None
            given: dict[str, Any] = {} if start is None else {"W": start.W.astype(X.dtype), "H": start.H.astype(X.dtype)}
            run = prepare(X, rank, seed=seed, stop=STOP, **given)
            job.message = f"NMF with {rank} parts"
            for progress in run:
                if not job.report(progress, fraction=0.6 * fraction(progress, STOP)):
                    break
            factors = run.result().factors
        assert run is not None
        result = run.result()
        rank = chain[-1]
        job.message, job.fraction = "SVD and PCA", 0.7
        other = svd_model(X, rank), pca_model(X, rank)
        job.message, job.fraction = "k-means", 0.85
        return Fitted(chain, seed, result, describe(X, "NMF", result.W, result.H), *other, kmeans_model(X, rank, seed=seed))

    return work


def image(dataset: Dataset, row: int) -> np.ndarray:
    """(n,) one image."""
    x = dataset.X[[row]].toarray() if dataset.sparse else dataset.X[[row]]
    return np.asarray(x, float).ravel()


def steps_of(dataset: Dataset, model: Model, row: int, order: str) -> tuple[list[Step], np.ndarray, list[float]]:
    """One image as a sum: the steps, what each adds (k, n), and the relative error after 0, 1, ... parts."""
    x = image(dataset, row)
    steps = sum_of_parts(x, model.codes[row], model.parts, order=order, base=model.mean)
    base = np.zeros_like(x) if model.mean is None else model.mean
    pictures = np.array([base, *(step.picture for step in steps)])
    norm = float(np.linalg.norm(x)) or 1.0
    return steps, np.diff(pictures, axis=0), [float(np.linalg.norm(x - base)) / norm, *(step.error for step in steps)]


def table(fitted: Fitted) -> pd.DataFrame:
    """One row per model."""
    return pd.DataFrame(
        {
            "model": [m.name for m in fitted.models],
            "relative error": [m.relative_error for m in fitted.models],
            "sparsity of parts": [m.parts_sparsity for m in fitted.models],
            "sparsity of codes": [m.codes_sparsity for m in fitted.models],
            "subtracts": ["yes" if m.negative else "no" for m in fitted.models],
        }
    )


def script(dataset: Dataset, fitted: Fitted) -> str:
    """Python that computes the page's numbers anew, with nothing but nmfcore."""
    data = f'load_prepared("{dataset.key}")' if dataset.key != "upload" else 'as_dataset(read_matrix("your file"))'
    return f'''"""Images: parts by NMF (with the page's warm starts), beside SVD, PCA and k-means."""

from nmfcore.data import as_dataset, load_prepared, read_matrix
from nmfcore.methods.images import change_rank, describe, kmeans_model, pca_model, svd_model
from nmfcore.run import solve
from nmfcore.core.spec import StopRule

X = {data}.X
stop = StopRule(tol={STOP.tol!r}, max_iter={STOP.max_iter}, max_seconds={STOP.max_seconds!r})
result = None
for rank in {fitted.chain}:
    start = {{}}
    if result is not None:
        warm = change_rank(X, result.factors, rank)
        start = {{"W": warm.W.astype(X.dtype), "H": warm.H.astype(X.dtype)}}
    result = solve(X, rank, seed={fitted.seed}, stop=stop, **start)

nmf = describe(X, "NMF", result.W, result.H)
for model in (nmf, svd_model(X, rank), pca_model(X, rank), kmeans_model(X, rank, seed={fitted.seed})):
    print(model.name, model.relative_error, model.parts_sparsity, model.codes_sparsity)
'''
