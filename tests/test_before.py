"""Does what people exported, saved and linked before the house was rebuilt (version 0.1) still mean the same?

tests/before/ was made with version 0.1.0 and is never written again.
"""

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dashboard import links
from dashboard.files import report, saved
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitting import FIRST, fit_work
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from nmfcore import RunSpec
from nmfcore.core.moved import MOVED
from nmfcore.topics import top_terms

BEFORE = Path(__file__).parent / "before"
RUNS = json.loads((BEFORE / "runs.json").read_text(encoding="utf-8"))
SCRIPTS = sorted(path.stem for path in BEFORE.glob("*.out"))


@pytest.mark.parametrize("name", RUNS)
def test_a_run_gives_what_it_gave(name):
    was, asked = RUNS[name], RunSpec.from_dict(RUNS[name]["asked"])
    run = fit_work(asked, Jobs(), None)(Job("test", _until=float("inf")))
    fit = run.factorization
    assert str(run.spec.key) == was["key"]
    assert links.to_query(run.spec, FIRST) == was["query"]
    assert fit.stopped.name == was["stopped"]
    assert fit.history[-1].iteration == was["iterations"]
    for value, name in ((fit.relative_error, "relative_error"), (run.floor, "floor"), (float(fit.W.sum()), "W_sum")):
        assert value == pytest.approx(was[name], rel=1e-5)  # BLAS of another machine rounds otherwise
    assert [list(map(str, found.terms)) for found in top_terms(fit.H, run.dataset.axes.columns, count=5)] == was["words"]


@pytest.mark.parametrize("name", RUNS)
def test_a_link_opens_what_it_opened(name):
    was = RUNS[name]
    spec = links.from_query(was["query"], FIRST) if was["query"] else FIRST
    assert spec.replace(fingerprint="").to_json() == RunSpec.from_dict(was["spec"] | {"fingerprint": ""}).to_json()


@pytest.mark.parametrize("name", ["movies", "tv"])
def test_a_saved_run_opens(name):
    found, _ = saved.opened((BEFORE / f"{name}.nmf.npz").read_bytes())
    was = next(run for run in RUNS.values() if run["spec"] == json.loads(found.fit.spec.to_json()))
    assert found.fit.relative_error == was["relative_error"]
    assert float(found.fit.W.sum()) == pytest.approx(was["W_sum"], rel=1e-12)
    edits = saved.edits_of(found)
    if name == "movies":
        assert edits.merges == ((0, 2),)
        assert edits.names == {(0, 2): "crime"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_exported_script_runs_and_prints_what_it_printed(name, tmp_path):
    ran = subprocess.run(
        [sys.executable, str(BEFORE / f"{name}.py")], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(BEFORE.parents[1]), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    was = (BEFORE / f"{name}.out").read_text(encoding="utf-8").split()
    now = [word for line in ran.stdout.splitlines() if not line.startswith("Made with") for word in line.split()]
    assert len(now) == len(was)
    for new, old in zip(now, was, strict=True):
        try:
            assert float(new.strip("(),")) == pytest.approx(float(old.strip("(),")), rel=1e-4)
        except ValueError:
            assert new == old


def test_every_old_module_name_is_the_new_module():
    code = f"from importlib import import_module as get\nprint(*[a for a, b in {MOVED}.items() if get(a) is not get(b)])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=BEFORE.parents[1])
    assert not ran.stdout.split()


def test_an_old_name_says_where_it_went():
    import nmfcore

    vars(nmfcore).pop("scale", None)
    sys.modules.pop("nmfcore.scale", None)
    with pytest.warns(DeprecationWarning, match=r"nmfcore\.topics\.scale"):
        from nmfcore import scale  # type: ignore[attr-defined]
    assert scale.apply(np.ones((2, 1)), np.ones((1, 2)), "as fitted").W.shape == (2, 1)
    assert scale.__spec__.name == "nmfcore.topics.scale"


def text_of(page):
    """The words of a page as a person reads them."""
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S))).split()


def is_number(word):
    return bool(re.fullmatch(r"-?[\d.,]*\d[\d.,]*", word))


def test_the_report_says_what_it_said():
    run = fit_work(FIRST, Jobs(), None)(Job("test", _until=float("inf")))
    other = re.compile(r"(?<=converged, )(under )?[\d.]+ s|\d+\.\d+\.\d+")  # the seconds, and the version
    now = other.sub("?", " ".join(text_of(report.html(run, edits=Edits().rename((1,), "mine"))))).split()
    was = other.sub("?", " ".join(text_of((BEFORE / "report.txt").read_text(encoding="utf-8")))).split()
    assert [word for word in now if not is_number(word)] == [word for word in was if not is_number(word)]
    read = [[float(word.rstrip(".,").replace(",", "")) for word in text if is_number(word)] for text in (now, was)]
    assert read[0] == pytest.approx(read[1], rel=2e-3)  # BLAS of another machine rounds otherwise
