"""What kind of file is this, whatever it is called?"""

from __future__ import annotations

import re
import zipfile

from nmfcore.data.model.errors import UploadError, shown
from nmfcore.data.readers import bagofwords, pairs
from nmfcore.data.readers.source import Source

HEAD = 8192

# beginnings of files, and the key of their format
MAGIC = (
    (b"\x93NUMPY", "npy"),
    (b"PAR1", "parquet"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x89HDF\r\n", "hdf5"),
    (b"\xd0\xcf\x11\xe0", "workbook"),
    (b"$FL2", "spss"),
    (b"$FL3", "spss"),
)

# beginnings of files that are recognised and refused by name, with what to do instead
REFUSED = (
    (b"%PDF", "a PDF document", "Save the table as CSV or Excel first."),
    (b"MATLAB 5.0", "a MATLAB file", "Save the matrix as NPY or CSV, for instance with scipy.io.loadmat."),
    (b"MATLAB 7", "a MATLAB file", "Save the matrix as NPY or CSV, for instance with h5py."),
    (b"ARROW1", "a Feather or Arrow file", "Save it as Parquet."),
    (b"FEA1", "a Feather file", "Save it as Parquet."),
    (b"SQLite format 3", "an SQLite database", "Save the table as CSV."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Pack it as zip, or hand over the file itself."),
    (b"Rar!", "a RAR archive", "Pack it as zip, or hand over the file itself."),
    (b"\x7fELF", "a program", "Choose a file with data."),
    (b"MZ\x90", "a program", "Choose a file with data."),
    (b"GIF8", "a GIF picture", "Save it as PNG."),
    (b"RIFF", "a sound or WebP file", "Save pictures as PNG."),
    (b"II*\x00", "a TIFF picture", "Save it as PNG."),
    (b"MM\x00*", "a TIFF picture", "Save it as PNG."),
    (b"{\\rtf", "a formatted text document", "Save it as plain text or CSV."),
    (b"RDX", "an R data file (.RData)", "Save the table from R with write.csv or Matrix::writeMM."),
    (b"RDA", "an R data file (.RData)", "Save the table from R with write.csv or Matrix::writeMM."),
    (b"X\n\x00\x00\x00", "an R data file (.rds)", "Save the table from R with write.csv or Matrix::writeMM."),
    (b"ORC", "an ORC file", "Save it as Parquet."),
    (b"Obj\x01", "an Avro file", "Save it as Parquet."),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05](\x95|[\]\}cX\x8c(q])")
_SGML = re.compile(rb"^\s*<!DOCTYPE lewis|^\s*<REUTERS\b", re.I)
_HTML = re.compile(rb"^\s*(<!doctype html|<html|<head|<\?xml|<svg|<table|<!--)", re.I)


def detect(source: Source) -> str:
    """The key of the format in READERS, by the file's content; its name only breaks ties.

    Raises
    ------
    UploadError
        If the file is empty or of a kind that is known and not read.
    """
    head = source.head(HEAD)
    packed = next((key for start, key in MAGIC if head.startswith(start)), None)
    if packed is not None and not (packed == "bz2" and _is_texty(head)):
        return packed
    if not head:
        raise UploadError(f"{shown(source.name)} is empty (0 bytes)", way_out="Choose a file with content.")
    _refuse_marked(source, head)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _kind_of_zip(source)
    if is_tar(head):
        return "tar"
    _refuse_unmarked(source, head)
    if head[:14].lower() == b"%%matrixmarket" or source.suffix == "mtx":  # without its banner it is damaged, not a table
        return "mtx"
    if head.startswith((b"\x89PNG\r\n", b"\xff\xd8\xff")) or re.match(rb"P[25][\s#]+[\d#]", head):
        return "images"
    if _is_stata(head):
        return "stata"
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    said = _kind_of_text(bare, source.suffix)
    if said is not None:
        return said
    if source.suffix in ("json", "jsonl", "ndjson") or re.match(rb"[\[{]\s*(\{|\[|\"|\]|\}|-?\d|null)", bare):
        return "json"
    return "csv"


def _refuse_marked(source: Source, head: bytes) -> None:
    """Raise UploadError for kinds whose first bytes say what they are."""
    for start, what, instead in REFUSED:
        if head.startswith(start) and not (start.isalpha() and _is_texty(head)):
            raise UploadError(f"{shown(source.name)} is {what}", way_out=instead)


def _refuse_unmarked(source: Source, head: bytes) -> None:
    """Raise UploadError for kinds that more than their first bytes give away: pickles, old MATLAB files, SGML, web pages."""
    if _PICKLE.match(head) or source.suffix in ("pkl", "pickle", "joblib"):
        raise UploadError(
            f"{shown(source.name)} is a Python pickle, which can run code and is never read",
            way_out="Save it as NPZ, Parquet or CSV.",
        )
    if _is_old_matlab(head, source.suffix):
        raise UploadError(
            f"{shown(source.name)} is an old MATLAB file (version 4)",
            way_out="Save the matrix as NPY or CSV, for instance with scipy.io.loadmat.",
        )
    if _SGML.match(head):
        raise UploadError(
            f"{shown(source.name)} is Reuters-21578 in SGML",
            way_out="Take its texts out first (one document per <BODY>), as a CSV with a column of texts or as a zip of texts.",
        )
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        kind = "an XML file" if b"<?xml" in head[:200].lower() and b"<html" not in head.lower() else "a web page (HTML)"
        raise UploadError(
            f"{shown(source.name)} is {kind}, perhaps an error page in place of the file",
            way_out="Download the file again, or save the table as CSV.",
        )


def is_tar(head: bytes) -> bool:
    """Whether a file begins with the header of a tar archive."""
    return head[257:262] == b"ustar"


def _is_stata(head: bytes) -> bool:
    """Stata from version 13 on begins with markup; older ones with their version, byte order and type."""
    old = (
        len(head) > 4
        and head[0] in (102, 103, 104, 105, 108, 110, 111, 112, 113, 114, 115)
        and head[1] in (1, 2)
        and head[2] == 1
    )
    return head.startswith(b"<stata_dta>") or (old and head[3] == 0)


def _is_old_matlab(head: bytes, suffix: str) -> bool:
    """MATLAB 4 has no mark: five small numbers, the name of the matrix, its values."""
    if suffix != "mat" or len(head) < 20:
        return False
    kind, rows, columns, imaginary, length = (int.from_bytes(head[i : i + 4], "little") for i in range(0, 20, 4))
    return kind < 5000 and rows < 2**31 and columns < 2**31 and imaginary in (0, 1) and 1 < length < 256


def _kind_of_text(head: bytes, suffix: str) -> str | None:
    """The formats that are text with a beginning of their own; None for all others."""
    low = head[:200].lower()
    if low.startswith((b"#1.2", b"#1.3")) and re.match(rb"#1\.[23][\s]*\r?\n\d+\t\d+", head):
        return "gct"
    if re.match(rb"!(series|sample|platform|dataset)_", low):
        return "geo"
    if suffix == "arff" or re.match(rb"(\s*%[^\n]*\n|\s*\n)*\s*@relation\s", head, re.I):
        return "arff"
    if suffix in ("csv", "tsv", "json", "jsonl", "ndjson"):
        return None
    if bagofwords.LOOKS.match(head):
        return "bow"
    return "pairs" if pairs.looks(head) else None


def _is_texty(head: bytes) -> bool:
    """Whether a beginning made of letters may just be the beginning of a text."""
    return not any(byte < 9 or 13 < byte < 32 for byte in head[:512])


def _kind_of_zip(source: Source) -> str:
    """What a zip file holds: a workbook, arrays, or other files."""
    try:
        with source.open() as stream, zipfile.ZipFile(stream) as opened:
            names = opened.namelist()
    except Exception:  # a damaged one; the reader of its name says what is wrong
        return {"xlsx": "xlsx", "xlsm": "xlsx", "npz": "npz"}.get(source.suffix, "zip")
    if "xl/workbook.xml" in names or ("[Content_Types].xml" in names and any(name.startswith("xl/") for name in names)):
        return "workbook" if "xl/workbook.bin" in names else "xlsx"
    if "content.xml" in names and "mimetype" in names:
        return _kind_of_opendocument(source)
    if any(name.startswith("word/") for name in names) and "[Content_Types].xml" in names:
        raise UploadError(f"{shown(source.name)} is a Word document", way_out="Save it as plain text or CSV.")
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return "npz" if source.suffix == "npz" else "zip"


def _kind_of_opendocument(source: Source) -> str:
    """A sheet; other OpenDocument files are refused by name."""
    try:
        with source.open() as stream, zipfile.ZipFile(stream) as opened, opened.open("mimetype") as member:
            kind = member.read(200).decode("ascii", "replace")
    except Exception:  # damaged: the reader says so
        kind = "spreadsheet"
    if "spreadsheet" not in kind:
        raise UploadError(f"{shown(source.name)} is an OpenDocument file, but no sheet", way_out="Save it as plain text or CSV.")
    return "workbook"
