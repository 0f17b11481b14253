"""Topics taken apart: NMF of a topic's own part, its children under it; and all topics as a tree of likeness.

A division is an edit of the view: it is undone like one, and stands in the link, in a saved run and in the report.
"""

from __future__ import annotations

import streamlit as st

from dashboard import session
from dashboard.figures.division import Node, division_tree, tree_table
from dashboard.figures.tree import likeness_tree as tree_chart
from dashboard.files.divisions import tree_of
from dashboard.text.plain import clean, markdown
from dashboard.text.words import part, percent
from dashboard.topics_shown import TopicsShown
from dashboard.topics_shown.divided import DEEPEST, FEWEST, MOST, MOST_CUTS, Cut, Members, Path
from dashboard.widgets import bench, card
from dashboard.work.divide import Wanted, divided_key, divided_work
from dashboard.work.fitted import FittedRun
from nmfcore.methods.divide import Division, likeness_tree

AT, INTO = "divide-at", "divide-into"
USUAL = 3  # children
Place = tuple[Members, Path]  # a topic, or a child of it


def draw(shown: TopicsShown) -> None:
    """What can be divided, the topics with those that are divided opened, and the tree of likeness."""
    run, noun = shown.run, part(shown.run.dataset)
    if run.dataset.mask is not None:
        with card.plain("Not for data with missing entries"):
            st.markdown("A topic's own part of an entry that was not measured is not defined.")
        return
    controls = st.container()
    found = _found(shown)
    nodes = tree_of(shown, found or {})
    with controls:
        _controls(shown, nodes, ready=found is not None)
    if found:
        _tree(shown, nodes)
    elif not shown.cuts:
        st.markdown(
            f":small[The children are an NMF of the {noun}'s own part of the data. Dividing changes what this page shows, not "
            f"the model; it is undone above, and kept in the link, a saved run and the report.]"
        )
    likeness(shown)


def _found(shown: TopicsShown) -> dict[Wanted, Division] | None:
    """The divisions of the view, computed in the background; None while they are not there, {} without any."""
    if not shown.cuts:
        return {}
    run, wanted = shown.run, [shown.division(cut) for cut in shown.cuts]
    made: dict[Wanted, Division] | None = bench.compute(
        divided_key(run, wanted), divided_work(run, wanted), label="Dividing", lane="lens"
    )
    return made


def _controls(shown: TopicsShown, nodes: list[Node], *, ready: bool) -> None:
    """Which topic or child, into how many, Divide; and back."""
    run, noun = shown.run, part(shown.run.dataset)
    places = _places(shown, nodes)
    cuts = {(cut.members, cut.path): cut for cut in shown.cuts}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        bench.within(AT, list(places))
        at: Place = st.selectbox(noun.capitalize(), list(places), format_func=places.__getitem__, key=AT, width=420)
        session.control(INTO, USUAL)
        into = int(st.number_input("Divide it into", FEWEST, MOST, key=INTO, step=1, width=140))
        full = len(shown.cuts) >= MOST_CUTS and at not in cuts
        st.button(
            "Divide", key="divide", type="primary", icon=":material/account_tree:", on_click=_divide,
            args=(run, at, into, places[at]), disabled=full or (at in cuts and cuts[at].into == into),
            help=f"{MOST_CUTS} are divided already." if full else f"NMF again, of this {noun}'s own part of the data",
        )  # fmt: skip
        if at in cuts:
            st.button("Show it whole", key="undivide", on_click=_whole, args=(run, cuts[at], places[at]))
    if shown.cuts and not ready:
        st.markdown(":small[The children are being computed.]")


def _places(shown: TopicsShown, nodes: list[Node]) -> dict[Place, str]:
    """Every topic and every child that can be divided, and what it is called; children stand further in."""
    found: dict[Place, str] = {}

    def walk(members: Members, path: Path, node: Node) -> None:
        found[members, path] = f"{'   ' * len(path)}{node.label} · {clean(node.words, 50)}"
        if len(path) < DEEPEST:
            for place, child in enumerate(node.children):
                walk(members, (*path, place), child)

    for topic, node in zip(shown.topics, nodes, strict=True):
        walk(topic.members, (), node)
    return found


def _divide(run: FittedRun, at: Place, into: int, called: str) -> None:
    session.edit(run, session.edits(run).divide(*at, into), f"divided {called.split('·')[0].strip()} into {into}")


def _whole(run: FittedRun, cut: Cut, called: str) -> None:
    session.edit(run, session.edits(run).undivide(cut), f"{called.split('·')[0].strip()} whole again")


def _tree(shown: TopicsShown, nodes: list[Node]) -> None:
    noun, rows = part(shown.run.dataset), shown.run.dataset.axes.rows
    with st.container(border=True, gap="xsmall"):
        title = f"The {noun}s and what they are made of"
        menu = card.corner("topics", "divided", title, "how to read it, numbers")
        if menu is not None:
            with menu:
                card.numbers("topics-divided", lambda: tree_table(nodes, noun))
        st.html(division_tree(nodes, noun=noun, theme=session.theme()))
        rest = max((node for node in nodes if node.rest is not None), key=lambda node: node.rest or 0.0)
        st.markdown(
            f":small[Bars: a {noun}'s share of what is explained; a child's share of its {noun}. Right: the "
            f"{markdown(rows.name)} with most of it. Of {markdown(rest.label)}, {percent(rest.rest or 0.0)} belongs to none of "
            f"its children.]"
        )


def likeness(shown: TopicsShown) -> None:
    """All topics, joined by likeness."""
    noun = part(shown.run.dataset)
    tree = shown.facts("likeness tree", lambda: likeness_tree(shown.H))
    drawn = tree_chart(tree, shown.called(), theme=session.theme())
    card.picture(
        "topics", "tree", f"All {noun}s, joined by likeness", drawn,
        say=f"Lines meet where the {noun}s they join differ by so much; average linkage.",
    )  # fmt: skip
