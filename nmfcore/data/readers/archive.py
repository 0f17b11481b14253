"""What may be taken out of a zip or gzip file, and how much of it?

No member's name is ever used as a path, nothing nested is opened, and bytes are counted while they are unpacked: what a
file says about its own size is not believed.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from nmfcore.data.model.errors import UploadError, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.readers.source import Source

CHUNK = 2**20
NESTED = ("zip", "gz", "tgz", "tar", "bz2", "xz", "7z", "rar", "zst")


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """What a damaged archive raises (zipfile alone has six kinds of exceptions for it) as one UploadError."""
    try:
        yield
    except UploadError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
        struct.error,
        ValueError,
        KeyError,
        IndexError,
        OverflowError,
    ) as error:
        said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise UploadError(f"{shown(name)} is a damaged or truncated archive: {said}", way_out="Pack or copy it again.") from None


def safe_members(opened: zipfile.ZipFile, name: str, limits: Limits) -> list[zipfile.ZipInfo]:
    """The files in a zip, once it is clear that they can be unpacked: no password, no path, not too many or too large.

    Raises
    ------
    UploadError
        Otherwise.
    """
    infos = [info for info in opened.infolist() if not info.is_dir()]
    if len(infos) > limits.archive_members:
        raise UploadError(
            f"{shown(name)} holds {len(infos):,} files; at most {limits.archive_members:,} are read", way_out="Take a part."
        )
    total = 0
    for info in infos:
        if info.flag_bits & 0x1:
            raise UploadError(f"{shown(name)} is encrypted", place=shown(info.filename), way_out="Save it without a password.")
        parts = info.filename.replace("\\", "/").split("/")
        if info.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\x00" in info.orig_filename:
            raise UploadError(
                f"{shown(name)} holds a file whose name is a path out of the archive",
                place=shown(info.filename),
                way_out="Pack it again with plain names.",
            )
        total += info.file_size
    if total > limits.unpacked_bytes:
        raise UploadError(
            f"{shown(name)} would unpack to {total:,} bytes; at most {limits.unpacked_bytes:,} are unpacked",
            way_out="Take a part of it.",
        )
    if len({info.filename for info in infos}) < len(infos):
        raise UploadError(f"{shown(name)} holds two files of the same name", way_out="Pack it again.")
    return infos


def unpacked(stream: BinaryIO, limits: Limits, name: str) -> bytes:
    """The bytes of a packed stream, counted while they come.

    Raises
    ------
    UploadError
        If there are more than `unpacked_bytes`.
    """
    result = io.BytesIO()
    while chunk := stream.read(CHUNK):
        result.write(chunk)
        if result.tell() > limits.unpacked_bytes:
            raise UploadError(f"{shown(name)} unpacks to more than {limits.unpacked_bytes:,} bytes", way_out="Take a part of it.")
    return result.getvalue()


def gunzipped(source: Source, limits: Limits) -> Source:
    """The file inside a gzip file."""
    with guarded(source.name), source.open() as raw, gzip.GzipFile(fileobj=raw) as stream:
        content = unpacked(stream, limits, source.name)  # type: ignore[arg-type]
    name = source.name[: -len(".gz")] if source.name.lower().endswith(".gz") else source.name
    return Source(name, content)
