"""How does data become a store, once, with bounded memory?

`as_blocks` reads a source piece by piece, checks every entry on the way (negative, not finite, empty rows: the first look at
the data is this one), and writes blocks of about equal size. What is finished stays: an interrupted conversion goes on where it
was.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import BLOCK_ROWS, BLOCK_VALUES, Facts, checked_block, cut
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Matrix, stored_values
from nmfcore.data.blocks.source import Report, Source
from nmfcore.data.blocks.sources import source_of
from nmfcore.data.blocks.store import (
    SUFFIX,
    UNFINISHED,
    BlockEntry,
    Heading,
    LabelWriter,
    Store,
    is_store,
    read_header,
    replace_json,
    write_block,
    write_header,
)

WHOLE_IN_SINGLE = 1 << 24  # whole numbers up to this are exact in float32
DENSE = 0.5  # share of entries above 0 from which a sparse block takes more room than a dense one: such data is stored dense


def silent(sentence: str, fraction: float | None = None) -> None:
    """A report that nobody reads."""


def as_blocks(
    data: Any,
    folder: str | Path | None = None,
    *,
    layer: str | None = None,
    triples: tuple[str, str, str] | None = None,
    dtype: str | None = None,
    values: int = BLOCK_VALUES,
    axes: Axes | None = None,
    title: str | None = None,
    report: Report | None = None,
) -> Store:
    """The store of this data: opened where it has been made before, else made now.

    Parameters
    ----------
    data : a store, or what `source_of` takes: .h5ad, .zarr, .parquet, .npz files or a folder of them, an array of Dask, a matrix
    folder : where the store lies or will lie; None puts it beside the file, under its name with the ending .blocks
    layer, triples : see `source_of`
    dtype : "float32" or "float64"; None keeps float64 data so and makes everything else float32
    values : stored values of a block, about
    axes : names and labels of the axes; None for what the source says
    title : a name for people; None for what the source says
    report : called with a sentence and the share that is done; what it raises ends the conversion, which can go on later

    Returns
    -------
    Store

    Raises
    ------
    ProblemError
        If the source cannot be read by rows, an entry is negative or not finite (its place is named), or the folder holds
        something else.

    Memory: a few blocks. Disk: about 8 bytes per stored value in float32; triples in any order take 20 bytes more for a while.
    """
    report = report or silent
    if isinstance(data, (str, Path)) and is_store(data):
        return Store(data)
    source = source_of(data, layer=layer, triples=triples)
    target = _target(data, folder)
    if dtype not in (None, "float32", "float64"):
        raise ProblemError(f"A store holds float32 or float64, not {dtype!r}.")
    asked = {**source.key, "dtype": dtype, "values": values}
    if is_store(target):
        if dict(read_header(target)["source"]) == asked:
            return Store(target)
        raise ProblemError(
            f"{target} holds a store of other data, or of an earlier version of this. Remove it, or name another folder."
        )
    if target.exists() and any(target.iterdir()) and not (target / UNFINISHED).is_file():
        raise ProblemError(f"{target} is not empty and holds no store. Name another folder.")
    target.mkdir(parents=True, exist_ok=True)
    return _Conversion(source, target, asked, Wanted(values, dtype, axes, title), report).run()


def _target(data: Any, folder: str | Path | None) -> Path:
    if folder is not None:
        return Path(folder)
    if not isinstance(data, (str, Path)):
        raise ProblemError("Name the folder in which the store is to lie: as_blocks(data, folder).")
    path = Path(data)
    return path.with_name(path.stem + SUFFIX)


@dataclass(frozen=True, eq=False)
class Wanted:
    """How a store is to be made: see `as_blocks`."""

    values: int
    dtype: str | None
    axes: Axes | None
    title: str | None


class _Conversion:
    """One conversion under way; what `unfinished.json` says is done is not done again."""

    def __init__(self, source: Source, folder: Path, asked: dict[str, Any], wanted: Wanted, report: Report) -> None:
        self.source, self.folder, self.asked, self.wanted, self.report = source, folder, asked, wanted, report
        self.axes, self.values = wanted.axes, wanted.values
        self.entries: list[BlockEntry] = []
        self.next = 0
        self.dtype: np.dtype | None = None
        self.sparse: bool | None = None
        self.columns: int | None = None
        self.count: int | None = None  # of the pieces when this was begun
        self.labelled = False
        self._resume()

    def _resume(self) -> None:
        path = self.folder / UNFINISHED
        if not path.is_file():
            return
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            if about["asked"] != self.asked:
                raise ProblemError(f"{self.folder} holds the unfinished store of other data. Remove it, or name another folder.")
            self.entries = [BlockEntry(**entry) for entry in about["blocks"]]
            self.next, self.labelled, self.count = int(about["next"]), bool(about["labelled"]), about["count"]
            self.dtype = None if about["dtype"] is None else np.dtype(about["dtype"])
            self.sparse, self.columns = about["sparse"], about["columns"]
        except (ValueError, KeyError, TypeError):
            self._anew()  # written half, or by an earlier version

    def _anew(self) -> None:
        self.entries, self.next, self.labelled = [], 0, False
        self.dtype = self.sparse = self.columns = self.count = None

    def _note(self) -> None:
        replace_json(self.folder / UNFINISHED, {
            "asked": self.asked, "blocks": [asdict(e) for e in self.entries], "next": self.next, "labelled": self.labelled,
            "dtype": None if self.dtype is None else self.dtype.str, "sparse": self.sparse, "columns": self.columns,
            "count": self.count,
        })  # fmt: skip

    def run(self) -> Store:
        self._note()
        scratch = self.folder / "sorting"
        source = self.source if self.source.prepare is None else self.source.prepare(scratch, self.report)
        if self.next and self.count != source.count:  # cut into other pieces than by whoever began
            self._anew()
        self.count = source.count
        axes = self.axes or source.axes
        rows = sum(entry.rows for entry in self.entries)
        held: list[Matrix] = []
        labels: list[str] = []
        with_labels = self.axes is None or self.axes.rows.labels is None
        writer = LabelWriter(self.folder, "rows", rows) if self.labelled or not rows else None
        for index in range(self.next, source.count):
            self.report(f"Piece {index + 1:,} of {source.count:,}, {rows:,} rows written", index / source.count)
            raw, names = source.piece(index)
            if raw.shape[0]:
                piece = self._checked(raw, rows + sum(part.shape[0] for part in held), axes, names)
                held.append(piece)
                if names is not None and with_labels:
                    labels += [str(name) for name in names]
                    self.labelled = True
            if (
                sum(map(stored_values, held)) >= self.values
                or sum(p.shape[0] for p in held) >= BLOCK_ROWS
                or index + 1 == source.count
            ):
                rows = self._write(held, rows)
                if self.labelled and writer is not None:
                    writer.add(labels)
                held, labels, self.next = [], [], index + 1
                self._note()
        if not self.entries:
            raise ProblemError("The source holds no rows.")
        return self._finish(source, axes, rows)

    def _checked(self, raw: Any, first_row: int, axes: Axes, names: Sequence[str] | None) -> Matrix:
        """A piece with every entry looked at, in the store's dtype and kind."""
        if self.columns is None:
            self.columns = int(raw.shape[1])
        piece = checked_block(raw, first_row, self.columns, Axes(axes.rows, axes.columns))
        if sp.issparse(piece) and piece.nnz and not piece.data.all():
            piece = piece.copy()
            piece.eliminate_zeros()
        if self.dtype is None:
            exact = np.dtype(getattr(raw, "dtype", np.float64)) == np.float64 and not _whole(piece)
            self.dtype = np.dtype(self.wanted.dtype or ("float64" if exact else "float32"))
        if self.sparse is None:
            self.sparse = bool(stored_values(piece) < DENSE * piece.shape[0] * piece.shape[1]) if sp.issparse(piece) else False
        if self.dtype == np.float32 and piece.dtype != np.float32:
            values = piece.data if sp.issparse(piece) else piece
            most = float(values.max(initial=0))
            if most > np.finfo(np.float32).max or (_whole(piece) and most > WHOLE_IN_SINGLE):
                raise ProblemError(f"X holds {most:,.0f}, which float32 cannot hold exactly. Convert with dtype='float64'.")
        piece = piece.astype(self.dtype, copy=False)
        if self.sparse and not sp.issparse(piece):
            return sp.csr_array(piece)
        if not self.sparse and sp.issparse(piece):
            return piece.toarray()
        return piece

    def _write(self, held: list[Matrix], rows: int) -> int:
        """Cut what is held into blocks of about equal size, and write them; how many rows are written now."""
        if not held:
            return rows
        X = held[0] if len(held) == 1 else sp.csr_array(sp.vstack(held, format="csr")) if self.sparse else np.vstack(held)
        edges = cut(X, self.values, BLOCK_ROWS)
        for begin, end in pairwise(edges):
            self.entries.append(write_block(self.folder, len(self.entries), X[begin:end], rows))
            rows += end - begin
        return rows

    def _finish(self, source: Source, axes: Axes, rows: int) -> Store:
        assert self.columns is not None
        assert self.dtype is not None
        digests = self._labels(axes, rows)
        heading = Heading(
            title=self.wanted.title or self.source.title, columns=self.columns, dtype=self.dtype, sparse=bool(self.sparse),
            axes=axes, notes=self._notes(source), source=self.asked,
        )  # fmt: skip
        write_header(self.folder, heading, self.entries, digests)
        (self.folder / UNFINISHED).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "sorting", ignore_errors=True)
        if not self.labelled:
            for name in ("rows.text", "rows.ends"):
                (self.folder / name).unlink(missing_ok=True)
        self.report("Done", 1.0)
        return Store(self.folder)

    def _labels(self, axes: Axes, rows: int) -> dict[str, str]:
        """Write the labels that are given as a whole; the SHA-256 of each side's."""
        digests: dict[str, str] = {}
        given = self.axes.rows.labels if self.axes is not None else None
        if given is not None:
            if len(given) != rows:
                raise ProblemError(f"{len(given):,} labels were given for {rows:,} rows.")
            self.labelled = True
            LabelWriter(self.folder, "rows", 0).add(given)
        if self.labelled:
            digests["rows"] = LabelWriter(self.folder, "rows", rows).digest()
        if axes.columns.labels is not None:
            if len(axes.columns.labels) != self.columns:
                raise ProblemError(f"{len(axes.columns.labels):,} labels were given for {self.columns:,} columns.")
            written = LabelWriter(self.folder, "columns", 0)
            written.add(axes.columns.labels)
            digests["columns"] = written.digest()
        return digests

    def _notes(self, source: Source) -> list[str]:
        """What a person should know of the data.

        Raises
        ------
        ProblemError
            If there is nothing but zeros.
        """
        facts = sum((entry.facts for entry in self.entries), Facts())
        if facts.squared_norm == 0:
            raise ProblemError("X is zero everywhere, so there is nothing to factorize.")
        notes = [*self.source.notes, *source.notes]
        if facts.empty_rows:
            at = facts.first_empty or 0
            notes.append(
                f"{facts.empty_rows:,} rows hold nothing above 0 (the first is row {at + 1:,}); they are kept, with weights of 0."
            )
        return list(dict.fromkeys(notes))


def _whole(X: Matrix) -> bool:
    values = X.data if sp.issparse(X) else X
    return bool((values == np.round(values)).all())
