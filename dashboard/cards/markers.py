"""How does a person tell the metagenes what is known? Marker genes, pasted or from a file; genes forbidden; metagenes kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.figures.word_changes import STYLE, Change, word_changes
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count
from dashboard.widgets import bench
from dashboard.work import expression as bench_data
from dashboard.work import steering
from dashboard.work.expression import Table, Told
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Factorization
from nmfcore.core.guidance import HOW, Guidance
from nmfcore.guide import Edit, Forbid, Pin, Seed
from nmfcore.methods import markers

PAGE, LANE = "expression", "markers"
VERBS = {"seed": "A metagene from marker genes", "forbid": "Never these genes", "pin": "Leave a metagene as it is"}
LONGEST = 200_000  # characters of a pasted list
MOST_NAMED = 5  # genes that are not there, by name
WORDS = 10


def draw(table: Table, fit: Factorization, base: Any) -> tuple[Factorization, Guidance]:
    """The card, and the metagenes as they are told to be; base : names the fit they begin from."""
    name = hash((table.key, base)) & 0xFFFFFFFF
    key, trial = f"markers-{name:08x}", "markers-trial"
    kept: Guidance = session.control(key, Guidance())
    told = bench_data.told(table, fit, kept)
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                "**Tell the metagenes what is known** :small[:gray[ · they are refitted and keep to it]]", width="stretch"
            )
            with st.popover("⋯", type="tertiary", key="markers-menu", help="What each wish does"):
                st.markdown(reading(PAGE, "markers"))
            undo = bool(kept.edits)
            st.button("Undo", key="markers-undo", icon=":material/undo:", disabled=not undo, on_click=_undo, args=(key, trial))
        standing(table, told, kept)
        tried = session.control_value(trial, None)
        if tried is None or tried[0] != (key, kept):
            form(table, fit.rank if told is None else told.fit.rank, key, trial, kept)
        else:
            preview(table, fit, told, kept, tried[1], key, trial)
    return (fit if told is None else told.fit), kept


def form(table: Table, rank: int, key: str, trial: str, kept: Guidance) -> None:
    """What is known, and the button that tries it."""
    bench.within("markers-verb", list(VERBS))
    verb = st.pills("What is known", list(VERBS), format_func=VERBS.__getitem__, key="markers-verb", required=True) or "seed"
    edit: Edit | None = None
    said = ""
    if verb == "pin":
        ids = list(kept.ids(rank - sum(1 for e in kept if isinstance(e, Seed))))
        bench.within("markers-pin", ids)
        k = st.selectbox("Metagene", ids, format_func=lambda k: f"metagene {k + 1}", key="markers-pin", width=200)
        edit = Pin(int(k))
    else:
        names = listed()
        rows, missing = markers.present(names, table.genes)
        used = markers.leading(table.X, rows)
        if names and not rows:
            said = f"None of these {len(names):,} is a gene of this data, whose genes are called for example {example(table)}."
        elif names:
            said = f"{len(rows):,} of {len(names):,} are in this data"
            said += f"; not: {', '.join(missing[:MOST_NAMED])}{', …' if len(missing) > MOST_NAMED else ''}." if missing else "."
            if verb == "seed" and len(rows) > len(used):
                said += f" The {len(used)} that vary most between the samples have to be among its first ten."
        if verb == "seed":
            bench.within("markers-how", HOW, "firmly")
            how = st.segmented_control(
                "How firmly", HOW, format_func=str.capitalize, key="markers-how", required=True,
                help="How near the metagene stays to the samples' mean profile with these genes raised: cosine 0.7, 0.9 or 1.",
            )  # fmt: skip
            edit = Seed(used, how=str(how)) if rows else None
        else:
            edit = Forbid(tuple(rows)) if rows else None
    if said:
        st.markdown(f":small[{markdown(said, 400)}]")
    st.button(
        "Preview", key="markers-preview", type="primary", icon=":material/visibility:", disabled=edit is None,
        on_click=session.set_control, args=(trial, ((key, kept), edit)),
    )  # fmt: skip


def listed() -> tuple[str, ...]:
    """The genes that are named: pasted, or a set of a file."""
    left, right = st.columns(2)
    with left:
        text = st.text_area(
            "Genes", key="markers-text", max_chars=LONGEST, height=120,
            placeholder="Paste them, divided by commas or lines",
        )  # fmt: skip
    with right:
        file = st.file_uploader("or a file of gene sets (GMT)", type=["gmt", "txt"], key="markers-file")
        if file is not None:
            try:
                sets = markers.gene_sets(file.getvalue().decode("utf-8", errors="replace"))
            except ProblemError as wrong:
                st.markdown(f":small[:orange[{markdown(wrong, 300)}]]")
                return ()
            bench.within("markers-set", list(sets))
            name = st.selectbox(
                f"{count(len(sets), 'set')}", list(sets), key="markers-set",
                format_func=lambda name: f"{clean(name, 50)} ({len(sets[name]):,})" if name in sets else clean(name, 50),
            )  # fmt: skip
            return sets[name]
    return markers.pasted(text or "")


def example(table: Table) -> str:
    """Two names of genes."""
    return ", ".join(clean(table.genes.label(i), 30) for i in range(min(2, len(table.X))))


def preview(table: Table, fit: Factorization, told: Told | None, kept: Guidance, edit: Edit, key: str, trial: str) -> None:
    """What the wish would do; keep it or discard it."""
    said = steering.said(edit, Axes(table.samples, table.genes), "metagene")
    st.markdown(f"**{markdown(said[:1].upper() + said[1:], 200)}**")
    guidance = kept.plus(edit)
    name = ("markers", table.key, key, guidance.to_json())
    found: Told | None = bench.compute(
        name, bench_data.told_work(table, fit, guidance), label="Refitting under the wish", lane=LANE
    )
    if found is not None:
        verdict = next(v for v in found.model.verdicts if v.number == len(kept))
        mark = ":green[:material/check_circle:] Kept" if verdict.obeyed else ":orange[:material/error:] Not kept"
        st.markdown(f"{mark}: {markdown(found.sentences[-1], 400)}")
        st.html(STYLE + word_changes(changes(table, fit if told is None else told.fit, kept, found), theme=session.theme()))
        before, now = (1 - e * e for e in (found.before, found.fit.relative_error))
        st.markdown(f"Explains {100 * before:.2f} % before, {100 * now:.2f} % now.")
        moved = count(found.moved, markdown(table.samples.singular, 30), markdown(table.samples.name, 30))
        st.markdown(f"{moved} of {table.X.shape[1]:,} are in another metagene.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Keep", key="markers-keep", type="primary", icon=":material/check:", disabled=found is None,
            on_click=_keep, args=(key, trial, guidance),
        )  # fmt: skip
        st.button("Discard", key="markers-discard", icon=":material/undo:", on_click=session.set_control, args=(trial, None))


def changes(table: Table, before: Factorization, kept: Guidance, found: Told) -> list[Change]:
    """The first genes of every metagene, before and after."""
    old = _first(table, before.W, found.model.guidance.first(len(kept)).ids(found.rank))
    new = _first(table, found.fit.W, found.model.ids)
    return [Change(f"Metagene {t + 1}{'' if t in old else ', new'}", t, old.get(t), new.get(t)) for t in new]


def _first(table: Table, W: np.ndarray, ids: tuple[int, ...]) -> dict[int, list[str]]:
    return {t: table.genes.take(np.argsort(-W[:, k], kind="stable")[:WORDS]) for k, t in enumerate(ids)}


def standing(table: Table, told: Told | None, kept: Guidance) -> None:
    """The wishes in force, each with today's verdict."""
    if told is None:
        return
    for verdict, sentence in zip(told.model.verdicts, told.sentences, strict=True):
        said = steering.said(kept.edits[verdict.number], Axes(table.samples, table.genes), "metagene")
        mark = ":green[:material/check_circle:] kept" if verdict.obeyed else ":orange[:material/error:] not kept"
        st.markdown(f":small[**{verdict.number + 1}** · {markdown(said, 160)}  \n{mark}: {markdown(sentence, 300)}]")


def _keep(key: str, trial: str, guidance: Guidance) -> None:
    session.set_control(key, guidance)
    session.set_control(trial, None)


def _undo(key: str, trial: str) -> None:
    kept: Guidance = session.control_value(key, Guidance())
    session.set_control(key, kept.first(max(0, len(kept) - 1)))
    session.set_control(trial, None)
