"""Is the nearest allowed row found, and does HALS keep what it was told?"""

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize

from nmfcore.core.checks import ProblemError, as_problem
from nmfcore.core.factorization import Factors, Penalty
from nmfcore.core.keeping import RowRules, Rules
from nmfcore.core.losses import gradients, kkt_residual, loss
from nmfcore.core.rules import Avoid, Cone, First, Fixed, Pull, Zero, cosine, direction
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.solvers import SOLVERS
from nmfcore.solvers.hals import HALS
from nmfcore.solvers.loop import Run
from nmfcore.solvers.mu import MultiplicativeUpdates

RNG = np.random.default_rng(0)
CASES = [(RNG.normal(size=n) + 0.3, np.maximum(RNG.normal(size=n), 0) + 0.05) for n in (3, 4, 5, 7, 9, 12) for _ in range(3)]


def half(h, q):
    return 0.5 * float((h - q) @ (h - q))


def slsqp(q, constraints, starts):
    """The least distance that SciPy's sequential quadratic programming finds under those constraints."""
    found = []
    for start in starts:
        done = minimize(
            half, start, args=(q,), jac=lambda h, q: h - q, bounds=[(0, None)] * len(q), constraints=constraints, method="SLSQP",
            options={"maxiter": 1000, "ftol": 1e-16},
        )  # fmt: skip
        if all(np.min(c["fun"](done.x)) >= -1e-10 for c in constraints):
            found.append(done.fun)
    return min(found)


@pytest.mark.parametrize("c", [0.5, 0.7, 0.9, 0.99])
def test_the_projection_onto_a_cone_is_the_nearest_row(c):
    for q, t in CASES:
        h = Cone(t, c).row(q)
        unit = direction(t)
        assert cosine(h, t) >= c - 1e-12 or not h.any()
        constraint = {"type": "ineq", "fun": lambda h, unit=unit: h @ unit - c * np.linalg.norm(h)}
        best = slsqp(q, [constraint], [np.maximum(q, 0) + 0.01, unit + 0.01, h + 1e-3])
        assert half(h, q) <= best * (1 + 1e-9) + 1e-12


def test_a_cone_without_width_is_its_axis():
    for q, t in CASES:
        assert_allclose(Cone(t, 1.0).row(q), max(0.0, q @ direction(t)) * direction(t), atol=1e-15)


@pytest.mark.parametrize(("words", "count"), [(1, 1), (1, 2), (2, 3)])
def test_the_first_words_are_the_nearest_such_row(words, count):
    for q, _ in CASES[:9]:
        asked = np.arange(words)
        h = First(asked, count, margin=0.0).row(q)
        others = [j for j in range(len(q)) if j >= words]
        best = np.inf
        for top in combinations(others, min(count - words, len(others))):
            pairs = [(s, j) for s in asked for j in others if j not in top]
            above = {"type": "ineq", "fun": lambda h, pairs=pairs: np.array([h[s] - h[j] for s, j in pairs] or [0.0])}
            best = min(best, slsqp(q, [above], [np.full(len(q), 0.5), h]))
        assert half(h, q) <= best * (1 + 1e-9) + 1e-12
        assert First(asked, count, margin=0.0).holds(h)


def test_the_row_that_keeps_away_is_the_nearest_one():
    compared = 0
    for q, t in CASES:
        if q[:2].min() < 0.1:
            continue
        t = t.copy()
        t[:2] = 0  # something of the row lies outside the target: else there may be no nearest row of this form
        h, unit = Avoid(t, 0.4).row(q), direction(t)
        constraint = {"type": "ineq", "fun": lambda h, unit=unit: 0.4 * np.linalg.norm(h) - h @ unit}
        best = slsqp(q, [constraint], [np.maximum(q, 0) + 0.01, h + 1e-3, np.eye(len(q))[0] + 0.01])
        assert cosine(h, t) <= 0.4 + 1e-12
        assert half(h, q) <= best * (1 + 1e-9) + 1e-12
        compared += 1
    assert compared >= 3


@pytest.mark.parametrize("strength", [0.3, 1.0, 3.0])
def test_a_pulled_row_minimises_row_and_length_together(strength):
    for q, t in CASES:
        unit = direction(t)
        h = Pull(t, strength).row(q)

        def both(x, q=q, unit=unit):
            gap, away = x[:-1] - q, x[:-1] - x[-1] * unit
            value = 0.5 * gap @ gap + 0.5 * strength * away @ away
            return value, np.append(gap + strength * away, -strength * away @ unit)

        start = np.append(np.maximum(q, 0), 0)
        found = minimize(
            both, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start), options={"ftol": 1e-18, "gtol": 1e-13}
        )
        assert both(np.append(h, h @ unit))[0] <= found.fun * (1 + 1e-9)


def test_several_rules_hold_together_and_an_old_row_that_is_nearer_stays():
    rules = RowRules([Cone(np.array([3.0, 2, 1, 0, 0, 1]), 0.8), First(np.array([2]), 1), Zero(np.array([5]))])
    h = rules.row(np.array([1.0, 0.2, 0.1, 0.9, -1, 2]), np.zeros(6))
    assert h[5] == 0
    assert h.argmax() == 2
    assert cosine(h, [3, 2, 1, 0, 0, 0]) >= 0.8 - 1e-8
    old = h * 1.0001
    assert_array_equal(rules.row(old, old), old)


def test_a_pull_has_no_rule_beside_it_but_zeros():
    with pytest.raises(ValueError, match="pulled"):
        RowRules([Pull(np.ones(3), 1.0), Cone(np.ones(3), 0.5)])


# -- in the solver -------------------------------------------------------------------------------------------------------------
def data(dtype=np.float64, sparse=False, m=60, n=40):
    rng = np.random.default_rng(5)
    X = (rng.random((m, 4)) * (rng.random((m, 4)) < 0.4)) @ rng.random((4, n)) + 0.3 * rng.random((m, n))
    X = np.where(rng.random((m, n)) < 0.4, X, 0).astype(dtype)
    return sp.csr_array(X) if sparse else X


def start(m=60, n=40, r=4):
    rng = np.random.default_rng(6)
    return Factors(rng.random((m, r)) + 0.1, rng.random((r, n)) + 0.1)


def fitted(X, rules, iterations=60, solver=None, kkt_every=None, **options):
    problem = as_problem(X, 4, **options)
    solver = solver or HALS()
    spec = RunSpec(
        solver=solver.key, rank=4, init="given", loss=problem.loss, stop=StopRule(tol=0.0, max_iter=iterations, max_seconds=None)
    )
    run = Run(problem.under(rules, 4), solver, start(*X.shape), spec, kkt_every=kkt_every)
    for _ in run:
        pass
    return run.result(), run.problem


T = np.random.default_rng(7).random(40)
RULES = {
    "zero": Rules(H={0: (Zero(np.array([1, 5, 7])),)}, W={2: (Zero(np.arange(20)),)}),
    "fixed": Rules(H={1: (Fixed(),)}, W={3: (Fixed(),)}),
    "cone": Rules(H={0: (Cone(T, 0.95),), 2: (Cone(T[::-1], 0.8), Cone(T, 0.8))}),
    "first": Rules(H={0: (First(np.array([3, 4]), 5),)}),
    "avoid": Rules(H={k: (Avoid(T, 0.8),) for k in range(4)}),
    "pull": Rules(H={0: (Pull(T, 1.0),), 1: (Pull(T[::-1], 3.0), Zero(np.array([0])))}),
    "all": Rules(
        H={0: (Cone(T, 0.9), First(np.array([3]), 3)), 1: (Fixed(),), 2: (Zero(np.array([3])), Cone(T, 0.7), Avoid(T, 0.8))}
    ),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("dtype", "sparse"), [(np.float64, False), (np.float64, True), (np.float32, True)])
def test_the_loss_never_rises_under_rules_and_they_hold(name, dtype, sparse):
    X, rules = data(dtype, sparse), RULES[name]
    fit, problem = fitted(X, rules)
    losses = fit.history.column("loss")
    slack = 1e-12 if dtype == np.float64 else 1e-7
    assert np.all(np.diff(losses) <= slack * losses[0])
    assert losses[-1] < losses[0]
    assert_allclose(losses[-1], loss(problem, fit.factors), rtol=1e-5 if dtype == np.float32 else 1e-9)
    for k, rule in rules.rows.items():
        for each in rule.turns:
            if isinstance(each, Cone):
                assert cosine(fit.H[k], each.target) >= each.cosine - 1e-6
            elif isinstance(each, Avoid):
                assert cosine(fit.H[k], each.target) <= each.cosine + 1e-6
            elif isinstance(each, First):
                assert each.holds(fit.H[k])
        assert not fit.H[k][rule.zeros].any()
    for k, rule in rules.columns.items():
        assert not fit.W[rule.zeros, k].any()
    begun = start()
    for k in (k for k, rule in rules.rows.items() if rule.fixed):
        assert_array_equal(fit.H[k], begun.H[k].astype(dtype))
    for k in (k for k, rule in rules.columns.items() if rule.fixed):
        assert_array_equal(fit.W[:, k], begun.W[:, k].astype(dtype))


def test_fixed_rows_keep_their_bits_where_float32_works_in_between():
    X = data(m=300, n=200)
    assert as_problem(X, 4).working.dtype == np.float32
    fit, _ = fitted(X, Rules(H={1: (Fixed(),)}, W={0: (Fixed(),)}), 10)
    assert_array_equal(fit.H[1], start(300, 200).H[1])
    assert_array_equal(fit.W[:, 0], start(300, 200).W[:, 0])


def test_the_kkt_residual_under_pulls_and_zeros_goes_to_zero():
    rules = Rules(H={0: (Pull(T, 1.0),), 1: (Zero(np.array([1, 2])),)}, W={2: (Zero(np.arange(10)),)})
    fit, problem = fitted(data(), rules, 3000, kkt_every=100)
    assert fit.history[-1].kkt <= 1e-7
    assert_allclose(kkt_residual(problem, fit.factors), 0, atol=1e-6)


def test_the_gradient_under_pulls_is_that_of_the_loss():
    rules = Rules(H={0: (Pull(T, 2.0),)})
    problem, at = as_problem(data(), 4).under(rules, 4), start()
    step = 1e-6
    for A, place in ((at.W, (3, 0)), (at.H, (0, 5))):
        moved = A.copy()
        moved[place] += step
        up = Factors(moved, at.H) if A is at.W else Factors(at.W, moved)
        moved = moved.copy()
        moved[place] -= 2 * step
        down = Factors(moved, at.H) if A is at.W else Factors(at.W, moved)
        numeric = (loss(problem, up) - loss(problem, down)) / (2 * step)
        grad_W, grad_H = gradients(problem, at)
        assert_allclose((grad_W if A is at.W else grad_H)[place], numeric, rtol=1e-5)


def test_a_word_forbidden_in_every_topic_is_as_good_as_deleted():
    X, gone = data(), np.array([4, 9])
    fit, _ = fitted(X, Rules(H={k: (Zero(gone),) for k in range(4)}), 40, HALS(extrapolate=False))
    begun, kept = start(), np.delete(np.arange(40), gone)
    problem = as_problem(X[:, kept], 4).under(Rules(H={0: (Zero(np.zeros(0, int)),)}), 4)  # an empty rule: the same loops
    stop = StopRule(tol=0.0, max_iter=40)
    run = Run(problem, HALS(extrapolate=False), Factors(begun.W, begun.H[:, kept]), RunSpec(rank=4, stop=stop))
    for _ in run:
        pass
    assert_allclose(fit.W, run.result().W, rtol=1e-10, atol=1e-10)
    assert_allclose(fit.H[:, kept], run.result().H, rtol=1e-10, atol=1e-10)


def test_l2_weights_and_a_pull_are_both_in_the_loss():
    fit, _ = fitted(data(), Rules(H={0: (Pull(T, 1.0),)}), 1500, penalty=Penalty(l2_H=2.0, l1_W=0.1), kkt_every=100)
    assert np.all(np.diff(fit.history.column("loss")) <= 1e-12 * fit.history[0].loss)
    assert fit.history[-1].kkt <= 1e-6


@pytest.mark.parametrize("sparse", [False, True])
def test_kullback_leibler_keeps_zeros_fixed_rows_and_pulls_and_never_rises(sparse):
    rules = Rules(H={0: (Pull(T, 1.0),), 1: (Zero(np.array([1, 2])),), 2: (Fixed(),)})
    fit, _ = fitted(data(sparse=sparse), rules, 80, MultiplicativeUpdates(), loss="kullback-leibler")
    losses = fit.history.column("loss")
    assert np.all(np.diff(losses) <= 1e-12 * losses[0])
    assert not fit.H[1][[1, 2]].any()
    assert_array_equal(fit.H[2], start().H[2])
    free, _ = fitted(data(sparse=sparse), None, 80, MultiplicativeUpdates(), loss="kullback-leibler")
    pull = Pull(T, 1.0)
    assert pull.divergence(fit.H[0]) < pull.divergence(free.H[0])


def test_a_pull_has_no_scale():
    X, begun = data(), start()
    rules = Rules(H={0: (Pull(T, 1.0),)})
    for name, solver in (
        ("frobenius", HALS()),
        ("kullback-leibler", MultiplicativeUpdates()),
    ):
        rows = []
        for a, c in ((1.0, 1.0), (1e-6, 1.0), (1e6, 1.0), (1.0, 37.0)):
            by = np.array([c, 1, 1, 1])
            problem = as_problem(a * X, 4, loss=name).under(rules, 4)
            spec = RunSpec(
                solver=solver.key, rank=4, loss=name, init="given", stop=StopRule(tol=0.0, max_iter=30, max_seconds=None)
            )
            run = Run(problem, solver, Factors(np.sqrt(a) * begun.W * by, np.sqrt(a) * begun.H / by[:, None]), spec)
            for _ in run:
                pass
            rows.append(run.result().H)
        for other in rows[1:]:
            assert min(cosine(p, q) for p, q in zip(rows[0], other, strict=True)) >= 1 - 1e-5


@pytest.mark.parametrize("key", [key for key, kind in SOLVERS.items() if not kind.supports.rules])
def test_other_solvers_refuse_rules_in_a_sentence(key):
    problem = as_problem(data(), 4).under(RULES["zero"], 4)
    assert SOLVERS[key]().refusal(problem) is not None
    problem = as_problem(
        data(), 4, loss=SOLVERS[key].supports.losses[0], mask=np.ones((60, 40)) if SOLVERS[key].supports.requires_mask else None
    )
    if not SOLVERS[key].supports.requires_symmetric:
        assert "wishes" in SOLVERS[key]().refusal(problem.under(RULES["zero"], 4))


def test_multiplicative_updates_say_which_wishes_they_cannot_keep():
    mu = MultiplicativeUpdates()
    with pytest.raises(ProblemError, match="under the loss 'kullback-leibler' only"):
        fitted(data(), RULES["zero"], 5, mu)
    with pytest.raises(ProblemError, match="hold no topic near a direction"):
        fitted(data(), RULES["cone"], 5, mu, loss="kullback-leibler")
    with pytest.raises(ProblemError, match="beside L1 or L2"):
        fitted(data(), RULES["zero"], 5, mu, loss="kullback-leibler", penalty=Penalty(l1_H=0.1))
