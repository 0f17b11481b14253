"""Where can blocks come from, and how are they read with bounded memory?

What can only be read by columns, or would turn dense, is refused by name with the way out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import Blocks, DaskBlocks, cut, is_dask
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.data.blocks.from_anndata import of_anndata
from nmfcore.data.blocks.from_parquet import of_parquet
from nmfcore.data.blocks.source import Piece, Source, stamp


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
        return of_anndata(first, layer)
    if len(paths) == 1 and (first.suffix.lower() == ".zarr" or (first / ".zgroup").exists() or (first / "zarr.json").exists()):
        return of_anndata(first, layer)
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
        return of_parquet(paths, triples)
    raise ProblemError(
        f"{first.name} cannot be read in runs of rows. Sources that can: .h5ad, .zarr, .parquet (a table, or "
        "triples), .npz (several files of rows), an array of Dask. Write the data in one of these first; "
        "CSV of triples becomes Parquet with pandas.read_csv(..., chunksize=...) and to_parquet."
    )


def _of_blocks(blocks: Blocks, key: Mapping[str, Any]) -> Source:
    labels = blocks.axes.rows.labels

    def piece(index: int) -> Piece:
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
        {"kind": "npz", "files": stamp(paths)},
        len(paths),
        lambda index: (_read_npz(paths[index]), None),
    )


def _read_npz(path: Path) -> Matrix:
    try:
        with np.load(path, allow_pickle=False) as held:
            names = set(held.files)
            if {"data", "row", "col", "shape"} <= names:
                raise ProblemError(
                    f"{path.name} is stored as coordinates (COO), in no order of rows. Write it by rows: "
                    "scipy.sparse.save_npz(name, matrix.tocsr())."
                )
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
