"""How are some of the rows written as text, so that a link or a step of preparation can hold them?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nmfcore.core.checks import ProblemError


def as_ranges(rows: Iterable[int]) -> str:
    """Row numbers as text, counted from 1: [0, 1, 2, 6] is "1-3,7"."""
    found: list[list[int]] = []
    for row in sorted({int(row) for row in rows}):
        if found and row == found[-1][1] + 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    return ",".join(f"{a + 1}" if a == b else f"{a + 1}-{b + 1}" for a, b in found)


def from_ranges(text: str, size: int) -> np.ndarray:
    """The row numbers (from 0, rising) that `as_ranges` wrote.

    Raises
    ------
    ProblemError
        If it is no list of ranges, or names a row beyond `size`.
    """
    rows = np.zeros(size, bool)
    for part in text.split(",") if text else ():
        ends = part.split("-")
        if not 1 <= len(ends) <= 2 or not all(end.isascii() and end.isdigit() and len(end) < 12 for end in ends):
            raise ProblemError(f"{part[:30]!r} is no row or range of rows; write them as 1-3,7.")
        first, last = int(ends[0]), int(ends[-1])
        if not 1 <= first <= last <= size:
            raise ProblemError(f"Rows {part[:30]} are not among the {size:,} that there are.")
        rows[first - 1 : last] = True
    return np.flatnonzero(rows)
