"""How is a Parquet file read? Its footer first: rows, columns and kinds are known before any data is unpacked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np

from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import arrays, contents, roles, values
from nmfcore.data.readers import names as names_
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Row, text_of
from nmfcore.data.readers.grid import Grid
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

BATCH = 65_536  # rows unpacked in one go
HEAD = 1000  # rows from which the roles of the columns are decided
METADATA_MOST = 10_000_000  # bytes of pandas' own description that are looked at
INDEX = "__index_level_0__"  # pandas' name for the row labels


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The table in a Parquet file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UploadError("Reading Parquet needs the package pyarrow", way_out="Install it, or save the table as CSV.") from None
    if options.content in (None, "matrix") and source.head(4) != b"PAR1":
        raise UploadError(f"{shown(source.name)} is no Parquet file", way_out="Save it again as Parquet.")
    try:
        with source.open() as stream:
            file = pq.ParquetFile(pa.PythonFile(stream, mode="r"))
            return _table(file, source.name, options, limits)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        if isinstance(error, UploadError):
            raise
        said = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise UploadError(f"{shown(source.name)} is a damaged Parquet file: {said}", way_out="Save or copy it again.") from None


def _table(file: Any, name: str, options: ReadOptions, limits: Limits) -> Table:
    names, rows = list(file.schema_arrow.names), file.metadata.num_rows
    if not names or rows == 0:
        raise UploadError("The Parquet file has no rows or no columns", way_out="Choose a file with data.")

    def begun() -> Account:
        understood = {"format": "parquet", "columns": len(names), "rows": rows}
        return Account(name, options, limits, understood, unit="row", typed=True)

    index = _index_of(file, names)
    order = [*index, *(column for column in names if column not in index)]
    _refuse_nested(file.schema_arrow, order, options)
    arrays.check_shape((rows, len(names)), limits, dense=False)
    if len(set(names)) < len(names):
        return _by_rows(file, names, None, begun())
    head = _rows(next(file.iter_batches(HEAD, columns=order, use_threads=False)), order)
    label = 0 if len(index) == 1 else None
    account = begun()
    layout = roles.decide(_header(order), head, len(order), account, index=label)
    content = contents.content(layout, head, account)
    numeric = [file.schema_arrow.field(order[j]) for j in layout.features]
    if content != "matrix" or not numeric or not all(_is_number(field.type) for field in numeric):
        return _by_rows(file, order, label, begun())  # the grid decides for itself again
    return _by_columns(file, order, layout, account)


def _header(order: list[str]) -> list[str]:
    return ["" if column == INDEX else column for column in order]


def _refuse_nested(schema: Any, order: list[str], options: ReadOptions) -> None:
    """Refuse lists and structures, unless they are left out."""
    import pyarrow.types as kinds

    dropped = {order[c] if isinstance(c, int) and 0 <= c < len(order) else c for c in options.drop_columns}
    nested = [field.name for field in schema if kinds.is_nested(field.type) and field.name not in dropped]
    if nested:
        raise UploadError(
            f"{counted(len(nested), 'column is', 'columns are')} nested (lists or structures): {listed(nested)}",
            place=f"column {list(schema.names).index(nested[0]) + 1}",
            way_out="Flatten them, or leave them out.",
            fixes=(Fix("Leave them out", {"drop_columns": sorted({*map(str, dropped), *nested})}),),
        )


def _by_columns(file: Any, order: list[str], layout: roles.Layout, account: Account) -> Table:
    """Numbers in typed columns are unpacked into X without a detour over cells."""
    import pyarrow.types as kinds

    schema, notes, limits = file.schema_arrow, account.notes, account.limits
    numeric = [schema.field(order[j]) for j in layout.features]
    labelled = [] if layout.labels is None else [order[layout.labels]]
    beside = list(dict.fromkeys([*labelled, *(order[j] for j in layout.facts)]))
    arrays.check_shape((file.metadata.num_rows, len(numeric)), limits, dense=True)
    total = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    if total > limits.parse_bytes:
        raise TooLarge(f"The file would unpack to {total:,} bytes", way_out="Take a part of it.")
    X, aside = _unpacked(file, numeric, beside, notes)
    X = arrays.settle_infinite(X, account.options, notes)
    X, titles = _without_empty(X, [field.name for field in numeric], notes)
    words = names_.Labels(limits.label_characters)
    labels = words.checked([words.label(cell) for cell in aside[labelled[0]]], "row", notes) if labelled else None
    facts = {j: aside[order[j]] for j in layout.facts}
    notes.extend(values.fact_notes(layout, facts, dict.fromkeys(facts, 0)))
    truths = sum(kinds.is_boolean(field.type) for field in numeric)
    if truths:
        notes.append(f"{counted(truths, 'column')} of true and false became 1 and 0.")
    return Table(
        name=account.name,
        X=X,
        row_labels=labels,
        column_labels=titles,
        notes=tuple(notes),
        understood=account.understood,
        aside={order[j]: found for j, found in facts.items()},
        questions=tuple(account.questions),
    )


def _unpacked(file: Any, numeric: list[Any], beside: list[str], notes: list[str]) -> tuple[np.ndarray, dict[str, list[str]]]:
    """X (m, n) of the numeric columns with NaN where they are null, and the columns beside them as text."""
    single = all(_fits_single(field.type) for field in numeric)
    X = np.empty((file.metadata.num_rows, len(numeric)), np.float32 if single else np.float64)
    aside: dict[str, list[str]] = {name: [] for name in beside}
    row = large = 0
    for batch in file.iter_batches(BATCH, columns=[*(field.name for field in numeric), *beside], use_threads=False):
        for j, field in enumerate(numeric):
            column = batch.column(field.name)
            large += _beyond_exact(column)
            X[row : row + len(batch), j] = _numbers(column)
        for name, cells in aside.items():
            cells += [text_of(value) for value in batch.column(name).to_pylist()]
        row += len(batch)
    if large:
        notes.append(f"{counted(large, 'whole number is', 'whole numbers are')} beyond 2^53 and can lose the last digits.")
    return X, aside


def _beyond_exact(column: Any) -> int:
    """How many whole numbers of a column a float64 does not hold exactly."""
    import pyarrow.types as kinds

    if not (kinds.is_int64(column.type) or kinds.is_uint64(column.type)):
        return 0
    whole = column.drop_null().to_numpy(zero_copy_only=False)
    low = whole < -arrays.EXACT if whole.dtype.kind == "i" else False
    return int(np.count_nonzero((whole > arrays.EXACT) | low))


def _without_empty(X: np.ndarray, titles: list[str], notes: list[str]) -> tuple[np.ndarray, list[str]]:
    """X (m, n) and the titles of its columns without those that hold no value."""
    empty = np.isnan(X).all(axis=0)
    if empty.all():
        raise UploadError("All cells of the table are missing", way_out="Choose a file with numbers in it.")
    if not empty.any():
        return X, titles
    without = [titles[j] for j in np.flatnonzero(empty)]
    notes.append(f"{counted(len(without), 'column')} without any value left out: {listed(without)}.")
    return np.ascontiguousarray(X[:, ~empty]), [titles[j] for j in np.flatnonzero(~empty)]


def _index_of(file: Any, names: list[str]) -> list[str]:
    """The columns that pandas stored as the index: they are labels, not features."""
    raw = (file.schema_arrow.metadata or {}).get(b"pandas")
    try:
        found = json.loads(raw)["index_columns"] if raw and len(raw) < METADATA_MOST else []
    except (ValueError, KeyError, TypeError, RecursionError):
        found = []
    named = [column for column in found if isinstance(column, str) and column in names] if isinstance(found, list) else []
    return named or [column for column in names if column == INDEX]


def _rows(batch: Any, order: list[str]) -> list[list[Any]]:
    columns = [batch.column(column).to_pylist() for column in order]
    return [[_cell(cell) for cell in row] for row in zip(*columns, strict=True)]


def _cell(cell: Any) -> Any:
    """A value as the grid takes it: bytes as text, decimals as floats."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return float(cell) if isinstance(cell, Decimal) else cell


def _is_number(kind: Any) -> bool:
    import pyarrow.types as kinds

    tests = (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal, kinds.is_null)
    return any(test(kind) for test in tests)


def _fits_single(kind: Any) -> bool:
    """Exact in float32."""
    import pyarrow.types as kinds

    small = (kinds.is_boolean, kinds.is_int8, kinds.is_uint8, kinds.is_int16, kinds.is_uint16)
    return any(test(kind) for test in (*small, kinds.is_float16, kinds.is_float32))


def _numbers(values: Any) -> np.ndarray:
    """A column as floats, NaN where it is null."""
    import pyarrow as pa
    import pyarrow.types as kinds

    if kinds.is_decimal(values.type) or kinds.is_boolean(values.type) or kinds.is_null(values.type):
        return np.array([np.nan if v is None else float(v) for v in values.to_pylist()])
    if values.null_count:
        values = values.cast(pa.float64(), safe=False)
    return values.to_numpy(zero_copy_only=False).astype(np.float64)


def _by_rows(file: Any, order: list[str], index: int | None, account: Account) -> Table:
    """Through the grid of cells: for documents, triples, and tables with numbers written as text."""

    def rows() -> Iterator[Row]:
        number = 0
        unique = len(set(order)) == len(order)
        for batch in file.iter_batches(BATCH, columns=order if unique else None, use_threads=False):
            cells = _rows(batch, order) if unique else zip(*(column.to_pylist() for column in batch.columns), strict=True)
            for row in cells:
                number += 1
                yield number, [_cell(cell) for cell in row]

    return Grid(
        account.name,
        rows(),
        account.options,
        account.limits,
        account.understood,
        account.notes,
        unit="row",
        header=_header(order),
        typed=True,
        index=index,
    ).read()
