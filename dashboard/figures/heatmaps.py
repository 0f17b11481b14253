"""What do W, H, X, WH, the residual and other matrices look like, at any size?

Large matrices are ordered (nmfcore/binning.py) and binned (binning.py here), groups are divided by lines and named, and colours
end at a high percentile so that a few peaks don't hide the rest, and the picture's note says so. Small matrices carry their
numbers in the cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.binning import Bands, band_maximum, band_mean, bands, block_mean, by_component
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.core.factorization import Axes, Axis
from nmfcore.topics.ordering import Ordering, input_order

MOST_LINES = 400  # lines or columns of a picture: about the pixels there are
MOST_CELLS = 250  # lines and columns where both sides are binned: 62,500 cells, 250 KB
CLIP = 99.0  # percentile of the values above 0 at which colours end
WORTH_CLIPPING = 1.25  # the largest value is so many times that percentile, else colours end at the largest
FAINT = 1e-4  # of the largest value: where a logarithmic colour scale begins
CELL_WIDTH, CELL_HEIGHT = 30, 15  # px that a number in a cell needs
MOST_BESIDE = 160  # the same where several matrices stand side by side: each has about 250 px, and a browser draws them all
LABEL_WIDTH = 130  # px for row labels at most
UPRIGHT = 96  # px for slanted column labels at most
BAR_ROOM = 76  # px for a colour bar with its title
BAR_DEPTH = 52  # px for a colour bar lying under the plot, with its ticks and title
PANEL_GAP = 0.03  # of the width, between X, WH and the residual
TABLE_CELLS = 200_000  # rows of a long table at most; a larger matrix is exported from Export

PITCH = 17  # px from one line of labels to the next, so that their boxes do not touch
NAME_GAP = PITCH  # px between the names of two groups
UPRIGHT_PITCH = 20  # px between upright labels: a narrow page leaves less room than was asked for
FLAT = 32  # px up to which names of groups stand flat below a picture
MOST_NAMED = 30  # groups that a note names
HANDLES = 24  # invisible points on a side by which a box over a picture is caught

Order = Literal["strongest", "input"] | Ordering | Sequence[int] | np.ndarray


def items_by_topic(
    W: np.ndarray,
    *,
    axis: Axis,
    component: str = "topic",
    order: Order = "strongest",
    log: bool = False,
    handles: bool = False,
    theme: str = "light",
    height: int = 300,
    width: int = look.CHART_WIDTH,
) -> Picture:
    """W (m, r): one line per item, or per few neighbouring items; one column per component.

    Parameters
    ----------
    axis : names and labels of the items
    component : what one component is called
    order : "strongest" (by largest component, strongest first), "input", the items in the order wanted, or an Ordering, whose
        groups are then divided by lines and named
    log : logarithmic colours
    handles : a box drawn over the picture can be caught: see `box`
    """
    arranged = _order(W, order)
    rows = bands(arranged.indices, min(MOST_LINES, max(height - 60, 20)), arranged.boundaries)
    shown, clip = _clipped(band_maximum(W, rows))
    r = W.shape[1]
    trace = _heat(shown, clip, "weight in W", log=log, theme=theme) | {
        "x": [str(k + 1) for k in range(r)],
        "y": _line_names(rows, axis, arranged),
        "hovertemplate": f"%{{y}}<br>{plotly(component)} %{{x}}: %{{customdata:.4g}}<extra></extra>"
        if log
        else f"%{{y}}<br>{plotly(component)} %{{x}}: %{{z:.4g}}<extra></extra>",
    }
    y_axis, left, named = _line_axis(rows, axis, arranged, component, height - 60, theme)
    layout = _caught(handles) | {
        "xaxis": _tight(_number_axis(r, plotly(component), theme, width - left - BAR_ROOM), r),
        "yaxis": _tight(y_axis, len(rows.starts), down=True),
        "shapes": _dividers(rows, arranged, theme, "y"),
        "margin": {"l": left, "r": BAR_ROOM, "t": 8, "b": 48},
    }
    traces = [trace, *([_handles(trace, rows, bands(np.arange(r), r))] if handles else [])]
    nothing = int((~np.any(W > 0, axis=1)).sum())
    alt = f"{look.count(len(W), clean(axis.singular), clean(axis.name))} by {r} {clean(component)}s"
    alt += f", ordered by the largest {clean(component)}" if isinstance(order, str) and order == "strongest" else ""
    alt += f"; {_sizes_sentence(W, component)}" + (f"; {nothing:,} belong to none." if nothing else ".")
    note = _joined(_binning_note([(rows, axis)], "maximum", clip, shown), _divided(arranged, axis, component, named))
    return Picture(
        look.figure(traces, layout, theme, height=height),
        alt,
        lambda: factor_table(W, rows.order, axis, component),
        note,
    )


def components_by_feature(
    H: np.ndarray,
    *,
    axis: Axis,
    component: str = "topic",
    order: Order = "strongest",
    log: bool = False,
    handles: bool = False,
    theme: str = "light",
    height: int = 300,
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """H (r, n) as it lies in WH: one line per component, one column per feature or per few neighbouring features."""
    arranged = _order(H.T, order)
    columns = bands(arranged.indices, MOST_LINES, arranged.boundaries)
    shown, clip = _clipped(band_maximum(np.ascontiguousarray(H.T), columns))
    r, n = H.shape
    room = width - 64 - BAR_ROOM
    trace = _heat(np.ascontiguousarray(shown.T), clip, "weight in H", log=log, theme=theme) | {
        "x": _line_names(columns, axis, arranged),
        "y": [str(k + 1) for k in range(r)],
        "hovertemplate": f"%{{x}}<br>{plotly(component)} %{{y}}: %{{{'customdata' if log else 'z'}:.4g}}<extra></extra>",
    }
    traces = [trace, *([_handles(trace, bands(np.arange(r), r), columns)] if handles else [])]
    title = f"{n:,} {plotly(axis.name)}" + ("" if columns.single else f", {columns.per_line} per column")
    labels = axis.take(columns.order) if columns.single and n * PITCH <= room else None
    x_axis, bottom, named = _feature_axis(columns, trace["x"], labels, arranged, component, title, room, theme)
    every = max(1, int(np.ceil(r * PITCH / max(height - 20 - bottom, 1))))
    names = [str(k + 1) for k in range(r)]
    layout = _caught(handles) | {
        "xaxis": _tight(x_axis, len(columns.starts)),
        "yaxis": _tight(look.axis(theme, plotly(component), type="category", showgrid=False), r, down=True)
        | {"tickmode": "array", "tickvals": names[::every], "ticktext": names[::every]},
        "shapes": _dividers(columns, arranged, theme, "x"),
        "margin": {"l": 56, "r": BAR_ROOM, "t": 8, "b": bottom},
    }
    alt = (
        f"{r} {clean(component)}s by {look.count(n, clean(axis.singular), clean(axis.name))}; {_sizes_sentence(H.T, component)}."
    )
    note = _joined(_binning_note([(columns, axis)], "maximum", clip, shown), _divided(arranged, axis, component, named))
    return Picture(
        look.figure(traces, layout, theme, height=height),
        alt,
        lambda: factor_table(H.T, columns.order, axis, component),
        note,
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
    every = max(1, int(np.ceil(m * PITCH / max(shown_height, 1))))
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
    row_order: Ordering | np.ndarray | None = None,
    column_order: Ordering | np.ndarray | None = None,
    mask: Any = None,
    show: Sequence[str] = ("X", "WH", "X − WH"),
    component: str = "topic",
    log: bool = False,
    handles: bool = False,
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
    log : logarithmic colours for X and WH
    handles : a box drawn over the picture can be caught: see `box`
    digits : decimals of numbers in the cells; None finds them out, and writes numbers only where they fit
    """
    m, n = X.shape
    row_side = _order(W, row_order if row_order is not None else order)
    column_side = _order(H.T, column_order if column_order is not None else order)
    most = MOST_CELLS if len(show) == 1 or max(m, n) <= MOST_CELLS else MOST_BESIDE
    rows = bands(row_side.indices, most, row_side.boundaries)
    columns = bands(column_side.indices, most, column_side.boundaries)
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
    row_names, column_names = _line_names(rows, axes.rows, row_side), _line_names(columns, axes.columns, column_side)
    named_rows = rows.single and m * PITCH <= height - 120
    row_labels, label_width = look.shorten_all(axes.rows.take(rows.order), LABEL_WIDTH) if named_rows else ([], 0.0)
    row_ticks = row_names
    if not named_rows and row_side.runs:
        row_ticks, row_labels, label_width = _group_ticks(rows, row_names, row_side, height - 120)
    left = int(label_width) + 36 if row_labels else 44
    room = (width - left - 12) * panel
    named_columns = columns.single and n * PITCH <= room
    title = f"{n:,} {plotly(axes.columns.name)}" + ("" if columns.single else f", {columns.per_line} per column")
    labels_below = axes.columns.take(columns.order) if named_columns else None
    x_base, bottom, columns_named = _feature_axis(columns, column_names, labels_below, column_side, component, title, room, theme)
    plot_height = height - bottom - 26 - BAR_DEPTH
    decimals = digits if digits is not None else (0 if _whole(data) and top >= 10 else 1)
    fits = room / n >= look.text_width(f"-{top:.{decimals}f}", 11) + 2 and plot_height / m >= CELL_HEIGHT
    colours = look.palette(theme)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    labels: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    least = top * FAINT
    for k, what in enumerate(show):
        signed, suffix = what == "X − WH", "" if k == 0 else str(k + 1)
        start = k * (panel + PANEL_GAP)
        trace = {
            "type": "heatmap",
            "z": (np.log10(np.maximum(cells[what], least)) if log and not signed else cells[what]).astype(np.float32),
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
        if log and not signed:
            trace |= {"customdata": cells[what].astype(np.float32), "zmin": float(np.log10(least)), "zmax": float(np.log10(top))}
            trace["hovertemplate"] = trace["hovertemplate"].replace("%{z", "%{customdata")
            ticks = look.log_ticks(least, top, 4)
            trace["colorbar"] |= {
                "title": trace["colorbar"]["title"] | {"text": "value in X and WH (log)"},
                "tickmode": "array",
                "tickvals": np.log10(ticks).tolist(),
                "ticktext": [look.tick_text(t) for t in ticks],
            }
        if room / n >= 8 and plot_height / m >= 8:
            trace |= {"xgap": 1, "ygap": 1}
        traces.append(trace)
        if fits:
            scale = colours.diverging if signed else colours.sequential
            traces.append(look.cell_numbers(trace["z"], look.numbers(cells[what], decimals), trace, scale))
        if handles:
            traces.append(_handles(trace, rows, columns))
        layout[f"xaxis{suffix}"] = (
            _tight(x_base, len(columns.starts))
            | {"domain": [start, start + panel], "anchor": f"y{suffix}"}
            | ({"matches": "x"} if k else {})
        )
        y_axis = look.axis(
            theme, None, type="category", autorange="reversed", showgrid=False, anchor=f"x{suffix}", automargin=k == 0
        )
        if k:
            y_axis |= {"matches": "y", "showticklabels": False}
        else:
            per_line = "" if rows.single else f", {rows.per_line} per line"
            y_axis["title"] = {
                "text": f"{m:,} {plotly(axes.rows.name)}{per_line}" + ("" if named_rows else _by(row_side, component)),
                "font": {"size": look.TEXT_SIZE, "color": colours.muted},
                "standoff": 8,
            }
            if row_labels:
                y_axis |= {"tickmode": "array", "tickvals": row_ticks, "ticktext": row_labels}
            else:
                y_axis["showticklabels"] = False
        layout[f"yaxis{suffix}"] = _tight(y_axis, len(rows.starts), down=True)
        lines += _dividers(rows, row_side, theme, "y", suffix) + _dividers(columns, column_side, theme, "x", suffix)
        labels.append(
            look.annotation(
                theme, f"<b>{what}</b>", xref="paper", x=start + panel / 2, yref="paper", y=1, yanchor="bottom", yshift=4
            )
        )
    layout |= _caught(handles) | {
        "annotations": labels,
        "shapes": lines,
        "margin": {"l": left, "r": 12, "t": 26, "b": bottom + BAR_DEPTH},
    }
    if mask is not None:
        layout["plot_bgcolor"] = colours.missing
    note = _joined(
        _binning_note([(rows, axes.rows), (columns, axes.columns)], "mean", clip, positive),
        _divided(row_side, axes.rows, component, bool(row_labels) and not named_rows),
        _divided(column_side, axes.columns, component, columns_named),
    )
    seen = cells["X − WH"][np.isfinite(cells["X − WH"])]
    largest = float(np.abs(seen).max()) if seen.size else 0.0
    alt = f"X, its model WH and the residual, {m:,} {clean(axes.rows.name)} × {n:,} {clean(axes.columns.name)}. "
    of = "" if rows.single and columns.single else " of a block"
    alt += f"The largest residual{of} is {largest:.4g}; X reaches {data.max(initial=0):.4g}."
    table = lambda: _parts_table(cells, rows, columns, axes)  # noqa: E731
    return Picture(look.figure(traces, layout, theme, height=height), alt, table, note)


# -- parts ---------------------------------------------------------------------------------------------------------------
def factor_table(W: np.ndarray, order: np.ndarray, axis: Axis, component: str) -> pd.DataFrame:
    """The entries of a factor (n, r) in the order of the picture, one row per entry, all digits."""
    frame = pd.DataFrame(np.asarray(W)[order], columns=[f"{component} {k + 1}" for k in range(W.shape[1])])
    frame.insert(0, axis.singular, axis.take(order), allow_duplicates=True)
    return frame


def _order(W: np.ndarray, order: Order) -> Ordering:
    if isinstance(order, Ordering):
        return order
    if isinstance(order, str):
        if order not in ("strongest", "input"):
            raise ValueError(f"Unknown order {order!r}. Known: strongest, input, an Ordering, or the positions.")
        return input_order(len(W)) if order == "input" else Ordering(by_component(W), "by largest component, strongest first")
    return Ordering(np.asarray(order, np.intp), "in the order given")


# -- from the picture back to the cells -----------------------------------------------------------------------------------
def _handles(trace: dict[str, Any], rows: Bands, columns: Bands) -> dict[str, Any]:
    """Points nobody sees over a heatmap: heatmaps tell a browser nothing about a box that is drawn over them, points do.

    Each carries the places it stands for: first row, row after the last, first column, column after the last.
    """

    def steps(by: Bands) -> list[tuple[int, int, int]]:
        every = -(-max(len(by.starts), 1) // HANDLES)
        ends = [*by.starts.tolist(), len(by.order)]
        lines = len(by.starts)
        return [(min(a + every // 2, lines - 1), ends[a], ends[min(a + every, lines)]) for a in range(0, lines, every)]

    grid = [(i, j, [a, b, c, d]) for i, a, b in steps(rows) for j, c, d in steps(columns)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": np.array([trace["x"][j] for _, j, _ in grid], object),
        "y": np.array([trace["y"][i] for i, _, _ in grid], object),
        "customdata": np.array([places for _, _, places in grid], np.int32),  # an array: lists are copied number by number
        "marker": {"opacity": 0, "size": 1},
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}},
        "hoverinfo": "skip",
        "showlegend": False,
        "xaxis": trace.get("xaxis", "x"),
        "yaxis": trace.get("yaxis", "y"),
    }


def _tight(axis: dict[str, Any], lines: int, *, down: bool = False) -> dict[str, Any]:
    """The axis with no room around the cells, which markers would make for themselves."""
    ends = [-0.5, max(lines, 1) - 0.5]
    return {key: value for key, value in axis.items() if key != "autorange"} | {"range": ends[::-1] if down else ends}


def _caught(handles: bool) -> dict[str, Any]:
    """What the mouse does: it draws a box where one can be caught, else it zooms."""
    return {"dragmode": "select"} if handles else {}


def box(points: Sequence[Mapping[str, Any]]) -> tuple[int, int, int, int] | None:
    """The places of the order that a box holds, from the handles in it: rows [a, b), columns [c, d); None when it holds none."""
    given = [point.get("customdata") or () for point in points]
    lists = [list(four.values()) if isinstance(four, Mapping) else four for four in given]  # a browser may name the places
    places = np.array([four for four in lists if len(four) == 4])
    if not len(places):
        return None
    a, b, c, d = places[:, 0].min(), places[:, 1].max(), places[:, 2].min(), places[:, 3].max()
    return int(a), int(b), int(c), int(d)


# -- groups of an order ---------------------------------------------------------------------------------------------------
def _group_ticks(
    by: Bands, names: Sequence[str], arranged: Ordering, room: float, width: float = LABEL_WIDTH, gap: float = NAME_GAP
) -> tuple[list[str], list[str], float]:
    """Where the names of an order's groups stand, those that fit into `room` px, and the px that the widest needs.

    The largest groups come first; a name that would touch one that is there already is left out (hovering tells it).
    """
    lines = max(len(by.starts), 1)
    taken: list[tuple[float, int, str]] = []
    for first, end, name in sorted(arranged.runs, key=lambda run: run[0] - run[1]):
        middle = (by.place(first) + by.place(end)) / 2
        if all(abs(middle - other) * room / lines >= gap for other, _, _ in taken):
            taken.append((middle, min(max(round(middle), 0), lines - 1), name))
    taken.sort()
    labels, widest = look.shorten_all([name for _, _, name in taken], width)
    return [names[line] for _, line, _ in taken], labels, widest


def _dividers(by: Bands, arranged: Ordering, theme: str, side: Literal["x", "y"], suffix: str = "") -> list[dict[str, Any]]:
    """A hairline between each two groups of an order that has named ones."""
    lines = []
    for first, _, _ in arranged.runs[1:]:
        at = (by.place(first),) * 2
        line = look.line(theme, **{side: at}, line={"width": 1, "dash": "solid", "color": look.palette(theme).grey}, opacity=0.7)
        other = "y" if side == "x" else "x"
        lines.append(line | {f"{side}ref": f"{side}{suffix}", f"{other}ref": f"{other}{suffix} domain"})
    return lines


def _by(arranged: Ordering, component: str) -> str:
    """ ", by topic" behind the title of an axis whose groups are named."""
    return f", by {plotly(component if arranged.by == 'component' else arranged.by)}" if arranged.runs and arranged.by else ""


def _divided(arranged: Ordering, axis: Axis, component: str, named: bool) -> str | None:
    """Which groups the lines divide, where the axis itself does not say it."""
    runs = arranged.runs
    if named or len(runs) < 2:
        return None
    names = ", ".join(clean(name, 40) for _, _, name in runs[:MOST_NAMED]) + (", …" if len(runs) > MOST_NAMED else "")
    return f"Lines divide the {clean(axis.name)} by {clean(component) if arranged.by == 'component' else arranged.by}: {names}."


def _joined(*sentences: str | None) -> str | None:
    return " ".join(sentence for sentence in sentences if sentence) or None


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


def _line_names(by: Bands, axis: Axis, arranged: Ordering | None = None) -> list[str]:
    """One distinct name per line, for the hover: the label, or which entries share the line; and the known label it has."""
    group = [""] * len(by.starts)
    if arranged is not None and arranged.by == "label" and arranged.groups is not None:
        kinds = arranged.groups[by.starts]
        group = [f" ({plotly(arranged.names[k]) if k >= 0 else 'none'})" for k in kinds]
    if by.single:
        return [name + of for name, of in zip(look.distinct([axis.label(int(i)) for i in by.order]), group, strict=True)]
    name = plotly(axis.name)
    ends = by.starts + by.sizes
    return [f"{name} {a + 1:,}–{b:,} in this order{of}" for a, b, of in zip(by.starts, ends, group, strict=True)]


def _line_axis(
    by: Bands, axis: Axis, arranged: Ordering, component: str, room: float, theme: str
) -> tuple[dict[str, Any], int, bool]:
    """The vertical axis of items, the left margin it needs, and whether it names the groups of the order."""
    n = len(by.order)
    fits = by.single and n * PITCH <= room
    title = f"{n:,} {plotly(axis.name)}" + ("" if by.single else f", {by.per_line} per line")
    title += "" if fits else _by(arranged, component)
    base = look.axis(theme, title, type="category", autorange="reversed", showgrid=False)
    if fits:
        labels, width = look.shorten_all([axis.label(int(i)) for i in by.order], LABEL_WIDTH)
        ticks = _line_names(by, axis, arranged)
        return base | {"tickmode": "array", "tickvals": ticks, "ticktext": labels}, int(width) + 38, False
    if arranged.runs:
        ticks, labels, width = _group_ticks(by, _line_names(by, axis, arranged), arranged, room)
        return base | {"tickmode": "array", "tickvals": ticks, "ticktext": labels}, int(width) + 38, True
    return base | {"showticklabels": False}, 40, False


def _feature_axis(
    by: Bands,
    columns: Sequence[str],
    labels: list[str] | None,
    arranged: Ordering,
    component: str,
    title: str,
    room: float,
    theme: str,
) -> tuple[dict[str, Any], int, bool]:
    """The horizontal axis: labels where they fit, else the groups' names, else none; its margin; whether it names groups."""
    if labels is None and arranged.runs:
        base = look.axis(theme, title + _by(arranged, component), type="category", showgrid=False)
        longest = max(look.text_width(name) for _, _, name in arranged.runs)
        flat = longest <= FLAT
        ticks, names, width = _group_ticks(by, columns, arranged, room, UPRIGHT, longest + 6 if flat else UPRIGHT_PITCH)
        options = {"tickmode": "array", "tickvals": ticks, "ticktext": names, "tickangle": 0 if flat else -90}
        return base | options, (22 if flat else int(width) + 16) + 26, True
    axis, bottom = _column_axis(labels, title, room, theme, columns)
    return axis, bottom, False


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


def _column_axis(
    labels: Sequence[object] | None, title: str, room: float, theme: str, names: Sequence[str] | None = None
) -> tuple[dict[str, Any], int]:
    """A horizontal axis of labels that never meet, and the bottom margin it needs; `names` are the columns' own when others."""
    base = look.axis(theme, title, type="category", showgrid=False, tickangle=0)
    title_room = 26 if title else 4
    if labels is None or not len(labels):
        return base | {"showticklabels": False}, title_room + 8
    each = room / len(labels)
    names = names or look.distinct(labels)
    short, width = look.shorten_all(labels, UPRIGHT)
    if width + 6 <= each:
        return base | {"tickmode": "array", "tickvals": names, "ticktext": short}, 22 + title_room
    if all(str(label).isdigit() for label in labels):  # numbers can be left out
        every = int(np.ceil((width + 8) / each))
        return base | {"tickmode": "array", "tickvals": names[::every], "ticktext": short[::every]}, 22 + title_room
    every = max(1, int(np.ceil(UPRIGHT_PITCH / each)))  # upright lines of text: slanted ones overlap as boxes and read no better
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
