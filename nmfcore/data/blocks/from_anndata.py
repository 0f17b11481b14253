"""How are the rows of an AnnData file (.h5ad, .zarr) read, without loading it?

The format's own arrays are read, since anndata's backed rows need an older SciPy: anndata's on-disk format, encoding-type
csr_matrix, csc_matrix or array.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import BLOCK_ROWS, BLOCK_VALUES
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.blocks.source import Piece, Source, edges_of


def of_anndata(path: Path, layer: str | None) -> Source:
    """X or a layer, by rows.

    Raises
    ------
    ProblemError
        If anndata is not installed, or the file has no such matrix, or has it by columns.
    """
    group = _opened(path)
    element = _matrix(group, path.name, layer)
    kind = str(element.attrs.get("encoding-type", "array"))
    if kind == "csc_matrix":
        held = "adata.X" if layer is None else f"adata.layers[{layer!r}]"
        write = "write_h5ad" if path.is_file() else "write_zarr"
        raise ProblemError(
            f"{held} of {path.name} is stored by columns (CSC): every run of rows would take a pass over the whole file. "
            f"Store it by rows once: {held} = {held}.tocsr(); adata.{write}(name)."
        )
    rows, columns = (_labels(group, side, path.name) for side in ("obs", "var"))
    cells = _SparseCells(element, rows) if kind == "csr_matrix" else _DenseCells(element, rows)
    axes = Axes(Axis("cells", "cell"), Axis("genes", "gene", columns))
    key: dict[str, Any] = {"kind": "anndata", "name": path.name, "layer": layer, "shape": list(cells.shape)}
    if path.is_file():
        key |= {"bytes": path.stat().st_size, "time": path.stat().st_mtime_ns}
    else:
        key |= {"stored": cells.stored}
    return Source(path.stem, key, len(cells.edges) - 1, cells.piece, axes)


def _opened(path: Path) -> Any:
    """The group that is the file.

    Raises
    ------
    ProblemError
    """
    try:
        import anndata  # noqa: F401 (its reader of labels is used below; without it nothing here works)
        import h5py
        import zarr
    except ImportError:
        raise ProblemError(
            f"{path.name} needs the package anndata to be read. Install the extra: pip install nmf-dashboard[blocks]."
        ) from None
    try:
        held = h5py.File(path, "r") if path.is_file() else zarr.open(str(path), mode="r")
    except (OSError, KeyError, ValueError) as wrong:
        raise ProblemError(f"{path.name} cannot be opened as AnnData writes it ({wrong}).") from None
    if isinstance(held, zarr.Array):
        raise ProblemError(
            f"{path.name} is a Zarr array and no AnnData file. Hand it over as an array of Dask: dask.array.from_zarr(name), in "
            "row chunks that hold all columns."
        )
    return held


def _matrix(group: Any, name: str, layer: str | None) -> Any:
    """X or a layer.

    Raises
    ------
    ProblemError
        If there is none; it says which layers there are.
    """
    if layer is None and "X" in group:
        return group["X"]
    layers = sorted(group["layers"]) if "layers" in group else []
    if layer is not None and layer in layers:
        return group["layers"][layer]
    there = f"It has the layers {', '.join(layers[:12])}: name one with layer=..." if layers else "It has no layers either."
    wanted = "no X" if layer is None else f"no layer {layer!r}"
    if layer is not None:
        there = f"Its layers: {', '.join(layers[:12])}." if layers else "It has no layers, only X." if "X" in group else there
    raise ProblemError(f"{name} has {wanted} as AnnData writes it. {there}")


def _labels(group: Any, side: str, name: str) -> list[str]:
    """The index of obs or var."""
    import anndata

    try:
        return [str(label) for label in anndata.io.read_elem(group[side][group[side].attrs["_index"]])]
    except (OSError, KeyError, ValueError) as wrong:
        raise ProblemError(f"{name} has no table {side} with an index, as AnnData writes it ({wrong}).") from None


class _SparseCells:
    """CSR on disk: runs of rows of about BLOCK_VALUES stored values."""

    def __init__(self, element: Any, labels: list[str]) -> None:
        self.element, self.labels = element, labels
        self.shape = tuple(int(size) for size in element.attrs["shape"])
        self.counts = np.asarray(element["indptr"][:], np.int64)
        self.edges, self.stored = edges_of(self.counts), int(self.counts[-1])

    def piece(self, index: int) -> Piece:
        begin, end = self.edges[index], self.edges[index + 1]
        stored = slice(int(self.counts[begin]), int(self.counts[end]))
        offsets = self.counts[begin : end + 1] - self.counts[begin]
        parts = self.element["data"][stored], self.element["indices"][stored], offsets
        return sp.csr_array(parts, shape=(end - begin, self.shape[1])), self.labels[begin:end]


class _DenseCells:
    """An array on disk: runs of rows with about BLOCK_VALUES entries."""

    def __init__(self, element: Any, labels: list[str]) -> None:
        self.element, self.labels = element, labels
        m, n = self.shape = tuple(int(size) for size in element.shape)
        self.edges = [*range(0, m, max(1, min(BLOCK_ROWS, BLOCK_VALUES // max(1, n)))), m]
        self.stored = m * n

    def piece(self, index: int) -> Piece:
        begin, end = self.edges[index], self.edges[index + 1]
        return np.asarray(self.element[begin:end]), self.labels[begin:end]
