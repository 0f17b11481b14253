"""What would the model make of something new: a pasted text or row, described with the topics as they are?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.cards import item_facts, item_opened
from dashboard.text.plain import markdown
from dashboard.text.words import count, no_more, part, percent
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import card, scale
from dashboard.work.fitted import FittedRun
from nmfcore.data.new_row import LONGEST_TEXT, NewRow, from_text, from_values, takes_text
from nmfcore.topics.explain import fold_in

KEY = "new-item"
NAMED = 12  # words that are named in a sentence


def draw(view: TopicsShown) -> None:
    """The form, and below it what is pasted, taken apart."""
    run = view.run
    rows, columns = run.dataset.axes.rows, run.dataset.axes.columns
    texts = takes_text(run.dataset)
    what = "text" if texts else f"{markdown(columns.name)}, or a whole row"
    st.button(
        f"Back to the {markdown(rows.name, 30)}",
        icon=":material/arrow_back:",
        key="items-back",
        on_click=session.set_control,
        args=(item_facts.PASTE, False),
    )
    with st.form("items-form", border=True):
        st.markdown(
            f"**A new {markdown(rows.singular)}**, described with the {part(run.dataset)}s as they are: nothing is fitted again"
        )
        st.text_area(
            f"Paste its {what}",
            key=KEY,
            height=130 if texts else 90,
            max_chars=LONGEST_TEXT,
            placeholder=example(run),
            persist_state="session",
        )
        st.form_submit_button("Describe it", icon=":material/play_arrow:", key="items-describe")
    typed = str(session.control_value(KEY, "") or "")
    if not typed.strip():
        return
    try:
        new = from_text(run.dataset, typed) if texts else from_values(run.dataset, typed)
    except ValueError as wrong:
        with st.container(border=True):
            st.markdown(f":orange[:material/info:] {markdown(wrong, 400)}")
        return
    described(view, new, texts)


def example(run: FittedRun) -> str:
    """What could be typed."""
    columns = run.dataset.axes.columns
    if takes_text(run.dataset):
        return "Any text. It is cut into words, counted and weighted as the data was."
    first = columns.take(range(min(2, run.dataset.shape[1])))
    pairs = "\n".join(f"{name}: 1" for name in first)
    return f"{pairs}\nor {run.dataset.shape[1]:,} numbers, as copied from a spreadsheet"


def described(shown: TopicsShown, new: NewRow, texts: bool) -> None:
    """The new row taken apart: how much of it is known, its mixture, why, and what is near it."""
    run = shown.run
    found = fold_in(new.row, shown.apart().H, run.dataset.axes.columns, seen=new.seen, loss=run.spec.loss)
    said = in_words(run, new, texts, found.explained)
    if not new.row.any():
        with st.container(border=True):
            st.markdown(said)
        return
    weights = shown.gathered(found.mixture)
    found = found.together([topic.members for topic in shown.topics])
    left, right = st.columns([2, 3])
    with left:
        item_opened.made_of(shown, weights, "the new one", "mixture-new")
    with right, card.plain("How well it fits"):
        st.markdown(said)
    item_opened.why(shown, found, "the new one", "why-new")
    item_opened.near_row(shown, new.row, weights)


def in_words(run: FittedRun, new: NewRow, texts: bool, explained: float) -> str:
    """What was read and what was not, and how well the model describes it."""
    columns, noun = run.dataset.axes.columns, part(run.dataset)
    one = "word" if texts else markdown(columns.singular)
    more = "words" if texts else markdown(columns.name)
    said = []
    if new.row.any():
        error = float(np.sqrt(max(1.0 - explained, 0.0)))
        middle = float(np.nanmedian(item_facts.errors(run).relative_errors))
        said += [
            f"**{count(new.known, one, more)} known. Error of the fit {error:.4f}**, {percent(max(explained, 0.0))} explained.",
            f"Half of the {markdown(run.dataset.axes.rows.name)} of the data have an error of {no_more(middle, 4)} or less.",
        ]
    elif new.known:
        said.append(f"**Every value is 0**: a row of zeros, which belongs to no {noun}.")
    else:
        said.append(f"**None of its {more} is among those of the data**: a row of zeros, which belongs to no {noun}.")
    for words, name in ((new.unknown, "Not in the data, so not counted"), (new.left_out, "Left out as stop words")):
        if words:
            rest = f" and {len(words) - NAMED:,} more" if len(words) > NAMED else ""
            said.append(f"{name}: {', '.join(markdown(word, 40) for word in words[:NAMED])}{rest}.")
    if new.as_prepared:
        said.append(
            f"The values are taken as they stand in X, after the preparation: its step “{new.as_prepared}” needs all rows."
        )
    how = f"W ≥ 0 with the least ‖x − wH‖, H fixed, exact; scale: {scale.words()}."
    if run.spec.loss != "frobenius":
        how += f" The run was fitted with another loss ({markdown(run.spec.loss)}); a new row is fitted by least squares."
    said.append(f":gray[{how}]")
    return "  \n".join(said)
