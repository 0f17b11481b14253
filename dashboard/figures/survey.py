"""Which rank? All criteria of a survey in one table-like picture: ranks across, criteria down, the good ranks shaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean, plotly
from nmfcore.evaluate.rank import NAMES, Link, RankPoint, Verdict

PANEL = 104  # px of one criterion with its name above it
NAME = 0.24  # of a panel: room for the name, so that no line runs through it
LABEL_WIDTH = 120  # px for a topic's name in the river


def criteria(points: Sequence[RankPoint], verdict: Verdict, *, present: int, theme: str = "light") -> Picture:
    """Small multiples over the same ranks; what has not been measured is left out, and the note says so."""
    points = sorted(points, key=lambda p: p.rank)
    ranks = np.array([p.rank for p in points])
    rows, missing = _measured(points, ranks, theme)
    height = 1.0 / len(rows)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for number, (_, drawn) in enumerate(rows):
        suffix = "" if number == 0 else str(number + 1)
        domain = [max(0.0, 1.0 - (number + 0.97) * height), 1.0 - (number + NAME) * height]
        layout[f"yaxis{suffix}"] = look.axis(theme, None, domain=domain, anchor="x", nticks=3)
        traces += [trace | {"yaxis": f"y{suffix}"} for trace in drawn]
    labels = [
        look.annotation(theme, name, xref="paper", yref="paper", x=0.004, xanchor="left", y=1.0 - k * height, yanchor="top")
        for k, (name, _) in enumerate(rows)
    ]
    ticks = ranks if len(ranks) <= 20 else ranks[:: 1 + len(ranks) // 20]
    lowest = f"y{'' if len(rows) == 1 else len(rows)}"
    ends = [ranks.min() - 0.6, ranks.max() + 0.6]
    layout |= {
        "xaxis": look.axis(theme, "rank", tickvals=ticks.tolist(), anchor=lowest, showgrid=False, range=ends),
        "annotations": labels,
        "shapes": _marks(verdict, present, ranks, theme),
    }
    figure = look.figure(traces, layout, theme, height=PANEL * len(rows) + 70)
    note = "NMF: median over the starts, with the range from lowest to highest."
    if missing:
        note += f" Not measured: {', '.join(missing)}."
    return Picture(figure, verdict.sentence, lambda: table(points), note)


def _measured(
    points: Sequence[RankPoint], ranks: np.ndarray, theme: str
) -> tuple[list[tuple[str, list[dict[str, Any]]]], list[str]]:
    """The rows of the picture (name and lines) of what has been measured, and the names of what has not."""
    colours = look.palette(theme)
    errors = [p.errors for p in points]
    middle, low, high = (np.array([of(e) for e in errors]) for of in (np.median, np.min, np.max))
    floor = _line(ranks, np.array([p.floor for p in points]), colours.strong, "SVD floor", "dot")
    spread = {"array": high - middle, "arrayminus": middle - low}
    error_y = {"type": "data", "symmetric": False, **spread, "thickness": 1}
    first = [_line(ranks, middle, colours.categorical[0], "NMF") | {"error_y": error_y}, floor]
    null = _mean([p.null for p in points])
    if np.isfinite(null).any():
        first.append(_line(ranks, null, colours.muted, NAMES["null"], "dash"))
    shown = "relative error: NMF, SVD floor (dotted)" + (f", {NAMES['null']} (dashed)" if len(first) > 2 else "")
    criteria_ = {
        NAMES["bicv"]: _mean([p.bicv for p in points]),
        NAMES["masked"]: _mean([p.masked for p in points]),
        **{NAMES[key]: np.array([getattr(p, key) for p in points]) for key in ("cophenetic", "dispersion", "keywords", "npmi")},
    }
    there = {name: np.isfinite(values).any() for name, values in criteria_.items()}
    lines = [
        (name, [_line(ranks, values, colours.categorical[colour], name)])
        for colour, (name, values) in enumerate(criteria_.items(), start=1)
        if there[name]
    ]
    return [(shown, first), *lines], [name for name, here in there.items() if not here]


def _line(ranks: np.ndarray, values: np.ndarray, colour: str, name: str, dash: str = "solid") -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines+markers", "x": ranks, "y": values, "name": name,
        "line": {"color": colour, "width": 1.8, "dash": dash}, "marker": {"size": 6, "color": colour},
        "hovertemplate": f"rank %{{x}}, {name}: %{{y:.4f}}<extra></extra>",
    }  # fmt: skip


def _marks(verdict: Verdict, present: int, ranks: np.ndarray, theme: str) -> list[dict[str, Any]]:
    """The ranks of the verdict as bands, and the present rank as a line."""
    colours = look.palette(theme)
    shapes: list[dict[str, Any]] = [
        {
            "type": "rect", "xref": "x", "yref": "paper", "x0": rank - 0.4, "x1": rank + 0.4, "y0": 0, "y1": 1,
            "fillcolor": look.faded(colours.categorical[2], 0.16), "line": {"width": 0}, "layer": "below",
        }
        for rank in (verdict.ranks if verdict.agreed else ())
    ]  # fmt: skip
    if ranks.min() <= present <= ranks.max():
        shapes.append(look.line(theme, x=(present, present), line={"color": colours.muted, "width": 1, "dash": "dot"}))
    return shapes


@dataclass(frozen=True)
class _Bed:
    """Where the topics of each rank stand in the river, and in which colour: a column a rank, topics under one another."""

    names: dict[int, list[str]]
    links: Sequence[Link]
    theme: str

    @cached_property
    def ranks(self) -> list[int]:
        return sorted(self.names)

    @cached_property
    def lineage(self) -> dict[int, list[int]]:
        return _lineage(self.ranks, self.links)

    @cached_property
    def order(self) -> dict[int, list[int]]:
        return _without_crossings(self.ranks, self.links)

    def place(self, rank: int, topic: int) -> tuple[float, float]:
        return float(self.ranks.index(rank)), -(self.order[rank].index(topic) + 0.5) * self.ranks[-1] / rank

    def colour(self, rank: int, topic: int) -> str:
        return look.palette(self.theme).categorical[self.lineage[rank][topic] % 10]

    def bands(self) -> list[dict[str, Any]]:
        """The links, weak ones first."""
        return [
            _bent(
                self.place(link.rank, link.topic),
                self.place(link.next_rank, link.next_topic),
                1 + 9 * link.cosine,
                look.faded(self.colour(link.next_rank, link.next_topic), 0.5),
            )
            for link in sorted(self.links, key=lambda k: k.cosine)
        ]

    def boxes(self, rank: int) -> dict[str, Any]:
        """The numbered topics of one rank."""
        names, topics = self.names[rank], range(len(self.names[rank]))
        fill, places = [self.colour(rank, t) for t in topics], [self.place(rank, t) for t in topics]
        border = {"color": look.palette(self.theme).background, "width": 1}
        return {
            "type": "scatter", "mode": "markers+text", "x": [x for x, _ in places], "y": [y for _, y in places],
            "text": [str(t + 1) for t in topics],
            "textfont": {"size": look.SMALL_SIZE, "color": [look.ink_on(c) for c in fill]},
            "marker": {"size": 20, "opacity": 1, "color": fill, "line": border},
            "customdata": [plotly(name, 60) for name in names],
            "hovertemplate": f"rank {rank}, topic %{{text}}: %{{customdata}}<extra></extra>",
        }  # fmt: skip

    def written(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        """What the topics of the last rank are about, right of them."""
        most, options = self.ranks[-1], {"xanchor": "left", "xshift": 14, "yanchor": "middle", "bgcolor": "rgba(0,0,0,0)"}
        places = [self.place(most, t) for t in range(len(labels))]
        return [look.annotation(self.theme, label, x=x, y=y, **options) for label, (x, y) in zip(labels, places, strict=True)]

    def table(self) -> pd.DataFrame:
        """One line per link."""
        return pd.DataFrame(
            [
                {
                    "rank": k.rank, "topic": k.topic + 1, "words": clean(self.names[k.rank][k.topic]), "next rank": k.next_rank,
                    "next topic": k.next_topic + 1, "next words": clean(self.names[k.next_rank][k.next_topic]),
                    "cosine": k.cosine,
                }
                for k in self.links
            ]
        )  # fmt: skip


def river(links: Sequence[Link], names: dict[int, list[str]], *, theme: str = "light") -> Picture:
    """Topics of each rank as numbered boxes in columns, linked to those of the next rank that resemble them.

    The number is the topic's in the best start of its rank. A topic has the colour of the one it continues; where one splits, the
    most similar part goes on in its colour and the others get a new one. Columns are ordered so that links cross little.
    """
    bed = _Bed(names, links, theme)
    ranks, most = bed.ranks, bed.ranks[-1]
    height = int(np.clip(26 * most + 80, 260, 900))
    labels, width = look.shorten_all(names[most], LABEL_WIDTH, look.SMALL_SIZE)
    readable = (height - 60) / most >= look.LINE_HEIGHT
    columns = {"tickvals": list(range(len(ranks))), "ticktext": [str(r) for r in ranks], "range": [-0.25, len(ranks) - 0.75]}
    layout = {
        "xaxis": look.axis(theme, "rank", showgrid=False, **columns),
        "yaxis": look.bare_axis(range=[-most, 0]),
        "annotations": bed.written(labels) if readable else [],
        "margin": {"l": 12, "r": int(width) + 16 if readable else 12, "t": 6, "b": 46},
    }
    figure = look.figure([*bed.bands(), *map(bed.boxes, ranks)], layout, theme, height=height)
    alt = f"How the topics of ranks {ranks[0]} to {most} continue and split; {len(links)} links."
    return Picture(figure, alt, bed.table)


def _bent(one: tuple[float, float], other: tuple[float, float], width: float, colour: str) -> dict[str, Any]:
    """A band from one box to another that leaves and arrives level."""
    (x0, y0), (x1, y1) = one, other
    bend = np.linspace(0.0, 1.0, 16)
    ease = bend * bend * (3 - 2 * bend)
    return {
        "type": "scatter", "mode": "lines", "x": x0 + (x1 - x0) * bend, "y": y0 + (y1 - y0) * ease, "hoverinfo": "skip",
        "line": {"width": width, "color": colour},
    }  # fmt: skip


def _lineage(ranks: Sequence[int], links: Sequence[Link]) -> dict[int, list[int]]:
    """For each rank the colour number of every topic: its parent's if it is that parent's closest child, else a new one."""
    lines = {ranks[0]: list(range(ranks[0]))}
    new = ranks[0]
    for before, rank in pairwise(ranks):
        between = [k for k in links if (k.rank, k.next_rank) == (before, rank)]
        closest = {t: max((k for k in between if k.topic == t), key=lambda k: k.cosine, default=None) for t in range(before)}
        heir = {k.next_topic: k for k in sorted((k for k in closest.values() if k), key=lambda k: k.cosine)}
        lines[rank] = []
        for topic in range(rank):
            if topic in heir:
                lines[rank].append(lines[before][heir[topic].topic])
            else:
                lines[rank].append(new)
                new += 1
    return lines


def _without_crossings(ranks: Sequence[int], links: Sequence[Link]) -> dict[int, list[int]]:
    """For each rank the topics from top to bottom: each near the mean height of its parents, weighted by cosine."""
    order = {ranks[0]: list(range(ranks[0]))}
    for before, rank in pairwise(ranks):
        height = {topic: (i + 0.5) / before for i, topic in enumerate(order[before])}
        wanted = []
        for topic in range(rank):
            parents = [k for k in links if (k.rank, k.next_rank, k.next_topic) == (before, rank, topic)]
            weight = sum(k.cosine**2 for k in parents)
            wanted.append(sum(height[k.topic] * k.cosine**2 for k in parents) / weight if weight else 1.0)
        order[rank] = sorted(range(rank), key=lambda t: (wanted[t], t))
    return order


def table(points: Sequence[RankPoint]) -> pd.DataFrame:
    """One line per rank, one column per criterion."""
    return pd.DataFrame(
        [
            {
                "rank": p.rank, "starts": len(p.errors), "error, lowest": p.errors.min(),
                "error, median": float(np.median(p.errors)), "error, highest": p.errors.max(), "SVD floor": p.floor,
                **{NAMES[key]: _one(getattr(p, key)) for key in ("bicv", "masked", "null")},
                **{NAMES[key]: getattr(p, key) for key in ("cophenetic", "dispersion", "keywords", "npmi")},
                "diversity": p.diversity,
            }
            for p in points
        ]
    )  # fmt: skip


def _mean(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([_one(v) for v in values])


def _one(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
