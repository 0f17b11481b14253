"""What do W, H, X, WH, the residual and other matrices look like, at any size?

Large matrices are ordered and binned (see binning.py), colours end at a high percentile so that a few peaks don't hide the rest,
and the picture's note says so. Small matrices carry their numbers in the cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.binning import Bands, band_maximum, band_mean, bands, block_mean, by_component
from dashboard.figures.picture import Picture
from dashboard.plain import clean, plotly
from nmfcore.factorization import Axes, Axis

MOST_LINES = 400  # lines or columns of a picture: about the pixels there are
MOST_CELLS = 250  # lines and columns where both sides are binned: 62,500 cells, 250 KB
CLIP = 99.0  # percentile of the values above 0 at which colours end
WORTH_CLIPPING = 1.25  # the largest value is so many times that percentile, else colours end at the largest
FAINT = 1e-4  # of the largest value: where a logarithmic colour scale begins
CELL_WIDTH, CELL_HEIGHT = 30, 15  # px that a number in a cell needs
LABEL_WIDTH = 130  # px for row labels at most
UPRIGHT = 96  # px for slanted column labels at most
BAR_ROOM = 76  # px for a colour bar with its title
BAR_DEPTH = 52  # px for a colour bar lying under the plot, with its ticks and title
PANEL_GAP = 0.03  # of the width, between X, WH and the residual
TABLE_CELLS = 200_000  # rows of a long table at most; a larger matrix is exported from Export

Order = Literal["strongest", "input"] | Sequence[int] | np.ndarray


def items_by_topic(
    W: np.ndarray,
    *,
    axis: Axis,
    component: str = "topic",
    order: Order = "strongest",
    log: bool = False,
    theme: str = "light",
    height: int = 300,
    width: int = look.CHART_WIDTH,
) -> Picture:
    """W (m, r): one line per item, or per few neighbouring items; one column per component.

    Parameters
    ----------
    axis : names and labels of the items
    component : what one component is called
    order : "strongest" (by largest component, strongest first), "input", or the items in the order wanted
    log : logarithmic colours
    """
    rows = bands(_order(W, order), min(MOST_LINES, max(height - 60, 20)))
    shown, clip = _clipped(band_maximum(W, rows))
    r = W.shape[1]
    trace = _heat(shown, clip, "weight in W", log=log, theme=theme) | {
        "x": [str(k + 1) for k in range(r)],
        "y": _line_names(rows, axis),
        "hovertemplate": f"%{{y}}<br>{plotly(component)} %{{x}}: %{{customdata:.4g}}<extra></extra>"
        if log
        else f"%{{y}}<br>{plotly(component)} %{{x}}: %{{z:.4g}}<extra></extra>",
    }
    y_axis, left = _line_axis(rows, axis, height - 60, theme)
    layout = {
        "xaxis": _number_axis(r, plotly(component), theme, width - left - BAR_ROOM),
        "yaxis": y_axis,
        "margin": {"l": left, "r": BAR_ROOM, "t": 8, "b": 48},
    }
    nothing = int((~np.any(W > 0, axis=1)).sum())
    alt = f"{look.count(len(W), clean(axis.singular), clean(axis.name))} by {r} {clean(component)}s"
    alt += f", ordered by the largest {clean(component)}" if isinstance(order, str) and order == "strongest" else ""
    alt += f"; {_sizes_sentence(W, component)}" + (f"; {nothing:,} belong to none." if nothing else ".")
    note = _binning_note([(rows, axis)], "maximum", clip, shown)
    return Picture(
        look.figure([trace], layout, theme, height=height),
        alt,
        lambda: factor_table(W, rows.order, axis, component, along="columns"),
        note,
    )


def components_by_feature(
    H: np.ndarray,
    *,
    axis: Axis,
    component: str = "topic",
    order: Order = "strongest",
    log: bool = False,
    theme: str = "light",
    height: int = 300,
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """H (r, n) as it lies in WH: one line per component, one column per feature or per few neighbouring features."""
    columns = bands(_order(H.T, order), MOST_LINES)
    shown, clip = _clipped(band_maximum(np.ascontiguousarray(H.T), columns))
    r, n = H.shape
    room = width - 64 - BAR_ROOM
    trace = _heat(np.ascontiguousarray(shown.T), clip, "weight in H", log=log, theme=theme) | {
        "x": _line_names(columns, axis),
        "y": [str(k + 1) for k in range(r)],
        "hovertemplate": f"%{{x}}<br>{plotly(component)} %{{y}}: %{{{'customdata' if log else 'z'}:.4g}}<extra></extra>",
    }
    title = f"{n:,} {plotly(axis.name)}" + ("" if columns.single else f", {columns.per_line} per column")
    x_axis, bottom = _column_axis(axis.take(columns.order) if columns.single and n * 14 <= room else None, title, room, theme)
    every = max(1, int(np.ceil(r * 14 / max(height - 20 - bottom, 1))))
    names = [str(k + 1) for k in range(r)]
    layout = {
        "xaxis": x_axis,
        "yaxis": look.axis(theme, plotly(component), type="category", autorange="reversed", showgrid=False)
        | {"tickmode": "array", "tickvals": names[::every], "ticktext": names[::every]},
        "margin": {"l": 56, "r": BAR_ROOM, "t": 8, "b": bottom},
    }
    alt = (
        f"{r} {clean(component)}s by {look.count(n, clean(axis.singular), clean(axis.name))}; {_sizes_sentence(H.T, component)}."
    )
    note = _binning_note([(columns, axis)], "maximum", clip, shown)
    return Picture(
        look.figure([trace], layout, theme, height=height),
        alt,
        lambda: factor_table(H.T, columns.order, axis, component, along="columns"),
        note,
    )


def top_features(
    H: np.ndarray,
    *,
    axis: Axis,
    component: str = "topic",
    each: int = 6,
    theme: str = "light",
    height: int | None = None,
    width: int = look.CHART_WIDTH,
) -> Picture:
    """The strongest `each` features of every component of H (r, n), named, one a line; columns are the components."""
    r = H.shape[0]
    chosen: list[int] = []
    for k in range(r):
        chosen += [int(j) for j in np.argsort(-H[k], kind="stable")[:each] if H[k, j] > 0 and int(j) not in chosen]
    part = H[:, chosen].T
    labels = axis.take(chosen)
    return matrix(
        part,
        rows=labels,
        columns=[str(k + 1) for k in range(r)],
        quantity="weight in H",
        column_title=component,
        name=f"the strongest {axis.name} of each {component}",
        low=0.0,
        theme=theme,
        height=height or max(160, 60 + LINE * len(chosen)),
        width=width,
        annotate=False,
    )


LINE = 16  # px per named line


def matrix(
    values: ArrayLike,
    *,
    rows: Sequence[object],
    columns: Sequence[object],
    quantity: str,
    name: str = "matrix",
    row_title: str = "",
    column_title: str = "",
    signed: bool = False,
    low: float | None = None,
    high: float | None = None,
    digits: int = 2,
    annotate: bool | None = None,
    texts: Sequence[Sequence[str]] | None = None,
    theme: str = "light",
    height: int = 330,
    width: int = look.CHART_WIDTH,
    alt: str | None = None,
    note: str | None = None,
) -> Picture:
    """Any matrix (m, n) with its labels; numbers in the cells where they fit; NaN is a gap in grey.

    Parameters
    ----------
    rows, columns : labels, from data or not; they are cut and escaped here
    quantity : what the colours mean, with its unit
    name : what the matrix is, for the alt text
    signed : colours diverge at 0
    low, high : where colours begin and end; the smallest and largest value when None
    annotate : numbers in the cells; None decides by the room there is
    texts : (m, n) what to write there instead of the values, not from data

    Raises
    ------
    ValueError
        If the labels don't fit the matrix.
    """
    z = np.asarray(values, np.float64)
    m, n = z.shape
    if (len(rows), len(columns)) != (m, n):
        raise ValueError(f"A {m} x {n} matrix needs {m} row and {n} column labels, not {len(rows)} and {len(columns)}.")
    finite = z[np.isfinite(z)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if signed:
        reach = max(abs(least if low is None else low), abs(most if high is None else high)) or 1.0
        least, most = -reach, reach
    else:
        least, most = least if low is None else low, most if high is None else high
    row_labels, label_width = look.shorten_all(rows, LABEL_WIDTH)
    left = int(label_width) + 14 + (22 if row_title else 0)
    room = width - left - BAR_ROOM
    x_axis, bottom = _column_axis(columns, plotly(column_title), room, theme)
    shown_height = height - bottom - 8
    cell = (room / max(n, 1), shown_height / max(m, 1))
    if annotate is None:
        longest = (
            max((t for row in texts for t in row), key=len, default="")
            if texts is not None
            else f"{-most if signed else most:.{digits}f}"
        )
        digits_width = look.text_width(longest, look.NUMBER_SIZE) + 2
        annotate = cell[0] >= digits_width and cell[1] >= CELL_HEIGHT and m * n <= 900
    colours = look.palette(theme)
    y_names = look.distinct(rows)
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": z.astype(np.float32),
        "x": look.distinct(columns),
        "y": y_names,
        "zmin": least,
        "zmax": most if most > least else least + 1.0,
        "colorscale": look.scale(colours.diverging if signed else colours.sequential),
        "colorbar": look.colourbar(theme, plotly(quantity)),
        "hoverongaps": False,
        "hovertemplate": "%{y} × %{x}: %{z:.4g}<extra></extra>",
    }
    if min(cell) >= 8:
        trace |= {"xgap": 1, "ygap": 1}
    traces = [trace]
    if annotate:
        written = look.numbers(z, digits) if texts is None else texts
        traces.append(look.cell_numbers(z, written, trace, colours.diverging if signed else colours.sequential))
    every = max(1, int(np.ceil(m * 14 / max(shown_height, 1))))
    layout: dict[str, Any] = {
        "xaxis": x_axis,
        "yaxis": look.axis(theme, plotly(row_title), type="category", autorange="reversed", showgrid=False)
        | {"tickmode": "array", "tickvals": y_names[::every], "ticktext": row_labels[::every]},
        "margin": {"l": left, "r": BAR_ROOM, "t": 8, "b": bottom},
    }
    if np.isnan(z).any():
        layout["plot_bgcolor"] = colours.missing
    if alt is None:
        alt = f"{clean(name, 200)[:1].upper()}{clean(name, 200)[1:]}, {m:,} × {n:,}"
        alt += f": {clean(quantity)} from {finite.min():.4g} to {finite.max():.4g}." if finite.size else ", empty."
    table = lambda: _wide_table(z, rows, columns, row_title or "row")  # noqa: E731
    return Picture(look.figure(traces, layout, theme, height=height), alt, table, note)


def parts(
    X: Any,
    W: np.ndarray,
    H: np.ndarray,
    *,
    axes: Axes,
    order: Literal["strongest", "input"] = "strongest",
    row_order: np.ndarray | None = None,
    column_order: np.ndarray | None = None,
    mask: Any = None,
    show: Sequence[str] = ("X", "WH", "X − WH"),
    digits: int | None = None,
    theme: str = "light",
    height: int = 480,
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """X, WH and X - WH with linked axes: zooming into one zooms into all.

    X and WH share one colour range; the residual's diverges at 0. Up to 250 lines and columns are drawn cell by cell; beyond, a
    cell is the mean over a block, and WH is never formed.

    Parameters
    ----------
    X : (m, n) dense or sparse
    order : "strongest" (both sides by their largest component) or "input"; row_order, column_order override it
    mask : (m, n) dense 0/1; unobserved cells of X and of the residual stay empty
    show : which of "X", "WH", "X − WH"
    digits : decimals of numbers in the cells; None finds them out, and writes numbers only where they fit
    """
    m, n = X.shape
    strongest = order == "strongest"
    rows = bands(_given(row_order, by_component(W) if strongest else np.arange(m)), MOST_CELLS)
    columns = bands(_given(column_order, by_component(H.T) if strongest else np.arange(n)), MOST_CELLS)
    data = block_mean(X, rows, columns)
    model = band_mean(W, rows) @ band_mean(np.ascontiguousarray(H.T), columns).T
    cells = {"X": data, "WH": model, "X − WH": data - model}
    if mask is not None and rows.single and columns.single:
        hidden = ~np.asarray(mask.toarray() if sp.issparse(mask) else mask, bool)[np.ix_(rows.order, columns.order)]
        cells["X"] = np.where(hidden, np.nan, data)
        cells["X − WH"] = np.where(hidden, np.nan, data - model)
    positive = np.concatenate([data[data > 0], model[model > 0]])
    clip = _clipped(positive)[1]
    top = float(positive.max(initial=0.0)) or 1.0 if clip is None else clip
    rest = np.abs(cells["X − WH"])
    rest = rest[np.isfinite(rest) & (rest > 0)]
    spread = _clipped(rest)[1] or float(rest.max(initial=0.0)) or 1.0

    number = len(show)
    panel = (1 - PANEL_GAP * (number - 1)) / number
    row_names, column_names = _line_names(rows, axes.rows), _line_names(columns, axes.columns)
    named_rows = rows.single and m * 14 <= height - 120
    row_labels, label_width = look.shorten_all(axes.rows.take(rows.order), LABEL_WIDTH) if named_rows else ([], 0.0)
    left = int(label_width) + 36 if named_rows else 44
    room = (width - left - 12) * panel
    named_columns = columns.single and n * 14 <= room
    title = f"{n:,} {plotly(axes.columns.name)}" + ("" if columns.single else f", {columns.per_line} per column")
    x_base, bottom = _column_axis(axes.columns.take(columns.order) if named_columns else None, title, room, theme)
    plot_height = height - bottom - 26 - BAR_DEPTH
    decimals = digits if digits is not None else (0 if _whole(data) and top >= 10 else 1)
    fits = room / n >= look.text_width(f"-{top:.{decimals}f}", 11) + 2 and plot_height / m >= CELL_HEIGHT
    colours = look.palette(theme)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    labels: list[dict[str, Any]] = []
    for k, what in enumerate(show):
        signed, suffix = what == "X − WH", "" if k == 0 else str(k + 1)
        start = k * (panel + PANEL_GAP)
        trace = {
            "type": "heatmap",
            "z": cells[what].astype(np.float32),
            "x": column_names,
            "y": row_names,
            "xaxis": f"x{suffix}",
            "yaxis": f"y{suffix}",
            "hoverongaps": False,
            "hovertemplate": f"{what}<br>%{{y}} × %{{x}}: %{{z:.4g}}<extra></extra>",
            "zmin": -spread if signed else 0.0,
            "zmax": spread if signed else top,
            "colorscale": look.scale(colours.diverging if signed else colours.sequential),
            "showscale": signed or k == 0,
            "colorbar": look.flat_colourbar(theme, "X − WH (residual)" if signed else "value in X and WH")
            | {
                "x": start + panel / 2,
                "xanchor": "center",
                "len": panel,
                "lenmode": "fraction",
                "ypad": 0,
                "y": -(bottom + 6) / max(plot_height, 1),
            },
        }
        if room / n >= 8 and plot_height / m >= 8:
            trace |= {"xgap": 1, "ygap": 1}
        traces.append(trace)
        if fits:
            scale = colours.diverging if signed else colours.sequential
            traces.append(look.cell_numbers(cells[what], look.numbers(cells[what], decimals), trace, scale))
        layout[f"xaxis{suffix}"] = (
            x_base | {"domain": [start, start + panel], "anchor": f"y{suffix}"} | ({"matches": "x"} if k else {})
        )
        y_axis = look.axis(
            theme, None, type="category", autorange="reversed", showgrid=False, anchor=f"x{suffix}", automargin=k == 0
        )
        if k:
            y_axis |= {"matches": "y", "showticklabels": False}
        else:
            per_line = "" if rows.single else f", {rows.per_line} per line"
            y_axis["title"] = {
                "text": f"{m:,} {plotly(axes.rows.name)}{per_line}",
                "font": {"size": look.TEXT_SIZE, "color": colours.muted},
                "standoff": 8,
            }
            if named_rows:
                y_axis |= {"tickmode": "array", "tickvals": row_names, "ticktext": row_labels}
            else:
                y_axis["showticklabels"] = False
        layout[f"yaxis{suffix}"] = y_axis
        labels.append(
            look.annotation(
                theme, f"<b>{what}</b>", xref="paper", x=start + panel / 2, yref="paper", y=1, yanchor="bottom", yshift=4
            )
        )
    layout |= {"annotations": labels, "margin": {"l": left, "r": 12, "t": 26, "b": bottom + BAR_DEPTH}}
    if mask is not None:
        layout["plot_bgcolor"] = colours.missing
    note = _binning_note([(rows, axes.rows), (columns, axes.columns)], "mean", clip, positive)
    seen = cells["X − WH"][np.isfinite(cells["X − WH"])]
    largest = float(np.abs(seen).max()) if seen.size else 0.0
    alt = f"X, its model WH and the residual, {m:,} {clean(axes.rows.name)} × {n:,} {clean(axes.columns.name)}. "
    of = "" if rows.single and columns.single else " of a block"
    alt += f"The largest residual{of} is {largest:.4g}; X reaches {data.max(initial=0):.4g}."
    table = lambda: _parts_table(cells, rows, columns, axes)  # noqa: E731
    return Picture(look.figure(traces, layout, theme, height=height), alt, table, note)


# -- parts ---------------------------------------------------------------------------------------------------------------
def factor_table(W: np.ndarray, order: np.ndarray, axis: Axis, component: str, *, along: str = "columns") -> pd.DataFrame:
    """The entries of a factor (n, r) in the order of the picture, one row per entry, all digits."""
    del along
    frame = pd.DataFrame(np.asarray(W)[order], columns=[f"{component} {k + 1}" for k in range(W.shape[1])])
    frame.insert(0, axis.singular, axis.take(order), allow_duplicates=True)
    return frame


def _order(W: np.ndarray, order: Order) -> np.ndarray:
    if isinstance(order, str):
        if order not in ("strongest", "input"):
            raise ValueError(f"Unknown order {order!r}. Known: strongest, input, or the positions.")
        return by_component(W) if order == "strongest" else np.arange(len(W))
    return np.asarray(order, np.intp)


def _given(order: np.ndarray | None, otherwise: np.ndarray) -> np.ndarray:
    return otherwise if order is None else np.asarray(order, np.intp)


def _percentile(values: np.ndarray) -> float:
    return float(np.percentile(values, CLIP)) if values.size else 1.0


def _clipped(values: np.ndarray) -> tuple[np.ndarray, float | None]:
    """The values and where their colours end: None when they may end at the maximum."""
    positive = values[values > 0]
    clip = _percentile(positive)
    return values, clip if positive.size and positive.max() > WORTH_CLIPPING * clip else None


def _heat(z: np.ndarray, clip: float | None, quantity: str, *, log: bool, theme: str) -> dict[str, Any]:
    """A heatmap of values >= 0 from 0 to `clip`."""
    top = clip if clip is not None else float(z.max(initial=0.0)) or 1.0
    bar = look.colourbar(theme, quantity)
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": z.astype(np.float32),
        "zmin": 0.0,
        "zmax": top,
        "colorscale": look.scale(look.palette(theme).sequential),
        "colorbar": bar,
    }
    if log:
        least = top * FAINT
        ticks = look.log_ticks(least, top, 6)
        trace |= {
            "z": np.log10(np.maximum(z, least)).astype(np.float32),
            "customdata": z.astype(np.float32),
            "zmin": float(np.log10(least)),
            "zmax": float(np.log10(top)),
            "colorbar": bar
            | {"tickmode": "array", "tickvals": np.log10(ticks).tolist(), "ticktext": [look.tick_text(t) for t in ticks]},
        }
        trace["colorbar"]["title"] = bar["title"] | {"text": f"{quantity} (log)"}
    return trace


def _line_names(by: Bands, axis: Axis) -> list[str]:
    """One distinct name per line, for the hover: the label, or which entries share the line."""
    if by.single:
        return look.distinct([axis.label(int(i)) for i in by.order])
    name = plotly(axis.name)
    ends = by.starts + by.sizes
    return [f"{name} {a + 1:,}–{b:,} in this order" for a, b in zip(by.starts, ends, strict=True)]


def _line_axis(by: Bands, axis: Axis, room: float, theme: str) -> tuple[dict[str, Any], int]:
    """The vertical axis of items and the left margin it needs."""
    n = len(by.order)
    title = f"{n:,} {plotly(axis.name)}" + ("" if by.single else f", {by.per_line} per line")
    base = look.axis(theme, title, type="category", autorange="reversed", showgrid=False)
    if not by.single or n * 14 > room:
        return base | {"showticklabels": False}, 40
    labels, width = look.shorten_all([axis.label(int(i)) for i in by.order], LABEL_WIDTH)
    return base | {"tickmode": "array", "tickvals": _line_names(by, axis), "ticktext": labels}, int(width) + 38


def _number_axis(r: int, title: str, theme: str, room: float) -> dict[str, Any]:
    """An axis of component numbers: every one where they fit, else every second, fifth, ..."""
    names = [str(k + 1) for k in range(r)]
    every = next(
        step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if r / step * (look.text_width(str(r)) + 6) <= room or step == 1000
    )
    kept = names[every - 1 :: every] if every < 5 else [names[0], *names[every - 1 :: every]]
    return look.axis(theme, title, type="category", showgrid=False, tickangle=0) | {
        "tickmode": "array",
        "tickvals": kept,
        "ticktext": kept,
    }


def _column_axis(labels: Sequence[object] | None, title: str, room: float, theme: str) -> tuple[dict[str, Any], int]:
    """A horizontal axis of labels that never meet, and the bottom margin it needs."""
    base = look.axis(theme, title, type="category", showgrid=False, tickangle=0)
    title_room = 26 if title else 4
    if labels is None or not len(labels):
        return base | {"showticklabels": False}, title_room + 8
    each = room / len(labels)
    names = look.distinct(labels)
    short, width = look.shorten_all(labels, UPRIGHT)
    if width + 6 <= each:
        return base | {"tickmode": "array", "tickvals": names, "ticktext": short}, 22 + title_room
    if all(str(label).isdigit() for label in labels):  # numbers can be left out
        every = int(np.ceil((width + 8) / each))
        return base | {"tickmode": "array", "tickvals": names[::every], "ticktext": short[::every]}, 22 + title_room
    every = max(1, int(np.ceil(18 / each)))  # upright lines of text: slanted ones overlap as boxes and read no better
    options = {"tickmode": "array", "tickvals": names[::every], "ticktext": short[::every], "tickangle": -90}
    return base | options, int(width) + 16 + title_room


def _binning_note(sides: list[tuple[Bands, Axis]], how: str, clip: float | None, values: np.ndarray) -> str | None:
    """What was done to draw a large matrix, in one or two sentences."""
    said = []
    binned = [f"{by.per_line} {clean(axis.name)}" for by, axis in sides if not by.single]
    if binned:
        what = "line" if len(binned) == 1 and not sides[0][0].single and len(sides) == 1 else "cell"
        said.append(f"Each {what} shows the {how} over {' × '.join(binned)}.")
    if clip is not None:
        said.append(
            f"Colours end at {clip:.3g}, the {CLIP:.0f}th percentile of what is above 0; the largest is {values.max():.3g}."
        )
    return " ".join(said) or None


def _sizes_sentence(W: np.ndarray, component: str) -> str:
    some = W[np.any(W > 0, axis=1)]
    if not len(some):
        return "all are zero"
    counts = np.bincount(some.argmax(axis=1), minlength=W.shape[1])
    k = int(counts.argmax())
    return f"{clean(component)} {k + 1} is the largest for most of them ({counts[k]:,})"


def _whole(values: np.ndarray) -> bool:
    return bool(np.all(values == np.round(values)))


def _wide_table(z: np.ndarray, rows: Sequence[object], columns: Sequence[object], corner: str) -> pd.DataFrame:
    frame = pd.DataFrame(z, columns=[str(c) for c in columns])
    frame.insert(0, corner, [str(r) for r in rows], allow_duplicates=True)
    return frame


def _parts_table(cells: dict[str, np.ndarray], rows: Bands, columns: Bands, axes: Axes) -> pd.DataFrame:
    """One row per drawn cell; binned pictures give their blocks."""
    shape = cells["X"].shape
    i, j = np.divmod(np.arange(shape[0] * shape[1])[:TABLE_CELLS], shape[1])

    def names(by: Bands, axis: Axis) -> np.ndarray:
        if by.single:
            return np.array(axis.take(by.order), object)
        return np.array([f"{a + 1}–{a + s}" for a, s in zip(by.starts, by.sizes, strict=True)], object)

    frame = {axes.rows.singular: names(rows, axes.rows)[i], axes.columns.singular: names(columns, axes.columns)[j]}
    return pd.DataFrame(frame | {what: values.ravel()[:TABLE_CELLS] for what, values in cells.items()})
