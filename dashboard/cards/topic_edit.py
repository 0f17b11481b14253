"""How does a person change what is shown of the topics, and take it back? Names, hidden words, merges; the run stays."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import session
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.words import part
from dashboard.topics_shown import Topic, TopicsShown
from dashboard.topics_shown.edits import LONGEST_NAME, MOST_HIDDEN, Edits
from dashboard.work.fitted import FittedRun

OFFERED = 30  # words per topic that the menu offers to hide; any other word is found by the search


def banner(view: TopicsShown) -> None:
    """Says that the page is an edited view, what is edited, and offers to take it back; nothing without edits."""
    run, last = view.run, session.last_edit(view.run)
    if not last and not view.edits:
        return
    said = "Nothing is edited."
    if view.edits:
        said = f"**Edited view: {view.edits.sentence}.** The run, its error and its floor stay as they are"
        said += ": a merge is the sum of its members' parts." if view.edits.merges else "."
        said += " Divisions are in the link." if view.cuts else ""
    with st.container(border=True):
        left, right = st.columns([3, 2], vertical_alignment="center")
        left.markdown(f":small[:material/edit: {said}]")
        with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            st.button(f"Undo: {markdown(last, 26)}", key="undo", icon=":material/undo:", on_click=session.undo_edit, args=(run,))
            st.button("Undo all", key="undo-all", on_click=session.undo_edits, args=(run,))


def menu(view: TopicsShown) -> None:
    """Everything that can be edited, behind one button; its content is made when it is open."""
    noun = part(view.run.dataset)
    opened = st.popover("Edit the view", icon=":material/edit:", key="edit-menu", on_change="rerun")
    if not opened.open:
        return
    with opened:
        st.markdown(
            f":small[:gray[Names, merges and hidden words change what this page shows, never the run. "
            f"To rename a {noun}, open it.]]"
        )
        _merge(view, noun)
        _hide(view)
        with st.expander("What an edit changes"):
            st.markdown(reading("topics", "edits"))


def name_field(view: TopicsShown, topic: Topic, noun: str) -> None:
    """The name of one topic; empty for the suggested one."""
    key = f"name-{'-'.join(map(str, topic.members))}"
    session.set_control(key, topic.name if topic.typed else "")
    st.text_input(
        "Name",
        key=key,
        placeholder=clean(topic.name, LONGEST_NAME),
        on_change=_rename,
        args=(view.run, topic, key),
        width=210,
        help=f"What you call this {noun}, up to {LONGEST_NAME} characters, shown with its number. Empty: its first words.",
    )


def hide_button(view: TopicsShown, column: int, label: str, key: str) -> None:
    """Hides one word, or shows it again."""
    if column in view.hidden:
        st.button("Show it again", key=key, icon=":material/visibility:", on_click=_unhide, args=(view.run, [column], label))
    else:
        full = len(view.hidden) >= MOST_HIDDEN
        st.button(
            "Hide this word",
            key=key,
            icon=":material/visibility_off:",
            on_click=_hide_words,
            args=(view.run, [column], label),
            disabled=full,
            help=f"{MOST_HIDDEN} words are hidden already."
            if full
            else "Leaves it out of every list of words, also by relevance.",
        )


def _merge(view: TopicsShown, noun: str) -> None:
    titles = {topic.first: f"{topic.label} · {clean(topic.name, 30)}" for topic in view.topics}
    session.set_control("merge-choice", [k for k in session.control_value("merge-choice", []) if k in titles])
    chosen = st.multiselect(
        f"Merge {noun}s",
        list(titles),
        format_func=lambda k: titles.get(k, str(k + 1)),
        key="merge-choice",
        placeholder=f"Choose two {noun}s or more",
    )
    known = [int(k) for k in chosen]
    st.button(
        "Show as one",
        key="merge",
        icon=":material/merge:",
        disabled=len(known) < 2,
        on_click=_merge_topics,
        args=(view.run, known),
        help=f"Shows the sum of their parts as one {noun}. WH is the same sum as before, so the error does not change.",
    )


def _hide(view: TopicsShown) -> None:
    axis = view.run.dataset.axes.columns
    offered = list(view.hidden)
    for found in view.top(OFFERED, 1.0):
        offered += [int(j) for j in found.indices]
    offered = list(dict.fromkeys(offered))
    session.set_control("hidden-words", list(view.hidden))
    st.multiselect(
        f"Hidden {markdown(axis.name)}",
        offered,
        format_func=lambda j: clean(axis.label(j), 40),
        key="hidden-words",
        placeholder="Choose from those listed on the cards",
        on_change=_hidden_changed,
        args=(view.run,),
        max_selections=MOST_HIDDEN,
    )


# -- callbacks -----------------------------------------------------------------------------------------------------------


def _rename(run: FittedRun, topic: Topic, key: str) -> None:
    now = session.edits(run)
    new = now.rename(topic.members, str(session.control_value(key, "")))
    called = new.names.get(topic.members)
    session.edit(run, new, f"{topic.label} named {clean(called, 24)}" if called else f"{topic.label} without a name")


def _merge_topics(run: FittedRun, components: Sequence[int]) -> None:
    now = session.edits(run)
    groups = sorted({now.around(k) for k in components})
    written = " and ".join(" + ".join(str(run.ids[k] + 1) for k in group) for group in groups)
    session.edit(run, now.merge(components), f"merged {written}")
    session.set_control("merge-choice", [])


def _hide_words(run: FittedRun, columns: Sequence[int], label: str) -> None:
    session.edit(run, session.edits(run).hide(columns), f"hid {clean(label, 24)}")


def _unhide(run: FittedRun, columns: Sequence[int], label: str) -> None:
    session.edit(run, session.edits(run).unhide(columns), f"showed {clean(label, 24)} again")


def _hidden_changed(run: FittedRun) -> None:
    """The list of hidden words was changed in the menu."""
    now, axis = session.edits(run), run.dataset.axes.columns
    wanted = [int(j) for j in session.control_value("hidden-words", [])]
    gone = [j for j in wanted if j not in now.hidden]
    back = [j for j in now.hidden if j not in wanted]
    new: Edits = now.unhide(back).hide(gone)
    said = [
        f"{verb} {clean(axis.label(found[0]), 24) if len(found) == 1 else f'{len(found)} words'}{rest}"
        for verb, found, rest in (("hid", gone, ""), ("showed", back, " again"))
        if found
    ]
    session.edit(run, new, ", ".join(said))
