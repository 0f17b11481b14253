"""How is an ARFF file read (Weka's format)? Its attributes say what each column is.

Numeric attributes are features; nominal, string and date attributes are facts, also where their values are digits. Rows in braces
are sparse: what they do not name is 0, or the first value of a nominal attribute. Source: Witten & Frank 2005, section 2.4.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from nmfcore.data.model.errors import TooLarge, UploadError, counted, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import encoding as encodings
from nmfcore.data.readers import names
from nmfcore.data.readers.cells import Row
from nmfcore.data.readers.grid import Grid
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

NUMERIC = ("numeric", "real", "integer")
_ATTRIBUTE = re.compile(r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s{]+)\s*(\{.*\}|\w+.*)\s*$""", re.I)
_SPARSE = re.compile(r"""(\d{1,9})\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)""")
LONGEST = 10_000_000  # characters of a line
_AGAIN = "Correct it, or save the file again."


@dataclass(frozen=True)
class Attribute:
    """A column: its name, whether it is numeric, and what a sparse row means that does not name it."""

    name: str
    numeric: bool
    absent: str


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table in an ARFF file."""
    encoding, errors, note = encodings.sniff(source, options.encoding)
    notes = [note] if note else []
    with source.open() as raw, io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline=None) as text:
        attributes, first = _header(text, limits)
        titles = names.unique([attribute.name for attribute in attributes])
        facts = [title for title, attribute in zip(titles, attributes, strict=True) if not attribute.numeric]
        if facts:
            notes.append(f"{counted(len(facts), 'attribute is', 'attributes are')} not numeric: {listed(facts)}.")
        asked = [column for column in options.features if column in facts]
        chosen = replace(options, facts=[*options.facts, *(fact for fact in facts if fact not in asked)], index_column=
                         False if options.index_column is None else options.index_column)  # fmt: skip
        rows = _rows(text, attributes, first)
        understood: dict[str, Any] = {"format": "arff", "encoding": encoding, "attributes": len(attributes)}
        return Grid(source.name, rows, chosen, limits, understood, notes, header=titles).read()


def _header(text: io.TextIOWrapper, limits: Limits) -> tuple[list[Attribute], int]:
    """The attributes, and the number of the line before the data."""
    attributes: list[Attribute] = []
    number = 0
    while line := text.readline(LONGEST):
        number += 1
        bare = line.strip().lstrip("\ufeff")
        low = bare.lower()
        if not bare or bare.startswith("%") or low.startswith("@relation"):
            continue
        if low.startswith("@data"):
            if not attributes:
                raise UploadError("The file has no attributes", place=f"line {number}", way_out=_AGAIN)
            return attributes, number
        found = _ATTRIBUTE.fullmatch(bare)
        if found is None:
            raise UploadError("A line is no attribute", place=f"line {number}", value=shown(bare), way_out=_AGAIN)
        kind = found[2].strip()
        if kind.lower().startswith("relational"):
            raise UploadError("Relational attributes are not read", place=f"line {number}", way_out="Flatten them first.")
        values = _cells(kind[1:-1]) if kind.startswith("{") else []
        numeric = kind.split()[0].lower() in NUMERIC
        absent = "0" if numeric else values[0] if values else ""
        attributes.append(Attribute(_unquoted(found[1]), numeric, absent))
        if len(attributes) > limits.columns:
            raise TooLarge(f"There are more than {limits.columns:,} attributes", place=f"line {number}", way_out="Take fewer.")
    raise UploadError("The file has no @data", way_out="The file is truncated; copy it again.")


def _rows(text: io.TextIOWrapper, attributes: list[Attribute], number: int) -> Iterator[Row]:
    while line := text.readline(LONGEST):
        number += 1
        bare = line.strip()
        if not bare or bare.startswith("%"):
            continue
        if not bare.startswith("{"):
            yield number, list(_cells(bare))
            continue
        row = [attribute.absent for attribute in attributes]
        inside = bare[1:].partition("}")[0].strip()
        place = 0
        while place < len(inside):
            found = _SPARSE.match(inside, place)
            if found is None or int(found[1]) >= len(row):
                raise UploadError(
                    "A sparse row does not name an attribute and its value",
                    place=f"line {number}",
                    value=shown(inside[place : place + 40]),
                    way_out=_AGAIN,
                )
            row[int(found[1])] = _unquoted(found[2].strip())
            place = found.end()
            while place < len(inside) and inside[place].isspace():
                place += 1
        yield number, list(row)


def _cells(line: str) -> list[str]:
    """The cells of a line, divided by commas, in single or double quotes."""
    quote = "'" if line.count("'") >= 2 and line.count('"') < 2 else '"'
    try:
        row = next(csv.reader([line], quotechar=quote, escapechar="\\", skipinitialspace=True), [])
    except csv.Error:
        raise UploadError("A line cannot be cut into cells", value=shown(line), way_out=_AGAIN) from None
    return [cell.strip() for cell in row]


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
