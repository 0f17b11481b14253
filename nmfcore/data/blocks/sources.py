"""Where can blocks come from, and how are they read with bounded memory?

A `Source` is a file, folder or array as a numbered list of pieces (runs of whole rows, in order), each of which fits into
memory. What can only be read by columns, or would turn dense, is refused by name with the way out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import BLOCK_ROWS, BLOCK_VALUES, Blocks, DaskBlocks, cut, is_dask
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Axis, Matrix

Report = Callable[[str, float | None], None]

TRIPLES = (
    ("row", "column", "value"),
    ("i", "j", "x"),
    ("user", "item", "value"),
    ("document", "term", "count"),
)  # taken for triples
UNNAMED = "__index_level_"  # how pandas calls an index that has no name; it is no part of the data
POSITIONS = 2  # whole numbers up to so many times their number of different ones are positions; beyond that they are names


@dataclass(frozen=True, eq=False)
class Source:
    """What a converter needs to know of a source.

    title : a name for people; key : JSON values that say whether it is still the same
    count : the number of pieces; piece : reads one: rows, and their labels or None
    axes : names of the axes, and the columns' labels where they are known
    prepare : what has to be done once before pieces can be read, in a folder of its own; it says what it found
    """

    title: str
    key: Mapping[str, Any]
    count: int
    piece: Callable[[int], tuple[Any, Sequence[str] | None]]
    axes: Axes = field(default_factory=Axes)
    prepare: Callable[[Path, Report], Source] | None = None
    notes: tuple[str, ...] = ()


def source_of(data: Any, *, layer: str | None = None, triples: tuple[str, str, str] | None = None) -> Source:
    """The source for whatever was handed over.

    Parameters
    ----------
    data : path of a .h5ad, .zarr, .parquet or .npz file, a folder of .npz or .parquet files, a list of such files, an array of
        Dask, blocks, or a matrix in memory
    layer : of a .h5ad or .zarr file; None for X
    triples : names of the columns of row, column and value in a Parquet file of triples

    Raises
    ------
    ProblemError
        If this cannot be read by rows; the message says what can be done.
    """
    if isinstance(data, Blocks):
        return _of_blocks(data, {"kind": "blocks", "fingerprint": data.fingerprint, "shape": list(data.shape)})
    if is_dask(data):
        blocks = DaskBlocks(data)
        return _of_blocks(blocks, {"kind": "dask", "name": str(data.name), "shape": list(blocks.shape)})
    if sp.issparse(data) or isinstance(data, np.ndarray):
        return _of_matrix(data)
    paths = [Path(p) for p in data] if isinstance(data, (list, tuple)) else [Path(data)]
    for path in paths:
        if not path.exists():
            raise ProblemError(f"There is no file {path}.")
    first = paths[0]
    if len(paths) == 1 and first.suffix.lower() == ".h5ad":
        return _anndata(first, layer)
    if len(paths) == 1 and (first.suffix.lower() == ".zarr" or (first / ".zgroup").exists() or (first / "zarr.json").exists()):
        return _anndata(first, layer)
    if len(paths) == 1 and first.is_dir():
        for suffix in (".npz", ".parquet"):
            found = sorted(first.glob(f"*{suffix}"))
            if found:
                paths = found
                break
        else:
            raise ProblemError(f"{first} holds neither .npz nor .parquet files, nor a store. It could be converted from those.")
    kinds = {path.suffix.lower() for path in paths}
    if kinds == {".npz"}:
        return _npz(paths)
    if kinds == {".parquet"}:
        return _parquet(paths, triples)
    raise ProblemError(
        f"{first.name} cannot be read in runs of rows. Sources that can: .h5ad, .zarr, .parquet (a table, or "
        "triples), .npz (several files of rows), an array of Dask. Write the data in one of these first; "
        "CSV of triples becomes Parquet with pandas.read_csv(..., chunksize=...) and to_parquet."
    )


def _stamp(paths: Sequence[Path]) -> list[list[Any]]:
    """Names, sizes and times of files: whether they are still the same."""
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths]


def _of_blocks(blocks: Blocks, key: Mapping[str, Any]) -> Source:
    labels = blocks.axes.rows.labels

    def piece(index: int) -> tuple[Any, Sequence[str] | None]:
        begin, end = blocks.span(index)
        return blocks.block(index), None if labels is None else labels[begin:end]

    return Source(blocks.title, key, len(blocks), piece, blocks.axes)


def _of_matrix(X: Any) -> Source:
    matrix = sp.csr_array(X) if sp.issparse(X) else X
    edges = cut(matrix)
    return Source(
        "Matrix",
        {"kind": "memory", "shape": list(matrix.shape)},
        len(edges) - 1,
        lambda i: (matrix[edges[i] : edges[i + 1]], None),
    )


# -- NPZ ------------------------------------------------------------------------------------------------------------------------
def _npz(paths: Sequence[Path]) -> Source:
    """Files of whole rows, in the order of their names, as scipy.sparse.save_npz or numpy.savez write them."""
    return Source(
        paths[0].parent.name if len(paths) > 1 else paths[0].stem,
        {"kind": "npz", "files": _stamp(paths)},
        len(paths),
        lambda index: (_read_npz(paths[index]), None),
    )


def _read_npz(path: Path) -> Matrix:
    try:
        with np.load(path, allow_pickle=False) as held:
            names = set(held.files)
            if {"data", "indices", "indptr", "shape"} <= names:
                kind = held["format"].item() if "format" in names else b"csr"
                kind = kind.decode() if isinstance(kind, bytes) else str(kind)
                if kind not in ("csr", "1"):
                    raise ProblemError(
                        f"{path.name} is stored by columns or in blocks ({kind}), so a run of its rows cannot be read. Write it "
                        "by rows: scipy.sparse.save_npz(name, matrix.tocsr())."
                    )
                shape = tuple(int(n) for n in held["shape"])
                return sp.csr_array((held["data"], held["indices"], held["indptr"]), shape=shape)
            if len(names) == 1:
                return held[names.pop()]
    except (ValueError, OSError, zipfile.BadZipFile, KeyError) as wrong:
        if isinstance(wrong, ProblemError):
            raise
        raise ProblemError(f"{path.name} cannot be read as NPZ ({wrong}).") from None
    raise ProblemError(f"{path.name} holds several arrays and no sparse matrix ({', '.join(sorted(names))}). One array per file.")


# -- AnnData --------------------------------------------------------------------------------------------------------------------
def _anndata(path: Path, layer: str | None) -> Source:
    """The matrix X or a layer of an AnnData file, by rows, without loading it."""
    try:
        import anndata
        import h5py
        import zarr
    except ImportError:
        raise ProblemError(
            f"{path.name} needs the package anndata to be read. Install the extra: pip install nmf-dashboard[blocks]."
        ) from None
    try:
        group: Any = h5py.File(path, "r") if path.is_file() else zarr.open_group(str(path), mode="r")
        element = group["X"] if layer is None else group["layers"][layer]
    except (OSError, KeyError, ValueError) as wrong:
        named = "X" if layer is None else f"layer {layer!r}"
        raise ProblemError(f"{path.name} has no {named} that can be read as AnnData writes it ({wrong}).") from None
    kind = str(element.attrs.get("encoding-type", "array"))
    if kind == "csc_matrix":
        raise ProblemError(
            f"{'X' if layer is None else layer} of {path.name} is stored by columns (CSC): every run of rows would take a pass "
            "over the whole file. Store it by rows once: adata.X = adata.X.tocsr(); adata.write_h5ad(name)."
        )
    rows, columns = ([str(label) for label in anndata.io.read_elem(group[s][group[s].attrs["_index"]])] for s in ("obs", "var"))
    sparse = kind == "csr_matrix"
    if sparse:
        m, n = (int(size) for size in element.attrs["shape"])
        counts = np.asarray(element["indptr"][:], np.int64)
        edges = _edges(counts)
    else:
        m, n = element.shape
        edges = [*range(0, m, max(1, min(BLOCK_ROWS, BLOCK_VALUES // max(1, n)))), m]
    axes = Axes(Axis("cells", "cell"), Axis("genes", "gene", columns))
    size = path.stat() if path.is_file() else None
    key: dict[str, Any] = {"kind": "anndata", "name": path.name, "layer": layer, "shape": [int(m), int(n)]}
    key |= {"bytes": size.st_size, "time": size.st_mtime_ns} if size else {"stored": int(counts[-1]) if sparse else int(m * n)}

    def piece(index: int) -> tuple[Any, Sequence[str] | None]:
        begin, end = edges[index], edges[index + 1]
        if not sparse:
            return np.asarray(element[begin:end]), rows[begin:end]
        stored = slice(int(counts[begin]), int(counts[end]))  # the format's own arrays: anndata's backed rows need an older SciPy
        parts = element["data"][stored], element["indices"][stored], counts[begin : end + 1] - counts[begin]
        return sp.csr_array(parts, shape=(end - begin, n)), rows[begin:end]

    return Source(path.stem, key, len(edges) - 1, piece, axes)


def _edges(indptr: np.ndarray) -> list[int]:
    """Where rows with these offsets are cut."""
    edges, m = [0], len(indptr) - 1
    while edges[-1] < m:
        most = int(np.searchsorted(indptr, indptr[edges[-1]] + BLOCK_VALUES, side="right")) - 1
        edges.append(min(m, edges[-1] + BLOCK_ROWS, max(edges[-1] + 1, most)))
    return edges


# -- Parquet --------------------------------------------------------------------------------------------------------------------
def _parquet(paths: Sequence[Path], triples: tuple[str, str, str] | None) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        files = [pq.ParquetFile(path) for path in paths]
    except (pa.ArrowInvalid, OSError) as wrong:
        raise ProblemError(f"{paths[0].name} cannot be read as Parquet ({wrong}).") from None
    schema = files[0].schema_arrow
    for path, file in zip(paths, files, strict=True):
        if file.schema_arrow.names != schema.names:
            raise ProblemError(f"{path.name} has other columns than {paths[0].name}; all files need the same.")
    if triples is None:
        named = {name for name in schema.names if not name.startswith(UNNAMED)}
        triples = next((t for t in TRIPLES if set(t) == named), None)
    groups = [(file, group) for file in files for group in range(file.num_row_groups)]
    key = {"kind": "parquet", "files": _stamp(paths), "triples": list(triples or ())}
    title = paths[0].stem if len(paths) == 1 else paths[0].parent.name
    if triples is not None:
        missing = [name for name in triples if name not in schema.names]
        if missing:
            raise ProblemError(f"{paths[0].name} has no column {', '.join(missing)}; it has {', '.join(schema.names[:12])}.")
        names = triples
        return Source(title, key, 0, lambda i: (None, None), prepare=lambda folder, report: _scattered(
            groups, names, folder, report, title, key))  # fmt: skip
    fields = [f for f in schema if not f.name.startswith(UNNAMED)]
    numeric = [
        f.name for f in fields if pa.types.is_integer(f.type) or pa.types.is_floating(f.type) or pa.types.is_boolean(f.type)
    ]
    others = [f.name for f in fields if f.name not in numeric]
    if not numeric or len(others) > 1:
        raise ProblemError(
            f"{paths[0].name} has {len(numeric)} columns of numbers and {len(others)} others. A table has numbers and at most "
            "one column of labels; a list of triples is named with triples=('row', 'column', 'value')."
        )

    def piece(index: int) -> tuple[Any, Sequence[str] | None]:
        file, group = groups[index]
        table = file.read_row_group(group, columns=[*others, *numeric])
        filled = np.empty((table.num_rows, len(numeric)), np.float64)
        for j, name in enumerate(numeric):
            column = table.column(name)
            if column.null_count:
                raise ProblemError(f"Column {name!r} has {column.null_count:,} missing values; fill them or drop them first.")
            filled[:, j] = column.to_numpy()
        labels = [str(v) for v in table.column(others[0]).to_pylist()] if others else None
        return (sp.csr_array(filled) if np.count_nonzero(filled) < 0.2 * filled.size else filled), labels

    return Source(title, key, len(groups), piece, Axes(columns=Axis("columns", "column", numeric)))


def _scattered(
    groups: Sequence[tuple[Any, int]],
    names: tuple[str, str, str],
    folder: Path,
    report: Report,
    title: str,
    key: Mapping[str, Any],
) -> Source:
    """Triples in any order, sorted into runs of rows: a look for names and the rows' sizes, and one to write them apart."""
    sides = [_Names(), _Names()]
    for done, (file, group) in enumerate(groups):
        report("Looking at the triples", 0.5 * done / len(groups))
        table = file.read_row_group(group, columns=list(names))
        for side, name in zip(sides, names, strict=False):
            side.see(table.column(name), name)
    for side in sides:
        side.close()
    counts = np.zeros(sides[0].count, np.int64)
    for file, group in groups:
        counts += np.bincount(sides[0].codes(file.read_row_group(group, columns=[names[0]]).column(0)), minlength=len(counts))
    edges = _edges(np.concatenate([[0], np.cumsum(counts)]))
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.triples"):
        old.unlink()
    kind = np.dtype([("row", "<i8"), ("column", "<i4"), ("value", "<f8")])
    for done, (file, group) in enumerate(groups):
        report("Sorting the triples", 0.5 + 0.5 * done / len(groups))
        table = file.read_row_group(group, columns=list(names))
        if table.column(names[2]).null_count:
            raise ProblemError(f"Column {names[2]!r} has missing values; drop those triples, or fill them.")
        records = np.empty(table.num_rows, kind)
        records["row"], records["column"] = (s.codes(table.column(n)) for s, n in zip(sides, names, strict=False))
        records["value"] = table.column(names[2]).to_numpy()
        records = records[np.argsort(records["row"], kind="stable")]
        cuts = np.searchsorted(records["row"], edges)
        for run, (begin, end) in enumerate(pairwise(cuts)):
            if begin < end:
                with (folder / f"{run:05}.triples").open("ab") as file_:
                    file_.write(records[begin:end].tobytes())
    n = sides[1].count
    rows = sides[0].labels

    def piece(index: int) -> tuple[Any, Sequence[str] | None]:
        begin, end = edges[index], edges[index + 1]
        path = folder / f"{index:05}.triples"
        held = np.fromfile(path, kind) if path.exists() else np.zeros(0, kind)
        X = sp.coo_array((held["value"], (held["row"] - begin, held["column"])), shape=(end - begin, n))
        return sp.csr_array(X), None if rows is None else rows[begin:end]

    axes = Axes(Axis("rows", "row"), Axis("columns", "column", sides[1].labels))
    notes = ("Triples that name the same cell were added.",)
    return Source(title, key, len(edges) - 1, piece, axes, notes=notes)


class _Names:
    """The different entries of one column of triples: positions where they are whole numbers without large gaps, else names."""

    def __init__(self) -> None:
        self.seen: dict[Any, None] = {}
        self.labels: list[str] | None = None

    def see(self, column: Any, name: str) -> None:
        if column.null_count:
            raise ProblemError(f"Column {name!r} has {column.null_count:,} missing entries; drop those triples first.")
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
