"""How are topics joined by likeness? A tree that lies on its side, the topics at the left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.cluster.hierarchy as trees

from dashboard.figures import theme as look
from dashboard.figures.components import Components
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean

ROW = 26  # px of a topic
LABEL = 260  # px for its name at most


def likeness_tree(linkage: np.ndarray, called: Components, *, theme: str = "light") -> Picture:
    """The tree of `nmfcore.methods.divide.likeness_tree`; lines meet at 1 - cosine of the words they join.

    linkage : (t - 1, 4) of SciPy;  called : the t topics
    """
    drawn = trees.dendrogram(linkage, no_plot=True) if len(linkage) else {"icoord": [], "dcoord": [], "leaves": [0]}
    leaves = [int(k) for k in drawn["leaves"]]
    labels, left = look.shorten_all([f"{called.labels[k]} · {called.names[k]}" for k in leaves], LABEL)
    layout = {
        "xaxis": look.axis(theme, "1 − cosine of their words", range=[0, 1.02], fixedrange=True),
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, automargin=False, range=[len(leaves) - 0.5, -0.5])
        | {"tickmode": "array", "tickvals": np.arange(len(leaves)), "ticktext": labels},
        "margin": {"l": int(left) + 14, "r": 16, "t": 6, "b": 46},
    }
    noun = clean(called.noun)
    alt = f"{len(leaves)} {noun}s joined by likeness."
    if len(linkage):
        first = [int(k) for k in linkage[0, :2]]
        alt += f" The most alike: {' and '.join(clean(called.names[k], 60) for k in first if k < len(leaves))}, at "
        alt += f"{linkage[0, 2]:.2f}."

    def table() -> pd.DataFrame:
        return pd.DataFrame(linkage, columns=["joined", "with", "1 - cosine", f"{called.noun}s"])

    traces = [*_lines(drawn, theme), _leaves(leaves, called, theme)]
    return Picture(look.figure(traces, layout, theme, height=ROW * len(leaves) + 60), alt, table)


def _lines(drawn: Mapping[str, Any], theme: str) -> list[dict[str, Any]]:
    """The joints of SciPy's dendrogram, lying on their side."""
    line = {"color": look.palette(theme).muted, "width": 1.5}
    return [
        {"type": "scatter", "mode": "lines", "x": across, "y": [(place - 5.0) / 10.0 for place in up], "line": line,
         "hoverinfo": "skip"}
        for up, across in zip(drawn["icoord"], drawn["dcoord"], strict=True)
    ]  # fmt: skip


def _leaves(leaves: Sequence[int], called: Components, theme: str) -> dict[str, Any]:
    """A point for each topic, in its colour."""
    return {
        "type": "scatter", "mode": "markers", "x": np.zeros(len(leaves)), "y": np.arange(len(leaves)), "cliponaxis": False,
        "marker": {"size": 9, "color": [look.component_colour(called.colours[k], theme) for k in leaves]},
        "customdata": [called.title(k) for k in leaves], "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
