"""How is a MatrixMarket file (.mtx) read? Source: Boisvert, Pozo & Remington 1996, "The Matrix Market exchange formats"."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

from nmfcore.data.model.errors import TooLarge, UploadError, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import arrays
from nmfcore.data.readers.npz import coordinates
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

BLOCK = 200_000  # lines turned into numbers in one go


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The matrix in a MatrixMarket file."""
    notes: list[str] = []
    with source.open() as raw, io.TextIOWrapper(raw, encoding="latin-1") as text:
        lines = _Lines(text)
        layout, field, symmetry = _header(lines)
        m, n, *stored = _sizes(lines, layout, symmetry, limits)
        if symmetry == "skew-symmetric":
            notes.append("The matrix is skew-symmetric: every entry comes with its negative.")
        if layout == "coordinate":
            X = _coordinate(lines, (m, n), stored[0], field, symmetry, limits, notes)
        else:
            X = _array(lines, (m, n), symmetry)
    if symmetry != "general":
        notes.append(f"The file stores one half of a {symmetry} matrix; the other half was filled in.")
    X = arrays.settle_infinite(X, options, notes)
    understood = {"format": "mtx", "layout": layout, "field": field, "symmetry": symmetry}
    return Table(name=source.name, X=X, notes=tuple(notes), understood=understood)


def _header(lines: _Lines) -> tuple[str, str, str]:
    """Layout, field and symmetry, as the first line names them."""
    head = next(lines, "").lower().split()
    if len(head) != 5 or head[:2] != ["%%matrixmarket", "matrix"]:
        raise UploadError("The first line is no MatrixMarket header", place="line 1", value=shown(" ".join(head)), way_out=_AGAIN)
    layout, field, symmetry = head[2:]
    if field == "complex" or symmetry == "hermitian":
        raise UploadError("The matrix holds complex numbers; NMF needs real ones", place="line 1", way_out="Save its modulus.")
    if layout not in ("coordinate", "array") or field not in ("real", "integer", "pattern", "double", "unsigned-integer"):
        raise UploadError(f"A MatrixMarket file of {layout} {field} is not known", place="line 1", way_out=_AGAIN)
    if symmetry not in ("general", "symmetric", "skew-symmetric"):
        raise UploadError(f"The symmetry {shown(symmetry)} is not known", place="line 1", way_out=_AGAIN)
    return layout, field, symmetry


def _sizes(lines: _Lines, layout: str, symmetry: str, limits: Limits) -> list[int]:
    """Rows, columns and, of coordinates, the number of entries."""
    sizes = next((line for line in lines if line.strip() and not line.startswith("%")), "")
    wanted = 3 if layout == "coordinate" else 2
    if len(sizes.split()) != wanted or not all(part.isdigit() for part in sizes.split()):
        raise UploadError("The line with the sizes is damaged", place=f"line {lines.number}", value=shown(sizes), way_out=_AGAIN)
    m, n, *stored = (int(part) for part in sizes.split())
    if m < 1 or n < 1:
        raise UploadError(f"The matrix has {m} rows and {n} columns", place=f"line {lines.number}", way_out=_AGAIN)
    arrays.check_shape((m, n), limits, dense=layout == "array")
    if symmetry != "general" and m != n:
        raise UploadError(f"A {symmetry} matrix must be square; this one is {m:,} x {n:,}", way_out=_AGAIN)
    return [m, n, *stored]


_AGAIN = "Write it again, for instance with scipy.io.mmwrite."


class _Lines:
    """The lines of a file with the number of the last one."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text, self.number = text, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.text.readline(1_000_000)
        if not line:
            raise StopIteration
        self.number += 1
        return line


def _numbers(lines: _Lines, per_line: int, expected: int) -> np.ndarray:
    """(expected, per_line) numbers, checked line by line only where the quick way fails.

    Raises
    ------
    UploadError
        If a line is damaged, or there are more or fewer than announced.
    """
    found = np.empty((expected, per_line))
    count = 0
    while True:
        start = lines.number
        block = []
        for line in lines:
            if line.strip() and not line.startswith("%"):
                block.append(line)
            if len(block) >= BLOCK:
                break
        if not block:
            break
        if count + len(block) > expected:
            raise UploadError(
                f"The header announces {expected:,} entries, but there are more", place=f"line {lines.number}", way_out=_AGAIN
            )
        found[count : count + len(block)] = _parsed(block, per_line, start)
        count += len(block)
    if count < expected:
        raise UploadError(
            f"The header announces {expected:,} entries, but there are {count:,}: the file is truncated",
            place=f"after line {lines.number}",
            way_out="Copy or write it again.",
        )
    return found


def _parsed(block: list[str], per_line: int, start: int) -> np.ndarray:
    parts = [line.split() for line in block]
    if all(len(part) == per_line for part in parts):
        try:
            return np.array(parts, dtype=np.float64)
        except ValueError:
            pass
    for offset, part in enumerate(parts):
        try:
            good = len([float(number) for number in part]) == per_line
        except ValueError:
            good = False
        if not good:
            raise UploadError(
                f"A line does not hold {per_line} numbers",
                place=f"about line {start + offset + 1}",
                value=shown(block[offset].strip()),
                way_out=_AGAIN,
            )
    raise UploadError("A line is damaged", place=f"after line {start}", way_out=_AGAIN)


def _coordinate(lines: _Lines, shape: tuple[int, int], stored: int, field: str, symmetry: str, limits: Limits, notes: list[str]):  # type: ignore[no-untyped-def]
    if stored > limits.stored_values:
        raise TooLarge(
            f"The matrix stores {stored:,} values; at most {limits.stored_values:,} can be read", way_out="Take a part."
        )
    table = _numbers(lines, 2 if field == "pattern" else 3, stored)
    places = table[:, :2]
    bad = ~(np.isfinite(places).all(axis=1)) | (places < 1).any(axis=1) | (places > np.array(shape)).any(axis=1)
    bad |= (places != np.floor(places)).any(axis=1)
    if bad.any():
        entry = int(np.argmax(bad))
        raise UploadError(
            f"An index is out of range: row {places[entry, 0]:g}, column {places[entry, 1]:g} of {shape[0]:,} x {shape[1]:,}",
            place=f"entry {entry + 1:,}",
            way_out="Indices count from 1. " + _AGAIN,
        )
    row, column = places.astype(np.int64).T - 1
    data = np.ones(stored) if field == "pattern" else table[:, 2]
    if field == "pattern":
        notes.append("The file holds places without values; each became a 1.")
    if symmetry != "general":
        off = row != column
        sign = -1.0 if symmetry == "skew-symmetric" else 1.0
        row, column = np.concatenate([row, column[off]]), np.concatenate([column, row[off]])
        data = np.concatenate([data, sign * data[off]])
    return coordinates(data, row, column, shape, "the matrix", limits, notes)


def _array(lines: _Lines, shape: tuple[int, int], symmetry: str) -> np.ndarray:
    m, n = shape
    if symmetry == "general":
        return np.ascontiguousarray(_numbers(lines, 1, m * n)[:, 0].reshape(n, m).T)
    skew = symmetry == "skew-symmetric"
    column, row = np.triu_indices(n, 1 if skew else 0)  # by columns, from the diagonal down
    values = _numbers(lines, 1, row.size)[:, 0]
    X = np.zeros(shape)
    X[row, column] = values
    X[column, row] = -values if skew else values
    return X
