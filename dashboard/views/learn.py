"""Learn: the course, one lesson played in the browser, or the run on screen in a device; the address says which."""

from typing import Any

import streamlit as st

from dashboard import session
from dashboard.cards import watch
from dashboard.devices.mount import mount
from dashboard.devices.pack import pack
from dashboard.figures.theme import LIGHT
from dashboard.learn import export, shelf
from dashboard.learn.lessons import Lesson
from dashboard.learn.scene import LessonError
from dashboard.text.plain import markdown
from dashboard.text.words import count, spelled

KEY = "lesson"  # of the device on the page
WHAT = "NMF (non-negative matrix factorization) writes a large table as the product of two small ones, with nothing below zero."
HOUR = range(50, 71)  # minutes that are called an hour
ASKED = {  # how a lesson is drawn: what the address may say, and what it otherwise is
    "present": (("0", "1"), "beside the rest of the dashboard"),
    "only": (("device",), "all of the lesson"),
    "notation": (("X", "V"), "X ≈ WH"),
}
LECTURERS = """
- **Present** (or the key F) fills the screen; Page Down and Page Up, which clickers send, turn the steps, and forward opens an
  answer first: one key leads through a lesson.
- A link to any step: `/learn?lesson=zeros&step=4`. With `&present=1` it opens as for a beamer, with `&only=device` without text
  and controls, to stand beside your own slides.
- **X ≈ WH** or **V ≈ WH**: the notation of your slides; text and pictures turn with it.
- Each lesson can be taken along as one HTML file that needs no network and prints as a handout.
- Your own lessons: `nmf-dashboard --lessons DIR`; `docs/lessons.md` says how to write one.
"""


def draw() -> None:
    key, watched = session.linked("lesson"), session.linked("watch")
    for name, (possible, shown) in ASKED.items():
        if session.linked(name) not in ("", *possible):
            st.info(markdown(session.not_there(name, session.linked(name), shown, " or ".join(possible)), 400))
    if key:
        lesson(key)
    elif watched in watch.TITLES:
        watch.draw(watched)
    else:
        if watched:
            st.info(markdown(session.not_there("watch", watched, "the course", ", ".join(watch.TITLES)), 400))
        course()


# -- the course ------------------------------------------------------------------------------------------------------------
def course() -> None:
    lessons, wrong = shelf.course()
    session.prepare_lessons(shelf.prepare)
    minutes = sum(lesson.minutes for lesson in lessons)
    st.title("Learn how NMF works, by touching it", anchor=False)
    many = "lesson" if len(lessons) == 1 else "lessons"
    takes = "about an hour" if minutes in HOUR else f"about {minutes} minutes"
    st.markdown(WHAT)
    st.markdown(
        f":gray[{spelled(len(lessons))} {many}, {takes}. Guess first, then see: Page Down leads on. Nothing is recorded.]"
    )
    with st.grid(3, min_column_width=300):
        for number, each in enumerate(lessons, 1):
            card(number, each)
    for sentence in wrong:
        st.warning(markdown(sentence, 600))
    with st.expander("For lecturers"):
        st.markdown(LECTURERS)


def card(number: int, lesson: Lesson) -> None:
    with st.container(border=True, height="stretch", gap="xsmall", vertical_alignment="distribute"):
        with st.container(gap="xsmall"):
            st.markdown(f"**{number} · {markdown(lesson.title, 120)}**")
            st.markdown(markdown(lesson.about, 300))
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":small[:gray[{count(lesson.minutes, 'minute')}]]", width="content")
            st.button(f"Open lesson {number}", key=f"open-{lesson.key}", on_click=go, args=(lesson.key,))


def go(key: str) -> None:
    """Open a lesson, or with "" the course."""
    for name in ("step", "lesson"):
        session.link(name, "")
    session.link("lesson", key)


# -- one lesson --------------------------------------------------------------------------------------------------------------
def lesson(key: str) -> None:
    try:
        head, blocks = shelf.ready(key)
    except LessonError as wrong:
        st.title("This lesson cannot be opened", anchor=False)
        st.error(markdown(str(wrong), 600))
        st.button("All lessons", on_click=go, args=("",))
        return
    lessons, _ = shelf.course()
    at = [each.key for each in lessons].index(key) if key in [each.key for each in lessons] else -1
    onward = lessons[at + 1] if 0 <= at < len(lessons) - 1 else None
    told: dict[str, Any] = {
        # the address follows the reader; what is handed over must not, or every step would come back as a new beginning
        "open": session.control(f"opened-{key}", first_step(len(head["steps"]))),
        "notation": session.control("opened-notation", "V" if session.linked("notation") == "V" else "X"),
        "present": session.presenting(),
        "only": "device" if session.linked("only") == "device" else "",
        "next": {"key": onward.key, "title": onward.title} if onward else {"key": "", "title": "All lessons"},
        "paper": export.palette(LIGHT),
        "asked": shelf.answered(head, session.sent(KEY, "ask")),
    }
    mount("lesson", pack({**head, **told}, blocks), key=KEY, on_ask=asked, on_at=turned)
    if session.presenting() or told["only"]:
        return
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
        st.button("All lessons", icon=":material/list:", on_click=go, args=("",), type="tertiary")
        if onward:
            st.button(f"Next: {markdown(onward.title, 90)}", on_click=go, args=(onward.key,), type="tertiary")
        st.download_button(
            "This lesson as one file",
            data=lambda: export.page(head, blocks).encode(),
            file_name=f"nmf-lesson-{key}.html",
            mime="text/html",
            on_click="ignore",
            icon=":material/download:",
            type="tertiary",
            help="Works offline, in any browser, light and dark; printed, it is a handout with the answers at the end.",
        )


def first_step(steps: int) -> int:
    """The step that the address asks for; the first where there is no such one, and then that is said."""
    step = session.linked("step")
    if not step or (step.isascii() and step.isdecimal() and 1 <= int(step) <= steps):
        return int(step or 1)
    st.info(markdown(session.not_there("step", step, "the first", f"1 to {steps}"), 400))
    return 1


def turned() -> None:
    """The reader has come to another step: the address follows."""
    at = session.sent(KEY, "at")
    if isinstance(at.get("step"), int) and at.get("lesson") == session.linked("lesson"):
        session.link("step", str(at["step"]))
        session.link("notation", "V" if at.get("notation") == "V" else "")


def asked() -> None:
    """A device asked for something; the next lesson is opened here, everything else is computed when the page is drawn."""
    ask = session.sent(KEY, "ask")
    if "go" in ask and ask["go"] in {"", *(each.key for each in shelf.course()[0])}:
        go(str(ask["go"]))


draw()
