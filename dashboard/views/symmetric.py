"""Symmetric topics: topics from keywords alone, then the items described; and why not both at once?"""

import streamlit as st

from dashboard.cards import symmetric as cards
from dashboard.cards.symmetric import PAGE
from dashboard.widgets import bench
from dashboard.work import symmetric as bench_data


def draw() -> None:
    head = st.container()
    dataset = bench.source(PAGE, "movies", bench_data.refusal)
    if dataset is None:
        head.title("Symmetric topics", anchor=False)
        return
    choice = cards.asked(dataset)
    key = (PAGE, "steps", dataset.identity, choice)
    steps = bench.compute(key, bench_data.steps_work(dataset, choice), label=f"S with {choice.rank} topics", live=cards.live)
    if steps is None:
        head.title("Symmetric topics", anchor=False)
        return
    cards.begin_comparison(dataset, steps)
    with head:
        cards.heading(dataset, steps)
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            bench.method(
                PAGE,
                "Symmetric NMF: Ding, He & Simon 2005; Kuang, Ding & Park 2012. Projection: exact non-negative least squares.",
            )
            bench.export(PAGE, lambda: cards.tables(steps), bench_data.script(steps, dataset.key))
    cards.step_one(steps)
    cards.step_two(steps)
    cards.step_three(steps)
    cards.comparison(dataset, steps)


draw()
