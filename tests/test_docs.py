"""Does the picture of the house show the imports there are, and does the check of references find what leads nowhere?"""

from __future__ import annotations

import ast
import re

import pytest

from docs import house

pdoc = pytest.importorskip("pdoc", reason="the extra [docs] is not installed")
api = pytest.importorskip("docs.api")


def test_every_room_of_the_tables_is_in_the_picture():
    drawn = house.drawing()
    for package in house.PACKAGES:
        for name, says in house.rooms(package):
            assert f">{name}</text>" in drawn
            assert says


@pytest.mark.parametrize("package", house.PACKAGES)
def test_no_room_imports_what_stands_above_it(package):
    order = [name for name, _ in house.rooms(package)]
    found = house.imports(package)
    assert len(found) > 20
    assert all(order.index(there) < order.index(here) for here, there in found)


@pytest.mark.parametrize(
    ("module", "room"),
    [("nmfcore.core.spec", "core"), ("nmfcore.data.readers.npz", "data/readers"), ("nmfcore.data.catalog", "data"),
     ("nmfcore.run", "run"), ("nmfcore", "__init__"), ("nmfcore.nowhere", None)],
)  # fmt: skip
def test_a_module_stands_in_its_deepest_room(module, room):
    assert house.room_of(module, {name for name, _ in house.rooms("nmfcore")}) == room


def test_a_long_question_is_cut_at_a_word():
    said = house.shortened("word " * 40)
    assert said.endswith("word ...")
    assert len(said) <= 90


def test_the_picture_is_well_formed_and_has_a_name():
    from xml.etree import ElementTree

    root = ElementTree.fromstring(house.drawing())
    assert root.attrib["role"] == "img"
    assert "rooms" in root.attrib["aria-label"]


@pytest.mark.parametrize(
    ("name", "there"),
    [("nmfcore.run.solve", True), ("nmfcore.topics.similarity", True), ("nmfcore.core.spec.RunSpec.replace", True),
     ("nmfcore.core.spec.RunSpec.nothing", False), ("nmfcore.nowhere.solve", False), ("nmfcore.core.spec.RunSpec.rank", True)],
)  # fmt: skip
def test_a_name_is_found_or_not(name, there):
    assert api.exists(name) == there


def test_links_and_anchors_that_lead_nowhere_are_named(tmp_path):
    (tmp_path / "a.html").write_text('<p id="here"></p><a href="b.html#there">x</a><a href="#here">y</a><a href="c.html">z</a>')
    (tmp_path / "b.html").write_text('<p id="elsewhere"></p><a href="https://example.org/x">out</a>')
    assert sorted(api.broken_links(tmp_path)) == ["a.html: no anchor b.html#there", "a.html: no page c.html"]


def test_names_and_files_in_code_marks_are_looked_up():
    assert api.NAMED.findall("see `nmfcore.run.solve` and `nmfcore.topics.names(H)`, not `solve`") == [
        "nmfcore.run.solve",
        "nmfcore.topics.names",
    ]
    assert api.FILE.findall("`tests/test_docs.py::test_x`, `docs/house.svg`, `a/b.py`") == [
        "tests/test_docs.py",
        "docs/house.svg",
    ]


def test_modules_open_with_a_question_or_say_what_they_hold():
    for package in house.PACKAGES:
        for path in (house.ROOT / package).rglob("*.py"):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            assert re.search(r"\w", text), f"{path.relative_to(house.ROOT)} says nothing of itself"


def test_the_reference_has_a_page_for_every_module_that_can_be_called():
    found = api.modules()
    assert {"nmfcore", "nmfcore.run", "nmfcore.solvers.hals", "nmfcore.topics.terms", "nmfcore.evaluate.svd"} <= set(found)
    assert not [name for name in found if "moved" in name or "_datasets" in name]
