"""Is this array what it claims to be, and can it be a matrix?

Shared by the readers of NPY, NPZ, MatrixMarket and Parquet: headers are checked against the bytes that are there before
anything is allocated, and indices of sparse matrices against their shape before anything uses them (scipy does not, and
an index out of range crashes the process).
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.readers.numbers import EXACT, GREATEST
from nmfcore.data.readers.options import ReadOptions

HEADER_MOST = 10_000  # bytes of an NPY header; NumPy's own bound
CHUNK = 2**20


@dataclass(frozen=True)
class Header:
    """What an NPY file says of itself."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    offset: int

    @property
    def nbytes(self) -> int:
        total = self.dtype.itemsize
        for size in self.shape:
            total *= size  # Python integers: a lying header cannot overflow
        return total


def npy_header(stream: BinaryIO, what: str) -> Header:
    """The header of an NPY stream; nothing is allocated by it.

    Raises
    ------
    UploadError
        If it is damaged, holds Python objects, or no numbers.
    """
    magic = stream.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY":
        raise UploadError(f"{what} is no NumPy array", way_out="Write it with numpy.save.")
    width = 2 if magic[6] == 1 else 4
    raw = stream.read(width)
    length = int.from_bytes(raw, "little")
    if len(raw) < width or magic[6] not in (1, 2, 3) or length > HEADER_MOST:
        raise UploadError(f"The header of {what} is damaged", way_out="Write the file again with numpy.save.")
    text = stream.read(length)
    try:
        entries = ast.literal_eval(text.decode("utf-8" if magic[6] == 3 else "latin-1").strip())
        shape, fortran = tuple(entries["shape"]), bool(entries["fortran_order"])
        dtype = np.lib.format.descr_to_dtype(entries["descr"])
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError, AttributeError, IndexError):
        raise UploadError(f"The header of {what} is damaged", way_out="Write the file again with numpy.save.") from None
    if len(text) < length or any(type(size) is not int or size < 0 for size in shape):
        raise UploadError(f"The header of {what} is damaged", way_out="Write the file again with numpy.save.")
    if dtype.hasobject:
        raise UploadError(
            f"{what} holds Python objects (a pickle), which can run code and are never read",
            way_out="Convert it to numbers first: numpy.save(file, array.astype(float)).",
        )
    return Header(dtype, shape, fortran, 8 + width + length)


def npy_array(stream: BinaryIO, size: int, what: str, limits: Limits) -> tuple[np.ndarray, list[str]]:
    """The array in an NPY stream of `size` bytes, its claim checked first; and notes.

    Raises
    ------
    UploadError
        If header and content do not agree, or it is too large.
    """
    header = npy_header(stream, what)
    if header.dtype.kind not in "biufcSUV":
        raise UploadError(f"{what} holds {header.dtype}, not numbers", way_out="Convert it to numbers first.")
    there = size - header.offset
    if header.nbytes > there:
        raise UploadError(
            f"{what} claims {_shape(header.shape)} = {header.nbytes:,} bytes, but holds {max(0, there):,}: "
            "it is truncated or damaged",
            way_out="Save or copy it again.",
        )
    if header.nbytes > max(limits.unpacked_bytes, 8 * limits.dense_cells):
        raise TooLarge(f"{what} has {header.nbytes:,} bytes, more than can be read", way_out="Take a part of it.")
    array = np.empty(header.nbytes, np.uint8)
    view, filled = array.data, 0
    while filled < header.nbytes:  # chunk by chunk: a stream that ends early is noticed
        got = stream.readinto(view[filled : filled + CHUNK])  # type: ignore[attr-defined]
        if not got:
            raise UploadError(f"{what} ends after {filled:,} of {header.nbytes:,} bytes", way_out="Save or copy it again.")
        filled += got
    notes = []
    if there > header.nbytes:
        notes.append(f"{counted(there - header.nbytes, 'byte')} after the array in {what} left out.")
    shaped = array.view(header.dtype) if header.nbytes else np.empty(0, header.dtype)
    order = shaped.reshape(header.shape[::-1]).T if header.fortran else shaped.reshape(header.shape)
    return order, notes


def numeric(array: np.ndarray, what: str, notes: list[str]) -> np.ndarray:
    """The same numbers as float32 or float64; what is lost by that is noted.

    Raises
    ------
    UploadError
        If it holds no real numbers.
    """
    kind = array.dtype.kind
    if kind == "c":
        raise UploadError(f"{what} holds complex numbers; NMF needs real ones", way_out="Save the real part or the modulus.")
    if kind not in "biuf":
        raise UploadError(f"{what} holds {array.dtype}, not numbers", way_out="Convert it to numbers first.")
    if kind == "f" and array.dtype.itemsize in (4, 8):
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    if kind == "f" and array.dtype.itemsize > 8:
        notes.append(f"{what} holds extended precision; it was rounded to float64.")
        return array.astype(np.float64)
    if array.dtype.itemsize <= 2:  # exact in float32: bool, (u)int8, (u)int16, float16
        notes.append(f"{what} holds {array.dtype.name} values; they are kept as float32, which is exact.")
        return array.astype(np.float32)
    notes += lost_digits(array)
    notes.append(f"{what} holds {array.dtype.name} values; they are kept as float64.")
    return array.astype(np.float64)


def lost_digits(array: np.ndarray) -> list[str]:
    """A note where whole numbers of 64 bits are beyond what float64 holds exactly."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8 or not array.size:
        return []
    most = max(int(array.max()), -int(array.min()))
    if most <= EXACT:
        return []
    where = np.unravel_index(int(np.argmax(array)), array.shape)
    place = ", ".join(f"{name} {int(i) + 1}" for name, i in zip(("row", "column", "layer"), where, strict=False))
    return [f"Whole numbers beyond 2^53 lose their last digits as float64 (the largest, {most}, at {place})."]


def as_dense(
    array: np.ndarray, what: str, options: ReadOptions, limits: Limits, notes: list[str]
) -> tuple[Any, tuple[int, int] | None]:
    """A matrix out of an array of one to four dimensions, and the shape of an image where it holds images.

    Raises
    ------
    UploadError
        If it cannot be a matrix, is too large, or holds infinite numbers.
    """
    image = None
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim == 3 and all(array.shape):
        image = (int(array.shape[1]), int(array.shape[2]))
        notes.append(f"{what} has three dimensions ({_shape(array.shape)}); each of its {array.shape[0]:,} layers became a row.")
        array = array.reshape(array.shape[0], -1)
    elif array.ndim == 1 and array.size:
        notes.append(f"{what} has one dimension; it became a matrix of one column.")
        array = array.reshape(-1, 1)
    if array.ndim != 2 or 0 in array.shape:
        raise UploadError(
            f"{what} has the shape {_shape(array.shape)}; a matrix needs rows and columns", way_out="Reshape it first."
        )
    check_shape(array.shape, limits, dense=True)
    X = np.ascontiguousarray(numeric(array, what, notes))
    return settle_infinite(X, options, notes), image


def check_shape(shape: Sequence[int], limits: Limits, *, dense: bool) -> None:
    """Raise UploadError when there are too many rows, columns or cells."""
    m, n = int(shape[0]), int(shape[1])
    if m > limits.rows or n > limits.columns:
        raise TooLarge(
            f"The matrix has {m:,} rows and {n:,} columns; at most {limits.rows:,} and {limits.columns:,} can be read",
            way_out="Take a part of it, or transpose it.",
        )
    if dense and m * n > limits.dense_cells:
        raise TooLarge(
            f"The matrix has {m:,} x {n:,} = {m * n:,} cells; at most {limits.dense_cells:,} can be read as a dense matrix",
            way_out="Take a part of it, or save it as a sparse NPZ file (scipy.sparse.save_npz) if most of it is zero.",
        )


def settle_infinite(X: Any, options: ReadOptions, notes: list[str]) -> Any:
    """X, refused when it holds infinite numbers or those beyond 1e150, unless they shall count as missing.

    X : (m, n) array or CSR

    Raises
    ------
    UploadError
        By the first such entry.
    """
    values = X.data if sp.issparse(X) else X.reshape(-1)
    most = GREATEST if values.dtype == np.float64 else float(np.finfo(values.dtype).max)
    count, first = 0, -1
    for start in range(0, values.size, CHUNK):
        hits = np.flatnonzero(np.abs(values[start : start + CHUNK]) > most)
        if hits.size and first < 0:
            first = start + int(hits[0])
        count += hits.size
    if not count:
        return X
    if options.infinite == "missing":
        if not values.flags.writeable:
            X = X.copy()
            values = X.data if sp.issparse(X) else X.reshape(-1)
        values[np.abs(values) > most] = np.nan
        notes.append(f"{counted(int(count), 'infinite or huge value')} counted as missing, as you chose.")
        return X
    if sp.issparse(X):
        row, column = int(np.searchsorted(X.indptr, first, side="right")) - 1, int(X.indices[first])
    else:
        row, column = divmod(first, X.shape[1])
    raise UploadError(
        f"{counted(int(count), 'value is', 'values are')} infinite or beyond 1e150",
        place=f"first at row {row + 1}, column {column + 1}",
        value=f"{values[first]:g}",
        way_out="Correct it, or count such values as missing.",
        fixes=(Fix("Count them as missing", {"infinite": "missing"}),),
    )


def compressed(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    shape: tuple[int, int],
    what: str,
    limits: Limits,
    notes: list[str],
    *,
    by_column: bool = False,
) -> Any:
    """A CSR array of the three arrays of a CSR (or, by column, CSC) matrix, every index checked.

    Raises
    ------
    UploadError
        If they do not describe a matrix of this shape.
    """
    check_shape(shape, limits, dense=False)
    m, n = (shape[1], shape[0]) if by_column else shape
    outer, inner = ("column", "row") if by_column else ("row", "column")
    if data.ndim != 1 or indices.ndim != 1 or indptr.ndim != 1:
        raise UploadError(f"The arrays of {what} must have one dimension each", way_out=_AGAIN)
    if data.size > limits.stored_values:
        raise TooLarge(
            f"{what} stores {data.size:,} values; at most {limits.stored_values:,} can be read", way_out="Take a part of it."
        )
    if indices.dtype.kind not in "iu" or indptr.dtype.kind not in "iu":
        raise UploadError(f"The indices of {what} are no whole numbers", way_out=_AGAIN)
    if indptr.size != m + 1:
        raise UploadError(f"{what} has {indptr.size:,} entries in indptr, but {m:,} {outer}s need {m + 1:,}", way_out=_AGAIN)
    if indices.size != data.size:
        raise UploadError(f"{what} has {indices.size:,} indices for {data.size:,} values", way_out=_AGAIN)
    _check_pointers(indptr, data.size, what, outer)
    _check_indices(indices, indptr, n, what, (outer, inner))
    parts = (
        numeric(data, what, notes),
        indices.astype(np.int32, copy=False),
        indptr.astype(np.int32, copy=False),
    )
    X = sp.csc_array(parts, shape=shape) if by_column else sp.csr_array(parts, shape=shape)
    return canonical(X.tocsr() if by_column else X, notes)


def _check_pointers(indptr: np.ndarray, stored: int, what: str, outer: str) -> None:
    """Raise UploadError unless indptr rises from 0 to the number of stored values."""
    if int(indptr[0]) != 0 or (indptr.size > 1 and bool((indptr[1:] < indptr[:-1]).any())):
        raise UploadError(f"indptr of {what} does not rise from 0", place=_first_fall(indptr, outer), way_out=_AGAIN)
    if int(indptr[-1]) != stored:
        raise UploadError(f"indptr of {what} ends at {int(indptr[-1]):,}, but there are {stored:,} values", way_out=_AGAIN)


def _check_indices(indices: np.ndarray, indptr: np.ndarray, n: int, what: str, sides: tuple[str, str]) -> None:
    """Raise UploadError unless all indices are 0 to n - 1; sides: what indptr and what the indices count."""
    if not indices.size or (int(indices.min()) >= 0 and int(indices.max()) < n):
        return
    where = int(np.argmax((indices < 0) | (indices >= n)))
    line = int(np.searchsorted(indptr, where, side="right"))
    outer, inner = sides
    raise UploadError(
        f"An index of {what} is out of range: {inner} {int(indices[where])} of {n:,}, counted from 0",
        place=f"{outer} {line}, stored value {where + 1:,}",
        way_out=_AGAIN,
    )


def canonical(X: Any, notes: list[str]) -> Any:
    """CSR with sorted indices and without entries stored twice; those were summed, with a note.

    X : (m, n) scipy sparse matrix
    """
    if not X.has_canonical_format:
        before = X.nnz
        X = X.copy()
        X.sum_duplicates()
        if X.nnz < before:
            notes.append(f"{counted(before - X.nnz, 'entry', 'entries')} stored more than once; their values were added.")
    return sp.csr_array(X)


_AGAIN = "The file is damaged; write it again with scipy.sparse.save_npz."


def _first_fall(indptr: np.ndarray, outer: str) -> str:
    falls = np.flatnonzero(indptr[1:] < indptr[:-1])
    return f"{outer} {int(falls[0]) + 1}" if falls.size else f"{outer} 1"


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(f"{int(size):,}" for size in shape) or "none"


def is_text(array: np.ndarray) -> bool:
    """Whether an array holds text, or objects that may be text."""
    return array.dtype.kind in "SU"


def texts(array: np.ndarray) -> list[str]:
    """The strings of an array, bytes read as UTF-8."""
    return [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in array.reshape(-1).tolist()]


__all__ = [
    "Header",
    "as_dense",
    "canonical",
    "check_shape",
    "compressed",
    "is_text",
    "npy_array",
    "npy_header",
    "numeric",
    "shown",
    "texts",
]
