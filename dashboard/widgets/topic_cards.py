"""Components as cards: number, name, size, and the top words as bars. The same cards on Overview and Topics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.figures import Picture
from dashboard.figures.topics import topic_bars
from dashboard.fitting import FittedRun
from dashboard.plain import markdown
from dashboard.widgets import card, stability, topic_view
from dashboard.widgets.topic_view import View
from dashboard.words import part, percent

CARD_WIDTH = 260
MOST_CARDS = 30  # a page of more cannot be read
NAME = 30  # characters of a name in a card's title

Open = Callable[[int], None]


def draw(run: FittedRun, *, page: str, words: int, relevance: float = 1.0, view: View | None = None, open_: Open | None = None):
    """One card per topic, in the model's order.

    view : the topics with what somebody edited; the run's own when None;  open_ : what a card's button does with its component
    """
    view = view or topic_view.untouched(run)
    with st.grid("auto", min_column_width=CARD_WIDTH):
        for place in range(min(len(view.topics), MOST_CARDS)):
            one(view, place, page=page, words=words, relevance=relevance, open_=open_)
    if len(view.topics) > MOST_CARDS:
        rest = f"The {part(run.dataset)}s after the first {MOST_CARDS} have no card here"
        st.markdown(f"{rest}; {'One in detail' if open_ else 'Topics'} opens each, Export has the numbers.")


def one(view: View, place: int, *, page: str, words: int, relevance: float = 1.0, open_: Open | None = None) -> None:
    """The card of one topic."""
    topic = view.topics[place]
    with st.container(border=True, gap="xsmall"):
        head = f"**{topic.label} · {markdown(topic.name, NAME)}**  \n:small[:gray[{beside(view, place, words, relevance)}]]"
        if open_ is None:
            st.markdown(head)
        else:
            with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
                st.markdown(head, width="stretch")
                st.button(
                    "Open",
                    key=f"{page}-open-{topic.first + 1}",
                    type="tertiary",
                    help="All its words, its items, and what tells it from others",
                    on_click=open_,
                    args=(topic.first,),
                )
        card.chart(f"{page}-topic-{topic.first + 1}", bars(view, place, words, relevance))


def beside(view: View, place: int, words: int, relevance: float) -> str:
    """What a card says under its title: size, stability, and what is edited."""
    topic, known = view.topics[place], stability.measured(view.run)
    said = [f"{percent(topic.share)} of what is explained"]
    if known is not None:
        said.append("stability " + " and ".join(f"{known.topics[k]:.2f}" for k in topic.members))
    if topic.merged:
        said.append("merged")
    if topic.typed:
        said.append("named by you")
    without = hidden_here(view, place, words, relevance)
    if without:
        said.append(f"{without} hidden")
    return " · ".join(said)


def hidden_here(view: View, place: int, words: int, relevance: float) -> int:
    """How many words of a card's list are missing because they are hidden."""
    if not view.hidden:
        return 0
    whole = topic_view.View(view.run, view.edits.unhide(view.hidden), view.topics, view.W, view.H)
    return int(np.isin(whole.top(words, relevance)[place].indices, view.hidden).sum())


def bars(view: View, place: int, words: int, relevance: float) -> Picture:
    """The chart of one card; kept, because a page draws up to thirty of them on every rerun."""
    theme, topic, noun = session.theme(), view.topics[place], part(view.run.dataset)

    def draw() -> Picture:
        found = view.top(words, relevance)[place]
        return topic_bars(
            found.terms,
            found.weights,
            component=topic.first,
            background=topic_view.totals(view.run)[found.indices],
            everywhere=view.H[:, found.indices].T,
            labels=view.labels,
            label=topic.label,
            noun=noun,
            theme=theme,
        )

    return view.facts(("bars", place, words, relevance, theme), draw)


def words_of(run: FittedRun, k: int, count: int, relevance: float) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The leading features of a component, their weights in the scale shown, and their totals in the data."""
    found = topic_view.untouched(run).top(count, relevance)[k]
    return found.terms, found.weights, topic_view.totals(run)[found.indices]


def name(run: FittedRun, k: int) -> str:
    """What a component is called: as somebody named it, else by its three leading words."""
    return session.topic_names(run)[k]


def overlap_in_words(cosines: np.ndarray) -> str:
    """How much components share, for a title."""
    if len(cosines) < 2:
        return "nothing to overlap with"
    apart = cosines - np.diag(np.diag(cosines))
    return f"the closest two at cosine {apart.max():.2f}"
