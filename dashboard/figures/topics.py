"""Which words make up a component, where else are they, how alike are components, and where do they lie to each other?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import heatmaps
from dashboard.figures import theme as look
from dashboard.figures.bars import bars
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly

ROW_HEIGHT = 24  # px of one bar with its gap
LABEL_WIDTH = 92  # px for a word beside its bar: the same on every card, so that bars begin on one line
HOVER_TOPICS = 30  # components with a weight in the hover of a word; a longer hover would not fit a screen
HOVER_LINE = 34  # characters of a hover's line, for cards of 260 px
NAME_WIDTH = 200  # px for a component's number and name beside its bar
SIDE_LABEL = 104  # px for a word at the end of its bar, on either side
LARGEST, SMALLEST = 62.0, 24.0  # px: diameters on the map; the smallest still holds two digits
ACROSS = 3  # topics beside each other where all are in one picture ...
CELL_GAP, TITLE_HEIGHT = 22, 60  # ... px between them, and above the bars for two lines and the distance to the row above
SEEN = 0.82  # of the sum of two radii: how near two centres on the map may come


def topic_bars(
    words: Sequence[object],
    weights: ArrayLike,
    *,
    component: int,
    background: ArrayLike | None = None,
    background_name: str = "total in the data",
    same_unit: bool = False,
    everywhere: ArrayLike | None = None,
    labels: Sequence[str] | None = None,
    label: str | None = None,
    top: float | None = None,
    noun: str = "topic",
    unit: str = "weight in H",
    theme: str = "light",
    height: int | None = None,
) -> Picture:
    """The top words of one component as bars, the first on top, in the component's colour.

    Parameters
    ----------
    words, weights : (w,) labels and their weights, strongest first
    component : its number, counted from 0
    background : (w,) the word's total in the data, drawn wider in grey behind the bar
    same_unit : whether `background` is in the unit of the weights; otherwise it has a scale of its own (the largest total
        as long as the largest weight), and the note says so
    everywhere : (w, r) the weight of each word in every component, for the hover
    labels : (r,) how those are written, "1" to "r" when None; label : how this one is
    top : where the axis ends, for cards on one scale; None lets each card end at its own largest
    height : 24 px per word when None, so cards with equally many words align
    """
    values = np.asarray(weights, float)
    behind = None if background is None else np.asarray(background, float)
    if len(words) != len(values) or (behind is not None and len(behind) != len(values)):
        raise ValueError(f"{len(words)} words need as many weights (and totals), not {len(values)}.")
    end = top if top is not None else float(values.max(initial=0.0)) or 1.0
    places = np.arange(len(values))
    base = {"type": "bar", "orientation": "h", "y": places}
    hover = word_hovers(words, values, behind, background_name, everywhere, noun, unit, labels)
    traces: list[dict[str, Any]] = []
    note = None
    if behind is not None and behind.max(initial=0.0) > 0:
        drawn = behind if same_unit else behind * (float(values.max(initial=0.0)) / behind.max())
        end = max(end, float(drawn.max()))
        traces.append(base | {"x": drawn, "width": 0.84, "marker": {"color": look.palette(theme).grid}, "hoverinfo": "skip"})
        note = f"Grey: the word's {clean(background_name)}" + ("." if same_unit else ", on a scale of its own.")
    traces.append(
        base
        | {
            "x": values,
            "width": 0.84 if behind is None else 0.5,
            "marker": {"color": look.component_colour(component, theme)},
            "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    )
    layout = {
        "barmode": "overlay",
        "xaxis": look.bare_axis(range=[0, end * 1.02], fixedrange=True),
        "yaxis": _word_axis(words, len(values), theme),
        "margin": {"l": LABEL_WIDTH + 8, "r": 4, "t": 2, "b": 2},
    }
    listed = ", ".join(clean(word, 40) for word in words)
    alt = f"{clean(noun).capitalize()} {label or component + 1}: {listed or 'no word has weight here'}."

    def table() -> pd.DataFrame:
        frame = pd.DataFrame({"word": [str(w) for w in words], unit: values})
        return frame if behind is None else frame.assign(**{background_name: behind})

    return Picture(look.figure(traces, layout, theme, height=height or ROW_HEIGHT * max(len(values), 1) + 4), alt, table, note)


def _word_axis(words: Sequence[object], lines: int, theme: str, **options: Any) -> dict[str, Any]:
    """The axis on which words stand one under the other, the first on top, with room for `lines` of them."""
    base = look.axis(theme, None, showgrid=False, fixedrange=True, range=[lines - 0.5, -0.5], automargin=False, **options)
    return base | {
        "tickmode": "array",
        "tickvals": np.arange(len(words)),
        "ticktext": look.shorten_all(words, LABEL_WIDTH)[0],
        "tickfont": {"size": look.TEXT_SIZE, "color": look.palette(theme).text},
    }


def all_topic_bars(
    words: Sequence[Sequence[object]],
    weights: Sequence[ArrayLike],
    *,
    titles: Sequence[object],
    beneath: Sequence[object],
    components: Sequence[int],
    noun: str = "topic",
    unit: str = "weight in H",
    theme: str = "light",
    width: int = look.WIDE_WIDTH,
) -> Picture:
    """The top words of many components as one picture, three beside each other, each on a scale of its own.

    Parameters
    ----------
    words, weights : one list per topic, strongest first
    titles, beneath : one per topic; beneath is the smaller line under the title
    components : the component whose colour each topic has, counted from 0
    """
    if not len(words) == len(weights) == len(titles) == len(beneath) == len(components):
        raise ValueError("Every topic needs words, weights, a title, a line beneath it and a colour.")
    lines = max((len(found) for found in words), default=0) or 1
    cell = lines * ROW_HEIGHT + TITLE_HEIGHT
    height = max(1, -(-len(words) // ACROSS)) * cell
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "margin": {"l": 0, "r": 0, "t": 0, "b": 0}}
    for at, (listed, values, component) in enumerate(zip(words, weights, components, strict=True)):
        suffix, row, column = "" if at == 0 else str(at + 1), at // ACROSS, at % ACROSS
        left, right = column / ACROSS, (column + 1) / ACROSS
        begin = left + (LABEL_WIDTH + 8) / width
        top = 1 - (row * cell + TITLE_HEIGHT) / height
        sizes = np.asarray(values, float)
        end = float(sizes.max(initial=0.0)) or 1.0
        places = np.arange(len(sizes))
        traces.append(
            {
                "type": "bar", "orientation": "h", "x": sizes, "y": places, "width": 0.6, "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}", "marker": {"color": look.component_colour(component, theme)},
                "customdata": word_hovers(listed, sizes, None, "", None, noun, unit, None),
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )  # fmt: skip
        layout[f"xaxis{suffix}"] = look.bare_axis(
            range=[0, end * 1.02],
            domain=[begin, max(begin + 0.01, right - CELL_GAP / width)],
            anchor=f"y{suffix}",
            fixedrange=True,
        )
        upright = [max(0.0, top - lines * ROW_HEIGHT / height), top]
        layout[f"yaxis{suffix}"] = _word_axis(listed, lines, theme, anchor=f"x{suffix}", domain=upright)
        room = width / ACROSS - CELL_GAP - 12
        style = f"font-size:{look.SMALL_SIZE}px;color:{look.palette(theme).muted}"
        small = f'<span style="{style}">{look.shorten(beneath[at], room)}</span>'
        head = f"<b>{look.shorten(titles[at], room)}</b><br>{small}"
        place = {"xref": "paper", "yref": "paper", "x": left, "y": top, "yshift": 4, "xanchor": "left", "yanchor": "bottom"}
        layout["annotations"].append(look.annotation(theme, head, align="left", **place))
    names = "; ".join(
        f"{clean(title, 40)}: {', '.join(clean(word, 24) for word in listed[:3])}"
        for title, listed in zip(titles, words, strict=True)
    )
    alt = f"{look.count(len(words), clean(noun), clean(noun) + 's')} by their strongest words. {names}."

    def table() -> pd.DataFrame:
        rows = [
            (clean(title), place + 1, str(word), float(value))
            for title, listed, values in zip(titles, words, weights, strict=True)
            for place, (word, value) in enumerate(zip(listed, np.asarray(values, float), strict=True))
        ]
        return pd.DataFrame(rows, columns=[noun, "place", "word", unit])

    return Picture(look.figure(traces, layout, theme, height=height), alt, table, "Bars of each on a scale of its own.")


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
    return heatmaps.matrix(
        values,
        rows=names,
        columns=names if other is None else other,
        quantity=quantity,
        row_title=component,
        column_title=component,
        low=min(0.0, float(values.min(initial=0.0))),
        high=1.0,
        theme=theme,
        height=height,
        width=width,
        alt=alt,
    )


def topic_map(
    points: ArrayLike,
    shares: ArrayLike,
    *,
    names: Sequence[object] | None = None,
    stress: float | None = None,
    verdict: str = "",
    labels: Sequence[str] | None = None,
    components: Sequence[int] | None = None,
    component: str = "topic",
    theme: str = "light",
    height: int = 330,
    width: int = look.CHART_WIDTH - 30,
) -> Picture:
    """Components as numbered discs in the plane: near means alike, area is the share.

    Parameters
    ----------
    points : (r, 2) positions, e.g. from multidimensional scaling
    shares : (r,) sizes >= 0
    names : (r,) for the hover
    stress : of the map, 0 to 1; how much the distances on it are wrong;  verdict : that in a word
    labels : (r,) how they are written, "1" to "r" when None;  components : (r,) whose colours they have, 0 to r - 1 when None
    """
    at, sizes = np.asarray(points, float).reshape(-1, 2), np.maximum(np.asarray(shares, float), 0.0)
    r = len(at)
    diameters = np.maximum(LARGEST * np.sqrt(sizes / (sizes.max(initial=0.0) or 1.0)), SMALLEST)
    middle = (at.max(axis=0) + at.min(axis=0)) / 2 if r else np.zeros(2)
    pixels = (width - LARGEST - 16, height - LARGEST - 16)
    spans = np.ptp(at, axis=0) if r else np.ones(2)
    unit = max(spans[0] / pixels[0], spans[1] / pixels[1]) or 1.0  # map units in one px
    placed, moved = _apart((at - middle) / unit, diameters)
    written = [str(k + 1) for k in range(r)] if labels is None else list(labels)
    fill = [look.component_colour(k, theme) for k in (range(r) if components is None else components)]
    titles = [written[k] + (f" · {plotly(names[k])}" if names is not None else "") for k in range(r)]
    front = np.argsort(-diameters, kind="stable")  # small discs lie on large ones
    hovers = [f"{titles[k]}<br>{look.percent(sizes[k])} of explained" for k in front]
    border = {"width": 1.5, "color": look.palette(theme).background}
    discs = {
        "type": "scatter", "mode": "markers", "x": placed[front, 0], "y": placed[front, 1], "customdata": hovers,
        "hovertemplate": "%{customdata}<extra></extra>",
        "marker": {"size": diameters[front], "color": [fill[k] for k in front], "opacity": 1, "line": border},
    }  # fmt: skip
    numbers = {
        "type": "scatter", "mode": "text", "x": placed[:, 0], "y": placed[:, 1],
        "text": [f"<b>{text}</b>" for text in written],
        "textfont": {"size": look.TEXT_SIZE, "color": [look.ink_on(c) for c in fill]}, "hoverinfo": "skip",
    }  # fmt: skip
    layout = {
        "xaxis": look.bare_axis(range=[-width / 2, width / 2]),
        "yaxis": look.bare_axis(range=[-height / 2, height / 2], scaleanchor="x"),
        "margin": {"l": 2, "r": 2, "t": 2, "b": 2},
    }
    said = []
    if stress is not None:
        word = f" ({clean(verdict)})" if verdict else ""
        said.append(f"Stress {stress:.2f}{word}: 0 would mean that all distances on the map are right.")
    if moved > 1:
        said.append(f"Overlapping discs were pushed apart, by {moved:.0f} pixels at most.")

    def table() -> pd.DataFrame:
        frame = pd.DataFrame({component: written, "x": at[:, 0], "y": at[:, 1], "share": sizes})
        return frame if names is None else frame.assign(name=[str(n) for n in names])

    drawn = look.figure([discs, numbers], layout, theme, height=height)
    return Picture(drawn, _nearest_sentence(at, written, component), table, " ".join(said) or None)


def _nearest_sentence(at: np.ndarray, written: Sequence[str], component: str) -> str:
    said = f"A map of {look.count(len(at), clean(component), clean(component) + 's')}"
    if len(at) > 1:
        gaps = np.linalg.norm(at[:, None] - at[None], axis=2) + np.where(np.eye(len(at)), np.inf, 0.0)
        i, j = (int(k) for k in np.unravel_index(int(gaps.argmin()), gaps.shape))
        said += f"; nearest to each other: {written[min(i, j)]} and {written[max(i, j)]}"
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
    word: object,
    weights: ArrayLike,
    *,
    labels: Sequence[str],
    components: Sequence[int],
    names: Sequence[object],
    unit: str = "weight in H",
    component: str = "topic",
    theme: str = "light",
) -> Picture:
    """How strongly one word is in each component (r,), strongest first; those without it have no bar and are counted.

    labels, components, names : (r,) how they are written, whose colours they have, what they are called
    unit : of the weights, with the scale they are on
    """
    values = np.asarray(weights, float)
    order = np.argsort(-values, kind="stable")
    front = [int(k) for k in order if values[k] > 0]
    without = len(values) - len(front)
    nouns = look.count(without, clean(component), f"{clean(component)}s")
    alt = f"{clean(word)} is in no {clean(component)}."
    if front:
        best = f"{clean(component)} {labels[front[0]]} ({clean(names[front[0]], 40)}), {values[front[0]]:.4g}"
        alt = f"{clean(word)} is strongest in {best}; it is in {len(front)} of {len(values)}."
    drawn = bars(
        [f"{labels[k]} · {clean(names[k], 40)}" for k in front] or ["none"],
        values[front] if front else [0.0],
        quantity=unit,
        colours=[look.component_colour(components[k], theme) for k in front] or [look.palette(theme).grey],
        write=lambda v: f"{v:.4g}",
        most_label=NAME_WIDTH,
        alt=alt,
        theme=theme,
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame({component: [labels[k] for k in order], "name": [str(names[k]) for k in order], unit: values[order]})

    return Picture(drawn.figure, drawn.alt, table, f"0 in the other {nouns}." if without and front else None)


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
    first: Sequence[tuple[str, float]],
    second: Sequence[tuple[str, float]],
    *,
    labels: tuple[str, str],
    components: tuple[int, int],
    component: str = "topic",
    theme: str = "light",
) -> Picture:
    """The words that tell two components apart: to the right those with more share in the first, to the left in the second.

    first, second : (word, difference of the shares > 0), falling;  labels, components : of the two
    """
    rows = max(len(first), len(second), 1)
    gaps = [100 * gap for _, gap in (*first, *second)]
    end = (max(gaps, default=0.0) or 1.0) * 1.05
    room = SIDE_LABEL / (look.CHART_WIDTH - 2 * SIDE_LABEL) * 2 * end  # px of a word in units of the axis
    colours = look.palette(theme)
    traces = [
        *_words_to_one_side(first, 1.0, components[0], f"{plotly(component)} {labels[0]}", theme),
        *_words_to_one_side(second, -1.0, components[1], f"{plotly(component)} {labels[1]}", theme),
    ]
    heads = [
        {
            "x": side * 0.02 * end,
            "xanchor": "left" if side > 0 else "right",
            "y": 1.0,
            "yref": "paper",
            "yanchor": "bottom",
            "text": f"more in {plotly(component)} {label}",
            "showarrow": False,
            "font": {"size": look.SMALL_SIZE, "color": colours.muted},
        }
        for side, label in ((1.0, labels[0]), (-1.0, labels[1]))
    ]
    layout = {
        "barmode": "overlay",
        "annotations": heads,
        "xaxis": look.bare_axis(range=[-end - room, end + room], fixedrange=True),
        "yaxis": look.bare_axis(range=[rows - 0.5, -0.5], fixedrange=True),
        "shapes": [look.line(theme, x=(0, 0), line={"width": 1, "dash": "solid", "color": colours.grid})],
        "margin": {"l": 4, "r": 4, "t": 24, "b": 2},
    }
    listed = [", ".join(clean(word, 30) for word, _ in found) or "nothing" for found in (first, second)]
    noun = clean(component)
    alt = f"Telling {noun} {labels[0]} from {noun} {labels[1]}: more in {labels[0]}: {listed[0]}; in {labels[1]}: {listed[1]}."

    def table() -> pd.DataFrame:
        sides = [(word, gap, label) for found, label in ((first, labels[0]), (second, labels[1])) for word, gap in found]
        return pd.DataFrame(sides, columns=["word", "difference of the shares", f"more in {component}"])

    return Picture(look.figure(traces, layout, theme, height=ROW_HEIGHT * rows + 30), alt, table)


def word_hovers(
    words: Sequence[object],
    values: np.ndarray,
    behind: np.ndarray | None,
    background_name: str,
    everywhere: ArrayLike | None,
    noun: str,
    unit: str,
    labels: Sequence[str] | None,
) -> list[str]:
    """The hover of each word as escaped HTML: its weight here, its total, and its weight in every component, strongest first."""
    lines = []
    table = None if everywhere is None else np.asarray(everywhere, float)
    for k, (word, value) in enumerate(zip(words, values, strict=True)):
        text = f"<b>{plotly(word)}</b><br>{plotly(unit)}: {value:.4g}"
        if behind is not None:
            text += f"<br>{plotly(background_name)}: {behind[k]:,.4g}"
        if table is not None:
            text += _everywhere(table[k], plotly(noun), labels)
        lines.append(text)
    return lines


def _everywhere(weights: np.ndarray, noun: str, labels: Sequence[str] | None) -> str:
    """The weights of one word in all components, several on a line."""
    order = [int(t) for t in np.argsort(-weights, kind="stable") if weights[t] > 0]
    parts = [f"{t + 1 if labels is None else labels[t]}: {weights[t]:.2g}" for t in order[:HOVER_TOPICS]]
    rows = [f"in {noun} {parts[0]}"] if parts else []
    for part in parts[1:]:
        if len(rows[-1]) + len(part) + 3 > HOVER_LINE:
            rows.append(part)
        else:
            rows[-1] += f" · {part}"
    more, without = len(order) - HOVER_TOPICS, len(weights) - len(order)
    if more > 0:
        rows.append(f"less than that in {more} more")
    if without:
        rows.append(f"0 in {look.count(without, 'other', 'others')}" if order else f"0 in every {noun}")
    return "".join(f"<br>{row}" for row in rows)
