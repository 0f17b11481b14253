"""Two groups' words against each other, and the items that are most a group's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import group_corpora, item_facts
from dashboard.cards.group_shares import Grouping
from dashboard.figures.word_scatter import word_scatter
from dashboard.text.plain import clean, markdown
from dashboard.text.words import Nouns, part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from dashboard.widgets.filter_bar import Subset
from dashboard.work.lenses import Corpus, counted, odds_key, odds_work
from nmfcore.core.checks import ProblemError
from nmfcore.methods.groups import GroupShares, LogOdds, most_typical, shares
from nmfcore.topics.terms import find_terms

REST = -1  # in place of a second group: all other items
TYPICAL = 10


@st.fragment  # other groups or another word draw nothing else anew
def draw(shown: TopicsShown, grouping: Grouping, found: Subset, made: GroupShares | None) -> None:
    """Choose two groups; their words as a scatter, and the first one's most typical items.

    made : the shares of the groups; the two that are furthest apart are chosen at first, so nothing is before they are there
    """
    if made is None:
        return
    inside = np.zeros(found.of, bool)
    inside[found.rows] = True
    sizes = np.bincount(grouping.classes.index[inside & (grouping.classes.index >= 0)], minlength=len(grouping.classes.names))
    present = [int(g) for g in np.flatnonzero(sizes)]
    if not present:
        return
    first, second, searched = _choose(Nouns.of(shown.run.dataset), grouping, present, sizes, made)
    rows = np.flatnonzero(inside & (grouping.classes.index == first))
    others = np.flatnonzero(inside & (grouping.classes.index == second if second != REST else grouping.classes.index != first))
    names = grouping.classes.names
    one, other = names[first], names[second] if second != REST else "all others"
    left, right = st.columns([3, 2])
    with left:
        _words(shown, rows, others, one, other, searched)
    with right:
        _typical(shown, rows, one)
    if shown.run.dataset.mask is None:
        group_corpora.draw(shown, Corpus(one, rows), Corpus(other, others))


def _choose(called: Nouns, grouping: Grouping, present: list[int], sizes: np.ndarray, made: GroupShares) -> tuple[int, int, str]:
    names = grouping.classes.names
    furthest = made.furthest
    if furthest is not None:
        a, b = (markdown(names[g], 40) for g in furthest)
        sure = made.sure[list(furthest)].any()
        chance = "" if sure else " Neither differs from all by more than chance."
        st.markdown(f":small[Furthest apart in their topics: **{a}** and **{b}**.{chance}]")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        usual = furthest if furthest is not None and set(furthest) <= set(present) else (int(np.argmax(sizes)), REST)
        bench.within(f"groups-first-{grouping.name}", present, usual[0])
        first = st.selectbox(
            f"{called.heading} of",
            present,
            format_func=lambda g: clean(names[g], 60),
            key=f"groups-first-{grouping.name}",
            width=260,
        )
        rest = [REST, *(g for g in present if g != first)]
        bench.within(f"groups-second-{grouping.name}", rest, usual[1] if usual[1] in rest else REST)
        second = st.selectbox(
            "against", rest, format_func=lambda g: "all others" if g == REST else clean(names[g], 60),
            key=f"groups-second-{grouping.name}", width=260,
        )  # fmt: skip
        searched = st.text_input(f"Find a {called.column}", key="groups-word", max_chars=60, width=180, placeholder="search")
    return int(first), int(second), searched.strip()


def _words(shown: TopicsShown, rows: np.ndarray, others: np.ndarray, one: str, other: str, searched: str) -> None:
    dataset = shown.run.dataset
    if dataset.mask is not None:
        with card.plain("Not for data with missing entries"):
            st.markdown("An entry that is missing is not one that is 0, so odds are not defined here.")
        return
    key, work = odds_key(shown.seen().place, rows, others), odds_work(shown.run, rows, others)
    found: LogOdds | ProblemError | None = bench.compute(key, work, label="Words of two groups", lane="lens-odds")
    if found is None:
        return
    if isinstance(found, ProblemError):
        with card.plain("Nothing to compare"):
            st.markdown(markdown(found, 300))
        return
    axis = dataset.axes.columns
    marked = find_terms(axis, searched, count=20) if searched else []
    terms = list(axis.labels) if axis.labels is not None else axis.take(range(dataset.shape[1]))
    drawn = word_scatter(found, terms, one, other, searched=[int(j) for j in marked], axis=axis, theme=session.theme())
    items = markdown(dataset.axes.rows.name)
    how = "" if counted(shown.run)[1] else f" Counted: in how many {items} each stands, not its weight."
    missing = f" No {markdown(axis.singular)} like “{markdown(searched, 40)}”." if searched and not len(marked) else ""
    card.picture(
        "groups", "words", f"{markdown(axis.name).capitalize()}: {markdown(one, 40)} against {markdown(other, 40)}", drawn,
        say=f"z of the log-odds with an informative prior; between the lines one {markdown(axis.singular)} alone "
        f"differs by chance.{how}{missing}",
    )  # fmt: skip


def _typical(shown: TopicsShown, rows: np.ndarray, one: str) -> None:
    """The items of a group that are most like what sets it apart."""
    run = shown.run
    S = shown.facts("shares of items", lambda: shares(shown.W))
    live = rows[~np.isnan(S[rows, 0])]
    axis, noun = run.dataset.axes.rows, part(run.dataset)
    if not len(live):
        return
    whole, mean = np.nanmean(S, axis=0), S[live].mean(axis=0)
    listed = most_typical(S, live, whole, mean, TYPICAL)
    top = int(np.argmax(mean - whole))
    column = f"{noun} {shown.labels[top]}"
    table = pd.DataFrame(
        {
            markdown(axis.singular): [clean(axis.label(int(i)), 80) for i in listed],
            column: [100 * float(S[i, top]) for i in listed],
        }
    )
    key = f"groups-typical-{one}"
    bench.table(
        "groups", "typical", f"{markdown(axis.name).capitalize()} most typical of {markdown(one, 40)}", table,
        say=f"Furthest in the direction in which the group differs; {column} · {markdown(shown.names[top], 50)}.",
        column_config={
            markdown(axis.singular): st.column_config.TextColumn(width="medium"),
            column: st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100, width="small"),
        },
        key=key, on_select=lambda: item_facts.chosen_elsewhere(key, listed), selection_mode="single-row",
    )  # fmt: skip
    item_facts.link(run, key, listed)
