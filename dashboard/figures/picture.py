"""What does every figure function return? The figure, the sentence it says, and its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

# Streamlit mounts a figure anew whenever its data change, then hands Plotly a copy of it once more. Plotly takes copied arrays
# for new data and draws all of it a second time, unless a revision says that they are the same.
DRAWN_ONCE = 0


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its accessible twins.

    figure : colours, fonts and height are set, so it looks the same on a page, in a report and as a file
    alt : the finding as a sentence of plain text (not escaped for Markdown or Plotly)
    table : called only when someone asks for the numbers; all of them, also where the picture is binned
    note : what was done to the numbers to draw them (binned, cut off), as plain text; None when nothing was
    """

    figure: go.Figure
    alt: str
    table: Callable[[], pd.DataFrame]
    note: str | None = None


def built(drawn: dict[str, Any], *, checked: bool = False) -> go.Figure:
    """The figure that is drawn so. Plotly's check of every property takes three quarters of the time of building one, and says
    the same every time: the tests have it on, and compare both."""
    return go.Figure(drawn, _validate=checked)
