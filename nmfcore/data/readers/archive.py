"""What may be taken out of a packed file, and how much of it?

No member's name is ever used as a path, nothing nested is opened, and bytes are counted while they are unpacked: what a
file says about its own size is not believed.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from nmfcore.data.model.errors import TooLarge, UploadError, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.readers.source import Source

CHUNK = 2**20
NESTED = ("zip", "gz", "tgz", "tar", "bz2", "xz", "7z", "rar", "zst")
COMPRESSED = {"gzip": "gzip", "bz2": "bzip2", "xz": "XZ", "zstd": "Zstandard"}  # key of the format, and its name
ENDS = {".gz": "", ".bz2": "", ".xz": "", ".zst": "", ".tgz": ".tar", ".tbz2": ".tar", ".txz": ".tar"}
WINDOW = 128 * 2**20  # bytes of memory that XZ and Zstandard may take for what they have seen


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
        lzma.LZMAError,
        tarfile.TarError,
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
        check_name(info.filename, name, info.orig_filename)
        total += info.file_size
    if total > limits.unpacked_bytes:
        raise TooLarge(
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
            raise TooLarge(f"{shown(name)} unpacks to more than {limits.unpacked_bytes:,} bytes", way_out="Take a part of it.")
    return result.getvalue()


def check_name(member: str, name: str, original: str = "") -> None:
    """Refuse a member of an archive whose name is a path out of it."""
    parts = member.replace("\\", "/").split("/")
    if member.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\x00" in (original or member):
        raise UploadError(
            f"{shown(name)} holds a file whose name is a path out of the archive",
            place=shown(member),
            way_out="Pack it again with plain names.",
        )


def decompressed(source: Source, kind: str, limits: Limits) -> Source:
    """The file inside a packed file; `kind` is a key of COMPRESSED.

    Raises
    ------
    UploadError
        If it is damaged, unpacks to too much, or its package is not installed.
    """
    with guarded(source.name), source.open() as raw, _stream(raw, kind, source.name) as stream:
        content = unpacked(stream, limits, source.name)
    name = source.name
    for end, instead in ENDS.items():
        if name.lower().endswith(end):
            name = name[: -len(end)] + instead
            break
    return Source(name, content)


def _stream(raw: BinaryIO, kind: str, name: str) -> BinaryIO:
    """The unpacked bytes of a packed stream."""
    if kind == "gzip":
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if kind == "bz2":
        return bz2.BZ2File(raw)  # type: ignore[return-value]
    if kind == "xz":
        return _xz(raw)
    try:
        import zstandard
    except ImportError:
        raise UploadError(
            f"{shown(name)} is a Zstandard file; unpacking it needs the package zstandard",
            way_out="Install it (pip install 'nmf-dashboard[formats]'), or pack the file with gzip.",
        ) from None
    reader = zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(raw, read_across_frames=True, closefd=False)
    return _Translated(reader, zstandard.ZstdError)  # type: ignore[return-value]


class _Translated(io.RawIOBase):
    """A stream whose library's own error becomes a ValueError, and whose sudden end is one."""

    def __init__(self, stream: BinaryIO, error: type[Exception]) -> None:
        self.stream, self.error = stream, error

    def read(self, size: int = -1) -> bytes:
        try:
            return self.stream.read(size)
        except self.error as damaged:
            raise ValueError(str(damaged)) from None


def _xz(raw: BinaryIO) -> BinaryIO:
    """XZ with a bound on memory; the standard library's file has none."""

    class Bounded(io.RawIOBase):
        def __init__(self) -> None:
            self.unpack = lzma.LZMADecompressor(memlimit=WINDOW)
            self.waiting = b""

        def read(self, size: int = -1) -> bytes:
            while True:
                if self.unpack.eof:
                    self.waiting = self.unpack.unused_data or raw.read(CHUNK)
                    if not self.waiting.strip(b"\0"):
                        return b""
                    self.unpack = lzma.LZMADecompressor(memlimit=WINDOW)
                if self.unpack.needs_input and not self.waiting:
                    self.waiting = raw.read(CHUNK)
                    if not self.waiting:
                        raise EOFError("the file ends before its content does")
                data, self.waiting = self.unpack.decompress(self.waiting, max(1, size)), b""
                if data:
                    return data

    return Bounded()  # type: ignore[return-value]
