"""Which words make up a component, drawn so cheaply that a page can hold thirty of them?

The same picture as `words.topic_bars`, as plain HTML: a Plotly chart costs the browser 60 to 80 ms each time its data changes,
and twenty cards have to answer a slider in half a second. No script; what is under the mouse is shown by the style sheet alone.
Where one component is looked at closely, and in files, `topic_bars` is used.
"""

from __future__ import annotations

from html import escape

import numpy as np

from dashboard.figures import theme as look
from dashboard.figures.words import LABEL_WIDTH, ROW_HEIGHT, Words

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


def word_list(words: Words, *, theme: str = "light") -> str:
    """The first words of one component as HTML bars, the first on top, in the component's colour; `STYLE` has to be on the page.

    Totals are grey behind the bars: the largest as long as the largest weight.
    """
    behind = np.zeros(len(words.values)) if words.behind is None else words.behind
    colours = look.palette(theme)
    bars = 100 * words.values / words.longest
    greys = 100 * behind / (float(behind.max(initial=0.0)) or 1.0)
    shown, _ = look.shorten_all(words.terms, LABEL_WIDTH)
    tips = [tip.replace("<br>", "\n") for tip in words.hovers()]  # line feeds: a third of the nodes for the browser to make
    rows = "".join(
        f'<div class="nmf-word"><span class="nmf-label">{word}</span><span class="nmf-track">'
        f'<i class="nmf-grey" style="width:{grey:.1f}%"></i><i class="nmf-bar" style="width:{bar:.1f}%"></i></span>'
        f'<span class="nmf-tip">{tip}</span></div>'
        for word, bar, grey, tip in zip(shown, bars, greys, tips, strict=True)
    )
    variables = (
        f"--nmf-colour:{look.component_colour(words.component, theme)};--nmf-grey:{colours.grid};--nmf-text:{colours.text};"
        f"--nmf-back:{colours.background};--nmf-edge:{colours.muted};color:{colours.text}"
    )
    return f'<div class="nmf-words" role="img" aria-label="{escape(words.said())}" style="{variables}">{rows}</div>'
