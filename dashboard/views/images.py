"""Images: the parts they are made of, one image as a sum of parts, and NMF beside SVD, PCA and k-means."""

import streamlit as st

from dashboard.cards import images as cards
from dashboard.widgets.bench_panel import Panel


def draw() -> None:
    panel = Panel(cards.BENCH)
    head = st.container()
    dataset = panel.data()
    if dataset is None:
        head.title("Images", anchor=False)
        return
    models = panel.fit(dataset.identity, cards.wanted(panel, dataset), lambda choice: cards.task(dataset, choice))
    if models is None:
        head.title("Images", anchor=False)
        return
    with head:
        cards.heading(dataset, models)
    cards.parts(dataset, models)
    cards.one_image(dataset, models)
    cards.under_one_another(dataset, models)


draw()
