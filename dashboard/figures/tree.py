"""How are topics joined by likeness? A tree that lies on its side, the topics at the left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.cluster.hierarchy as trees

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

ROW = 26  # px of a topic
LABEL = 260  # px for its name at most


def likeness_tree(
    linkage: np.ndarray,
    names: Sequence[str],
    *,
    labels: Sequence[str],
    colours: Sequence[int],
    noun: str = "topic",
    theme: str = "light",
) -> Picture:
    """The tree of `nmfcore.methods.divide.likeness_tree`; lines meet at 1 - cosine of the words they join.

    linkage : (t - 1, 4) of SciPy;  names : (t,);  labels : how the topics are numbered;  colours : the numbers of their colours
    """
    drawn = trees.dendrogram(linkage, no_plot=True) if len(linkage) else {"icoord": [], "dcoord": [], "leaves": [0]}
    leaves = [int(k) for k in drawn["leaves"]]
    called, left = look.shorten_all([f"{labels[k]} · {names[k]}" for k in leaves], LABEL)
    ink = look.palette(theme)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "x": across, "y": [(place - 5.0) / 10.0 for place in up],
            "line": {"color": ink.muted, "width": 1.5}, "hoverinfo": "skip",
        }
        for up, across in zip(drawn["icoord"], drawn["dcoord"], strict=True)
    ]  # fmt: skip
    traces.append(
        {
            "type": "scatter", "mode": "markers", "x": np.zeros(len(leaves)), "y": np.arange(len(leaves)), "cliponaxis": False,
            "marker": {"size": 9, "color": [look.component_colour(colours[k], theme) for k in leaves]},
            "customdata": [f"{labels[k]} · {plotly(names[k], 60)}" for k in leaves],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    )  # fmt: skip
    layout = {
        "xaxis": look.axis(theme, "1 − cosine of their words", range=[0, 1.02], fixedrange=True),
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, automargin=False, range=[len(leaves) - 0.5, -0.5])
        | {"tickmode": "array", "tickvals": np.arange(len(leaves)), "ticktext": called},
        "margin": {"l": int(left) + 14, "r": 16, "t": 6, "b": 46},
    }
    alt = f"{len(leaves)} {clean(noun)}s joined by likeness."
    if len(linkage):
        first = [int(k) for k in linkage[0, :2]]
        alt += f" The most alike: {' and '.join(clean(names[k], 60) for k in first if k < len(names))}, at {linkage[0, 2]:.2f}."

    def table() -> pd.DataFrame:
        return pd.DataFrame(linkage, columns=["joined", "with", "1 - cosine", f"{noun}s"])

    return Picture(look.figure(traces, layout, theme, height=ROW * len(leaves) + 60), alt, table)
