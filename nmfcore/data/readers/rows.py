"""Which rows belong to the table, and do they all have its width?

Empty rows are counted and passed over, footnotes after the table are left out with a note; a row of another length is refused,
unless it was chosen what to do with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nmfcore.data.model.errors import Fix, UploadError, counted, listed, shown
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Row, text_of

FOOTER = 5  # at most this many short rows at the end are taken for footnotes
FOOTNOTE = re.compile(r"\s*(source|note|total|\*|quelle|anmerkung|\(|©|#)", re.I)


class Rows:
    """One pass over the rows of a table, and what was odd about them."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.blank = self.trimmed = self.ragged_count = 0
        self.ragged: list[Row] = []

    def filled(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows that are not entirely empty; the others are counted."""
        typed = self.account.typed
        for place, row in rows:
            if any(row) or (typed and any(cell is not None and cell != "" for cell in row)):
                yield place, row
            else:
                self.blank += 1

    def fitted(self, rows: Iterable[Row], width: int) -> Iterator[Row]:
        """The rows with exactly `width` cells; shorter and longer ones are completed, skipped or collected for a refusal."""
        pending: list[Row] = []
        how = self.account.options.ragged
        for place, row in rows:
            if len(row) > width and not any(text_of(cell) for cell in row[width:]):
                row = row[:width]
                self.trimmed += 1
            if len(row) == width:
                if pending:
                    for short in pending:
                        self._is_ragged(*short)
                    pending = []
                yield place, row
            elif self.account.typed and len(row) < width:
                yield place, row + [None] * (width - len(row))
            elif how == "pad" and len(row) < width:
                self.ragged_count += 1
                yield place, row + [""] * (width - len(row))
            elif how != "refuse":
                self.ragged_count += 1
            elif len(pending) < FOOTER:
                pending.append((place, row))
            else:
                self._is_ragged(place, row)
        if pending and not self.ragged_count and all(self._is_footnote(row, width) for _, row in pending):
            texts = [" ".join(text_of(cell) for cell in row) for _, row in pending]
            self.account.notes.append(f"{counted(len(pending), self.account.unit)} after the table skipped: {listed(texts, 3)}.")
        else:
            for short in pending:
                self._is_ragged(*short)
        self._settle_ragged(width)

    def _is_footnote(self, row: list, width: int) -> bool:
        """Whether a short row after the table is a remark; a single label may as well be a row that was cut off."""
        if len(row) > max(1, width // 2) or self.account.numbers.kind(row[0]) != "text":
            return False
        filled = [text_of(cell) for cell in row if text_of(cell)]
        return bool(FOOTNOTE.match(filled[0])) or (len(filled) == 1 and len(filled[0].split()) > 1)

    def _is_ragged(self, place: int, row: list) -> None:
        self.ragged_count += 1
        if len(self.ragged) < 3:
            self.ragged.append((place, row))

    def _settle_ragged(self, width: int) -> None:
        if not self.ragged_count:
            return
        unit = self.account.unit
        rows = counted(self.ragged_count, unit)
        if self.account.options.ragged == "pad":
            self.account.notes.append(
                f"{rows} with fewer or more than {width} cells: missing cells were added, longer ones left out."
            )
        elif self.account.options.ragged == "skip":
            self.account.notes.append(f"{rows} with fewer or more than {width} cells left out, as you chose.")
        else:
            place, row = self.ragged[0]
            more = f"; so do {self.ragged_count - 1:,} more" if self.ragged_count > 1 else ""
            raise UploadError(
                f"{unit} {place} has {counted(len(row), 'column')}, the others {width:,}{more}",
                place=f"{unit} {place}",
                value=shown(" | ".join(text_of(cell) for cell in row[:6])),
                way_out="Correct it, or choose what to do with rows of another length.",
                fixes=(
                    Fix("Complete short rows with missing cells", {"ragged": "pad"}),
                    Fix("Leave these rows out", {"ragged": "skip"}),
                ),
            )

    def note(self) -> None:
        """Say what was odd."""
        unit = self.account.unit
        if self.blank:
            self.account.notes.append(f"{counted(self.blank, f'empty {unit}')} skipped.")
        if self.trimmed:
            self.account.notes.append(f"{counted(self.trimmed, unit)} had empty cells beyond the last column, left out.")
