"""Which topics do two collections of items share, when each has topics of its own?

Each is factorized alone, on the same columns; the topics are matched one to one by the cosines of their words (Hungarian method,
Kuhn 1955). A pair's words are those among the first words of both, or of one alone. The items are others, so nothing is said of
items that move; two runs on the same items are compared by `nmfcore.evaluate.compare`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axis
from nmfcore.evaluate.coherence import top_words
from nmfcore.evaluate.stability import match_topics
from nmfcore.topics.terms import COLUMNS

FIRST_WORDS = 10  # of a topic that are compared


@dataclass(frozen=True)
class Pair:
    """A topic of the first collection beside its partner in the second; either is None where the other has no partner left.

    first, second : components, counted from 0;  cosine : of their words, 0 without a partner
    both, one, other : first words of both, of the first alone, of the second alone, in the order of their weights
    """

    first: int | None
    second: int | None
    cosine: float
    both: tuple[str, ...]
    one: tuple[str, ...]
    other: tuple[str, ...]


def matched(H: np.ndarray, G: np.ndarray, axis: Axis | None = None, *, count: int = FIRST_WORDS) -> list[Pair]:
    """The topics of two collections in pairs, the most alike first, then those without a partner.

    Parameters
    ----------
    H : (r, n) array;  G : (s, n) array, >= 0: topics of each over the same n columns
    axis : labels of the columns
    count : first words that are compared

    Raises
    ------
    ProblemError
        If they are not over the same columns.
    """
    if H.shape[1] != G.shape[1]:
        raise ProblemError(f"The topics are over {H.shape[1]:,} and {G.shape[1]:,} columns, so they cannot be matched.")
    axis = axis or COLUMNS
    found = match_topics(np.asarray(H, np.float64), np.asarray(G, np.float64))
    mine, theirs = top_words(H, count), top_words(G, count)
    nothing = np.zeros(0, int)

    def pair(k: int | None, p: int | None) -> Pair:
        a, b = mine[k] if k is not None else nothing, theirs[p] if p is not None else nothing
        cosine = float(found.cosines[k]) if k is not None and p is not None else 0.0
        parts = (a[np.isin(a, b)], a[~np.isin(a, b)], b[~np.isin(b, a)])
        return Pair(k, p, cosine, *(tuple(axis.take(part)) for part in parts))

    both = [pair(k, int(p)) for k, p in enumerate(found.partner) if p >= 0]
    alone = [pair(k, None) for k, p in enumerate(found.partner) if p < 0] + [pair(None, int(p)) for p in found.unmatched]
    return [*sorted(both, key=lambda one: -one.cosine), *alone]
