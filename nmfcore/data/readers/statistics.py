"""How are Stata (.dta) and SPSS (.sav) files read? By pandas and pyreadstat, in the child process.

Columns whose codes have names (1 = "yes") are facts with these names. Batteries of questions that share one list of names (1 =
"never" ... 5 = "always", for three columns or more) stay numbers, because their codes are an order.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nmfcore.data.model.errors import TooLarge, UploadError, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import names
from nmfcore.data.readers.cells import Row
from nmfcore.data.readers.grid import Grid
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

BATTERY = 3  # columns that share one list of names from which on they are numbers
BLOCK = 10_000  # rows taken in one go


def read_stata(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table in a Stata file."""
    from pandas.io.stata import StataReader

    try:
        with source.open() as stream, StataReader(io.BytesIO(stream.read()), convert_categoricals=False) as reader:
            labels = reader.value_labels()
            rows, columns = (int(getattr(reader, name, 1)) for name in ("_nobs", "_nvar"))  # pandas has no public names for
            sets = dict(zip(getattr(reader, "_varlist", ()), getattr(reader, "_lbllist", ()), strict=False))  # these
            _check_size(source, rows, columns, limits)
            frame = reader.read()
    except UploadError:
        raise
    except Exception as error:  # the library raises what comes up; the file is damaged
        raise _damaged(source, "Stata", error) from None
    named = {name: labels[sets[name]] for name in frame.columns if sets.get(name) in labels}
    return _table(frame, named, source, options, limits, "stata")


def read_spss(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table in an SPSS file."""
    try:
        import pyreadstat
    except ImportError:
        raise UploadError(
            f"{shown(source.name)} is an SPSS file; reading it needs the package pyreadstat",
            way_out="Install it (pip install 'nmf-dashboard[formats]'), or save the table as CSV.",
        ) from None
    try:
        with source.open() as stream:
            content = io.BytesIO(stream.read())
        _, about = pyreadstat.read_sav(content, metadataonly=True)
        _check_size(source, about.number_rows or 0, about.number_columns or 0, limits)
        content.seek(0)
        frame, about = pyreadstat.read_sav(content)
    except UploadError:
        raise
    except Exception as error:  # the library raises what comes up; the file is damaged
        raise _damaged(source, "SPSS", error) from None
    return _table(frame, about.variable_value_labels, source, options, limits, "spss")


def _damaged(source: Source, kind: str, error: Exception) -> UploadError:
    said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return UploadError(
        f"{shown(source.name)} is a damaged {kind} file: {said}", way_out="Save or copy it again, or save it as CSV."
    )


def _check_size(source: Source, rows: int, columns: int, limits: Limits) -> None:
    """Refuse a header that claims more rows than can be read, or than the file has bytes for."""
    if columns > limits.columns or rows > limits.rows or rows * columns > 4 * limits.dense_cells:
        raise TooLarge(
            f"The table has {rows:,} rows and {columns:,} columns, more than can be read", way_out="Take a part of it."
        )
    if rows < 1 or columns < 1:
        raise UploadError(f"The table has {rows:,} rows and {columns:,} columns", way_out="Choose a file with data.")
    if rows > 200 * source.size:
        raise UploadError(
            f"The file claims {rows:,} rows, but has {source.size:,} bytes", way_out="It is damaged; copy it again."
        )


def _table(
    frame: Any, labels: Mapping[str, Mapping[Any, str]], source: Source, options: ReadOptions, limits: Limits, key: str
) -> Table:
    """The data frame through the grid of cells: the one decision on what its columns are."""
    notes: list[str] = []
    titles = names.unique([str(column) for column in frame.columns])
    shared = Counter(tuple(sorted((str(code), name) for code, name in named.items())) for named in labels.values())
    asked = {titles[c] if isinstance(c, int) and -len(titles) <= c < len(titles) else str(c) for c in options.features}
    columns: list[list[Any]] = []
    battery, facts = [], []
    for title, column in zip(titles, frame.columns, strict=True):
        cells = [None if value is None or value != value else value for value in frame[column].tolist()]
        named = labels.get(str(column)) or {}
        same = shared[tuple(sorted((str(code), name) for code, name in named.items()))] if named else 0
        if named and same < BATTERY and title not in asked:
            cells = [named.get(cell, cell) if cell is not None else None for cell in cells]
            facts.append(title)
        elif named:
            battery.append(title)
        columns.append(cells)
    if battery:
        notes.append(f"The codes of {listed(battery)} have names, but are kept as numbers: several columns share them.")
    if facts:
        notes.append(f"The codes of {listed(facts)} were replaced by their names.")
    chosen = replace(options, facts=[*options.facts, *(fact for fact in facts if fact not in asked)])

    def rows() -> Iterator[Row]:
        for number, row in enumerate(zip(*columns, strict=True), 1):
            yield number, list(row)

    understood: dict[str, Any] = {"format": key}
    return Grid(source.name, rows(), chosen, limits, understood, notes, unit="row", header=titles, typed=True).read()
