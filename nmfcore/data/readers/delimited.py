"""How is a text table (CSV, TSV, any delimiter) read?

Encoding, delimiter and quotes are recognised here; what the cells mean is decided in grid.py. The file is read as a stream,
row by row, by the standard library's csv module, which keeps to what is in the file.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Question, Table
from nmfcore.data.readers import documents, names
from nmfcore.data.readers import encoding as encodings
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Row, words_in
from nmfcore.data.readers.grid import COMMENT, Grid
from nmfcore.data.readers.numbers import mostly_numeric
from nmfcore.data.readers.options import DOUBLE_COLON, NO_DELIMITER, WHITESPACE, ReadOptions
from nmfcore.data.readers.source import Source

CANDIDATES = ("\t", ";", ",", "|", WHITESPACE, DOUBLE_COLON, ":", "^", "~", "\x1f", "\x01")
NAMES = {
    "\t": "tab",
    ";": "semicolon",
    ",": "comma",
    "|": "vertical bar",
    WHITESPACE: "spaces",
    ":": "colon",
    DOUBLE_COLON: "two colons",
}
PLURALS = {**{mark: name + "s" for mark, name in NAMES.items()}, WHITESPACE: "spaces", DOUBLE_COLON: "two colons (::)"}
PROSE_WORDS = 2.0  # words in the mean cell from which on commas are taken for those of sentences ...
LONG = ("paragraph", "file")  # documents that are longer than a line
WORDS_OF_A_CLAUSE = 1.3  # in the mean cell of the column with the fewest
PROSE_NUMBERS = 0.35  # ... when fewer cells than this are numbers
UNIT = "\x1f"  # stands for "::" while a line is cut: the csv module divides at single characters
SNIFF_CHARACTERS = 2**17  # looked at to recognise the delimiter
SNIFF_ROWS = 200
CONTROL = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1e\x7f]")  # what text does not contain; \x1f and \x01 may be delimiters


PARAGRAPHS = re.compile(r"\r?\n[ \t]*(?:\r?\n[ \t]*)+")  # blank lines
_SINGLE = re.compile(r"'[,;\t|] ?'")  # between two cells in single quotes


class _BrokenQuotes(Exception):
    """A quoted cell goes on after its closing quote."""


@dataclass(frozen=True)
class Dialect:
    """How a text table is written, and how many lines stand before it."""

    encoding: str
    errors: str
    delimiter: str
    quote: str
    skip: int

    def opened(self, source: Source, newline: str | None = "") -> io.TextIOWrapper:
        return io.TextIOWrapper(source.open(), encoding=self.encoding, errors=self.errors, newline=newline)


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table in a text file."""
    account = Account(source.name, options, limits)
    dialect = _recognised(source, account)
    mark = dialect.delimiter
    account.understood |= {
        "format": "csv",
        "encoding": dialect.encoding,
        "delimiter": mark,
        "delimiter_name": NAMES.get(mark, shown(mark)) if mark != NO_DELIMITER else "one column",
        "quote": dialect.quote,
    }
    if options.per in LONG:
        return _long_texts(source, dialect, account)
    try:
        return _cut(source, dialect, account, strict=True)
    except _BrokenQuotes:
        account.notes.append("Some quoted cells go on after their closing quote; they were read as they stand.")
        return _cut(source, dialect, account, strict=False)


def _recognised(source: Source, account: Account) -> Dialect:
    """The dialect of a file, with what was assumed of it; refused where it is no text."""
    options, notes = account.options, account.notes
    name, errors, note = encodings.sniff(source, options.encoding)
    if note:
        notes.append(note)
    start = _start(source, name, errors)
    _refuse_no_text(start, source.name, options)
    skip, delimiter = options.skip_lines or 0, options.delimiter
    directive = re.match(r"\ufeff?sep=(.)\r?\n", start)
    if directive:  # Excel's own way to name the delimiter
        skip, delimiter = max(skip, 1), delimiter or directive.group(1)
        notes.append(f"The first line names the delimiter: {shown(directive.group(1))}.")
    quote = options.quote
    if quote is None:
        quote = "'" if '"' not in start and len(_SINGLE.findall(start)) > max(1, start.count("\n") // 2) else '"'
        if quote == "'":
            notes.append("The cells are enclosed in single quotes.")
    if delimiter is None and options.per in LONG:
        delimiter = NO_DELIMITER
    if delimiter is None:
        cut = source.size > len(start.encode("utf-8", "replace"))
        delimiter = sniff_delimiter(start, quote, cut, skip)
        delimiter = _settled(delimiter, _sample(start, cut, skip), quote, options, account.questions)
    if delimiter == NO_DELIMITER and options.content in (None, "documents"):
        _ask_what_a_document_is(start, options, account.questions)
    if options.per not in LONG and not directive:
        if delimiter not in (",", NO_DELIMITER) and options.delimiter is None:
            notes.append(f"The cells are divided by {PLURALS.get(delimiter, shown(delimiter))}.")
        if skip:
            notes.append(f"The first {counted(skip, 'line')} skipped, as you chose.")
    return Dialect(name, errors, delimiter, quote, skip)


def _refuse_no_text(start: str, name: str, options: ReadOptions) -> None:
    """Refuse what is empty, or full of what text does not contain."""
    if not start.strip("\ufeff \t\r\n\x00"):
        raise UploadError("The file is empty", way_out="Choose a file with at least one row of numbers.")
    odd = len(CONTROL.findall(start.replace("\x00", "\x02") if "\x00" in start else start))
    if odd > max(3, len(start) // 50) and options.nul == "refuse":
        raise UploadError(
            f"{shown(name)} is not a text file: {odd:,} of its first {len(start):,} characters are control characters",
            way_out="Choose a CSV, Excel, Parquet, NumPy, MatrixMarket or JSON file.",
        )


def _cut(source: Source, dialect: Dialect, account: Account, *, strict: bool) -> Table:
    """The table of the cells; what is noted on the way is forgotten where the quotes are broken."""
    notes = list(account.notes)
    with dialect.opened(source) as text:
        return Grid(
            account.name,
            _rows(text, dialect, account, notes, strict=strict),
            account.options,
            account.limits,
            dict(account.understood),
            notes,
            delimiter=dialect.delimiter,
            questions=list(account.questions),
        ).read()


def _long_texts(source: Source, dialect: Dialect, account: Account) -> Table:
    """The documents of a text in which one is longer than a line: a paragraph, or the whole file."""
    with dialect.opened(source, newline=None) as text:
        whole = text.read().lstrip("\ufeff")
    one = account.options.per == "file"
    texts = [whole.strip()] if one else [part.strip() for part in PARAGRAPHS.split(whole) if part.strip()]
    documents.check_number(len(texts), account.limits)
    account.notes.append("The whole file is one document." if one else "Blank lines divide the documents.")
    return documents.as_table(source.name, texts, account.notes, account.understood, questions=account.questions)


def _ask_what_a_document_is(start: str, options: ReadOptions, questions: list[Question]) -> None:
    """Ask where blank lines divide blocks of several lines: a line may be a document, or a paragraph."""
    blocks = [block for block in PARAGRAPHS.split(start.strip()) if block.strip()]
    lines = sum(len(block.strip().splitlines()) for block in blocks)
    if len(blocks) < 2 or lines < 1.5 * len(blocks):
        return
    per_line = Fix("Each line", {"per": "line"}, f"{lines:,} documents in the part that was looked at.")
    per_paragraph = Fix("Each paragraph", {"per": "paragraph"}, f"{len(blocks):,} documents; blank lines divide them.")
    both = (per_paragraph, per_line) if options.per == "paragraph" else (per_line, per_paragraph)
    questions.append(Question("documents", "Blank lines divide the text. What is one document?", both))


def _settled(delimiter: str, lines: list[str], quote: str, options: ReadOptions, questions: list[Question]) -> str:
    """The delimiter, or none where what it divides reads like sentences; asked where the rows could be either."""
    wanted = options.content
    if wanted == "documents" and delimiter == WHITESPACE and options.text_column is None:
        return NO_DELIMITER  # numbers asked for as documents are whole lines too
    if delimiter not in (",", ";", ":") or wanted in ("matrix", "ratings", "counts") or options.text_column is not None:
        return delimiter
    if options.header or options.index_column or options.label_column or options.drop_columns or options.facts:
        return delimiter
    rows = _tokenised(lines, delimiter, quote)
    cells = [cell for row in rows for cell in row]
    quoted = sum(f"{quote}{delimiter}" in line or f"{delimiter}{quote}" in line for line in lines) if quote else 0
    if not cells or quoted or mostly_numeric(cells) >= PROSE_NUMBERS or _has_column_of_numbers(rows):
        return delimiter
    words = sum(words_in(cell) for cell in cells) / len(cells)
    after = sum(line.rstrip("\r\n").count(delimiter + " ") + line.rstrip("\r\n").endswith(delimiter) for line in lines)
    spaced = after / max(1, sum(line.count(delimiter) for line in lines))
    if words < PROSE_WORDS or spaced < 0.5:
        return delimiter
    mark = NAMES[delimiter]
    as_lines = Fix(
        "Each line is a text", {"delimiter": NO_DELIMITER, "content": "documents"}, f"Its {mark} belongs to the sentence."
    )
    as_table = Fix("It is a table", {"delimiter": delimiter}, f"Each {mark} divides two columns.")
    prose = spaced >= 0.95 and _fewest_words(rows) >= WORDS_OF_A_CLAUSE and not _is_named_table(rows[0])
    choices = (as_lines, as_table) if prose else (as_table, as_lines)
    asks = f"Every line has {'a' if mark[0] not in 'aeiou' else 'an'} {mark}. Are these texts, or rows of a table?"
    questions.append(Question("texts or table", asks, choices))
    return NO_DELIMITER if prose else delimiter


def _fewest_words(rows: list[list[str]]) -> float:
    """The mean words of a cell in the column that has the fewest: a column of single words is no part of a sentence."""
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    rows = [row for row in rows if len(row) == width]
    return min(sum(words_in(row[j]) for row in rows) / len(rows) for j in range(width))


def _is_named_table(first: list[str]) -> bool:
    """Whether the first row is a header that says what texts are."""
    return any(names.plain(cell) in names.LABELLED for cell in first) and all(len(cell.split()) <= 2 for cell in first)


def _has_column_of_numbers(rows: list[list[str]]) -> bool:
    """Whether one of the columns holds numbers in nearly all of its rows."""
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    rows = [row for row in rows if len(row) == width]
    return any(mostly_numeric([row[j] for row in rows[1:]] or ["x"]) >= 0.9 for j in range(width))


def _start(source: Source, name: str, errors: str) -> str:
    """The first characters of the file."""
    with source.open() as raw, io.TextIOWrapper(raw, encoding=name, errors=errors, newline="") as text:
        return text.read(SNIFF_CHARACTERS)


def _rows(text: io.TextIOWrapper, dialect: Dialect, account: Account, notes: list[str], *, strict: bool) -> Iterator[Row]:
    """The rows of cells with the line each begins on."""
    lines = _lines(text, dialect.delimiter, account, notes)
    for _ in range(dialect.skip):
        next(lines, None)
    if dialect.delimiter == NO_DELIMITER:
        for number, line in enumerate(lines, dialect.skip + 1):
            yield number, [_unquoted(line.strip("\ufeff\r\n"), dialect.quote)]
        return
    reader = _reader(lines, dialect.delimiter, "" if dialect.delimiter == DOUBLE_COLON else dialect.quote, strict=strict)
    end = dialect.skip
    try:
        for row in reader:
            if end == dialect.skip and row:
                row[0] = row[0].lstrip("\ufeff")
            yield end + 1, row
            end = dialect.skip + reader.line_num
    except csv.Error as error:
        raise _said(str(error), end + 1) from None


def _reader(lines: Iterable[str], delimiter: str, quote: str, *, strict: bool = False) -> Any:
    """The standard library's reader of such lines."""
    return csv.reader(
        _divided(lines, delimiter),
        delimiter=_mark(delimiter),
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        skipinitialspace=True,  # a quote may follow a space; cells are trimmed anyway
        strict=strict,
    )


def _said(error: str, line: int) -> Exception:
    """What the csv module says of the row that begins on that line, in our words."""
    if "expected after" in error:
        return _BrokenQuotes()
    if "unexpected end" in error or "field larger" in error:
        return UploadError(
            "A quoted cell is never closed" if "end" in error else "A cell is too long; perhaps a quote is never closed",
            place=f"it begins on line {line}",
            way_out="Close the quote, or read quotes as ordinary characters.",
            fixes=(Fix("Read quotes as ordinary characters", {"quote": ""}),),
        )
    return UploadError(f"The text cannot be cut into cells: {error}", place=f"line {line}", way_out="Correct that line.")


def _mark(delimiter: str) -> str:
    """The one character at which the csv module divides."""
    return " " if delimiter == WHITESPACE else UNIT if delimiter == DOUBLE_COLON else delimiter


def _divided(lines: Iterable[str], delimiter: str) -> Iterator[str]:
    """Lines in which a delimiter of several characters is one character."""
    if delimiter == WHITESPACE:
        return (line.strip().replace("\t", " ") + "\n" for line in lines)
    return (line.replace(DOUBLE_COLON, UNIT) for line in lines) if delimiter == DOUBLE_COLON else iter(lines)


def _unquoted(cell: str, quote: str) -> str:
    if quote and len(cell) > 1 and cell[0] == quote == cell[-1]:
        return cell[1:-1].replace(quote * 2, quote)
    return cell


def _lines(text: io.TextIOWrapper, delimiter: str, account: Account, notes: list[str]) -> Iterator[str]:
    """The lines, checked for NUL characters and for more columns than can be."""
    options, limits = account.options, account.limits
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
                raise TooLarge(
                    f"Line {number} has {count:,} cells; at most {limits.columns:,} columns can be read",
                    place=f"line {number}",
                    way_out="Transpose the table, or save it as a sparse NPZ file with fewer columns.",
                )
        yield line
    if removed:
        notes.append(f"{counted(removed, 'NUL character')} removed, as you chose.")


def _sample(start: str, cut: bool, skip: int) -> list[str]:
    """The first lines; without comments, unless every line is one."""
    lines = start.lstrip("\ufeff").splitlines(keepends=True)[skip:]
    if cut and len(lines) > 1:
        lines = lines[:-1]  # it may be half a line
    lines = [line for line in lines if line.strip()][:SNIFF_ROWS]
    return [line for line in lines if not line.lstrip().startswith(COMMENT)] or lines


def sniff_delimiter(start: str, quote: str, cut: bool, skip: int = 0) -> str:
    """The delimiter that divides the first lines most evenly into cells that look like numbers."""
    lines = _sample(start, cut, skip)
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
    if delimiter in (DOUBLE_COLON, ":", "^", "~") and even < 0.95:
        return 0.0  # rare delimiters have to divide every line, the header too: times and ratios have colons
    return even * (0.3 + 0.7 * numeric)


def _cuts_labels(lines: list[str], rival: str, quote: str) -> bool:
    """Whether spaces divide labels ("u1,film 3,4"): the other delimiter divides every line, and stands beside letters."""
    even = len({len(row) for row in _tokenised(lines, rival, quote)}) == 1
    cells = [cell for row in _tokenised(lines, WHITESPACE, quote) for cell in row if rival in cell]
    return even and any(letter.isalpha() for cell in cells for letter in cell)


def _tokenised(lines: list[str], delimiter: str, quote: str) -> list[list[str]]:
    try:
        return list(_reader(lines, delimiter, quote))
    except csv.Error:
        return []
