"""What kind of file is this, whatever it is called?"""

from __future__ import annotations

import re
import zipfile

from nmfcore.data.model.errors import UploadError, shown
from nmfcore.data.readers.source import Source

HEAD = 8192

# beginnings of files that are recognised and refused by name, with what to do instead
REFUSED = (
    (b"%PDF", "a PDF document", "Save the table as CSV or Excel first."),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls) or one with a password", "Save it as .xlsx without a password, or as CSV."),
    (b"\x89HDF", "an HDF5 file (.h5, .h5ad, MATLAB 7.3)", "Save the matrix as NPZ, MatrixMarket or Parquet."),
    (b"MATLAB 5.0", "a MATLAB file", "Save the matrix as NPY or CSV, for instance with scipy.io.loadmat."),
    (b"ARROW1", "a Feather or Arrow file", "Save it as Parquet."),
    (b"FEA1", "a Feather file", "Save it as Parquet."),
    (b"SQLite format 3", "an SQLite database", "Save the table as CSV."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Pack it as zip, or hand over the file itself."),
    (b"Rar!", "a RAR archive", "Pack it as zip, or hand over the file itself."),
    (b"BZh", "a bzip2 file", "Pack it as gzip or zip, or hand over the file itself."),
    (b"\xfd7zXZ", "an XZ file", "Pack it as gzip or zip, or hand over the file itself."),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "Pack it as gzip or zip, or hand over the file itself."),
    (b"\x7fELF", "a program", "Choose a file with data."),
    (b"MZ\x90", "a program", "Choose a file with data."),
    (b"GIF8", "a GIF picture", "Save it as PNG."),
    (b"RIFF", "a sound or WebP file", "Save pictures as PNG."),
    (b"II*\x00", "a TIFF picture", "Save it as PNG."),
    (b"MM\x00*", "a TIFF picture", "Save it as PNG."),
    (b"{\\rtf", "a formatted text document", "Save it as plain text or CSV."),
    (b"RDX", "an R data file", "Save it from R with write.csv or Matrix::writeMM."),
    (b"RDA", "an R data file", "Save it from R with write.csv or Matrix::writeMM."),
    (b"ORC", "an ORC file", "Save it as Parquet."),
    (b"Obj\x01", "an Avro file", "Save it as Parquet."),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05](\x95|[\]\}cX\x8c(q])")
_HTML = re.compile(rb"^\s*(<!doctype html|<html|<head|<\?xml|<svg|<table|<!--)", re.I)


def detect(source: Source) -> str:
    """The key of the format in READERS, by the file's content; its name only breaks ties.

    Raises
    ------
    UploadError
        If the file is empty or of a kind that is known and not read.
    """
    head = source.head(HEAD)
    if not head:
        raise UploadError(f"{shown(source.name)} is empty (0 bytes)", way_out="Choose a file with content.")
    for start, what, instead in REFUSED:
        if head.startswith(start) and not (start.isalpha() and _is_texty(head)):
            raise UploadError(f"{shown(source.name)} is {what}", way_out=instead)
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _kind_of_zip(source)
    if head[257:262] == b"ustar":
        raise UploadError(f"{shown(source.name)} is a tar archive", way_out="Pack it as zip, or hand over the file itself.")
    if _PICKLE.match(head) or source.suffix in ("pkl", "pickle", "joblib"):
        raise UploadError(
            f"{shown(source.name)} is a Python pickle, which can run code and is never read",
            way_out="Save it as NPZ, Parquet or CSV.",
        )
    if head[:14].lower() == b"%%matrixmarket" or source.suffix == "mtx":  # without its banner it is damaged, not a table
        return "mtx"
    if head.startswith((b"\x89PNG\r\n", b"\xff\xd8\xff")) or re.match(rb"P[25][\s#]+[\d#]", head):
        return "images"
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        kind = "an XML file" if b"<?xml" in head[:200].lower() and b"<html" not in head.lower() else "a web page (HTML)"
        raise UploadError(
            f"{shown(source.name)} is {kind}, perhaps an error page in place of the file",
            way_out="Download the file again, or save the table as CSV.",
        )
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if source.suffix in ("json", "jsonl", "ndjson") or re.match(rb"[\[{]\s*(\{|\[|\"|\]|\}|-?\d|null)", bare):
        return "json"
    return "csv"


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
        if "xl/workbook.bin" in names:
            raise UploadError(f"{shown(source.name)} is a binary Excel file (.xlsb)", way_out="Save it as .xlsx or CSV.")
        return "xlsx"
    if "content.xml" in names and "mimetype" in names:
        raise UploadError(f"{shown(source.name)} is an OpenDocument file", way_out="Save it as .xlsx or CSV.")
    if any(name.startswith("word/") for name in names) and "[Content_Types].xml" in names:
        raise UploadError(f"{shown(source.name)} is a Word document", way_out="Save it as plain text or CSV.")
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return "npz" if source.suffix == "npz" else "zip"
