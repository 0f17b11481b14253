"""Is a share, a sign, a number of things written in one way wherever it is read?

"32.29%" once stood beside "67.5 %", and "1 rows" on a page of one row.
"""

import ast
import re
from pathlib import Path

import pytest

from dashboard.text import words
from nmfcore.core.written import percent, signed

ROOT = Path(__file__).parents[1]
HOME = ROOT / "nmfcore" / "core" / "written.py"
FILES = [path for package in ("nmfcore", "dashboard") for path in (ROOT / package).rglob("*.py") if path != HOME]


def formats(path):
    """Every value in a formatted string of a file: how it is formatted, and the text after it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            for one, after in zip(node.values, [*node.values[1:], None], strict=True):
                if isinstance(one, ast.FormattedValue):
                    spec = ast.unparse(one.format_spec) if one.format_spec is not None else ""
                    text = str(after.value) if isinstance(after, ast.Constant) else ""
                    yield node.lineno, ast.unparse(one.value), spec, text


def test_shares_and_signs_are_written_in_one_place():
    found = []
    for path in FILES:
        for line, value, spec, after in formats(path):
            percent_sign = re.search(r"%\W*$", spec)
            of_a_hundred = value.startswith("100 *") and after.startswith((" %", "%"))
            if percent_sign or of_a_hundred or re.search(r"\+[.\d]*[fge]\W*$", spec):
                found.append(f"{path.relative_to(ROOT)}:{line}: {value}")
    assert not found, "Use percent() or signed() of nmfcore/core/written.py:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("share", "digits", "said"),
    [
        (0.3229, 2, "32.29 %"),
        (0.675, 1, "67.5 %"),
        (0.99999, 1, "99.999 %"),
        (1.0, 1, "100.0 %"),
        (1.0 - 1e-9, 1, "99.999 %"),
        (0.95, 0, "95 %"),
        (-0.021, 1, "−2.1 %"),
    ],
)
def test_a_share_is_a_number_a_space_and_the_sign(share, digits, said):
    assert percent(share, digits) == said


def test_a_sign_is_a_sign_and_no_hyphen():
    assert (signed(-0.5), signed(0.5), signed(-1.234, 2)) == ("−0.5", "+0.5", "−1.23")


def test_an_estimate_is_about_something_or_under_it():
    assert words.about(0.001) == "under 0.01 s"
    assert words.about(0.31) == "about 0.31 s"
