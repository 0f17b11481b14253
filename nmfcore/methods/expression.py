"""Which genes act together in which samples, and do the groups agree with what is known about the samples?

X (m, n) is genes × samples. Column k of W is metagene k (how much of it every gene carries), row k of H says how active it is in
every sample; a sample belongs to its most active metagene (Brunet, Tamayo, Golub & Mesirov 2004). W D and D^-1 H fit X as well as
W and H, so "most active" has a meaning only on a stated scale: by default the columns of W have unit norm and H carries the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axis, Factorization
from nmfcore.core.spec import StopRule
from nmfcore.evaluate.stability import Consensus, consensus
from nmfcore.run import several
from nmfcore.topics import scale

SCALE = "W columns L2"  # metagenes of unit norm; activities in H are then comparable
NOBODY = -1  # the group of a sample in which no metagene is active


# -- genes --------------------------------------------------------------------------------------------------------------
def gene_scores(W: np.ndarray) -> np.ndarray:
    """How specific each gene is to one metagene: (m,), 0 = the same in all, 1 = in one only.

    score_i = 1 + (1 / log2 r) sum_q p_iq log2 p_iq,   p_iq = W_iq / sum_q W_iq

    W : (m, r) array, >= 0

    The columns of W must be on a stated scale (`scale.apply(W, H, SCALE)`). A gene that no metagene carries gets 0.

    Raises
    ------
    ProblemError
        For a single metagene, to which every gene is specific.

    Source: Kim & Park 2007, Bioinformatics 23, section 2.4, after Carmona-Saez et al. 2006.
    """
    W = np.asarray(W, np.float64)
    rank = W.shape[1]
    if rank < 2:
        raise ProblemError("The gene score compares metagenes; with a single one there is nothing to compare.")
    total = W.sum(axis=1, keepdims=True)
    p = np.divide(W, total, out=np.zeros_like(W), where=total > 0)
    terms = p * np.log2(p, out=np.zeros_like(p), where=p > 0)  # 0 log 0 = 0
    score = np.clip(1.0 + terms.sum(axis=1) / np.log2(rank), 0.0, 1.0)
    return np.where(total[:, 0] > 0, score, 0.0)


@dataclass(frozen=True, eq=False)
class DefiningGenes:
    """The genes that define each metagene.

    scores : (m,) of `gene_scores`; threshold : median + 3 MAD of the scores; level : the median entry of W
    of : for each metagene the indices of its genes, highest score first
    """

    scores: np.ndarray
    threshold: float
    level: float
    of: tuple[np.ndarray, ...]

    @property
    def count(self) -> int:
        return sum(len(genes) for genes in self.of)


def defining_genes(W: np.ndarray) -> DefiningGenes:
    """Genes whose score is above median + 3 MAD of all scores and whose largest entry is above the median entry of W.

    Each belongs to the metagene of its largest entry. MAD is the median absolute deviation, not multiplied by 1.4826.

    Parameters
    ----------
    W : (m, r) metagenes, r >= 2, columns on a stated scale

    Source: Kim & Park 2007, section 2.4.
    """
    W = np.asarray(W, np.float64)
    scores = gene_scores(W)
    middle = float(np.median(scores))
    threshold = middle + 3.0 * float(np.median(np.abs(scores - middle)))
    level = float(np.median(W))
    strongest = W.argmax(axis=1)
    chosen = (scores > threshold) & (W.max(axis=1) > level)
    of = []
    for k in range(W.shape[1]):
        genes = np.flatnonzero(chosen & (strongest == k))
        of.append(genes[np.lexsort((-W[genes, k], -scores[genes]))])  # ties by the gene's weight
    return DefiningGenes(scores, threshold, level, tuple(of))


# -- samples ------------------------------------------------------------------------------------------------------------
def sample_groups(W: np.ndarray, H: np.ndarray, *, convention: str = SCALE) -> np.ndarray:
    """The metagene that is most active in each sample: (n,) of 0..r-1, or -1 where none is active.

    W : (m, r);  H : (r, n)
    convention : the scale on which activities are compared, a key of `scale.CONVENTIONS`; "as fitted" takes H as the
        run left it ("raw argmax"), which is a matter of chance

    Source: Brunet et al. 2004 (argmax); the scale: Kim & Park 2007, section 2.2.
    """
    H = scale.apply(W, H, convention).H
    return np.where(np.any(H > 0, axis=0), H.argmax(axis=0), NOBODY)


def moved_by_scale(W: np.ndarray, H: np.ndarray) -> np.ndarray:
    """The samples whose group is another one when H is taken as the run left it instead of on the scale of unit metagenes.

    W : (m, r);  H : (r, n);  the result is (moved,), rising
    """
    return np.flatnonzero(sample_groups(W, H) != sample_groups(W, H, convention="as fitted"))


@dataclass(frozen=True)
class Misplaced:
    """One sample that is not with its own: its label, its known class, its group and the class that group stands for."""

    sample: int
    label: str
    known: str
    group: int
    stands_for: str


@dataclass(frozen=True, eq=False)
class Agreement:
    """Groups against known classes.

    classes : the class names, in order of first appearance; table : (r, classes) counts of samples
    stands_for : the class each group stands for, "" for an empty group
    misplaced : the samples whose group stands for another class; purity : share of the others
    """

    classes: tuple[str, ...]
    table: np.ndarray
    stands_for: tuple[str, ...]
    misplaced: tuple[Misplaced, ...]
    purity: float


def agreement(groups: np.ndarray, known: Sequence[str], rank: int, *, axis: Axis | None = None) -> Agreement:
    """Which class each group stands for, and the samples that are misplaced, by name.

    A group stands for the class of most of its samples (ties: the class named first). Samples in no group are misplaced.

    Parameters
    ----------
    groups : (n,) of `sample_groups`
    known : (n,) class names
    rank : number of groups
    axis : names of the samples

    Raises
    ------
    ProblemError
        If there are not as many classes as samples.
    """
    axis = axis or Axis("samples", "sample")
    if len(known) != len(groups):
        raise ProblemError(f"There are {len(groups)} samples but {len(known)} known classes.")
    names = [str(k) for k in known]
    classes = tuple(dict.fromkeys(names))
    table = np.zeros((rank, len(classes)), int)
    for group, name in zip(groups, names, strict=True):
        if group >= 0:
            table[group, classes.index(name)] += 1
    stands_for = tuple(classes[int(row.argmax())] if row.any() else "" for row in table)
    misplaced = tuple(
        Misplaced(i, axis.label(i), name, int(group), stands_for[group] if group >= 0 else "")
        for i, (group, name) in enumerate(zip(groups, names, strict=True))
        if group < 0 or stands_for[group] != name
    )
    return Agreement(classes, table, stands_for, misplaced, 1.0 - len(misplaced) / len(names))


# -- ranks --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class RankReport:
    """What several random starts at one rank say about the samples.

    consensus : of the groups on the stated scale, with cophenetic correlation and dispersion
    raw : the same with H as each run left it; its lower numbers are the price of comparing what is not comparable
    errors : relative error of every run; best : the run with the lowest loss; groups : its groups, (n,)
    agreement : of these groups with the known classes, or None
    """

    rank: int
    consensus: Consensus
    raw: Consensus
    errors: tuple[float, ...]
    best: Factorization
    groups: np.ndarray
    agreement: Agreement | None


def explore_ranks(
    X: Any,
    ranks: Sequence[int] = (2, 3, 4, 5),
    *,
    runs: int = 20,
    seed: int = 0,
    convention: str = SCALE,
    known: Sequence[str] | None = None,
    axis: Axis | None = None,
    report: Callable[[str, float], None] | None = None,
    **options: Any,
) -> Iterator[RankReport]:
    """One report for each rank, as soon as it is there.

    Parameters
    ----------
    X : (m, n) genes × samples, >= 0
    ranks : numbers of metagenes
    runs : random starts at each rank, with seeds seed, seed + 1, ...
    convention : the scale on which samples are assigned
    known : (n,) classes of the samples, to name the misplaced ones
    axis : names of the samples
    report : called with a sentence and the share that is done, again and again; it may raise to end the exploration
    options : of every run, as in `solve`: loss (Brunet et al. used the Kullback-Leibler loss), solver, stop

    Raises
    ------
    ProblemError
        If there is no run to be made.

    Source: Brunet et al. 2004 (consensus, cophenetic correlation); Kim & Park 2007 (dispersion).
    """
    if options.get("stop") is None:
        options["stop"] = StopRule(tol=1e-6, max_iter=2000)
    if runs < 1:
        raise ProblemError(f"The number of runs must be at least 1, not {runs}.")
    for at, rank in enumerate(ranks):
        starts = several(X, rank, range(seed, seed + runs), **options)
        if report is not None:
            report(f"Rank {rank}, {runs} starts", at / len(ranks))
        for turn in starts:
            if report is not None:
                report(f"Rank {rank}, {turn.done} of {runs} starts", (at * runs + turn.done) / (len(ranks) * runs))
        fits = [starts.results[place] for place in range(runs)]
        labels, raw = ([sample_groups(f.W, f.H, convention=on) for f in fits] for on in (convention, "as fitted"))
        errors = [fit.relative_error for fit in fits]
        best = min(fits, key=lambda fit: fit.history[-1].loss)
        groups = sample_groups(best.W, best.H, convention=convention)
        yield RankReport(
            rank,
            consensus(labels),
            consensus(raw),
            tuple(errors),
            best,
            groups,
            agreement(groups, known, rank, axis=axis) if known is not None else None,
        )
