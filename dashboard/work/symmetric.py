"""What does the page on symmetric topics compute? Three steps as one background job, the comparison as another.

Pure of Streamlit. Notation as in methods/symmetric_topics.py: X (items, keywords), C (keywords, keywords), S (keywords, topics),
V (items, topics).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import astuple, dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import scipy.sparse as sp

from dashboard.work.fitting import fraction
from dashboard.work.gate import fits, room
from dashboard.work.job import Job
from dashboard.work.told import Subject, named
from nmfcore import topics
from nmfcore.core.factorization import Axes, Factorization
from nmfcore.core.guidance import Guidance
from nmfcore.core.losses import relative_error
from nmfcore.core.spec import StopRule
from nmfcore.data.model.dataset import Dataset
from nmfcore.evaluate.svd import svd
from nmfcore.guide import Guided, largest
from nmfcore.methods import symmetric_topics as symmetric
from nmfcore.topics.ordering import leaf_order

MOST_KEYWORDS = 3_000  # C is dense: 72 MB, and its eigenvalues take some seconds
AT_ONCE = 400  # keywords up to which the comparison runs without being asked
SEEDS = (0, 1, 2, 3, 4)
STOP = StopRule(tol=1e-6, max_iter=500, max_seconds=120.0)
FIRST_ITEMS = ("Jaws", "1984", "Fargo")  # whose topics are explained first, where the data has them
SHOWN_TOPICS, SHOWN_REASONS = 3, 8  # of one explained item


@dataclass(frozen=True)
class Choice:
    """All that determines the three steps, besides the data."""

    weighting: str
    normalisation: str
    diagonal: bool
    rank: int
    seed: int


@dataclass(frozen=True, eq=False)
class Steps:
    """The three steps' results.

    table : C and the weighted X;  order : the keywords in leaf order, for drawing C before there are topics
    run : of the symmetric problem, W is S;  V : items × topics
    floor : relative error of the best S Sᵀ with signs;  item_error, item_floor : of X ≈ V Sᵀ, and of the SVD at the same rank
    """

    title: str
    axes: Axes
    choice: Choice
    table: symmetric.Cooccurrence
    order: np.ndarray
    run: Factorization
    V: np.ndarray
    floor: float
    item_error: float
    item_floor: float

    @property
    def rank(self) -> int:
        """How many topics there are, those that somebody asked for among them."""
        return int(self.S.shape[1])

    @property
    def S(self) -> np.ndarray:
        return self.run.W

    @property
    def names(self) -> list[str]:
        """The three leading keywords of each topic."""
        return topics.names(self.S.T, self.axes.columns)

    @property
    def strength(self) -> np.ndarray:
        """(m, r) how much of an item each topic explains, comparable between topics."""
        return symmetric.topic_strength(self.V, self.S)


def refusal(dataset: Dataset) -> str:
    """Why the steps cannot be taken with a data set; "" when they can."""
    if dataset.is_corpus:
        return "It is text that has not become a matrix yet."
    if dataset.mask is not None:
        return "It has missing entries, and keywords that come together cannot be counted with gaps."
    if dataset.key != "upload" and dataset.kind not in ("documents", "table"):
        return f"It is of the kind {dataset.kind!r}; its columns are no keywords."
    m, n = dataset.shape
    if n > MOST_KEYWORDS:
        return f"It has {n:,} columns, and the matrix of all pairs would have {n:,} × {n:,} entries; up to {MOST_KEYWORDS:,} fit."
    return "" if min(m, n) > 2 else "It needs at least three rows and three columns."


def steps_work(dataset: Dataset, choice: Choice) -> Callable[[Job], Steps]:
    """The work of the job; stopped while S is fitted, the items are projected on what there is."""

    def work(job: Job) -> Steps:
        n = dataset.shape[1]
        fits(job, dataset, choice.rank, extra=3 * 8 * n * n)  # the matrix of all pairs, its order and its floor
        job.say("Counting which keywords come together")
        table = symmetric.cooccurrence(
            dataset.X, weighting=choice.weighting, normalisation=choice.normalisation, diagonal=choice.diagonal, axes=dataset.axes
        )
        order = leaf_order(table.C).indices
        run = symmetric.prepare_topics(table, choice.rank, seed=choice.seed, stop=STOP)
        job.say("Fitting S")
        for progress in run:
            if not job.report(progress, fraction=0.9 * fraction(progress, STOP)):
                break
        result = run.result()
        job.message = "Projecting the items"
        return Steps(dataset.title, dataset.axes, choice, table, order, result, *third(table, result))

    return work


def third(table: symmetric.Cooccurrence, run: Factorization) -> tuple[np.ndarray, float, float, float]:
    """The third step: V with the S of a run, the floor of C, the error of X, and its floor; as `Steps` holds them."""
    V, rank = symmetric.item_topics(table, run.W), run.rank
    error = relative_error(table.X, V, np.ascontiguousarray(run.W.T))
    return V, symmetric.symmetric_floor(table.C, rank), error, float(svd(table.X, rank).floor([rank])[0])


# -- what the topics are told ----------------------------------------------------------------------------------------------


def subject(steps: Steps, identity: Hashable, fingerprint: str) -> Subject:
    """The steps' topics, which can be told something.

    identity : of the data set, for this session where it is its own;  fingerprint : of its content
    """
    keywords = steps.axes.columns
    return Subject(
        "symmetric", "topic", (identity, steps.choice), steps.table.C, steps.run, Axes(keywords, keywords),
        partial(_read, steps), partial(_say, steps), named(fingerprint, *astuple(steps.choice)),
    )  # fmt: skip


def _read(steps: Steps, model: Guided) -> Steps:
    """The steps with the topics of a model, and the items described anew."""
    V, floor, error, item_floor = third(steps.table, model.result)
    return replace(steps, run=model.result, V=V, floor=floor, item_error=error, item_floor=item_floor)


def _say(steps: Steps, before: Guided, after: Guided) -> tuple[tuple[str, ...], str]:
    """A sentence for each verdict, and how many items have another largest topic since the last wish."""
    one, other = (largest(symmetric.item_topics(steps.table, m.result.W), m.result.H) for m in (before, after))
    moved, rows = int((one != other).sum()), steps.axes.rows
    name = rows.name if moved != 1 else rows.singular
    effect = f"{moved:,} of {len(one):,} {name} {'have' if moved != 1 else 'has'} another largest topic."
    return tuple(v.sentence[:1].lower() + v.sentence[1:] for v in after.verdicts), effect


def compare_work(steps: Steps) -> Callable[[Job], symmetric.Comparison]:
    """The work of the job that puts stepwise beside joint."""

    def work(job: Job) -> symmetric.Comparison:
        m, n = steps.table.X.shape
        stored = int(steps.table.X.nnz) if sp.issparse(steps.table.X) else None
        room(job, (m, n), steps.choice.rank, stored=stored, extra=8 * n * n + 16 * len(SEEDS) * (m + n) * steps.choice.rank)
        return symmetric.compare(steps.table, steps.choice.rank, seeds=SEEDS, report=job.say)

    return work


# -- tables ----------------------------------------------------------------------------------------------------------------


def comparison_table(found: symmetric.Comparison) -> pd.DataFrame:
    """Stepwise beside joint, one criterion a line."""
    sides = (found.stepwise, found.joint)

    def line(name: str, values: list[float], better: str) -> dict[str, object]:
        return {"criterion": name, "stepwise": values[0], "joint": values[1], "better is": better}

    lines = [
        line("relative error of X, mean over starts", [float(np.mean(s.error)) for s in sides], "lower"),
        line("its standard deviation", [float(np.std(s.error, ddof=1)) for s in sides], "lower"),
        line("sparsity of the topics (Hoyer)", [s.topic_sparsity for s in sides], "higher"),
        line("sparsity of the items' rows (Hoyer)", [s.item_sparsity for s in sides], "higher"),
        line("stability: cosine of matched topics", [s.stability for s in sides], "higher"),
        line("stability: ten leading keywords shared", [s.keywords_stability for s in sides], "higher"),
    ]
    m, n = found.joint.items.shape[0], found.joint.topics.shape[0]
    rank = found.joint.topics.shape[1]
    lines.append(line("numbers learnt together", [float(n * rank), float((m + n) * rank)], "lower"))
    return pd.DataFrame(lines)


def matched_table(found: symmetric.Comparison, axes: Axes, *, words: int = 5) -> pd.DataFrame:
    """Each stepwise topic with the joint topic that is most like it."""
    ours = topics.names(found.stepwise.topics.T, axes.columns, count=words)
    theirs = topics.names(found.joint.topics.T, axes.columns, count=words)
    return pd.DataFrame(
        {
            "topic": range(1, len(ours) + 1),
            "stepwise": ours,
            "joint": [theirs[j] for j in found.match],
            "cosine": found.cosines,
        }
    )


def keyword_table(steps: Steps, *, count: int = 10) -> pd.DataFrame:
    """The leading keywords of every topic, one a line."""
    found = topics.top_terms(steps.S.T, steps.axes.columns, count=count)
    rows = [
        (k + 1, place + 1, term, float(weight))
        for k, top in enumerate(found)
        for place, (term, weight) in enumerate(zip(top.terms, top.weights, strict=True))
    ]
    return pd.DataFrame(rows, columns=["topic", "place", steps.axes.columns.singular, "weight in S"])


def items_table(steps: Steps, *, count: int = 6) -> pd.DataFrame:
    """The items of each topic, one topic a line."""
    leaders = symmetric.items_of_topics(steps.V, steps.S, count=count)
    return pd.DataFrame(
        {
            "topic": range(1, len(leaders) + 1),
            steps.axes.columns.name: steps.names,
            f"{steps.axes.rows.name} with most of it": [", ".join(steps.axes.rows.take(lead)) for lead in leaders],
        }
    )


def row_of(table: symmetric.Cooccurrence, item: int) -> np.ndarray:
    """(n,) an item's row of the weighted X."""
    row = table.X[[item]].toarray() if sp.issparse(table.X) else table.X[[item]]
    return np.asarray(row, float).ravel()


def reasons(x: np.ndarray, v: np.ndarray, steps: Steps) -> tuple[list[symmetric.TopicOfItem], np.ndarray, list[str]]:
    """An item's strongest topics, and the evidence x_ij S_jk of its keywords for each: (c, t) with the keywords' labels."""
    found = symmetric.explain(x, v, steps.S, steps.table)[:SHOWN_TOPICS]
    places = [topic.topic for topic in found]
    evidence = x[:, None] * steps.S[:, places]  # (n, t)
    best = evidence.max(axis=1, initial=0.0)
    order = [int(j) for j in np.argsort(-best, kind="stable")[:SHOWN_REASONS] if best[j] > 0]
    return found, evidence[order], steps.axes.columns.take(order)


def first_items(axes: Axes, V: np.ndarray) -> list[int]:
    """Whose topics are explained first: the three famous ones, or those with most weight."""
    labels = [axes.rows.label(i) for i in range(len(V))] if axes.rows.labels is not None else []
    famous = [labels.index(name) for name in FIRST_ITEMS if name in labels]
    return famous or [int(i) for i in np.argsort(-V.max(axis=1), kind="stable")[:3]]


_TOLD = """
from nmfcore import guide
from nmfcore.core.factorization import Axes
from nmfcore.core.guidance import Guidance

wishes = Guidance.from_json({guidance!r})
model = guide.replay(table.C, fit, wishes, axes=Axes(dataset.axes.columns, dataset.axes.columns))
for verdict in model.verdicts:
    print("wish", verdict.number + 1, verdict.sentence)
fit = model.result
"""


def script(steps: Steps, key: str, wishes: Guidance | None = None) -> str:
    """Python that computes the page's numbers anew, with nothing but nmfcore."""
    choice = steps.choice
    told = _TOLD.format(guidance=wishes.to_json()) if wishes else ""
    data = f'dataset = load_prepared("{key}")' if key != "upload" else 'dataset = as_dataset(read_matrix("your file"))'
    return f'''"""Symmetric topics: C from keywords, S from C, items projected with S fixed; beside the joint NMF."""

from nmfcore import topics
from nmfcore.data import as_dataset, load_prepared, read_matrix
from nmfcore.core.spec import StopRule
from nmfcore.methods.symmetric_topics import compare, cooccurrence, fit_topics, item_topics, items_of_topics, symmetric_floor

{data}
table = cooccurrence(
    dataset.X,
    weighting={choice.weighting!r},
    normalisation={choice.normalisation!r},
    diagonal={choice.diagonal!r},
    axes=dataset.axes,
)
stop = StopRule(tol={STOP.tol!r}, max_iter={STOP.max_iter}, max_seconds={STOP.max_seconds!r})
fit = fit_topics(table, {choice.rank}, seed={choice.seed}, stop=stop)
{told}S = fit.W
print("relative error of C", fit.relative_error, "floor", symmetric_floor(table.C, fit.rank))
V = item_topics(table, S)
for k, (name, items) in enumerate(zip(topics.names(S.T, dataset.axes.columns), items_of_topics(V, S))):
    print(k + 1, name, "|", ", ".join(dataset.axes.rows.take(items)))

both = compare(table, {choice.rank}, seeds={SEEDS})
for side in (both.stepwise, both.joint):
    print(side.name, side.error, side.topic_sparsity, side.item_sparsity, side.stability, side.keywords_stability)
'''
