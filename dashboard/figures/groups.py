"""How do topics differ between groups and through time, and which words are a group's own?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.methods.groups import LEAST, LEVEL, GroupShares, LogOdds

ROW = 26  # px of a cell
LABEL = 190  # px for a group's name at most
ACROSS = 3  # small multiples side by side
DOT_ROW = 17  # px of a group in a small multiple
SIGNIFICANT = 0.05
MOST_NAMED = 24  # words that are written beside their points, on each side
MOST_POINTS = 6_000  # words that are drawn, those with the largest z; the table holds all
LINE = 18  # px from the name of one word to the next
COUNT_SHARE = 0.2  # of the picture's height for the counts beneath


def group_heatmap(
    found: GroupShares, names: Sequence[str], order: Sequence[int], *, grouping: str, noun: str, theme: str = "light"
) -> Picture:
    """Groups by topics: the number is the mean share, the colour how far it is from that of all items.

    names : (r,) of the topics;  order : topics from left to right;  grouping : what the groups are ("decade")
    """
    mean, gap = 100 * found.mean[:, order], 100 * found.difference[:, order]
    thick = found.sizes >= LEAST if (found.sizes >= LEAST).any() else found.sizes > 0  # thin groups would set the colours of all
    most = float(np.nanmax(np.abs(gap[thick]), initial=1.0))
    marks = np.where(found.p[:, order] <= SIGNIFICANT, " •", "")
    texts = [
        ["" if np.isnan(value) else f"{value:.0f}{mark}" for value, mark in zip(row, line, strict=True)]
        for row, line in zip(mean, marks, strict=True)
    ]
    labels, left = look.shorten_all([f"{name} ({n:,})" for name, n in zip(found.names, found.sizes, strict=True)], LABEL)
    hover = [[_cell_words(found, g, k, names, noun) for k in order] for g in range(len(found.names))]
    ink = look.palette(theme)
    colours = [
        look.ink_on(look.colour_at(ink.diverging, 0.5 + 0.5 * float(np.nan_to_num(value)) / most)) for row in gap for value in row
    ]
    trace: dict[str, Any] = {
        "type": "heatmap", "z": gap, "x": np.arange(len(order)), "y": np.arange(len(found.names)), "zmid": 0.0, "zmin": -most,
        "zmax": most, "colorscale": look.scale(ink.diverging), "customdata": hover, "xgap": 1, "ygap": 1,
        "hovertemplate": "%{customdata}<extra></extra>", "colorbar": look.colourbar(theme, "points above or<br>below all items"),
    }  # fmt: skip
    places = [(g, k) for g in range(len(found.names)) for k in range(len(order))]
    written: dict[str, Any] = {
        "type": "scatter", "mode": "text", "x": [k for _, k in places], "y": [g for g, _ in places],
        "text": [texts[g][k] for g, k in places], "textfont": {"size": look.NUMBER_SIZE, "color": colours}, "hoverinfo": "skip",
    }  # fmt: skip
    layout = {
        "xaxis": look.axis(theme, plotly(noun), showgrid=False, fixedrange=True, side="top", zeroline=False)
        | {"tickmode": "array", "tickvals": np.arange(len(order)), "ticktext": [str(k + 1) for k in order]},
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, autorange="reversed", automargin=False, zeroline=False)
        | {"tickmode": "array", "tickvals": np.arange(len(found.names)), "ticktext": labels},
        "margin": {"l": int(left) + 10, "r": 90, "t": 46, "b": 8},
    }
    strongest = np.unravel_index(int(np.nanargmax(np.abs(np.nan_to_num(found.z)))), found.z.shape)
    alt = (
        f"Mean share of {len(order)} {clean(noun)}s in {len(found.names)} groups by {clean(grouping)}. Furthest from all items: "
    )
    alt += clean(_cell_words(found, int(strongest[0]), int(strongest[1]), names, noun).replace("<br>", ", "), 300)
    figure = look.figure([trace, written], layout, theme, height=ROW * len(found.names) + 60)
    return Picture(figure, alt, lambda: share_table(found, names, noun))


def _cell_words(found: GroupShares, g: int, k: int, names: Sequence[str], noun: str) -> str:
    if np.isnan(found.mean[g, k]):
        return f"{plotly(found.names[g])}: no items"
    said = [
        f"<b>{plotly(found.names[g])}</b>, {plotly(noun)} {k + 1} · {plotly(names[k], 50)}",
        f"{100 * found.mean[g, k]:.1f} % ({100 * found.low[g, k]:.1f} to {100 * found.high[g, k]:.1f}), "
        f"all items {100 * found.whole[k]:.1f} %",
    ]
    if np.isfinite(found.p[g, k]):
        said.append(f"chance: {_p(found.p[g, k], found.shuffles)}")
    return "<br>".join(said)


def _p(p: float, shuffles: int) -> str:
    return f"p < {2 / (shuffles + 1):.3g}" if p <= 1 / (shuffles + 1) else f"p = {p:.2g}"


def share_table(found: GroupShares, names: Sequence[str], noun: str) -> pd.DataFrame:
    """All numbers: one line for each group and topic."""
    g, r = found.mean.shape
    groups, topics = np.repeat(np.arange(g), r), np.tile(np.arange(r), g)
    return pd.DataFrame(
        {
            "group": [found.names[i] for i in groups], "items": found.sizes[groups], noun: topics + 1,
            "name": [names[k] for k in topics], "mean share": found.mean.ravel(), f"low {LEVEL:.0%}": found.low.ravel(),
            f"high {LEVEL:.0%}": found.high.ravel(), "all items": found.whole[topics], "z": found.z.ravel(),
            "p, corrected": found.p.ravel(),
        }
    )  # fmt: skip


def group_multiples(
    found: GroupShares,
    names: Sequence[str],
    order: Sequence[int],
    *,
    noun: str,
    theme: str = "light",
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """A small chart for each topic: its mean share and interval in every group, the line its share of all items."""
    ink, g = look.palette(theme), len(found.names)
    lines = -(-len(order) // ACROSS)
    cell, gap = DOT_ROW * g + 8, 44
    height = lines * (cell + gap) + 30
    top_value = 100 * float(np.nanmax(found.high, initial=0.01))
    labels, left = look.shorten_all(found.names, 96)
    share = (width - ACROSS * (left + 14)) / ACROSS / width
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "shapes": [], "margin": {"l": 0, "r": 8, "t": 26, "b": 4}}
    inner = height - 30
    for at, k in enumerate(order):
        down, across = divmod(at, ACROSS)
        suffix = "" if at == 0 else str(at + 1)
        x0 = across / ACROSS + (left + 10) / width
        top = 1.0 - (down * (cell + gap) + gap - 22) / inner
        colour = look.component_colour(k, theme)
        mean, low, high = (100 * side[:, k] for side in (found.mean, found.low, found.high))
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": mean, "y": np.arange(g), "xaxis": f"x{suffix}", "yaxis": f"y{suffix}",
                "marker": {
                    "color": colour, "size": 7,
                    "symbol": ["circle" if p <= SIGNIFICANT else "circle-open" for p in np.nan_to_num(found.p[:, k], nan=1.0)],
                },
                "error_x": {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, "color": colour,
                            "thickness": 1.5, "width": 0},
                "customdata": [_cell_words(found, i, k, names, noun) for i in range(g)],
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )  # fmt: skip
        layout[f"xaxis{suffix}"] = look.bare_axis(
            range=[0, top_value * 1.03], domain=[x0, min(x0 + share, 1.0)], anchor=f"y{suffix}", fixedrange=True
        )
        layout[f"yaxis{suffix}"] = look.axis(
            theme,
            None,
            showgrid=False,
            fixedrange=True,
            automargin=False,
            range=[g - 0.5, -0.5],
            domain=[max(top - cell / inner, 0.0), top],
            anchor=f"x{suffix}",
            zeroline=False,
        ) | {"tickmode": "array", "tickvals": np.arange(g), "ticktext": labels}
        layout[f"yaxis{suffix}"]["tickfont"] = {"size": look.SMALL_SIZE, "color": ink.text}
        mark = {
            "type": "line",
            "xref": f"x{suffix}",
            "yref": f"y{suffix}",
            "x0": 100 * found.whole[k],
            "x1": 100 * found.whole[k],
        }
        layout["shapes"].append(mark | {"y0": -0.5, "y1": g - 0.5, "line": {"color": ink.muted, "width": 1, "dash": "dot"}})
        head = f"<b>{k + 1} · {look.shorten(names[k], width / ACROSS - 40)}</b>"
        place = {"xref": "paper", "yref": "paper", "x": across / ACROSS, "y": top, "xanchor": "left", "yanchor": "bottom"}
        layout["annotations"].append(look.annotation(theme, head, align="left", **place))
    alt = f"For each of {len(order)} {clean(noun)}s the mean share in {g} groups, 0 to {top_value:.0f} %. "
    alt += "; ".join(f"{clean(noun)} {k + 1} is highest in {clean(found.names[found.highest(k)], 40)}" for k in order[:20]) + "."
    return Picture(look.figure(traces, layout, theme, height=height), alt, lambda: share_table(found, names, noun))


def word_scatter(
    found: LogOdds,
    terms: Sequence[str],
    first: str,
    second: str,
    *,
    searched: Sequence[int] = (),
    theme: str = "light",
    height: int = 460,
) -> Picture:
    """Each word: how frequent it is, and how much more one group's than the other's, in the manner of Scattertext.

    terms : (n,) of the words;  searched : columns that are marked
    """
    ink = look.palette(theme)
    total = found.first + found.second
    live = np.flatnonzero(total > 0)
    drawn = live[np.argsort(-np.abs(found.z[live]), kind="stable")[:MOST_POINTS]]
    up, down = found.most(MOST_NAMED), found.most(MOST_NAMED, of_first=False)
    named = _apart([*map(int, searched), *map(int, up), *map(int, down)], total, found.z, terms, height)
    drawn = np.unique(np.concatenate([drawn, named])).astype(int)
    one, other = look.component_colour(0, theme), look.component_colour(1, theme)
    colours = np.where(found.z[drawn] > 1.96, one, np.where(found.z[drawn] < -1.96, other, ink.grey))
    hover = [
        f"<b>{plotly(terms[j], 60)}</b><br>{plotly(first, 40)}: {found.first[j]:,.0f} · "
        f"{plotly(second, 40)}: {found.second[j]:,.0f}<br>log-odds {found.delta[j]:+.2f}, z {found.z[j]:+.1f}"
        for j in drawn
    ]
    points: dict[str, Any] = {
        "type": "scattergl", "mode": "markers", "x": total[drawn], "y": found.z[drawn],
        "marker": {"color": colours, "size": 6, "opacity": 0.75}, "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
    marked = np.isin(named, np.asarray(searched, int))
    words: dict[str, Any] = {
        "type": "scatter", "mode": "markers+text", "x": total[named], "y": found.z[named],
        "text": [look.shorten(terms[j], 130, look.SMALL_SIZE) for j in named],
        "textposition": ["top center" if found.z[j] >= 0 else "bottom center" for j in named],
        "textfont": {"size": look.SMALL_SIZE, "color": [ink.alarm if m else ink.text for m in marked]},
        "marker": {"size": np.where(marked, 11, 1), "color": ink.alarm, "opacity": np.where(marked, 1.0, 0.0)},
        "hoverinfo": "skip", "cliponaxis": False,
    }  # fmt: skip
    layout = {
        "xaxis": look.axis(theme, "how often the word is in both", type="log"),
        "yaxis": look.axis(theme, f"z: {plotly(first, 24)} ↑   {plotly(second, 24)} ↓", zeroline=True, zerolinecolor=ink.muted),
        "shapes": [look.line(theme, y=(z, z), line={"color": ink.grey, "width": 1}) for z in (1.96, -1.96)],
        "margin": {"l": 64, "r": 20, "t": 12, "b": 50},
        "hovermode": "closest",
    }
    alt = f"Words most {clean(first, 60)}'s own: {', '.join(clean(terms[j], 30) for j in up[:6]) or 'none'}. "
    alt += f"Words most {clean(second, 60)}'s own: {', '.join(clean(terms[j], 30) for j in down[:6]) or 'none'}."
    left_out = len(live) - len(drawn)
    note = f"{left_out:,} words with the smallest z are not drawn; the numbers hold them all." if left_out else None

    def table() -> pd.DataFrame:
        order = live[np.argsort(-found.z[live], kind="stable")]
        return pd.DataFrame(
            {
                "word": [str(terms[j]) for j in order], first: found.first[order], second: found.second[order],
                "log-odds": found.delta[order], "z": found.z[order],
            }
        )  # fmt: skip

    return Picture(look.figure([points, words], layout, theme, height=height), alt, table, note)


def _apart(wanted: Sequence[int], x: np.ndarray, y: np.ndarray, terms: Sequence[str], height: int) -> np.ndarray:
    """The words whose names do not lie on another's, the first ones first; estimated in pixels of the usual width."""
    live = x > 0
    if not wanted or not live.any():
        return np.array([], int)
    left, right = np.log(x[live].min()), np.log(x[live].max())
    low, high = float(y.min()), float(y.max())
    across, down = 440.0 / max(right - left, 1e-9), (height - 80.0) / max(high - low, 1e-9)
    placed: list[tuple[float, float, float]] = []
    kept = []
    for j in (one for one in dict.fromkeys(wanted) if live[one]):
        at, row = (np.log(x[j]) - left) * across, (y[j] - low) * down + (9 if y[j] >= 0 else -9)
        width = min(look.text_width(str(terms[j]), look.SMALL_SIZE), 130.0)
        if all(abs(at - a) > (width + w) / 2 + 16 or abs(row - b) > LINE for a, b, w in placed):
            placed.append((at, row, width))
            kept.append(j)
    return np.array(kept, int)


def over_time(
    found: GroupShares,
    names: Sequence[str],
    topics: Sequence[int],
    *,
    noun: str,
    unit: str,
    theme: str = "light",
    height: int = 380,
) -> Picture:
    """Mean shares bin by bin with their intervals, and beneath how many items each bin has."""
    ink, places = look.palette(theme), np.arange(len(found.names))
    traces: list[dict[str, Any]] = []
    for k in topics:
        colour = look.component_colour(k, theme)
        mean, low, high = (100 * side[:, k] for side in (found.mean, found.low, found.high))
        traces += [_band(places[part], low[part], high[part], colour) for part in _runs(mean)]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": places, "y": mean, "connectgaps": False,
                "name": f"{k + 1} · {look.shorten(names[k], 150)}", "line": {"color": colour, "width": 2},
                "marker": {"size": 6, "color": colour, "symbol": np.where(found.sizes < LEAST, "circle-open", "circle")},
                "showlegend": True,
                "customdata": [_cell_words(found, i, k, names, noun) for i in range(len(places))],
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )  # fmt: skip
    traces.append(
        {
            "type": "bar", "x": places, "y": found.sizes, "yaxis": "y2", "marker": {"color": ink.grey}, "showlegend": False,
            "customdata": [plotly(name) for name in found.names], "hovertemplate": "%{customdata}: %{y:,} items<extra></extra>",
        }
    )  # fmt: skip
    every = max(1, -(-len(places) // 12))
    ticks = {"tickmode": "array", "tickvals": places[::every], "ticktext": [plotly(name) for name in found.names[::every]]}
    layout = {
        "xaxis": look.axis(theme, plotly(unit), anchor="y2", range=[-0.6, len(places) - 0.4]) | ticks,
        "yaxis": look.axis(theme, "mean share, %", rangemode="tozero", domain=[COUNT_SHARE + 0.06, 1.0]),
        "yaxis2": look.axis(theme, "items", rangemode="tozero", domain=[0.0, COUNT_SHARE], nticks=3, anchor="x"),
        "showlegend": len(topics) > 0,
        "legend": look.legend(theme, orientation="h", y=1.02, yanchor="bottom", x=0, xanchor="left"),
        "margin": {"l": 60, "r": 12, "t": 30 + 22 * (-(-len(topics) // 4)), "b": 48},
        "hovermode": "closest",
    }
    alt = f"Mean shares of {len(topics)} {clean(noun)}s over {len(places)} bins ({clean(unit)}). "
    for k in list(topics)[:4]:
        if np.isfinite(found.mean[:, k]).any():
            alt += f"{clean(noun)} {k + 1} is highest in {clean(found.names[found.highest(k)], 40)}. "
    return Picture(look.figure(traces, layout, theme, height=height), alt.strip(), lambda: share_table(found, names, noun))


def _band(x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> dict[str, Any]:
    """The interval around a line, over a stretch without gaps."""
    return {
        "type": "scatter", "mode": "lines", "x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]]),
        "fill": "toself", "fillcolor": look.faded(colour, 0.16), "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _runs(values: np.ndarray) -> list[np.ndarray]:
    """Stretches of neighbouring places where there is a value."""
    live = np.flatnonzero(np.isfinite(values))
    return [part for part in np.split(live, np.flatnonzero(np.diff(live) > 1) + 1) if len(part) > 1]


def subset_bars(mean: np.ndarray, whole: np.ndarray, names: Sequence[str], *, noun: str, theme: str = "light") -> Picture:
    """Mean shares of the items that pass a filter, the coloured bar, against those of all, the line."""
    ink, r = look.palette(theme), len(mean)
    labels, left = look.shorten_all([f"{k + 1} · {name}" for k, name in enumerate(names)], LABEL)
    gap = 100 * (mean - whole)
    bars: dict[str, Any] = {
        "type": "bar", "orientation": "h", "x": 100 * mean, "y": np.arange(r), "width": 0.7,
        "marker": {"color": [look.component_colour(k, theme) for k in range(r)]},
        "hoverinfo": "skip",
    }  # fmt: skip
    end = 100 * float(max(mean.max(), whole.max())) * 1.02
    numbers: dict[str, Any] = {
        "type": "scatter", "mode": "text", "x": [end] * r, "y": np.arange(r), "textposition": "middle right", "cliponaxis": False,
        "text": [f"{100 * value:.1f} % ({change:+.1f})" for value, change in zip(mean, gap, strict=True)],
        "textfont": {"size": look.SMALL_SIZE, "color": ink.text}, "hoverinfo": "skip",
    }  # fmt: skip
    shapes = [
        {"type": "line", "x0": 100 * value, "x1": 100 * value, "y0": k - 0.42, "y1": k + 0.42,
         "line": {"color": ink.strong, "width": 2}}
        for k, value in enumerate(whole)
    ]  # fmt: skip
    layout = {
        "xaxis": look.bare_axis(range=[0, end], fixedrange=True),
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, automargin=False, range=[r - 0.5, -0.5], zeroline=False)
        | {"tickmode": "array", "tickvals": np.arange(r), "ticktext": labels},
        "margin": {"l": int(left) + 10, "r": 110, "t": 2, "b": 2},
        "shapes": shapes,
    }
    most, least = int(np.argmax(gap)), int(np.argmin(gap))
    alt = f"Against all items these are {gap[most]:+.1f} points in {clean(noun)} {most + 1} and {gap[least]:+.1f} in {least + 1}."
    table = lambda: pd.DataFrame({noun: np.arange(1, r + 1), "name": list(names), "these": mean, "all": whole})  # noqa: E731
    return Picture(look.figure([bars, numbers], layout, theme, height=22 * r + 8), alt, table)
