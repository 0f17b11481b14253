"""How does a matrix look of which only block means are known?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

LEAST_GAP = 5  # cells between two topics that are named below the picture, and ...
MOST_NAMED = 10  # ... so many of them at most


def block_means(
    values: np.ndarray,
    *,
    name: str,
    first_rows: Sequence[int],
    topics: Sequence[int],
    top: float,
    signed: bool = False,
    rows: str = "rows",
    theme: str = "light",
    height: int = 420,
) -> Picture:
    """Means (a, b) over runs of rows and groups of columns, as colours.

    Parameters
    ----------
    name : what the matrix is
    first_rows : (a,) the number of the first row of each run, from 1
    topics : (b,) the topic, from 1, to which the columns of each group belong; equal ones lie together
    top : where colours end; signed : colours diverge at 0 and end at -top, too
    rows : what rows are called
    """
    shown = np.clip(values, -top if signed else 0.0, top).astype(np.float32)
    palette = look.palette(theme)
    begins = [0, *(np.flatnonzero(np.diff(np.asarray(topics))) + 1).tolist()]
    named: list[int] = []
    for begin in begins:
        if not named or begin - named[-1] >= max(LEAST_GAP, len(topics) // MOST_NAMED):
            named.append(begin)
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": shown,
        "x": list(range(len(topics))),
        "y": [int(row) for row in first_rows],
        "customdata": np.broadcast_to(np.asarray(topics), values.shape),
        "zmin": -top if signed else 0.0,
        "zmax": top,
        "colorscale": look.scale(palette.diverging if signed else palette.sequential),
        "colorbar": look.colourbar(theme, "mean of the cells"),
        "hovertemplate": f"{plotly(rows)} from %{{y:,}}, columns of topic %{{customdata}}: %{{z:.4g}}<extra></extra>",
    }
    layout: dict[str, Any] = {
        "xaxis": look.axis(theme, "columns by leading topic", showgrid=False, tickangle=0, tickmode="array", tickvals=named,
                           ticktext=[str(topics[i]) for i in named]),
        "yaxis": look.axis(theme, plotly(rows), showgrid=False, autorange="reversed", tickformat=",d"),
    }  # fmt: skip
    alt = f"{name}: means of {values.shape[0]} × {values.shape[1]} cells, the largest {float(values.max()):.3g}."

    def table() -> pd.DataFrame:
        frame = pd.DataFrame(values, columns=[f"group {j + 1}, topic {topic}" for j, topic in enumerate(topics)])
        frame.insert(0, f"{clean(rows)} from", list(first_rows))
        return frame

    return Picture(
        look.figure([trace], layout, theme, height=height), alt, table, f"Colours end at {top:.3g}, the 99th percentile of X's."
    )
