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
from nmfcore.core.written import signed
from nmfcore.methods.groups import LEAST, LEVEL, GroupShares

ROW = 26  # px of a cell
LABEL = 190  # px for a group's name at most
UPRIGHT = 220  # px for a topic's name over its column, where it stands upright
LINE = 15  # px of a line of a name that is broken into lines
BAR = 90  # px for the colour bar
ACROSS = 3  # small multiples side by side
DOT_ROW = 17  # px of a group in a small multiple
GAP, HEAD = 58, 22  # px between two lines of small multiples, and from its top to the chart beneath its name


def cell_words(found: GroupShares, g: int, k: int, called: Components) -> str:
    """What is known of one group and topic, in lines for the mouse."""
    if np.isnan(found.mean[g, k]):
        return f"{plotly(found.names[g])}: no items"
    said = [
        f"<b>{plotly(found.names[g])}</b>, {plotly(called.noun)} {called.title(k)}",
        f"{look.percent(found.mean[g, k])} ({100 * found.low[g, k]:.1f} to {100 * found.high[g, k]:.1f}), "
        f"all items {look.percent(found.whole[k])}",
    ]
    if np.isfinite(found.p[g, k]):
        said.append(f"chance: {_p(found.p[g, k], found.shuffles)}")
    return "<br>".join(said)


def _p(p: float, shuffles: int) -> str:
    return f"p < {2 / (shuffles + 1):.3g}" if p <= 1 / (shuffles + 1) else f"p = {p:.2g}"


def share_table(found: GroupShares, called: Components) -> pd.DataFrame:
    """All numbers: one line for each group and topic."""
    g, r = found.mean.shape
    groups, topics, level = np.repeat(np.arange(g), r), np.tile(np.arange(r), g), look.percent(LEVEL, 0)
    return pd.DataFrame(
        {
            "group": [found.names[i] for i in groups], "items": found.sizes[groups],
            called.noun: [called.labels[k] for k in topics], "name": [called.names[k] for k in topics],
            "mean share": found.mean.ravel(), f"low {level}": found.low.ravel(), f"high {level}": found.high.ravel(),
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
    names, turn, up = _over_columns(called, order, (look.WIDE_WIDTH - left - 10 - BAR) / max(len(order), 1))
    trace: dict[str, Any] = {
        "type": "heatmap", "z": gap, "x": np.arange(len(order)), "y": np.array(groups), "zmid": 0.0, "zmin": -most, "zmax": most,
        "colorscale": look.scale(ink.diverging), "xgap": 1, "ygap": 1, "hovertemplate": "%{customdata}<extra></extra>",
        "customdata": [[cell_words(found, g, k, called) for k in order] for g in groups],
        "colorbar": look.colourbar(theme, "points above or<br>below all items"),
    }  # fmt: skip
    layout = {
        "xaxis": look.axis(theme, None, showgrid=False, fixedrange=True, side="top", zeroline=False, tickangle=turn)
        | {"tickmode": "array", "tickvals": np.arange(len(order)), "ticktext": names},
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, autorange="reversed", automargin=False, zeroline=False)
        | {"tickmode": "array", "tickvals": np.array(groups), "ticktext": labels},
        "margin": {"l": int(left) + 10, "r": BAR, "t": int(up) + 14, "b": 8},
    }
    g, k = np.unravel_index(int(np.nanargmax(np.abs(np.nan_to_num(found.z)))), found.z.shape)
    alt = f"Mean share of {len(order)} {clean(called.noun)}s in {len(found.names)} groups by {clean(grouping)}. "
    alt += f"Furthest from all items: {clean(cell_words(found, int(g), int(k), called).replace('<br>', ', '), 300)}"
    figure = look.figure([trace, _written(found, order, trace, ink)], layout, theme, height=ROW * len(found.names) + int(up) + 28)
    return Picture(figure, alt, lambda: share_table(found, called))


def _over_columns(called: Components, order: Sequence[int], cell: float) -> tuple[list[str], int, float]:
    """The topics' names over columns of so many px, the angle of the text, and the px that they take upwards.

    Broken into lines where every word fits over its column; otherwise upright.
    """
    words = [clean(called.written(k), 120).replace(" · ", "\u00a0· ").split(" ") for k in order]
    if all(look.text_width(word) <= cell - 6 for listed in words for word in listed):
        broken = [_lines(listed, cell - 6) for listed in words]
        return ["<br>".join(map(plotly, lines)) for lines in broken], 0, float(LINE * max(map(len, broken), default=1))
    names, up = look.shorten_all([called.written(k) for k in order], UPRIGHT)
    return names, -90, up


def _lines(words: Sequence[str], width: float) -> list[str]:
    """Words in lines of at most so many px."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and look.text_width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _written(found: GroupShares, order: Sequence[int], trace: dict[str, Any], ink: look.Palette) -> dict[str, Any]:
    """The shares as numbers over their cells, a dot behind those that differ by more than chance."""
    marks = np.where(found.sure[:, order], " •", "")
    texts = [
        ["" if np.isnan(value) else f"{value:.0f}{mark}" for value, mark in zip(row, line, strict=True)]
        for row, line in zip(100 * found.mean[:, order], marks, strict=True)
    ]
    return look.cell_numbers(np.asarray(trace["z"]), texts, trace, ink.diverging)


@dataclass(frozen=True)
class _Grid:
    """Where small multiples stand, ACROSS beside each other, in px from the upper left corner of one pair of axes.

    Axes of their own for each would take the browser a second for twenty topics.
    groups : in each;  cells : how many;  width : of all;  left : for the groups' names;  end : the share at the right edge
    """

    groups: int
    cells: int
    width: int
    left: float
    end: float

    @property
    def height(self) -> int:
        return -(-self.cells // ACROSS) * (DOT_ROW * self.groups + 8 + GAP)

    def lowest(self) -> list[int]:
        """The last chart of each column, beneath which the scale is written."""
        return [at for at in range(self.cells) if at + ACROSS >= self.cells]

    def corner(self, at: int) -> tuple[float, float]:
        """The upper left corner of one chart, below its name."""
        down, across = divmod(at, ACROSS)
        return across * self.width / ACROSS, down * (DOT_ROW * self.groups + 8 + GAP) + HEAD

    def x(self, at: int, shares: np.ndarray) -> np.ndarray:
        """Where shares (in %) stand in one chart."""
        room = self.width / ACROSS - self.left - 24
        return self.corner(at)[0] + self.left + 10 + np.asarray(shares) / self.end * room

    def y(self, at: int) -> np.ndarray:
        """Where the groups of one chart stand."""
        return self.corner(at)[1] + DOT_ROW * (np.arange(self.groups) + 0.5) + 4


def group_multiples(
    found: GroupShares, called: Components, order: Sequence[int], *, theme: str = "light", width: int = look.WIDE_WIDTH
) -> Picture:
    """A small chart for each topic: its mean share and interval in every group, the line its share of all items.

    order : topics as they are read, from left to right and down
    """
    labels, left = look.shorten_all(found.names, 96)
    end = 100 * float(np.nanmax(found.high, initial=0.01)) * 1.03
    grid = _Grid(len(found.names), len(order), width, left, end)
    traces = [
        _names_of(grid, labels, theme), _wholes(found, grid, order, theme),
        *(_interval(found, grid, at, k, look.component_colour(called.colours[k], theme)) for at, k in enumerate(order)),
        _dots(found, grid, order, called, theme), _heads(grid, order, called, theme), _scale(grid, theme),
    ]  # fmt: skip
    layout = {
        "margin": {"l": 0, "r": 0, "t": 6, "b": 0}, "hovermode": "closest", "showlegend": False,
        "xaxis": look.bare_axis(range=[0, width], fixedrange=True, visible=False),
        "yaxis": look.bare_axis(range=[grid.height, 0], fixedrange=True, visible=False),
    }  # fmt: skip
    alt = f"For each of {len(order)} {clean(called.noun)}s the mean share in {grid.groups} groups, 0 to {end / 1.03:.0f} %. "
    alt += f"{highest_words(found, order[:20], called)}."
    return Picture(look.figure(traces, layout, theme, height=grid.height + 6), alt, lambda: share_table(found, called))


def _text(x: np.ndarray, y: np.ndarray, text: Sequence[str], place: str, size: int, theme: str) -> dict[str, Any]:
    font = {"size": size, "color": look.palette(theme).text}
    return {"type": "scatter", "mode": "text", "x": x, "y": y, "text": text, "textposition": place, "textfont": font,
            "hoverinfo": "skip"}  # fmt: skip


def _names_of(grid: _Grid, labels: Sequence[str], theme: str) -> dict[str, Any]:
    """The groups' names, at the left of each chart."""
    x = np.concatenate([np.full(grid.groups, grid.corner(at)[0] + grid.left + 2) for at in range(grid.cells)])
    y = np.concatenate([grid.y(at) for at in range(grid.cells)])
    return _text(x, y, [*labels] * grid.cells, "middle left", look.SMALL_SIZE, theme)


def _scale(grid: _Grid, theme: str) -> dict[str, Any]:
    """What the places of the dots mean, beneath the last chart of each column: the same in all."""
    steps = [step for step in (1, 2, 5, 10, 20, 25, 50) if grid.end / step <= 4.5] or [50]
    ticks = np.arange(0, grid.end, steps[0])
    x, y, text = [], [], []
    for at in grid.lowest():
        below, places = grid.y(at)[-1] + DOT_ROW, grid.x(at, ticks)
        x += [*places, (places[0] + float(grid.x(at, np.array([grid.end]))[0])) / 2]
        y += [below] * len(places) + [below + DOT_ROW]
        text += [*(f"{tick:.0f}" for tick in ticks), "mean share, %"]
    return _text(np.array(x), np.array(y), text, "middle center", look.SMALL_SIZE, theme)


def _heads(grid: _Grid, order: Sequence[int], called: Components, theme: str) -> dict[str, Any]:
    """The topics' names, above each chart."""
    corner = np.array([grid.corner(at) for at in range(grid.cells)], float).reshape(-1, 2)
    heads = [f"<b>{plotly(called.labels[k])} · {look.shorten(called.names[k], grid.width / ACROSS - 40)}</b>" for k in order]
    return _text(corner[:, 0] + 2, corner[:, 1] - 8, heads, "middle right", look.TEXT_SIZE, theme)


def _wholes(found: GroupShares, grid: _Grid, order: Sequence[int], theme: str) -> dict[str, Any]:
    """The share of all items, as a dotted line in each chart."""
    x, y = [], []
    for at, k in enumerate(order):
        (place,), rows = grid.x(at, np.array([100 * found.whole[k]])), grid.y(at)
        x += [place, place, None]
        y += [rows[0] - DOT_ROW / 2, rows[-1] + DOT_ROW / 2, None]
    line = {"color": look.palette(theme).muted, "width": 1, "dash": "dot"}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip"}


def _interval(found: GroupShares, grid: _Grid, at: int, k: int, colour: str) -> dict[str, Any]:
    """One topic's intervals."""
    ends = np.column_stack([grid.x(at, 100 * found.low[:, k]), grid.x(at, 100 * found.high[:, k]), np.full(grid.groups, np.nan)])
    line = {"color": colour, "width": 1.5}
    return {"type": "scatter", "mode": "lines", "x": ends.ravel(), "y": np.repeat(grid.y(at), 3), "line": line,
            "hoverinfo": "skip"}  # fmt: skip


def _dots(found: GroupShares, grid: _Grid, order: Sequence[int], called: Components, theme: str) -> dict[str, Any]:
    """The mean shares; filled where one differs by more than chance."""
    sure = found.sure[:, order]
    colours = [look.component_colour(called.colours[k], theme) for k in order for _ in range(grid.groups)]
    return {
        "type": "scatter", "mode": "markers",
        "x": np.concatenate([grid.x(at, 100 * found.mean[:, k]) for at, k in enumerate(order)]),
        "y": np.concatenate([grid.y(at) for at in range(grid.cells)]),
        "marker": {"color": colours, "size": 7, "symbol": np.where(sure.T.ravel(), "circle", "circle-open").tolist()},
        "customdata": [cell_words(found, g, k, called) for k in order for g in range(grid.groups)],
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
        "text": [f"{look.percent(value)} ({signed(change)})" for value, change in zip(mean, gap, strict=True)],
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
    alt = f"Against all items these are {signed(gap[most])} points in {clean(called.noun)} {called.labels[most]} and "
    alt += f"{signed(gap[least])} in {called.labels[least]}."

    def table() -> pd.DataFrame:
        return pd.DataFrame({called.noun: list(called.labels), "name": list(called.names), "these": mean, "all": whole})

    return Picture(look.figure([bars, numbers], layout, theme, height=22 * r + 8), alt, table)
