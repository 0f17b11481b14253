"""Are numbers, times and names spelled once and right?"""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.text import words
from nmfcore.core.factorization import Axes, Axis, StopReason
from nmfcore.core.spec import RunSpec
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.settle import KNOWN_ANSWERS
from nmfcore.solvers import SOLVERS
from nmfcore.solvers.starts import INITS


@given(st.integers(0, 10**9))
def test_a_count_reads_back_as_its_number_and_only_one_is_singular(number):
    said = words.count(number, "item")
    assert int(said.split()[0].replace(",", "")) == number
    assert said.endswith("item") == (number == 1)


def test_a_plural_that_is_given_is_taken():
    assert words.count(2, "matrix", "matrices") == "2 matrices"
    assert words.count(1, "matrix", "matrices") == "1 matrix"


@pytest.mark.parametrize(("number", "said"), [(0, "No"), (1, "One"), (12, "Twelve"), (13, "13"), (2034, "2,034")])
def test_small_numbers_begin_a_title_as_words(number, said):
    assert words.spelled(number) == said


@given(st.floats(0, 1))
def test_a_share_below_one_is_never_written_as_all_of_it(share):
    said = words.percent(share)
    value = float(said.removesuffix(" %"))
    assert value < 100 or share == 1
    assert abs(value - 100 * share) <= 0.0501


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_written_shares_are_in_the_order_of_the_shares(shares):
    written = [float(words.percent(share).removesuffix(" %")) for share in sorted(shares)]
    assert written == sorted(written)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "unknown"),
        (0.0, "under 0.01 s"),
        (0.31, "0.31 s"),
        (12, "12 s"),
        (119.4, "119 s"),
        (180, "3 min"),
        (7200, "120 min"),
    ],
)
def test_seconds_have_the_digits_that_mean_something(value, said):
    assert words.seconds(value) == said


@given(st.floats(0.01, 1e6))
def test_a_time_is_written_with_its_unit_to_within_a_half_of_it(value):
    number, unit = words.seconds(value).split()
    read = float(number) * {"s": 1, "min": 60}[unit]
    assert math.isclose(read, value, rel_tol=0.26)


def test_every_reason_to_stop_has_its_short_word():
    assert set(words.SHORT_REASONS) == set(StopReason)
    assert len(set(words.SHORT_REASONS.values())) == len(StopReason)


@pytest.mark.parametrize("kind", ["documents", "table", "ratings", "images", "expression"])
def test_every_kind_of_data_names_its_components(kind):
    assert words.part(Dataset("upload", "x", np.ones((2, 2)), kind=kind)) == words.PARTS[kind]


def test_the_shape_speaks_of_one_row_in_the_singular():
    data = Dataset("upload", "x", np.ones((1, 3)), Axes(Axis("films", "film"), Axis("keywords", "keyword")))
    assert words.shape(data) == "1 film × 3 keywords"


def test_the_shape_of_a_corpus_names_its_documents_only():
    corpus = Dataset("upload", "x", None, Axes(Axis("letters", "letter"), Axis("terms", "term")), documents=["a", "b"])
    assert words.shape(corpus) == "2 letters"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "as it is"),
        (({"step": "text"},), "tf-idf"),
        (({"step": "text", "weighting": "counts"}, {"step": "drop_empty"}), "counts, drop empty"),
    ],
)
def test_a_preparation_is_said_in_a_few_words(steps, said):
    assert words.preparation(RunSpec(data="movies", preparation=steps)) == said


def test_what_was_answered_on_import_is_no_data_as_it_is():
    answers = {"missing": "zero", "negatives": "clip", "zeros": "real", "orientation": "rows"}
    assert words.preparation(RunSpec(data="upload", data_options=answers)) == "gaps as 0, negatives as 0"
    both = RunSpec(data="upload", data_options={"orientation": "columns"}, preparation=({"step": "drop_empty"},))
    assert words.preparation(both) == "transposed, drop empty"


def test_every_answer_that_changes_cells_is_said():
    usual = {"orientation": "rows", "missing": "refuse", "negatives": "refuse", "zeros": "real"}
    changes = {(question, answer) for question, known in KNOWN_ANSWERS.items() for answer in known if usual[question] != answer}
    assert set(words.ANSWERED) == changes


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_identity_of_a_run_names_all_that_determines_it(solver):
    spec = RunSpec(data="movies", solver=solver, seed=7, init="random")
    said = words.identity("Films *and* more", spec, "as fitted")
    assert SOLVERS[solver].title in said
    assert "seed 7" in said
    assert re.search(r"random start", said)
    assert "*and*" not in said  # a title is no Markdown


@pytest.mark.parametrize("init", INITS)
def test_every_start_has_a_title(init):
    assert words.start_title(init) == INITS[init].title


def test_an_unknown_start_is_called_by_its_name():
    assert words.start_title("of my own") == "of my own"
