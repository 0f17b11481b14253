"""Do the top words of a topic belong together, are they its own, and do the topics differ?

Coherence asks the corpus: words that occur in the same documents (or the same window of text) belong together. With p(w) the
share of documents that hold w and p(v, w) the share that hold both:
NPMI = log(p(v, w) / (p(v) p(w))) / -log p(v, w), from -1 (never together) over 0 (independent) to 1 (only together);
UMass = log((D(v, w) + 1) / D(v)), v the word that stands higher in the list, <= about 0, larger is better;
C_v = mean cosine between each word's NPMI vector over the list and the sum of these vectors, 0 to 1.
Sources: Bouma 2009; Mimno et al. 2011, eq. 1; Roeder, Both & Hinneburg 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.topics.terms import best

SMOOTHING = 1e-12  # added to p(v, w) by Roeder et al. 2015 and by gensim, so that the logarithm of 0 is not needed
WINDOW_CHUNK = 2_000_000  # (window, word) pairs that exist at one time


@dataclass(frozen=True, eq=False)
class Counts:
    """In how many units (documents or windows) words occur, alone and together.

    words : (w,) rising column numbers of X
    joint : (w, w) number of units that hold both words; the diagonal is the number that hold the word
    units : number of units
    unit : what was counted, in words
    """

    words: np.ndarray
    joint: np.ndarray
    units: int
    unit: str

    def places(self, columns: Sequence[int] | np.ndarray) -> np.ndarray:
        """Where columns stand in `words`.

        Raises
        ------
        ValueError
            If one was not counted.
        """
        columns = np.asarray(columns, int)
        at = np.minimum(np.searchsorted(self.words, columns), len(self.words) - 1)
        if columns.size and not (len(self.words) and np.array_equal(self.words[at], columns)):
            raise ValueError("A word was asked for that was not counted; count the words of all topics together.")
        return at


def document_counts(X: Any, words: Sequence[int] | np.ndarray) -> Counts:
    """Co-occurrence of the chosen columns in the rows of X (a word occurs where its entry is above 0); sparse X stays sparse.

    Parameters
    ----------
    X : (m, n) array or sparse matrix, rows are documents; counts or weights, only > 0 matters
    words : columns, in any order and with repetitions
    """
    chosen = np.unique(np.asarray(words, int))
    part = sp.csc_array(X)[:, chosen] if sp.issparse(X) else sp.csc_array(np.asarray(X)[:, chosen])
    return _counted(chosen, sp.csr_array(part > 0), "documents")


def window_counts(texts: Sequence[Sequence[int] | np.ndarray], words: Sequence[int] | np.ndarray, *, size: int = 10) -> Counts:
    """Co-occurrence of the chosen words in every window of `size` successive tokens; a shorter document is one window.

    These are the counts of the definition. gensim (4.4) forgets a word when the first of its copies leaves the window, so where a
    word stands twice in one window its counts are lower, and coherences differ in the second digit when there are few windows.

    Parameters
    ----------
    texts : for every document its tokens in order as column numbers, -1 for tokens outside the vocabulary (they fill places)
    words : columns
    size : tokens per window, at least 1: 10 is usual for NPMI, 110 for C_v
    """
    if size < 1:
        raise ValueError(f"A window needs at least 1 token, not {size}.")
    chosen = np.unique(np.asarray(words, int))
    lengths = np.fromiter((len(t) for t in texts), np.int64, len(texts))
    windows = np.where(lengths > 0, np.maximum(1, lengths - size + 1), 0)  # per document
    first_window = np.cumsum(windows) - windows
    tokens = np.concatenate([np.asarray(t, np.int64) for t in texts]) if len(texts) else np.zeros(0, np.int64)
    document = np.repeat(np.arange(len(texts)), lengths)
    position = np.arange(len(tokens)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    hit = np.flatnonzero(np.isin(tokens, chosen))
    word, document, position = np.searchsorted(chosen, tokens[hit]), document[hit], position[hit]
    begin = first_window[document] + np.maximum(0, position - size + 1)  # the windows that hold this token
    end = first_window[document] + np.minimum(position, windows[document] - 1)
    joint = np.zeros((len(chosen), len(chosen)))
    # whole documents per chunk, so that no window is split between two chunks
    cuts = _document_cuts(document, end - begin + 1)
    for a, b in pairwise(cuts):
        spans = end[a:b] - begin[a:b] + 1
        window = np.repeat(begin[a:b] - (np.cumsum(spans) - spans), spans) + np.arange(spans.sum())
        window -= window[0]  # numbers of the windows of this chunk's documents only
        shape = (int(window.max()) + 1, len(chosen))
        occurs = sp.csr_array((np.ones(len(window)), (window, np.repeat(word[a:b], spans))), shape=shape)
        occurs.data[:] = 1  # several times in one window is once
        joint += (occurs.T @ occurs).toarray()
    return Counts(chosen, joint, int(windows.sum()), f"windows of {size} tokens")


def _document_cuts(document: np.ndarray, spans: np.ndarray) -> list[int]:
    """Places between documents that cut the hits into chunks of about WINDOW_CHUNK pairs."""
    total = np.cumsum(spans)
    starts = np.append(0, 1 + np.flatnonzero(np.diff(document)))
    cuts, used = [0], 0
    for at in starts[1:]:
        if total[at - 1] - used >= WINDOW_CHUNK:
            cuts.append(int(at))
            used = int(total[at - 1])
    return [*cuts, len(document)] if len(document) else [0]


def _counted(words: np.ndarray, occurs: sp.csr_array, unit: str) -> Counts:
    """Counts from a boolean (units, words) matrix."""
    ones = occurs.astype(np.float64)
    return Counts(words, np.asarray((ones.T @ ones).toarray()), occurs.shape[0], unit)


# -- scores ----------------------------------------------------------------------------------------------------------------
def npmi_matrix(counts: Counts, columns: Sequence[int] | np.ndarray, *, smoothing: float = SMOOTHING) -> np.ndarray:
    """(c, c) NPMI between words; NaN where a word never occurs. smoothing 0 gives Bouma's limit -1 for words never together.

    Source: Bouma 2009, eq. 7; smoothing of p(v, w) as in Roeder et al. 2015.
    """
    at = counts.places(columns)
    together = counts.joint[np.ix_(at, at)] / counts.units + smoothing
    alone = np.diag(counts.joint)[at] / counts.units
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(together / np.outer(alone, alone)) / -np.log(together)
    value[together == 0] = -1.0
    value[together >= 1] = 1.0  # in every unit both: the limit, where the formula is 0 / 0
    value[np.outer(alone, np.ones(len(at))) == 0] = np.nan
    value[:, alone == 0] = np.nan
    return value


def npmi(counts: Counts, topics: Sequence[Sequence[int] | np.ndarray], *, smoothing: float = SMOOTHING) -> np.ndarray:
    """(topics,) mean NPMI over all pairs of a topic's words; NaN with fewer than two words that occur."""
    return np.array([_mean_of_pairs(npmi_matrix(counts, t, smoothing=smoothing)) for t in topics])


def umass(counts: Counts, topics: Sequence[Sequence[int] | np.ndarray], *, smoothing: float = 1.0) -> np.ndarray:
    """(topics,) *mean* over pairs of log((D(v, w) + 1) / D(v)), v before w in the list; multiply by the pairs for the sum.

    Mimno et al. sum over the pairs (`umass_sum`), most software averages; only the mean compares lists of unequal length.
    gensim adds 1e-12 × documents instead of 1: give that as smoothing.

    Source: Mimno et al. 2011, eq. 1.
    """
    return np.array([float(np.mean(p)) if len(p) else np.nan for p in _umass_pairs(counts, topics, smoothing)])


def umass_sum(counts: Counts, topics: Sequence[Sequence[int] | np.ndarray], *, smoothing: float = 1.0) -> np.ndarray:
    """(topics,) sum over pairs, as Mimno et al. 2011 print it; see `umass`."""
    return np.array([float(np.sum(p)) if len(p) else np.nan for p in _umass_pairs(counts, topics, smoothing)])


def c_v(counts: Counts, topics: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
    """(topics,) C_v: mean cosine between each word's NPMI vector and the sum of all of them. Windows of 110 are usual.

    Source: Roeder, Both & Hinneburg 2015, section 3 (gamma = 1).
    """
    found = []
    for topic in topics:
        vectors = npmi_matrix(counts, topic)
        live = ~np.isnan(np.diag(vectors)) if len(vectors) else np.zeros(0, bool)
        vectors = vectors[np.ix_(live, live)]
        whole = vectors.sum(axis=0)
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(whole)
        found.append(float(np.mean(vectors @ whole / norms)) if len(vectors) > 1 and (norms > 0).all() else np.nan)
    return np.array(found)


def top_words(H: np.ndarray, count: int = 10) -> list[np.ndarray]:
    """The columns with the `count` largest non-zero weights of every topic, falling.

    H : (r, n) array, >= 0;  one (count,) or shorter array of column numbers for each topic
    """
    found = []
    for row in H:
        order = best(row, count)
        found.append(order[row[order] > 0])
    return found


def diversity(topics: Sequence[Sequence[int] | np.ndarray]) -> float:
    """Share of different words among all top words: 1 = no word twice. NaN without words. Source: Dieng et al. 2020."""
    words = np.concatenate([np.asarray(t, int) for t in topics]) if len(topics) else np.zeros(0, int)
    return len(np.unique(words)) / len(words) if len(words) else float("nan")


def uniqueness(topics: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
    """(topics,) mean over a topic's top words of 1 / (number of topics that have the word among theirs); NaN without words.

    1 = no other topic lists any of them. With lists of one length the mean over the topics is `diversity`.

    Source: Nan et al. 2019 (topic uniqueness).
    """
    words = [np.unique(np.asarray(t, int)) for t in topics]
    if not sum(map(len, words)):
        return np.full(len(words), np.nan)
    lists = np.bincount(np.concatenate(words))
    return np.array([float(np.mean(1.0 / lists[w])) if len(w) else np.nan for w in words])


def exclusivity(H: np.ndarray, count: int = 10) -> np.ndarray:
    """(r,) mean over a topic's top words of H_tw / sum_s H_sw, H's rows summing to 1: 1 = its words are in no other topic.

    H : (r, n) array, >= 0

    Source: Bischof & Airoldi 2012 (the exclusivity part of FREX, without its ranking).
    """
    sums = H.sum(axis=1, dtype=np.float64)
    p = np.divide(H, sums[:, None], out=np.zeros(H.shape), where=sums[:, None] > 0)
    everywhere = p.sum(axis=0)
    words = top_words(H, count)
    return np.array([float(np.mean(p[k, w] / everywhere[w])) if len(w) else np.nan for k, w in enumerate(words)])


@dataclass(frozen=True, eq=False)
class Coherence:
    """The usual scores of a set of topics, per topic (r,) unless said otherwise; means leave topics without a value out.

    npmi, umass (mean over pairs), umass_sum, exclusivity : (r,);  diversity : one number;  count : words per topic
    unit : what co-occurrence was counted in
    """

    npmi: np.ndarray
    umass: np.ndarray
    umass_sum: np.ndarray
    exclusivity: np.ndarray
    diversity: float
    count: int
    unit: str

    @property
    def mean_npmi(self) -> float:
        live = self.npmi[~np.isnan(self.npmi)]
        return float(live.mean()) if len(live) else float("nan")


def coherence(H: np.ndarray, X: Any, *, count: int = 10, counts: Counts | None = None) -> Coherence:
    """All scores of the topics in H, with co-occurrence in the rows of X.

    Parameters
    ----------
    H : (r, n) array
    X : (m, n) array or sparse: the documents
    count : top words per topic
    counts : counts to use instead of the documents of X (`window_counts`)
    """
    words = top_words(H, count)
    counts = counts or document_counts(X, np.concatenate(words))
    return Coherence(
        npmi(counts, words),
        umass(counts, words),
        umass_sum(counts, words),
        exclusivity(H, count),
        diversity(words),
        count,
        counts.unit,
    )


def _mean_of_pairs(square: np.ndarray) -> float:
    """Mean above the diagonal, NaN left out; NaN when nothing is left."""
    values = square[np.triu_indices(len(square), 1)]
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


def _umass_pairs(counts: Counts, topics: Sequence[Sequence[int] | np.ndarray], smoothing: float) -> list[np.ndarray]:
    """For every topic the values of its pairs (higher word v, lower word w), where v occurs at all."""
    found = []
    for topic in topics:
        at = counts.places(topic)
        pairs = [(v, w) for v, w in combinations(at, 2) if counts.joint[v, v] > 0]
        v, w = np.array(pairs, int).reshape(-1, 2).T
        found.append(np.log((counts.joint[v, w] + smoothing) / counts.joint[v, v]))
    return found
