"""How do rows of (user, item, rating) or (document, term, count) become a matrix?

The first become rows and the second columns, both in the order in which they first occur. What a pair means that is not in the
file is the difference: it was not rated, so the sparse matrix does not store it and the table says that what is absent is
missing; or it was counted 0 times, which is a real zero. A rating of 0 in the file is a rating, and is stored.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable

import numpy as np
import scipy.sparse as sp

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
    user, item, rating = _columns(layout, account, content)
    what, limits, unit = WHAT[content], account.limits, account.unit
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    row_of, column_of_, values = array("q"), array("q"), array("d")
    unrated = unnamed = 0
    for place, row in rows:
        value = account.numbers.value(row[rating])
        if value is None or abs(value) > GREATEST:
            if account.options.unparseable == "missing":
                unrated += 1
                continue
            raise UploadError(
                f"A {what} is no number",
                place=f"{unit} {place}, column {rating + 1}",
                value=shown(text_of(row[rating])),
                way_out=f"Correct it, leave such rows out, or choose the column that holds the {what}s.",
                fixes=(
                    Fix("Leave such rows out", {"unparseable": "missing"}),
                    Fix("Read as a matrix", {"content": "matrix"}),
                ),
            )
        one, other = text_of(row[user]), text_of(row[item])
        if value != value:
            unrated += 1
            continue
        if not one or not other:
            unnamed += 1
            continue
        row_of.append(users.setdefault(one, len(users)))
        column_of_.append(items.setdefault(other, len(items)))
        values.append(value)
        if len(values) > limits.stored_values or len(users) > limits.rows or len(items) > limits.columns:
            raise TooLarge(
                f"There are too many {what}s ({len(values):,} for {len(users):,} x {len(items):,} so far)",
                way_out=f"At most {limits.stored_values:,} {what}s, {limits.rows:,} rows and {limits.columns:,} columns.",
            )
    finish()
    if not len(values):
        raise UploadError(f"No row holds a {what}", way_out=f"Choose the column that holds the {what}s.")
    notes = account.notes
    if unrated:
        notes.append(f"{counted(unrated, unit)} without a {what} left out.")
    if unnamed:
        who = "a user or an item" if content == "ratings" else "a name"
        notes.append(f"{counted(unnamed, unit)} without {who} left out.")
    X, twice = _matrix(row_of, column_of_, values, len(users), len(items), mean=content == "ratings")
    if twice:
        done = "the mean of the ratings was taken" if content == "ratings" else "their counts were added"
        notes.append(f"{counted(twice, 'pair occurs', 'pairs occur')} more than once; {done}.")
    m, n = X.shape
    share = f"{X.nnz / (m * n):.1%} of all pairs"
    understood = {**account.understood, "content": content}
    if content == "ratings":
        notes.append(f"{X.nnz:,} ratings by {m:,} users of {n:,} items; {share} are rated.")
    else:
        axes = [layout.names[j].strip().lower() if layout.named else name for j, name in ((user, "document"), (item, "term"))]
        understood["axes"] = [[names.plural(axis), axis] for axis in axes]
        notes.append(f"{X.nnz:,} counts for {m:,} {names.plural(axes[0])} and {n:,} {names.plural(axes[1])}; {share} are not 0.")
    return Table(
        name=account.name,
        content=content,
        X=X,
        row_labels=list(users),
        column_labels=list(items),
        notes=(*notes, *account.numbers.notes()),
        understood=understood,
        questions=tuple(account.questions),
        absent="missing" if content == "ratings" else "zero",
    )


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
    rows: array[int], columns: array[int], values: array[float], m: int, n: int, *, mean: bool
) -> tuple[sp.csr_array, int]:
    """CSR of the mean or sum per pair, zeros stored where they are ratings, and how many pairs occur more than once."""
    pair = np.frombuffer(rows, np.int64) * n + np.frombuffer(columns, np.int64)
    order = np.argsort(pair, kind="stable")
    unique, start = np.unique(pair[order], return_index=True)
    count = np.diff(np.append(start, pair.size))
    total = np.add.reduceat(np.frombuffer(values, np.float64)[order], start) / (count if mean else 1)
    indptr = np.searchsorted(unique // n, np.arange(m + 1)).astype(np.int32)
    return sp.csr_array((total, (unique % n).astype(np.int32), indptr), shape=(m, n)), int((count > 1).sum())
