"""The topics of a store's fit: their leading features, and what this person calls them."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.bars import Measure, bars
from dashboard.figures.components import Components
from dashboard.figures.theme import component_colour
from dashboard.text.plain import clean, markdown
from dashboard.text.words import percent
from dashboard.topics_shown.edits import LONGEST_NAME, Edits
from dashboard.widgets import bench, card
from dashboard.work.stores import StoreFit

EDITS = "stores-edits"
WORDS = 12  # of a topic
MOST_TOPICS = 60  # that are drawn


def edits_of(found: StoreFit) -> Edits:
    """What this session changed in how the topics of a fit are shown."""
    every: dict[Hashable, Edits] = session.control(EDITS, {})
    return every.get(found.key, Edits())


def keep_edits(key: Hashable, edits: Edits) -> None:
    """Show the topics of a fit so from now on; in a callback."""
    every: dict[Hashable, Edits] = session.control(EDITS, {})
    every[key] = edits


def name_of(found: StoreFit, k: int) -> str:
    """What a topic is called: "" where nobody named it."""
    return edits_of(found).names.get((k,), "")


def called(found: StoreFit) -> Components:
    """The topics as figures write them: "3", or "3 · guns" where it is named."""
    return Components([label(found, k) for k in range(found.fit.rank)], range(found.fit.rank))


def label(found: StoreFit, k: int) -> str:
    """One topic in a table or figure, not escaped."""
    name = name_of(found, k)
    return f"{k + 1} · {name}" if name else str(k + 1)


def draw(found: StoreFit) -> None:
    """The leading features of each topic, and the field in which it is named."""
    H, axis = found.fit.H, found.store.axes.columns
    order = np.argsort(-found.share, kind="stable")[:MOST_TOPICS]
    columns = st.columns(3)
    for place, k in enumerate(int(k) for k in order):
        front = np.argsort(-H[k], kind="stable")[:WORDS]
        height = max(float(H[k].max()), 1e-300)
        drawn = bars(
            axis.take(front), H[k, front] / height, Measure("weight in H, of the topic's largest", lambda v: f"{v:.2f}", top=1.0),
            colours=[component_colour(k, session.theme())] * len(front),
            alt=f"Topic {k + 1}: {', '.join(clean(name) for name in axis.take(front[:5]))}.", theme=session.theme(),
        )  # fmt: skip
        with columns[place % 3], st.container(border=True, gap="xsmall"):
            name = name_of(found, k)
            title = f"Topic {k + 1}" + (f" · {markdown(name)}" if name else "")
            st.markdown(f"**{title}** :small[:gray[{percent(found.share[k])} of what is explained]]")
            card.chart(f"stores-topic-{k}", drawn)
            st.text_input(
                f"Name of topic {k + 1}", max_chars=LONGEST_NAME, placeholder="Name it", label_visibility="collapsed",
                **session.turned(f"stores-name-{k}", name, _named, found, k),
            )  # fmt: skip
    bench.table("stores", "words", "Words of all topics", words(found), say=f"The {WORDS} with the largest weight in each.")


def _named(found: StoreFit, k: int, key: str) -> None:
    keep_edits(found.key, edits_of(found).rename((k,), str(session.control_value(key, ""))))


def words(found: StoreFit) -> pd.DataFrame:
    """The leading features of every topic, one in each row."""
    rows = []
    for k, row in enumerate(found.fit.H):
        front = np.argsort(-row, kind="stable")[:WORDS]
        rows += [
            {"topic": k + 1, "name": name_of(found, k), "place": place + 1, found.store.axes.columns.singular: name,
             "weight": float(row[j])}
            for place, (j, name) in enumerate(zip(front, found.store.axes.columns.take(front), strict=True))
        ]  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame if frame["name"].any() else frame.drop(columns="name")
