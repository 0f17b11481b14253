"""Where do the items lie in the plane?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

MOST_LABELS = 20  # names of groups written on the map
LABEL_WIDTH = 170  # px
CLOSEST = 0.055  # share of the picture that two names stand apart at least; the smaller group's name gives way
ABOVE = 7  # px from the middle of a group to its name, which would hide the points of a small one
HOVER = 60  # characters of a label under the mouse


@dataclass(frozen=True, eq=False)
class Colouring:
    """What the colours of the points say.

    by : in a word or two ("topic");  groups : (d,) index into names, -1 for none
    names, colours : of the groups, not escaped
    """

    by: str
    groups: np.ndarray
    names: Sequence[str]
    colours: Sequence[str]

    @property
    def counts(self) -> np.ndarray:
        """Points in each group."""
        return np.bincount(self.groups[self.groups >= 0], minlength=len(self.names))

    def named(self) -> list[str]:
        """(d,) the group of each point; "" for none."""
        return np.array([*self.names, ""], dtype=object)[self.groups].tolist()


def item_map(
    points: np.ndarray,
    labels: Sequence[str],
    colouring: Colouring,
    *,
    sentence: str,
    searched: np.ndarray | None = None,
    kept: np.ndarray | None = None,
    theme: str = "light",
    height: int = 620,
) -> Picture:
    """Items as points, coloured by group, with the groups' names where they fit.

    points : (d, 2);  labels : (d,) of the items;  sentence : how far the map can be trusted
    searched : (d,) bool, lit up;  kept : (d,) bool, the others stand back
    """
    size = 4.0 if len(points) > 5_000 else 6.0 if len(points) > 600 else 9.0
    front = np.ones(len(points), bool) if kept is None else kept
    traces = [_points(points, labels, colouring, front, size, theme)]
    if searched is not None and searched.any():
        ring = {"size": size + 6, "color": "rgba(0,0,0,0)", "line": {"color": look.palette(theme).alarm, "width": 2}}
        x, y = points[searched].astype(np.float32).T
        traces.append({"type": "scattergl", "mode": "markers", "x": x, "y": y, "hoverinfo": "skip", "marker": ring})
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "title": None}
    layout = {
        "xaxis": look.bare_axis() | bare,
        "yaxis": look.bare_axis() | bare | {"scaleanchor": "x"},
        "annotations": _names(points[front], colouring.groups[front], colouring.names, theme),
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        "dragmode": "pan",
    }
    counts = colouring.counts
    largest = np.argsort(-counts, kind="stable")[:5]
    alt = f"{len(points):,} items in the plane, coloured by {clean(colouring.by)}: "
    alt += ", ".join(f"{clean(colouring.names[g], 40)} {counts[g]:,}" for g in largest if counts[g]) + f". {clean(sentence, 300)}"

    def table() -> pd.DataFrame:
        where = {"x": points[:, 0], "y": points[:, 1], colouring.by: colouring.named()}
        return pd.DataFrame({"item": [str(label) for label in labels]} | where)

    return Picture(look.figure(traces, layout, theme, height=height), alt, table)


def _points(
    points: np.ndarray, labels: Sequence[str], colouring: Colouring, front: np.ndarray, size: float, theme: str
) -> dict[str, Any]:
    """The points. Colours are numbers on a scale of steps, and the groups' names are made once: both travel to the browser."""
    ink, many = look.palette(theme), len(colouring.names)
    steps = [*colouring.colours, ink.grey, ink.grid]  # of the groups, of none, of those that stand back
    step = np.where(front, np.where(colouring.groups >= 0, colouring.groups, many), many + 1).astype(np.int16)
    scale = [[edge / len(steps), colour] for at, colour in enumerate(steps) for edge in (at, at + 1)]
    names = np.array([*(plotly(name, 40) for name in colouring.names), "none"], dtype=object)[colouring.groups]
    x, y = points.astype(np.float32).T
    return {
        "type": "scattergl", "mode": "markers", "x": x, "y": y,
        "marker": {"color": step, "colorscale": scale, "cmin": -0.5, "cmax": len(steps) - 0.5, "size": size, "opacity": 0.8},
        "customdata": [f"{plotly(label, HOVER)}<br>{name}" for label, name in zip(labels, names, strict=True)],
        "hovertemplate": "%{customdata}<extra></extra>", "selected": {"marker": {"opacity": 1.0}},
        "unselected": {"marker": {"opacity": 0.15}}, "showlegend": False,
    }  # fmt: skip


def _names(points: np.ndarray, groups: np.ndarray, names: Sequence[str], theme: str) -> list[dict[str, Any]]:
    """The names of the groups, as annotations."""
    back = look.faded(look.palette(theme).background, 0.78)
    return [
        look.annotation(
            theme, f"<b>{look.shorten(names[g], LABEL_WIDTH)}</b>", x=x, y=y, xref="x", yref="y", xanchor="center",
            yanchor="bottom", yshift=ABOVE, bgcolor=back, borderpad=2,
        )
        for g, x, y in _placed(points, groups, len(names))
    ]  # fmt: skip


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
