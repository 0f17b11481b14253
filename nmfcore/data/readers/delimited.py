"""How is a text table (CSV, TSV, any delimiter) read?

Encoding, delimiter and quotes are recognised here; what the cells mean is decided in grid.py. The file is read as a stream,
row by row, by the standard library's csv module, which keeps to what is in the file.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from nmfcore.data.model.errors import Fix, UploadError, counted, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import encoding as encodings
from nmfcore.data.readers.grid import Grid, Row
from nmfcore.data.readers.numbers import mostly_numeric
from nmfcore.data.readers.options import NO_DELIMITER, WHITESPACE, ReadOptions
from nmfcore.data.readers.source import Source

CANDIDATES = ("\t", ";", ",", "|", WHITESPACE, ":", "^", "~", "\x1f", "\x01")
NAMES = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "vertical bar", WHITESPACE: "spaces", ":": "colon"}
PLURALS = {"\t": "tabs", ";": "semicolons", "|": "vertical bars", WHITESPACE: "spaces", ":": "colons"}
SNIFF_CHARACTERS = 2**17  # looked at to recognise the delimiter
SNIFF_ROWS = 200
CONTROL = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1e\x7f]")  # what text does not contain; \x1f and \x01 may be delimiters


_SINGLE = re.compile(r"'[,;\t|] ?'")  # between two cells in single quotes


class _BrokenQuotes(Exception):
    """A quoted cell goes on after its closing quote."""


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table in a text file."""
    name, errors, note = encodings.sniff(source, options.encoding)
    notes = [note] if note else []
    start = _start(source, name, errors)
    if not start.strip("\ufeff \t\r\n\x00"):
        raise UploadError("The file is empty", way_out="Choose a file with at least one row of numbers.")
    odd = len(CONTROL.findall(start.replace("\x00", "\x02") if "\x00" in start else start))
    if odd > max(3, len(start) // 50) and options.nul == "refuse":
        raise UploadError(
            f"{shown(source.name)} is not a text file: {odd:,} of its first {len(start):,} characters are control characters",
            way_out="Choose a CSV, Excel, Parquet, NumPy, MatrixMarket or JSON file.",
        )
    skip = options.skip_lines or 0
    delimiter = options.delimiter
    directive = re.match(r"\ufeff?sep=(.)\r?\n", start)
    if directive:  # Excel's own way to name the delimiter
        skip, delimiter = max(skip, 1), delimiter or directive.group(1)
        notes.append(f"The first line names the delimiter: {shown(directive.group(1))}.")
    quote = options.quote
    if quote is None:
        quote = "'" if '"' not in start and len(_SINGLE.findall(start)) > max(1, start.count("\n") // 2) else '"'
        if quote == "'":
            notes.append("The cells are enclosed in single quotes.")
    if delimiter is None:
        delimiter = sniff_delimiter(start, quote, source.size > len(start.encode("utf-8", "replace")), skip)
    understood: dict[str, Any] = {
        "format": "csv",
        "encoding": name,
        "delimiter": delimiter,
        "delimiter_name": NAMES.get(delimiter, shown(delimiter)) if delimiter != NO_DELIMITER else "one column",
        "quote": quote,
    }

    def attempt(strict: bool, extra: list[str]) -> Table:
        with source.open() as raw, io.TextIOWrapper(raw, encoding=name, errors=errors, newline="") as text:
            rows = _rows(text, delimiter, quote, skip, strict, options, limits, extra)
            grid = Grid(
                source.name,
                rows,
                options,
                limits,
                dict(understood),
                extra,
                delimiter=delimiter,
            )
            return grid.read()

    if delimiter not in (",", NO_DELIMITER) and options.delimiter is None and not directive:
        notes.append(f"The cells are divided by {PLURALS.get(delimiter, shown(delimiter))}.")
    if skip and not directive:
        notes.append(f"The first {counted(skip, 'line')} skipped, as you chose.")
    try:
        return attempt(True, list(notes))
    except _BrokenQuotes:
        return attempt(False, [*notes, "Some quoted cells go on after their closing quote; they were read as they stand."])


def _start(source: Source, name: str, errors: str) -> str:
    """The first characters of the file."""
    with source.open() as raw, io.TextIOWrapper(raw, encoding=name, errors=errors, newline="") as text:
        return text.read(SNIFF_CHARACTERS)


def _rows(
    text: io.TextIOWrapper,
    delimiter: str,
    quote: str,
    skip: int,
    strict: bool,
    options: ReadOptions,
    limits: Limits,
    notes: list[str],
) -> Iterator[Row]:
    """The rows of cells with the line each begins on."""
    lines = _lines(text, delimiter, options, limits, notes)
    for _ in range(skip):
        next(lines, None)
    if delimiter == NO_DELIMITER:
        for number, line in enumerate(lines, skip + 1):
            yield number, [_unquoted(line.strip("\ufeff\r\n"), quote)]
        return
    if delimiter == WHITESPACE:
        lines = (line.strip().replace("\t", " ") + "\n" for line in lines)
    reader = csv.reader(
        lines,
        delimiter=" " if delimiter == WHITESPACE else delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        skipinitialspace=True,  # a quote may follow a space; cells are trimmed anyway
        strict=strict,
    )
    end = skip
    try:
        for row in reader:
            if end == skip and row:
                row[0] = row[0].lstrip("\ufeff")
            yield end + 1, row
            end = skip + reader.line_num
    except csv.Error as error:
        said = str(error)
        if "expected after" in said:
            raise _BrokenQuotes from None
        if "unexpected end" in said or "field larger" in said:
            raise UploadError(
                "A quoted cell is never closed" if "end" in said else "A cell is too long; perhaps a quote is never closed",
                place=f"it begins on line {end + 1}",
                way_out="Close the quote, or read quotes as ordinary characters.",
                fixes=(Fix("Read quotes as ordinary characters", {"quote": ""}),),
            ) from None
        raise UploadError(
            f"The text cannot be cut into cells: {said}", place=f"line {end + 1}", way_out="Correct that line."
        ) from None


def _unquoted(cell: str, quote: str) -> str:
    if quote and len(cell) > 1 and cell[0] == quote == cell[-1]:
        return cell[1:-1].replace(quote * 2, quote)
    return cell


def _lines(text: io.TextIOWrapper, delimiter: str, options: ReadOptions, limits: Limits, notes: list[str]) -> Iterator[str]:
    """The lines, checked for NUL characters and for more columns than can be."""
    mark = " " if delimiter == WHITESPACE else delimiter
    counting = delimiter != NO_DELIMITER
    removed = 0
    for number, line in enumerate(text, 1):
        if "\x00" in line:
            if options.nul == "refuse":
                raise UploadError(
                    "The text holds NUL characters, which no text should",
                    place=f"line {number}, character {line.index(chr(0)) + 1}",
                    way_out="The file may be damaged, or not text at all. You can read it without them.",
                    fixes=(Fix("Remove the NUL characters", {"nul": "remove"}),),
                )
            removed += line.count("\x00")
            line = line.replace("\x00", "")
        if counting and len(line) > limits.columns and line.count(mark) > limits.columns:
            count = len(line.split()) if delimiter == WHITESPACE else line.count(mark) + 1
            if count > limits.columns:
                raise UploadError(
                    f"Line {number} has {count:,} cells; at most {limits.columns:,} columns can be read",
                    place=f"line {number}",
                    way_out="Transpose the table, or save it as a sparse NPZ file with fewer columns.",
                )
        yield line
    if removed:
        notes.append(f"{counted(removed, 'NUL character')} removed, as you chose.")


def sniff_delimiter(start: str, quote: str, cut: bool, skip: int = 0) -> str:
    """The delimiter that divides the first lines most evenly into cells that look like numbers."""
    lines = start.lstrip("\ufeff").splitlines(keepends=True)[skip:]
    if cut and len(lines) > 1:
        lines = lines[:-1]  # it may be half a line
    lines = [line for line in lines if line.strip()][:SNIFF_ROWS]
    best, best_score = NO_DELIMITER, 0.0
    for candidate in CANDIDATES:
        score = _score(lines, candidate, quote)
        if candidate == WHITESPACE and best != NO_DELIMITER and _cuts_labels(lines, best, quote):
            continue
        tied = abs(score - best_score) <= 1e-9
        if score > best_score + 1e-9 or (tied and candidate == WHITESPACE and best == "," and _commas_are_decimal(lines, quote)):
            best, best_score = candidate, score
    return best


def _commas_are_decimal(lines: list[str], quote: str) -> bool:
    """Whether commas leave cells such as "5 2" ("1,5 2,5 3,5"), which are two numbers; "1 234" is one, with a thousands space."""
    cells = [cell.strip() for row in _tokenised(lines, ",", quote) for cell in row]
    spaced = [cell for cell in cells if " " in cell]
    return bool(spaced) and not all(re.fullmatch(r"[-+]?\d{1,3}( \d{3})+(\.\d+)?", cell) for cell in spaced)


def _score(lines: list[str], delimiter: str, quote: str) -> float:
    """How well a delimiter fits: the share of rows of the commonest width times the share of numbers; 0 when unfit."""
    rows = _tokenised(lines, delimiter, quote)
    if not rows:
        return 0.0
    widths = Counter(len(row) for row in rows)
    width = max(widths, key=lambda w: (widths[w] if w > 1 else 0, w))
    even = widths[width] / len(rows)
    if width < 2 or even < 0.5:
        return 0.0
    cells = [cell for row in rows if len(row) == width for cell in row[:200]][:20_000]
    numeric = mostly_numeric(cells)
    if delimiter in (WHITESPACE, ":", "^", "~") and numeric < 0.4:
        return 0.0  # prose is full of spaces
    if delimiter in (":", "^", "~") and even < 0.95:
        return 0.0  # rare delimiters have to divide every line, the header too: times and ratios have colons
    return even * (0.3 + 0.7 * numeric)


def _cuts_labels(lines: list[str], rival: str, quote: str) -> bool:
    """Whether spaces divide labels ("u1,film 3,4"): the other delimiter divides every line, and stands beside letters."""
    even = len({len(row) for row in _tokenised(lines, rival, quote)}) == 1
    cells = [cell for row in _tokenised(lines, WHITESPACE, quote) for cell in row if rival in cell]
    return even and any(letter.isalpha() for cell in cells for letter in cell)


def _tokenised(lines: list[str], delimiter: str, quote: str) -> list[list[str]]:
    if delimiter == WHITESPACE:
        lines = [line.strip().replace("\t", " ") for line in lines]
    try:
        return list(
            csv.reader(
                lines,
                delimiter=" " if delimiter == WHITESPACE else delimiter,
                quotechar=quote or None,
                quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
                skipinitialspace=True,
            )
        )
    except csv.Error:
        return []
