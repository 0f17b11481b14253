"""Does an address name a run exactly, and is a damaged one refused by name?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.links import PARAMETERS, LinkError, from_query, to_query
from dashboard.work.fitting import FIRST
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.solvers import SOLVERS, make_solver

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
OPTIONS = st.dictionaries(st.text(min_size=1, max_size=8), JSON, max_size=3)


@given(
    data=st.sampled_from(["movies", "newsgroups", "tv"]),
    options=OPTIONS,
    steps=st.lists(OPTIONS, max_size=2),
    solver=st.sampled_from(sorted(SOLVERS)),
    rank=st.integers(1, 200),
    seed=st.integers(0, 2**32 - 1),
    tol=st.floats(0, 1),
    iterations=st.integers(0, 2000),
    penalty=st.dictionaries(st.sampled_from(["l1_W", "l1_H", "l2_W", "l2_H"]), st.floats(0, 1e6)),
    symmetric=st.booleans(),
)
def test_a_link_names_the_run_it_was_made_from(data, options, steps, solver, rank, seed, tol, iterations, penalty, symmetric):
    spec = RunSpec(
        data=data, data_options=options, preparation=tuple(steps), solver=solver, solver_options=make_solver(solver).options(),
        rank=rank, seed=seed, stop=StopRule(tol=tol, max_iter=iterations), penalty=penalty, symmetric=symmetric,
    )  # fmt: skip
    query = to_query(spec, FIRST)
    opened = from_query(query, FIRST)
    if opened is None:
        opened = FIRST
    assert to_query(opened, FIRST) == query
    assert opened.replace(solver_options=spec.solver_options) == spec


def test_the_first_screen_has_a_bare_address():
    assert to_query(FIRST, FIRST) == {}
    assert from_query({}, FIRST) is None


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"rank": "many"}, "rank"),
        ({"rank": "0"}, "rank"),
        ({"rank": "100000"}, "rank"),
        ({"solver": "no-such"}, "no-such"),
        ({"par": '{"no_such": 1}'}, "no_such"),
        ({"options": "{"}, "options"),
        ({"options": "[1]"}, "options"),
        ({"prep": "[1]"}, "preparation"),
        ({"prep": "[" * 5000}, "prep"),
        ({"options": '{"a":NaN}'}, "options"),
        ({"options": '{"a":1e999}'}, "options"),
        ({"options": '{"a":' + "[" * 900 + "]" * 900 + "}"}, "options"),
        ({"init": "given"}, "given"),
        ({"loss": "hinge"}, "hinge"),
        ({"tol": "nan"}, "tol"),
        ({"iterations": "1e9"}, "iterations"),
        ({"l2w": "-1"}, "l2w"),
        ({"l1h": "inf"}, "l1h"),
        ({"sym": "2"}, "sym"),
        ({"sym": "yes"}, "sym"),
        ({"data": "x" * 9000}, "too long"),
    ],
)
def test_a_damaged_link_is_refused_by_name(query, named):
    with pytest.raises(LinkError, match=named):
        from_query(query, FIRST)


def test_parameters_of_other_widgets_are_left_alone():
    assert not {"words", "relevance", "matrix", "scale", "axis", "component"} & set(PARAMETERS)


def test_a_ridge_and_symmetry_are_in_the_link_and_only_when_they_are_used():
    assert to_query(FIRST.replace(penalty={"l2_W": 0.5}, symmetric=True), FIRST) == {"l2w": "0.5", "sym": "1"}
