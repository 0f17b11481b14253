"""What does a matrix with a label for each row and column look like? Numbers stand in the cells where they fit; NaN is a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.lines import LABEL_WIDTH, PITCH, column_axis
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

BAR_ROOM = 76  # px for a colour bar with its title
MOST_NUMBERS = 900  # cells with a number in each
GAP_FROM = 8  # px of a cell from which there is a gap between two


@dataclass(frozen=True, eq=False)
class Labelled:
    """A matrix with its labels, and what its values are.

    values : (m, n); NaN is a gap
    rows, columns : labels, from data or not; they are cut and escaped in the picture
    quantity : what the values mean, with their unit
    name : what the matrix is;  alt : the sentence that stands for the picture; made of both when None
    row_title, column_title : what a row and a column is

    Raises
    ------
    ValueError
        If the labels don't fit the matrix.
    """

    values: ArrayLike
    rows: Sequence[object]
    columns: Sequence[object]
    quantity: str
    name: str = "matrix"
    row_title: str = ""
    column_title: str = ""
    alt: str | None = None
    z: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        z = np.asarray(self.values, np.float64)
        if (len(self.rows), len(self.columns)) != z.shape:
            m, n = z.shape
            given = f"{len(self.rows)} and {len(self.columns)}"
            raise ValueError(f"A {m} x {n} matrix needs {m} row and {n} column labels, not {given}.")
        object.__setattr__(self, "z", z)

    @property
    def finite(self) -> np.ndarray:
        """The values that are no gaps, in one row."""
        return self.z[np.isfinite(self.z)]

    def sentence(self) -> str:
        """What stands for the picture."""
        if self.alt is not None:
            return self.alt
        (m, n), what, finite = self.z.shape, clean(self.name, 200), self.finite
        said = f"{what[:1].upper()}{what[1:]}, {m:,} × {n:,}"
        return said + (f": {clean(self.quantity)} from {finite.min():.4g} to {finite.max():.4g}." if finite.size else ", empty.")

    def table(self) -> pd.DataFrame:
        """All values with their labels."""
        frame = pd.DataFrame(self.z, columns=[str(c) for c in self.columns])
        frame.insert(0, self.row_title or "row", [str(r) for r in self.rows], allow_duplicates=True)
        return frame


@dataclass(frozen=True)
class Ends:
    """Where the colours begin and end. signed : they diverge at 0;  low, high : the smallest and largest value when None"""

    low: float | None = None
    high: float | None = None
    signed: bool = False

    def of(self, finite: np.ndarray) -> tuple[float, float]:
        """Both ends for these values; symmetric about 0 where signed."""
        least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        least, most = least if self.low is None else self.low, most if self.high is None else self.high
        reach = max(abs(least), abs(most)) or 1.0
        return (-reach, reach) if self.signed else (least, most)


@dataclass(frozen=True)
class Cells:
    """What stands in the cells.

    there : None decides by the room there is
    texts : (m, n) what to write in place of the values, not from data
    """

    digits: int = 2
    there: bool | None = None
    texts: Sequence[Sequence[str]] | None = None

    def fit(self, shape: tuple[int, int], widest: float, cell: tuple[float, float]) -> bool:
        """Whether they are written in cells (width, height) of that many px; `widest` is the value that takes most room."""
        if self.there is not None:
            return self.there
        usual = [[f"{widest:.{self.digits}f}"]] if self.texts is None else self.texts
        longest = max((text for row in usual for text in row), key=len, default="")
        fits = cell[0] >= look.text_width(longest, look.NUMBER_SIZE) + 2 and cell[1] >= look.NUMBER_HEIGHT
        return fits and shape[0] * shape[1] <= MOST_NUMBERS


def matrix(
    data: Labelled,
    *,
    ends: Ends | None = None,
    cells: Cells | None = None,
    theme: str = "light",
    height: int = 330,
    width: int = look.CHART_WIDTH,
    note: str | None = None,
) -> Picture:
    """The picture of a matrix with its labels."""
    ends, cells = ends or Ends(), cells or Cells()
    m, n = data.z.shape
    row_labels, label_width = look.shorten_all(data.rows, LABEL_WIDTH)
    left = int(label_width) + 14 + (22 if data.row_title else 0)
    room = width - left - BAR_ROOM
    x_axis, bottom = column_axis(data.columns, plotly(data.column_title), room, theme)
    cell = (room / max(n, 1), (height - bottom - 8) / max(m, 1))
    colours = look.palette(theme)
    scale = colours.diverging if ends.signed else colours.sequential
    trace = _heat(data, ends, scale, theme) | ({"xgap": 1, "ygap": 1} if min(cell) >= GAP_FROM else {})
    traces = [trace]
    least, most = ends.of(data.finite)
    if cells.fit((m, n), least if ends.signed else most, cell):
        written = look.numbers(data.z, cells.digits) if cells.texts is None else cells.texts
        traces.append(look.cell_numbers(data.z, written, trace, scale))
    every = max(1, int(np.ceil(PITCH / max(cell[1], 1 / max(m, 1)))))
    y_axis = look.axis(theme, plotly(data.row_title), type="category", autorange="reversed", showgrid=False)
    layout: dict[str, Any] = {
        "xaxis": x_axis,
        "yaxis": y_axis | {"tickmode": "array", "tickvals": trace["y"][::every], "ticktext": row_labels[::every]},
        "margin": {"l": left, "r": BAR_ROOM, "t": 8, "b": bottom},
    }
    if np.isnan(data.z).any():
        layout["plot_bgcolor"] = colours.missing
    return Picture(look.figure(traces, layout, theme, height=height), data.sentence(), data.table, note)


def _heat(data: Labelled, ends: Ends, scale: Sequence[str], theme: str) -> dict[str, Any]:
    """The trace of the colours."""
    least, most = ends.of(data.finite)
    return {
        "type": "heatmap",
        "z": data.z.astype(np.float32),
        "x": look.distinct(data.columns),
        "y": look.distinct(data.rows),
        "zmin": least,
        "zmax": most if most > least else least + 1.0,
        "colorscale": look.scale(scale),
        "colorbar": look.colourbar(theme, plotly(data.quantity)),
        "hoverongaps": False,
        "hovertemplate": "%{y} × %{x}: %{z:.4g}<extra></extra>",
    }
