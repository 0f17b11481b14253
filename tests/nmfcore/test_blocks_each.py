"""Does every function that takes X work on blocks, or say in a sentence what it needs?"""

import io

import numpy as np
import pytest
import scipy.sparse as sp

import nmfcore
from nmfcore import ProblemError, StopRule
from nmfcore.core import losses
from nmfcore.core.blocks import ArrayBlocks
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.blocks import as_blocks
from nmfcore.evaluate import blocks as whole
from nmfcore.evaluate import coherence, rank, stability, svd
from nmfcore.export import load_run, matrix_digest, save_matrix, save_run, script
from nmfcore.methods import divide, groups, images, recommend
from nmfcore.solvers import together
from nmfcore.topics import clusters, explain, projection, scale, similarity, terms

FEW = StopRule(tol=0, max_iter=20, max_seconds=None)


@pytest.fixture(scope="module")
def X():
    """180 items of three planted topics over 24 words."""
    rng = np.random.default_rng(0)
    own = np.arange(24) % 3 == (np.arange(180) % 3)[:, None]
    return sp.csr_array((rng.poisson(0.1, (180, 24)) + rng.poisson(2, (180, 24)) * own + 0.0).astype(float))


@pytest.fixture(scope="module")
def blocks(X):
    words = Axis("words", "word", [f"word {j}" for j in range(24)])
    return ArrayBlocks(X, edges=[0, 50, 110, 180], axes=Axes(columns=words))


@pytest.fixture(scope="module")
def fit(blocks):
    return nmfcore.solve(blocks, 3, stop=FEW)


# -- what works ------------------------------------------------------------------------------------------------------------
def test_the_floor_lies_under_the_fit(blocks, fit):
    assert whole.svd(blocks, 3, left=False).floor([3])[0] <= fit.relative_error


def test_top_terms_are_ranked_by_relevance_from_totals_of_one_pass(X, blocks, fit):
    totals = whole.column_totals(blocks)
    np.testing.assert_allclose(totals, terms.corpus_totals(X))
    for found in terms.top_terms(fit.H, blocks.axes.columns, count=6, relevance=0.5, totals=totals):
        assert len({int(label.split()[1]) % 3 for label in found.terms}) == 1


@pytest.mark.parametrize("convention", scale.CONVENTIONS)
def test_every_scale_keeps_the_product(fit, convention):
    scaled = scale.apply(fit.W, fit.H, convention)
    np.testing.assert_allclose(scaled.W @ scaled.H, fit.W @ fit.H, rtol=1e-9, atol=1e-12)


def test_new_weights_are_those_of_the_same_rows_in_memory(X, blocks, fit):
    np.testing.assert_allclose(whole.transform(blocks, fit.H), projection.project_rows(X, fit.H), atol=1e-7)


def test_stability_is_measured_on_a_sample(blocks):
    _, part = whole.sample(blocks, 90, seed=1)
    runs = [nmfcore.solve(part, 3, init="random", seed=seed, stop=FEW).factors for seed in range(3)]
    assert stability.stability(runs).topics.min() > 0.9


def test_topics_are_compared_and_grouped_by_their_factors_alone(fit):
    assert similarity.cosine_rows(fit.H, fit.H).diagonal() == pytest.approx(1)
    labels = clusters.assign(fit.W).labels
    planted = np.arange(180) % 3
    assert all(len(set(planted[labels == k])) == 1 for k in set(labels.tolist()) - {-1})


def test_a_run_and_its_script_are_kept_and_the_script_names_the_store(X, fit, tmp_path):
    store = as_blocks(X, tmp_path / "some.blocks", values=1000)
    made = nmfcore.solve(store, 3, stop=FEW)
    save_run(tmp_path / "run.npz", made)
    np.testing.assert_array_equal(load_run(tmp_path / "run.npz")[0].W, made.W)
    assert store.fingerprint in script(made, X=store)


# -- what says what it needs -------------------------------------------------------------------------------------------------
WHOLE = {
    "the SVD with its left vectors": lambda B, W, H: svd.svd(B),
    "the spectrum": lambda B, W, H: svd.spectrum(B),
    "baselines": lambda B, W, H: svd.baselines(B),
    "shuffled data": lambda B, W, H: rank.shuffled(B, np.random.default_rng(0)),
    "coherence": lambda B, W, H: coherence.coherence(H, B),
    "document counts": lambda B, W, H: coherence.document_counts(B, [0, 1]),
    "errors of items": lambda B, W, H: explain.item_errors(B, W, H),
    "rows onto topics": lambda B, W, H: projection.project_rows(B, H),
    "columns onto topics": lambda B, W, H: projection.project_columns(B, W),
    "corpus totals": lambda B, W, H: terms.corpus_totals(B),
    "sizes of topics": lambda B, W, H: terms.sizes(B, W, H),
    "a topic divided": lambda B, W, H: divide.own_part(B, W, H, 0),
    "occurrences": lambda B, W, H: groups.occurrences(B),
    "log odds": lambda B, W, H: groups.log_odds(B, np.arange(3), np.arange(3, 6)),
    "images": lambda B, W, H: images.nmf_model(B, 3),
    "ratings": lambda B, W, H: recommend.as_ratings(B),
    "several starts": lambda B, W, H: together.several(B, 3, [0, 1]),
    "the error in memory": lambda B, W, H: losses.relative_error(B, W, H),
    "a digest": lambda B, W, H: matrix_digest(B),
    "a matrix file": lambda B, W, H: save_matrix(io.BytesIO(), B),
    "a problem in memory": lambda B, W, H: nmfcore.as_problem(B, 3),
    "NumPy": lambda B, W, H: np.asarray(B),
    "a product": lambda B, W, H: B @ H.T,
    "a product from the left": lambda B, W, H: W.T @ B,
}


@pytest.mark.parametrize("what", WHOLE)
def test_what_needs_all_of_x_says_so_and_what_to_do(blocks, fit, what):
    with pytest.raises(ProblemError, match=r"visited block by block, and this needs all of it in memory.*blocks\.sample"):
        WHOLE[what](blocks, fit.W, fit.H)
