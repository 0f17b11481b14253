"""Recommender: what would this user have rated that show, by neighbours, and by masked factorization?"""

import streamlit as st

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
    source = cards.edited(base, given)
    if source is None:
        with head:
            cards.no_rating_left()
        cards.table_card(base, given, None)
        return
    with controls:
        question = cards.asked(source)
    fits = panel.fit(source.key, cards.wanted(panel, source), lambda choice: cards.task(source, choice))
    if fits is None:
        head.title("Recommender", anchor=False)
        cards.table_card(base, given, source)
        return
    item, user, meaning = question.item, question.user, question.meaning
    W, H = cards.factors(fits, meaning)
    zeros_W, _ = cards.factors(fits, "zero")
    slide, rated = bench_data.both_estimates(source.ratings, cards.cosines(zeros_W, item), item, user, question.k)
    answers = bench_data.answers(fits, slide, rated, item, user)
    with head:
        cards.heading(source, fits, answers, question)
    cards.table_card(base, given, source, W @ H if given.editable else None, meaning)
    cards.factor_cards(source, W, H, meaning)
    left, right = st.columns(2)
    with left:
        cards.similar(source, W, item, meaning)
    with right:
        cards.worked(source, W, item, user, question.k, meaning)
    left, right = st.columns(2)
    with left:
        cards.side_by_side(source, answers, item, user)
    with right:
        cards.recommendations(source, fits, user)
    cards.held_out(source, fits)


draw()
