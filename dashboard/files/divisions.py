"""What does the tree of divided topics hold? The topics as they are shown, with the children of those that are divided."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.figures import theme as look
from dashboard.figures.division import Node
from dashboard.text.plain import clean
from dashboard.topics_shown import TopicsShown
from dashboard.topics_shown.divided import Cut, Path
from dashboard.work.divide import Wanted
from nmfcore import topics
from nmfcore.methods.divide import Division

WORDS, ITEMS = 8, 3  # that are named of a child


def tree_of(shown: TopicsShown, found: Mapping[Wanted, Division]) -> list[Node]:
    """A node for each topic of the view; the divisions that are not found yet are left out."""
    rows, items = shown.run.dataset.axes.rows, shown.items(ITEMS)
    cuts = {(cut.members, cut.path): cut for cut in shown.cuts}
    nodes = []
    for place, topic in enumerate(shown.topics):
        colour = look.component_colour(topic.colour, shown.theme)
        named = "; ".join(clean(one, 40) for one in items[place].items) if rows.labels is not None else ""
        top = Node(topic.label, topic.name, named, None, topic.share, colour)
        nodes.append(_opened(shown, found, cuts, top, cuts.get((topic.members, ()))))
    return nodes


def _opened(
    shown: TopicsShown,
    found: Mapping[Wanted, Division],
    cuts: Mapping[tuple[tuple[int, ...], Path], Cut],
    node: Node,
    cut: Cut | None,
) -> Node:
    """A node with its children, where it is divided and the division is there."""
    made = found.get(shown.division(cut)) if cut is not None else None
    if cut is None or made is None:
        return node
    axes = shown.run.dataset.axes
    words = topics.top_terms(made.fit.H, axes.columns, count=WORDS, hidden=shown.hidden)
    items = topics.top_items(made.fit.W, axes.rows, count=ITEMS)
    children = []
    for place, c in enumerate(made.order):
        share = float(made.shares[c])
        child = Node(
            f"{node.label}.{place + 1}", ", ".join(words[c].terms), "; ".join(clean(one, 40) for one in items[c].items), share,
            node.whole * share, node.colour,
        )  # fmt: skip
        children.append(_opened(shown, found, cuts, child, cuts.get((cut.members, (*cut.path, place)))))
    return Node(node.label, node.words, node.items, node.share, node.whole, node.colour, tuple(children), made.rest)
