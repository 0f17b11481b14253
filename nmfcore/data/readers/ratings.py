"""How do rows of (user, item, rating) become a matrix?

Users become rows and items columns, both in the order in which they first occur. A pair that is not in the file was not
rated: the sparse matrix does not store it, and the table says that what is absent is missing. A rating of 0 in the file is a
rating, and is stored.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.errors import Fix, UploadError, counted, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers.cells import text_of
from nmfcore.data.readers.numbers import GREATEST, Numbers
from nmfcore.data.readers.options import ReadOptions


def read(
    name: str,
    rows: Iterable[tuple[int, list[Any]]],
    columns: Sequence[int],
    numbers: Numbers,
    *,
    unit: str,
    options: ReadOptions,
    limits: Limits,
    understood: dict[str, Any],
    notes: list[str],
    finish: Callable[[], None],
) -> Table:
    """The matrix of users and items.

    Raises
    ------
    UploadError
        If a rating is no number, or there are too many.
    """
    user, item, rating = columns
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    row_of, column_of, values = array("q"), array("q"), array("d")
    unrated = 0
    for place, row in rows:
        value = numbers.value(row[rating])
        if value is None or value in (float("inf"), float("-inf")) or abs(value) > GREATEST:
            if options.unparseable == "missing":
                unrated += 1
                continue
            raise UploadError(
                "A rating is no number",
                place=f"{unit} {place}, column {rating + 1}",
                value=shown(text_of(row[rating])),
                way_out="Correct it, leave such rows out, or choose the column that holds the ratings.",
                fixes=(
                    Fix("Leave such rows out", {"unparseable": "missing"}),
                    Fix("Read as a matrix", {"content": "matrix"}),
                ),
            )
        if value != value:
            unrated += 1
            continue
        row_of.append(users.setdefault(text_of(row[user]), len(users)))
        column_of.append(items.setdefault(text_of(row[item]), len(items)))
        values.append(value)
        if len(values) > limits.stored_values or len(users) > limits.rows or len(items) > limits.columns:
            raise UploadError(
                f"There are too many ratings ({len(values):,} by {len(users):,} users of {len(items):,} items so far)",
                way_out=f"At most {limits.stored_values:,} ratings, {limits.rows:,} users and {limits.columns:,} items.",
            )
    finish()
    if not len(values):
        raise UploadError("No row holds a rating", way_out="Choose the column that holds the ratings.")
    if unrated:
        notes.append(f"{counted(unrated, unit)} without a rating left out.")
    X, twice = _matrix(row_of, column_of, values, len(users), len(items))
    if twice:
        notes.append(f"{counted(twice, 'pair occurs', 'pairs occur')} more than once; the mean of the ratings was taken.")
    m, n = X.shape
    notes.append(f"{X.nnz:,} ratings by {m:,} users of {n:,} items; {X.nnz / (m * n):.1%} of all pairs are rated.")
    return Table(
        name=name,
        content="ratings",
        X=X,
        row_labels=list(users),
        column_labels=list(items),
        notes=(*notes, *numbers.notes()),
        understood={**understood, "content": "ratings"},
        absent="missing",
    )


def _matrix(rows: array[int], columns: array[int], values: array[float], m: int, n: int) -> tuple[Any, int]:
    """CSR of the mean rating per pair, zeros stored, and how many pairs occur more than once."""
    pair = np.frombuffer(rows, np.int64) * n + np.frombuffer(columns, np.int64)
    order = np.argsort(pair, kind="stable")
    unique, start = np.unique(pair[order], return_index=True)
    count = np.diff(np.append(start, pair.size))
    mean = np.add.reduceat(np.frombuffer(values, np.float64)[order], start) / count
    indptr = np.searchsorted(unique // n, np.arange(m + 1)).astype(np.int32)
    return sp.csr_array((mean, (unique % n).astype(np.int32), indptr), shape=(m, n)), int((count > 1).sum())
