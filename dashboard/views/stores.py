"""Beyond memory: a store of the server's folder, visited block by block; fitted, read and drawn from disk."""

import streamlit as st

from dashboard.cards import store_away
from dashboard.cards import stores as cards
from dashboard.text.plain import markdown
from dashboard.widgets import bench
from dashboard.widgets.bench_panel import Panel

METHOD = "Out of core: HALS with extrapolation and restart, one pass per iteration; the SVD by a range finder."


def draw() -> None:
    panel = Panel(cards.BENCH)
    head = st.container()
    store = cards.chosen(panel)
    if store is None:
        head.title("Beyond memory", anchor=False)
        return
    wanted = cards.wanted(panel, store)
    found = panel.fit(store.fingerprint, wanted, lambda choice: cards.task(store, choice), live=cards.live)
    with head:
        title = f"{markdown(store.title, 60)}, visited block by block"
        if found is not None:
            title = f"Relative error {found.fit.relative_error:.4f} after {found.passes} passes"
        away = store_away.away(found) if found is not None else None
        bench.heading(cards.PAGE, title, cards.about(store), cards.figures(store, found), METHOD, away)
    if found is None:
        cards.before(store)
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


draw()
