"""How are the rows of Parquet files read: a table of numbers batch by batch, triples through a sort in files?

A row group may be larger than memory, so what is read at one time is a batch of rows of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import BLOCK_ROWS, BLOCK_VALUES
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.blocks.source import Piece, Report, Source, edges_of, stamp

TRIPLES = (
    ("row", "column", "value"),
    ("i", "j", "x"),
    ("user", "item", "value"),
    ("document", "term", "count"),
)  # taken for triples
UNNAMED = "__index_level_"  # how pandas calls an index that has no name; it is no part of the data
POSITIONS = 2  # whole numbers up to so many times their number of different ones are positions; beyond that they are names
TRIPLES_AT_ONCE = 1 << 20  # triples that are read and sorted at one time: 20 bytes each, and what Arrow needs
SPARSE = 0.2  # share of entries that are not 0 up to which a batch of a table is kept sparse
TRIPLE = np.dtype([("row", "<i8"), ("column", "<i4"), ("value", "<f8")])


def of_parquet(paths: Sequence[Path], triples: tuple[str, str, str] | None) -> Source:
    """Files with the same columns, one after the other.

    Raises
    ------
    ProblemError
        If they are no Parquet, have different columns, or are neither a table of numbers nor triples.
    """
    files = _opened(paths)
    schema = files[0].schema_arrow
    if triples is None:
        named = {name for name in schema.names if not name.startswith(UNNAMED)}
        triples = next((t for t in TRIPLES if set(t) == named), None)
    key = {"kind": "parquet", "files": stamp(paths), "triples": list(triples or ())}
    title = paths[0].stem if len(paths) == 1 else paths[0].parent.name
    if triples is None:
        table = _Table(files, *_columns_of(schema, paths[0].name))
        return Source(title, key, len(table.places), table.piece, Axes(columns=Axis("columns", "column", table.numeric)))
    missing = [name for name in triples if name not in schema.names]
    if missing:
        raise ProblemError(f"{paths[0].name} has no column {', '.join(missing)}; it has {', '.join(schema.names[:12])}.")
    scattered = _Triples(files, triples, title, key)
    return Source(title, key, 0, lambda index: (None, None), prepare=scattered.sorted_in)


def _opened(paths: Sequence[Path]) -> list[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        files = [pq.ParquetFile(path) for path in paths]
    except (pa.ArrowInvalid, OSError) as wrong:
        raise ProblemError(f"{paths[0].name} cannot be read as Parquet ({wrong}).") from None
    for path, file in zip(paths, files, strict=True):
        if file.schema_arrow.names != files[0].schema_arrow.names:
            raise ProblemError(f"{path.name} has other columns than {paths[0].name}; all files need the same.")
    return files


# -- a table --------------------------------------------------------------------------------------------------------------------
def _columns_of(schema: Any, name: str) -> tuple[list[str], list[str]]:
    """The columns of numbers, and the one of labels or none.

    Raises
    ------
    ProblemError
        If there are no numbers, or several columns of other things.
    """
    import pyarrow as pa

    fields = [f for f in schema if not f.name.startswith(UNNAMED)]
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    numeric = [f.name for f in fields if any(kind(f.type) for kind in kinds)]
    others = [f.name for f in fields if f.name not in numeric]
    if not numeric or len(others) > 1:
        raise ProblemError(
            f"{name} has {_columns(len(numeric), 'of numbers')} and {_columns(len(others), 'of other things')}"
            f" ({', '.join(others[:4])}). A table has numbers and at most one column of labels; a list of triples is named with "
            "triples=('row', 'column', 'value')."
        )
    return numeric, others


def _columns(number: int, kind: str) -> str:
    return f"{number or 'no'} column{'' if number == 1 else 's'} {kind}"


@dataclass(frozen=True)
class _Place:
    """A batch: the k-th of a row group of a file."""

    file: int
    group: int
    k: int


class _Table:
    """Batches of rows of a table of numbers, about BLOCK_VALUES entries each."""

    def __init__(self, files: Sequence[Any], numeric: list[str], others: list[str]) -> None:
        self.files, self.numeric, self.others = files, numeric, others
        self.height = max(1, min(BLOCK_ROWS, BLOCK_VALUES // len(numeric)))
        self.places = [
            _Place(f, group, k)
            for f, file in enumerate(files)
            for group in range(file.num_row_groups)
            for k in range(-(-file.metadata.row_group(group).num_rows // self.height))
        ]
        self._next: _Place | None = None
        self._batches: Iterator[Any] = iter(())

    def piece(self, index: int) -> Piece:
        batch = self._batch(self.places[index])
        filled = np.empty((batch.num_rows, len(self.numeric)), np.float64)
        for j, name in enumerate(self.numeric):
            column = batch.column(name)
            if column.null_count:
                raise ProblemError(
                    f"Column {name!r} has missing values ({column.null_count:,} in one run of rows): fill or drop them."
                )
            filled[:, j] = column.to_numpy()
        labels = [str(v) for v in batch.column(self.others[0]).to_pylist()] if self.others else None
        return (sp.csr_array(filled) if np.count_nonzero(filled) < SPARSE * filled.size else filled), labels

    def _batch(self, place: _Place) -> Any:
        """The rows of a place; the group's reader goes on where it was, or begins again and passes by what comes before."""
        if place != self._next:
            self._batches = self._batches_of(place)
            for _ in range(place.k):
                next(self._batches)
        self._next = _Place(place.file, place.group, place.k + 1)
        return next(self._batches)

    def _batches_of(self, place: _Place) -> Iterator[Any]:
        """The batches of a group, `height` rows in each but the last, whatever pages Arrow reads."""
        import pyarrow as pa

        held: list[Any] = []
        columns = [*self.others, *self.numeric]
        for batch in self.files[place.file].iter_batches(self.height, row_groups=[place.group], columns=columns):
            held.append(batch)
            while sum(part.num_rows for part in held) >= self.height:
                whole = pa.Table.from_batches(held)
                yield whole.slice(0, self.height)
                held = whole.slice(self.height).to_batches()
        if any(part.num_rows for part in held):
            yield pa.Table.from_batches(held)


# -- triples --------------------------------------------------------------------------------------------------------------------
class _Triples:
    """Triples in any order, sorted into runs of rows: a look for names and the rows' sizes, and one to write them apart.

    names : of the columns with row, column and value
    """

    def __init__(self, files: Sequence[Any], names: tuple[str, str, str], title: str, key: Mapping[str, Any]) -> None:
        self.files, self.names, self.title, self.key = files, names, title, key
        self.total = max(1, sum(file.metadata.num_rows for file in files))

    def sorted_in(self, folder: Path, report: Report) -> Source:
        """The source of the runs, which lie in this folder."""
        sides = self._sides(report)
        edges = edges_of(np.concatenate([[0], np.cumsum(self._sizes(sides[0]))]))
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.triples"):
            old.unlink()
        self._write_apart(sides, edges, folder, report)
        n, rows = sides[1].count, sides[0].labels

        def piece(index: int) -> Piece:
            begin, end = edges[index], edges[index + 1]
            path = folder / f"{index:05}.triples"
            held = np.fromfile(path, TRIPLE) if path.exists() else np.zeros(0, TRIPLE)
            X = sp.coo_array((held["value"], (held["row"] - begin, held["column"])), shape=(end - begin, n))
            return sp.csr_array(X), None if rows is None else rows[begin:end]

        axes = Axes(Axis("rows", "row"), Axis("columns", "column", sides[1].labels))
        notes = ("Triples that name the same cell were added.",)
        return Source(self.title, self.key, len(edges) - 1, piece, axes, notes=notes)

    def _tables(self, columns: Sequence[str]) -> Iterator[tuple[int, Any]]:
        """Some triples at a time, and how many came before."""
        import pyarrow as pa

        done = 0
        for file in self.files:
            for batch in file.iter_batches(TRIPLES_AT_ONCE, columns=list(columns)):
                yield done, pa.Table.from_batches([batch])
                done += batch.num_rows

    def _sides(self, report: Report) -> tuple[_Names, _Names]:
        """What the rows and the columns are called."""
        sides = _Names(), _Names()
        for done, table in self._tables(self.names[:2]):
            report("Looking at the triples", 0.5 * done / self.total)
            for side, name in zip(sides, self.names, strict=False):
                side.see(table.column(name), name)
        for side in sides:
            side.close()
        return sides

    def _sizes(self, rows: _Names) -> np.ndarray:
        """How many triples each row has."""
        counts = np.zeros(rows.count, np.int64)
        for _, table in self._tables(self.names[:1]):
            counts += np.bincount(rows.codes(table.column(0)), minlength=len(counts))
        return counts

    def _write_apart(self, sides: tuple[_Names, _Names], edges: list[int], folder: Path, report: Report) -> None:
        """Every triple into the file of its run of rows."""
        name = self.names[2]
        for done, table in self._tables(self.names):
            report("Sorting the triples", 0.5 + 0.5 * done / self.total)
            if table.column(name).null_count:
                raise ProblemError(f"Column {name!r} has missing values; drop those triples, or fill them.")
            records = np.empty(table.num_rows, TRIPLE)
            records["row"], records["column"] = (s.codes(table.column(n)) for s, n in zip(sides, self.names, strict=False))
            records["value"] = table.column(name).to_numpy()
            records = records[np.argsort(records["row"], kind="stable")]
            cuts = np.searchsorted(records["row"], edges)
            for run, (begin, end) in enumerate(pairwise(cuts)):
                if begin < end:
                    with (folder / f"{run:05}.triples").open("ab") as file:
                        file.write(records[begin:end].tobytes())


class _Names:
    """The different entries of one column of triples: positions where they are whole numbers without large gaps, else names."""

    def __init__(self) -> None:
        self.seen: dict[Any, None] = {}
        self.labels: list[str] | None = None

    def see(self, column: Any, name: str) -> None:
        if column.null_count:
            raise ProblemError(f"Column {name!r} has missing entries ({column.null_count:,} in one run): drop those triples.")
        for value in column.unique().to_pylist():
            self.seen.setdefault(value)

    def close(self) -> None:
        values = list(self.seen)
        if values and all(isinstance(v, int) and v >= 0 for v in values) and max(values) < POSITIONS * len(values) + 1:
            self.count = max(values) + 1
            self.place = None
        else:
            values = sorted(values, key=str)
            self.labels, self.count = [str(v) for v in values], len(values)
            self.place = {value: i for i, value in enumerate(values)}

    def codes(self, column: Any) -> np.ndarray:
        if self.place is None:
            return column.to_numpy().astype(np.int64)
        table = column.combine_chunks().dictionary_encode()
        table = table.combine_chunks() if hasattr(table, "combine_chunks") else table
        known = np.array([self.place[value] for value in table.dictionary.to_pylist()], np.int64)
        return known[table.indices.to_numpy()]
