"""What do pictures of an error over time share? Curves with gaps, their axes, and what part of them is worth showing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.text.plain import plotly

MOST_POINTS = 800  # of a curve; more cannot be told apart on a screen
EARLY_SHARE = 0.02  # of the recorded points: the steep beginning that may leave a linear picture at the top
STEEP = 3.0  # the beginning leaves the picture when it is more than so many times higher than the rest
EXPLODED = 100.0  # a diverged curve that grew by more is drawn on a logarithmic axis
LONGER = 3.0  # how much further than this run the picture goes for an earlier one
LABEL_ROOM = 0.13  # of the plot's height, under the floor line, kept free for its label
DASHES = ("dash", "dot", "dashdot", "longdash")
AXIS_TITLES = {"iterations": "iteration", "seconds": "seconds of solver time"}

Curve = tuple[str, ArrayLike, ArrayLike]


def curve(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, float).ravel(), np.asarray(y, float).ravel()
    if len(x) != len(y):
        raise ValueError(f"A curve needs as many x as y values, not {len(x)} and {len(y)}.")
    return x, y


def thinned(length: int, most: int = MOST_POINTS) -> np.ndarray:
    """Positions of at most about `most` points of a curve: all of the first few, then evenly, and the last."""
    if length <= most:
        return np.arange(length)
    return np.unique(np.concatenate([np.arange(most // 8), np.linspace(0, length - 1, most - most // 8).astype(int)]))


def trace(
    x: np.ndarray, y: np.ndarray, name: str, axis: str, stroke: dict[str, Any], *, legend: bool, precise: str = "5f"
) -> dict[str, Any]:
    kept = thinned(len(x))
    unit = "iteration %{x:,.0f}" if axis == "iterations" else "%{x:.3g} s"
    return {
        "type": "scatter",
        "mode": "lines" if len(kept) > 1 else "markers",
        "x": x[kept].astype(np.float32 if axis != "iterations" else np.float64),
        "y": y[kept],
        "name": plotly(name, 40),
        "line": stroke,
        "marker": {"color": stroke["color"], "size": 8},
        "showlegend": legend,
        "hovertemplate": f"{unit}: %{{y:.{precise}}}<extra>%{{fullData.name}}</extra>",
    }


def view(
    y: np.ndarray,
    past: Sequence[np.ndarray],
    floor: float | None,
    baseline: float | None,
    *,
    log: bool,
    live: bool,
    whole: bool,
) -> tuple[float, float, int]:
    """Lowest and highest value shown, and how many first points lie above it.

    The steep beginning may leave the picture (on a logarithmic axis only within one decade); room under the floor is its label's.
    """
    good = np.isfinite(y) & ((y > 0) | (not log))
    shown = y[good]
    if not len(shown):
        return (0.1, 1.0, 0) if log else (0.0, 1.0, 0)
    ends = [p[np.isfinite(p) & ((p > 0) | (not log))] for p in past]
    lows = [float(shown.min()), *(float(e.min()) for e in ends if len(e))]
    if floor is not None and (floor > 0 or not log):
        lows.append(floor)
    low, high = min(lows), float(shown.max())
    cut = 0
    size = (lambda v: float(np.log(max(v, 1e-300)))) if log else float
    if not whole and len(shown) > 2 and not (log and high > 10 * low):
        first = 1 if live else max(1, round(EARLY_SHARE * (len(shown) - 1)))
        rest = float(shown[first:].max())
        if size(shown[0]) - size(low) > STEEP * (size(rest) - size(low)) and rest > low:
            high = rest + 0.04 * (rest - low)
            cut = int(np.argmax(shown <= high))
    high = max([high, *(float(e[-1]) for e in ends if len(e))])
    if baseline is not None and high < baseline <= high + 2 * (high - low):
        high = baseline
    if log:
        low, high = max(low, 1e-300), max(high, 1e-300)
        span = max(np.log(high / low), 1e-6)
        return float(low * np.exp(-LABEL_ROOM * span)), float(high * np.exp((0.0 if cut else 0.06) * span)), cut
    if live and floor is None:  # the lowest value falls with each point: round it down, so that the axis rarely moves
        step = look.nice_step(high - low, 2)
        low = float(max(np.floor((low - 1e-12) / step) * step, 0.0))
    span = high - low if high > low else max(abs(high), 1e-9) * 0.1
    bottom = low - LABEL_ROOM * span if floor is not None or low > 0 else low - 0.02 * span
    return bottom, high + (0.0 if cut and high == shown[cut:].max() else 0.06 * span), cut


def x_axis(x: np.ndarray, past: Sequence[Any], axis: str, theme: str, *, live: bool = False) -> dict[str, Any]:
    own = float(x[-1]) if len(x) else 1.0
    longest = max([own, *(float(c[1][-1]) for c in past if len(c[1]))])
    # a far longer run must not squeeze this one into a corner
    end = min(longest, LONGER * own) if own > 0 else longest
    if live:
        end = _coarse_end(end, 20.0 if axis == "iterations" else 0.1)
    end = end if end > 0 else 1.0
    options: dict[str, Any] = {"range": [-0.015 * end, end * 1.015], "showgrid": False, "nticks": 6}
    if axis == "iterations":
        options |= {"tickformat": ",d"} | ({"dtick": 1} if end <= 6 else {})
    return look.axis(theme, AXIS_TITLES[axis], **options)


def _coarse_end(value: float, least: float) -> float:
    """The next 1, 2 or 5 times a power of ten above `value`."""
    value = max(value, least)
    power = 10.0 ** np.floor(np.log10(value))
    return float(next((f * power for f in (1.0, 2.0, 5.0) if value <= f * power), 10.0 * power))


def y_axis(low: float, high: float, log: bool, theme: str, title: str = "relative error") -> dict[str, Any]:
    if not log:
        return look.axis(theme, title, range=[low, high], nticks=5)
    ticks = look.log_ticks(low, high)
    return look.axis(
        theme,
        f"{title} (log)",
        type="log",
        range=[float(np.log10(low)), float(np.log10(high))],
        tickmode="array",
        tickvals=ticks,
        ticktext=[look.tick_text(t) for t in ticks],
    )


def at_right(theme: str, text: str, y: float, log: bool, anchor: str) -> dict[str, Any]:
    """A label at the right end of a horizontal line, under it ("top") or above it ("bottom")."""
    place = float(np.log10(y)) if log else y
    shift = -3 if anchor == "top" else 3
    return look.annotation(theme, text, xref="paper", x=1, xanchor="right", yref="y", y=place, yanchor=anchor, yshift=shift)


def floor_line(floor: float, words: str, log: bool, theme: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The dotted line of the SVD floor, and its label at the right end under it."""
    return look.line(theme, y=(floor, floor)), at_right(theme, words, floor, log, "top")


def curves_table(
    curves: Sequence[tuple[str, np.ndarray, np.ndarray]], axis: str, quantity: str = "relative error"
) -> pd.DataFrame:
    parts = [pd.DataFrame({"run": name, AXIS_TITLES[axis]: x, quantity: y}) for name, x, y in curves]
    return pd.concat(parts, ignore_index=True)
