"""Symmetric topics: topics from keywords alone, then the items described; and why not both at once?"""

import streamlit as st

from dashboard.cards import symmetric as cards
from dashboard.widgets.bench_panel import Panel


def draw() -> None:
    panel = Panel(cards.BENCH)
    head = st.container()
    dataset = panel.data()
    if dataset is None:
        head.title("Symmetric topics", anchor=False)
        return
    wanted = cards.wanted(panel, dataset)
    steps = panel.fit(dataset.identity, wanted, lambda choice: cards.task(dataset, choice), live=cards.live)
    if steps is None:
        head.title("Symmetric topics", anchor=False)
        return
    cards.begin_comparison(dataset, steps)
    with head:
        cards.heading(dataset, steps)
    cards.step_one(steps)
    cards.step_two(steps)
    cards.step_three(steps)
    cards.comparison(dataset, steps)


draw()
