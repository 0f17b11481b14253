"""Has each promise of the README a break, and does the README name the tests that see it?"""

import re

import pytest

from tests.promises.__main__ import CHECKOUT
from tests.promises.mutations import MUTATIONS

ROWS = dict(re.findall(r"^\| (\d+)\. .+? \| (.+) \|$", (CHECKOUT / "README.md").read_text(encoding="utf-8"), re.M))


def test_every_promise_is_broken_by_something():
    assert set(map(int, ROWS)) == {one.promise for one in MUTATIONS}
    assert len(ROWS) >= 12
    assert re.search(rf"in\s+{len(MUTATIONS)} ways", (CHECKOUT / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("one", MUTATIONS, ids=lambda one: f"{one.promise}-{one.breaks}")
def test_the_break_fits_the_code_and_the_readme_names_its_tests(one):
    assert (CHECKOUT / one.file).read_text(encoding="utf-8").count(one.old) == 1
    for test in one.tests:
        path, _, name = test.partition("::")
        assert path in ROWS[str(one.promise)], f"promise {one.promise} does not name {path}"
        assert not name or f"def {name.partition('[')[0]}(" in (CHECKOUT / path).read_text(encoding="utf-8")
