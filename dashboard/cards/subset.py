"""What is different about the items that pass the filter: topics they have more of, words that are their own."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.groups import subset_bars
from dashboard.text.plain import markdown
from dashboard.text.words import count
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from dashboard.widgets.filter_bar import Subset
from dashboard.work.fitting import FittedRun
from nmfcore.core.checks import ProblemError
from nmfcore.methods.groups import occurrences
from nmfcore.methods.subset import Contrast, contrast

WORDS = 10  # that are listed on each side


def draw(shown: TopicsShown, found: Subset) -> None:
    """A row of two cards above the page's own, where a filter is in force and lets something pass but not all."""
    if found.all or not len(found.rows):
        return
    run, key = shown.run, ("contrast", json.dumps(session.filter_now().to_list()))
    try:
        counts = run.derived("occurrences", lambda: occurrences(run.dataset.X))
        made: Contrast = shown.facts(key, lambda: contrast(run.dataset, shown.W, found.rows, counts))
    except ProblemError as wrong:
        st.markdown(f":small[{markdown(wrong, 300)}]")
        return
    called, axis = shown.called(), run.dataset.axes.rows
    these = count(len(found.rows), markdown(axis.singular), markdown(axis.name))
    left, right = st.columns([3, 2])
    with left:
        drawn = subset_bars(made.mean, made.whole, called, theme=session.theme())
        card.picture(
            "groups", "subset", f"{called.noun.capitalize()}s in these {these}", drawn,
            say=f"Mean share of the items ({shown.scale_words}); the line: all items; in brackets the difference in points.",
        )  # fmt: skip
    with right:
        _words(run, made)


def _words(run: FittedRun, made: Contrast) -> None:
    if made.words is None:
        with card.plain("Words that are their own"):
            st.markdown("There is nothing to compare: these items, or the others, have no words.")
        return
    terms = run.dataset.axes.columns
    more, less = made.words.most(WORDS), made.words.most(WORDS, of_first=False)
    longest = max(len(more), len(less))
    table = pd.DataFrame(
        {
            "more here": [*terms.take(more), *[""] * (longest - len(more))],
            "z": [*(round(float(z), 1) for z in made.words.z[more]), *[None] * (longest - len(more))],
            "less here": [*terms.take(less), *[""] * (longest - len(less))],
            "z ": [*(round(float(z), 1) for z in made.words.z[less]), *[None] * (longest - len(less))],
        }
    )
    counted = "" if made.counted else " Counted: in how many items a word stands."
    bench.table("groups", "subset-words", f"{markdown(terms.name).capitalize()} that are their own", table,
                say=f"Log-odds against the other items.{counted}")  # fmt: skip
