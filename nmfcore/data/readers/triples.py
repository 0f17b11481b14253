"""How do rows of (user, item, rating) or (document, term, count) become a matrix?

The first become rows and the second columns, both in the order in which they first occur. What a pair means that is not in the
file is the difference: it was not rated, so the sparse matrix does not store it and the table says that what is absent is
missing; or it was counted 0 times, which is a real zero. A rating of 0 in the file is a rating, and is stored.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.written import percent
from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, shown
from nmfcore.data.model.table import Table
from nmfcore.data.readers import names
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Row, text_of
from nmfcore.data.readers.numbers import GREATEST
from nmfcore.data.readers.roles import Layout, column_of

OPTIONS = ("user_column", "item_column", "rating_column")
VOCABULARY = {
    "ratings": (names.USER, names.ITEM, names.RATING),
    "counts": (names.DOCUMENT, names.TERM, names.COUNT),
}
WHAT = {"ratings": "rating", "counts": "count"}


def read(layout: Layout, rows: Iterable[Row], account: Account, content: str, finish: Callable[[], None]) -> Table:
    """The matrix of users and items, or of documents and terms.

    Raises
    ------
    UploadError
        If a rating or count is no number, or there are too many.
    """
    columns = _columns(layout, account, content)
    found = _Triples(account, content)
    for place, row in rows:
        found.add(place, row, columns)
    finish()
    X = found.matrix()
    understood = {**account.understood, "content": content}
    m, n = X.shape
    stored, share = f"{X.nnz:,} {found.what}s", f"{percent(X.nnz / (m * n))} of all pairs"
    if content == "ratings":
        account.notes.append(f"{stored} by {m:,} users of {n:,} items; {share} are rated.")
    else:
        named = zip(columns, ("document", "term"), strict=False)
        axes = [layout.names[j].strip().lower() if layout.named else name for j, name in named]
        rows_, columns_ = map(names.plural, axes)
        understood["axes"] = [[rows_, axes[0]], [columns_, axes[1]]]
        account.notes.append(f"{stored} for {m:,} {rows_} and {n:,} {columns_}; {share} are not 0.")
    return Table(
        name=account.name,
        content=content,
        X=X,
        row_labels=list(found.users),
        column_labels=list(found.items),
        notes=(*account.notes, *account.numbers.notes()),
        understood=understood,
        questions=tuple(account.questions),
        absent="missing" if content == "ratings" else "zero",
    )


class _Triples:
    """Who, what and how much, as far as they are read; and how many rows said less than that."""

    def __init__(self, account: Account, content: str) -> None:
        self.account, self.ratings, self.what = account, content == "ratings", WHAT[content]
        self.users: dict[str, int] = {}
        self.items: dict[str, int] = {}
        self.rows, self.columns, self.values = array("q"), array("q"), array("d")
        self.unrated = self.unnamed = 0

    def add(self, place: int, row: Sequence[Any], columns: tuple[int, int, int]) -> None:
        """One row of the file; columns : of the user, the item and the rating

        Raises
        ------
        UploadError
            If its rating is no number and such rows are not to be left out.
        """
        user, item, rating = columns
        value = self.account.numbers.value(row[rating])
        if value is None or abs(value) > GREATEST:
            self._refuse(f"{self.account.unit} {place}, column {rating + 1}", row[rating])
            value = math.nan
        one, other = text_of(row[user]), text_of(row[item])
        if math.isnan(value):
            self.unrated += 1
        elif not one or not other:
            self.unnamed += 1
        else:
            self.rows.append(self.users.setdefault(one, len(self.users)))
            self.columns.append(self.items.setdefault(other, len(self.items)))
            self.values.append(value)
            self._check_room()

    def _refuse(self, place: str, cell: Any) -> None:
        """Raise for a cell that is no number, unless such rows are left out."""
        if self.account.options.unparseable != "missing":
            raise UploadError(
                f"A {self.what} is no number",
                place=place,
                value=shown(text_of(cell)),
                way_out=f"Correct it, leave such rows out, or choose the column that holds the {self.what}s.",
                fixes=(
                    Fix("Leave such rows out", {"unparseable": "missing"}),
                    Fix("Read as a matrix", {"content": "matrix"}),
                ),
            )

    def _check_room(self) -> None:
        limits, stored, m, n = self.account.limits, len(self.values), len(self.users), len(self.items)
        if stored > limits.stored_values or m > limits.rows or n > limits.columns:
            raise TooLarge(
                f"There are too many {self.what}s ({stored:,} for {m:,} x {n:,} so far)",
                way_out=f"At most {limits.stored_values:,} {self.what}s, {limits.rows:,} rows and {limits.columns:,} columns.",
            )

    def matrix(self) -> sp.csr_array:
        """(m, n) of what was read; what was left out or joined is noted."""
        if not len(self.values):
            raise UploadError(f"No row holds a {self.what}", way_out=f"Choose the column that holds the {self.what}s.")
        notes, unit = self.account.notes, self.account.unit
        if self.unrated:
            notes.append(f"{counted(self.unrated, unit)} without a {self.what} left out.")
        if self.unnamed:
            who = "a user or an item" if self.ratings else "a name"
            notes.append(f"{counted(self.unnamed, unit)} without {who} left out.")
        shape = (len(self.users), len(self.items))
        X, twice = _matrix(self.rows, self.columns, self.values, shape, mean=self.ratings)
        if twice:
            done = "the mean of the ratings was taken" if self.ratings else "their counts were added"
            notes.append(f"{counted(twice, 'pair occurs', 'pairs occur')} more than once; {done}.")
        return X


def _columns(layout: Layout, account: Account, content: str) -> tuple[int, int, int]:
    """The three columns: chosen, recognised, or by their names and places."""
    plain = [names.plain(name) for name in layout.names]
    columns = []
    for place, (option, known) in enumerate(zip(OPTIONS, VOCABULARY[content], strict=True)):
        chosen = getattr(account.options, option)
        if chosen is not None:
            columns.append(column_of(layout.names, chosen, option))
            continue
        found = names.found(plain, known) if layout.named else None
        columns.append(layout.triple[place] if layout.triple else place if found is None else found)
    if len(set(columns)) < 3 or max(columns) >= layout.width:
        three = "user, item, rating" if content == "ratings" else "document, term, count"
        raise UploadError(
            f"{content.capitalize()} need three columns ({three}); this table has {layout.width:,}",
            way_out="Choose the three columns, or read the file as a matrix.",
            fixes=(Fix("Read as a matrix", {"content": "matrix"}),),
        )
    account.understood["rating_columns"] = [layout.names[j] if layout.named else j for j in columns]
    return columns[0], columns[1], columns[2]


def _matrix(
    rows: array[int], columns: array[int], values: array[float], shape: tuple[int, int], *, mean: bool
) -> tuple[sp.csr_array, int]:
    """CSR of the mean or sum per pair, zeros stored where they are ratings, and how many pairs occur more than once."""
    m, n = shape
    pair = np.frombuffer(rows, np.int64) * n + np.frombuffer(columns, np.int64)
    order = np.argsort(pair, kind="stable")
    unique, start = np.unique(pair[order], return_index=True)
    count = np.diff(np.append(start, pair.size))
    total = np.add.reduceat(np.frombuffer(values, np.float64)[order], start) / (count if mean else 1)
    indptr = np.searchsorted(unique // n, np.arange(m + 1)).astype(np.int32)
    return sp.csr_array((total, (unique % n).astype(np.int32), indptr), shape=shape), int((count > 1).sum())
