"""Error over rank on data that were made from four parts: the training error never turns, the held-out one does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from dashboard.learn.scene import Device, Measure, Scene, one_of, rounded, some_of, whole
from nmfcore.core.spec import StopRule
from nmfcore.evaluate.svd import svd
from nmfcore.run import solve

PLANTED = 4
SHAPE = (60, 30)
RANKS = range(1, 7)
NOISE = 0.9  # half-normal, in units of the mean entry
HELD_OUT = 0.1  # of the entries
ITERATIONS = 500


@cache
def planted() -> np.ndarray:
    """(60, 30) from four parts, and noise."""
    rng = np.random.default_rng(0)
    W, H = rng.gamma(0.5, 1.0, (SHAPE[0], PLANTED)), rng.gamma(0.5, 1.0, (PLANTED, SHAPE[1]))
    X = W @ H
    return X + NOISE * X.mean() * np.abs(rng.standard_normal(SHAPE))


@cache
def curves() -> dict[str, list[float]]:
    """Training error, SVD floor and held-out error of each rank."""
    X = planted()
    mask = np.random.default_rng(7).random(SHAPE) >= HELD_OUT
    stop = StopRule(tol=1e-7, max_iter=ITERATIONS, max_seconds=None)
    train, held = [], []
    for rank in RANKS:
        train.append(solve(X, rank, solver="hals", init="nndsvd", stop=stop).relative_error)
        found = solve(X, rank, solver="masked-hals", mask=mask, init="random", seed=0, stop=stop)
        held.append(float(np.linalg.norm((X - found.W @ found.H)[~mask]) / np.linalg.norm(X[~mask])))
    return {"train": train, "floor": [float(f) for f in svd(X).floor(list(RANKS))], "held": held}


def turn(data: str) -> float:
    return float(RANKS[int(np.argmin(curves()["held"]))])


def scene(data: str, state: Mapping[str, Any]) -> Scene:
    found = {name: rounded(values) for name, values in curves().items()}
    return Scene(f"rank|{data}", {"ranks": list(RANKS), "turn": int(turn(data)), "planted": PLANTED, **found})


def _at(name: str) -> Measure:
    return Measure(lambda data, rank: curves()[name][rank - 1], {"rank": whole(1, RANKS[-1])}, ("rank",))


RANK = Device(
    "rank",
    ("planted",),
    {"curves": some_of("train", "floor", "held"), "ask": one_of("train", "held")},
    scene,
    {
        "train": _at("train"),
        "floor": _at("floor"),
        "held": _at("held"),
        "turn": Measure(turn),
        "planted": Measure(lambda data: float(PLANTED)),
    },
)
