"""How did the error fall, how near is it to the floor, and has the run come to rest?

The floor is the relative error of the truncated SVD: no model of that rank is lower (Eckart & Young 1936). The KKT residual is
||min(W, grad_W)|| and ||min(H, grad_H)|| relative to the start: it tells a stationary point from a stall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.curves import (
    AXIS_TITLES,
    DASHES,
    EXPLODED,
    Curve,
    at_right,
    curve,
    curves_table,
    floor_line,
    trace,
    view,
    x_axis,
    y_axis,
)
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

WHOLE = 40  # points: a shorter sparkline shows them all
BARELY = 5e-5  # an error that is less below its floor is there by rounding
FULL_LEGEND = 4  # more earlier runs share one legend entry


@dataclass(frozen=True)
class Against:
    """What the error of a run is held against.

    floor : the SVD's relative error at the same rank, drawn dotted with its name; None when it is not known
    rank : of the run, for the floor's label
    baseline : the error of a simple model, drawn as a thin line with `baseline_name`
    earlier : (label, x, errors) of runs that stand back in grey
    """

    floor: float | None = None
    rank: int | None = None
    baseline: float | None = None
    baseline_name: str = "rank 1"
    earlier: Sequence[Curve] = ()


def loss_curve(
    x: ArrayLike,
    errors: ArrayLike,
    against: Against = Against(),
    *,
    axis: str = "iterations",
    log: bool = False,
    live: bool = False,
    theme: str = "light",
    height: int = 330,
) -> Picture:
    """The relative error of one run over iterations or seconds.

    Parameters
    ----------
    x : (k,) iterations or seconds, ascending
    errors : (k,) relative errors ||X - WH||_F / ||X||_F, no unit; not finite where the run diverged
    against : floor, baseline and earlier runs
    axis : "iterations" or "seconds"
    log : logarithmic error axis
    live : the run goes on: ranges move in coarse steps only, so that the picture does not jump with each point

    Raises
    ------
    ValueError
        If x and errors differ in length, or the axis is unknown.
    """
    if axis not in AXIS_TITLES:
        raise ValueError(f"Unknown axis {axis!r}. Known: {', '.join(AXIS_TITLES)}.")
    x, y = curve(x, errors)
    past = [(str(label), *curve(a, b)) for label, a, b in against.earlier]
    good = np.isfinite(y)
    shown, diverged = y[good], not good.all()
    exploded = diverged and len(shown) > 1 and shown.max() > EXPLODED * max(shown.min(), np.finfo(float).tiny)
    log = bool(log or exploded) and bool((shown > 0).any())
    low, high, cut = view(y, [errors for *_, errors in past], against.floor, against.baseline, log=log, live=live, whole=diverged)
    shapes, labels, notes = _lines(against, (low, high), log, theme)
    if diverged and len(shown):
        labels.append(_diverged_label(theme, x[good][-1], shown[-1], log))
    notes += _cut_short(cut, y, bool(exploded))
    layout = {
        "xaxis": x_axis(x, past, axis, theme, live=live),
        "yaxis": y_axis(low, high, log, theme),
        "shapes": shapes,
        "annotations": labels,
        "showlegend": bool(past),
        "legend": look.legend(theme),
        "margin": {"l": 64, "r": 12, "t": 34 if past else 12, "b": 48, "pad": 0},
        "hovermode": False if live else "closest",
    }
    colour = look.palette(theme).alarm if diverged else look.palette(theme).categorical[0]
    traces = [_earlier_trace(k, c, axis, len(past), theme) for k, c in enumerate(past)]
    traces += _own_traces(x[good], shown, axis, colour, legend=bool(past), live=live)
    table = lambda: curves_table([("this run", x, y), *past], axis)  # noqa: E731
    alt = _loss_sentence(x, y, against.floor, against.rank, axis, diverged)
    return Picture(look.figure(traces, layout, theme, height=height), alt, table, " ".join(notes) or None)


def _cut_short(cut: int, errors: np.ndarray, exploded: bool) -> list[str]:
    """What is said of points above the picture, and of an axis that nobody asked for."""
    first = "point lies" if cut == 1 else f"{cut:,} points lie"
    said = [f"The first {first} above the picture (start: {errors[0]:.4g})."] if cut else []
    return [*said, "The error grew so far that its axis is logarithmic."] if exploded else said


def _own_traces(x: np.ndarray, y: np.ndarray, axis: str, colour: str, *, legend: bool, live: bool) -> list[dict[str, Any]]:
    """The run itself, and its end as a dot while it goes on."""
    own = trace(x, y, "this run", axis, {"color": colour, "width": 2.5}, legend=legend)
    if not (live and len(y)):
        return [own]
    end = {"mode": "markers", "marker": {"color": colour, "size": 7}, "hoverinfo": "skip", "showlegend": False}
    return [own, {"type": "scatter", "x": x[-1:], "y": y[-1:]} | end]


def _lines(against: Against, seen: tuple[float, float], log: bool, theme: str) -> tuple[list[Any], list[Any], list[str]]:
    """Shapes, labels and notes of what stands beside the run; what has no place between the lowest and the highest is said."""
    shapes, labels, notes = [], [], []
    floor, baseline = against.floor, against.baseline
    if floor is not None and (floor > 0 or not log):
        lower = "SVD floor: no lower model of this rank" if against.rank is None else None
        line, label = floor_line(floor, lower or f"SVD floor: no rank-{against.rank} model is lower", log, theme)
        shapes.append(line)
        labels.append(label)
    elif floor is not None:
        notes.append("The SVD floor is 0 and has no place on a logarithmic axis.")
    if baseline is not None and seen[0] <= baseline <= seen[1]:
        line = {"color": look.palette(theme).muted, "width": 1, "dash": "dash"}
        shapes.append(look.line(theme, y=(baseline, baseline), line=line))
        labels.append(at_right(theme, f"{plotly(against.baseline_name)}: {baseline:.4f}", baseline, log, "bottom"))
    elif baseline is not None:
        notes.append(f"The error of {clean(against.baseline_name)}, {baseline:.4f}, lies outside the picture.")
    return shapes, labels, notes


def sparkline(errors: ArrayLike, *, floor: float | None = None, theme: str = "light", height: int = 64) -> Picture:
    """The relative errors (k,) as a bare line for the sidebar; the floor is dotted when known."""
    _, y = curve(np.arange(np.size(errors)), errors)
    good = np.isfinite(y)
    x, shown = np.arange(len(y))[good], y[good]
    diverged = not good.all()
    low, high, _ = view(y, [], floor, None, log=False, live=False, whole=diverged or len(y) < WHOLE)
    colours = look.palette(theme)
    stroke = {"color": colours.alarm if diverged else colours.categorical[0], "width": 2}
    layout = {
        "xaxis": look.bare_axis(fixedrange=True, range=[-0.01 * len(y), max(len(y) - 1, 1) * 1.01]),
        "yaxis": look.bare_axis(fixedrange=True, range=[low, high]),
        "margin": {"l": 0, "r": 0, "t": 2, "b": 2},
        "hovermode": False,
        "shapes": [] if floor is None else [look.line(theme, y=(floor, floor), line={"width": 1})],
    }
    line = trace(x, shown, "relative error", "iterations", stroke, legend=False)
    alt = _loss_sentence(np.arange(len(y)), y, floor, None, "points", diverged)
    return Picture(
        look.figure([line], layout, theme, height=height),
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
    x, y = curve(x, residuals)
    good = np.isfinite(y) & (y > 0)
    shown, colours = y[good], look.palette(theme)
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.1, 1.0)
    if limit is not None and limit > 0:
        low = min(low, limit)
    low, high = low / 1.6, high * 1.6
    line = trace(x[good], shown, "KKT residual", axis, {"color": colours.categorical[2], "width": 2}, legend=False, precise="3g")
    layout = {
        "xaxis": x_axis(x, [], axis, theme),
        "yaxis": y_axis(low, high, True, theme, title="relative to start"),
        "margin": {"l": 64, "r": 12, "t": 10, "b": 48, "pad": 0},
        "shapes": [] if not limit else [look.line(theme, y=(limit, limit))],
        "annotations": [] if not limit else [at_right(theme, f"stops at {limit:.0e}", limit, True, "bottom")],
    }
    if len(shown):
        points = look.count(len(shown), "point", "points")
        alt = f"The KKT residual went from {shown[0]:.3g} to {shown[-1]:.3g} of its start in {points}."
    else:
        alt = "The KKT residual was not computed in this run."
    table = lambda: pd.DataFrame({AXIS_TITLES[axis]: x, "KKT residual, relative to the start": y})  # noqa: E731
    note = None if len(shown) else "Not measured in this run."
    return Picture(look.figure([line], layout, theme, height=height), alt, table, note)


def _earlier_trace(k: int, run: tuple[str, np.ndarray, np.ndarray], axis: str, runs: int, theme: str) -> dict[str, Any]:
    label, x, y = run
    good = np.isfinite(y)
    drawn = trace(
        x[good], y[good], label, axis, {"color": look.palette(theme).grey, "width": 1.6, "dash": DASHES[k % 4]}, legend=True
    )
    if runs > FULL_LEGEND:
        drawn |= {"legendgroup": "earlier", "showlegend": k == 0, "name": f"{runs} earlier runs"}
        drawn["hovertemplate"] = drawn["hovertemplate"].replace("%{fullData.name}", plotly(label, 40))
    return drawn


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
        sentence += f", {abs(gap):.4f} {'above' if gap > -BARELY else 'below'} {of} ({floor:.4f})"
    return sentence + "."
