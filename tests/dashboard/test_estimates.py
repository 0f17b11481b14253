"""Is what stands beside Fit near what a fit takes? Counted in iterations and operations, so that no clock decides."""

import numpy as np
import pytest
from test_views import named
from test_views import start as start_app

from dashboard.work import estimates
from dashboard.work.estimates import FROM_RUN, FROM_SIZE, cost, expected, iterations
from dashboard.work.fitting import FIRST, finished, load, start
from nmfcore.core.spec import StopRule
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset
from nmfcore.solvers import SOLVERS

EMBEDDED = ("movies", "digits")
SOLVERS_TRIED = ("hals", "mu", "kl-newton", "pg")


@pytest.fixture(scope="module")
def data() -> dict[str, Dataset]:
    return {key: load(FIRST.replace(data=key, preparation=catalog.card(key).preparation)) for key in EMBEDDED}


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
                    said = expected(spec, dataset, None)
                    took = fitted(spec, dataset).factorization.history[-1].iteration
                    near.append(0.5 <= said.iterations / took <= 2.0)
    assert sum(near) >= 0.9 * len(near), f"{sum(near)} of {len(near)}"


def test_a_run_on_screen_says_how_many_iterations_this_data_needs(data):
    dataset = data["digits"]
    run = fitted(spec_of("digits", 6, "hals"), dataset)
    again = expected(run.spec, dataset, run)
    assert again.how == FROM_RUN
    assert again.iterations == run.factorization.history[-1].iteration
    assert expected(run.spec, dataset, None).how == FROM_SIZE
    other = expected(spec_of("digits", 6, "mu"), dataset, run)  # another solver: its pace counts, not its iterations
    assert other.iterations == round(iterations(spec_of("digits", 6, "mu"), dataset))


def test_limits_bound_what_is_expected(data):
    dataset = data["digits"]
    spec = spec_of("digits", 10, "mu")
    assert expected(spec.replace(stop=StopRule(max_iter=7)), dataset, None).iterations == 7
    assert expected(spec.replace(stop=StopRule(tol=0.0, max_iter=90)), dataset, None).iterations == 90
    long = spec.replace(stop=StopRule(tol=0.0, max_iter=100_000, max_seconds=2.0))
    assert expected(long, dataset, None, floor=False).seconds == pytest.approx(2.0)


def test_the_cost_of_an_iteration_grows_with_all_that_it_visits():
    small, tall = (Dataset("upload", "ones", np.ones((m, 50))) for m in (1_000, 10_000))
    spec = FIRST.replace(rank=5)
    assert 5 < (cost(spec, tall) - estimates.CALL) / (cost(spec, small) - estimates.CALL) <= 10
    assert cost(spec.replace(rank=10), tall) > cost(spec, tall)
    assert expected(spec, tall, None, floor=True).seconds > expected(spec, tall, None, floor=False).seconds


def test_without_data_nothing_is_expected():
    assert expected(FIRST, None, None) is None


def test_the_panel_says_it_before_and_after():
    app = start_app()
    said = [text.value for text in app.sidebar.markdown]
    assert any("Takes about" in text and FROM_RUN in text for text in said)
    named(app.sidebar.toggle, "live").set_value(False).run()
    named(app.sidebar.number_input, "rank-field").set_value(23).run()  # a rank that no other test wants to see begin
    app.sidebar.button(key="fit").click().run()
    assert any("with its start and the floor; expected:" in text.value for text in app.sidebar.markdown)
