"""Are the topics as they are shown made in one place, for pages and files alike, and is what follows from them bounded?"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from dashboard import topics_shown
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitted import MOST_DERIVED, Derived
from dashboard.work.fitting import FIRST, finished, start
from dashboard.work.loading import load
from nmfcore.evaluate.svd import svd
from nmfcore.topics.scale import CONVENTIONS

CARDS = Path(topics_shown.__file__).parents[1] / "cards"


@pytest.fixture
def run():
    spec = FIRST.replace(rank=5)
    data = load(spec)
    under_way = start(spec, data)
    for _ in under_way:
        pass
    return finished(under_way, data, svd(data.X, 6))


def test_merging_adds_parts_and_leaves_their_product_alone(run):
    edits = Edits().merge([1, 3])
    for scale in CONVENTIONS:
        whole = topics_shown.of(run, scale=scale)
        shown = topics_shown.of(run, edits, scale)
        assert [topic.members for topic in shown.topics] == [(0,), (1, 3), (2,), (4,)]
        assert (whole.W.shape[1], shown.W.shape[1]) == (5, 4)
        pair = run.factorization.W[:, [1, 3]].sum(axis=1)
        assert np.corrcoef(shown.W[:, 1], pair)[0, 1] > 0  # one column stands for both
        np.testing.assert_allclose(sum(t.share for t in shown.topics), sum(t.share for t in whole.topics))
        others = [0, 2, 4]
        np.testing.assert_allclose(
            shown.W[:, [0, 2, 3]] @ shown.H[[0, 2, 3]], whole.W[:, others] @ whole.H[others], rtol=1e-5, atol=1e-7
        )


def test_a_name_and_a_hidden_word_are_seen_in_every_list(run):
    first = topics_shown.of(run).top(3, 1.0)[0].indices[0]
    shown = topics_shown.of(run, Edits().rename((0,), "crime").hide([int(first)]))
    assert shown.names[0] == shown.components[0] == "crime"
    assert first not in shown.top(30, 1.0)[0].indices
    assert first in shown.unhidden().top(3, 1.0)[0].indices
    assert first in shown.as_fitted().top(3, 1.0)[0].indices
    assert shown.as_fitted().names[0] == "crime"
    assert shown.apart() is shown


def test_components_apart_keep_hidden_words_hidden(run):
    hidden = int(topics_shown.of(run).top(3, 1.0)[1].indices[0])
    shown = topics_shown.of(run, Edits().merge([0, 1]).hide([hidden]))
    assert len(shown.apart().topics) == 5
    assert hidden not in shown.apart().top(30, 1.0)[1].indices


def test_what_is_not_edited_is_shared_and_what_is_edited_is_not(run):
    mine, yours = Derived(), Derived()
    asked = []

    def compute():
        asked.append(1)
        return object()

    a, b = topics_shown.of(run, kept=mine), topics_shown.of(run, kept=yours)
    assert a.facts("x", compute) is b.facts("x", compute)
    edits = Edits().merge([0, 1])
    c, d = topics_shown.of(run, edits, kept=mine), topics_shown.of(run, edits, kept=yours)
    assert c.facts("x", compute) is not d.facts("x", compute)
    assert c.facts("x", compute) is topics_shown.of(run, edits, kept=mine).facts("x", compute)
    assert len(asked) == 3


def test_of_merged_factors_only_the_latest_are_kept(run):
    kept = Derived()
    first = topics_shown.of(run, Edits().merge([0, 1]), kept=kept)
    assert topics_shown.of(run, Edits().merge([0, 1]), kept=kept).W is first.W
    topics_shown.of(run, Edits().merge([0, 2]), kept=kept)
    assert topics_shown.of(run, Edits().merge([0, 1]), kept=kept).W is not first.W


def test_a_run_keeps_what_was_asked_for_last_and_no_more(run):
    """A run is shared by all sessions that show it, and sliders have many positions: 1,000 of them once stayed for good."""
    shown = topics_shown.of(run)
    for position in range(3 * MOST_DERIVED):
        shown.facts(("card", position), lambda: "x")
        shown.facts("always", lambda: "y")
    assert len(run.derived) == MOST_DERIVED
    again = []
    shown.facts("always", lambda: again.append(1))
    shown.facts(("card", 0), lambda: again.append(2))
    assert again == [2]


@pytest.mark.parametrize("name", ["topic_cards.py"])
def test_a_card_is_handed_its_topic_and_asks_no_session(name):
    names = {node.id for node in ast.walk(ast.parse((CARDS / name).read_text(encoding="utf-8"))) if isinstance(node, ast.Name)}
    assert "session" not in names
