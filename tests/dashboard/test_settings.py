"""Is everything that a specification holds said to a person, and nothing as a program writes it?"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.text.settings import NAMED, of_data, of_problem, of_solver, of_stop, said, step, words
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.data.prepare import STEPS, parameters_of
from nmfcore.solvers import SOLVERS, make_solver

PROGRAM = re.compile(r"[{}\[\]()'\"_]|None|True|False")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | st.floats(-1e6, 1e6) | st.text("abc ", max_size=5),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text("ab", min_size=1, max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_no_value_is_said_with_the_marks_of_a_program(value):
    assert not PROGRAM.search(said(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"), (True, "yes"), (False, "no"), (1234567, "1,234,567"), (0.1, "0.1"), (1e-4, "0.0001"), (1e-7, "1e-07"),
        ("as it is", "as it is"), ([], "none"), ({}, "none"), ([1, 2], "1, 2"), ({"max_df": 0.95}, "max df 0.95"),
        (list(range(NAMED + 2)), "0, 1, 2, 3, 4, 5 and 2 more"), (tuple("ab"), "a, b"),
    ],
)  # fmt: skip
def test_values_are_said_as_people_write_them(value, text):
    assert said(value) == text


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_parameter_of_a_solver_is_said_also_where_it_is_as_usual(solver):
    told = of_solver(RunSpec(data="movies", solver=solver))
    assert list(told) == [words(name) for name in make_solver(solver, {}).options()]


@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_said_by_its_title_and_all_its_parameters(name):
    told = step({"step": name, **parameters_of(name)})
    assert told.startswith(STEPS[name].title)
    assert all(words(one) in told for one in parameters_of(name))


def test_a_step_that_there_is_no_more_keeps_its_name():
    """A saved run of a version to come."""
    assert step({"step": "smooth", "width": 3}) == "smooth (width 3)"
    assert step({}) == ""


@pytest.mark.parametrize(
    ("rule", "when", "seconds"),
    [
        (StopRule(tol=1e-4, max_iter=200, max_seconds=None), "the error falls by less than 0.0001 per iteration", "no limit"),
        (StopRule(tol=0.0, max_iter=200, max_seconds=None), "a limit is reached", "no limit"),
        (StopRule(tol=0.0, kkt=1e-3, max_iter=200, max_seconds=2.5), "the KKT residual is below 0.001 of the start's", "2.5"),
        (StopRule(tol=1e-4, kkt=1e-3, max_iter=200, max_seconds=None), "per iteration, or the KKT residual is below", "no limit"),
    ],
)
def test_a_stop_rule_says_what_ends_a_run(rule, when, seconds):
    told = of_stop(rule)
    assert when in told["stops when"]
    assert (told["iterations at most"], told["seconds at most"]) == ("200", seconds)


def test_data_says_its_options_its_preparation_and_which_content_it_was():
    spec = RunSpec(data="newsgroups", data_options={"subset": "train", "remove": ["headers", "quotes"]}, fingerprint="f" * 64)
    told = of_data(spec)
    assert told == {"subset": "train", "remove": "headers, quotes", "preparation": "none", "fingerprint": "f" * 16}
    assert "fingerprint" not in of_data(spec.replace(fingerprint=""))


def test_what_is_asked_for_besides_a_small_loss_is_said():
    assert of_problem(RunSpec(data="movies")) == {}
    told = of_problem(RunSpec(data="movies", penalty={"l1_W": 0.5}, symmetric=True))
    assert told == {"l1 W": "0.5", "symmetric": "X = SSᵀ"}
