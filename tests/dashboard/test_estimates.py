"""Is what stands beside Fit near what a fit takes? Counted in iterations and operations, so that no clock decides."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_views import named
from test_views import start as start_app

from dashboard.work import estimates
from dashboard.work.estimates import FROM_RUN, FROM_SIZE, NOT_YET, cost, expected, iterations
from dashboard.work.fitting import FIRST, finished, fit_work, start
from dashboard.work.jobs import Jobs
from dashboard.work.loading import load
from nmfcore.core.spec import StopRule
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset
from nmfcore.kernels import engines
from nmfcore.solvers import SOLVERS

EMBEDDED = ("movies", "digits")
SOLVERS_TRIED = ("hals", "mu", "kl-newton", "pg")


@pytest.fixture(scope="module")
def data() -> dict[str, Dataset]:
    found = {key: load(FIRST.replace(data=key, preparation=catalog.card(key).preparation)) for key in EMBEDDED}
    return found | {"digits": found["digits"].take_rows(np.arange(0, 1797, 4))}  # as many iterations, in a quarter of the time


def spec_of(key: str, rank: int, solver: str, init: str = FIRST.init):
    return FIRST.replace(data=key, rank=rank, solver=solver, init=init, loss=SOLVERS[solver].supports.losses[0])


def fitted(spec, dataset):
    run = start(spec, dataset)
    for _ in run:
        pass
    return finished(run, dataset, None)


def test_nine_of_ten_runs_need_about_the_iterations_that_are_expected(data):
    near = []
    for key, dataset in data.items():
        for solver in SOLVERS_TRIED:
            for rank in (3, 5, 10):
                for init in (FIRST.init, "random"):
                    spec = spec_of(key, rank, solver, init)
                    said = expected(spec, dataset)
                    took = fitted(spec, dataset).factorization.history[-1].iteration
                    near.append(0.5 <= said.iterations / took <= 2.0)
    assert sum(near) >= 0.9 * len(near), f"{sum(near)} of {len(near)}"


def test_a_run_on_screen_says_how_many_iterations_this_data_needs(data):
    dataset = data["digits"]
    run = fitted(spec_of("digits", 6, "hals"), dataset)
    again = expected(run.spec, dataset, [run])
    assert again.how == FROM_RUN
    assert again.iterations == run.factorization.history[-1].iteration
    assert expected(run.spec, dataset).how == FROM_SIZE
    other = expected(spec_of("digits", 6, "mu"), dataset, [run])  # another solver: its pace counts, not its iterations
    assert other.iterations == round(iterations(spec_of("digits", 6, "mu"), dataset))


def with_missing(share: float) -> Dataset:
    """Planted gamma components with noise, a share of the entries never measured."""
    rng = np.random.default_rng(0)
    X = rng.gamma(1, 1, (150, 5)) @ rng.gamma(1, 1, (5, 40)) + rng.random((150, 40))
    seen = rng.random(X.shape) >= share
    return Dataset("upload", "with missing entries", np.where(seen, X, 0), mask=seen.astype(np.uint8))


@pytest.mark.parametrize("solver", ["masked", "masked-hals"])
def test_a_masked_run_says_how_many_iterations_the_next_one_takes(solver):
    dataset = with_missing(0.2)
    spec = FIRST.replace(data="upload", rank=4, solver=solver, stop=StopRule(max_iter=300))
    ran = fitted(spec, dataset)
    took = ran.factorization.history[-1].iteration
    assert expected(spec, dataset, [ran]).iterations == took, "the same settings again"
    other = spec.replace(seed=3, init="random")
    nearer = expected(other, dataset, [ran]).iterations / fitted(other, dataset).factorization.history[-1].iteration
    assert 0.5 <= nearer <= 2.0


def test_a_run_that_reached_its_limit_lets_expect_at_least_as_many(data):
    dataset = data["digits"]
    spec = spec_of("digits", 6, "mu").replace(stop=StopRule(tol=1e-9, max_iter=60))
    ran = fitted(spec, dataset)
    assert expected(spec, dataset, [ran]).iterations == 60
    assert expected(spec.replace(stop=StopRule(tol=1e-9, max_iter=500)), dataset, [ran]).iterations > 60


def test_the_run_most_alike_is_believed_before_a_later_one(data):
    dataset = data["digits"]
    same, later = fitted(spec_of("digits", 6, "hals"), dataset), fitted(spec_of("digits", 6, "mu"), dataset)
    for ran in ([same, later], [later, same]):
        assert expected(same.spec, dataset, ran).iterations == same.factorization.history[-1].iteration


def test_an_iteration_over_the_cells_costs_what_it_visits():
    small, tall = (Dataset("upload", "ones", np.ones((m, 50)), mask=np.ones((m, 50), np.uint8)) for m in (1_000, 10_000))
    for solver in ("masked", "masked-hals"):
        spec = FIRST.replace(rank=5, solver=solver)
        assert (cost(spec, tall) - estimates.CALL) / (cost(spec, small) - estimates.CALL) == pytest.approx(10)


def test_limits_bound_what_is_expected(data):
    dataset = data["digits"]
    spec = spec_of("digits", 10, "mu")
    assert expected(spec.replace(stop=StopRule(max_iter=7)), dataset).iterations == 7
    assert expected(spec.replace(stop=StopRule(tol=0.0, max_iter=90)), dataset).iterations == 90
    long = spec.replace(stop=StopRule(tol=0.0, max_iter=100_000, max_seconds=2.0))
    assert expected(long, dataset, floor=False).seconds == pytest.approx(2.0)


def test_the_cost_of_an_iteration_grows_with_all_that_it_visits():
    small, tall = (Dataset("upload", "ones", np.ones((m, 50))) for m in (1_000, 10_000))
    spec = FIRST.replace(rank=5)
    assert 5 < (cost(spec, tall) - estimates.CALL) / (cost(spec, small) - estimates.CALL) <= 10
    assert cost(spec.replace(rank=10), tall) > cost(spec, tall)
    assert expected(spec, tall, floor=True).seconds > expected(spec, tall, floor=False).seconds


def test_without_data_nothing_is_expected():
    assert expected(FIRST, None) is None


def test_the_panel_says_it_before_and_after():
    app = start_app()
    said = {text.value: text.help for text in app.sidebar.markdown}
    assert any("Expected: " in text and meaning.startswith(FROM_RUN.capitalize()) for text, meaning in said.items())
    named(app.sidebar.toggle, "live").set_value(False).run()
    named(app.sidebar.number_input, "rank-field").set_value(23).run()  # a rank that no other test wants to see begin
    app.sidebar.button(key="fit").click().run()
    assert any("with its start and the floor; expected:" in text.value for text in app.sidebar.markdown)


WITHOUT_WAITING = """
import sys
from dashboard.work.fitting import FIRST, fit_key, fit_work
from dashboard.work.jobs import Jobs
from nmfcore.kernels import engines

jobs = Jobs()
with engines.plain_meanwhile():
    run = jobs.submit(fit_key(FIRST), fit_work(FIRST, jobs), session="a").wait(60) and jobs.result(fit_key(FIRST))
assert run.plain
assert "numba" not in sys.modules
jobs.close(timeout=5)
"""


def test_a_first_run_waits_for_no_kernels_and_says_so(data, monkeypatch):
    """While the server prepares them, a fit loads nothing of them; what stands beside Fit, its job and its page say so."""
    pytest.importorskip("numba", reason="without it there are no kernels to wait for")
    place = Path(estimates.__file__).parents[2]
    subprocess.run([sys.executable, "-c", WITHOUT_WAITING], cwd=place, env={**os.environ, "PYTHONPATH": str(place)}, check=True)
    monkeypatch.setattr("nmfcore.kernels.available.installed", lambda: True)
    spec = spec_of("digits", 6, "kl-newton")
    later, jobs = expected(spec, data["digits"], floor=False), Jobs()
    with engines.plain_meanwhile():
        now = expected(spec, data["digits"], floor=False)
        assert NOT_YET in now.how
        assert now.seconds > 2 * later.seconds
        job = jobs.submit("fit", fit_work(FIRST, jobs), session="a")
        assert job.wait(60.0)
        said = jobs.result("fit")
        assert said.plain
    assert NOT_YET not in later.how
    assert not engines.preparing()
    assert cost(spec, data["digits"], plain=True) > 2 * cost(spec, data["digits"])  # so a plain run's pace is no slow machine's
    app = start_app()
    app.session_state["nmf"].shown.run = said
    app.switch_page("views/fit.py")
    assert any("still being prepared when it began" in block.value for block in app.run().markdown)
