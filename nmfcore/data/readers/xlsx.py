"""How is an Excel workbook (.xlsx) read?

By a small reader of our own, because a sheet can hold one stray cell in its very last corner, and readers that fill in all
cells before it take gigabytes. XML is parsed as a stream, unpacked bytes are counted, entities are refused, and only cells
that are there are stored. Format: ECMA-376, part 1, chapter 18.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain, islice, pairwise
from typing import Any
from xml.parsers import expat

from nmfcore.data.model.errors import TooLarge, UploadError, counted, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers.archive import CHUNK, guarded, safe_members
from nmfcore.data.readers.cells import Row
from nmfcore.data.readers.grid import Grid
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.sheets import choose
from nmfcore.data.readers.source import Source

SHEET_ROWS, SHEET_COLUMNS = 1_048_576, 16_384
DATE_FORMATS = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])  # built in, ECMA-376 18.8.30
STRAY_SHARE = 0.001  # a cell is stray when it makes the table this much emptier than its other cells

Attributes = dict[str, str]


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table on one sheet of a workbook."""
    with guarded(source.name), source.open() as stream, zipfile.ZipFile(stream) as opened:
        members = {info.filename.lstrip("/"): info for info in safe_members(opened, source.name, limits)}
        book = _Book(opened, members, source, limits)
        sheets = book.sheets()
        names = [name for name, _, _ in sheets]
        notes: list[str] = []
        hidden = [name for name, _, is_hidden in sheets if is_hidden]
        taken, cells = choose(names, hidden, lambda i: book.cells(sheets[i][1]), _all_cells, options, notes)
        understood: dict[str, Any] = {"format": "xlsx", "sheet": names[taken], "sheets": names}
        notes += book.notes
        rows = _rows(cells, notes, limits)
    rows = islice(rows, options.skip_lines or 0, None)
    return Grid(source.name, rows, options, limits, understood, notes, unit="row", typed=True).read()


def _all_cells(cells: dict[int, dict[int, Any]]) -> Iterator[Any]:
    return chain.from_iterable(row.values() for row in cells.values())


def _rows(cells: dict[int, dict[int, Any]], notes: list[str], limits: Limits) -> Iterator[Row]:
    """Full rows out of the cells that are there; far-away stray cells are left out with a note."""
    count = sum(map(len, cells.values()))
    width = max(max(row) for row in cells.values()) + 1
    if count < STRAY_SHARE * len(cells) * width or len(cells) * width > limits.dense_cells:
        columns: dict[int, int] = {}
        for row in cells.values():
            for column in row:
                columns[column] = columns.get(column, 0) + 1
        edge, gap = _edge(sorted(columns))
        stray = [(r, c) for r, row in cells.items() for c in row if c >= edge] if gap > 100 else []
        if stray and len(stray) <= 0.01 * count + 1:
            places = [f"{column_name(c)}{r}" for r, c in stray]
            notes.append(f"{counted(len(stray), 'stray cell')} far from the table left out: {listed(places)}.")
            cells = {r: {c: v for c, v in row.items() if c < edge} for r, row in cells.items()}
            cells = {r: row for r, row in cells.items() if row}
            width = max(max(row) for row in cells.values()) + 1
    first = min(min(row) for row in cells.values())
    if first:
        notes.append(f"The table begins in column {column_name(first)}; the empty columns before it were left out.")
    for number in sorted(cells):
        row = cells[number]
        yield number, [row.get(column) for column in range(first, max(row) + 1)]


def _edge(columns: list[int]) -> tuple[int, int]:
    """The first column after the largest gap between used columns, and that gap."""
    gaps = [(b - a, b) for a, b in pairwise(columns)]
    gap, edge = max(gaps, default=(0, columns[-1] + 1))
    return edge, gap


def column_name(column: int) -> str:
    """A, B, ... Z, AA, ... for 0, 1, ..."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@lru_cache(maxsize=SHEET_COLUMNS)
def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _place(reference: str) -> tuple[int, int]:
    """Row (from 1) and column (from 0) of "C5".

    Raises
    ------
    UploadError
        If there is no such cell on any sheet.
    """
    letters = reference.rstrip("0123456789")
    number = reference[len(letters) :]
    if 1 <= len(letters) <= 3 and letters.isascii() and letters.isupper() and 1 <= len(number) <= 7:
        row, column = int(number), _column_number(letters)
        if 1 <= row <= SHEET_ROWS and column <= SHEET_COLUMNS:
            return row, column - 1
    raise UploadError("The workbook has a cell with no valid place", place=shown(reference), way_out="Save it again from Excel.")


class _Book:
    """An opened workbook."""

    def __init__(self, opened: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], source: Source, limits: Limits) -> None:
        self.opened, self.members, self.limits, self.name = opened, members, limits, source.name
        self.packed = source.size
        self.unpacked = 0
        self.notes: list[str] = []
        self.epoch = datetime(1899, 12, 30)

    def parse(self, member: str, start: Callable[[str, Attributes], None], end: Callable[[str, str], None]) -> None:
        """Stream one XML member: `start(tag, attributes)`, `end(tag, text)`; prefixes of tags are cut off."""
        info = self.members.get(member)
        if info is None:
            raise UploadError(f"The workbook lacks the part {shown(member)}", way_out="Save it again from Excel.")
        parser = expat.ParserCreate()
        text: list[str] = []

        def refuse(*_: object) -> None:
            raise UploadError("The workbook declares XML entities, which none needs", way_out="Save it again.")

        def opening(tag: str, attributes: Attributes) -> None:
            text.clear()
            start(tag.rsplit(":", 1)[-1] if ":" in tag else tag, attributes)

        def closing(tag: str) -> None:
            end(tag.rsplit(":", 1)[-1] if ":" in tag else tag, "".join(text))
            text.clear()

        parser.EntityDeclHandler = refuse
        parser.StartElementHandler = opening
        parser.EndElementHandler = closing
        parser.CharacterDataHandler = text.append
        parser.buffer_text = True
        try:
            with self.opened.open(info) as stream:
                while chunk := stream.read(CHUNK):
                    self._count(len(chunk))
                    parser.Parse(chunk, False)
                parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise UploadError(
                f"The part {shown(member)} of the workbook is damaged: {expat.ErrorString(error.code)}",
                place=f"line {error.lineno}",
                way_out="Save it again from Excel.",
            ) from None

    def _count(self, more: int) -> None:
        self.unpacked += more
        free = max(self.limits.unpack_free_bytes, self.limits.unpack_ratio * self.packed)
        if self.unpacked > self.limits.unpacked_bytes or self.unpacked > free:
            raise TooLarge(
                f"The workbook has {self.packed:,} bytes and unpacks to more than {min(free, self.limits.unpacked_bytes):,}",
                way_out="It may be made to exhaust memory. Save the table as CSV.",
            )

    def sheets(self) -> list[tuple[str, str, bool]]:
        """Name, member and hidden or not, of each sheet with cells."""
        found: list[tuple[str, str, bool]] = []
        targets: dict[str, tuple[str, str]] = {}
        book = next((name for name in self.members if name.endswith("workbook.xml")), "xl/workbook.xml")
        folder = book.rsplit("/", 1)[0] + "/" if "/" in book else ""

        def relation(tag: str, attributes: Attributes) -> None:
            if tag == "Relationship":
                target = attributes.get("Target", "")
                path = target.lstrip("/") if target.startswith("/") else folder + target
                targets[attributes.get("Id", "")] = (path, attributes.get("Type", ""))

        def sheet(tag: str, attributes: Attributes) -> None:
            if tag == "workbookPr" and attributes.get("date1904") in ("1", "true"):
                self.epoch = datetime(1904, 1, 1)
            if tag == "sheet":
                key = next((value for name, value in attributes.items() if name.rsplit(":", 1)[-1] == "id"), "")
                path, kind = targets.get(key, ("", ""))
                if path in self.members and not kind.endswith("chartsheet"):
                    hidden = attributes.get("state", "visible") != "visible"
                    found.append((attributes.get("name", ""), path, hidden))

        self.parse(f"{folder}_rels/{book.rsplit('/', 1)[-1]}.rels", relation, lambda tag, text: None)
        self.parse(book, sheet, lambda tag, text: None)
        if not found:
            raise UploadError("The workbook has no sheet with cells", way_out="Choose another file.")
        self.folder = folder
        return found

    def _member(self, name: str) -> str | None:
        return next((found for found in (f"{self.folder}{name}", f"xl/{name}") if found in self.members), None)

    def shared(self) -> list[str]:
        """The texts that cells point to."""
        texts: list[str] = []
        parts: list[str] = []
        inside = {"phonetic": False}

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "si":
                parts.clear()
            inside["phonetic"] = inside["phonetic"] or tag == "rPh"

        def end(tag: str, text: str) -> None:
            if tag == "t" and not inside["phonetic"]:
                parts.append(text)
            elif tag == "rPh":
                inside["phonetic"] = False
            elif tag == "si":
                texts.append("".join(parts))

        member = self._member("sharedStrings.xml")
        if member:
            self.parse(member, start, end)
        return texts

    def date_styles(self) -> set[int]:
        """The numbers of the cell styles that show a date."""
        custom: set[int] = set()
        styles: set[int] = set()
        state = {"formats": False, "number": 0}

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "numFmt":
                code = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", attributes.get("formatCode", "").lower())
                if re.search(r"[ymdhs]", code) and "general" not in code:
                    custom.add(int(attributes.get("numFmtId", -1)))
            elif tag == "cellXfs":
                state["formats"] = True
            elif tag == "xf" and state["formats"]:
                number = int(attributes.get("numFmtId", 0))
                if number in DATE_FORMATS or number in custom:
                    styles.add(state["number"])
                state["number"] += 1

        def end(tag: str, text: str) -> None:
            if tag == "cellXfs":
                state["formats"] = False

        member = self._member("styles.xml")
        if member:
            self.parse(member, start, end)
        return styles

    def cells(self, member: str) -> dict[int, dict[int, Any]]:
        """The cells of a sheet that hold something: {row: {column: value}}."""
        sheet = _Sheet(self)
        self.parse(member, sheet.start, sheet.end)
        if sheet.without:
            formulas, first = counted(len(sheet.without), "formula has", "formulas have"), sheet.without[0]
            self.notes.append(
                f"{formulas} no stored value (first in {first}); they count as missing. Open and save the file in Excel."
            )
        if sheet.merged:
            self.notes.append(f"{counted(sheet.merged, 'merged area')}: only the first cell of each holds its value.")
        return sheet.rows

    def date(self, number: float) -> Any:
        """What a number of days says where the cell's style is a date."""
        try:
            return self.epoch + timedelta(days=number)
        except (OverflowError, ValueError):
            return number


class _Sheet:
    """A sheet while it is parsed: the cells that hold something, and the cell that is being read."""

    def __init__(self, book: _Book) -> None:
        self.book = book
        self.texts, self.dates = book.shared(), book.date_styles()
        self.rows: dict[int, dict[int, Any]] = {}
        self.without: list[str] = []  # formulas without a stored value
        self.count = self.merged = 0
        self.row, self.column = 0, -1
        self.kind = self.style = ""
        self.value: str | None = None
        self.inline: list[str] = []
        self.formula = False

    @property
    def place(self) -> str:
        return f"{column_name(self.column)}{self.row}"

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "c":
            reference = attributes.get("r")
            if reference is None:
                self.column += 1
            else:
                self.row, self.column = _place(reference)
            self.kind, self.style, self.value, self.formula = attributes.get("t", "n"), attributes.get("s", ""), None, False
            self.inline.clear()
        elif tag == "row":
            number = attributes.get("r", "")
            self.row, self.column = int(number) if number.isdigit() else self.row + 1, -1
        elif tag == "f":
            self.formula = True
        elif tag == "mergeCell":
            self.merged += 1

    def end(self, tag: str, text: str) -> None:
        if tag == "v":
            self.value = text
        elif tag == "t":
            self.inline.append(text)
        elif tag == "c":
            found = "".join(self.inline) if self.kind == "inlineStr" else self.content()
            if found is None or found == "":
                if self.formula:
                    self.without.append(self.place)
                return
            self.rows.setdefault(self.row, {})[self.column] = found
            self.count += 1
            limits = self.book.limits
            if self.count > 2 * limits.dense_cells or len(self.rows) > limits.rows:
                raise TooLarge("The sheet has more cells than can be read", way_out="Take a part of it.")

    def content(self) -> Any:
        """What the cell holds: a number, text, truth value or date; None when it is empty."""
        value = self.value
        if value is None or value == "":
            return None
        if self.kind == "n":
            return self._number(value)
        if self.kind == "s":
            if not value.strip().isdigit() or int(value) >= len(self.texts):
                place = f"cell {self.place}"
                raise UploadError("A cell points to a text that is not there", place=place, way_out="Save the workbook again.")
            return self.texts[int(value)]
        return value.strip() in ("1", "true") if self.kind == "b" else value

    def _number(self, value: str) -> Any:
        try:
            number = float(value)
        except ValueError:
            raise UploadError(
                "A cell of numbers holds something else",
                place=f"cell {self.place}",
                value=shown(value),
                way_out="Save the workbook again.",
            ) from None
        is_date = self.style.isdigit() and int(self.style) in self.dates
        return self.book.date(number) if is_date else number
