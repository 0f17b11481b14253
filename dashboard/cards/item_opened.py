"""What is one item made of, why is it there, what does the model miss of it, and what is near it?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import item_facts, item_parts, item_reading, wish
from dashboard.figures.items import mixture, why_here
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, no_more, part, percent
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card, stability
from dashboard.work.fitted import FittedRun
from nmfcore.topics.explain import Explanation, explain_item
from nmfcore.topics.similarity import Neighbours, nearest, nearest_to

ALIKE = {"mixture": "mixtures", "words": "words"}  # what two items have to share to be near
NEIGHBOURS = 10
MOST_FACTS = 12  # that are written in a line
WHY_WIDTH = 880  # px: the picture is as wide as the page at 1280
MISSED = 3  # words that are named in a sentence
CLOSE = 0.02  # a share of the squared length below this is not worth naming


def draw(shown: TopicsShown, item: int, order: np.ndarray) -> None:
    """The item that is open."""
    data, apart = shown.run.dataset, shown.apart()
    found = explain_item(data.X, apart.W, apart.H, item, data.axes.columns, mask=data.mask)
    found = found.together([topic.members for topic in shown.topics])
    label = data.axes.rows.label(item)
    head(shown, item, order, found)
    left, right = st.columns([2, 3])
    with left:
        made_of(shown, shown.W[item], label, "mixture")
    with right:
        near(shown, item)
    if data.documents is not None or data.image_shape is None:
        item_reading.draw(shown, found, item)
    elif data.mask is None:
        item_parts.draw(shown, item)
    why(shown, found, label, "why")


def head(view: TopicsShown, item: int, order: np.ndarray, found: Explanation) -> None:
    """Which item it is, its numbers, and the way to the one before and after it in the table."""
    run = view.run
    rows, noun = run.dataset.axes.rows, part(run.dataset)
    at = np.flatnonzero(order == item)
    place = int(at[0]) if len(at) else -1
    name = rows.label(item)
    title = markdown(name if rows.labels is not None else name.capitalize(), 70)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        st.markdown(f"### {title}", width="stretch")
        for label, icon, to in (
            ("Previous", ":material/chevron_left:", place - 1),
            ("Next", ":material/chevron_right:", place + 1 if place >= 0 else -1),
        ):
            st.button(
                label,
                icon=icon,
                key=f"item-{label.lower()}",
                disabled=not 0 <= to < len(order),
                on_click=session.set_control,
                args=(item_facts.OPEN, int(order[to]) if 0 <= to < len(order) else item),
                help=f"The {label.lower()} {markdown(rows.singular, 30)} of the table",
            )
        largest = int(view.apart().largest().labels[item])  # a wish is about a component, not about what is shown as one
        if largest >= 0:
            st.button(
                f"Does not belong in {run.ids[largest] + 1}",
                key="item-not-here",
                icon=":material/conversion_path:",
                on_click=wish.choose_items,
                args=(run, [item], "remove", run.ids[largest]),
                help=f"Refit with a wish: the model learns again without it in that {noun}.",
            )
    st.markdown(f":gray[{' · '.join(about(run, item, found, noun))}]")
    if known := facts_of(run, item):
        st.markdown(f":gray[{' · '.join(known)}]")


def facts_of(run: FittedRun, item: int) -> list[str]:
    """What is known of one item besides its features and its class; texts are its label or are shown below."""
    named, classes = item_facts.known_class(run, item), run.dataset.classes
    known = []
    for fact in run.dataset.facts:
        value = "" if fact.kind == "text" else clean(fact.shown(item), 60)
        same = classes is not None and value == named and fact.kind == "category" and tuple(fact.names) == tuple(classes.names)
        if value and not same:
            known.append(f"{markdown(fact.name, 40)}: {markdown(value, 60)}")
    return known[:MOST_FACTS]


def about(run: FittedRun, item: int, found: Explanation, noun: str) -> list[str]:
    """The numbers of one item, each beside what it is relative to."""
    rows, columns, known = run.dataset.axes.rows, run.dataset.axes.columns, stability.measured(run)
    all_ = item_facts.errors(run).relative_errors
    said = [] if rows.labels is None else [f"{markdown(rows.singular)} {item + 1:,} of {run.dataset.shape[0]:,}"]
    named = item_facts.known_class(run, item)
    if named:
        said.append(f"known class: {markdown(named)}")
    said.append(count(len(found.words), markdown(columns.singular), markdown(columns.name)))
    if np.isnan(all_[item]):
        said.append(f"a row of zeros: it belongs to no {noun} and has no error")
    else:
        middle = float(np.nanmedian(all_))
        half = f"half of all have {no_more(middle, 4)} or less"
        said.append(f"error {all_[item]:.4f} ({half}), {percent(max(found.explained, 0.0))} explained")
    if known is not None and not np.isnan(known.items[item]):
        said.append(f"stability {known.items[item]:.2f}")
    return said


def made_of(shown: TopicsShown, weights: np.ndarray, label: str, name: str) -> None:
    """The mixture as bars.

    weights : (t,) of the topics that are shown
    """
    drawn = mixture(weights, shown.called(), item=label, theme=session.theme())
    say = f"Shares of its row of W; scale: {shown.scale_words}."
    if not weights.sum() > 0:
        say = f"Its row of W is zero: it belongs to no {part(shown.run.dataset)}."
    card.picture("items", name, "Mixture", drawn, say=say)


def why(shown: TopicsShown, found: Explanation, label: str, name: str) -> None:
    """The contribution of every word to every topic, and what is missed of it."""
    columns, noun = shown.run.dataset.axes.columns, part(shown.run.dataset)
    title = f"Why here? What each {markdown(columns.singular)} contributes to each {noun}, and what the model misses of it"
    if not len(found.words):
        with card.plain(title):
            st.markdown(f"It has none of the {markdown(columns.name)}: a row of zeros has no reason to be anywhere.")
        return
    drawn = why_here(
        found.contributions,
        found.unexplained,
        shown.called(),
        words=found.terms,
        item=label,
        feature=columns.singular,
        features=columns.name,
        theme=session.theme(),
        width=WHY_WIDTH,
    )
    card.picture("items", name, title, drawn, say=in_words(found, columns.name))


def in_words(found: Explanation, name: str) -> str:
    """What the model does not explain, and what it expects and does not find, as one sentence."""
    said = [f"The model explains {percent(max(found.explained, 0.0))} of it."]
    missed = [j for j in found.missed[:MISSED] if found.unexplained[j] >= CLOSE]
    if missed:
        parts = [f"{markdown(found.terms[j], 30)} ({percent(float(found.unexplained[j]))})" for j in missed]
        said.append(f"Not explained above all: {', '.join(parts)}.")
    if found.expected_terms:
        said.append(f"Expected, but not there: {', '.join(markdown(term, 30) for term in found.expected_terms[:MISSED])}.")
    return " ".join(said)


# -- what is near ------------------------------------------------------------------------------------------------------


@st.fragment
def near(view: TopicsShown, item: int) -> None:
    """The nearest items, under the similarity that is chosen; that choice alone draws nothing else anew."""
    if session.control_value(item_facts.OPEN, item) != item:  # a row was chosen
        st.rerun()
    alike = choose_likeness(view.run, "items-near-open")
    M = view.run.dataset.X if alike == "words" else view.W
    neighbours(view, nearest(M, item, count=NEIGHBOURS), alike, "near")


@st.fragment
def near_row(view: TopicsShown, row: np.ndarray, weights: np.ndarray) -> None:
    """The items nearest to a new row with these weights (t,) of the topics that are shown."""
    if not session.control_value(item_facts.PASTE, False):  # a row was chosen
        st.rerun()
    alike = choose_likeness(view.run, "items-near-new")
    new, M = (row, view.run.dataset.X) if alike == "words" else (weights, view.W)
    neighbours(view, nearest_to(M, new, count=NEIGHBOURS), alike, "near-new")


def choose_likeness(run: FittedRun, key: str) -> str:
    """Under which similarity items are near."""
    words = markdown(run.dataset.axes.columns.name, 30)
    bench.within(key, list(ALIKE))
    return str(
        st.segmented_control(
            "Near by",
            list(ALIKE),
            format_func=lambda one: {"mixture": f"{part(run.dataset)}s", "words": words}[one],
            key=key,
            required=True,
            persist_state="session",
        )
    )


def neighbours(view: TopicsShown, found: Neighbours, alike: str, name: str) -> None:
    """The table of the nearest items; choosing a row opens it."""
    run = view.run
    rows, noun = run.dataset.axes.rows, part(run.dataset)
    title = f"Nearest {markdown(rows.name)}"
    if not len(found.indices):
        with card.plain(title):
            st.markdown(f"No {markdown(rows.singular)} has anything in common with it.")
        return
    belongs, called = view.largest(), item_facts.topics(view)
    frame: dict[str, Any] = {
        clean(rows.singular): [clean(rows.label(int(i)), 60) for i in found.indices],
        "cosine": found.cosines,
        f"largest {noun}": [called[int(k)] for k in belongs.labels[found.indices]],
    }
    if run.dataset.documents is not None:
        frame["text"] = [item_facts.snippet(run.dataset.documents[int(i)]) for i in found.indices]
    what = (
        f"rows of W ({view.scale_words})"
        if alike == "mixture"
        else f"rows of X: the same {markdown(run.dataset.axes.columns.name)}"
    )
    key = f"items-{name}-{hash((view.seen().place, found.indices.tobytes(), alike)) & 0xFFFFFFFF:08x}"
    bench.table(
        "items",
        name,
        title,
        pd.DataFrame(frame),
        say=f"Cosine of the {what}. Choose a row to open it.",
        height="content",
        key=key,
        on_select=lambda: item_facts.chosen(key, found.indices),
        selection_mode="single-row",
        column_config={
            clean(rows.singular): st.column_config.TextColumn(width=150),
            "cosine": st.column_config.NumberColumn(format="%.4f", width=70),
            f"largest {noun}": st.column_config.TextColumn(width=170),
            "text": st.column_config.TextColumn(width=500),
        },
    )
