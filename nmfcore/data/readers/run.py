"""What does a reader's answer become: a table with what was understood, or a refusal whatever went wrong?

Called in this process for small files of plain formats, else in the child (child.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nmfcore.data.model.errors import UploadError, counted, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import READERS, codes
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source


def run_reader(source: Source, key: str, options: ReadOptions, limits: Limits) -> Table:
    """The table a reader makes of a source, in this process; the file's size and what was understood are added."""
    if key not in READERS:
        raise UploadError(f"{shown(source.name)} is of a kind that is not read: {key}", way_out="Save it as CSV.")
    try:
        table = READERS[key].read(source, options, limits)
    except (UploadError, MemoryError):
        raise
    except RecursionError:
        raise UploadError("The file nests its content too deeply", way_out="Save it as a flat table.") from None
    except Exception as error:  # a library's failure on a damaged file, or our own mistake: a refusal all the same
        raise unreadable(source, error) from error
    table = codes.hinted(codes.settled(table, options), options)
    notes = (*(note[:1].upper() + note[1:] for note in table.notes), *_open_questions(table))
    return replace(table, notes=notes, understood=_completed(table, source, options))


def unreadable(source: Source, error: Exception) -> UploadError:
    """The refusal of a file that made its reader fail in a way nobody foresaw; it names the failure."""
    said = str(error).splitlines()[0][:160] if str(error) else ""
    return UploadError(
        f"{shown(source.name)} cannot be read ({type(error).__name__}: {said})",
        way_out="The file is probably damaged. Save it again or in another format.",
    )


def _open_questions(table: Table) -> list[str]:
    """What the person has to settle before the table becomes a data set."""
    m, n = table.shape
    notes = []
    if table.missing.count and table.absent == "zero":
        verb = "is" if table.missing.count == 1 else "are"
        notes.append(f"{table.missing.count:,} of {m * n:,} cells {verb} missing (first at {table.missing.place}).")
    if table.negatives.count:
        found = table.negatives
        notes.append(f"{counted(found.count, 'entry is', 'entries are')} negative (first at {found.place}: {found.value}).")
    return notes


def _completed(table: Table, source: Source, options: ReadOptions) -> dict[str, Any]:
    """What was understood, with the numbers every format has."""
    m, n = table.shape
    understood = {"content": table.content, **table.understood, "bytes": source.size, "shape": [m, n]}
    if table.X is not None:
        stored = int(table.X.nnz) if table.sparse else int((table.X != 0).sum())
        size = table.X.data.nbytes + table.X.indices.nbytes + table.X.indptr.nbytes if table.sparse else table.X.nbytes
        understood |= {"stored": stored, "density": stored / (m * n), "memory_bytes": int(size), "sparse_kept": table.sparse}
    return understood | {"options": options.chosen()}
