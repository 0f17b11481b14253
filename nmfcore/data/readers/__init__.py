"""Which formats can be read?

One file per format beside this one, and one line each in READERS. Each reader is a function of a source, the options and
the limits; it returns a Table or raises UploadError. Formats marked `plain` have readers of our own that check before they
allocate, so small files of them may be read in the calling process; all others run in a child process always.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers.numbers import inexact
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source


@dataclass(frozen=True)
class Reader:
    """A format: its name on screen, the usual ends of file names, the module that reads it, and whether it is plain.

    written : its numbers are written out as text, and may have more digits than float64 holds
    needs : modules of other packages that read it
    """

    title: str
    suffixes: tuple[str, ...]
    module: str
    plain: bool = False
    function: str = "read"
    written: bool = False
    needs: tuple[str, ...] = ()

    def load(self) -> None:
        """Import what reads it, as far as it is installed; a child does this before its memory is bounded."""
        importlib.import_module(f"nmfcore.data.readers.{self.module}")
        for module in self.needs:
            with suppress(ImportError):
                importlib.import_module(module)

    @property
    def read(self) -> Callable[[Source, ReadOptions, Limits], Table]:
        """The reading function; its module is imported when it is first used."""
        found = getattr(importlib.import_module(f"nmfcore.data.readers.{self.module}"), self.function)
        return _noting(found) if self.written else found


def _noting(read: Callable[[Source, ReadOptions, Limits], Table]) -> Callable[[Source, ReadOptions, Limits], Table]:
    """The reader, with a note where whole numbers can have lost digits; those that know the cell have said it already."""

    def noting(source: Source, options: ReadOptions, limits: Limits) -> Table:
        table = read(source, options, limits)
        said = any("2^53" in note for note in table.notes)
        return table if said else replace(table, notes=(*table.notes, *inexact(table.X)))

    return noting


_TEXT = ("csv", "tsv", "txt", "dat", "tab", "data", "asc")
PICTURES = ("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.PpmImagePlugin")
READERS: dict[str, Reader] = {
    "csv": Reader(
        "Text table (CSV, TSV, any delimiter), or text with one document per line", _TEXT, "delimited", plain=True, written=True
    ),
    "xlsx": Reader("Excel workbook", ("xlsx", "xlsm"), "xlsx"),
    "parquet": Reader("Parquet", ("parquet", "pq"), "parquet", needs=("pyarrow.parquet",)),
    "npz": Reader("NumPy archive or SciPy sparse matrix", ("npz",), "npz", plain=True),
    "npy": Reader("NumPy array", ("npy",), "npy", plain=True),
    "mtx": Reader("MatrixMarket", ("mtx",), "matrixmarket", plain=True, written=True),
    "json": Reader("JSON records", ("json", "jsonl", "ndjson"), "json_records", plain=True, written=True),
    "workbook": Reader("OpenDocument or old Excel workbook", ("ods", "xls", "xlsb"), "workbook", needs=("python_calamine",)),
    "hdf5": Reader("HDF5: AnnData (.h5ad), 10x Genomics, or one matrix", ("h5", "h5ad", "hdf5"), "hdf5", needs=("h5py",)),
    "bow": Reader("Bags of words (UCI: docword)", ("txt",), "bagofwords", plain=True, written=True),
    "pairs": Reader("Sparse rows of pairs (SVMlight, LDA-C)", ("svm", "libsvm", "ldac"), "pairs", plain=True, written=True),
    "arff": Reader("ARFF (Weka)", ("arff",), "arff", plain=True, written=True),
    "gct": Reader("Gene expression (GCT)", ("gct",), "expression", plain=True, function="read_gct", written=True),
    "geo": Reader(
        "Gene expression (GEO series matrix)", ("txt",), "expression", plain=True, function="read_series", written=True
    ),
    "stata": Reader("Stata", ("dta",), "statistics", function="read_stata", needs=("pandas",)),
    "spss": Reader("SPSS", ("sav", "zsav"), "statistics", function="read_spss", needs=("pandas", "pyreadstat")),
    "gzip": Reader("One of these, packed with gzip", ("gz", "tgz"), "packed", function="read_gzip"),
    "bz2": Reader("One of these, packed with bzip2", ("bz2",), "packed", function="read_bz2"),
    "xz": Reader("One of these, packed with XZ", ("xz",), "packed", function="read_xz"),
    "zstd": Reader("One of these, packed with Zstandard", ("zst",), "packed", function="read_zstd"),
    "zip": Reader("Several of these, texts, mails or pictures, packed as zip", ("zip",), "packed", function="read_zip"),
    "tar": Reader("Several of these, texts, mails or pictures, packed as tar", ("tar",), "packed", function="read_tar"),
    "images": Reader(
        "Picture (PNG, JPEG, PGM); several of one size in a zip", ("png", "jpg", "jpeg", "pgm"), "images", needs=PICTURES
    ),
}


def suffixes() -> list[str]:
    """The usual ends of file names of all formats, for a file chooser."""
    return list(dict.fromkeys(suffix for reader in READERS.values() for suffix in reader.suffixes))
