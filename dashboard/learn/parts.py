"""Sum of parts: sum over k <= p of w_k h_k^T, NMF beside the SVD of the same data.

NMF's parts are in the order of how much of the data they make, the SVD's in that of its singular values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dashboard.learn.scene import Device, Measure, Scene, dense, one_of, rounded, whole
from nmfcore.core.factorization import Factors
from nmfcore.core.spec import StopRule
from nmfcore.data import catalog
from nmfcore.evaluate.svd import svd
from nmfcore.run import solve
from nmfcore.topics.ordering import topic_order
from nmfcore.topics.terms import best

RANKS = {"films": 10, "digits": 16}
SOURCES = {"films": "movies", "digits": "digits"}
ITERATIONS = 300
DIGITS_USED = 300  # of 1,797: parts come out the same, in a fraction of the time
SHOWN_DIGITS = 10  # one of each, to be added up on screen
NEARLY_ZERO = 0.01  # of a part's largest entry
NAMED = 2  # words that name a part


@dataclass(frozen=True, eq=False)
class Both:
    """Two models of one X (m, n), part by part: W (m, r) and H (r, n) of each; errors and negative shares after 0 ... r parts."""

    X: np.ndarray
    models: Mapping[str, Factors]
    errors: Mapping[str, list[float]]
    below: Mapping[str, list[float]]


@cache
def both(data: str) -> Both:
    X = dense(catalog.load(SOURCES[data]).X)
    X = X[:DIGITS_USED] if data == "digits" else X
    rank = RANKS[data]
    stop = StopRule(tol=1e-6, max_iter=ITERATIONS, max_seconds=None)
    found = solve(X, rank, solver="hals" if data == "digits" else "mu", init="nndsvda", stop=stop)
    order = np.argsort(-found.W.sum(axis=0) * found.H.sum(axis=1), kind="stable")  # by the part of X's sum that each makes
    known = svd(X, rank)
    models = {
        "nmf": Factors(found.W[:, order], found.H[order]),
        "svd": Factors(known.U * known.singular_values, known.Vt),
    }
    sums = {name: [f.W[:, :p] @ f.H[:p] for p in range(rank + 1)] for name, f in models.items()}
    errors = {name: [float(np.linalg.norm(X - S) / np.linalg.norm(X)) for S in of] for name, of in sums.items()}
    below = {name: [float(-S[S < 0].sum() / X.sum()) for S in of] for name, of in sums.items()}
    return Both(X, models, errors, below)


def scene(data: str, state: Mapping[str, Any]) -> Scene:
    found, images = both(data), data == "digits"
    source = catalog.load(SOURCES[data])
    X, models = found.X, found.models
    head: dict[str, Any] = {"rank": RANKS[data], "errors": rounded_by(found.errors), "below": rounded_by(found.below)}
    if images:
        label = [source.axes.rows.label(i) for i in range(len(X))]
        rows = np.array([next(i for i, text in enumerate(label) if text.endswith(f" {d}")) for d in range(SHOWN_DIGITS)])
        columns = np.arange(X.shape[1])
        head |= {"items": [str(d) for d in range(SHOWN_DIGITS)], "image": list(source.image_shape or ())}
    else:
        rows = np.asarray(topic_order(models["nmf"].W).indices)
        columns = np.asarray(topic_order(models["nmf"].H.T).indices)
        names = {name: [", ".join(source.axes.columns.take(best(np.abs(h), NAMED))) for h in f.H] for name, f in models.items()}
        head |= {"names": names}
    top = float(X.max())
    arrays = {"X": np.rint(X[np.ix_(rows, columns)] / top * 255).astype(np.uint8)}
    for name, f in models.items():
        arrays |= {f"{name}_W": f.W[rows].astype(np.float32), f"{name}_H": f.H[:, columns].astype(np.float32)}
    return Scene(f"sum|{data}", {**head, "top": top}, arrays)


def rounded_by(values: Mapping[str, list[float]]) -> dict[str, Any]:
    return {name: rounded(of) for name, of in values.items()}


MODELS = one_of("nmf", "svd")
PARTS = whole(0, max(RANKS.values()))


def _parts(data: str, parts: int) -> int:
    if parts > RANKS[data]:
        raise ValueError(f"there are {RANKS[data]} parts of {data}")
    return parts


def _negative(data: str) -> float:
    return float((both(data).models["svd"].H < 0).mean())


def _zeros(data: str) -> float:
    H = both(data).models["nmf"].H
    return float((NEARLY_ZERO * H.max(axis=1, keepdims=True) > H).mean())


SUM = Device(
    "sum",
    tuple(RANKS),
    {"parts": PARTS, "item": whole(1, SHOWN_DIGITS)},
    scene,
    {
        "error": Measure(
            lambda data, model, parts: both(data).errors[model][_parts(data, parts)],
            {"model": MODELS, "parts": PARTS}, ("model", "parts"),
        ),
        "below": Measure(lambda data, parts: both(data).below["svd"][_parts(data, parts)], {"parts": PARTS}, ("parts",)),
        "negative": Measure(_negative),
        "zeros": Measure(_zeros),
    },
)  # fmt: skip
