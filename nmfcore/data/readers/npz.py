"""How is an NPZ file read: one dense array among several, or a sparse matrix as scipy.sparse saves it?"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.errors import Fix, TooLarge, UploadError, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import arrays
from nmfcore.data.readers.archive import guarded, safe_members
from nmfcore.data.readers.npy import table_of
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

FORMATS = ("csr", "csc", "coo", "bsr", "dia")
MATRIX_NAMES = ("X", "x", "data", "matrix", "counts", "arr_0", "values")
ROW_NAMES = ("rows", "row_labels", "row_names", "rownames", "index", "items", "documents", "samples", "users", "titles", "labels")
COLUMN_NAMES = ("columns", "column_labels", "column_names", "colnames", "cols", "features", "feature_names", "terms",
                "vocabulary", "vocab", "genes", "words")  # fmt: skip


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The matrix in an NPZ file."""
    with guarded(source.name), source.open() as stream, zipfile.ZipFile(stream) as opened:
        members = {info.filename.removesuffix(".npy"): info for info in safe_members(opened, source.name, limits)}
        if any(not info.filename.endswith(".npy") for info in members.values()):
            raise UploadError("The archive holds files that are no NumPy arrays", way_out="Write it with numpy.savez.")
        if not members:
            raise UploadError("The NPZ file holds no array", way_out="Write it with numpy.savez or scipy.sparse.save_npz.")
        notes: list[str] = []

        def load(key: str) -> np.ndarray:
            info = members[key]
            with opened.open(info) as member:
                array, said = arrays.npy_array(member, info.file_size, f"the array {shown(key)}", limits)  # type: ignore[arg-type]
            notes.extend(said)
            return array

        loose = {"data", "indices", "indptr", "shape"} <= set(members)
        if (loose or {"format", "shape"} <= set(members)) and options.member is None:
            return _sparse(source.name, set(members), load, options, limits, notes)
        return _dense(source.name, members, load, options, limits, notes)


def _sparse(name: str, keys: set[str], load, options: ReadOptions, limits: Limits, notes: list[str]) -> Table:  # type: ignore[no-untyped-def]
    what = "the sparse matrix"
    try:
        kind = _word(load("format")) if "format" in keys else "csr"
        if "format" not in keys:
            notes.append("The file does not say which sparse format its arrays are; they were read as CSR.")
        shape = tuple(int(size) for size in load("shape").reshape(-1).tolist())
        if len(shape) == 1:
            shape = (1, *shape)
            notes.append("The file holds a sparse vector; it became a matrix of one row.")
        if len(shape) != 2 or min(shape) < 1:
            raise UploadError(f"{what} has the shape {shape}; a matrix needs rows and columns", way_out=_AGAIN)
        if kind not in FORMATS:
            raise UploadError(f"{what} is in the format {shown(kind)}", way_out=f"Save it as one of {', '.join(FORMATS)}.")
        arrays.check_shape(shape, limits, dense=False)
        X = _READ[kind](load, shape, what, limits, notes)
    except KeyError as missing:
        raise UploadError(f"{what} lacks the array {missing}", way_out=_AGAIN) from None
    X = arrays.settle_infinite(X, options, notes)
    understood = {"format": "npz", "sparse": kind, "dtype": str(X.dtype), "stored": int(X.nnz)}
    return Table(name=name, X=X, notes=tuple(notes), understood=understood)


_AGAIN = "The file is damaged; write it again with scipy.sparse.save_npz."


def _word(array: np.ndarray) -> str:
    found = arrays.texts(array) if arrays.is_text(array) else ["?"]
    return re.sub(r"[^a-z]", "", found[0].lower())[:10] if found else "?"


def _csr(load, shape, what, limits, notes):  # type: ignore[no-untyped-def]
    return arrays.compressed(load("data"), load("indices"), load("indptr"), shape, what, limits, notes)


def _csc(load, shape, what, limits, notes):  # type: ignore[no-untyped-def]
    return arrays.compressed(load("data"), load("indices"), load("indptr"), shape, what, limits, notes, by_column=True)


def _coo(load, shape, what, limits, notes):  # type: ignore[no-untyped-def]
    data, row, column = load("data"), load("row"), load("col")
    return coordinates(data, row, column, shape, what, limits, notes)


def coordinates(
    data: np.ndarray, row: np.ndarray, column: np.ndarray, shape: Sequence[int], what: str, limits: Limits, notes: list[str]
) -> Any:
    """CSR of values with their rows and columns, every one checked."""
    if not (data.ndim == row.ndim == column.ndim == 1 and data.size == row.size == column.size):
        raise UploadError(f"The arrays of {what} do not have one length", way_out=_AGAIN)
    if data.size > limits.stored_values:
        raise TooLarge(
            f"{what} stores {data.size:,} values; at most {limits.stored_values:,} can be read", way_out="Take a part."
        )
    for name, index, size in (("row", row, shape[0]), ("column", column, shape[1])):
        if index.dtype.kind not in "iu":
            raise UploadError(f"The {name} indices of {what} are no whole numbers", way_out=_AGAIN)
        if index.size and (int(index.min()) < 0 or int(index.max()) >= size):
            where = int(np.argmax((index < 0) | (index >= size)))
            raise UploadError(
                f"An index of {what} is out of range: {name} {int(index[where])} of {size:,}, counted from 0",
                place=f"stored value {where + 1:,}",
                way_out=_AGAIN,
            )
    values = arrays.numeric(data, what, notes)
    X = sp.coo_array((values, (row.astype(np.int32), column.astype(np.int32))), shape=tuple(shape)).tocsr()
    if X.nnz < data.size:
        notes.append(f"{data.size - X.nnz:,} entries stored more than once; their values were added.")
    return arrays.canonical(X, notes)


def _bsr(load, shape, what, limits, notes):  # type: ignore[no-untyped-def]
    data, indices, indptr = load("data"), load("indices"), load("indptr")
    if data.ndim != 3 or not data.shape[1] or not data.shape[2] or shape[0] % data.shape[1] or shape[1] % data.shape[2]:
        raise UploadError(f"The blocks of {what} do not fit its shape", way_out=_AGAIN)
    if data.size > limits.stored_values:
        raise TooLarge(
            f"{what} stores {data.size:,} values; at most {limits.stored_values:,} can be read", way_out="Take a part."
        )
    height, width = data.shape[1], data.shape[2]
    blocks = (shape[0] // height, shape[1] // width)
    arrays.compressed(np.zeros(len(data)), indices, indptr, blocks, what, limits, [])  # the same checks, on blocks
    values = arrays.numeric(data, what, notes)
    return arrays.canonical(sp.bsr_array((values, indices, indptr), shape=shape).tocsr(), notes)


def _dia(load, shape, what, limits, notes):  # type: ignore[no-untyped-def]
    data, offsets = load("data"), load("offsets")
    if data.ndim != 2 or offsets.ndim != 1 or len(data) != len(offsets) or offsets.dtype.kind not in "iu":
        raise UploadError(f"The diagonals of {what} do not fit together", way_out=_AGAIN)
    if data.size > limits.stored_values or len(set(offsets.tolist())) < len(offsets):
        raise UploadError(f"{what} has too many or repeated diagonals", way_out=_AGAIN)
    return arrays.canonical(sp.dia_array((arrays.numeric(data, what, notes), offsets), shape=shape).tocsr(), notes)


_READ = {"csr": _csr, "csc": _csc, "coo": _coo, "bsr": _bsr, "dia": _dia}


def _dense(name: str, members, load, options: ReadOptions, limits: Limits, notes: list[str]) -> Table:  # type: ignore[no-untyped-def]
    keys = list(members)
    chosen = options.member
    if chosen is not None and chosen not in members:
        raise UploadError(f"The file has no array {shown(chosen)}", way_out=f"It has: {listed(keys, 10)}.")
    loaded, refused = {}, {}
    for key in keys:
        try:
            loaded[key] = load(key)
        except UploadError as error:
            if key == chosen or len(keys) == 1:
                raise
            refused[key] = error
    if chosen is None:
        chosen = _chosen(loaded, refused)
    understood = {"format": "npz", "member": chosen, "members": keys, "dtype": str(loaded[chosen].dtype)}
    if refused:
        first = next(iter(refused))
        notes.append(f"Not read: {listed(list(refused))} ({refused[first].problem}).")
    table = table_of(loaded.pop(chosen), name, options, limits, notes, understood)
    if table.documents is not None:
        return table
    found, aside = _beside(loaded, table.shape)
    if loaded:
        labels = " and ".join(f"the labels of the {axis}" for axis in found)
        used = f"; {labels} come from the file too" if found else ""
        notes.append(f"The array {shown(chosen)} is the matrix{used}; also in the file: {listed(list(loaded))}.")
    return Table(
        name=name,
        content=table.content,
        X=table.X,
        row_labels=found.get("rows"),
        column_labels=found.get("columns") or table.column_labels,
        notes=tuple(notes),
        understood=understood,
        aside=aside,
        image_shape=table.image_shape,
    )


def _chosen(loaded, refused) -> str:  # type: ignore[no-untyped-def]
    """The array that is the matrix; refused where that is not clear."""
    main = _main_array(loaded)
    if main is not None:
        return main
    if refused:
        raise next(iter(refused.values()))
    fixes = [Fix(f"Read the array {shown(key)}", {"member": key}) for key, array in loaded.items() if array.ndim == 2]
    raise UploadError(
        f"The file holds {len(loaded)} arrays, and it is not clear which is the matrix: {listed(list(loaded), 8)}",
        way_out="Choose one.",
        fixes=fixes[:8],
    )


def _beside(others, shape: tuple[int, int]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:  # type: ignore[no-untyped-def]
    """What the other arrays say of a matrix (m, n): labels of its rows and columns, and facts of its rows."""
    m, n = shape
    found: dict[str, list[str]] = {}
    aside: dict[str, list[str]] = {}
    for key, array in others.items():
        if array.ndim != 1:
            continue
        if arrays.is_text(array) and array.size == n and key in COLUMN_NAMES and "columns" not in found:
            found["columns"] = arrays.texts(array)
        elif arrays.is_text(array) and array.size == m and key in ROW_NAMES and "rows" not in found:
            found["rows"] = arrays.texts(array)
        elif array.size == m and array.dtype.kind in "SUiub":
            aside[key] = arrays.texts(array)
    return found, aside


def _main_array(loaded) -> str | None:  # type: ignore[no-untyped-def]
    """The one array with two dimensions, or the one with a usual name; None when that is not clear."""
    wide = [key for key, array in loaded.items() if array.ndim >= 2 and array.dtype.kind in "biufc"]
    if len(wide) == 1:
        return wide[0]
    named = [key for key in MATRIX_NAMES if key in wide]
    if named:
        return named[0]
    return next(iter(loaded)) if len(loaded) == 1 else None
