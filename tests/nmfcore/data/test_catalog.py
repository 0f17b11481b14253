"""Every data set of the catalog keeps what its card says; whatever is in the catalog is tested by being there."""

import hashlib
import json
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore.core.factorization import Axis
from nmfcore.data import DataUnavailable, card, cards, catalog, load, load_prepared
from nmfcore.data import fetch as fetching
from nmfcore.data.fetch import read
from nmfcore.data.loaders import LOADERS, SETTLED
from nmfcore.data.model.card import File
from nmfcore.data.prepare import checked
from nmfcore.data.readers.options import ReadOptions

KEYS = list(cards())
HERE = [key for key in KEYS if LOADERS[card(key).loader].available.__name__ == "always"]


@pytest.mark.parametrize("key", KEYS)
def test_a_card_is_complete(key):
    found = card(key)
    texts = (found.title, found.summary, found.description, found.zero_means, found.licence, found.citation, found.source)
    assert all(text.strip() for text in texts)
    assert found.key == key == found.folder.name
    assert found.kind in ("documents", "ratings", "images", "expression", "table")
    assert found.loader in LOADERS
    assert found.default_rank >= 1
    assert found.rows.name
    assert found.rows.singular
    assert found.columns.name
    assert found.columns.singular
    assert found.values
    assert found.unit
    assert "\n" not in found.summary
    assert len(found.summary) < 100
    for step in found.preparation:
        assert checked(step)["step"] == step["step"]
    assert all(len(file.sha256) == 64 and file.bytes > 0 for file in found.files)


@pytest.mark.parametrize("key", KEYS)
def test_files_beside_the_card_have_its_size_and_hash(key):
    for file in card(key).files:
        beside = card(key).folder / file.name
        if beside.is_file():
            content = beside.read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)


@pytest.mark.parametrize("key", HERE)
def test_what_is_loaded_is_what_the_card_says(key):
    data = load_prepared(key)
    found = card(key)
    assert data.shape == found.shape
    assert data.X.dtype in (np.float32, np.float64)
    values = data.X.data if sp.issparse(data.X) else data.X
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert data.axes.rows.name == found.rows.name
    for axis, size in zip((data.axes.rows, data.axes.columns), data.shape, strict=True):
        assert axis.labels is None or len(axis.labels) == size
    assert data.image_shape is None or data.image_shape[0] * data.image_shape[1] == data.shape[1]
    assert data.mask is None or data.mask.shape == data.shape
    json.dumps([data.options, data.steps])
    assert data.fingerprint == load_prepared(key).fingerprint
    assert catalog.available(found)


def test_the_catalog_begins_with_the_films():
    assert KEYS[0] == "movies"
    labels = load("movies").axes.rows.labels
    assert {"Jaws", "1984", "Fargo"} <= set(labels)
    assert len(labels) >= 120


def test_unrated_shows_are_masked_not_disliked():
    tv = load("tv")
    assert tv.shape == (7, 5)
    assert tv.X[2, 0] == 0
    assert tv.mask[2, 0] == 0  # nobody said that Jai dislikes Black Mirror
    assert tv.mask.sum() == 21


def test_unknown_names_are_refused_by_name():
    with pytest.raises(ValueError, match="no data set 'nope'"):
        load("nope")
    with pytest.raises(ValueError, match="has no option 'size'"):
        load("tv", {"size": 3})
    with pytest.raises(ValueError, match="no-such-group"):
        card("newsgroups").checked_options({"categories": ["no-such-group"]})


def test_equal_choices_have_equal_options():
    newsgroups = card("newsgroups")
    one = newsgroups.checked_options({"categories": ["sci.space", "alt.atheism"]})
    other = newsgroups.checked_options({"categories": ["alt.atheism", "sci.space"]})
    assert one == other
    assert len(newsgroups.checked_options({"categories": "all"})["categories"]) == 20


def test_a_changed_file_is_refused_before_use(tmp_path):
    found = card("tv")
    (tmp_path / "ratings.tsv").write_text("show\tme\nFriends\t5\n")
    with pytest.raises(DataUnavailable, match="227 were expected"):
        read(replace(found, folder=tmp_path), found.files[0])


def test_a_half_written_file_never_has_its_final_name(tmp_path):
    goal = tmp_path / "data" / "file"
    fetching.write_atomically(goal, b"whole")
    assert goal.read_bytes() == b"whole"
    with pytest.raises(TypeError):
        fetching.write_atomically(goal, "not bytes")
    assert goal.read_bytes() == b"whole"
    assert [path.name for path in goal.parent.iterdir()] == ["file"]


def test_the_films_come_with_their_facts_which_are_not_part_of_what_they_are():
    films = load("movies")
    assert films.facts.names == ("year", "decade", "country", "genre", "language")
    at = films.axes.rows.labels.index("Spirited Away")
    assert [films.facts[name].shown(at) for name in films.facts.names] == ["2001", "2000s", "Japan", "animation", "Japanese"]
    assert all(fact.known.all() for fact in films.facts)
    assert films.fingerprint == replace(films, facts=type(films.facts)()).fingerprint  # saved runs and links go on meaning it


@pytest.mark.parametrize(("key", "name"), [("digits", "digit")])
def test_known_classes_are_facts_too(key, name):
    data = load(key)
    assert data.facts[name].names == data.classes.names
    assert np.array_equal(data.facts[name].values, data.classes.index)


# -- a file of any format with a card -----------------------------------------------------------------------------------

POINTS = "boat;built;Kiel;Cowes;Porto\nAlma;1999;3,5;;2\nBora;2004;;4;1,5\nCala;2011;5;3;\n"


def regattas(folder, reading, text=POINTS):
    """The data set of a file and a card that somebody adds."""
    (folder / "points.csv").write_text(text, encoding="utf-8")
    content = (folder / "points.csv").read_bytes()
    known = File("points.csv", len(content), hashlib.sha256(content).hexdigest())
    sides = {"rows": Axis("boats", "boat"), "columns": Axis("regattas", "regatta"), "shape": (3, 3)}
    one = replace(
        card("tv"), key="regattas", title="Points", loader="file", folder=folder, files=(known,), reading=reading, **sides
    )
    return LOADERS["file"].load(one, {}, lambda *_: None)


def test_a_card_says_what_the_file_leaves_open(tmp_path):
    found = regattas(tmp_path, {"facts": ["built"], "missing": "mask"})
    np.testing.assert_array_equal(found.mask, [[1, 0, 1], [0, 1, 1], [1, 1, 0]])
    np.testing.assert_array_equal(found.X[found.mask > 0], [3.5, 2, 4, 1.5, 5, 3])
    assert found.axes.rows.labels == ["Alma", "Bora", "Cala"]
    assert found.facts["built"].texts() == ["1999", "2004", "2011"]


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ({"missing": "mask"}, "3 x 4 in place of 3 x 3. Features: 'built', 'Kiel', 'Cowes', 'Porto'; facts: none"),
        ({"facts": ["built"]}, "3 cells of 9 are missing"),
        ({"facts": ["bilt"]}, "There is no column 'bilt' (facts)"),
        ({"fact": ["built"]}, "fact"),
    ],
)
def test_a_card_that_does_not_fit_its_file_says_so(tmp_path, reading, words):
    with pytest.raises(DataUnavailable) as caught:
        regattas(tmp_path, reading)
    assert str(caught.value).startswith("Points ")
    assert words in str(caught.value)


def test_contributing_names_only_what_a_card_can_say():
    text = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = re.search(r"^\| what the file has .*?\n\n", text, re.M | re.S)[0]
    named = set(re.findall(r"`(\w+)(?: = [^`]*)?`", table)) - {"mask"}
    assert len(named) > 10
    assert named <= {field.name for field in fields(ReadOptions)} | set(SETTLED)
