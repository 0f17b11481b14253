"""Two collections: each topic's partner is the one SciPy's assignment gives, and its words are told apart."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from nmfcore import Axis, ProblemError, solve
from nmfcore.methods.corpora import matched


def test_partners_are_scipys_and_words_are_told_apart():
    rng = np.random.default_rng(0)
    H, G = rng.random((3, 12)), rng.random((4, 12))
    unit = [A / np.linalg.norm(A, axis=1, keepdims=True) for A in (H, G)]
    rows, columns = linear_sum_assignment(unit[0] @ unit[1].T, maximize=True)
    pairs = matched(H, G, Axis("words", "word", [f"w{j}" for j in range(12)]), count=4)
    assert {(p.first, p.second) for p in pairs[:3]} == set(zip(rows.tolist(), columns.tolist(), strict=True))
    assert [p.cosine for p in pairs[:3]] == sorted((p.cosine for p in pairs[:3]), reverse=True)
    assert (pairs[3].first, pairs[3].both, len(pairs[3].other)) == (None, (), 4)
    for p in pairs[:3]:
        first = {f"w{j}" for j in np.argsort(-H[p.first])[:4]}
        second = {f"w{j}" for j in np.argsort(-G[p.second])[:4]}
        assert (set(p.both), set(p.one), set(p.other)) == (first & second, first - second, second - first)
    with pytest.raises(ProblemError, match="12 and 5 columns"):
        matched(H, G[:, :5])


def test_a_topic_that_only_one_collection_has_is_the_least_alike():
    rng = np.random.default_rng(1)
    T = np.kron(np.eye(4), np.linspace(2, 1, 6)[None])
    first = rng.gamma(0.3, 1.0, (80, 3)) @ T[[0, 1, 2]] + 0.01 * rng.random((80, 24))
    second = rng.gamma(0.3, 1.0, (80, 3)) @ T[[0, 1, 3]] + 0.01 * rng.random((80, 24))
    pairs = matched(solve(first, 3, seed=0).H, solve(second, 3, seed=0).H, count=6)
    assert all(p.cosine > 0.99 and len(p.both) == 6 for p in pairs[:2])
    assert pairs[2].cosine < 0.1
    assert not pairs[2].both
