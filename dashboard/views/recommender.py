"""Recommender: what would this user have rated that show, by neighbours, and by masked factorization?"""

import streamlit as st

from dashboard.cards import recommender as cards
from dashboard.cards.recommender import PAGE
from dashboard.widgets import bench
from dashboard.work import recommender as bench_data


def draw() -> None:
    head = st.container()  # filled when the numbers are there; the controls stay in one place meanwhile
    dataset = bench.source(PAGE, "tv", bench_data.refusal)
    if dataset is None:
        head.title("Recommender", anchor=False)
        return
    given = bench_data.of_dataset(dataset)
    controls = st.container(border=True)
    base = f"{PAGE}-{given.key}"
    source = cards.edited(base, given)
    if source is None:
        with head:
            st.title("No rating is left", anchor=False)
            st.markdown("Every cell of the table is empty. Type a rating, or take the table back to its start.")
        cards.table_card(base, given, None)
        return
    with controls:
        rank, ridge, seed, item, user, k, meaning = cards.asked(source)
    key = (PAGE, "fits", source.key, rank, ridge, seed)
    fits = bench.compute(key, bench_data.fit_work(source, rank, ridge, seed), label=f"Three factorizations, rank {rank}")
    if fits is None:
        head.title("Recommender", anchor=False)
        cards.table_card(base, given, source)
        return
    W, H = cards.factors(fits, meaning)
    zeros_W, _ = cards.factors(fits, "zero")
    slide, rated = bench_data.both_estimates(source.ratings, cards.cosines(zeros_W, item), item, user, k)
    answers = bench_data.answers(fits, slide, rated, item, user)
    with head:
        cards.heading(source, fits, answers, item, user, k)
    cards.table_card(base, given, source, W @ H if given.editable else None, meaning)
    cards.factor_cards(source, W, H, meaning)
    left, right = st.columns(2)
    with left:
        cards.similar(source, W, item, meaning)
    with right:
        cards.worked(source, W, item, user, k, meaning)
    left, right = st.columns(2)
    with left:
        cards.side_by_side(source, answers, item, user)
    with right:
        cards.recommendations(source, fits, user)
    cards.held_out(source, rank, ridge, seed)


draw()
