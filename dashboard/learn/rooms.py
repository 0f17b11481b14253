"""The cone's rooms: rows that differ in two directions only, so that a row divided by its sum is a point in the plane.

    place = shares @ at        shares = lift @ (x, y, 1)        inside = all shares >= 0; a wall is where one is 0

"lamps": 24 colours mixed from three lamps; three features, so three corners always suffice, and the question is which.
"answers": yes or no to two questions. The rank is 3, but no three corners in the square hold its four: non-negative rank 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from dashboard.learn.scene import Device, Measure, Scene, iterations_kept, rounded, whole, yes
from nmfcore.core.spec import StopRule
from nmfcore.evaluate.svd import svd
from nmfcore.kernels.nnls import nnls_gram
from nmfcore.run import prepare, solve

LAMPS = np.array([[0.84, 0.12, 0.04], [0.06, 0.78, 0.16], [0.18, 0.06, 0.76]])  # what nobody is told
HIGH = 3**0.5 / 2  # of a triangle with sides of 1
FAMILY = 41  # exact answers, from the lamps themselves to the room's corners
LAST, FRAMES = 400, 60  # iterations of a run from somebody's corners, and how many are sent
OFF_WALL = 1e-3  # a multiplicative update cannot leave a zero, so a corner on a wall starts this far inside
STARTS = 8  # random starts behind "the best NMF found"
MIXED = 1e-6  # relative error of a row up to which it counts as mixed exactly


@cache
def colours() -> np.ndarray:
    """(24, 3) light, reddish ones first."""
    rng = np.random.default_rng(5)
    X = rng.dirichlet([0.8, 0.8, 0.8], 24) * rng.uniform(0.7, 1.3, (24, 1)) @ LAMPS
    return X[np.lexsort((X[:, 2], X.argmax(axis=1)))]


def mixed(X: np.ndarray, H: np.ndarray) -> np.ndarray:
    """(m, r) the best amounts of given corners."""
    return nnls_gram(H @ H.T, H @ X.T).T


@cache
def family() -> dict[str, Any]:
    """H(t) = (1 - t) LAMPS + t I with W(t) >= 0: the same WH for every t; gap is the largest |X - W(t) H(t)|."""
    X = colours()
    corners = [(1 - t) * LAMPS + t * np.eye(3) for t in np.linspace(0, 1, FAMILY)]
    gaps = [float(np.abs(X - mixed(X, H) @ H).max()) for H in corners]
    return {"H": rounded(corners, 12), "gap": [f"{gap:.0e}".replace("e-", "e−") for gap in gaps], "gaps": gaps}


def _lamps() -> tuple[np.ndarray, dict[str, Any]]:
    triangle = [[0, 0], [1, 0], [0.5, HIGH]]
    three = [[0.5, 0.3, 0.2], [0.25, 0.5, 0.25], [0.2, 0.3, 0.5]]
    exact = {name: values for name, values in family().items() if name != "gaps"}
    return colours(), {
        "features": ["red", "green", "blue"], "corners": ["red", "green", "blue"], "walls": triangle, "at": triangle,
        "lift": [[-1, -0.5 / HIGH, 1], [1, -0.5 / HIGH, 0], [0, 1 / HIGH, 0]], "centre": [0.5, HIGH / 3],
        "tints": np.eye(3).tolist(), "family": exact,
        "starts": [[[0.4, 0.3, 0.3]], [[0.55, 0.25, 0.2], [0.2, 0.3, 0.5]], three, [*three, [0.34, 0.33, 0.33]]],
        "words": {"component": "lamp", "components": "lamps", "wanted": "wanted", "made": "made"},
        "alt": "The room of all colours, with corners red, green and blue. Points are wanted colours, circles lamps.",
    }  # fmt: skip


def _answers() -> tuple[np.ndarray, dict[str, Any]]:
    rng = np.random.default_rng(5)
    P = np.vstack([[[1, 1], [0, 1], [0, 0], [1, 0]], rng.beta(0.5, 0.5, (20, 2)).round(2)])
    P = P[np.argsort(np.arctan2(P[:, 1] - 0.5, P[:, 0] - 0.5))]
    two = [(0.1, 0.1), (0.9, 0.2)]
    spots = [(0.5, 0.5)], [(0.2, 0.3), (0.8, 0.7)], [*two, (0.5, 0.9)], [*two, (0.8, 0.9), (0.2, 0.8)]
    return _yes_no(P), {
        "features": ["A yes", "A no", "B yes", "B no"], "corners": ["A no, B no", "A yes, B no", "A yes, B yes", "A no, B yes"],
        "walls": [[0, 0], [1, 0], [1, 1], [0, 1]], "at": [[2, 0], [0, 0], [0, 2], [0, 0]],
        "lift": [[0.5, 0, 0], [-0.5, 0, 0.5], [0, 0.5, 0], [0, -0.5, 0.5]], "centre": [0.5, 0.5],
        "tints": [[1, 0.25, 0.1], [0.1, 0.4, 1], [0.9, 0.9, 0.1], [0.25, 0.1, 0.35]],
        "starts": [_yes_no(np.array(spot)).tolist() for spot in spots],
        "words": {"component": "type", "components": "types", "wanted": "people", "made": "as types"}, "family": None,
        "alt": "The square of all answers to two yes-or-no questions. Points are people, numbered circles are types of people.",
    }  # fmt: skip


def _yes_no(P: np.ndarray) -> np.ndarray:
    """(m, 4) halves of yes and no to A and to B, from (m, 2) shares of yes."""
    return np.stack([P[:, 0], 1 - P[:, 0], P[:, 1], 1 - P[:, 1]], axis=1) / 2


ROOMS = {"lamps": _lamps, "answers": _answers}


def run_from(X: np.ndarray, corners: np.ndarray) -> dict[str, Any]:
    """Multiplicative updates from corners that somebody placed; every frame on the scale where the rows of H sum to 1."""
    H = np.maximum(corners, OFF_WALL)
    W = np.maximum(mixed(X, H), OFF_WALL)
    kept, frames = set(iterations_kept(LAST, FRAMES)), []
    run = prepare(X, len(H), solver="mu", W=W, H=H, stop=StopRule(tol=0.0, max_iter=LAST, max_seconds=None))
    for point in run:
        if point.iteration in kept:
            found = run.result().factors
            sums = found.H.sum(axis=1)
            frames.append((point.iteration, point.relative_error, rounded(found.W * sums), rounded(found.H / sums[:, None])))
    iterations, errors, W_all, H_all = zip(*frames, strict=True)
    return {"iterations": list(iterations), "errors": rounded(errors), "W": list(W_all), "H": list(H_all)}


def corners(value: Any) -> list[list[float]]:
    """Corners from a lesson or a browser, checked."""
    usable = (
        isinstance(value, list) and 1 <= len(value) <= 4 and all(isinstance(row, list) and len(row) in (3, 4) for row in value)
    )
    if usable:
        flat = [v for row in value for v in row]
        usable = len({len(row) for row in value}) == 1 and all(
            isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v <= 10 for v in flat
        )
    if not usable or any(sum(row) <= 0 for row in value):
        raise ValueError("a list of one to four corners, each a list of amounts from 0 to 10")
    return [[float(v) for v in row] for row in value]


@cache
def room(data: str) -> tuple[np.ndarray, dict[str, Any]]:
    return ROOMS[data]()


def scene(data: str, state: Mapping[str, Any]) -> Scene:
    X, plain = room(data)
    start = state.get("corners") or plain["starts"][state.get("rank", 2) - 1]
    run = run_from(X, np.array(start, float)) if state.get("run") else None
    floors = [*rounded(svd(X).floor([1, 2, 3])), 0.0]
    told = f"{start}" if run else ""
    return Scene(f"cone|{data}|{told}", {"X": rounded(X), "floors": floors, "run": run, **plain})


def asked(data: str, given: Mapping[str, Any]) -> Scene:
    """The scene with a run from the corners that a browser sent.

    Raises
    ------
    ValueError
        If they are not corners of this room.
    """
    X, plain = room(data)
    start, at = corners(given.get("H")), given.get("at")
    if len(start[0]) != X.shape[1] or isinstance(at, bool) or not isinstance(at, (int, float)):
        raise ValueError("corners of this room")
    floors = [*rounded(svd(X).floor([1, 2, 3])), 0.0]
    run = {**run_from(X, np.array(start)), "at": at}
    return Scene(f"cone|{data}|{at}", {"X": rounded(X), "floors": floors, "run": run, **plain})


def place(data: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name in ("rank", "exact", "corners")}


# -- measures --------------------------------------------------------------------------------------------------------------
def _relative(X: np.ndarray, H: np.ndarray) -> float:
    return float(np.linalg.norm(X - mixed(X, H) @ H) / np.linalg.norm(X))


def _floor(data: str, rank: int) -> float:
    return float(svd(room(data)[0]).floor([rank])[0]) if rank < 4 else 0.0


def _start(data: str, rank: int) -> float:
    X, plain = room(data)
    return _relative(X, np.array(plain["starts"][rank - 1], float))


@cache
def _found(data: str, rank: int) -> float:
    """The best of several starts, each run to its end."""
    X, _ = room(data)
    if rank > min(X.shape):
        return 0.0
    stop = StopRule(tol=1e-7, max_iter=1_000, max_seconds=None)
    starts = ((X, seed) for seed in range(STARTS))
    return min(solve(X, rank, solver="hals", init="random", seed=seed, stop=stop).relative_error for X, seed in starts)


def _gap(data: str) -> float:
    return max(family()["gaps"])


def _outside(data: str, rank: int) -> float:
    X, plain = room(data)
    H = np.array(plain["starts"][rank - 1], float)
    left = np.linalg.norm(X - mixed(X, H) @ H, axis=1) / np.linalg.norm(X, axis=1)
    return float((left > MIXED).sum())


RANK = {"rank": whole(1, 4)}

CONE = Device(
    "cone",
    tuple(ROOMS),
    {**RANK, "exact": whole(0, FAMILY - 1), "corners": corners, "run": yes},
    scene,
    {
        "floor": Measure(_floor, RANK, ("rank",)),
        "start": Measure(_start, RANK, ("rank",)),
        "found": Measure(_found, RANK, ("rank",)),
        "outside": Measure(_outside, RANK, ("rank",)),
        "gap": Measure(_gap),
        "points": Measure(lambda data: float(len(room(data)[0]))),
    },
    place,
)
