"""Does every field of a specification go from the link to the panel and back, within the same bounds at every door?"""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import links
from dashboard.text import settings
from dashboard.work.fitting import FIRST
from nmfcore import NMF, RunSpec, StopRule
from nmfcore.core.guidance import Guidance, Seed
from nmfcore.core.parameters import parameters
from nmfcore.core.spec import PENALTIES, WEIGHT
from nmfcore.solvers import SOLVERS

# A specification in which nothing is as usual; what depends on each other is told together.
UNUSUAL = RunSpec(
    data="newsgroups", data_options={"subset": "all"}, preparation=({"step": "text", "weighting": "counts"},),
    solver="mu", solver_options={"exponent": "heuristic"}, loss="beta=0.5", rank=7, init="random", seed=5,
    stop=StopRule(tol=0.25, max_iter=77, max_seconds=None, kkt=0.125),
    penalty=dict(zip(PENALTIES, (0.5, 1.5, 2.5, 3.5), strict=True)), symmetric=True,
    fingerprint="0123456789abcdef" * 4, guidance=Guidance((Seed(("gun", "weapon")),)),
)  # fmt: skip

NO_CONTROL = {  # chosen on a page of its own; the panel says it in words
    "data", "data_options", "preparation", "fingerprint", "guidance",
}  # fmt: skip


def leaves(spec: RunSpec) -> dict[str, Any]:
    """Every single thing that a specification says, by its name."""
    found = {each.name: getattr(spec, each.name) for each in fields(RunSpec)}
    for part in ("stop", "penalty", "solver_options"):
        held = found.pop(part)
        found |= {f"{part}.{name}": value for name, value in (vars(held) if part == "stop" else held).items()}
    return found


def alone(name: str) -> RunSpec:
    """The first screen with this one thing as it is in UNUSUAL."""
    part, _, inner = name.partition(".")
    value = getattr(UNUSUAL, part)
    if part == "stop":
        return FIRST.replace(stop=replace(FIRST.stop, **{inner: getattr(value, inner)}))
    if part == "penalty":
        return FIRST.replace(penalty={inner: value[inner]})
    if part == "solver_options":
        return FIRST.replace(solver=UNUSUAL.solver, solver_options=value)
    if part in ("data", "fingerprint"):
        return FIRST.replace(**{part: value, **({"data": "upload"} if part == "fingerprint" else {})})
    return FIRST.replace(**{part: value, **({"solver": UNUSUAL.solver} if part == "loss" else {})})


EVERY = list(leaves(UNUSUAL))


def control(name: str) -> str:
    """The control of the panel that says a field."""
    part, _, inner = name.partition(".")
    named = {of: link for link, of in {**links.STOPS, **links.PENALTIES}.items()}
    if part == "solver_options":
        return f"par_{UNUSUAL.solver}_{inner}"
    return "sym" if name == "symmetric" else named.get(inner, inner or part)


def panel(query):
    import streamlit as st

    from dashboard import links, session
    from dashboard.widgets.panel import _controls
    from dashboard.work.fitting import FIRST

    if "opened" not in st.session_state:
        st.session_state["opened"] = True
        session.state().wanted.spec = links.from_query(query, FIRST) or FIRST
    _controls()


def test_nothing_in_the_unusual_specification_is_as_usual():
    """A new field has to be given a value here, and then has to pass through the link and the panel."""
    usual = leaves(FIRST)
    assert set(EVERY) == {
        *(each.name for each in fields(RunSpec) if each.name not in ("stop", "penalty", "solver_options")),
        *(f"stop.{each.name}" for each in fields(StopRule)),
        *(f"penalty.{name}" for name in PENALTIES),
        *(f"solver_options.{name}" for name in parameters(SOLVERS[UNUSUAL.solver])),
    }
    assert not [name for name, value in leaves(UNUSUAL).items() if value == usual.get(name)]


@pytest.mark.parametrize("name", EVERY)
def test_a_link_says_every_field_alone_and_all_together(name):
    spec = alone(name)
    query = links.to_query(spec, FIRST)
    assert query, f"{name} is not in the link"
    assert leaves(links.from_query(query, FIRST))[name] == leaves(UNUSUAL)[name]
    upload = UNUSUAL.replace(data="upload")
    assert links.from_query(links.to_query(upload, FIRST), FIRST) == upload


@pytest.fixture
def still(monkeypatch):
    monkeypatch.setattr("dashboard.session.flow.fit", lambda *asked: None)


def opened(query):
    app = AppTest.from_function(panel, kwargs={"query": query}, default_timeout=30).run()
    assert not app.exception, app.exception[0].value
    return app


def by_key(app, key):
    """The control of that key, under whatever number it was turned to."""
    return next(
        each
        for kind in ("slider", "number_input", "selectbox", "toggle")
        for each in app.get(kind)
        if str(each.key).split("~")[0] == key
    )


@pytest.mark.parametrize("name", [name for name in EVERY if name not in NO_CONTROL])
def test_what_a_link_says_is_what_the_panel_shows_and_what_the_panel_says_is_in_the_link(name, still):
    """kkt and "no time limit" were lost in the controls, and penalties stood nowhere."""
    value = leaves(UNUSUAL)[name]
    shown = "beta=..." if name == "loss" else value
    app = opened(links.to_query(alone(name), FIRST))
    assert by_key(app, control(name)).value == shown
    assert leaves(app.session_state["nmf"].wanted.spec)[name] == value
    if name == "loss":
        assert by_key(app, "beta").value == 0.5
    # and from the panel, where another link had turned the controls elsewhere
    start = alone(name).replace(symmetric=True) if name == "symmetric" else FIRST.replace(solver=alone(name).solver)
    start = FIRST if name == "solver" else start
    start = start.replace(penalty={"l1_W": 1.0}) if name.startswith("penalty") else start
    app = opened(links.to_query(start, FIRST))
    by_key(app, control(name)).set_value(shown if name != "symmetric" else False).run()
    if name == "loss":
        by_key(app, "beta").set_value(0.5).run()
    assert not app.exception, app.exception[0].value
    wanted = app.session_state["nmf"].wanted.spec
    expected = False if name == "symmetric" else value
    assert leaves(wanted)[name] == expected
    again = links.from_query(links.to_query(wanted, FIRST), FIRST) or FIRST
    assert leaves(again).get(name) == expected


@pytest.mark.parametrize("name", sorted(NO_CONTROL))
def test_what_has_no_control_is_said_in_words(name):
    parts = settings.of_data(UNUSUAL) | settings.of_solver(UNUSUAL) | settings.of_problem(UNUSUAL)
    parts |= settings.of_stop(UNUSUAL.stop)
    said = " ".join(f"{title} {value}" for title, value in parts.items())
    words = {"data_options": "subset all", "preparation": "counts", "fingerprint": UNUSUAL.fingerprint[:16]}
    assert words.get(name, "") in said
    for part in ("l1 W 0.5", "l2 H 3.5", "symmetric", "KKT residual is below 0.125", "seconds at most no limit", "heuristic"):
        assert part in said


# -- one table ----------------------------------------------------------------------------------------------------------------
TABLES = {
    "rank": (parameters(RunSpec)["rank"], lambda value: RunSpec(rank=value)),
    "seed": (parameters(RunSpec)["seed"], lambda value: RunSpec(seed=value)),
    **{
        link: (parameters(StopRule)[of], lambda value, of=of: RunSpec(stop=StopRule(**{of: value})))
        for link, of in links.STOPS.items()
    },
    **{link: (WEIGHT, lambda value, of=of: RunSpec(penalty={of: value})) for link, of in links.PENALTIES.items()},
}
ESTIMATOR = {"rank": "n_components", "tol": "tol", "iterations": "max_iter", "l2w": "alpha_W", "l2h": "alpha_H"}


def step(bound, kind, way):
    return bound + way if kind is int else math.nextafter(bound, way * math.inf)


@pytest.mark.parametrize("name", TABLES)
def test_one_table_of_bounds_serves_specification_estimator_link_and_panel(name, still):
    """A link, the panel and the estimator had limits of their own."""
    held, made = TABLES[name]
    assert links.NUMBERS[name] == replace(held.asked, name=name)
    for bound in (held.least, held.asked.most):
        if bound is not None:
            assert leaves(links.from_query({"data": "movies", name: str(held.kind(bound))}, FIRST))
            made(held.kind(bound))
    for bound, way in ((held.least, -1), (held.asked.most, 1)):
        if bound is None:
            continue
        beyond = step(held.kind(bound), held.kind, way)
        with pytest.raises(links.LinkError, match=f"{name} must be {held.asked.bounds[:14]}"):
            links.from_query({name: repr(beyond)}, FIRST)
        if way < 0 or held.offered is None:
            with pytest.raises(ValueError, match="must be"):
                made(beyond)
    if name in ESTIMATOR:
        allowed = NMF._parameter_constraints[ESTIMATOR[name]][0]
        assert allowed.left == max(held.least, 1 if name == "iterations" else 0)  # scikit-learn needs an iteration
        assert allowed.right is None
    if name != "rank":
        app = opened({"l1w": "1.0"})
        shown = by_key(app, name)
        most = held.asked.most
        assert shown.min == held.least
        assert shown.max == most if most is not None else shown.max is None or shown.max >= 2**53 - 1
