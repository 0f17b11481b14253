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
from dashboard.text.plain import clean, plotly

MOST_NUMBERS = 8  # components up to which the Gram matrices carry numbers
MOST_BARS = 60  # singular values drawn as bars; more become a line
LABEL_WIDTH = 96  # px for a word beside its bar
SHORT = {"0.00": "0", "1.00": "1", "−1.00": "−1"}  # so that the identity looks like one


def error_over_rank(
    floor: ArrayLike,
    ranks: Sequence[int],
    errors: Sequence[float],
    *,
    present: int,
    spread: tuple[ArrayLike, ArrayLike] | None = None,
    theme: str = "light",
    height: int = 320,
) -> Picture:
    """The SVD floor over ranks 1, 2, ... and NMF's relative errors, the present rank marked.

    Parameters
    ----------
    floor : (k,) relative errors of the SVD at ranks 1 to k
    ranks, errors : NMF's, one point per run; several runs may share a rank
    spread : lowest and highest error at each of `ranks`, as a bar through the point
    """
    low, x = np.asarray(floor, float), np.arange(1, np.size(floor) + 1)
    ranks_, errors_ = np.asarray(ranks, int), np.asarray(errors, float)
    sort = np.argsort(ranks_, kind="stable")
    ranks_, errors_ = ranks_[sort], errors_[sort]
    colours = look.palette(theme)
    here = ranks_ == present
    last = int(min(len(low), max(3 * max([present, *ranks_.tolist()]), 12)))
    points: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers" if len(np.unique(ranks_)) == len(ranks_) > 1 else "markers",
        "x": ranks_,
        "y": errors_,
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
    if spread is not None:
        down, up = (np.asarray(side, float)[sort] for side in spread)
        points["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": up - errors_,
            "arrayminus": errors_ - down,
            "thickness": 1.2,
            "width": 3,
        }
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x[:last],
            "y": low[:last],
            "name": "SVD floor",
            "line": {"color": colours.strong, "width": 1.5, "dash": "dot"},
            "hovertemplate": "rank %{x}: SVD floor %{y:.4f}<extra></extra>",
        },
        points,
    ]
    layout = {
        "xaxis": look.axis(theme, "rank", showgrid=False, range=[0.4, last + 0.6], tickformat=",d", nticks=8)
        | ({"dtick": 1, "tick0": 1} if last <= 12 else {}),
        "yaxis": look.axis(theme, "relative error", nticks=5),
        "shapes": [
            look.line(theme, x=(present, present), line={"color": colours.muted, "width": 1, "dash": "solid"}, layer="below")
        ],
        "annotations": [
            look.annotation(theme, f"rank {present}", x=present, yref="paper", y=1, yanchor="top", xanchor="left", xshift=4)
        ],
        "showlegend": True,
        "legend": look.legend(theme),
        "margin": {"l": 64, "r": 12, "t": 32, "b": 48},
    }
    alt = (
        f"The SVD floor falls from {low[0]:.4f} at rank 1 to {low[last - 1]:.4f} at rank {last}."
        if len(low)
        else "No floor is known."
    )
    if here.any() and 1 <= present <= len(low):
        best = float(errors_[here].min())
        alt += f" At rank {present} NMF has {best:.4f}, {best - low[present - 1]:.4f} above the floor {low[present - 1]:.4f}."

    def table() -> pd.DataFrame:
        model = ["SVD"] * len(low) + ["NMF"] * len(ranks_)
        return pd.DataFrame({"rank": [*x, *ranks_], "model": model, "relative error": [*low, *errors_]})

    return Picture(look.figure(traces, layout, theme, height=height), alt, table)


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
    x = np.arange(1, len(shown) + 1)
    energy = np.cumsum(s**2) / squared_norm if squared_norm > 0 else np.zeros_like(s)
    colours = look.palette(theme)
    both = show == "both"
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "xaxis": look.axis(
            theme, "number of the singular value", showgrid=False, range=[0.3, len(shown) + 0.7], tickformat=",d", nticks=8
        )
        | ({"dtick": 1, "tick0": 1} if len(shown) <= 12 else {}),
        "margin": {"l": 64, "r": 12, "t": 12, "b": 48},
        "annotations": [],
        "bargap": 0.25,
    }
    inside = x <= present
    if show != "energy":
        positive = shown > 0
        common = {"x": x, "y": shown, "hovertemplate": "σ<sub>%{x}</sub> = %{y:.4g}<extra></extra>"}
        fill = np.where(inside, colours.categorical[0], colours.grey)
        if len(shown) <= MOST_BARS and not log:
            traces.append({"type": "bar", "marker": {"color": fill.tolist()}} | common)
        else:
            dots = {"type": "scatter", "mode": "lines+markers", "marker": {"color": fill.tolist(), "size": 5}}
            traces.append(dots | {"line": {"color": colours.grey, "width": 1}} | common)
        axis = look.axis(theme, "singular value", nticks=5, domain=[0.55, 1.0] if both else [0, 1], anchor="x")
        if log and positive.any():
            ticks = look.log_ticks(float(shown[positive].min()) / 1.2, float(shown.max()) * 1.2, 5)
            axis |= {"type": "log", "tickmode": "array", "tickvals": ticks, "ticktext": [look.tick_text(t) for t in ticks]}
        else:
            axis["rangemode"] = "tozero"
        layout["yaxis"] = axis
    if show != "values":
        side = "2" if both else ""
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": 100 * energy[: len(x)],
                "yaxis": f"y{side}",
                "line": {"color": colours.categorical[1], "width": 2.2},
                "hovertemplate": "first %{x}: %{y:.1f} % of the energy<extra></extra>",
            }
        )
        top = 100 * float(energy[len(x) - 1]) if len(x) else 100.0
        layout[f"yaxis{side}"] = look.axis(theme, "energy so far", domain=[0, 0.45] if both else [0, 1], anchor="x", nticks=4) | {
            "ticksuffix": " %",
            "range": [0, min(top * 1.12, 105)],
        }
        if both:
            layout["xaxis"]["anchor"] = "y2"
        if 1 <= present <= len(x):
            reached = 100 * float(energy[present - 1])
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": [present],
                    "y": [reached],
                    "yaxis": f"y{side}",
                    "marker": {"size": 9, "color": colours.categorical[1]},
                    "hoverinfo": "skip",
                }
            )
            near_end = present > 0.6 * len(x)
            place = {"x": present, "y": reached, "yref": f"y{side}", "yanchor": "top", "yshift": -6}
            place |= {"xanchor": "right" if near_end else "left", "xshift": -4 if near_end else 6}
            layout["annotations"].append(look.annotation(theme, f"first {present}: {reached:.1f} %", **place))
    at = min(present, len(energy))
    held = look.percent(energy[at - 1]) if at >= 1 else "nothing"
    alt = f"The first {look.count(present, 'singular value holds', 'singular values hold')} {held} of the energy"
    alt += f"; the largest is {s[0]:.4g}, the next {s[1]:.4g}." if len(s) > 1 else "."
    note = f"The first {len(shown):,} of {len(s):,}." if len(shown) < len(s) else None
    table = lambda: pd.DataFrame({"number": np.arange(1, len(s) + 1), "singular value": s, "energy so far": energy})  # noqa: E731
    return Picture(look.figure(traces, layout, theme, height=height), alt, table, note)


def nmf_beside_svd(
    words: Sequence[object],
    weights: ArrayLike,
    signed_words: Sequence[object],
    loadings: ArrayLike,
    *,
    component: int,
    vector: int | None = None,
    noun: str = "topic",
    theme: str = "light",
    height: int | None = None,
) -> Picture:
    """Words of one NMF component left; right a singular vector with its positive words on top and its negative ones below.

    Parameters
    ----------
    words, weights : (w,) of the component, strongest first, all >= 0
    signed_words, loadings : (v,) of the singular vector, from most positive to most negative
    component, vector : their numbers, counted from 0; the same when vector is None
    """
    w, v = np.asarray(weights, float), np.asarray(loadings, float)
    vector = component if vector is None else vector
    colours = look.palette(theme)
    lines = max(len(w), len(v), 1)
    reach = float(np.abs(v).max(initial=0.0)) or 1.0
    sides: list[dict[str, Any]] = [
        {
            "words": words,
            "values": w,
            "fill": look.component_colour(component, theme),
            "domain": [0.0, 0.36],
            "range": [0, (float(w.max(initial=0.0)) or 1.0) * 1.03],
            "title": "weight in H, never below 0",
            "head": f"NMF, {plotly(noun)} {component + 1}",
        },
        {
            "words": signed_words,
            "values": v,
            "fill": [colours.diverging[-2] if value >= 0 else colours.diverging[1] for value in v],
            "domain": [0.58, 1.0],
            "range": [-reach * 1.03, reach * 1.03],
            "title": "loading in V, both signs",
            "head": f"SVD, vector {vector + 1}",
        },
    ]
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    labels: list[dict[str, Any]] = []
    for k, side in enumerate(sides):
        suffix = "" if k == 0 else "2"
        places = np.arange(len(side["values"]))
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "y": places,
                "x": side["values"],
                "width": 0.8,
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
                "marker": {"color": side["fill"]},
                "customdata": [plotly(word) for word in side["words"]],
                "hovertemplate": "%{customdata}: %{x:.4f}<extra></extra>",
            }
        )
        short, _ = look.shorten_all(side["words"], LABEL_WIDTH)
        layout[f"xaxis{suffix}"] = look.axis(theme, side["title"], domain=side["domain"], anchor=f"y{suffix}", nticks=5) | {
            "range": side["range"],
            "zeroline": k == 1,
            "zerolinecolor": colours.muted,
            "zerolinewidth": 1,
        }
        layout[f"yaxis{suffix}"] = look.axis(
            theme, None, anchor=f"x{suffix}", showgrid=False, fixedrange=True, automargin=False
        ) | {
            "range": [lines - 0.5, -0.5],
            "tickmode": "array",
            "tickvals": places,
            "ticktext": short,
            "tickfont": {"size": look.TEXT_SIZE, "color": colours.text},
        }
        if k:  # labels stand at the left edge of the panel, not at zero in its middle
            layout["yaxis2"]["side"] = "left"
        place = {
            "xref": "paper",
            "x": side["domain"][0],
            "xanchor": "left",
            "yref": "paper",
            "y": 1,
            "yanchor": "bottom",
            "yshift": 2,
        }
        labels.append(look.annotation(theme, f"<b>{side['head']}</b>", **place))
    layout |= {"annotations": labels, "margin": {"l": LABEL_WIDTH + 10, "r": 12, "t": 26, "b": 48}}
    negative = int((v < 0).sum())
    alt = f"{clean(noun).capitalize()} {component + 1} of the NMF: {_listed(words)}. Singular vector {vector + 1}: "
    alt += f"positive {_listed([t for t, value in zip(signed_words, v, strict=True) if value >= 0])}; "
    alt += (
        f"negative {_listed([t for t, value in zip(signed_words, v, strict=True) if value < 0])}."
        if negative
        else "none negative."
    )

    def table() -> pd.DataFrame:
        model = ["NMF"] * len(w) + ["SVD"] * len(v)
        return pd.DataFrame({"model": model, "word": [str(t) for t in (*words, *signed_words)], "weight": np.concatenate([w, v])})

    return Picture(look.figure(traces, layout, theme, height=height or 22 * lines + 76), alt, table)


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
    colours = look.palette(theme)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    labels: list[dict[str, Any]] = []
    for k, (gram, name) in enumerate(zip(both, names, strict=True)):
        r, suffix = len(gram), "" if k == 0 else "2"
        numbers = [str(i + 1) for i in range(r)]
        every = max(1, int(np.ceil(r / 12)))
        trace = {
            "type": "heatmap",
            "z": gram.astype(np.float32),
            "x": numbers,
            "y": numbers,
            "xaxis": f"x{suffix}",
            "yaxis": f"y{suffix}",
            "zmin": -1.0,
            "zmax": 1.0,
            "colorscale": look.scale(colours.diverging),
            "showscale": k == 1,
            "colorbar": look.colourbar(theme, "inner product", tickmode="array", tickvals=[-1, -0.5, 0, 0.5, 1]),
            "xgap": 1 if r <= 30 else 0,
            "ygap": 1 if r <= 30 else 0,
            "hovertemplate": f"{plotly(name)} %{{y}}, %{{x}}: %{{z:.3f}}<extra></extra>",
        }
        if r <= MOST_NUMBERS:
            texts = [[SHORT.get(text, text) for text in row] for row in look.numbers(gram, 2)]
            traces += [trace, look.cell_numbers(gram, texts, trace, colours.diverging)]
        else:
            traces.append(trace)
        ticks = {"tickmode": "array", "tickvals": numbers[::every], "ticktext": numbers[::every]}
        domain = [0, 0.47] if k == 0 else [0.53, 1]
        layout[f"xaxis{suffix}"] = (
            look.axis(theme, None, type="category", domain=domain, anchor=f"y{suffix}", showgrid=False) | ticks
        )
        layout[f"yaxis{suffix}"] = (
            look.axis(theme, None, type="category", anchor=f"x{suffix}", showgrid=False, autorange="reversed") | ticks
        )
        if k:
            layout["yaxis2"]["showticklabels"] = False
        place = {"xref": "paper", "x": domain[0], "xanchor": "left", "yref": "paper", "y": 1, "yanchor": "bottom", "yshift": 2}
        labels.append(look.annotation(theme, f"<b>{plotly(name)}</b>", **place))
    layout |= {"annotations": labels, "margin": {"l": 30, "r": 76, "t": 28, "b": 28}}
    alt = "The left matrix is " + (
        "the identity" if np.allclose(both[0], np.eye(len(both[0])), atol=1e-4) else "not the identity"
    )
    off = both[1] - np.diag(np.diag(both[1]))
    alt += f"; in the right one the largest overlap of two rows is {off.max():.2f}." if len(off) > 1 else "."

    def table() -> pd.DataFrame:
        frames = []
        for gram, name in zip(both, names, strict=True):
            i, j = np.divmod(np.arange(gram.size), max(len(gram), 1))
            frames.append(pd.DataFrame({"matrix": name, "row": i + 1, "column": j + 1, "inner product": gram.ravel()}))
        return pd.concat(frames, ignore_index=True)

    return Picture(look.figure(traces, layout, theme, height=height), alt, table)


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


def _listed(words: Sequence[object], most: int = 8) -> str:
    return ", ".join(clean(word, 40) for word in words[:most])
