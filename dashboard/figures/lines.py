"""How do the lines and columns of a heatmap get their order, their names and their axes?

An order may have groups: they are divided by hairlines and named where there is room. Labels never meet: what does not fit is
left out, and hovering tells it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from dashboard.figures import theme as look
from dashboard.figures.binning import Bands, by_component
from dashboard.text.plain import clean, plotly
from nmfcore.core.factorization import Axis
from nmfcore.topics.ordering import Ordering, input_order

CLIP = 99.0  # percentile of the values above 0 at which colours end
WORTH_CLIPPING = 1.25  # the largest value is so many times that percentile, else colours end at the largest
LABEL_WIDTH = 130  # px for row labels at most
UPRIGHT = 96  # px for slanted column labels at most
PITCH = 17  # px from one line of labels to the next, so that their boxes do not touch
NAME_GAP = PITCH  # px between the names of two groups
UPRIGHT_PITCH = 20  # px between upright labels: a narrow page leaves less room than was asked for
FLAT = 32  # px up to which names of groups stand flat below a picture
MOST_NAMED = 30  # groups that a note names
HANDLES = 24  # invisible points on a side by which a box over a picture is caught

Order = Literal["strongest", "input"] | Ordering | Sequence[int] | np.ndarray


def ordered(W: np.ndarray, order: Order) -> Ordering:
    if isinstance(order, Ordering):
        return order
    if isinstance(order, str):
        if order not in ("strongest", "input"):
            raise ValueError(f"Unknown order {order!r}. Known: strongest, input, an Ordering, or the positions.")
        return input_order(len(W)) if order == "input" else Ordering(by_component(W), "by largest component, strongest first")
    return Ordering(np.asarray(order, np.intp), "in the order given")


# -- from the picture back to the cells -----------------------------------------------------------------------------------
def grips(trace: dict[str, Any], rows: Bands, columns: Bands) -> dict[str, Any]:
    """Points nobody sees over a heatmap: heatmaps tell a browser nothing about a box that is drawn over them, points do.

    Each carries the places it stands for: first row, row after the last, first column, column after the last.
    """

    def steps(by: Bands) -> list[tuple[int, int, int]]:
        every = -(-max(len(by.starts), 1) // HANDLES)
        ends = [*by.starts.tolist(), len(by.order)]
        lines = len(by.starts)
        return [(min(a + every // 2, lines - 1), ends[a], ends[min(a + every, lines)]) for a in range(0, lines, every)]

    grid = [(i, j, [a, b, c, d]) for i, a, b in steps(rows) for j, c, d in steps(columns)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": np.array([trace["x"][j] for _, j, _ in grid], object),
        "y": np.array([trace["y"][i] for i, _, _ in grid], object),
        "customdata": np.array([places for _, _, places in grid], np.int32),  # an array: lists are copied number by number
        "marker": {"opacity": 0, "size": 1},
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}},
        "hoverinfo": "skip",
        "showlegend": False,
        "xaxis": trace.get("xaxis", "x"),
        "yaxis": trace.get("yaxis", "y"),
    }


def tight(axis: dict[str, Any], lines: int, *, down: bool = False) -> dict[str, Any]:
    """The axis with no room around the cells, which markers would make for themselves."""
    ends = [-0.5, max(lines, 1) - 0.5]
    return {key: value for key, value in axis.items() if key != "autorange"} | {"range": ends[::-1] if down else ends}


def caught(handles: bool) -> dict[str, Any]:
    """What the mouse does: it draws a box where one can be caught, else it zooms."""
    return {"dragmode": "select"} if handles else {}


def box(points: Sequence[Mapping[str, Any]]) -> tuple[int, int, int, int] | None:
    """The places of the order that a box holds, from the handles in it: rows [a, b), columns [c, d); None when it holds none."""
    given = [point.get("customdata") or () for point in points]
    lists = [list(four.values()) if isinstance(four, Mapping) else four for four in given]  # a browser may name the places
    places = np.array([four for four in lists if len(four) == 4])
    if not len(places):
        return None
    a, b, c, d = places[:, 0].min(), places[:, 1].max(), places[:, 2].min(), places[:, 3].max()
    return int(a), int(b), int(c), int(d)


# -- groups of an order ---------------------------------------------------------------------------------------------------
def group_ticks(
    by: Bands, names: Sequence[str], arranged: Ordering, room: float, width: float = LABEL_WIDTH, gap: float = NAME_GAP
) -> tuple[list[str], list[str], float]:
    """Where the names of an order's groups stand, those that fit into `room` px, and the px that the widest needs.

    The largest groups come first; a name that would touch one that is there already is left out (hovering tells it).
    """
    lines = max(len(by.starts), 1)
    taken: list[tuple[float, int, str]] = []
    for first, end, name in sorted(arranged.runs, key=lambda run: run[0] - run[1]):
        middle = (by.place(first) + by.place(end)) / 2
        if all(abs(middle - other) * room / lines >= gap for other, _, _ in taken):
            taken.append((middle, min(max(round(middle), 0), lines - 1), name))
    taken.sort()
    labels, widest = look.shorten_all([name for _, _, name in taken], width)
    return [names[line] for _, line, _ in taken], labels, widest


def dividers(by: Bands, arranged: Ordering, theme: str, side: Literal["x", "y"], suffix: str = "") -> list[dict[str, Any]]:
    """A hairline between each two groups of an order that has named ones."""
    lines = []
    for first, _, _ in arranged.runs[1:]:
        at = (by.place(first),) * 2
        line = look.line(theme, **{side: at}, line={"width": 1, "dash": "solid", "color": look.palette(theme).grey}, opacity=0.7)
        other = "y" if side == "x" else "x"
        lines.append(line | {f"{side}ref": f"{side}{suffix}", f"{other}ref": f"{other}{suffix} domain"})
    return lines


def by_what(arranged: Ordering, component: str) -> str:
    """ ", by topic" behind the title of an axis whose groups are named."""
    return f", by {plotly(component if arranged.by == 'component' else arranged.by)}" if arranged.runs and arranged.by else ""


def divided(arranged: Ordering, axis: Axis, component: str, named: bool) -> str | None:
    """Which groups the lines divide, where the axis itself does not say it."""
    runs = arranged.runs
    if named or len(runs) < 2:
        return None
    names = ", ".join(clean(name, 40) for _, _, name in runs[:MOST_NAMED]) + (", …" if len(runs) > MOST_NAMED else "")
    return f"Lines divide the {clean(axis.name)} by {clean(component) if arranged.by == 'component' else arranged.by}: {names}."


def joined(*sentences: str | None) -> str | None:
    return " ".join(sentence for sentence in sentences if sentence) or None


def percentile(values: np.ndarray) -> float:
    return float(np.percentile(values, CLIP)) if values.size else 1.0


def clipped(values: np.ndarray) -> tuple[np.ndarray, float | None]:
    """The values and where their colours end: None when they may end at the maximum."""
    positive = values[values > 0]
    clip = percentile(positive)
    return values, clip if positive.size and positive.max() > WORTH_CLIPPING * clip else None


# -- axes ----------------------------------------------------------------------------------------------------------------
def line_names(by: Bands, axis: Axis, arranged: Ordering | None = None) -> list[str]:
    """One distinct name per line, for the hover: the label, or which entries share the line; and the known label it has."""
    group = [""] * len(by.starts)
    if arranged is not None and arranged.by == "label" and arranged.groups is not None:
        kinds = arranged.groups[by.starts]
        group = [f" ({plotly(arranged.names[k]) if k >= 0 else 'none'})" for k in kinds]
    if by.single:
        return [name + of for name, of in zip(look.distinct([axis.label(int(i)) for i in by.order]), group, strict=True)]
    name = plotly(axis.name)
    ends = by.starts + by.sizes
    return [f"{name} {a + 1:,}–{b:,} in this order{of}" for a, b, of in zip(by.starts, ends, group, strict=True)]


def line_axis(
    by: Bands, axis: Axis, arranged: Ordering, component: str, room: float, theme: str
) -> tuple[dict[str, Any], int, bool]:
    """The vertical axis of items, the left margin it needs, and whether it names the groups of the order."""
    n = len(by.order)
    fits = by.single and n * PITCH <= room
    title = look.count(n, plotly(axis.singular), plotly(axis.name)) + ("" if by.single else f", {by.per_line} per line")
    title += "" if fits else by_what(arranged, component)
    base = look.axis(theme, title, type="category", autorange="reversed", showgrid=False)
    if fits:
        labels, width = look.shorten_all([axis.label(int(i)) for i in by.order], LABEL_WIDTH)
        ticks = line_names(by, axis, arranged)
        return base | {"tickmode": "array", "tickvals": ticks, "ticktext": labels}, int(width) + 38, False
    if arranged.runs:
        ticks, labels, width = group_ticks(by, line_names(by, axis, arranged), arranged, room)
        return base | {"tickmode": "array", "tickvals": ticks, "ticktext": labels}, int(width) + 38, True
    return base | {"showticklabels": False}, 40, False


def feature_axis(
    by: Bands,
    columns: Sequence[str],
    labels: list[str] | None,
    arranged: Ordering,
    component: str,
    title: str,
    room: float,
    theme: str,
) -> tuple[dict[str, Any], int, bool]:
    """The horizontal axis: labels where they fit, else the groups' names, else none; its margin; whether it names groups."""
    if labels is None and arranged.runs:
        base = look.axis(theme, title + by_what(arranged, component), type="category", showgrid=False)
        longest = max(look.text_width(name) for _, _, name in arranged.runs)
        flat = longest <= FLAT
        ticks, names, width = group_ticks(by, columns, arranged, room, UPRIGHT, longest + 6 if flat else UPRIGHT_PITCH)
        options = {"tickmode": "array", "tickvals": ticks, "ticktext": names, "tickangle": 0 if flat else -90}
        return base | options, (22 if flat else int(width) + 16) + 26, True
    axis, bottom = column_axis(labels, title, room, theme, columns)
    return axis, bottom, False


def number_axis(labels: Sequence[str], title: str, theme: str, room: float) -> dict[str, Any]:
    """An axis of component numbers: every one where they fit, else every second, fifth, ..."""
    names, r = list(labels), len(labels)
    longest = max((look.text_width(name) for name in names), default=0.0)
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if r / step * (longest + 6) <= room or step == 1000)
    kept = names[every - 1 :: every] if every < 5 else [names[0], *names[every - 1 :: every]]
    return look.axis(theme, title, type="category", showgrid=False, tickangle=0) | {
        "tickmode": "array",
        "tickvals": kept,
        "ticktext": kept,
    }


def column_axis(
    labels: Sequence[object] | None, title: str, room: float, theme: str, names: Sequence[str] | None = None
) -> tuple[dict[str, Any], int]:
    """A horizontal axis of labels that never meet, and the bottom margin it needs; `names` are the columns' own when others."""
    base = look.axis(theme, title, type="category", showgrid=False, tickangle=0)
    title_room = 26 if title else 4
    if labels is None or not len(labels):
        return base | {"showticklabels": False}, title_room + 8
    each = room / len(labels)
    names = names or look.distinct(labels)
    short, width = look.shorten_all(labels, UPRIGHT)
    if width + 6 <= each:
        return base | {"tickmode": "array", "tickvals": names, "ticktext": short}, 22 + title_room
    if all(str(label).isdigit() for label in labels):  # numbers can be left out
        every = int(np.ceil((width + 8) / each))
        return base | {"tickmode": "array", "tickvals": names[::every], "ticktext": short[::every]}, 22 + title_room
    every = max(1, int(np.ceil(UPRIGHT_PITCH / each)))  # upright lines of text: slanted ones overlap as boxes and read no better
    options = {"tickmode": "array", "tickvals": names[::every], "ticktext": short[::every], "tickangle": -90}
    return base | options, int(width) + 16 + title_room


def binning_note(sides: list[tuple[Bands, Axis]], how: str, clip: float | None, values: np.ndarray) -> str | None:
    """What was done to draw a large matrix, in one or two sentences."""
    said = []
    binned = [f"{by.per_line} {clean(axis.name)}" for by, axis in sides if not by.single]
    if binned:
        what = "line" if len(binned) == 1 and not sides[0][0].single and len(sides) == 1 else "cell"
        said.append(f"Each {what} shows the {how} over {' × '.join(binned)}.")
    if clip is not None:
        said.append(
            f"Colours end at {clip:.3g}, the {CLIP:.0f}th percentile of what is above 0; the largest is {values.max():.3g}."
        )
    return " ".join(said) or None
