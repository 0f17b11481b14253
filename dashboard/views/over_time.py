"""Over time: shares bin by bin with how many items each bin has, a topic's words in each, and dynamic topics in two layers."""

import streamlit as st

from dashboard import session
from dashboard.cards import subset, time_dynamic, time_shares
from dashboard.text.words import Nouns
from dashboard.widgets import bench, filter_bar, header, notices
from dashboard.widgets.alone import alone
from dashboard.work.fitting import FittedRun

PARTS = ("shares", "words", "dynamic")


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("Over time", None)
        notices.nothing_yet()
        return
    body(run)


@alone
def body(run: FittedRun) -> None:
    """The page of a run; its own controls redraw it without the panel beside it."""
    shown, top = session.topics_of(run), st.container()
    found = filter_bar.draw(shown)
    timeline = time_shares.choose(run)
    if timeline is None:
        with top:
            header.draw("Over time", run)
        time_shares.no_time(run)
        return
    subset.draw(shown, found)
    made = time_shares.made(shown, timeline, found)
    with top:
        header.draw(time_shares.finding(made, shown.called()) if made else "Over time", run)
    nouns = Nouns.of(run.dataset)
    called = {"shares": "Shares", "words": f"A {nouns.part}'s {nouns.columns}", "dynamic": f"Dynamic {nouns.part}s"}
    bench.linked("time-part", "show", list(PARTS))
    wanted = st.segmented_control(
        "Show", list(PARTS), format_func=called.__getitem__, key="time-part", required=True, label_visibility="collapsed"
    )
    if wanted == "words":
        time_shares.words(shown, timeline)
    elif wanted == "dynamic":
        time_dynamic.draw(shown, timeline)
    elif made is not None:
        time_shares.draw(shown, timeline, made)


draw()
