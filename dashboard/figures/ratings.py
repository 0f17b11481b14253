"""Which ratings are known, and what does a model say about the others?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.labelled import Cells, Ends, Labelled, matrix
from dashboard.figures.picture import Picture


@dataclass(frozen=True, eq=False)
class Rated:
    """A table of ratings (m, n) with its mask of 0/1, 1 = observed; rows and columns are called as their axes say."""

    values: ArrayLike
    mask: ArrayLike
    rows: Sequence[object]
    columns: Sequence[object]

    @property
    def known(self) -> np.ndarray:
        """(m, n) of bool."""
        return np.asarray(self.mask, bool)

    @property
    def seen(self) -> np.ndarray:
        """(m, n) of float64, NaN where nothing was observed."""
        return np.where(self.known, np.asarray(self.values, float), np.nan)

    def table(self, guess: np.ndarray | None) -> pd.DataFrame:
        """One line per cell."""
        i, j = np.divmod(np.arange(self.known.size), self.known.shape[1])
        labels = {"row": [str(self.rows[a]) for a in i], "column": [str(self.columns[b]) for b in j]}
        frame = pd.DataFrame(labels | {"rating": self.seen.ravel(), "known": self.known.ravel()})
        return frame if guess is None else frame.assign(predicted=guess.ravel())


def ratings(
    rated: Rated,
    *,
    predicted: ArrayLike | None = None,
    theme: str = "light",
    height: int = 330,
    width: int = look.CHART_WIDTH,
) -> Picture:
    """The table with its mask drawn: known ratings coloured, the others grey with a dash or, in italics, the prediction.

    predicted : (m, n) what a model says; shown where nothing is observed
    """
    known, guess = rated.known, None if predicted is None else np.asarray(predicted, float)
    share = float(known.mean()) if known.size else 0.0
    rest = "empty" if guess is None else "predicted"
    alt = f"{int(known.sum()):,} of {known.size:,} ratings are known ({look.percent(share, 0)}); the others are {rest}."
    drawn = matrix(
        Labelled(rated.seen, rated.rows, rated.columns, "rating", alt=alt),
        ends=Ends(0.0),
        cells=Cells(digits=1),
        theme=theme,
        height=height,
        width=width,
    )
    if len(drawn.figure.data) > 1:  # the numbers fit, so what is missing can be written too
        drawn.figure.add_trace(_unknown(drawn.figure.data[0], known, guess, theme))
    note = None if guess is None else "Grey: not rated; in italics what the model says."
    return Picture(drawn.figure, drawn.alt, lambda: rated.table(guess), note)


def _unknown(cells: Any, known: np.ndarray, guess: np.ndarray | None, theme: str) -> dict[str, Any]:
    """A dash, or what the model says, in the cells where nothing was observed."""
    empty = np.argwhere(~known)
    return {
        "type": "scatter", "mode": "text", "x": [cells.x[j] for _, j in empty], "y": [cells.y[i] for i, _ in empty],
        "text": ["–" if guess is None else f"<i>{guess[i, j]:.1f}</i>" for i, j in empty],
        "textfont": {"size": look.NUMBER_SIZE, "color": look.palette(theme).muted}, "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip
