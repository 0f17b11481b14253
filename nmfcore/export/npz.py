"""How are arrays kept in one file, and read from a file of a stranger? NPZ without pickles."""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Set
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from nmfcore.core.checks import ProblemError

FORMAT = 1  # of the NPZ files; rises when an older reader would misread them
LARGEST = 2_000_000_000  # bytes an NPZ may unpack to: a small file can claim to be a huge one
DATE = (1980, 1, 1, 0, 0, 0)  # of the members of an NPZ: equal contents give equal files
DAMAGED = (zipfile.BadZipFile, zlib.error, ValueError, TypeError, OSError, EOFError, RuntimeError, struct.error, OverflowError)


def write(file: str | Path | BinaryIO, arrays: dict[str, np.ndarray]) -> None:
    """An NPZ whose bytes depend on its contents only."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", DATE), member.getvalue(), compress_type=zipfile.ZIP_DEFLATED, compresslevel=4
            )


def read(
    file: str | Path | BinaryIO, needed: set[str], optional: Set[str], what: str, largest: int | None = None
) -> dict[str, np.ndarray]:
    """The named arrays of an NPZ, checked for size, format and completeness; other members are not looked at."""
    largest = LARGEST if largest is None else largest
    if not isinstance(file, (str, Path)):
        file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            wanted = {name: info for name, info in members.items() if name in {"format", *needed, *optional}}
            missing = ({"format"} | needed) - set(wanted)
            if missing:
                raise ProblemError(f"This is no {what} file of nmf-dashboard: it lacks {', '.join(sorted(missing))}.")
            size = sum(info.file_size for info in wanted.values())
            if size > largest:
                raise ProblemError(f"This {what} file would unpack to {size / 1e9:.3g} GB; the limit is {largest / 1e9:.3g} GB.")
            held = {name: _array(archive, info) for name, info in wanted.items()}
        version = int(held["format"])
    except ProblemError:
        raise
    except DAMAGED as wrong:
        raise ProblemError(f"This is no {what} file of nmf-dashboard ({wrong}). Choose a file that was exported here.") from None
    if version > FORMAT:
        raise ProblemError(f"This {what} file has format {version}; this program reads up to {FORMAT}. Update it.")
    return held


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """One array of numbers; its header has to account for every byte before anything of that size is made."""
    with archive.open(info) as member:
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        version = np.lib.format.read_magic(member)
        if version not in header:
            raise ValueError(f"{info.filename} has a header of version {version}")
        try:
            shape, fortran, dtype = header[version](member)
        except Exception as wrong:  # NumPy hands the header to Python's own parser, whose errors are of many kinds
            raise ValueError(f"{info.filename} has a damaged header: {type(wrong).__name__}") from None
        if dtype.hasobject or dtype.kind not in "fiub":
            raise ValueError(f"{info.filename} holds {dtype}, not numbers")
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size != info.file_size - member.tell():
            raise ValueError(f"{info.filename} is not as long as its header says")
        flat = np.frombuffer(member.read(size), dtype)
        if flat.nbytes != size:
            raise ValueError(f"{info.filename} ends too early")
    order: Literal["F", "C"] = "F" if fortran else "C"
    return np.array(flat.reshape(shape, order=order), dtype=dtype.newbyteorder("="), order="C")
