"""The catalog as cards, and the options of the data set that is picked; loading it is a job with progress."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import session
from dashboard.plain import markdown
from dashboard.widgets import text_preparation
from nmfcore.data import catalog
from nmfcore.spec import RunSpec

KEY = "dataset"
UPLOAD = "upload"
KINDS = {"documents": "text", "ratings": "ratings", "images": "images", "expression": "gene expression", "table": "table"}


def draw() -> str:
    """The cards; the key of the one that is picked, or "upload"."""
    me = session.state()
    session.control(KEY, me.choice.data)
    _card(UPLOAD, "Bring your own", "CSV or sparse NPZ; stays in this session's memory", "your file")
    for key, entry in catalog.cards().items():
        size = f"{entry.shape[0]:,} × {entry.shape[1]:,}" if entry.shape else "size depends on your choice"
        _card(key, entry.title, entry.summary, f"{KINDS[entry.kind]} · {size} · {entry.licence}")
    return str(session.control_value(KEY, me.choice.data))


def _card(key: str, title: str, line: str, facts: str) -> None:
    here = session.control_value(KEY, "") == key
    with st.container(border=True, gap="xsmall", key=f"pick-{key}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{markdown(title)}**", width="content")
            st.button(
                "Open" if not here else "Open here",
                key=f"open-{key}",
                on_click=session.set_control,
                args=(KEY, key),
                type="secondary",
                disabled=here,
                help=f"Look at {title}",
            )
        st.markdown(f"{markdown(line, 200)}  \n:small[:gray[{markdown(facts, 200)}]]")


def options(key: str) -> None:
    """How to load and prepare the picked data set, and the button that does it."""
    me, entry = session.state(), catalog.card(key)
    mine = me.choice if me.choice.data == key else RunSpec(data=key, rank=entry.default_rank, preparation=entry.preparation)
    with st.container(border=True):
        st.markdown(f"**{markdown(entry.title)}**: {markdown(entry.description.strip(), 2000)}")
        chosen: dict[str, Any] = {}
        for option in entry.options:
            chosen[option.name] = _option(key, option, mine.data_options.get(option.name, option.default))
        steps = mine.preparation
        if entry.kind == "documents":
            steps = text_preparation.draw(key, mine.preparation or entry.preparation)
        spec = RunSpec(data=key, data_options=chosen, preparation=tuple(steps), rank=mine.rank)
        job = session.load_job()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Use this data",
                key=f"use-{key}",
                on_click=session.choose,
                args=(spec,),
                disabled=job is not None and not job.final,
            )
            if job is not None and not job.final:
                st.button("Stop loading", key="stop-loading", on_click=session.stop)
                st.markdown(":small[:gray[Loading; progress is in the sidebar.]]")
            elif not entry.available():
                st.markdown(":small[:gray[Not on this machine yet; it is fetched once and kept.]]")


def _option(key: str, option: catalog.Option, value: Any) -> Any:
    name = f"opt_{key}_{option.name}"
    if option.many:
        session.control(name, list(option.choices) if value == "all" else list(value))
        picked = st.multiselect(option.title, option.choices, key=name, persist_state="session", placeholder="none")
        if len(option.choices) > 6:
            with st.container(horizontal=True):
                st.button("All", key=f"{name}-all", on_click=session.set_control, args=(name, list(option.choices)), type="tertiary")
                st.button("The usual four", key=f"{name}-usual", on_click=session.set_control, args=(name, list(option.default)), type="tertiary")
        return picked
    session.control(name, value)
    return st.segmented_control(option.title, option.choices, key=name, required=True, persist_state="session")
