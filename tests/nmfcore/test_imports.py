"""Do the imports point one way, and does importing nmfcore stay light?"""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("nmfcore", "dashboard")
WITHOUT_STREAMLIT = ("links", "text", "work", "figures", "topics_shown", "files")


def modules():
    """Name and path of every module of the two packages."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


NAMES = dict(modules())


@functools.cache
def imports(path):
    """What a file imports, inside functions too, as full module names; imports for type checkers alone are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
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


def room(name):
    """The line of the README that a module belongs to: its folder ("nmfcore data/model"), or itself on the ground floor."""
    path = NAMES[name].relative_to(ROOT)
    package, inner = path.parts[0], "/".join(path.parts[1:-1])
    return f"{package} {inner or path.stem}"


def table(package):
    """The lines of a package's README: room -> the rooms it may import."""
    text = (ROOT / package / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `([\w/]+)` \| [^|]+ \| ([^|]+) \|$", text, re.M)
    rooms = [name.strip("/") for name, _ in lines]
    found = {}
    for at, (name, allowed) in enumerate(lines):
        listed = {inner.strip("/") for inner in re.findall(r"`([\w/]+)`", allowed)}
        if allowed.startswith("everything above"):
            listed = set(rooms[:at]) - listed
        assert listed <= set(rooms[:at]), (
            f"{package}/README.md: {name} may import what stands below it: {listed - set(rooms[:at])}"
        )
        found[f"{package} {name.strip('/')}"] = {f"{package} {one}" for one in listed}
    return found


TABLE = table("nmfcore") | table("dashboard")


def test_every_folder_has_its_line_and_every_line_its_folder():
    assert {room(name) for name in NAMES} == set(TABLE)


def test_the_ground_floor_of_nmfcore_stays_small():
    things = {path.name for path in (ROOT / "nmfcore").iterdir() if not path.name.startswith("__")}
    assert len(things - {"README.md", "py.typed"}) <= 12


@pytest.mark.parametrize("name", NAMES)
def test_imports_point_one_way(name):
    here = room(name)
    for other in imports(NAMES[name]):
        if other not in NAMES or room(other) == here:
            continue
        if room(other).split()[0] != here.split()[0]:
            continue  # the dashboard may import all of nmfcore; the other way is forbidden below
        assert room(other) in TABLE[here], f"{name} imports {other}; the README's table does not allow {here} -> {room(other)}"


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: {o for o in imports(path) if o in NAMES} - {name} for name, path in NAMES.items()}
    done: set[str] = set()

    def visit(name, trail):
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, [*trail, name])
            done.add(name)

    for name in graph:
        visit(name, [])


def test_every_module_of_the_dashboard_is_reached_from_its_application():
    reached, pages = set(), [name for name in NAMES if name.startswith("dashboard.views.")]
    waiting = ["dashboard.app", "dashboard.server.cli", *pages]  # pages are opened by file name
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [other for other in imports(NAMES[name]) if other in NAMES]
    packages = {name for name, path in NAMES.items() if path.name in ("__init__.py", "__main__.py")}  # what a person runs
    unused = {name for name in NAMES if name.startswith("dashboard.")} - reached - packages
    assert not unused, f"nothing imports {sorted(unused)}"


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("nmfcore")])
def test_nmfcore_knows_no_screen_and_no_plot(name):
    for other in imports(NAMES[name]):
        assert other.split(".")[0] not in ("streamlit", "plotly", "matplotlib", "dashboard"), f"{name} imports {other}"


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in NAMES
        if n.startswith(("dashboard.figures", "dashboard.work", "dashboard.text", "dashboard.files", "dashboard.topics_shown"))
    ],
)
def test_what_is_computed_drawn_and_written_knows_no_streamlit(name):
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
