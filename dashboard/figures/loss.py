"""How did the error fall, how near is it to the floor, and has the run come to rest?

The floor is the relative error of the truncated SVD: no model of that rank is lower (Eckart & Young 1936). The KKT residual is
||min(W, grad_W)|| and ||min(H, grad_H)|| relative to the start: it tells a stationary point from a stall.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

MOST_POINTS = 800  # of a curve; more cannot be told apart on a screen
EARLY_SHARE = 0.02  # of the recorded points: the steep beginning that may leave a linear picture at the top
STEEP = 3.0  # the beginning leaves the picture when it is more than so many times higher than the rest
EXPLODED = 100.0  # a diverged curve that grew by more is drawn on a logarithmic axis
LONGER = 3.0  # how much further than this run the picture goes for an earlier one
WHOLE = 40  # points: a shorter sparkline shows them all
LABEL_ROOM = 0.13  # of the plot's height, under the floor line, kept free for its label
FULL_LEGEND = 4  # more earlier runs share one legend entry
DASHES = ("dash", "dot", "dashdot", "longdash")
AXIS_TITLES = {"iterations": "iteration", "seconds": "seconds of solver time"}

Curve = tuple[str, ArrayLike, ArrayLike]


def loss_curve(
    x: ArrayLike,
    errors: ArrayLike,
    *,
    floor: float | None = None,
    rank: int | None = None,
    baseline: float | None = None,
    baseline_name: str = "rank 1",
    earlier: Sequence[Curve] = (),
    axis: str = "iterations",
    log: bool = False,
    diverged: bool | None = None,
    live: bool = False,
    limit: float | None = None,
    theme: str = "light",
    height: int = 330,
) -> Picture:
    """The relative error of one run over iterations or seconds.

    Parameters
    ----------
    x : (k,) iterations or seconds, ascending
    errors : (k,) relative errors ||X - WH||_F / ||X||_F, no unit; not finite where the run diverged
    floor : the SVD's relative error at the same rank, drawn dotted with its name; None when it is not known
    rank : of the run, for the floor's label
    baseline : the error of a simple model, drawn as a thin line with `baseline_name`
    earlier : (label, x, errors) of runs that stand back in grey
    axis : "iterations" or "seconds"
    log : logarithmic error axis
    diverged : whether the run diverged; None finds it out from the errors
    live : the run goes on: ranges move in coarse steps only, so that the picture does not jump with each point
    limit : where a live x axis ends at most

    Raises
    ------
    ValueError
        If x and errors differ in length, or the axis is unknown.
    """
    if axis not in AXIS_TITLES:
        raise ValueError(f"Unknown axis {axis!r}. Known: {', '.join(AXIS_TITLES)}.")
    x, y = _curve(x, errors)
    good = np.isfinite(y)
    if diverged is None:
        diverged = bool((~good).any())
    colours = look.palette(theme)
    past = [(str(label), *_curve(a, b)) for label, a, b in earlier]
    shown = y[good]
    exploded = diverged and len(shown) > 1 and shown.max() > EXPLODED * max(shown.min(), np.finfo(float).tiny)
    log = bool(log or exploded) and bool((shown > 0).any())
    low, high, cut = _view(y, [c[2] for c in past], floor, baseline, log=log, live=live, whole=diverged)
    stroke = colours.alarm if diverged else colours.categorical[0]
    traces = [_earlier_trace(k, c, axis, len(past), theme) for k, c in enumerate(past)]
    traces.append(_trace(x[good], shown, "this run", axis, {"color": stroke, "width": 2.5}, legend=bool(past)))
    if live and len(shown):
        end = {"mode": "markers", "marker": {"color": stroke, "size": 7}, "hoverinfo": "skip", "showlegend": False}
        traces.append({"type": "scatter", "x": x[good][-1:], "y": shown[-1:]} | end)

    shapes, notes, labels = [], [], []
    floor_shown = floor is not None and (floor > 0 or not log)
    if floor is not None and floor_shown:
        shapes.append(look.line(theme, y=(floor, floor)))
        words = "SVD floor: no lower model of this rank" if rank is None else f"SVD floor: no rank-{rank} model is lower"
        labels.append(_at_right(theme, words, floor, log, "top"))
    elif floor is not None:
        notes.append("The SVD floor is 0 and has no place on a logarithmic axis.")
    if baseline is not None:
        if low <= baseline <= high:
            shapes.append(look.line(theme, y=(baseline, baseline), line={"color": colours.muted, "width": 1, "dash": "dash"}))
            labels.append(_at_right(theme, f"{plotly(baseline_name)}: {baseline:.4f}", baseline, log, "bottom"))
        else:
            notes.append(f"The error of {clean(baseline_name)}, {baseline:.4f}, lies outside the picture.")
    if diverged and len(shown):
        labels.append(_diverged_label(theme, x[good][-1], shown[-1], log))
    if cut:
        notes.append(f"The first {look.count(cut, 'point lies', 'points lie')} above the picture (start: {y[0]:.4g}).")
    if exploded:
        notes.append("The error grew so far that its axis is logarithmic.")

    layout = {
        "xaxis": _x_axis(x, past, axis, live, limit, theme),
        "yaxis": _y_axis(low, high, log, theme),
        "shapes": shapes,
        "annotations": labels,
        "showlegend": bool(past),
        "legend": look.legend(theme),
        "margin": {"l": 64, "r": 12, "t": 34 if past else 12, "b": 48, "pad": 0},
        "hovermode": False if live else "closest",
    }
    table = lambda: _curves_table([("this run", x, y), *past], axis)  # noqa: E731
    alt = _loss_sentence(x, y, floor, rank, axis, diverged)
    return Picture(look.figure(traces, layout, theme, height=height), alt, table, " ".join(notes) or None)


def sparkline(errors: ArrayLike, *, floor: float | None = None, theme: str = "light", height: int = 64) -> Picture:
    """The relative errors (k,) as a bare line for the sidebar; the floor is dotted when known."""
    _, y = _curve(np.arange(np.size(errors)), errors)
    good = np.isfinite(y)
    x, shown = np.arange(len(y))[good], y[good]
    diverged = not good.all()
    low, high, _ = _view(y, [], floor, None, log=False, live=False, whole=diverged or len(y) < WHOLE)
    colours = look.palette(theme)
    stroke = {"color": colours.alarm if diverged else colours.categorical[0], "width": 2}
    layout = {
        "xaxis": look.bare_axis(fixedrange=True, range=[-0.01 * len(y), max(len(y) - 1, 1) * 1.01]),
        "yaxis": look.bare_axis(fixedrange=True, range=[low, high]),
        "margin": {"l": 0, "r": 0, "t": 2, "b": 2},
        "hovermode": False,
        "shapes": [] if floor is None else [look.line(theme, y=(floor, floor), line={"width": 1})],
    }
    trace = _trace(x, shown, "relative error", "iterations", stroke, legend=False)
    alt = _loss_sentence(np.arange(len(y)), y, floor, None, "points", diverged)
    return Picture(
        look.figure([trace], layout, theme, height=height),
        alt,
        lambda: pd.DataFrame({"point": np.arange(len(y)), "relative error": y}),
    )


def kkt_curve(
    x: ArrayLike,
    residuals: ArrayLike,
    *,
    axis: str = "iterations",
    limit: float | None = None,
    theme: str = "light",
    height: int = 180,
) -> Picture:
    """The KKT residual relative to the start (k,), on a logarithmic axis; NaN where it was not computed.

    limit : the value at which the run stops, drawn dotted
    """
    x, y = _curve(x, residuals)
    good = np.isfinite(y) & (y > 0)
    shown, colours = y[good], look.palette(theme)
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.1, 1.0)
    if limit is not None and limit > 0:
        low = min(low, limit)
    low, high = low / 1.6, high * 1.6
    trace = _trace(
        x[good], shown, "KKT residual", axis, {"color": colours.categorical[2], "width": 2}, legend=False, precise="3g"
    )
    layout = {
        "xaxis": _x_axis(x, [], axis, False, None, theme),
        "yaxis": _y_axis(low, high, True, theme, title="relative to start"),
        "margin": {"l": 64, "r": 12, "t": 10, "b": 48, "pad": 0},
        "shapes": [] if not limit else [look.line(theme, y=(limit, limit))],
        "annotations": [] if not limit else [_at_right(theme, f"stops at {limit:.0e}", limit, True, "bottom")],
    }
    if len(shown):
        points = look.count(len(shown), "point", "points")
        alt = f"The KKT residual went from {shown[0]:.3g} to {shown[-1]:.3g} of its start in {points}."
    else:
        alt = "The KKT residual was not computed in this run."
    table = lambda: pd.DataFrame({AXIS_TITLES[axis]: x, "KKT residual, relative to the start": y})  # noqa: E731
    note = None if len(shown) else "Not measured in this run."
    return Picture(look.figure([trace], layout, theme, height=height), alt, table, note)


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
    if not 1 <= len(curves) <= 10:
        raise ValueError(f"A race has 1 to 10 curves, not {len(curves)}.")
    runs = [(str(name), *_curve(x, y)) for name, x, y in curves]
    finite = [y[np.isfinite(y)] for _, _, y in runs]
    everything = np.concatenate(finite) if any(map(len, finite)) else np.array([1.0])
    wild = any(
        len(f) > 1 and len(f) < len(y) and f.max() > EXPLODED * max(f.min(), 1e-300)
        for f, (_, _, y) in zip(finite, runs, strict=True)
    )
    log = bool(log or wild) and bool((everything > 0).any())
    longest = max((y for _, _, y in runs), key=len)
    low, high, cut = _view(longest, [y for _, _, y in runs], floor, None, log=log, live=False, whole=wild)
    colours = look.palette(theme)
    traces = []
    for k, (name, x, y) in enumerate(runs):
        good = np.isfinite(y) & ((y > 0) | (not log))
        stroke = {"color": colours.categorical[k], "width": 2.2, "dash": ("solid", *DASHES)[k % 5]}
        traces.append(_trace(x[good], y[good], name, axis, stroke, legend=True))
    shapes, labels = [], []
    if floor is not None and (floor > 0 or not log):
        shapes.append(look.line(theme, y=(floor, floor)))
        words = "SVD floor" if rank is None else f"SVD floor: no rank-{rank} model is lower"
        labels.append(_at_right(theme, words, floor, log, "top"))
    layout = {
        "xaxis": _x_axis(max((x for _, x, _ in runs), key=lambda x: x[-1] if len(x) else 0.0), runs, axis, False, None, theme),
        "yaxis": _y_axis(low, high, log, theme, title=plotly(quantity)),
        "shapes": shapes,
        "annotations": labels,
        "showlegend": True,
        "legend": look.legend(theme),
        "margin": {"l": 64, "r": 12, "t": 34, "b": 48, "pad": 0},
    }
    ends = sorted(
        ((y[np.isfinite(y)][-1], name) for name, _, y in runs if np.isfinite(y[-1:]).all() and len(y)), key=lambda e: e[0]
    )
    alt = f"{look.count(len(runs), 'solver', 'solvers')} from the same start."
    if ends:
        alt += f" Lowest at the end: {clean(ends[0][1])} with {quantity} {ends[0][0]:.4g}"
        alt += f"; highest: {clean(ends[-1][1])} with {ends[-1][0]:.4g}." if len(ends) > 1 else "."
    note = "The steep beginning lies above the picture." if cut else None
    return Picture(look.figure(traces, layout, theme, height=height), alt, lambda: _curves_table(runs, axis, quantity), note)


# -- parts ---------------------------------------------------------------------------------------------------------------
def _curve(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, float).ravel(), np.asarray(y, float).ravel()
    if len(x) != len(y):
        raise ValueError(f"A curve needs as many x as y values, not {len(x)} and {len(y)}.")
    return x, y


def thinned(length: int, most: int = MOST_POINTS) -> np.ndarray:
    """Positions of at most about `most` points of a curve: all of the first few, then evenly, and the last."""
    if length <= most:
        return np.arange(length)
    return np.unique(np.concatenate([np.arange(most // 8), np.linspace(0, length - 1, most - most // 8).astype(int)]))


def _trace(
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


def _earlier_trace(k: int, curve: tuple[str, np.ndarray, np.ndarray], axis: str, runs: int, theme: str) -> dict[str, Any]:
    label, x, y = curve
    good = np.isfinite(y)
    trace = _trace(
        x[good], y[good], label, axis, {"color": look.palette(theme).grey, "width": 1.6, "dash": DASHES[k % 4]}, legend=True
    )
    if runs > FULL_LEGEND:
        trace |= {"legendgroup": "earlier", "showlegend": k == 0, "name": f"{runs} earlier runs"}
        trace["hovertemplate"] = trace["hovertemplate"].replace("%{fullData.name}", plotly(label, 40))
    return trace


def _view(
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


def _x_axis(x: np.ndarray, past: Sequence[Any], axis: str, live: bool, limit: float | None, theme: str) -> dict[str, Any]:
    own = float(x[-1]) if len(x) else 1.0
    longest = max([own, *(float(c[1][-1]) for c in past if len(c[1]))])
    # a far longer run must not squeeze this one into a corner
    end = min(longest, LONGER * own) if own > 0 else longest
    if live:
        end = _coarse_end(end, 20.0 if axis == "iterations" else 0.1)
        end = min(end, limit) if limit else end
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


def _y_axis(low: float, high: float, log: bool, theme: str, title: str = "relative error") -> dict[str, Any]:
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


def _at_right(theme: str, text: str, y: float, log: bool, anchor: str) -> dict[str, Any]:
    """A label at the right end of a horizontal line, under it ("top") or above it ("bottom")."""
    place = float(np.log10(y)) if log else y
    shift = -3 if anchor == "top" else 3
    return look.annotation(theme, text, xref="paper", x=1, xanchor="right", yref="y", y=place, yanchor=anchor, yshift=shift)


def _diverged_label(theme: str, x: float, y: float, log: bool) -> dict[str, Any]:
    return look.annotation(
        theme,
        "diverged here",
        x=x,
        y=float(np.log10(y)) if log else y,
        xanchor="right",
        yanchor="middle",
        xshift=-8,
        font={"size": look.SMALL_SIZE, "color": look.palette(theme).alarm},
    )


def _loss_sentence(x: np.ndarray, y: np.ndarray, floor: float | None, rank: int | None, axis: str, diverged: bool) -> str:
    shown = y[np.isfinite(y)]
    if not len(shown):
        return "No finite relative error was recorded."
    span = f"{x[-1]:,.0f} {axis}" if axis != "seconds" else f"{x[-1]:.3g} seconds"
    if diverged:
        return f"The run diverged: the relative error went from {shown[0]:.4f} to {shown[-1]:.4g} within {span}."
    sentence = f"The relative error fell from {shown[0]:.4f} to {shown[-1]:.4f} over {span}"
    if shown[-1] > shown[0]:
        sentence = sentence.replace("fell", "rose")
    if floor is not None:
        of = "the SVD floor" if rank is None else f"the SVD floor of rank {rank}"
        gap = shown[-1] - floor
        sentence += f", {abs(gap):.4f} {'above' if gap >= 0 else 'below'} {of} ({floor:.4f})"
    return sentence + "."


def _curves_table(
    curves: Sequence[tuple[str, np.ndarray, np.ndarray]], axis: str, quantity: str = "relative error"
) -> pd.DataFrame:
    parts = [pd.DataFrame({"run": name, AXIS_TITLES[axis]: x, quantity: y}) for name, x, y in curves]
    return pd.concat(parts, ignore_index=True)
