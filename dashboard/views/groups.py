"""By group: the topics of each decade, class or country, how sure that is, and the words that are a group's own."""

import streamlit as st

from dashboard import session
from dashboard.cards import group_shares, group_words, subset
from dashboard.text.plain import markdown
from dashboard.widgets import filter_bar, header, notices
from dashboard.widgets.alone import alone
from dashboard.work.fitting import FittedRun


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("By group", None)
        notices.nothing_yet()
        return
    body(run)


@alone
def body(run: FittedRun) -> None:
    """The page of a run; its own controls redraw it without the panel beside it."""
    shown, top = session.topics_of(run), st.container()
    found = filter_bar.draw(shown)
    grouping = group_shares.choose(shown)
    if grouping is None:
        with top:
            header.draw("By group", run)
        group_shares.no_facts(run)
        return
    subset.draw(shown, found)
    made = group_shares.made(shown, grouping, found)
    with top:
        header.draw(
            group_shares.finding(made, shown.called(), group_shares.every(run, found))
            if made
            else f"By {markdown(grouping.name)}",
            run,
        )
    if made is not None:
        group_shares.draw(shown, grouping, made)
    group_words.draw(shown, grouping, found, made)


draw()
