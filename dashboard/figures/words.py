"""Which words make up a component, and where else are they? As bars of one component, and of all in one picture.

The same bars as plain HTML, cheap enough for thirty cards on a page, are in `word_list`.
"""

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
from nmfcore.core.written import percent

ROW_HEIGHT = 24  # px of one bar with its gap
LABEL_WIDTH = 92  # px for a word beside its bar: the same on every card, so that bars begin on one line
HOVER_TOPICS = 30  # components with a weight in the hover of a word; a longer hover would not fit a screen
HOVER_LINE = 34  # characters of a hover's line, for cards of 260 px
ACROSS = 3  # topics beside each other where all are in one picture ...
CELL_GAP, TITLE_HEIGHT = 22, 60  # ... px between them, and above the bars for two lines and the distance to the row above
HEAD_GAP = 12  # px that a title of such a picture stays away from its right neighbour


@dataclass(frozen=True)
class Words:
    """The first words of one component, as they are drawn.

    terms, weights : (w,) labels and their weights, strongest first
    component : the number, counted from 0, whose colour they have;  label : how it is written, that number from 1 when ""
    totals : (w,) of each word in the data, drawn wider in grey behind its bar;  totals_name : what they are
    everywhere : (w, r) how much of each word is in every component, for the hover
    labels : (r,) how those are written, "1" to "r" when None
    noun : what a component is called;  unit : of the weights;  in_parts : whether `everywhere` are parts of 1

    Raises
    ------
    ValueError
        If there are not as many weights, or totals, as words.
    """

    terms: Sequence[object]
    weights: ArrayLike
    component: int
    label: str = ""
    totals: ArrayLike | None = None
    totals_name: str = "total in the data"
    everywhere: ArrayLike | None = None
    labels: Sequence[str] | None = None
    noun: str = "topic"
    unit: str = "weight in H"
    in_parts: bool = False

    def __post_init__(self) -> None:
        counted = len(self.values) if self.behind is None else len(self.behind)
        if not len(self.terms) == len(self.values) == counted:
            raise ValueError(f"{len(self.terms)} words need as many weights and totals, not {len(self.values)} and {counted}.")

    @property
    def values(self) -> np.ndarray:
        """The weights as (w,) float64."""
        return np.asarray(self.weights, float)

    @property
    def behind(self) -> np.ndarray | None:
        """The totals as (w,) float64."""
        return None if self.totals is None else np.asarray(self.totals, float)

    @property
    def longest(self) -> float:
        """The largest weight, by which the others are drawn; 1 where there is none."""
        return float(self.values.max(initial=0.0)) or 1.0

    def said(self) -> str:
        """The words in a sentence, for those who do not see them."""
        listed = ", ".join(clean(word, 40) for word in self.terms) or "no word has weight here"
        return f"{clean(self.noun).capitalize()} {self.label or self.component + 1}: {listed}."

    def hovers(self) -> list[str]:
        """Of each word, as escaped HTML: its weight here, its total, and how much of it is in every component, most first."""
        table = None if self.everywhere is None else np.asarray(self.everywhere, float)
        behind, lines = self.behind, []
        for k, (word, value) in enumerate(zip(self.terms, self.values, strict=True)):
            text = f"<b>{plotly(word)}</b><br>{plotly(self.unit)}: {value:.4g}"
            if behind is not None:
                text += f"<br>{plotly(self.totals_name)}: {behind[k]:,.4g}"
            if table is not None:
                text += _everywhere(
                    table[k], plotly(self.noun), self.labels, _whole_percent if self.in_parts else "{:.2g}".format
                )
            lines.append(text)
        return lines

    def bar(self, theme: str, width: float) -> dict[str, Any]:
        """The bars in the component's colour, the first on top."""
        return {
            "type": "bar", "orientation": "h", "x": self.values, "y": np.arange(len(self.values)), "width": width,
            "marker": {"color": look.component_colour(self.component, theme)},
            "customdata": self.hovers(), "hovertemplate": "%{customdata}<extra></extra>",
        }  # fmt: skip

    def table(self) -> pd.DataFrame:
        """The numbers of the picture."""
        frame = pd.DataFrame({"word": [str(word) for word in self.terms], self.unit: self.values})
        return frame if self.behind is None else frame.assign(**{self.totals_name: self.behind})


def topic_bars(words: Words, *, theme: str = "light") -> Picture:
    """The first words of one component as bars, the first on top, in the component's colour; each bar is 24 px high.

    Totals have a scale of their own, the largest as long as the largest weight, and the note says so.
    """
    behind, traces, note = words.behind, [], None
    if behind is not None and behind.max(initial=0.0) > 0:
        grey = {"color": look.palette(theme).grid}
        x = behind * (float(words.values.max(initial=0.0)) / behind.max())
        y = np.arange(len(x))
        traces.append({"type": "bar", "orientation": "h", "x": x, "y": y, "width": 0.84, "marker": grey, "hoverinfo": "skip"})
        note = f"Grey: the word's {clean(words.totals_name)}, on a scale of its own."
    traces.append(words.bar(theme, 0.84 if behind is None else 0.5))
    lines = max(len(words.values), 1)
    layout = {
        "barmode": "overlay",
        "xaxis": look.bare_axis(range=[0, words.longest * 1.02], fixedrange=True),
        "yaxis": _word_axis(words.terms, len(words.values), theme),
        "margin": {"l": LABEL_WIDTH + 8, "r": 4, "t": 2, "b": 2},
    }
    return Picture(look.figure(traces, layout, theme, height=ROW_HEIGHT * lines + 4), words.said(), words.table, note)


def _word_axis(words: Sequence[object], lines: int, theme: str, **options: Any) -> dict[str, Any]:
    """The axis on which words stand one under the other, the first on top, with room for `lines` of them."""
    base = look.axis(theme, None, showgrid=False, fixedrange=True, range=[lines - 0.5, -0.5], automargin=False, **options)
    return base | {
        "tickmode": "array",
        "tickvals": np.arange(len(words)),
        "ticktext": look.shorten_all(words, LABEL_WIDTH)[0],
        "tickfont": {"size": look.TEXT_SIZE, "color": look.palette(theme).text},
    }


@dataclass(frozen=True)
class _Cell:
    """The place of one topic in a picture of all: its column from the left, its row from the top, in shares of the picture."""

    place: int
    lines: int
    across: float
    height: float

    @property
    def suffix(self) -> str:
        """Of its axes' names."""
        return "" if self.place == 0 else str(self.place + 1)

    @property
    def left(self) -> float:
        return self.place % ACROSS / ACROSS

    @property
    def top(self) -> float:
        """Of its bars; the title stands above."""
        return 1 - (self.place // ACROSS * (self.lines * ROW_HEIGHT + TITLE_HEIGHT) + TITLE_HEIGHT) / self.height

    def axes(self, words: Words, theme: str) -> dict[str, Any]:
        begin = self.left + (LABEL_WIDTH + 8) / self.across
        end = max(begin + 0.01, self.left + 1 / ACROSS - CELL_GAP / self.across)
        upright = [max(0.0, self.top - self.lines * ROW_HEIGHT / self.height), self.top]
        x = look.bare_axis(range=[0, words.longest * 1.02], domain=[begin, end], anchor=f"y{self.suffix}", fixedrange=True)
        y = _word_axis(words.terms, self.lines, theme, anchor=f"x{self.suffix}", domain=upright)
        return {f"xaxis{self.suffix}": x, f"yaxis{self.suffix}": y}

    def head(self, title: object, beneath: object, theme: str) -> dict[str, Any]:
        room = self.across / ACROSS - CELL_GAP - HEAD_GAP
        style = f"font-size:{look.SMALL_SIZE}px;color:{look.palette(theme).muted}"
        small = f'<span style="{style}">{look.shorten(beneath, room)}</span>'
        place = {"xref": "paper", "yref": "paper", "x": self.left, "y": self.top, "yshift": 4}
        corner = {"xanchor": "left", "yanchor": "bottom", "align": "left"}
        return look.annotation(theme, f"<b>{look.shorten(title, room)}</b><br>{small}", **place, **corner)


def all_topic_bars(
    topics: Sequence[Words],
    *,
    titles: Sequence[object],
    beneath: Sequence[object],
    theme: str = "light",
) -> Picture:
    """The first words of many components as one picture, three beside each other, each on a scale of its own.

    titles, beneath : one per topic; beneath is the smaller line under the title
    """
    if not len(topics) == len(titles) == len(beneath):
        raise ValueError("Every topic needs words, a title and a line beneath it.")
    lines = max((len(words.terms) for words in topics), default=0) or 1
    height = max(1, -(-len(topics) // ACROSS)) * (lines * ROW_HEIGHT + TITLE_HEIGHT)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "margin": {"l": 0, "r": 0, "t": 0, "b": 0}}
    for at, words in enumerate(topics):
        cell = _Cell(at, lines, look.WIDE_WIDTH, height)
        traces.append(words.bar(theme, 0.6) | {"xaxis": f"x{cell.suffix}", "yaxis": f"y{cell.suffix}"})
        layout |= cell.axes(words, theme)
        layout["annotations"].append(cell.head(titles[at], beneath[at], theme))
    noun = topics[0].noun if topics else "topic"
    pairs = list(zip(titles, topics, strict=True))
    names = "; ".join(f"{clean(title, 40)}: {', '.join(clean(word, 24) for word in words.terms[:3])}" for title, words in pairs)
    alt = f"{look.count(len(topics), clean(noun), clean(noun) + 's')} by their strongest words. {names}."

    def table() -> pd.DataFrame:
        parts = [
            words.table().assign(**{noun: clean(title), "place": np.arange(1, len(words.terms) + 1)}) for title, words in pairs
        ]
        return pd.concat(parts, ignore_index=True)[[noun, "place", "word", topics[0].unit]]

    return Picture(look.figure(traces, layout, theme, height=height), alt, table, "Bars of each on a scale of its own.")


def _whole_percent(share: float) -> str:
    return percent(share, 0)


def _everywhere(weights: np.ndarray, noun: str, labels: Sequence[str] | None, written: Callable[[float], str]) -> str:
    """How much of one word is in all components, several on a line."""
    order = [int(t) for t in np.argsort(-weights, kind="stable") if weights[t] > 0]
    parts = [f"{t + 1 if labels is None else labels[t]}: {written(float(weights[t]))}" for t in order[:HOVER_TOPICS]]
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
