"""How do the workbenches' own numbers look: models beside each other with their spread?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.plain import clean, plotly

BAR_ROOM = 26  # px per bar
LABEL_WIDTH = 190  # px for a model's name
VALUE_ROOM = 1.18  # of the longest bar: room for the number at its end


def models(
    names: Sequence[object],
    values: ArrayLike,
    spreads: ArrayLike,
    *,
    quantity: str,
    ours: Sequence[bool],
    digits: int = 3,
    theme: str = "light",
) -> Picture:
    """One bar per model, in the order given, with the standard deviation as a line.

    names, values, spreads : (k,); a spread of NaN draws no line
    quantity : what the bars are, with its unit
    ours : (k,) True for factorizations, which are coloured; baselines stand back in grey
    """
    bars, deviation = np.asarray(values, float), np.asarray(spreads, float)
    if not len(names) == len(bars) == len(deviation) == len(ours):
        raise ValueError("Names, values, spreads and colours need the same length.")
    colours = look.palette(theme)
    labels, width = look.shorten_all(names, LABEL_WIDTH)
    places = np.arange(len(bars))
    ends = bars + np.nan_to_num(deviation)
    top = float(ends.max(initial=0.0)) or 1.0
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": bars,
        "y": places,
        "width": 0.62,
        "marker": {"color": [colours.categorical[0] if own else colours.grey for own in ours]},
        "error_x": {
            "type": "data",
            "array": np.nan_to_num(deviation),
            "color": colours.strong,
            "thickness": 1.5,
            "width": 4,
        },
        "hovertemplate": "%{customdata}<extra></extra>",
        "customdata": [
            f"{plotly(name)}<br>{plotly(quantity)} {value:.{digits}f}" + (f" ± {s:.{digits}f}" if np.isfinite(s) else "")
            for name, value, s in zip(names, bars, deviation, strict=True)
        ],
    }
    numbers = [
        look.annotation(theme, f"{value:.{digits}f}", x=end, y=place, xanchor="left", xshift=8)
        for value, end, place in zip(bars, ends, places, strict=True)
    ]
    layout = {
        "xaxis": look.axis(theme, plotly(quantity), range=[0, top * VALUE_ROOM], fixedrange=True),
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, range=[len(bars) - 0.5, -0.5], automargin=False)
        | {"tickmode": "array", "tickvals": places, "ticktext": labels},
        "annotations": numbers,
        "margin": {"l": int(width) + 16, "r": 8, "t": 4, "b": 44},
    }
    alt = "No model."
    if len(bars):
        best = int(bars.argmin())
        alt = f"{clean(quantity)} of {len(bars)} models; the lowest is {clean(names[best])} with {bars[best]:.{digits}f}."

    def table() -> pd.DataFrame:
        return pd.DataFrame({"model": [str(name) for name in names], quantity: bars, "standard deviation": deviation})

    return Picture(look.figure([trace], layout, theme, height=BAR_ROOM * len(bars) + 52), alt, table)
