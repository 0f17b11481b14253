"""Which items are looked at? Chips above the page, each removable, and a menu that adds one; the same on every page.

A filter never refits. "Fit on these alone" does, as a new run with a name of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, part, percent
from dashboard.topics_shown import TopicsShown
from dashboard.work.fitted import FittedRun
from nmfcore.core.checks import ProblemError
from nmfcore.data.model.facts import Fact
from nmfcore.methods.subset import Among, Between, Condition, Contains, Filter, OfTopic, facts_to_filter

TOPIC = "\0topic"  # a choice beside the facts, whose names a file may choose
MOST_NAMES = 400  # values of a category that are offered
FEWEST = 2  # items that can be fitted alone
KEY, VALUE, SAID = "filter-by", "filter-value", "filter-words"


@dataclass(frozen=True, eq=False)
class Subset:
    """The items that are looked at: rows, rising; all of them without a filter."""

    rows: np.ndarray
    of: int

    @property
    def all(self) -> bool:
        return len(self.rows) == self.of


def subset(shown: TopicsShown) -> Subset:
    """The items that pass the filter in force; a filter that does not fit this run is said to and lets all pass."""
    now, run = session.filter_now(), shown.run
    whole = np.arange(run.dataset.shape[0])
    if not now:
        return Subset(whole, len(whole))
    key = ("filtered", json.dumps(now.to_list()), shown.scale if now.of_run else "")
    try:
        rows = run.derived(key, lambda: now.rows(run.dataset, shown.apart().W))
    except ProblemError as wrong:
        st.markdown(f":orange[:material/filter_alt_off:] {markdown(wrong, 300)}")
        return Subset(whole, len(whole))
    return Subset(rows, len(whole))


def said(condition: Condition, run: FittedRun) -> str:
    """A condition in a few words; topics have the numbers of this run."""
    fits = isinstance(condition, OfTopic) and all(k < run.rank for k in condition.members)
    return condition.said(run.ids) if isinstance(condition, OfTopic) and fits else condition.sentence


def whole(run: FittedRun, what: str = "This page") -> None:
    """Chips where all items are shown whatever the filter: that it is in force elsewhere, and not here. Nothing without one."""
    now, rows = session.filter_now(), run.dataset.axes.rows
    if not now:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filter-bar"):
        _chips(run, now)
        every = count(run.dataset.shape[0], markdown(rows.singular), markdown(rows.name))
        st.markdown(
            f":small[:material/filter_alt_off: {what} shows all {every}. Topics, Items, Matrices and the lenses keep to it.]",
            width="content",
        )


def _chips(run: FittedRun, now: Filter) -> None:
    """A button for each condition, which removes it."""
    for place, condition in enumerate(now.conditions):
        st.button(
            f"{markdown(said(condition, run), 60)} ✕", key=f"chip-{place}", on_click=session.set_filter,
            args=(now.without(place),), help="Remove this condition",
        )  # fmt: skip


def draw(shown: TopicsShown, found: Subset | None = None) -> Subset:
    """Chips, the menu, and what to do with these items; returns the items.

    found : them, where somebody has asked already
    """
    now, run = session.filter_now(), shown.run
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filter-bar"):
        _chips(run, now)
        menu = st.popover(
            "Filter", icon=":material/filter_alt:", key="filter-menu", on_change="rerun",
            help="Look at some of the items; the model stays as it is",
        )  # fmt: skip
        if menu.open:  # its lists of values are long: they travel when somebody looks at them
            with menu:
                _at_once(shown)
                _add(shown, now)
        found = found or subset(shown)
        if now:
            _these(run, now, found)
    if session.filter_unlinked():
        st.markdown(
            ":orange[:material/link_off:] :small[So many scattered items do not fit into a link: Copy link leaves them out. A "
            "saved run (Export) keeps them.]"
        )
    if now and not len(found.rows):
        one = markdown(run.dataset.axes.rows.singular, 30)
        st.markdown(f":orange[:material/filter_alt_off:] No {one} passes this filter. Remove a condition.")
    return found


def _these(run: FittedRun, now: Filter, found: Subset) -> None:
    """How many pass, and what can be done with them."""
    axis = run.dataset.axes.rows
    share = percent(len(found.rows) / max(found.of, 1))
    st.markdown(
        f":small[{count(len(found.rows), markdown(axis.singular), markdown(axis.name))} of {found.of:,} ({share})]",
        width="content",
    )
    if not found.all and len(found.rows) >= FEWEST and run.dataset.mask is None:
        called = " · ".join(said(condition, run) for condition in now.conditions)
        st.button(
            "Fit on these alone", key="fit-these", icon=":material/play_arrow:", on_click=session.fit_these,
            args=(run, found.rows, called), help="A new run on these items; Compare matches it with this one",
        )  # fmt: skip
    if len(now.conditions) > 1 or not len(found.rows):
        every = f"Show all {markdown(axis.name, 30)}"
        st.button(every, key="filter-clear", type="tertiary", on_click=session.set_filter, args=(Filter(),))


def _at_once(shown: TopicsShown) -> None:
    """The quick ways: a value of any fact, and words; each is a condition as soon as it is chosen."""
    values = _values(shown.run)
    if values:
        st.selectbox(
            "Only these", values, index=None, key=VALUE, on_change=_chose_value, placeholder="type a value",
            format_func=lambda one: f"{clean(one[1], 60)} · {clean(one[0], 30)}",
        )  # fmt: skip
    columns = shown.run.dataset.axes.columns
    st.text_input(
        f"With the {markdown(columns.name, 30)}", key=SAID, max_chars=200, placeholder=clean(columns.label(0), 30),
        on_change=_wrote_words,
    )  # fmt: skip


def _values(run: FittedRun) -> list[tuple[str, str]]:
    """Every value of every category that occurs, with its fact; of a fact with very many the first ones."""
    return run.derived(
        "filter values",
        lambda: [
            (fact.name, fact.names[i])
            for fact in run.dataset.facts
            if fact.kind == "category"
            for i in np.unique(fact.values[fact.values >= 0])[:MOST_NAMES]
        ],
    )


def _chose_value() -> None:
    """One more value of a fact: added to those that are among its condition already."""
    chosen = session.control_value(VALUE, None)
    if chosen is None:
        return
    fact, value = chosen
    now = session.filter_now()
    known = next((one.values for one in now.conditions if isinstance(one, Among) and one.fact == fact), ())
    session.set_filter(now.with_(Among(fact, (*known, value) if value not in known else known)))
    session.set_control(VALUE, None)


def _wrote_words() -> None:
    text = str(session.control_value(SAID, "") or "").strip()
    if text:
        session.set_filter(session.filter_now().with_(Contains(text)))
        session.set_control(SAID, "")


def _add(shown: TopicsShown, now: Filter) -> None:
    """The slower way: by what, which values or range, Add."""
    run = shown.run
    facts = {name: clean(name, 40) for name in facts_to_filter(run.dataset)}
    titles = facts | {TOPIC: f"share of a {part(run.dataset)}"}
    if session.control_value(KEY, None) not in titles:
        session.set_control(KEY, next(iter(titles)))
    by = st.selectbox("Or by", list(titles), format_func=titles.__getitem__, key=KEY)
    made = _topic(shown) if by == TOPIC else _fact(run.dataset.facts[by])
    st.button(
        "Add", key="filter-add", type="primary", disabled=made is None, on_click=session.set_filter,
        args=(now.with_(made) if made is not None else now,),
    )  # fmt: skip


def _topic(shown: TopicsShown) -> Condition:
    topic = st.selectbox(
        part(shown.run.dataset).capitalize(), range(len(shown.topics)), key=f"filter-topic-{len(shown.topics)}",
        format_func=lambda k: f"{shown.labels[k]} · {clean(shown.names[k], 40)}",
    )  # fmt: skip
    members = shown.topics[int(topic)].members
    least = st.slider(
        "at least, in %", 1, 100, 30, key="filter-least", help=f"Share of the item's row of W ({shown.scale_words})."
    )
    return OfTopic(members if len(members) > 1 else members[0], least / 100)


def _fact(fact: Fact) -> Condition | None:
    """The control of one fact: values of a category, ends of a range."""
    key = f"filter-fact-{fact.name}"
    if fact.kind == "category":
        used = [fact.names[i] for i in np.unique(fact.values[fact.values >= 0])]
        chosen = st.multiselect(
            "is one of", used[:MOST_NAMES], key=key, format_func=lambda name: clean(name, 60), placeholder="choose values"
        )
        return Among(fact.name, tuple(chosen)) if chosen else None
    if fact.kind == "date":
        days = fact.values[fact.known].astype("datetime64[D]")
        low, high = days.min().item(), days.max().item()
        between = st.date_input("between", (low, high), low, high, key=key)
        ends = [one.isoformat() for one in between] if isinstance(between, tuple) and len(between) == 2 else []
        return Between(fact.name, *ends) if ends else None
    values = fact.values[fact.known]
    low, high = float(values.min()), float(values.max())
    whole = bool(np.all(values == np.round(values)))
    if low == high:
        return Between(fact.name, f"{low:g}", f"{high:g}")
    edges: tuple[float, float] = (int(low), int(high)) if whole else (low, high)
    first, last = st.slider("between", *edges, edges, key=key)
    return Between(fact.name, f"{first:.12g}", f"{last:.12g}")
