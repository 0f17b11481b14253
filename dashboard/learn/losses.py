"""Which loss: one table, two fits, and each cell's share of what is minimised.

"counts": 6 x 5 Poisson counts, rank 1, with one cell set to an unusual number; Frobenius beside Kullback-Leibler.
"ratings": 7 shows rated by 5 people, rank 2; empty cells read as 0, or left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from dashboard.learn.scene import Device, Measure, Scene, dense, one_of, rounded
from nmfcore.core.factorization import Factors, Penalty
from nmfcore.core.spec import StopRule
from nmfcore.data import catalog
from nmfcore.run import solve

OUTLIERS = (5, 10, 20, 30, 40, 50, 60)
AT = (1, 2)  # the cell that is set
LOSSES = {"frobenius": "frobenius", "kl": "kullback-leibler"}
ZEROS, MASKED = "zeros", "masked"
ASKED = ("Black Mirror", "Jai")  # the cell that the lesson asks about
RIDGE = 1.0  # on the squared norms of the masked fit: without it, an answer may leave the scale of the ratings
STOP = StopRule(tol=1e-8, max_iter=1_000, max_seconds=None)


@cache
def counts() -> np.ndarray:
    """(6, 5) Poisson counts of rank 1."""
    rng = np.random.default_rng(4)
    means = np.outer([4, 6, 8, 5, 7, 3], [1.0, 0.6, 0.8, 1.2, 0.5])
    X = rng.poisson(means).astype(float)
    X[AT] = OUTLIERS[0]
    return X


def with_outlier(outlier: int) -> np.ndarray:
    X = counts().copy()
    X[AT] = outlier
    return X


@cache
def counted(fit: str, outlier: int) -> Factors:
    found = solve(with_outlier(outlier), 1, solver="mu", loss=LOSSES[fit], init="random", seed=0, stop=STOP)
    return Factors(found.W, found.H)


@cache
def ratings() -> tuple[np.ndarray, list[str], list[str]]:
    data = catalog.load("tv")
    return dense(data.X), list(data.axes.rows.labels or ()), list(data.axes.columns.labels or ())


@cache
def rated(fit: str) -> Factors:
    X, *_ = ratings()
    masked = {"solver": "masked-hals", "mask": X > 0, "penalty": Penalty(l2_W=RIDGE, l2_H=RIDGE)}
    options: dict[str, Any] = {"solver": "hals"} if fit == ZEROS else masked
    found = solve(X, 2, init="nndsvd" if fit == ZEROS else "random", seed=0, stop=STOP, **options)
    return Factors(found.W, found.H)


def shares(X: np.ndarray, WH: np.ndarray, fit: str) -> np.ndarray:
    """(m, n) each cell's share of the loss: squared differences, or x log(x / y) - x + y."""
    if fit == "kl":
        cells = np.where(X > 0, X * np.log(np.where(X > 0, X, 1) / WH), 0.0) - X + WH
    else:
        cells = (X - WH) ** 2 * ((X > 0) if fit == MASKED else 1)
    return cells / cells.sum()


def _profile(fit: str, outlier: int) -> np.ndarray:
    """(5,) the part's shares of the columns."""
    H = counted(fit, outlier).H[0]
    return H / H.sum()


# -- measures --------------------------------------------------------------------------------------------------------------
def _moved(data: str, fit: str, outlier: int) -> float:
    """Share of H's mass that lies elsewhere than without the outlier."""
    return float(0.5 * np.abs(_profile(fit, outlier) - _profile(fit, OUTLIERS[0])).sum())


def _model(data: str, fit: str, outlier: int = OUTLIERS[-1], cell: tuple[int, int] | None = None) -> float:
    if data == "counts":
        f = counted(_known(fit, LOSSES), outlier)
        return float((f.W @ f.H)[AT])
    _, rows, columns = ratings()
    f = rated(_known(fit, (ZEROS, MASKED)))
    return float((f.W @ f.H)[cell or (rows.index(ASKED[0]), columns.index(ASKED[1]))])


def _share(data: str, fit: str, outlier: int) -> float:
    f = counted(_known(fit, LOSSES), outlier)
    return float(shares(with_outlier(outlier), f.W @ f.H, fit)[AT])


def _error(data: str, fit: str) -> float:
    """Relative error over the given ratings."""
    X, *_ = ratings()
    f = rated(_known(fit, (ZEROS, MASKED)))
    given = X > 0
    return float(np.linalg.norm((X - f.W @ f.H)[given]) / np.linalg.norm(X[given]))


def _known(fit: str, names: Any) -> str:
    if fit not in names:
        raise ValueError(f"a fit of these data: {', '.join(names)}")
    return fit


def _empty(data: str) -> float:
    return float((ratings()[0] == 0).sum())


# -- the scene ---------------------------------------------------------------------------------------------------------------
def scene(data: str, state: Mapping[str, Any]) -> Scene:
    if data == "counts":
        fits = {fit: [_count_frame(fit, outlier) for outlier in OUTLIERS] for fit in LOSSES}
        return Scene("loss|counts", {
            "rows": [f"post {i + 1}" for i in range(6)], "columns": [f"word {j + 1}" for j in range(5)],
            "outliers": list(OUTLIERS), "at": list(AT),
            "fits": fits, "titles": {"frobenius": "Frobenius", "kl": "Kullback-Leibler"}, "words": {"fit": "loss"},
        })  # fmt: skip
    X, rows, columns = ratings()
    shown = [[None if v == 0 else float(v) for v in row] for row in X]
    fits = {}
    for fit in (ZEROS, MASKED):
        f = rated(fit)
        WH = f.W @ f.H
        fits[fit] = [{
            "X": shown, "WH": rounded(WH), "shares": rounded(shares(X, WH, fit)),
            "model": rounded(_model(data, fit)), "error": rounded(_error(data, fit)),
        }]  # fmt: skip
    return Scene("loss|ratings", {
        "rows": rows, "columns": columns, "outliers": None, "at": [rows.index(ASKED[0]), columns.index(ASKED[1])], "fits": fits,
        "titles": {ZEROS: "empty means 0", MASKED: "empty is left out"}, "words": {"fit": "an empty cell"},
        "asked": f"{ASKED[1]} and {ASKED[0]}", "empty": int(_empty(data)),
    })  # fmt: skip


def _count_frame(fit: str, outlier: int) -> dict[str, Any]:
    X, f = with_outlier(outlier), counted(fit, outlier)
    WH = f.W @ f.H
    return {
        "X": X.astype(int).tolist(), "WH": rounded(WH), "shares": rounded(shares(X, WH, fit)), "model": rounded(WH[AT]),
        "share": rounded(_share("counts", fit, outlier)), "moved": rounded(_moved("counts", fit, outlier)),
    }  # fmt: skip


def rating(value: Any) -> tuple[int, int]:
    """ "Black Mirror:Jai" as its row and column."""
    _, rows, columns = ratings()
    show, _, user = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if show not in rows or user not in columns:
        raise ValueError("a show and a person like 'Black Mirror:Jai'")
    return rows.index(show), columns.index(user)


FIT, OUTLIER = one_of(*LOSSES, ZEROS, MASKED), one_of(*OUTLIERS)
COUNTED = {"fit": FIT, "outlier": OUTLIER}

LOSS = Device(
    "loss",
    ("counts", "ratings"),
    COUNTED,
    scene,
    {
        "moved": Measure(_moved, COUNTED, ("fit", "outlier")),
        "share": Measure(_share, COUNTED, ("fit", "outlier")),
        "model": Measure(_model, {**COUNTED, "cell": rating}, ("fit",)),
        "error": Measure(_error, {"fit": FIT}, ("fit",)),
        "empty": Measure(_empty),
    },
)
