"""How does a grid of cells become a matrix?

CSV, Excel, JSON and text columns of Parquet all arrive here as rows of cells. This file finds the header, the row labels and
the columns of numbers, reads the numbers block by block, and writes a note for everything it assumed or left out. Nothing
is dropped in silence: text among numbers, rows of another length and infinite numbers are refused with their place, and the
refusal carries the options that would let the file in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.errors import Fix, UploadError, counted, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers.cells import text_of
from nmfcore.data.readers.numbers import CELL_ERRORS, EXACT, GREATEST, Cell, Numbers, sniff_decimal
from nmfcore.data.readers.options import ReadOptions

Row = tuple[int, list[Cell]]  # where it stands (line or row, counted from 1), and its cells

HEAD = 1000  # rows from which header, labels and column kinds are recognised ...
HEAD_CELLS = 300_000  # ... or fewer, when they are long
SIGNS_FROM = 50_000  # cells that settle the decimal sign
KINDS_FROM = 100_000  # cells that settle which columns hold numbers
PREAMBLE = 50  # at most this many rows before the table are taken for a preamble
FOOTER = 5  # and at most this many short rows at the end for footnotes
BLOCK = 2**18  # cells that are turned into numbers in one go
SPARSE_FROM = 1_000_000  # cells from which on a table that is mostly zeros is kept sparse ...
SPARSE_BELOW = 0.1  # ... when fewer than this share are not zero
WIDTH_SHOWN = 20  # columns of the preview

INDEX_NAMES = frozenset(
    ["", "index", "id", "idx", "#", "nr", "no", "no.", "row", "rowname", "rownames", "row.names", "unnamed: 0", "key", "name"]
)
TEXT_NAMES = frozenset(
    [
        "text",
        "texts",
        "document",
        "documents",
        "doc",
        "content",
        "body",
        "message",
        "review",
        "comment",
        "abstract",
        "title",
        "sentence",
        "tweet",
        "post",
        "article",
        "description",
        "email",
        "sms",
        "summary",
        "headline",
        "question",
        "lyrics",
    ]
)
USER_NAMES = frozenset(
    ["user", "userid", "username", "person", "reviewer", "reviewerid", "customer", "customerid", "rater", "uid"]
)
ITEM_NAMES = frozenset(
    [
        "item",
        "itemid",
        "movie",
        "movieid",
        "film",
        "filmid",
        "book",
        "bookid",
        "isbn",
        "product",
        "productid",
        "asin",
        "show",
        "showid",
        "song",
        "songid",
        "artist",
        "artistid",
        "track",
        "trackid",
        "iid",
        "businessid",
        "restaurant",
        "title",
    ]
)
RATING_NAMES = frozenset(["rating", "ratings", "score", "stars", "rate", "overall", "plays", "playcount", "bookrating"])


@dataclass
class Grid:
    """Rows of cells on their way to a table.

    unit : what the number of a row counts: "line" or "row"
    header : the names of the columns where the format knows them
    typed : whether cells may be numbers already (Excel, JSON); then short rows are completed with missing cells
    delimiter : of text files; helps to settle the decimal sign
    """

    name: str
    rows: Iterator[Row]
    options: ReadOptions
    limits: Limits
    understood: dict[str, Any]
    notes: list[str]
    unit: str = "line"
    header: list[str] | None = None
    typed: bool = False
    delimiter: str | None = None

    def read(self) -> Table:
        """The table.

        Raises
        ------
        UploadError
            If it cannot be read as it is.
        """
        return _Reading(self).table()


@dataclass
class _Layout:
    """What the first rows say about the table."""

    width: int
    names: list[str]
    named: bool
    labels: int | None = None
    numeric: list[int] = field(default_factory=list)
    aside: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)


class _Reading:
    """One pass over the rows of a grid."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.options, self.limits, self.notes = grid.options, grid.limits, grid.notes
        self.blank = 0
        self.trimmed = 0
        self.ragged: list[tuple[int, list[Cell]]] = []
        self.ragged_count = 0
        self.numbers = Numbers()

    # --- what the table looks like ------------------------------------------------------------------------------------

    def table(self) -> Table:
        rows = self._filled(self.grid.rows)
        head: list[Row] = []
        cells = 0
        while len(head) < HEAD and (cells < HEAD_CELLS or len(head) < 20):
            row = next(rows, None)
            if row is None:
                break
            head.append(row)
            cells += len(row[1])
        if not head:
            what = "The table has a header but no rows" if self.grid.header else "The file has no content"
            raise UploadError(what, way_out="Choose a file with at least one row of numbers.")
        shown_rows = [[text_of(cell)[:80] for cell in row[:WIDTH_SHOWN]] for _, row in head[:8]]
        self.grid.understood["first_rows"] = shown_rows
        body = self._without_preamble(head)
        width = self._width(body)
        if width > self.limits.columns:
            raise UploadError(
                f"The table has {width:,} columns; at most {self.limits.columns:,} can be read",
                place=f"{self.grid.unit} {body[0][0]}",
                way_out="Transpose it, or save it as a sparse NPZ file with fewer columns.",
            )
        body, width = self._without_empty_ends(body, width)
        self._choose_signs(body, width)
        names, body = self._header(body, width)
        if not body:
            raise UploadError(
                "The table has a header but no rows",
                place=f"{self.grid.unit} {head[0][0]}",
                way_out="Choose a file with at least one row below the header.",
                fixes=() if self.options.header is False else (Fix("The first row is data, not a header", {"header": False}),),
            )
        layout = self._roles(names, body, width)
        content = self._content(layout, body)
        self.grid.understood["content"] = content
        everything = chain(body, rows)
        if content == "documents":
            return self._documents(layout, everything, body)
        if content == "ratings":
            return self._ratings(layout, everything, body)
        return self._matrix(layout, everything)

    def _filled(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows that are not entirely empty; the others are counted."""
        typed = self.grid.typed
        for place, row in rows:
            if any(row) or (typed and any(cell is not None and cell != "" for cell in row)):
                yield place, row
            else:
                self.blank += 1

    def _without_preamble(self, head: list[Row]) -> list[Row]:
        """The rows from the header on; lines of comment or of a title before it are skipped with a note."""
        if self.grid.header is not None or self.options.skip_lines is not None:
            return head
        modal = self._width(head)
        start = 0
        while start < min(len(head) - 1, PREAMBLE):
            row = head[start][1]
            marked = str(row[0]).lstrip().startswith(("#", "%", "//"))
            if marked and not str(head[start + 1][1][0]).lstrip().startswith(("#", "%", "//")):
                bare = [str(row[0]).lstrip().lstrip("#%/").strip(), *row[1:]]
                bare = bare[1:] if not bare[0] and len(bare) > modal else bare
                if len(bare) == modal and bare[0] and not any(self.numbers.kind(cell) == "number" for cell in bare):
                    head = [(head[start][0], bare), *head[start + 1 :]]
                    self._skipped(head[:0] if start == 0 else head[:start])
                    return head if start == 0 else [*head[start:]]
            first = next((cell for cell in row if text_of(cell)), None)
            alone = modal > 2 and sum(bool(text_of(cell)) for cell in row) == 1
            title = (len(row) < modal or alone) and self.numbers.kind(first) == "text"  # a short row of numbers is damaged data
            if not marked and (not title or self._is_short_header(head, start, modal)):
                break
            start += 1
        if start:
            self._skipped(head[:start])
        return head[start:]

    def _skipped(self, rows: list[Row]) -> None:
        if rows:
            texts = [" ".join(text_of(cell) for cell in row) for _, row in rows]
            self.notes.append(f"{counted(len(rows), self.grid.unit)} before the table skipped: {listed(texts, 3)}.")
            self.grid.understood["skipped"] = len(rows)

    def _is_short_header(self, head: list[Row], start: int, modal: int) -> bool:
        """Whether this row is a header without a name for the row labels, as R writes it."""
        row, later = head[start][1], head[start + 1 :]
        if len(row) != modal - 1 or not later or any(len(other) != modal for _, other in later[:20]):
            return False
        if not any(self.numbers.kind(cell) == "number" for cell in later[0][1]) and len(later) > 1:
            return False  # the next row is the header, and this one a title above it
        if not any(text_of(other[-1]) for _, other in later):  # the body only has a delimiter more at each line's end
            return True
        texts = [text_of(cell) for cell in row]
        labelled = any(self.numbers.kind(other[0]) == "text" for _, other in later[:20])
        worded = any(self.numbers.kind(cell) == "text" for cell in row)
        return len(set(texts)) == len(texts) and all(texts) and (labelled or (modal > 2 and worded))

    def _width(self, rows: list[Row]) -> int:
        if self.grid.header is not None:
            return len(self.grid.header)
        if self.grid.typed:
            return max(len(row) for _, row in rows)
        counts = Counter(len(row) for _, row in rows)
        return max(counts, key=lambda width: (counts[width], width))

    def _without_empty_ends(self, body: list[Row], width: int) -> tuple[list[Row], int]:
        """Without the columns at the right that nobody filled or named (a delimiter at the end of each line)."""
        full = width
        while self.grid.header is None and width > 1 and all(len(row) < width or not text_of(row[width - 1]) for _, row in body):
            width -= 1
        if width < full:
            self.notes.append(f"{counted(full - width, 'empty column')} at the end of each {self.grid.unit} left out.")
            body = [(place, row[:width] if not any(text_of(c) for c in row[width:]) else row) for place, row in body]
        return body, width

    def _choose_signs(self, body: list[Row], width: int) -> None:
        """Settle decimal and thousands sign."""
        extra = frozenset(str(token).strip().lower() for token in self.options.missing_tokens)
        if self.grid.typed and not any(isinstance(cell, str) for _, row in body[:50] for cell in row):
            decimal, thousands, note = ".", ",", ""
        else:
            rows = body[:: 1 + len(body) * width // SIGNS_FROM]
            cells = (cell for _, row in rows for cell in row)
            decimal, thousands, note = sniff_decimal(islice(cells, 2 * SIGNS_FROM), self.grid.delimiter)
        if self.options.decimal:
            decimal, thousands, note = self.options.decimal, "." if self.options.decimal == "," else ",", ""
        if self.options.thousands is not None:
            thousands, note = self.options.thousands, ""
        if decimal == "," and not note and not self.options.decimal:
            note = "Numbers were read with decimal commas."
        if note:
            self.notes.append(note)
        self.numbers = Numbers(decimal, thousands, extra)
        self.grid.understood["decimal"] = decimal

    def _header(self, body: list[Row], width: int) -> tuple[list[str] | None, list[Row]]:
        """The names of the columns, or None, and the rows below."""
        if self.grid.header is not None:
            self.grid.understood["header"] = True
            return list(self.grid.header), body
        first, rest = body[0][1], body[1:]
        short = len(first) == width - 1 and self._is_short_header(body, 0, width)
        wanted = self.options.header
        if wanted is None:
            wanted, why = (True, "") if short else self._has_header(first, [row for _, row in rest], width)
            if why:
                self.notes.append(why)
        self.grid.understood["header"] = wanted
        if not wanted:
            return None, body
        names = [self._label(cell) for cell in first]
        if short:
            names = ["", *names]
            self.notes.append("The header has one name less than the rows have cells; the first column holds the row labels.")
        if len(names) > width and not any(names[width:]):
            names = names[:width]
        if len(names) != width:
            if self.options.ragged == "refuse":
                raise UploadError(
                    f"The header has {len(names):,} names, but the rows have {width:,} cells",
                    place=f"{self.grid.unit} {body[0][0]}",
                    way_out="Correct the header, or choose what to do with rows of another length.",
                    fixes=(
                        Fix("Read without a header", {"header": False, "ragged": "skip"}),
                        Fix("Cut or complete the header", {"ragged": "pad"}),
                    ),
                )
            self.notes.append(f"The header has {len(names):,} names for {width:,} columns; it was cut or completed.")
            names = [*names, *[""] * (width - len(names))][:width]
        return names, rest

    def _has_header(self, first: list[Cell], rest: list[list[Cell]], width: int) -> tuple[bool, str]:
        """Whether the first row is a header, and a note when that was a guess."""
        if len(first) < width:
            return False, ""
        options = self.options
        asked = [options.index_column, options.text_column, options.label_column, options.user_column, options.item_column]
        asked += [options.rating_column, *options.drop_columns]
        if {text_of(cell) for cell in first} & {name for name in asked if isinstance(name, str)}:
            return True, ""  # a column was asked for by a name in this row
        kinds = [self.numbers.kind(cell) for cell in first]
        below = [_column_kinds(rest, j, self.numbers) for j in range(min(width, 2000))]
        for kind, column in zip(kinds, below, strict=False):
            if kind in ("text", "date") and column["number"] > column["text"] + column["date"]:
                return True, ""
        texts = [text_of(cell) for cell in first]
        if not rest:
            return all(kind == "text" for kind in kinds), ""
        numeric_columns = [j for j, column in enumerate(below) if column["number"]]
        if numeric_columns and all(kinds[j] == "number" for j in numeric_columns):
            tail = [self.numbers.value(first[j]) for j in numeric_columns]
            steps = {b - a for a, b in pairwise(tail) if a is not None and b is not None}
            corner = kinds[0] in ("missing", "text") and 0 not in numeric_columns
            whole = all(v is not None and float(v).is_integer() for v in tail)
            rising = whole and len(tail) > 1 and all(step > 0 for step in steps)
            years = rising and all(v is not None and 1800 <= v <= 2200 for v in tail)
            counting = rising and steps == {1.0} and tail[0] in (0, 1)
            broken = [
                any(not _is_whole(self.numbers.value(row[j])) for row in rest[:50] if j < len(row)) for j in numeric_columns
            ]
            differs = len(tail) > 2 and sum(broken) > len(broken) / 2  # a row of data would have fractions too
            if (
                (kinds[0] == "missing" and 0 not in numeric_columns and len(set(texts)) == len(texts))
                or (corner and (counting or years))
                or (counting and differs)
            ):
                return True, "The first row holds the numbers of the columns; it was taken for the header."
            return (
                False,
                "The first row holds numbers like the others, so it is data: there is no header." if 0 in numeric_columns else "",
            )
        if not numeric_columns:
            known = TEXT_NAMES | USER_NAMES | ITEM_NAMES | {"label", "category", "class", "id", "target", "topic"}
            return any(text.lower().strip() in known for text in texts), ""
        return all(kind in ("text", "missing") for kind in kinds), ""

    def _roles(self, names: list[str] | None, body: list[Row], width: int) -> _Layout:
        """Which column holds row labels, which hold numbers, which hold text."""
        rows = [row for _, row in body if len(row) == width] or [row for _, row in body]
        named = names is not None
        titles = (
            [name or f"column {j + 1}" for j, name in enumerate(names)] if names else [f"column {j + 1}" for j in range(width)]
        )
        layout = _Layout(width, titles, named)
        layout.dropped = [self._column(titles, column, "drop_columns") for column in self.options.drop_columns]
        sample = rows if len(rows) * width <= KINDS_FROM else rows[:: 1 + len(rows) * width // KINDS_FROM]
        kinds = [_column_kinds(sample, j, self.numbers) for j in range(width)]
        layout.labels = self._label_column(names, titles, kinds, rows, layout.dropped)
        for j, kind in enumerate(kinds):
            if j == layout.labels or j in layout.dropped:
                continue
            texts = kind["text"] + kind["date"]
            (layout.aside if texts > kind["number"] else layout.numeric).append(j)
        label = layout.labels
        first = layout.numeric[0] if len(layout.numeric) > 1 else None
        guessed = label is not None and named and self.options.index_column is None
        if guessed and first is not None and first < (label or 0) and self._numbers_the_rows(titles[first], rows, first):
            layout.numeric.remove(first)
            layout.aside.insert(0, first)  # the note on columns set aside names it
        self.grid.understood["index_column"] = (
            None if label is None else titles[label] if named and names and names[label] else label
        )
        if layout.dropped:
            left_out = listed([titles[j] for j in layout.dropped])
            self.notes.append(f"{counted(len(layout.dropped), 'column')} left out, as you chose: {left_out}.")
        return layout

    def _label_column(
        self, names: list[str] | None, titles: list[str], kinds: list[Counter[str]], rows: list[list[Cell]], dropped: list[int]
    ) -> int | None:
        chosen = self.options.index_column
        if chosen is False:
            return None
        if chosen is not None:
            return self._column(titles, 0 if chosen is True else chosen, "index_column")
        free = [j for j in range(len(titles)) if j not in dropped]
        if len(free) < 2:
            return None
        texts = [j for j in free if _share_of_text(kinds[j]) > 0.5 and not (kinds[j]["date"] and j != free[0])]
        unique = [j for j in texts if _is_unique(rows, j)]
        first = free[0]
        words = [text_of(row[first]) for row in rows if first < len(row)]
        if not kinds[first]["number"] and first not in texts and any(word.isalpha() for word in words):
            texts, unique = [first, *texts], [first, *unique] if _is_unique(rows, first) else unique  # the label NA, not a gap
        if first in texts and (first in unique or not unique):
            if len(texts) == len(free) and names is not None and len(free) > 1 and not unique:
                return None
            self.notes.append(f"The first column {shown(titles[first])} holds text; it became the row labels.")
            return first
        if unique:
            self.notes.append(f"The row labels were taken from the column {shown(titles[unique[0]])}, whose texts all differ.")
            return unique[0]
        if names is not None and self._numbers_the_rows(names[first], rows, first):
            self.notes.append(f"The first column {shown(titles[first])} numbers the rows; it was taken for their labels.")
            return first
        return None

    def _numbers_the_rows(self, name: str, rows: list[list[Cell]], column: int) -> bool:
        """Whether a column is named like an index or identifier and holds a different whole number in each row."""
        plain = name.strip().lower()
        compact = plain.replace("_", "").replace(" ", "")
        if plain not in INDEX_NAMES and (not compact.endswith("id") or compact in ("grid", "acid", "fluid")):
            return False
        return all(_is_whole(self.numbers.value(row[column])) for row in rows if row) and _is_unique(rows, column)

    def _column(self, titles: list[str], column: str | int, option: str) -> int:
        """The number of a column given by name or number."""
        if isinstance(column, str) and column in titles:
            return titles.index(column)
        if isinstance(column, int) and not isinstance(column, bool) and -len(titles) <= column < len(titles):
            return column % len(titles)
        raise UploadError(
            f"There is no column {shown(column)} ({option})",
            way_out=f"The columns are: {listed(titles, 10)}.",
        )

    def _content(self, layout: _Layout, body: list[Row]) -> str:
        """Matrix, ratings or documents."""
        options = self.options
        if options.content:
            return options.content
        if options.text_column is not None:
            return "documents"
        if options.rating_column is not None or options.user_column is not None:
            return "ratings"
        rows = [row for _, row in body]
        if self._looks_like_ratings(layout, rows):
            self.notes.append("Each row holds a user, an item and a rating; they became a matrix of users and items.")
            return "ratings"
        texts = [j for j in [layout.labels, *layout.aside] if j is not None]
        words = max((_mean_words(rows, j) for j in texts), default=0.0)
        if not layout.numeric and (words >= 3 or layout.width == 1):
            return "documents"
        named = layout.named and any(layout.names[j].strip().lower() in TEXT_NAMES for j in texts)
        if len(layout.numeric) <= 2 and (words >= 8 or (named and words >= 3)):
            self.notes.append("One column holds whole sentences, so the rows were read as documents.")
            return "documents"
        return "matrix"

    def _looks_like_ratings(self, layout: _Layout, rows: list[list[Cell]]) -> bool:
        plain = [name.lower().replace("_", "").replace(" ", "").replace("-", "") for name in layout.names]
        if layout.named and layout.width <= 5:
            user, item, rating = (_find(plain, names) for names in (USER_NAMES, ITEM_NAMES, RATING_NAMES))
            if user is not None and item is not None and rating is not None and len({user, item, rating}) == 3:
                return rating in layout.numeric
        texts = [j for j in [layout.labels, *layout.aside] if j is not None]
        if not layout.named and layout.width == 4 and layout.numeric == [0, 1, 2, 3] and len(rows) >= 3:
            return self._has_clock(rows)
        if layout.width != 3 or len(rows) < 4 or sorted(texts) != [0, 1] or layout.numeric != [2]:
            return False
        pairs = [(text_of(row[0]), text_of(row[1])) for row in rows if len(row) == 3]
        repeats = all(len({pair[k] for pair in pairs}) < len(pairs) for k in (0, 1))
        return repeats and len(set(pairs)) == len(pairs)

    def _has_clock(self, rows: list[list[Cell]]) -> bool:
        """Whether four columns of numbers are user, item, rating and the second of the rating (as MovieLens writes them)."""
        values = [[self.numbers.value(cell) for cell in row] for row in rows if len(row) == 4]
        whole = all(_is_whole(v) and v is not None and v > 0 for row in values for v in (row[0], row[1], row[3]))
        if not whole:
            return False
        small = all(row[2] is not None and 0 <= row[2] <= 100 for row in values)
        clock = all(row[3] is not None and 5e8 < row[3] < 5e9 for row in values)
        return small and clock and len({(row[0], row[1]) for row in values}) == len(values)

    # --- reading the rows ---------------------------------------------------------------------------------------------

    def _fitted(self, rows: Iterable[Row], width: int) -> Iterator[Row]:
        """The rows with exactly `width` cells; shorter and longer ones are completed, skipped or collected for a refusal."""
        pending: list[Row] = []
        how = self.options.ragged
        for place, row in rows:
            if len(row) > width and not any(text_of(cell) for cell in row[width:]):
                row = row[:width]
                self.trimmed += 1
            if len(row) == width:
                if pending:
                    for short in pending:
                        self._is_ragged(*short)
                    pending = []
                yield place, row
            elif self.grid.typed and len(row) < width:
                yield place, row + [None] * (width - len(row))
            elif how == "pad" and len(row) < width:
                self.ragged_count += 1
                yield place, row + [""] * (width - len(row))
            elif how != "refuse":
                self.ragged_count += 1
            elif len(pending) < FOOTER:
                pending.append((place, row))
            else:
                self._is_ragged(place, row)
        footer = [row for row in pending if len(row[1]) <= max(1, width // 2) and self.numbers.kind(row[1][0]) == "text"]
        if len(footer) == len(pending) and pending and not self.ragged_count:
            texts = [" ".join(text_of(cell) for cell in row) for _, row in pending]
            self.notes.append(f"{counted(len(pending), self.grid.unit)} after the table skipped: {listed(texts, 3)}.")
        else:
            for short in pending:
                self._is_ragged(*short)
        self._settle_ragged(width)

    def _is_ragged(self, place: int, row: list[Cell]) -> None:
        self.ragged_count += 1
        if len(self.ragged) < 3:
            self.ragged.append((place, row))

    def _settle_ragged(self, width: int) -> None:
        if not self.ragged_count:
            return
        rows = counted(self.ragged_count, self.grid.unit)
        if self.options.ragged == "pad":
            self.notes.append(f"{rows} with fewer or more than {width} cells: missing cells were added, longer ones left out.")
        elif self.options.ragged == "skip":
            self.notes.append(f"{rows} with fewer or more than {width} cells left out, as you chose.")
        else:
            place, row = self.ragged[0]
            more = f"; so do {self.ragged_count - 1:,} more" if self.ragged_count > 1 else ""
            raise UploadError(
                f"{self.grid.unit} {place} has {counted(len(row), 'column')}, the others {width:,}{more}",
                place=f"{self.grid.unit} {place}",
                value=shown(" | ".join(text_of(cell) for cell in row[:6])),
                way_out="Correct it, or choose what to do with rows of another length.",
                fixes=(
                    Fix("Complete short rows with missing cells", {"ragged": "pad"}),
                    Fix("Leave these rows out", {"ragged": "skip"}),
                ),
            )

    def _matrix(self, layout: _Layout, rows: Iterable[Row]) -> Table:
        if not layout.numeric:
            texts = [layout.names[j] for j in [layout.labels, *layout.aside] if j is not None]
            raise UploadError(
                f"No column holds numbers; the columns hold text: {listed(texts)}",
                way_out="Choose a table with numbers, or read one of the columns as documents.",
                fixes=tuple(
                    Fix(f"Read {shown(name)} as documents", {"content": "documents", "text_column": name}) for name in texts[:4]
                ),
            )
        numeric, aside, label = layout.numeric, layout.aside, layout.labels
        values = _Values(len(numeric), self, [layout.names[j] for j in numeric], [j + 1 for j in numeric])
        take = _taker(numeric)
        read = self._row_reader(values, take, numeric)
        labels: list[str] = []
        beside: dict[int, list[str]] = {j: [] for j in aside}
        surprises = dict.fromkeys(aside, 0)
        for place, row in self._fitted(rows, layout.width):
            values.add(read(place, row), place)
            if label is not None:
                labels.append(self._label(row[label]))
            for j in aside:
                text = self._label(row[j])
                beside[j].append(text)
                surprises[j] += bool(text) and text[0] in "0123456789-+." and self.numbers.kind(row[j]) == "number"
        X, keep = values.finish()
        self._note_rows()
        for j in aside:
            different = len(set(beside[j]))
            kind = "identifiers" if surprises[j] == len(beside[j]) else "text"
            odd = f"; {surprises[j]:,} of its cells are numbers" if surprises[j] and kind == "text" else ""
            self.notes.append(
                f"Column {shown(layout.names[j])} holds {kind} ({different:,} different){odd}: "
                "it is set aside, not part of the matrix."
            )
        names = [layout.names[numeric[k]] for k in keep]
        return Table(
            name=self.grid.name,
            X=X,
            row_labels=self._checked_labels(labels, "row") if label is not None else None,
            column_labels=self._checked_labels(names, "column") if layout.named else None,
            notes=(*self.notes, *self.numbers.notes()),
            understood=self.grid.understood,
            aside={layout.names[j]: beside[j] for j in aside},
        )

    def _row_reader(
        self, values: _Values, take: Callable[[list[Cell]], Sequence[Cell]], numeric: list[int]
    ) -> Callable[[int, list[Cell]], list[float]]:
        """Cells to floats: the quick way for clean rows, cell by cell for the others."""
        numbers = self.numbers
        comma = numbers.decimal == ","

        nan = float("nan")
        extra, quickly = numbers.extra_missing, numbers.quick

        def by_cell(place: int, row: list[Cell]) -> list[float]:
            result = []
            for k, j in enumerate(numeric):
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
                    values.unparseable(place, k, row[j])
                    value = nan
                elif value in (float("inf"), float("-inf")):
                    values.infinite(place, k, row[j])
                result.append(value)
            return result

        if self.grid.typed:
            return by_cell

        def quick(place: int, row: list[Cell]) -> list[float]:
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

        return quick

    def _note_rows(self) -> None:
        if self.blank:
            self.notes.append(f"{counted(self.blank, f'empty {self.grid.unit}')} skipped.")
        if self.trimmed:
            self.notes.append(f"{counted(self.trimmed, self.grid.unit)} had empty cells beyond the last column, left out.")

    def _label(self, cell: Cell) -> str:
        text = text_of(cell)
        most = self.limits.label_characters
        if len(text) > most:
            self.numbers.met["long"] = self.numbers.met.get("long", 0) + 1
            return text[:most]
        return text

    def _checked_labels(self, labels: list[str], what: str) -> list[str]:
        """The labels, with notes on empty, repeated and shortened ones."""
        empty = sum(not label for label in labels)
        if empty:
            self.notes.append(f"{counted(empty, f'{what} has no label', f'{what}s have no label')}; they are numbered instead.")
            labels = [label or f"{what} {index + 1}" for index, label in enumerate(labels)]
        repeated = [label for label, count in Counter(labels).items() if count > 1]
        if repeated:
            labels_ = counted(len(repeated), f"{what} label occurs", f"{what} labels occur")
            self.notes.append(f"{labels_} more than once: {listed(repeated, 3)}. All are kept.")
        long = self.numbers.met.pop("long", 0)
        if long:
            self.notes.append(f"{counted(long, 'label')} cut to {self.limits.label_characters:,} characters.")
        if what == "row" and labels and labels[-1].strip().lower() in ("total", "totals", "sum", "gesamt", "summe", "all"):
            self.notes.append(f"The last row is called {shown(labels[-1])}. If it holds sums, leave it out of the file.")
        return labels

    # --- documents and ratings ----------------------------------------------------------------------------------------

    def _documents(self, layout: _Layout, rows: Iterable[Row], body: list[Row]) -> Table:
        from nmfcore.data.readers import documents

        sample = [row for _, row in body]
        chosen = self.options.text_column
        if chosen is not None:
            text = self._column(layout.names, chosen, "text_column")
        else:
            named = [j for j in range(layout.width) if layout.named and layout.names[j].strip().lower() in TEXT_NAMES]
            text = max(named or range(layout.width), key=lambda j: _mean_words(sample, j))
        label = None
        if self.options.label_column is not None:
            label = self._column(layout.names, self.options.label_column, "label_column")
        others = [j for j in range(layout.width) if j != text]
        self.grid.understood["text_column"] = layout.names[text] if layout.named else text
        columns = documents.collect(self._fitted(rows, layout.width), [text, *others], self.limits, text_of)
        self._note_rows()
        if layout.width > 1:
            self.notes.append(f"The texts are the column {shown(layout.names[text])}; the others are set aside.")
        aside = {layout.names[j]: columns[j] for j in others}
        if label is not None:
            aside = {layout.names[label]: columns[label], **aside}
        titles = columns[layout.labels] if layout.labels not in (None, text) else None
        return documents.as_table(self.grid.name, columns[text], self.notes, self.grid.understood, aside=aside, row_labels=titles)

    def _ratings(self, layout: _Layout, rows: Iterable[Row], body: list[Row]) -> Table:
        from nmfcore.data.readers import ratings

        plain = [name.lower().replace("_", "").replace(" ", "").replace("-", "") for name in layout.names]
        columns = []
        for option, names, position in (
            ("user_column", USER_NAMES, 0),
            ("item_column", ITEM_NAMES, 1),
            ("rating_column", RATING_NAMES, 2),
        ):
            chosen = getattr(self.options, option)
            if chosen is not None:
                columns.append(self._column(layout.names, chosen, option))
                continue
            found = _find(plain, names) if layout.named else None
            columns.append(position if found is None else found)
        if len(set(columns)) < 3 or max(columns) >= layout.width:
            raise UploadError(
                f"Ratings need three columns (user, item, rating); this table has {layout.width:,}",
                way_out="Choose the three columns, or read the file as a matrix.",
                fixes=(Fix("Read as a matrix", {"content": "matrix"}),),
            )
        self.grid.understood["rating_columns"] = [layout.names[j] if layout.named else j for j in columns]
        return ratings.read(
            self.grid.name,
            self._fitted(rows, layout.width),
            columns,
            self.numbers,
            unit=self.grid.unit,
            options=self.options,
            limits=self.limits,
            understood=self.grid.understood,
            notes=self.notes,
            finish=self._note_rows,
        )


class _Values:
    """The numbers of a table, collected block by block: dense, or sparse once they turn out to be mostly zeros."""

    def __init__(self, width: int, reading: _Reading, names: list[str], positions: list[int]) -> None:
        self.width, self.names, self.positions = width, names, positions
        self.options, self.limits, self.notes, self.unit = reading.options, reading.limits, reading.notes, reading.grid.unit
        self.numbers = reading.numbers
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
        self.block_rows = max(1, BLOCK // max(1, width))

    def add(self, values: list[float], place: int) -> None:
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
        name = self.names[column]
        number = self.positions[column]
        return f"{self.unit} {place}, column {number}" + ("" if name == f"column {number}" else f" ({shown(name)})")

    def _flush(self) -> None:
        if not self.block:
            return
        block = np.array(self.block, dtype=np.float64)
        self.rows += len(self.block)
        if self.rows > self.limits.rows:
            raise UploadError(
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
            raise UploadError(
                f"The table has more than {self.limits.dense_cells:,} cells ({self.rows:,} rows of {self.width:,} so far)",
                way_out="Take fewer rows or columns, or save it as a sparse NPZ file if most of it is zero.",
            )
        if self.sparse and self.stored > self.limits.stored_values:
            raise UploadError(
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
            whole = large & (block == np.floor(block)) & (size < 1e19)
            hits = np.argwhere(whole)
            if len(hits) and not self.inexact:
                self.first_inexact = self.place(self.places[int(hits[0][0])], int(hits[0][1]))
            self.inexact += len(hits)

    def finish(self) -> tuple[Any, list[int]]:
        """The matrix, and the numbers of the columns that are left after dropping the empty ones."""
        self._flush()
        if self.bad_count and self.options.unparseable == "refuse":
            self._refuse_text()
        if self.bad_count:
            cells = counted(sum(self.bad_count.values()), "cell")
            examples = listed([text_of(cell) for _, _, cell in self.bad], 3)
            self.notes.append(f"{cells} with text among the numbers count as missing, as you chose: {examples}.")
        if self.endless_count:
            self._settle_infinite()
        if self.inexact:
            numbers = counted(self.inexact, "whole number is", "whole numbers are")
            self.notes.append(f"{numbers} at or beyond 2^53 and can lose their last digits (first at {self.first_inexact}).")
        if not self.rows:
            raise UploadError("The table has no rows", way_out="Choose a file with at least one row of numbers.")
        everything = list(range(self.width))
        if self.sparse:
            X = sp.csr_array(sp.vstack(self.done, format="csr"))
            share = f"{self.stored / (self.rows * self.width):.2%}"
            self.notes.append(f"Only {share} of the cells are not zero, so the matrix is kept sparse.")
            return X, everything
        X = np.concatenate(self.done) if len(self.done) > 1 else self.done[0]
        empty = np.isnan(X).all(axis=0)
        if empty.any():
            if empty.all():
                raise UploadError("All cells of the table are missing", way_out="Choose a file with numbers in it.")
            names = [self.names[k] for k in np.flatnonzero(empty)]
            self.notes.append(f"{counted(len(names), 'column')} without any value left out: {listed(names)}.")
            everything = [int(k) for k in np.flatnonzero(~empty)]
            X = np.ascontiguousarray(X[:, everything])
        return X, everything

    def _refuse_text(self) -> None:
        place, column, cell = self.bad[0]
        total = sum(self.bad_count.values())
        fixes = [Fix("Count them as missing", {"unparseable": "missing"})]
        other = "," if self.numbers.decimal == "." else "."
        swapped = Numbers(other, "," if other == "." else ".", self.numbers.extra_missing)
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
            self.notes.append(f"{cells} as missing, as you chose (first at {self.place(place, column)}).")
            return
        raise UploadError(
            f"{counted(self.endless_count, 'value is', 'values are')} infinite or beyond 1e150",
            place=f"first at {self.place(place, column)}",
            value=text,
            way_out="Correct it, or count such values as missing.",
            fixes=(Fix("Count them as missing", {"infinite": "missing"}),),
        )


def _column_kinds(rows: list[list[Cell]], column: int, numbers: Numbers) -> Counter[str]:
    """How many cells of a column are numbers, missing, dates or text."""
    sample = rows if len(rows) <= 200 else [*rows[:100], *rows[100 :: max(1, len(rows) // 100)]]
    kinds = Counter(numbers.kind(row[column]) for row in sample if column < len(row))
    for kind in ("number", "missing", "date", "text"):
        kinds.setdefault(kind, 0)
    return kinds


def _share_of_text(kinds: Counter[str]) -> float:
    said = kinds["text"] + kinds["date"] + kinds["number"]
    return (kinds["text"] + kinds["date"]) / said if said else 0.0


def _is_unique(rows: list[list[Cell]], column: int) -> bool:
    texts = [text_of(row[column]) for row in rows if column < len(row)]
    return len(set(texts)) == len(texts)


def _is_whole(value: float | None) -> bool:
    return value is not None and value == value and float(value).is_integer()


def _mean_words(rows: list[list[Cell]], column: int) -> float:
    counts = [len(text_of(row[column]).split()) for row in rows[:200] if column < len(row)]
    return sum(counts) / len(counts) if counts else 0.0


def _find(names: Sequence[str], among: frozenset[str]) -> int | None:
    return next((j for j, name in enumerate(names) if name in among), None)


def _taker(columns: list[int]) -> Callable[[list[Cell]], Sequence[Cell]]:
    """The cells of some columns, quickly."""
    if len(columns) == 1:
        only = columns[0]
        return lambda row: (row[only],)
    if columns == list(range(columns[0], columns[0] + len(columns))):
        return itemgetter(slice(columns[0], columns[0] + len(columns)))
    return itemgetter(*columns)


__all__ = ["CELL_ERRORS", "Grid", "Row"]
