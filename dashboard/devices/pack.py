"""How do arrays travel to a device? As one block of bytes: 4 bytes with the header's length, the header as JSON, then the arrays.

A tenth of what JSON takes, and nothing to parse. The same block in base64 is what an exported lesson holds; kit.js reads it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

KINDS = ("u1", "u2", "i2", "f4", "f8")  # types that have a typed array in the browser


def pack(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The header's entries and the arrays, little-endian and in C order.

    Raises
    ------
    ValueError
        If an array has a type that devices do not read, or the header holds a number that JSON has not (infinite, NaN).
    """
    parts: list[bytes] = []
    places: dict[str, dict[str, Any]] = {}
    at = 0
    for name, array in arrays.items():
        kind = array.dtype.str[1:]
        if kind not in KINDS:
            raise ValueError(f"The array {name!r} is of type {array.dtype}; devices read {', '.join(KINDS)}.")
        block = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        places[name] = {"kind": kind, "shape": list(array.shape), "at": at, "size": len(block)}
        parts.append(block)
        at += len(block)
    text = json.dumps({**head, "arrays": places}, allow_nan=False, separators=(",", ":")).encode()
    return b"".join([struct.pack("<I", len(text)), text, *parts])


def quantised(A: np.ndarray, kind: str = "u2") -> tuple[np.ndarray, np.ndarray]:
    """A (k, ...) >= 0 as whole numbers, 65535 (u1: 255) being each slice's maximum; and the maxima (k,) as float32."""
    top = np.maximum(A.reshape(len(A), -1).max(axis=1), np.finfo(np.float32).tiny).astype(np.float32)
    shaped = top.reshape(-1, *[1] * (A.ndim - 1))
    most = np.iinfo(kind).max
    return np.minimum(np.rint(A / shaped * most), most).astype(kind), top
