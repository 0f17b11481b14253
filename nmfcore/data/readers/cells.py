"""What is one cell, whatever kind of file it stands in?"""

from __future__ import annotations

from nmfcore.data.readers.numbers import Cell


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
