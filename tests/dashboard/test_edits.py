"""Are edits of a run's topics values that can be undone, kept in a file, and trusted when they come back?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.topics_shown import divided
from dashboard.topics_shown.divided import Cut
from dashboard.topics_shown.edits import LONGEST_NAME, MOST_HIDDEN, Edits

RANK, COLUMNS = 6, 40
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("merge"), st.lists(st.integers(0, RANK - 1), max_size=3)),
        st.tuples(st.just("hide"), st.lists(st.integers(0, COLUMNS - 1), max_size=3)),
        st.tuples(st.just("unhide"), st.lists(st.integers(0, COLUMNS - 1), max_size=3)),
        st.tuples(st.just("rename"), st.integers(0, RANK - 1), st.text(max_size=80)),
    ),
    max_size=8,
)


def test_merging_a_merged_topic_takes_all_its_members():
    edits = Edits().merge([4, 1]).merge([1, 0])
    assert edits.merges == ((0, 1, 4),)
    assert edits.topics(6) == [(0, 1, 4), (2,), (3,), (5,)]
    assert edits.merge([0, 4]) is edits
    assert edits.merge([2, 3]).merges == ((0, 1, 4), (2, 3))


def test_a_typed_name_goes_along_into_a_merge():
    edits = Edits().rename((1,), "space").merge([1, 4])
    assert edits.names[(1, 4)] == "space"
    assert edits.sentence == "1 merge, 1 name changed"
    assert edits.rename((1, 4), "").names == {(1,): "space"}


def test_hiding_twice_hides_once_and_there_is_a_limit():
    edits = Edits().hide([3, 3, 5]).hide([5])
    assert edits.hidden == (3, 5)
    assert edits.unhide([3]).hidden == (5,)
    assert len(Edits().hide(range(10_000)).hidden) == 500


def test_a_name_of_nothing_visible_is_no_name():
    assert Edits().rename((0,), " \u202e\u200b ").names == {}


@given(STEPS)
def test_edits_come_back_from_a_file_as_they_were(steps):
    edits = Edits()
    for what, *values in steps:
        edits = edits.rename(edits.around(values[0]), values[1]) if what == "rename" else getattr(edits, what)(*values)
    assert Edits.from_dict(json.loads(json.dumps(edits.to_dict())), RANK, COLUMNS) == edits


def test_a_file_that_says_nothing_of_edits_has_none():
    assert Edits.from_dict({}, RANK, COLUMNS) == Edits()


@pytest.mark.parametrize(
    "wrong",
    [
        {"merges": "01"},
        {"merges": [[0]]},
        {"merges": [[0, 0]]},
        {"merges": [[0, 1], [1, 2]]},
        {"merges": [[0, RANK]]},
        {"merges": [[-1, 0]]},
        {"merges": [[True, 3]]},
        {"merges": [[0, [1]]]},
        {"hidden": {"0": 1}},
        {"hidden": [COLUMNS]},
        {"hidden": [1.0]},
        {"hidden": [2, 2]},
        {"hidden": [10**400]},
        {"hidden": list(range(10_001))},
        {"names": [["0", "x"]]},
        {"names": [{"components": [], "name": "x"}]},
        {"names": [{"components": [0], "name": 3}]},
        {"names": [{"name": "x"}]},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_damaged_edits_are_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        Edits.from_dict(wrong, RANK, COLUMNS)


def test_no_more_words_are_hidden_by_a_file_than_by_hand():
    with pytest.raises(ValueError, match=str(MOST_HIDDEN)):
        Edits.from_dict({"hidden": list(range(MOST_HIDDEN + 1))}, RANK, 10_000)


def test_a_name_from_a_file_is_as_short_and_clean_as_a_typed_one():
    given_ = {"names": [{"components": [0], "name": "a\n\u202eb" + "x" * 10_000}]}
    name = Edits.from_dict(given_, RANK, COLUMNS).names[(0,)]
    assert len(name) <= LONGEST_NAME
    assert "\n" not in name
    assert "\u202e" not in name


# -- divisions -----------------------------------------------------------------------------------------------------------


def test_a_division_that_is_made_anew_loses_what_was_below_it():
    edits = Edits().divide((4,), (), 3).divide((4,), (1,), 2).divide((2,), (), 2)
    assert edits.sentence == "3 divisions"
    assert edits.divide((4,), (), 3).cuts == edits.cuts
    assert [cut.members for cut in edits.divide((4,), (), 4).cuts] == [(2,), (4,)]
    assert edits.undivide(Cut((4,), (1,), 2)).cuts == (Cut((2,), (), 2), Cut((4,), (), 3))
    assert not edits.undivide(Cut((4,), (), 3)).undivide(Cut((2,), (), 2))


def test_a_divided_topic_that_is_merged_is_divided_again_when_the_merge_is_undone():
    edits = Edits().divide((4,), (), 3)
    assert edits.merge([4, 1]).cuts_seen == ()
    assert edits.merge([4, 1]).cuts == edits.cuts_seen


@given(st.lists(st.tuples(st.integers(0, RANK - 1), st.integers(2, 5), st.none() | st.integers(0, 1)), max_size=8))
def test_divisions_come_back_from_a_link_and_a_file(steps):
    edits, numbers = Edits().merge([0, 3]), (0, 7, 2, 3, 11, 5)
    for k, into, child in steps:
        members = edits.around(k)
        there = child is not None and any(cut.members == members and not cut.path for cut in edits.cuts)
        edits = edits.divide(members, (child,) if there else (), into)
    assert divided.from_text(divided.as_text(edits.cuts, numbers), numbers) == edits.cuts
    assert Edits.from_dict(json.loads(json.dumps(edits.to_dict())), RANK, COLUMNS) == edits


def test_a_division_in_a_link_can_be_read():
    edits = Edits().divide((4,), (), 3).divide((4,), (1,), 2).divide((0, 3), (), 2)
    assert divided.as_text(edits.cuts, range(RANK)) == "1+4:2,5:3,5.2:2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5", "no division"), ("5:1", "divided into 1"), ("5:13", "divided into 13"), ("7:2", "topic 7"),
        ("5.1:2", "not there"), ("5:2,5.3:2", "not there"), ("5:2,5:3", "twice"), ("5:3,5.1:2,5.1.1:2,5.1.1.1:2", "no division"),
        ("x:2", "no division"), ("٥:2", "no division"),
    ],
)  # fmt: skip
def test_what_is_no_division_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        divided.from_text(text, range(RANK))


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (3, "is none"),
        ({"components": [9], "child": [], "into": 2}, "not there"),
        ({"components": [1], "child": [0], "into": 2}, "not there"),
        ({"components": [1], "child": [], "into": True}, "no list of numbers"),
        ({"components": [], "child": [], "into": 2}, "not there"),
    ],
)
def test_a_division_in_a_file_is_checked(cut, words):
    with pytest.raises(ValueError, match=words):
        Edits.from_dict({"divided": [cut]}, RANK, COLUMNS)
