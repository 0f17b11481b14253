"""What does "rows are the items" mean? A small drawing of the table in the file, with one item picked out of it.

An SVG as text, for an image element: it holds no link, and the browser loads nothing for it.
"""

from __future__ import annotations

import html

from dashboard.figures import theme as look
from dashboard.text.plain import clean

ROWS, COLUMNS = 4, 6
WIDTH, HEIGHT = 330, 128
LEFT, TOP, CELL_WIDTH, CELL_HEIGHT = 86, 30, 36, 21  # px


def orientation(item: str, feature: str, *, by_rows: bool, theme: str = "light") -> str:
    """The drawing: rows and columns of the file, the item highlighted along its row (or column).

    item, feature : labels of the first row and first column of the file if `by_rows`, else of the first column and row
    """
    palette = look.palette(theme)
    accent = look.component_colour(0, theme)
    cells = []
    for i in range(ROWS):
        for j in range(COLUMNS):
            mine = i == 0 if by_rows else j == 0
            place = f'x="{LEFT + j * CELL_WIDTH}" y="{TOP + i * CELL_HEIGHT}" width="{CELL_WIDTH - 2}" height="{CELL_HEIGHT - 2}"'
            cells.append(f'<rect {place} rx="2" fill="{accent if mine else palette.grid}"/>')
    row, column = (item, feature) if by_rows else (feature, item)
    row_style, column_style = (_strong(accent), _muted(palette.muted)) if by_rows else (_muted(palette.muted), _strong(accent))
    texts = (
        f'<text x="{LEFT - 8}" y="{TOP + 14}" text-anchor="end" {row_style}>{_shown(row, 11)}</text>',
        f'<text x="{LEFT}" y="{TOP - 9}" {column_style}>{_shown(column, 18)}</text>',
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="Source Sans, Source Sans Pro, Arial, sans-serif" font-size="13">{"".join(cells)}{"".join(texts)}</svg>'
    )


def _strong(colour: str) -> str:
    return f'fill="{colour}" font-weight="600"'


def _muted(colour: str) -> str:
    return f'fill="{colour}"'


def _shown(label: str, most: int) -> str:
    return html.escape(clean(label, most), quote=True)
