"""How does a file become a table? The one door for everything a person brings.

`read_matrix` finds out the format by content, checks sizes, and hands the file to its reader. Readers run in a child
process with bounded memory and time (readers/child.py); only small files of plain formats are read right here, because
starting a child takes about half a second and those readers are our own and check before they allocate.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from nmfcore.data.model.card import Report, silent
from nmfcore.data.model.errors import TooLarge, UploadError, shown
from nmfcore.data.model.limits import MIB, Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import READERS
from nmfcore.data.readers.child import read_in_child
from nmfcore.data.readers.detect import detect
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.run import run_reader
from nmfcore.data.readers.source import Source

AnyFile = str | os.PathLike[str] | bytes | BinaryIO


def read_matrix(
    file: AnyFile | Sequence[AnyFile],
    *,
    name: str | None = None,
    limits: Limits | None = None,
    report: Report | None = None,
    isolate: bool | None = None,
    **options: Any,
) -> Table:
    """The matrix in a file, with its labels and a note for everything that was assumed.

    Parameters
    ----------
    file : path, bytes, or an open binary file (such as an upload); a folder or a list of files for texts and pictures
    name : what to call it in messages; the file's own name when None
    limits : other limits than the defaults of nmfcore/data/model/limits.py
    report : called while a child process reads; may raise to cancel
    isolate : True to read in a child process always, False never; None: when the file is large or its format not plain
    **options : the fields of `ReadOptions`; what is not given is found out

    Returns
    -------
    Table
        `X` has NaN where cells are missing, and negative numbers where the file has them; `as_dataset` settles both.

    Raises
    ------
    UploadError
        If the file cannot be used as it is: what, where, and the options that would let it in.
    TypeError, ValueError
        If an option is unknown or has no such value.
    """
    chosen = ReadOptions.of(options)
    limits = limits or Limits.from_environment()
    source = gathered(file, limits, name=name)
    if chosen.format is not None and chosen.format not in READERS:
        raise ValueError(f"format is {chosen.format!r}; allowed: {', '.join(READERS)}.")
    key = chosen.format or detect(source)
    plain = READERS[key].plain if key in READERS else False
    if isolate is None:
        isolate = not (plain and source.size <= limits.in_process_bytes)
    if not isolate:
        return run_reader(source, key, chosen, limits)
    return read_in_child(source, key, chosen, limits, report or silent)


def gathered(file: AnyFile | Sequence[AnyFile], limits: Limits, *, name: str | None = None) -> Source:
    """The file as a source, if it is not too large; a folder, or several files, as one zip file in memory.

    Raises
    ------
    UploadError
        If it is too large or not there.
    """
    if isinstance(file, (list, tuple)):
        return Source(name or "the files", packed([gathered(one, limits) for one in file], limits))
    if isinstance(file, (str, os.PathLike)):
        path = Path(file)
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file())[: limits.archive_members + 1]
            sources = [Source(one.relative_to(path).as_posix(), path=one) for one in inside]
            return Source(name or path.name, packed(sources, limits))
        if not path.is_file():
            raise UploadError(f"There is no file {shown(path.name)}", way_out="Check its name and place.")
        source = Source(name or path.name, path=path)
    elif isinstance(file, (bytes, bytearray, memoryview)):
        source = Source(name or "the upload", bytes(file) if isinstance(file, bytearray) else file)
    else:
        title = name or Path(str(getattr(file, "name", "") or "the upload")).name
        whole = getattr(file, "getbuffer", None)
        if whole is not None:  # an upload is in memory already: no second copy
            return gathered(whole(), limits, name=title)
        return gathered(file.read(limits.upload_bytes + 1), limits, name=title)  # type: ignore[union-attr]
    if source.size > limits.upload_bytes:
        raise TooLarge(
            f"{shown(source.name)} has {source.size / MIB:,.0f} MB; at most {limits.upload_bytes / MIB:,.0f} MB are read",
            way_out="Take a part of it, or save it in a denser format (Parquet, sparse NPZ).",
        )
    return source


def packed(sources: Sequence[Source], limits: Limits | None = None) -> bytes:
    """Several files as one zip file in memory: folders of texts or pictures take the same way as zip files."""
    limits = limits or Limits.from_environment()
    total = sum(source.size for source in sources)
    if total > limits.upload_bytes or len(sources) > limits.archive_members:
        raise TooLarge(
            f"The {len(sources):,} files have {total / MIB:,.0f} MB; at most {limits.archive_members:,} files and "
            f"{limits.upload_bytes / MIB:,.0f} MB are read",
            way_out="Take a part of them.",
        )
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for source in sources:
            with source.open() as stream:
                archive.writestr(source.name, stream.read())
    return whole.getvalue()


def known_formats() -> Mapping[str, str]:
    """Title of each format that can be read, by key."""
    return {key: reader.title for key, reader in READERS.items()}
