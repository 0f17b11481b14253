"""How are gzip and zip files read: one file inside, a folder of texts, or a folder of pictures?"""

from __future__ import annotations

import zipfile
from dataclasses import replace

from nmfcore.data.model.errors import Fix, UploadError, counted, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import READERS, documents, images
from nmfcore.data.readers.archive import NESTED, guarded, gunzipped, safe_members, unpacked
from nmfcore.data.readers.detect import detect
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")  # what operating systems add by themselves


def read_gzip(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The one file inside a gzip file."""
    inner = gunzipped(source, limits)
    return _inside(inner, options, limits, f"{shown(source.name)} was unpacked (gzip).")


def read_zip(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The file, the texts or the pictures inside a zip file."""
    with guarded(source.name), source.open() as stream, zipfile.ZipFile(stream) as opened:
        infos = [info for info in safe_members(opened, source.name, limits) if not _is_ignored(info.filename)]
        if not infos:
            raise UploadError(f"{shown(source.name)} holds no file", way_out="Pack the file with the table.")
        names = [info.filename for info in infos]
        if options.member is not None:
            infos = [info for info in infos if info.filename == options.member]
            if not infos:
                raise UploadError(f"There is no file {shown(options.member)} inside", way_out=f"It holds: {listed(names, 10)}.")
        elif len(infos) > 1:
            pictures = [info for info in infos if images.is_image(info.filename)]
            texts = [info for info in infos if info.filename.lower().endswith((".txt", ".text", ".md"))]
            if len(pictures) > 1 and len(pictures) >= len(infos) / 2:
                return _with_left_out(images.read_archive(opened, source, pictures, limits), infos, pictures)
            if len(texts) > 1 and len(texts) >= len(infos) / 2:
                return _with_left_out(_corpus(opened, source, texts, options, limits), infos, texts)
            raise UploadError(
                f"{shown(source.name)} holds {len(infos):,} files, and it is not clear which to read: {listed(names)}",
                way_out="Choose one, or pack it alone.",
                fixes=[Fix(f"Read {shown(name)}", {"member": name}) for name in names[:8]],
            )
        if infos[0].filename.rsplit(".", 1)[-1].lower() in NESTED:
            raise UploadError(
                f"{shown(source.name)} holds another archive", place=shown(infos[0].filename), way_out="Unpack that one first."
            )
        with opened.open(infos[0]) as member:
            content = unpacked(member, limits, source.name)  # type: ignore[arg-type]
    inner = Source(infos[0].filename.rsplit("/", 1)[-1], content)
    return _inside(inner, options, limits, f"{shown(infos[0].filename)} was taken out of {shown(source.name)}.")


def _is_ignored(name: str) -> bool:
    return name.startswith(IGNORED) or name.rsplit("/", 1)[-1] in IGNORED or name.rsplit("/", 1)[-1].startswith("._")


def _inside(inner: Source, options: ReadOptions, limits: Limits, note: str) -> Table:
    """The table of an unpacked file; archives inside archives are refused."""
    kind = detect(inner)
    if kind in ("zip", "gzip"):
        raise UploadError(f"Inside is another archive, {shown(inner.name)}", way_out="Unpack that one first.")
    table = READERS[kind].read(inner, options, limits)
    return replace(table, notes=(note, *table.notes), understood={**table.understood, "unpacked_bytes": inner.size})


def _corpus(opened: zipfile.ZipFile, source: Source, infos: list[zipfile.ZipInfo], options: ReadOptions, limits: Limits) -> Table:
    """One document per text file; folders can serve as known labels."""
    if len(infos) > limits.documents:
        raise UploadError(f"There are {len(infos):,} documents; at most {limits.documents:,} can be read", way_out="Take a part.")
    infos = sorted(infos, key=lambda info: info.filename)
    texts, odd = [], []
    total = 0
    for info in infos:
        with opened.open(info) as stream:
            content = unpacked(stream, limits, info.filename)  # type: ignore[arg-type]
        total += len(content)
        if total > limits.unpacked_bytes:
            raise UploadError(
                f"{shown(source.name)} unpacks to more than {limits.unpacked_bytes:,} bytes", way_out="Take a part."
            )
        if b"\x00" in content[:4096] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UploadError(
                "A text file holds NUL characters; it is no text", place=shown(info.filename), way_out="Leave it out."
            )
        text, note = documents.decoded(content, info.filename, options.encoding)
        texts.append(text.lstrip("\ufeff"))
        if note and "UTF-8, as" not in note:
            odd.append(info.filename)
    names = [info.filename for info in infos]
    folders = [name.rsplit("/", 1)[0] if "/" in name else "" for name in names]
    notes = (
        [f"{counted(len(odd), 'file is', 'files are')} not UTF-8 and were read as another encoding: {listed(odd, 3)}."]
        if odd
        else []
    )
    understood = {"format": "zip", "holds": "texts", "files": len(names)}
    aside = {"folder": folders} if len(set(folders)) > 1 else {}
    return documents.as_table(source.name, texts, notes, understood, aside=aside, row_labels=names)


def _with_left_out(table: Table, infos: list[zipfile.ZipInfo], used: list[zipfile.ZipInfo]) -> Table:
    taken = {info.filename for info in used}
    others = [info.filename for info in infos if info.filename not in taken]
    if not others:
        return table
    return replace(table, notes=(*table.notes, f"{counted(len(others), 'other file')} left out: {listed(others, 3)}."))
