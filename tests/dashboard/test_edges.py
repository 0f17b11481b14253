"""Do the pages stay right where a number is undefined?"""

from __future__ import annotations

import pytest
from test_data_page import at_rest, bring, start
from test_views import go

from dashboard.work.fitting import FIRST, fit_work
from dashboard.work.jobs import Job, Jobs
from dashboard.work.races import race_key, race_work
from nmfcore import Penalty, StopRule

ZEROS = b"Mutation Types\tT1\tT2\nA[C>A]A\t0\t0\nA[C>A]C\t0\t0\nA[C>T]G\t0\t0\n"


PAGES = ("overview", "data", "fit", "topics", "items", "matrices", "svd", "rank", "compare")


def texts(app):
    """All that a page says, as one text."""
    said = [element.value for kind in ("title", "markdown", "caption", "html", "warning", "info") for element in app.get(kind)]
    said += [part for metric in app.metric for part in (metric.label, metric.value, metric.delta)]
    return " ".join(str(part) for part in said)


@pytest.fixture(scope="module")
def nothing():
    """A session whose data is zero everywhere."""
    app = bring(start(), "sbs_zero.txt", ZEROS)
    assert not app.button(key="use-upload").disabled, texts(app)
    app.button(key="use-upload").click().run()
    at_rest(app)
    assert "zero" in texts(app)
    app.button(key="fit").click().run()
    return at_rest(app)


@pytest.mark.parametrize("key", PAGES)
def test_data_that_is_zero_everywhere_is_said_to_explain_nothing(nothing, key):
    """It "explains 100 % of what is possible"."""
    app = go(nothing, key)
    assert not app.exception
    said = texts(app)
    assert "100.0 % of what" not in said
    assert "nan" not in said.lower().replace("finance", "")
    if key == "overview":
        assert [metric.value for metric in app.metric][:2] == ["undefined", "undefined"]
    if key == "svd":
        assert "nothing to explain" in app.title[0].value


def test_a_race_has_the_penalty_and_the_options_of_the_run():
    """Both were left out: the curves were those of another problem."""
    spec = FIRST.replace(rank=3, penalty={"l2_W": 0.5}, solver_options={"sweeps": 2}, stop=StopRule(max_iter=3))
    run = fit_work(spec, Jobs(), None)(Job("test", _until=float("inf")))
    race = race_work(run, ["hals", "mu"], 0.2)(Job("test", _until=float("inf")))
    assert {entrant.problem.penalty for entrant in race.runs.values()} == {Penalty(l2_W=0.5)}
    assert race.runs["hals"].solver.sweeps == 2
    plain = fit_work(spec.replace(penalty={}), Jobs(), None)(Job("test", _until=float("inf")))
    assert race_key(run, ["hals"], 1.0) != race_key(plain, ["hals"], 1.0)
