"""How do all figures look? Colours by theme name, fonts, margins, axes, and the camera button.

The colours are those of `dashboard/.streamlit/config.toml`; a test compares them. They are written into the figures, so that a
report, a PNG and the page agree, and so that Plotly's own light-theme greys (3.7:1) never appear. Text reaches 4.5:1 on its
background (WCAG 2.2, 1.4.3); the categorical colours follow Okabe & Ito 2008 and are told apart with colour-blind eyes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.picture import DRAWN_ONCE, built
from dashboard.text.plain import clean, plotly
from nmfcore.core.written import percent as percent

FONT = '"Source Sans", "Source Sans 3", "Source Sans Pro", "Open Sans", Arial, sans-serif'
TEXT_SIZE = 13  # px: tick labels and legends
SMALL_SIZE = 12  # px: labels inside the plot, hover texts
NUMBER_SIZE, NUMBER_HEIGHT = 11.5, 15  # px: numbers in the cells of a heatmap, and the height of a cell that they need
CHART_WIDTH = 430  # px: one of two charts side by side on a page of 1280
WIDE_WIDTH = 880  # px: a chart across the page
BUTTONS_REMOVED = ("select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d")  # of the chart's own: they only crowd it
LINE_HEIGHT = 15  # px that a horizontal tick label needs


@dataclass(frozen=True)
class Palette:
    """The colours of one theme.

    background : what is behind the figure (figures themselves are transparent)
    text, muted : for titles and labels; both 4.5:1 on the background
    grid : hairlines; grey : data that stands back (earlier runs, corpus totals)
    strong : lines that must be seen but are not data (floor, present rank)
    alarm : a curve that diverged, an item that is misplaced
    """

    background: str
    text: str
    muted: str
    grid: str
    grey: str
    strong: str
    alarm: str
    missing: str
    categorical: tuple[str, ...]
    sequential: tuple[str, ...]
    diverging: tuple[str, ...]


LIGHT = Palette(
    background="#FFFFFF",
    text="#17212F",
    muted="#4A5768",
    grid="#E3E8EF",
    grey="#9AA5B4",
    strong="#17212F",
    alarm="#B42318",
    missing="#E9EDF2",
    categorical=("#0072B2", "#D55E00", "#009E73", "#B8558E", "#B37700", "#2B8CBE", "#7A5195", "#5F6B7A", "#8C6D1F", "#B0413E"),
    sequential=("#F7FAFD", "#E3EEF8", "#CADFF0", "#A6CBE6", "#78B2D9", "#4C97C9", "#2B7BB6", "#145F9E", "#0A4580", "#082C57"),
    diverging=("#8C2D04", "#C4501B", "#E5824A", "#F5B68B", "#FBE3D3", "#D8E8F3", "#9BC7E2", "#559FCB", "#1F74AE", "#08457E"),
)
DARK = Palette(
    background="#10151D",
    text="#E6EBF2",
    muted="#B4BFCD",
    grid="#2A3442",
    grey="#66738A",
    strong="#E6EBF2",
    alarm="#FF8A80",
    missing="#2A3442",
    categorical=("#56B4E9", "#E69F00", "#2BC39A", "#E39BC4", "#F0E442", "#FF7F45", "#B58ADB", "#A7B3C2", "#D9C27A", "#F28E8B"),
    sequential=("#141B26", "#17304F", "#1D4670", "#285C8C", "#3C759F", "#5F8FA8", "#8BA9A5", "#B9C193", "#E2D673", "#FFEA46"),
    diverging=("#FFB38A", "#F08A55", "#C4602F", "#7E3D20", "#33231E", "#1C2733", "#1F4A6B", "#2F77A6", "#5FA8D6", "#A5D5F3"),
)
PALETTES: Mapping[str, Palette] = {"light": LIGHT, "dark": DARK}


def palette(theme: str) -> Palette:
    """The colours of "light" or "dark".

    Raises
    ------
    ValueError
        For any other name.
    """
    if theme not in PALETTES:
        raise ValueError(f"Unknown theme {theme!r}. Known: {', '.join(PALETTES)}.")
    return PALETTES[theme]


def component_colour(component: int, theme: str = "light") -> str:
    """The colour of component `component` (counted from 0): always the same; beyond ten the number carries the identity."""
    colours = palette(theme).categorical
    return colours[component % len(colours)]


def scale(colours: Sequence[str]) -> list[list[Any]]:
    """Colours at even steps from 0 to 1, as Plotly wants a colour scale."""
    return [[float(at), colour] for at, colour in zip(np.linspace(0, 1, len(colours)), colours, strict=True)]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two #RRGGBB colours, 1 to 21. Source: WCAG 2.2, definition of contrast ratio."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on `colour`; one of them always reaches 4.58:1."""
    return max(("#FFFFFF", "#000000"), key=lambda ink: contrast(ink, colour))


def colour_at(colours: Sequence[str], share: float) -> str:
    """The colour at `share` (0 to 1) of an evenly stepped scale, as #RRGGBB: what Plotly paints there."""
    at = min(max(share, 0.0), 1.0) * (len(colours) - 1)
    low = min(int(at), len(colours) - 2)
    first, second = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in colours[low : low + 2])
    red, green, blue = np.rint(first + (at - low) * (second - first)).astype(int)
    return f"#{red:02X}{green:02X}{blue:02X}"


def cell_numbers(
    z: np.ndarray,
    texts: Sequence[Sequence[str]],
    trace: Mapping[str, Any],
    colours: Sequence[str],
) -> dict[str, Any]:
    """A text trace over a heatmap `trace`: each number in the ink that reads on its cell (Plotly's own grey reaches 3:1 only)."""
    low, high = trace["zmin"], trace["zmax"]
    places, inks, shown = [], [], []
    for i, row in enumerate(z):
        for j, value in enumerate(row):
            if np.isfinite(value) and texts[i][j]:
                places.append((trace["x"][j], trace["y"][i]))
                inks.append(ink_on(colour_at(colours, (value - low) / (high - low))))
                shown.append(texts[i][j])
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, _ in places],
        "y": [y for _, y in places],
        "text": shown,
        "textfont": {"size": NUMBER_SIZE, "color": inks},
        "hoverinfo": "skip",
        "showlegend": False,
        "xaxis": trace.get("xaxis", "x"),
        "yaxis": trace.get("yaxis", "y"),
    }


def numbers(z: np.ndarray, digits: int) -> list[list[str]]:
    """The entries of a matrix as texts with so many decimals, without "-0.0"; NaN becomes empty."""
    rounded = np.round(z, digits) + 0.0
    return [["" if np.isnan(value) else f"{value:,.{digits}f}".replace("-", "−") for value in row] for row in rounded]


def faded(colour: str, alpha: float) -> str:
    """#RRGGBB with an opacity, as rgba(...)."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def _luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


# -- text ----------------------------------------------------------------------------------------------------------------
def text_width(text: str, size: float = TEXT_SIZE) -> float:
    """About how wide a line of text is, in px: enough to leave room for labels before a browser has drawn them."""
    return size * sum(_advance(character) for character in text)


def _advance(character: str) -> float:
    """Width of one character in units of the font size, a little on the wide side."""
    if ord(character) > 0x2E80:  # ideographs and emoji
        return 1.05
    if character in "ijl.,;:'|!I()[] ft":
        return 0.32
    if character in "mwMW@%—":
        return 0.86
    return 0.62 if character.isupper() else 0.53


def shorten(text: object, pixels: float, size: float = TEXT_SIZE) -> str:
    """A label from data, cut to about `pixels` with an ellipsis and escaped for Plotly."""
    whole = clean(text)
    cut = whole
    while len(cut) > 1 and text_width(cut, size) > pixels:
        cut = cut[:-2].rstrip() + "…" if cut.endswith("…") else cut[:-1].rstrip() + "…"
    return plotly(cut)


def shorten_all(labels: Sequence[object], pixels: float, size: float = TEXT_SIZE) -> tuple[list[str], float]:
    """Labels cut to at most `pixels`, escaped, and the width in px that the widest of them needs."""
    width = max((min(text_width(clean(label), size), pixels) for label in labels), default=0.0)
    return [shorten(label, pixels, size) for label in labels], width


def distinct(labels: Sequence[object]) -> list[str]:
    """Labels escaped for Plotly and made different from each other: Plotly draws equal categories on one line."""
    seen: dict[str, int] = {}
    out = []
    for label in labels:
        text = plotly(label)
        seen[text] = seen.get(text, 0) + 1
        while seen[text] > 1 and f"{text} ({seen[text]})" in seen:
            seen[text] += 1
        name = text if seen[text] == 1 else f"{text} ({seen[text]})"
        seen.setdefault(name, 1)
        out.append(name)
    return out


# -- parts of a figure ---------------------------------------------------------------------------------------------------
def figure(traces: list[dict[str, Any]], layout: Mapping[str, Any], theme: str, *, height: int) -> go.Figure:
    """A figure from dictionaries."""
    colours = palette(theme)
    base: dict[str, Any] = {
        "template": {"data": {"scatter": [{"type": "scatter"}]}},  # what Plotly calls "none"
        "height": height,
        "autosize": True,
        "font": {"family": FONT, "size": TEXT_SIZE, "color": colours.text},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 56, "r": 12, "t": 10, "b": 46, "pad": 0},
        "hoverlabel": {
            "bgcolor": colours.background,
            "bordercolor": colours.muted,
            "font": {"family": FONT, "size": SMALL_SIZE, "color": colours.text},
            "align": "left",
            "namelength": -1,
        },
        "separators": ".,",
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "zoom",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": colours.muted, "activecolor": colours.text, "orientation": "v"},
    }
    given = base | dict(layout)
    given["margin"] = {"pad": 0} | given["margin"]  # Streamlit's theme would put 16 px between labels and plot
    return built({"data": traces, "layout": given | {"datarevision": DRAWN_ONCE}})


# 0.0001 and 20,000 as they are, beyond them 10⁻⁶ and 10⁶; Plotly's own way writes 800p for 8e-10
NUMBER = {"exponentformat": "power", "minexponent": 5, "separatethousands": True}


def axis(theme: str, title: str | None = None, **options: Any) -> dict[str, Any]:
    """An axis: hairline grid, no frame, readable labels. `title` is trusted or already escaped."""
    colours = palette(theme)
    base: dict[str, Any] = {
        "showline": False,
        "zeroline": False,
        "showgrid": True,
        "gridcolor": colours.grid,
        "gridwidth": 1,
        "ticks": "outside",  # not seen: they keep labels off the bars and cells
        "ticklen": 4,
        "tickcolor": "rgba(0,0,0,0)",
        "tickfont": {"size": TEXT_SIZE, "color": colours.muted},
        "automargin": True,
        "fixedrange": False,
    } | NUMBER
    if title:
        base["title"] = {"text": title, "font": {"size": TEXT_SIZE, "color": colours.muted}, "standoff": 8}
    return base | options


def bare_axis(**options: Any) -> dict[str, Any]:
    """An axis that is not seen."""
    return {"visible": False, "showgrid": False, "zeroline": False, "automargin": False} | options


def legend(theme: str, **options: Any) -> dict[str, Any]:
    """A legend as one line above the plot."""
    base = {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 1.02,
        "yanchor": "bottom",
        "font": {"size": SMALL_SIZE, "color": palette(theme).text},
        "bgcolor": "rgba(0,0,0,0)",
        "itemsizing": "constant",
    }
    return base | options


def annotation(theme: str, text: str, **options: Any) -> dict[str, Any]:
    """A label inside the plot, on a plate of the background's colour so that a line behind it doesn't cross the letters."""
    colours = palette(theme)
    base = {
        "text": text,
        "showarrow": False,
        "font": {"size": SMALL_SIZE, "color": colours.text},
        "bgcolor": faded(colours.background, 0.85),
        "borderpad": 1,
    }
    return base | options


def line(theme: str, *, x: Sequence[Any] | None = None, y: Sequence[Any] | None = None, **options: Any) -> dict[str, Any]:
    """A straight line through the plot at one x or y (a shape); the other direction spans the whole plot."""
    spans = {
        "xref": "x" if x is not None else "paper",
        "yref": "y" if y is not None else "paper",
        "x0": x[0] if x is not None else 0,
        "x1": x[1] if x is not None else 1,
        "y0": y[0] if y is not None else 0,
        "y1": y[1] if y is not None else 1,
    }
    stroke = {"color": palette(theme).strong, "width": 1.5, "dash": "dot"} | options.pop("line", {})
    return {"type": "line", "line": stroke} | spans | options


def colourbar(theme: str, title: str, **options: Any) -> dict[str, Any]:
    """A colour bar with its quantity and unit; few ticks, so that they never meet."""
    colours = palette(theme)
    base: dict[str, Any] = {
        "title": {"text": title, "side": "right", "font": {"size": SMALL_SIZE, "color": colours.muted}},
        "thickness": 10,
        "outlinewidth": 0,
        "ticks": "",
        "nticks": 5,
        "tickfont": {"size": SMALL_SIZE, "color": colours.muted},
        "xpad": 6,
        "ypad": 0,
    } | NUMBER
    return base | options


def flat_colourbar(theme: str, title: str, **options: Any) -> dict[str, Any]:
    """The same lying under the plot."""
    bar = colourbar(theme, title, orientation="h", xpad=0, y=0, yanchor="top", ypad=34, nticks=6)
    bar["title"] = bar["title"] | {"side": "bottom"}
    return bar | options


def camera(filename: str, format: str = "png", *, keep: Sequence[str] = ()) -> dict[str, Any]:
    """The `config` of st.plotly_chart: Plotly's own camera button saves the picture in the browser as PNG or SVG.

    keep : buttons that stay although most charts have no use for them

    Raises
    ------
    ValueError
        For a format that the browser does not make.
    """
    if format not in ("png", "svg"):
        raise ValueError(f"Unknown picture format {format!r}. Known: png, svg.")
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in clean(filename)).strip("-") or "figure"
    return {
        "displaylogo": False,
        "responsive": True,
        "modeBarButtonsToRemove": [button for button in BUTTONS_REMOVED if button not in keep],
        "toImageButtonOptions": {"format": format, "filename": name, "scale": 2},
    }


# -- numbers -------------------------------------------------------------------------------------------------------------
def nice_step(span: float, parts: int) -> float:
    """The 1, 2 or 5 times a power of ten that cuts `span` into about `parts` steps."""
    if not span > 0:
        return 1.0
    raw = span / max(parts, 1)
    power = 10.0 ** np.floor(np.log10(raw))
    return float(power * next((f for f in (1.0, 2.0, 5.0) if raw <= f * power * (1 + 1e-9)), 10.0))


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most about `most` round positions between two positive numbers on a logarithmic axis, powers of ten where they fit."""
    decades = np.log10(high / low) if high > low else 0.0
    if decades < 1.0:  # Plotly's own choice here repeats bare digits
        step = nice_step(high - low, 4)
        return [float(v) for v in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step if v > 0]
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    factors = (1, 2, 5) if decades < 2 else (1,)
    stride = max(1, int(np.ceil((last - first) / most)))
    ticks = [factor * 10.0**power for power in range(first, last + 1, stride) for factor in factors]
    return [float(t) for t in ticks if low * 0.999 <= t <= high * 1.001]


def tick_text(value: float) -> str:
    """A number on a logarithmic axis: 0.985, 0.01, 10⁻⁵."""
    if value > 0 and (value < 1e-3 or value >= 1e5) and abs(np.log10(value) - round(np.log10(value))) < 1e-9:
        return f"10{str(round(np.log10(value))).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return f"{value:,.6g}"


def count(number: int, singular: str, plural: str) -> str:
    """1 document, 2,034 documents."""
    return f"{number:,} {singular if number == 1 else plural}"
