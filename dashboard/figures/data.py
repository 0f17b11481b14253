"""What values does a matrix hold?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import plotly

BINS = 40
FEW = 24  # different values up to which each has a bar of its own


def value_histogram(values: ArrayLike, *, unit: str = "value", theme: str = "light", height: int = 220) -> Picture:
    """How often which value occurs: a bar per value where there are few, else 40 equal bins.

    values (k,) of any length: they are counted here, and 1 KB goes to the browser.
    """
    data = np.asarray(values, float).ravel()
    data = data[np.isfinite(data)]
    different = np.unique(data[: 50 * FEW])
    if len(different) <= FEW:
        different = np.unique(data)
    if len(different) <= FEW:
        at, counts = np.unique(data, return_counts=True)
        low = high = at
        width = 0.8 * float(np.diff(at).min()) if len(at) > 1 else max(abs(at[0]), 1.0) * 0.2 if len(at) else 1.0
    else:
        counts, edges = np.histogram(data, BINS)
        low, high, at = edges[:-1], edges[1:], (edges[:-1] + edges[1:]) / 2
        width = float(edges[1] - edges[0]) * 0.94
    ranges = [f"{a:.4g}" if a == b else f"{a:.4g} to {b:.4g}" for a, b in zip(low, high, strict=True)]
    trace = {
        "type": "bar",
        "x": at,
        "y": counts.astype(np.int64),
        "width": width,
        "marker": {"color": look.component_colour(0, theme)},
        "customdata": ranges,
        "hovertemplate": "%{customdata}: %{y:,} entries<extra></extra>",
    }
    layout = {
        "xaxis": look.axis(theme, plotly(unit), showgrid=False, nticks=7),
        "yaxis": look.axis(theme, "entries", nticks=4, tickformat=",~s" if counts.max(initial=0) >= 1e5 else ",d"),
        "margin": {"l": 60, "r": 10, "t": 8, "b": 46},
    }
    if len(data):
        alt = f"{len(data):,} values from {data.min():.4g} to {data.max():.4g}, half of them at or below {np.median(data):.4g}."
    else:
        alt = "There are no values."
    return Picture(
        look.figure([trace], layout, theme, height=height),
        alt,
        lambda: pd.DataFrame({"from": low, "to": high, "entries": counts}),
    )
