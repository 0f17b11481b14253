"""Recommender: what would this user have rated that show, by neighbours, and by masked factorization?"""

import streamlit as st

from dashboard.cards import ratings_table
from dashboard.cards import recommender as cards
from dashboard.widgets.bench_panel import Panel
from dashboard.work import recommender as bench_data


def draw() -> None:
    panel = Panel(cards.BENCH)
    head = st.container()  # filled when the numbers are there; the controls stay in one place meanwhile
    dataset = panel.data()
    if dataset is None:
        head.title("Recommender", anchor=False)
        return
    given = bench_data.of_dataset(dataset)
    controls = st.container(border=True)
    base = f"{cards.PAGE}-{given.key}"
    source = ratings_table.edited(base, given)
    if source is None:
        with head:
            cards.no_rating_left()
        ratings_table.table_card(base, given, None)
        return
    with controls:
        question = cards.asked(source)
    fits = panel.fit(source.key, cards.wanted(panel, source), lambda choice: cards.task(source, choice))
    if fits is None:
        head.title("Recommender", anchor=False)
        ratings_table.table_card(base, given, source)
        return
    W, H = cards.factors(fits, question.meaning)
    answers = cards.answered(source, fits, question)
    with head:
        cards.heading(source, fits, answers, question)
    ratings_table.table_card(base, given, source, W @ H if given.editable else None, question.meaning)
    cards.factor_cards(source, W, H, question.meaning)
    left, right = st.columns(2)
    with left:
        cards.similar(source, W, question.item, question.meaning)
    with right:
        cards.worked(source, W, question)
    left, right = st.columns(2)
    with left:
        cards.side_by_side(source, answers, question.item, question.user)
    with right:
        cards.recommendations(source, fits, question.user)
    cards.held_out(source, fits)


draw()
