"""Which formats can be read?

One file per format beside this one, and one line each in READERS. Each reader is a function of a source, the options and
the limits; it returns a Table or raises UploadError. Formats marked `plain` have readers of our own that check before they
allocate, so small files of them may be read in the calling process; all others run in a child process always.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from nmfcore.data.limits import Limits
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source
from nmfcore.data.table import Table


@dataclass(frozen=True)
class Reader:
    """A format: its name on screen, the usual ends of file names, the module that reads it, and whether it is plain."""

    title: str
    suffixes: tuple[str, ...]
    module: str
    plain: bool = False

    @property
    def read(self) -> Callable[[Source, ReadOptions, Limits], Table]:
        """The reading function; its module is imported when it is first used."""
        return importlib.import_module(f"nmfcore.data.readers.{self.module}").read


READERS: dict[str, Reader] = {
    "csv": Reader("Text table (CSV, TSV, any delimiter), or text with one document per line",
                  ("csv", "tsv", "txt", "dat", "tab", "data", "asc"), "delimited", plain=True),
    "npz": Reader("NumPy archive or SciPy sparse matrix", ("npz",), "npz", plain=True),
    "npy": Reader("NumPy array", ("npy",), "npy", plain=True),
}  # fmt: skip


def suffixes() -> list[str]:
    """The usual ends of file names of all formats, for a file chooser."""
    return list(dict.fromkeys(suffix for reader in READERS.values() for suffix in reader.suffixes))
