"""How do the workbenches' own numbers look: models with their spread, keyword similarities and their model?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.beside import View, parts
from dashboard.figures.binning import Bands, bands, block_mean
from dashboard.figures.heatmaps import matrix
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.core.factorization import Axes, Axis

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


MOST_LINES = 300  # keywords on a side that have a line of their own


def similarities(
    C: np.ndarray,
    order: ArrayLike,
    *,
    axis: Axis,
    quantity: str,
    name: str,
    theme: str = "light",
    height: int = 430,
    width: int = look.CHART_WIDTH,
) -> Picture:
    """A symmetric matrix (n, n) in the given order of its rows; of many, neighbours share a line that shows their mean."""
    by = bands(np.asarray(order, np.intp), MOST_LINES)
    cells = block_mean(C, by, by)
    labels = axis.take(by.order) if by.single else [f"{axis.label(int(by.order[s]))} and {n - 1} more" for s, n in _starts(by)]
    note = None if by.single else f"Each cell is the mean over {by.per_line} × {by.per_line} {clean(axis.name)}."
    return matrix(
        cells,
        rows=labels,
        columns=labels,
        quantity=quantity,
        name=name,
        low=0.0,
        high=float(np.percentile(cells, 99.5)) or None,
        annotate=False,
        theme=theme,
        height=height,
        width=width,
        note=note,
    )


def symmetric_fit(
    C: np.ndarray, S: np.ndarray, *, axis: Axis, theme: str = "light", height: int = 420, width: int = look.WIDE_WIDTH
) -> Picture:
    """C, its model S Sᵀ and what is left, ordered by topic, with linked axes."""
    drawn = parts(C, S, np.ascontiguousarray(S.T), axes=Axes(axis, axis), view=View(height=height, width=width), theme=theme)
    new = {"X": "C", "WH": "SSᵀ", "X − WH": "C − SSᵀ"}
    heatmaps = [trace for trace in drawn.figure.data if trace.type == "heatmap"]  # beside them are the numbers in the cells
    for trace, name in zip(heatmaps, new.values(), strict=True):
        trace.hovertemplate = name + trace.hovertemplate[trace.hovertemplate.index("<br>") :]
        title = trace.colorbar.title.text or ""
        trace.colorbar.title.text = title.replace("X − WH", "C − SSᵀ").replace("value in X and WH", "value in C and SSᵀ")
    for note in drawn.figure.layout.annotations:
        inner = note.text.removeprefix("<b>").removesuffix("</b>")
        note.text = f"<b>{new.get(inner, inner)}</b>"
    alt = drawn.alt.replace("X, its model WH", "C, its model SSᵀ").replace("; X reaches", "; C reaches")
    return Picture(drawn.figure, alt, lambda: drawn.table().rename(columns=new), drawn.note)


def _starts(by: Bands) -> list[tuple[int, int]]:
    return [(int(s), int(n)) for s, n in zip(by.starts, by.sizes, strict=True)]


def over_ranks(
    ranks: Sequence[int],
    series: Sequence[tuple[str, ArrayLike]],
    *,
    quantity: str,
    present: int,
    theme: str = "light",
    height: int = 300,
) -> Picture:
    """Several criteria over the rank, as lines with dots; the rank on screen is marked.

    series : (name, values (k,)) from 0 to 1; those whose name begins with "raw" are dashed
    """
    colours = look.palette(theme)
    at = list(ranks)
    traces = []
    for k, (name, values) in enumerate(series):
        raw = name.startswith("raw")
        colour = colours.categorical[k % 2 if raw else k]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": at,
                "y": np.asarray(values, float),
                "name": plotly(name),
                "line": {"color": colour, "width": 2, "dash": "dot" if raw else "solid"},
                "marker": {"size": 8, "color": colour},
                "hovertemplate": f"rank %{{x}}<br>{plotly(name)} %{{y:.4f}}<extra></extra>",
            }
        )
    everything = np.concatenate([np.asarray(values, float) for _, values in series])
    low = min(0.9, float(np.nanmin(everything)) - 0.03) if np.isfinite(everything).any() else 0.0
    layout = {
        "xaxis": look.axis(theme, "rank", tickmode="array", tickvals=at, range=[at[0] - 0.3, at[-1] + 0.3]),
        "yaxis": look.axis(theme, plotly(quantity), range=[low, 1.02]),
        "shapes": [look.line(theme, x=(present, present), line={"width": 1})],
        "showlegend": True,
        "legend": look.legend(theme),
        "margin": {"l": 56, "r": 12, "t": 44, "b": 46},
    }
    first_name, first = series[0][0], np.asarray(series[0][1], float)
    alt = f"{clean(quantity)} over ranks {at[0]} to {at[-1]}"
    if np.isfinite(first).any():
        best = int(np.nanargmax(first))
        alt += f"; {clean(first_name)} is highest at rank {at[best]} with {first[best]:.4f}"

    def table() -> pd.DataFrame:
        return pd.DataFrame({"rank": at} | {name: np.asarray(values, float) for name, values in series})

    return Picture(look.figure(traces, layout, theme, height=height), alt + ".", table)
