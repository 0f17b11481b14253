"""Coherence agrees with gensim, and with a plain count where gensim is not installed."""

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore.evaluate import coherence

RNG = np.random.default_rng(0)
TEXTS = [RNG.choice(12, size=RNG.integers(1, 30), p=np.arange(12, 0, -1) / 78).tolist() for _ in range(60)]
TOPICS = [[0, 3, 5, 7], [1, 2, 8], [4, 6, 9, 10]]
WORDS = [w for t in TOPICS for w in t]
X = np.zeros((60, 13))
for row, text in enumerate(TEXTS):
    np.add.at(X[row], text, 1)


def windows(size):
    for text in TEXTS:
        for begin in range(max(1, len(text) - size + 1)):
            yield set(text[begin : begin + size])


def plain_npmi(units, topic):
    units = list(units)
    scores = []
    for v, w in combinations(topic, 2):
        pv, pw, both = (np.mean([test <= u for u in units]) for test in ({v}, {w}, {v, w}))
        scores.append(np.log((both + 1e-12) / (pv * pw)) / -np.log(both + 1e-12))
    return np.mean(scores)


@pytest.mark.parametrize("sparse", [False, True])
def test_document_npmi_and_umass_equal_a_plain_count(sparse):
    counts = coherence.document_counts(sp.csr_array(X) if sparse else X, WORDS)
    assert counts.units == 60
    sets = [set(t) for t in TEXTS]
    assert_allclose(coherence.npmi(counts, TOPICS), [plain_npmi(sets, t) for t in TOPICS])
    plain = [
        [np.log((sum({v, w} <= s for s in sets) + 1) / sum(v in s for s in sets)) for v, w in combinations(t, 2)] for t in TOPICS
    ]
    assert_allclose(coherence.umass(counts, TOPICS), [np.mean(p) for p in plain])
    assert_allclose(coherence.umass_sum(counts, TOPICS), [np.sum(p) for p in plain])


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
@pytest.mark.parametrize("chunk", [1, 10**6])
def test_window_counts_equal_a_plain_count(monkeypatch, size, chunk):
    monkeypatch.setattr(coherence, "WINDOW_CHUNK", chunk)
    counts = coherence.window_counts(TEXTS, WORDS, size=size)
    units = list(windows(size))
    assert counts.units == len(units)
    expected = [[sum({v, w} <= u for u in units) for w in counts.words] for v in counts.words]
    assert_array_equal(counts.joint, expected)


def test_windows_of_nothing_count_nothing():
    counts = coherence.window_counts([[], [-1, -1]], [0, 1], size=5)
    assert counts.units == 1
    assert not counts.joint.any()
    assert np.isnan(coherence.npmi(counts, [[0, 1]])).all()
    with pytest.raises(ValueError, match="at least 1 token"):
        coherence.window_counts(TEXTS, WORDS, size=0)


def test_agrees_with_gensim():
    gensim = pytest.importorskip("gensim", reason="gensim is not installed; the plain counts above stand in for it")
    from gensim.models import CoherenceModel

    # gensim forgets a word when its first copy leaves the window (4.4.0, _slide_window), so no word stands twice in these
    rng = np.random.default_rng(1)
    ids = [rng.permutation(14)[: rng.integers(3, 14)].tolist() for _ in range(60)]
    texts = [[str(w) for w in t] for t in ids]
    dictionary = gensim.corpora.Dictionary(texts)
    common = {"topics": [[str(w) for w in t] for t in TOPICS], "texts": texts, "dictionary": dictionary, "processes": 1}

    def theirs(kind, **options):
        return CoherenceModel(**common, coherence=kind, **options).get_coherence_per_topic()

    five = coherence.window_counts(ids, WORDS, size=5)
    assert_allclose(coherence.npmi(five, TOPICS), theirs("c_npmi", window_size=5), rtol=1e-6)
    assert_allclose(coherence.c_v(five, TOPICS), theirs("c_v", window_size=5), rtol=1e-6)
    documents = coherence.document_counts(np.array([[w in t for w in range(14)] for t in ids]), WORDS)
    corpus = [dictionary.doc2bow(t) for t in texts]
    assert_allclose(coherence.umass(documents, TOPICS, smoothing=60e-12), theirs("u_mass", corpus=corpus), rtol=1e-6)


def test_c_v_equals_the_definition_written_out():
    counts = coherence.window_counts(TEXTS, WORDS, size=10)
    units = list(windows(10))
    topic = TOPICS[1]

    def value(v, w):
        pv, pw, both = (np.mean([test <= u for u in units]) for test in ({v}, {w}, {v, w}))
        return np.log((both + 1e-12) / (pv * pw)) / -np.log(both + 1e-12)

    vectors = np.array([[value(v, w) for w in topic] for v in topic])
    whole = vectors.sum(axis=0)
    cosines = [v @ whole / np.linalg.norm(v) / np.linalg.norm(whole) for v in vectors]
    assert_allclose(coherence.c_v(counts, [topic]), np.mean(cosines))


def test_npmi_is_minus_one_never_together_one_only_together_and_nan_without_the_word():
    M = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0]])
    counts = coherence.document_counts(M, range(4))
    values = coherence.npmi_matrix(counts, range(4), smoothing=0)
    assert values[0, 1] == pytest.approx(1)
    assert values[0, 2] == -1
    assert np.isnan(values[0, 3])
    assert np.isnan(values[3]).all()
    everywhere = coherence.document_counts(np.ones((3, 2)), [0, 1])
    assert coherence.npmi(everywhere, [[0, 1]]) == [1.0]
    assert_allclose(coherence.npmi(counts, [[0, 1, 3]], smoothing=0), [1])
    assert np.isnan(coherence.npmi(counts, [[0]]))


def test_words_that_were_not_counted_are_refused():
    counts = coherence.document_counts(X, [1, 2])
    with pytest.raises(ValueError, match="not counted"):
        coherence.npmi(counts, [[1, 9]])


def test_diversity_and_exclusivity_follow_their_definitions():
    assert coherence.diversity([[1, 2], [2, 3]]) == 0.75
    assert_allclose(coherence.uniqueness([[1, 2], [2, 3]]), [0.75, 0.75])
    assert_allclose(coherence.uniqueness([[1, 2], [2, 3], []]), [0.75, 0.75, np.nan])
    assert np.isnan(coherence.uniqueness([[], []])).all()
    H = np.array([[2.0, 2, 0], [0, 5, 5], [0, 0, 0]])
    assert_allclose(coherence.exclusivity(H, 2), [0.75, 0.75, np.nan])
    found = coherence.coherence(np.vstack([X[:3, :], np.zeros(13)]), X, count=4)
    assert found.npmi.shape == (4,)
    assert np.isnan(found.npmi[3])
    assert found.mean_npmi == pytest.approx(np.nanmean(found.npmi[:3]))
    assert found.unit == "documents"


def test_the_mean_uniqueness_of_equally_long_lists_is_the_diversity():
    lists = [np.random.default_rng(k).choice(15, 6, replace=False) for k in range(5)]
    assert coherence.uniqueness(lists).mean() == pytest.approx(coherence.diversity(lists))
