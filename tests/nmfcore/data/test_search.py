"""Does a search find the rows that somebody means, and say by what?"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data import Classes, Dataset, apply
from nmfcore.data.search import find_rows

TEXTS = ["The cat sat on the mat", "A dog and a cat", "", "Dogs bark at\nthe moon", "cat (cat"]


def corpus(**more):
    data = Dataset("x", "x", None, axes=Axes(Axis("documents", "document"), Axis("terms", "term")), documents=TEXTS, **more)
    return apply(data, [{"step": "text", "stop_words": ["english"]}])


def found(data, query):
    return find_rows(data, query).items.tolist()


def test_an_empty_search_finds_all_rows():
    assert found(corpus(), "  ") == [0, 1, 2, 3, 4]


def test_words_are_whole_words_and_all_have_to_be_there():
    data = corpus()
    assert sorted(found(data, "CAT")) == [0, 1, 4]
    assert found(data, "cat dog") == [1]
    assert find_rows(data, "cat").by_words == 3


@pytest.mark.parametrize(("query", "rows"), [("at the moon", [3]), ("ark", [3]), ("cat (", [4]), ("zebra", []), ("[", [])])
def test_what_is_no_word_is_looked_for_in_the_texts_letter_by_letter(query, rows):
    hits = find_rows(corpus(), query)
    assert hits.items.tolist() == rows
    assert hits.by_text == len(rows)


def test_without_labels_a_number_finds_the_row():
    assert found(corpus(), "document 2") == [1]
    assert found(corpus(), "2") == [1]
    assert found(corpus(), "99") == []


def test_rows_found_by_label_come_first():
    columns = Axis("features", "feature", ["noir", "war film"])
    data = Dataset(
        "x", "x", np.array([[0.0, 1], [1, 0], [1, 1]]), axes=Axes(Axis("films", "film", ["a", "b", "War <b>"]), columns)
    )
    assert found(data, "war") == [2]
    assert found(data, "war film") == [0, 2]
    assert found(data, "noir") == [1, 2]
    assert found(data, "<b>") == [2]


def test_the_name_of_a_known_class_finds_its_rows():
    data = corpus(classes=Classes.of(["pets", "pets", "none", "space", "pets"]))
    assert found(data, "pets") == [0, 1, 4]


def test_sparse_equals_dense():
    rng = np.random.default_rng(0)
    X = rng.random((30, 6)) * (rng.random((30, 6)) < 0.3)
    axes = Axes(Axis("rows", "row"), Axis("columns", "column", list("abcdef")))
    dense, sparse = Dataset("x", "x", X, axes=axes), Dataset("x", "x", sp.csr_array(X), axes=axes)
    for query in ("a", "b f", "a b c"):
        expected = [i for i in range(30) if all(X[i, "abcdef".index(word)] for word in query.split())]
        assert found(dense, query) == found(sparse, query)
        assert sorted(found(dense, query)) == expected


def test_rows_with_the_largest_entries_of_the_words_come_first():
    assert found(corpus(), "cat")[0] == 4  # nothing but cat
