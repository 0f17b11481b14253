"""How are sparse rows of "index:value" pairs read: SVMlight (libsvm) and LDA-C?

SVMlight begins a row with its label (or several, divided by commas), LDA-C with the number of its pairs; LDA-C counts terms from
0, SVMlight features from 1, unless index 0 occurs. What is not listed is a real zero. Sources: Joachims 1999, Chang & Lin 2011
(libsvm); Blei 2003 (lda-c).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np

from nmfcore.data.model.errors import TooLarge, UploadError, counted, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import arrays
from nmfcore.data.readers.npz import coordinates
from nmfcore.data.readers.numbers import GREATEST
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

_NUMBER = rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
LINE = re.compile(rb"(%s(?:,%s)*)((?:[ \t]+(?:qid|\d+):%s)*)[ \t]*(?:#.*)?" % (_NUMBER, _NUMBER, _NUMBER))
CLOCK = re.compile(rb":0\d")  # 12:05 is a time, no pair
LONGEST = 50_000_000  # characters of one line


def looks(head: bytes) -> bool:
    """Whether the first lines are rows of pairs."""
    lines = [line.strip() for line in head.splitlines()[:40]]
    whole = [line for line in (lines[:-1] if len(lines) > 1 and not head.endswith(b"\n") else lines) if line and line[:1] != b"#"]
    if not whole:  # one long line, cut off
        return bool(re.match(rb"%s([ \t]+\d+:%s){3}" % (_NUMBER, _NUMBER), head.lstrip()))
    if any(CLOCK.search(line) for line in whole):
        return False
    return all(LINE.fullmatch(line) for line in whole) and sum(b":" in line for line in whole) > len(whole) / 2


class _Rows:
    """What the rows hold: (row, index, value) of each pair, and of each row its label, its group and how many pairs it has."""

    def __init__(self) -> None:
        self.rows, self.columns, self.values = array("q"), array("q"), array("d")
        self.labels: list[str] = []
        self.groups: list[str] = []
        self.lengths: list[int] = []

    def add(self, place: int, label: str, pairs: list[str], limits: Limits) -> None:
        """One row, which stands in this line."""
        start, group = len(self.values), ""
        for pair in pairs:
            index, _, value = pair.partition(":")
            if index == "qid":
                group = value
                continue
            try:
                number, entry = int(index), float(value)
            except ValueError:
                raise UploadError(
                    "A pair is no index and number", place=f"line {place}", value=shown(pair), way_out=_AGAIN
                ) from None
            if not 0 <= number <= limits.columns or entry != entry or abs(entry) > GREATEST:
                raise UploadError(
                    f"An index or a value is out of range (at most {limits.columns:,} features)",
                    place=f"line {place}",
                    value=shown(pair),
                    way_out=_AGAIN,
                )
            self.rows.append(len(self.labels))
            self.columns.append(number)
            self.values.append(entry)
        self.labels.append(label)
        self.groups.append(group)
        self.lengths.append(len(self.values) - start)

    @property
    def counted(self) -> bool:
        """Whether each row begins with the number of its pairs, as LDA-C writes it."""
        return all(label == str(length) for label, length in zip(self.labels, self.lengths, strict=True))

    def matrix(self, first: int, columns: int, limits: Limits, notes: list[str]) -> Any:
        """The (m, columns) CSR matrix, with indices counted from `first`."""
        shape = (len(self.labels), columns)
        arrays.check_shape(shape, limits, dense=False)
        values, rows = np.frombuffer(self.values, np.float64), np.frombuffer(self.rows, np.int64)
        return coordinates(values, rows, np.frombuffer(self.columns, np.int64) - first, shape, "the file", limits, notes)


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The matrix of rows and features, with the labels of the rows as a fact."""
    found = _Rows()
    for place, label, pairs in _lines(source):
        if len(found.labels) >= limits.rows:
            raise TooLarge(f"There are more than {limits.rows:,} rows", way_out="Take a part of it.")
        found.add(place, label, pairs, limits)
        if len(found.values) > limits.stored_values:
            raise TooLarge(f"There are more than {limits.stored_values:,} values", way_out="Take a part of it.")
    if not len(found.values):
        raise UploadError("No row holds a pair of index and value", way_out="Choose a file with data.")
    return _table(source.name, found, limits)


def _table(name: str, found: _Rows, limits: Limits) -> Table:
    lda, labels = found.counted, found.labels
    first = 0 if lda or min(found.columns) == 0 else 1
    n = max(found.columns) + 1 - first
    notes: list[str] = []
    X = found.matrix(first, n, limits, notes)
    what = "LDA-C" if lda else "SVMlight"
    notes.insert(0, f"{what}: {counted(len(labels), 'row')} of pairs of index and value; what is not listed is 0.")
    aside = {} if lda else {"label": labels}
    if any(found.groups):
        aside["group"] = found.groups
    if aside:
        notes.append(f"The labels at the beginning of the rows ({len(set(labels)):,} different) are kept as a fact.")
    axes = [["documents", "document"], ["terms", "term"]] if lda else [["rows", "row"], ["features", "feature"]]
    return Table(
        name=name,
        content="counts" if lda else "matrix",
        X=X,
        column_labels=None if lda else [str(j + first) for j in range(n)],
        notes=tuple(notes),
        understood={"format": "pairs", "layout": what, "first_index": first, "axes": axes},
        aside=aside,
    )


def _lines(source: Source) -> Iterator[tuple[int, str, list[str]]]:
    """Number, label and pairs of each row; comments and blank lines are passed over."""
    with source.open() as stream:
        number = 0
        while line := stream.readline(LONGEST):
            number += 1
            text = line.partition(b"#")[0].strip()
            if not text:
                continue
            if not LINE.fullmatch(text):
                raise UploadError(
                    "A row is no label with pairs of index and value",
                    place=f"line {number}",
                    value=shown(text[:80].decode("latin-1")),
                    way_out=_AGAIN,
                )
            label, *pairs = text.decode("ascii").split()
            yield number, label, pairs


_AGAIN = "Correct it, or save the file again."
