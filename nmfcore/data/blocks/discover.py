"""Which stores lie in a folder that somebody offers?

`nmf-dashboard --data DIR` sets NMF_DATA_FOLDER; the stores directly in it are offered, under the names of their folders, for
reading only. Links that lead outside are not followed.
"""

from __future__ import annotations

import os
from pathlib import Path

from nmfcore.core.checks import ProblemError
from nmfcore.data.blocks.store import HEADER, Store

VARIABLE = "NMF_DATA_FOLDER"
MOST = 200  # stores that are offered, in the order of their names


def offered() -> Path | None:
    """The folder that is offered, or None."""
    named = os.environ.get(VARIABLE, "").strip()
    return Path(named).resolve() if named else None


def stores(folder: Path | None = None) -> dict[str, Path]:
    """Folders of the stores in `folder` (None: the one offered) by name, sorted; nothing of them is read yet."""
    folder = offered() if folder is None else folder.resolve()
    if folder is None or not folder.is_dir():
        return {}
    found = {}
    for place in sorted(folder.iterdir(), key=lambda p: p.name):
        inside = place.is_dir() and not place.is_symlink() and place.resolve().parent == folder
        if inside and (place / HEADER).is_file() and not (place / HEADER).is_symlink():
            found[place.name] = place
        if len(found) == MOST:
            break
    return found


def open_store(name: str, folder: Path | None = None) -> Store:
    """The store of that name in the folder.

    Raises
    ------
    ProblemError
        If there is none of that name, or it is damaged.
    """
    known = stores(folder)
    if name not in known:
        raise ProblemError(f"There is no store {name[:80]!r} in the folder that is offered. Known: {', '.join(known) or 'none'}.")
    return Store(known[name])
