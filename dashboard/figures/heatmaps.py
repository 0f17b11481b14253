"""What do W, H, X, WH, the residual and other matrices look like, at any size?

Large matrices are ordered (nmfcore/binning.py) and binned (binning.py here), groups are divided by lines and named, and colours
end at a high percentile so that a few peaks don't hide the rest, and the picture's note says so. Small matrices carry their
numbers in the cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.binning import band_maximum, bands
from dashboard.figures.lines import (
    LABEL_WIDTH,
    PITCH,
    Order,
    binning_note,
    caught,
    clipped,
    column_axis,
    divided,
    dividers,
    feature_axis,
    grips,
    joined,
    line_axis,
    line_names,
    number_axis,
    ordered,
    tight,
)
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.core.factorization import Axis

MOST_LINES = 400  # lines or columns of a picture: about the pixels there are
FAINT = 1e-4  # of the largest value: where a logarithmic colour scale begins
CELL_WIDTH, CELL_HEIGHT = 30, 15  # px that a number in a cell needs
BAR_ROOM = 76  # px for a colour bar with its title


def items_by_topic(
    W: np.ndarray,
    *,
    axis: Axis,
    component: str = "topic",
    ids: Sequence[int] | None = None,
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
    component : what one component is called;  ids : (r,) their numbers, counted from 0; their places when None
    order : "strongest" (by largest component, strongest first), "input", the items in the order wanted, or an Ordering, whose
        groups are then divided by lines and named
    log : logarithmic colours
    handles : a box drawn over the picture can be caught: see `box`
    """
    arranged = ordered(W, order)
    rows = bands(arranged.indices, min(MOST_LINES, max(height - 60, 20)), arranged.boundaries)
    shown, clip = clipped(band_maximum(W, rows))
    r = W.shape[1]
    ids = range(r) if ids is None else ids
    trace = _heat(shown, clip, "weight in W", log=log, theme=theme) | {
        "x": [str(k + 1) for k in ids],
        "y": line_names(rows, axis, arranged),
        "hovertemplate": f"%{{y}}<br>{plotly(component)} %{{x}}: %{{customdata:.4g}}<extra></extra>"
        if log
        else f"%{{y}}<br>{plotly(component)} %{{x}}: %{{z:.4g}}<extra></extra>",
    }
    y_axis, left, named = line_axis(rows, axis, arranged, component, height - 60, theme)
    layout = caught(handles) | {
        "xaxis": tight(number_axis(ids, plotly(component), theme, width - left - BAR_ROOM), r),
        "yaxis": tight(y_axis, len(rows.starts), down=True),
        "shapes": dividers(rows, arranged, theme, "y"),
        "margin": {"l": left, "r": BAR_ROOM, "t": 8, "b": 48},
    }
    traces = [trace, *([grips(trace, rows, bands(np.arange(r), r))] if handles else [])]
    nothing = int((~np.any(W > 0, axis=1)).sum())
    alt = f"{look.count(len(W), clean(axis.singular), clean(axis.name))} by {r} {clean(component)}s"
    alt += f", ordered by the largest {clean(component)}" if isinstance(order, str) and order == "strongest" else ""
    alt += f"; {_sizes_sentence(W, component, ids)}" + (f"; {nothing:,} belong to none." if nothing else ".")
    note = joined(binning_note([(rows, axis)], "maximum", clip, shown), divided(arranged, axis, component, named))
    return Picture(
        look.figure(traces, layout, theme, height=height),
        alt,
        lambda: factor_table(W, rows.order, axis, component, ids),
        note,
    )


def components_by_feature(
    H: np.ndarray,
    *,
    axis: Axis,
    component: str = "topic",
    ids: Sequence[int] | None = None,
    order: Order = "strongest",
    log: bool = False,
    handles: bool = False,
    theme: str = "light",
    height: int = 300,
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """H (r, n) as it lies in WH: one line per component, one column per feature or per few neighbouring features."""
    arranged = ordered(H.T, order)
    columns = bands(arranged.indices, MOST_LINES, arranged.boundaries)
    shown, clip = clipped(band_maximum(np.ascontiguousarray(H.T), columns))
    r, n = H.shape
    ids = range(r) if ids is None else ids
    room = width - 64 - BAR_ROOM
    trace = _heat(np.ascontiguousarray(shown.T), clip, "weight in H", log=log, theme=theme) | {
        "x": line_names(columns, axis, arranged),
        "y": [str(k + 1) for k in ids],
        "hovertemplate": f"%{{x}}<br>{plotly(component)} %{{y}}: %{{{'customdata' if log else 'z'}:.4g}}<extra></extra>",
    }
    traces = [trace, *([grips(trace, bands(np.arange(r), r), columns)] if handles else [])]
    title = f"{n:,} {plotly(axis.name)}" + ("" if columns.single else f", {columns.per_line} per column")
    labels = axis.take(columns.order) if columns.single and n * PITCH <= room else None
    x_axis, bottom, named = feature_axis(columns, trace["x"], labels, arranged, component, title, room, theme)
    every = max(1, int(np.ceil(r * PITCH / max(height - 20 - bottom, 1))))
    names = [str(k + 1) for k in ids]
    layout = caught(handles) | {
        "xaxis": tight(x_axis, len(columns.starts)),
        "yaxis": tight(look.axis(theme, plotly(component), type="category", showgrid=False), r, down=True)
        | {"tickmode": "array", "tickvals": names[::every], "ticktext": names[::every]},
        "shapes": dividers(columns, arranged, theme, "x"),
        "margin": {"l": 56, "r": BAR_ROOM, "t": 8, "b": bottom},
    }
    alt = f"{r} {clean(component)}s by {look.count(n, clean(axis.singular), clean(axis.name))}; "
    alt += f"{_sizes_sentence(H.T, component, ids)}."
    note = joined(binning_note([(columns, axis)], "maximum", clip, shown), divided(arranged, axis, component, named))
    return Picture(
        look.figure(traces, layout, theme, height=height),
        alt,
        lambda: factor_table(H.T, columns.order, axis, component, ids),
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
    least, most = _ends(finite, signed, low, high)
    row_labels, label_width = look.shorten_all(rows, LABEL_WIDTH)
    left = int(label_width) + 14 + (22 if row_title else 0)
    room = width - left - BAR_ROOM
    x_axis, bottom = column_axis(columns, plotly(column_title), room, theme)
    shown_height = height - bottom - 8
    cell = (room / max(n, 1), shown_height / max(m, 1))
    if annotate is None:
        usual = [[f"{-most if signed else most:.{digits}f}"]] if texts is None else texts
        annotate = _numbers_fit(usual, cell) and m * n <= 900
    colours = look.palette(theme)
    y_names = look.distinct(rows)
    trace: dict[str, Any] = {
        "type": "heatmap", "z": z.astype(np.float32), "x": look.distinct(columns), "y": y_names, "zmin": least,
        "zmax": most if most > least else least + 1.0,
        "colorscale": look.scale(colours.diverging if signed else colours.sequential),
        "colorbar": look.colourbar(theme, plotly(quantity)), "hoverongaps": False,
        "hovertemplate": "%{y} × %{x}: %{z:.4g}<extra></extra>",
    }  # fmt: skip
    if min(cell) >= 8:
        trace |= {"xgap": 1, "ygap": 1}
    traces = [trace]
    if annotate:
        written = look.numbers(z, digits) if texts is None else texts
        traces.append(look.cell_numbers(z, written, trace, colours.diverging if signed else colours.sequential))
    every = max(1, int(np.ceil(m * PITCH / max(shown_height, 1))))
    y_axis = look.axis(theme, plotly(row_title), type="category", autorange="reversed", showgrid=False)
    layout: dict[str, Any] = {
        "xaxis": x_axis,
        "yaxis": y_axis | {"tickmode": "array", "tickvals": y_names[::every], "ticktext": row_labels[::every]},
        "margin": {"l": left, "r": BAR_ROOM, "t": 8, "b": bottom},
    }
    if np.isnan(z).any():
        layout["plot_bgcolor"] = colours.missing
    alt = _matrix_sentence(name, (m, n), quantity, finite) if alt is None else alt
    table = lambda: _wide_table(z, rows, columns, row_title or "row")  # noqa: E731
    return Picture(look.figure(traces, layout, theme, height=height), alt, table, note)


def _ends(finite: np.ndarray, signed: bool, low: float | None, high: float | None) -> tuple[float, float]:
    """Where colours begin and end: at the smallest and largest value unless it is said, symmetric about 0 where signed."""
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    least, most = least if low is None else low, most if high is None else high
    reach = max(abs(least), abs(most)) or 1.0
    return (-reach, reach) if signed else (least, most)


def _numbers_fit(texts: Sequence[Sequence[str]], cell: tuple[float, float]) -> bool:
    longest = max((text for row in texts for text in row), key=len, default="")
    return cell[0] >= look.text_width(longest, look.NUMBER_SIZE) + 2 and cell[1] >= CELL_HEIGHT


def _matrix_sentence(name: str, shape: tuple[int, int], quantity: str, finite: np.ndarray) -> str:
    what = clean(name, 200)
    said = f"{what[:1].upper()}{what[1:]}, {shape[0]:,} × {shape[1]:,}"
    return said + (f": {clean(quantity)} from {finite.min():.4g} to {finite.max():.4g}." if finite.size else ", empty.")


# -- parts ---------------------------------------------------------------------------------------------------------------
def factor_table(W: np.ndarray, order: np.ndarray, axis: Axis, component: str, ids: Sequence[int]) -> pd.DataFrame:
    """The entries of a factor (n, r) in the order of the picture, one row per entry, all digits."""
    frame = pd.DataFrame(np.asarray(W)[order], columns=[f"{component} {k + 1}" for k in ids])
    frame.insert(0, axis.singular, axis.take(order), allow_duplicates=True)
    return frame


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


def _sizes_sentence(W: np.ndarray, component: str, ids: Sequence[int]) -> str:
    some = W[np.any(W > 0, axis=1)]
    if not len(some):
        return "all are zero"
    counts = np.bincount(some.argmax(axis=1), minlength=W.shape[1])
    k = int(counts.argmax())
    return f"{clean(component)} {ids[k] + 1} is the largest for most of them ({counts[k]:,})"


def _wide_table(z: np.ndarray, rows: Sequence[object], columns: Sequence[object], corner: str) -> pd.DataFrame:
    frame = pd.DataFrame(z, columns=[str(c) for c in columns])
    frame.insert(0, corner, [str(r) for r in rows], allow_duplicates=True)
    return frame
