"""In which topics is a word, and how strongly? A search over the words of the data, also by a part of one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import topic_edit
from dashboard.figures.topics import word_in_topics
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from nmfcore import topics
from nmfcore.core.factorization import Axis

FOUND = 50  # words that a search offers
LONGEST = 200  # characters of a search
MOST_ROWS = 9  # of the table before it scrolls
KEY = "word"


def field(view: TopicsShown) -> str:
    """The search box; what is in it."""
    axis = view.run.dataset.axes.columns
    asked = f"Find a {axis.singular}"
    return st.text_input(
        markdown(asked, 40),
        key=KEY,
        bind="query-params",
        placeholder=clean(asked, 24) if axis.labels is not None else f"{clean(asked, 24)}, 1 to {view.H.shape[1]:,}",
        label_visibility="collapsed",
        max_chars=LONGEST,
        icon=":material/search:",
        width=190,
    ).strip()


def results(view: TopicsShown, query: str) -> None:
    """The card with the word that was found: a chart and a table; a sentence when there is none."""
    run, noun = view.run, part(view.run.dataset)
    axis = run.dataset.axes.columns
    hits = matches(axis, query, view.H.shape[1])
    singular = clean(axis.singular, 30)
    with st.container(border=True, gap="small"):
        if not hits:
            known = count(view.H.shape[1], markdown(singular), markdown(axis.name))
            st.markdown(
                f"No {markdown(singular)} contains “{markdown(query, 60)}”. The data has {known}; what the preparation left out "
                "(rare or very common ones, stop words) cannot be found."
            )
            st.button("Clear the search", key="clear-word", on_click=session.set_control, args=(KEY, ""))
            return
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            bench.within("word-hit", hits)
            labels = {j: clean(axis.label(j), 60) for j in hits}
            several = str(len(hits)) if len(hits) < FOUND else f"The first {FOUND}"
            j = st.selectbox(
                f"{several} found, those that begin with it first" if len(hits) > 1 else f"The {singular} found",
                hits,
                format_func=lambda j: labels.get(j, str(j)),
                key="word-hit",
                width=420,
            )
            topic_edit.hide_button(view, int(j), axis.label(int(j)), "hide-found")
            st.button("Clear the search", key="clear-word", on_click=session.set_control, args=(KEY, ""))
        _one(view, int(j), noun)


def _one(view: TopicsShown, j: int, noun: str) -> None:
    """One word: how strongly it is in each topic."""
    run = view.run
    axis = run.dataset.axes.columns
    found = topics.term_in_topics(view.H, j, axis, W=view.W)
    unit = "amount that the model expects"
    drawn = word_in_topics(found.term, found.amounts, view.called(), unit=unit, theme=view.theme)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.markdown(f"**{markdown(found.term, 60)} by {noun}**  \n:small[:gray[{unit}]]")
        card.chart("topics-word", drawn)
    with right:
        st.dataframe(
            table(view, found, noun),
            hide_index=True,
            key="word-table",
            height="content" if len(view.topics) <= MOST_ROWS else 36 * MOST_ROWS,
            placeholder="–",
            alt=f"{clean(found.term, 60)} in every {noun}",
            column_config={
                noun: st.column_config.TextColumn(width=50),
                "name": st.column_config.TextColumn(width=165),
                "amount": st.column_config.NumberColumn(
                    format="%.4g",
                    help="Over all items, its weight in H times theirs in W: the unit of the data, on any scale.",
                    width=70,
                ),
                "weight": st.column_config.NumberColumn(format="%.4g", help=f"Entry of H ({view.scale_words})", width=70),
                "share of the word": st.column_config.ProgressColumn(
                    min_value=0.0,
                    max_value=1.0,
                    format="percent",
                    help=f"Its amount here over its amounts in all {noun}s.",
                    width=125,
                ),
                "place": st.column_config.NumberColumn(help=f"1: the {noun}'s first word by weight.", width=55),
            },
        )
    total = view.facts(("total", j), lambda: float(np.asarray(run.dataset.X[:, [j]].sum())))
    hidden = " It is hidden from the lists of words." if j in view.hidden else ""
    without = int((found.weights <= 0).sum())
    nowhere = f"; no weight in {count(without, noun)}" if without else ""
    st.markdown(f":small[:gray[Total in the data: {total:,.6g}{nowhere}.{hidden} {reading('topics', 'word')}]]")


def table(view: TopicsShown, found: topics.TermInTopics, noun: str) -> pd.DataFrame:
    """Every topic with the word's amount, weight, part and place there, the largest amount first."""
    order = np.argsort(-found.amounts, kind="stable")
    return pd.DataFrame(
        {
            noun: [view.topics[i].label for i in order],
            "name": [clean(view.topics[i].name, 60) for i in order],
            "amount": found.amounts[order],
            "weight": found.weights[order],
            "share of the word": found.parts[order],
            "place": [int(found.rank[i]) or None for i in order],
        }
    )


def matches(axis: Axis, query: str, columns: int) -> list[int]:
    """The columns that a search finds; where they have no names, the one with that number."""
    if axis.labels is not None:
        return topics.find_terms(axis, query, count=FOUND)
    number = int(query) - 1 if query.isascii() and query.isdigit() and len(query) < 10 else -1
    return [number] if 0 <= number < columns else []
