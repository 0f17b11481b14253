"""What is known of the items is typed right, follows them everywhere, and blank is no class."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from nmfcore.data import Classes, Dataset, Fact, Facts, Table, apply, as_dataset

KINDS = {
    "number": (["1", "2.5", "", "-3e2"], "number"),
    "ZIP codes have zeros in front": (["01234", "98765", "01234", "98765"], "category"),
    "day": (["2024-03-01", "2024-12-31 10:30", "NA", "2024-01-02T03:04:05Z"], "date"),
    "German days": (["01.02.2024", "31.12.2023", "", "03.04.2024"], "date"),
    "American days": (["12/31/2023", "01/02/2024", "3/4/2024", ""], "date"),
    "days in an open order": (["01/02/2024", "03/04/2024", "05/06/2024", "07/08/2024"], "text"),
    "no day": (["2024-02-30", "2024-01-01", "2024-01-02", "2024-01-03"], "text"),
    "two groups": (["a", "b", "b", "NA"], "category"),
    "names": (["Ann", "Bob", "Cid", "Dot"], "text"),
    "nothing known": (["", "NA", "?", "-"], "text"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_column_is_of_the_kind_that_its_known_cells_are(name):
    texts, kind = KINDS[name]
    fact = Fact.of(name, texts)
    assert fact.kind == kind
    assert_array_equal(fact.known, [text not in ("", "NA", "?", "-") for text in texts])


def test_dates_are_those_of_pandas():
    texts = ["31.12.2023", "01.02.2024 07:08", "03.04.24"]
    wanted = pd.to_datetime(texts, dayfirst=True, format="mixed").to_numpy().astype("datetime64[s]")
    assert_array_equal(Fact.of("day", texts).values, wanted)


def test_decimal_commas_are_numbers_where_the_file_has_them():
    assert Fact.of("x", ["1,5", "2"]).kind == "category"
    assert_array_equal(Fact.of("x", ["1,5", "2"], decimal=",").values, [1.5, 2])


def test_blank_and_na_are_no_class():
    classes = Classes.of(["x", "", "NA", "y", "n/a", "nan", "x"])
    assert classes.names == ("x", "y")
    assert classes.index.tolist() == [0, -1, -1, 1, -1, -1, 0]


def test_a_dash_beside_plus_signs_is_a_class():
    """Of the strands + and - of genes only + was known."""
    assert Classes.of(["+", "-", "+", ""]).index.tolist() == [0, 1, 0, -1]
    assert Fact.of("strand", ["+", "-", "."]).texts() == ["+", "-", ""]
    assert Classes.of(["a", "-"]).names == ("a",)


def test_numbers_and_dates_are_classes_in_their_order():
    numbers = Fact.of("year", ["2019", "10", "", "2019"]).classes()
    assert numbers.names == ("10", "2019")
    assert numbers.index.tolist() == [1, 0, -1, 1]
    assert Fact.of("day", ["2024-01-02", "2023-01-01"]).classes().names == ("2023-01-01", "2024-01-02")


def table(**more):
    return Table(
        name="t.csv",
        X=np.array([[1.0, np.nan], [3, 4], [5, 6]]),
        column_labels=["p", "q"],
        aside={"kind": ["a", "NA", "b"], "age": ["1", "2", ""], "day": ["2024-01-01", "", "2024-01-03"]},
        column_aside={"unit": ["kg", "m"]},
        **more,
    )


def test_facts_follow_their_rows_through_every_step():
    data = as_dataset(table(), missing="drop_rows", classes="kind")
    assert data.facts.names == ("kind", "age", "day")
    assert [fact.kind for fact in data.facts] == ["category", "number", "date"]
    assert data.facts["kind"].texts() == ["", "b"]
    assert data.classes.index.tolist() == [-1, 1]
    assert any("1 of 2 rows have no known label in 'kind'" in note for note in data.notes)
    fewer = data.take_rows(np.array([1]))
    assert fewer.facts["day"].texts() == ["2024-01-03"]
    assert fewer.column_facts["unit"].texts() == ["kg", "m"]
    assert data.take_columns(np.array([1])).column_facts["unit"].texts() == ["m"]
    turned = apply(data, [{"step": "transpose"}])
    assert turned.facts["unit"].texts() == ["kg", "m"]
    assert turned.column_facts["kind"].texts() == ["", "b"]


def test_facts_turn_with_the_table():
    data = as_dataset(table(), missing="zero", orientation="columns", classes="unit")
    assert data.facts.names == ("unit",)
    assert data.classes.names == ("kg", "m")
    assert data.column_facts.names == ("kind", "age", "day")


def test_facts_belong_to_the_fingerprint_and_none_changes_nothing():
    X = np.array([[1.0, 2], [3, 4]])
    plain = Dataset("upload", "t", X)
    known = plain.changed(facts=Facts.of({"kind": ["a", "b"]}))
    assert plain.fingerprint == plain.changed(facts=Facts()).fingerprint
    assert known.fingerprint != plain.fingerprint
    assert known.fingerprint != plain.changed(facts=Facts.of({"kind": ["b", "a"]})).fingerprint
    with pytest.raises(ValueError, match="Facts of 3 for 2 rows"):
        plain.changed(facts=Facts.of({"kind": ["a", "b", "c"]}))


def test_facts_survive_as_json_and_damage_is_refused():
    facts = as_dataset(table(), missing="zero").facts.with_fact(Fact("note", "text", ("x", "", "y")))
    plain = json.loads(json.dumps(facts.to_list()))
    again = Facts.from_list(plain, 3)
    assert again.names == facts.names
    assert [fact.texts() for fact in again] == [fact.texts() for fact in facts]
    damaged = [
        "x",
        [{**plain[0], "values": [0, 1]}],
        [{**plain[0], "values": [0, 1, 5]}],
        [{**plain[1], "values": ["1", 2, 3]}],
        [{**plain[2], "values": ["no day", None, None]}],
        [{**plain[0], "kind": "odd"}],
        [plain[0], plain[0]],
    ]
    for one in damaged:
        with pytest.raises(ValueError, match=r"."):
            Facts.from_list(one, 3)
