"""How do metagenes and samples look beside the known classes?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.binning import by_component
from dashboard.figures.clusters import class_strip
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

STRIP = 0.09  # of the plot's height
STRIP_GAP = 0.03
LABEL_DEPTH = 90  # px for a sample's name, written upright


def _sample_axis(samples: Sequence[object], names: list[str], room: float, theme: str) -> tuple[dict[str, Any], int]:
    """The horizontal axis, with the samples' names where each has room for one, and the px below it."""
    axis = look.axis(theme, None, type="category", showgrid=False)
    if room < 14:
        title = {"text": f"{len(samples):,} samples", "font": {"size": look.TEXT_SIZE}}
        return axis | {"showticklabels": False, "title": title}, 30
    labels, widest = look.shorten_all(samples, LABEL_DEPTH)
    upright = widest + 6 > room
    ticks = {"tickmode": "array", "tickvals": names, "ticktext": labels, "tickangle": -90 if upright else 0}
    return axis | ticks, int(widest) + 18 if upright else 26


def _triangles(marked: list[str], r: int, legend: bool, theme: str) -> dict[str, Any]:
    """A triangle under each misplaced sample."""
    line = {"width": 1, "color": "#FFFFFF"}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": marked,
        "y": [str(r)] * len(marked),
        "marker": {"symbol": "triangle-up", "size": 11, "color": look.palette(theme).alarm, "line": line},
        "name": "misplaced",
        "showlegend": legend,
        "hovertemplate": "%{x}: misplaced<extra></extra>",
    }


@dataclass(frozen=True)
class Samples:
    """The samples beside their weights: names (s,), known classes (s,) where there are any, and which of them are misplaced."""

    names: Sequence[object]
    classes: Sequence[object] | None = None
    misplaced: Sequence[int] = ()


def samples_by_component(
    weights: ArrayLike,
    samples: Samples,
    *,
    component: str = "metagene",
    theme: str = "light",
    height: int = 300,
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """Components (lines) by samples (columns), ordered by largest component, known classes as a strip above.

    weights : (s, r) samples by components, under the scale convention in force; a misplaced sample has a triangle under it
    """
    W = np.asarray(weights, float)
    s, r = W.shape
    by, classes = by_component(W), samples.classes
    ordered = [samples.names[int(i)] for i in by]
    names = look.distinct(ordered)
    top = 1.0 if classes is None else 1 - STRIP - STRIP_GAP
    x_axis, bottom = _sample_axis(ordered, names, (width - 56 - 76) / max(s, 1), theme)
    y_axis = look.axis(theme, plotly(component), type="category", autorange="reversed", showgrid=False, domain=[0, top])
    layout: dict[str, Any] = {"xaxis": x_axis, "yaxis": y_axis, "margin": {"l": 56, "r": 76, "t": 8, "b": bottom}}
    traces = [_cells(W[by], names, component, top, theme)]
    if classes is not None:
        strip, entries = class_strip([classes[int(i)] for i in by], names, theme, axis="y2")
        traces += [strip, *entries]
        layout["yaxis2"] = look.bare_axis(domain=[1 - STRIP, 1.0], type="category", fixedrange=True)
        layout |= {"showlegend": True, "legend": look.legend(theme), "margin": layout["margin"] | {"t": 32}}
    marked = [names[int(np.flatnonzero(by == i)[0])] for i in samples.misplaced]
    if marked:
        traces.append(_triangles(marked, r, classes is not None, theme))
    listed = ", ".join(clean(samples.names[int(i)], 30) for i in samples.misplaced[:8])
    alt = f"{s:,} samples by {r} {clean(component)}s" + (f"; {len(marked)} misplaced: {listed}." if marked else ".")

    def table() -> pd.DataFrame:
        frame = pd.DataFrame(W[by], columns=[f"{component} {k + 1}" for k in range(r)])
        frame.insert(0, "sample", [str(name) for name in ordered], allow_duplicates=True)
        return frame if classes is None else frame.assign(**{"known class": [str(classes[int(i)]) for i in by]})

    return Picture(look.figure(traces, layout, theme, height=height), alt, table)


def _cells(W: np.ndarray, names: list[str], component: str, top: float, theme: str) -> dict[str, Any]:
    """The weights (s, r), in the order of the samples, as a heatmap with a line per component."""
    return {
        "type": "heatmap", "z": np.ascontiguousarray(W.T).astype(np.float32), "x": names,
        "y": [str(k + 1) for k in range(W.shape[1])], "zmin": 0.0, "zmax": float(W.max(initial=0.0)) or 1.0,
        "colorscale": look.scale(look.palette(theme).sequential),
        "colorbar": look.colourbar(theme, "weight", len=top, y=0, yanchor="bottom"),
        "hovertemplate": f"%{{x}}<br>{plotly(component)} %{{y}}: %{{z:.4g}}<extra></extra>",
    }  # fmt: skip
