"""What came into a topic's first words, and what went? Before and after side by side, as plain HTML without script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dashboard.figures import theme as look
from dashboard.text.plain import clean

LONGEST = 28  # characters of a word

STYLE = f"""<style>
.nmf-changes {{ font-family: {look.FONT}; font-size: {look.TEXT_SIZE}px; line-height: 1.7; border-collapse: collapse;
  width: 100%; }}
.nmf-changes th {{ text-align: left; font-weight: 600; padding: 2px 12px 2px 0; white-space: nowrap; vertical-align: top; }}
.nmf-changes td {{ padding: 2px 16px 2px 0; vertical-align: top; }}
.nmf-changes thead th {{ font-weight: 400; color: var(--nmf-muted); }}
.nmf-changes del {{ color: var(--nmf-muted); }}
.nmf-changes ins {{ text-decoration: none; font-weight: 600; border-bottom: 2px solid var(--nmf-colour); }}
.nmf-dot {{ display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 6px;
  background: var(--nmf-colour); }}
</style>"""


@dataclass(frozen=True)
class Change:
    """One topic before and after.

    title : its number and, where it is new or gone, that it is
    colour : its number counted from 0
    before, after : its first words; None where there is no such topic
    """

    title: str
    colour: int
    before: Sequence[str] | None
    after: Sequence[str] | None


def word_changes(changes: Sequence[Change], *, theme: str = "light") -> str:
    """A table with a line for each topic: words that went are struck out before, words that came are underlined after."""
    colours = look.palette(theme)
    rows = "".join(_row(change, theme) for change in changes)
    head = "<thead><tr><th></th><th>before</th><th>after</th></tr></thead>"
    style = f"--nmf-muted:{colours.muted};color:{colours.text}"
    return f'<table class="nmf-changes" style="{style}">{head}<tbody>{rows}</tbody></table>'


def _row(change: Change, theme: str) -> str:
    before, after = change.before or (), change.after or ()
    went = [_marked(word, "del" if change.after is not None and word not in after else "") for word in before]
    came = [_marked(word, "ins" if change.before is not None and word not in before else "") for word in after]
    cells = "".join(f"<td>{', '.join(words) or '–'}</td>" for words in (went, came))
    colour = look.component_colour(change.colour, theme)
    return f'<tr style="--nmf-colour:{colour}"><th><span class="nmf-dot"></span>{escape(clean(change.title))}</th>{cells}</tr>'


def _marked(word: str, tag: str) -> str:
    shown = escape(clean(word, LONGEST))
    return f"<{tag}>{shown}</{tag}>" if tag else shown
