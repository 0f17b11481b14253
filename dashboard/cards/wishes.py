"""Which wishes stand, are they kept today, and what came before? Lift one, undo, redo, go back, and go on from there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import session
from dashboard.cards import wish
from dashboard.cards.wish_preview import lowered
from dashboard.text.explanations import reading
from dashboard.text.plain import markdown
from dashboard.text.words import count, part
from dashboard.widgets import bench
from dashboard.work import steering
from dashboard.work.fitted import FittedRun
from nmfcore.guide import Guided, Lift

LANE = "wishes"
DRIFTED = 0.1  # 1 - cosine to the first fit from which it is said
LONGEST = 200  # characters of a verdict


def draw(run: FittedRun) -> None:
    """The chain of wishes that led to the run on screen; nothing where there was never one."""
    redo, others = session.redoable(), session.branches(run)
    if not run.spec.guidance and redo is None and not others:
        return
    noun, number = part(run.dataset), len(run.spec.guidance)
    with st.container(border=True, gap="xsmall", key="wishes"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            title = count(number, "wish", "wishes") if number else "No wishes"
            st.markdown(f"**{title[:1].upper() + title[1:]}**", width="stretch")
            st.button("Undo", key="wish-undo", icon=":material/undo:", disabled=not number, on_click=session.undo_wish)
            st.button("Redo", key="wish-redo", icon=":material/redo:", disabled=redo is None, on_click=session.redo_wish)
            with st.popover("⋯", type="tertiary", key="wishes-menu", help="What a standing wish is"):
                st.markdown(reading("wishes", "history"))
        model = model_of(run)
        first_fit(run, noun)
        for at in range(number):
            one(run, model, at, noun)
        if model is not None and number:
            drifted(model, noun)
        elsewhere(run, others, noun)


def model_of(run: FittedRun) -> Guided | None:
    """The model with its verdicts; of a run from a file they have to be found out first."""
    if run.guided is not None or not run.spec.guidance:
        return run.guided
    found: Guided | None = bench.compute(
        ("wishes of", run.key), steering.model_work(run), label="Finding out what its wishes ask", lane=LANE
    )
    return found


def first_fit(run: FittedRun, noun: str) -> None:
    """Where the chain began."""
    base = session.step(run.spec, 0)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":small[The first fit: {count(base.rank, noun)}]", width="stretch")
        if run.spec.guidance:
            go_button(base, 0)


def one(run: FittedRun, model: Guided | None, at: int, noun: str) -> None:
    """One wish: what was asked, whether it is kept today, and what can be done."""
    edit = run.spec.guidance.edits[at]
    said = steering.said(edit, run.dataset.axes, noun)
    standing = model is not None and at in {found.number for found in model.wishes}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f":small[**{at + 1}** · {markdown(said[:1].upper() + said[1:], 120)}  \n{judged(model, at, edit)}]", width="stretch"
        )
        if standing:
            st.button("Lift", key=f"lift-{at}", type="tertiary", on_click=wish.lift, args=(run, at), help="It no longer binds.")
        if at + 1 < len(run.spec.guidance):
            go_button(session.step(run.spec, at + 1), at + 1)


def judged(model: Guided | None, at: int, edit: Any) -> str:
    """Today's verdict on a wish, or why there is none."""
    if model is None:
        return ":gray[not looked at yet]"
    verdict = next((found for found in model.verdicts if found.number == at), None)
    if at in model.ended:
        return f":gray[:material/block: ended by wish {model.ended[at] + 1}]"
    if verdict is None or isinstance(edit, Lift):
        return ":gray[:material/done: done; it asks nothing further]"
    mark = ":green[:material/check_circle:] kept" if verdict.obeyed else ":orange[:material/error:] not kept"
    return f"{mark}: {markdown(lowered(verdict.sentence), LONGEST)}"


def go_button(spec: Any, at: int) -> None:
    st.button(
        "Go back", key=f"go-{at}", type="tertiary", on_click=session.go, args=(spec,),
        help="Shows the model as it was here. A wish from there begins another branch; this one stays.",
    )  # fmt: skip


def drifted(model: Guided, noun: str) -> None:
    """Which topics the wishes together have moved far from the first fit."""
    far = {t: value for t, value in steering.drift(model).items() if value > DRIFTED}
    if far:
        listed = ", ".join(f"{t + 1} ({value:.2f})" for t, value in sorted(far.items(), key=lambda pair: -pair[1])[:8])
        st.markdown(f":small[:gray[Since the first fit, {noun}s moved by more than {DRIFTED} (1 − cosine): {listed}.]]")


def elsewhere(run: FittedRun, others: list[FittedRun], noun: str) -> None:
    """Other chains of wishes from the same first fit."""
    if not others:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(":small[:gray[Other branches:]]", width="content")
        for other in others:
            edits = other.spec.guidance.edits
            last = steering.said(edits[-1], run.dataset.axes, noun)
            label = f"{count(len(edits), 'wish', 'wishes')}, the last: {markdown(last, 40)}"
            st.button(label, key=f"branch-{other.spec.key}", on_click=session.go, args=(other.spec,), type="tertiary")
