"""How large are the clusters, do they agree with known labels, and how sure are they?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import lines
from dashboard.figures import theme as look
from dashboard.figures.bars import LABEL_WIDTH, Measure, bars, named
from dashboard.figures.binning import Bands, bands, block_mean
from dashboard.figures.components import Components, numbered
from dashboard.figures.labelled import Cells, Ends, Labelled, matrix
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.topics.clusters import Score

STRIP = 0.05  # of the plot's height, for the strip of known classes
STRIP_GAP = 0.02
MOST_ITEMS = 250  # lines of a consensus map; above, neighbours share a line


def sizes(
    counts: ArrayLike,
    *,
    none: int = 0,
    called: Components | None = None,
    items: str = "documents",
    theme: str = "light",
    height: int | None = None,
    most_label: int = LABEL_WIDTH,
) -> Picture:
    """Items per component (r,), in the components' order and colours; the ones that belong to none last, in grey.

    called : how the r components are written, coloured and called; numbered when None
    """
    sizes_ = np.asarray(counts, float)
    called, total = called or numbered(len(sizes_)), int(sizes_.sum()) + none
    labels = [clean(called.written(k)) for k in range(len(sizes_))]
    fill = [look.component_colour(k, theme) for k in called.colours]
    if none:
        labels, fill, sizes_ = [*labels, "none"], [*fill, look.palette(theme).grey], np.append(sizes_, none)
    alt = f"{total:,} {items}"
    if sizes_.size and total:
        k = int(sizes_.argmax())
        alt += f"; the largest group is {labels[k]} with {int(sizes_[k]):,} ({look.percent(sizes_[k] / total, 0)})"
    alt += f"; {none:,} belong to none." if none else "."
    measure = Measure(items, lambda v: f"{int(v):,} · {look.percent(v / max(total, 1), 0)}")
    return bars(labels, sizes_, measure, colours=fill, alt=alt, most_label=most_label, height=height, theme=theme)


def stability(
    values: ArrayLike,
    *,
    names: Sequence[object] | None = None,
    component: str = "topic",
    theme: str = "light",
    height: int | None = None,
) -> Picture:
    """Each component's stability over several starts (r,), 0 to 1; NaN where it was not measured."""
    shown = np.asarray(values, float)
    labels = [named(component, k, None if names is None else names[k]) for k in range(len(shown))]
    known = shown[~np.isnan(shown)]
    alt = "Stability was not measured."
    if known.size:
        k = int(np.nanargmin(shown))
        alt = f"Stability over starts from {known.min():.2f} ({labels[k]}) to {known.max():.2f}; 1 means the same in every start."
    return bars(
        labels,
        shown,
        Measure("stability (0 to 1)", lambda v: f"{v:.2f}", top=1.0),
        colours=[look.component_colour(k, theme) for k in range(len(shown))],
        alt=alt,
        theme=theme,
        height=height,
    )


def confusion(
    table: ArrayLike,
    *,
    classes: Sequence[object],
    groups: Sequence[object],
    component: str = "topic",
    theme: str = "light",
    height: int = 330,
    width: int = look.CHART_WIDTH,
) -> Picture:
    """Known classes (rows) against groups (columns): counts in the cells, colours the share of the class."""
    counts = np.asarray(table, float)
    totals = counts.sum(axis=1, keepdims=True)
    share = 100 * np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    best = counts.max(axis=1).sum() / counts.sum() if counts.sum() else 0.0
    alt = (
        f"{int(counts.sum()):,} items, {len(classes)} known classes against {len(groups)} groups; "
        f"{look.percent(best)} lie in the group where most of their class lies."
    )
    drawn = matrix(
        Labelled(share, classes, groups, "% of the class", row_title="known class", column_title=component, alt=alt),
        ends=Ends(0.0, 100.0),
        cells=Cells(texts=[[f"{int(v):,}" if v else "" for v in row] for row in counts]),
        theme=theme,
        height=height,
        width=width,
    )

    def numbers() -> pd.DataFrame:
        frame = pd.DataFrame(counts.astype(int), columns=[str(g) for g in groups])
        frame.insert(0, "known class", [str(c) for c in classes], allow_duplicates=True)
        return frame

    return Picture(drawn.figure, drawn.alt, numbers, drawn.note)


def agreement(scores: Sequence[Score], *, shuffles: int, theme: str = "light", height: int | None = None) -> Picture:
    """Each score as a bar, and beside it what shuffled labels reach: a line from the 5th to the 95th percentile, a tick at the
    mean. A score that could not be taken has no bar."""
    names = [score.name for score in scores]
    values = np.array([score.value for score in scores])
    known = [score for score in scores if np.isfinite(score.value)]
    said = "; ".join(f"{score.name} {score.value:.3f}, chance {score.chance:.3f}" for score in known)
    drawn = bars(
        names,
        values,
        Measure("score", lambda value: f"{value:.3f}", "nothing to compare", max(1.0, float(np.nanmax(values, initial=0.0)))),
        colours=[look.component_colour(0, theme)] * len(names),
        alt=f"{said}; chance from {shuffles} shuffles." if known else "There is nothing to compare.",
        theme=theme,
        height=height or 46 * max(len(names), 1) + 20,
    )
    lowest = float(np.nanmin([score.chance_low for score in scores] + [0.0]))
    drawn.figure.update_xaxes(range=[1.1 * lowest, max(1.0, float(np.nanmax(values, initial=0.0)))])
    drawn.figure.update_traces(width=0.42, selector={"type": "bar"})
    for trace in _chance(scores, theme):
        drawn.figure.add_scatter(**trace)
    return Picture(drawn.figure, drawn.alt, lambda: _scores_table(scores, shuffles))


def _chance(scores: Sequence[Score], theme: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What shuffled labels reach, below each bar so that neither hides the other: the number, and the spread with its mean."""
    colour = look.palette(theme).strong
    places = [k + 0.42 for k in range(len(scores))]
    mean = np.array([score.chance for score in scores])
    number = {
        "mode": "text",  # from where the spread ends, so that its line does not run through the number
        "x": np.fmax(mean, [score.chance_high for score in scores]),
        "y": places,
        "text": [f"  chance {round(m, 3) + 0.0:.3f}" if np.isfinite(m) else "" for m in mean],
        "textposition": "middle right",
        "cliponaxis": False,
        "textfont": {"size": look.SMALL_SIZE, "color": look.palette(theme).muted},
        "hoverinfo": "skip",
    }
    spread = {
        "mode": "markers",
        "x": mean,
        "y": places,
        "cliponaxis": False,
        "marker": {"symbol": "line-ns", "size": 10, "line": {"width": 2, "color": colour}},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [max(score.chance_high - score.chance, 0.0) for score in scores],
            "arrayminus": [max(score.chance - score.chance_low, 0.0) for score in scores],
            "color": colour,
            "thickness": 2,
            "width": 0,
        },
        "customdata": [
            f"{score.name} of shuffled classes: {score.chance:.4f} ({score.chance_low:.4f} to {score.chance_high:.4f})"
            for score in scores
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    return number, spread


def _scores_table(scores: Sequence[Score], shuffles: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "score": [score.name for score in scores],
            "value": [score.value for score in scores],
            "chance, mean": [score.chance for score in scores],
            "chance, 5th percentile": [score.chance_low for score in scores],
            "chance, 95th percentile": [score.chance_high for score in scores],
            "shuffles": shuffles,
            "definition": [score.definition for score in scores],
        }
    )


@dataclass(frozen=True, eq=False)
class Pairs:
    """How often two items fall into one component over many starts, in the order of the picture.

    values : (m, m), 0 to 1
    order : (m,) leaf order of the clustering tree
    classes : (m,) known class of each item
    labels : (m,) names of the items
    """

    values: np.ndarray
    order: ArrayLike
    classes: Sequence[object] | None = None
    labels: Sequence[object] | None = None
    items: str = "items"

    @cached_property
    def by(self) -> Bands:
        """Items of the lines."""
        return bands(np.asarray(self.order, int), MOST_ITEMS)

    @cached_property
    def names(self) -> list[str]:
        """(m,) of the items, in the order of the picture."""
        if self.labels is None:
            return [f"{clean(self.items)} {i + 1}" for i in self.by.order]
        return [str(self.labels[i]) for i in self.by.order]

    @cached_property
    def ticks(self) -> list[str]:
        """What the lines are called in the figure, each once."""
        return look.distinct(self.names) if self.by.single else [f"line {b + 1}" for b in range(len(self.by.starts))]

    def table(self) -> pd.DataFrame:
        """All pairs, in the order of the picture."""
        frame = pd.DataFrame(self.values[np.ix_(self.by.order, self.by.order)], columns=self.names)
        frame.insert(0, "item", self.names, allow_duplicates=True)
        return frame

    def sentence(self, cophenetic: float | None) -> str:
        """How sure the groups are."""
        m = len(self.values)
        off = self.values[~np.eye(m, dtype=bool)] if m > 1 else self.values.ravel()
        sure = float(np.mean((off < 0.1) | (off > 0.9))) if off.size else 1.0
        said = f"Consensus of {m:,} {clean(self.items)}: {look.percent(sure)} of the pairs are together or apart"
        said += " in nearly all starts"
        return said + (
            f"; cophenetic correlation {cophenetic:.3f}." if cophenetic is not None and np.isfinite(cophenetic) else "."
        )


def consensus(
    matrix: ArrayLike,
    order: ArrayLike,
    *,
    classes: Sequence[object] | None = None,
    labels: Sequence[object] | None = None,
    cophenetic: float | None = None,
    items: str = "items",
    theme: str = "light",
    height: int = 380,
) -> Picture:
    """How often two items fall into one component over many starts (m, m), 0 to 1; ordered, known classes as a strip above.

    order, classes, labels : see `Pairs`
    """
    pairs = Pairs(np.asarray(matrix, float), order, classes, labels, items)
    top = 1.0 if classes is None else 1 - STRIP - STRIP_GAP
    layout = _pair_axes(pairs, top, theme, height)
    traces = [_pair_cells(pairs, top, theme)]
    if classes is not None:
        strip, entries = class_strip([classes[int(i)] for i in pairs.by.order[pairs.by.starts]], pairs.ticks, theme, axis="y2")
        traces += [strip, *entries]
        layout["yaxis2"] = look.bare_axis(domain=[1 - STRIP, 1.0], type="category", fixedrange=True)
        layout |= {"showlegend": True, "legend": look.legend(theme), "margin": layout["margin"] | {"t": 32}}
    per_line = pairs.by.per_line
    note = None if pairs.by.single else f"Each cell is the mean over {per_line} × {per_line} pairs."
    return Picture(look.figure(traces, layout, theme, height=height), pairs.sentence(cophenetic), pairs.table, note)


def _pair_cells(pairs: Pairs, top: float, theme: str) -> dict[str, Any]:
    """The heatmap, whose colour bar is as high as its axis."""
    return {
        "type": "heatmap",
        "z": block_mean(pairs.values, pairs.by, pairs.by).astype(np.float32),
        "x": pairs.ticks,
        "y": pairs.ticks,
        "zmin": 0.0,
        "zmax": 1.0,
        "colorscale": look.scale(look.palette(theme).sequential),
        "colorbar": look.colourbar(theme, "share of the starts", len=top, y=0, yanchor="bottom"),
        "hovertemplate": "%{y} with %{x}: %{z:.0%}<extra></extra>",
    }


def _pair_axes(pairs: Pairs, top: float, theme: str, height: int) -> dict[str, Any]:
    """Both axes; the items are named where a line of each has room."""
    per_line = "" if pairs.by.single else f", {pairs.by.per_line} per line"
    title = f"{len(pairs.values):,} {plotly(pairs.items)}{per_line}, ordered alike"
    x_axis = look.axis(theme, title, type="category", showgrid=False, showticklabels=False)
    y_axis = look.axis(theme, None, type="category", autorange="reversed", showgrid=False, domain=[0, top])
    left = 14
    if pairs.by.single and len(pairs.values) * 14 <= height - 60:
        short, width = look.shorten_all(pairs.names, lines.LABEL_WIDTH)
        y_axis |= {"tickmode": "array", "tickvals": pairs.ticks, "ticktext": short}
        left += int(width)
    else:
        y_axis["showticklabels"] = False
    return {"xaxis": x_axis, "yaxis": y_axis, "margin": {"l": left, "r": 76, "t": 8, "b": 34}}


def class_strip(
    classes: Sequence[object], x: Sequence[str], theme: str, *, axis: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A one-line heatmap of known classes over categories `x`, and the legend entries that name its colours.

    Colours come from the end of the categorical ones, so that a class is not taken for the component of its number.
    """
    known = sorted({str(c) for c in classes})  # the same colours whatever the order of the items
    colours = look.palette(theme).categorical[::-1]
    code = [known.index(str(c)) for c in classes]
    steps = max(len(known), 1)
    scale = [[edge, colours[k % len(colours)]] for k in range(steps) for edge in (k / steps, (k + 1) / steps)]
    strip = {
        "type": "heatmap",
        "z": [code],
        "x": list(x),
        "y": ["class"],
        "yaxis": axis,
        "zmin": -0.5,
        "zmax": steps - 0.5,
        "colorscale": scale,
        "showscale": False,
        "customdata": [[plotly(c) for c in classes]],
        "hovertemplate": "%{x}: %{customdata}<extra></extra>",
    }
    entries = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [None],
            "y": [None],
            "name": plotly(name, 30),
            "marker": {"symbol": "square", "size": 11, "color": colours[k % len(colours)]},
            "showlegend": True,
            "hoverinfo": "skip",
        }
        for k, name in enumerate(known)
    ]
    return strip, entries
