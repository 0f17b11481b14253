"""How does a text look whose words are coloured by the topic that explains them?

Plain HTML without script, as in `word_list`. The colour is the topic, its strength how much the word contributes; a small number
says the topic again for those who cannot tell the colours, an underline that the model does not explain a word of the data.
"""

from __future__ import annotations

from collections.abc import Set
from html import escape

import numpy as np

from dashboard.figures import theme as look
from dashboard.figures.components import Components
from dashboard.text.plain import clean
from nmfcore.core.written import percent
from nmfcore.methods.reading import EXPLAINED, STOP, UNEXPLAINED, Reading

PALE = 0.12  # opacity behind a word that contributes almost nothing
STRONG = {"light": 0.62, "dark": 0.40}  # and behind the strongest: the text stays at 4.5:1 on every colour
NUMBERED = 0.25  # of the strongest word's contribution, from which the topic's number is written
PIECES = 60  # of the strip along the text
SEEN = 0.02  # share of a word below which a topic is not listed under the mouse


def reading_html(found: Reading, called: Components, *, hidden: Set[int] = frozenset(), theme: str = "light") -> str:
    """The text as HTML; everything from outside is escaped.

    hidden : topics whose colour is off
    """
    ink = look.palette(theme)
    strongest = max((float(place.shares.sum()) for place in found.places), default=0.0) or 1.0
    out, at = [], 0
    for place in found.places:
        out.append(escape(found.text[at : place.begin]))
        word = escape(found.text[place.begin : place.end])
        at = place.end
        if place.kind == EXPLAINED and place.topic not in hidden:
            strength = float(place.shares.sum()) / strongest
            back = look.faded(
                look.component_colour(called.colours[place.topic], theme), PALE + (STRONG[theme] - PALE) * strength**0.5
            )
            number = f"<sub>{escape(called.labels[place.topic])}</sub>" if strength >= NUMBERED else ""
            out.append(f'<span title="{_said(place.shares, called)}" style="background:{back}">{word}{number}</span>')
        elif place.kind == UNEXPLAINED:
            out.append(f'<span class="nmf-lost" title="No {escape(called.noun)} explains this word here">{word}</span>')
        elif place.kind == STOP:
            out.append(f'<span class="nmf-stop">{word}</span>')
        else:
            out.append(word)
    out.append(escape(found.text[at:]))
    style = (
        f"<style>.nmf-text{{white-space:pre-wrap;overflow-wrap:anywhere;font-family:{look.FONT};font-size:15px;line-height:1.75;"
        f"color:{ink.text}}}.nmf-text span{{border-radius:3px;padding:1px 1px}}.nmf-text sub{{font-size:9px;color:{ink.text}}}"
        f".nmf-stop{{color:{ink.muted}}}.nmf-lost{{text-decoration:underline dotted {ink.muted};"
        "text-underline-offset:3px}</style>"
    )
    return f'{style}<div class="nmf-text" lang="">{"".join(out)}</div>'


def _said(shares: np.ndarray, called: Components) -> str:
    """What is under the mouse: the topics of a word with their shares, the largest first."""
    total = float(shares.sum()) or 1.0
    order = [int(k) for k in np.argsort(-shares, kind="stable") if shares[k] / total >= SEEN]
    return escape("; ".join(f"{_title(k, called)}: {percent(shares[k] / total, 0)}" for k in order[:5]), quote=True)


def _title(k: int, called: Components) -> str:
    return f"{called.labels[k]} · {clean(called.names[k], 40)}"


def course_html(found: Reading, called: Components, *, hidden: Set[int] = frozenset(), theme: str = "light") -> str:
    """A strip along the text: which topic speaks most in each stretch."""
    ink = look.palette(theme)
    course = found.course(PIECES)
    most = float(course.sum(axis=1).max(initial=0.0)) or 1.0
    cells: list[str] = []
    runs: list[int] = []
    for row in course:
        shown = np.array([0.0 if k in hidden else value for k, value in enumerate(row)])
        if shown.sum() > 0:
            k = int(np.argmax(shown))
            back = look.faded(look.component_colour(called.colours[k], theme), 0.25 + 0.75 * float(shown.sum()) / most)
            cells.append(f'<i style="background:{back}" title="{escape(_title(k, called), quote=True)}"></i>')
            if not runs or runs[-1] != k:
                runs.append(k)
        else:
            cells.append(f'<i style="background:{ink.grid}"></i>')
    alt = (
        f"From the beginning to the end of the text the {called.noun}s are "
        + ", ".join(called.labels[k] for k in runs[:20])
        + "."
    )
    style = "<style>.nmf-course{display:flex;gap:1px;height:14px}.nmf-course i{flex:1;border-radius:2px}</style>"
    return f'{style}<div class="nmf-course" role="img" aria-label="{escape(alt)}">{"".join(cells)}</div>'
