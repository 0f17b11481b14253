"""How large is each of a few named things? Horizontal bars with their numbers, on which other figures build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

ROW = 24  # px per bar
LABEL_WIDTH = 150  # px for a name at most
GAP = 8  # px between a bar and its number


@dataclass(frozen=True)
class Measure:
    """What bars are the sizes of.

    name : with its unit;  write : how a number is written;  nothing : what stands where none was measured
    top : where the axis ends; at the largest when None
    """

    name: str
    write: Callable[[float], str]
    nothing: str = "not measured"
    top: float | None = None

    def text(self, value: float) -> str:
        return self.nothing if np.isnan(value) else self.write(float(value))

    def axis(self, values: np.ndarray) -> dict[str, Any]:
        end = self.top if self.top is not None else float(np.nanmax(values, initial=0.0)) or 1.0
        return look.bare_axis(range=[float(np.nanmin(values, initial=0.0)), end], fixedrange=True)


def bars(
    names: Sequence[object],
    values: ArrayLike,
    measure: Measure,
    *,
    colours: Sequence[str],
    alt: str,
    most_label: int = LABEL_WIDTH,
    height: int | None = None,
    theme: str = "light",
) -> Picture:
    """One bar per name, first on top, its number at its end.

    Parameters
    ----------
    names, values, colours : (k,); NaN has no bar and says so; a bar below 0 has its number right of the zero line
    most_label : px that the names may take;  height : 24 px per bar when None
    """
    shown = np.asarray(values, float)
    if not len(names) == len(shown) == len(colours):
        raise ValueError(f"{len(names)} names need as many values and colours, not {len(shown)} and {len(colours)}.")
    labels, width = look.shorten_all(names, most_label)
    texts = [measure.text(value) for value in shown]
    room = max((look.text_width(text, look.SMALL_SIZE) for text in texts), default=0.0) + GAP
    ticks = {"tickvals": np.arange(len(shown)), "ticktext": labels}
    font = {"size": look.TEXT_SIZE, "color": look.palette(theme).text}
    layout: dict[str, Any] = {
        "xaxis": measure.axis(shown),
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, automargin=False, range=[len(shown) - 0.5, -0.5])
        | {"tickmode": "array", "tickfont": font, **ticks},
        "margin": {"l": int(width) + 10, "r": int(room) + 6, "t": 2, "b": 2},
    }
    hovers = [f"{plotly(name)}: {text}" for name, text in zip(names, texts, strict=True)]
    traces = _with_numbers(np.nan_to_num(shown), texts, theme)
    traces[0] |= {"marker": {"color": list(colours)}, "customdata": hovers, "hovertemplate": "%{customdata}<extra></extra>"}
    table = lambda: pd.DataFrame({"name": [str(name) for name in names], measure.name: shown})  # noqa: E731
    tall = height or ROW * max(len(shown), 1) + 6
    return Picture(look.figure(traces, layout, theme, height=tall), clean(alt, 400), table)


def _with_numbers(sizes: np.ndarray, texts: list[str], theme: str) -> list[dict[str, Any]]:
    """The bars with their numbers; those of negative ones right of the zero line, where they do not lie on the names."""
    places, below = np.arange(len(sizes)), np.flatnonzero(sizes < 0)
    style = {"textfont": {"size": look.SMALL_SIZE, "color": look.palette(theme).text}, "cliponaxis": False}
    bar = {
        "type": "bar", "orientation": "h", "x": sizes, "y": places, "width": 0.7, "text": texts,
        "textposition": ["none" if size < 0 else "outside" for size in sizes] if len(below) else "outside",
    }  # fmt: skip
    if not len(below):
        return [bar | style]
    numbers = {
        "type": "scatter", "mode": "text", "x": np.zeros(len(below)), "y": places[below],
        "text": [f" {texts[k]}" for k in below], "textposition": "middle right", "hoverinfo": "skip",
    }  # fmt: skip
    return [bar | style, numbers | style]


def named(component: str, number: int, name: object | None = None) -> str:
    """ "3 · moon orbit launch", or "topic 3" without a name; `number` counts from 0."""
    return f"{component} {number + 1}" if name is None else f"{number + 1} · {clean(name)}"
