"""The cell lab: four posts, five words, two topics, and three rules entry by entry from one start.

A cell is written "H:1:win" (topic 1, the word win), "W:post 2:1" or "WH:post 1:goal" (how the model makes that cell).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dashboard.learn.scene import Device, Measure, Scene, one_of, real, rounded, whole
from dashboard.learn.trace import SOLVERS, Trace, trace
from nmfcore.core.factorization import Factors
from nmfcore.evaluate.svd import svd

ITERATIONS = 12  # that the board holds
MOST_ITERATIONS = 500  # that a measure may ask for
HIGHEST = 2.5  # an entry of a factor is coloured up to here: a run that explodes keeps the colours of the others

Place = tuple[str, int, int]  # factor, row, column


@dataclass(frozen=True, eq=False)
class Table:
    """A small table with the start that its lessons use."""

    title: str
    X: np.ndarray
    rows: Sequence[str]
    columns: Sequence[str]
    words: Mapping[str, str]
    start: Factors


POSTS = Table(
    "four posts and five words",
    np.array([[3, 2, 0, 0, 2], [2, 3, 0, 0, 1], [0, 0, 3, 2, 1], [0, 1, 2, 3, 0]], float),
    ("post 1", "post 2", "post 3", "post 4"),
    ("goal", "team", "vote", "law", "win"),
    {"row": "post", "column": "word", "component": "topic"},
    Factors(
        np.array([[0.6, 0.9], [1.1, 0.4], [0.8, 0.7], [0.5, 1.2]]),
        np.array([[0.9, 0.5, 0.7, 0.3, 0.8], [0.4, 0.8, 0.6, 1.0, 0.5]]),
    ),
)
TABLES = {"posts": POSTS}


# -- places ----------------------------------------------------------------------------------------------------------------
def place(value: Any, table: Table = POSTS) -> Place:
    """ "H:1:win" as ("H", 0, 4).

    Raises
    ------
    ValueError
        If there is no such cell.
    """
    parts = value.split(":") if isinstance(value, str) else []
    rows, columns, rank = list(table.rows), list(table.columns), table.start.W.shape[1]
    components = [str(k + 1) for k in range(rank)]
    sides = {"H": (components, columns), "W": (rows, components), "WH": (rows, columns)}
    if len(parts) == 3 and parts[0] in sides:
        down, across = sides[parts[0]]
        if parts[1] in down and parts[2] in across:
            return parts[0], down.index(parts[1]), across.index(parts[2])
    raise ValueError(f"a cell like 'H:1:{columns[-1]}', 'W:{rows[1]}:1' or 'WH:{rows[0]}:{columns[0]}'")


def moving(value: Any) -> Place:
    """A cell of W or H."""
    found = place(value)
    if found[0] == "WH":
        raise ValueError("a cell of W or H")
    return found


def zeros(value: Any) -> tuple[Place, ...]:
    if not isinstance(value, list):
        raise ValueError("a list of cells")
    return tuple(sorted({moving(cell) for cell in value}))


def with_zeros(start: Factors, cells: Iterable[Place]) -> Factors:
    """The start with some entries at zero."""
    W, H = start.W.copy(), start.H.copy()
    for factor, i, j in cells:
        {"W": W, "H": H}[factor][i, j] = 0.0
    return Factors(W, H)


@cache
def traced(data: str, rule: str, cells: tuple[Place, ...], step_size: float, iterations: int) -> Trace:
    """One rule from the start with zeros."""
    table = TABLES[data]
    return trace(table.X, with_zeros(table.start, cells), rule, iterations=iterations, step_size=step_size)


# -- the scene ---------------------------------------------------------------------------------------------------------------
def scene(data: str, state: Mapping[str, Any]) -> Scene:
    """Three rules from one start, entry by entry."""
    cells, step_size = tuple(state.get("zeros", ())), state.get("step_size", 1.0)
    table = TABLES[data]
    found = {rule: traced(data, rule, cells, step_size, ITERATIONS) for rule in SOLVERS}
    factors = [f for t in found.values() for f in t.factors if np.isfinite(f.W).all() and np.isfinite(f.H).all()]
    tops = {name: float(min(max(getattr(f, name).max() for f in factors), HIGHEST)) for name in ("W", "H")}
    rank = table.start.W.shape[1]
    head = {
        "title": table.title, "rank": rank, "words": dict(table.words), "rows": list(table.rows), "columns": list(table.columns),
        "X": table.X.astype(int).tolist(), "tops": {"X": float(table.X.max()), **tops},
        "traces": {rule: _plain(t) for rule, t in found.items()},
        "floor": rounded(svd(table.X).floor([rank])[0]), "step_size": step_size, "zeros": [list(cell) for cell in cells],
    }  # fmt: skip
    return Scene(f"lab|{data}|{step_size:g}|{cells}", head)


def _plain(found: Trace) -> dict[str, Any]:
    start = found.factors[0]
    halves = [
        {
            "factor": half.factor, "before": rounded(half.before), "after": rounded(half.after),
            "rate": None if half.rate is None else rounded(half.rate),
            "groups": [
                {"components": list(g.components), "pull": rounded(g.pull), "push": rounded(g.push), "model": rounded(g.model)}
                for g in half.groups
            ],
        }
        for half in found.halves
    ]  # fmt: skip
    return {"start": {"W": rounded(start.W), "H": rounded(start.H)}, "errors": rounded(found.errors), "halves": halves}


def board_place(data: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The state without what the scene has taken; the cell as factor, row and column counted from 1."""
    here = {name: value for name, value in state.items() if name not in ("zeros", "step_size")}
    if "cell" in here:
        factor, i, j = here["cell"]
        here |= {"factor": factor, "cell": [i + 1, j + 1]}
    return here


# -- measures ------------------------------------------------------------------------------------------------------------------
def _run(data: str, after: int, rule: str = "mu", zeros: tuple[Place, ...] = (), step_size: float = 1.0) -> Trace:
    return traced(data, rule, zeros, step_size, after)


def _error(data: str, **given: Any) -> float:
    return _run(data, **given).errors[-1]


def _smallest(data: str, **given: Any) -> float:
    return float(min(min(f.W.min(), f.H.min()) for f in _run(data, **given).factors))


def _value(data: str, cell: Place, **given: Any) -> float:
    end, (factor, i, j) = _run(data, **given).factors[-1], cell
    return float((end.W @ end.H if factor == "WH" else getattr(end, factor))[i, j])


def _data(data: str, cell: Place) -> float:
    return float(TABLES[data].X[cell[1], cell[2]])


def _turn(data: str, iteration: int, cell: Place, **given: Any) -> tuple[float, float, float, float | None]:
    """Pull, push, the old value and the rate of one cell's turn."""
    factor, i, j = cell
    half = _run(data, iteration, **given).halves[2 * (iteration - 1) + (factor == "H")]
    component = i if factor == "H" else j
    group = next(group for group in half.groups if component in group.components)
    rate = None if half.rate is None else float(half.rate[component])
    return float(group.pull[i, j]), float(group.push[i, j]), float(half.before[i, j]), rate


def _pull(data: str, **given: Any) -> float:
    return _turn(data, **given)[0]


def _push(data: str, **given: Any) -> float:
    return _turn(data, **given)[1]


def _ratio(data: str, **given: Any) -> float:
    pull, push, *_ = _turn(data, **given)
    return pull / push


def _move(data: str, **given: Any) -> float:
    """Where the entry lands before it is cut off at zero."""
    pull, push, old, rate = _turn(data, **given)
    return old * pull / push if rate is None else old + rate * (pull - push)


def _rate(data: str, **given: Any) -> float:
    """What pull - push is multiplied with, where the rule adds."""
    *_, rate = _turn(data, **given)
    if rate is None:
        raise ValueError("multiplicative updates have no rate; gd and hals have")
    return rate


RULES = {"rule": one_of(*SOLVERS), "zeros": zeros, "step_size": real(0.05, 4, 0.05)}
RUN = {**RULES, "after": whole(0, MOST_ITERATIONS)}
TURN = {**RULES, "iteration": whole(1, MOST_ITERATIONS), "cell": moving}

LAB = Device(
    "lab",
    tuple(TABLES),
    {
        "rule": one_of(*SOLVERS),
        "iteration": whole(1, ITERATIONS),
        "cell": place,
        "zeros": zeros,
        "step_size": real(0.25, 4, 0.25),
        "grain": one_of("cell", "half", "iteration"),
    },
    scene,
    {
        "error": Measure(_error, RUN, ("after",)),
        "smallest": Measure(_smallest, RUN, ("after",)),
        "value": Measure(_value, {**RUN, "cell": place}, ("after", "cell")),
        "data": Measure(_data, {"cell": place}, ("cell",)),
        "pull": Measure(_pull, TURN, ("iteration", "cell")),
        "push": Measure(_push, TURN, ("iteration", "cell")),
        "ratio": Measure(_ratio, TURN, ("iteration", "cell")),
        "rate": Measure(_rate, {**TURN, "rule": one_of("gd", "hals")}, ("rule", "iteration", "cell")),
        "move": Measure(_move, TURN, ("iteration", "cell")),
    },
    board_place,
)
