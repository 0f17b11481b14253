"""Do a new solver, a new data set and a new page take what CONTRIBUTING says, and does everything that should notice them?

The files and lines stand in CONTRIBUTING.md; here they are put into a copy of the repository, and the tests are run there.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = ("nmfcore", "dashboard", "datasets", "tests", "pyproject.toml", "README.md", ".streamlit")
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NEW = dict(re.findall(r"[Nn]ew file `([\w/.]+)`:\n\n```\w+\n(.*?)^```", TEXT, re.M | re.S))
CHANGED = re.findall(r"^In `([\w/.]+)`, [^\n]*:\n\n((?:```diff\n.*?^```\n\n?)+)", TEXT, re.M | re.S)


def insert(path: Path, change: str) -> None:
    """Put the lines with a + below the line that stands above them."""
    after, *added = change.strip("\n").splitlines()
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    at = [number for number, line in enumerate(lines) if line.rstrip("\n") == after[1:]]
    assert len(at) == 1, f"{path.name} has {len(at)} lines {after[1:]!r}"
    lines[at[0] + 1 : at[0] + 1] = [f"{line[1:]}\n" for line in added]
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository with all that CONTRIBUTING adds."""
    root = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        whole = ROOT / name
        if whole.is_dir():
            shutil.copytree(whole, root / name, ignore=shutil.ignore_patterns("before"))
        elif whole.exists():
            shutil.copy(whole, root / name)
    for name, text in NEW.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for name, changes in CHANGED:
        for change in re.findall(r"```diff\n(.*?)^```", changes, re.M | re.S):
            insert(root / name, change)
    return root


def run(copy: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(copy), "OPENBLAS_NUM_THREADS": "1"}
    for name in ("PYTEST_XDIST_WORKER", "PYTHONDONTWRITEBYTECODE"):  # what the first process compiles, the next one reads
        environment.pop(name, None)
    ran = subprocess.run([sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-9000:] + ran.stderr[-2000:]
    return ran.stdout


def test_contributing_names_all_its_files():
    assert sorted(NEW) == [
        "dashboard/help/shares.md", "dashboard/views/shares.py", "datasets/harbours/counts.csv", "datasets/harbours/dataset.toml",
        "nmfcore/solvers/nenmf.py",
    ]  # fmt: skip
    assert [name for name, _ in CHANGED] == ["nmfcore/solvers/__init__.py", "dashboard/main.py"]


def test_the_tests_notice_a_new_solver_data_set_and_page(copy):
    noticing = {
        "tests/nmfcore/test_solver_contract.py": 20,
        "tests/nmfcore/data/test_catalog.py": 3,
        "tests/nmfcore/test_imports.py": 2,
        "tests/nmfcore/test_parameters.py": 2,
        "tests/dashboard/test_every_parameter.py": 3,
        "tests/dashboard/test_every_page.py": 4,
        "tests/dashboard/test_views.py": 1,
    }
    said = run(copy, "-m", "pytest", "-rp", "-x", "-p", "no:cacheprovider", "-k", "nenmf or harbours or shares", *noticing)
    passed = re.findall(r"^PASSED (tests/\S+?)::", said, re.M)
    for file, least in noticing.items():
        assert passed.count(file) >= least, f"{file} has {passed.count(file)} tests of what was added"


def test_the_dashboard_offers_them_and_the_browser_journeys_open_the_page(copy):
    program = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("dashboard/app.py", default_timeout=60).run()
assert not app.exception
assert any("NeNMF" in option for option in app.selectbox(key="solver").options), app.selectbox(key="solver").options
app.query_params.clear()
data = AppTest.from_file("dashboard/app.py", default_timeout=60)
data.query_params["data"], data.query_params["rank"], data.query_params["solver"] = "harbours", "2", "nenmf"
data.run()
assert not data.exception
run = data.session_state["nmf"].shown.run
assert (run.dataset.key, run.spec.solver, run.dataset.axes.rows.labels[0]) == ("harbours", "nenmf", "Bergen")
page = data.switch_page("views/shares.py").run()
assert page.title[0].value.startswith("The largest"), page.title[0].value
from tests.browser.test_journey import PAGES
assert "Shares" in PAGES, PAGES
print("offered")
"""
    assert run(copy, "-c", program).split() == ["offered"]
