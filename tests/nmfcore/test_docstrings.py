"""Do the public functions of nmfcore say the shapes they take, what they give back, and what they raise?

Which functions take matrices is read from their signatures: the names of matrices are the same everywhere (X, W, H, S, C, ...).
"""

import ast
import re
from pathlib import Path

import pytest

import nmfcore

ROOT = Path(nmfcore.__file__).parent
MATRICES = {"A", "C", "G", "H", "HHt", "M", "P", "S", "U", "V", "Vt", "W", "WH", "WtW", "WtX", "X", "XHt", "Xt", "Y", "Z", "mask"}
SHAPE = r"\([^()\n]{1,24}, ?[^()\n]{0,24}\)"  # (m, n), (r,), (..., r)
DOORS = (
    "solve",
    "prepare",
    "continue_",
    "svd",
    "spectrum",
    "project_rows",
    "top_terms",
    "compare",
    "estimate_rating",
    "cooccurrence",
)


def functions():
    """File and node of every public function of a module."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield path.relative_to(ROOT), node


def parameters(node):
    return [given.arg for given in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


PARSED = list(functions())
EVERY = [pytest.param(node, id=f"{path}:{node.name}") for path, node in PARSED]
WITH_MATRICES = [given for given in EVERY if MATRICES & set(parameters(given.values[0]))]


@pytest.mark.parametrize("node", EVERY)
def test_a_public_function_says_what_it_is_for(node):
    assert (ast.get_docstring(node) or "").strip()


@pytest.mark.parametrize("node", WITH_MATRICES)
def test_the_shape_of_every_matrix_is_stated(node):
    text = ast.get_docstring(node) or ""
    for name in MATRICES & set(parameters(node)):
        stated = re.search(rf"\b{name}\b[^.\n]*?{SHAPE}", text) or re.search(rf"{SHAPE}[^.\n]{{0,12}}\b{name}\b", text)
        assert stated, f"{node.name}: the docstring states no shape of {name}"


@pytest.mark.parametrize(
    "node", [given for given in WITH_MATRICES if "ndarray" in ast.unparse(given.values[0].returns or ast.Constant(None))]
)
def test_the_shape_of_an_array_that_is_returned_is_stated(node):
    text = ast.get_docstring(node) or ""
    assert re.search(r"\([^()\n]*[a-zA-Z0-9][^()\n]*, ?[^()\n]*\)", text), f"{node.name}: of which shape is what it returns?"


def raised(node):
    return {
        getattr(inner.exc.func, "id", "")
        for inner in ast.walk(node)
        if isinstance(inner, ast.Raise) and isinstance(inner.exc, ast.Call)
    } - {"AssertionError", "NotImplementedError", ""}


@pytest.mark.parametrize("node", [given for given in WITH_MATRICES if raised(given.values[0])])
def test_what_is_raised_is_said(node):
    text = ast.get_docstring(node) or ""
    assert "Raises" in text or all(name in text for name in raised(node)), (
        f"{node.name} raises {raised(node)} and does not say so"
    )


@pytest.mark.parametrize("name", DOORS)
def test_the_doors_have_the_sections_of_a_reference(name):
    texts = [ast.get_docstring(node) or "" for _, node in PARSED if node.name == name]
    assert any(all(f"\n{part}\n---" in text for part in ("Parameters", "Returns", "Raises")) for text in texts), name
