"""What did whoever started the server hand to it? Files to open at once, and a folder whose files everybody may open.

The command writes both into the environment, so that every way of starting can. Files are read here and nowhere else, and a path
never leaves the folder: names come from a listing, links are not followed, and what is asked for has to be in that listing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.work.environment import FOLDER_VARIABLE, OPEN_VARIABLE
from nmfcore.data.blocks import is_store
from nmfcore.data.model.errors import CONVERT
from nmfcore.data.model.limits import Limits
from nmfcore.data.reading import gathered

MOST_LISTED = 500  # files of a folder that are offered
DEEPEST = 4  # folders inside folders that are looked into


class NotThere(ValueError):
    """A file that was asked for is not in the folder that is offered, or cannot be read; the message is for a person."""


@dataclass(frozen=True)
class Entry:
    """A file that is offered: its path inside the folder, with slashes, and its bytes."""

    name: str
    size: int


def paths() -> list[Path]:
    """The files and folders that the server was started with."""
    return [Path(part) for part in os.environ.get(OPEN_VARIABLE, "").split(os.pathsep) if part]


def opened(given: Sequence[Path] | None = None) -> tuple[str, bytes] | None:
    """Name and content of what the server was started with; several files, or a folder, as one zip. None without any.

    Raises
    ------
    UploadError
        If it is too large, or no longer there.
    """
    found = list(paths() if given is None else given)
    if not found:
        return None
    source = gathered(found[0] if len(found) == 1 else found, Limits.from_environment())
    with source.open() as stream:
        return source.name, stream.read()


def folder() -> Path | None:
    """The folder that is offered to everybody; None without one."""
    text = os.environ.get(FOLDER_VARIABLE, "")
    return Path(text).resolve() if text else None


def entries(root: Path | None = None) -> list[Entry]:
    """The files of that folder and of the folders in it, by name; hidden ones and links are left out."""
    root = folder() if root is None else root.resolve()
    if root is None or not root.is_dir():
        return []
    found: list[Entry] = []
    left = [(root, 0)]
    while left and len(found) < MOST_LISTED:
        here, depth = left.pop(0)
        try:
            inside = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in inside:
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir() and is_store(entry.path):  # it has a page of its own
                continue
            if entry.is_dir() and depth < DEEPEST:
                left.append((Path(entry.path), depth + 1))
            elif entry.is_file() and len(found) < MOST_LISTED:
                found.append(Entry(Path(entry.path).relative_to(root).as_posix(), entry.stat().st_size))
    return sorted(found, key=lambda one: one.name)


def read(name: str, root: Path | None = None) -> bytes:
    """The content of one of the `entries`.

    Raises
    ------
    NotThere
        If it is none of them, too large, or cannot be read.
    """
    root = folder() if root is None else root.resolve()
    known = {entry.name: entry for entry in entries(root)}
    if root is None or name not in known:
        raise NotThere("There is no such file in this server's folder. Choose one of the list.")
    most = Limits.from_environment().upload_bytes
    if known[name].size > most:
        raise NotThere(
            f"This file has {known[name].size / 2**20:,.0f} MB; files up to {most / 2**20:,.0f} MB are read. {CONVERT}"
        )
    place = (root / name).resolve()
    if not place.is_relative_to(root):  # replaced by a link since it was listed
        raise NotThere("There is no such file in this server's folder. Choose one of the list.")
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        with os.fdopen(os.open(place, flags), "rb") as stream:
            return stream.read(most + 1)[:most]
    except OSError:
        raise NotThere("This file cannot be read any more. Choose another one.") from None
