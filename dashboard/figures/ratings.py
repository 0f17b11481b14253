"""Which ratings are known, and what does a model say about the others?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.heatmaps import matrix
from dashboard.figures.picture import Picture


def ratings(
    values: ArrayLike,
    mask: ArrayLike,
    *,
    rows: Sequence[object],
    columns: Sequence[object],
    predicted: ArrayLike | None = None,
    row_title: str = "",
    column_title: str = "",
    high: float | None = None,
    theme: str = "light",
    height: int = 330,
    width: int = look.CHART_WIDTH,
) -> Picture:
    """The table (m, n) with its mask drawn: known ratings coloured, the others grey with a dash or, in italics, the prediction.

    Parameters
    ----------
    mask : (m, n) of 0/1, 1 = observed
    predicted : (m, n) what a model says; shown where nothing is observed
    high : the top of the rating scale
    """
    known = np.asarray(mask, bool)
    z = np.where(known, np.asarray(values, float), np.nan)
    guess = None if predicted is None else np.asarray(predicted, float)
    share = float(known.mean()) if known.size else 0.0
    rest = "empty" if guess is None else "predicted"
    alt = f"{int(known.sum()):,} of {known.size:,} ratings are known ({look.percent(share, 0)}); the others are {rest}."
    drawn = matrix(
        z,
        rows=rows,
        columns=columns,
        quantity="rating",
        row_title=row_title,
        column_title=column_title,
        low=0.0,
        high=high,
        digits=1,
        theme=theme,
        height=height,
        width=width,
        alt=alt,
    )
    traces = list(drawn.figure.data)
    if len(traces) > 1:  # the numbers fit, so what is missing can be written too
        y, x = drawn.figure.data[0].y, drawn.figure.data[0].x
        empty = np.argwhere(~known)
        drawn.figure.add_scatter(
            mode="text",
            x=[x[j] for _, j in empty],
            y=[y[i] for i, _ in empty],
            text=["–" if guess is None else f"<i>{guess[i, j]:.1f}</i>" for i, j in empty],
            textfont={"size": look.NUMBER_SIZE, "color": look.palette(theme).muted},
            hoverinfo="skip",
            showlegend=False,
        )

    def table() -> pd.DataFrame:
        i, j = np.divmod(np.arange(known.size), known.shape[1])
        frame = pd.DataFrame(
            {
                row_title or "row": [str(rows[a]) for a in i],
                column_title or "column": [str(columns[b]) for b in j],
                "rating": z.ravel(),
                "known": known.ravel(),
            }
        )
        return frame if guess is None else frame.assign(predicted=guess.ravel())

    note = None if guess is None else "Grey: not rated; in italics what the model says."
    return Picture(drawn.figure, drawn.alt, table, note)
