"""How does a matrix look of which only block means are known?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

LEAST_GAP = 5  # cells between two topics that are named below the picture, and ...
MOST_NAMED = 6  # ... so many of them at most


@dataclass(frozen=True, eq=False)
class Cells:
    """What the cells of block means are, and where their colours end.

    first_rows : (a,) the number of the first row of each run, from 1
    topics : (b,) the topic, from 1, to which the columns of each group belong; equal ones lie together
    top : where colours end; rows : what rows are called
    """

    first_rows: Sequence[int]
    topics: Sequence[int]
    top: float
    rows: str = "rows"

    def named(self) -> list[int]:
        """The groups below which their topic's number stands: where a topic begins, and not too near to the last one."""
        named: list[int] = []
        for begin in [0, *(np.flatnonzero(np.diff(np.asarray(self.topics))) + 1).tolist()]:
            if not named or begin - named[-1] >= max(LEAST_GAP, len(self.topics) // MOST_NAMED):
                named.append(begin)
        return named

    def table(self, values: np.ndarray) -> pd.DataFrame:
        """The means with what their rows and columns are."""
        frame = pd.DataFrame(values, columns=[f"group {j + 1}, topic {topic}" for j, topic in enumerate(self.topics)])
        frame.insert(0, f"{clean(self.rows)} from", list(self.first_rows))
        return frame


def block_means(
    values: np.ndarray, cells: Cells, *, name: str, signed: bool = False, theme: str = "light", height: int = 420
) -> Picture:
    """Means (a, b) over runs of rows and groups of columns, as colours.

    name : what the matrix is; signed : colours diverge at 0 and end at -top, too
    """
    palette, named = look.palette(theme), cells.named()
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": np.clip(values, -cells.top if signed else 0.0, cells.top).astype(np.float32),
        "x": list(range(len(cells.topics))),
        "y": [int(row) for row in cells.first_rows],
        "customdata": np.broadcast_to(np.asarray(cells.topics), values.shape),
        "zmin": -cells.top if signed else 0.0,
        "zmax": cells.top,
        "colorscale": look.scale(palette.diverging if signed else palette.sequential),
        "colorbar": look.colourbar(theme, "mean of the cells"),
        "hovertemplate": f"{plotly(cells.rows)} from %{{y:,}}, columns of topic %{{customdata}}: %{{z:.4g}}<extra></extra>",
    }
    layout: dict[str, Any] = {
        "xaxis": look.axis(theme, "columns by leading topic", showgrid=False, tickangle=0, tickmode="array", tickvals=named,
                           ticktext=[str(cells.topics[i]) for i in named]),
        "yaxis": look.axis(theme, plotly(cells.rows), showgrid=False, autorange="reversed", tickformat=",d"),
    }  # fmt: skip
    alt = f"{name}: means of {values.shape[0]} × {values.shape[1]} cells, the largest {float(values.max()):.3g}."
    return Picture(
        look.figure([trace], layout, theme, height=height), alt, lambda: cells.table(values),
        f"Colours end at {cells.top:.3g}, the 99th percentile of X's.",
    )  # fmt: skip
