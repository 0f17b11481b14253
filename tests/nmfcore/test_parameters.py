"""Are all parameters checked by one table, and does a specification mean what it says?"""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore import Penalty, ProblemError, RunSpec, StopRule, make_solver, prepare, solve
from nmfcore.core.parameters import ABOVE_ZERO, parameters
from nmfcore.core.spec import KEEPS_ZEROS
from nmfcore.solvers import SOLVERS
from nmfcore.solvers.starts import INITS

X = np.random.default_rng(0).random((12, 9)) + 0.1
TABLES = {**SOLVERS, "stop": StopRule, "spec": RunSpec}
EVERY = [(key, each) for key, kind in TABLES.items() for each in parameters(kind).values()]
NAMES = [f"{key}-{each.name}" for key, each in EVERY]


def inside(each):
    """Values that are allowed, the bounds among them."""
    if each.kind is bool:
        return [True, False, np.True_]
    if each.kind is str:
        return list(each.choices) or [each.default or "random"]  # a start of "" is replaced
    low = each.least if each.least is not None else -1e12
    high = each.most if each.most is not None else 1e12
    values = [each.kind(low), each.kind(high), each.default]
    return [*values, *((np.int64(v) if each.kind is int else np.float64(v)) for v in values), *([None] if each.optional else [])]


def outside(each):
    """Values of another kind, and those one step beyond a bound."""
    wrong = [[], {}, "17" if each.kind is not str else 17]
    if not each.optional:
        wrong.append(None)
    if each.kind is bool:
        return [*wrong, 0, 1]
    if each.kind is str:
        return [*wrong, "no such word"] if each.choices else wrong
    wrong += [True, 10**400 if each.kind is float else 2.5, math.nan, math.inf, -math.inf, 1j]
    if each.least is not None:
        wrong.append(each.least - 1 if each.kind is int else math.nextafter(each.least, -math.inf))
    if each.most is not None:
        wrong.append(each.most + 1 if each.kind is int else math.nextafter(each.most, math.inf))
    return wrong


@pytest.mark.parametrize(("key", "each"), EVERY, ids=NAMES)
def test_every_parameter_is_checked_at_its_bounds_and_one_step_beyond(key, each):
    kind = TABLES[key]
    for value in inside(each):
        held = getattr(kind(**{each.name: value}), each.name)
        assert held is None or type(held) is each.kind
        assert held == value
    for value in outside(each):
        with pytest.raises(ProblemError, match=each.name):
            kind(**{each.name: value})


@pytest.mark.parametrize(("key", "each"), [e for e in EVERY if e[0] in SOLVERS])
def test_every_parameter_of_a_solver_says_what_it_means_and_what_is_allowed(key, each):
    assert each.meaning, f"{key}: the docstring says nothing of {each.name}"
    assert each.kind in (bool, str) or each.least is not None, f"{key}: {each.name} declares no bounds"
    if each.kind is str:
        assert each.default in each.choices
    with pytest.raises(ProblemError, match=f"{each.name} of .* must be .*, not"):
        make_solver(key, {each.name: []})


def test_bounds_in_words():
    held = parameters(SOLVERS["hals"])["sweeps"]
    assert held.bounds == "a whole number from 0 to 10,000"
    assert parameters(SOLVERS["gd"])["step_size"].bounds == "a number above 0"
    assert parameters(SOLVERS["gd"])["step_size"].least == ABOVE_ZERO
    assert parameters(StopRule)["max_seconds"].bounds == "a number of at least 0, or None"
    assert parameters(SOLVERS["mu"])["exponent"].bounds == "'mm' or 'heuristic'"


@settings(max_examples=60, deadline=None)
@given(
    rank=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    iterations=st.integers(0, 3),
    weight=st.floats(0, 1e6),
    tol=st.floats(0, 1),
)
def test_numpys_numbers_make_the_same_run(rank, seed, iterations, weight, tol):
    """np.int64 as seed, rank or max_iter broke JSON, key, hash, saved run and script."""
    one = RunSpec(rank=rank, seed=seed, stop=StopRule(tol, iterations), penalty={"l2_W": weight}, solver_options={"sweeps": 1})
    two = RunSpec(
        rank=np.int64(rank),
        seed=np.uint32(seed),
        stop=StopRule(np.float64(tol), np.int16(iterations)),
        penalty={"l2_W": np.float64(weight)},
        solver_options={"sweeps": np.int64(1)},
    )
    assert (one, one.key, hash(one)) == (two, two.key, hash(two))
    assert RunSpec.from_json(two.to_json()) == one == RunSpec.from_dict(json.loads(json.dumps(two.to_dict())))


def test_a_run_with_numpys_numbers_is_the_run_with_pythons():
    stop = StopRule(max_iter=np.int64(4))
    run = solve(X, np.int64(3), seed=np.int64(2), stop=stop, solver="hals", solver_options={"sweeps": np.int32(2)})
    plain = solve(X, 3, seed=2, stop=StopRule(max_iter=4), solver="hals", solver_options={"sweeps": 2})
    assert np.array_equal(run.W, plain.W)
    assert run.spec == plain.spec


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": -1}, "seed must be a whole number from 0 to"),
        ({"seed": 1.5}, "seed must be"),
        ({"stop": {"tol": 1e-3}}, r"StopRule\(tol=1e-6"),
        ({"penalty": {"l2_W": 1.0}}, r"Penalty\(l1_H=0.1\)"),
        ({"penalty": Penalty(l2_W=-1.0)}, "l2_W of the penalty must be a number of at least 0, not -1.0"),
        ({"solver_options": [1]}, "mapping of names to values"),
        ({"solver": 3}, "Unknown solver 3"),
        ({"solver": "hals", "solver_options": {"sweeps": -1}}, "sweeps of HALS"),
        ({"solver": "kl-newton", "loss": "kullback-leibler", "solver_options": {"sweeps": 0}}, "sweeps of Coordinate Newton"),
        ({"loss": 3}, "loss must be text"),
        ({"symmetric": 1}, "symmetric must be true or false"),
    ],
)
def test_what_is_not_allowed_is_refused_in_a_sentence(options, words):
    with pytest.raises(ProblemError, match=words):
        solve(X, 3, **options)


def test_a_missing_rank_is_said():
    with pytest.raises(ProblemError, match="The rank is missing"):
        solve(X)


SPEC = RunSpec(solver="mu", loss="kullback-leibler", rank=5, seed=3, init="random", stop=StopRule(tol=0, max_iter=7))


def test_a_specification_is_obeyed_whole():
    """prepare(spec=...) ran hals, Frobenius, rank 3 while the result said mu, KL, rank 5."""
    told = solve(X, spec=SPEC)
    said = solve(X, 5, solver="mu", loss="kullback-leibler", seed=3, init="random", stop=StopRule(tol=0, max_iter=7))
    assert told.spec == SPEC
    assert np.array_equal(told.W, said.W)
    assert told.W.shape == (12, 5)
    assert told.history[-1].loss == said.history[-1].loss


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"rank": 3}, "rank"),
        ({"solver": "hals"}, "solver"),
        ({"solver": make_solver("mu", {"exponent": "heuristic"})}, "solver_options"),
        ({"solver_options": {"exponent": "heuristic"}}, "solver_options"),
        ({"loss": "frobenius"}, "loss"),
        ({"seed": 0}, "seed"),
        ({"init": "nndsvda"}, "init"),
        ({"W": np.ones((12, 5)), "H": np.ones((5, 9))}, "init"),
        ({"stop": StopRule()}, "stop"),
        ({"penalty": Penalty(l1_W=1.0)}, "penalty"),
        ({"symmetric": True}, "symmetric"),
    ],
)
def test_an_argument_that_contradicts_the_specification_is_refused(options, name):
    with pytest.raises(ProblemError, match=f"The specification says {name} = "):
        prepare(X, spec=SPEC, **options)
    same = {"rank": 5, "solver": "mu", "loss": "kullback-leibler", "seed": 3, "init": "random", "stop": SPEC.stop}
    prepare(X, spec=SPEC, **same)


def test_every_field_of_a_specification_reaches_the_run():
    """The result of a run is repeated by its own specification alone."""
    for options in (
        {"solver": "hals", "penalty": Penalty(0.1, 0.2, 0.3, 0.4)},
        {"solver": "masked-hals", "mask": np.ones((12, 9)), "solver_options": {"sweeps": 2}},
        {"solver": "mu", "loss": "beta=1.5", "init": "nndsvdar"},
    ):
        first = solve(X, 3, seed=5, stop=StopRule(max_iter=6), **options)
        again = solve(X, spec=RunSpec.from_json(first.spec.to_json()), mask=options.get("mask"))
        assert np.array_equal(first.W, again.W), options


@pytest.mark.parametrize("key", SOLVERS)
def test_a_specification_starts_where_the_solver_would(key):
    """RunSpec's default start was nndsvda, while `prepare` chose by solver."""
    kind = SOLVERS[key]
    assert (key in KEEPS_ZEROS) == kind.locks_zeros
    for loss in kind.supports.losses:
        name = "beta=1.5" if loss == "beta=..." else loss
        mask, symmetric = np.ones((9, 9)) if kind.supports.requires_mask else None, kind.supports.requires_symmetric
        data = X[:9] @ X[:9].T if symmetric else X[:9]
        run = prepare(data, 2, solver=key, loss=name, mask=mask, symmetric=symmetric)
        assert RunSpec(solver=key, loss=name).init == run.spec.init
        assert run.spec.init in INITS


def test_the_start_of_a_specification_stays_when_its_solver_changes():
    assert RunSpec().init == "nndsvd"
    assert RunSpec().replace(solver="mu").init == "nndsvd"  # what is written is what is run
    assert nmfcore.RunSpec(solver="mu").init == "nndsvda"
