"""Which words make up a component, drawn so cheaply that a page can hold thirty of them?

The same picture as `topics.topic_bars`, as plain HTML: a Plotly chart costs the browser 60 to 80 ms each time its data changes,
and twenty cards have to answer a slider in half a second. No script; what is under the mouse is shown by the style sheet alone.
Where one component is looked at closely, and in files, `topic_bars` is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.topics import LABEL_WIDTH, ROW_HEIGHT, word_hovers
from dashboard.text.plain import clean

STYLE = f"""<style>
.nmf-words {{ font-family: {look.FONT}; font-size: {look.TEXT_SIZE}px; line-height: {ROW_HEIGHT}px; padding: 2px 0; }}
.nmf-word {{ position: relative; display: flex; gap: 8px; height: {ROW_HEIGHT}px; cursor: default; }}
.nmf-word:hover {{ z-index: 50; }}
.nmf-label {{ flex: none; width: {LABEL_WIDTH}px; text-align: right; white-space: nowrap; }}
.nmf-track {{ position: relative; flex: 1; min-width: 0; }}
.nmf-track i {{ position: absolute; left: 0; }}
.nmf-grey {{ top: 2px; height: 20px; background: var(--nmf-grey); }}
.nmf-bar {{ top: 6px; height: 12px; background: var(--nmf-colour); }}
.nmf-tip {{ display: none; position: absolute; top: 100%; left: 0; right: 0; padding: 6px 10px; border-radius: 6px;
  font-size: {look.SMALL_SIZE}px; line-height: 1.4; white-space: pre-line; overflow-wrap: anywhere; pointer-events: none;
  color: var(--nmf-text); background: var(--nmf-back); border: 1px solid var(--nmf-edge); }}
.nmf-word:hover .nmf-tip {{ display: block; }}
</style>"""


def word_list(
    words: Sequence[object],
    weights: ArrayLike,
    *,
    component: int,
    background: ArrayLike,
    everywhere: ArrayLike,
    background_name: str = "total in the data",
    labels: Sequence[str] | None = None,
    label: str | None = None,
    noun: str = "topic",
    unit: str = "weight in H",
    theme: str = "light",
) -> str:
    """The top words of one component as HTML bars, the first on top, in the component's colour; `STYLE` has to be on the page.

    Parameters
    ----------
    words, weights : (w,) labels and their weights, strongest first
    component : its number, counted from 0, for the colour
    background : (w,) the words' totals in the data, grey behind the bars: the largest as long as the largest weight
    everywhere : (w, r) the weight of each word in every component, for the hover
    labels : (r,) how components are written, "1" to "r" when None;  label : how this one is

    Raises
    ------
    ValueError
        If there are not as many weights and totals as words.
    """
    values, behind = np.asarray(weights, float), np.asarray(background, float)
    if not len(words) == len(values) == len(behind):
        raise ValueError(f"{len(words)} words need as many weights and totals, not {len(values)} and {len(behind)}.")
    colours = look.palette(theme)
    bars = 100 * values / (float(values.max(initial=0.0)) or 1.0)
    greys = 100 * behind / (float(behind.max(initial=0.0)) or 1.0)
    shown, _ = look.shorten_all(words, LABEL_WIDTH)
    tips = [  # lines as line feeds: a third of the nodes that the browser would have to make
        tip.replace("<br>", "\n") for tip in word_hovers(words, values, behind, background_name, everywhere, noun, unit, labels)
    ]
    rows = "".join(
        f'<div class="nmf-word"><span class="nmf-label">{word}</span><span class="nmf-track">'
        f'<i class="nmf-grey" style="width:{grey:.1f}%"></i><i class="nmf-bar" style="width:{bar:.1f}%"></i></span>'
        f'<span class="nmf-tip">{tip}</span></div>'
        for word, bar, grey, tip in zip(shown, bars, greys, tips, strict=True)
    )
    listed = ", ".join(clean(word, 40) for word in words)
    alt = f"{clean(noun).capitalize()} {label or component + 1}: {listed or 'no word has weight here'}."
    variables = (
        f"--nmf-colour:{look.component_colour(component, theme)};--nmf-grey:{colours.grid};--nmf-text:{colours.text};"
        f"--nmf-back:{colours.background};--nmf-edge:{colours.muted};color:{colours.text}"
    )
    return f'<div class="nmf-words" role="img" aria-label="{escape(alt)}" style="{variables}">{rows}</div>'
