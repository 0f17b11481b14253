"""How does something new become a row of a prepared data set, prepared exactly as its rows were?

A text goes through the tokeniser, vocabulary and weighting of the data's `text` step, with the data's own document
frequencies; typed values ("feature: value", or a pasted row) go through the steps that a table had. What a step learned from
the data is read off the prepared matrix: a term's document frequency is the number of stored entries in its column, and the
number of documents is that of the step's summary. Where a step cannot be repeated for one row, that is said: a text is refused,
typed values are taken as they stand in X. The data set is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.data import prepare
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.words import analyzer, cutter, stop_list
from nmfcore.topics.explain import count_tokens

VALUE = re.compile(r"(.+?)\s*[:=\t]\s*([^:=\t]+)")  # a feature and its value
ROW_LOCAL = (
    "text",
    "scale_rows",
    "log1p",
    "binary",
    "idf",
    "drop_empty",
    "zeros",
    "items",
)  # steps that one row can go through alone
CHANGES_VALUES = ("scale_rows", "scale_columns", "log1p", "binary", "idf")
LONGEST_TEXT = 200_000  # characters


@dataclass(frozen=True, eq=False)
class NewRow:
    """A new row in the columns of a data set.

    row : (n,) float64, prepared as the data was
    known : tokens or values that have a column;  unknown : those that have none, in order, once each
    left_out : stop words of the text, in order, once each
    seen : (n,) bool, True = observed, for data with missing entries; None when everything is
    as_prepared : why typed values were taken as they stand in X, a step's title; "" when they went through all steps
    """

    row: np.ndarray
    known: int
    unknown: list[str]
    left_out: list[str]
    seen: np.ndarray | None = None
    as_prepared: str = ""


def takes_text(dataset: Dataset) -> bool:
    """Whether new rows of this data are texts."""
    return dataset.X is not None and any(step["step"] == "text" for step in dataset.steps)


def unrepeatable(dataset: Dataset) -> str:
    """The title of the first step that one new row cannot go through; "" when it can go through all."""
    before: list[Mapping[str, Any]] = []
    for step in dataset.steps:
        name = step["step"]
        # The norm of a row is over columns that were dropped later, and the columns that remain do not tell it
        narrows = name == "most_variable" and step.get("axis", "columns") == "columns" and not any(map(_normalises, before))
        # Document frequencies are read off the last matrix: a threshold after the idf would have changed them
        thins = name == "binary" and step.get("threshold", 0.0) > 0 and any(map(_weighs, before))
        thins |= name == "items" and any(map(_weighs, before))  # the rows that are left do not tell the frequencies of all
        if not (name in ROW_LOCAL or narrows or (name == "transpose" and not takes_text(dataset))) or thins:
            return prepare.STEPS[name].title
        before.append(step)
    names = [step["step"] for step in dataset.steps]
    if "transpose" in names and any(name in CHANGES_VALUES for name in names):
        return prepare.STEPS["transpose"].title
    return ""


def from_text(dataset: Dataset, text: str) -> NewRow:
    """A text as a row: counted in the data's vocabulary, weighted with its idf, normalised as its rows are.

    Raises
    ------
    ValueError
        If the data's rows are not texts, or one of its steps cannot be repeated for one row.
    """
    if not takes_text(dataset):
        raise ValueError("The rows of this data are not made from texts.")
    stuck = unrepeatable(dataset)
    if stuck:
        raise ValueError(
            f"The step '{stuck}' of the preparation learned something from all rows that cannot be repeated for one text. "
            "Prepare the data without it to describe new texts."
        )
    place = next(i for i, step in enumerate(dataset.steps) if step["step"] == "text")
    step = prepare.checked(dataset.steps[place])
    tokens, single, left_out = _tokens(dataset, step, text[:LONGEST_TEXT])
    counted = count_tokens(tokens, dataset.axes.columns)
    missing = set(counted.unknown)  # of phrases, the single words in them are named
    unknown = [word for word in dict.fromkeys(single) if word in missing] if step["ngrams"][0] == 1 else counted.unknown
    row = counted.row
    if step["weighting"] == "binary":
        row = np.sign(row)
    elif step["sublinear"]:
        row = np.where(row > 0, 1.0 + np.log(np.maximum(row, 1.0)), 0.0)
    if step["weighting"] == "tfidf":
        row = _scaled(row * _idf(dataset, place), "l2")
    return NewRow(_later(dataset, row, place + 1), counted.known, unknown, left_out)


def from_values(dataset: Dataset, text: str) -> NewRow:
    """Typed values as a row: "feature: value" on lines or between commas, features alone (each 1), or all values of a row.

    Labels are compared without regard to case. What is not named is 0, or missing where the data has missing entries.

    Raises
    ------
    ValueError
        If a value is negative or not a finite number, or a pasted row has not one value for each column.
    """
    text = text[:LONGEST_TEXT]
    columns, n = dataset.axes.columns, dataset.shape[1]
    cells = _cells(text, dataset.decimal)
    unknown: list[str] = []
    if cells is not None and (len(cells) == n or (n > 1 and len(cells) > 1)):
        if len(cells) != n:
            raise ValueError(f"A row has {n:,} {columns.name}; {len(cells):,} values were given.")
        values, given = np.nan_to_num(np.array(cells), nan=0.0, posinf=np.inf), ~np.isnan(cells)
    else:
        place = {columns.label(j).casefold(): j for j in reversed(range(n))}
        values, given = np.zeros(n), np.zeros(n, bool)
        for name, value in _pairs(text, place, dataset.decimal):
            j = place.get(name.casefold())
            if j is None:
                unknown.append(name)
            else:
                values[j], given[j] = value, True
    for j in np.flatnonzero(~np.isfinite(values) | (values < 0))[:1]:
        wrong = "is below 0; NMF needs values of 0 or more" if values[j] < 0 else "is not a finite number"
        raise ValueError(f"{columns.label(int(j))}: {values[j]:g} {wrong}.")
    stuck = unrepeatable(dataset)
    row = values if stuck or takes_text(dataset) else _later(dataset, values, 0)
    return NewRow(row, int(given.sum()), list(dict.fromkeys(unknown)), [], given if dataset.mask is not None else None, stuck)


# -- steps of the preparation ------------------------------------------------------------------------------------------


def _later(dataset: Dataset, row: np.ndarray, start: int) -> np.ndarray:
    """The row after the steps from `start` on; each of them is row-local, or `unrepeatable` has said so."""
    for place in range(start, len(dataset.steps)):
        step = prepare.checked(dataset.steps[place])
        if step["step"] == "scale_rows":
            row = _scaled(row, step["norm"])
        elif step["step"] == "log1p":
            row = np.log1p(row)
        elif step["step"] == "binary":
            row = (row > step["threshold"]).astype(float)
        elif step["step"] == "idf":
            row = row * _idf(dataset, place)
    return row


def _idf(dataset: Dataset, place: int) -> np.ndarray:
    """(n,) ln((1+m)/(1+df))+1 as step `place` took it: m is the number of rows that it saw."""
    X = dataset.X
    df = np.bincount(X.indices, minlength=X.shape[1]) if sp.issparse(X) else np.count_nonzero(X, axis=0)
    m = dataset.effects[place].before.rows if len(dataset.effects) == len(dataset.steps) else X.shape[0]
    return np.log((1 + m) / (1 + df)) + 1.0


def _scaled(row: np.ndarray, norm: str) -> np.ndarray:
    size = float(row.sum() if norm == "l1" else np.linalg.norm(row) if norm == "l2" else row.max(initial=0.0))
    return row / size if size > 0 else row


def _normalises(step: Mapping[str, Any]) -> bool:
    return step["step"] == "scale_rows" or (step["step"] == "text" and step.get("weighting", "tfidf") == "tfidf")


def _weighs(step: Mapping[str, Any]) -> bool:
    return step["step"] == "idf" or (step["step"] == "text" and step.get("weighting", "tfidf") == "tfidf")


def _tokens(dataset: Dataset, step: Mapping[str, Any], text: str) -> tuple[list[str], list[str], list[str]]:
    """The text cut as the step cut the data: its terms, its single words without stop words, and the stop words in it."""
    pattern, lower = step["token_pattern"], step["lowercase"]
    stop = stop_list(step["stop_words"], step["extra_stop_words"], pattern)
    cut = cutter(dataset.documents or (), pattern)
    shortest, longest = step["ngrams"]
    words = analyzer(pattern, lowercase=lower, cut=cut)(text)
    terms = analyzer(pattern, lowercase=lower, stop=stop, ngrams=(shortest, longest), cut=cut)(text)
    return terms, [word for word in words if word not in stop], list(dict.fromkeys(word for word in words if word in stop))


# -- what was typed ----------------------------------------------------------------------------------------------------


def _cells(text: str, decimal: str) -> list[float] | None:
    """The values of a pasted row, NaN for empty cells; None when it holds anything but numbers."""
    text = text.strip("\r\n ")
    divided = r"[;,]" if decimal == "." else r";|,(?!\d)"  # a comma before a digit belongs to the number
    parts = text.split("\t") if "\t" in text else re.split(divided, text) if re.search(divided, text) else text.split()
    try:
        return [_number(part, decimal) if part.strip() else np.nan for part in parts] if any(map(str.strip, parts)) else None
    except ValueError:
        return None


def _number(text: str, decimal: str) -> float:
    """A typed number as the data's file writes numbers: 1,5 is 1.5 where the file has decimal commas."""
    return float(text.replace(",", ".") if decimal == "," and "." not in text else text)


def _pairs(text: str, place: Mapping[str, int], decimal: str) -> list[tuple[str, float]]:
    """Features with their values, 1 where none is given; a label that holds commas is found on a line of its own."""
    found = []
    for line in re.split(r"[\n;]", text):
        whole = _pair(line, decimal)
        inside = whole is not None and whole[0].casefold() in place
        for part in [line] if inside else re.split(r"," if decimal == "." else r",(?!\d)", line):
            pair = _pair(part, decimal)
            if pair is not None:
                found.append(pair if part.strip().casefold() not in place else (part.strip(), 1.0))
    return found


def _pair(text: str, decimal: str) -> tuple[str, float] | None:
    text = text.strip()
    if not text:
        return None
    match = VALUE.fullmatch(text)
    if match is not None:
        try:
            return match[1].strip(), _number(match[2], decimal)
        except ValueError:
            pass
    return text, 1.0
