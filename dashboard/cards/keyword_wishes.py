"""What can topics of keywords be told? A topic about keywords, keywords that are in none, topics that stay."""

from __future__ import annotations

import streamlit as st

from dashboard.cards import told
from dashboard.cards.wish import name
from dashboard.text.plain import clean, markdown
from dashboard.widgets import bench
from dashboard.work.symmetric import Steps
from dashboard.work.told import Told
from nmfcore.core.guidance import FIRST_WORDS
from nmfcore.guide import Edit, Forbid, Pin, Seed

PAGE = "symmetric"
EVERYWHERE = -1  # in place of a topic
VERBS = {"seed": "A topic about {}", "give": "Give a topic {}", "forbid": "Never these {}", "pin": "Leave a topic as it is"}
VERB, TOPIC, WHERE, WORDS = (f"keywords-{name}" for name in ("verb", "topic", "where", "words"))


def form(steps: Steps, now: Told) -> Edit | None:
    """What can be asked for, of the topics as they are now."""
    columns = markdown(steps.axes.columns.name, 30)
    bench.within(VERB, list(VERBS))
    asked = {verb: title.format(columns) for verb, title in VERBS.items()}
    verb = st.pills("What is known", list(VERBS), format_func=asked.__getitem__, key=VERB, required=True) or "seed"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        topic = _topic(now, verb) if verb != "seed" else EVERYWHERE
        words = _words(steps) if verb != "pin" else ()
        how = told.how_control(PAGE) if verb in ("seed", "give") else ""
    if verb == "pin":
        return Pin(topic)
    if not words:
        return None
    if verb == "forbid":
        return Forbid(words, None if topic == EVERYWHERE else topic)
    return Seed(words, None if verb == "seed" else topic, how)


def _topic(now: Told, verb: str) -> int:
    """A topic by its id; of what is forbidden also all of them."""
    named = {t: f"{t + 1} · {clean(', '.join(words[:3]), 40)}" for t, words in now.first.items()}
    key, label = TOPIC, "Topic"
    if verb == "forbid":
        key, label, named = WHERE, "In", {EVERYWHERE: "every topic, also new ones", **named}
    bench.within(key, list(named))
    return int(st.selectbox(label, list(named), format_func=lambda t: named.get(t, str(t)), key=key, width=260))


def _words(steps: Steps) -> tuple[int | str, ...]:
    """The keywords that are meant."""
    axis, n = steps.axes.columns, len(steps.S)
    chosen = st.multiselect(
        markdown(axis.name, 30).capitalize(), range(n), format_func=lambda j: clean(axis.label(j), 40), key=WORDS,
        placeholder="Choose or type", max_selections=FIRST_WORDS, width=420,
    )  # fmt: skip
    return tuple(name(axis, int(j), n) for j in chosen)
