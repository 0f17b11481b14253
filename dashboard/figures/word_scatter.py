"""Which words are one group's own, and which the other's? A scatter, in the manner of Scattertext."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.core.factorization import Axis
from nmfcore.core.written import signed
from nmfcore.methods.groups import LogOdds

MOST_NAMED = 24  # words that are written beside their points, on each side
MOST_POINTS = 500  # words that are drawn, those with the largest z: as SVG they are there sooner than on a WebGL canvas
LINE = 18  # px from the name of one word to the next
WIDE = 130  # px of a word's name at most
WORDS = Axis("words", "word")
SURE = 1.96  # z beyond which one word alone would be called different at 5 %


def word_scatter(
    found: LogOdds,
    terms: Sequence[str],
    first: str,
    second: str,
    *,
    searched: Sequence[int] = (),
    axis: Axis = WORDS,
    theme: str = "light",
    height: int = 460,
) -> Picture:
    """Each word: how frequent it is, and how much more one group's than the other's.

    terms : (n,) of the words;  searched : columns that are marked;  axis : what they are called
    """
    ink = look.palette(theme)
    total = found.first + found.second
    live = np.flatnonzero(total > 0)
    drawn = live[np.argsort(-np.abs(found.z[live]), kind="stable")[:MOST_POINTS]]
    up, down = found.most(MOST_NAMED), found.most(MOST_NAMED, of_first=False)
    named = _apart([*map(int, searched), *map(int, up), *map(int, down)], total, found.z, terms, height)
    drawn = np.unique(np.concatenate([drawn, named])).astype(int)
    traces = [_points(found, drawn, terms, (first, second), theme), _names(found, named, terms, searched, ink)]
    layout = {
        "xaxis": look.axis(theme, f"how often the {plotly(axis.singular)} is in both", type="log") | _ticks(total[drawn]),
        "yaxis": look.axis(theme, f"z: {plotly(first, 24)} ↑   {plotly(second, 24)} ↓", zeroline=True, zerolinecolor=ink.muted),
        "shapes": [look.line(theme, y=(z, z), line={"color": ink.grey, "width": 1}) for z in (SURE, -SURE)],
        "margin": {"l": 64, "r": 20, "t": 12, "b": 50},
    }
    many, owners = clean(axis.name).capitalize(), ((first, up), (second, down))
    own = [(clean(group, 60), ", ".join(clean(terms[j], 30) for j in words[:6]) or "none") for group, words in owners]
    alt = " ".join(f"{many} most {group}'s own: {listed}." for group, listed in own)
    left_out = len(live) - len(drawn)
    note = f"{left_out:,} {clean(axis.name)} with the smallest z are not drawn; the numbers hold them all." if left_out else None

    def table() -> pd.DataFrame:
        order = live[np.argsort(-found.z[live], kind="stable")]
        return pd.DataFrame(
            {
                clean(axis.singular): [str(terms[j]) for j in order], first: found.first[order], second: found.second[order],
                "log-odds": found.delta[order], "z": found.z[order],
            }
        )  # fmt: skip

    return Picture(look.figure(traces, layout, theme, height=height), alt, table, note)


def _ticks(total: np.ndarray) -> dict[str, Any]:
    """A few round numbers on the axis of counts."""
    ends = (float(total.min(initial=np.inf)), float(total.max(initial=1.0))) if len(total) else (1.0, 1.0)
    values = [value for value in look.log_ticks(*ends) if value % 1 == 0]
    return {"tickmode": "array", "tickvals": values, "ticktext": [look.tick_text(value) for value in values]}


def _points(found: LogOdds, drawn: np.ndarray, terms: Sequence[str], groups: tuple[str, str], theme: str) -> dict[str, Any]:
    """The words that are drawn, coloured by whose they are."""
    one, other = look.component_colour(0, theme), look.component_colour(1, theme)
    colours = np.where(found.z[drawn] > SURE, one, np.where(found.z[drawn] < -SURE, other, look.palette(theme).grey))
    first, second = (plotly(group, 40) for group in groups)
    hover = [
        f"<b>{plotly(terms[j], 60)}</b><br>{first}: {found.first[j]:,.0f} · "
        f"{second}: {found.second[j]:,.0f}<br>log-odds {signed(found.delta[j], 2)}, z {signed(found.z[j])}"
        for j in drawn
    ]
    return {
        "type": "scatter", "mode": "markers", "x": (found.first + found.second)[drawn], "y": found.z[drawn],
        "marker": {"color": colours, "size": 6, "opacity": 0.75}, "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip


def _names(found: LogOdds, named: np.ndarray, terms: Sequence[str], searched: Sequence[int], ink: look.Palette) -> dict[str, Any]:
    """The words that are written, those that are searched marked."""
    marked = np.isin(named, np.asarray(searched, int))
    return {
        "type": "scatter", "mode": "markers+text", "x": (found.first + found.second)[named], "y": found.z[named],
        "text": [look.shorten(terms[j], WIDE, look.SMALL_SIZE) for j in named],
        "textposition": ["top center" if found.z[j] >= 0 else "bottom center" for j in named],
        "textfont": {"size": look.SMALL_SIZE, "color": [ink.alarm if m else ink.text for m in marked]},
        "marker": {"size": np.where(marked, 11, 1), "color": ink.alarm, "opacity": np.where(marked, 1.0, 0.0)},
        "hoverinfo": "skip", "cliponaxis": False,
    }  # fmt: skip


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
        width = min(look.text_width(str(terms[j]), look.SMALL_SIZE), WIDE)
        if all(abs(at - a) > (width + w) / 2 + 16 or abs(row - b) > LINE for a, b, w in placed):
            placed.append((at, row, width))
            kept.append(j)
    return np.array(kept, int)
