"""Which data sets are there, and how does one get them?

A data set is a folder in `datasets/` with a card (`dataset.toml`) and, where they are small, its files. Adding one is adding
a folder: a file that could be uploaded is read by the same door, other sources name a `loader` of nmfcore/data/loaders.py. Cards
are read when asked for, data when loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from nmfcore.data.loaders import LOADERS
from nmfcore.data.model.card import Card, Report, read_card, silent
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.prepare import apply


def folder() -> Traversable:
    """The folder with one folder per data set: inside the installed package, or beside it in a checkout."""
    packaged = resources.files("nmfcore") / "_datasets"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[2] / "datasets"


def cards() -> dict[str, Card]:
    """All cards by key, in the order they are offered."""
    return dict(_cards(folder()))  # type: ignore[arg-type]


def card(key: str) -> Card:
    """One card.

    Raises
    ------
    ValueError
        If there is no such data set.
    """
    known = cards()
    if key not in known:
        raise ValueError(f"There is no data set {key!r}. Known: {', '.join(known)}.")
    return known[key]


def available(entry: Card) -> bool:
    """Whether a data set can be loaded without fetching anything."""
    return LOADERS[entry.loader].available(entry)


def load(key: str, options: Mapping[str, Any] | None = None, report: Report | None = None) -> Dataset:
    """A data set of the catalog. Text comes as a corpus; `load_prepared` makes the matrix too.

    Raises
    ------
    ValueError
        If the key, an option or its value is unknown.
    DataUnavailable
        If it has to be fetched and cannot be; the message says what was tried and what to do.
    """
    chosen = card(key)
    return LOADERS[chosen.loader].load(chosen, chosen.checked_options(options), report or silent)


def load_prepared(
    key: str,
    options: Mapping[str, Any] | None = None,
    preparation: tuple[Mapping[str, Any], ...] | list[Mapping[str, Any]] | None = None,
    report: Report | None = None,
) -> Dataset:
    """A data set of the catalog, prepared: with the given steps, or with the card's own when `preparation` is None."""
    dataset = load(key, options, report)
    steps = card(key).preparation if preparation is None else preparation
    return apply(dataset, steps, report)


@lru_cache(maxsize=8)  # by folder: both kinds of Traversable that occur are hashable
def _cards(root: Traversable) -> Mapping[str, Card]:
    found = sorted(_read_cards(root), key=lambda card: (card.order, card.key))
    return {card.key: card for card in found}


def _read_cards(root: Traversable) -> Iterator[Card]:
    for place in root.iterdir():
        if (place / "dataset.toml").is_file():
            yield read_card(place)
