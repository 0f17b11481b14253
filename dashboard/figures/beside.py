"""What do X, its model WH and the residual look like beside each other, at any size?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import lines as by
from dashboard.figures import theme as look
from dashboard.figures.binning import Bands, band_mean, bands, block_mean, observed_means
from dashboard.figures.lines import PITCH, Order
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.core.factorization import Axes, Axis
from nmfcore.topics.ordering import Ordering

MOST_CELLS = 250  # lines and columns where both sides are binned: 62,500 cells, 250 KB
MOST_BESIDE = 160  # the same where several matrices stand side by side: each has about 250 px, and a browser draws them all
FAINT = 1e-4  # of the largest value: where a logarithmic colour scale begins
BAR_DEPTH = 52  # px for a colour bar lying under the plot, with its ticks and title
PANEL_GAP = 0.03  # of the width, between X, WH and the residual
TABLE_CELLS = 200_000  # rows of a long table at most; a larger matrix is exported from Export
RESIDUAL = "X − WH"
MISSING_NOTE = "Missing entries have no part in X and X − WH. A cell is empty where all of it is missing."


@dataclass(frozen=True)
class View:
    """How X, WH and the residual are looked at.

    show : which of "X", "WH", "X − WH"
    rows, columns : their orders: "strongest" (by the largest component), "input", an `Ordering`, or positions
    component : what a component is called
    log : logarithmic colours for X and WH
    handles : a box drawn over the picture can be caught: see `lines.box`
    digits : decimals of numbers in the cells; None finds them out, and writes numbers only where they fit
    height, width : of the picture in px
    """

    show: Sequence[str] = ("X", "WH", RESIDUAL)
    rows: Order = "strongest"
    columns: Order = "strongest"
    component: str = "topic"
    log: bool = False
    handles: bool = False
    digits: int | None = None
    height: int = 480
    width: int = look.WIDE_WIDTH


USUAL = View()


def parts(
    X: Any, W: np.ndarray, H: np.ndarray, *, axes: Axes, mask: Any = None, view: View = USUAL, theme: str = "light"
) -> Picture:
    """X, WH and X - WH with linked axes: zooming into one zooms into all.

    X and WH share one colour range; the residual's diverges at 0. Up to 250 lines and columns are drawn cell by cell; beyond, a
    cell is the mean over a block, and WH is never formed.

    Parameters
    ----------
    X : (m, n) dense or sparse
    W, H : (m, r) and (r, n)
    mask : (m, n) of 0/1; unobserved cells of X and of the residual stay empty, and have no part in the mean of a block
    """
    most = MOST_CELLS if len(view.show) == 1 or max(X.shape) <= MOST_CELLS else MOST_BESIDE
    rows, columns = _side(W, view.rows, axes.rows, most), _side(H.T, view.columns, axes.columns, most)
    model = band_mean(W, rows.bands) @ band_mean(np.ascontiguousarray(H.T), columns.bands).T
    if mask is None:
        data = block_mean(X, rows.bands, columns.bands)
        rest = data - model
    else:  # a missing entry is no 0: it has no part in the mean of its block
        data, seen = observed_means(X, W, H, mask, rows.bands, columns.bands)
        rest = data - seen
    known = data[np.isfinite(data)]
    cells = {"X": data, "WH": model, RESIDUAL: rest}
    positive = np.concatenate([known[known > 0], model[model > 0]])
    whole = bool(np.all(known == np.round(known)))
    return _Beside(view, theme, rows, columns, cells, positive, float(known.max(initial=0)), whole, mask is not None).picture()


@dataclass(frozen=True)
class _Side:
    """The rows or the columns of the picture: how they are ordered, banded and called."""

    order: Ordering
    bands: Bands
    axis: Axis

    @cached_property
    def names(self) -> list[str]:
        return by.line_names(self.bands, self.axis, self.order)

    def __len__(self) -> int:
        return len(self.bands.order)


def _side(F: np.ndarray, order: Order, axis: Axis, most: int) -> _Side:
    arranged = by.ordered(F, order)
    return _Side(arranged, bands(arranged.indices, most, arranged.boundaries), axis)


@dataclass(frozen=True, eq=False)
class _Beside:
    """One picture under way.

    cells : what each panel draws;  positive : the values above 0 of X and WH;  largest : of X;  whole : X holds whole numbers
    """

    view: View
    theme: str
    rows: _Side
    columns: _Side
    cells: dict[str, np.ndarray]
    positive: np.ndarray
    largest: float
    whole: bool
    masked: bool

    # -- where colours end ---------------------------------------------------------------------------------------------
    @cached_property
    def clip(self) -> float | None:
        return by.clipped(self.positive)[1]

    @cached_property
    def top(self) -> float:
        return (float(self.positive.max(initial=0.0)) or 1.0) if self.clip is None else self.clip

    @cached_property
    def spread(self) -> float:
        rest = np.abs(self.cells[RESIDUAL])
        rest = rest[np.isfinite(rest) & (rest > 0)]
        return by.clipped(rest)[1] or float(rest.max(initial=0.0)) or 1.0

    # -- where things stand --------------------------------------------------------------------------------------------
    @cached_property
    def panel(self) -> float:
        """The width of one panel, as a share."""
        number = len(self.view.show)
        return (1 - PANEL_GAP * (number - 1)) / number

    @cached_property
    def row_labels(self) -> tuple[list[str], list[str], float, bool]:
        """Ticks and labels of the rows, the px they need, and whether each row has its own."""
        rows, height = self.rows, self.view.height - 120
        if rows.bands.single and len(rows) * PITCH <= height:
            labels, width = look.shorten_all(rows.axis.take(rows.bands.order), by.LABEL_WIDTH)
            return rows.names, labels, width, True
        if rows.order.runs:
            return *by.group_ticks(rows.bands, rows.names, rows.order, height), False
        return rows.names, [], 0.0, False

    @cached_property
    def left(self) -> int:
        _, labels, width, _ = self.row_labels
        return int(width) + 36 if labels else 44

    @cached_property
    def room(self) -> float:
        """px that the columns of one panel have."""
        return (self.view.width - self.left - 12) * self.panel

    @cached_property
    def column_axis(self) -> tuple[dict[str, Any], int, bool]:
        """The horizontal axis, the px below it, and whether it names groups."""
        columns, bands_ = self.columns, self.columns.bands
        many = look.count(len(columns), plotly(columns.axis.singular), plotly(columns.axis.name))
        title = many + ("" if bands_.single else f", {bands_.per_line} per column")
        named = bands_.single and len(columns) * PITCH <= self.room
        labels = columns.axis.take(bands_.order) if named else None
        return by.feature_axis(bands_, columns.names, labels, columns.order, self.view.component, title, self.room, self.theme)

    @cached_property
    def depth(self) -> float:
        """px that the rows of a panel have."""
        return self.view.height - self.column_axis[1] - 26 - BAR_DEPTH

    @cached_property
    def cell(self) -> tuple[float, float]:
        return self.room / len(self.columns), self.depth / len(self.rows)

    @cached_property
    def decimals(self) -> int:
        return self.view.digits if self.view.digits is not None else (0 if self.whole and self.top >= 10 else 1)

    @cached_property
    def written(self) -> bool:
        """Whether numbers fit into the cells."""
        width = look.text_width(f"-{self.top:.{self.decimals}f}", 11) + 2
        return self.cell[0] >= width and self.cell[1] >= look.NUMBER_HEIGHT

    # -- one panel -----------------------------------------------------------------------------------------------------
    def start(self, k: int) -> float:
        return k * (self.panel + PANEL_GAP)

    def heat(self, k: int, what: str) -> dict[str, Any]:
        """The heatmap of a panel."""
        signed, suffix, values = what == RESIDUAL, _suffix(k), self.cells[what]
        colours = look.palette(self.theme)
        trace: dict[str, Any] = {
            "type": "heatmap",
            "z": values.astype(np.float32),
            "x": self.columns.names,
            "y": self.rows.names,
            "xaxis": f"x{suffix}",
            "yaxis": f"y{suffix}",
            "hoverongaps": False,
            "hovertemplate": f"{what}<br>%{{y}} × %{{x}}: %{{z:.4g}}<extra></extra>",
            "zmin": -self.spread if signed else 0.0,
            "zmax": self.spread if signed else self.top,
            "colorscale": look.scale(colours.diverging if signed else colours.sequential),
            "showscale": signed or k == 0,
            "colorbar": look.flat_colourbar(self.theme, f"{RESIDUAL} (residual)" if signed else "value in X and WH")
            | {
                "x": self.start(k) + self.panel / 2, "xanchor": "center", "len": self.panel, "lenmode": "fraction", "ypad": 0,
                "y": -(self.column_axis[1] + 6) / max(self.depth, 1),
            },
        }  # fmt: skip
        if self.view.log and not signed:
            trace |= self.logarithmic(values, trace)
        return trace | ({"xgap": 1, "ygap": 1} if min(self.cell) >= 8 else {})

    def logarithmic(self, values: np.ndarray, trace: dict[str, Any]) -> dict[str, Any]:
        """What is other where colours are logarithmic."""
        least = self.top * FAINT
        ticks = look.log_ticks(least, self.top, 4)
        bar = trace["colorbar"]
        return {
            "z": np.log10(np.maximum(values, least)).astype(np.float32),
            "customdata": values.astype(np.float32),
            "zmin": float(np.log10(least)),
            "zmax": float(np.log10(self.top)),
            "hovertemplate": trace["hovertemplate"].replace("%{z", "%{customdata"),
            "colorbar": bar
            | {
                "title": bar["title"] | {"text": "value in X and WH (log)"}, "tickmode": "array",
                "tickvals": np.log10(ticks).tolist(), "ticktext": [look.tick_text(t) for t in ticks],
            },
        }  # fmt: skip

    def traces(self, k: int, what: str) -> list[dict[str, Any]]:
        """All that is drawn in a panel."""
        trace = self.heat(k, what)
        drawn = [trace]
        if self.written:
            colours = look.palette(self.theme)
            scale = colours.diverging if what == RESIDUAL else colours.sequential
            drawn.append(look.cell_numbers(trace["z"], look.numbers(self.cells[what], self.decimals), trace, scale))
        return [*drawn, by.grips(trace, self.rows.bands, self.columns.bands)] if self.view.handles else drawn

    def x_axis(self, k: int) -> dict[str, Any]:
        tight = by.tight(self.column_axis[0], len(self.columns.bands.starts))
        here = {"domain": [self.start(k), self.start(k) + self.panel], "anchor": f"y{_suffix(k)}"}
        return tight | here | ({"matches": "x"} if k else {})

    def y_axis(self, k: int) -> dict[str, Any]:
        anchor = f"x{_suffix(k)}"
        axis = look.axis(
            self.theme, None, type="category", autorange="reversed", showgrid=False, anchor=anchor, automargin=k == 0
        )
        ticks, labels, _, named = self.row_labels
        if k:
            axis |= {"matches": "y", "showticklabels": False}
        else:
            rows = self.rows
            per_line = "" if rows.bands.single else f", {rows.bands.per_line} per line"
            of = "" if named else by.by_what(rows.order, self.view.component)
            axis["title"] = {
                "text": f"{look.count(len(rows), plotly(rows.axis.singular), plotly(rows.axis.name))}{per_line}{of}",
                "font": {"size": look.TEXT_SIZE, "color": look.palette(self.theme).muted},
                "standoff": 8,
            }
            axis |= {"tickmode": "array", "tickvals": ticks, "ticktext": labels} if labels else {"showticklabels": False}
        return by.tight(axis, len(self.rows.bands.starts), down=True)

    # -- all of it -----------------------------------------------------------------------------------------------------
    def layout(self) -> dict[str, Any]:
        shown = list(enumerate(self.view.show))
        theme = self.theme
        labels = [
            look.annotation(
                theme, f"<b>{what}</b>", xref="paper", x=self.start(k) + self.panel / 2, yref="paper", y=1, yanchor="bottom",
                yshift=4,
            )
            for k, what in shown
        ]  # fmt: skip
        lines = [
            line
            for k, _ in shown
            for line in (
                *by.dividers(self.rows.bands, self.rows.order, theme, "y", _suffix(k)),
                *by.dividers(self.columns.bands, self.columns.order, theme, "x", _suffix(k)),
            )
        ]
        axes = {f"{side}axis{_suffix(k)}": axis(k) for k, _ in shown for side, axis in (("x", self.x_axis), ("y", self.y_axis))}
        margin = {"l": self.left, "r": 12, "t": 26, "b": self.column_axis[1] + BAR_DEPTH}
        gaps = {"plot_bgcolor": look.palette(theme).missing} if self.masked else {}
        return axes | by.caught(self.view.handles) | {"annotations": labels, "shapes": lines, "margin": margin} | gaps

    def note(self) -> str | None:
        rows, columns, component = self.rows, self.columns, self.view.component
        _, labels, _, named = self.row_labels
        return by.joined(
            by.binning_note([(rows.bands, rows.axis), (columns.bands, columns.axis)], "mean", self.clip, self.positive),
            MISSING_NOTE if self.masked and not (rows.bands.single and columns.bands.single) else None,
            by.divided(rows.order, rows.axis, component, bool(labels) and not named),
            by.divided(columns.order, columns.axis, component, self.column_axis[2]),
        )

    def alt(self) -> str:
        rows, columns, rest = self.rows, self.columns, self.cells[RESIDUAL]
        seen = rest[np.isfinite(rest)]
        largest = float(np.abs(seen).max()) if seen.size else 0.0
        size = f"{len(rows):,} {clean(rows.axis.name)} × {len(columns):,} {clean(columns.axis.name)}"
        of = "" if rows.bands.single and columns.bands.single else " of a block"
        return (
            f"X, its model WH and the residual, {size}. The largest residual{of} is {largest:.4g}; X reaches {self.largest:.4g}."
        )

    def table(self) -> pd.DataFrame:
        """One row per drawn cell; binned pictures give their blocks."""
        shape = self.cells["X"].shape
        i, j = np.divmod(np.arange(shape[0] * shape[1])[:TABLE_CELLS], shape[1])
        rows, columns = self.rows, self.columns
        frame = {rows.axis.singular: _entries(rows)[i], columns.axis.singular: _entries(columns)[j]}
        return pd.DataFrame(frame | {what: values.ravel()[:TABLE_CELLS] for what, values in self.cells.items()})

    def picture(self) -> Picture:
        traces = [trace for k, what in enumerate(self.view.show) for trace in self.traces(k, what)]
        figure = look.figure(traces, self.layout(), self.theme, height=self.view.height)
        return Picture(figure, self.alt(), self.table, self.note())


def _suffix(k: int) -> str:
    return "" if k == 0 else str(k + 1)


def _entries(side: _Side) -> np.ndarray:
    """What each line of the table stands for: an entry's label, or the places of a band."""
    if side.bands.single:
        return np.array(side.axis.take(side.bands.order), object)
    return np.array([f"{a + 1}–{a + s}" for a, s in zip(side.bands.starts, side.bands.sizes, strict=True)], object)
