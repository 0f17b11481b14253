"""How does the API reference come out of the docstrings? `python -m docs.api build/api` writes it and checks it.

pdoc makes the pages. Then every reference has to lead somewhere: links and anchors of the pages, and what docstrings and
documents name in code marks as a module, function or file of this project. What leads nowhere is printed, and the command fails.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pdoc
from pdoc import render

import nmfcore

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = ("nmfcore.core.moved", "nmfcore._datasets")
NAMED = re.compile(r"`((?:nmfcore|dashboard)(?:\.\w+)+)(?:\([^`]*\))?`")
FILE = re.compile(r"`((?:nmfcore|dashboard|tests|docs|datasets|benchmarks|\.ci)/[\w./-]+)(?:::\w+)?`")


class Page(HTMLParser):
    """The anchors and links of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {given[name] or "" for name in ("id", "name") if name in given}
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))


def broken_links(folder: Path) -> Iterator[str]:
    """Links inside the pages that lead nowhere."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"\w+:", link):
                continue
            name, _, anchor = link.partition("#")
            goal = (path.parent / name).resolve() if name else path.resolve()
            if goal not in pages:
                yield f"{path.relative_to(folder)}: no page {link}"
            elif anchor and anchor not in pages[goal].anchors:
                yield f"{path.relative_to(folder)}: no anchor {link}"


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            if not hasattr(found, part) and part not in getattr(found, "__annotations__", {}):
                return False
            found = getattr(found, part, None)
        return True
    return False


def broken_names() -> Iterator[str]:
    """Names and files of this project in docstrings and documents that are not there."""
    sources = [path for package in ("nmfcore", "dashboard", "docs", "benchmarks") for path in (ROOT / package).rglob("*.py")]
    documents = [path for path in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")] if path.name != "CHANGELOG.md"]
    for path in [*sources, *documents]:
        text = path.read_text(encoding="utf-8")
        new = set(re.findall(r"[Nn]ew file `([\w/.]+)`", text))
        for name in NAMED.findall(text):
            if not exists(name):
                yield f"{path.relative_to(ROOT)}: there is no {name}"
        for name in FILE.findall(text):
            if name not in new and not (ROOT / name.rstrip("/")).exists() and not any(sign in name for sign in "<*"):
                yield f"{path.relative_to(ROOT)}: there is no file {name}"


def modules() -> list[str]:
    """nmfcore and every module of it that is there to be called; named one by one, since `__all__` names none of them."""
    inside = [found.name for found in pkgutil.walk_packages(nmfcore.__path__, "nmfcore.")]
    return ["nmfcore", *(name for name in inside if not name.startswith(LEFT_OUT) and "._" not in name)]


def main() -> None:
    """Build the pages into the folder that is named, and check them."""
    folder = Path(sys.argv[1]).resolve()
    warnings.simplefilter("error")  # what pdoc cannot import or read is an error
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message=".*has already been added")  # a package lists its modules, and so do we
    for name in nmfcore.__all__:  # names that are imported when they are asked for
        setattr(nmfcore, name, getattr(nmfcore, name))
    render.configure(docformat="numpy", show_source=False, math=False)
    pdoc.pdoc(*modules(), output_directory=folder)
    wrong = sorted({*broken_links(folder), *broken_names()})
    print("\n".join(wrong) or f"{len(list(folder.rglob('*.html')))} pages, every reference leads somewhere")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
