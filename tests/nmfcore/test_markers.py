"""Metagenes that are told what is known: lists and files of genes are read, and the refits follow them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import Axis, ProblemError, solve
from nmfcore.guide import Forbid, Guidance, Pin, Seed
from nmfcore.methods.markers import as_metagenes, follows, gene_sets, leading, pasted, present, steered

RNG = np.random.default_rng(0)
GENES, SAMPLES = Axis("genes", "gene", [f"G{i}" for i in range(60)]), Axis("samples", "sample")


def expression():
    """60 genes in 24 samples: three programmes, the third in four samples only."""
    X = RNG.random((60, 24)) * 0.3
    X[:20, :12] += 2 * RNG.random((20, 12))
    X[20:40, 12:] += 2 * RNG.random((20, 12))
    X[40:46, 20:] += 3 * RNG.random((6, 4))
    return X


X = expression()
BASE = solve(X, 2, seed=0)


def test_a_gmt_file_is_read_and_what_is_none_is_refused():
    text = "B CELL\thttp://x\tCD19\tMS4A1\tCD19\nEMPTYLINE\t\tA\n\nB CELL\tagain\tZ\n"
    assert gene_sets(text) == {"B CELL": ("CD19", "MS4A1"), "EMPTYLINE": ("A",)}
    for wrong in ("", "only a name", "name\tdescription", "\tdescription\tA"):
        with pytest.raises(ProblemError, match="gene set"):
            gene_sets(wrong)


def test_pasted_genes_are_cut_and_found_whatever_their_case():
    assert pasted(" G1, g2;G3\nG1\t G99 ") == ("G1", "g2", "G3", "G99")
    assert present(pasted("G1, g2, G99"), GENES) == ([1, 2], ["G99"])
    assert present(("gene 1",), Axis("genes", "gene")) == ([], ["gene 1"])


def test_of_a_long_list_those_that_vary_most_are_taken():
    chosen = leading(X, range(60))
    assert len(chosen) == 10
    assert set(chosen) == set(np.argsort(-X.std(axis=1))[:10].tolist())


def test_a_metagene_from_markers_follows_them_and_a_pinned_one_keeps_its_bits():
    rows = tuple(range(40, 46))
    model = steered(X, BASE, Guidance((Pin(0), Seed(rows), Forbid((3,)))), GENES, SAMPLES) if BASE.W[3, 0] == 0 else None
    model = model or steered(X, BASE, Guidance((Pin(0), Seed(rows))), GENES, SAMPLES)
    assert all(verdict.obeyed for verdict in model.verdicts)
    fit = as_metagenes(model)
    assert fit.W.shape == (60, 3)
    assert fit.H.shape == (3, 24)
    assert_array_equal(fit.W[:, 0], BASE.W[:, 0])
    assert set(np.argsort(-fit.W[:, 2])[:10]) >= set(rows)
    assert follows(X, rows, fit.H[2]) > 0.8
    assert fit.relative_error < BASE.relative_error


def test_how_far_an_activity_follows_is_the_correlation_with_the_mean_of_standardised_genes():
    rows = [0, 5, 9]
    z = (X[rows] - X[rows].mean(axis=1, keepdims=True)) / X[rows].std(axis=1, keepdims=True)
    assert_allclose(follows(X, rows, X[0]), np.corrcoef(z.mean(axis=0), X[0])[0, 1])
    assert follows(X, rows, np.ones(24)) == 0.0
