"""Is what is wanted held in one place, and does everything happen before a page is drawn?"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from test_data_page import at_rest
from test_views import go, named, start

from dashboard import links, session
from dashboard.session import flow
from dashboard.session.editing import _edited_run
from dashboard.session.tab import Fit, Load
from dashboard.text import settings
from dashboard.text.plain import markdown
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitting import FIRST, fit_work
from dashboard.work.jobs import service
from nmfcore.core.guidance import Guidance, Pin

HERE = Path(session.__file__).parent


def state(app):
    return app.session_state["nmf"]


def acting(me, monkeypatch):
    """Have a callback of that session run outside a script."""
    monkeypatch.setattr("streamlit.session_state", {"nmf": me})


def test_a_rank_is_wanted_in_one_place_and_outlives_pages_and_other_controls():
    app = start()
    app.toggle(key="live").set_value(False).run()
    app.slider(key="rank").set_value(7).run()
    assert state(app).wanted.spec.rank == 7
    app = go(app, "data")
    app.selectbox(key="solver").set_value("mu").run()
    assert app.slider(key="rank").value == 7
    state(app).wanted.spec = state(app).wanted.spec.replace(rank=3)  # as a load that fails does, or a saved run
    app.run()
    assert named(app.slider, "rank").value == 3
    assert state(app).shown.run.rank == 10


def test_a_rank_change_is_fitted_before_the_page_is_drawn(monkeypatch):
    app = start()
    seen = []
    real = session.begin
    monkeypatch.setattr("dashboard.session.begin", lambda: (seen.append(state(app).shown.run.rank), real()))
    app.slider(key="rank").set_value(6).run()
    assert seen[0] == 6
    assert app.title[0].value.startswith("Six topics in ")


def test_parameters_of_a_solver_come_back_with_it():
    app = start()
    app.toggle(key="live").set_value(False).run()
    app.number_input(key="par_hals_sweeps").set_value(3).run()
    app.selectbox(key="solver").set_value("mu").run()
    assert state(app).wanted.spec.solver_options == {"exponent": "mm"}
    app.selectbox(key="solver").set_value("hals").run()
    assert app.number_input(key="par_hals_sweeps").value == 3
    assert state(app).wanted.spec.solver_options["sweeps"] == 3


def test_a_loss_that_the_solver_does_not_have_is_left():
    app = start()
    app.toggle(key="live").set_value(False).run()
    app.selectbox(key="solver").set_value("mu").run()
    app.selectbox(key="loss").set_value(session.OTHER_BETA).run()
    app.number_input(key="beta").set_value(0.5).run()
    assert state(app).wanted.spec.loss == "beta=0.5"
    app.selectbox(key="solver").set_value("hals").run()
    assert state(app).wanted.spec.loss == "frobenius"
    assert named(app.selectbox, "loss").value == "frobenius"


def test_pressing_fit_without_a_change_keeps_one_run():
    app = start()
    app.button(key="fit").click().run()
    assert len(state(app).shown.kept) == 1
    assert not any("Shown:" in block.value for block in app.markdown)


def test_a_continued_run_is_not_called_another_setting():
    app = start({"iterations": "20", "tol": "0.0"})
    app = go(app, "fit")
    app.button(key="continue").click().run()
    assert state(app).shown.run.factorization.history[-1].iteration > 20
    assert not any("Shown:" in block.value for block in app.markdown)


def test_each_continuation_of_a_run_that_has_converged_is_finer():
    app = go(start({"tol": "0.01"}), "fit")
    ends, rules = [], []
    for _ in range(3):
        app.button(key="continue").click().run()
        run = state(app).shown.run
        ends.append(run.factorization.history[-1].iteration)
        rules.append(run.asked.stop.tol)
    np.testing.assert_allclose(rules, [1e-3, 1e-4, 1e-5])
    assert ends[0] < ends[1] < ends[2]
    at_once = at_rest(start({"tol": "1e-05"}))
    assert state(at_once).shown.run.asked.stop.tol == 1e-5
    assert state(at_once).shown.run.run is not run.run  # a fit under that rule from the start may end elsewhere
    assert state(app).shown.asked.stop == state(app).wanted.spec.stop == run.asked.stop


def test_a_run_that_its_limit_ended_goes_on_under_the_same_tolerance():
    app = go(start({"iterations": "3", "tol": "0.001"}), "fit")
    app.button(key="continue").click().run()
    assert state(app).shown.run.asked.stop.tol == 0.001


def test_to_continue_what_is_shown_leaves_what_the_controls_want():
    app = start({"iterations": "20", "tol": "0.0"})
    app.toggle(key="live").set_value(False).run()
    app.slider(key="rank").set_value(6).run()
    app = go(app, "fit")
    app.button(key="continue").click().run()
    me = state(app)
    assert (me.shown.run.rank, me.shown.asked.rank, me.wanted.spec.rank) == (10, 10, 6)
    assert me.shown.run.factorization.history[-1].iteration > 20
    assert me.wanted.spec.stop.max_iter == 20
    assert any("Press Fit for rank 6" in block.value for block in app.markdown)


def test_nothing_is_continued_while_a_fit_is_under_way(monkeypatch):
    app = go(start({"iterations": "20", "tol": "0.0"}), "fit")
    me = state(app)
    going = Fit(("fit", "another"), me.wanted.spec)
    me.under_way.fit = going
    acting(me, monkeypatch)
    flow.continue_fit()
    assert me.under_way.fit is going


def test_some_items_fitted_alone_are_those_of_the_run_whatever_is_chosen_by_now(monkeypatch):
    app = start({"iterations": "20"})
    me = state(app)
    run = me.shown.run
    me.shown.asked = me.wanted.spec = FIRST.replace(data="digits")
    acting(me, monkeypatch)
    flow.fit_these(run, np.arange(30), "thirty")
    assert me.wanted.spec.data == "movies"
    assert me.chosen.data.shape == (30, run.dataset.shape[1])


@pytest.mark.parametrize("turned", [False, True])
def test_a_load_that_is_stopped_brings_the_wishes_back_unless_something_else_was_changed(turned):
    app = start()
    me = state(app)
    wished = me.wanted.spec.replace(guidance=Guidance((Pin(0),)))
    me.wanted.spec = flow._with_data(wished, FIRST.replace(data="digits")).replace(seed=int(turned))
    flow._adopt_load(me, Load(("load", "digits"), wished, me.chosen.data), None)
    assert me.wanted.spec.data == "movies"
    assert bool(me.wanted.spec.guidance) is not turned
    assert me.wanted.spec.seed == int(turned)


@pytest.mark.parametrize(
    "query",
    [
        {"tol": "1.0"},
        {"iterations": "0"},
        {"seconds": "0.5"},
        {"seconds": "None"},
        {"solver": "mu", "loss": "beta=7", "iterations": "5"},
        {"solver": "sgd", "par": '{"batch":1}', "iterations": "2"},
        {"rank": "60"},
        {"solver": "symmetric"},
    ],
    ids=str,
)
def test_the_panel_can_be_turned_to_whatever_a_link_may_name(query):
    """A tolerance of 0.5, which a link allows, once raised in the panel of every page."""
    app = start(query)
    assert not app.exception, app.exception[0].value
    asked = links.from_query(query, FIRST)
    assert state(app).wanted.spec.stop == asked.stop
    assert state(app).wanted.spec.loss == asked.loss


def test_a_load_that_is_given_up_for_another_goes_back_to_what_stood_before_both():
    app = start()
    me = state(app)
    before = me.wanted.spec
    me.under_way.load = Load("of nobody", before, me.chosen.data)
    me.wanted.spec, me.chosen.data = before.replace(data="tv", rank=3), None
    app.run()
    assert state(app).wanted.spec == before
    assert app.slider(key="rank").value == before.rank


def test_only_the_session_names_what_streamlit_holds():
    """Widgets, cards and pages ask the session; so one room knows every key."""
    for path in HERE.parent.rglob("*.py"):
        if path.parent != HERE:
            names = {
                node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)
            }
            assert not names & {"session_state", "query_params"}, path


def test_what_was_run_is_said_for_people_and_kept_exactly_behind_the_menu():
    app = go(start(), "fit")
    run = state(app).shown.run
    parts = next(block.value for block in app.markdown if "fingerprint" in block.value)
    assert run.dataset.title in parts
    assert run.spec.fingerprint[:16] in parts
    assert "HALS" in parts
    app.session_state["fit-spec-menu"] = True
    app.run()
    assert run.spec.to_json() in [code.value for code in app.code]


def test_a_value_is_said_without_the_marks_of_a_programming_language():
    assert settings.said(["alt.atheism", "sci.space"]) == "alt.atheism, sci.space"
    assert settings.said(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"
    assert (settings.said(True), settings.said(None), settings.said(0.5), settings.said(1e-05)) == ("yes", "none", "0.5", "1e-05")
    assert settings.step({"step": "scale_rows", "norm": "l2"}) == "Scale rows (norm l2)"
    assert settings.step({"step": "log1p"}) == "Logarithm"


def test_kept_runs_stand_under_the_name_of_their_data():
    app = start()
    app = go(app, "data")
    app.button(key="open-tv").click().run()
    app.button(key="use-tv").click().run()
    app.button(key="fit").click().run()
    side = [block.value for block in app.sidebar.markdown]
    chips = side[side.index("**Kept runs**") :]
    assert [line for line in chips if "TV ratings" in line]
    assert [line for line in chips if "Films and their keywords" in line]


def test_a_file_that_is_looked_at_is_changed_by_itself_alone():
    """Widgets say what was chosen; what follows from it is decided in one place."""
    for path in (HERE.parent / "cards").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
            for target in targets:
                base = target.value if isinstance(target, (ast.Attribute, ast.Subscript)) else None
                assert base is None or "brought" not in ast.unparse(base), f"{path.name}: {ast.unparse(node)}"


@pytest.mark.parametrize("steps", ['[{"step":"nonsense"}]', '[{"step":"items","keep":"999999999"}]'])
def test_a_preparation_of_a_link_that_is_refused_is_not_chosen(steps, monkeypatch):
    app = start()
    before = state(app).wanted.spec
    app.query_params["prep"] = steps
    with monkeypatch.context() as patch:
        patch.setattr("dashboard.session.bar.came_back", lambda: True)
        app.run()
    for _ in range(100):
        if state(app).under_way.fit is None:
            break
        service().watch(state(app).under_way.fit.key, state(app).id).wait(1)
        app.run()
    refusal = state(app).notice.message
    assert state(app).wanted.spec == before
    assert state(app).chosen.data is state(app).shown.run.dataset
    assert any(markdown(refusal, 1500) in block.value for block in app.markdown)
    app = go(app, "data")
    assert not app.exception
    assert state(app).notice.message == refusal
    app.slider(key="rank").set_value(6).run()
    assert state(app).shown.run.rank == 6


def test_a_fit_that_the_controls_asked_for_leaves_them_as_they_are_when_it_is_refused():
    app = start()
    app.toggle(key="live").set_value(False).run()
    me = state(app)
    me.wanted.spec = asked = me.wanted.spec.replace(solver="mu", loss="itakura-saito", solver_options={})  # zeros in the data
    me.under_way.fit = Fit("refused", asked)
    job = service().submit("refused", fit_work(asked, service()), session=me.id)
    assert job.wait(30)
    assert job.failure is not None
    app.run()
    assert state(app).wanted.spec == asked
    assert state(app).notice.message == job.failure.message


# -- kept runs ---------------------------------------------------------------------------------------------------------


def turn(app, *ranks):
    for rank in ranks:
        named(app.slider, "rank").set_value(rank).run()
    return app


def kept(app):
    return [run.rank for run in state(app).shown.kept.values()]


def test_of_one_continuous_change_the_run_is_kept_that_it_came_to_rest_on(monkeypatch):
    """Arrow keys on the rank once filled the eight kept runs and pushed out what the person had made."""
    now = [0.0]
    monkeypatch.setattr("dashboard.session.keeping.monotonic", lambda: now[0])
    app = start()
    turn(app, 9, 8, 7, 6, 5, 4, 3)
    assert kept(app) == [10, 3]
    now[0] += 60
    turn(app, 4, 5, 6)
    assert kept(app) == [10, 3, 6]
    turn(app, 10, 2)  # over a run that was there before: it stays
    assert kept(app) == [3, 10, 2]


def test_a_change_of_a_control_pushes_out_no_run_that_was_made_and_what_was_named_goes_last_and_is_said(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("dashboard.session.keeping.monotonic", lambda: now[0])
    app = start()
    first = state(app).shown.run
    session_edits = Edits().rename((0,), "my own name")
    app.toggle(key="live").set_value(False).run()
    for rank in range(2, 9):
        turn(app, rank)
        app.button(key="fit").click().run()
    made = kept(app)
    assert made == [10, 2, 3, 4, 5, 6, 7, 8]
    app.toggle(key="live").set_value(True).run()
    turn(app, 9)
    assert kept(app) == [*made, 9]
    now[0] += 60
    turn(app, 11)
    assert kept(app) == [*made, 11]
    state(app).shown.edits[_edited_run(first)] = [("named", session_edits)]
    app.button(key="fit").click().run()  # what is passed through was asked for: now it is one of those made
    assert kept(app) == [10, 3, 4, 5, 6, 7, 8, 11]
    assert not state(app).news
    for run in state(app).shown.kept.values():
        state(app).shown.edits[_edited_run(run)] = [("named", session_edits)]
    turn(app, 12)
    app.button(key="fit").click().run()
    assert kept(app) == [3, 4, 5, 6, 7, 8, 11, 12]
    assert any("rank 10" in sentence and "1 name changed" in sentence for sentence in state(app).news)
