"""Does every page stand without a run, with one and with a refusal, and is every card on it explained?"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from dashboard import main
from dashboard.learn import lessons
from dashboard.learn.where import lesson_for
from dashboard.session.tab import Notice
from dashboard.text import explanations
from tests.dashboard.test_views import KEYS, go, go_with_open_menus, start

DASHBOARD = Path(main.__file__).parent
DRAWS = {"picture", "table", "reading"}  # calls whose first two arguments name a section of help/<page>.md


@pytest.mark.parametrize("key", KEYS)
def test_every_menu_of_every_card_opens(key, monkeypatch):
    app = start()
    drawn = go_with_open_menus(app, key, monkeypatch)
    assert not app.exception
    said = {block.value for block in app.markdown}
    for page, name in drawn:
        assert explanations.reading(page, name) in said
    ways = [link.proto for link in app.get("page_link") if link.proto.label.startswith("Lesson: ")]
    assert len(ways) == len(drawn)  # how to read it leads to the lesson that explains it, in every menu
    assert all("lesson=" in link.query_string for link in ways)


@pytest.mark.parametrize("key", KEYS)
def test_every_page_stands_without_a_run_and_beside_a_refusal(key):
    app = go(start({"rank": "150", "data": "tv"}), key)  # no run of that rank is possible
    assert not app.exception
    assert app.title[0].value
    assert app.session_state["nmf"].shown.run is None
    assert key == "learn" or any("does not fit" in block.value for block in app.markdown)  # lessons have no run to be refused


@pytest.mark.parametrize("key", KEYS)
def test_a_refusal_leaves_the_run_on_every_page(key):
    app = go(start(), key)
    before = app.session_state["nmf"].shown.run
    app.session_state["nmf"].notice = Notice("The solver cannot skip missing entries.")
    app.run()
    assert key == "learn" or any("cannot skip missing entries" in block.value for block in app.markdown)
    assert not app.exception
    assert app.title[0].value
    assert app.session_state["nmf"].shown.run is before


def constants(path):
    """What names stand for in a module: NAME = "text" at its top."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
    }


def named_sections():
    """Every section that a call in the source names in so many words: file, page and section."""
    for path in sorted(DASHBOARD.rglob("*.py")):
        known = constants(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) < 2:
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = [known.get(arg.id) if isinstance(arg, ast.Name) else getattr(arg, "value", None) for arg in node.args[:2]]
            if called in DRAWS and all(isinstance(text, str) for text in texts):
                yield path.name, *texts


def test_every_card_that_the_source_names_has_its_explanation():
    asked = list(named_sections())
    assert len(asked) > 40
    missing = [(file, page, name) for file, page, name in asked if name not in explanations.sections(page)]
    assert not missing, f"help/<page>.md has no section for {missing}"


@pytest.mark.parametrize("path", sorted((DASHBOARD / "help").glob("*.md")), ids=lambda path: path.stem)
def test_every_explanation_has_a_lesson(path):
    for name in explanations.sections(path.stem):
        assert lesson_for(path.stem, name) in lessons.folders(), f"{path.name}: no lesson explains {name}"


@pytest.mark.parametrize("path", sorted((DASHBOARD / "help").glob("*.md")), ids=lambda path: path.stem)
def test_every_explanation_says_something_and_is_asked_for(path):
    source = "\n".join(one.read_text(encoding="utf-8") for one in DASHBOARD.rglob("*.py"))
    for name, text in explanations.sections(path.stem).items():
        assert len(text) > 40, f"{path.name}: {name} is not explained"
        literal = re.search(rf"[\"']{re.escape(name)}[\"']|f\"{re.escape(name.split(' ')[0])} ", source)
        assert literal, f"{path.name}: nothing asks for {name!r}"
