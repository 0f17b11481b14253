"""How do the cells of a table's features become numbers?

Block by block: dense, or sparse once they turn out to be mostly zeros. Text among numbers, infinite numbers and tables that are
too large are refused with their place and the options that would let them in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.written import percent
from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, listed, shown
from nmfcore.data.model.table import Table
from nmfcore.data.readers import names as vocabulary
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Row, text_of
from nmfcore.data.readers.numbers import DIGITS, EXACT, GREATEST, Cell, Numbers
from nmfcore.data.readers.roles import Layout

BLOCK = 2**18  # cells that are turned into numbers in one go
SPARSE_FROM = 1_000_000  # cells from which on a table that is mostly zeros is kept sparse ...
SPARSE_BELOW = 0.1  # ... when fewer than this share are not zero


def refuse_without_numbers(layout: Layout) -> None:
    """Raise UploadError when no column is a feature; the fixes offer what the columns could be."""
    if layout.features:
        return
    texts = [layout.names[j] for j in dict.fromkeys([layout.labels, *layout.facts]) if j is not None]
    identifiers = [layout.names[j] for j in layout.identifiers]  # row labels that are numbers among them
    worded = [name for name in texts if name not in identifiers]
    fixes = [Fix(f"Read {shown(name)} as documents", {"content": "documents", "text_column": name}) for name in worded[:4]]
    fixes += [Fix(f"{shown(name)} holds numbers that count", {"features": [name]}) for name in identifiers[:2]]
    beside = f" ({listed(identifiers)} only numbers the rows)" if identifiers else ""
    raise UploadError(
        f"No column holds numbers{beside}; the columns hold text: {listed(worded)}"
        if worded
        else f"No column holds numbers{beside}",
        way_out="Choose a table with numbers, or read one of the columns as documents.",
        fixes=tuple(fixes),
    )


def matrix(layout: Layout, rows: Iterable[Row], account: Account, finish: Callable[[], None]) -> Table:
    """The table of numbers, with its labels and the facts beside it.

    Raises
    ------
    UploadError
        If it cannot be read as it is.
    """
    refuse_without_numbers(layout)
    features, label = layout.features, layout.labels
    values = Values([layout.names[j] for j in features], [j + 1 for j in features], account)
    read = values.reader(features)
    words = vocabulary.Labels(account.limits.label_characters)
    labels: list[str] = []
    facts: dict[int, list[str]] = {j: [] for j in layout.facts}
    surprises = dict.fromkeys(layout.facts, 0)
    kind = account.numbers.kind
    for place, row in rows:
        values.add(read(place, row), place)
        if label is not None:
            labels.append(words.label(row[label]))
        for j, found in facts.items():
            text = words.label(row[j])
            found.append(text)
            surprises[j] += bool(text) and text[0] in "0123456789-+." and kind(row[j]) == "number"
    X, keep = values.finish()
    if X.shape == (1, 1) and not layout.named:
        raise UploadError("The file holds a single number, which is no matrix", way_out="Choose a file with rows and columns.")
    finish()
    account.notes.extend(fact_notes(layout, facts, surprises))
    titles = [layout.names[features[k]] for k in keep]
    row_labels = words.checked(labels, "row", account.notes) if label is not None else None
    column_labels = words.checked(titles, "column", account.notes) if layout.named else None
    return Table(
        name=account.name,
        X=X,
        row_labels=row_labels,
        column_labels=column_labels,
        notes=(*account.notes, *account.numbers.notes()),
        understood=account.understood,
        aside=dict(zip(vocabulary.unique([layout.names[j] for j in layout.facts]), facts.values(), strict=True)),
        questions=tuple(account.questions),
    )


def fact_notes(layout: Layout, facts: dict[int, list[str]], surprises: dict[int, int]) -> list[str]:
    """A sentence for each column that is set aside."""
    notes = []
    for j, found in facts.items():
        if j == layout.labels:
            notes.append(f"The labels in {shown(layout.names[j])} repeat; they are kept as a fact too.")
            continue
        different = len(set(found))
        kind = "identifiers" if j in layout.identifiers else "text"
        if surprises[j] == len(found) and kind == "text":
            kind = "numbers"
        odd = f"; {surprises[j]:,} of its cells are numbers" if surprises[j] and kind == "text" else ""
        notes.append(
            f"Column {shown(layout.names[j])} holds {kind} ({different:,} different){odd}: "
            "it is set aside as a fact, not part of the matrix."
        )
    return notes


class Values:
    """The numbers of a table, collected block by block.

    names, positions : of the columns, their numbers counted from 1
    """

    def __init__(self, names: list[str], positions: list[int], account: Account) -> None:
        self.width, self.names, self.positions, self.account = len(names), names, positions, account
        self.options, self.limits = account.options, account.limits
        self.block: list[list[float]] = []
        self.places: list[int] = []
        self.done: list[Any] = []
        self.sparse = False
        self.rows = self.stored = 0
        self.bad: list[tuple[int, int, Cell]] = []
        self.bad_count: Counter[int] = Counter()
        self.endless: list[tuple[int, int, str]] = []
        self.endless_count = 0
        self.inexact = 0
        self.first_inexact = ""
        self.block_rows = max(1, BLOCK // max(1, self.width))

    def reader(self, features: list[int]) -> Callable[[int, list[Cell]], list[float]]:
        """Cells to floats: the quick way for clean rows, cell by cell for the others."""
        by_cell = self._by_cell(features)
        return by_cell if self.account.typed else self._by_row(features, by_cell)

    def _by_cell(self, features: list[int]) -> Callable[[int, list[Cell]], list[float]]:
        numbers = self.account.numbers
        nan = float("nan")
        extra, quickly = numbers.extra_missing, numbers.quick

        def read(place: int, row: list[Cell]) -> list[float]:
            result = []
            for k, j in enumerate(features):
                cell = row[j]
                if type(cell) is float and -GREATEST < cell < GREATEST:
                    result.append(cell)
                    continue
                if cell == "":
                    result.append(nan)
                    continue
                if not extra and type(cell) is str:
                    value = quickly(cell)
                    if value is not None and -GREATEST < value < GREATEST:
                        result.append(value)
                        continue
                value = numbers.value(cell)
                if value is None:
                    self.unparseable(place, k, row[j])
                    value = nan
                elif value in (float("inf"), float("-inf")):
                    self.infinite(place, k, row[j])
                result.append(value)
            return result

        return read

    def _by_row(
        self, features: list[int], by_cell: Callable[[int, list[Cell]], list[float]]
    ) -> Callable[[int, list[Cell]], list[float]]:
        """All cells of a row at once, as text; `by_cell` where one of them is more than digits."""
        numbers, take = self.account.numbers, _taker(features)
        comma, extra = numbers.decimal == ",", numbers.extra_missing

        def read(place: int, row: list[Cell]) -> list[float]:
            cells = take(row)
            together = "".join(cells)
            if "_" in together or "n" in together or "N" in together or extra:  # 1_000, nan and inf: float takes them
                return by_cell(place, row)
            if comma:
                if "." in together:
                    return by_cell(place, row)
                cells = [cell.replace(",", ".") for cell in cells]
            try:
                return list(map(float, cells))
            except ValueError:
                pass
            try:
                return [float(cell or "nan") for cell in cells]  # empty cells are the commonest reason
            except ValueError:
                return by_cell(place, row)

        return read

    def add(self, values: list[float], place: int) -> None:
        """One row of numbers, and where it stands."""
        self.block.append(values)
        self.places.append(place)
        if len(self.block) >= self.block_rows:
            self._flush()

    def unparseable(self, place: int, column: int, cell: Cell) -> None:
        self.bad_count[column] += 1
        if len(self.bad) < 5:
            self.bad.append((place, column, cell))

    def infinite(self, place: int, column: int, cell: Cell) -> None:
        """Noted by the block's own check too; here with the text that stands in the file."""
        if len(self.endless) < 5:
            self.endless.append((place, column, text_of(cell)))

    def place(self, place: int, column: int) -> str:
        """A cell in words: "line 3, column 2 ('b')"."""
        name, number = self.names[column], self.positions[column]
        said = "" if name == f"column {number}" else f" ({shown(name)})"
        return f"{self.account.unit} {place}, column {number}{said}"

    def _flush(self) -> None:
        if not self.block:
            return
        block = np.array(self.block, dtype=np.float64)
        self.rows += len(self.block)
        if self.rows > self.limits.rows:
            raise TooLarge(
                f"The table has more than {self.limits.rows:,} rows",
                way_out=f"At most {self.limits.rows:,} can be read; take a part of it.",
            )
        self._check(block)
        self.block, self.places = [], []
        self.stored += int(np.count_nonzero(block))
        cells = self.rows * self.width
        if not self.sparse and cells > SPARSE_FROM and self.stored < SPARSE_BELOW * cells:
            self.sparse = True
            self.done = [sp.csr_array(part) for part in self.done]
        if not self.sparse and cells > self.limits.dense_cells:
            raise TooLarge(
                f"The table has more than {self.limits.dense_cells:,} cells ({self.rows:,} rows of {self.width:,} so far)",
                way_out="Take fewer rows or columns, or save it as a sparse NPZ file if most of it is zero.",
            )
        if self.sparse and self.stored > self.limits.stored_values:
            raise TooLarge(
                f"The table has more than {self.limits.stored_values:,} values that are not zero",
                way_out="Take fewer rows or columns.",
            )
        self.done.append(sp.csr_array(block) if self.sparse else block)

    def _check(self, block: np.ndarray) -> None:
        """Infinite, huge and inexact values of one block."""
        size = np.abs(block)
        huge = size > GREATEST  # NaN compares as False
        if huge.any():
            hits = np.argwhere(huge)
            self.endless_count += len(hits)
            row, column = (int(i) for i in hits[0])
            if not self.endless:
                self.endless.append((self.places[row], column, f"{block[row, column]:g}"))
            if self.options.infinite == "missing":
                block[huge] = np.nan
        large = (size >= EXACT) & ~huge
        if large.any():
            whole = large & (block == np.floor(block)) & (size < DIGITS)
            hits = np.argwhere(whole)
            if len(hits) and not self.inexact:
                self.first_inexact = self.place(self.places[int(hits[0][0])], int(hits[0][1]))
            self.inexact += len(hits)

    def finish(self) -> tuple[Any, list[int]]:
        """The matrix, and the numbers of the columns that are left after dropping the empty ones."""
        self._flush()
        if self.bad_count and self.options.unparseable == "refuse":
            self._refusetext_of()
        if self.bad_count:
            cells = counted(sum(self.bad_count.values()), "cell")
            examples = listed([text_of(cell) for _, _, cell in self.bad], 3)
            self.account.notes.append(f"{cells} with text among the numbers count as missing, as you chose: {examples}.")
        if self.endless_count:
            self._settle_infinite()
        if self.inexact:
            numbers = counted(self.inexact, "whole number is", "whole numbers are")
            self.account.notes.append(
                f"{numbers} at or beyond 2^53 and can lose their last digits (first at {self.first_inexact})."
            )
        if not self.rows:
            raise UploadError("The table has no rows", way_out="Choose a file with at least one row of numbers.")
        everything = list(range(self.width))
        if self.sparse:
            X = sp.csr_array(sp.vstack(self.done, format="csr"))
            share = percent(self.stored / (self.rows * self.width), 2)
            self.account.notes.append(f"Only {share} of the cells are not zero, so the matrix is kept sparse.")
            return X, everything
        X = np.concatenate(self.done) if len(self.done) > 1 else self.done[0]
        empty = np.isnan(X).all(axis=0)
        if empty.any():
            if empty.all():
                raise UploadError("All cells of the table are missing", way_out="Choose a file with numbers in it.")
            names = [self.names[k] for k in np.flatnonzero(empty)]
            self.account.notes.append(f"{counted(len(names), 'column')} without any value left out: {listed(names)}.")
            everything = [int(k) for k in np.flatnonzero(~empty)]
            X = np.ascontiguousarray(X[:, everything])
        return X, everything

    def _refusetext_of(self) -> None:
        place, column, cell = self.bad[0]
        total = sum(self.bad_count.values())
        fixes = [Fix("Count them as missing", {"unparseable": "missing"})]
        other = "," if self.account.numbers.decimal == "." else "."
        swapped = Numbers(other, "," if other == "." else ".", self.account.numbers.extra_missing)
        if all(swapped.kind(cell) == "number" for _, _, cell in self.bad):
            fixes.insert(0, Fix(f"The decimal sign is {'a comma' if other == ',' else 'a point'}", {"decimal": other}))
        columns = [self.names[k] for k in self.bad_count]
        if columns == [self.names[0]] and self.positions[0] == 1:
            fixes.append(Fix("The first column holds the labels of the rows", {"index_column": 0}))
        kept = list(self.options.drop_columns)
        fixes.append(
            Fix(
                f"Leave out the {'column' if len(columns) == 1 else 'columns'} {listed(columns, 3)}",
                {"drop_columns": [*kept, *(self.positions[k] - 1 for k in self.bad_count)]},
            )
        )
        raise UploadError(
            f"{counted(total, 'cell holds', 'cells hold')} text among the numbers",
            place=f"first at {self.place(place, column)}",
            value=shown(text_of(cell)),
            way_out="Correct it, count such cells as missing, or leave the column out.",
            fixes=tuple(fixes),
        )

    def _settle_infinite(self) -> None:
        place, column, text = self.endless[0]
        if self.options.infinite == "missing":
            cells = counted(self.endless_count, "infinite or huge value counts", "infinite or huge values count")
            self.account.notes.append(f"{cells} as missing, as you chose (first at {self.place(place, column)}).")
            return
        raise UploadError(
            f"{counted(self.endless_count, 'value is', 'values are')} infinite or beyond 1e150",
            place=f"first at {self.place(place, column)}",
            value=text,
            way_out="Correct it, or count such values as missing.",
            fixes=(Fix("Count them as missing", {"infinite": "missing"}),),
        )


def _taker(columns: list[int]) -> Callable[[list[Cell]], Sequence[Cell]]:
    """The cells of some columns, quickly."""
    if len(columns) == 1:
        only = columns[0]
        return lambda row: (row[only],)
    if columns == list(range(columns[0], columns[0] + len(columns))):
        return itemgetter(slice(columns[0], columns[0] + len(columns)))
    return itemgetter(*columns)
