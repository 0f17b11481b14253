"""How are HDF5 files read: AnnData (.h5ad), 10x Genomics (.h5), and files with one matrix?

Always in the child process, through a Python stream: no path is ever opened by the library, so external links and external
storage lead nowhere, and both are refused by name besides. Types and sizes are checked before anything is read; objects and
references are refused. Sources: the HDF5 1.10 format, AnnData's on-disk specification 0.1, 10x Genomics' feature-barcode matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Question, Table
from nmfcore.data.readers import arrays, names
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

INDEX = ("_index", "index", "barcodes", "cell_names", "gene_names")
FACTS = 200  # columns of obs or var that are kept
LOOKED_AT = 500  # members of a group that are looked at to find a matrix
CELLS = [["cells", "cell"], ["genes", "gene"]]
_AGAIN = "Save or copy it again."


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The matrix in an HDF5 file, with what the file says of its rows and columns."""
    try:
        import h5py
    except ImportError:
        raise UploadError(
            f"{shown(source.name)} is an HDF5 file; reading it needs the package h5py",
            way_out="Install it (pip install 'nmf-dashboard[formats]'), or save the matrix as NPZ, MatrixMarket or Parquet.",
        ) from None
    try:
        with source.open() as stream, h5py.File(stream, "r") as opened:
            return _File(opened, source.name, options, limits).table()
    except UploadError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OverflowError, NotImplementedError) as error:
        said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise UploadError(f"{shown(source.name)} is a damaged HDF5 file: {said}", way_out=_AGAIN) from None


class _File:
    """One opened file."""

    def __init__(self, opened: Any, name: str, options: ReadOptions, limits: Limits) -> None:
        self.opened, self.name, self.options, self.limits = opened, name, options, limits
        self.notes: list[str] = []

    def table(self) -> Table:
        keys = set(list(self.opened)[:LOOKED_AT])
        if {"row_attrs", "col_attrs", "matrix"} <= keys:
            raise UploadError(
                f"{shown(self.name)} is a loom file", way_out="Save it as .h5ad (anndata.read_loom(...).write_h5ad(...))."
            )
        if self.options.member is None and "obs" in keys and "var" in keys:
            return self.anndata("X" if "X" in keys else self._first_layer(keys))
        if self.options.member is not None and "obs" in keys and "var" in keys:
            return self.anndata(self.options.member)
        tenx = [key for key in self._groups() if {"data", "indices", "indptr", "shape", "barcodes"} <= set(self._at(key))]
        if tenx:
            return self.tenx(tenx)
        return self.plain()

    # --- AnnData --------------------------------------------------------------------------------------------------------

    def anndata(self, place: str) -> Table:
        """X or a layer; obs are facts of the rows, var of the columns."""
        X = self._matrix(place)
        rows, row_facts = self._frame("obs", X.shape[0])
        columns, column_facts = self._frame("var", X.shape[1])
        layers = [f"layers/{key}" for key in list(self._at("layers"))[:20]] if "layers" in self.opened else []
        others = [key for key in ["X" if "X" in self.opened else "", *layers, *self._raw(X.shape)] if key and key != place]
        self.notes.insert(0, f"AnnData: {X.shape[0]:,} cells of {X.shape[1]:,} genes, taken from {shown(place)}.")
        if row_facts or column_facts:
            self.notes.append(
                f"{counted(len(row_facts), 'fact')} about the rows (obs) and {len(column_facts):,} about the columns (var) kept."
            )
        questions = []
        if others:
            choices = [Fix(f"Take {shown(place)}", {"member": place}, "This is the matrix that is shown.")]
            choices += [
                Fix(f"Take {shown(other)}", {"member": other}, f"The same cells, values of {shown(other)}.") for other in others
            ]
            questions.append(Question("layer", "The file holds several matrices of these cells. Which one?", tuple(choices[:6])))
        return Table(
            name=self.name,
            X=arrays.settle_infinite(X, self.options, self.notes),
            row_labels=rows,
            column_labels=columns,
            notes=tuple(self.notes),
            understood={"format": "hdf5", "layout": "h5ad", "member": place, "members": [place, *others], "axes": CELLS},
            aside=row_facts,
            column_aside=column_facts,
            questions=tuple(questions),
        )

    def _raw(self, shape: tuple[int, int]) -> list[str]:
        """raw/X, where it is of the same shape."""
        try:
            return ["raw/X"] if "raw" in self.opened and self._shape("raw/X") == tuple(shape) else []
        except UploadError:
            return []

    def _first_layer(self, keys: set[str]) -> str:
        layers = list(self._at("layers")) if "layers" in keys else []
        if not layers:
            raise UploadError("The AnnData file has no matrix X and no layer", way_out="Write it again with X.")
        return f"layers/{layers[0]}"

    def _frame(self, place: str, size: int) -> tuple[list[str] | None, dict[str, list[str]]]:
        """Labels and facts out of a data frame: a group with one dataset per column, or (older) a table of records."""
        import h5py

        group = self._at(place)
        if not isinstance(group, h5py.Group):
            return self._records(group, size)
        index = group.attrs.get("_index", "_index")
        index = index.decode() if isinstance(index, bytes) else str(index)
        labels = self._texts(f"{place}/{index}", size) if index in group else None
        categories = group.get("__categories", {})
        facts: dict[str, list[str]] = {}
        for key in list(group)[:FACTS]:
            if key in (index, "__categories"):
                continue
            try:
                found = self._texts(f"{place}/{key}", size, f"{place}/__categories/{key}" if key in categories else None)
            except UploadError as error:
                self.notes.append(f"The column {shown(key)} of {place} is left out: {error.problem}.")
                continue
            facts[key] = found
        return labels, facts

    def _records(self, dataset: Any, size: int) -> tuple[list[str] | None, dict[str, list[str]]]:
        self._check(dataset, dataset.name)
        if dataset.shape != (size,) or dataset.dtype.names is None:
            raise UploadError(f"{dataset.name} does not fit the matrix", way_out=_AGAIN)
        table = dataset[()]
        columns = {name: arrays.texts(table[name]) for name in table.dtype.names[:FACTS] if table[name].ndim == 1}
        index = next((name for name in INDEX if name in columns), None)
        return (columns.pop(index) if index else None), columns

    def _texts(self, place: str, size: int, categories: str | None = None) -> list[str]:
        """A column as texts; categories by their names, "" where there is none."""
        import h5py

        item = self._at(place)
        if isinstance(item, h5py.Group):
            if {"categories", "codes"} <= set(item):
                return self._categories(f"{place}/codes", f"{place}/categories", size)
            if {"values", "mask"} <= set(item):  # nullable numbers
                values, mask = self._column(f"{place}/values", size), self._column(f"{place}/mask", size)
                return (
                    ["" if gone else text for text, gone in zip(values, self._read(f"{place}/mask"), strict=True)]
                    if mask
                    else values
                )
            raise UploadError("it is no plain column", way_out=_AGAIN)
        if categories is not None:
            return self._categories(place, categories, size)
        return self._column(place, size)

    def _categories(self, codes: str, categories: str, size: int) -> list[str]:
        found = self._read(codes)
        if found.shape != (size,) or found.dtype.kind not in "iu":
            raise UploadError("its codes do not fit the matrix", way_out=_AGAIN)
        values = self._column(categories, None)
        if found.size and (int(found.max()) >= len(values) or int(found.min()) < -1):
            raise UploadError("a code has no category", way_out=_AGAIN)
        return [values[code] if code >= 0 else "" for code in found.tolist()]

    def _column(self, place: str, size: int | None) -> list[str]:
        values = self._read(place)
        if values.ndim != 1 or (size is not None and values.size != size):
            raise UploadError("it does not fit the matrix", way_out=_AGAIN)
        most = self.limits.label_characters
        if values.dtype.kind == "O":
            return [_decoded(value)[:most] for value in values]
        if values.dtype.kind == "f":
            return ["" if value != value else f"{value:.15g}" for value in values.tolist()]
        if values.dtype.kind == "b":
            return ["true" if value else "false" for value in values.tolist()]
        return [text[:most] for text in arrays.texts(values)]

    # --- 10x Genomics ---------------------------------------------------------------------------------------------------

    def tenx(self, groups: list[str]) -> Table:
        """Genes x cells by columns, as 10x stores it: by rows of cells it is the same."""
        place = self.options.member if self.options.member in groups else groups[0]
        if len(groups) > 1 and self.options.member is None:
            raise UploadError(
                f"The file holds several genomes: {listed(groups)}",
                way_out="Choose one.",
                fixes=[Fix(f"Read {shown(group)}", {"member": group}) for group in groups[:8]],
            )
        group = self._at(place)
        shape = self._read(f"{place}/shape")
        if shape.shape != (2,) or shape.dtype.kind not in "iu":
            raise UploadError("The shape of the matrix is damaged", way_out=_AGAIN)
        genes, cells = (int(size) for size in shape)
        data, indices, indptr = (self._read(f"{place}/{key}") for key in ("data", "indices", "indptr"))
        X = arrays.compressed(data, indices, indptr, (cells, genes), "the matrix", self.limits, self.notes)
        barcodes = self._column(f"{place}/barcodes", cells)
        features = f"{place}/features" if "features" in group else place
        symbols, ids = ("name", "id") if "features" in group else ("gene_names", "genes")
        labels = self._column(f"{features}/{symbols}", genes)
        facts = {"gene id": self._column(f"{features}/{ids}", genes)}
        if "features" in group and "feature_type" in self._at(features):
            facts["feature type"] = self._column(f"{features}/feature_type", genes)
        self.notes.insert(0, f"10x Genomics: {cells:,} cells of {genes:,} genes (stored as genes by cells).")
        return Table(
            name=self.name,
            X=arrays.settle_infinite(X, self.options, self.notes),
            row_labels=barcodes,
            column_labels=names.Labels(self.limits.label_characters).checked(labels, "column", self.notes),
            notes=tuple(self.notes),
            understood={"format": "hdf5", "layout": "10x", "member": place, "axes": CELLS},
            column_aside=facts,
        )

    # --- one matrix among datasets --------------------------------------------------------------------------------------

    def plain(self) -> Table:
        """The one dataset with two dimensions, or the one that was chosen."""
        import h5py

        found: list[str] = []

        def look(name: str, item: Any) -> bool | None:
            if isinstance(item, h5py.Dataset) and item.ndim == 2 and item.dtype.kind in "biuf" and len(found) < LOOKED_AT:
                found.append(name)
            return None

        self.opened.visititems(look)  # follows no soft or external links
        place = self.options.member or (found[0] if len(found) == 1 else None)
        if place is None:
            what = f"holds {len(found):,} matrices: {listed(found)}" if found else "holds no matrix"
            raise UploadError(
                f"The HDF5 file {what}",
                way_out="Choose one." if found else "Save the matrix as NPZ or MatrixMarket.",
                fixes=[Fix(f"Read {shown(name)}", {"member": name}) for name in found[:8]],
            )
        X = self._matrix(place)
        return Table(
            name=self.name,
            X=arrays.settle_infinite(X, self.options, self.notes),
            notes=(f"The dataset {shown(place)} of the HDF5 file.", *self.notes),
            understood={"format": "hdf5", "member": place, "members": found},
        )

    # --- reading, checked -------------------------------------------------------------------------------------------------

    def _groups(self) -> list[str]:
        import h5py

        return [key for key in list(self.opened)[:LOOKED_AT] if isinstance(self.opened.get(key, getlink=True), h5py.HardLink)
                and isinstance(self.opened[key], h5py.Group)]  # fmt: skip

    def _at(self, place: str) -> Any:
        """What stands at a place, by hard links only."""
        import h5py

        item = self.opened
        for part in place.strip("/").split("/"):
            if not isinstance(item, h5py.Group) or part not in item:
                raise UploadError(f"The file has no {shown(place)}", way_out=_AGAIN)
            if not isinstance(item.get(part, getlink=True), h5py.HardLink):
                raise UploadError(f"{shown(place)} is a link to another place or file; links are not followed", way_out=_AGAIN)
            item = item[part]
        return item

    def _check(self, dataset: Any, place: str) -> None:
        """Refuse a dataset that is no plain array of numbers or texts in this file, or is too large."""
        import h5py

        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
            raise UploadError(f"{shown(place)} is no array", way_out=_AGAIN)
        if dataset.external or dataset.is_virtual:
            raise UploadError(f"{shown(place)} is stored in another file", way_out="Save it in one file.")
        kind = dataset.dtype
        text = h5py.check_string_dtype(kind) is not None
        if kind.hasobject and not text:
            raise UploadError(f"{shown(place)} holds objects or references, not numbers", way_out=_AGAIN)
        if kind.kind not in "biufSUOV" or dataset.ndim > 2:
            raise UploadError(f"{shown(place)} holds {kind}, not numbers", way_out=_AGAIN)
        cells = 1
        for size in dataset.shape:
            cells *= int(size)
        each = 64 if text else max(1, kind.itemsize)
        if cells * each > max(self.limits.unpacked_bytes, 8 * self.limits.dense_cells):
            raise TooLarge(f"{shown(place)} has {cells:,} entries, more than can be read", way_out="Take a part of it.")

    def _read(self, place: str) -> np.ndarray:
        dataset = self._at(place)
        self._check(dataset, place)
        return np.asarray(dataset[()])

    def _shape(self, place: str) -> tuple[int, int]:
        """Rows and columns of a matrix, dense or sparse."""
        import h5py

        item = self._at(place)
        shape = item.attrs.get("shape", item.attrs.get("h5sparse_shape")) if isinstance(item, h5py.Group) else item.shape
        if shape is None or len(shape) != 2 or min(int(size) for size in shape) < 1:
            raise UploadError(f"{shown(place)} has no shape of rows and columns", way_out=_AGAIN)
        return int(shape[0]), int(shape[1])

    def _matrix(self, place: str) -> Any:
        """A matrix as AnnData stores it: a dataset, or a group of the three arrays of CSR or CSC."""
        import h5py

        item, shape = self._at(place), self._shape(place)
        arrays.check_shape(shape, self.limits, dense=isinstance(item, h5py.Dataset))
        if isinstance(item, h5py.Dataset):
            self._check(item, place)
            return np.ascontiguousarray(arrays.numeric(np.asarray(item[()]), "the matrix", self.notes))
        kind = item.attrs.get("encoding-type", item.attrs.get("h5sparse_format", ""))
        kind = kind.decode() if isinstance(kind, bytes) else str(kind)
        if kind[:3] not in ("csr", "csc"):
            raise UploadError(f"{shown(place)} is stored as {shown(kind)}", way_out="Save it as a dense, CSR or CSC matrix.")
        data, indices, indptr = (self._read(f"{place}/{key}") for key in ("data", "indices", "indptr"))
        by_column = kind.startswith("csc")
        return arrays.compressed(data, indices, indptr, shape, "the matrix", self.limits, self.notes, by_column=by_column)


def _decoded(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)
