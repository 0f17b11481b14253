"""What does a converter need to know of a place where blocks come from?

A `Source` is a file, folder or array as a numbered list of pieces (runs of whole rows, in order), each of which fits into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nmfcore.core.blocks import BLOCK_ROWS, BLOCK_VALUES
from nmfcore.core.factorization import Axes

Report = Callable[[str, float | None], None]
Piece = tuple[Any, Sequence[str] | None]  # rows (rows, n), and their labels or None


@dataclass(frozen=True, eq=False)
class Source:
    """What a converter needs to know of a source.

    title : a name for people; key : JSON values that say whether it is still the same
    count : the number of pieces; piece : reads one: rows, and their labels or None
    axes : names of the axes, and the columns' labels where they are known
    prepare : what has to be done once before pieces can be read, in a folder of its own; it says what it found
    """

    title: str
    key: Mapping[str, Any]
    count: int
    piece: Callable[[int], Piece]
    axes: Axes = field(default_factory=Axes)
    prepare: Callable[[Path, Report], Source] | None = None
    notes: tuple[str, ...] = ()


def stamp(paths: Sequence[Path]) -> list[list[Any]]:
    """Names, sizes and times of files: whether they are still the same."""
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths]


def edges_of(indptr: np.ndarray) -> list[int]:
    """Where rows with these offsets are cut."""
    edges, m = [0], len(indptr) - 1
    while edges[-1] < m:
        most = int(np.searchsorted(indptr, indptr[edges[-1]] + BLOCK_VALUES, side="right")) - 1
        edges.append(min(m, edges[-1] + BLOCK_ROWS, max(edges[-1] + 1, most)))
    return edges
