"""How are some of the rows written as text, so that a link or a step of preparation can hold them?

As ranges where they lie together ("1-3,7"); scattered rows are packed: "~" and then, in base64 and compressed by zlib, either the
steps from each row to the next (seven bits a byte, as in LEB128) or one bit for every row, whichever is shorter.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable

import numpy as np

from nmfcore.core.checks import ProblemError

READABLE = 200  # characters up to which rows are written as ranges, whatever would be shorter
PACKED = "~"
STEPS, BITS = b"s", b"b"
MOST_ROWS = 100_000_000  # of any data; more is not unpacked


def as_text(rows: Iterable[int]) -> str:
    """Row numbers as short as they can be written; `from_ranges` reads them."""
    ranges = as_ranges(rows)
    if len(ranges) <= READABLE:
        return ranges
    found = from_ranges(ranges, MOST_ROWS) if not isinstance(rows, np.ndarray) else np.unique(rows)
    bits = np.packbits(np.bincount(found).astype(bool), bitorder="little").tobytes()
    shortest = min((zlib.compress(kind, 9) for kind in (STEPS + _steps(found), BITS + bits)), key=len)
    packed = PACKED + base64.urlsafe_b64encode(shortest).decode().rstrip("=")
    return min(packed, ranges, key=len)


def _steps(found: np.ndarray) -> bytes:
    """The difference of each row to the one before, seven bits a byte, the last byte of each below 128."""
    out = bytearray()
    for step in np.diff(found, prepend=-1).tolist():
        rest = step - 1
        while rest > 127:
            out.append(128 + rest % 128)
            rest //= 128
        out.append(rest)
    return bytes(out)


def as_ranges(rows: Iterable[int]) -> str:
    """Row numbers as text, counted from 1: [0, 1, 2, 6] is "1-3,7"."""
    found: list[list[int]] = []
    for row in sorted({int(row) for row in rows}):
        if found and row == found[-1][1] + 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    return ",".join(f"{a + 1}" if a == b else f"{a + 1}-{b + 1}" for a, b in found)


def count_of(text: str) -> int:
    """How many rows a text names, whatever the data; 0 where it names none that can be read."""
    try:
        if text.startswith(PACKED):
            return len(_unpacked(text, MOST_ROWS))
        return sum(int(b or a) - int(a) + 1 for a, _, b in (part.partition("-") for part in text.split(",")))
    except ValueError:
        return 0


def from_ranges(text: str, size: int) -> np.ndarray:
    """The row numbers (from 0, rising) that `as_ranges` or `as_text` wrote.

    Raises
    ------
    ProblemError
        If it is no list of rows, or names a row beyond `size`.
    """
    if text.startswith(PACKED):
        found = _unpacked(text, size)
        if len(found) and found[-1] >= size:
            raise ProblemError(f"Row {int(found[-1]) + 1:,} is not among the {size:,} that there are.")
        return found
    ends = [_ends(part, size) for part in text.split(",")] if text else []
    return np.unique(np.concatenate([np.arange(first - 1, last) for first, last in ends])) if ends else np.zeros(0, np.int64)


def _ends(part: str, size: int) -> tuple[int, int]:
    ends = part.split("-")
    if not 1 <= len(ends) <= 2 or not all(end.isascii() and end.isdigit() and len(end) < 12 for end in ends):
        raise ProblemError(f"{part[:30]!r} is no row or range of rows; write them as 1-3,7.")
    first, last = int(ends[0]), int(ends[-1])
    if not 1 <= first <= last <= size:
        raise ProblemError(f"Rows {part[:30]} are not among the {size:,} that there are.")
    return first, last


def _unpacked(text: str, size: int) -> np.ndarray:
    """The rows of a packed text; no more is unpacked than so many rows can take."""
    damaged = ProblemError("The rows in this text are damaged.")
    try:
        packed = base64.b64decode(text[1:] + "=" * (-len(text[1:]) % 4), altchars=b"-_", validate=True)
        stream = zlib.decompressobj()
        plain = stream.decompress(packed, 1 + 2 * size + 16)
    except (binascii.Error, zlib.error, ValueError):
        raise damaged from None
    if not plain or not stream.eof:
        raise damaged
    kind, values = plain[:1], np.frombuffer(plain[1:], np.uint8)
    if kind == BITS:
        return np.flatnonzero(np.unpackbits(values, bitorder="little"))
    if kind != STEPS or (len(values) and values[-1] > 127):
        raise damaged
    return _from_steps(values, damaged)


def _from_steps(values: np.ndarray, damaged: ProblemError) -> np.ndarray:
    last = np.flatnonzero(values < 128)  # the last byte of each step
    begin = np.concatenate([[0], last[:-1] + 1]) if len(last) else np.zeros(0, int)
    place = np.arange(len(values)) - np.repeat(begin, last - begin + 1)
    if len(place) and place.max() > 4:
        raise damaged
    parts = (values.astype(np.int64) & 127) << (7 * place)
    return np.cumsum(np.add.reduceat(parts, begin) + 1) - 1 if len(last) else np.zeros(0, np.int64)
