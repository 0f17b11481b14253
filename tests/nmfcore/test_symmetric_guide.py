"""Topics that are columns of S in C ~ S S^T follow wishes: exact steps under rules, seeds, forbidden keywords, pins."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize

from nmfcore import guide, solve
from nmfcore.core.checks import ProblemError, as_problem
from nmfcore.core.factorization import Axes, Axis, Factors
from nmfcore.core.guidance import Add, Forbid, Guidance, Lift, Pin, Seed, Split
from nmfcore.core.keeping import RowRules, Rules
from nmfcore.core.rules import Cone, First, Fixed, Zero, cosine
from nmfcore.core.spec import StopRule
from nmfcore.kernels.ruled import descend_under
from nmfcore.methods.symmetric_topics import cooccurrence, fit_topics
from nmfcore.solvers import make_solver
from nmfcore.topics.terms import best

N, RANK = 40, 4
NAMES = [f"word {j}" for j in range(N)]
STOP = StopRule(tol=1e-7, max_iter=500)


def keywords():
    """Items with the keywords of one or two of four groups, and some noise."""
    rng = np.random.default_rng(5)
    groups = np.arange(N) // 10
    items = [rng.uniform(size=N) < np.where(np.isin(groups, rng.choice(4, 2)), 0.4, 0.03) for _ in range(300)]
    X = np.array(items, float)
    return X[X.any(axis=1)]


TABLE = cooccurrence(keywords(), axes=Axes(Axis("items", "item"), Axis("keywords", "keyword", NAMES)))
BASE = fit_topics(TABLE, RANK, seed=0, stop=STOP)
AXES = Axes(TABLE.axes.columns, TABLE.axes.columns)


def told(*edits, base=BASE):
    model = guide.first(base)
    for edit in edits:
        model = guide.steer(TABLE.C, model, edit, axes=AXES)
    return model


# -- one column ---------------------------------------------------------------------------------------------------------
def block(seed, n=7):
    """A similarity, and S whose first column is to be set: C (n, n), F (2, n)."""
    rng = np.random.default_rng(seed)
    A = rng.uniform(size=(12, n))
    return A.T @ A / 12, rng.uniform(size=(2, n))


def value(C, other, s):
    return 0.5 * np.linalg.norm(C - np.outer(other, other) - np.outer(s, s)) ** 2


T = np.array([3.0, 2, 1, 0, 0, 0.5, 0])
COLUMN = {
    "zeros": ([Zero(np.array([0, 3]))], [(0.0, None) if j not in (0, 3) else (0.0, 0.0) for j in range(7)], []),
    "cone": ([Cone(T, 0.9)], None, [lambda s: s @ T / np.linalg.norm(T) - 0.9 * np.sqrt(s @ s + 1e-30)]),
    "first": ([First(np.array([6]), 1)], None, [lambda s: s[6] - (1 + 1e-5) * s[:6]]),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", COLUMN)
def test_a_column_under_a_rule_ends_where_a_general_solver_ends(name, seed):
    rules, bounds, conditions = COLUMN[name]
    C, F = block(seed)
    keeps = RowRules(rules)
    F[0] = keeps.allowed(F[0])
    start, other = F[0].copy(), F[1].copy()
    descend_under(C, F, {0: keeps, 1: RowRules([Fixed()])}, passes=2000)
    assert keeps.holds(F[0])
    assert_array_equal(F[1], other)
    ours = value(C, other, F[0])
    assert ours <= value(C, other, start)
    constraints = [{"type": "ineq", "fun": condition} for condition in conditions]
    method = "SLSQP" if constraints else "L-BFGS-B"
    limits = bounds or [(0.0, None)] * 7
    for at in (start, F[0]):  # from where we began, and from where we ended: there is nothing better near it
        options = {"maxiter": 300, "ftol": 1e-15}
        found = minimize(lambda s: value(C, other, s), at, method=method, bounds=limits, constraints=constraints, options=options)
        assert ours <= found.fun * (1 + 1e-5)  # the margin of `First`, by which it may stand above the others


def test_without_rules_the_steps_end_where_coordinate_descent_ends():
    F = BASE.H.copy()
    for _ in range(50):
        descend_under(TABLE.C, F, {})
    assert_allclose(F, BASE.H, atol=2e-3 * BASE.H.max())


RULES = Rules({
    0: (Cone(np.arange(N, dtype=float), 0.9), First(np.array([30, 31]), 10)),
    1: (Zero(np.arange(10, 20)),),
    2: (Fixed(),),
    3: (Cone(np.ones(N), 0.95),),
}).mirrored  # fmt: skip


def test_the_loss_never_rises_under_rules_and_they_hold():
    problem = as_problem(TABLE.C, RANK, symmetric=True).under(RULES, RANK)
    S, _ = RULES.allowed(*(F.copy() for F in (BASE.W, BASE.H)))
    factors, solver = Factors(S, S.T.copy()), make_solver("symmetric-cd", {})
    pinned, losses = S[:, 2].copy(), []
    memory = solver.start(problem, factors, np.random.default_rng(0))
    for _ in range(40):
        factors, memory = solver.step(problem, factors, memory)
        losses.append(np.linalg.norm(TABLE.C - factors.W @ factors.H))
        assert all(rule.holds(factors.H[k]) for k, rule in RULES.rows.items())
    assert np.diff(losses).max() <= 1e-12 * losses[0]
    assert_array_equal(factors.W[:, 2], pinned)
    assert_array_equal(factors.W, factors.H.T)


# -- wishes -------------------------------------------------------------------------------------------------------------
WISHES = {
    "a topic about keywords": [Seed(("word 3", "word 14"))],
    "keywords in a topic": [Seed((25,), 0)],
    "never a keyword": [Forbid((int(best(BASE.H[0], 1)[0]),))],
    "not in that topic": [Forbid((int(best(BASE.H[1], 1)[0]),), 1)],
    "pinned, then seeded": [Pin(2), Seed((8, 33, 12))],
}


@pytest.mark.parametrize("name", WISHES)
def test_the_wish_is_kept_and_the_others_stay(name):
    edits = WISHES[name]
    before, model = told(*edits[:-1]), told(*edits)
    assert all(verdict.obeyed for verdict in model.verdicts), [v.sentence for v in model.verdicts]
    assert_array_equal(model.result.W, model.result.H.T)
    done = guide.effects(TABLE.C, model, before, axes=AXES)
    assert max(done.moved.values(), default=0.0) <= 0.0501
    assert -1e-3 <= done.cost < 0.2
    if edits[0] == Pin(2):
        assert_array_equal(model.result.W[:, 2], BASE.W[:, 2])


def test_a_seed_speaks_of_keywords_that_come_together():
    sentence = told(Seed(("word 3", "word 14"))).verdicts[-1].sentence
    assert "2 of 2 keywords among the first ten" in sentence
    assert "leading keywords come together with one of them" in sentence
    split = np.diag(np.ones(6)) + np.kron(np.eye(3), np.ones((2, 2)))
    alone = solve(split, 2, symmetric=True, solver="symmetric-cd", init="random", stop=STOP)
    said = guide.steer(split, alone, Seed((0, 2))).verdicts[-1].sentence
    assert said.endswith("They never come together.")


def test_a_forbidden_keyword_is_in_no_topic_until_the_wish_is_lifted():
    word = int(best(BASE.H[0], 1)[0])
    model = told(Forbid((word,)), Seed((3, 14)))
    assert not model.result.W[word].any()
    assert told(Forbid((word,)), Lift(0)).wishes == ()
    with pytest.raises(ProblemError, match="is forbidden everywhere"):
        told(Forbid((word,)), Seed((word,)))


def test_solve_equals_the_chain_of_refits_bit_for_bit():
    edits = (Forbid((30,)), Pin(1), Seed((3, 14)))
    options = {"symmetric": True, "solver": "symmetric-cd", "init": "random", "stop": STOP}
    whole = solve(TABLE.C, RANK, guidance=Guidance(edits), axes=AXES, **options)
    assert_array_equal(whole.W, told(*edits).result.W)
    assert whole.spec.guidance.edits == edits


@pytest.mark.parametrize("edit", [Split(0), Add()])
def test_what_needs_items_is_refused_in_a_sentence(edit):
    with pytest.raises(ProblemError, match=f"Topics of keywords alone cannot keep the wish '{edit.do}'. They can: seed, forbid"):
        told(edit)


def test_the_seeded_topic_is_near_its_keywords():
    model = told(Seed((3, 14), how="exactly"))
    profile = (TABLE.C[:, [3, 14]] / np.linalg.norm(TABLE.C[:, [3, 14]], axis=0)).sum(axis=1)
    profile[[3, 14]] = profile.max()
    assert cosine(model.result.H[-1], profile) > 1 - 1e-9
