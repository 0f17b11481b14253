"""How do topics change from bin to bin? Lines with their intervals, and beneath them how many items each bin has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboard.figures import theme as look
from dashboard.figures.components import Components
from dashboard.figures.groups import cell_words, highest_words, share_table
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.methods.groups import LEAST, GroupShares

COUNT_SHARE = 0.2  # of the picture's height for the counts beneath
TICKS = 12  # bins whose names are written


def over_time(
    found: GroupShares,
    called: Components,
    topics: Sequence[int],
    *,
    unit: str,
    items: str = "items",
    theme: str = "light",
    height: int = 380,
) -> Picture:
    """Mean shares bin by bin with their intervals, and beneath how many items each bin has.

    topics : those that are drawn;  unit : what the bins are of ("year");  items : what is counted in each
    """
    places, hover = np.arange(len(found.names)), f"%{{customdata}}: %{{y:,}} {plotly(items)}<extra></extra>"
    traces = [trace for k in topics for trace in _line(found, k, called, theme)]
    traces.append(
        {
            "type": "bar", "x": places, "y": found.sizes, "yaxis": "y2", "marker": {"color": look.palette(theme).grey},
            "customdata": [plotly(name) for name in found.names], "hovertemplate": hover,
            "showlegend": False,
        }
    )  # fmt: skip
    every = max(1, -(-len(places) // TICKS))
    ticks = {"tickmode": "array", "tickvals": places[::every], "ticktext": [plotly(name) for name in found.names[::every]]}
    layout = {
        "xaxis": look.axis(theme, plotly(unit), anchor="y2", range=[-0.6, len(places) - 0.4]) | ticks,
        "yaxis": look.axis(theme, "mean share, %", rangemode="tozero", domain=[COUNT_SHARE + 0.06, 1.0]),
        "yaxis2": look.axis(theme, plotly(items, 20), rangemode="tozero", domain=[0.0, COUNT_SHARE], nticks=3, anchor="x"),
        "showlegend": len(topics) > 0,
        "legend": look.legend(theme, orientation="h", y=1.02, yanchor="bottom", x=0, xanchor="left"),
        "margin": {"l": 60, "r": 12, "t": 30 + 22 * (-(-len(topics) // 4)), "b": 48},
        "hovermode": "closest",
    }
    alt = f"Mean shares of {len(topics)} {clean(called.noun)}s over {len(places)} bins ({clean(unit)}). "
    alt += f"{highest_words(found, topics[:4], called)}."
    return Picture(look.figure(traces, layout, theme, height=height), alt, lambda: share_table(found, called))


def _line(found: GroupShares, k: int, called: Components, theme: str) -> list[dict[str, Any]]:
    """One topic's intervals and line; bins with few items have an open point."""
    colour, places = look.component_colour(called.colours[k], theme), np.arange(len(found.names))
    mean, low, high = (100 * side[:, k] for side in (found.mean, found.low, found.high))
    return [
        *(_band(places[part], low[part], high[part], colour) for part in _runs(mean)),
        {
            "type": "scatter", "mode": "lines+markers", "x": places, "y": mean, "connectgaps": False,
            "name": f"{plotly(called.labels[k])} · {look.shorten(called.names[k], 150)}", "line": {"color": colour, "width": 2},
            "marker": {"size": 6, "color": colour, "symbol": np.where(found.sizes < LEAST, "circle-open", "circle")},
            "showlegend": True, "customdata": [cell_words(found, i, k, called) for i in range(len(places))],
            "hovertemplate": "%{customdata}<extra></extra>",
        },
    ]  # fmt: skip


def _band(x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> dict[str, Any]:
    """The interval around a line, over a stretch without gaps."""
    return {
        "type": "scatter", "mode": "lines", "x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]]),
        "fill": "toself", "fillcolor": look.faded(colour, 0.16), "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _runs(values: np.ndarray) -> list[np.ndarray]:
    """Stretches of neighbouring places where there is a value."""
    live = np.flatnonzero(np.isfinite(values))
    return [part for part in np.split(live, np.flatnonzero(np.diff(live) > 1) + 1) if len(part) > 1]
