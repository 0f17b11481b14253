"""How alike are components, where do they lie to each other, which words tell two apart, and where else is a word?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.bars import Measure, bars
from dashboard.figures.components import Components
from dashboard.figures.labelled import Ends, Labelled, matrix
from dashboard.figures.picture import Picture
from dashboard.figures.words import ROW_HEIGHT
from dashboard.text.plain import clean, plotly

NAME_WIDTH = 200  # px for a component's number and name beside its bar
SIDE_LABEL = 104  # px for a word at the end of its bar, on either side
LARGEST, SMALLEST = 62.0, 24.0  # px: diameters on the map; the smallest still holds two digits
SEEN = 0.82  # of the sum of two radii: how near two centres on the map may come


def similarity_matrix(
    similarity: ArrayLike,
    *,
    component: str = "topic",
    quantity: str = "cosine",
    other: Sequence[object] | None = None,
    labels: Sequence[str] | None = None,
    theme: str = "light",
    height: int = 330,
    width: int = look.CHART_WIDTH,
) -> Picture:
    """How alike components are (r, r), from 0 to 1; or (r, q) against another run's, with `other` its labels.

    labels : (r,) how the components are written, "1" to "r" when None
    """
    values = np.asarray(similarity, float)
    names = [str(k + 1) for k in range(len(values))] if labels is None else list(labels)
    apart = values.copy()
    if other is None:
        np.fill_diagonal(apart, -np.inf)
    noun = clean(component)
    if apart.size > (1 if other is None else 0):
        i, j = np.unravel_index(int(np.argmax(apart)), apart.shape)
        second = names[int(j)] if other is None else clean(other[int(j)])
        alt = f"The most alike {noun}s are {names[int(i)]} and {second}, {clean(quantity)} {apart[i, j]:.2f}."
    else:
        alt = f"One {noun} alone has nothing to be alike to."
    return matrix(
        Labelled(
            values, names, names if other is None else other, quantity, row_title=component, column_title=component, alt=alt
        ),
        ends=Ends(min(0.0, float(values.min(initial=0.0))), 1.0),
        theme=theme,
        height=height,
        width=width,
    )


def topic_map(
    points: ArrayLike,
    shares: ArrayLike,
    called: Components,
    *,
    stress: float | None = None,
    verdict: str = "",
    theme: str = "light",
    height: int = 330,
    width: int = look.CHART_WIDTH - 30,
) -> Picture:
    """Components as numbered discs in the plane: near means alike, area is the share.

    Parameters
    ----------
    points : (r, 2) positions, e.g. from multidimensional scaling
    shares : (r,) sizes >= 0
    called : how the r components are written, coloured and called
    stress : of the map, 0 to 1; how much the distances on it are wrong;  verdict : that in a word
    """
    at, sizes = np.asarray(points, float).reshape(-1, 2), np.maximum(np.asarray(shares, float), 0.0)
    true = LARGEST * np.sqrt(sizes / (sizes.max(initial=0.0) or 1.0))
    diameters = np.maximum(true, SMALLEST)
    placed, moved = _apart(_in_pixels(at, (width - LARGEST - 16, height - LARGEST - 16)), diameters)
    layout = {
        "xaxis": look.bare_axis(range=[-width / 2, width / 2]),
        "yaxis": look.bare_axis(range=[-height / 2, height / 2], scaleanchor="x"),
        "margin": {"l": 2, "r": 2, "t": 2, "b": 2},
    }
    said = []
    if stress is not None:
        word = f" ({clean(verdict)})" if verdict else ""
        said.append(f"Stress {stress:.2f}{word}: 0 would mean that all distances on the map are right.")
    if np.any(true < SMALLEST):
        least = look.percent(sizes.max() * (SMALLEST / LARGEST) ** 2)
        said.append(f"Whatever is under {least} has the area of {least}, to hold its number.")
    if moved > 1:
        said.append(f"Overlapping discs were pushed apart, by {moved:.0f} pixels at most.")

    def table() -> pd.DataFrame:
        frame = pd.DataFrame({called.noun: list(called.labels), "x": at[:, 0], "y": at[:, 1], "share": sizes})
        return frame.assign(name=[str(name) for name in called.names]) if called.names else frame

    drawn = look.figure(_discs(placed, diameters, sizes, called, theme), layout, theme, height=height)
    return Picture(drawn, _nearest_sentence(at, called), table, " ".join(said) or None)


def _in_pixels(at: np.ndarray, room: tuple[float, float]) -> np.ndarray:
    """Positions (r, 2) about their middle, as large as a room of so many pixels allows without bending the distances."""
    if not len(at):
        return at
    spans = np.ptp(at, axis=0)
    return (at - (at.max(axis=0) + at.min(axis=0)) / 2) / (max(spans[0] / room[0], spans[1] / room[1]) or 1.0)


def _discs(placed: np.ndarray, diameters: np.ndarray, sizes: np.ndarray, called: Components, theme: str) -> list[dict[str, Any]]:
    """The discs, small ones on large ones, and the numbers in them."""
    fill = [look.component_colour(k, theme) for k in called.colours]
    front = np.argsort(-diameters, kind="stable")
    hovers = [f"{called.title(k)}<br>{look.percent(sizes[k])} of explained" for k in front]
    border = {"width": 1.5, "color": look.palette(theme).background}
    discs = {
        "type": "scatter", "mode": "markers", "x": placed[front, 0], "y": placed[front, 1], "customdata": hovers,
        "hovertemplate": "%{customdata}<extra></extra>",
        "marker": {"size": diameters[front], "color": [fill[k] for k in front], "opacity": 1, "line": border},
    }  # fmt: skip
    numbers = {
        "type": "scatter", "mode": "text", "x": placed[:, 0], "y": placed[:, 1],
        "text": [f"<b>{plotly(text)}</b>" for text in called.labels],
        "textfont": {"size": look.TEXT_SIZE, "color": [look.ink_on(c) for c in fill]}, "hoverinfo": "skip",
    }  # fmt: skip
    return [discs, numbers]


def _nearest_sentence(at: np.ndarray, called: Components) -> str:
    said = f"A map of {look.count(len(at), clean(called.noun), clean(called.noun) + 's')}"
    if len(at) > 1:
        gaps = np.linalg.norm(at[:, None] - at[None], axis=2) + np.where(np.eye(len(at)), np.inf, 0.0)
        i, j = (int(k) for k in np.unravel_index(int(gaps.argmin()), gaps.shape))
        said += f"; nearest to each other: {called.labels[min(i, j)]} and {called.labels[max(i, j)]}"
    return said + "."


def _apart(at: np.ndarray, diameters: np.ndarray, rounds: int = 60) -> tuple[np.ndarray, float]:
    """Centres (r, 2) in px pushed apart until no disc hides another's number, and the longest push; deterministic."""
    placed = at.astype(float).copy()
    least = (diameters[:, None] + diameters[None]) / 2 * SEEN
    for _ in range(rounds):
        still = True
        for i in range(len(placed)):
            for j in range(i):
                gap = placed[i] - placed[j]
                distance = float(np.hypot(*gap))
                if distance < least[i, j] - 0.5:
                    direction = gap / distance if distance > 1e-9 else np.array([np.cos(i), np.sin(i)])
                    push = direction * (least[i, j] - distance) / 2
                    placed[i] += push
                    placed[j] -= push
                    still = False
        if still:
            break
    return placed, float(np.hypot(*(placed - at).T).max(initial=0.0))


def word_in_topics(
    word: object, weights: ArrayLike, called: Components, *, unit: str = "weight in H", theme: str = "light"
) -> Picture:
    """How strongly one word is in each component (r,), strongest first; those without it have no bar and are counted.

    called : how the r components are written, coloured and called
    unit : of the weights, with the scale they are on
    """
    values, noun = np.asarray(weights, float), clean(called.noun)
    order = np.argsort(-values, kind="stable")
    front = [int(k) for k in order if values[k] > 0]
    without = len(values) - len(front)
    alt = f"{clean(word)} is in no {noun}."
    if front:
        best = f"{noun} {called.labels[front[0]]} ({clean(called.names[front[0]], 40)}), {values[front[0]]:.4g}"
        alt = f"{clean(word)} is strongest in {best}; it is in {len(front)} of {len(values)}."
    drawn = bars(
        [called.title(k) for k in front] or ["none"],
        values[front] if front else [0.0],
        Measure(unit, lambda v: f"{v:.4g}"),
        colours=[look.component_colour(called.colours[k], theme) for k in front] or [look.palette(theme).grey],
        most_label=NAME_WIDTH,
        alt=alt,
        theme=theme,
    )

    def table() -> pd.DataFrame:
        labels, names = ([each[k] for k in order] for each in (called.labels, called.names))
        return pd.DataFrame({called.noun: labels, "name": [str(name) for name in names], unit: values[order]})

    note = f"0 in the other {look.count(without, noun, f'{noun}s')}." if without and front else None
    return Picture(drawn.figure, drawn.alt, table, note)


def _words_to_one_side(
    found: Sequence[tuple[str, float]], side: float, component: int, noun: str, theme: str
) -> list[dict[str, Any]]:
    """Bars to the right (side 1) or to the left (-1) with each word behind its bar."""
    x, places, space = [side * 100 * gap for _, gap in found], np.arange(len(found)), "\u00a0"  # keeps words off their bars
    hovers = [f"<b>{plotly(word)}</b><br>{100 * more:.3g} points more in {noun}" for word, more in found]
    bar = {
        "type": "bar", "orientation": "h", "x": x, "y": places, "width": 0.66,
        "marker": {"color": look.component_colour(component, theme)}, "customdata": hovers,
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
    words = {
        "type": "scatter", "mode": "text", "x": x, "y": places,
        "text": [f"{space}{look.shorten(word, SIDE_LABEL - 12)}{space}" for word, _ in found],
        "textposition": "middle right" if side > 0 else "middle left",
        "textfont": {"size": look.TEXT_SIZE, "color": look.palette(theme).text}, "cliponaxis": False, "hoverinfo": "skip",
    }  # fmt: skip
    return [bar, words]


def separating_words(
    first: Sequence[tuple[str, float]], second: Sequence[tuple[str, float]], called: Components, *, theme: str = "light"
) -> Picture:
    """The words that tell two components apart: to the right those with more share in the first, to the left in the second.

    first, second : (word, difference of the shares > 0), falling;  called : the two
    """
    rows, noun = max(len(first), len(second), 1), plotly(called.noun)
    gaps = [100 * gap for _, gap in (*first, *second)]
    end = (max(gaps, default=0.0) or 1.0) * 1.05
    room = SIDE_LABEL / (look.CHART_WIDTH - 2 * SIDE_LABEL) * 2 * end  # px of a word in units of the axis
    colours = look.palette(theme)
    traces, heads = [], []
    for found, side, label, colour in zip((first, second), (1.0, -1.0), called.labels, called.colours, strict=True):
        traces += _words_to_one_side(found, side, colour, f"{noun} {plotly(label)}", theme)
        place = {"x": side * 0.02 * end, "xanchor": "left" if side > 0 else "right", "y": 1.0, "yref": "paper"}
        font = {"size": look.SMALL_SIZE, "color": colours.muted}
        head = {"text": f"more in {noun} {plotly(label)}", "yanchor": "bottom", "showarrow": False, "font": font}
        heads.append(place | head)
    layout = {
        "barmode": "overlay",
        "annotations": heads,
        "xaxis": look.bare_axis(range=[-end - room, end + room], fixedrange=True),
        "yaxis": look.bare_axis(range=[rows - 0.5, -0.5], fixedrange=True),
        "shapes": [look.line(theme, x=(0, 0), line={"width": 1, "dash": "solid", "color": colours.grid})],
        "margin": {"l": 4, "r": 4, "t": 24, "b": 2},
    }
    one, other = called.labels
    listed = [", ".join(clean(word, 30) for word, _ in found) or "nothing" for found in (first, second)]
    noun = clean(called.noun)
    alt = f"Telling {noun} {one} from {noun} {other}: more in {one}: {listed[0]}; in {other}: {listed[1]}."

    def table() -> pd.DataFrame:
        sides = [(word, gap, label) for found, label in ((first, one), (second, other)) for word, gap in found]
        return pd.DataFrame(sides, columns=["word", "difference of the shares", f"more in {called.noun}"])

    return Picture(look.figure(traces, layout, theme, height=ROW_HEIGHT * rows + 30), alt, table)
