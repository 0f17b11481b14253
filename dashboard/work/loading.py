"""How is a data set of the catalog loaded and prepared in the background, and what names it?"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable

from dashboard.work.job import Job
from nmfcore.core.spec import RunSpec
from nmfcore.data import catalog, prepare
from nmfcore.data.model.dataset import Dataset


def data_key(spec: RunSpec) -> Hashable:
    """Names a prepared data set: what is loaded, how, and how it is prepared."""
    options, steps = (json.dumps(part, sort_keys=True) for part in (dict(spec.data_options), [dict(s) for s in spec.preparation]))
    return ("data", spec.data, options, steps, spec.fingerprint if spec.data == "upload" else "")


class NotPrepared(ValueError):
    """A data set cannot be loaded or prepared as it was asked for; the message is nmfcore's sentence, for a person."""


def load(spec: RunSpec, report: Callable[[str, float | None], None] | None = None) -> Dataset:
    """The prepared data set of a spec, from the catalog.

    Raises
    ------
    NotPrepared
        If an option or a step is unknown, or a step leaves nothing.
    """
    try:
        raw = catalog.load(spec.data, dict(spec.data_options), report)
        return prepare.apply(raw, spec.preparation, report) if spec.preparation else raw
    except ValueError as impossible:
        raise NotPrepared(str(impossible)) from None


def load_work(spec: RunSpec) -> Callable[[Job], Dataset]:
    """The work of a job that loads and prepares a data set of the catalog."""

    def work(job: Job) -> Dataset:
        return load(spec, job.say)

    return work
