"""The reading room: an item's text with each word coloured by the topic that explains it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.cards import item_facts
from dashboard.figures.reading import course_html, reading_html
from dashboard.text.explanations import reading
from dashboard.text.plain import block, clean, markdown
from dashboard.text.words import part, percent
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import card
from nmfcore.data.model.dataset import Dataset
from nmfcore.methods.reading import LONGEST, Reading, read_item, read_row
from nmfcore.topics.explain import Explanation

TEXT_HEIGHT = 420  # px: a longer text scrolls
LINE, LINE_HEIGHT = 110, 26  # characters on a line of the page at 1280, px
LISTED = 0.01  # of what is explained, from which a topic has a place in the legend


def draw(shown: TopicsShown, found: Explanation, item: int) -> None:
    """The text, its legend, the strip along it, and the way to the next item of the topic."""
    dataset, noun = shown.run.dataset, part(shown.run.dataset)
    raw = "" if dataset.documents is None else str(dataset.documents[item]).strip("\r\n")
    texts = dataset.documents is not None
    one = markdown(dataset.axes.columns.name)
    with card.plain(f"The text, its words coloured by {noun}" if texts else f"Its {one}, coloured by {noun}, the largest first"):
        if not raw.strip() and (texts or not len(found.words)):
            st.markdown("The text is empty." if texts else f"It has none of the {one}.")
            return
        made: Reading = shown.facts(
            ("reading", item), lambda: read_item(dataset, found, item, block(raw, LONGEST)) if texts else read_row(found)
        )
        hidden = _legend(shown, made)
        if texts:
            st.html(course_html(made, shown.called(), hidden=hidden, theme=session.theme()))
        lines = len(made.text) / LINE + made.text.count("\n")
        with st.container(
            height=TEXT_HEIGHT if lines * LINE_HEIGHT > TEXT_HEIGHT else "content", border=False, key="reading-text"
        ):
            st.html(reading_html(made, shown.called(), hidden=hidden, theme=session.theme()))
        _along(shown, made, item)
        said = f"{_said(made, raw)} {weighed(dataset)}{reading('items', 'text')}" if texts else _read(made, one)
        st.markdown(f":small[:gray[{said}]]")


def _legend(shown: TopicsShown, made: Reading) -> frozenset[int]:
    """The topics that speak in this text, largest first; those that are switched off."""
    whole = float(made.topics.sum()) or 1.0
    there = [int(k) for k in np.argsort(-made.topics, kind="stable") if made.topics[k] / whole >= LISTED]
    if not there:
        st.markdown(f":small[No {part(shown.run.dataset)} explains anything of it.]")
        return frozenset()
    key = f"reading-shown-{len(shown.topics)}"
    called = [f"{label} · {markdown(clean(name, 30))}" for label, name in zip(shown.labels, shown.names, strict=True)]
    before = [k for k in session.control_value(key, there) or [] if k in there]
    session.set_control(key, before or there)
    chosen = st.pills(
        "Coloured", there, selection_mode="multi", key=key, label_visibility="collapsed",
        format_func=lambda k: f"{called[k]} {percent(float(made.topics[k]) / whole)}",
    )  # fmt: skip
    return frozenset(k for k in range(len(made.topics)) if k not in chosen)


def _along(shown: TopicsShown, made: Reading, item: int) -> None:
    """The items before and after this one in its largest topic, the strongest first."""
    if not made.topics.sum() > 0:
        return
    k, W = int(np.argmax(made.topics)), shown.W
    order = shown.facts(("order of topic", k), lambda: np.argsort(-W[:, k], kind="stable"))
    label = shown.labels[k]
    at, noun = int(np.flatnonzero(order == item)[0]), part(shown.run.dataset)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for side, to in (("Before it", at - 1), ("After it", at + 1)):
            inside = 0 <= to < len(order) and W[order[to], k] > 0
            st.button(
                f"{side} in {noun} {label}", key=f"reading-{side}", type="tertiary", disabled=not inside,
                on_click=session.set_control, args=(item_facts.OPEN, int(order[to]) if inside else item),
            )  # fmt: skip
        st.markdown(
            f":small[:gray[{at + 1:,} of {int((W[:, k] > 0).sum()):,} in {noun} {label}, strongest first]]", width="content"
        )


def _read(made: Reading, columns: str) -> str:
    """What the colours of a row without a text say."""
    rest = f" {len(made.missing):,} more with smaller values are not listed." if made.missing else ""
    return f"Each with its value; dotted: {columns} that nothing explains here. The colours sum to the numbers below.{rest}"


def weighed(dataset: Dataset) -> str:
    """What the colours are sums of, where a word is not simply counted, or phrases are columns too; with a space behind it."""
    step = next((one for one in dataset.steps if one.get("step") == "text"), None)
    if step is None:
        return ""
    weighting, said = step.get("weighting", "tfidf"), ""
    log = "the logarithm of how often it stands here" if step.get("sublinear", False) and weighting != "binary" else ""
    rare = "its rarity in the data (IDF)" if weighting == "tfidf" else ""
    if log or rare:
        said = f"A word's strength holds {' and '.join(part for part in (log, rare) if part)}. "
    elif weighting == "binary":
        said = "A word is counted once, however often it stands here. "
    phrases = list(step.get("ngrams", (1, 1)))[-1] > 1
    return said + ("A phrase gives each of its words an equal part. " if phrases else "")


def _said(made: Reading, raw: str) -> str:
    cut = f" The first {LONGEST:,} of {len(raw):,} characters." if len(raw) > LONGEST else ""
    if len(made.missing):
        share = float(made.elsewhere.sum()) / (float(made.topics.sum()) or 1.0)
        cut += f" {len(made.missing):,} of its words were not found in the text ({percent(share)} of what is explained)."
    return f"Grey: stop words; dotted: words of the data that nothing explains here.{cut}"
