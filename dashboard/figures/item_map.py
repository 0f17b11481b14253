"""Where do the items lie in the plane?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

MOST_LABELS = 20  # names of groups written on the map
LABEL_WIDTH = 170  # px
CLOSEST = 0.055  # share of the picture that two names stand apart at least; the smaller group's name gives way
HOVER = 60  # characters of a label under the mouse


def item_map(
    points: np.ndarray,
    groups: np.ndarray,
    names: Sequence[str],
    labels: Sequence[str],
    *,
    colours: Sequence[str],
    sentence: str,
    searched: np.ndarray | None = None,
    kept: np.ndarray | None = None,
    by: str = "topic",
    theme: str = "light",
    height: int = 620,
) -> Picture:
    """Items as points, coloured by group, with the groups' names where they fit.

    points : (d, 2);  groups : (d,) index into names, -1 for none;  labels : (d,) of the items
    searched : (d,) bool, lit up;  kept : (d,) bool, the others stand back
    by : what the colour says
    """
    ink = look.palette(theme)
    palette = np.array([*colours, ink.grey], dtype=object)
    lit = np.zeros(len(points), bool) if searched is None else searched
    back = np.zeros(len(points), bool) if kept is None else ~kept
    colour = np.where(back, ink.grid, palette[groups])
    size = 4.0 if len(points) > 5_000 else 6.0 if len(points) > 600 else 9.0
    hover = [
        f"{plotly(label, HOVER)}<br>{plotly(names[g], 40) if g >= 0 else 'none'}" for label, g in zip(labels, groups, strict=True)
    ]
    traces: list[dict[str, Any]] = [
        {
            "type": "scattergl", "mode": "markers", "x": points[:, 0].astype(np.float32), "y": points[:, 1].astype(np.float32),
            "marker": {"color": colour, "size": size, "opacity": 0.8}, "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>", "selected": {"marker": {"opacity": 1.0}},
            "unselected": {"marker": {"opacity": 0.15}},
        }
    ]  # fmt: skip
    if lit.any():
        traces.append(
            {
                "type": "scattergl", "mode": "markers", "x": points[lit, 0], "y": points[lit, 1], "hoverinfo": "skip",
                "marker": {"size": size + 6, "color": "rgba(0,0,0,0)", "line": {"color": ink.alarm, "width": 2}},
            }
        )  # fmt: skip
    placed = _placed(points[~back], groups[~back], len(names))
    notes = [
        look.annotation(
            theme, f"<b>{look.shorten(names[g], LABEL_WIDTH)}</b>", x=x, y=y, xref="x", yref="y", xanchor="center",
            yanchor="middle", bgcolor=look.faded(ink.background, 0.78), borderpad=2,
        )
        for g, x, y in placed
    ]  # fmt: skip
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "title": None}
    layout = {
        "xaxis": look.bare_axis() | bare,
        "yaxis": look.bare_axis() | bare | {"scaleanchor": "x"},
        "annotations": notes,
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        "dragmode": "pan",
    }
    counts = np.bincount(groups[groups >= 0], minlength=len(names))
    largest = np.argsort(-counts, kind="stable")[:5]
    alt = f"{len(points):,} items in the plane, coloured by {clean(by)}: "
    alt += ", ".join(f"{clean(names[g], 40)} {counts[g]:,}" for g in largest if counts[g]) + f". {clean(sentence, 300)}"

    def table() -> pd.DataFrame:
        shown = [names[g] if g >= 0 else "" for g in groups]
        return pd.DataFrame({"item": [str(label) for label in labels], "x": points[:, 0], "y": points[:, 1], by: shown})

    return Picture(look.figure(traces, layout, theme, height=height), alt, table)


def _placed(points: np.ndarray, groups: np.ndarray, many: int) -> list[tuple[int, float, float]]:
    """Where names stand: at the median of each group, the largest groups first, none on another."""
    if not len(points):
        return []
    span = np.ptp(points, axis=0)
    span = np.where(span > 0, span, 1.0)
    counts = np.bincount(groups[groups >= 0], minlength=many)
    found: list[tuple[int, float, float]] = []
    for g in np.argsort(-counts, kind="stable")[:MOST_LABELS]:
        if not counts[g]:
            break
        x, y = np.median(points[groups == g], axis=0)
        apart = [max(abs(x - a) / span[0] / 3.0, abs(y - b) / span[1]) for _, a, b in found]  # names are wider than high
        if not apart or min(apart) >= CLOSEST:
            found.append((int(g), float(x), float(y)))
    return found
