"""Which rank? All criteria of a survey in one table-like picture: ranks across, criteria down, the good range shaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import theme as look
from dashboard.figures.picture import Picture
from dashboard.plain import clean, plotly
from nmfcore.rank import Link, RankPoint, Verdict

PANEL = 104  # px of one criterion with its name above it
NAME = 0.24  # of a panel: room for the name, so that no line runs through it
LABEL_WIDTH = 120  # px for a topic's name in the river


def criteria(points: Sequence[RankPoint], verdict: Verdict, *, present: int, theme: str = "light") -> Picture:
    """Small multiples over the same ranks; what has not been measured is left out, and the note says so."""
    colours = look.palette(theme)
    points = sorted(points, key=lambda p: p.rank)
    ranks = np.array([p.rank for p in points])
    rows: list[tuple[str, list[dict[str, Any]]]] = []
    missing: list[str] = []

    def line(
        values: np.ndarray, colour: str, name: str, dash: str = "solid", low: Any = None, high: Any = None
    ) -> dict[str, Any]:
        trace: dict[str, Any] = {
            "type": "scatter", "mode": "lines+markers", "x": ranks, "y": values, "name": name,
            "line": {"color": colour, "width": 1.8, "dash": dash}, "marker": {"size": 6, "color": colour},
            "hovertemplate": f"rank %{{x}}, {name}: %{{y:.4f}}<extra></extra>",
        }  # fmt: skip
        if low is not None:
            trace["error_y"] = {
                "type": "data",
                "symmetric": False,
                "array": high - values,
                "arrayminus": values - low,
                "thickness": 1,
            }
        return trace

    errors = [p.errors for p in points]
    middle = np.array([np.median(e) for e in errors])
    spread = {"low": np.array([e.min() for e in errors]), "high": np.array([e.max() for e in errors])}
    floor = line(np.array([p.floor for p in points]), colours.strong, "SVD floor", "dot")
    null = _mean([p.null for p in points])
    first = [line(middle, colours.categorical[0], "NMF", **spread), floor]
    if np.isfinite(null).any():
        first.append(line(null, colours.muted, "shuffled data", "dash"))
    rows.append(("relative error", first))
    for name, values, colour in (
        ("held out: blocks", _mean([p.bicv for p in points]), 1),
        ("held out: entries", _mean([p.masked for p in points]), 2),
        ("consensus: cophenetic", np.array([p.cophenetic for p in points]), 3),
        ("consensus: dispersion", np.array([p.dispersion for p in points]), 4),
        ("keyword stability", np.array([p.keywords for p in points]), 5),
        ("coherence (NPMI)", np.array([p.npmi for p in points]), 6),
    ):
        if np.isfinite(values).any():
            rows.append((name, [line(values, colours.categorical[colour], name)]))
        else:
            missing.append(name)
    height = 1.0 / len(rows)
    traces, layout = [], {}
    for number, (_, drawn) in enumerate(rows):
        suffix = "" if number == 0 else str(number + 1)
        top = 1.0 - (number + NAME) * height
        layout[f"yaxis{suffix}"] = look.axis(
            theme, None, domain=[max(0.0, 1.0 - (number + 0.97) * height), top], anchor="x", nticks=3
        )
        traces += [trace | {"yaxis": f"y{suffix}"} for trace in drawn]
    labels = [
        look.annotation(theme, name, xref="paper", yref="paper", x=0.004, xanchor="left", y=1.0 - k * height, yanchor="top")
        for k, (name, _) in enumerate(rows)
    ]
    shapes = []
    if verdict.low is not None and verdict.high is not None:
        shapes.append(
            {
                "type": "rect", "xref": "x", "yref": "paper", "x0": verdict.low - 0.4, "x1": verdict.high + 0.4, "y0": 0, "y1": 1,
                "fillcolor": look.faded(colours.categorical[2], 0.16), "line": {"width": 0}, "layer": "below",
            }
        )  # fmt: skip
    if ranks.min() <= present <= ranks.max():
        shapes.append(look.line(theme, x=(present, present), line={"color": colours.muted, "width": 1, "dash": "dot"}))
    ticks = ranks if len(ranks) <= 20 else ranks[:: 1 + len(ranks) // 20]
    layout |= {
        "xaxis": look.axis(
            theme, "rank", tickvals=ticks.tolist(), anchor=f"y{'' if len(rows) == 1 else len(rows)}", showgrid=False,
            range=[ranks.min() - 0.6, ranks.max() + 0.6],
        ),
        "annotations": labels,
        "shapes": shapes,
    }  # fmt: skip
    figure = look.figure(traces, layout, theme, height=PANEL * len(rows) + 70)
    note = "NMF: median over the starts, with the range from lowest to highest."
    if missing:
        note += f" Not measured: {', '.join(missing)}."
    return Picture(figure, verdict.sentence, lambda: table(points), note)


def river(points: Sequence[RankPoint], links: Sequence[Link], names: dict[int, list[str]], *, theme: str = "light") -> Picture:
    """Topics of each rank as numbered boxes in columns, linked to those of the next rank that resemble them."""
    colours = look.palette(theme)
    ranks = sorted(names)
    column = {rank: i for i, rank in enumerate(ranks)}
    most = max(ranks)

    def place(rank: int, topic: int) -> float:
        return -(topic + 0.5) * most / rank

    traces: list[dict[str, Any]] = []
    for link in links:
        x0, x1 = column[link.rank] + 0.12, column[link.next_rank] - 0.12
        y0, y1 = place(link.rank, link.topic), place(link.next_rank, link.next_topic)
        bend = np.linspace(0.0, 1.0, 12)
        ease = bend * bend * (3 - 2 * bend)
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": x0 + (x1 - x0) * bend, "y": y0 + (y1 - y0) * ease, "hoverinfo": "skip",
                "line": {"width": 1 + 9 * link.cosine, "color": look.faded(colours.categorical[link.topic % 10], 0.45)},
            }
        )  # fmt: skip
    for rank in ranks:
        listed = names[rank]
        traces.append(
            {
                "type": "scatter", "mode": "markers+text", "x": [column[rank]] * len(listed),
                "y": [place(rank, t) for t in range(len(listed))],
                "text": [str(t + 1) for t in range(len(listed))], "textfont": {"size": 11, "color": colours.text},
                "marker": {"size": 18, "color": colours.background, "line": {"color": colours.muted, "width": 1}},
                "customdata": [plotly(name, 60) for name in listed],
                "hovertemplate": f"rank {rank}, topic %{{text}}: %{{customdata}}<extra></extra>",
            }
        )  # fmt: skip
    figure = look.figure(
        traces,
        {
            "xaxis": look.axis(
                theme, "rank", tickvals=list(range(len(ranks))), ticktext=[str(r) for r in ranks], showgrid=False,
                range=[-0.4, len(ranks) - 0.6],
            ),
            "yaxis": look.bare_axis(range=[-most, 0]),
        },
        theme,
        height=int(np.clip(26 * most + 80, 260, 900)),
    )  # fmt: skip

    def twin() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {
                    "rank": k.rank, "topic": k.topic + 1, "words": clean(names[k.rank][k.topic]), "next rank": k.next_rank,
                    "next topic": k.next_topic + 1, "next words": clean(names[k.next_rank][k.next_topic]), "cosine": k.cosine,
                }
                for k in links
            ]
        )  # fmt: skip

    return Picture(figure, f"How the topics of ranks {ranks[0]} to {ranks[-1]} continue and split; {len(links)} links.", twin)


def table(points: Sequence[RankPoint]) -> pd.DataFrame:
    """One line per rank, one column per criterion."""
    return pd.DataFrame(
        [
            {
                "rank": p.rank, "starts": len(p.errors), "error, lowest": p.errors.min(),
                "error, median": float(np.median(p.errors)), "error, highest": p.errors.max(), "SVD floor": p.floor,
                "held out: blocks": _one(p.bicv), "held out: entries": _one(p.masked), "shuffled data": _one(p.null),
                "cophenetic": p.cophenetic, "dispersion": p.dispersion, "keyword stability": p.keywords,
                "NPMI": p.npmi, "diversity": p.diversity,
            }
            for p in points
        ]
    )  # fmt: skip


def _mean(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([_one(v) for v in values])


def _one(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
