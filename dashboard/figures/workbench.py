"""How do the workbenches' own numbers look: models with their spread, keyword similarities and their model?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.beside import View, parts
from dashboard.figures.binning import Bands, bands, block_mean
from dashboard.figures.labelled import Cells, Ends, Labelled, matrix
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.core.factorization import Axes, Axis

BAR_ROOM = 26  # px per bar
LABEL_WIDTH = 190  # px for a model's name
MOST_LINES = 300  # keywords on a side that have a line of their own
VALUE_ROOM = 1.18  # of the longest bar: room for the number at its end


@dataclass(frozen=True)
class Score:
    """How well one model does: the mean of what was measured and its standard deviation, NaN where it was measured once.

    ours : a factorization, which is coloured; baselines stand back in grey
    """

    name: str
    value: float
    spread: float
    ours: bool

    def written(self, digits: int) -> str:
        spread = f" ± {self.spread:.{digits}f}" if np.isfinite(self.spread) else ""
        return f"{self.value:.{digits}f}{spread}"

    @property
    def end(self) -> float:
        """Where its line of spread ends."""
        return self.value + (self.spread if np.isfinite(self.spread) else 0.0)


def models(scores: Sequence[Score], *, quantity: str, digits: int = 3, theme: str = "light") -> Picture:
    """One bar per model, in the order given, with the standard deviation as a line.

    quantity : what the bars are, with its unit
    """
    colours = look.palette(theme)
    values, places = np.array([score.value for score in scores]), np.arange(len(scores))
    spreads = np.array([score.spread for score in scores])
    labels, width = look.shorten_all([score.name for score in scores], LABEL_WIDTH)
    reach = {"type": "data", "array": np.nan_to_num(spreads), "color": colours.strong, "thickness": 1.5, "width": 4}
    trace = {
        "type": "bar", "orientation": "h", "x": values, "y": places, "width": 0.62, "error_x": reach,
        "marker": {"color": [colours.categorical[0] if score.ours else colours.grey for score in scores]},
        "customdata": [f"{plotly(score.name)}<br>{plotly(quantity)} {score.written(digits)}" for score in scores],
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
    numbers = [
        look.annotation(theme, f"{score.value:.{digits}f}", x=score.end, y=place, xanchor="left", xshift=8)
        for score, place in zip(scores, places, strict=True)
    ]
    top = max([score.end for score in scores], default=0.0) or 1.0
    y_axis = look.axis(theme, None, showgrid=False, fixedrange=True, range=[len(scores) - 0.5, -0.5], automargin=False)
    layout = {
        "xaxis": look.axis(theme, plotly(quantity), range=[0, top * VALUE_ROOM], fixedrange=True),
        "yaxis": y_axis | {"tickmode": "array", "tickvals": places, "ticktext": labels},
        "annotations": numbers,
        "margin": {"l": int(width) + 16, "r": 8, "t": 4, "b": 44},
    }
    alt = "No model."
    if scores:
        best = min(scores, key=lambda score: score.value)
        alt = f"{clean(quantity)} of {len(scores)} models; the lowest is {clean(best.name)} with {best.value:.{digits}f}."

    def table() -> pd.DataFrame:
        return pd.DataFrame({"model": [score.name for score in scores], quantity: values, "standard deviation": spreads})

    return Picture(look.figure([trace], layout, theme, height=BAR_ROOM * len(scores) + 52), alt, table)


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
        Labelled(cells, labels, labels, quantity, name),
        ends=Ends(0.0, float(np.percentile(cells, 99.5)) or None),
        cells=Cells(there=False),
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
    at = list(ranks)
    traces = [_criterion(k, name, at, np.asarray(values, float), theme) for k, (name, values) in enumerate(series)]
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


def _criterion(k: int, name: str, ranks: list[int], values: np.ndarray, theme: str) -> dict[str, Any]:
    """One criterion as a line with dots; a raw one is dotted, in the colour of the one it belongs to."""
    raw = name.startswith("raw")
    colour = look.palette(theme).categorical[k % 2 if raw else k]
    return {
        "type": "scatter", "mode": "lines+markers", "x": ranks, "y": values, "name": plotly(name),
        "line": {"color": colour, "width": 2, "dash": "dot" if raw else "solid"}, "marker": {"size": 8, "color": colour},
        "hovertemplate": f"rank %{{x}}<br>{plotly(name)} %{{y:.4f}}<extra></extra>",
    }  # fmt: skip
