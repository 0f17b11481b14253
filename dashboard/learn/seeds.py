"""Several seeds in step: the same data and rank from random starts, topics matched to the first run's by `match_topics`.

A lesson's are eight runs on 200 films; the same scene is made of a person's own run and others from random starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from dashboard.learn.scene import Device, Measure, Scene, whole
from nmfcore.core.factorization import Axes
from nmfcore.core.recording import Frame, Recording
from nmfcore.core.spec import StopRule
from nmfcore.data import catalog
from nmfcore.evaluate.stability import match_topics
from nmfcore.run import prepare
from nmfcore.topics.similarity import unit_rows
from nmfcore.topics.terms import best

RANK, SEEDS = 10, 8
LAST, FRAMES = 200, 24
WORDS = 5
FULL = 255  # a cosine of 1, as it is sent
ALIKE = 0.8  # cosine from which two topics count as the same; as in seeds.js


def scene_of(runs: Sequence[Sequence[Frame]], axes: Axes, *, id: str, part: str = "topic", names: Sequence[str] = ()) -> Scene:
    """Runs of one rank, each as its recorded iterates. A run that ended earlier stands still until the longest ends.

    Topics are put in the first run's order, by matching the rows of H of the last iterates.
    names : what the runs are called; "seed 1", "seed 2", ... when none are given
    """
    clock = max(runs, key=lambda frames: frames[-1].iteration)
    iterations = [f.iteration for f in clock]
    stills = [[_at(frames, iteration) for iteration in iterations] for frames in runs]
    first = runs[0][-1].H
    orders = [np.arange(len(first)), *(match_topics(first, frames[-1].H).partner for frames in runs[1:])]
    s, r = len(runs), len(first)
    partners = np.zeros((s, s, len(iterations), r), np.float32)
    words = np.zeros((s, len(iterations), r, WORDS), int)
    for k in range(len(iterations)):  # one moment at a time: all topics of all runs at once would be as large as the recording
        now = [frames[k].H[order] for frames, order in zip(stills, orders, strict=True)]
        words[:, k] = [[best(row, WORDS) for row in H] for H in now]
        unit = np.stack([unit_rows(H.astype(np.float64)) for H in now])
        partners[:, :, k] = np.einsum("arn,brn->abr", unit, unit)
    used = np.unique(words)
    shares = np.rint(np.clip(partners, 0, 1) * FULL).astype(np.uint8)
    head = {
        "rank": r, "iterations": iterations, "names": axes.columns.take(used), "full": FULL,
        "runs": list(names) or [f"seed {k + 1}" for k in range(s)],
        "words": {"component": part, "components": f"{part}s"},
    }  # fmt: skip
    arrays = {
        "errors": np.array([[frame.relative_error for frame in frames] for frames in stills], np.float32),
        "tops": np.searchsorted(used, words).astype(np.int16 if len(used) < 32_768 else np.float32),
        "cosines": shares[0].copy(),
        "partners": shares.reshape(s * s, len(iterations), r),
    }
    return Scene(id, head, arrays)


def _at(frames: Sequence[Frame], iteration: int) -> Frame:
    """The latest recorded iterate up to an iteration."""
    return max((f for f in frames if f.iteration <= iteration), key=lambda f: f.iteration)


@cache
def runs() -> tuple[tuple[Frame, ...], ...]:
    """Eight runs on the films."""
    found = []
    for seed in range(SEEDS):
        recording = Recording(FRAMES)
        stop = StopRule(tol=0.0, max_iter=LAST, max_seconds=None)
        X = catalog.load("movies").X
        for _ in prepare(X, RANK, solver="mu", init="random", seed=seed, stop=stop, recording=recording):
            pass
        found.append(tuple(recording.frames))
    return tuple(found)


@cache
def scene_of_films() -> Scene:
    return scene_of(runs(), catalog.load("movies").axes, id="seeds|films")


def scene(data: str, state: Mapping[str, Any]) -> Scene:
    return scene_of_films()


# -- measures --------------------------------------------------------------------------------------------------------------
def _errors() -> np.ndarray:
    return np.array([frames[-1].relative_error for frames in runs()])


def _cosines(a: int, b: int) -> np.ndarray:
    """(r,) of the topics, in the first run's order, of two runs counted from 1."""
    return scene_of_films().arrays["partners"][(a - 1) * SEEDS + b - 1, -1] / FULL


def pair(value: Any) -> tuple[int, int]:
    numbers = isinstance(value, list) and len(value) == 2 and all(isinstance(v, int) and 1 <= v <= SEEDS for v in value)
    if not numbers or value[0] == value[1]:
        raise ValueError(f"two different runs, from 1 to {SEEDS}")
    return value[0], value[1]


def _steady(data: str) -> float:
    return float((scene_of_films().arrays["cosines"][:, -1] / FULL >= ALIKE).all(axis=0).sum())


TOPIC = whole(1, RANK)

SEVERAL = Device(
    "seeds",
    ("films",),
    {"iteration": whole(0, LAST), "topic": TOPIC, "pair": pair},
    scene,
    {
        "error": Measure(lambda data, seed: float(_errors()[seed - 1]), {"seed": whole(1, SEEDS)}, ("seed",)),
        "lowest": Measure(lambda data: float(_errors().min())),
        "highest": Measure(lambda data: float(_errors().max())),
        "spread": Measure(lambda data: float(np.ptp(_errors()))),
        "cosine": Measure(
            lambda data, pair, topic: float(_cosines(*pair)[topic - 1]), {"pair": pair, "topic": TOPIC}, ("pair", "topic")
        ),
        "weakest": Measure(lambda data, pair: float(_cosines(*pair).min()), {"pair": pair}, ("pair",)),
        "steady": Measure(_steady),
    },
    lambda data, state: {**state, **({"pair": list(state["pair"])} if "pair" in state else {})},
)
