"""What does the house look like? `python -m docs.house` draws docs/house.svg from the code; `--check` says whether it is current.

One block for each package, one line for each room, in the order of the tables in its README: what stands lower is imported by
what stands above. A dot says that the room of its line imports the room of its column, so that an import against the order would
be a dot above the diagonal.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "house.svg"
PACKAGES = ("nmfcore", "dashboard")
LINE, CELL, NAMES, SAYS = 26, 24, 130, 620  # px: a room's line, a column of dots, the names, the sentences
HEAD, GAP, EDGE = 92, 24, 20
STYLE = """
text { font: 13px "Source Sans 3", "Segoe UI", Arial, sans-serif; fill: #17212f }
.name { font-weight: 600 } .quiet { fill: #4a5768 }
.title { font-size: 17px; font-weight: 600 } line { stroke: #d5dde8 } .dot { fill: #0b5cad } .self { fill: #e3e8ef }
@media (prefers-color-scheme: dark) { text { fill: #e6ebf2 } .quiet { fill: #b4bfcd }
line { stroke: #2a3442 } .dot { fill: #56b4e9 } .self { fill: #2a3442 } }
"""


def rooms(package: str) -> list[tuple[str, str]]:
    """Name and question of each room, lowest first, from the package's README."""
    text = (ROOT / package / "README.md").read_text(encoding="utf-8")
    return [(name.strip("/"), says.strip()) for name, says in re.findall(r"^\| `([\w/]+)` \| ([^|]+) \|", text, re.M)]


def room_of(module: str, known: set[str]) -> str | None:
    """The room that a module of a package stands in: its deepest folder that is one, or itself."""
    parts = module.split(".")[1:] or ["__init__"]
    names = ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return next((name for name in names if name in known), None)


@functools.cache
def imports(package: str) -> set[tuple[str, str]]:
    """Which room imports which, of one package."""
    known = {name for name, _ in rooms(package)}
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        here = room_of(".".join(parts[:-1] if parts[-1] == "__init__" else parts), known)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                there = room_of(name, known) if name.split(".")[0] == package else None
                if here and there and here != there:
                    found.add((here, there))
    return found


def block(package: str, top: int) -> tuple[list[str], int]:
    """The drawing of one package from `top` down, and where it ends."""
    drawn, used = rooms(package)[::-1], imports(package)
    first = EDGE + NAMES + SAYS
    parts = [f'<text class="title" x="{EDGE}" y="{top + 24}">{package}</text>']
    for column, (name, _) in enumerate(drawn):
        x, y = first + column * CELL + CELL // 2, top + HEAD - 8
        parts.append(f'<text class="quiet" x="{x}" y="{y}" transform="rotate(-50 {x} {y})">{escape(name)}</text>')
    for number, (name, says) in enumerate(drawn):
        y = top + HEAD + number * LINE
        parts.append(f'<line x1="{EDGE}" x2="{first + len(drawn) * CELL}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="name" x="{EDGE}" y="{y + 18}">{escape(name)}</text>')
        parts.append(f'<text class="quiet" x="{EDGE + NAMES}" y="{y + 18}">{escape(shortened(says))}</text>')
        for column, (other, _) in enumerate(drawn):
            x = first + column * CELL
            if other == name:
                parts.append(f'<rect class="self" x="{x}" y="{y}" width="{CELL}" height="{LINE}"/>')
            elif (name, other) in used:
                said = f"<title>{escape(name)} imports {escape(other)}</title>"
                parts.append(f'<circle class="dot" cx="{x + CELL // 2}" cy="{y + LINE // 2}" r="5">{said}</circle>')
    return parts, top + HEAD + len(drawn) * LINE


def shortened(text: str, most: int = 84) -> str:
    """A sentence without code marks, cut at a word."""
    plain = text.replace("`", "")
    return plain if len(plain) <= most else plain[:most].rsplit(" ", 1)[0] + " ..."


def drawing() -> str:
    """The whole picture as SVG."""
    parts: list[str] = []
    top, width = EDGE, 0
    for package in PACKAGES:
        drawn, end = block(package, top)
        parts += drawn
        top = end + GAP
        width = max(width, EDGE + NAMES + SAYS + len(rooms(package)) * CELL + 2 * EDGE + 40)
    title = "The rooms of nmfcore and of the dashboard, and which imports which"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" role="img" aria-label="{title}">'
    return "\n".join([head, f"<title>{title}</title>", f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def main() -> None:
    """Write the picture, or check it."""
    now = drawing()
    if "--check" not in sys.argv:
        PICTURE.write_text(now, encoding="utf-8")
    elif not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != now:
        sys.exit("docs/house.svg is not what the code is: run `python -m docs.house` and commit it.")


if __name__ == "__main__":
    main()
