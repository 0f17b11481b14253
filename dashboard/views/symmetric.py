"""Symmetric topics: topics from keywords alone, then the items described; and why not both at once?"""

import streamlit as st

from dashboard.cards import symmetric as cards
from dashboard.cards import symmetric_compared
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
    symmetric_compared.begin(dataset, steps)
    cards.step_one(steps)
    topics = st.container()  # above the card that changes them
    told = cards.told_topics(dataset, steps)
    if told is None:
        head.title("Symmetric topics", anchor=False)
        return
    with head:
        cards.heading(dataset, told.shown, told.model.guidance)
    with topics:
        cards.step_two(told.shown)
    cards.step_three(told.shown)
    symmetric_compared.comparison(dataset, steps, told.model.guidance)


draw()
