"""Which sheet of a workbook holds the table?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, time, timedelta
from typing import Any, TypeVar

from nmfcore.data.model.errors import Fix, UploadError, listed, shown
from nmfcore.data.readers.options import ReadOptions

Sheet = TypeVar("Sheet")
COVER = 500  # cells up to which a sheet without numbers may be a cover; a list of texts is longer
NUMBERS = 4  # numbers from which on another sheet is the table behind a cover


def choose(
    names: Sequence[str],
    hidden: Sequence[str],
    sheet: Callable[[int], Sheet],
    cells: Callable[[Sheet], Iterable[Any]],
    options: ReadOptions,
    notes: list[str],
) -> tuple[int, Sheet]:
    """The number of the sheet to read, and the sheet: the chosen one, or the first with content that is not a cover of text.

    Raises
    ------
    UploadError
        If there is no sheet of the chosen name, or the sheet is empty.
    """
    order = _order(names, hidden, options.sheet)
    taken = order[0]
    found = sheet(taken)
    filled, numbers = _counts(cells(found))
    if options.sheet is None and (not filled or (not numbers and filled <= COVER)):
        for other in order[1:]:
            behind = sheet(other)
            more, numeric = _counts(cells(behind))
            if more and (not filled or (numeric >= NUMBERS and numeric >= more / 3 and more > filled)):
                passed = [names[i] for i in order[: order.index(other)]]
                what = "Sheets of text passed over" if filled else "Empty sheets passed over"
                notes.append(f"{what}: {listed(passed)}.")
                taken, found, filled = other, behind, more
                break
    others = [name for name in names if name != names[taken]]
    if others:
        secret = f" (hidden: {listed(list(hidden))})" if hidden else ""
        notes.append(f"The sheet {shown(names[taken])} was read; the workbook has others: {listed(others)}{secret}.")
    if not filled:
        raise UploadError(
            f"The sheet {shown(names[taken])} is empty",
            way_out="Choose another sheet.",
            fixes=_others(names, names[taken]),
        )
    return taken, found


def _order(names: Sequence[str], hidden: Sequence[str], chosen: str | None) -> list[int]:
    """The sheets that come into question: the chosen one, or all that can be seen; all, where none can."""
    if chosen is None:
        return [i for i, name in enumerate(names) if name not in hidden] or list(range(len(names)))
    if chosen not in names:
        raise UploadError(
            f"The workbook has no sheet {shown(chosen)}",
            way_out=f"Its sheets are: {listed(names, 10)}.",
            fixes=_others(names, None),
        )
    return [list(names).index(chosen)]


def _others(names: Sequence[str], taken: str | None) -> list[Fix]:
    return [Fix(f"Read the sheet {shown(name)}", {"sheet": name}) for name in names if name != taken][:8]


def _counts(cells: Iterable[Any]) -> tuple[int, int]:
    """How many cells are filled, and how many of them hold numbers or dates."""
    filled = numbers = 0
    for cell in cells:
        if cell is not None and cell != "":
            filled += 1
            numbers += isinstance(cell, (int, float, date, time, timedelta)) or _is_number(cell)
    return filled, numbers


def _is_number(cell: Any) -> bool:
    try:
        return isinstance(cell, str) and float(cell.replace(",", ".")) is not None
    except ValueError:
        return False
