"""What can a person say about a file, instead of letting it be guessed?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

WHITESPACE = "whitespace"  # a delimiter: any run of spaces and tabs
NO_DELIMITER = "none"  # one column only
DOUBLE_COLON = "::"  # as MovieLens writes its ratings


@dataclass(frozen=True)
class ReadOptions:
    """The options of `read_matrix`; None means: find out.

    format : a key of `READERS` ("csv", "xlsx", "npz", ...)
    content : what the file holds: "matrix", "documents", "ratings" (user, item, rating in each row; what is absent was not rated)
        or "counts" (document, term, count in each row; what is absent is 0)
    encoding : of text files ("utf-8", "cp1252", "utf-16", ...)
    delimiter : one character, "::", "whitespace" or "none" (one column)
    quote : the character around cells; "" for none
    decimal, thousands : "." or ","; thousands may be "" for none
    header : whether the first row holds names
    header_rows : of how many rows the header consists; their names are joined
    index_column : the column with the row labels: its name, its number from 0, or False for none
    skip_lines : lines before the table
    sheet : of a workbook, by name
    member : the array in an NPZ file, or the file in a zip archive
    drop_columns : columns to leave out, by name or number from 0
    facts : columns to set aside, although they hold numbers
    features : columns that belong to the matrix, although they look like identifiers or annotations
    missing_tokens : more texts that mean "missing" ("-999")
    ragged : what to do with rows of another length: "refuse", "pad" (the rest is missing), "skip"
    unparseable : what to do with text among numbers: "refuse" or "missing"
    infinite : what to do with infinite numbers and those beyond 1e150: "refuse" or "missing"
    nul : what to do with NUL characters in text: "refuse" or "remove"
    per : in a text file, what one document is: "line", "paragraph" (blank lines divide them) or "file"
    text_column, label_column : of a table of documents
    user_column, item_column, rating_column : of a table of ratings or counts
    """

    format: str | None = None
    content: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    header: bool | None = None
    header_rows: int | None = None
    index_column: str | int | bool | None = None
    skip_lines: int | None = None
    sheet: str | None = None
    member: str | None = None
    drop_columns: Sequence[str | int] = ()
    facts: Sequence[str | int] = ()
    features: Sequence[str | int] = ()
    missing_tokens: Sequence[str] = ()
    ragged: str = "refuse"
    unparseable: str = "refuse"
    infinite: str = "refuse"
    nul: str = "refuse"
    per: str | None = None
    text_column: str | int | None = None
    label_column: str | int | None = None
    user_column: str | int | None = None
    item_column: str | int | None = None
    rating_column: str | int | None = None

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> ReadOptions:
        """The options of a dict, names and values checked.

        Raises
        ------
        TypeError
            If a name is unknown.
        ValueError
            If a value is not allowed.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(chosen) - known)
        if unknown:
            raise TypeError(f"read_matrix has no option {unknown[0]!r}. Known: {', '.join(sorted(known))}.")
        values: dict[str, Any] = {name: list(value) if isinstance(value, tuple) else value for name, value in chosen.items()}
        options = cls(**values)
        for name, allowed in _ALLOWED.items():
            value = getattr(options, name)
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}; allowed: {', '.join(map(repr, allowed))}.")
        delimiter = options.delimiter
        named = delimiter is None or delimiter in (WHITESPACE, NO_DELIMITER, DOUBLE_COLON)
        if not named and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '\r\n"'):
            raise ValueError(f"delimiter is {delimiter!r}; it must be one character, '::', 'whitespace' or 'none'.")
        rows = options.header_rows
        if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= 10):
            raise ValueError(f"header_rows is {rows!r}; it must be a number from 1 to 10.")
        return options

    def chosen(self) -> dict[str, Any]:
        """Those that differ from "find out", as JSON values."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {name: value for name, value in plain.items() if value not in ([], getattr(_DEFAULTS, name))}


_ALLOWED: dict[str, tuple[Any, ...]] = {
    "content": (None, "matrix", "ratings", "counts", "documents"),
    "per": (None, "line", "paragraph", "file"),
    "quote": (None, '"', "'", ""),
    "decimal": (None, ".", ","),
    "thousands": (None, ".", ",", ""),
    "ragged": ("refuse", "pad", "skip"),
    "unparseable": ("refuse", "missing"),
    "infinite": ("refuse", "missing"),
    "nul": ("refuse", "remove"),
}
_DEFAULTS = ReadOptions()
