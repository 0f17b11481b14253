"""How is a Parquet file read? Its footer first: rows, columns and kinds are known before any data is unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nmfcore.data.model.errors import Fix, UploadError, counted, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import arrays
from nmfcore.data.readers.grid import Grid, Row
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

BATCH = 65_536  # rows unpacked in one go
INDEX = "__index_level_0__"  # pandas' name for the row labels


def prepare() -> None:
    """Import what is needed before the child's memory is bounded."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return


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
    import pyarrow.types as kinds

    schema, rows = file.schema_arrow, file.metadata.num_rows
    names = list(schema.names)
    notes: list[str] = []
    understood: dict[str, Any] = {"format": "parquet", "columns": len(names), "rows": rows}
    if not names or rows == 0:
        raise UploadError("The Parquet file has no rows or no columns", way_out="Choose a file with data.")
    nested = [field.name for field in schema if kinds.is_nested(field.type)]
    dropped = {names[c] if isinstance(c, int) and 0 <= c < len(names) else c for c in options.drop_columns}
    nested = [column for column in nested if column not in dropped]
    if nested:
        raise UploadError(
            f"{counted(len(nested), 'column is', 'columns are')} nested (lists or structures): {listed(nested)}",
            place=f"column {names.index(nested[0]) + 1}",
            way_out="Flatten them, or leave them out.",
            fixes=(Fix("Leave them out", {"drop_columns": sorted({*map(str, dropped), *nested})}),),
        )
    numeric = [field for field in schema if _is_number(field.type, kinds) and field.name not in dropped and field.name != INDEX]
    others = [field for field in schema if field not in numeric and field.name not in dropped]
    arrays.check_shape((rows, len(names)), limits, dense=False)
    texts = [field for field in others if field.name != INDEX]
    plain = options.content in (None, "matrix") and options.index_column is None and len(set(names)) == len(names)
    usable = plain and numeric
    if not usable or (options.content is None and len(texts) <= 3 and len(numeric) <= 2):
        return _by_rows(file, name, names, options, limits, understood, notes)
    arrays.check_shape((rows, len(numeric)), limits, dense=True)
    total = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    if total > limits.parse_bytes:
        raise UploadError(f"The file would unpack to {total:,} bytes", way_out="Take a part of it.")
    single = all(kinds.is_float32(f.type) or kinds.is_float16(f.type) or _is_small(f.type, kinds) for f in numeric)
    X = np.empty((rows, len(numeric)), np.float32 if single else np.float64)
    aside: dict[str, list[str]] = {field.name: [] for field in others}
    row, large = 0, 0
    for batch in file.iter_batches(BATCH, columns=[f.name for f in [*numeric, *others]], use_threads=False):
        for j, field in enumerate(numeric):
            values = batch.column(field.name)
            if kinds.is_int64(field.type) or kinds.is_uint64(field.type):
                whole = values.drop_null().to_numpy(zero_copy_only=False)
                large += int(
                    np.count_nonzero((whole > arrays.EXACT) | (whole < -arrays.EXACT if whole.dtype.kind == "i" else False))
                )
            X[row : row + len(batch), j] = _numbers(values, kinds)
        for field in others:
            aside[field.name] += ["" if v is None else str(v) for v in batch.column(field.name).to_pylist()]
        row += len(batch)
    if large:
        notes.append(f"{counted(large, 'whole number is', 'whole numbers are')} beyond 2^53 and lose their last digits.")
    X = arrays.settle_infinite(X, options, notes)
    titles = [field.name for field in numeric]
    empty = np.isnan(X).all(axis=0)
    if empty.all():
        raise UploadError("All cells of the table are missing", way_out="Choose a file with numbers in it.")
    if empty.any():
        without = [titles[j] for j in np.flatnonzero(empty)]
        notes.append(f"{counted(len(without), 'column')} without any value left out: {listed(without)}.")
        X, titles = np.ascontiguousarray(X[:, ~empty]), [titles[j] for j in np.flatnonzero(~empty)]
    labels = aside.pop(INDEX, None)
    if labels is None:
        label = next((field.name for field in texts if len(set(aside[field.name])) == rows), None)
        if label is not None:
            labels = aside.pop(label)
            notes.append(f"The row labels are the column {shown(label)}, whose texts all differ.")
            understood["index_column"] = label
    else:
        notes.append("The row labels are the index that pandas stored.")
    for column, cells in aside.items():
        notes.append(
            f"Column {shown(column)} holds text ({len(set(cells)):,} different): it is set aside, not part of the matrix."
        )
    if dropped:
        notes.append(f"{counted(len(dropped), 'column')} left out, as you chose: {listed(sorted(map(str, dropped)))}.")
    truths = sum(kinds.is_boolean(field.type) for field in numeric)
    if truths:
        notes.append(f"{counted(truths, 'column')} of true and false became 1 and 0.")
    return Table(
        name=name,
        X=X,
        row_labels=labels,
        column_labels=titles,
        notes=tuple(notes),
        understood=understood,
        aside=aside,
    )


def _is_number(kind: Any, kinds: Any) -> bool:
    return bool(
        kinds.is_integer(kind)
        or kinds.is_floating(kind)
        or kinds.is_boolean(kind)
        or kinds.is_decimal(kind)
        or kinds.is_null(kind)
    )


def _is_small(kind: Any, kinds: Any) -> bool:
    """Exact in float32."""
    return bool(
        kinds.is_boolean(kind) or kinds.is_int8(kind) or kinds.is_uint8(kind) or kinds.is_int16(kind) or kinds.is_uint16(kind)
    )


def _numbers(values: Any, kinds: Any) -> np.ndarray:
    """A column as floats, NaN where it is null."""
    import pyarrow as pa

    if kinds.is_decimal(values.type) or kinds.is_boolean(values.type) or kinds.is_null(values.type):
        return np.array([np.nan if v is None else float(v) for v in values.to_pylist()])
    if values.null_count:
        values = values.cast(pa.float64(), safe=False)
    return values.to_numpy(zero_copy_only=False).astype(np.float64)


def _by_rows(
    file: Any, name: str, names: list[str], options: ReadOptions, limits: Limits, understood: dict[str, Any], notes: list[str]
) -> Table:
    """Through the grid of cells: for documents, ratings, and tables whose text columns decide what they are."""

    def rows() -> Iterator[Row]:
        number = 0
        for batch in file.iter_batches(BATCH, use_threads=False):
            columns = [column.to_pylist() for column in batch.columns]
            for cells in zip(*columns, strict=True):
                number += 1
                yield number, [cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell for cell in cells]

    header = ["" if column == INDEX else column for column in names]
    return Grid(name, rows(), options, limits, understood, notes, unit="row", header=header, typed=True).read()
