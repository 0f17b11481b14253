"""Two unknowns: f over a plane, its contours, and the ways of three rules; every point of a way is a solver's own iterate.

"wall": one row of W with H fixed, f(w) = 1/2 ||x - wH||^2; the best of all points lies outside,
the best allowed one on the wall.
"valley": x = 1 ~ w h; every w = 1/h is best, and 0 is a saddle.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from dashboard.learn.scene import Device, Measure, Scene, one_of, real, rounded, some_of, whole
from dashboard.learn.trace import SOLVERS
from nmfcore.core.spec import StopRule
from nmfcore.kernels.nnls import nnls_gram
from nmfcore.run import prepare
from nmfcore.solvers import make_solver

H = np.array([[2.0, 1.0], [1.0, 2.0]])
x = np.array([[1.8, 0.3]])
START = {"wall": (0.3, 1.4), "valley": (0.3, 1.4)}
BOX = {"wall": (-0.15, 1.75, -0.6, 1.65), "valley": (-0.15, 2.6, -0.15, 2.2)}
STEPS = 40
SIZES = [step / 4 for step in range(1, 13)]  # of the gradient's step, in units of 1/L
LEVELS = {"wall": (0.02, 0.1, 0.3, 0.7, 1.3, 2.2, 3.5, 5.5, 8), "valley": (0.01, 0.05, 0.15, 0.3, 0.5, 1, 2, 4)}
CORNERS = 90  # points of a contour
NEAR = 1e-4  # distance at which a rule has arrived


def _solver(method: str, step_size: float) -> Any:
    return make_solver(method, {**SOLVERS[method], **({"step_size": step_size} if method == "gd" else {})})


@cache
def way(data: str, method: str, step_size: float = 1.0) -> tuple[tuple[float, float], ...]:
    """(w1, w2), or (w, h), after 0 ... 40 steps."""
    solver, stop = _solver(method, step_size), StopRule(tol=0.0, max_iter=1, max_seconds=None)
    u, v = START[data]
    points = [(u, v)]
    for _ in range(STEPS):
        if data == "wall":  # an iteration begins with W; H is put back. Two equal rows: rank 2 needs two
            run = prepare(np.vstack([x, x]), 2, solver=solver, W=np.array([[u, v]] * 2), H=H, stop=stop)
        else:
            run = prepare(np.array([[1.0]]), 1, solver=solver, W=np.array([[u]]), H=np.array([[v]]), stop=stop)
        for _ in run:
            pass
        found = run.result()
        u, v = (float(e) for e in found.W[0]) if data == "wall" else (float(found.W[0, 0]), float(found.H[0, 0]))
        points.append((u, v))
    return tuple(points)


def free() -> np.ndarray:
    """(2,) where the gradient of the wall's f is 0, whatever its signs."""
    return np.linalg.solve(H @ H.T, H @ x[0])


def best() -> np.ndarray:
    """(2,) the lowest point of the wall's f with w >= 0."""
    return nnls_gram(H @ H.T, H @ x.T)[:, 0]


def contours(data: str) -> list[list[list[float]]]:
    """Lines of equal f: exact ellipses around the free optimum, or exact hyperbolas w h = 1 +- sqrt(2 f)."""
    if data == "valley":
        _, high_w, _, high_h = BOX[data]
        w = np.geomspace(0.02, high_w, CORNERS)
        products = sorted({1 + sign * (2 * f) ** 0.5 for f in LEVELS[data] for sign in (-1, 1)})
        lines = [np.stack([w, c / w], axis=1) for c in products if c > 0]
        return [rounded(line[line[:, 1] <= high_h], 4) for line in lines if (line[:, 1] <= high_h).sum() > 1]
    values, vectors = np.linalg.eigh(H @ H.T)
    at = np.linspace(0, 2 * np.pi, CORNERS)
    circle = np.stack([np.cos(at), np.sin(at)])
    lowest = _loss(free())
    ellipses = []
    for level in LEVELS[data]:
        points = (free()[:, None] + vectors @ (np.sqrt(2 * (level - lowest) / values)[:, None] * circle)).T
        inside = (
            (points[:, 0] >= BOX[data][0])
            & (points[:, 0] <= BOX[data][1])
            & (points[:, 1] >= BOX[data][2])
            & (points[:, 1] <= BOX[data][3])
        )
        ellipses += [rounded(points[part], 4) for part in _stretches(inside)]
    return ellipses


def _stretches(inside: np.ndarray) -> list[np.ndarray]:
    """Indices of each unbroken stretch of True, at least two long."""
    breaks = np.flatnonzero(np.diff(inside.astype(int))) + 1
    return [part for part in np.split(np.arange(len(inside)), breaks) if inside[part[0]] and len(part) > 1]


def _loss(w: np.ndarray) -> float:
    return float(0.5 * np.sum((x[0] - w @ H) ** 2))


def scene(data: str, state: Mapping[str, Any]) -> Scene:
    paths = {method: rounded(way(data, method)) for method in ("mu", "hals")}
    steps = {f"{size:g}": rounded(way(data, "gd", size)) for size in SIZES}
    G, p = H @ H.T, H @ x[0]
    wall = data == "wall"
    w = np.geomspace(1 / BOX["valley"][3], BOX["valley"][1], CORNERS)
    head = {
        "box": list(BOX[data]), "contours": contours(data), "start": list(START[data]), "paths": {"gd": steps, **paths},
        "best": rounded(best()) if wall else None, "free": rounded(free()) if wall else None,
        "valley": None if wall else rounded(np.stack([w, 1 / w], axis=1), 4),
        "form": [rounded([G[0, 0], G[0, 1], G[1, 1]]), rounded(p), rounded(0.5 * np.sum(x**2))],
        "about": "Lines of equal loss; both unknowns must stay at or above zero. The star is the best allowed point."
        if wall else "Lines of equal loss for 1 ≈ w · h. Every point of the dashed line is a best answer.",
    }  # fmt: skip
    return Scene(f"two|{data}", head)


# -- measures --------------------------------------------------------------------------------------------------------------
def _off(data: str, point: tuple[float, float]) -> float:
    return float(np.hypot(*(np.array(point) - best()))) if data == "wall" else abs(point[0] * point[1] - 1)


def _steps_to(data: str, method: str, within: float = NEAR, step_size: float = 1.0) -> float:
    """The first step from which the way is that near; infinite when never."""
    found = (i for i, point in enumerate(way(data, method, step_size)) if _off(data, point) <= within)
    return float(next(found, np.inf))


def _at(data: str, method: str, steps: int, coordinate: int, step_size: float = 1.0) -> float:
    return way(data, method, step_size)[steps][coordinate - 1]


METHOD, SIZE, COORDINATE = one_of(*SOLVERS), real(0.25, 3, 0.25), whole(1, 2)

TWO = Device(
    "two",
    tuple(START),
    {"methods": some_of(*SOLVERS), "step_size": SIZE, "steps": whole(0, STEPS)},
    scene,
    {
        "steps_to": Measure(_steps_to, {"method": METHOD, "within": real(1e-9, 1), "step_size": SIZE}, ("method",)),
        "at": Measure(
            _at,
            {"method": METHOD, "steps": whole(0, STEPS), "coordinate": COORDINATE, "step_size": SIZE},
            ("method", "steps", "coordinate"),
        ),
        "best": Measure(lambda data, coordinate: float(best()[coordinate - 1]), {"coordinate": COORDINATE}, ("coordinate",)),
        "free": Measure(lambda data, coordinate: float(free()[coordinate - 1]), {"coordinate": COORDINATE}, ("coordinate",)),
    },
)
