"""The coloured text keeps its contrast, escapes what comes from outside, and says topics without colour too."""

import numpy as np
import pytest

from dashboard.figures import theme as look
from dashboard.figures.components import numbered
from dashboard.figures.reading import STRONG, course_html, reading_html
from nmfcore.methods.reading import EXPLAINED, PLAIN, STOP, UNEXPLAINED, Place, Reading


def mixed(theme, k):
    """The colour behind the strongest word of topic k, as it is seen on the page."""
    front, back = (
        np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)])
        for c in (look.component_colour(k, theme), look.palette(theme).background)
    )
    return "#" + "".join(f"{round(value):02x}" for value in STRONG[theme] * front + (1 - STRONG[theme]) * back)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_on_the_strongest_colour_of_every_topic_can_be_read(theme):
    for k in range(10):
        assert look.contrast(look.palette(theme).text, mixed(theme, k)) >= 4.5


def made():
    text = "The <b>moon</b> & sun"
    parts = [(0, 3, STOP, [0, 0]), (7, 11, EXPLAINED, [0.3, 0.1]), (18, 21, UNEXPLAINED, [0, 0]), (16, 17, PLAIN, [0, 0])]
    places = tuple(Place(a, b, (), kind, np.array(shares, float)) for a, b, kind, shares in sorted(parts))
    return Reading(text, places, np.array([0.3, 0.1]), np.zeros(2), ())


def test_text_from_outside_is_escaped_and_the_topic_is_said_without_colour():
    html = reading_html(made(), numbered(2, ["a <i>", "b"]))
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "<sub>1</sub>" in html
    assert 'title="1 · a &lt;i&gt;: 75 %; 2 · b: 25 %"' in html
    assert 'class="nmf-lost"' in html
    assert "<sub>" not in reading_html(made(), numbered(2, ["a", "b"]), hidden={0})


def test_the_strip_says_its_course():
    assert 'aria-label="From the beginning to the end of the text the topics are 1."' in course_html(
        made(), numbered(2, ["a", "b"])
    )
