"""Which solver is lower, sooner? Several runs from the same start on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboard.figures import theme as look
from dashboard.figures.curves import DASHES, EXPLODED, Curve, curve, curves_table, floor_line, trace, view, x_axis, y_axis
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

MOST = 10  # curves that colour and dash can tell apart

Run = tuple[str, np.ndarray, np.ndarray]


def race(
    curves: Sequence[Curve],
    *,
    floor: float | None = None,
    rank: int | None = None,
    axis: str = "seconds",
    quantity: str = "relative error",
    log: bool = False,
    theme: str = "light",
    height: int = 380,
) -> Picture:
    """Several runs from the same start on one axis: who is lower, sooner.

    curves : (name, x, values); told apart by colour and by dash, at most ten
    quantity : "relative error", or another name for what the values are (KKT residual; use log=True)

    Raises
    ------
    ValueError
        If there are no curves or more than ten.
    """
    if not 1 <= len(curves) <= MOST:
        raise ValueError(f"A race has 1 to {MOST} curves, not {len(curves)}.")
    runs: list[Run] = [(str(name), *curve(x, y)) for name, x, y in curves]
    wild = any(_wild(y) for _, _, y in runs)
    log = bool(log or wild) and any(bool((y[np.isfinite(y)] > 0).any()) for _, _, y in runs)
    longest = max((y for _, _, y in runs), key=len)
    low, high, cut = view(longest, [y for _, _, y in runs], floor, None, log=log, live=False, whole=wild)
    shapes, labels = [], []
    if floor is not None and (floor > 0 or not log):
        words = "SVD floor" if rank is None else f"SVD floor: no rank-{rank} model is lower"
        shapes, labels = ([each] for each in floor_line(floor, words, log, theme))
    layout = {
        "xaxis": x_axis(max((x for _, x, _ in runs), key=lambda x: x[-1] if len(x) else 0.0), runs, axis, theme),
        "yaxis": y_axis(low, high, log, theme, title=plotly(quantity)),
        "shapes": shapes,
        "annotations": labels,
        "showlegend": True,
        "legend": look.legend(theme),
        "margin": {"l": 64, "r": 12, "t": 34, "b": 48, "pad": 0},
    }
    traces = [_runner(k, run, axis, log, theme) for k, run in enumerate(runs)]
    note = "The steep beginning lies above the picture." if cut else None
    drawn = look.figure(traces, layout, theme, height=height)
    return Picture(drawn, _sentence(runs, quantity), lambda: curves_table(runs, axis, quantity), note)


def _wild(y: np.ndarray) -> bool:
    """Whether a run diverged so far that only a logarithmic axis shows it."""
    finite = y[np.isfinite(y)]
    return 1 < len(finite) < len(y) and bool(finite.max() > EXPLODED * max(finite.min(), 1e-300))


def _runner(k: int, run: Run, axis: str, log: bool, theme: str) -> dict[str, Any]:
    name, x, y = run
    good = np.isfinite(y) & ((y > 0) | (not log))
    stroke = {"color": look.palette(theme).categorical[k], "width": 2.2, "dash": ("solid", *DASHES)[k % 5]}
    return trace(x[good], y[good], name, axis, stroke, legend=True)


def _sentence(runs: Sequence[Run], quantity: str) -> str:
    """Who is lowest and who is highest at the end; a run that diverged is neither."""
    ends = sorted((float(y[-1]), name) for name, _, y in runs if len(y) and np.isfinite(y[-1]))
    said = f"{look.count(len(runs), 'solver', 'solvers')} from the same start."
    if not ends:
        return said
    said += f" Lowest at the end: {clean(ends[0][1])} with {quantity} {ends[0][0]:.4g}"
    return said + (f"; highest: {clean(ends[-1][1])} with {ends[-1][0]:.4g}." if len(ends) > 1 else ".")
