"""Does a name that a stranger gave (an axis, a label, a title, a class, a fact) stay text, wherever a page shows it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data import catalog
from tests.dashboard.test_data_page import at_rest
from tests.dashboard.test_views import KEYS, go_with_open_menus, put_on_screen, start

EVIL = "![{}](http://evil.example/{}.png)"
RAW = "](http://evil"
PLAIN = {  # what Streamlit shows as it is, by kind of element
    "Selectbox": {"options"}, "MultiSelect": {"options", "default"}, "TextInput": {"default", "value", "placeholder"},
    "TextArea": {"default", "value", "placeholder"},
}  # fmt: skip
FIGURES = {
    "PlotlyChart",
    "Dataframe",
    "Html",
    "Arrow",
    "ArrowData",
    "Code",
    "Json",
    "Iframe",
    "IFrame",
    "BidiComponent",
    "ComponentInstance",
    "Text",
}


def texts(message: Message) -> Iterator[tuple[str, str]]:
    """Every string of an element that is read as Markdown or HTML, and where it stands."""
    kind = message.DESCRIPTOR.name
    if kind in FIGURES:
        return
    for field, value in message.ListFields():
        if field.name in PLAIN.get(kind, ()):
            continue
        for one in value if not isinstance(value, str | Message | int | float | bytes) else [value]:
            if isinstance(one, str):
                yield f"{kind}.{field.name}", one
            elif isinstance(one, Message):
                yield from texts(one)


def every_text(block: Any) -> Iterator[tuple[str, str]]:
    """The strings of all elements below a block of the page, and of the blocks themselves (expanders, tabs)."""
    if isinstance(getattr(block, "proto", None), Message):
        yield from texts(block.proto)
    for child in getattr(block, "children", {}).values():
        yield from every_text(child)


def strange():
    """The films, with a hostile name wherever a file can give one."""
    films = catalog.load("movies")

    def axis(of, name, singular):
        labels = [EVIL.format(of.label(i), i) for i in range(len(of.labels))]
        return Axis(EVIL.format(name, name), EVIL.format(singular, singular), labels)

    axes = Axes(axis(films.axes.rows, "rows", "row"), axis(films.axes.columns, "columns", "column"))
    return replace(films, axes=axes, title=EVIL.format("title", "title"), key="upload")


@pytest.fixture(scope="module")
def strangers():
    """A session that shows the run of a stranger's data."""
    app = at_rest(start())  # else the first run may be taken over afterwards
    put_on_screen(app, strange(), 4)
    return app


@pytest.mark.parametrize("key", [key for key in KEYS if key != "learn"])
def test_a_strangers_names_are_text_on_every_page(key, strangers, monkeypatch):
    """Names of axes were Markdown in some labels."""
    app = strangers
    go_with_open_menus(app, key, monkeypatch)
    assert not app.exception, app.exception[0].value
    assert RAW in app.session_state["nmf"].shown.run.dataset.title
    found = {(place, text[:160]) for place, text in every_text(app._tree) if RAW in text}
    assert not found, "\n".join(map(str, sorted(found)))


@pytest.fixture(scope="module")
def alike():
    """A session whose items have one label, and whose features have one."""
    films = catalog.load("movies")
    axes = Axes(Axis("films", "film", ["same"] * films.shape[0]), Axis("words", "word", ["same"] * films.shape[1]))
    app = at_rest(start())  # else the first run may be taken over afterwards
    put_on_screen(app, replace(films, axes=axes, key="upload"), 4)
    return app


@pytest.mark.parametrize("key", ["overview", "items", "matrices", "svd", "symmetric", "expression"])
def test_the_numbers_behind_a_card_stand_where_all_labels_are_equal(key, alike, monkeypatch):
    """Two columns of one name cannot be shown: the menu of the similarity raised."""
    go_with_open_menus(alike, key, monkeypatch)
    assert not alike.exception, alike.exception[0].value
