"""What the expression bench claims: gene scores by the paper's formula, groups on a stated scale, misplaced samples by name."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import entropy, median_abs_deviation

from nmfcore import Axis, ProblemError
from nmfcore.methods.expression import agreement, defining_genes, explore_ranks, gene_scores, moved_by_scale, sample_groups


def test_a_gene_of_one_metagene_scores_1_and_an_even_one_0():
    assert_allclose(gene_scores(np.array([[5.0, 0, 0], [2, 2, 2], [1, 1, 0]])), [1, 0, 1 - np.log2(2) / np.log2(3)], atol=1e-12)


def test_gene_scores_equal_one_minus_scipys_normalised_entropy():
    W = np.random.default_rng(0).random((50, 4))
    assert_allclose(gene_scores(W), 1 - entropy(W, axis=1) / np.log(4))


def test_a_silent_gene_scores_0_and_is_never_chosen():
    W = np.random.default_rng(1).random((40, 3))
    W[7] = 0
    assert gene_scores(W)[7] == 0
    assert 7 not in np.concatenate(defining_genes(W).of)


def test_a_single_metagene_has_no_score():
    with pytest.raises(ProblemError, match="nothing to compare"):
        gene_scores(np.ones((3, 1)))


def test_defining_genes_follow_both_rules_of_kim_and_park():
    rng = np.random.default_rng(2)
    W = rng.uniform(0.9, 1.1, (200, 3))
    W[:10] = [[9.0, 0.1, 0.1]] * 10
    W[10:14] = [[0.01, 0.0, 0.0]] * 4  # specific, but faint
    found = defining_genes(W)
    scores = 1 - entropy(W, axis=1) / np.log(3)
    expected = (scores > np.median(scores) + 3 * median_abs_deviation(scores)) & (W.max(axis=1) > np.median(W))
    assert_array_equal(np.sort(np.concatenate(found.of)), np.flatnonzero(expected))
    assert set(range(10)) <= set(found.of[0])
    assert not set(range(10, 14)) & set(np.concatenate(found.of))
    assert np.all(np.diff(found.scores[found.of[0]]) <= 0)


def test_groups_do_not_depend_on_the_scale_of_the_run_unless_raw_is_asked_for():
    rng = np.random.default_rng(3)
    W, H = rng.random((30, 3)), rng.random((3, 12))
    D = np.array([1e-3, 1.0, 1e3])
    assert_array_equal(sample_groups(W * D, H / D[:, None]), sample_groups(W, H))
    assert_array_equal(sample_groups(W * D, H / D[:, None], convention="as fitted"), 0)


def test_moved_samples_are_those_whose_raw_argmax_differs():
    W, H = np.array([[1.0, 10.0]]), np.array([[2.0, 1.0, 11.0], [1.0, 1.0, 1.0]])
    # unit metagenes multiply the rows of H by 1 and 10
    assert sample_groups(W, H).tolist() == [1, 1, 0]
    assert moved_by_scale(W, H).tolist() == [0, 1]


def test_a_silent_sample_has_no_group():
    assert sample_groups(np.ones((2, 2)), np.array([[1.0, 0.0], [2.0, 0.0]])).tolist() == [1, -1]


def test_misplaced_samples_are_named():
    axis = Axis("samples", "sample", ["ALL_1", "ALL_2", "ALL_3", "AML_1", "AML_2"])
    found = agreement(np.array([1, 1, 0, 0, 0]), ["ALL", "ALL", "ALL", "AML", "AML"], 2, axis=axis)
    assert found.classes == ("ALL", "AML")
    assert found.stands_for == ("AML", "ALL")
    assert [m.label for m in found.misplaced] == ["ALL_3"]
    assert found.misplaced[0].stands_for == "AML"
    assert_allclose(found.purity, 0.8)
    assert_array_equal(found.table, [[1, 2], [2, 0]])


def test_a_sample_without_a_group_is_misplaced_and_an_empty_group_stands_for_nothing():
    found = agreement(np.array([0, -1]), ["a", "a"], 2)
    assert found.stands_for == ("a", "")
    assert [(m.sample, m.group) for m in found.misplaced] == [(1, -1)]


def test_as_many_classes_as_samples_are_needed():
    with pytest.raises(ProblemError, match="2 samples but 1"):
        agreement(np.array([0, 1]), ["a"], 2)


def test_planted_classes_give_clean_blocks_at_their_rank_and_not_above():
    rng = np.random.default_rng(0)
    known = ["a"] * 6 + ["b"] * 5 + ["c"] * 4
    level = np.kron(np.eye(3), np.ones((20, 1)))[:, [0] * 6 + [1] * 5 + [2] * 4]
    X = 5 * level + rng.random((60, 15))
    told = []
    reports = {r.rank: r for r in explore_ranks(X, (2, 3, 4), runs=6, known=known, report=lambda text, share: told.append(share))}
    assert reports[3].consensus.cophenetic > 0.999
    assert_allclose(reports[3].consensus.dispersion, 1.0)
    assert reports[3].agreement.misplaced == ()
    assert reports[4].consensus.dispersion < 1
    assert len(reports[2].errors) == 6
    assert min(reports[3].errors) < min(reports[2].errors)
    assert_array_equal(reports[3].groups, sample_groups(reports[3].best.W, reports[3].best.H))
    assert told == sorted(told)
    assert len(told) >= 6  # before the runs of each rank and after them


def test_raw_argmax_makes_a_stable_solution_look_unstable():
    # the same optimum from every start, but H on each run's own scale: the seed's leukemia finding in small
    rng = np.random.default_rng(1)
    X = rng.random((40, 2)) @ rng.random((2, 30)) + 0.02 * rng.random((40, 30))
    (report,) = explore_ranks(X, (2,), runs=12)
    assert np.ptp(report.errors) < 1e-3
    assert report.raw.dispersion < report.consensus.dispersion
