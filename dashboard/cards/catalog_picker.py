"""The catalog as cards, and the options of the data set that is picked; loading it is a job with progress."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.widgets import prepare
from dashboard.work.fitting import START
from dashboard.work.loading import data_key
from nmfcore.core.errors import ProblemError
from nmfcore.core.spec import RunSpec
from nmfcore.data import catalog
from nmfcore.data.blocks import store_size, stores
from nmfcore.data.model.card import Option

KEY = "dataset"
UPLOAD = "upload"
KINDS = {"documents": "text", "ratings": "ratings", "images": "images", "expression": "gene expression", "table": "table"}


def draw() -> str:
    """The cards; the key of the one that is picked, or "upload"."""
    chosen = session.wanted().data
    if session.control(KEY, chosen) not in (UPLOAD, *catalog.cards()):
        session.set_control(KEY, chosen)
    brought = session.state().brought.latest
    line = f"{brought.name}" if brought is not None else "A table, texts, ratings or pictures"
    _card(UPLOAD, "Bring your own", line, "your file · stays in this session")
    for key, entry in catalog.cards().items():
        size = f"{entry.shape[0]:,} × {entry.shape[1]:,}" if entry.shape else "size by choice"
        _card(key, entry.title, entry.summary, f"{KINDS[entry.kind]} · {size} · {_short(entry.licence)}")
    for name, path in stores().items():
        _store(name, path)
    return str(session.control_value(KEY, chosen))


def _store(name: str, path: Path) -> None:
    """The card of a store in the server's folder, which has a page of its own: it is never loaded as a whole."""
    with st.container(border=True, gap="xsmall", key=f"pick-store-{name}"):
        try:
            m, n, stored = store_size(path)
        except ProblemError as wrong:
            st.markdown(f"**{markdown(name, 60)}**  \n:small[:gray[{markdown(str(wrong), 200)}]]")
            return
        st.page_link(session.page("stores"), label=markdown(name, 60), icon=":material/database:", query_params={"store": name})
        st.markdown(
            f"Beyond memory: visited block by block, from disk  \n:small[:gray[{m:,} × {n:,} · {stored:,} values · only read]]"
        )


def _short(licence: str) -> str:
    """The licence in a few words; the data's own card has all of it."""
    return clean(re.split(r"[;,(]", licence)[0], 34)


def _card(key: str, title: str, line: str, facts: str) -> None:
    """One card; the one that is picked says so by its filled button."""
    data, here = session.chosen_data(), session.control_value(KEY, "") == key
    used = data is not None and data.key == key
    with st.container(border=True, gap="xsmall", key=f"pick-{key}"):
        st.button(
            markdown(title),
            key=f"open-{key}",
            on_click=session.set_control,
            args=(KEY, key),
            type="secondary",
            width="stretch",
            icon=":material/check:" if used else None,
            help=f"{markdown(title)}: {'looked at' if here else 'look at it'}{', in use' if used else ''}",
        )
        st.markdown(f"{markdown(line, 200)}  \n:small[:gray[{markdown(facts, 120)}]]")


def options(key: str) -> None:
    """How to load and prepare the picked data set, and the button that does it."""
    now, data, entry = session.wanted(), session.chosen_data(), catalog.card(key)
    mine = now if now.data == key else RunSpec(data=key, init=START, rank=entry.default_rank, preparation=entry.preparation)
    with st.container(border=True, gap="small"):
        st.markdown(f"**{markdown(entry.title)}**  \n{markdown(entry.description.strip(), 2000)}")
        chosen: dict[str, Any] = {}
        for option in entry.options:
            chosen[option.name] = _option(key, option, mine.data_options.get(option.name, option.default))
        text = entry.kind == "documents" and any(step.get("step") == "text" for step in entry.preparation)
        steps = mine.preparation or (entry.preparation if text else ())
        first = _zeros(key, entry, steps)
        with st.expander("Prepare", icon=":material/tune:"):
            drawn = (*first, *prepare.draw(f"prep_{key}", steps, text=text, without=["zeros"] if entry.kind == "ratings" else ()))
        drawn = drawn if prepare.differ(drawn, steps) else tuple(dict(step) for step in steps)
        spec = RunSpec(data=key, data_options=chosen, preparation=drawn, rank=mine.rank, init=START)
        job = session.load_job()
        loading = job is not None and not job.final
        using = now.data == key and data is not None and data_key(spec) == data_key(_full(now, chosen))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "In use" if using else "Use this data",
                key=f"use-{key}",
                type="secondary",
                on_click=session.choose,
                args=(spec,),
                disabled=loading or using,
            )
            if loading:
                st.button("Stop loading", key="stop-loading", on_click=session.stop, icon=":material/stop_circle:")
                st.markdown(":small[:gray[Loading; progress is in the sidebar. What is on screen stays.]]")
            elif not catalog.available(entry):
                st.markdown(f":small[:gray[{_fetch(entry)}]]")
            elif now.data == key and not using and data is not None:
                st.markdown(":small[:gray[The controls say something else than what is in use.]]")


def _zeros(key: str, entry: catalog.Card, steps: Sequence[Mapping[str, Any]]) -> prepare.Steps:
    """Ratings: whether 0 is a rating; a step when it is, nothing when it means what the card says."""
    if entry.kind != "ratings":
        return ()
    names = {"missing": entry.zero_means, "real": "a real zero"}
    name = f"zeros_{key}"
    session.control(name, "real" if any(step.get("step") == "zeros" for step in steps) else "missing")
    meaning = st.segmented_control(
        "A 0 is",
        list(names),
        format_func=names.__getitem__,
        key=name,
        required=True,
        persist_state="session",
        help=reading("data", "zero"),
    )
    return ({"step": "zeros"},) if meaning == "real" else ()


def _full(choice: RunSpec, chosen: dict[str, Any]) -> RunSpec:
    """The choice with every option of loading written down, as the controls have them."""
    defaults = catalog.card(choice.data).default_options() if chosen else {}
    return choice.replace(data_options={**defaults, **dict(choice.data_options)}, fingerprint="")


def _fetch(entry: catalog.Card) -> str:
    """What fetching takes, before it begins."""
    if entry.wheel is not None:
        size = f", about {entry.wheel.bytes / 1e6:,.0f} MB"
    else:
        total = sum(file.bytes for file in entry.files)
        size = f", about {total / 1e6:,.0f} MB" if total else ""
    return f"Not on this computer yet: fetched once{size}, checked by its hash, then kept. You can stop it."


def _option(key: str, option: Option, value: Any) -> Any:
    name = f"opt_{key}_{option.name}"
    if option.many:
        session.control(name, list(option.choices) if value == "all" else list(value))
        picked = st.multiselect(option.title, option.choices, key=name, persist_state="session", placeholder="none")
        if len(option.choices) > 6:
            with st.container(horizontal=True):
                st.button(
                    "All", key=f"{name}-all", on_click=session.set_control, args=(name, list(option.choices)), type="tertiary"
                )
                st.button(
                    "The usual ones",
                    key=f"{name}-usual",
                    on_click=session.set_control,
                    args=(name, list(option.default)),
                    type="tertiary",
                )
        return picked
    session.control(name, value)
    return st.segmented_control(option.title, option.choices, key=name, required=True, persist_state="session")
