"""How are packed files read: zip and tar archives, and single files packed with gzip, bzip2, XZ or Zstandard?

What the archive holds together is decided in bundle.py. No member's name is used as a path, nothing nested is opened (but a tar
archive may be packed, as it usually is), and bytes are counted while they are unpacked.
"""

from __future__ import annotations

import tarfile
import zipfile

from nmfcore.data.model.errors import TooLarge, UploadError, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import bundle
from nmfcore.data.readers.archive import COMPRESSED, check_name, decompressed, guarded, safe_members, unpacked
from nmfcore.data.readers.bundle import Bundle
from nmfcore.data.readers.detect import is_tar
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source


def read_gzip(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The one file inside a gzip file."""
    return _read_compressed(source, "gzip", options, limits)


def read_bz2(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The one file inside a bzip2 file."""
    return _read_compressed(source, "bz2", options, limits)


def read_xz(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The one file inside an XZ file."""
    return _read_compressed(source, "xz", options, limits)


def read_zstd(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The one file inside a Zstandard file."""
    return _read_compressed(source, "zstd", options, limits)


def _read_compressed(source: Source, kind: str, options: ReadOptions, limits: Limits) -> Table:
    inner = decompressed(source, kind, limits)
    if is_tar(inner.head(512)):
        return read_tar(inner, options, limits)
    return bundle.inside(inner, options, limits, f"{shown(source.name)} was unpacked ({COMPRESSED[kind]}).")


def read_zip(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The file, the texts, the pictures or the matrix with its labels inside a zip file."""
    with guarded(source.name), source.open() as stream, zipfile.ZipFile(stream) as opened:
        infos = {info.filename: info for info in safe_members(opened, source.name, limits)}

        def content(name: str) -> bytes:
            with opened.open(infos[name]) as member:
                return unpacked(member, limits, name)  # type: ignore[arg-type]

        return bundle.read(Bundle(source.name, {name: info.file_size for name, info in infos.items()}, content), options, limits)


def read_tar(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The file, the texts, the pictures or the matrix with its labels inside a tar archive; links are left out."""
    with guarded(source.name), source.open() as stream, tarfile.open(fileobj=stream, mode="r:") as opened:
        members: dict[str, tarfile.TarInfo] = {}
        total = 0
        for member in opened:
            if not member.isreg() or member.sparse is not None:
                continue
            name = member.name.removeprefix("./")
            check_name(name, source.name)
            total += member.size
            if len(members) >= limits.archive_members or total > limits.unpacked_bytes:
                raise TooLarge(
                    f"{shown(source.name)} holds more than {limits.archive_members:,} files or {limits.unpacked_bytes:,} bytes",
                    way_out="Take a part of it.",
                )
            if name in members:
                raise UploadError(f"{shown(source.name)} holds two files of the same name", way_out="Pack it again.")
            members[name] = member

        def content(name: str) -> bytes:
            file = opened.extractfile(members[name])
            return unpacked(file, limits, name) if file is not None else b""  # type: ignore[arg-type]

        return bundle.read(Bundle(source.name, {name: member.size for name, member in members.items()}, content), options, limits)
