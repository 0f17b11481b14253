"""Scale: one topic's column of W times s and its row of H over s. WH stays, and the largest topic of many films does not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from dashboard.learn.scene import Device, Measure, Scene, real, rounded, whole
from nmfcore.core.factorization import Factors
from nmfcore.core.spec import StopRule
from nmfcore.data import catalog
from nmfcore.run import solve
from nmfcore.topics.ordering import topic_order
from nmfcore.topics.scale import CONVENTIONS, ledger
from nmfcore.topics.terms import best

RANK = 10
ITERATIONS = 300
STEPS = np.round(np.arange(1.0, 5.05, 0.1), 1)  # where the slider stops
COMPARED = ("H rows L1", "H rows L2")  # the two conventions at the end
WORDS = 8


@cache
def factors() -> Factors:
    """Films, ten topics, on the scale where rows of H sum to 1: the dashboard's own."""
    stop = StopRule(tol=0.0, max_iter=ITERATIONS, max_seconds=None)
    found = solve(catalog.load("movies").X, RANK, solver="mu", init="random", seed=0, stop=stop)
    return Factors(found.W.astype(np.float64), found.H.astype(np.float64))


def scaled(component: int, factor: float) -> Factors:
    """W and H with one component, counted from 1, rescaled."""
    W, H = factors().W.copy(), factors().H.copy()
    W[:, component - 1] *= factor
    H[component - 1] /= factor
    return Factors(W, H)


@cache
def change(component: int, factor: float) -> float:
    """Largest |WH - W'H'|."""
    before, after = factors(), scaled(component, factor)
    return float(np.abs(before.W @ before.H - after.W @ after.H).max())


def scene(data: str, state: Mapping[str, Any]) -> Scene:
    W, H = factors().W, factors().H
    axes = catalog.load("movies").axes
    rows, columns = np.asarray(topic_order(W).indices), np.asarray(topic_order(H.T).indices)
    head = {
        "rows": axes.rows.take(rows), "tops": {"W": float(W.max()), "H": float(np.quantile(H, 0.995))},
        "tops_of": [axes.columns.take(best(row, WORDS)) for row in H],
        "change": [[rounded(change(k + 1, float(s)), 1) for s in STEPS] for k in range(RANK)],
        "conventions": [f"“{CONVENTIONS[key].title}”" for key in COMPARED],
        "settled": int(_settled(data)), "words": {"row": "film", "rows": "films", "column": "keyword", "component": "topic"},
    }  # fmt: skip
    return Scene(f"scale|{data}", head, {"W": W[rows].astype(np.float32), "H": H[:, columns].astype(np.float32)})


def _moved(data: str, component: int, factor: float) -> float:
    return float((factors().W.argmax(axis=1) != scaled(component, factor).W.argmax(axis=1)).sum())


def _settled(data: str) -> float:
    return float(len(ledger(factors().W, factors().H, conventions=COMPARED).moved(*COMPARED)))


ONE = {"component": whole(1, RANK), "factor": real(1, 5, 0.1)}

SCALE = Device(
    "scale",
    ("films",),
    ONE,
    scene,
    {
        "moved": Measure(_moved, ONE, ("component", "factor")),
        "change": Measure(lambda data, component, factor: change(component, factor), ONE, ("component", "factor")),
        "items": Measure(lambda data: float(len(factors().W))),
        "settled": Measure(_settled),
    },
)
