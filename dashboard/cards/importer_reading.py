"""How is a file of one's own read? What was understood of it, and every choice set to what was recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import importer_columns
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count
from dashboard.work import recognised
from dashboard.work.importing import Import
from nmfcore.data.model.table import Table
from nmfcore.data.readers.names import unique
from nmfcore.data.readers.options import DOUBLE_COLON, NO_DELIMITER, WHITESPACE
from nmfcore.data.readers.triples import OPTIONS as PAIR_OPTIONS

CONTENTS = {
    "matrix": "a matrix",
    "ratings": "ratings: user, item, rating",
    "counts": "counts: document, term, count",
    "documents": "documents",
}
PER = {"line": "a line", "paragraph": "a paragraph", "file": "the whole file"}
DELIMITERS = {
    ",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", WHITESPACE: "spaces", ":": "colon",
    DOUBLE_COLON: "two colons", NO_DELIMITER: "nothing: one column",
}  # fmt: skip
DECIMALS = {".": "point: 3.14", ",": "comma: 3,14"}
THOUSANDS = {"": "nothing", ",": "comma: 1,000", ".": "point: 1.000"}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1")
QUOTES = {'"': "double quotes", "'": "single quotes", "": "nothing"}
TABLES = ("csv", "xlsx", "workbook", "json", "parquet", "arff", "stata", "spss")  # whose cells can be read in several ways
WITH_HEADER = ("csv", "xlsx", "workbook")
HEADER = {True: "the first row holds names", False: "none, the first row is data"}
PAIRS = {  # what the three columns of ratings and of counts are called
    "ratings": ("User", "Item", "Rating"),
    "counts": ("Document", "Term", "Count"),
}
REPAIRS = {
    "ragged": {"pad": "rows of another length completed or cut", "skip": "rows of another length left out"},
    "unparseable": {"missing": "text among the numbers counts as missing"},
    "infinite": {"missing": "infinite and huge numbers count as missing"},
    "nul": {"remove": "NUL characters removed"},
}


@dataclass(frozen=True)
class Recognised:
    """A file as it was understood, and what was chosen otherwise. table : None where nothing could be read yet"""

    brought: Import
    table: Table | None

    @cached_property
    def known(self) -> Mapping[str, Any]:
        """What was recognised."""
        return self.table.understood if self.table is not None else {}

    @cached_property
    def format(self) -> str:
        return str(self.known.get("format") or self.brought.read.get("format") or "csv")

    @cached_property
    def content(self) -> str | None:
        return self.table.content if self.table is not None else self.brought.read.get("content")

    @cached_property
    def columns(self) -> Sequence[str | int]:
        """The columns, as a choice names them; none where there are no cells to be read otherwise."""
        return recognised.column_choices(self.table) if self.table is not None and self.tabular else []

    @property
    def tabular(self) -> bool:
        return self.format in TABLES

    def chosen(self, option: str, otherwise: Any = None) -> Any:
        return self.brought.read.get(option, otherwise)

    def now(self, option: str) -> Any:
        """What was chosen, or what was recognised."""
        return self.chosen(option, self.known.get(option))


def draw(brought: Import, table: Table | None) -> None:
    """What was understood, the first rows, and the ways to read the file otherwise."""
    outcome = brought.outcome
    refused = outcome is not None and outcome.refusal is not None and outcome.refusal.stage == "reading"
    if table is None and not refused:
        return
    with st.container(border=True, gap="small"):
        st.markdown(
            "**What was understood**" if not refused else "**What was understood last**" if table else "**How to read it**"
        )
        if table is not None:
            lines = [f":gray[{name}:] {markdown(text, 120)}" for name, text in recognised.facts(table).items()]
            half = (len(lines) + 1) // 2
            with st.grid(2, min_column_width=220):
                st.markdown("  \n".join(lines[:half]))
                st.markdown("  \n".join(lines[half:]))
            _preview(table)
            if table.content == "matrix" and not refused:
                importer_columns.draw(brought, table)
            if table.notes:
                with st.expander(
                    f"Assumed, dropped or repaired: {count(len(table.notes), 'note')}", expanded=len(table.notes) <= 3
                ):
                    st.markdown("\n".join(f"- {markdown(note, 400)}" for note in table.notes))
        with st.expander("Read it differently", expanded=refused):
            _controls(Recognised(brought, table))


def _preview(table: Table) -> None:
    names, rows = recognised.preview(table)
    shown = unique([clean(name, 30) or ("row" if at == 0 else "-") for at, name in enumerate(names)])
    cells = [[clean(cell, 120) if isinstance(cell, str) else cell for cell in row] for row in rows]
    st.dataframe(
        pd.DataFrame(cells, columns=shown),
        hide_index=True,
        key="import-preview",
        height="content",
        placeholder="",
        alt="The first rows as they were read",
    )
    m, n = table.shape
    said = f"The first {len(rows)} of {count(m, 'row')}" if m > len(rows) else "All rows"
    said += f" and {len(names) - 1} of {n:,} columns" if n > len(names) - 1 else ""
    said += ". An empty cell is missing" if table.missing.count else ""
    st.markdown(f":small[:gray[{said}.]]")


def _controls(file: Recognised) -> None:
    """Each set to what was recognised; a change reads the file again."""
    with st.grid(2, min_column_width=190):
        if file.tabular:
            _select(file, "It holds", "content", CONTENTS, file.chosen("content", file.content))
        _parts_of_the_file(file)
        _signs(file)
        _header(file)
        _roles(file)
        if file.format in WITH_HEADER:
            skipped = int(file.chosen("skip_lines") or file.known.get("skipped") or 0)
            _number(file, "Lines before the table", "skip_lines", skipped)
        if file.tabular:
            _words(file, "Also missing (such as -999, divided by spaces)", "missing_tokens")
    if file.tabular and file.table is not None and file.content == "matrix":
        _left_out(file.brought, file.columns)
    _repairs(file.brought)
    if file.table is not None:
        _first_rows(file.table)
    if file.brought.read:
        st.button(
            "Recognise everything again", on_click=file.brought.begin_again, key="import-again", icon=":material/restart_alt:"
        )


def _parts_of_the_file(file: Recognised) -> None:
    """Which file of an archive, which sheet or matrix, and where a document ends."""
    inside, members, sheets = (file.known.get(what) for what in ("inside", "members", "sheets"))
    if inside:
        names = {None: "all together", **{name: name for name in inside}}
        _select(file, "File in the archive", "member", names, file.chosen("member"), "all together")
    whole_lines = file.known.get("delimiter") == NO_DELIMITER or file.chosen("per")
    if file.content == "documents" and file.format == "csv" and whole_lines:
        _select(file, "One document is", "per", PER, file.chosen("per", "line"))
    if sheets:
        _select(file, "Sheet", "sheet", sheets, file.now("sheet"))
    if members and not inside:
        _select(file, "Matrix in the file", "member", members, file.now("member"))


def _signs(file: Recognised) -> None:
    """How cells and numbers are written in a text."""
    if file.format == "csv":
        _select(file, "Cells divided by", "delimiter", DELIMITERS, file.now("delimiter"))
        _select(file, "Decimal sign", "decimal", DECIMALS, file.now("decimal"))
        _select(file, "Thousands divided by", "thousands", THOUSANDS, file.chosen("thousands"), "recognised")
    if file.format in ("csv", "json", "arff", "gct", "geo") or file.known.get("holds") == "texts":
        _select(file, "Encoding", "encoding", ENCODINGS, file.now("encoding"))
    if file.format == "csv":
        _select(file, "Quotes around cells", "quote", QUOTES, file.now("quote"))


def _header(file: Recognised) -> None:
    if file.format in WITH_HEADER:
        _select(file, "Header", "header", HEADER, file.now("header"))
        if file.now("header"):
            _number(file, "Rows of the header, joined", "header_rows", int(file.now("header_rows") or 1), least=1, most=10)


def _roles(file: Recognised) -> None:
    """Which columns hold labels, texts, or who rated what."""
    columns = file.columns
    if not columns:
        return
    if file.content in PAIRS:
        found = list(file.known.get("rating_columns") or (None, None, None))
        for title, option, column in zip(PAIRS[file.content], PAIR_OPTIONS, found, strict=True):
            _select(file, title, option, columns, file.chosen(option, column))
        return
    choices = {False: "none: number the rows", **{column: recognised.column_name(column) for column in columns}}
    index = file.now("index_column")
    _select(file, "Row labels", "index_column", choices, False if index is None else index)
    if file.content == "documents":
        _select(file, "Texts", "text_column", columns, file.now("text_column"))


def _first_rows(table: Table) -> None:
    """The beginning of the file, cut into cells."""
    rows = recognised.first_rows(table)
    if rows:
        st.markdown(":small[:gray[The first rows as they stand in the file, cut into cells:]]")
        width = max(map(len, rows))
        cells = [[clean(cell, 40) for cell in row] + [""] * (width - len(row)) for row in rows]
        st.dataframe(
            pd.DataFrame(cells, columns=[str(j + 1) for j in range(width)]),
            hide_index=True,
            key="import-first-rows",
            height="content",
        )


def _select(
    file: Recognised,
    title: str,
    option: str,
    choices: Sequence[Any] | Mapping[Any, str],
    value: Any,
    empty: str = "not recognised",
) -> None:
    key = f"import_{file.brought.id}_{option}"
    names = dict(choices) if isinstance(choices, Mapping) else {choice: recognised.column_name(choice) for choice in choices}
    if value is not None and value not in names:
        names[value] = recognised.column_name(value)
    session.set_control(key, value)
    st.selectbox(
        title, list(names), index=None, format_func=lambda choice: clean(names[choice], 60), key=key, placeholder=empty,
        on_change=_read, args=(file.brought, option, key),
    )  # fmt: skip


def _number(file: Recognised, title: str, option: str, value: int, *, least: int = 0, most: int = 1_000_000) -> None:
    key = f"import_{file.brought.id}_{option}"
    session.set_control(key, value)
    st.number_input(title, least, most, key=key, step=1, on_change=_read, args=(file.brought, option, key))


def _words(file: Recognised, title: str, option: str) -> None:
    key = f"import_{file.brought.id}_{option}"
    session.set_control(key, " ".join(file.brought.read.get(option, ())))
    st.text_input(title, key=key, max_chars=200, on_change=_read_words, args=(file.brought, option, key))


def _read(brought: Import, option: str, key: str) -> None:
    brought.choose_reading(**{option: session.control_value(key, None)})


def _read_words(brought: Import, option: str, key: str) -> None:
    brought.choose_reading(**{option: str(session.control_value(key, "")).split() or None})


def _left_out(brought: Import, columns: Sequence[str | int]) -> None:
    key = f"import_{brought.id}_drop_columns"
    gone = list(brought.read.get("drop_columns", ()))
    session.set_control(key, gone)
    st.multiselect(
        "Columns to leave out", list(dict.fromkeys([*gone, *columns])),
        format_func=lambda column: clean(recognised.column_name(column), 40), key=key, placeholder="none",
        on_change=_drop_columns, args=(brought, key),
    )  # fmt: skip


def _drop_columns(brought: Import, key: str) -> None:
    brought.choose_reading(drop_columns=list(session.control_value(key, [])) or None)


def _repairs(brought: Import) -> None:
    """The repairs that were chosen, each with its way back."""
    for option, words in REPAIRS.items():
        said = words.get(str(brought.read.get(option)))
        if said:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"As you chose: {said}", width="content")
                st.button(
                    "Undo", key=f"import-undo-{option}", on_click=brought.choose_reading, kwargs={option: None}, type="tertiary"
                )
