"""How is a run kept in a file, and how does it come back?

A saved run is an NPZ without pickles. Coming back, everything in it is checked: it is a stranger's file. Pure of Streamlit.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from dashboard import links
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import FIRST, finished, start
from dashboard.work.floor import floor_of
from dashboard.work.gate import fits
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from dashboard.work.loading import load
from nmfcore import export
from nmfcore.core.checks import ProblemError
from nmfcore.core.losses import relative_error
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.facts import Classes, Facts
from nmfcore.data.model.limits import Limits
from nmfcore.export import SavedRun
from nmfcore.methods.subset import Filter

AGREES = 1e-3  # relative difference between the error a run file claims and that of its W and H (float32 rounds at 1e-6)
STORE = "store"  # of the view in a run file: the title of the store of blocks that it is of (files/store_runs.py)
INTEGERS = ("int8", "int16", "int32", "int64")  # what the index of known classes may be stored as


def saved_run(run: FittedRun, edits: Edits | None = None, looked_at: Filter | None = None) -> bytes:
    """The run as a file that `opened` reads; an upload's data goes with it, a catalog's is found again by name.

    edits : names, merges, divisions and hidden words that go with it;  looked_at : the filter in force
    """
    data, out, view = run.dataset, io.BytesIO(), edits.to_dict() if edits else {}
    if looked_at:
        view["filter"] = looked_at.to_list()
    if run.spec.data != "upload":
        export.save_run(out, run.factorization, data.axes, view=view)
        return out.getvalue()
    about: dict[str, Any] = {
        "title": data.title, "kind": data.kind, "notes": list(data.notes), "source": data.source,
        "zero_means": data.zero_means, "options": dict(data.options), "steps": [dict(step) for step in data.steps],
        "decimal": data.decimal,
    }  # fmt: skip
    if data.documents is not None:
        about["documents"] = [str(text) for text in data.documents]
    if data.image_shape is not None:
        about["image_shape"] = list(data.image_shape)
    for name, classes in (("classes", data.classes), ("column_classes", data.column_classes)):
        if classes is not None:
            index = np.asarray(classes.index)
            about[name] = {"names": list(classes.names), "index": index.tolist(), "dtype": index.dtype.name}
    for name, facts in (("facts", data.facts), ("column_facts", data.column_facts)):
        if facts:
            about[name] = facts.to_list()
    export.save_run(out, run.factorization, data.axes, X=data.X, mask=data.mask, about_data=about, view=view)
    return out.getvalue()


def opened(content: bytes, limits: Limits | None = None) -> tuple[SavedRun, Dataset | None]:
    """What a saved run holds, checked; with its data set where the file brings one (else the catalog has it).

    Raises
    ------
    ProblemError
        If it is no run file, is damaged, hostile or too large, or names what this program does not have.
    """
    limits = limits or Limits.from_environment()
    if len(content) > limits.upload_bytes:
        raise ProblemError(f"The file has {len(content):,} bytes; files up to {limits.upload_bytes:,} are read.")
    with only_problems():
        return _opened(content, limits)


@contextmanager
def only_problems() -> Iterator[None]:
    """Whatever a damaged file makes a library raise becomes the one error that is documented."""
    try:
        yield
    except (ProblemError, MemoryError):
        raise
    except Exception as wrong:
        raise ProblemError(f"This run file is damaged ({type(wrong).__name__}). Save the run again.") from None


def _opened(content: bytes, limits: Limits) -> tuple[SavedRun, Dataset | None]:
    saved = export.read_run(io.BytesIO(content), largest=limits.unpacked_bytes)
    spec = saved.fit.spec
    if STORE in saved.view:
        raise ProblemError(
            f"This run is of the store {str(saved.view[STORE])[:80]!r}, which is visited block by block. Open it on the page "
            "Beyond memory, beside that store."
        )
    edits_of(saved)
    filter_of(saved)
    try:  # a file may name what a link may name, so that every control can be turned to it
        links.from_query(links.to_query(spec.replace(data_options={}, preparation=()), FIRST), FIRST)
    except (ValueError, TypeError) as wrong:
        raise ProblemError(f"This run cannot be opened here. {str(wrong).removeprefix(links.REFUSED)}") from None
    if spec.data != "upload":
        if spec.data not in catalog.cards():
            raise ProblemError(f"This run is of the data set {spec.data[:40]!r}, which is not in this program's catalog.")
        return saved, None
    if saved.X is None:
        raise ProblemError(
            "This run is of somebody's own file, and the data is not in it. Save the run from the dashboard again."
        )
    return saved, _dataset(saved)


def edits_of(saved: SavedRun) -> Edits:
    """How the topics of a saved run were shown.

    Raises
    ------
    ProblemError
        If the file says something that cannot be done to this run.
    """
    try:
        return Edits.from_dict(saved.view, saved.fit.rank, saved.fit.H.shape[1])
    except ValueError as wrong:
        raise ProblemError(f"The names, merges or hidden words in this run file are damaged ({wrong}). Save it again.") from None


def filter_of(saved: SavedRun) -> Filter:
    """Which items of a saved run were looked at; all without a filter.

    Raises
    ------
    ProblemError
        If the file's filter is none.
    """
    return Filter.from_list(saved.view.get("filter", []))


def _dataset(saved: SavedRun) -> Dataset:
    """The data set that a run file brought, if its content is what the run's fingerprint says."""
    about, spec = saved.about_data, saved.fit.spec
    try:
        documents = _texts(about["documents"]) if "documents" in about else None
        if documents is not None and len(documents) != len(saved.fit.W):
            raise ValueError("as many documents as rows")
        side = about.get("image_shape")
        dataset = Dataset(
            key="upload",
            title=str(about["title"]),
            X=saved.X,
            axes=saved.axes,
            kind=str(about["kind"]),
            notes=_texts(about["notes"]),
            source=str(about["source"]),
            documents=documents,
            classes=_classes(about.get("classes"), saved.fit.W.shape[0]),
            column_classes=_classes(about.get("column_classes"), saved.fit.H.shape[1]),
            facts=Facts.from_list(about.get("facts", []), saved.fit.W.shape[0]),
            column_facts=Facts.from_list(about.get("column_facts", []), saved.fit.H.shape[1]),
            decimal="," if about.get("decimal") == "," else ".",
            mask=saved.mask,
            options=dict(about["options"]),
            steps=spec.preparation,
            image_shape=None if side is None else (int(side[0]), int(side[1])),
            zero_means=str(about["zero_means"]),
        )
    except (KeyError, ValueError, TypeError, IndexError, OverflowError, AttributeError) as wrong:
        raise ProblemError(f"The data in this run file cannot be understood ({wrong}). Save the run again.") from None
    if dataset.image_shape is not None and np.prod(dataset.image_shape) != saved.fit.H.shape[1]:
        raise ProblemError("The pictures in this run file do not have the size it says. Save the run again.")
    if dataset.fingerprint != spec.fingerprint:
        raise ProblemError(
            f"The data in this file is not the data of its run: its fingerprint is {dataset.fingerprint[:12]}, the run's "
            f"{spec.fingerprint[:12]}. The file was changed."
        )
    return dataset


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("a list of texts")
    return tuple(values)


def _classes(about: Mapping[str, Any] | None, size: int) -> Classes | None:
    if about is None:
        return None
    names = _texts(about["names"])
    if about["dtype"] not in INTEGERS:
        raise ValueError("an index of whole numbers")
    index = np.array(about["index"], dtype=about["dtype"])
    if index.shape != (size,) or (index < -1).any() or (index >= len(names)).any():
        raise ValueError("a class for every entry")
    return Classes(names, index)


def open_work(saved: SavedRun, dataset: Dataset | None, jobs: Jobs) -> Callable[[Job], FittedRun]:
    """The work of a job that puts a saved run beside its data again; W and H are as they were saved."""

    def work(job: Job) -> FittedRun:
        spec, data = saved.fit.spec, dataset
        data = load(spec, job.say) if data is None else data
        job.say("Checking it against its data")
        fits(job, data, spec.rank, loss=spec.loss)
        if spec.fingerprint and data.fingerprint != spec.fingerprint:
            raise ProblemError(
                f"The data set {spec.data!r} here is not the one of this run: another version or source of it was found. "
                "Fit again instead."
            )
        if data.shape != (saved.fit.W.shape[0], saved.fit.H.shape[1]):
            raise ProblemError(f"This run's W and H do not fit its data of {data.shape[0]:,} × {data.shape[1]:,}.")
        error, claimed = relative_error(data.X, saved.fit.W, saved.fit.H, data.mask), saved.fit.relative_error
        if abs(error - claimed) > AGREES * max(error, AGREES):
            raise ProblemError(
                f"This file says its relative error is {claimed:.4f}; its W and H have {error:.4f}. It was changed."
            )
        with only_problems():
            again = start(spec, data)
        job.message = "Measuring the floor"
        run = finished(again, data, *floor_of(data, spec.rank, jobs))
        run = replace(run, spec=spec, factorization=saved.fit)
        run.take_run()  # it stands at the start: whoever continues this run repeats it from there first
        return run

    return work
