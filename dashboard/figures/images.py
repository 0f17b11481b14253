"""What do parts look like as pictures, and how do they add up to an image?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

MOST_PIXELS = 250_000  # in one figure: 1 MB; larger pictures are drawn at every second, third, ... pixel
GAP = 0.14  # of a picture's side, between pictures
HEAD = 0.2  # of a picture's height, for the title over it
SUM_COLUMNS = 6  # parts in the last line of a sum
ROW_LABEL = 96  # px for the name of a row


@dataclass(frozen=True, eq=False)
class Row:
    """A row of pictures (k, height, width): its name, a title for each, and whether they (all, or each) have negative values."""

    name: str
    pictures: np.ndarray
    titles: Sequence[object] = ()
    signed: bool | Sequence[bool] = False

    def diverges(self, position: int) -> bool:
        """Whether the picture at `position` has negative values."""
        return self.signed if isinstance(self.signed, bool) else bool(self.signed[position])


def wall(
    parts: ArrayLike,
    *,
    titles: Sequence[object] | None = None,
    columns: int | None = None,
    signed: bool = False,
    component: str = "part",
    same_scale: bool = False,
    theme: str = "light",
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """Parts (k, h, w) as pictures in a grid, numbered.

    same_scale : one colour range for all; otherwise each picture uses its own, so that weak parts can be seen
    """
    pictures = np.asarray(parts, float)
    k = len(pictures)
    columns = columns or _columns(k)
    named = list(titles) if titles is not None else [str(i + 1) for i in range(k)]
    rows = [Row("", pictures[i : i + columns], named[i : i + columns], signed) for i in range(0, k, columns)]
    what = look.count(k, clean(component), clean(component) + "s")
    alt = f"{what} as pictures of {pictures.shape[1]} × {pictures.shape[2]} pixels."
    return rows_of_pictures(rows, columns=columns, alt=alt, same_scale=same_scale, theme=theme, width=width)


@dataclass(frozen=True)
class _Grid:
    """Where pictures stand on one canvas, in pixels of it: each (height, width), after `step` of their own pixels left out."""

    rows: int
    columns: int
    height: int
    width: int
    step: int
    titled: bool

    @property
    def gap(self) -> int:
        return max(1, round(GAP * max(self.height, self.width)))

    @property
    def head(self) -> int:
        """Room for the titles over a row."""
        return max(1, round(HEAD * self.height)) if self.titled else 0

    @property
    def size(self) -> tuple[int, int]:
        tall = self.rows * (self.height + self.gap + self.head) - self.gap
        return tall, self.columns * (self.width + self.gap) - self.gap

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """The upper left pixel of a picture: (y, x)."""
        return row * (self.height + self.gap + self.head) + self.head, column * (self.width + self.gap)


def _grid(rows: Sequence[Row], columns: int) -> _Grid:
    h, w = rows[0].pictures.shape[1:]
    step = max(1, int(np.ceil(np.sqrt(sum(row.pictures.size for row in rows) / MOST_PIXELS))))
    titled = any(len(row.titles) for row in rows)
    return _Grid(len(rows), columns, len(range(0, h, step)), len(range(0, w, step)), step, titled)


def rows_of_pictures(
    rows: Sequence[Row],
    *,
    columns: int | None = None,
    alt: str | None = None,
    same_scale: bool = False,
    theme: str = "light",
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """Rows of pictures under one another (NMF, PCA, k-means; or an image, its parts, their sum), in one figure."""
    grid = _grid(rows, columns or max(len(row.pictures) for row in rows))
    tall, broad = grid.size
    left = ROW_LABEL if any(row.name for row in rows) else 4
    tile = (width - left - 4) / grid.columns - 4
    shared = max(float(np.abs(row.pictures).max(initial=0.0)) for row in rows) if same_scale else 0.0
    layout = {
        "xaxis": look.bare_axis(range=[-0.5, broad - 0.5], constrain="domain"),
        "yaxis": look.bare_axis(range=[tall - 0.5, -0.5], scaleanchor="x", constrain="domain"),
        "annotations": [label for i, row in enumerate(rows) for label in _row_labels(row, i, grid, tile, theme)],
        "margin": {"l": left, "r": 4, "t": 4, "b": 4},
    }
    said = [] if same_scale else ["Each picture has its own range, from 0 (or minus) to its largest value."]
    if grid.step > 1:
        left_out = f"{grid.step}th" if grid.step > 3 else ("second", "third")[grid.step - 2]
        said.append(f"Drawn at every {left_out} pixel.")
    alt = alt or "; ".join(f"{clean(row.name) or 'a row'}: {len(row.pictures)} pictures" for row in rows) + "."
    height = max(int((width - left - 4) * tall / max(broad, 1)) + 8, 60)
    drawn = look.figure(_canvases(rows, grid, shared, theme), layout, theme, height=height)
    return Picture(drawn, alt, lambda: _pixels(rows), " ".join(said) or None)


def _canvases(rows: Sequence[Row], grid: _Grid, shared: float, theme: str) -> list[dict[str, Any]]:
    """One heatmap for the pictures without and one for those with negative values, each picture by its own largest value."""
    kinds = sorted({row.diverges(j) for row in rows for j in range(len(row.pictures))})
    canvases = {signed: np.full(grid.size, np.nan, np.float32) for signed in kinds}
    for i, row in enumerate(rows):
        for j, picture in enumerate(row.pictures[: grid.columns]):
            small = picture[:: grid.step, :: grid.step]
            y, x = grid.corner(i, j)
            reach = float(shared or np.abs(small).max(initial=0.0)) or 1.0
            canvases[row.diverges(j)][y : y + grid.height, x : x + grid.width] = small / reach
    return [_canvas_trace(canvas, signed, theme) for signed, canvas in canvases.items()]


def _row_labels(row: Row, i: int, grid: _Grid, tile: float, theme: str) -> list[dict[str, Any]]:
    """The titles over the pictures of a row, and its name at the left."""
    labels = []
    for j, title in enumerate(row.titles[: min(grid.columns, len(row.pictures))]):
        y, x = grid.corner(i, j)
        place = {"x": x + grid.width / 2 - 0.5, "y": y - 0.5, "xref": "x", "yref": "y", "yanchor": "bottom"}
        labels.append(look.annotation(theme, look.shorten(title, tile, look.SMALL_SIZE), **place, borderpad=0))
    if row.name:
        middle = grid.corner(i, 0)[0] + grid.height / 2 - 0.5
        place = {"xref": "paper", "x": 0, "xanchor": "right", "xshift": -8, "y": middle, "yref": "y"}
        labels.append(look.annotation(theme, f"<b>{look.shorten(row.name, ROW_LABEL - 12)}</b>", **place))
    return labels


def _canvas_trace(canvas: np.ndarray, signed: bool, theme: str) -> dict[str, Any]:
    colours = look.palette(theme)
    return {
        "type": "heatmap", "z": canvas, "zmin": -1.0 if signed else 0.0, "zmax": 1.0, "showscale": False,
        "colorscale": look.scale(colours.diverging if signed else colours.sequential), "hoverinfo": "skip",
    }  # fmt: skip


def _pixels(rows: Sequence[Row]) -> pd.DataFrame:
    """One line for each pixel of each picture."""
    frames = []
    for row in rows:
        k = len(row.pictures)
        name = [plotly(t) for t in row.titles] if len(row.titles) == k else [str(i + 1) for i in range(k)]
        i, y, x = np.unravel_index(np.arange(row.pictures.size), row.pictures.shape)
        values = {"row": row.name, "picture": np.array(name, object)[i], "line": y, "column": x, "value": row.pictures.ravel()}
        frames.append(pd.DataFrame(values))
    return pd.concat(frames, ignore_index=True)


def _columns(k: int) -> int:
    """Pictures per line: 4 to 10, so that the last line is as full as can be, wide rather than tall."""
    wide = float(np.sqrt(3 * k))
    return min(range(min(k, 4), min(k, 10) + 1), key=lambda c: (2 * (-k % c) / c + abs(c - wide) / max(wide, 1), c)) if k else 1


def image_sum(
    image: ArrayLike,
    contributions: ArrayLike,
    components: Sequence[int],
    *,
    shown: int,
    errors: Sequence[float] | None = None,
    component: str = "part",
    theme: str = "light",
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """One image as a sum of parts, the first `shown` of them added: image, sum so far, what is left; the parts below.

    Parameters
    ----------
    image : (h, w);  contributions : (k, h, w) weight times part, in the order they are added
    components : (k,) their numbers, counted from 0
    errors : (k + 1,) relative error after 0, 1, ... parts
    """
    whole, added = np.asarray(image, float), np.asarray(contributions, float)
    shown = min(max(int(shown), 0), len(added))
    so_far = added[:shown].sum(axis=0) if shown else np.zeros_like(whole)
    reach = float(np.abs(whole).max()) or 1.0
    first = np.stack([whole, so_far, whole - so_far]) / reach
    rest = f"left, error {errors[shown]:.3f}" if errors is not None else "what is left"
    rows = [Row("image", first, ["image", f"{shown} of {len(added)} {component}s", rest], (False, False, True))]
    if shown:
        last = added[max(0, shown - SUM_COLUMNS) : shown] / reach
        rows.append(
            Row(f"{component}s added", last, [f"{component} {c + 1}" for c in components[max(0, shown - SUM_COLUMNS) : shown]])
        )
    alt = f"An image and the sum of its {shown} largest {clean(component)}s"
    alt += f"; the relative error is {errors[shown]:.3f}." if errors is not None else "."
    return rows_of_pictures(rows, columns=SUM_COLUMNS, alt=alt, same_scale=True, theme=theme, width=width)
