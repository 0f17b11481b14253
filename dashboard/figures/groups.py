"""How do topics differ between groups? As a table of shares, topic by topic, and some items against all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.components import Components
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.methods.groups import LEAST, LEVEL, GroupShares

ROW = 26  # px of a cell
LABEL = 190  # px for a group's name at most
ACROSS = 3  # small multiples side by side
DOT_ROW = 17  # px of a group in a small multiple
GAP, HEAD = 44, 22  # px between two lines of small multiples, and from its top to the chart beneath its name
SIGNIFICANT = 0.05


def cell_words(found: GroupShares, g: int, k: int, called: Components) -> str:
    """What is known of one group and topic, in lines for the mouse."""
    if np.isnan(found.mean[g, k]):
        return f"{plotly(found.names[g])}: no items"
    said = [
        f"<b>{plotly(found.names[g])}</b>, {plotly(called.noun)} {called.title(k)}",
        f"{100 * found.mean[g, k]:.1f} % ({100 * found.low[g, k]:.1f} to {100 * found.high[g, k]:.1f}), "
        f"all items {100 * found.whole[k]:.1f} %",
    ]
    if np.isfinite(found.p[g, k]):
        said.append(f"chance: {_p(found.p[g, k], found.shuffles)}")
    return "<br>".join(said)


def _p(p: float, shuffles: int) -> str:
    return f"p < {2 / (shuffles + 1):.3g}" if p <= 1 / (shuffles + 1) else f"p = {p:.2g}"


def share_table(found: GroupShares, called: Components) -> pd.DataFrame:
    """All numbers: one line for each group and topic."""
    g, r = found.mean.shape
    groups, topics = np.repeat(np.arange(g), r), np.tile(np.arange(r), g)
    return pd.DataFrame(
        {
            "group": [found.names[i] for i in groups], "items": found.sizes[groups],
            called.noun: [called.labels[k] for k in topics], "name": [called.names[k] for k in topics],
            "mean share": found.mean.ravel(), f"low {LEVEL:.0%}": found.low.ravel(), f"high {LEVEL:.0%}": found.high.ravel(),
            "all items": found.whole[topics], "z": found.z.ravel(), "p, corrected": found.p.ravel(),
        }
    )  # fmt: skip


def highest_words(found: GroupShares, topics: Sequence[int], called: Components) -> str:
    """Where each topic is highest, for those who do not see the picture."""
    live = [k for k in topics if np.isfinite(found.mean[:, k]).any()]
    noun = clean(called.noun)
    return "; ".join(f"{noun} {called.labels[k]} is highest in {clean(found.names[found.highest(k)], 40)}" for k in live)


def group_heatmap(
    found: GroupShares, called: Components, order: Sequence[int], *, grouping: str, theme: str = "light"
) -> Picture:
    """Groups by topics: the number is the mean share, the colour how far it is from that of all items.

    order : topics from left to right;  grouping : what the groups are ("decade")
    """
    gap = 100 * found.difference[:, order]
    thick = found.sizes >= LEAST if (found.sizes >= LEAST).any() else found.sizes > 0  # thin groups would set the colours of all
    most = float(np.nanmax(np.abs(gap[thick]), initial=1.0))
    labels, left = look.shorten_all([f"{name} ({n:,})" for name, n in zip(found.names, found.sizes, strict=True)], LABEL)
    ink, groups = look.palette(theme), range(len(found.names))
    trace: dict[str, Any] = {
        "type": "heatmap", "z": gap, "x": np.arange(len(order)), "y": np.array(groups), "zmid": 0.0, "zmin": -most, "zmax": most,
        "colorscale": look.scale(ink.diverging), "xgap": 1, "ygap": 1, "hovertemplate": "%{customdata}<extra></extra>",
        "customdata": [[cell_words(found, g, k, called) for k in order] for g in groups],
        "colorbar": look.colourbar(theme, "points above or<br>below all items"),
    }  # fmt: skip
    layout = {
        "xaxis": look.axis(theme, plotly(called.noun), showgrid=False, fixedrange=True, side="top", zeroline=False)
        | {"tickmode": "array", "tickvals": np.arange(len(order)), "ticktext": [plotly(called.labels[k]) for k in order]},
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, autorange="reversed", automargin=False, zeroline=False)
        | {"tickmode": "array", "tickvals": np.array(groups), "ticktext": labels},
        "margin": {"l": int(left) + 10, "r": 90, "t": 46, "b": 8},
    }
    g, k = np.unravel_index(int(np.nanargmax(np.abs(np.nan_to_num(found.z)))), found.z.shape)
    alt = f"Mean share of {len(order)} {clean(called.noun)}s in {len(found.names)} groups by {clean(grouping)}. "
    alt += f"Furthest from all items: {clean(cell_words(found, int(g), int(k), called).replace('<br>', ', '), 300)}"
    figure = look.figure([trace, _written(found, order, trace, ink)], layout, theme, height=ROW * len(found.names) + 60)
    return Picture(figure, alt, lambda: share_table(found, called))


def _written(found: GroupShares, order: Sequence[int], trace: dict[str, Any], ink: look.Palette) -> dict[str, Any]:
    """The shares as numbers over their cells, a dot behind those that differ by more than chance."""
    marks = np.where(found.p[:, order] <= SIGNIFICANT, " •", "")
    texts = [
        ["" if np.isnan(value) else f"{value:.0f}{mark}" for value, mark in zip(row, line, strict=True)]
        for row, line in zip(100 * found.mean[:, order], marks, strict=True)
    ]
    return look.cell_numbers(np.asarray(trace["z"]), texts, trace, ink.diverging)


@dataclass(frozen=True)
class _Grid:
    """Where small multiples stand, ACROSS beside each other, in px and in shares of the picture.

    groups : in each;  cells : how many;  width : of all;  left : for the groups' names
    """

    groups: int
    cells: int
    width: int
    left: float

    @property
    def cell(self) -> int:
        return DOT_ROW * self.groups + 8

    @property
    def inner(self) -> int:
        return -(-self.cells // ACROSS) * (self.cell + GAP)

    def place(self, at: int) -> tuple[float, float, tuple[float, float], tuple[float, float]]:
        """Left edge, upper edge, and the stretches of both axes of one."""
        down, across = divmod(at, ACROSS)
        begin = across / ACROSS + (self.left + 10) / self.width
        share = (self.width - ACROSS * (self.left + 14)) / ACROSS / self.width
        top = 1.0 - (down * (self.cell + GAP) + HEAD) / self.inner
        return across / ACROSS, top, (begin, min(begin + share, 1.0)), (max(top - self.cell / self.inner, 0.0), top)


def group_multiples(
    found: GroupShares, called: Components, order: Sequence[int], *, theme: str = "light", width: int = look.WIDE_WIDTH
) -> Picture:
    """A small chart for each topic: its mean share and interval in every group, the line its share of all items."""
    g = len(found.names)
    labels, left = look.shorten_all(found.names, 96)
    grid = _Grid(g, len(order), width, left)
    end = 100 * float(np.nanmax(found.high, initial=0.01)) * 1.03
    ink = look.palette(theme)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "shapes": [], "margin": {"l": 0, "r": 8, "t": 26, "b": 4}}
    for at, k in enumerate(order):
        suffix = "" if at == 0 else str(at + 1)
        edge, top, across, down = grid.place(at)
        traces.append(_dots(found, k, called, theme) | {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"})
        layout[f"xaxis{suffix}"] = look.bare_axis(range=[0, end], domain=across, anchor=f"y{suffix}", fixedrange=True)
        rows = look.axis(theme, None, showgrid=False, fixedrange=True, automargin=False, zeroline=False)
        rows |= {"tickmode": "array", "tickvals": np.arange(g), "ticktext": labels, "range": [g - 0.5, -0.5]}
        rows |= {"domain": down, "anchor": f"x{suffix}", "tickfont": {"size": look.SMALL_SIZE, "color": ink.text}}
        layout[f"yaxis{suffix}"] = rows
        whole = 100 * found.whole[k]
        layout["shapes"].append(
            {"type": "line", "xref": f"x{suffix}", "yref": f"y{suffix}", "x0": whole, "x1": whole, "y0": -0.5, "y1": g - 0.5,
             "line": {"color": ink.muted, "width": 1, "dash": "dot"}}
        )  # fmt: skip
        head = f"<b>{plotly(called.labels[k])} · {look.shorten(called.names[k], width / ACROSS - 40)}</b>"
        place = {"xref": "paper", "yref": "paper", "x": edge, "y": top, "xanchor": "left", "yanchor": "bottom"}
        layout["annotations"].append(look.annotation(theme, head, align="left", **place))
    alt = f"For each of {len(order)} {clean(called.noun)}s the mean share in {g} groups, 0 to {end / 1.03:.0f} %. "
    alt += f"{highest_words(found, order[:20], called)}."
    return Picture(look.figure(traces, layout, theme, height=grid.inner + 30), alt, lambda: share_table(found, called))


def _dots(found: GroupShares, k: int, called: Components, theme: str) -> dict[str, Any]:
    """One topic's mean share and interval in each group; filled where it differs by more than chance."""
    colour = look.component_colour(called.colours[k], theme)
    mean, low, high = (100 * side[:, k] for side in (found.mean, found.low, found.high))
    sure = np.nan_to_num(found.p[:, k], nan=1.0) <= SIGNIFICANT
    return {
        "type": "scatter", "mode": "markers", "x": mean, "y": np.arange(len(mean)),
        "marker": {"color": colour, "size": 7, "symbol": np.where(sure, "circle", "circle-open")},
        "error_x": {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, "color": colour,
                    "thickness": 1.5, "width": 0},
        "customdata": [cell_words(found, g, k, called) for g in range(len(mean))],
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip


def subset_bars(mean: np.ndarray, whole: np.ndarray, called: Components, *, theme: str = "light") -> Picture:
    """Mean shares of the items that pass a filter, the coloured bar, against those of all, the line."""
    ink, r = look.palette(theme), len(mean)
    labels, left = look.shorten_all([f"{called.labels[k]} · {called.names[k]}" for k in range(r)], LABEL)
    gap = 100 * (mean - whole)
    bars: dict[str, Any] = {
        "type": "bar", "orientation": "h", "x": 100 * mean, "y": np.arange(r), "width": 0.7,
        "marker": {"color": [look.component_colour(colour, theme) for colour in called.colours]},
        "hoverinfo": "skip",
    }  # fmt: skip
    end = 100 * float(max(mean.max(), whole.max())) * 1.02
    numbers: dict[str, Any] = {
        "type": "scatter", "mode": "text", "x": [end] * r, "y": np.arange(r), "textposition": "middle right", "cliponaxis": False,
        "text": [f"{100 * value:.1f} % ({change:+.1f})" for value, change in zip(mean, gap, strict=True)],
        "textfont": {"size": look.SMALL_SIZE, "color": ink.text}, "hoverinfo": "skip",
    }  # fmt: skip
    shapes = [
        {"type": "line", "x0": 100 * value, "x1": 100 * value, "y0": k - 0.42, "y1": k + 0.42,
         "line": {"color": ink.strong, "width": 2}}
        for k, value in enumerate(whole)
    ]  # fmt: skip
    layout = {
        "xaxis": look.bare_axis(range=[0, end], fixedrange=True),
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, automargin=False, range=[r - 0.5, -0.5], zeroline=False)
        | {"tickmode": "array", "tickvals": np.arange(r), "ticktext": labels},
        "margin": {"l": int(left) + 10, "r": 110, "t": 2, "b": 2},
        "shapes": shapes,
    }
    most, least = int(np.argmax(gap)), int(np.argmin(gap))
    alt = f"Against all items these are {gap[most]:+.1f} points in {clean(called.noun)} {called.labels[most]} and "
    alt += f"{gap[least]:+.1f} in {called.labels[least]}."

    def table() -> pd.DataFrame:
        return pd.DataFrame({called.noun: list(called.labels), "name": list(called.names), "these": mean, "all": whole})

    return Picture(look.figure([bars, numbers], layout, theme, height=22 * r + 8), alt, table)
