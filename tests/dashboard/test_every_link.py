"""Is every part of a link that cannot be followed said? Over all names that a page reads from its address.

`/items?item=9999` once opened item 1 without a word.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from dashboard import links
from dashboard.work.fitting import FIRST
from nmfcore.data import catalog

HERE = Path(dashboard.__file__).parent
APP = str(HERE / "app.py")
TEXT = {"find", "word", "file"}  # a search: any text can be followed
STORES = {"store", "content", "passes"}  # tried in test_stores_page, which has a store
# Names of pages and something that none of them has; several at one time, since each is said by itself
IMPOSSIBLE = [
    ("topics", {"aspect": "nope", "words": "99", "picture": "maybe", "relevance": "7"}),
    ("topics", {"aspect": "One in detail", "component": "77"}),
    ("items", {"item": "9999", "items-view": "x"}),
    ("items", {"item": "abc"}),
    ("items", {"items-view": "Clusters", "abstain": "lots"}),
    ("matrices", {"matrix": "Q", "order": "none", "colours": "pink", "scale": "feet"}),
    ("fit", {"axis": "years", "errors": "cubic"}),
    ("svd", {"vector": "99"}),
    ("compare", {"compare": "all"}),
    ("groups", {"by": "nobody", "as": "oil", "sorted": "none"}),
    ("groups", {"picture": "oil", "order": "none"}),  # as links of before had them
    ("over_time", {"time": "nobody", "bin": "aeon", "show": "all"}),
    ("over_time", {"show": "words", "time-topic": "77"}),
    ("item_map", {"of": "none"}),
    ("symmetric", {"topics": "999999", "norm": "l9", "weights": "kg", "diagonal": "9", "start": "-1"}),
    ("recommender", {"user": "x", "item": "999", "k": "0", "zero": "z", "on": "nothing", "categories": "0"}),
    ("images", {"parts": "x", "warm": "x"}),
    ("images", {"image": "99999", "model": "PCA9"}),
    ("groups", {"by": "genre", "and": "nobody"}),
    ("symmetric", {"told": "[[[]"}),
    ("learn", {"lesson": "{first}", "present": "maybe", "only": "words", "notation": "Q"}),
    ("expression", {"starts": "1", "classes": "none"}),
    ("learn", {"watch": "nothing"}),
    ("learn", {"lesson": "{first}", "step": "99"}),
]


def said(app: AppTest) -> str:
    blocks = [*app.markdown, *app.info, *app.error]
    return "\n".join(block.value for block in blocks).replace("\\", "").replace("\u2060", "")


@pytest.mark.parametrize(("page", "query"), IMPOSSIBLE, ids=str)
def test_what_a_page_cannot_show_is_said_by_name(page, query):
    if page == "expression" and not catalog.available(catalog.card("leukemia")):
        pytest.skip("the expression data is not on this computer, so that the page has no controls")
    app = AppTest.from_file(APP, default_timeout=60).run()
    for name, text in query.items():
        app.query_params[name] = text.format(first="loss")
    app.switch_page(f"views/{page}.py").run()
    assert not app.exception
    followed = {"lesson", "by"} & ({"lesson"} | ({"by"} & query.keys() if "and" in query else set()))
    followed |= {"aspect"} & query.keys() if "component" in query else set()
    followed |= {"items-view"} if "abstain" in query else {"show"} if "time-topic" in query else set()
    for name, text in query.items():
        if name not in followed:
            asked = f"part {name}" if name == "told" else f"{name}={text}"
            assert asked in said(app), said(app)
    app.run()
    assert not app.exception


def test_a_page_without_a_link_says_nothing():
    app = AppTest.from_file(APP, default_timeout=60).run().switch_page("views/items.py").run()
    assert "cannot be followed" not in said(app)
    assert not app.session_state["nmf"].news


def test_what_can_be_followed_is_not_said():
    for page, query in (
        ("topics", {"aspect": "One in detail", "component": "3", "relevance": "0.5"}),
        ("topics", {"words": "12", "picture": "true"}),
        ("items", {"item": "5"}),
        ("symmetric", {"topics": "4", "norm": "jaccard"}),
    ):
        app = AppTest.from_file(APP, default_timeout=60).run()
        for name, text in query.items():
            app.query_params[name] = text
        app.switch_page(f"views/{page}.py").run()
        assert not app.session_state["nmf"].news, app.session_state["nmf"].news


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("topics", {"aspect": "All", "words": "10", "picture": "false", "relevance": "1"}),
        ("fit", {"axis": "Iterations"}),
        ("matrices", {"matrix": "W"}),
        ("items", {"items-view": "Items"}),
        ("compare", {"compare": "Two runs"}),
    ],
    ids=str,
)
def test_what_is_shown_anyway_can_be_typed_by_hand(page, query):
    """`aspect=All` was refused: what is usual does not stand in the address, and it was asked for by its label."""
    app = AppTest.from_file(APP, default_timeout=60).run()
    for name, text in query.items():
        app.query_params[name] = text
    app.switch_page(f"views/{page}.py").run()
    assert not app.session_state["nmf"].news, app.session_state["nmf"].news


BAD = [
    " ",
    "nope",
    "-1",
    "0x10",
    "9" * 400,
    "1e999",
    "nan",
    "null",
    "[]",
    "{}",
    "[[",
    '{"a":' * 50,
    "\x00",
    "é" * 90,
    "True",
    "٣",
]


@pytest.mark.parametrize("name", links.PARAMETERS)
def test_a_run_is_named_rightly_or_refused_in_a_sentence(name):
    """Over all names of a run and many bad values: what is taken is what was written, never another value."""
    for text in BAD:
        try:
            spec = links.from_query({name: text}, FIRST)
        except links.LinkError as wrong:
            said = str(wrong)
            assert said.endswith(".")
            assert len(said) < 500
            continue
        assert spec is not None
        again = links.to_query(spec, FIRST)
        assert again.get(name, text) == text or same(again[name], text), (name, text, again)


def same(one, two):
    try:
        return float(one) == float(two)
    except ValueError:
        return json.loads(one) == json.loads(two)


def test_a_fingerprint_beside_data_of_the_catalog_is_said():
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["data"], app.query_params["print"] = "tv", "abc"
    app.run()
    assert "part print was left out" in said(app)
    assert not app.session_state["nmf"].wanted.spec.fingerprint


def names_read() -> set[str]:
    """Every name that the code reads from an address, where it stands there as a text or as a constant of its file."""
    found: set[str] = set()
    for path in [path for room in ("session", "widgets", "cards", "views") for path in (HERE / room).glob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants: dict[str, str] = {}
        for node in tree.body:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                    pairs = zip(target.elts, node.value.elts, strict=True) if several else [(target, node.value)]
                    for at, value in pairs:
                        if isinstance(at, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                            constants[at.id] = value.value

        def text(node: ast.expr | None, constants=constants) -> str:
            if isinstance(node, ast.Constant):
                return str(node.value)
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            return {"SCALE": "scale", "OPEN": "item"}.get(name, "") or constants.get(name, "")

        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            keys = {word.arg: word.value for word in node.keywords}
            if "bind" in keys:
                found.add(text(keys["key"]))
            elif called == "linked" and node.args:
                found.add(text(node.args[1] if len(node.args) > 1 else node.args[0]))
            elif called == "numbered" and node.args:
                found.add(text(node.args[0]))
    return {name for name in found if re.fullmatch(r"[a-z-]+", name)}


def test_every_name_that_the_code_reads_is_tried_here():
    tried = {name for _, query in IMPOSSIBLE for name in query}
    assert names_read() <= tried | TEXT | STORES | set(links.PARAMETERS)
    assert len(names_read()) > 30
