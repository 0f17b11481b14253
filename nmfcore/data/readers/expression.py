"""How are tables of gene expression read: GCT (Broad Institute) and GEO's series matrix?

Both hold genes or probes in rows and samples in columns; what they say of the samples are facts of the columns.
Sources: GCT 1.2 and 1.3 (Broad Institute); Barrett et al. 2013 (GEO).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from nmfcore.data.model.errors import TooLarge, UploadError, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import encoding as encodings
from nmfcore.data.readers import names
from nmfcore.data.readers.cells import Row
from nmfcore.data.readers.grid import Grid
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

LONGEST = 10_000_000  # characters of a line
AXES = [["genes", "gene"], ["samples", "sample"]]
BEGIN, END = "!series_matrix_table_begin", "!series_matrix_table_end"
_AGAIN = "Save or copy it again."


def read_gct(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table in a GCT file, version 1.2 or 1.3."""
    with _opened(source, options) as (text, notes):
        version = text.readline(LONGEST).strip().lstrip("\ufeff")
        if version.split("\t")[0].strip() not in ("#1.2", "#1.3"):
            raise UploadError("The version of the GCT file is not known", place="line 1", value=shown(version), way_out=_AGAIN)
        sizes = text.readline(LONGEST).split()
        wanted = 4 if version.startswith("#1.3") else 2
        if len(sizes) < wanted or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in sizes[:wanted]):
            raise UploadError(
                "The line with the sizes is damaged", place="line 2", value=shown(" ".join(sizes[:6])), way_out=_AGAIN
            )
        m, n, beside, above = (int(part) for part in [*sizes[:wanted], "1", "0"][:4])
        if n > limits.columns or m > limits.rows or beside > limits.columns or above > limits.rows:
            raise TooLarge(f"The table has {m:,} rows and {n:,} columns, more than can be read", way_out="Take a part of it.")
        header = _cells(text.readline(LONGEST))
        if len(header) != 1 + beside + n:
            raise UploadError(
                f"The header has {len(header):,} names; {1 + beside + n:,} were announced", place="line 3", way_out=_AGAIN
            )
        column_aside = {}
        for number in range(above):
            cells = _cells(text.readline(LONGEST))
            if len(cells) != len(header):
                raise UploadError("A row of facts about the samples is damaged", place=f"line {4 + number}", way_out=_AGAIN)
            column_aside[cells[0]] = cells[1 + beside :]
        titles = names.unique(header)
        facts = titles[1 : 1 + beside]
        chosen = replace(options, index_column=titles[0] if options.index_column is None else options.index_column,
                         facts=[*options.facts, *(fact for fact in facts if fact not in options.features)])  # fmt: skip
        rows = ((4 + above + number, _cells(line)) for number, line in enumerate(_lines(text)))
        understood: dict[str, Any] = {"format": "gct", "version": version[1:4], "axes": AXES}
        table = Grid(source.name, rows, chosen, limits, understood, notes, header=titles).read()
    if table.shape[0] != m:
        raise UploadError(f"The file announces {m:,} rows, but there are {table.shape[0]:,}", way_out=_AGAIN)
    said = {name: cells for name, cells in table.aside.items() if len(set(cells)) > 1}  # "na" throughout says nothing
    return _with_samples(replace(table, aside=said), column_aside, header[1 + beside :])


def read_series(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table in a GEO series matrix, with what the file says of the samples."""
    with _opened(source, options) as (text, notes):
        said: dict[str, list[str]] = {}
        number = 0
        for line in _lines(text):
            number += 1
            if line.lower().startswith(BEGIN):
                break
            cells = _cells(line)
            if cells and cells[0].lower().startswith("!sample_") and len(cells) > 1:
                name = cells[0][len("!Sample_") :]
                said[name if name not in said else f"{name} ({sum(key.startswith(name) for key in said) + 1})"] = cells[1:]
        else:
            raise UploadError("The series matrix has no table", way_out="Take the file that ends in _series_matrix.txt.")
        header = _cells(text.readline(LONGEST))
        if len(header) < 2:
            raise UploadError("The table has no samples", place=f"line {number + 1}", way_out=_AGAIN)
        titles = names.unique(header)
        rows = _until(text, END, number + 2)
        chosen = replace(options, index_column=titles[0] if options.index_column is None else options.index_column)
        understood: dict[str, Any] = {"format": "geo", "axes": [["probes", "probe"], ["samples", "sample"]]}
        notes.append("GEO series matrix: probes in rows, samples in columns; what it says of the samples is kept as their facts.")
        table = Grid(source.name, rows, chosen, limits, understood, notes, header=titles).read()
    return _with_samples(table, said, header[1:])


def _with_samples(table: Table, said: dict[str, list[str]], samples: list[str]) -> Table:
    """The table with facts of its columns; those of columns without any value went with them."""
    labels = list(table.column_labels or ())
    places = [samples.index(label) if label in samples else -1 for label in labels]
    if len(samples) == len(labels):
        places = list(range(len(labels)))
    facts = {
        name: [cells[place] if 0 <= place < len(cells) else "" for place in places]
        for name, cells in said.items()
        if len(cells) == len(samples) and any(cells)
    }
    return replace(table, column_aside=facts)


class _opened:
    """The text of a source, and the notes on its encoding."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        encoding, errors, note = encodings.sniff(source, options.encoding)
        self.notes = [note] if note else []
        self.text = io.TextIOWrapper(source.open(), encoding=encoding, errors=errors, newline=None)

    def __enter__(self) -> tuple[io.TextIOWrapper, list[str]]:
        return self.text, self.notes

    def __exit__(self, *ended: object) -> None:
        self.text.close()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST):
        yield line


def _until(text: io.TextIOWrapper, end: str, number: int) -> Iterator[Row]:
    for line in _lines(text):
        if line.lower().startswith(end):
            return
        yield number, _cells(line)
        number += 1
    raise UploadError("The table is cut off before its end", place=f"line {number}", way_out="Download or copy it again.")


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line.rstrip("\r\n")], delimiter="\t"), [])]
    except csv.Error:
        return [cell.strip().strip('"') for cell in line.rstrip("\r\n").split("\t")]
