"""How large is each of a few named things? Horizontal bars with their numbers, on which other figures build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def bars(
    names: Sequence[object],
    values: ArrayLike,
    *,
    quantity: str,
    colours: Sequence[str],
    write: Callable[[float], str],
    top: float | None = None,
    alt: str,
    theme: str = "light",
    height: int | None = None,
    label_width: int | None = None,
    most_label: int = LABEL_WIDTH,
    note: str | None = None,
    nothing: str = "not measured",
) -> Picture:
    """One bar per name, first on top, its number at its end.

    Parameters
    ----------
    names, values, colours : (k,); NaN has no bar and says `nothing`; a bar below 0 has its number right of the zero line
    quantity : what the bars are, with its unit
    write : how a number is written
    top : where the axis ends; the largest when None
    label_width : px for the names, to align several figures; fitted to them, up to `most_label`, when None
    """
    shown = np.asarray(values, float)
    if not len(names) == len(shown) == len(colours):
        raise ValueError(f"{len(names)} names need as many values and colours, not {len(shown)} and {len(colours)}.")
    labels, width = look.shorten_all(names, most_label if label_width is None else label_width)
    width = width if label_width is None else label_width
    places = np.arange(len(shown))
    texts = [nothing if np.isnan(value) else write(float(value)) for value in shown]
    end = top if top is not None else float(np.nanmax(shown, initial=0.0)) or 1.0
    start = float(np.nanmin(shown, initial=0.0))
    room = max((look.text_width(text, look.SMALL_SIZE) for text in texts), default=0.0) + GAP
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": np.nan_to_num(shown),
        "y": places,
        "width": 0.7,
        "marker": {"color": list(colours)},
        "text": texts,
        "textposition": "outside",
        "cliponaxis": False,
        "textfont": {"size": look.SMALL_SIZE, "color": look.palette(theme).text},
        "customdata": [f"{plotly(name)}: {text}" for name, text in zip(names, texts, strict=True)],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    traces: list[dict[str, Any]] = [trace]
    if start < 0:  # at the end of a negative bar the number would lie on the names
        trace["textposition"] = ["none" if value < 0 else "outside" for value in np.nan_to_num(shown)]
        below = np.flatnonzero(np.nan_to_num(shown) < 0)
        traces.append(
            {
                "type": "scatter", "mode": "text", "x": np.zeros(len(below)), "y": places[below],
                "text": [f" {texts[k]}" for k in below], "textposition": "middle right", "cliponaxis": False,
                "textfont": trace["textfont"], "hoverinfo": "skip",
            }
        )  # fmt: skip
    layout: dict[str, Any] = {
        "xaxis": look.bare_axis(range=[start, end], fixedrange=True),
        "yaxis": look.axis(theme, None, showgrid=False, fixedrange=True, automargin=False, range=[len(shown) - 0.5, -0.5])
        | {
            "tickmode": "array",
            "tickvals": places,
            "ticktext": labels,
            "tickfont": {"size": look.TEXT_SIZE, "color": look.palette(theme).text},
        },
        "margin": {"l": int(width) + 10, "r": int(room) + 6, "t": 2, "b": 2},
    }
    table = lambda: pd.DataFrame({"name": [str(name) for name in names], quantity: shown})  # noqa: E731
    return Picture(
        look.figure(traces, layout, theme, height=height or ROW * max(len(shown), 1) + 6), clean(alt, 400), table, note
    )


def named(component: str, number: int, name: object | None = None) -> str:
    """ "3 · moon orbit launch", or "topic 3" without a name; `number` counts from 0."""
    return f"{component} {number + 1}" if name is None else f"{number + 1} · {clean(name)}"
