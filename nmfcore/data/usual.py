"""With which decisions does a person start: what entries mean, how texts become words, what a link had chosen?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nmfcore.data import prepare
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.errors import Fix
from nmfcore.data.model.languages import language_of
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.model.words import EMOJI
from nmfcore.data.readers.options import ReadOptions

GLIMPSE_TEXTS = 1000  # of a corpus, looked at for emoji
SMALL_CORPUS = 50  # documents below which a word may stand in a single one
NAMES = ("name", "rows", "columns", "zero_means")
MEANINGS = (*NAMES, "orientation", "missing", "negatives", "zeros", "classes")

Steps = tuple[Mapping[str, Any], ...]


def from_link(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of reading and the arguments of `as_dataset` in a run's `data_options`; nothing when they are damaged."""
    names = {entry.name for entry in fields(ReadOptions)}
    read = {name: value for name, value in options.items() if name in names}
    meaning = {name: value for name, value in options.items() if name in MEANINGS and value is not None}
    try:
        ReadOptions.of(read)
    except (TypeError, ValueError):
        return {}, {}
    return read, meaning


def names_given(meaning: Mapping[str, Any]) -> dict[str, Any]:
    """The names that were given; `as_dataset` keeps the other choices in a data set's options, and a link needs these too."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in meaning.items() if name in NAMES}


def settled(table: Table, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `as_dataset`: the usual ones for this content, and the chosen ones as far as they apply."""
    usual: dict[str, Any] = {}
    m, n = table.shape
    if table.documents is not None:
        usual["zero_means"] = "the word does not occur in the document"
    if table.content == "ratings":
        usual["zero_means"] = "a rating of 0"
        if m * n <= Limits.from_environment().dense_cells:
            usual["missing"] = "mask"  # who did not rate said nothing; the screen shows this choice and offers the other
    arguments = {**usual, **chosen}
    if arguments.get("classes") not in known_labels(table, str(arguments.get("orientation", "rows"))):
        arguments.pop("classes", None)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}


def known_labels(table: Table, orientation: str) -> list[str]:
    """The facts that can serve as known labels of the items: those of the rows, or of the columns where these are the items."""
    return list(table.column_aside if orientation == "columns" and table.documents is None else table.aside)


def usual_steps(raw: Dataset) -> Steps:
    """The preparation with which a person starts: words for texts, nothing for numbers."""
    if raw.documents is None or raw.X is not None:
        return ()
    few = len(raw.documents) < SMALL_CORPUS
    language = language_of(raw.documents)
    most = 0.95 if len(raw.documents) > 2 else 1.0  # in one or two documents no word is too common
    step = {"step": "text", "weighting": "tfidf", "min_df": 1 if few else 2, "max_df": most, "token_pattern": "natural"}
    return (prepare.checked({**step, "stop_words": [language] if language else []}),)


def other_words(raw: Dataset, steps: Steps) -> tuple[Fix, ...]:
    """The way out where texts have no words: emoji can be words."""
    texts = raw.documents or ()
    plain = any(step["step"] == "text" and step.get("token_pattern") != "emoji" for step in steps)
    if not plain or not any(EMOJI.search(text) for text in texts[:GLIMPSE_TEXTS]):
        return ()
    return (Fix("Count emoji as words", {"change": {"token_pattern": "emoji"}}),)


def words_of(text: str) -> list[str]:
    """The words of a pasted or uploaded list: one a line, or divided by spaces, commas or semicolons; each once, sorted."""
    return sorted({word.strip().lower() for word in re.split(r"[\s,;]+", text) if word.strip()})
