"""How do the words of a topic compare with those of a singular vector, which has two signs?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.figures.words import Words
from dashboard.text.plain import clean, plotly

LABEL_WIDTH = 96  # px for a word beside its bar


@dataclass(frozen=True)
class _WordSide:
    """Half of the picture: words with a bar each, strongest on top."""

    words: Sequence[object]
    values: np.ndarray
    fill: str | list[str]
    domain: tuple[float, float]
    range: tuple[float, float]
    title: str
    head: str

    def trace(self, suffix: str) -> dict[str, Any]:
        return {
            "type": "bar", "orientation": "h", "y": np.arange(len(self.values)), "x": self.values, "width": 0.8,
            "xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "marker": {"color": self.fill},
            "customdata": [plotly(word) for word in self.words],
            "hovertemplate": "%{customdata}: %{x:.4f}<extra></extra>",
        }  # fmt: skip

    def axes(self, suffix: str, lines: int, theme: str) -> dict[str, Any]:
        colours = look.palette(theme)
        short, _ = look.shorten_all(self.words, LABEL_WIDTH)
        x = look.axis(theme, self.title, domain=list(self.domain), anchor=f"y{suffix}", nticks=5)
        zero = {"zeroline": bool(suffix), "zerolinecolor": colours.muted, "zerolinewidth": 1}
        y = look.axis(theme, None, anchor=f"x{suffix}", showgrid=False, fixedrange=True, automargin=False)
        ticks = {"tickmode": "array", "tickvals": np.arange(len(self.values)), "ticktext": short}
        font = {"size": look.TEXT_SIZE, "color": colours.text}
        return {
            f"xaxis{suffix}": x | {"range": list(self.range)} | zero,
            f"yaxis{suffix}": y | {"range": [lines - 0.5, -0.5]} | ticks | {"tickfont": font},
        }

    def label(self, theme: str) -> dict[str, Any]:
        place = {"xref": "paper", "x": self.domain[0], "xanchor": "left", "yref": "paper", "y": 1}
        place |= {"yanchor": "bottom", "yshift": 2}
        return look.annotation(theme, f"<b>{self.head}</b>", **place)


def nmf_beside_svd(
    words: Words,
    signed_words: Sequence[object],
    loadings: ArrayLike,
    *,
    vector: int,
    theme: str = "light",
    height: int | None = None,
) -> Picture:
    """Words of one NMF component left; right a singular vector with its positive words on top and its negative ones below.

    Parameters
    ----------
    words : of the component, strongest first, all weights >= 0
    signed_words, loadings : (v,) of the singular vector, from most positive to most negative
    vector : its number, counted from 0
    """
    w, v = words.values, np.asarray(loadings, float)
    called = words.label or str(words.component + 1)
    colours = look.palette(theme)
    lines = max(len(w), len(v), 1)
    reach = float(np.abs(v).max(initial=0.0)) or 1.0
    signs = [colours.diverging[-2] if value >= 0 else colours.diverging[1] for value in v]
    fill = look.component_colour(words.component, theme)
    sides = (
        _WordSide(
            words.terms, w, fill, (0.0, 0.36), (0, words.longest * 1.03), "weight in H, never below 0",
            f"NMF, {plotly(words.noun)} {plotly(called)}",
        ),
        _WordSide(
            signed_words, v, signs, (0.58, 1.0), (-reach * 1.03, reach * 1.03), "loading in V, both signs",
            f"SVD, vector {vector + 1}",
        ),
    )  # fmt: skip
    traces, layout = [], dict[str, Any]()
    for side, suffix in zip(sides, ("", "2"), strict=True):
        traces.append(side.trace(suffix))
        layout |= side.axes(suffix, lines, theme)
    layout["yaxis2"]["side"] = "left"  # labels stand at the left edge of the panel, not at zero in its middle
    layout |= {"annotations": [side.label(theme) for side in sides], "margin": {"l": LABEL_WIDTH + 10, "r": 12, "t": 26, "b": 48}}
    alt = f"{clean(words.noun).capitalize()} {called} of the NMF: {_listed(words.terms)}. Singular vector {vector + 1}: "
    alt += _signs_sentence(signed_words, v)

    drawn = look.figure(traces, layout, theme, height=height or 22 * lines + 76)
    return Picture(drawn, alt, lambda: _table(words.terms, w, signed_words, v))


def _table(words: Sequence[object], weights: np.ndarray, signed_words: Sequence[object], loadings: np.ndarray) -> pd.DataFrame:
    model = ["NMF"] * len(words) + ["SVD"] * len(signed_words)
    said = [str(word) for word in (*words, *signed_words)]
    return pd.DataFrame({"model": model, "word": said, "weight": np.concatenate([weights, loadings])})


def _signs_sentence(words: Sequence[object], loadings: np.ndarray) -> str:
    above, below = ([t for t, v in zip(words, loadings, strict=True) if (v < 0) == side] for side in (False, True))
    return f"positive {_listed(above)}; " + (f"negative {_listed(below)}." if below else "none negative.")


def _listed(words: Sequence[object], most: int = 8) -> str:
    return ", ".join(clean(word, 40) for word in words[:most])
