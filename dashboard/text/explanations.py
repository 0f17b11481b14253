"""Where do the explanations on screen come from?

From `help/<page>.md`: one section per card, "## name" and the text below it. They are written for the person who reads the chart,
and reviewed like code.
"""

from __future__ import annotations

import functools
import re
from importlib import resources


def reading(page: str, name: str) -> str:
    """The Markdown of one section.

    Raises
    ------
    KeyError
        If the page has no such section.
    """
    return sections(page)[name]


@functools.cache
def sections(page: str) -> dict[str, str]:
    """All sections of one page's file, by name."""
    text = (resources.files("dashboard") / "help" / f"{page}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## +(.+?) *$", text, flags=re.M)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
