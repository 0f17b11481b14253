"""What was recognised in a file, as a person reads it: what it is, its first rows, its columns?

Names and cells come from the file: they are escaped where they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.text.words import count
from nmfcore.data.model.table import Table
from nmfcore.data.reading import known_formats

COLUMNS_OFFERED = 200  # names in the choice of a column: a file can have 200,000
GLIMPSED = (3, 4)  # rows and columns of an answer that are shown


@dataclass(frozen=True)
class Glimpse:
    """The first rows of a reading, and what it comes to."""

    says: str
    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def facts(table: Table) -> dict[str, str]:
    """What was recognised, as plain text by name; names and labels in it come from the file."""
    understood = table.understood
    said = {"Format": _format(understood)}
    if understood.get("sheet"):
        said["Sheet"] = str(understood["sheet"])
    if understood.get("member"):
        said["File" if understood.get("inside") else "Matrix"] = str(understood["member"])
    if "delimiter_name" in understood:
        said["Cells divided by"] = str(understood["delimiter_name"])
    if understood.get("decimal"):
        said["Decimal sign"] = {".": "point", ",": "comma"}.get(str(understood["decimal"]), str(understood["decimal"]))
    if understood.get("encoding"):
        said["Encoding"] = str(understood["encoding"])
    if "header" in understood:
        said["Header"] = "the first row holds the names" if understood["header"] else "none"
    if "index_column" in understood and table.content not in ("ratings", "counts"):
        said["Row labels"] = column_name(understood["index_column"]) if understood["index_column"] is not None else "none"
    said["Content"] = _content(table)
    if table.content == "documents" and "text_column" in understood:
        said["Texts"] = column_name(understood["text_column"])
    elif table.content == "ratings":
        said["User, item, rating"] = ", ".join(column_name(column) for column in understood.get("rating_columns") or ())
    if understood.get("dtype"):
        said["Numbers"] = str(understood["dtype"])
    for title, aside in (("Facts", table.aside), ("Facts of the columns", table.column_aside)):
        said[title] = ", ".join(list(aside)[:8]) + (" …" if len(aside) > 8 else "")
    return {name: text for name, text in said.items() if text}


def _content(table: Table) -> str:
    """What a table holds, and how much of it."""
    m, n = table.shape
    if table.content == "documents":
        return count(m, "document")
    if table.content == "ratings":
        return f"ratings by {count(m, 'user')} of {count(n, 'item')}"
    if table.content == "counts":
        (rows, _), (columns, _) = table.understood.get("axes") or (("documents", ""), ("terms", ""))
        return f"counts of {n:,} {columns} in {m:,} {rows}"
    if table.content == "images":
        height, width = table.image_shape or (0, 0)
        return f"{count(m, 'picture')} of {height} × {width} pixels"
    return f"a matrix of {count(m, 'row')} × {count(n, 'column')}"


def _format(understood: Mapping[str, Any]) -> str:
    key = str(understood.get("format", ""))
    if understood.get("holds"):
        return f"zip of {understood['files']:,} {understood['holds']}"
    title = {"csv": "text table", "image": "picture"}.get(key) or known_formats().get(key, key)
    if understood.get("sparse"):
        title = f"{title} ({understood['sparse']}, sparse)"
    packed = understood.get("unpacked_bytes")
    return f"{title}, unpacked ({packed / 1e6:.1f} MB)" if packed else title


def column_name(column: str | int) -> str:
    """A column as a person calls it."""
    return f"column {column + 1}" if isinstance(column, int) else str(column)


def column_choices(table: Table) -> list[str | int]:
    """The columns of a text table as its reading options name them: by name, or by number where there is no header."""
    understood = table.understood
    if not understood.get("header"):
        extra = len(table.aside) + (understood.get("index_column") is not None)
        return list(range(min(table.shape[1] + extra, COLUMNS_OFFERED)))
    names: list[str | int] = []
    index = understood.get("index_column")
    found = [*([index] if isinstance(index, str) else []), *table.aside, *(understood.get("rating_columns") or ())]
    if isinstance(understood.get("text_column"), str):
        found.append(understood["text_column"])
    if table.content == "matrix":
        found += list(table.column_labels or ())[:COLUMNS_OFFERED]
    for name in found:
        if name not in names:
            names.append(name)
    return names[:COLUMNS_OFFERED]


def examples(table: Table, roles: Mapping[str, str], most: int = 3) -> dict[str, str]:
    """The first cells of the columns whose roles are told: facts as they stand, features as numbers."""
    facts = _told(roles, "fact", list(table.aside))
    said = {name: ", ".join(str(cell) for cell in table.aside[own][:most]) for name, own in facts.items()}
    if table.X is None or not table.column_labels:
        return said
    block = table.X[:most]
    for name, j in _told(roles, "feature", table.column_labels, range(len(table.column_labels))).items():
        column = block[:, [j]]
        cells = (column.toarray() if table.sparse else np.asarray(column)).ravel()
        said[name] = ", ".join("" if value != value else f"{value:g}" for value in cells.tolist())
    return said


def _told(roles: Mapping[str, str], role: str, labels: Sequence[str], kept: Sequence[Any] | None = None) -> dict[str, Any]:
    """By the name under which a column is told: where it is kept. In their order where all are, since names may repeat."""
    names = [name for name, its in roles.items() if its == role]
    kept = labels if kept is None else kept
    if len(names) == len(labels):
        return dict(zip(names, kept, strict=True))
    return {name: where for name, where in zip(labels, kept, strict=True) if name in set(names)}


def first_rows(table: Table) -> list[list[str]]:
    """The first rows of the file as they stand in it, as far as the reader shows them."""
    rows = table.understood.get("first_rows") or []
    return [[str(cell) for cell in row] for row in rows]


def preview(table: Table, rows: int = 8, columns: int = 12) -> tuple[list[str], list[list[Any]]]:
    """The first rows as they were understood: the columns' names, and for each row its label and its cells (None: missing)."""
    m, n = table.shape
    height, width = min(m, rows), min(n, columns)
    labels = [str(label) for label in (table.row_labels or [str(i + 1) for i in range(height)])[:height]]
    if table.documents is not None:
        aside = list(table.aside)[:4]
        head = ["", "text", *aside]
        return head, [[labels[i], table.documents[i][:300], *(table.aside[name][i] for name in aside)] for i in range(height)]
    names = [str(name) for name in (table.column_labels or [str(j + 1) for j in range(width)])[:width]]
    block = table.X[:height, :width]
    if table.sparse:
        dense = block.toarray()
        if table.absent == "missing":
            there = block.copy()
            there.data = there.data * 0 + 1
            dense = np.where(there.toarray() > 0, dense, np.nan)
    else:
        dense = block
    cells = [[None if value != value else float(value) for value in row] for row in dense]
    return ["", *names], [[label, *row] for label, row in zip(labels, cells, strict=True)]


def glimpse(table: Table) -> Glimpse:
    """The first rows of a table, and its size in words."""
    names, rows = preview(table, *GLIMPSED)
    m, n = table.shape
    kinds = {"documents": f"{m:,} documents", "ratings": f"ratings: {m:,} × {n:,}", "counts": f"counts: {m:,} × {n:,}"}
    return Glimpse(kinds.get(table.content, f"{m:,} × {n:,} numbers"), tuple(names), tuple(tuple(row) for row in rows))
