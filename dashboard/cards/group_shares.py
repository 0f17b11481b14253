"""The mean share of every topic in every group, with intervals and the test that a difference is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.figures.components import Components
from dashboard.figures.groups import group_heatmap, group_multiples
from dashboard.figures.theme import WIDE_WIDTH
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from dashboard.widgets.alone import alone
from dashboard.widgets.filter_bar import Subset
from dashboard.work.fitted import FittedRun
from dashboard.work.lenses import shares_key, shares_work
from nmfcore.core.written import percent
from nmfcore.data.model.facts import Classes, Fact
from nmfcore.methods.groups import CHANCE, LEAST, LEVEL, GroupShares, crossed
from nmfcore.methods.over_time import UNITS, bins, units_of, usual_unit

BY, AND = "groups-by", "groups-and"
NONE = ""  # no second fact
KNOWN = "\0known"  # the known classes, where they are no fact
MOST_GROUPS = 40  # that are shown; the largest ones
PICTURES = {"heatmap": "Table of shares", "multiples": "Topic by topic"}
ORDERS = {"difference": "by difference", "number": "by number"}


@dataclass(frozen=True, eq=False)
class Grouping:
    """Items by one fact or by two.

    name : what the groups are;  classes : a group for each item of the run;  others : items in groups that are not shown
    """

    name: str
    classes: Classes
    others: int = 0


def grouped(run: FittedRun, name: str, unit: str | None = None) -> Classes:
    """The items by a fact; a number or date by bins of the unit, or of the usual one."""
    if name == KNOWN:
        assert run.dataset.classes is not None
        return run.dataset.classes
    fact: Fact = run.dataset.facts[name]
    return bins(fact, unit).classes if fact.kind in ("number", "date") else fact.classes()


def facts(run: FittedRun) -> dict[str, str]:
    """The facts that group the items, and what they are called."""
    found = {fact.name: clean(fact.name, 40) for fact in run.dataset.facts if fact.kind != "text" and fact.known.any()}
    known = run.dataset.classes
    same = known is not None and any(
        fact.kind == "category" and fact.names == known.names and np.array_equal(fact.values, known.index)
        for fact in run.dataset.facts
    )
    return found if known is None or same else found | {KNOWN: "known class"}


def choose(shown: TopicsShown) -> Grouping | None:
    """The pickers of one fact and, where wanted, a second; None where nothing is known of the items."""
    run = shown.run
    titles = facts(run)
    if not titles:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        bench.linked(BY, "by", list(titles), _usual(run, list(titles)))
        first = st.selectbox("By", list(titles), format_func=titles.__getitem__, key=BY, width=220)
        rest = [NONE, *(name for name in titles if name != first)]
        bench.linked(AND, "and", rest, NONE)
        second = st.selectbox(
            "and", rest, format_func=lambda name: titles.get(name, "no second fact"), key=AND, width=220,
            help="Two facts at once: a group for every pair that occurs.",
        )  # fmt: skip
        unit = _unit(run, first)
    classes, name = grouped(run, first, unit), titles[first]
    if second != NONE:
        classes, name = crossed(classes, grouped(run, second)), f"{name} × {titles[second]}"
    return _largest(classes, name)


def _unit(run: FittedRun, name: str) -> str | None:
    """The bins of a number or date; None for a category."""
    fact = None if name == KNOWN else run.dataset.facts[name]
    if fact is None or fact.kind not in ("number", "date"):
        return None
    units, key = units_of(fact), f"groups-bin-{name}"
    bench.linked(key, "bin", units, usual_unit(fact))
    return str(
        st.selectbox(
            "Bins of",
            units,
            key=key,
            format_func=lambda one: f"a {one}" if one in UNITS and not one[0].isdigit() else one,
            width=160,
        )
    )


def _usual(run: FittedRun, names: list[str]) -> str:
    """The fact with a number of groups that can be read at a glance, else the first."""
    for name in names:
        if name == KNOWN or (run.dataset.facts[name].kind == "category" and 2 <= len(run.dataset.facts[name].names) <= 24):
            return name
    return names[0]


def _largest(classes: Classes, name: str) -> Grouping:
    """The groups that are shown: those with items, at most MOST_GROUPS, in their order."""
    sizes = np.bincount(classes.index[classes.index >= 0], minlength=len(classes.names))
    kept = np.sort(np.argsort(-sizes, kind="stable")[:MOST_GROUPS])
    kept = kept[sizes[kept] > 0]
    place = np.full(len(classes.names) + 1, -1, np.int32)  # the last is for -1
    place[kept] = np.arange(len(kept))
    others = int(sizes.sum() - sizes[kept].sum())
    return Grouping(name, Classes(tuple(classes.names[i] for i in kept), place[classes.index]), others)


def no_facts(run: FittedRun) -> None:
    """Nothing is known of the items."""
    axis = run.dataset.axes.rows
    with card.plain(f"Nothing is known of these {markdown(axis.name)}"):
        st.markdown(
            f"{part(run.dataset).capitalize()}s are looked at by what is known of each {markdown(axis.singular)}: its class, "
            "country, year or date. Bring such columns along with your own file: what is no feature is kept as a fact (Data, "
            "Bring your own)."
        )


def made(shown: TopicsShown, grouping: Grouping, found: Subset) -> GroupShares | None:
    """The shares, computed in the background; None while they are not there."""
    seen, seed = shown.seen(), 0
    names = (grouping.name, grouping.classes.names)
    rows = None if found.all else tuple(found.rows.tolist())
    if rows is not None and not (grouping.classes.index[found.rows] >= 0).any():
        return None
    key = shares_key(seen.place, str(names), rows, seed)
    work = shares_work(seen, grouping.classes, None if found.all else found.rows, seed)
    result: GroupShares | None = bench.compute(key, work, label=f"Shares by {grouping.name}", lane="lens-groups")
    return result


def finding(made: GroupShares, called: Components, every: str) -> str:
    """The largest sure difference, as a title; every : what a group is compared with"""
    sure = np.where(made.sure, made.difference, 0.0)
    if not np.any(sure > 0):
        return f"No {called.noun} differs between these groups by more than chance"
    g, k = divmod(int(np.argmax(sure)), sure.shape[1])
    much = f"{percent(made.mean[g, k], 0)} against {percent(made.whole[k], 0)} in {every}"
    name = markdown(made.names[g], 60)
    return (
        f"{name[:1].upper()}{name[1:]} is most about {called.noun} {called.labels[k]} · {markdown(called.names[k], 40)}: {much}"
    )


def every(run: FittedRun, found: Subset) -> str:
    """The items that a group is compared with: "all films", or those that pass the filter."""
    return f"all {markdown(run.dataset.axes.rows.name)}{'' if found.all else ' that pass'}"


@alone  # another picture or order draws nothing else anew
def draw(shown: TopicsShown, grouping: Grouping, made: GroupShares) -> None:
    """The picture chosen, and what it is over."""
    called = shown.called()
    noun = called.noun
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        bench.linked("groups-picture", "as", list(PICTURES), was="picture")
        picture = st.segmented_control(
            "Show", list(PICTURES), format_func=PICTURES.__getitem__, key="groups-picture", required=True
        )
        bench.linked("groups-order", "sorted", list(ORDERS), was="order")
        order = st.segmented_control(
            f"{noun.capitalize()}s", list(ORDERS), format_func=ORDERS.__getitem__, key="groups-order", required=True,
            help="Difference: largest mean share in a group less the smallest.",
        )  # fmt: skip
    listed = np.argsort(-made.spread, kind="stable") if order == "difference" else np.arange(len(called.labels))
    topics = [int(k) for k in listed]
    if picture == "multiples":
        drawn = group_multiples(made, called, topics, theme=session.theme(), width=WIDE_WIDTH)
        card.picture(
            "groups", "multiples", f"{noun.capitalize()} by {noun}: mean share in each group", drawn, say=_said(shown, made)
        )
    else:
        drawn = group_heatmap(made, called, topics, grouping=grouping.name, theme=session.theme())
        card.picture("groups", "heatmap", f"Mean share of each {noun}, in %", drawn, say=_said(shown, made))
    for sentence in _left_out(shown, grouping, made):
        st.markdown(f":small[:gray[{sentence}]]")


def _said(shown: TopicsShown, made: GroupShares) -> str:
    mark = "• or a filled dot" if made.comparisons else ""
    corrected = f"corrected for {made.comparisons:,} comparisons"
    tested = f" {mark}: more than chance at {percent(CHANCE, 0)}, {corrected}." if made.comparisons else ""
    drawn = f"{percent(LEVEL, 0)} intervals from {made.resamples:,} resamples"
    return f"Shares of the rows of W ({shown.scale_words}); {drawn}.{tested}"


def _left_out(shown: TopicsShown, grouping: Grouping, made: GroupShares) -> list[str]:
    axis = shown.run.dataset.axes.rows
    one, many = markdown(axis.singular), markdown(axis.name)
    said = []
    if made.without:
        said.append(f"{count(made.without, one, many)} in no topic: left out.")
    if made.unknown - grouping.others > 0 and not grouping.others:
        said.append(f"{count(made.unknown, one, many)} of no known group: left out.")
    if grouping.others:
        said.append(f"The {MOST_GROUPS} largest groups are shown; {count(grouping.others, one, many)} in others.")
    thin = int(((made.sizes > 0) & (made.sizes < LEAST)).sum())
    if thin:
        said.append(
            f"{count(thin, 'group')} with fewer than {LEAST} {many}: {'its' if thin == 1 else 'their'} intervals say little."
        )
    return said
