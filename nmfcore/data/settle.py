"""What does a table become, once everything open is settled?

What rows are, what a missing cell means, what zero means and what happens to negative numbers: nothing is settled silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.model.dataset import Dataset, as_kept
from nmfcore.data.model.errors import Fix, UploadError, counted, shown
from nmfcore.data.model.facts import Classes, Facts
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table, stored_mask


def as_dataset(
    table: Table,
    *,
    orientation: str = "rows",
    missing: str = "refuse",
    negatives: str = "refuse",
    zeros: str = "real",
    zero_means: str = "",
    classes: str | None = None,
    name: str | None = None,
    rows: tuple[str, str] | None = None,
    columns: tuple[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Dataset:
    """The data set that a table becomes; everything open is settled here, nothing silently.

    Parameters
    ----------
    table : Table
    orientation : "rows" when the file's rows are the items, "columns" when its columns are (X is transposed)
    missing : "refuse"; "mask" (not measured: left out of the fit); "zero" (filled with 0); "drop_rows" or "drop_columns"
    negatives : "refuse"; "clip" (become 0); "shift" (the smallest value is subtracted from every entry)
    zeros : "real", or "missing" when a 0 says that nothing was measured (a mask leaves them out)
    zero_means : what an entry of 0 says, for the card
    classes : the fact that holds the known labels of the items; blank and NA are no label
    name : title; the file's name when None
    rows, columns : plural and singular of the axes, after orientation: ("films", "film")
    options : the options the file was read with, for the data set's `options`; those of the table when None

    Returns
    -------
    Dataset
        A corpus (X is None) when the table holds documents.

    Raises
    ------
    UploadError
        If cells are missing or negative and nothing was chosen, or if nothing is left; `fixes` holds the choices.
    ValueError
        If an argument has no such value.
    """
    for argument, value, known in (
        ("orientation", orientation, ("rows", "columns")),
        ("missing", missing, ("refuse", "mask", "zero", "drop_rows", "drop_columns")),
        ("negatives", negatives, ("refuse", "clip", "shift")),
        ("zeros", zeros, ("real", "missing")),
    ):
        if value not in known:
            raise ValueError(f"{argument} is {value!r}; allowed: {', '.join(known)}.")
    by_rows = orientation == "rows" or table.documents is not None
    decimal = str(table.understood.get("decimal", "."))
    facts, column_facts = Facts.of(table.aside, decimal), Facts.of(table.column_aside, decimal)
    of_rows = by_rows or classes not in column_facts
    if classes is not None and classes not in facts and of_rows:
        raise ValueError(f"There is no column {classes!r} set aside. There are: {', '.join(facts.names) or 'none'}.")
    labels = None if classes is None else (facts if of_rows else column_facts)[classes].classes()
    settled = {
        "orientation": orientation,
        "missing": missing,
        "negatives": negatives,
        "zeros": zeros,
        "classes": classes,
    }
    common: dict[str, Any] = {
        "key": "upload",
        "title": name or table.name,
        "source": f"your file {shown(table.name)}",
        "options": {**(table.understood.get("options", {}) if options is None else options), **settled},
        "zero_means": zero_means,
        "decimal": decimal,
    }
    if table.documents is not None:
        plural, singular = rows or ("documents", "document")
        terms, term = columns or ("terms", "term")
        axes = Axes(Axis(plural, singular, table.row_labels), Axis(terms, term))
        return Dataset(
            X=None,
            axes=axes,
            kind="documents",
            documents=table.documents,
            classes=labels,
            facts=facts,
            notes=(*table.notes, *_unlabelled(classes, labels, "documents")),
            **common,
        )
    work = _Work(table, limits or Limits.from_environment())
    work.settle_missing(missing)
    work.settle_negatives(negatives)
    work.settle_zeros(zeros)
    work.note_nothing()
    kept = None if labels is None else labels.take(work.rows if of_rows else work.columns)
    facts, column_facts = facts.take(work.rows), column_facts.take(work.columns)
    X, mask = as_kept(work.X), work.mask
    row_names, column_names = table.understood.get("axes") or _AXIS.get(table.content, _AXIS["matrix"])
    axis_rows = Axis(row_names[0], row_names[1], _take(table.row_labels, work.rows))
    axis_columns = Axis(column_names[0], column_names[1], _take(table.column_labels, work.columns))
    whole = work.columns.size == table.shape[1]
    shape = table.image_shape if orientation == "rows" and whole else None
    if orientation == "columns":
        X = as_kept(X.T)
        mask = None if mask is None else np.ascontiguousarray(mask.T)
        axis_rows, axis_columns = axis_columns, axis_rows
        facts, column_facts = column_facts, facts
        of_rows = not of_rows
        if kept is not None and not of_rows:
            work.notes.append("The known labels belong to the file's rows, which are the features now.")
    if rows:
        axis_rows = Axis(*rows, axis_rows.labels)
    if columns:
        axis_columns = Axis(*columns, axis_columns.labels)
    return Dataset(
        X=X,
        axes=Axes(axis_rows, axis_columns),
        kind={"ratings": "ratings", "images": "images"}.get(table.content, "table"),
        mask=mask,
        classes=kept if of_rows else None,
        column_classes=None if of_rows else kept,
        facts=facts,
        column_facts=column_facts,
        image_shape=shape,
        notes=(*table.notes, *work.notes, *_unlabelled(classes, kept, axis_rows.name if of_rows else axis_columns.name)),
        **common,
    )


def _unlabelled(name: str | None, classes: Classes | None, items: str) -> list[str]:
    """A note on the items whose label is blank or NA."""
    none = 0 if classes is None else int(np.count_nonzero(classes.index < 0))
    m = 0 if classes is None else len(classes.index)
    return (
        [f"{none:,} of {m:,} {items} have no known label in {shown(name)} (blank or NA) and belong to no class."] if none else []
    )


_AXIS = {
    "matrix": (("rows", "row"), ("columns", "column")),
    "ratings": (("users", "user"), ("items", "item")),
    "images": (("images", "image"), ("pixels", "pixel")),
}


def _take(labels: Sequence[str] | None, indices: np.ndarray) -> list[str] | None:
    return None if labels is None else [str(labels[i]) for i in indices]


class _Work:
    """The matrix on its way from table to data set: what is left of it, and what was done to it."""

    def __init__(self, table: Table, limits: Limits) -> None:
        self.table, self.limits = table, limits
        self.X = table.X
        self.mask: np.ndarray | None = None
        self.notes: list[str] = []
        self.rows = np.arange(table.shape[0])
        self.columns = np.arange(table.shape[1])

    def settle_missing(self, how: str) -> None:
        found = self.table.missing
        if not found.count:
            return
        m, n = self.table.shape
        cells = f"{counted(found.count, 'cell')} of {m * n:,} {'is' if found.count == 1 else 'are'} missing"
        if how == "refuse":
            raise UploadError(
                cells,
                place=f"first at {found.place}" if found.place else "",
                way_out="Say what that means: not measured (left out of the fit), a real zero, or drop these rows or columns.",
                fixes=(
                    Fix("Not measured: leave them out of the fit", {"missing": "mask"}),
                    Fix("They mean zero", {"missing": "zero"}),
                    Fix("Drop the rows with missing cells", {"missing": "drop_rows"}),
                    Fix("Drop the columns with missing cells", {"missing": "drop_columns"}),
                ),
            )
        if self.table.absent == "missing":
            self._settle_absent(how, cells)
            return
        if how in ("drop_rows", "drop_columns"):
            self._drop_missing(how)
            return
        if how == "mask":
            self._fits_dense("a mask of the missing cells")
            dense = self.X.toarray() if sp.issparse(self.X) else self.X
            gone = np.isnan(dense)
            if gone.all():
                raise UploadError("All cells are missing", way_out="There is nothing to factorize in this file.")
            self.mask = 1 - gone.astype(np.uint8)
            self.X = np.where(gone, 0, dense)
            self.notes.append(f"{cells}: not measured, so they are left out of the fit (mask).")
        elif sp.issparse(self.X):
            self.X = sp.csr_array((np.nan_to_num(self.X.data), self.X.indices, self.X.indptr), shape=self.X.shape)
            self.notes.append(f"{cells}: filled with 0, as you chose.")
        else:
            self.X = np.nan_to_num(self.X)
            self.notes.append(f"{cells}: filled with 0, as you chose.")

    def _settle_absent(self, how: str, cells: str) -> None:
        """Ratings: entries that are not stored are the missing ones."""
        if how == "mask":
            self._fits_dense("a mask of the observed ratings")
            self.mask = stored_mask(self.X)
            self.X = self.X.toarray()
            self.notes.append(f"{cells}: not rated, so they are left out of the fit (mask).")
        elif how == "zero":
            self.notes.append(f"{cells}: counted as ratings of 0, as you chose.")
        else:
            raise UploadError(
                "Nearly every row and column of ratings has missing cells, so dropping them would leave nothing",
                way_out="Leave the missing ratings out of the fit, or count them as 0.",
                fixes=(Fix("Leave them out of the fit", {"missing": "mask"}), Fix("They mean zero", {"missing": "zero"})),
            )

    def _drop_missing(self, how: str) -> None:
        word, along = ("row", 1) if how == "drop_rows" else ("column", 0)
        dense = self.X.toarray() if sp.issparse(self.X) else self.X
        full = ~np.isnan(dense).any(axis=along)
        keep = np.flatnonzero(full)
        if not keep.size:
            raise UploadError(
                f"Every {word} has a missing cell, so dropping them would leave nothing",
                way_out="Leave the missing cells out of the fit instead, or count them as 0.",
                fixes=(Fix("Leave them out of the fit", {"missing": "mask"}), Fix("They mean zero", {"missing": "zero"})),
            )
        self.notes.append(f"{counted(full.size - keep.size, word)} of {full.size:,} with missing cells dropped, as you chose.")
        if word == "row":
            self.rows, self.X = keep, np.ascontiguousarray(dense[keep])
        else:
            self.columns, self.X = keep, np.ascontiguousarray(dense[:, keep])

    def note_nothing(self) -> None:
        """Say it where all entries are zero: there is nothing to factorize, and any model explains it."""
        if not np.any(self.X.data if sp.issparse(self.X) else self.X):
            m, n = self.X.shape
            self.notes.append(f"All {m * n:,} entries are zero: there is nothing to factorize.")

    def _fits_dense(self, what: str) -> None:
        m, n = self.X.shape
        if m * n > self.limits.dense_cells:
            raise UploadError(
                f"{what} for {m:,} x {n:,} cells would be too large (at most {self.limits.dense_cells:,})",
                way_out="Count the missing cells as 0, or take fewer rows or columns.",
                fixes=(Fix("They mean zero", {"missing": "zero"}),),
            )

    def settle_negatives(self, how: str) -> None:
        found = self.table.negatives
        if not found.count:
            return
        left = int(np.count_nonzero(self.X.data < 0 if sp.issparse(self.X) else self.X < 0))  # rows may have been dropped
        if not left:
            return
        if how == "refuse":
            raise UploadError(
                f"{counted(found.count, 'entry is', 'entries are')} negative; NMF needs X >= 0",
                place=f"first at {found.place}",
                value=found.value,
                way_out="Clip them to 0, or shift all entries by the smallest one; both change what the numbers mean.",
                fixes=(Fix("Clip them to 0", {"negatives": "clip"}), Fix("Shift all entries", {"negatives": "shift"})),
            )
        if how == "clip":
            self.notes.append(f"{counted(left, 'negative entry', 'negative entries')} became 0 (clipped, as you chose).")
            if sp.issparse(self.X):
                self.X = sp.csr_array((np.maximum(self.X.data, 0), self.X.indices, self.X.indptr), shape=self.X.shape)
            else:
                self.X = np.maximum(self.X, 0)
            return
        self._fits_dense("the shifted matrix (no entry of it is 0 any more)")
        dense = self.X.toarray() if sp.issparse(self.X) else self.X
        low = dense.min() if self.mask is None else dense[self.mask.astype(bool)].min()
        self.X = dense - low
        if self.mask is not None:
            self.X[self.mask == 0] = 0
        self.notes.append(f"Every entry was raised by {-low:g}, so that the smallest is 0 (shifted, as you chose).")

    def settle_zeros(self, how: str) -> None:
        if how != "missing":
            return
        self._fits_dense("a mask of the zeros")
        dense = self.X.toarray() if sp.issparse(self.X) else self.X
        seen = (dense != 0).astype(np.uint8)
        self.mask = seen if self.mask is None else self.mask & seen
        self.X = dense
        zeros = int(self.mask.size - np.count_nonzero(self.mask))
        self.notes.append(f"{zeros:,} of {dense.size:,} cells count as not measured (zeros among them), as you chose.")
