"""What do W and H look like, at any size?

Large matrices are ordered (nmfcore/binning.py) and binned (binning.py here), groups are divided by lines and named, and colours
end at a high percentile so that a few peaks don't hide the rest, and the picture's note says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.binning import band_maximum, bands
from dashboard.figures.labelled import BAR_ROOM
from dashboard.figures.lines import (
    PITCH,
    Order,
    binning_note,
    caught,
    clipped,
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


def items_by_topic(
    W: np.ndarray,
    *,
    axis: Axis,
    component: str = "topic",
    labels: Sequence[str] | None = None,
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
    component : what one component is called;  labels : (r,) how they are written; numbered from 1 when None
    order : "strongest" (by largest component, strongest first), "input", the items in the order wanted, or an Ordering, whose
        groups are then divided by lines and named
    log : logarithmic colours
    handles : a box drawn over the picture can be caught: see `box`
    """
    arranged = ordered(W, order)
    rows = bands(arranged.indices, min(MOST_LINES, max(height - 60, 20)), arranged.boundaries)
    shown, clip = clipped(band_maximum(W, rows))
    r = W.shape[1]
    written = [str(k + 1) for k in range(r)] if labels is None else list(labels)
    trace = _heat(shown, clip, "weight in W", log=log, theme=theme) | {
        "x": written,
        "y": line_names(rows, axis, arranged),
        "hovertemplate": f"%{{y}}<br>{plotly(component)} %{{x}}: %{{customdata:.4g}}<extra></extra>"
        if log
        else f"%{{y}}<br>{plotly(component)} %{{x}}: %{{z:.4g}}<extra></extra>",
    }
    y_axis, left, named = line_axis(rows, axis, arranged, component, height - 60, theme)
    layout = caught(handles) | {
        "xaxis": tight(number_axis(written, plotly(component), theme, width - left - BAR_ROOM), r),
        "yaxis": tight(y_axis, len(rows.starts), down=True),
        "shapes": dividers(rows, arranged, theme, "y"),
        "margin": {"l": left, "r": BAR_ROOM, "t": 8, "b": 48},
    }
    traces = [trace, *([grips(trace, rows, bands(np.arange(r), r))] if handles else [])]
    nothing = int((~np.any(W > 0, axis=1)).sum())
    alt = f"{look.count(len(W), clean(axis.singular), clean(axis.name))} by {r} {clean(component)}s"
    alt += f", ordered by the largest {clean(component)}" if isinstance(order, str) and order == "strongest" else ""
    alt += f"; {_sizes_sentence(W, component, written)}" + (f"; {nothing:,} belong to none." if nothing else ".")
    note = joined(binning_note([(rows, axis)], "maximum", clip, shown), divided(arranged, axis, component, named))
    return Picture(
        look.figure(traces, layout, theme, height=height),
        alt,
        lambda: factor_table(W, rows.order, axis, component, written),
        note,
    )


def components_by_feature(
    H: np.ndarray,
    *,
    axis: Axis,
    component: str = "topic",
    labels: Sequence[str] | None = None,
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
    written = [str(k + 1) for k in range(r)] if labels is None else list(labels)
    room = width - 64 - BAR_ROOM
    trace = _heat(np.ascontiguousarray(shown.T), clip, "weight in H", log=log, theme=theme) | {
        "x": line_names(columns, axis, arranged),
        "y": written,
        "hovertemplate": f"%{{x}}<br>{plotly(component)} %{{y}}: %{{{'customdata' if log else 'z'}:.4g}}<extra></extra>",
    }
    traces = [trace, *([grips(trace, bands(np.arange(r), r), columns)] if handles else [])]
    title = look.count(n, plotly(axis.singular), plotly(axis.name)) + (
        "" if columns.single else f", {columns.per_line} per column"
    )
    labels = axis.take(columns.order) if columns.single and n * PITCH <= room else None
    x_axis, bottom, named = feature_axis(columns, trace["x"], labels, arranged, component, title, room, theme)
    every = max(1, int(np.ceil(r * PITCH / max(height - 20 - bottom, 1))))
    layout = caught(handles) | {
        "xaxis": tight(x_axis, len(columns.starts)),
        "yaxis": tight(look.axis(theme, plotly(component), type="category", showgrid=False), r, down=True)
        | {"tickmode": "array", "tickvals": written[::every], "ticktext": written[::every]},
        "shapes": dividers(columns, arranged, theme, "x"),
        "margin": {"l": 56, "r": BAR_ROOM, "t": 8, "b": bottom},
    }
    alt = f"{r} {clean(component)}s by {look.count(n, clean(axis.singular), clean(axis.name))}; "
    alt += f"{_sizes_sentence(H.T, component, written)}."
    note = joined(binning_note([(columns, axis)], "maximum", clip, shown), divided(arranged, axis, component, named))
    return Picture(
        look.figure(traces, layout, theme, height=height),
        alt,
        lambda: factor_table(H.T, columns.order, axis, component, written),
        note,
    )


# -- parts ---------------------------------------------------------------------------------------------------------------
def factor_table(W: np.ndarray, order: np.ndarray, axis: Axis, component: str, labels: Sequence[str]) -> pd.DataFrame:
    """The entries of a factor (n, r) in the order of the picture, one row per entry, all digits."""
    frame = pd.DataFrame(np.asarray(W)[order], columns=[f"{component} {label}" for label in labels])
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


def _sizes_sentence(W: np.ndarray, component: str, labels: Sequence[str]) -> str:
    some = W[np.any(W > 0, axis=1)]
    if not len(some):
        return "all are zero"
    counts = np.bincount(some.argmax(axis=1), minlength=W.shape[1])
    k = int(counts.argmax())
    return f"{clean(component)} {labels[k]} is the largest for most of them ({counts[k]:,})"
