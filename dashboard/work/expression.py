"""What does the expression page compute? A fit to look at, and the survey of ranks 2 to 5 over many starts, as background jobs.

Pure of Streamlit. X is genes × samples here, whichever way the data came; the formulas stand in nmfcore/methods/expression.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from dashboard.work.fitting import fraction
from dashboard.work.gate import room
from dashboard.work.job import Job
from dashboard.work.told import Subject, named
from nmfcore.core.factorization import Axes, Axis, Factorization
from nmfcore.core.guidance import Guidance
from nmfcore.core.spec import StopRule
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.facts import Classes
from nmfcore.data.model.limits import memory_budget
from nmfcore.guide import Guided, Seed, Verdict
from nmfcore.methods import markers
from nmfcore.methods.expression import (
    NOBODY,
    SCALE,
    Agreement,
    DefiningGenes,
    RankReport,
    agreement,
    defining_genes,
    explore_ranks,
    moved_by_scale,
    sample_groups,
)
from nmfcore.methods.markers import follows
from nmfcore.run import at_once, prepare
from nmfcore.topics import scale

RANKS = (2, 3, 4, 5)
STOP = StopRule(tol=1e-6, max_iter=2000, max_seconds=60.0)
MOST_CELLS = 5_000_000  # of genes × samples; each start of the survey works through all of them
MOST_SAMPLES = 1_000  # of a consensus matrix with a line for every pair


@dataclass(frozen=True, eq=False)
class Table:
    """Genes × samples with their names; `known` classes of the samples, or None.

    data : key of the data set;  turned : whether the samples are its rows;  key : names both, and the content
    fingerprint : of the content, the same for everybody
    """

    X: np.ndarray
    genes: Axis
    samples: Axis
    known: tuple[str, ...] | None
    title: str
    key: str
    data: str = "upload"
    turned: bool = False
    fingerprint: str = ""


@dataclass(frozen=True)
class Choice:
    """What is asked for, besides the table: the rank to look at, and the starts of the survey from the first seed on."""

    rank: int
    runs: int
    seed: int


def refusal(dataset: Dataset) -> str:
    """Why a data set cannot be read as expression of genes in samples; "" when it can."""
    if dataset.is_corpus:
        return "It is text, not a table of measurements."
    if dataset.mask is not None:
        return "It has missing entries."
    if dataset.key != "upload" and dataset.kind != "expression":
        return f"It is of the kind {dataset.kind!r}."
    m, n = dataset.shape
    if m * n > MOST_CELLS:
        return f"It has {m:,} × {n:,} entries; up to {MOST_CELLS:,} fit here. Keep the most variable genes (Data page)."
    if min(m, n) < 5:
        return "It needs at least five rows and five columns."
    return "" if min(m, n) <= MOST_SAMPLES else f"Both sides have more than {MOST_SAMPLES:,} entries; neither can be the samples."


def samples_are_rows(dataset: Dataset) -> bool:
    """Whether the rows are the samples: known classes say so, else the axes' names, else the smaller side."""
    if dataset.column_classes is not None or dataset.classes is not None:
        return dataset.column_classes is None
    for axis, rows in ((dataset.axes.columns, False), (dataset.axes.rows, True)):
        if axis.singular in ("sample", "patient", "cell", "tissue"):
            return rows
    return dataset.shape[0] < dataset.shape[1]


def of_dataset(dataset: Dataset, rows: bool) -> Table:
    """The table with genes first.

    rows : whether the rows of the data set are the samples
    """
    X = dataset.X.toarray() if dataset.sparse else dataset.X
    classes = dataset.classes if rows else dataset.column_classes
    axes = dataset.axes.transposed if rows else dataset.axes
    known = None if classes is None or (classes.index < 0).any() else names_of(classes)
    return Table(
        np.ascontiguousarray(X.T if rows else X), axes.rows, axes.columns, known, dataset.title, f"{dataset.identity}-{rows}",
        dataset.key, rows, dataset.fingerprint,
    )  # fmt: skip


def names_of(classes: Classes) -> tuple[str, ...]:
    """The class of each sample by name."""
    return tuple(classes.names[i] for i in classes.index)


def coarse(known: Sequence[str]) -> tuple[str, ...] | None:
    """The classes by their first word ("ALL B-cell" is "ALL"), where that leaves fewer, but at least two; else None."""
    first = tuple(name.split()[0] if name.split() else name for name in known)
    return first if 2 <= len(set(first)) < len(set(known)) else None


# -- the jobs --------------------------------------------------------------------------------------------------------------


def fit_work(table: Table, rank: int, seed: int) -> Callable[[Job], Factorization]:
    """The work of the job that fits once."""

    def work(job: Job) -> Factorization:
        room(job, table.X.shape, rank)
        run = prepare(table.X, rank, init="random", seed=seed, stop=STOP)
        for progress in run:
            if not job.report(progress, fraction=fraction(progress, STOP)):
                break
        return run.result()

    return work


class _Stopped(Exception):
    """A person pressed Stop; the ranks that are done are the result."""


def survey_work(table: Table, runs: int, seed: int) -> Callable[[Job], tuple[RankReport, ...] | None]:
    """The work of the job that fits every rank from many starts; stopped, it returns the ranks that are done."""

    def work(job: Job) -> tuple[RankReport, ...] | None:
        done: list[RankReport] = []
        m, n = table.X.shape
        _, held = at_once((m, n), max(RANKS), runs, memory_budget())  # beside one fit; and a consensus matrix of the samples
        room(job, (m, n), max(RANKS), extra=8 * n * n + held)

        def tell(sentence: str, share: float) -> None:
            if job.stopped:
                raise _Stopped
            job.say(sentence, share)

        ranks = [rank for rank in RANKS if rank <= min(table.X.shape)]
        try:
            for report in explore_ranks(table.X, ranks, runs=runs, seed=seed, axis=table.samples, stop=STOP, report=tell):
                done.append(report)
                job.report(report)
        except _Stopped:
            pass
        return tuple(done) or None

    return work


# -- what the metagenes are told ------------------------------------------------------------------------------------------


def subject(table: Table, fit: Factorization, choice: Choice, starts: int) -> Subject:
    """A fit whose metagenes can be told something; starts : how many it is the best of, 0 where it is one alone."""
    of = (choice.rank, choice.seed, starts)
    return Subject(
        "expression", "metagene", (table.key, of), np.ascontiguousarray(table.X.T), markers.as_topics(fit),
        Axes(table.samples, table.genes), markers.as_metagenes, partial(_say, table), named(table.fingerprint, table.turned, *of),
    )  # fmt: skip


def _say(table: Table, before: Guided, after: Guided) -> tuple[tuple[str, ...], str]:
    """A sentence for each verdict, and how many samples are in another metagene since the last wish."""
    one, other = (
        np.append(np.array(m.ids), NOBODY)[sample_groups(*_factors(m))] for m in (before, after)
    )  # ids, so that a metagene that is new does not shift the others
    moved = int((one != other).sum())
    name = table.samples.name if moved != 1 else table.samples.singular
    effect = f"{moved:,} {name} of {table.X.shape[1]:,} {'are' if moved != 1 else 'is'} in another metagene."
    return tuple(_sentence(table, after, verdict) for verdict in after.verdicts), effect


def _factors(model: Guided) -> tuple[np.ndarray, np.ndarray]:
    fit = markers.as_metagenes(model)
    return fit.W, fit.H


def _sentence(table: Table, model: Guided, verdict: Verdict) -> str:
    """The verdict; of marker genes with whether the metagene's activity follows them."""
    wish = next((wish for wish in model.wishes if wish.number == verdict.number), None)
    if not isinstance(verdict.edit, Seed) or wish is None:
        return (verdict.sentence[:1].lower() + verdict.sentence[1:]).replace("topic", "metagene")
    activity = model.result.W[:, model.at(wish.topics[0])]
    got, asked = int(verdict.measures["got"]), int(verdict.measures["asked"])
    like = follows(table.X, [int(row) for row in wish.words], activity)
    return f"{got} of {asked} among the first ten; its activity follows their mean with correlation {like:.2f}."


# -- what is shown ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class View:
    """One factorization read as the page shows it.

    W, H : on the scale of unit metagenes;  groups, raw : of the samples, on that scale and as the run left H
    genes : that define each metagene;  agreement : with the known classes, or None;  moved : samples that the scale moves
    """

    result: Factorization
    W: np.ndarray
    H: np.ndarray
    groups: np.ndarray
    raw: np.ndarray
    genes: DefiningGenes
    agreement: Agreement | None
    moved: np.ndarray


def view(table: Table, result: Factorization, known: Sequence[str] | None) -> View:
    """All that follows from one factorization."""
    W, H = result.W, result.H
    scaled = scale.apply(W, H, SCALE)
    groups = sample_groups(W, H)
    return View(
        result,
        scaled.W,
        scaled.H,
        groups,
        sample_groups(W, H, convention="as fitted"),
        defining_genes(scaled.W),
        agreement(groups, known, result.rank, axis=table.samples) if known is not None else None,
        moved_by_scale(W, H),
    )


def rank_table(table: Table, reports: Sequence[RankReport], known: Sequence[str] | None) -> pd.DataFrame:
    """One row per rank: how sure the groups are, with H on the stated scale and raw, and who is misplaced."""
    rows = []
    for report in reports:
        row: dict[str, object] = {
            "rank": report.rank,
            "cophenetic": report.consensus.cophenetic,
            "dispersion": report.consensus.dispersion,
            "raw cophenetic": report.raw.cophenetic,
            "raw dispersion": report.raw.dispersion,
            "error": min(report.errors),
        }
        if known is not None:
            found = agreement(report.groups, known, report.rank, axis=table.samples)
            row["purity"] = found.purity
            row["misplaced"] = ", ".join(sample.label for sample in found.misplaced) or "none"
        rows.append(row)
    return pd.DataFrame(rows)


def gene_table(table: Table, shown: View) -> pd.DataFrame:
    """The defining genes of every metagene, highest score first."""
    rows = [
        (k + 1, table.genes.label(int(i)), float(shown.genes.scores[i]), float(shown.W[i, k]))
        for k, genes in enumerate(shown.genes.of)
        for i in genes
    ]
    return pd.DataFrame(rows, columns=["metagene", table.genes.singular, "score", "weight"])


def sample_table(table: Table, shown: View, known: Sequence[str] | None) -> pd.DataFrame:
    """Every sample with its group, raw group and known class."""
    frame = pd.DataFrame(
        {
            table.samples.singular: table.samples.take(range(len(shown.groups))),
            "group": shown.groups + 1,
            "raw group": shown.raw + 1,
        }
    )
    return frame if known is None else frame.assign(known=list(known))


_TOLD = """
        from nmfcore.core.guidance import Guidance
        from nmfcore.methods.markers import as_metagenes, steered

        model = steered(X, report.best, Guidance.from_json({guidance!r}), genes, samples)
        for verdict in model.verdicts:
            print("  wish", verdict.number + 1, "kept:", verdict.obeyed)
        for k, row in enumerate(as_metagenes(model).W.T):
            print("  told metagene", model.ids[k] + 1, genes.take((-row).argsort(kind="stable")[:10]))
"""


def script(key: str, rows: bool, rank: int, runs: int, seed: int, guidance: Guidance | None = None) -> str:
    """Python that computes the page's numbers anew, with nothing but nmfcore."""
    told_ = _TOLD.format(guidance=guidance.to_json()) if guidance else ""
    data = f'load_prepared("{key}")' if key != "upload" else 'as_dataset(read_matrix("your file"))'
    return f'''"""Expression: metagenes, consensus over starts, misplaced samples, defining genes."""

from nmfcore.topics import scale
from nmfcore.data import as_dataset, load_prepared, read_matrix
from nmfcore.methods.expression import SCALE, defining_genes, explore_ranks
from nmfcore.core.spec import StopRule

dataset = {data}
X = dataset.X{".T.copy()" if rows else ""}  # genes x samples
samples = dataset.axes.{"rows" if rows else "columns"}
genes = dataset.axes.{"columns" if rows else "rows"}
classes = dataset.{"classes" if rows else "column_classes"}
known = None if classes is None else [classes.names[i] for i in classes.index]
stop = StopRule(tol={STOP.tol!r}, max_iter={STOP.max_iter}, max_seconds={STOP.max_seconds!r})

for report in explore_ranks(X, {RANKS}, runs={runs}, seed={seed}, known=known, axis=samples, stop=stop):
    print(report.rank, report.consensus.cophenetic, report.consensus.dispersion, min(report.errors))
    if report.agreement is not None:
        print("  misplaced:", ", ".join(sample.label for sample in report.agreement.misplaced) or "none")
    if report.rank == {rank}:
        found = defining_genes(scale.apply(report.best.W, report.best.H, SCALE).W)
        for k, members in enumerate(found.of):
            print("  metagene", k + 1, genes.take(members[:10]))
{told_}'''
