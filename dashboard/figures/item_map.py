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
NAME_HEIGHT, CELL = 20, 5  # px of a name, and of the cells in which points are counted
# px from the middle of a group to its name, and in which direction: where it is looked for a place that hides few points
WAYS = [(far, turn) for far in (16, 34, 56, 84, 120) for turn in np.linspace(0.5, 2.5, 8, endpoint=False) * np.pi]
FAR_COST = 1e-5  # share of all points that one px nearer is worth
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
        "annotations": _names(points, np.where(front, colouring.groups, -1), colouring.names, theme, height),
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


def _names(points: np.ndarray, groups: np.ndarray, names: Sequence[str], theme: str, height: int) -> list[dict[str, Any]]:
    """The names of the groups, as annotations: beside their group where it is dense, with a line to its middle."""
    back = look.faded(look.palette(theme).background, 0.85)
    written = [look.shorten(name, LABEL_WIDTH) for name in names]
    return [
        look.annotation(
            theme, f"<b>{written[label.group]}</b>", x=label.x, y=label.y, xref="x", yref="y", xanchor="center", yanchor="middle",
            bgcolor=back, borderpad=2, showarrow=True, arrowhead=0, arrowwidth=1, arrowcolor=look.palette(theme).muted,
            ax=label.right, ay=label.down, standoff=2,
        )
        for label in placed(points, groups, [look.text_width(text) + 10 for text in written], height)
    ]  # fmt: skip


@dataclass(frozen=True)
class Label:
    """Where a group's name stands: the middle of the group, and from there so many px to the right and down."""

    group: int
    x: float
    y: float
    right: int
    down: int


@dataclass(frozen=True, eq=False)
class _Crowd:
    """How many points lie in a box, to within a cell. sums : (a + 1, b + 1) of the points left of and below each corner"""

    sums: np.ndarray

    @classmethod
    def of(cls, dots: np.ndarray) -> _Crowd:
        """dots : (d, 2) in px, from 0"""
        x, y = (dots / CELL).astype(int).T
        counts = np.bincount(x * (y.max() + 1) + y, minlength=(x.max() + 1) * (y.max() + 1)).reshape(x.max() + 1, -1)
        return cls(np.pad(counts.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0))))

    def inside(self, centre: np.ndarray, across: float, up: float) -> float:
        """Points in the box around a place, so far to each side."""
        (a, b), (c, d) = ((np.asarray(centre) + side * np.array([across, up])) / CELL for side in (-1, 1))
        a, c = (int(np.clip(v, 0, self.sums.shape[0] - 1)) for v in (np.floor(a), np.ceil(c)))
        b, d = (int(np.clip(v, 0, self.sums.shape[1] - 1)) for v in (np.floor(b), np.ceil(d)))
        return float(self.sums[c, d] - self.sums[a, d] - self.sums[c, b] + self.sums[a, b])


def placed(points: np.ndarray, groups: np.ndarray, widths: Sequence[float], height: int) -> list[Label]:
    """Names near the medians of their groups, the largest groups first: each where it hides the fewest points, none on another.

    points : (d, 2);  groups : (d,) index into widths, -1 for none;  widths : of the names in px;  height : of the picture in px
    """
    if not len(points):
        return []
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    scale = min(look.WIDE_WIDTH / max(span[0], 1e-12), height / max(span[1], 1e-12))  # px; both axes have one scale
    crowd = _Crowd.of((points - low) * scale)
    counts = np.bincount(groups[groups >= 0], minlength=len(widths))
    boxes: list[tuple[float, float, float]] = []
    found = []
    for g in np.argsort(-counts, kind="stable")[:MOST_LABELS]:
        if not counts[g]:
            break
        x, y = np.median(points[groups == g], axis=0)
        middle = (np.array([x, y]) - low) * scale
        best: tuple[float, int, int] | None = None
        for far, turn in WAYS:
            right, up = round(far * np.cos(turn) * 1.6), round(far * np.sin(turn))  # names are wider than high
            centre, half = middle + np.array([right, up]), widths[g] / 2
            if any(abs(centre[0] - a) < half + w and abs(centre[1] - b) < NAME_HEIGHT for a, b, w in boxes):
                continue
            cost = crowd.inside(centre, half, NAME_HEIGHT / 2) / len(points) + FAR_COST * far
            if best is None or cost < best[0]:
                best = cost, right, up
        if best is not None:
            boxes.append((float(middle[0] + best[1]), float(middle[1] + best[2]), widths[g] / 2))
            found.append(Label(int(g), float(x), float(y), best[1], -best[2]))
    return found
