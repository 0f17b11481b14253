"""What do the choices for a file lead to: a data set and what a fit of it takes, or the refusal that stopped it?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.work.estimates import estimate
from dashboard.work.job import Job
from dashboard.work.recognised import Glimpse, glimpse
from nmfcore.core.spec import RunSpec
from nmfcore.core.written import percent
from nmfcore.data import prepare
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.errors import CONVERT, Fix
from nmfcore.data.model.limits import estimated_bytes, memory_budget, share_that_fits
from nmfcore.data.model.table import Table
from nmfcore.data.reading import read_matrix
from nmfcore.data.settle import as_dataset
from nmfcore.data.usual import Steps, names_given, other_words, settled, usual_steps

ANSWERS_SHOWN = 3  # of a question, side by side
GLIMPSE_BYTES = 5_000_000  # of a file that is read once more for each other answer
TABLES_KEPT = 2  # readings of one file that are kept, so that going back to the last choice reads nothing
REPAIRED = {"ragged": "pad", "unparseable": "missing", "infinite": "missing", "nul": "remove"}  # every repair there is


@dataclass(frozen=True)
class Refusal:
    """Why the file cannot be used as it is.

    stage : "reading", "meaning" (missing, negative, zero), "preparing" or "size"; a fix's options belong to that stage
    """

    stage: str
    message: str
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the present choices lead to: as far as it came, and the refusal that stopped it.

    raw : before the preparation, dataset : after it, by these steps
    others : the first rows of the other answers to what the table leaves open, by question and answer; None: it cannot be read so
    seen : the table of a refused reading, read as if everything that can be repaired had been: to show, never to use
    seconds : a guess for a fit at `rank`; None when nobody can say
    """

    table: Table | None = None
    raw: Dataset | None = None
    dataset: Dataset | None = None
    steps: Steps = ()
    refusal: Refusal | None = None
    seen: Table | None = None
    others: Mapping[tuple[str, int], Glimpse | None] = field(default_factory=dict)
    rank: int = 0
    memory: int = 0
    seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Choices:
    """A file with what was chosen for it: everything that an outcome follows from.

    asked : the questions of the table that were answered before
    raw : given when the file was read and settled before, so that only the preparation is open
    """

    name: str
    content: bytes
    read: Mapping[str, Any]
    meaning: Mapping[str, Any]
    steps: Steps | None
    rank: int
    asked: frozenset[str] = frozenset()
    raw: Dataset | None = None

    def reading(self, job: Job, instead: Mapping[str, Any] | None = None) -> Table:
        """The table as it was chosen, with some options otherwise."""
        return read_matrix(self.content, name=self.name, report=job.say, **{**self.read, **(instead or {})})


def outcome_of(chosen: Choices, tables: dict[str, Table], job: Job) -> Outcome:
    """Read, settle and prepare a file; `tables` keeps the last readings of it."""
    table, raw = None, chosen.raw
    try:
        if raw is None:
            table = _table(chosen, tables, job)
            job.say("Settling what the entries mean")
            raw = as_dataset(table, options={**chosen.read, **names_given(chosen.meaning)}, **settled(table, chosen.meaning))
    except ValueError as refused:  # UploadError, with its fixes; or an option of a link that there is not
        refusal = Refusal("reading" if table is None else "meaning", str(refused), getattr(refused, "fixes", ()))
        return Outcome(table, refusal=refusal, seen=table or _apart_from_that(chosen, job))
    others = {} if table is None else _glimpses(chosen, table, job)
    applied = usual_steps(raw) if chosen.steps is None else chosen.steps
    try:
        dataset = prepare.apply(raw, applied, job.say)
    except ValueError as impossible:  # the steps' own sentences: no term left, unknown step, ...
        ways = other_words(raw, applied)
        return Outcome(table, raw, steps=applied, refusal=Refusal("preparing", str(impossible), ways), others=others)
    if dataset.X is None:
        said = "Text becomes a matrix by its words; that step is missing."
        return Outcome(table, raw, steps=applied, refusal=Refusal("preparing", said))
    job.say("Taking the fingerprint")
    _ = dataset.fingerprint  # here, not on the page
    return measured(Outcome(table, raw, dataset, applied, others=others), chosen.rank)


def _table(chosen: Choices, tables: dict[str, Table], job: Job) -> Table:
    """The table in the file; the last readings are kept."""
    key = as_text(chosen.read)
    if key not in tables:
        job.say("Reading the file")
        table = chosen.reading(job)
        for old in list(tables)[: max(0, len(tables) - TABLES_KEPT + 1)]:
            tables.pop(old, None)
        tables[key] = table
    return tables[key]


def _glimpses(chosen: Choices, table: Table, job: Job) -> dict[tuple[str, int], Glimpse | None]:
    """The first rows of each answer to the questions that are new; of large files only those of the answer that was taken."""
    found: dict[tuple[str, int], Glimpse | None] = {}
    for question in table.questions:
        if question.key in chosen.asked:
            continue
        found[question.key, 0] = glimpse(table)
        for number, choice in enumerate(question.choices[1:ANSWERS_SHOWN], 1):
            if len(chosen.content) > GLIMPSE_BYTES:
                continue
            job.say("Reading it the other way")
            try:
                found[question.key, number] = glimpse(chosen.reading(job, choice.options))
            except ValueError:
                found[question.key, number] = None
    return found


def _apart_from_that(chosen: Choices, job: Job) -> Table | None:
    """What else was understood of a file that is refused; None when it cannot be read at all."""
    try:
        table = chosen.reading(job, REPAIRED)
    except ValueError:
        return None
    theirs = tuple(note for note in table.notes if "as you chose" not in note)  # nobody chose these repairs
    return replace(table, notes=theirs)


def measured(outcome: Outcome, rank: int) -> Outcome:
    """The outcome with what a fit would take; a refusal when that is more memory than there is."""
    dataset = outcome.dataset
    assert dataset is not None
    m, n = dataset.shape
    rank = max(1, min(rank, (min(m, n) + 1) // 2))  # a rank near the number of rows or columns only copies the data
    stored = int(dataset.X.nnz) if dataset.sparse else None
    memory, budget = estimated_bytes(m, n, rank, stored=stored), memory_budget()
    seconds = estimate(RunSpec(data="upload", rank=rank), dataset)
    refusal = None
    if memory > budget:
        keep = int(n * share_that_fits(memory, budget, m, rank) / 2)  # half of it, for what the dashboard holds besides
        step = {"step": "most_variable", "count": keep, "axis": "columns"}
        fix = Fix(f"Keep the {keep:,} most variable columns", {"add": step})
        share = share_that_fits(memory, budget, min(m, n), rank)
        refusal = Refusal(
            "size",
            f"A fit at rank {rank} would take about {memory / 2**20:,.0f} MB of memory; {budget / 2**20:,.0f} MB may be used. "
            f"About {percent(share, 0)} of it would fit: take fewer {'rows' if m >= n else 'columns'}. {CONVERT}",
            (fix,) if keep else (),
        )
    return replace(outcome, refusal=refusal, rank=rank, memory=memory, seconds=seconds)


def as_text(value: Any) -> str:
    """JSON values as text: equal ones give the same."""
    return json.dumps(value, sort_keys=True, default=str)
