"""Do the pages stay right where a number is undefined?"""

from __future__ import annotations

import io
import math
import re
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dashboard.figures.loss import loss_curve
from dashboard.files import exports, report
from dashboard.text.words import above
from dashboard.work.fitting import FIRST, fit_work
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from dashboard.work.races import race_key, race_work
from nmfcore import Penalty, StopRule, export
from nmfcore.data import catalog
from tests.dashboard.test_data_page import at_rest, bring, start
from tests.dashboard.test_strange_names import every_text
from tests.dashboard.test_views import KEYS, go, named, put_on_screen

ZEROS = b"Mutation Types\tT1\tT2\nA[C>A]A\t0\t0\nA[C>A]C\t0\t0\nA[C>T]G\t0\t0\n"


BENCHES = ("stores", "symmetric", "recommender", "images", "expression")  # each has a panel of its own
PAGES = [key for key in KEYS if key != "learn"]
AN_ERROR_OF_NOTHING = re.compile(r"error[^.;]{0,40} -?0\.0+\b|-0\.0+\b|100\.0 % of what|\bnan\b", re.IGNORECASE)


def texts(app):
    """All that a page says, as one text, with its buttons and what its figures say to those who do not see them."""
    said = [element.value for kind in ("title", "markdown", "caption", "html", "warning", "info") for element in app.get(kind)]
    said += [part for metric in app.metric for part in (metric.label, metric.value, metric.delta)]
    said += [button.label for button in app.button]
    said += [text for _, text in every_text(app._tree)]
    said += [chart.proto.spec + " " + chart.proto.alt for chart in app.get("plotly_chart")]
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
    at_rest(app)
    named(app.sidebar.number_input, "seed").set_value(1).run()
    app.button(key="fit").click().run()  # two, so that the kept ones are on the panel
    return at_rest(app)


@pytest.mark.parametrize("key", PAGES)
def test_data_that_is_zero_everywhere_is_said_to_explain_nothing(nothing, key):
    """It "explains 100 % of what is possible"."""
    app = go(nothing, key)
    assert not app.exception
    said = texts(app)
    wrong = AN_ERROR_OF_NOTHING.search(said)
    assert wrong is None, said[max(0, wrong.start() - 80) : wrong.end() + 20]
    if key not in BENCHES:
        assert sum("undefined" in button.label for button in app.sidebar.button) == 2, "the kept runs"
    if key in ("rank", "compare", "svd"):
        assert "Every entry is 0" in said
    if key == "overview":
        assert [metric.value for metric in app.metric][:2] == ["undefined", "undefined"]
    if key == "svd":
        assert "nothing to explain" in app.title[0].value


def test_what_is_taken_away_of_nothing_says_undefined(nothing):
    run = nothing.session_state["nmf"].shown.run
    assert math.isnan(run.error)
    W, H = run.factorization.W, run.factorization.H
    with zipfile.ZipFile(io.BytesIO(exports.factors_csv(run, W, H))) as archive:
        table = pd.read_csv(archive.open("loss.csv"))
    assert table["relative error"].isna().all()
    held = np.load(io.BytesIO(exports.factors_npz(run, W, H)))
    assert np.isnan(held["relative_error"]).all()
    page = re.sub(r"<script.*?</script>|<svg.*?</svg>", "", report.html(run, "H rows L1"), flags=re.DOTALL)
    assert page.count("undefined") >= 3
    assert not AN_ERROR_OF_NOTHING.search(re.sub(r"<[^>]+>", " ", page))
    assert "is undefined" in export.script(run.factorization, X=run.dataset.X)


def with_gaps():
    """The films, with every tenth entry not measured."""
    films = catalog.load("movies")
    X = films.X.toarray() if films.sparse else np.array(films.X)
    mask = np.ones(X.shape, np.uint8)
    mask.ravel()[::10] = 0
    return replace(films, X=np.where(mask, X, 0), mask=mask, key="upload")


@pytest.fixture(scope="module")
def gaps():
    app = at_rest(start())
    put_on_screen(app, with_gaps(), 3, solver="masked-hals")
    return app


@pytest.mark.parametrize("key", PAGES)
def test_with_missing_entries_nothing_is_called_a_floor(key, gaps):
    """Under "no floor here" a line was labelled "SVD floor", and nothing said why the run had no point."""
    app = go(gaps, key)
    assert not app.exception
    for chart in app.get("plotly_chart"):
        assert "SVD floor" not in chart.proto.spec + chart.proto.alt
    if key in ("svd", "fit"):
        assert "missing entries for 0" in texts(app)
    if key == "svd":
        assert "has no point" in texts(app)


def test_the_report_with_missing_entries_calls_nothing_a_floor(gaps):
    page = report.html(gaps.session_state["nmf"].shown.run, "H rows L1")
    assert "SVD floor" not in page
    assert "missing entries for 0" in page


def test_no_axis_has_prefixes_of_units():
    """Errors near 1e-9 were written "800p"."""
    picture = loss_curve([0, 1, 2], [1e-9, 9e-10, 8e-10])
    for axis in (picture.figure["layout"]["xaxis"], picture.figure["layout"]["yaxis"]):
        assert axis["exponentformat"] == "power"
    assert above(0.5 - 1e-9, 0.5) == "0.0000"


def test_a_race_has_the_penalty_and_the_options_of_the_run():
    """Both were left out: the curves were those of another problem."""
    spec = FIRST.replace(rank=3, penalty={"l2_W": 0.5}, solver_options={"sweeps": 2}, stop=StopRule(max_iter=3))
    run = fit_work(spec, Jobs(), None)(Job("test", _until=float("inf")))
    race = race_work(run, ["hals", "mu"], 0.2)(Job("test", _until=float("inf")))
    assert {entrant.problem.penalty for entrant in race.runs.values()} == {Penalty(l2_W=0.5)}
    assert race.runs["hals"].solver.sweeps == 2
    plain = fit_work(spec.replace(penalty={}), Jobs(), None)(Job("test", _until=float("inf")))
    assert race_key(run, ["hals"], 1.0) != race_key(plain, ["hals"], 1.0)
