"""Where in a grid of cells is the table, and what are its columns called?

CSV, Excel, OpenDocument, JSON, statistics packages and Parquet all arrive here as rows of cells. This room finds the table's
first row, width and header; roles.py says what each column is, and values.py, triples.py and documents.py make of them what the
table becomes. Nothing is dropped in silence: what is left out gets a note, and what cannot be used is refused with its place
and the options that would let it in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from typing import Any

from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, listed
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Question, Table
from nmfcore.data.readers import documents, names, roles, triples, values
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Row, is_whole, kinds, mean_words, text_of
from nmfcore.data.readers.numbers import Cell, Numbers, sniff_decimal
from nmfcore.data.readers.options import WHITESPACE, ReadOptions
from nmfcore.data.readers.rows import Rows

HEAD = 1000  # rows from which header, labels and column kinds are recognised ...
HEAD_CELLS = 300_000  # ... or fewer, when they are long
SIGNS_FROM = 50_000  # cells that settle the decimal sign
PREAMBLE = 50  # at most this many rows before the table are taken for a preamble
WIDTH_SHOWN = 20  # columns of the preview
SENTENCE = 4  # words in the mean cell of a column of texts, below a header of single words
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
        titles, body = self._header(body, width)
        if not body:
            self._refuse_no_rows(head, options)
        sample = [row for _, row in body]
        layout = roles.decide(titles, sample, width, account, index=self.grid.index)
        content = roles.content(layout, sample, account)
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
        if not short or not cells or self.account.numbers.kind(cells[0]) != "text" or self._is_short_header(head, start, modal):
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

    def _is_short_header(self, head: list[Row], start: int, modal: int) -> bool:
        """Whether this row is a header without a name for the row labels, as R writes it."""
        row, later = head[start][1], head[start + 1 :]
        kind = self.account.numbers.kind
        if len(row) != modal - 1 or not later or any(len(other) != modal for _, other in later[:20]):
            return False
        if not any(kind(cell) == "number" for cell in later[0][1]) and len(later) > 1:
            return False  # the next row is the header, and this one a title above it
        if not any(text_of(other[-1]) for _, other in later):  # the body only has a delimiter more at each line's end
            return True
        texts = [text_of(cell) for cell in row]
        labelled = any(kind(other[0]) == "text" for _, other in later[:20])
        worded = any(kind(cell) == "text" for cell in row)
        numbered = [text_of(other[0]) for _, other in later] == [str(i + 1) for i in range(len(later))]  # R's write.table
        worded = worded and (numbered or self.grid.delimiter in (WHITESPACE, "\t"))
        return len(set(texts)) == len(texts) and all(texts) and (labelled or (modal > 2 and worded))

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

    # --- the header -------------------------------------------------------------------------------------------------------

    def _header(self, body: list[Row], width: int) -> tuple[list[str] | None, list[Row]]:
        """The names of the columns, or None, and the rows below."""
        account = self.account
        if self.grid.header is not None:
            account.understood["header"] = True
            return list(self.grid.header), body
        first, rest = body[0][1], body[1:]
        if account.typed:
            first = first + [None] * (width - len(first))
        short = len(first) == width - 1 and self._is_short_header(body, 0, width)
        wanted = account.options.header
        if wanted is None:
            wanted, why = (True, "") if short else self._has_header(first, [row for _, row in rest], width)
            if why:
                account.notes.append(why)
        account.understood["header"] = wanted
        if not wanted:
            return None, body
        label = names.Labels(account.limits.label_characters).label
        titles = [label(cell) for cell in first]
        if short:
            titles = ["", *titles]
            account.notes.append("The header has one name less than the rows have cells; the first column holds the row labels.")
        titles = self._of_width(titles, width, body[0][0])
        rows = self._header_rows(titles, [row for _, row in rest], width)
        if rows > 1:
            titles = _joined([titles, *([text_of(cell) for cell in row] for _, row in rest[: rows - 1])])
            account.understood["header_rows"] = rows
        return titles, rest[rows - 1 :]

    def _of_width(self, titles: list[str], width: int, place: int) -> list[str]:
        if len(titles) > width and not any(titles[width:]):
            titles = titles[:width]
        if len(titles) == width:
            return titles
        if self.account.options.ragged == "refuse":
            raise UploadError(
                f"The header has {len(titles):,} names, but the rows have {width:,} cells",
                place=f"{self.account.unit} {place}",
                way_out="Correct the header, or choose what to do with rows of another length.",
                fixes=(
                    Fix("Read without a header", {"header": False, "ragged": "skip"}),
                    Fix("Cut or complete the header", {"ragged": "pad"}),
                ),
            )
        self.account.notes.append(f"The header has {len(titles):,} names for {width:,} columns; it was cut or completed.")
        return [*titles, *[""] * (width - len(titles))][:width]

    def _header_rows(self, titles: list[str], rest: list[list[Cell]], width: int) -> int:
        """Of how many rows the header consists: one, or two where names go on in a second row (or units stand there)."""
        chosen = self.account.options.header_rows
        if chosen is not None:
            if chosen > len(rest):
                raise UploadError(
                    f"There are only {len(rest) + 1:,} rows, and {chosen:,} of them are to be the header",
                    way_out="Choose fewer header rows.",
                )
            return chosen
        if len(rest) < 3 or len(rest[0]) != width or width < 2:
            return 1
        numbers = self.account.numbers
        below = [kinds(rest[1:], j, numbers) for j in range(min(width, 2000))]
        numeric = [j for j, column in enumerate(below) if column["number"] > column["text"] + column["date"]]
        second = [numbers.kind(rest[0][j]) for j in numeric]
        words = sum(kind == "text" for kind in second)
        if not numeric or words < max(1, len(numeric) / 2) or any(kind in ("number", "date") for kind in second):
            return 1
        if len(numeric) == 1 and width > 2:
            return 1  # one text among one column of numbers is a damaged cell
        example = " ".join(part for part in (titles[numeric[0]], text_of(rest[0][numeric[0]])) if part)
        self.account.notes.append(f"The first two rows are names; they were joined (the first column of numbers: {example!r}).")
        self.account.ask(
            "header rows",
            "The second row holds words where the others hold numbers. Is it a part of the header?",
            (
                Fix("Join the two rows", {"header_rows": 2}, f"Columns are called {example!r}."),
                Fix("Skip the first row", {"skip_lines": 1}, f"Columns are called {text_of(rest[0][numeric[0]])!r}."),
                Fix(
                    "It is data",
                    {"header_rows": 1, "unparseable": "missing"},
                    f"Columns are called {titles[numeric[0]]!r}; the words in the second row count as missing.",
                ),
            ),
        )
        return 2

    def _has_header(self, first: list[Cell], rest: list[list[Cell]], width: int) -> tuple[bool, str]:
        """Whether the first row is a header, and a note when that was a guess."""
        if len(first) < width:
            if any(self.account.numbers.kind(cell) == "number" for cell in first):
                return False, ""
            return len(first) > 1 and len(rest) > 0, ""  # names alone: their number is looked at next
        options, numbers = self.account.options, self.account.numbers
        if (options.header_rows or 1) > 1:
            return True, ""
        asked = [options.index_column, options.text_column, options.label_column, options.user_column, options.item_column]
        asked += [options.rating_column, *options.drop_columns, *options.facts, *options.features]
        if {text_of(cell) for cell in first} & {name for name in asked if isinstance(name, str)}:
            return True, ""  # a column was asked for by a name in this row
        own = [numbers.kind(cell) for cell in first]
        below = [kinds(rest, j, numbers) for j in range(min(width, 2000))]
        for kind, column in zip(own, below, strict=False):
            if kind in ("text", "date") and column["number"] > column["text"] + column["date"]:
                return True, ""
        texts = [text_of(cell) for cell in first]
        if not rest:
            return all(kind == "text" for kind in own) and (width > 1 or self.account.options.content == "matrix"), ""
        numeric = [j for j, column in enumerate(below) if column["number"]]
        if numeric and all(own[j] == "number" for j in numeric):
            return self._has_numbered_header(own, texts, rest, numeric, first)
        if not numeric:
            empty = all(column["missing"] and not column["text"] + column["date"] for column in below)
            said = any(names.plain(text) in names.LABELLED for text in texts)
            short = width > 1 and all(len(text.split()) <= 2 for text in texts) and len(set(texts)) == len(texts)
            said = said or (short and any(mean_words(rest, j) >= SENTENCE for j in range(width)))  # a word above sentences
            return said or (empty and all(kind == "text" for kind in own)), ""
        return all(kind in ("text", "missing") for kind in own), ""

    def _has_numbered_header(
        self, own: list[str], texts: list[str], rest: list[list[Cell]], numeric: list[int], first: list[Cell]
    ) -> tuple[bool, str]:
        """Whether a row of numbers above numbers is a header (counted columns, years), and why."""
        numbers = self.account.numbers
        tail = [numbers.value(first[j]) for j in numeric]
        steps = {b - a for a, b in pairwise(tail) if a is not None and b is not None}
        corner = own[0] in ("missing", "text") and 0 not in numeric
        whole = all(v is not None and float(v).is_integer() for v in tail)
        rising = whole and len(tail) > 1 and all(step > 0 for step in steps)
        years = rising and all(v is not None and 1800 <= v <= 2200 for v in tail)
        counting = rising and steps == {1.0} and tail[0] in (0, 1)
        broken = [any(not is_whole(numbers.value(row[j])) for row in rest[:50] if j < len(row)) for j in numeric]
        differs = len(tail) > 2 and sum(broken) > len(broken) / 2  # a row of data would have fractions too
        if (
            (own[0] == "missing" and 0 not in numeric and len(set(texts)) == len(texts))
            or (corner and (counting or years))
            or (counting and differs)
        ):
            return True, "The first row holds the numbers of the columns; it was taken for the header."
        said = "The first row holds numbers like the others, so it is data: there is no header." if 0 in numeric else ""
        return False, said


def _is_marked(row: list[Cell]) -> bool:
    """Whether a row is a comment."""
    return text_of(row[0]).startswith(COMMENT) if row else False


def _joined(rows: list[list[str]]) -> list[str]:
    """Names out of several rows: joined by a space; a blank in an upper row goes on with the name left of it (merged cells)."""
    filled = []
    for number, row in enumerate(rows):
        last, done = "", []
        for j, name in enumerate(row):
            last = name or (last if number < len(rows) - 1 and j > 1 else "")
            done.append(last)
        filled.append(done)
    return [" ".join(part for part in column if part) for column in zip(*filled, strict=True)]


__all__ = ["Grid", "Row"]
