"""Which lessons stand ready? A bundle is made once and kept for as long as its file stays the same."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.learn import rooms
from dashboard.learn.bundle import bundle, scene_data
from dashboard.learn.lab import LAB, TABLES
from dashboard.learn.lessons import Lesson, folders, read
from dashboard.learn.scene import LessonError, Scene, listed

OWN = "NMF_LESSONS"  # environment variable: a folder with lessons of one's own; `nmf-dashboard --lessons DIR` sets it
MOST = 60  # bundles kept, of about 150 kB each


def own() -> Path | None:
    """The folder with lessons of one's own."""
    named = os.environ.get(OWN)
    return Path(named) if named else None


@lru_cache(maxsize=MOST)
def _read(path: Path, changed: int) -> Lesson:
    return read(path)


@lru_cache(maxsize=MOST)
def _lock(path: Path) -> threading.Lock:
    return threading.Lock()


@lru_cache(maxsize=MOST)
def _bundled(path: Path, changed: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    return bundle(_read(path, changed))


def course() -> tuple[list[Lesson], list[str]]:
    """All lessons in the order of the course, and a sentence for each that cannot be used."""
    lessons, wrong = [], []
    for path in folders(own()).values():
        try:
            lessons.append(_read(path, path.stat().st_mtime_ns))
        except (LessonError, OSError) as error:
            wrong.append(str(error))
    return sorted(lessons, key=lambda lesson: (lesson.order, lesson.key)), wrong


def ready(key: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and blocks of a lesson.

    Raises
    ------
    LessonError
        If there is no such lesson, or something in it is unknown.
    """
    known = folders(own())
    if key not in known:
        raise LessonError(f"There is no lesson {key[:40]!r}. Lessons: {listed(list(known))}.")
    with _lock(known[key]):  # a lesson that is being made ready is waited for, not made twice
        return _bundled(known[key], known[key].stat().st_mtime_ns)


def prepare(say: Callable[[str, float], object]) -> int:
    """Make the bundles of the whole course, in its order; how many there are. `say` is told how far it is.

    A lesson that cannot be made ready is passed over: whoever opens it is told why.
    """
    lessons, _ = course()
    made = 0
    for at, lesson in enumerate(lessons):
        say(lesson.title, at / len(lessons))
        with contextlib.suppress(LessonError, OSError):
            ready(lesson.key)
            made += 1
    return made


# -- what a reader asks for --------------------------------------------------------------------------------------------------
def answered(head: Mapping[str, Any], ask: Mapping[str, Any]) -> dict[str, Any] | None:
    """The scene that a device asked for in a step: a zero put, a step size set, a run from corners; None if not understood.

    It comes from a browser: whatever is not a step of this lesson, a cell of its table or a corner of its room is not computed.
    """
    step = ask.get("step")
    if ask.get("lesson") != head["id"] or not isinstance(step, int) or not 1 <= step <= len(head["steps"]):
        return None
    device, shown = head["steps"][step - 1]["device"], head["steps"][step - 1]["scene"]
    data = shown.split("|")[1]
    try:
        scene = _zeroed(data, ask) if device == "lab" else rooms.asked(data, ask) if device == "cone" else None
    except (ValueError, TypeError, KeyError):
        return None
    return None if scene is None else {"step": step, "scene": scene_data(scene), "at": scene.id}


def _zeroed(data: str, ask: Mapping[str, Any]) -> Scene:
    """The lab with zeros and a step size of the reader's own; a cell comes as factor, row and column."""
    zeros = ask.get("zeros", [])
    cells = sorted({(str(factor), int(i), int(j)) for factor, i, j in zeros})
    start = TABLES[data].start
    sides = {"W": start.W.shape, "H": start.H.shape}
    if any(factor not in sides or not (0 <= i < sides[factor][0] and 0 <= j < sides[factor][1]) for factor, i, j in cells):
        raise ValueError("no such cell")
    step_size = LAB.states["step_size"](ask.get("step_size", 1.0))
    return LAB.scene(data, {"zeros": tuple(cells), "step_size": step_size})
