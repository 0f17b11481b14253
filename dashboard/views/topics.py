"""Topics: what each is about, where a word is, how alike and how good they are; renamed, merged and cleaned on request."""

import functools
from dataclasses import replace

import streamlit as st

from dashboard import session
from dashboard.cards import subset, topic_cards, topic_divide, topic_edit, topic_open, topic_quality, topic_search, wish, wishes
from dashboard.figures.picture import Picture
from dashboard.figures.topics import similarity_matrix, topic_map
from dashboard.figures.words import all_topic_bars
from dashboard.text.tables import as_csv
from dashboard.text.words import Nouns, part, percent, spelled
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card, filter_bar, header, notices
from dashboard.work.fitted import FittedRun

ASPECTS = {"cards": "All", "one": "One in detail", "map": "Likeness and map", "divide": "Divided", "quality": "Quality"}

DOUBTFUL = 0.2  # stress above which a map is to be distrusted (Kruskal 1964)


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("Topics", None)
        notices.nothing_yet()
        return
    noun, view = part(run.dataset), session.topics_of(run)
    shown = f" shown as {spelled(len(view.topics)).lower()}" if len(view.topics) != run.rank else ""
    overlap = topic_cards.overlap_in_words(view.likeness())
    header.draw(f"{spelled(run.rank)} {noun}{'s' if run.rank > 1 else ''}{shown}, {overlap}", run)
    topic_edit.banner(view)
    subset.draw(view, filter_bar.draw(view))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        bench.within("aspect", list(ASPECTS))
        aspect = st.segmented_control(
            "Show", list(ASPECTS), format_func=ASPECTS.__getitem__, key="aspect", required=True, bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        opened = topic_open.opened(view) if aspect == "one" else None
        query = topic_search.field(view)
        topic_edit.menu(view)
        wish.button(run, None if opened is None else view.topics[opened].first)
    wish.draw(run)
    wishes.draw(run)
    if query:
        topic_search.results(view, query)
    if opened is not None:
        topic_open.draw(view, opened, relevance_slider)
    elif aspect == "map":
        alike(view, noun)
    elif aspect == "divide":
        topic_divide.draw(view)
    elif aspect == "quality":
        topic_quality.draw(view)
    else:
        cards(run, view)


@st.fragment  # the sliders redraw the cards alone: the panel and the heading beside them would double the time
def cards(run: FittedRun, view: TopicsShown) -> None:
    """A card per topic."""
    with st.container(horizontal=True, gap="large"):
        words = st.slider(
            f"{Nouns.of(run.dataset).heading} per card",
            4,
            30,
            10,
            key="words",
            bind="query-params",
            width=220,
        )
        relevance = relevance_slider()
        as_picture = st.toggle(
            "As one picture", key="picture", bind="query-params", help="All on one chart, which can be saved as PNG or SVG."
        )
    if as_picture:
        one_picture(run, view, words, relevance)
        return
    st.markdown(
        f":small[:gray[Coloured: weight in H ({view.scale_words}). Grey behind it: total in the data, on a scale of its own. "
        f"Under the mouse: how much of it is in every {part(run.dataset)}.]]"
    )
    opens = functools.partial(topic_open.open_, run)
    topic_cards.draw(view, page="topics", words=words, relevance=relevance, open_=opens, wishes=True)
    lists = view.top(words, relevance)
    st.download_button(
        "These lists as CSV",
        data=lambda: as_csv(topic_cards.listed(view, lists)),
        file_name="topics-words.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="lists-csv",
    )


def one_picture(run: FittedRun, view: TopicsShown, words: int, relevance: float) -> None:
    """The cards as one chart, to take away."""
    theme, noun = view.theme, part(run.dataset)
    shown = view.topics[: topic_cards.MOST_CARDS]

    def draw() -> Picture:
        lists = [replace(view.words(place, words, relevance), totals=None, everywhere=None) for place in range(len(shown))]
        return all_topic_bars(
            lists,
            titles=[f"{topic.label} · {topic.name}" for topic in shown],
            beneath=[f"{percent(topic.share)} of what is explained{', merged' if topic.merged else ''}" for topic in shown],
            theme=theme,
        )

    drawn = view.facts(("picture", words, relevance, theme, tuple(view.names)), draw)
    more = len(view.topics) - len(shown)
    said = f"Weight in H ({view.scale_words}).{f' {more} more are not drawn.' if more else ''}"
    card.picture("topics", "all", f"The {noun}s by their {Nouns.of(run.dataset).columns}", drawn, say=said)


def relevance_slider() -> float:
    """λ, from distinctness to weight."""
    return st.slider(
        "Ranked by weight (1) or by distinctness (0)", 0.0, 1.0, 1.0, 0.1, key="relevance", bind="query-params", width=300,
        help="λ log w + (1 − λ) log(w / w̄): 1 ranks words by weight, 0 by how much more they weigh here than in all data.",
    )  # fmt: skip


def alike(view: TopicsShown, noun: str) -> None:
    """How alike topics are: as numbers, and as a map with its stress."""
    theme = view.theme
    compact = [label.replace(" ", "") for label in view.labels]
    left, right = st.columns(2)
    with left:
        drawn = view.facts(
            ("matrix", theme),
            lambda: similarity_matrix(view.likeness(), labels=compact, component=noun, theme=theme, height=400),
        )
        card.picture("topics", "similarity", f"How alike two {noun}s are (cosine)", drawn)
    with right:
        found = view.map()
        drawn = topic_map(
            found.points,
            [topic.share for topic in view.topics],
            replace(view.called(), labels=compact),
            stress=found.stress,
            verdict=found.verdict,
            theme=theme,
            height=400,
        )
        trust = " Where the two disagree, trust the matrix." if found.stress > DOUBTFUL else ""
        card.picture(
            "topics", "map", f"The {noun}s as a map: near means alike", drawn, say=f"Area: share of what is explained.{trust}"
        )


draw()
