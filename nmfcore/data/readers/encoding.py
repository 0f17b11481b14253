"""In which encoding was a text file written?"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from nmfcore.data.model.errors import Fix, UploadError
from nmfcore.data.readers.source import Source

BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CHUNK = 2**20


def sniff(source: Source, chosen: str | None = None) -> tuple[str, str, str]:
    """The encoding, how errors are handled, and a note ("" for plain UTF-8).

    Raises
    ------
    UploadError
        If the chosen encoding is unknown or does not fit.
    """
    if chosen:
        return _checked(source, chosen)
    start = source.head(CHUNK)
    for mark, name in BOMS:
        if start.startswith(mark):
            if not _bad_bytes(source, name):
                return name, "strict", f"Read as {name.removesuffix('-sig').upper()}, as the file's first bytes say."
            return name, "replace", f"Read as {name.removesuffix('-sig').upper()}; some characters could not be read."
    wide = _utf16_without_mark(start)
    if wide and not _bad_bytes(source, wide):
        return wide, "strict", f"Read as {wide.upper()} (every second byte is zero)."
    bad = _bad_bytes(source, "utf-8")
    if not bad:
        return "utf-8", "strict", ""
    first, valid = bad
    line = _line_of(source, first)
    if valid > 3:  # mostly good UTF-8: a damaged character, not another encoding
        return "utf-8", "replace", f"Read as UTF-8; line {line} and perhaps others hold bytes that are none, shown as \ufffd."
    name = "cp1252" if not _bad_bytes(source, "cp1252") else "latin-1"
    return name, "strict", f"Read as {name} (Western European), because line {line} is not UTF-8."


def _checked(source: Source, chosen: str) -> tuple[str, str, str]:
    try:
        info = codecs.lookup(chosen)
    except (LookupError, ValueError):
        info = None
    if info is None or not getattr(info, "_is_text_encoding", True) or info.name in ("idna", "punycode", "unicode-escape"):
        raise UploadError(f"There is no encoding {chosen!r}", way_out="Common ones are utf-8, utf-16, cp1252 and latin-1.")
    bad = _bad_bytes(source, info.name)
    if bad:
        raise UploadError(
            f"The file is not written in {chosen}",
            place=f"line {_line_of(source, bad[0])}",
            way_out="Choose another encoding, or let it be recognised.",
            fixes=(Fix("Recognise the encoding", {"encoding": None}),),
        )
    return info.name, "strict", f"Read as {chosen}, as you chose."


def _chunks(source: Source) -> Iterator[bytes]:
    with source.open() as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _bad_bytes(source: Source, encoding: str) -> tuple[int, int] | None:
    """Where the first byte stands that does not decode, and how many non-ASCII bytes decode well (UTF-8; up to 1 MB)."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    seen = 0
    try:
        for chunk in _chunks(source):
            decoder.decode(chunk)
            seen += len(chunk)
        decoder.decode(b"", True)
    except UnicodeDecodeError as error:
        start = max(0, seen + error.start - (len(error.object) - _length_of_chunk(error, seen, source)))
        text = source.head(CHUNK).decode("utf-8", "replace") if encoding == "utf-8" else ""
        valid = sum(ord(letter) > 127 and letter != "\ufffd" for letter in text)
        broken = text.count("\ufffd")
        return start, valid if valid > 2 * broken else 0
    except UnicodeError:  # a UTF-16 or UTF-32 file without its first bytes
        return 0, 0
    return None


def _length_of_chunk(error: UnicodeDecodeError, seen: int, source: Source) -> int:
    """Bytes of the failing chunk itself; the decoder's object may begin with bytes left over from the one before."""
    return min(CHUNK, max(0, source.size - seen)) or len(error.object)


def _line_of(source: Source, position: int) -> int:
    """The line, counted from 1, that a byte stands in."""
    line, left = 1, position
    for chunk in _chunks(source):
        line += chunk[: max(0, left)].count(b"\n")
        left -= len(chunk)
        if left <= 0:
            break
    return line


def _utf16_without_mark(start: bytes) -> str | None:
    sample = start[:4000]
    if len(sample) < 4:
        return None
    even, odd = sample[0::2].count(0) / len(sample[0::2]), sample[1::2].count(0) / len(sample[1::2])
    if odd > 0.4 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.1 else None
