"""What is a device, seen from a lesson? The data it can show, the states a step may put it into, and the numbers it is asked for.

A scene is the data of one device: a header of plain values, and arrays. The same id means the same data, and a device keeps its
place on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DIGITS = 6  # significant digits of a number that is shown with three

Rule = Callable[[Any], Any]  # a value from a file, checked and made what the code uses


class LessonError(ValueError):
    """A lesson's file cannot be used; the message says where, why, and what would be understood."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What a device draws."""

    id: str
    head: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """A number that nmfcore computes: compute(data, **given); `takes` are the parameters, `needs` those without a usual value."""

    compute: Callable[..., float]
    takes: Mapping[str, Rule] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Device:
    """One device.

    data : names of the data it can show
    states : what a step may set, and how each is checked
    scene : (data, state) to the scene; it takes from the state what decides about the data
    place : the rest of the state as the browser understands it
    measures : by name
    """

    key: str
    data: tuple[str, ...]
    states: Mapping[str, Rule]
    scene: Callable[[str, Mapping[str, Any]], Scene]
    measures: Mapping[str, Measure]
    place: Callable[[str, Mapping[str, Any]], dict[str, Any]] = lambda data, state: dict(state)


# -- rules ---------------------------------------------------------------------------------------------------------------
def whole(low: int, high: int) -> Rule:
    """A whole number within limits."""

    def rule(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return rule


def real(low: float, high: float, step: float | None = None) -> Rule:
    """A finite number within limits, on the slider's steps where there is one."""

    def rule(value: Any) -> float:
        usable = not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value) and low <= value <= high
        if not usable or (step is not None and abs(value / step - round(value / step)) > 1e-9):
            raise ValueError(f"a number from {low:g} to {high:g}{f' in steps of {step:g}' if step else ''}")
        return float(value)

    return rule


def one_of(*names: Any) -> Rule:
    def rule(value: Any) -> Any:
        if isinstance(value, bool) or value not in names:
            raise ValueError(f"one of {', '.join(map(str, names))}")
        return value

    return rule


def some_of(*names: str) -> Rule:
    def rule(value: Any) -> list[str]:
        if not isinstance(value, list) or not value or any(v not in names for v in value):
            raise ValueError(f"a list of some of {', '.join(names)}")
        return list(value)

    return rule


def yes(value: Any) -> bool:
    if value is not True:
        raise ValueError("true, or left out")
    return True


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


# -- plain values ----------------------------------------------------------------------------------------------------------
def rounded(values: Any, digits: int = DIGITS) -> Any:
    """Plain numbers with six significant digits, in lists as deep as the array; an exact 0 stays one, infinity becomes None."""
    if np.ndim(values) > 0:
        return [rounded(part, digits) for part in values]
    number = float(values)
    return float(f"{number:.{digits}g}") if math.isfinite(number) else None


def dense(X: Any) -> np.ndarray:
    """X (m, n) as a float64 array; only for data that fit a picture."""
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, np.float64)


def iterations_kept(last: int, count: int) -> list[int]:
    """Iterations to keep for a picture: the first all, later ones ever fewer; 0 and the last are among them."""
    if last < count:
        return list(range(last + 1))
    kept = sorted({round(v) - 1 for v in np.geomspace(1, last + 1, 4 * count)})
    while len(kept) > count:  # without the one that is closest to the next on a logarithmic scale
        kept.pop(1 + int(np.argmin(np.diff(np.log1p(kept))[:-1])))
    return kept


def listed(names: Sequence[str]) -> str:
    return ", ".join(sorted(names))
