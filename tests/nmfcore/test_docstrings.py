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
METHODS = ("evaluate", "guide", "kernels", "methods", "solvers", "topics")
AUTHORS = re.compile(r"\b[A-Z][\w’'-]+(?:,? (?:&|and|et al\.?,?|[A-Z][\w’'-]+,?))*,? \(?(?:19|20)\d\d\b")
OWN = {  # files without a published method, and why
    "guide/effects.py": "differences between two models",
    "guide/plans.py": "where the refits of steer.py start, which names the source",
    "guide/verdicts.py": "whether a wish of this project is kept",
    "kernels/engines.py": "products, and a choice between the engines, which name the sources",
    "kernels/parts.py": "how loops are shared out",
    "kernels/compiled.py": "the compiled twins of plain.py and newton.py, which name the sources",
    "methods/markers.py": "wishes of guide/ in the words of expression",
    "methods/over_time.py": "bins, and the least squares of topics/projection.py",
    "methods/subset.py": "conditions on items, and the contrasts of methods/groups.py",
    "solvers/block_door.py": "what may be asked of blocked.py, which names the sources",
    "solvers/block_starts.py": "starts that are fits themselves, or blocked.py's",
    "solvers/block_work.py": "a part of blocked.py, which names the sources",
    "solvers/blocked_run.py": "the loop around a solver",
    "solvers/loop.py": "the loop around a solver",
    "solvers/asked.py": "from arguments to a specification",
    "solvers/remarks.py": "sentences",
    "solvers/together.py": "the loop around several solvers",
    "topics/scale.py": "columns multiplied by numbers",
}
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
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield path, node


def parameters(node):
    return [given.arg for given in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


TREES = {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.rglob("*.py"))}
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
    """What a function raises itself."""
    return {
        getattr(inner.exc.func, "id", "")
        for inner in ast.walk(node)
        if isinstance(inner, ast.Raise) and isinstance(inner.exc, ast.Call)
    } - {"AssertionError", "NotImplementedError", ""}


def raised_within(path, node):
    """What it raises itself or in the private functions of its file that it leads to."""
    near = {one.name: one for one in TREES[path].body if isinstance(one, ast.FunctionDef) and one.name.startswith("_")}
    left, seen, errors = [node], set(), set()
    while left:
        one = left.pop()
        errors |= raised(one)
        called = {getattr(inner.func, "id", "") for inner in ast.walk(one) if isinstance(inner, ast.Call)}
        left += [near[name] for name in sorted(called & set(near) - seen)]
        seen |= called
    return errors


def raising():
    """The public functions that take matrices and raise something, with what that is."""
    for path, node in PARSED:
        found = raised_within(path, node) if MATRICES & set(parameters(node)) else ()
        if found:
            yield pytest.param(node, found, id=f"{path}:{node.name}")


@pytest.mark.parametrize(("node", "errors"), list(raising()))
def test_what_is_raised_is_said(node, errors):
    text = ast.get_docstring(node) or ""
    assert "Raises" in text or all(name in text for name in errors), f"{node.name} raises {errors} and does not say so"


def rooms_of_methods():
    """The files in which matrices are computed with, and whether one of their docstrings names authors and a year."""
    for path in sorted({path for path, node in PARSED if MATRICES & set(parameters(node))}):
        if path.parts[0] in METHODS:
            documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
            texts = [ast.get_docstring(one) or "" for one in ast.walk(TREES[path]) if isinstance(one, documented)]
            yield pytest.param(path.as_posix(), any(map(AUTHORS.search, texts)), id=path.as_posix())


@pytest.mark.parametrize(("path", "named"), list(rooms_of_methods()))
def test_where_a_method_is_from_is_said(path, named):
    """By authors and year, in the docstring of the function, its class or its file."""
    assert named or path in OWN, f"{path} names no source; say whose method it is, or why there is none in OWN"
    assert not (named and path in OWN), f"{path} names a source: it needs no reason in OWN any more"


@pytest.mark.parametrize("name", DOORS)
def test_the_doors_have_the_sections_of_a_reference(name):
    texts = [ast.get_docstring(node) or "" for _, node in PARSED if node.name == name]
    assert any(all(f"\n{part}\n---" in text for part in ("Parameters", "Returns", "Raises")) for text in texts), name
