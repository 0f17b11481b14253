"""How are bags of words read, as the UCI repository writes them?

Three lines with the numbers of documents, words and entries, then one line per entry: document, word, count, both counted from 1.
The words themselves stand in a file of their own (vocab.txt), which bundle.py puts beside it. Absent entries are real zeros.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np

from nmfcore.data.model.errors import TooLarge, UploadError, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import arrays
from nmfcore.data.readers.npz import coordinates
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

LOOKS = re.compile(rb"\s*\d{1,12}\s*\r?\n\s*\d{1,12}\s*\r?\n\s*\d{1,12}\s*\r?\n\s*\d+[ \t]+\d+[ \t]+\d+\s*(\r?\n|$)")
BLOCK = 200_000  # lines turned into numbers in one go
_AGAIN = "Save or copy it again."


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The counts of words (columns) in documents (rows)."""
    notes: list[str] = []
    with source.open() as raw, io.TextIOWrapper(raw, encoding="ascii", errors="replace") as text:
        m, n, stored = _announced(text, limits)
        parts = list(_blocks(text, stored))
    count = sum(map(len, parts))
    if count != stored:
        raise UploadError(f"The file announces {stored:,} entries, but there are {count:,}", way_out=_AGAIN)
    table = np.concatenate(parts) if parts else np.empty((0, 3))
    X = coordinates(
        table[:, 2], table[:, 0].astype(np.int64) - 1, table[:, 1].astype(np.int64) - 1, (m, n), "the file", limits, notes
    )
    X = arrays.settle_infinite(X, options, notes)
    notes.insert(0, f"Bags of words: {m:,} documents, {n:,} words, {stored:,} counts; a word that is not listed occurs 0 times.")
    understood = {"format": "bow", "axes": [["documents", "document"], ["terms", "term"]]}
    return Table(name=source.name, content="counts", X=X, notes=tuple(notes), understood=understood)


def _announced(text: io.TextIOWrapper, limits: Limits) -> tuple[int, int, int]:
    """The numbers of documents, words and entries, in the first three lines."""
    sizes = []
    for number in (1, 2, 3):
        line = text.readline(100).strip()
        if not line.isascii() or not line.isdigit() or len(line) > 15:
            raise UploadError(
                "The number of documents, words or entries is damaged",
                place=f"line {number}",
                value=shown(line),
                way_out=_AGAIN,
            )
        sizes.append(int(line))
    m, n, stored = sizes
    if min(m, n) < 1:
        raise UploadError(f"The file announces {m:,} documents and {n:,} words", place="line 1", way_out=_AGAIN)
    arrays.check_shape((m, n), limits, dense=False)
    if stored > limits.stored_values:
        raise TooLarge(
            f"The file announces {stored:,} entries; at most {limits.stored_values:,} can be read",
            way_out="Take a part of it.",
        )
    return m, n, stored


def _blocks(text: io.TextIOWrapper, stored: int) -> Iterator[np.ndarray]:
    """The entries, block by block; refused as soon as there are more than announced."""
    count = 0
    while lines := text.readlines(BLOCK * 12):
        block = _numbers(lines, 4 + count)
        count += len(block)
        if count > stored:
            raise UploadError(f"The file announces {stored:,} entries, but there are more", way_out=_AGAIN)
        yield block


def _numbers(lines: list[str], first: int) -> np.ndarray:
    """(lines, 3) numbers; blank lines at the end are passed over."""
    cells = [line.split() for line in lines if line.strip()]
    try:
        block = np.array(cells, dtype=np.float64).reshape(len(cells), 3)
    except ValueError:
        block = None
    if block is None or not (np.isfinite(block).all() and (block[:, :2] == np.floor(block[:, :2])).all()):
        bad = next((i for i, row in enumerate(cells) if len(row) != 3 or not all(_is_number(cell) for cell in row)), 0)
        raise UploadError(
            "A line does not hold document, word and count",
            place=f"line {first + bad}",
            value=shown(" ".join(cells[bad])),
            way_out=_AGAIN,
        )
    return block


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False
