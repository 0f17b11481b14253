"""The way from a picture to the lesson that explains it."""

from __future__ import annotations

from streamlit.delta_generator import DeltaGenerator

from dashboard import session
from dashboard.learn import shelf
from dashboard.learn.where import lesson_for
from dashboard.text.plain import markdown


def draw(where: DeltaGenerator, page: str, card: str) -> None:
    """A link to the lesson that explains this card."""
    key = lesson_for(page, card)
    title = next((lesson.title for lesson in shelf.course()[0] if lesson.key == key), None)
    if title is not None:
        where.page_link(
            session.page("learn"), label=f"Lesson: {markdown(title, 120)}", icon=":material/school:", query_params={"lesson": key}
        )
