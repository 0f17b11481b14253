"""What does a table become, once everything open is settled?

What rows are, what a missing cell means, what zero means and what happens to negative numbers: nothing is settled silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Axes, Axis, Matrix
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
    answers = Answers(orientation, missing, negatives, zeros, classes)
    read_with = table.understood.get("options", {}) if options is None else options
    common = {**_described(table, name), "options": {**read_with, **asdict(answers)}, "zero_means": zero_means}
    items, features = _sides(table, answers, common["decimal"])
    if table.documents is not None:
        items, features = items.renamed(rows), features.renamed(columns)
        notes = (*table.notes, *items.unlabelled(classes))
        return Dataset(X=None, kind="documents", documents=table.documents, notes=notes, **_known(items, features), **common)
    work = _Work(table, items, features, limits or Limits.from_environment())
    work.settle(answers)
    items, features = work.items.renamed(rows), work.features.renamed(columns)
    return Dataset(
        X=as_kept(work.X),
        kind={"ratings": "ratings", "images": "images"}.get(table.content, "table"),
        mask=work.mask,
        column_facts=features.facts,
        column_classes=features.classes,
        image_shape=work.image_shape,
        notes=(*table.notes, *work.notes, *items.unlabelled(classes), *features.unlabelled(classes)),
        **_known(items, features),
        **common,
    )


KNOWN_ANSWERS = {
    "orientation": ("rows", "columns"),
    "missing": ("refuse", "mask", "zero", "drop_rows", "drop_columns"),
    "negatives": ("refuse", "clip", "shift"),
    "zeros": ("real", "missing"),
}


@dataclass(frozen=True)
class Answers:
    """What was answered to everything that a table leaves open; `as_dataset` says what the answers mean."""

    orientation: str
    missing: str
    negatives: str
    zeros: str
    classes: str | None

    def __post_init__(self) -> None:
        for question, known in KNOWN_ANSWERS.items():
            given = getattr(self, question)
            if given not in known:
                raise ValueError(f"{question} is {given!r}; allowed: {', '.join(known)}.")


@dataclass(frozen=True)
class _Side:
    """The rows or the columns of a table: their axis, and what is known of each."""

    axis: Axis
    facts: Facts
    classes: Classes | None = None

    def take(self, places: np.ndarray) -> _Side:
        """The side of a table from which some are left out."""
        labels = self.axis.labels
        kept = None if labels is None else [str(labels[i]) for i in places]
        classes = None if self.classes is None else self.classes.take(places)
        return _Side(Axis(self.axis.name, self.axis.singular, kept), self.facts.take(places), classes)

    def renamed(self, names: tuple[str, str] | None) -> _Side:
        """The side with a plural and a singular of somebody's own."""
        return replace(self, axis=Axis(*names, self.axis.labels)) if names else self

    def unlabelled(self, classes: str | None) -> list[str]:
        """A note on those whose label is blank or NA."""
        index = np.zeros(0, int) if self.classes is None else self.classes.index
        none = int(np.count_nonzero(index < 0))
        where = f"in {shown(classes)} (blank or NA)"
        said = f"{none:,} of {len(index):,} {self.axis.name} have no known label {where} and belong to no class."
        return [said] if none else []


def _described(table: Table, name: str | None) -> dict[str, Any]:
    """What is said of a file whatever is in it."""
    decimal = str(table.understood.get("decimal", "."))
    return {"key": "upload", "title": name or table.name, "source": f"your file {shown(table.name)}", "decimal": decimal}


def _sides(table: Table, answers: Answers, decimal: str) -> tuple[_Side, _Side]:
    """The rows and the columns of the file, and the known labels where they lie: mostly with the items."""
    facts, column_facts = Facts.of(table.aside, decimal), Facts.of(table.column_aside, decimal)
    usual = _AXIS["documents"] if table.documents is not None else _AXIS.get(table.content, _AXIS["matrix"])
    row_names, column_names = (table.documents is None and table.understood.get("axes")) or usual
    rows = _Side(Axis(row_names[0], row_names[1], table.row_labels), facts)
    columns = _Side(Axis(column_names[0], column_names[1], table.column_labels), column_facts)
    named = answers.classes
    if named is None:
        return rows, columns
    if table.documents is None and answers.orientation == "columns" and named in column_facts:
        return rows, replace(columns, classes=column_facts[named].classes())
    if named not in facts:
        raise ValueError(f"There is no column {named!r} set aside. There are: {', '.join(facts.names) or 'none'}.")
    return replace(rows, classes=facts[named].classes()), columns


def _known(items: _Side, features: _Side) -> dict[str, Any]:
    """What every data set has of its sides."""
    return {"axes": Axes(items.axis, features.axis), "facts": items.facts, "classes": items.classes}


FEWEST = 3  # rows whose sum is one more: of two, it may well be by chance


def total(X: Matrix) -> int | None:
    """The first row that is the sum of all other rows, cells that are missing counted as 0; None without one.

    X : (m, n)
    """
    if min(X.shape[0] - FEWEST, X.shape[1] - 1) < 1:
        return None
    sums = [np.asarray(np.nansum(X, axis=axis) if isinstance(X, np.ndarray) else X.sum(axis=axis)).ravel() for axis in (0, 1)]
    for at in np.flatnonzero(np.isclose(2.0 * sums[1], sums[1].sum()) & (sums[1] != 0))[:FEWEST]:
        row = np.nan_to_num(X[at]) if isinstance(X, np.ndarray) else sp.csr_array(X)[[at]].toarray().ravel()
        if np.allclose(2.0 * row, sums[0]):
            return int(at)
    return None


_AXIS = {
    "matrix": (("rows", "row"), ("columns", "column")),
    "ratings": (("users", "user"), ("items", "item")),
    "images": (("images", "image"), ("pixels", "pixel")),
    "documents": (("documents", "document"), ("terms", "term")),
}


class _Work:
    """The matrix on its way from table to data set: what is left of it, and what was done to it."""

    def __init__(self, table: Table, items: _Side, features: _Side, limits: Limits) -> None:
        self.table, self.limits = table, limits
        self.X = table.X
        self.mask: np.ndarray | None = None
        self.notes: list[str] = []
        self.items, self.features = items, features
        self.rows, self.columns = map(np.arange, table.shape)  # those that are left
        self.image_shape = table.image_shape

    def settle(self, answers: Answers) -> None:
        self.note_totals()
        self.settle_missing(answers.missing)
        self.settle_negatives(answers.negatives)
        self.settle_zeros(answers.zeros)
        self.note_nothing()
        self.items, self.features = self.items.take(self.rows), self.features.take(self.columns)
        if self.columns.size < self.table.shape[1]:
            self.image_shape = None
        if answers.orientation == "columns":
            self.transpose()

    def transpose(self) -> None:
        """Make the file's columns the items."""
        self.X = as_kept(self.X).T
        self.mask = None if self.mask is None else np.ascontiguousarray(self.mask.T)
        self.items, self.features, self.image_shape = self.features, self.items, None
        if self.features.classes is not None:
            self.notes.append("The known labels belong to the file's rows, which are the features now.")

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
            way_out = "Look whether the right sheet, rows and decimal sign are read, or bring another file."
            self.notes.append(f"All {m * n:,} entries are zero: there is nothing to factorize. {way_out}")

    def note_totals(self) -> None:
        """Say it where one row or one column of the file is the sum of all others: in a sheet it is a total, and no item."""
        if self.table.content != "matrix" or self.table.absent == "missing":
            return
        for X, word, side in ((self.X, "row", self.items), (self.X.T, "column", self.features)):
            at = total(X)
            if at is not None:
                label = f", {shown(str(side.axis.labels[at]))}," if side.axis.labels is not None else ""
                way_out = "untick it" if word == "column" else "take it out of the file"
                self.notes.append(
                    f"The {word} {at + 1}{label} is the sum of all other {word}s and counts like one of them: "
                    f"{way_out} if it is a total."
                )

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
