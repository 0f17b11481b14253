"""What is one item made of, and why?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.bars import Measure, bars
from dashboard.figures.components import Components, numbered
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

MOST_WORDS = 24
MOST_ITEMS = 40
LABEL_WIDTH = 130
ROW = 22
SEEN = 0.0005  # shares below are not written
FULL_LEGEND = 10


def mixture(
    weights: ArrayLike,
    called: Components | None = None,
    *,
    item: object = "The item",
    most: int = 10,
    theme: str = "light",
    height: int | None = None,
) -> Picture:
    """One item's shares of the components (r,), largest first; weights that are all 0 belong to none.

    called : the components; written by their places when None
    """
    called = numbered(np.size(weights)) if called is None else called
    component = called.noun
    w = np.maximum(np.asarray(weights, float), 0.0)
    total = float(w.sum())
    shares = w / total if total > 0 else w
    front = [int(k) for k in np.argsort(-shares, kind="stable")[:most] if shares[k] > SEEN]
    labels = [_named(called, k) for k in front]
    if front:
        alt = f"{clean(item)} is {look.percent(shares[front[0]], 0)} {labels[0]}"
        alt += f", {look.percent(shares[front[1]], 0)} {labels[1]}." if len(front) > 1 else "."
    else:
        alt = f"{clean(item)} belongs to no {component}."
    drawn = bars(
        labels or ["none"],
        100 * shares[front] if front else [0.0],
        Measure("% of the item's weight", lambda v: f"{v:.1f} %", top=100.0),
        colours=[look.component_colour(called.colours[k], theme) for k in front] or [look.palette(theme).grey],
        alt=alt,
        theme=theme,
        height=height,
    )

    def table() -> pd.DataFrame:
        frame = pd.DataFrame({component: list(called.labels), "weight": w, "share": shares})
        return frame.assign(name=[str(n) for n in called.names]) if called.names else frame

    return Picture(drawn.figure, drawn.alt, table)


def _named(called: Components, k: int) -> str:
    """ "topic 3 · moon orbit launch", or "topic 3" without a name."""
    return f"{called.noun} {called.labels[k]}" + (f" · {called.names[k]}" if called.names else "")


def _parts_of_words(
    C: np.ndarray, gap: np.ndarray, rows: list[str], called: Components, cell: float, theme: str
) -> list[dict[str, Any]]:
    """What each component explains of each word (c, r) and what is missed (c,), both in %, with numbers where they fit."""
    colours = look.palette(theme)
    greys = (colours.missing, colours.alarm)
    top = float(max(C.max(initial=0.0), gap.max(initial=0.0))) or 1.0
    base: dict[str, Any] = {"type": "heatmap", "y": rows, "zmin": 0.0, "zmax": top, "showscale": False, "xgap": 1, "ygap": 1}
    explained = base | {
        "z": C.astype(np.float32),
        "x": [plotly(label) for label in called.labels],
        "colorscale": look.scale(colours.sequential),
        "customdata": [[plotly(_named(called, k)) for k in range(C.shape[1])]] * len(rows),
        "hovertemplate": "%{y}, %{customdata}: %{z:.2f} %<extra></extra>",
    }
    missed = base | {
        "z": gap[:, None].astype(np.float32),
        "x": ["missed"],
        "xaxis": "x2",
        "colorscale": look.scale(greys),
        "hovertemplate": "%{y}, not explained: %{z:.2f} %<extra></extra>",
    }
    traces = [explained, missed]
    digits = 1 if cell >= 30 else 0
    if cell >= 20:
        texts = zip(C, look.numbers(C, digits), strict=True)
        written = [["" if v < 0.5 * 10**-digits else t for v, t in zip(*both, strict=True)] for both in texts]
        traces.append(look.cell_numbers(C, written, explained, colours.sequential))
    return [*traces, look.cell_numbers(gap[:, None], look.numbers(gap[:, None], 1), missed, greys)]


def why_here(
    contributions: ArrayLike,
    unexplained: ArrayLike,
    called: Components | None = None,
    *,
    words: Sequence[object],
    most: int = MOST_WORDS,
    item: object = "the item",
    feature: str = "word",
    features: str = "words",
    theme: str = "light",
    height: int | None = None,
    width: int = look.CHART_WIDTH,
) -> Picture:
    """Which word puts an item into which component: words down, components across, and what the model misses of each word.

    Parameters
    ----------
    contributions : (r, c) share of the item's squared length that component k explains through word j (nmfcore.topics.explain)
    unexplained : (c,) the share it misses there
    words : (c,) labels, the item's largest first
    called : the components; written by their places when None
    feature, features : what a column of the data is called
    """
    C, gap = 100 * np.asarray(contributions, float), 100 * np.asarray(unexplained, float)
    r, c = C.shape
    called = numbered(r) if called is None else called
    if len(words) != c or len(gap) != c:
        raise ValueError(f"{c} contributions need as many words and gaps, not {len(words)} and {len(gap)}.")
    shown = min(c, most)
    C, gap = C[:, :shown].T, gap[:shown]
    labels, label_width = look.shorten_all(list(words)[:shown], LABEL_WIDTH)
    rows = look.distinct(list(words)[:shown])
    left = int(label_width) + 14
    share = r / (r + 1.6)  # of the width; the model's own column has the rest
    cell = (width - left - 12) * share / max(r, 1)
    traces = _parts_of_words(C, gap, rows, called, cell, theme)
    layout = _columns_over(called, share, cell, theme) | {
        "yaxis": look.axis(theme, None, type="category", autorange="reversed", showgrid=False, fixedrange=True)
        | {"tickmode": "array", "tickvals": rows, "ticktext": labels, "tickfont": _font(theme)},
        "margin": {"l": left, "r": 10, "t": 48, "b": 6},
    }
    alt = f"Why {clean(item)} is where it is. {_largest_parts(C, gap, words, called, features)}"
    note = "Numbers are % of the item's squared length."
    if shown < c:
        note += f" The {shown} largest of {c:,} {features}."

    def table() -> pd.DataFrame:
        frame = pd.DataFrame(np.asarray(contributions, float).T, columns=[f"{called.noun} {label}" for label in called.labels])
        frame.insert(0, clean(feature), [str(w) for w in words], allow_duplicates=True)
        return frame.assign(**{"not explained": np.asarray(unexplained, float)})

    height = height or ROW * max(shown, 1) + 64
    return Picture(look.figure(traces, layout, theme, height=height), alt, table, note)


def _font(theme: str) -> dict[str, Any]:
    return {"size": look.TEXT_SIZE, "color": look.palette(theme).text}


def _columns_over(called: Components, share: float, cell: float, theme: str) -> dict[str, Any]:
    """The axes above: the components over their columns, each so many px wide, or every few of them; and the model's own."""
    written = [plotly(label) for label in called.labels]
    every = max(1, int(np.ceil((max(map(look.text_width, written), default=0.0) + 6) / max(cell, 1))))
    above = {"type": "category", "showgrid": False, "side": "top", "tickangle": 0}
    ticks = {"tickmode": "array", "tickvals": written[::every], "ticktext": written[::every]}
    return {
        "xaxis": look.axis(theme, plotly(called.noun), domain=[0, share - 0.02], **above) | ticks,
        "xaxis2": look.axis(theme, "model", domain=[share, 1], anchor="y", **above),
    }


def _largest_parts(C: np.ndarray, gap: np.ndarray, words: Sequence[object], called: Components, features: str) -> str:
    """The largest contribution and the largest gap, in words; C (c, r) and gap (c,) in %."""
    if not gap.size:
        return f"It has no {clean(features)}."
    said = ""
    if C.size and C.max() > 0:
        j, k = (int(at) for at in np.unravel_index(int(C.argmax()), C.shape))
        where = f"{clean(words[j])} through {clean(called.noun)} {called.labels[k]}"
        said = f"The largest part is {where}, {C[j, k]:.1f} % of the item; "
    return f"{said}missed most: {clean(words[int(gap.argmax())])}, {gap.max():.1f} %."
