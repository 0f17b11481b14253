"""Does every parameter of every solver pass through its bounds, and no further, in links and in the panel?"""

from __future__ import annotations

import json
import math

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import links
from dashboard.work.fitting import FIRST
from nmfcore.core.parameters import parameters
from nmfcore.solvers import SOLVERS, make_solver

EVERY = [(key, each) for key, kind in SOLVERS.items() for each in parameters(kind).values()]
BOUNDED = [(key, each) for key, each in EVERY if each.kind in (int, float)]


def ids(value):
    return getattr(value, "name", None) or str(value)


def ends(each):
    """The values a parameter can just have."""
    if each.kind is bool:
        return [False, True]
    if each.kind is str:
        return list(each.choices)
    return [each.kind(bound) for bound in (each.least, each.most) if bound is not None]


def beyond(each):
    """The next values on the other side of its bounds."""
    step = (lambda bound, way: bound + way) if each.kind is int else (lambda bound, way: math.nextafter(bound, way * math.inf))
    return [step(bound, way) for bound, way in ((each.least, -1), (each.most, 1)) if bound is not None]


def every_option(spec):
    """The solver's parameters, also those that are as usual and so stand nowhere."""
    return make_solver(spec.solver, spec.solver_options).options()


def query(key, each, value):
    return {"data": "movies", "solver": key, "par": json.dumps({each.name: value})}


@pytest.mark.parametrize(("key", "each"), EVERY, ids=ids)
def test_a_link_carries_every_value_up_to_the_bounds(key, each):
    for value in ends(each):
        spec = links.from_query(query(key, each, value), FIRST)
        assert every_option(spec)[each.name] == value
        assert every_option(links.from_query(links.to_query(spec, FIRST), FIRST) or FIRST) == every_option(spec)


@pytest.mark.parametrize(("key", "each"), BOUNDED, ids=ids)
def test_a_link_beyond_the_bounds_is_refused_in_a_sentence(key, each):
    for value in beyond(each):
        with pytest.raises(links.LinkError, match=each.name):
            links.from_query(query(key, each, value), FIRST)


def panel(solver):
    from dashboard import session
    from dashboard.widgets.panel import _parameter
    from nmfcore.core.parameters import parameters
    from nmfcore.solvers import SOLVERS

    wanted = session.state().wanted
    if wanted.spec.solver != solver:
        wanted.spec = wanted.spec.replace(solver=solver, solver_options={})
    for each in parameters(SOLVERS[solver]).values():
        _parameter(solver, each)


@pytest.mark.parametrize("solver", [key for key, kind in SOLVERS.items() if parameters(kind)])
def test_the_panel_offers_every_parameter_with_its_bounds_and_takes_both_ends(solver, monkeypatch):
    monkeypatch.setattr("dashboard.session.flow.fit", lambda *asked: None)
    app = AppTest.from_function(panel, kwargs={"solver": solver}, default_timeout=30).run()
    assert not app.exception
    for each in parameters(SOLVERS[solver]).values():
        key = f"par_{solver}_{each.name}"
        if each.kind is bool:
            assert app.toggle(key=key).value == each.default
            continue
        if each.kind is str:
            assert app.selectbox(key=key).options == list(each.choices)
            continue
        control = app.number_input(key=key)
        for bound, shown in ((each.least, control.min), (each.most, control.max)):
            assert shown == bound if bound is not None else shown is None or abs(shown) >= 2**53 - 1
        for value in ends(each):
            app.number_input(key=key).set_value(value).run()
            assert not app.exception
            assert every_option(app.session_state["nmf"].wanted.spec)[each.name] == value
