"""Which ranks do a survey's numbers speak for? The answer is a range with reasons.

Each criterion names the ranks that are as good as its best; the verdict are those that most criteria name.

Sources: bi-cross-validation: Owen & Perry 2009; consensus: Brunet et al. 2004, Kim & Park 2007; keywords: Greene et al. 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from nmfcore.core.factorization import Factors

LEAST_RANK = 2  # below it there is nothing to tell apart, so that no range begins lower
NEAR_BEST = 0.02  # consensus and stability numbers this close to the best count as equally good: their spread over seeds


@dataclass(frozen=True, eq=False)
class RankPoint:
    """What is known about one rank so far; arrays grow while the survey runs, NaN means not measured.

    errors : (starts,) relative errors;  floor : of the best rank-r matrix
    bicv : (repetitions,) relative held-out errors of bi-cross-validation
    masked : (fits,) relative errors over the hidden entries
    null : (fits,) relative errors on shuffled data
    cophenetic, dispersion : of the consensus of the starts;  keywords : stability of the keyword lists
    npmi, diversity : of the best start's topics;  best : the best start's factors
    """

    rank: int
    errors: np.ndarray
    floor: float
    bicv: np.ndarray
    masked: np.ndarray
    null: np.ndarray
    cophenetic: float
    dispersion: float
    keywords: float
    npmi: float
    diversity: float
    best: Factors | None


# What each criterion is called, in the verdict, in the picture and in the table.
NAMES = {
    "bicv": "held out: blocks",
    "masked": "held out: entries",
    "cophenetic": "consensus: cophenetic",
    "dispersion": "consensus: dispersion",
    "keywords": "keyword stability",
    "npmi": "coherence (NPMI)",
    "null": "shuffled data",
}


@dataclass(frozen=True)
class Reason:
    """One criterion: the ranks it speaks for, and why in a sentence.

    criterion : its name in NAMES
    best : the rank at which it is best; of shuffled data the last that gains more
    edge : "lower" or "upper" where that is the first or the last rank surveyed, so that its best may lie beyond
    """

    criterion: str
    ranks: tuple[int, ...]
    sentence: str
    best: int
    edge: str = ""


@dataclass(frozen=True)
class Verdict:
    """The ranks that most criteria speak for, with reasons; low and high are None when nothing was measured that can decide.

    votes : for each rank surveyed, how many criteria speak for it
    """

    low: int | None
    high: int | None
    reasons: tuple[Reason, ...]
    votes: tuple[tuple[int, int], ...]

    @property
    def most(self) -> int:
        """So many criteria speak for one and the same rank."""
        return max((count for _, count in self.votes), default=0)

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks that so many speak for; between the lowest and the highest may be others."""
        return tuple(rank for rank, count in self.votes if count == self.most > 0)

    @property
    def agreed(self) -> bool:
        """Whether more than half of the criteria speak for one and the same rank."""
        return 2 * self.most > len(self.reasons)

    @property
    def title(self) -> str:
        """The ranks in a few words, "or more" where criteria are best at the last one surveyed."""
        if not self.ranks:
            return "No verdict"
        if not self.agreed:
            return "The criteria do not agree on a rank"
        surveyed = [rank for rank, _ in self.votes]
        inside = [rank for rank in surveyed if self.ranks[0] <= rank <= self.ranks[-1]]
        if len(self.ranks) == 1:
            said = f"Rank {self.ranks[0]}"
        else:
            range_ = len(self.ranks) > 2 and list(self.ranks) == inside
            said = f"Ranks {self.ranks[0]} to {self.ranks[-1]}" if range_ else f"Ranks {_listed(self.ranks, ' and ')}"
        open_ = self.ranks[-1] == surveyed[-1] and any(reason.edge == "upper" for reason in self.reasons)
        return said + (" or more" if open_ else "")

    @property
    def sentence(self) -> str:
        if not self.ranks:
            return "No verdict: survey at least two ranks with several starts, held-out error or shuffled data."
        of = f"{self.most} of {len(self.reasons)} criteria"
        if not self.agreed:
            return f"{self.title}: no more than {of} speak for the same one ({_listed(self.ranks)})."
        each = "it" if len(self.ranks) == 1 else "each of them"
        return f"{self.title}: {of} speak for {each}."

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the range of ranks that was surveyed may have cut off, and what to do."""
        said = []
        for edge, rank, name in (
            (("upper", self.votes[-1][0], "highest"), ("lower", self.votes[0][0], "lowest")) if self.votes else ()
        ):
            those = [reason.criterion for reason in self.reasons if reason.edge == edge]
            if those:
                where = f"at rank {rank}, the {name} surveyed"
                beyond = "Their best may lie beyond" if len(those) > 1 else "Its best may lie beyond"
                are = "are" if len(those) > 1 else "is"
                names = "; ".join(those)
                said.append(
                    f"{_capital(names)} {are} best {where}. {beyond}: survey {'higher' if edge == 'upper' else 'lower'} ranks."
                )
        return tuple(said)


def verdict(points: Sequence[RankPoint], *, highest: int | None = None) -> Verdict:
    """The ranks that the largest number of criteria speak for.

    Held-out error (bi-cross-validation, hidden entries): ranks within one spread of the lowest error (of the repetitions at that
    rank; 0.1 % of the error with a single one). Consensus (cophenetic correlation) and keyword lists: within 0.02 of
    the best. Shuffled data: ranks up to the last one whose component gains more than it does on shuffled data. Coherence:
    within 0.02 of the best NPMI.

    highest : the largest rank that there is, beyond which nothing can be surveyed
    """
    points = sorted(points, key=lambda p: p.rank)
    reasons: list[Reason] = []
    if len(points) > 1:
        for key in ("bicv", "masked"):
            reasons += _lowest(key, {p.rank: getattr(p, key) for p in points if len(getattr(p, key))})
        for key in ("cophenetic", "keywords", "npmi"):
            reasons += _highest(key, {p.rank: getattr(p, key) for p in points if not np.isnan(getattr(p, key))})
        reasons += _above_null(points)
    surveyed = [p.rank for p in points]
    reasons = [replace(reason, edge=_edge(reason, surveyed, highest)) for reason in reasons]
    votes = tuple((rank, sum(rank in reason.ranks for reason in reasons)) for rank in surveyed)
    most = max((count for _, count in votes), default=0)
    chosen = [rank for rank, count in votes if count == most and most > 0]
    return Verdict(min(chosen, default=None), max(chosen, default=None), tuple(reasons), votes)


def _edge(reason: Reason, surveyed: Sequence[int], highest: int | None) -> str:
    """At which end of the ranks a criterion is best, where it could be better beyond; "" for one that tells no ranks apart."""
    rising = reason.criterion == NAMES["null"]  # it names ranks from the first one on
    if len(reason.ranks) == len(surveyed) and not rising:
        return ""
    if reason.best == surveyed[-1] and (highest is None or surveyed[-1] < highest):
        return "upper"
    return "lower" if reason.best == surveyed[0] > LEAST_RANK and not rising else ""


def _lowest(key: str, values: dict[int, np.ndarray]) -> list[Reason]:
    if len(values) < 2:
        return []
    means = {rank: float(v.mean()) for rank, v in values.items()}
    best = min(means, key=lambda r: means[r])
    repeats = values[best]
    spread = float(repeats.std(ddof=1)) if len(repeats) > 1 else 0.001 * means[best]
    ranks = tuple(rank for rank, mean in means.items() if mean <= means[best] + spread)
    said = f"{_capital(NAMES[key])}: the error is lowest at rank {best} ({means[best]:.4f}, spread {spread:.4f})"
    return [Reason(NAMES[key], ranks, f"{said}; within the spread at {_listed(ranks)}.", best)]


def _highest(key: str, values: dict[int, float]) -> list[Reason]:
    if len(values) < 2:
        return []
    best = max(values, key=lambda r: values[r])
    ranks = tuple(rank for rank, value in values.items() if value >= values[best] - NEAR_BEST)
    said = f"{_capital(NAMES[key])}: best at rank {best} ({values[best]:.3f})"
    return [Reason(NAMES[key], ranks, f"{said}; within {NEAR_BEST} at {_listed(ranks)}.", best)]


def _above_null(points: Sequence[RankPoint]) -> list[Reason]:
    """Ranks up to the last whose explained energy per added component grows by more than on shuffled data."""
    known = [p for p in points if len(p.null)]
    if len(known) < 2:
        return []
    useful = [known[0].rank]
    for before, after in pairwise(known):
        gain = float(before.errors.min() ** 2 - after.errors.min() ** 2)
        chance = float(before.null.mean() ** 2 - after.null.mean() ** 2)
        if gain <= chance:
            break
        useful.append(after.rank)
    sentence = f"{_capital(NAMES['null'])}: components gain more than there up to rank {useful[-1]}."
    return [Reason(NAMES["null"], tuple(useful), sentence, useful[-1])]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(ranks: Sequence[int], last: str = ", ") -> str:
    """3, 4, 7; with " and " before the last one where that is asked for."""
    *first, end = map(str, ranks)
    return last.join([", ".join(first), end]) if first else end
