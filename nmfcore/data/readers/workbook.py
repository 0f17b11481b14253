"""How are OpenDocument sheets (.ods) and old or binary Excel files (.xls, .xlsb) read? By calamine, in the child process.

Excel's .xlsx has a reader of its own (xlsx.py), which takes no memory for stray cells; here a bound on unpacked bytes and the
child's bound on memory protect.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from nmfcore.data.model.errors import TooLarge, UploadError, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers.archive import CHUNK, guarded, safe_members
from nmfcore.data.readers.cells import Row
from nmfcore.data.readers.grid import Grid
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.sheets import choose
from nmfcore.data.readers.source import Source


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table on one sheet of a workbook."""
    try:
        import python_calamine as calamine
    except ImportError:
        raise UploadError(
            f"{shown(source.name)} is an OpenDocument, old or protected Excel file; that needs the package python-calamine",
            way_out="Install it (pip install 'nmf-dashboard[formats]'), or save the sheet without a password as .xlsx or CSV.",
        ) from None
    _check_unpacked(source, limits)
    with source.open() as stream:
        content = io.BytesIO(stream.read())
    try:
        book = calamine.CalamineWorkbook.from_filelike(content)
        names = list(book.sheet_names)
        hidden = [sheet.name for sheet in book.sheets_metadata if "Visible" not in str(sheet.visible)]
    except Exception as error:  # the library's own kinds of errors: a damaged file, or one with a password
        raise _damaged(source, error) from None
    if not names:
        raise UploadError("The workbook has no sheet", way_out="Choose a file with data.")

    def sheet(number: int) -> list[list[Any]]:
        try:
            found = book.get_sheet_by_index(number)
            if found.total_height * found.total_width > 4 * limits.dense_cells or found.total_width > limits.columns:
                size = f"{found.total_height:,} x {found.total_width:,} cells"
                raise TooLarge(
                    f"The sheet {shown(names[number])} has {size}, more than can be read",
                    way_out="Take a part of it.",
                )
            return found.to_python(skip_empty_area=True)
        except UploadError:
            raise
        except Exception as error:
            raise _damaged(source, error) from None

    notes: list[str] = []
    taken, rows = choose(names, hidden, sheet, chain.from_iterable, options, notes)
    understood: dict[str, Any] = {"format": "workbook", "sheet": names[taken], "sheets": names}
    numbered = islice(_rows(rows), options.skip_lines or 0, None)
    return Grid(source.name, numbered, options, limits, understood, notes, unit="row", typed=True).read()


def _rows(rows: list[list[Any]]) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        cells = [None if cell == "" else cell for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        yield number, cells or [None]


def _check_unpacked(source: Source, limits: Limits) -> None:
    """Count what the files in a zipped workbook unpack to; what the zip says of itself is not believed."""
    if source.head(2) != b"PK":
        return
    with guarded(source.name), source.open() as stream, zipfile.ZipFile(stream) as opened:
        total = 0
        packed = 0
        for info in safe_members(opened, source.name, limits):
            packed += info.compress_size
            if not info.filename.endswith((".xml", ".bin")):
                continue
            with opened.open(info) as member:
                while chunk := member.read(CHUNK):
                    total += len(chunk)
                    most = limits.unpack_free_bytes + limits.unpack_ratio * max(packed, 1)
                    if total > min(most, limits.unpacked_bytes):
                        raise TooLarge(
                            f"{shown(source.name)} unpacks to more than {total:,} bytes", way_out="Save the sheet as CSV."
                        )


def _damaged(source: Source, error: Exception) -> UploadError:
    said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    way_out = "Save it again without a password, as .xlsx or as CSV."
    return UploadError(f"{shown(source.name)} is a damaged, protected or far too large workbook: {said}", way_out=way_out)
