"""Which topics are divided, into what, and how much of each is whose? A tree that is opened and closed by the browser itself.

Plain HTML without script (`details`), so that it works by keyboard and stays as somebody left it while the page is redrawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from dashboard.figures import theme as look
from dashboard.text.plain import clean
from dashboard.text.words import percent

DEEPER = 22  # px that children stand further in
ITEMS = 330  # px for the items of a line: the same for all, so that bars stand below each other


@dataclass(frozen=True)
class Node:
    """A topic or a child of one.

    label : "5" or "5.2";  words : its first words or its name;  items : the ones that hold most of it
    share : of its parent, None for a topic;  whole : of what the model explains
    colour : of its topic;  children : the largest first;  rest : of itself that no child explains, None where it is not divided
    """

    label: str
    words: str
    items: str
    share: float | None
    whole: float
    colour: str
    children: tuple[Node, ...] = ()
    rest: float | None = None


def division_tree(nodes: Sequence[Node], *, noun: str = "topic", theme: str = "light") -> str:
    """The tree as HTML; everything from outside is escaped."""
    ink = look.palette(theme)
    style = (
        f"<style>.nmf-tree{{font-family:{look.FONT};font-size:{look.TEXT_SIZE}px;line-height:1.5;color:{ink.text}}}"
        ".nmf-tree summary{cursor:pointer;list-style:none;position:relative}"
        ".nmf-tree summary::before{content:'▸';position:absolute;left:0;top:2px}"
        ".nmf-tree details[open]>summary::before{content:'▾'}"
        f".nmf-tree details>div,.nmf-tree details>details{{margin-left:{DEEPER}px}}"
        f".nmf-node{{display:grid;grid-template-columns:minmax(0,1fr) 84px 58px {ITEMS}px;gap:10px;align-items:center;"
        "padding:2px 0 2px 16px}.nmf-node span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}"
        f".nmf-node u{{display:block;height:10px;background:{ink.grid};border-radius:2px;text-decoration:none}}"
        f".nmf-node u i{{display:block;height:10px;border-radius:2px}}.nmf-node em{{font-style:normal;color:{ink.muted}}}"
        f".nmf-node>span:nth-child(3){{text-align:right}}.nmf-rest{{color:{ink.muted}}}</style>"
    )
    return f'{style}<div class="nmf-tree">{"".join(_branch(node, noun, ink.grey) for node in nodes)}</div>'


def _branch(node: Node, noun: str, grey: str) -> str:
    line = _line(
        f"<b>{escape(node.label)}</b> · {escape(clean(node.words, 200))}", node.whole if node.share is None else node.share,
        node.colour, escape(clean(node.items, 300)),
        f"{percent(node.whole)} of what is explained" + ("" if node.share is None else f", {percent(node.share)} of its parent"),
    )  # fmt: skip
    if node.rest is None:
        return line
    rest = _line(f"the rest of {escape(node.label)}", node.rest, grey, "", f"in none of the children of this {noun}", "nmf-rest")
    inner = "".join(_branch(child, noun, grey) for child in node.children)
    return f"<details open><summary>{line}</summary>{inner}{rest}</details>"


def _line(head: str, share: float, colour: str, items: str, title: str, kind: str = "") -> str:
    width = min(max(100 * share, 0.0), 100.0)
    return (
        f'<div class="nmf-node {kind}" title="{escape(title, quote=True)}"><span>{head}</span>'
        f'<u><i style="width:{width:.1f}%;background:{colour}"></i></u><span>{percent(share)}</span>'
        f"<span><em>{items}</em></span></div>"
    )


def tree_table(nodes: Sequence[Node], noun: str) -> pd.DataFrame:
    """All numbers of the tree, a line for each topic, child and rest."""
    return pd.DataFrame(
        [
            {noun: label, "first words": words, "share of its parent": share, "share of what is explained": whole, "items": items}
            for label, words, share, whole, items in _lines(nodes)
        ]
    )


def _lines(nodes: Sequence[Node]) -> Iterator[tuple[str, str, float | None, float, str]]:
    for node in nodes:
        yield node.label, node.words, node.share, node.whole, node.items
        yield from _lines(node.children)
        if node.rest is not None:
            yield f"{node.label}, rest", "", node.rest, node.whole * node.rest, ""
