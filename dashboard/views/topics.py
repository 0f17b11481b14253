"""Topics: the top keywords of each component, the items that load most on it, and how much components overlap."""

import streamlit as st

from dashboard import session
from dashboard.figures.topics import similarity_matrix
from dashboard.fitting import FittedRun
from dashboard.plain import markdown
from dashboard.widgets import card, header, item_list, notices, topic_cards
from dashboard.words import part, spelled
from nmfcore.svd import cosines_between_rows


def draw() -> None:
    run = session.shown()
    if run is None:
        header.draw("Topics", None)
        notices.nothing_yet()
        return
    noun = part(run.dataset)
    overlap = run.derived("overlap", lambda: cosines_between_rows(run.factorization.H))
    header.draw(f"{spelled(run.rank)} {noun}{'s' if run.rank > 1 else ''}, {topic_cards.overlap_in_words(overlap)}", run)
    with st.container(horizontal=True, gap="large"):
        words = st.slider("Words per card", 4, 20, 10, key="words", bind="query-params", width=220)
        relevance = st.slider(
            "Ranked by weight (1) or by distinctness (0)", 0.0, 1.0, 1.0, 0.1, key="relevance", bind="query-params", width=300,
            help="λ log w + (1 − λ) log(w / w̄): 1 ranks words by weight, 0 by how much more they weigh here than in all data.",
        )  # fmt: skip
    topic_cards.draw(run, page="topics", words=words, relevance=relevance)
    left, right = st.columns(2)
    with left:
        opened(run, noun)
    with right:
        drawn = similarity_matrix(overlap, component=noun, theme=session.theme())
        card.picture("topics", "similarity", f"How alike two {noun}s are (cosine)", drawn)


def opened(run: FittedRun, noun: str) -> None:
    """The items that load most on one component."""
    with card.plain(f"{markdown(run.dataset.axes.rows.name.capitalize())} that load most on a {noun}"):
        k = st.selectbox(
            f"{noun.capitalize()}",
            range(run.rank),
            format_func=lambda k: f"{k + 1} · {topic_cards.name(run, k)}",
            key="component",
            bind="query-params",
        )
        item_list.draw(run, min(int(k), run.rank - 1))


draw()
