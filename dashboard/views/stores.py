"""Beyond memory: a store of the server's folder, visited block by block; fitted, read and drawn from disk."""

import streamlit as st

from dashboard import session
from dashboard.cards import stores as cards
from dashboard.text.plain import markdown
from dashboard.widgets import bench
from dashboard.work import stores as work


def draw() -> None:
    head = st.container()
    store = cards.chosen()
    if store is None:
        head.title("Beyond memory", anchor=False)
        return
    choice, asked = cards.asked(store)
    if not asked:
        with head:
            bench.heading(f"{markdown(store.title, 60)}, visited block by block", cards.about(store), cards.figures(store, None))
        cards.before(store)
        return
    label = f"{store.title}, rank {choice.rank}"
    found = bench.compute(work.fit_key(store, choice), work.fit_work(store, choice), label=label, lane="store", live=cards.live)
    with head:
        title = f"{markdown(store.title, 60)}, visited block by block"
        if found is not None:
            title = f"Relative error {found.fit.relative_error:.4f} after {found.passes} passes"
        bench.heading(title, cards.about(store), cards.figures(store, found))
    if found is None:
        return
    bench.within(cards.ASPECT, list(cards.ASPECTS))
    aspect = st.segmented_control(
        "Show",
        list(cards.ASPECTS),
        format_func=cards.ASPECTS.__getitem__,
        key=cards.ASPECT,
        required=True,
        persist_state="session",
    )
    cards.DRAW[str(aspect)](found)
    bench.method(
        cards.PAGE, "Out of core: HALS with extrapolation and restart, one pass per iteration; the SVD by a range finder."
    )
    session.link("store", store.folder.name)


draw()
