"""How is JSON read: records, columns, rows, pandas' layouts, one record per line, or a list of texts?"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import documents
from nmfcore.data.readers import encoding as encodings
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Row
from nmfcore.data.readers.grid import Grid
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

NESTED_MOST = 1000  # characters of a nested field that are kept


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table in a JSON file."""
    name, errors, note = encodings.sniff(source, options.encoding)
    notes = [note] if note else []
    with source.open() as raw, io.TextIOWrapper(raw, encoding=name, errors=errors) as text:
        content = text.read().lstrip("\ufeff")
    if not content.strip():
        raise UploadError("The file is empty", way_out="Choose a file with content.")
    account = Account(source.name, options, limits, {"format": "json", "encoding": name}, notes, unit="record", typed=True)
    return _table(_parsed(content, account.understood), account)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, refused when a name occurs twice in it: one of the two values would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise UploadError(f"The name {shown(twice)} occurs twice in one object", way_out="Rename one of the two.")
    return found


def _integer(digits: str) -> int | float:
    """An integer; one with more digits than any number that can be used is infinite, and refused later with its place."""
    return int(digits) if len(digits) < 400 else float("-inf" if digits[0] == "-" else "inf")


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_int=_integer)


def _parsed(content: str, understood: dict[str, Any]) -> Any:
    try:
        return _loads(content)
    except RecursionError:
        raise UploadError("The file nests its content too deeply", way_out="Save it as a flat table.") from None
    except UploadError:
        raise
    except ValueError as error:
        whole = error
    lines = [(number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    if len(lines) > 1 and lines[0][1].strip()[-1:] in "}]" and lines[0][1].strip()[:1] in "{[":
        records = []
        for number, line in lines:
            try:
                records.append(_loads(line))
            except (ValueError, RecursionError) as error:
                said = error.problem if isinstance(error, UploadError) else getattr(error, "msg", str(error))
                raise UploadError(f"A line is no valid JSON: {said}", place=f"line {number}", way_out="Correct it.") from None
        understood["layout"] = "lines"
        return records
    place = f"line {whole.lineno}, character {whole.colno}" if isinstance(whole, json.JSONDecodeError) else ""
    said = whole.msg if isinstance(whole, json.JSONDecodeError) else str(whole)[:100]
    raise UploadError(f"The file is no valid JSON: {said}", place=place, way_out="Save or copy it again; it may be truncated.")


def _table(value: Any, account: Account) -> Table:
    limits = account.limits
    if isinstance(value, dict):
        value = _unwrapped(value, account.notes, account.understood)
    if isinstance(value, dict):
        return _columns(value, account)
    if not isinstance(value, list) or not value:
        raise UploadError("The JSON holds no list of records", way_out="Save the table as a list of objects, one per row.")
    if len(value) > limits.rows:
        raise TooLarge(f"The table has {len(value):,} rows; at most {limits.rows:,} can be read", way_out="Take a part of it.")
    value, tokens = _with_tokens_joined(value, account.notes)
    if tokens and account.options.content is None and account.options.text_column is None:
        account.options = replace(account.options, content="documents", text_column=tokens)
    if all(isinstance(item, str) for item in value) and account.options.content in (None, "documents"):
        if len(value) > limits.documents:
            raise UploadError(
                f"There are {len(value):,} documents; at most {limits.documents:,} can be read", way_out="Take a part."
            )
        return documents.as_table(account.name, value, account.notes, account.understood)
    if all(isinstance(item, dict) for item in value):
        return _records(value, account)
    if all(isinstance(item, list) for item in value):
        return _rows(value, account)
    if all(isinstance(item, (int, float)) or item is None for item in value):
        account.notes.append("The file holds one list of numbers; it became a matrix of one column.")
        return _grid(account, None, ([item] for item in value))
    kinds = sorted({type(item).__name__ for item in value})
    raise UploadError(f"The list mixes {listed(kinds)}", way_out="Save the table as a list of objects, one per row.")


def _records(records: list[dict[str, Any]], account: Account) -> Table:
    """[{column: value}]; columns in the order in which they first occur."""
    account.understood.setdefault("layout", "records")
    names = list(dict.fromkeys(key for record in records for key in record))
    missing = sum(len(names) - len(record) for record in records)
    if missing:
        account.notes.append(f"{missing:,} values are absent from their records; they count as missing.")
    nested = _nested(records, names, account.notes)
    rows = ([_flat(record.get(key)) if key in nested else record.get(key) for key in names] for record in records)
    return _grid(account, names, rows)


def _rows(rows: list[list[Any]], account: Account) -> Table:
    """[[value]]."""
    account.understood.setdefault("layout", "rows")
    if account.options.ragged == "refuse":
        first = next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None)
        if first is not None:
            raise UploadError(
                f"Row {first + 1} has {counted(len(rows[first]), 'value')}, the first has {len(rows[0])}",
                place=f"row {first + 1}",
                way_out="Correct it, or complete short rows with missing cells.",
                fixes=(Fix("Complete short rows with missing cells", {"ragged": "pad"}),),
            )
    return _grid(account, None, iter(rows))


def _with_tokens_joined(value: list[Any], notes: list[str]) -> tuple[list[Any], str]:
    """Lists of words as texts, alone or as a field of each record, whose name is returned; spaces inside words are underlined."""
    if len(value) > 1 and all(_are_tokens(item) for item in value):
        notes.append("Each list of words became one document.")
        return [_text(item) for item in value], ""
    if not value or not all(isinstance(item, dict) for item in value):
        return value, ""
    found = [key for key in value[0] if all(_are_tokens(item.get(key, []), empty=True) for item in value)]
    found = [key for key in found if any(len(item.get(key, ())) > 1 for item in value)] if found else []
    if not found:
        return value, ""
    longest = max(found, key=lambda key: sum(len(item.get(key, ())) for item in value))
    if any(isinstance(cell, str) and len(cell.split()) > 3 for item in value[:20] for cell in item.values()):
        return value, ""  # there is a text beside it
    notes.append(f"The lists of words under {shown(longest)} became the documents.")
    return [{**item, longest: _text(item.get(longest, []))} for item in value], longest


def _are_tokens(item: Any, *, empty: bool = False) -> bool:
    """Whether something is a list of words, of which not all are numbers."""
    if not isinstance(item, list) or not all(isinstance(word, str) for word in item):
        return False
    return (empty and not item) or any(letter.isalpha() for word in item for letter in word)


def _text(words: list[str]) -> str:
    return " ".join("_".join(word.split()) for word in words)


def _nested(records: list[dict[str, Any]], names: list[str], notes: list[str]) -> frozenset[str]:
    """The fields that hold lists or objects beside others that do not; they are kept as facts, as they stand in the file."""
    nested = [key for key in names if any(isinstance(record.get(key), (list, dict)) for record in records)]
    if not nested or len(nested) == len(names):
        return frozenset()
    notes.append(f"Nested fields are set aside as facts, as they stand in the file: {listed(nested)}.")
    return frozenset(nested)


def _flat(cell: Any) -> Any:
    """A list or object as text: its values divided by semicolons where it is a plain list, else as JSON."""
    if isinstance(cell, list) and all(not isinstance(part, (list, dict)) for part in cell):
        return "; ".join("" if part is None else str(part) for part in cell) or None
    return json.dumps(cell, ensure_ascii=False)[:NESTED_MOST] if isinstance(cell, (list, dict)) else cell


def _unwrapped(value: dict[str, Any], notes: list[str], understood: dict[str, Any]) -> Any:
    """The table inside {"data": [...]}, pandas' split and table layouts among them."""
    if isinstance(value.get("data"), list) and isinstance(value.get("columns"), list):
        understood["layout"] = "split"
        index = value.get("index")
        rows = value["data"]
        if not all(isinstance(row, list) and len(row) == len(value["columns"]) for row in rows):
            raise UploadError("The rows do not have as many values as there are columns", way_out="Write the file again.")
        head = [str(column) for column in value["columns"]]
        if isinstance(index, list) and len(index) == len(rows):
            return [{"": str(label), **dict(zip(head, row, strict=True))} for label, row in zip(index, rows, strict=True)]
        return [dict(zip(head, row, strict=True)) for row in rows]
    lists = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], (dict, list))]
    if len(lists) == 1:
        understood["layout"] = f"records under {lists[0]}"
        others = [key for key in value if key != lists[0]]
        notes.append(f"The table is the list under {shown(lists[0])}" + (f"; left out: {listed(others)}." if others else "."))
        return value[lists[0]]
    return value


def _columns(value: dict[str, Any], account: Account) -> Table:
    """{column: [values]} or {column: {row: value}}."""
    account.understood["layout"] = "columns"
    names = list(value)
    if names and all(isinstance(column, list) for column in value.values()):
        length = {len(column) for column in value.values()}
        if len(length) > 1:
            raise UploadError(
                f"The columns have different lengths ({min(length)} to {max(length)})", way_out="Complete them with null."
            )
        rows = (list(cells) for cells in zip(*value.values(), strict=True))
        return _grid(account, names, rows)
    if names and all(isinstance(column, dict) for column in value.values()):
        labels = list(dict.fromkeys(key for column in value.values() for key in column))
        account.notes.append("Each name of the outer level is a column, each of the inner level a row (as pandas writes it).")
        head = ["", *names]
        cells = ([label, *(value[column].get(label) for column in names)] for label in labels)
        counting = labels == [str(i) for i in range(len(labels))]
        return _grid(account, names if counting else head, (row[1:] if counting else row for row in cells))
    raise UploadError("The JSON holds one object, not a table", way_out="Save the table as a list of objects, one per row.")


def _grid(account: Account, header: list[str] | None, rows: Iterator[list[Any]]) -> Table:
    def checked() -> Iterator[Row]:
        for number, row in enumerate(rows, 1):
            for j, cell in enumerate(row):
                if isinstance(cell, (list, dict)):
                    column = header[j] if header else f"column {j + 1}"
                    raise UploadError(
                        "A value is nested (a list or an object)",
                        place=f"record {number}, {shown(column)}",
                        value=shown(json.dumps(cell)[:200]),
                        way_out="Flatten it, or leave that column out before saving.",
                    )
            yield number, [None if isinstance(cell, float) and math.isnan(cell) else cell for cell in row]

    said, unit, typed = (account.understood, account.notes), account.unit, account.typed
    return Grid(account.name, checked(), account.options, account.limits, *said, unit=unit, header=header, typed=typed).read()
