"""Does a number in the table stand for "not measured" or "not rated"?

What people write for it are nines and eights far from all other values: 99 among ratings from -10 to 10 (Jester), -999 among
concentrations, 9 among answers from 1 to 5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.errors import Fix, counted
from nmfcore.data.model.table import Question, Table
from nmfcore.data.readers.options import ReadOptions

NINES = [float(digit * length) for length in (1, 2, 3, 4, 5) for digit in "987"]
CODES = (-1.0, *NINES, *(-code for code in NINES))
FAR = 0.56  # the largest other value, as a share of the code's: 5 of 9, 50 of 99
OFTEN = 2  # times that a code occurs at least
CHUNK = 2**20


def settled(table: Table, options: ReadOptions) -> Table:
    """The table with the chosen codes as missing cells, for formats whose cells are numbers already ("99" and 99.0 are one)."""
    wanted = [value for token in options.missing_tokens if (value := _number(token)) is not None]
    if table.X is None or not wanted or table.absent == "missing":
        return table
    values = table.X.data if table.sparse else table.X
    hits = np.isin(values, np.array(wanted, dtype=values.dtype))
    if not hits.any():
        return table
    changed = np.where(hits, np.nan, values)
    X: Any = sp.csr_array((changed, table.X.indices, table.X.indptr), shape=table.X.shape) if table.sparse else changed
    said = (
        f"{counted(int(hits.sum()), 'cell')} with {', '.join(map(str, options.missing_tokens))} counted as missing, as you chose."
    )
    return replace(table, X=X, notes=(*table.notes, said))


def hinted(table: Table, options: ReadOptions) -> Table:
    """The table with a note and a question where a code for missing values is likely."""
    if table.X is None or options.missing_tokens or table.content not in ("matrix", "ratings"):
        return table
    values = table.X.data if table.sparse else table.X.reshape(-1)
    codes = likely(values)
    if not codes:
        return table
    tokens = [f"{code:g}" for code in codes]
    number = sum(int(np.count_nonzero(values == code)) for code in codes)
    which = " and ".join(tokens)
    note = (
        f"{counted(number, 'entry is', 'entries are')} {which}, far from all others: that often stands for a missing value "
        f"(not measured, not rated); say so with missing_tokens."
    )
    question = Question(
        "missing code",
        f"{counted(number, 'entry is', 'entries are')} {which}, far from all others. Is it a number, or a code for missing?",
        (
            Fix("It is a number", {}, "It is factorized like all others, and outweighs them."),
            Fix(f"{which} means missing", {"missing_tokens": tokens}, "These cells count as missing: not measured or not rated."),
        ),
    )
    return replace(table, notes=(*table.notes, note), questions=(*table.questions, question))


def likely(values: np.ndarray) -> list[float]:
    """The codes among values that are far beyond all others and occur more than once."""
    present = [code for code in CODES if _count(values, code) >= OFTEN]
    found: list[float] = []
    for code in sorted(present, key=abs, reverse=True):
        low, high = _range_without(values, [*found, code])
        rest = max(abs(low), abs(high))
        far = 0 < rest <= FAR * abs(code) and (code > 0 or low >= 0 or abs(code) > 90)
        if far or (code == -1 and low >= 0 and rest > 0):
            found.append(code)
    return sorted(found)


def _count(values: np.ndarray, code: float) -> int:
    return sum(int(np.count_nonzero(values[i : i + CHUNK] == code)) for i in range(0, values.size, CHUNK))


def _range_without(values: np.ndarray, codes: list[float]) -> tuple[float, float]:
    """The smallest and largest value that is none of some codes; 0, 0 when there is none."""
    low, high = np.inf, -np.inf
    for start in range(0, values.size, CHUNK):
        block = values[start : start + CHUNK]
        block = block[~np.isin(block, codes) & ~np.isnan(block)]
        if block.size:
            low, high = min(low, float(block.min())), max(high, float(block.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _number(token: Any) -> float | None:
    try:
        return float(str(token))
    except ValueError:
        return None
