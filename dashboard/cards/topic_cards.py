"""Components as cards: number, name, size, and the top words as bars. The same cards on Overview and Topics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.cards import wish
from dashboard.figures.word_list import STYLE, word_list
from dashboard.text.plain import markdown
from dashboard.text.words import part, percent
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import stability
from nmfcore.core.written import as_cosine
from nmfcore.topics.terms import TopTerms

CARD_WIDTH = 260
MOST_CARDS = 30  # a page of more cannot be read
NAME, BESIDE_TWO = 31, 23  # characters of number and name in a card's title; beside two buttons
LEAST_NAME = 8  # of the name, however long the number

Open = Callable[[int], None]


def draw(
    view: TopicsShown, *, page: str, words: int, relevance: float = 1.0, open_: Open | None = None, wishes: bool = False
) -> None:
    """One card per topic, in the model's order.

    open_ : what a card's button does with its component
    wishes : whether each card has a button for a wish about it
    """
    st.html(STYLE)
    with st.grid("auto", min_column_width=CARD_WIDTH):
        for place in range(min(len(view.topics), MOST_CARDS)):
            one(view, place, page=page, words=words, relevance=relevance, open_=open_, wishes=wishes)
    if len(view.topics) > MOST_CARDS:
        rest = f"The {part(view.run.dataset)}s after the first {MOST_CARDS} have no card here"
        st.markdown(f"{rest}; {'One in detail' if open_ else 'Topics'} opens each, Export has the numbers.")


def one(
    view: TopicsShown,
    place: int,
    *,
    page: str,
    words: int,
    relevance: float = 1.0,
    open_: Open | None = None,
    wishes: bool = False,
) -> None:
    """The card of one topic."""
    topic = view.topics[place]
    with st.container(border=True, gap="xsmall"):
        room = (BESIDE_TWO if wishes else NAME) - len(topic.label)
        head = f"**{topic.label} · {markdown(topic.name, max(room, LEAST_NAME))}**"
        if open_ is None:
            st.markdown(head)
        else:
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
                st.markdown(head, width="content")
                with st.container(horizontal=True, gap="small", width="content"):
                    buttons(view, topic.first, page, open_, wishes)
        st.markdown(f":small[:gray[{beside(view, place, words, relevance)}]]")
        st.html(words_drawn(view, place, words, relevance))


def buttons(view: TopicsShown, first: int, page: str, open_: Open, wishes: bool) -> None:
    """What can be done with the topic of a card."""
    meaning, key = "All its words, its items, and what tells it from others", f"{page}-open-{first + 1}"
    opened = st.button("Open", key=key, type="tertiary", help=meaning, on_click=open_, args=(first,))
    asked = wishes and wish.button(view.run, first, key=f"{page}-wish-{first + 1}", tertiary=True)
    if opened or asked:
        st.rerun()  # the cards may be a fragment


def beside(view: TopicsShown, place: int, words: int, relevance: float) -> str:
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


def hidden_here(view: TopicsShown, place: int, words: int, relevance: float) -> int:
    """How many words of a card's list are missing because they are hidden."""
    if not view.hidden:
        return 0
    return int(np.isin(view.unhidden().top(words, relevance)[place].indices, view.hidden).sum())


def words_drawn(view: TopicsShown, place: int, words: int, relevance: float) -> str:
    """The bars of one card; kept, because a page draws up to thirty of them on every rerun."""
    theme = view.theme

    def draw() -> str:
        return word_list(view.words(place, words, relevance), theme=theme)

    return view.facts(("bars", place, words, relevance, theme), draw)


def listed(view: TopicsShown, lists: Sequence[TopTerms]) -> pd.DataFrame:
    """The words of all cards as one table; needs no session, so that it can be made when somebody downloads it."""
    noun = part(view.run.dataset)
    tables = [
        pd.DataFrame(
            {
                noun: topic.label,
                "name": topic.name,
                "place": np.arange(1, len(found.terms) + 1),
                view.run.dataset.axes.columns.singular: found.terms,
                "weight": found.weights,
                "total": view.totals[found.indices],
            }
        )
        for topic, found in zip(view.topics, lists, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def overlap_in_words(cosines: np.ndarray) -> str:
    """How much components share, for a title."""
    if len(cosines) < 2:
        return "nothing to overlap with"
    apart = cosines - np.diag(np.diag(cosines))
    return f"the closest two at cosine {as_cosine(apart.max())}"
