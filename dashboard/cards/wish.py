"""How does a person say what the topics shall be? A verb, words or items, and how firmly; then it is tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.cards import wish_preview
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, part
from dashboard.widgets import bench, how_firmly
from dashboard.work import steering
from dashboard.work.fitted import FittedRun
from nmfcore.core.factorization import Axis
from nmfcore.core.guidance import FIRST_WORDS, MOST_NAMES, OTHERS
from nmfcore.guide import Add, Delete, Edit, Forbid, Group, Lift, Merge, Move, Pin, Remove, Seed, Split
from nmfcore.topics.terms import best, find_terms

OPEN, VERB, TOPIC, SECOND, TOPICS, WORDS, WHERE, FIRMLY, REST, ITEMS = (
    f"wish-{name}" for name in ("open", "verb", "topic", "second", "topics", "words", "where", "how", "others", "items")
)  # fmt: skip
OFFERED = 40  # words of a topic that the list offers; any other word can be typed
SUGGESTED = 3  # words that are suggested for one that is not there
EVERYWHERE = -1  # in place of a topic


@dataclass(frozen=True)
class Verb:
    """One thing to ask for: what the button says, what then happens, and what else has to be said."""

    title: str
    meaning: str
    words: str = ""
    topic: str = ""
    divergence: bool = False  # also under Kullback-Leibler


def verbs(noun: str, words: str) -> dict[str, Verb]:
    """What can be asked for, in the words of this data."""
    topic, topics = noun.capitalize(), f"{noun}s"
    return {
        "about": Verb(
            f"A new {noun} about …", f"One more {noun}, built around them.", f"{words} it shall be about", divergence=True
        ),
        "give": Verb(
            f"Give it {words}", f"The {noun} stays what it is, with these {words} among its first ten.",
            f"{words} it shall have", f"In {noun}", divergence=True,
        ),
        "forbid": Verb(
            f"Never these {words}", f"Their weight is 0, in one {noun} or in all.", f"{words} to forbid", "In", divergence=True
        ),
        "move": Verb(
            f"Move {words}", "Weight 0 in the one, among the first ten of the other.", f"{words} to move", f"Out of {noun}"
        ),
        "split": Verb("Split it", f"Two {topics} in place of one.", topic=f"{topic} to split"),
        "merge": Verb("Make one of two", f"Two {topics} or more become one: the model then has fewer of them."),
        "delete": Verb("Delete it", f"The {noun} goes, and no other one takes its place.", topic=f"{topic} to delete"),
        "pin": Verb(
            "Leave it as it is", f"The {noun} keeps its {words} and their weights exactly, in every refit that follows.",
            topic=f"{topic} to pin", divergence=True,
        ),
        "add": Verb("Find what is missing", f"One more {noun}, from what the model explains least. Just press Preview."),
        "group": Verb("These belong together", f"They make a {noun} of their own and are in no other."),
        "remove": Verb("These do not belong here", f"They have no weight in that {noun}.", topic=f"Not in {noun}"),
    }  # fmt: skip


def button(run: FittedRun, k: int | None = None, *, key: str = "wish-button", tertiary: bool = False) -> bool:
    """Opens the form, for one topic where it stands at one; whether it was pressed."""
    noun = part(run.dataset)
    return st.button(
        "Refit" if tertiary else "Refit with a wish",
        key=key,
        icon=None if tertiary else ":material/conversion_path:",
        type="tertiary" if tertiary else "secondary",
        on_click=open_,
        args=(None if k is None else run.ids[k],),
        help=f"Changes the {noun}s themselves: the model learns again and keeps to what you say. “Edit the view” only shows "
        "them differently.",
    )


def open_(topic: int | None = None, verb: str | None = None) -> None:
    """Show the form, turned to a topic (an id); in a callback."""
    session.discard()
    session.set_control(OPEN, True)
    session.set_control(WORDS, [])
    if topic is not None:
        session.set_form(topic=topic, where=topic)
    session.set_control(VERB, verb or ("give" if topic is not None else "about"))


def close() -> None:
    """Put the form away, and what is tried in it; in a callback."""
    session.discard()
    session.set_control(OPEN, False)


def is_open(run: FittedRun) -> bool:
    """Whether the form, or what is tried in it, is on the page."""
    return session.trial(run) is not None or bool(session.control_value(OPEN, False))


def draw(run: FittedRun, *, items: bool = False) -> None:
    """The form while it is open, and what a wish that is tried would do.

    items : whether the page can say which items are meant
    """
    if not is_open(run):
        return
    tried = session.trial(run)
    noun = part(run.dataset)
    with st.container(border=True, gap="small", key="wish"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
            st.markdown(
                f"**Refit with a wish** :small[:gray[ · the model learns again and keeps to it; “Edit the view” only shows its "
                f"{noun}s differently]]",
                width="stretch",
            )
            with st.popover("⋯", type="tertiary", key="wish-menu", help="What each wish does"):
                st.markdown(reading("wishes", "wish"))
            st.button("Close", key="wish-close", type="tertiary", icon=":material/close:", on_click=close)
        why = steering.refusal(run)
        if why:
            st.markdown(f":orange[:material/info:] {markdown(why, 400)}")
            return
        if tried is None:
            form(run, noun, items=items)
        else:
            wish_preview.draw(run, tried)


def form(run: FittedRun, noun: str, *, items: bool) -> None:
    """Verb, words or topics, how firmly; and the button that tries it."""
    columns = run.dataset.axes.columns
    known = verbs(noun, clean(columns.name, 20))
    usual = [key for key in known if key not in ("group", "remove")]
    offered = [key for key in (known if items else usual) if run.spec.loss == "frobenius" or known[key].divergence]
    bench.within(VERB, offered)
    pressed = st.pills(
        "What shall change", offered, format_func=lambda key: markdown(known[key].title), key=VERB, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    verb = str(pressed) if pressed in offered else offered[0]  # what another page offered may not be offered here
    st.markdown(f":small[:gray[{markdown(known[verb].meaning, 200)}]]")
    if run.spec.loss != "frobenius":
        st.markdown(f":small[:gray[{pulled(noun, clean(columns.name, 20))}]]")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        edit, lacks = wanted(run, verb, known[verb], noun)
        others = rest(run, noun)
        problem = lacks or (steering.contradiction(run, edit) if edit is not None else "")
        st.button(
            "Preview",
            key="wish-preview",
            type="primary",
            icon=":material/visibility:",
            disabled=edit is None or bool(problem),
            on_click=session.attempt,
            args=(run, edit, others),
        )
    if problem:
        st.markdown(f":small[:orange[:material/info:] {markdown(problem, 400)}]")


def pulled(noun: str, words: str) -> str:
    """What is different under Kullback-Leibler."""
    return (
        f"This run minimises Kullback-Leibler. There a {noun} is pulled towards its {words} and may fall short of them, and the "
        f"other {noun}s may move. Splitting, merging, deleting, moving and grouping need the loss Frobenius and HALS."
    )


def wanted(run: FittedRun, verb: str, spec: Verb, noun: str) -> tuple[Edit | None, str]:
    """The wish that the form says, or None and what it lacks; draws the controls that this verb needs."""
    words: tuple[int | str, ...] = ()
    lacks = ""
    topic = topic_control(run, spec.topic, everywhere=verb == "forbid") if spec.topic else None
    second = topic_control(run, f"Into {noun}", key=SECOND, but=topic) if verb == "move" else None
    together = topics_control(run, noun) if verb == "merge" else ()
    if spec.words:
        words, lacks = words_control(run, spec.words, topic if topic != EVERYWHERE else None)
    how = how_firmly.control(FIRMLY, "Words are") if verb in ("about", "give", "group") else "firmly"
    items = tuple(int(i) for i in session.control_value(ITEMS, ()))
    rows = run.dataset.axes.rows
    if verb in ("group", "remove"):
        st.markdown(f":small[{count(len(items), markdown(rows.singular), markdown(rows.name))} chosen]", width="content")
        if not items:
            return None, f"Choose {clean(rows.name)} in the table first."
    if lacks or (spec.words and not words):
        return None, lacks
    place = int(topic) if topic is not None else 0
    match verb:
        case "about":
            return Seed(words, how=how), ""
        case "give":
            return Seed(words, place, how), ""
        case "forbid":
            return Forbid(words, None if place == EVERYWHERE else place), ""
        case "move":
            return (Move(words, place, int(second)), "") if second is not None else (None, f"There is no other {noun}.")
        case "split":
            return Split(place), ""
        case "merge":
            return (Merge(together), "") if len(together) > 1 else (None, "")
        case "delete":
            return Delete(place), ""
        case "pin":
            return Pin(place), ""
        case "group":
            return Group(items, how), ""
        case "remove":
            return Remove(items, place), ""
    return Add(), ""


# -- the controls ------------------------------------------------------------------------------------------------------------


def titles(run: FittedRun) -> dict[int, str]:
    """Every topic by its id: number and name."""
    return {t: f"{t + 1} · {clean(name, 40)}" for t, name in zip(run.ids, session.topics_of(run).components, strict=True)}


def topic_control(
    run: FittedRun, label: str, *, key: str = TOPIC, but: int | None = None, everywhere: bool = False
) -> int | None:
    """A topic by its id, or everywhere."""
    named = {t: title for t, title in titles(run).items() if t != but}
    if everywhere:
        key, named = WHERE, {EVERYWHERE: f"every {part(run.dataset)}, also new ones", **named}
    if not named:
        return None
    bench.within(key, list(named))
    return int(st.selectbox(label, list(named), format_func=lambda t: named.get(t, str(t)), key=key, width=230))


def topics_control(run: FittedRun, noun: str) -> tuple[int, ...]:
    """Topics to make one of."""
    named = titles(run)
    session.set_control(TOPICS, [t for t in session.control_value(TOPICS, []) if t in named])
    chosen = st.multiselect(
        f"{noun.capitalize()}s that are one", list(named), format_func=lambda t: named.get(t, str(t)), key=TOPICS,
        placeholder="Choose two or more", width=420,
    )  # fmt: skip
    return tuple(int(t) for t in chosen)


def words_control(run: FittedRun, label: str, topic: int | None) -> tuple[tuple[int | str, ...], str]:
    """Words from the list of a topic, or typed; and what is wrong with one that is not there."""
    axis, n = run.dataset.axes.columns, run.dataset.shape[1]
    offered = [axis.label(j) for j in offer(run, topic)]
    held = [str(word) for word in session.control_value(WORDS, [])]
    session.set_control(WORDS, held)
    chosen = st.multiselect(
        label[:1].upper() + label[1:],
        list(dict.fromkeys([*offered, *held])),
        format_func=lambda word: clean(word, 40),
        key=WORDS,
        accept_new_options=True,
        placeholder=f"Choose, or type a {clean(axis.singular, 20)} and press Enter",
        max_selections=FIRST_WORDS,
        width=420,
    )
    found: list[int | str] = []
    for word in chosen:
        j = column(axis, str(word), n)
        if j is None:
            near = ", ".join(f"“{clean(axis.label(i), 30)}”" for i in alike(axis, str(word)))
            what = f"There is no {clean(axis.singular, 30)} “{clean(word, 40)}” in this data."
            return (), what + (f" There is {near}." if near else "")
        found.append(name(axis, j, n))
    return tuple(dict.fromkeys(found)), ""


def offer(run: FittedRun, topic: int | None) -> list[int]:
    """Columns to choose from: the first of one topic, or of all in turn."""
    H = run.factorization.H
    if topic is not None and topic in run.ids:
        return [int(j) for j in best(H[run.ids.index(topic)], OFFERED)]
    each = [best(row, max(3, OFFERED // len(H))) for row in H]
    return list(dict.fromkeys(int(j) for j in np.concatenate(each))) if each else []


def column(axis: Axis, word: str, n: int) -> int | None:
    """The column of a word that somebody typed; None when there is none."""
    if axis.labels is None:
        number = word.removeprefix(axis.singular).strip()
        return int(number) - 1 if number.isascii() and number.isdigit() and 1 <= int(number) <= n else None
    wanted_ = word.strip().casefold()
    hits = find_terms(axis, word.strip())
    return next((j for j in hits if str(axis.labels[j]).casefold() == wanted_), None)


def alike(axis: Axis, word: str) -> list[int]:
    """Columns whose labels hold a word that somebody typed, or are spelled nearly so."""
    found = [int(j) for j in find_terms(axis, word, count=SUGGESTED)]
    if found or axis.labels is None:
        return found
    places = {str(label).casefold(): j for j, label in reversed(list(enumerate(axis.labels)))}
    return [places[near] for near in get_close_matches(word.strip().casefold(), list(places), SUGGESTED)]


def name(axis: Axis, j: int, n: int) -> int | str:
    """What a wish calls a column: its label where that names no other, so that a link can be read; else its number."""
    if axis.labels is None:
        return j
    label = str(axis.labels[j])
    return label if next((i for i in range(n) if str(axis.labels[i]) == label), j) == j and len(label) <= 100 else j


def rest(run: FittedRun, noun: str) -> str:
    """What the other topics do; asked with the first wish."""
    if run.spec.guidance or run.spec.loss != "frobenius":
        return steering.others_of(run)
    bench.within(REST, OTHERS)
    said = {"stay": "stay near what they are", "still": "do not change at all", "free": "may become anything"}
    return str(
        st.selectbox(
            f"The other {noun}s", OTHERS, format_func=said.__getitem__, key=REST, width=210,
            help="Near: a cosine of 0.95 to itself in each refit. Holds for all wishes that follow.",
        )
    )  # fmt: skip


def try_(run: FittedRun, edit: Edit) -> None:
    """Try a wish that needs no form; in a callback."""
    session.attempt(run, edit, steering.others_of(run))


def lift(run: FittedRun, number: int) -> None:
    """Try what happens when a wish no longer binds; in a callback."""
    try_(run, Lift(number))


def choose_items(run: FittedRun, items: Sequence[int], verb: str, topic: int | None = None) -> None:
    """Open the form for some items; in a callback."""
    session.set_control(ITEMS, [int(i) for i in items][:MOST_NAMES])
    open_(topic, verb)
