"""The scrubber: one run at some of its iterations, with rows and columns in the order of the end.

A lesson's films are of 200 films and their keywords, or of the keywords alone (symmetric: C ~ S S^T, C the cosines between
keywords). The same is made of a person's own run, from recorded iterates; where its data are larger than a picture, of the rows
and columns that load most on each topic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from dashboard.devices.pack import quantised
from dashboard.learn.scene import Device, Measure, Scene, dense, one_of, rounded, whole
from nmfcore.core.factorization import Axes, Factors
from nmfcore.core.recording import Frame, Recording
from nmfcore.core.spec import StopRule
from nmfcore.data import catalog
from nmfcore.evaluate.svd import svd
from nmfcore.methods.symmetric_topics import cooccurrence, symmetric_floor
from nmfcore.run import prepare
from nmfcore.topics.ordering import topic_order
from nmfcore.topics.scale import apply as rescale
from nmfcore.topics.terms import best

WORDS = 5  # of each topic
LAST = 300  # iterations of a lesson's film
SHOWN = (*range(11), 14, 20, 30, 60, 100, LAST)  # iterations of a lesson's film: its bundle stays under 300 kB
RANKS = whole(2, 12)
BLOCK = 900_000  # bytes of a film at most
SIDES = (220, 280)  # rows and columns of a picture at most
SYMBOLS = {"X": "C", "W": "S", "H": "Sᵀ", "WH": "SSᵀ"}  # of a symmetric film


def film(
    X: Any,
    frames: Sequence[Frame],
    axes: Axes,
    *,
    id: str,
    floor: float | None,
    part: str = "topic",
    letters: Mapping[str, str] | None = None,
) -> Scene:
    """Header and arrays of a run at its recorded iterations.

    Parameters
    ----------
    X : (m, n) array or sparse
    frames : of one run, the start first
    floor : relative error that no model of this rank can fall below; None where none is known
    part : what a component is called
    letters : other names for X, W, H and WH

    Memory: the picture's part of X, and of every frame.
    """
    end = rescale(frames[-1].W, frames[-1].H)
    rows, columns = shown(end.W, SIDES[0]), shown(end.H.T, SIDES[1])
    frames = thinned(frames, int((BLOCK - len(rows) * len(columns)) / (2 * end.W.shape[1] * (len(rows) + len(columns)))))
    part_of = dense(X[rows][:, columns])
    (W, W_top), (H, H_top) = (
        quantised(np.stack([f.W[rows] for f in frames])),
        quantised(np.stack([f.H[:, columns] for f in frames])),
    )
    words = [[best(row, WORDS) for row in frame.H] for frame in frames]  # of all columns, not only of those in the picture
    used = np.unique(np.concatenate([np.concatenate(frame) for frame in words]))
    tops = np.searchsorted(used, np.array(words)).astype(np.int16)
    top = float(part_of.max()) or 1.0
    m, n = X.shape
    head = {
        "iterations": [f.iteration for f in frames], "errors": rounded([f.relative_error for f in frames]),
        "floor": floor, "top": top,
        "rows": axes.rows.take(rows), "columns": axes.columns.take(columns), "names": axes.columns.take(used),
        "words": {"row": axes.rows.singular, "column": axes.columns.singular, "many": axes.columns.name, "component": part},
        "whole": [m, n], "letters": letters,
    }  # fmt: skip
    return Scene(id, head, {
        "X": np.rint(part_of / top * 255).astype(np.uint8), "W": W, "W_top": W_top, "H": H, "H_top": H_top, "tops": tops,
    })  # fmt: skip


def thinned(frames: Sequence[Frame], most: int) -> Sequence[Frame]:
    """At most so many of the frames, with the first and the last."""
    if len(frames) <= most:
        return frames
    kept = Recording(max(most, 3))
    for f in frames:
        kept.take(f.iteration, f.relative_error, Factors(f.W, f.H))
    return kept.frames


def shown(W: np.ndarray, most: int) -> np.ndarray:
    """Rows in the order of their largest topic; of more than a picture holds, the strongest of each topic."""
    order = np.asarray(topic_order(W).indices)
    if len(order) <= most:
        return order
    largest, strength = W.argmax(axis=1), W.max(axis=1)
    each = max(1, most // W.shape[1])
    kept = np.concatenate([np.flatnonzero(largest == k)[best(strength[largest == k], each)] for k in range(W.shape[1])])
    return order[np.isin(order, kept)]


@cache
def data_of(data: str) -> tuple[Any, Axes, bool]:
    """X, its axes, and whether it is symmetric."""
    films = catalog.load("movies")
    if data == "films":
        return films.X, films.axes, False
    table = cooccurrence(films.X, axes=films.axes)
    names = Axes(films.axes.columns, films.axes.columns)
    return table.C, names, True


@cache
def recorded(data: str, rank: int, solver: str, seed: int) -> Recording:
    """A lesson's run, recorded at every iteration: a measure may ask for any."""
    X, _, symmetric = data_of(data)
    recording = Recording(LAST + 1)
    stop = StopRule(tol=0.0, max_iter=LAST, max_seconds=None)
    run = prepare(
        X,
        rank,
        solver="symmetric" if symmetric else solver,
        init="random",
        seed=seed,
        stop=stop,
        symmetric=symmetric,
        recording=recording,
    )
    for _ in run:
        pass
    return recording


def scene(data: str, state: Mapping[str, Any]) -> Scene:
    rank, solver, seed = state.get("rank", 6), state.get("solver", "mu"), state.get("seed", 0)
    X, axes, symmetric = data_of(data)
    frames = recorded(data, rank, solver, seed).frames
    id = f"scrubber|{data}|{rank}|{solver}|{seed}"
    return film(
        X,
        [f for f in frames if f.iteration in SHOWN],
        axes,
        id=id,
        floor=_floor(data, rank),
        letters=SYMBOLS if symmetric else None,
    )


def place(data: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name == "iteration"}


# -- measures --------------------------------------------------------------------------------------------------------------
def _frame(data: str, after: int, rank: int = 6, solver: str = "mu", seed: int = 0) -> Frame:
    frames = recorded(data, rank, solver, seed).frames
    return max((f for f in frames if f.iteration <= after), key=lambda f: f.iteration)


def _error(data: str, **given: Any) -> float:
    return _frame(data, **given).relative_error


def _words(data: str, **given: Any) -> float:
    """How many of the top words are those of the end."""
    now, end = _frame(data, **given).H, _frame(data, **{**given, "after": LAST}).H
    return float(sum(len(set(best(a, WORDS)) & set(best(b, WORDS))) for a, b in zip(now, end, strict=True)))


def _all_words(data: str, rank: int = 6) -> float:
    return float(WORDS * rank)


def _fallen(data: str, after: int, **given: Any) -> float:
    first, now, end = (_frame(data, k, **given).relative_error for k in (0, after, LAST))
    return (first - now) / (first - end)


@cache
def _floor(data: str, rank: int = 6) -> float:
    X, _, symmetric = data_of(data)
    return float(symmetric_floor(X, rank) if symmetric else svd(X).floor([rank])[0])


RUN = {"rank": RANKS, "solver": one_of("mu", "hals", "gd"), "seed": whole(0, 10_000)}
AFTER = {**RUN, "after": whole(0, LAST)}

SCRUBBER = Device(
    "scrubber",
    ("films", "keywords"),
    {**RUN, "iteration": whole(0, LAST)},
    scene,
    {
        "error": Measure(_error, AFTER, ("after",)),
        "words": Measure(_words, AFTER, ("after",)),
        "fallen": Measure(_fallen, AFTER, ("after",)),
        "all_words": Measure(_all_words, {"rank": RANKS}),
        "topic_size": Measure(lambda data: float(WORDS)),
        "floor": Measure(_floor, {"rank": RANKS}),
    },
    place,
)
