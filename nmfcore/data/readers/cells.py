"""What stands in a cell, and what do the cells of a column have in common?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from nmfcore.data.readers.numbers import Cell, Numbers

Row = tuple[int, list[Cell]]  # where it stands (line or row, counted from 1), and its cells
Cells = Sequence[Sequence[Cell]]  # some rows of cells

LOOKED_AT = 200  # cells of a column that settle its kind
CODE = 4  # digits from which on whole numbers of one length with zeros in front are codes (ZIP, ISBN), not numbers
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]")
PICTOGRAM = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff]")


def text_of(cell: Cell) -> str:
    """A cell as text, trimmed: 3.0 is "3", and a date its ISO form."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return "" if cell != cell else repr(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell.isoformat().removesuffix("T00:00:00") if hasattr(cell, "isoformat") else str(cell)


def some(rows: Cells) -> Cells:
    """Rows enough to settle the kind of a column: the first ones, and others from all over."""
    half = LOOKED_AT // 2
    return rows if len(rows) <= LOOKED_AT else [*rows[:half], *rows[half :: max(1, len(rows) // half)]]


def kinds(rows: Cells, column: int, numbers: Numbers) -> Counter[str]:
    """How many cells of a column are numbers, missing, dates or text; codes made of digits count as text."""
    cells = [row[column] for row in some(rows) if column < len(row)]
    found = Counter(numbers.kind(cell) for cell in cells)
    for kind in ("number", "missing", "date", "text"):
        found.setdefault(kind, 0)
    if found["number"] and are_codes(cells):
        found["text"], found["number"] = found["text"] + found["number"], 0
    return found


def are_codes(cells: Sequence[Cell]) -> bool:
    """Whether whole numbers are codes: all of one length of four or more digits, and zeros in front that belong to them."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]
    if not texts or not any(text[0] == "0" for text in texts) or len(texts[0]) < CODE:
        return False
    return all(len(text) == len(texts[0]) and text.isdigit() for text in texts)


def share_of_text(found: Counter[str]) -> float:
    """Of the cells that are not missing."""
    said = found["text"] + found["date"] + found["number"]
    return (found["text"] + found["date"]) / said if said else 0.0


def texts(rows: Cells, column: int) -> list[str]:
    """The cells of a column as text."""
    return [text_of(row[column]) for row in rows if column < len(row)]


def is_unique(rows: Cells, column: int) -> bool:
    """Whether all cells of a column differ."""
    found = texts(rows, column)
    return len(set(found)) == len(found)


def repeats(rows: Cells, column: int) -> bool:
    """Whether a cell of a column occurs twice."""
    return not is_unique(rows, column)


def is_whole(value: float | None) -> bool:
    """Whether a number is a whole one; None is not."""
    return value is not None and value == value and float(value).is_integer()


def all_whole(rows: Cells, column: int, numbers: Numbers) -> bool:
    """Whether all cells of a column are whole numbers."""
    return all(is_whole(numbers.value(row[column])) for row in rows if column < len(row))


def words_in(text: str) -> float:
    """Words of a text; a script without spaces has about one word in two characters."""
    return max(len(text.split()), len(UNSPACED.findall(text)) / 2, len(PICTOGRAM.findall(text)))


def mean_words(rows: Cells, column: int) -> float:
    """Words in a cell of a column, in the mean of those that are not empty."""
    counts = [words_in(text) for text in texts(rows[:LOOKED_AT], column) if text]
    return sum(counts) / len(counts) if counts else 0.0


def rises(values: Sequence[float]) -> bool:
    """Whether values never fall."""
    return all(a <= b for a, b in pairwise(values))
