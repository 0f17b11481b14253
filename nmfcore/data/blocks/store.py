"""How does a matrix lie on disk so that it can be visited block by block?

A store is a folder: `header.json`, and for block i the raw little-endian arrays `00000.indptr` (int64), `00000.indices` (int32)
and `00000.data` (float32 or float64), or `00000.data` alone for dense blocks. Labels are `rows.text` (UTF-8, one after the
other) with `rows.ends` (int64), and the same for columns. Files are mapped, not read; the names are made from numbers, so a
header cannot point outside its folder, and nothing in it is ever run. The header holds the SHA-256 of every file and the facts
of every block.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import Blocks, Facts, facts_of, fingerprint_of
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Axis, Matrix
from nmfcore.core.version import VERSION

FORMAT = 1  # rises when an older reader would misread a store
HEADER, UNFINISHED = "header.json", "unfinished.json"
SUFFIX = ".blocks"  # of the folder's name
LARGEST_HEADER = 64 << 20  # bytes of a header that is read: 100,000 blocks take less
LABELS_IN_MEMORY = 1 << 20  # column labels up to so many are a list; row labels always stay in their file
HASHED_AT_ONCE = 1 << 22


class Labels(Sequence[str]):
    """Labels in two mapped files; one is decoded when it is asked for."""

    def __init__(self, text: Path, ends: Path, count: int) -> None:
        self._ends = np.memmap(ends, np.dtype("<i8"), "r", shape=(count,)) if count else np.zeros(0, np.int64)
        size = int(self._ends[-1]) if count else 0
        if text.stat().st_size < size:
            raise ProblemError(f"The labels {text.name} of this store are cut off. Convert the data again.")
        self._text = np.memmap(text, np.uint8, "r", shape=(size,)) if size else np.zeros(0, np.uint8)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = index + len(self) if index < 0 else index
        if not 0 <= index < len(self):
            raise IndexError(index)
        begin = int(self._ends[index - 1]) if index else 0
        return self._text[begin : int(self._ends[index])].tobytes().decode("utf-8", "replace")


@dataclass(frozen=True)
class BlockEntry:
    """What the header says of one block."""

    rows: int
    stored: int
    squared_norm: float
    total: float
    largest: float
    empty_rows: int
    first_empty: int | None
    sha256: str

    @property
    def facts(self) -> Facts:
        return Facts(self.squared_norm, self.total, self.largest, self.stored, self.empty_rows, self.first_empty)


class Store(Blocks):
    """A folder store, opened for reading.

    Raises
    ------
    ProblemError
        If the folder holds no finished store, or its files are not as long as the header says.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        about = read_header(self.folder)
        try:
            self.about: Mapping[str, Any] = about
            self.columns, self.dtype, self.sparse = int(about["width"]), np.dtype(about["dtype"]), bool(about["sparse"])
            self.entries = tuple(BlockEntry(**entry) for entry in about["blocks"])
            self.title = str(about["title"])
            self.notes = tuple(str(note) for note in about["notes"])
            self.edges = np.concatenate([[0], np.cumsum([entry.rows for entry in self.entries], dtype=np.int64)]).astype(np.int64)
            sound = self.columns >= 1 and self.dtype in (np.float32, np.float64) and len(self.entries) > 0
            sound = sound and all(e.rows >= 1 and e.stored >= 0 and math.isfinite(e.squared_norm) for e in self.entries)
            if not sound:
                raise ValueError("numbers that no store has")
            self._look_at_files()
            self.axes = Axes(self._axis("rows", self.shape[0]), self._axis("columns", self.columns))
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as wrong:
            if isinstance(wrong, ProblemError):
                raise
            raise ProblemError(f"The store {self.folder.name} cannot be understood ({wrong}). Convert the data again.") from None
        total = Facts()
        for entry in self.entries:
            total = total + entry.facts
        self.facts = total
        self.fingerprint = fingerprint_of([
            f"{self.shape} {self.dtype.str} {self.sparse}", *(e.sha256 for e in self.entries),
            *(str(about[axis].get("sha256", "")) for axis in ("rows", "columns")),
        ])  # fmt: skip
        self._open: dict[int, tuple[Matrix, list[Any]]] = {}  # blocks that were looked at, and their maps
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return Store, (str(self.folder),)  # a worker opens the folder itself

    def block(self, index: int) -> Matrix:
        with self._lock:
            known = self._open.get(index)
        if known is not None:
            return known[0]
        entry = self.entries[index]
        arrays: list[Any] = [np.memmap(self.folder / name, kind, "c", shape=shape) for name, kind, shape in self._files(index)]
        if not self.sparse:
            block: Matrix = arrays[0].view(np.ndarray).reshape(entry.rows, self.columns)
        else:
            indptr, indices, data = (a.view(np.ndarray) for a in arrays)
            self._check(index, indptr, indices)
            block = sp.csr_array((entry.rows, self.columns), dtype=self.dtype)
            block.data, block.indices = data, indices  # set, not given: SciPy would copy the indices to the offsets' 64 bits
            block.indptr = indptr.astype(np.int32) if entry.stored <= np.iinfo(np.int32).max else indptr
            block.has_canonical_format = block.has_sorted_indices = True  # so the converter left it
        values = block.data if self.sparse else block
        if values.size and not (values.min() >= 0 and np.isfinite(values.max())):
            raise ProblemError(
                f"Block {index + 1} of the store {self.title!r} holds negative or infinite numbers: it was damaged."
            )
        with self._lock:
            self._open[index] = block, [array._mmap for array in arrays]
        return block

    def _check(self, index: int, indptr: np.ndarray, indices: np.ndarray) -> None:
        """Once per block: compiled code would read where an index points."""
        sound = indptr[0] == 0 and indptr[-1] == len(indices) and bool((np.diff(indptr) >= 0).all())
        if not sound or (len(indices) and not (indices.min() >= 0 and indices.max() < self.columns)):
            raise ProblemError(f"Block {index + 1} of the store {self.title!r} is damaged. Convert the data again.")

    def release(self, index: int) -> None:
        with self._lock:
            maps = self._open[index][1] if index in self._open else []
        for held in maps:
            if held is not None and hasattr(mmap, "MADV_DONTNEED"):
                held.madvise(mmap.MADV_DONTNEED)  # the pages stay in the system's cache, but no longer count as ours

    def nbytes(self, index: int) -> int:
        return sum(np.dtype(kind).itemsize * math.prod(shape) for _, kind, shape in self._files(index))

    def verify(self, report: Callable[[str, float | None], None] | None = None) -> None:
        """Read every file and compare it with its SHA-256.

        Raises
        ------
        ProblemError
            Naming the first block that is not what was written.
        """
        for index, entry in enumerate(self.entries):
            if report is not None:
                report(f"Block {index + 1} of {len(self)}", index / len(self))
            if block_digest(self.folder, index, self.sparse) != entry.sha256:
                raise ProblemError(
                    f"Block {index + 1} of the store {self.title!r} is not what was written. Convert the data again."
                )

    def _files(self, index: int) -> list[tuple[str, str, tuple[int, ...]]]:
        entry, kind = self.entries[index], self.dtype.newbyteorder("<").str
        if not self.sparse:
            return [(f"{index:05}.data", kind, (entry.rows * self.columns,))]
        return [
            (f"{index:05}.indptr", "<i8", (entry.rows + 1,)),
            (f"{index:05}.indices", "<i4", (entry.stored,)),
            (f"{index:05}.data", kind, (entry.stored,)),
        ]

    def _look_at_files(self) -> None:
        for index in range(len(self.entries)):
            for name, kind, shape in self._files(index):
                path, wanted = self.folder / name, np.dtype(kind).itemsize * math.prod(shape)
                if not path.is_file() or path.is_symlink() or path.stat().st_size != wanted:
                    raise ProblemError(
                        f"The file {name} of the store {self.folder.name} is missing or cut off. Convert the data again."
                    )

    def _axis(self, side: str, count: int) -> Axis:
        about = self.about[side]
        axis = Axis(str(about["name"]), str(about["singular"]))
        if not about.get("sha256"):
            return axis
        labels = Labels(self.folder / f"{side}.text", self.folder / f"{side}.ends", count)
        if side == "columns" and count <= LABELS_IN_MEMORY:
            return Axis(axis.name, axis.singular, list(labels))
        return Axis(axis.name, axis.singular, labels)


def is_store(folder: str | Path) -> bool:
    """Whether there is a finished store in that folder."""
    return (Path(folder) / HEADER).is_file()


def read_header(folder: Path) -> Mapping[str, Any]:
    """The header of a finished store.

    Raises
    ------
    ProblemError
        If there is none, or it is of a later version.
    """
    path = folder / HEADER
    if not path.is_file():
        begun = (folder / UNFINISHED).is_file()
        raise ProblemError(
            f"{folder} holds no finished store." + (" Its conversion was interrupted: run it again, it goes on." if begun else "")
        )
    if path.stat().st_size > LARGEST_HEADER:
        raise ProblemError(f"The header of {folder.name} is larger than {LARGEST_HEADER >> 20} MB, which no store's is.")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        number = int(about["format"])
    except (ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise ProblemError(f"The header of {folder.name} cannot be read ({wrong}). Convert the data again.") from None
    if number > FORMAT:
        raise ProblemError(f"{folder.name} was written by a later version (format {number}). Update this program.")
    return about


def store_size(folder: Path) -> tuple[int, int, int]:
    """Rows, columns and stored values, from the header alone: for a list of stores.

    Raises
    ------
    ProblemError
        If there is no finished store, or its header cannot be understood.
    """
    about = read_header(folder)
    try:
        blocks = about["blocks"]
        return sum(int(b["rows"]) for b in blocks), int(about["width"]), sum(int(b["stored"]) for b in blocks)
    except (KeyError, TypeError, ValueError) as wrong:
        raise ProblemError(f"The header of {folder.name} cannot be understood ({wrong}). Convert the data again.") from None


# -- writing --------------------------------------------------------------------------------------------------------------------
def write_block(folder: Path, index: int, X: Matrix, first_row: int) -> BlockEntry:
    """Write a block that was checked, and say what the header needs; files appear under their names when they are whole.

    X : (rows, n) array or CSR
    """
    if sp.issparse(X):
        parts = {"indptr": X.indptr.astype("<i8"), "indices": X.indices.astype("<i4"), "data": X.data}
    else:
        parts = {"data": np.ascontiguousarray(X)}
    for name, array in parts.items():
        written = folder / f"{index:05}.{name}.part"
        array.astype(array.dtype.newbyteorder("<"), copy=False).tofile(written)
        os.replace(written, folder / f"{index:05}.{name}")
    facts = facts_of(X, first_row)
    return BlockEntry(rows=X.shape[0], sha256=block_digest(folder, index, sp.issparse(X)), **asdict(facts))


def block_digest(folder: Path, index: int, sparse: bool) -> str:
    """SHA-256 of a block's files, one after the other."""
    digest = hashlib.sha256()
    for name in ("indptr", "indices", "data") if sparse else ("data",):
        _digest_file(folder / f"{index:05}.{name}", digest)
    return digest.hexdigest()


def _digest_file(path: Path, digest: Any) -> None:
    with path.open("rb") as file:
        while piece := file.read(HASHED_AT_ONCE):
            digest.update(piece)


class LabelWriter:
    """Appends labels to a side's two files; opened again, it goes on after `count` labels."""

    def __init__(self, folder: Path, side: str, count: int) -> None:
        self.text, self.ends = folder / f"{side}.text", folder / f"{side}.ends"
        self.count = count
        self.size = 0
        if count:
            self.size = int(np.fromfile(self.ends, "<i8", count)[-1])
        for path, size in ((self.text, self.size), (self.ends, 8 * count)):
            with path.open("ab") as file:
                file.truncate(size)

    def add(self, labels: Sequence[str]) -> None:
        encoded = [str(label).encode("utf-8", "replace") for label in labels]
        ends = self.size + np.cumsum([len(e) for e in encoded], dtype="<i8")
        with self.text.open("ab") as file:
            file.write(b"".join(encoded))
        with self.ends.open("ab") as file:
            file.write(ends.astype("<i8").tobytes())
        self.size, self.count = int(ends[-1]) if len(ends) else self.size, self.count + len(encoded)

    def digest(self) -> str:
        found = hashlib.sha256()
        for path in (self.text, self.ends):
            _digest_file(path, found)
        return found.hexdigest()


@dataclass(frozen=True, eq=False)
class Heading:
    """What the header says beside the blocks.

    columns : how many; source : JSON values that say what the store was made of
    """

    title: str
    columns: int
    dtype: np.dtype
    sparse: bool
    axes: Axes
    notes: Sequence[str]
    source: Mapping[str, Any]


def write_header(folder: Path, heading: Heading, entries: Sequence[BlockEntry], digests: Mapping[str, str]) -> None:
    """Finish a store: the header appears at once and whole.

    digests : SHA-256 of the labels of "rows" and "columns", where there are any
    """
    about: dict[str, Any] = {
        "format": FORMAT, "made by": VERSION, "title": heading.title, "width": heading.columns,
        "dtype": np.dtype(heading.dtype).newbyteorder("<").str, "sparse": heading.sparse, "notes": list(heading.notes),
        "source": dict(heading.source), "blocks": [asdict(entry) for entry in entries],
    }  # fmt: skip
    for side, axis in (("rows", heading.axes.rows), ("columns", heading.axes.columns)):
        about[side] = {"name": axis.name, "singular": axis.singular, "sha256": digests.get(side, "")}
    replace_json(folder / HEADER, about)


def replace_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    written = path.with_name(path.name + ".part")
    written.write_text(json.dumps(value, allow_nan=False), encoding="utf-8")
    os.replace(written, path)
