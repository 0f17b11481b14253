"""What is different about the items that pass the filter: topics they have more of, words that are their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.groups import subset_bars
from dashboard.text.plain import markdown
from dashboard.text.words import count
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from dashboard.widgets.filter_bar import Subset
from dashboard.work.fitted import FittedRun
from dashboard.work.lenses import contrast_key, contrast_work
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axis
from nmfcore.core.written import percent
from nmfcore.methods.groups import CHANCE, LEAST
from nmfcore.methods.subset import Contrast

WORDS = 10  # that are listed on each side


def draw(shown: TopicsShown, found: Subset) -> None:
    """A row of two cards above the page's own, where a filter is in force and lets something pass but not all."""
    if found.all or not len(found.rows):
        return
    run, seen = shown.run, shown.seen()
    key, work = contrast_key(seen.place, found.rows), contrast_work(seen, found.rows)
    made: Contrast | ProblemError | None = bench.compute(key, work, label="These items against all", lane="lens-subset")
    if made is None:
        return
    if isinstance(made, ProblemError):
        st.markdown(f":small[{markdown(made, 300)}]")
        return
    called, axis = shown.called(), run.dataset.axes.rows
    these = count(len(found.rows), markdown(axis.singular), markdown(axis.name))
    left, right = st.columns([3, 2])
    with left:
        drawn = subset_bars(made.mean, made.whole, called, theme=session.theme())
        card.picture(
            "groups", "subset", f"{called.noun.capitalize()}s in these {these}", drawn,
            say=f"Mean share of them ({shown.scale_words}); the line: all {markdown(axis.name)}; in brackets the difference in "
            "points.",
        )  # fmt: skip
    with right:
        _words(run, made)


def _words(run: FittedRun, made: Contrast) -> None:
    axis, terms = run.dataset.axes.rows, run.dataset.axes.columns
    own = f"{markdown(terms.name).capitalize()} that are their own"
    if made.words is None:
        with card.plain(own):
            st.markdown(
                f"There is nothing to compare: these {markdown(axis.name)}, or the others, have no {markdown(terms.name)}."
            )
        return
    if len(made.rows) < LEAST:
        with card.plain(own):
            these = count(len(made.rows), markdown(axis.singular), markdown(axis.name))
            st.markdown(f"{these}: too few to say which {markdown(terms.name)} are their own; {LEAST} are compared.")
        return
    more, less = made.words.most(WORDS), made.words.most(WORDS, of_first=False)
    longest, line = max(len(more), len(less)), made.words.line
    sides: dict[str, list[Any]] = {}
    for side, score, listed in (("more here", "z", more), ("less here", "z ", less)):
        z, rest = made.words.z[listed], longest - len(listed)
        marked = [f"{word} •" if abs(value) > line else word for word, value in zip(terms.take(listed), z, strict=True)]
        sides |= {side: [*marked, *[""] * rest], score: [*(round(float(value), 1) for value in z), *[None] * rest]}
    sure = int((np.abs(made.words.z) > line).sum())
    counted = "" if made.counted else f" Counted: in how many {markdown(axis.name)} each stands."
    bench.table(
        "groups", "subset-words", _title(sure, terms), pd.DataFrame(sides),
        say=f"Log-odds against the other {markdown(axis.name)}. •: more than chance at {percent(CHANCE, 0)}, corrected for all "
        f"{markdown(terms.name)} (z beyond {line:.1f}); the others are within it.{counted}",
    )  # fmt: skip


def _title(sure: int, terms: Axis) -> str:
    name = markdown(terms.name)
    return f"{name.capitalize()} that are their own" if sure else f"No {markdown(terms.singular)} is theirs by more than chance"
