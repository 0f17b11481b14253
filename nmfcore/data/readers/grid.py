"""Where in a grid of cells is the table, and what are its columns called?

CSV, Excel, OpenDocument, JSON, statistics packages and Parquet all arrive here as rows of cells. This room finds the table's
first row and width; header.py says what its columns are called, roles.py what each is, contents.py what the table holds, and
values.py, triples.py and documents.py make that of it. Nothing is dropped in silence: what is left out gets a note, and what
cannot be used is refused with its place and the options that would let it in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, listed
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Question, Table
from nmfcore.data.readers import contents, documents, roles, triples, values
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Row, text_of
from nmfcore.data.readers.header import Header
from nmfcore.data.readers.numbers import Cell, Numbers, sniff_decimal
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.rows import Rows

HEAD = 1000  # rows from which header, labels and column kinds are recognised ...
HEAD_CELLS = 300_000  # ... or fewer, when they are long
SIGNS_FROM = 50_000  # cells that settle the decimal sign
PREAMBLE = 50  # at most this many rows before the table are taken for a preamble
WIDTH_SHOWN = 20  # columns of the preview
COMMENT = ("#", "%", "//")


@dataclass
class Grid:
    """Rows of cells on their way to a table.

    unit : what the number of a row counts: "line" or "row"
    header : the names of the columns where the format knows them
    typed : whether cells may be numbers already (Excel, JSON); then short rows are completed with missing cells
    delimiter : of text files; helps to settle the decimal sign
    index : the column with the row labels where the format knows it
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
    index: int | None = None
    questions: list[Question] = field(default_factory=list)

    def read(self) -> Table:
        """The table.

        Raises
        ------
        UploadError
            If it cannot be read as it is.
        """
        account = Account(
            self.name, self.options, self.limits, self.understood, self.notes, self.questions, self.unit, self.typed
        )
        return _Finding(self, account).table()


class _Finding:
    """The way from the first rows to the table."""

    def __init__(self, grid: Grid, account: Account) -> None:
        self.grid, self.account = grid, account
        self.rows = Rows(account)
        self.header = Header(account, grid.header, grid.delimiter)

    def table(self) -> Table:
        account, options, limits = self.account, self.account.options, self.account.limits
        rows = self.rows.filled(self.grid.rows)
        head = self._head(rows)
        body = self._without_preamble(head)
        width = self._width(body)
        if width > limits.columns:
            raise TooLarge(
                f"The table has {width:,} columns; at most {limits.columns:,} can be read",
                place=f"{account.unit} {body[0][0]}",
                way_out="Transpose it, or save it as a sparse NPZ file with fewer columns.",
            )
        body, width = self._without_empty_ends(body, width)
        self._choose_signs(body, width)
        titles, body = self.header.read(body, width)
        if not body:
            self._refuse_no_rows(head, options)
        sample = [row for _, row in body]
        layout = roles.decide(titles, sample, width, account, index=self.grid.index)
        content = contents.content(layout, sample, account)
        account.understood["content"] = content
        everything = self.rows.fitted(chain(body, rows), width)
        if content == "documents":
            return documents.from_grid(layout, everything, sample, account, self.rows.note)
        if content in ("ratings", "counts"):
            return triples.read(layout, everything, account, content, self.rows.note)
        return values.matrix(layout, everything, account, self.rows.note)

    def _head(self, rows: Iterator[Row]) -> list[Row]:
        """The first rows."""
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
        self.account.understood["first_rows"] = [[text_of(cell)[:80] for cell in row[:WIDTH_SHOWN]] for _, row in head[:8]]
        return head

    def _refuse_no_rows(self, head: list[Row], options: ReadOptions) -> None:
        if len(head) == 1 and len(head[0][1]) == 1 and self.grid.header is None:
            raise UploadError(
                "The file holds a single cell, which is no table",
                place=f"{self.account.unit} {head[0][0]}",
                way_out="Choose a file with rows and columns of numbers, or with texts.",
                fixes=(Fix("Read it as one document", {"content": "documents", "header": False}),),
            )
        raise UploadError(
            "The table has a header but no rows",
            place=f"{self.account.unit} {head[0][0]}",
            way_out="Choose a file with at least one row below the header.",
            fixes=() if options.header is False else (Fix("The first row is data, not a header", {"header": False}),),
        )

    # --- what stands before the table -----------------------------------------------------------------------------------

    def _without_preamble(self, head: list[Row]) -> list[Row]:
        """The rows from the header on; comments and titles before it are skipped with a note.

        The last commented line before the data is the header when it has a name for each column ("#OTU ID", S1, S2), whatever
        stands above it.
        """
        if self.grid.header is not None or self.account.options.skip_lines is not None:
            return head
        modal = self._width([row for row in head if not _is_marked(row[1])] or head)
        start = 0
        while start < min(len(head) - 1, PREAMBLE):
            row = head[start][1]
            marked = _is_marked(row)
            if marked and not _is_marked(head[start + 1][1]):
                bare = self._uncommented(row, modal)
                if bare is not None:
                    self._skipped(head[:start])
                    return [(head[start][0], bare), *head[start + 1 :]]
            if not marked and not self._is_title(head, start, modal):
                break
            start += 1
        if start:
            self._skipped(head[:start])
        return head[start:]

    def _uncommented(self, row: list[Cell], modal: int) -> list[Cell] | None:
        """A commented row as a header: as many cells as the table (a "#" alone may stand before them), the first one a word."""
        first = text_of(row[0]).lstrip("#%/").strip()
        bare = [first, *row[1:]] if first else row[1:] if len(row) > modal else [first, *row[1:]]
        if len(bare) != modal or not bare or not text_of(bare[0]):
            return None
        return bare if self.account.numbers.kind(bare[0]) == "text" else None

    def _is_title(self, head: list[Row], start: int, modal: int) -> bool:
        """Whether a row before the table belongs to a title: one text alone, or some texts above a row that is the header."""
        row = head[start][1]
        cells = [cell for cell in row if text_of(cell)]
        short = len(row) < modal or (modal > 2 and len(cells) == 1)
        if not short or not cells or self.account.numbers.kind(cells[0]) != "text" or self.header.is_short(head, start, modal):
            return False
        if len(cells) == 1:
            return modal > 1
        later = next((other for _, other in head[start + 1 :] if len(other) == modal), [])
        return bool(later) and all(self.account.numbers.kind(cell) in ("text", "missing") for cell in later)

    def _skipped(self, rows: list[Row]) -> None:
        if rows:
            texts = [" ".join(text_of(cell) for cell in row) for _, row in rows]
            self.account.notes.append(f"{counted(len(rows), self.account.unit)} before the table skipped: {listed(texts, 3)}.")
            self.account.understood["skipped"] = len(rows)

    def _width(self, rows: list[Row]) -> int:
        if self.grid.header is not None:
            return len(self.grid.header)
        if self.account.typed:
            return max(len(row) for _, row in rows)
        counts = Counter(len(row) for _, row in rows)
        return max(counts, key=lambda width: (counts[width], width))

    def _without_empty_ends(self, body: list[Row], width: int) -> tuple[list[Row], int]:
        """Without the columns at the right that nobody filled or named (a delimiter at the end of each line)."""
        full = width
        while self.grid.header is None and width > 1 and all(len(row) < width or not text_of(row[width - 1]) for _, row in body):
            width -= 1
        if width < full:
            self.account.notes.append(f"{counted(full - width, 'empty column')} at the end of each {self.account.unit} left out.")
            body = [(place, row[:width] if not any(text_of(c) for c in row[width:]) else row) for place, row in body]
        return body, width

    def _choose_signs(self, body: list[Row], width: int) -> None:
        """Settle decimal and thousands sign."""
        options, notes = self.account.options, self.account.notes
        extra = frozenset(str(token).strip().lower() for token in options.missing_tokens)
        if self.account.typed and not any(isinstance(cell, str) for _, row in body[:50] for cell in row):
            decimal, thousands, note = ".", ",", ""
        else:
            rows = body[:: 1 + len(body) * width // SIGNS_FROM]
            cells = (cell for _, row in rows for cell in row)
            decimal, thousands, note = sniff_decimal(islice(cells, 2 * SIGNS_FROM), self.grid.delimiter)
        if options.decimal:
            decimal, thousands, note = options.decimal, "." if options.decimal == "," else ",", ""
        if options.thousands is not None:
            thousands, note = options.thousands, ""
        if decimal == "," and not note and not options.decimal:
            note = "Numbers were read with decimal commas."
        if note:
            notes.append(note)
        self.account.numbers = Numbers(decimal, thousands, extra)
        self.account.understood["decimal"] = decimal


def _is_marked(row: list[Cell]) -> bool:
    """Whether a row is a comment."""
    return text_of(row[0]).startswith(COMMENT) if row else False


__all__ = ["Grid", "Row"]
