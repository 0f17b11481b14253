"""Do the imports point one way, and does importing nmfcore stay light?"""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("nmfcore", "dashboard")

# Each module may import from its own layer and from those above it; a module that is named nowhere belongs to its package's
# general layer ("nmfcore.*" or "dashboard.*").
LAYERS = [
    ("nmfcore.core.errors", "nmfcore.core.wanted"),
    ("nmfcore.version", "nmfcore.core", "nmfcore.core.parameters", "nmfcore.threads", "nmfcore.factorization", "nmfcore.spec"),
    ("nmfcore.checks",),
    ("nmfcore.losses", "nmfcore.kernels", "nmfcore.compiled", "nmfcore.nnls", "nmfcore.sketch", "nmfcore.init"),
    ("nmfcore.solvers.*",),
    ("nmfcore.solvers", "nmfcore.run", "nmfcore.contract"),
    ("nmfcore", "nmfcore.*"),
    ("nmfcore.data", "nmfcore.data.*"),
    ("dashboard.figures", "dashboard.figures.*", "dashboard.plain"),
    ("dashboard.*", "dashboard.widgets", "dashboard.widgets.*"),
    ("dashboard.views", "dashboard.views.*"),
    ("dashboard.main",),
    ("dashboard", "dashboard.app", "dashboard.asgi", "dashboard.cli"),
]


def modules():
    """Name and path of every module of the two packages."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


NAMES = dict(modules())


@functools.cache
def imports(path, *, inside_functions=True):
    """What a file imports, as full module names; imports for type checkers alone are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        or (not inside_functions and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import; write the full name"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name if name in NAMES else node.module for name in full]
    return found


def layer(name):
    """The layer of a module: the most exact pattern wins."""
    fits = [
        (len(pattern), not pattern.endswith("*"), level)
        for level, patterns in enumerate(LAYERS)
        for pattern in patterns
        if name == pattern or (pattern.endswith(".*") and name.startswith(pattern[:-1]))
    ]
    return max(fits, key=lambda fit: (fit[1], fit[0]))[2]


@pytest.mark.parametrize("name", NAMES)
def test_imports_point_one_way(name):
    for other in imports(NAMES[name]):
        if other.split(".")[0] in PACKAGES and other in NAMES:
            assert layer(other) <= layer(name), f"{name} imports {other}, which stands above it"


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: {o for o in imports(path, inside_functions=False) if o in NAMES} - {name} for name, path in NAMES.items()}
    done: set[str] = set()

    def visit(name, trail):
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, [*trail, name])
            done.add(name)

    for name in graph:
        visit(name, [])


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("nmfcore")])
def test_nmfcore_knows_no_screen_and_no_plot(name):
    for other in imports(NAMES[name]):
        assert other.split(".")[0] not in ("streamlit", "plotly", "matplotlib", "dashboard"), f"{name} imports {other}"


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("dashboard.figures") or n == "dashboard.jobs"])
def test_figures_and_jobs_know_no_streamlit(name):
    assert "streamlit" not in {other.split(".")[0] for other in imports(NAMES[name])}


def test_importing_nmfcore_loads_nothing_heavy():
    code = "import sys, nmfcore; print(*[m for m in ('sklearn', 'pandas', 'numba', 'streamlit', 'plotly') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not found.stdout.split(), f"importing nmfcore also loads {found.stdout}"


def test_no_folder_is_called_pages():
    """Streamlit would list its files a second time."""
    assert not [p for p in (ROOT / "dashboard").rglob("pages") if p.is_dir()]


def test_datasets_holds_no_python():
    """A package of that name would shadow Hugging Face's."""
    assert not list((ROOT / "datasets").rglob("*.py"))


def test_no_dashboard_module_takes_a_standard_librarys_name():
    top = {path.stem for path in (ROOT / "dashboard").glob("*.py")}
    assert not top & set(sys.stdlib_module_names)
