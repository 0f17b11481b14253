"""Do functions, files and parameter lists stay as short as they have become?

The numbers are those of the day they were last cut. They may fall, and are then lowered here; what grows is cut in two.
"""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST_FUNCTION, LONGEST_FILE, MOST_PARAMETERS = 40, 400, 8
SLACK = 5  # so many fewer are not yet a reason to lower the number
SOURCES = {
    path: path.read_text(encoding="utf-8") for package in ("nmfcore", "dashboard") for path in (ROOT / package).rglob("*.py")
}


@cache
def functions():
    """Every function with the file that it stands in."""
    return [
        (path.relative_to(ROOT), node)
        for path, text in SOURCES.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def length(node):
    """Lines of a function without its docstring, which may be as long as it needs to be."""
    first = node.body[0]
    said = isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str)
    return node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1 if said else 0)


def parameters(node):
    given = node.args
    return len([each for each in (*given.posonlyargs, *given.args, *given.kwonlyargs) if each.arg not in ("self", "cls")])


def held(found, most, what):
    """The found ones are no more than there were; and the number is lowered when there are fewer."""
    worst = "\n".join(f"{number:5} {name}" for number, name in sorted(found, reverse=True)[:12])
    assert len(found) <= most, f"{len(found)} {what}; there were {most}. The largest:\n{worst}"
    assert len(found) >= most - SLACK, f"only {len(found)} {what} are left: lower the number in this test to {len(found)}"


def test_long_functions_become_fewer():
    found = [(length(node), f"{path}:{node.name}") for path, node in functions() if length(node) > LONGEST_FUNCTION]
    held(found, 7, f"functions have more than {LONGEST_FUNCTION} lines")


def test_long_files_become_fewer():
    found = [(text.count("\n"), str(path.relative_to(ROOT))) for path, text in SOURCES.items() if text.count("\n") > LONGEST_FILE]
    held(found, 2, f"files have more than {LONGEST_FILE} lines")


def test_long_parameter_lists_become_fewer():
    found = [(parameters(node), f"{path}:{node.name}") for path, node in functions() if parameters(node) > MOST_PARAMETERS]
    held(found, 9, f"functions have more than {MOST_PARAMETERS} parameters")
