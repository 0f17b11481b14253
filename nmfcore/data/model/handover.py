"""How does a table travel from the reading child process to its parent, without a pickle?

One stream: the length of a JSON text, that text (labels, notes, what was understood, and dtype, shape and offset of every
array), then the arrays as raw bytes. The parent checks every offset against the bytes that are there.
"""

from __future__ import annotations

import json
import mmap
from typing import Any, BinaryIO

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.errors import UploadError
from nmfcore.data.model.table import Question, Table

ALIGN = 64  # arrays begin at multiples of this
_PLAIN = (
    "name",
    "content",
    "row_labels",
    "column_labels",
    "notes",
    "understood",
    "aside",
    "column_aside",
    "documents",
    "image_shape",
    "absent",
)
_DTYPES = ("<f4", "<f8", "<i4", "<i8")


def write(stream: BinaryIO, table: Table | None, error: UploadError | None = None) -> None:
    """Write a table, or the refusal, to a stream."""
    arrays: dict[str, np.ndarray] = {}
    head: dict[str, Any] = {"error": error.to_dict()} if error else {}
    if table is not None:
        head["table"] = {name: getattr(table, name) for name in _PLAIN}
        head["table"]["questions"] = [question.to_dict() for question in table.questions]
        if table.sparse:
            head["shape"] = list(table.shape)
            arrays = {name: getattr(table.X, name) for name in ("data", "indices", "indptr")}
        elif table.X is not None:
            arrays = {"X": np.ascontiguousarray(table.X)}
    offset, described = 0, {}
    for name, array in arrays.items():
        described[name] = {"dtype": array.dtype.newbyteorder("<").str, "shape": list(array.shape), "offset": offset}
        offset += -(-array.nbytes // ALIGN) * ALIGN
    head["arrays"] = described
    text = json.dumps(head, ensure_ascii=True).encode("ascii")
    start = -(-(8 + len(text)) // ALIGN) * ALIGN
    stream.write(len(text).to_bytes(8, "little") + text)
    stream.write(b"\0" * (start - 8 - len(text)))
    for array in arrays.values():
        stream.write(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).data.cast("B") if array.size else b"")
        stream.write(b"\0" * (-array.nbytes % ALIGN))
    stream.flush()


def read(stream: BinaryIO) -> Table:
    """The table in a stream; its arrays lie in the stream's memory and are not copied.

    Raises
    ------
    UploadError
        The child's refusal, or when the stream is not complete.
    """
    try:
        memory = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        length = int.from_bytes(memory[:8], "little")
        head = json.loads(memory[8 : 8 + length])
    except (ValueError, OSError):
        raise UploadError(
            "The file could not be read: reading ended without a result", way_out="Try a smaller part of it."
        ) from None
    if "error" in head:
        raise UploadError.from_dict(head["error"])
    start = -(-(8 + length) // ALIGN) * ALIGN
    arrays = {name: _array(memory, start, entry) for name, entry in head["arrays"].items()}
    X: Any = arrays.get("X")
    if "data" in arrays:
        X = _checked(arrays["data"], arrays["indices"], arrays["indptr"], head["shape"])
    plain = head["table"]
    shape = plain["image_shape"]
    plain |= {
        "X": X,
        "notes": tuple(plain["notes"]),
        "image_shape": tuple(shape) if shape else None,
        "questions": tuple(Question.from_dict(question) for question in plain["questions"]),
    }
    return Table(**plain)


def _array(memory: mmap.mmap, start: int, entry: dict[str, Any]) -> np.ndarray:
    if entry["dtype"] not in _DTYPES:
        raise UploadError("The file could not be read: its result is damaged", way_out="Try again.")
    count = int(np.prod(entry["shape"], dtype=object))
    return np.frombuffer(memory, entry["dtype"], count, start + entry["offset"]).reshape(entry["shape"])


def _checked(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: list[int]) -> Any:
    """A CSR array whose indices are checked once more: one out of range would crash this process."""
    m, n = shape
    sound = (
        indptr.size == m + 1
        and data.size == indices.size == int(indptr[-1])
        and int(indptr[0]) == 0
        and not bool((indptr[1:] < indptr[:-1]).any())
        and (not indices.size or (int(indices.min()) >= 0 and int(indices.max()) < n))
    )
    if not sound:
        raise UploadError("The file could not be read: its result is damaged", way_out="Try again.")
    return sp.csr_array((data, indices, indptr), shape=(m, n))
