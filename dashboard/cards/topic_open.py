"""What is one topic, opened: its name, its words, its items, its stability, and what tells it from another?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import item_facts, topic_edit
from dashboard.figures.components import Components
from dashboard.figures.topics import separating_words
from dashboard.figures.words import topic_bars
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.tables import as_csv
from dashboard.text.words import count, part, percent
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card, stability
from dashboard.work.fitted import FittedRun
from nmfcore import topics
from nmfcore.core.written import as_cosine

KEY, OTHER = "component", "apart-from"
CHARTED, SEPARATING, ITEMS = 20, 15, 20  # words of the large chart, words per side, items
SHOWN = 500  # words of the table on screen; the CSV has all
SNIPPET = 160  # characters of a document's text in the table


def draw(view: TopicsShown, place: int, slider: Callable[[], float]) -> None:
    """The topic that is `opened`, its words ranked as the slider says."""
    noun = part(view.run.dataset)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        choose(view, noun)
        topic_edit.name_field(view, view.topics[place], noun)
        relevance = slider()
    st.markdown(about(view, place, noun))
    stability.control(view.run)
    left, right = st.columns(2)
    with left:
        words_chart(view, place, relevance, noun)
    with right:
        apart(view, place, noun)
    items(view, place, noun)
    words_table(view, place, relevance, noun)


def opened(view: TopicsShown) -> int:
    """Which topic is open: where it stands in the view; before it is drawn."""
    if session.control_value(KEY, None) is not None:  # a member of a merged topic opens that
        session.set_control(KEY, _shown(view, session.control_value(KEY, 0)))
    return view.at(session.numbered(KEY, [topic.first for topic in view.topics]))


def choose(view: TopicsShown, noun: str) -> None:
    """The control that opens another one."""
    titles = {topic.first: f"{topic.label} · {clean(topic.name, 60)}" for topic in view.topics}
    st.selectbox(noun.capitalize(), list(titles), format_func=lambda k: titles.get(k, str(k)), key=KEY, width=270)


def _shown(view: TopicsShown, component: Any) -> int:
    known = isinstance(component, int) and 0 <= component < view.run.rank
    return view.topics[view.at(component)].first if known else 0


def about(view: TopicsShown, place: int, noun: str) -> str:
    """Size, stability and likeness of a topic in one line."""
    topic, run = view.topics[place], view.run
    said = [f"{percent(topic.share)} of what the model explains"]
    known = stability.measured(run)
    if known is not None:
        values = " and ".join(f"{known.topics[k]:.2f}" for k in topic.members)
        said.append(f"stability {values}" + (" (of its members; a merge has none of its own)" if topic.merged else ""))
    elif run.rank > 1:
        said.append("stability not measured")
    if len(view.topics) > 1:
        nearest = closest(view, place)
        near = view.topics[nearest]
        said.append(f"most like {near.label} · {markdown(near.name, 30)} (cosine {as_cosine(view.likeness()[place, nearest])})")
    if topic.merged:
        said.append(f"an edit: the sum of {noun}s {topic.label}, which changes neither WH nor its error")
    return " · ".join(said)


def closest(view: TopicsShown, place: int) -> int:
    """The topic that a topic is most like."""
    alike = view.likeness()[place].copy()
    alike[place] = -np.inf
    return int(alike.argmax())


def words_chart(view: TopicsShown, place: int, relevance: float, noun: str) -> None:
    """The first words as bars, with their totals behind."""
    theme = view.theme

    def make() -> Any:
        return topic_bars(view.words(place, CHARTED, relevance), theme=theme)

    columns = markdown(view.run.dataset.axes.columns.name)
    drawn = view.facts(("large bars", place, relevance, theme), make)
    card.picture("topics", "words", f"Its first {CHARTED} {columns} ({view.scale_words})", drawn)


def apart(view: TopicsShown, place: int, noun: str) -> None:
    """The words that separate this topic from another."""
    others = [topic.first for i, topic in enumerate(view.topics) if i != place]
    if not others:
        with card.plain("What tells it apart"):
            st.markdown(f"There is no other {noun} to tell it from.")
        return
    titles = {topic.first: f"{topic.label} · {clean(topic.name, 50)}" for topic in view.topics}
    nearest = view.topics[closest(view, place)].first
    key = f"{OTHER}-{view.topics[place].first + 1}"  # every topic begins with the one it is most like
    chosen = session.control_value(key, None)
    session.set_control(key, chosen if chosen in others else nearest)
    second = st.selectbox(
        "Tell it from", others, format_func=lambda k: titles.get(k, str(k)), key=key, persist_state="session", width="stretch"
    )
    there = view.at(int(second))
    pair = (view.topics[place], view.topics[there])
    axis, theme = view.run.dataset.axes.columns, view.theme

    def make() -> Any:
        own, other = topics.separating_terms(view.H, place, there, axis, count=SEPARATING, hidden=view.hidden)
        called = Components([one.label for one in pair], [one.colour for one in pair], noun=noun)
        return separating_words(own, other, called, theme=theme)

    drawn = view.facts(("apart", place, there, theme), make)
    title = f"{markdown(axis.name, 30).capitalize()} that tell {pair[0].label} from {pair[1].label}"
    card.picture("topics", "apart", title, drawn, say="Bars: how many percentage points more of the one than of the other.")


def items(view: TopicsShown, place: int, noun: str) -> None:
    """The items that load most on it, with their text where there is one."""
    run = view.run
    found = view.items(ITEMS)[place]
    rows, documents = run.dataset.axes.rows, run.dataset.documents
    title = f"{markdown(rows.name.capitalize())} that load most on it"
    if not len(found.indices):
        with card.plain(title):
            st.markdown(f"No {markdown(rows.singular)} has any of this {noun}.")
        return
    shown = pd.DataFrame(
        {
            clean(rows.singular): [clean(label) for label in found.items],
            "weight": found.weights,
            "share of the item": found.shares,
        }
    )
    if documents is not None:
        shown["text"] = [clean(documents[i], SNIPPET) for i in found.indices]
    key = f"topics-items-{view.topics[place].label}-{view.scale}"
    bench.table(
        "topics",
        "items",
        title,
        shown,
        say=f"Choose a row to see why the {markdown(rows.singular)} is there.",
        height=320,
        key=key,
        on_select=lambda: item_facts.chosen_elsewhere(key, found.indices),
        selection_mode="single-row",
        column_config={
            "weight": st.column_config.NumberColumn(format="%.4g", help=f"Entry of W, {view.scale_words}"),
            "share of the item": st.column_config.ProgressColumn(
                min_value=0.0, max_value=1.0, format="percent", help=f"Of the item's weights in all {noun}s."
            ),
        },
    )
    item_facts.link(run, key, found.indices)


def words_table(view: TopicsShown, place: int, relevance: float, noun: str) -> None:
    """Every word of a topic; the first of them on screen, all in the file."""
    run, topic = view.run, view.topics[place]
    axis = run.dataset.axes.columns
    number = int(np.count_nonzero(view.H[place]) - np.count_nonzero(view.H[place, list(view.hidden)]))
    shown = view.facts(("word table", place, relevance), lambda: all_words(view, place, relevance, SHOWN).map(_one_line))
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
            st.markdown(f"**All its {markdown(axis.name)}**", width="content")
            st.download_button(
                "All as CSV",
                data=session.in_session(lambda: as_csv(all_words(view, place, relevance, view.H.shape[1]))),
                file_name=f"{noun}-{'-'.join(str(k + 1) for k in topic.numbers)}-words.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
                key="all-words-csv",
            )
        st.dataframe(
            shown,
            hide_index=True,
            key="all-words",
            height=360,
            alt=f"The words of {noun} {topic.label}",
            column_config={
                "weight": st.column_config.NumberColumn(format="%.4g", help=f"Entry of H, {view.scale_words}"),
                "share in %": st.column_config.NumberColumn("share", format="%.3f %%", help="Of all its weight, p(w|t)."),
                "exclusivity": st.column_config.ProgressColumn(
                    min_value=0.0,
                    max_value=1.0,
                    format="percent",
                    help=f"Part of the word that the model expects of this {noun}.",
                ),
                "lift": st.column_config.NumberColumn(format="%.3g", help="p(w|t) / p(w): 1 is as frequent as in the data."),
                "total": st.column_config.NumberColumn(format="%.5g", help="Sum of its column of X."),
            },
        )
        more = f"The first {SHOWN:,} of {number:,}; the CSV has them all. " if number > SHOWN else ""
        several = f"{count(number, markdown(axis.singular), markdown(axis.name))}. "
        st.markdown(f":small[:gray[{more or several}{reading('topics', 'table')}]]")


def all_words(view: TopicsShown, place: int, relevance: float, most: int) -> pd.DataFrame:
    """The words of a topic by relevance, hidden ones left out."""
    run = view.run
    one = view.H[[place]]
    found = topics.top_terms(
        one, run.dataset.axes.columns, count=most, relevance=relevance, totals=view.totals, hidden=view.hidden
    )[0]
    return pd.DataFrame(
        {
            "place": np.arange(1, len(found.indices) + 1),
            clean(run.dataset.axes.columns.singular): found.terms,
            "weight": found.weights,
            "share in %": 100 * found.shares,
            "exclusivity": view.parts(found.indices)[:, place],
            "lift": found.lift,
            "total": found.totals,
        }
    )


def _one_line(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def open_(run: FittedRun, component: int) -> None:
    """Show one topic in detail; for a button."""
    session.set_control(KEY, component)
    session.set_control("aspect", "one")
