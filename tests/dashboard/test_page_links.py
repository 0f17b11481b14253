"""Does the address of a workbench hold what was chosen there, and is what it says checked?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboard

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run().switch_page(f"views/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def in_address(app: AppTest, name: str) -> str:
    value = app.query_params.get(name, "")
    return value[0] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("page", "name", "key", "text", "value"),
    [
        ("symmetric", "topics", "symmetric-rank", "4", 4),
        ("symmetric", "norm", "symmetric-normalisation", "jaccard", "jaccard"),
        ("symmetric", "weights", "symmetric-weighting", "idf", "idf"),
        ("recommender", "user", "recommender-user", "3", 2),
        ("recommender", "k", "recommender-k", "2", 2),
        ("recommender", "categories", "recommender-rank", "3", 3),
        ("images", "parts", "images-rank", "9", 9),
        ("images", "image", "images-image", "12", 12),
    ],
)
def test_a_link_opens_the_choice_it_names(page, name, key, text, value):
    app = opened(page, **{name: text})
    assert app.session_state[key] == value
    assert in_address(app, name) == text


@pytest.mark.parametrize("text", ["0", "-1", "4.5", "999999", "nope", "٣", "<b>", ""])
def test_a_link_that_names_nothing_possible_opens_the_usual_choice(text):
    app = opened("symmetric", topics=text, norm=text)
    assert app.session_state["symmetric-rank"] == 10
    assert app.session_state["symmetric-normalisation"] == "cosine"
    assert in_address(app, "topics") == ""
    assert in_address(app, "norm") == ""


def test_a_choice_is_written_into_the_address_and_the_usual_one_is_not():
    app = opened("symmetric")
    assert in_address(app, "topics") == ""
    app.slider(key="symmetric-rank-slider").set_value(6).run()
    assert in_address(app, "topics") == "6"
    app.slider(key="symmetric-rank-slider").set_value(10).run()
    assert in_address(app, "topics") == ""


def test_no_name_in_an_address_is_read_by_the_program_on_one_page_and_by_a_control_on_another():
    """Streamlit lets nobody write a name that a control is bound to, on whatever page."""
    sources = [path.read_text(encoding="utf-8") for path in Path(dashboard.__file__).parent.rglob("*.py")]
    linked = {
        name
        for text in sources
        for name in re.findall(r"\b(?:linked|link)\((?:[^()]|\([^()]*\))*?\"([a-z-]+)\", (?:list|range|\[)", text)
    }
    bound = set()
    for text in sources:
        constants = dict(re.findall(r"^([A-Z]+) = \"([a-z-]+)\"", text, re.M))
        for call in re.findall(r"st\.\w+\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*bind=\"query-params\"", text):
            key = re.search(r"\bkey=\"?([\w-]+)", call)
            bound |= {constants.get(key[1], key[1])} if key else set()
    assert {"by", "as", "sorted", "of", "show", "zero"} <= linked
    assert {"matrix", "picture", "colours", "aspect", "word"} <= bound
    assert not linked & bound
