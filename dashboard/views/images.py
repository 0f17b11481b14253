"""Images: the parts they are made of, one image as a sum of parts, and NMF beside SVD, PCA and k-means."""

import streamlit as st

from dashboard.cards import images as cards
from dashboard.cards.images import PAGE
from dashboard.widgets import bench
from dashboard.work import images as bench_data


def draw() -> None:
    head = st.container()
    dataset = bench.source(PAGE, "digits", bench_data.refusal, others=("faces",))
    if dataset is None:
        head.title("Images", anchor=False)
        return
    chain, seed = cards.asked(dataset)
    models = cards.fitted(dataset, chain, seed)
    if models is None:
        head.title("Images", anchor=False)
        return
    with head:
        cards.heading(dataset, models)
    cards.parts(dataset, models)
    cards.one_image(dataset, models)
    cards.under_one_another(dataset, models)


draw()
