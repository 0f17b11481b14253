"""Mean shares over time, and a topic's own words in each bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.components import Components
from dashboard.figures.through_time import over_time
from dashboard.text.plain import clean, markdown
from dashboard.text.words import Nouns, count
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from dashboard.widgets.filter_bar import Subset
from dashboard.work.fitted import FittedRun
from dashboard.work.lenses import shares_key, shares_work, words_key, words_work
from nmfcore.core.written import percent
from nmfcore.data.model.facts import Fact
from nmfcore.methods.groups import CHANCE, LEAST, LEVEL, GroupShares
from nmfcore.methods.over_time import UNITS, Bins, bins, units_of, usual_unit
from nmfcore.topics.terms import best

FACT, UNIT, TOPICS = "time-fact", "time-unit", "time-topics"
AT_FIRST = 4  # lines that are drawn at first: the topics that change most
WORDS = 8  # of a topic in a bin
MOST_WORD_BINS = 24  # bins whose words are listed: the largest


@dataclass(frozen=True, eq=False)
class Timeline:
    """The fact that says when, and its bins."""

    fact: Fact
    bins: Bins


def times(run: FittedRun) -> list[Fact]:
    """The facts that say when or how much."""
    return [fact for fact in run.dataset.facts if fact.kind in ("date", "number") and fact.known.any()]


def choose(run: FittedRun) -> Timeline | None:
    """The pickers of fact and bin; None where no fact says when."""
    known = {fact.name: fact for fact in times(run)}
    if not known:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        bench.linked(FACT, "time", list(known))
        name = st.selectbox("When", list(known), format_func=lambda one: clean(one, 40), key=FACT, width=220)
        fact = known[str(name)]
        units = units_of(fact)
        bench.linked(UNIT, "bin", units, usual_unit(fact))
        unit = st.selectbox("Bins of", units, format_func=_unit_words, key=UNIT, width=180)
    return Timeline(fact, bins(fact, str(unit)))


def _unit_words(unit: str) -> str:
    return f"a {unit}" if unit in UNITS and not unit[0].isdigit() else unit


def no_time(run: FittedRun) -> None:
    """No fact says when."""
    axis = run.dataset.axes.rows
    with card.plain(f"No date or year is known of these {markdown(axis.name)}"):
        st.markdown(
            "A column of dates, years or other numbers that is no feature is kept as a fact of the items when you bring your own "
            "file; the films have their year."
        )


def made(shown: TopicsShown, line: Timeline, found: Subset) -> GroupShares | None:
    """The shares of every bin, computed in the background."""
    classes = line.bins.classes
    rows = None if found.all else found.rows
    if rows is not None and not (classes.index[rows] >= 0).any():
        return None
    seen = shown.seen()
    key = shares_key(
        seen.place,
        f"{line.fact.name} in {line.bins.unit}",
        None if rows is None else tuple(rows.tolist()),
        0,
    )
    work = shares_work(seen, classes, rows, 0)
    result: GroupShares | None = bench.compute(key, work, label=f"Shares by {line.fact.name}", lane="lens-time")
    return result


def finding(made: GroupShares, called: Components) -> str:
    """The topic that changes most, of those that change by more than chance, as a title."""
    if (made.sizes >= LEAST).sum() < 2:
        return "Too few items in each bin to say what changes"
    if made.change is None:
        return f"No {called.noun} changes by more than chance"
    k, low, high = made.change
    ends = (f"{percent(made.mean[at, k], 0)} in {markdown(made.names[at], 40)}" for at in (low, high))
    name = f" · {markdown(called.names[k], 40)}" if called.names else ""
    return f"{called.noun.capitalize()} {called.labels[k]}{name} changes most: {', '.join(ends)}"


@st.fragment  # other topics draw nothing else anew
def draw(shown: TopicsShown, line: Timeline, made: GroupShares) -> None:
    """Lines with intervals and the counts beneath."""
    called = shown.called()
    noun = called.noun
    order = [int(k) for k in np.argsort(-made.spread, kind="stable")]
    key = f"{TOPICS}-{len(shown.topics)}"
    session.control(key, sorted(order[:AT_FIRST]))
    topics = st.pills(
        f"{noun.capitalize()}s", sorted(order), selection_mode="multi", key=key,
        format_func=lambda k: f"{shown.labels[k]} · {markdown(shown.names[k], 30)}",
        help="The ones that change most are drawn at first.",
    )  # fmt: skip
    if not topics:
        st.markdown(f":small[Choose a {noun} to draw.]")
        return
    unit, items = clean(line.fact.name, 40), shown.run.dataset.axes.rows.name
    drawn = over_time(made, called, topics, unit=unit, items=items, theme=session.theme())
    thin = int((made.sizes < LEAST).sum())
    said = f"Shares of the rows of W ({shown.scale_words}); bands: {percent(LEVEL, 0)} intervals."
    if made.comparisons:
        said += f" More than chance at {percent(CHANCE, 0)}, corrected for {made.comparisons:,} comparisons: "
        said += f"{_changing(made, called)}."
    if thin:
        said += f" {count(thin, 'bin')} with fewer than {LEAST} {markdown(shown.run.dataset.axes.rows.name)}."
    if made.unknown:
        rows, when = shown.run.dataset.axes.rows, markdown(clean(line.fact.name, 40))
        unknown = count(made.unknown, markdown(rows.singular), markdown(rows.name))
        said += f" {when[:1].upper()}{when[1:]} is not known of {unknown}: left out."
    card.picture("over_time", "shares", f"Mean share by {markdown(clean(line.fact.name, 40))}", drawn, say=said)


def _changing(made: GroupShares, called: Components) -> str:
    """The topics with a bin that differs by more than chance."""
    topics = np.flatnonzero(made.sure.any(axis=0))
    return ", ".join(called.labels[int(k)] for k in topics) if len(topics) else "none"


def words(shown: TopicsShown, line: Timeline) -> None:
    """One topic's first columns in each bin, with W held."""
    run, called = shown.run, Nouns.of(shown.run.dataset)
    noun = called.part
    if run.dataset.mask is not None:
        with card.plain("Not for data with missing entries"):
            st.markdown("The rows of H of a bin are fitted to complete rows of X; these have missing entries.")
        return
    session.numbered("time-topic", shown.firsts)
    chosen = st.selectbox(
        noun.capitalize(), shown.firsts, key="time-topic", width=420,
        format_func=lambda k: f"{shown.labels[shown.at(k)]} · {clean(shown.names[shown.at(k)], 60)}",
    )  # fmt: skip
    topic, seen = shown.at(int(chosen)), shown.seen()
    key = words_key(seen.place, line.bins, line.fact.name, topic)
    found = bench.compute(
        key, words_work(seen, line.bins, topic, LEAST), label=f"{called.heading} of each bin", lane="lens-words"
    )
    if found is None:
        return
    there = np.flatnonzero(~np.isnan(found[:, 0]))
    if not len(there):
        st.markdown(
            f":small[No bin has {LEAST} {markdown(run.dataset.axes.rows.name)} and one in this {noun}. Choose wider bins.]"
        )
        return
    largest = np.sort(there[np.argsort(-line.bins.counts[there], kind="stable")[:MOST_WORD_BINS]])
    title = f"The {called.columns} of {noun} {shown.labels[topic]} in each bin"
    bench.table(
        "over_time", "words", title, _bin_by_bin(shown, line, found, largest),
        say=f"H fitted to each bin with W held: how much each {called.item} is of the {noun} stays, "
        f"its {called.columns} may change.",
    )  # fmt: skip


def _bin_by_bin(shown: TopicsShown, line: Timeline, found: np.ndarray, listed: np.ndarray) -> pd.DataFrame:
    """A line for each bin: its items, its first columns, and those that the line before has not.

    found : (b, n) the topic's row of H in each bin;  listed : the bins, in their order
    """
    axis, called = shown.run.dataset.axes.columns, Nouns.of(shown.run.dataset)
    firsts = [[int(j) for j in best(found[at], WORDS) if found[at, j] > 0] for at in listed]
    before = [firsts[0], *firsts[:-1]]  # nothing is new in the first
    news = [[j for j in first if j not in old] for first, old in zip(firsts, before, strict=True)]
    return pd.DataFrame(
        {
            clean(line.fact.name, 40): [line.bins.names[at] for at in listed],
            called.items: [int(line.bins.counts[at]) for at in listed],
            f"first {called.columns}": [", ".join(axis.take(first)) for first in firsts],
            "new here": [", ".join(axis.take(new)) for new in news],
        }
    )
