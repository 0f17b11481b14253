"""Does every computation ask for room before it takes memory, and read every limit there is?"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import topics_shown
from dashboard.work import expression as workbench_expression
from dashboard.work import fitting, floor, gate, lenses, races, stability, surveys, watching
from dashboard.work import images as workbench_images
from dashboard.work import recommender as workbench_recommender
from dashboard.work import symmetric as workbench_symmetric
from dashboard.work.divide import Wanted, divided_work
from dashboard.work.job import DoesNotFit, Job
from dashboard.work.jobs import Jobs
from nmfcore.core.spec import StopRule
from nmfcore.data import load_prepared
from nmfcore.data.model import limits
from nmfcore.data.model.dataset import Dataset
from nmfcore.methods.maps import ItemMap
from nmfcore.methods.over_time import bins

SPEC = fitting.FIRST.replace(rank=4, stop=StopRule(tol=0.0, max_iter=3))


class Refused(Exception):
    """What a test raises in place of a computation."""


class Full:
    """A job for which there is no room. Whatever else it is asked has come too late."""

    message = ""
    stopped = False

    def say(self, message, fraction=None):
        self.message = message

    def reserve(self, needed, way_out=""):
        self.needed, self.way_out = needed, way_out
        raise Refused

    def report(self, *progress, **fraction):
        raise AssertionError("It computes before it has asked for room.")


@pytest.fixture(scope="module")
def run():
    jobs = Jobs()
    job = jobs.submit("k", fitting.fit_work(SPEC, jobs), session="s")
    assert job.wait(60)
    yield jobs.result("k")
    jobs.close()


def works(run):
    """Every kind of work that the dashboard submits and that takes memory with the data, by name."""
    jobs, data = Jobs(), run.dataset
    table = workbench_expression.of_dataset(data, rows=True)
    tv = workbench_recommender.of_dataset(load_prepared("tv"))
    rng = np.random.default_rng(0)
    pictures = Dataset(key="upload", title="pictures", X=rng.random((20, 16)), image_shape=(4, 4))
    seen, years = topics_shown.of(run).seen(), bins(data.facts["year"], "decade")
    choice = workbench_symmetric.Choice("binary", "cosine", True, 4, 0)
    return {
        "fit": fitting.fit_work(SPEC, jobs),
        "continue": fitting.continue_work(run, SPEC.stop),
        "floor": floor.floor_work(run, jobs),
        "stability": stability.stability_work(run),
        "watch": watching.recording_work(run, several=False),
        "watch several": watching.recording_work(run, several=True),
        "survey": surveys.survey_work(surveys.Asked(run, (2, 3), 2), jobs),
        "race": races.race_work(run, ["hals", "mu"], 1.0),
        "shares by group": lenses.shares_work(seen, years.classes, None, 0),
        "words of each bin": lenses.words_work(seen, years, 0, 1),
        "dynamic topics": lenses.dynamic_work(run, years, lenses.Windows("year", "decade", 2, 3), 0),
        "map of W": lenses.map_work(seen, "W", 0),
        "map of X": lenses.map_work(seen, "X", 0),
        "subset against all": lenses.contrast_work(seen, np.arange(50)),
        "words of two groups": lenses.odds_work(run, np.arange(50), np.arange(50, 200)),
        "two collections": lenses.corpora_work(run, lenses.Corpus("a", np.arange(50)), lenses.Corpus("b", np.arange(50, 200))),
        "neighbours kept": lenses.trust_work(seen, ItemMap(np.zeros((200, 2)), "W", 0, 1.0, 1.0, np.arange(200))),
        "divide": divided_work(run, [Wanted((0,), (), 2)]),
        "images": workbench_images.fit_work(pictures, (4,), 0, None),
        "expression": workbench_expression.fit_work(table, 3, 0),
        "expression ranks": workbench_expression.survey_work(table, 3, 0),
        "symmetric": workbench_symmetric.steps_work(data, choice),
        "recommender": workbench_recommender.fit_work(tv, 2, 1.0, 0),
        "recommender held out": workbench_recommender.held_out_work(tv, 2, 1.0, 0),
    }


def test_every_computation_asks_for_room_before_it_begins(run):
    for name, work in works(run).items():
        job = Full()
        with pytest.raises(Refused):  # and nothing else: a report before it fails
            work(job)
        assert job.needed > 0, name
        assert "would fit" in job.way_out, name


def test_a_rank_that_does_not_fit_is_refused_with_the_rank_that_would(run, monkeypatch):
    m, n = run.dataset.shape
    stored = run.dataset.X.nnz if run.dataset.sparse else None
    budget = limits.estimated_bytes(m, n, 10, stored=stored)
    monkeypatch.setattr(gate, "memory_budget", lambda: budget)
    jobs = Jobs(budget=lambda: budget)
    job = Job("k", _grant=jobs._ledger.grant, _until=np.inf)
    gate.fits(job, run.dataset, 10)
    with pytest.raises(DoesNotFit, match=r"Rank 10 would fit\."):
        gate.fits(job, run.dataset, 25)


SIDE = st.integers(1, 3_000)


@given(st.tuples(SIDE, SIDE), st.integers(1, 60), st.integers(1, 4), st.booleans(), st.floats(0.001, 1.5))
@settings(max_examples=150, deadline=None)
def test_what_is_said_to_fit_does_fit(shape, rank, runs, kl, room):
    """The factor of the other side stays as it is: a share of all bytes was said, and did not fit for wide data."""
    loss = "kullback-leibler" if kl else "frobenius"

    def needed(shape, rank):
        return runs * limits.estimated_bytes(*shape, rank, loss="kl" if kl else "frobenius")

    def said(shape, rank):
        job = Asking()
        gate.room(job, shape, rank, loss=loss, runs=runs)
        assert job.needed == needed(shape, rank)
        return job.way_out

    budget = int(room * needed(shape, rank))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "memory_budget", lambda: budget)
        way_out = said(shape, rank)
    if budget >= needed(shape, rank):
        return
    told = re.match(
        r"Rank (\d+) would fit\.|About (\d+) % of it would fit: take fewer (rows|columns)|Less than 1 % of it", way_out
    )
    if told[1]:
        assert needed(shape, int(told[1])) <= budget < needed(shape, int(told[1]) + 1)
    elif told[2]:
        assert needed(shape, 1) > budget
        (m, n), share = shape, int(told[2]) / 100
        part = (int(m * share), n) if told[3] == "rows" else (m, int(n * share))
        assert needed(part, rank) <= budget
    else:
        assert needed((max(shape) / 100, min(shape)), rank) >= 0.99 * budget


@dataclass
class Asking:
    """A job that says what was asked of it."""

    needed: int = 0
    way_out: str = ""

    def reserve(self, needed, way_out):
        self.needed, self.way_out = needed, way_out


def test_a_finished_fit_is_kept_when_there_is_no_memory_for_its_floor(monkeypatch):
    def no_memory(*_, **__):
        raise MemoryError

    monkeypatch.setattr(floor, "svd", no_memory)
    jobs = Jobs()
    job = jobs.submit("k", fitting.fit_work(SPEC, jobs), session="s")
    assert job.wait(60)
    kept = jobs.result("k")
    assert kept.factorization.history[-1].iteration == 3
    assert (kept.measured, kept.bounded, kept.floor_line) == (False, False, None)
    assert kept.no_floor == "there was not enough memory to measure the floor"
    assert kept.unmeasured == "There was not enough memory to measure the floor."
    monkeypatch.undo()
    measured = jobs.submit("floor", floor.floor_work(kept, jobs), session="s")
    assert measured.wait(60)
    assert kept.bounded
    assert kept.unmeasured == ""
    assert 0 < kept.floor <= kept.factorization.relative_error
    jobs.close()


# -- the limits that are read ----------------------------------------------------------------------------------------


def test_a_process_limit_is_read():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))\n"
        "from nmfcore.data.model.limits import _free_of_process, memory_budget\n"
        "print(_free_of_process(), memory_budget())"
    )
    checkout = Path(__file__).parents[2]
    said = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True).stdout.split()
    free, budget = map(int, said)
    assert 0 < free < 3 * 2**30
    assert budget <= free // limits.WORK_SHARE


@pytest.fixture
def groups(tmp_path):
    """A tree of control groups as a process in /shop/nmf sees it."""
    root, own = tmp_path / "cgroup", tmp_path / "own"
    (root / "shop" / "nmf").mkdir(parents=True)
    own.write_text("0::/shop/nmf\n")

    def write(group, **files):
        for name, text in files.items():
            (root / group / name.replace("_", ".", 1)).write_text(str(text))

    return root, own, write


def test_the_tightest_group_above_the_process_counts(groups):
    root, own, write = groups
    write("", memory_max="max")
    write("shop", memory_max=1000, memory_current=400, memory_stat="anon 300\ninactive_file 100\n")
    write("shop/nmf", memory_max="max", memory_high=5000, memory_current=200)
    assert limits._free_of_cgroup(root, own) == 700


def test_without_a_limit_the_groups_say_nothing(groups):
    root, own, write = groups
    write("shop/nmf", memory_max="max", memory_current=200)
    assert limits._free_of_cgroup(root, own) is None
    assert limits._free_of_cgroup(root / "nowhere", own / "nowhere") is None


def test_version_1_groups_are_read_too(groups):
    root, own, _ = groups
    own.write_text("5:cpu,memory:/shop\n3:pids:/x\n")
    (root / "memory" / "shop").mkdir(parents=True)
    (root / "memory" / "shop" / "memory.limit_in_bytes").write_text("900")
    (root / "memory" / "shop" / "memory.usage_in_bytes").write_text("300")
    assert limits._free_of_cgroup(root, own) == 600


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("overview", "floor not measured"),
        ("fit", ""),
        ("svd", "There was not enough memory to measure the floor."),
        ("compare", ""),
    ],
)
def test_a_run_without_a_floor_draws_and_says_so(key, said, monkeypatch):
    from test_views import go, start

    monkeypatch.setattr(fitting, "floor_of", lambda *_: (None, floor.NO_MEMORY))
    app = go(start({"data": "movies", "rank": "3", "seed": "71"}), key)
    assert not app.exception
    texts = [block.value for block in app.markdown] + [figure.delta or "" for figure in app.metric]
    assert any(said in text for text in texts)
    if key == "svd":
        monkeypatch.undo()
        app.button(key="measure-floor").click().run()
        assert any(block.value.startswith("This NMF explains") for block in app.title)
