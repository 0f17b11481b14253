"""Where do the items lie in the plane?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.core.factorization import Axis

MOST_LABELS = 20  # names of groups written on the map
LABEL_WIDTH = 230  # px
NAME_HEIGHT, CELL = 20, 5  # px of a name, and of the cells in which points are counted
# px from the middle of a group to its name, to the right and up: where it is looked for a place that hides few points
FAR = np.repeat([16, 34, 56, 84, 120], 8)
_TURN = np.tile(np.linspace(0.5, 2.5, 8, endpoint=False) * np.pi, 5)
WAYS = np.column_stack([np.rint(FAR * np.cos(_TURN) * 1.6), np.rint(FAR * np.sin(_TURN))])  # names are wider than high
FAR_COST = 1e-5  # share of all points that one px nearer is worth
HOVER = 60  # characters of a label under the mouse
NOBODY, BACK = -1, -2  # in place of a group: points that are in none, and those that stand back


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


@dataclass(frozen=True, eq=False)
class Places:
    """Items in the plane and what each is called; the same whatever the colours say, so it is made once.

    x, y : (d,);  labels : makes the (d,) labels of the items
    mouse : (d,) what of an item travels to the browser for the mouse;  template : how it is written there
    """

    x: np.ndarray
    y: np.ndarray
    labels: Callable[[], list[str]]
    mouse: np.ndarray
    template: str

    @classmethod
    def of(cls, points: np.ndarray, axis: Axis, rows: np.ndarray) -> Places:
        """points : (d, 2);  rows : (d,) which of the axis's entries they are"""
        x, y = np.ascontiguousarray(points.T, np.float32)
        if axis.labels is None:  # "document 7": the number is enough, and a tenth of the bytes
            mouse, template = (rows + 1).astype(np.int32), f"{plotly(axis.singular, HOVER)} %{{customdata:d}}"
        else:
            mouse = np.array([plotly(label, HOVER) for label in axis.take(rows)], dtype=object)
            template = "%{customdata}"
        return cls(x, y, lambda: axis.take(rows), mouse, template)

    @property
    def points(self) -> np.ndarray:
        """(d, 2)"""
        return np.column_stack([self.x, self.y])


@dataclass(frozen=True, eq=False)
class Layer:
    """Points of one colour: a trace of its own, for a browser reads one colour sooner than one for each point.

    group : index into the names, NOBODY for points of no group, BACK for those that stand back;  at : (k,) which points they are
    """

    group: int
    at: np.ndarray


def layers(colouring: Colouring, front: np.ndarray) -> list[Layer]:
    """The points in the order in which they are painted: large groups lie beneath small ones.

    front : (d,) bool, the others stand back
    """
    group = np.where(front, colouring.groups, BACK)
    order = np.argsort(group, kind="stable")
    found, begins = np.unique(group[order], return_index=True)
    parts = [Layer(int(g), at) for g, at in zip(found, np.split(order, begins[1:]), strict=True)]
    return sorted(parts, key=lambda layer: (layer.group if layer.group < 0 else 0, -len(layer.at)))


def item_map(
    places: Places,
    colouring: Colouring,
    painted: Sequence[Layer],
    *,
    sentence: str,
    searched: np.ndarray | None = None,
    theme: str = "light",
    height: int = 620,
) -> Picture:
    """Items as points, coloured by group, with the groups' names where they fit.

    painted : `layers` of the colouring, a trace each, in this order
    sentence : how far the map can be trusted;  searched : (d,) bool, lit up
    """
    size = 4.0 if len(places.x) > 5_000 else 6.0 if len(places.x) > 600 else 9.0
    traces = [_points(places, layer, colouring, size, theme) for layer in painted]
    if searched is not None and searched.any():
        ring = {"size": size + 6, "color": "rgba(0,0,0,0)", "line": {"color": look.palette(theme).alarm, "width": 2}}
        x, y = places.x[searched], places.y[searched]
        traces.append({"type": "scattergl", "mode": "markers", "x": x, "y": y, "hoverinfo": "skip", "marker": ring})
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "title": None}
    shown = np.full(len(places.x), NOBODY)
    for layer in painted:
        shown[layer.at] = max(layer.group, NOBODY)
    layout = {
        "xaxis": look.bare_axis() | bare,
        "yaxis": look.bare_axis() | bare | {"scaleanchor": "x"},
        "annotations": _names(places.points, shown, colouring.names, theme, height),
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        "dragmode": "pan",
    }

    def table() -> pd.DataFrame:
        where = {"x": places.x, "y": places.y, colouring.by: colouring.named()}
        return pd.DataFrame({"item": [str(label) for label in places.labels()]} | where)

    return Picture(look.figure(traces, layout, theme, height=height), _in_words(colouring, sentence), table)


def _in_words(colouring: Colouring, sentence: str) -> str:
    """The largest groups and how far the map can be trusted, for those who do not see it."""
    counts, names = colouring.counts, colouring.names
    largest = [g for g in np.argsort(-counts, kind="stable")[:5] if counts[g]]
    said = ", ".join(f"{clean(names[g], 40)} {counts[g]:,}" for g in largest)
    return f"{len(colouring.groups):,} items in the plane, coloured by {clean(colouring.by)}: {said}. {clean(sentence, 300)}"


def _points(places: Places, layer: Layer, colouring: Colouring, size: float, theme: str) -> dict[str, Any]:
    """The points of one colour."""
    ink, g = look.palette(theme), layer.group
    colour = {BACK: ink.grid, NOBODY: ink.grey}.get(g) or colouring.colours[g]
    called = {BACK: "", NOBODY: "<br>none"}.get(g, f"<br>{plotly(colouring.names[g], 40)}")
    return {
        "type": "scattergl", "mode": "markers", "x": places.x[layer.at], "y": places.y[layer.at],
        "marker": {"color": colour, "size": size, "opacity": 0.8}, "customdata": places.mouse[layer.at],
        "hovertemplate": f"{places.template}{called}<extra></extra>", "selected": {"marker": {"opacity": 1.0}},
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

    def inside(self, centres: np.ndarray, across: float, up: float) -> np.ndarray:
        """(k,) points in the box around each of the places (k, 2), so far to each side."""
        (a, b), (c, d) = (((centres + side * np.array([across, up])) / CELL).T for side in (-1, 1))
        a, c = (np.clip(v.astype(int), 0, self.sums.shape[0] - 1) for v in (np.floor(a), np.ceil(c)))
        b, d = (np.clip(v.astype(int), 0, self.sums.shape[1] - 1) for v in (np.floor(b), np.ceil(d)))
        return np.asarray(self.sums[c, d] - self.sums[a, d] - self.sums[c, b] + self.sums[a, b], float)


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
    boxes = np.empty((0, 3))  # middles, and half of the widths
    found = []
    for g in np.argsort(-counts, kind="stable")[:MOST_LABELS]:
        if not counts[g]:
            break
        x, y = np.median(points[groups == g], axis=0)
        half = widths[g] / 2
        centres = (np.array([x, y]) - low) * scale + WAYS
        cost = crowd.inside(centres, half, NAME_HEIGHT / 2) / len(points) + FAR_COST * FAR
        gap = np.abs(centres[:, None] - boxes[:, :2])
        cost[((gap[:, :, 0] < half + boxes[:, 2]) & (gap[:, :, 1] < NAME_HEIGHT)).any(axis=1)] = np.inf
        best = int(cost.argmin())
        if np.isfinite(cost[best]):
            boxes = np.vstack([boxes, [*centres[best], half]])
            found.append(Label(int(g), float(x), float(y), int(WAYS[best, 0]), -int(WAYS[best, 1])))
    return found
