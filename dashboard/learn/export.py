"""How does a lesson leave the dashboard? As one HTML file that works from a disk, without a server, a network or this program.

Modules stay apart: an import map gives each the data: address of its own source, under a bare name, because "./x.js" means
nothing inside a data: module. The file's own policy forbids it everything but itself.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.figures.theme import DARK, FONT, LIGHT, Palette

ASSETS = Path(__file__).resolve().parents[1] / "devices" / "assets"
JAVASCRIPT = "data:text/javascript;base64,"
POLICY = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data:"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{title}</title>
<style>:root {{ color-scheme: light dark; {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
@media print {{ :root {{ {light} }} body {{ margin: 0; }} }}
body {{ margin: 20px clamp(12px, 4vw, 70px); background: var(--st-background-color); }}
{css}</style>
<script type="importmap">{modules}</script></head><body><main id="lesson"></main>
<script type="application/json" id="data">{data}</script>
<script type="module">
import draw from "nmf/lesson.js"
const data = JSON.parse(document.getElementById("data").textContent), parentElement = document.getElementById("lesson")
const inflated = text => new Response(new Blob([Uint8Array.from(atob(text), c => c.charCodeAt(0))]).stream()
  .pipeThrough(new DecompressionStream("deflate"))).arrayBuffer()
data.arrays = {{}}
for (const [name, text] of Object.entries(data.blocks)) data.arrays[name] = new Uint8Array(await inflated(text))
const show = () => draw({{ data, parentElement, setStateValue() {{}}, setTriggerValue() {{}} }})
show()
matchMedia("(prefers-color-scheme: dark)").onchange = show
</script></body></html>
"""


def page(head: Mapping[str, Any], blocks: Mapping[str, np.ndarray]) -> str:
    """The whole file, from a lesson's bundle."""
    used = {step["device"] for step in head["steps"]}
    sources = {path.name: path.read_text(encoding="utf-8") for path in ASSETS.glob("*.js")}
    sources["lesson.js"] = only(sources["lesson.js"], used)
    bare = {name: re.sub(r'(from\s+)"\./', r'\1"nmf/', source) for name, source in sources.items()}
    modules = {f"nmf/{name}": JAVASCRIPT + _base64(bare[name].encode()) for name in sorted(reachable("lesson.js", bare))}
    packed = {name: _base64(zlib.compress(block.tobytes(), 9)) for name, block in blocks.items()}
    given = {**head, "blocks": packed, "offline": True, "paper": palette(LIGHT)}  # hides what needs the server
    return PAGE.format(
        policy=POLICY, title=escape(head["title"]), light=variables(LIGHT), dark=variables(DARK),
        css=(ASSETS / "devices.css").read_text(encoding="utf-8"), modules=json.dumps({"imports": modules}),
        data=json.dumps(given, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
    )  # fmt: skip


def only(source: str, used: set[str]) -> str:
    """lesson.js with the devices that this lesson has; the others stay at home."""
    kept = "\n".join(
        line for line in source.splitlines() if not (found := re.match(r"import \{ build as (\w+) \}", line)) or found[1] in used
    )
    return re.sub(r"const DEVICES = \{[^}]*\}", f"const DEVICES = {{ {', '.join(sorted(used))} }}", kept)


def reachable(name: str, sources: Mapping[str, str]) -> set[str]:
    """The modules that one needs, itself among them."""
    found: set[str] = set()
    left = [name]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += re.findall(r'from\s+"nmf/([\w.]+)"', sources[name])
    return found


def palette(of: Palette) -> dict[str, str]:
    """The theme under the names that Streamlit gives it."""
    lists = {"categorical": of.categorical, "sequential": of.sequential, "diverging": of.diverging}
    values = {
        "font": FONT, "text-color": of.text, "background-color": of.background, "secondary-background-color": of.grid + "66",
        "border-color": of.grid, "primary-color": of.categorical[0], "link-color": of.categorical[0],
        **{f"chart-{name}-colors": ",".join(colours) for name, colours in lists.items()},
    }  # fmt: skip
    return {f"--st-{name}": value for name, value in values.items()}


def variables(of: Palette) -> str:
    """The same for a style sheet."""
    return " ".join(f"{name}: {value};" for name, value in palette(of).items())


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
