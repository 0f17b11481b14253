"""How does the NMF compare with the SVD, the best model of each rank?

The floor at rank r is sqrt(sum of squared singular values beyond r) / ||X||_F (Eckart & Young 1936).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import plotly

MOST_NUMBERS = 8  # components up to which the Gram matrices carry numbers
MOST_BARS = 60  # singular values drawn as bars; more become a line
FEW_CELLS = 30  # components up to which the cells of a Gram matrix have a line between them
AT_TOP = {"yref": "paper", "y": 1, "yanchor": "top", "xanchor": "left", "xshift": 4}  # of a label at a line across the chart
SHORT = {"0.00": "0", "1.00": "1", "−1.00": "−1"}  # so that the identity looks like one


def error_over_rank(
    floor: ArrayLike,
    ranks: Sequence[int],
    errors: Sequence[float],
    *,
    present: int,
    no_floor: str = "",
    spread: tuple[ArrayLike, ArrayLike] | None = None,
    theme: str = "light",
    height: int = 320,
) -> Picture:
    """The SVD floor over ranks 1, 2, ... and NMF's relative errors, the present rank marked.

    Parameters
    ----------
    floor : (k,) relative errors of the SVD at ranks 1 to k
    ranks, errors : NMF's, one point per run; several runs may share a rank
    no_floor : why the SVD is no floor under these runs, in a clause; it is then not called one, and a note says so
    spread : lowest and highest error at each of `ranks`, as a bar through the point
    """
    named = "SVD" if no_floor else "SVD floor"
    low, x = np.asarray(floor, float), np.arange(1, np.size(floor) + 1)
    ranks_, errors_ = np.asarray(ranks, int), np.asarray(errors, float)
    sort = np.argsort(ranks_, kind="stable")
    ranks_, errors_ = ranks_[sort], errors_[sort]
    here = ranks_ == present
    last = int(min(len(low), max(3 * max([present, *ranks_.tolist()]), 12)))
    points = _errors_of_runs(ranks_, errors_, here, theme)
    if spread is not None:
        points["error_y"] = _reach(errors_, *(np.asarray(side, float)[sort] for side in spread))
    marked = {"color": look.palette(theme).muted, "width": 1, "dash": "solid"}
    layout = {
        "xaxis": _rank_axis("rank", last, [0.4, last + 0.6], theme),
        "yaxis": look.axis(theme, "relative error", nticks=5),
        "shapes": [look.line(theme, x=(present, present), line=marked, layer="below")],
        "annotations": [look.annotation(theme, f"rank {present}", **AT_TOP, x=present)],
        "showlegend": True,
        "legend": look.legend(theme),
        "margin": {"l": 64, "r": 12, "t": 32, "b": 48},
    }
    best = float(errors_[here].min()) if here.any() else None

    def table() -> pd.DataFrame:
        model = ["SVD"] * len(low) + ["NMF"] * len(ranks_)
        return pd.DataFrame({"rank": [*x, *ranks_], "model": model, "relative error": [*low, *errors_]})

    drawn = look.figure([_errors_of_svd(low[:last], named, theme), points], layout, theme, height=height)
    note = f"No floor: {no_floor}. This NMF has no point, since its error is another quantity." if no_floor else None
    return Picture(drawn, _floor_sentence(low, last, present, best, named), table, note)


def _reach(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[str, Any]:
    """A bar through each point, from low to high (k,)."""
    ends = {"array": high - values, "arrayminus": values - low}
    return {"type": "data", "symmetric": False, **ends, "thickness": 1.2, "width": 3}


def _errors_of_svd(errors: np.ndarray, named: str, theme: str) -> dict[str, Any]:
    """The SVD's errors at ranks 1 to k, dotted."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.arange(1, len(errors) + 1),
        "y": errors,
        "name": named,
        "line": {"color": look.palette(theme).strong, "width": 1.5, "dash": "dot"},
        "hovertemplate": f"rank %{{x}}: {named} %{{y:.4f}}<extra></extra>",
    }


def _errors_of_runs(ranks: np.ndarray, errors: np.ndarray, here: np.ndarray, theme: str) -> dict[str, Any]:
    """NMF's errors, one point a run; those of the present rank are filled."""
    colours = look.palette(theme)
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(np.unique(ranks)) == len(ranks) > 1 else "markers",
        "x": ranks,
        "y": errors,
        "name": "NMF",
        "line": {"color": colours.categorical[0], "width": 1.5},
        "marker": {
            "size": np.where(here, 11, 8),
            "opacity": 1,
            "color": [colours.categorical[0] if h else colours.background for h in here],
            "line": {"color": colours.categorical[0], "width": 2},
        },
        "hovertemplate": "rank %{x}: NMF %{y:.4f}<extra></extra>",
    }


def _rank_axis(title: str, last: int, ends: list[float], theme: str) -> dict[str, Any]:
    """An axis of whole numbers from 1: every one named where they are few."""
    axis = look.axis(theme, title, showgrid=False, range=ends, tickformat=",d", nticks=8)
    return axis | ({"dtick": 1, "tick0": 1} if last <= 12 else {})


def _floor_sentence(low: np.ndarray, last: int, present: int, best: float | None, named: str) -> str:
    if not len(low):
        return "No floor is known."
    said = f"The {named} falls from {low[0]:.4f} at rank 1 to {low[last - 1]:.4f} at rank {last}."
    if best is not None and 1 <= present <= len(low):
        floor = low[present - 1]
        said += f" At rank {present} NMF has {best:.4f}, {max(0.0, best - floor):.4f} above the floor {floor:.4f}."
    return said


def singular_values(
    values: ArrayLike,
    squared_norm: float,
    *,
    present: int,
    log: bool = False,
    show: str = "both",
    most: int | None = None,
    theme: str = "light",
    height: int = 320,
) -> Picture:
    """Singular values (k,), those within the present rank in colour; and the share of the energy they add up to.

    Parameters
    ----------
    squared_norm : ||X||_F^2, what 100 % of the energy is
    log : logarithmic axis for the singular values
    show : "values", "energy", or "both" one above the other on one axis
    most : singular values shown; about three times the present rank, at least 30, when None
    """
    if show not in ("values", "energy", "both"):
        raise ValueError(f"Unknown choice {show!r}. Known: values, energy, both.")
    s = np.asarray(values, float)
    shown = s[: min(len(s), most or max(30, 3 * present))]
    energy = np.cumsum(s**2) / squared_norm if squared_norm > 0 else np.zeros_like(s)
    both = show == "both"
    layout: dict[str, Any] = {
        "xaxis": _rank_axis("number of the singular value", len(shown), [0.3, len(shown) + 0.7], theme),
        "margin": {"l": 64, "r": 12, "t": 12, "b": 48},
        "annotations": [],
        "bargap": 0.25,
    }
    traces = []
    if show != "energy":
        traces.append(_values_trace(shown, present, log, theme))
        layout["yaxis"] = _values_axis(shown, log, [0.55, 1.0] if both else [0, 1], theme)
    if show != "values":
        side = "2" if both else ""
        drawn, labels = _energy_traces(energy[: len(shown)], present, f"y{side}", theme)
        traces += drawn
        layout["annotations"] += labels
        top = 100 * float(energy[len(shown) - 1]) if len(shown) else 100.0
        axis = look.axis(theme, "energy so far", domain=[0, 0.45] if both else [0, 1], anchor="x", nticks=4)
        layout[f"yaxis{side}"] = axis | {"ticksuffix": " %", "range": [0, min(top * 1.12, 105)]}
        if both:
            layout["xaxis"]["anchor"] = "y2"
    note = f"The first {len(shown):,} of {len(s):,}." if len(shown) < len(s) else None
    table = lambda: pd.DataFrame({"number": np.arange(1, len(s) + 1), "singular value": s, "energy so far": energy})  # noqa: E731
    return Picture(look.figure(traces, layout, theme, height=height), _energy_sentence(s, energy, present), table, note)


def _energy_sentence(values: np.ndarray, energy: np.ndarray, present: int) -> str:
    at = min(present, len(energy))
    held = look.percent(energy[at - 1]) if at >= 1 else "nothing"
    said = f"The first {look.count(present, 'singular value holds', 'singular values hold')} {held} of the energy"
    return said + (f"; the largest is {values[0]:.4g}, the next {values[1]:.4g}." if len(values) > 1 else ".")


def _values_trace(shown: np.ndarray, present: int, log: bool, theme: str) -> dict[str, Any]:
    """Singular values as bars; as dots where there are many, or the axis is logarithmic."""
    colours, x = look.palette(theme), np.arange(1, len(shown) + 1)
    fill = np.where(x <= present, colours.categorical[0], colours.grey).tolist()
    common = {"x": x, "y": shown, "hovertemplate": "σ<sub>%{x}</sub> = %{y:.4g}<extra></extra>"}
    if len(shown) <= MOST_BARS and not log:
        return {"type": "bar", "marker": {"color": fill}} | common
    dots = {"type": "scatter", "mode": "lines+markers", "marker": {"color": fill, "size": 5}}
    return dots | {"line": {"color": colours.grey, "width": 1}} | common


def _values_axis(shown: np.ndarray, log: bool, domain: list[float], theme: str) -> dict[str, Any]:
    axis = look.axis(theme, "singular value", nticks=5, domain=domain, anchor="x")
    positive = shown[shown > 0]
    if not (log and positive.size):
        return axis | {"rangemode": "tozero"}
    ticks = look.log_ticks(float(positive.min()) / 1.2, float(shown.max()) * 1.2, 5)
    return axis | {"type": "log", "tickmode": "array", "tickvals": ticks, "ticktext": [look.tick_text(t) for t in ticks]}


def _energy_traces(energy: np.ndarray, present: int, axis: str, theme: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The share so far (k,) as a line; and a dot with its label where the present rank is."""
    colours, x = look.palette(theme), np.arange(1, len(energy) + 1)
    line = {
        "type": "scatter", "mode": "lines", "x": x, "y": 100 * energy, "yaxis": axis,
        "line": {"color": colours.categorical[1], "width": 2.2},
        "hovertemplate": "first %{x}: %{y:.1f} % of the energy<extra></extra>",
    }  # fmt: skip
    if not 1 <= present <= len(x):
        return [line], []
    reached = 100 * float(energy[present - 1])
    dot = {
        "type": "scatter", "mode": "markers", "x": [present], "y": [reached], "yaxis": axis,
        "marker": {"size": 9, "color": colours.categorical[1]}, "hoverinfo": "skip",
    }  # fmt: skip
    near_end = present > 0.6 * len(x)
    place = {"x": present, "y": reached, "yref": axis, "yanchor": "top", "yshift": -6}
    place |= {"xanchor": "right" if near_end else "left", "xshift": -4 if near_end else 6}
    return [line, dot], [look.annotation(theme, f"first {present}: {reached:.1f} %", **place)]


def gram_matrices(
    VtV: ArrayLike,
    HHt: ArrayLike,
    *,
    names: tuple[str, str] = ("VᵀV", "HHᵀ, rows of unit length"),
    theme: str = "light",
    height: int = 330,
) -> Picture:
    """VᵀV beside HHᵀ, (r, r) each, on one colour scale from -1 to 1: orthonormal or overlapping. Numbers for small r."""
    both = [np.asarray(VtV, float), np.asarray(HHt, float)]
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "margin": {"l": 30, "r": 76, "t": 28, "b": 28}}
    for gram, name, suffix, domain in zip(both, names, ("", "2"), ([0, 0.47], [0.53, 1]), strict=True):
        traces += _gram_traces(gram, plotly(name), suffix, theme)
        layout |= _gram_axes(len(gram), suffix, domain, theme)
        place = {"xref": "paper", "x": domain[0], "xanchor": "left", "yref": "paper", "y": 1, "yanchor": "bottom", "yshift": 2}
        layout["annotations"].append(look.annotation(theme, f"<b>{plotly(name)}</b>", **place))
    identity = np.allclose(both[0], np.eye(len(both[0])), atol=1e-4)
    off = both[1] - np.diag(np.diag(both[1]))
    alt = f"The left matrix is {'the identity' if identity else 'not the identity'}"
    alt += f"; in the right one the largest overlap of two rows is {off.max():.2f}." if len(off) > 1 else "."

    def table() -> pd.DataFrame:
        frames = []
        for gram, name in zip(both, names, strict=True):
            i, j = np.divmod(np.arange(gram.size), max(len(gram), 1))
            frames.append(pd.DataFrame({"matrix": name, "row": i + 1, "column": j + 1, "inner product": gram.ravel()}))
        return pd.concat(frames, ignore_index=True)

    return Picture(look.figure(traces, layout, theme, height=height), alt, table)


def _gram_traces(gram: np.ndarray, name: str, suffix: str, theme: str) -> list[dict[str, Any]]:
    """The cells, and their numbers where they fit; the right one carries the colour bar of both."""
    r, colours = len(gram), look.palette(theme)
    numbers = [str(i + 1) for i in range(r)]
    cells = {
        "type": "heatmap", "z": gram.astype(np.float32), "x": numbers, "y": numbers, "xaxis": f"x{suffix}", "yaxis": f"y{suffix}",
        "zmin": -1.0, "zmax": 1.0, "colorscale": look.scale(colours.diverging), "showscale": bool(suffix),
        "colorbar": look.colourbar(theme, "inner product", tickmode="array", tickvals=[-1, -0.5, 0, 0.5, 1]),
        "xgap": 1 if r <= FEW_CELLS else 0, "ygap": 1 if r <= FEW_CELLS else 0,
        "hovertemplate": f"{name} %{{y}}, %{{x}}: %{{z:.3f}}<extra></extra>",
    }  # fmt: skip
    if r > MOST_NUMBERS:
        return [cells]
    texts = [[SHORT.get(text, text) for text in row] for row in look.numbers(gram, 2)]
    return [cells, look.cell_numbers(gram, texts, cells, colours.diverging)]


def _gram_axes(r: int, suffix: str, domain: list[float], theme: str) -> dict[str, Any]:
    """Both axes of one matrix, with at most about twelve numbers on each."""
    numbers = [str(i + 1) for i in range(r)][:: max(1, int(np.ceil(r / 12)))]
    common = {"type": "category", "showgrid": False, "tickmode": "array", "tickvals": numbers, "ticktext": numbers}
    x = look.axis(theme, None, domain=domain, anchor=f"y{suffix}", **common)
    y = look.axis(theme, None, anchor=f"x{suffix}", autorange="reversed", **common)
    return {f"xaxis{suffix}": x, f"yaxis{suffix}": y | ({"showticklabels": False} if suffix else {})}


def principal_angles(degrees: ArrayLike, *, theme: str = "light", height: int = 240) -> Picture:
    """Principal angles (r,) between the row spaces of H and of the first r singular vectors, 0° same to 90° unrelated."""
    angles = np.sort(np.asarray(degrees, float))
    x = np.arange(1, len(angles) + 1)
    trace: dict[str, Any] = {
        "type": "bar",
        "x": x,
        "y": angles,
        "marker": {"color": look.component_colour(0, theme)},
        "hovertemplate": "angle %{x}: %{y:.1f}°<extra></extra>",
    }
    if len(angles) <= 12:
        trace |= {"text": [f"{a:.0f}°" for a in angles], "textposition": "outside", "cliponaxis": False}
    layout: dict[str, Any] = {
        "xaxis": look.axis(theme, "principal angle", showgrid=False, tickformat=",d")
        | ({"dtick": 1} if len(angles) <= 12 else {"nticks": 8}),
        "yaxis": look.axis(theme, "degrees", range=[0, 98], tickmode="array", tickvals=[0, 30, 60, 90]),
        "bargap": 0.3,
    }
    alt = (
        f"{len(angles)} principal angles from {angles[0]:.1f}° to {angles[-1]:.1f}°; 0° would mean the same subspace."
        if len(angles)
        else "None."
    )
    return Picture(look.figure([trace], layout, theme, height=height), alt, lambda: pd.DataFrame({"angle": x, "degrees": angles}))
