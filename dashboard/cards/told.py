"""How does a person tell the parts of a workbench what is known? A wish is formulated, tried, kept or discarded, and lifted.

The page says what can be asked for (`Verbs`), and draws what comes out; wishes, verdicts, undo and the address are here.
"""

from __future__ import annotations

from collections.abc import Callable
from json import JSONDecodeError
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.figures.word_changes import STYLE, Change, word_changes
from dashboard.text.explanations import reading
from dashboard.text.plain import markdown
from dashboard.widgets import bench, how_firmly
from dashboard.work import steering
from dashboard.work.told import LONGEST_LINK, Subject, Told, from_link, to_link, told_key, told_work
from nmfcore.core.guidance import Guidance
from nmfcore.core.written import percent
from nmfcore.guide import Edit, Lift

LINKED = "told"  # what the address calls the wishes
LANE = "told"
Form = Callable[[Told], Edit | None]  # draws what can be asked for; the wish that it says, None while it says none


def draw(subject: Subject, shown: Any, form: Form) -> Told | None:
    """The card, and the parts as they are told to be; None while they are being refitted, which is then on the page.

    shown : what the page draws without wishes
    """
    kept, problem = _kept(subject)
    with st.container(border=True, gap="small", key=f"{subject.page}-told"):
        _head(subject, kept)
        if problem:
            st.markdown(f":small[:orange[:material/info:] {markdown(problem, 300)}]")
        if kept:
            label = f"Refitting under {len(kept)} wishes" if len(kept) > 1 else "Refitting under your wish"
            told: Told | None = bench.compute(
                told_key(subject, kept), told_work(subject, kept), label=label, lane=LANE, expects=_takes(subject, kept)
            )
        else:
            told = subject.untold(shown)
        if told is None:
            return None
        _standing(subject, told, kept)
        tried = session.control_value(_trial(subject), None)
        if tried is not None and tried[0] == (subject.name, kept):
            _preview(subject, told, kept, tried[1])
        else:
            _form(subject, told, kept, form)
        _address(subject, kept)
    return told


def how_control(page: str) -> str:
    """How near a part stays to what it shall be about."""
    return how_firmly.control(f"{page}-told-how", "What you name is")


def _head(subject: Subject, kept: Guidance) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f"**Tell the {subject.noun}s what is known** :small[:gray[ · they are refitted and keep to it]]", width="stretch"
        )
        st.button(
            "Undo", key=f"{subject.page}-told-undo", icon=":material/undo:", disabled=not kept, on_click=_keep,
            args=(subject, kept.first(max(0, len(kept) - 1))),
        )  # fmt: skip
        with st.popover("⋯", type="tertiary", key=f"{subject.page}-told-menu", help="What each wish does"):
            st.markdown(reading(subject.page, "told"))


def _form(subject: Subject, told: Told, kept: Guidance, form: Form) -> None:
    """What can be asked for, and the button that tries it."""
    edit = form(told)
    problem = steering.against(told.model, edit, subject.axes) if edit is not None else ""
    if problem:
        st.markdown(f":small[:orange[:material/info:] {markdown(problem, 400)}]")
    st.button(
        "Preview", key=f"{subject.page}-told-preview", type="primary", icon=":material/visibility:",
        disabled=edit is None or bool(problem), on_click=_try, args=(subject, kept, edit),
    )  # fmt: skip


def _preview(subject: Subject, told: Told, kept: Guidance, edit: Edit) -> None:
    """What the wish would do; keep it or discard it."""
    said = steering.said(edit, subject.axes, subject.noun)
    st.markdown(f"**{markdown(said[:1].upper() + said[1:], 200)}**")
    wished = kept.plus(edit)
    found: Told | None = bench.compute(
        told_key(subject, wished), told_work(subject, wished), label="Refitting under the wish", lane=f"{LANE}-preview",
        expects=_takes(subject, wished),
    )  # fmt: skip
    if found is not None:
        place = next(i for i, v in enumerate(found.model.verdicts) if v.number == len(kept))
        st.markdown(f"{_mark(found, place)}: {markdown(found.sentences[place], 400)}")
        st.html(STYLE + word_changes(changes(subject, found), theme=session.theme()))
        before, now = (1 - e * e for e in (found.before, found.model.result.relative_error))
        st.markdown(f"Explains {percent(before, 2)} before, {percent(now, 2)} now. {markdown(found.effect, 300)}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Keep", key=f"{subject.page}-told-keep", type="primary", icon=":material/check:", disabled=found is None,
            on_click=_keep, args=(subject, wished),
        )  # fmt: skip
        st.button("Discard", key=f"{subject.page}-told-discard", icon=":material/undo:", on_click=_discard, args=(subject,))
        st.markdown(":small[:gray[Nothing has changed yet.]]", width="content")


def changes(subject: Subject, found: Told) -> list[Change]:
    """The first words of every part where some came or went, before and after; of all where none did."""
    parts = [t for t in found.first if set(found.first[t]) != set(found.earlier.get(t, ()))] or list(found.first)
    noun = subject.noun.capitalize()
    return [
        Change(f"{noun} {t + 1}{'' if t in found.earlier else ', new'}", t, found.earlier.get(t), found.first[t]) for t in parts
    ]


def _standing(subject: Subject, told: Told, kept: Guidance) -> None:
    """Every wish: what was asked, whether it is kept today, and the way to end it."""
    model = told.model
    judged = {verdict.number: place for place, verdict in enumerate(model.verdicts)}
    binding = {wish.number for wish in model.wishes}
    for at, edit in enumerate(kept):
        said = steering.said(edit, subject.axes, subject.noun)
        if at in model.ended:
            state = f":gray[:material/block: ended by wish {model.ended[at] + 1}]"
        elif at not in binding:
            state = ":gray[:material/done: done; it asks nothing further]"
        else:
            state = f"{_mark(told, judged[at])}: {markdown(told.sentences[judged[at]], 300)}"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":small[**{at + 1}** · {markdown(said[:1].upper() + said[1:], 160)}  \n{state}]", width="stretch")
            if at in binding:
                st.button(
                    "Lift", key=f"{subject.page}-told-lift-{at}", type="tertiary", help="It no longer binds.",
                    on_click=_try, args=(subject, kept, Lift(at)),
                )  # fmt: skip


def _takes(subject: Subject, wished: Guidance) -> float:
    return steering.takes(subject.base, len(wished) + 1)


def _mark(told: Told, place: int) -> str:
    kept = told.model.verdicts[place].obeyed
    return ":green[:material/check_circle:] Kept" if kept else ":orange[:material/error:] Not kept"


# -- what is kept ------------------------------------------------------------------------------------------------------------


def _key(subject: Subject) -> str:
    return f"{subject.page}-told-{subject.name}"


def _trial(subject: Subject) -> str:
    return f"{subject.page}-told-trial"


def _kept(subject: Subject) -> tuple[Guidance, str]:
    """The wishes kept for this fit, at first those of the address; and what is wrong with those."""
    key, problem = _key(subject), ""
    if session.control_value(key, None) is None:
        try:
            wishes = from_link(subject, session.linked(LINKED, longest=LONGEST_LINK))
        except ValueError as wrong:
            why = "the text is damaged." if isinstance(wrong, JSONDecodeError) else str(wrong)
            wishes, problem = Guidance(), f"The link's part {LINKED} cannot be followed: {why}"
        session.set_control(key, wishes)
    return session.control_value(key, Guidance()), problem


def _address(subject: Subject, kept: Guidance) -> None:
    """Write the wishes into the address, or say why they are not there."""
    text = to_link(subject, kept)
    fits = len(text) <= LONGEST_LINK
    session.link(LINKED, text if fits else "")
    if not fits:
        st.markdown(":small[:gray[These wishes name too much for a link; Export has them in its script.]]")


def _try(subject: Subject, kept: Guidance, edit: Edit) -> None:
    session.set_control(_trial(subject), ((subject.name, kept), edit))


def _discard(subject: Subject) -> None:
    session.set_control(_trial(subject), None)


def _keep(subject: Subject, guidance: Guidance) -> None:
    session.set_control(_key(subject), guidance)
    session.set_control(_trial(subject), None)
