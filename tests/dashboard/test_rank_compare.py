"""Do the survey over ranks, the comparison of runs, the race and the stability measure what they say, in the background?"""

from __future__ import annotations

import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_views import go, start

from dashboard.figures import survey as figures
from dashboard.work.fitting import FIRST, fit_key, fit_work
from dashboard.work.jobs import Jobs
from dashboard.work.ledger import Bounds
from dashboard.work.races import race_work
from dashboard.work.stability import STARTS, stability_work
from dashboard.work.surveys import Asked, survey_work
from nmfcore.evaluate import rank as ranks
from nmfcore.topics import scale
from nmfcore.topics.clusters import assign
from nmfcore.topics.scale import CONVENTIONS, DEFAULT

PATIENCE = 60.0


@pytest.fixture(scope="module")
def jobs():
    service = Jobs(Bounds(workers=1))
    yield service
    service.close()


def result(jobs, key, work):
    job = jobs.submit(key, work, session="test")
    assert job.wait(PATIENCE)
    assert job.failure is None, job.failure
    return jobs.result(key)


@pytest.fixture(scope="module")
def run(jobs):
    spec = FIRST.replace(rank=4)
    return result(jobs, fit_key(spec), fit_work(spec, jobs))


def until(app: AppTest, there) -> AppTest:
    end = time.monotonic() + PATIENCE
    while not there(app):
        assert time.monotonic() < end, [block.value for block in app.markdown]
        time.sleep(0.2)
        app.run()
    return app


def test_stability_compares_the_run_with_other_starts(run, jobs):
    every = result(jobs, "stability", stability_work(run))
    assert set(every) == set(CONVENTIONS)
    for convention, one in every.items():  # it was measured on the usual scale only
        W = scale.apply(run.factorization.W, run.factorization.H, convention).W
        assert one.convention == convention
        np.testing.assert_array_equal(one.clusters, assign(W).labels)
    found = every[DEFAULT]
    assert found.runs == STARTS + 1
    assert found.topics.shape == (4,)
    assert np.all((found.topics > 0.2) & (found.topics <= 1 + 1e-9))


def test_a_stopped_survey_goes_on_where_it_was(run, jobs):
    asked = Asked(run, (2, 3), 2)
    total = None

    class Impatient:
        message = ""
        steps = 0

        def reserve(self, needed, way_out=""):
            pass

        def report(self, step, fraction):
            nonlocal total
            total = step.total
            self.steps += 1
            return self.steps < 3

    first = survey_work(asked, jobs)(Impatient())
    assert not first.finished
    jobs.put(asked.key, first)
    second = Impatient()
    second.steps = -1000
    finished = survey_work(asked, jobs)(second)
    assert finished is first
    assert finished.finished
    assert second.steps + 1000 == total - 3  # nothing was done twice


def test_the_survey_picture_has_every_criterion_and_its_numbers(run, jobs):
    survey = result(jobs, "survey", survey_work(Asked(run, (2, 4, 6), 2), jobs))
    points = survey.points()
    verdict = ranks.verdict(points)
    drawn = figures.criteria(points, verdict, present=4)
    names = {trace.name for trace in drawn.figure.data}
    assert {"NMF", "SVD floor", "shuffled data", "held out: blocks", "held out: entries", "keyword stability"} <= names
    table = drawn.table()
    assert list(table["rank"]) == [2, 4, 6]
    assert (table["error, lowest"] >= table["SVD floor"]).all()
    links = ranks.river(points)
    river = figures.river(links, {p.rank: [f"<b>{k}</b>" for k in range(p.rank)] for p in points})
    assert len(river.table()) == len(links)
    assert not any("<b>" in str(trace.customdata) for trace in river.figure.data)


def test_all_racers_get_the_same_start(run, jobs):
    race = result(jobs, "race", race_work(run, ["hals", "mu"], 0.3))
    first = [curve.errors[0] for curve in race.curves()]
    assert first[0] == pytest.approx(first[1], rel=1e-6)  # float32 data: summed in another order
    assert all(np.isfinite(curve.kkt).any() for curve in race.curves())


def test_the_overview_measures_stability_on_request():
    app = start()
    assert app.metric[3].value == "not measured"
    next(button for button in app.button if button.label.startswith("Measure stability")).click().run()
    until(app, lambda a: a.metric[3].value != "not measured")
    assert "change topic" in app.metric[3].delta


def test_the_rank_page_surveys_and_gives_a_verdict():
    app = go(start(), "rank")
    app.number_input(key="survey-to").set_value(4)
    app.number_input(key="survey-starts").set_value(2).run()
    app.button(key="survey-start").click().run()
    until(app, lambda a: any("criteria speak for" in block.value for block in a.markdown))
    assert not app.exception


def test_compare_offers_a_second_run_and_then_compares():
    app = go(start(), "compare")
    assert any("Nothing to compare with yet" in block.value for block in app.markdown)
    app.button(key="another-seed").click().run()
    until(app, lambda a: any("Matched topics have a mean cosine" in block.value for block in a.markdown))
    assert len(app.dataframe) >= 2


def test_the_race_is_run_from_the_page():
    app = go(start(), "compare")
    next(group for group in app.button_group if group.key == "compare").set_value("race").run()
    app.number_input(key="race-seconds").set_value(0.5).run()
    app.button(key="race-start").click().run()
    until(app, lambda a: len(a.dataframe) >= 1)
    assert not app.exception
