"""Would the contract notice a wrong solver? Each class here breaks one promise, and a named check has to catch it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from nmfcore.contract import CHECKS
from nmfcore.core.factorization import Factors
from nmfcore.solvers.protocol import Solver, Supports


@dataclass(frozen=True)
class Memory:
    loss: float | None = None
    steps: int = 0


@dataclass(frozen=True)
class Right(Solver):
    """Lee & Seung's updates, correct, with seams at which the wrong ones differ."""

    key = "right"
    title = "Right"
    reference = "Lee & Seung 2001"

    def start(self, problem, factors, rng) -> Any:
        return Memory()

    def product(self, problem, H):
        return problem.X @ H.T

    def ratio(self, above, below):
        return np.where(below > 0, above / np.where(below > 0, below, 1), 0).astype(above.dtype)

    def step(self, problem, factors, memory):
        W, H = factors.W, factors.H
        W = W * self.ratio(self.product(problem, H), W @ (H @ H.T))
        H = H * self.ratio((problem.Xt @ W).T, W.T @ W @ H)
        return Factors(W, H), Memory(None, memory.steps + 1)


class Negative(Right):
    def step(self, problem, factors, memory):
        H = np.linalg.lstsq(factors.W, problem.X if not problem.sparse else problem.X.toarray(), rcond=None)[0]
        return Factors(factors.W, H.astype(problem.dtype)), memory


class NotFinite(Right):
    def ratio(self, above, below):
        return above / below  # 0/0 where a factor is zero


class WritesIntoTheData(Right):
    def step(self, problem, factors, memory):
        if not problem.sparse:
            problem.X[0, 0] += 1
        return super().step(problem, factors, memory)


class ForgetsThePenalty(Right):
    supports = Supports(penalty=True)


class SpoilsTheData(Right):
    def step(self, problem, factors, memory):
        values = problem.X.data if problem.sparse else problem.X
        values *= values.dtype.type(1.01)
        return super().step(problem, factors, memory)


class WritesIntoItsInput(Right):
    def step(self, problem, factors, memory):
        new, memory = super().step(problem, factors, memory)
        factors.W[:] = new.W
        return Factors(factors.W, new.H), memory


class FollowsTheFirst(Right):
    def steps(self, problem, factors, memories):
        return [self.step(problem, factors[0], memories[0]) for _ in factors]


class GlobalRandom(Right):
    def step(self, problem, factors, memory):
        np.random.random()  # noqa: NPY002
        return super().step(problem, factors, memory)


class Unseeded(Right):
    def step(self, problem, factors, memory):
        new, memory = super().step(problem, factors, memory)
        return Factors(new.W * (1 + 1e-6 * np.random.default_rng().random(new.W.shape)), new.H), memory


class Overshoots(Right):
    def ratio(self, above, below):
        return super().ratio(above, below) ** 3


class FlattersItself(Right):
    def step(self, problem, factors, memory):
        new, memory = super().step(problem, factors, memory)
        X = problem.X.toarray() if problem.sparse else problem.X
        return new, Memory(0.4 * float(np.sum((X - new.W @ new.H) ** 2)))


class BelowTheFloor(Right):
    def step(self, problem, factors, memory):
        new, memory = super().step(problem, factors, memory)
        return new, Memory(1e-5 * problem.squared_norm)


class ReturnsTheStaleLoss(Right):
    def step(self, problem, factors, memory):
        X = problem.X.toarray() if problem.sparse else problem.X
        old = 0.5 * float(np.sum((X - factors.W @ factors.H) ** 2))
        return super().step(problem, factors, memory)[0], Memory(old)


class AbsoluteEpsilon(Right):
    def ratio(self, above, below):
        return above / (below + 1e-9)


class CountsRows(Right):
    def product(self, problem, H):
        return super().product(problem, H) * (1 + 0.01 * np.arange(problem.shape[0]))[:, None].astype(H.dtype)


class TakesStoredForObserved(Right):
    def ratio(self, above, below):
        return super().ratio(above, below)

    def step(self, problem, factors, memory):
        if not problem.sparse:
            return super().step(problem, factors, memory)
        X, W, H = problem.X.toarray(), factors.W, factors.H
        W = W * self.ratio(X @ H.T, ((W @ H) * (X > 0)) @ H.T)
        H = H * self.ratio(W.T @ X, W.T @ ((W @ H) * (X > 0)))
        return Factors(W, H), memory


class Widens(Right):
    def step(self, problem, factors, memory):
        new, memory = super().step(problem, Factors(factors.W.astype(float), factors.H.astype(float)), memory)
        return new, memory


class ForgetsHalf(Right):
    def step(self, problem, factors, memory):
        new, memory = super().step(problem, factors, memory)
        return Factors(new.W, factors.H), memory


class NormalisesOneSide(Right):
    def step(self, problem, factors, memory):
        new, memory = super().step(problem, factors, memory)
        return Factors(new.W / new.W.sum(axis=0), new.H), memory


class FloorsAtALevel(Right):
    def step(self, problem, factors, memory):
        new, memory = super().step(problem, factors, memory)
        return Factors(np.maximum(new.W, 0.5), new.H), memory


class IgnoresTheMask(Right):
    supports = Supports(mask=True)


class ReadsUnderTheMask(Right):
    """Remembers the data it was first given; as_problem drops what is hidden, so this one is fed by the mask's own shape."""

    supports = Supports(mask=True)

    def step(self, problem, factors, memory):
        mask = 1 if problem.mask is None else problem.mask.toarray() if problem.sparse else problem.mask
        X, W, H = problem.X.toarray() if problem.sparse else problem.X, factors.W, factors.H
        W = W * self.ratio(X @ H.T, (mask * (W @ H)) @ H.T)
        H = H * self.ratio(W.T @ X, W.T @ (W @ H))  # forgot the mask in one denominator
        return Factors(W, H), memory


class TooSlow(Right):
    def ratio(self, above, below):
        return super().ratio(above, below) ** 0.001


class SwapsAComponent(Right):
    def step(self, problem, factors, memory):
        new, memory = super().step(problem, factors, memory)
        return Factors(new.W[:, ::-1].copy(), new.H), memory


class NeedsASquare(Right):
    def step(self, problem, factors, memory):
        if problem.shape[0] == 1:
            raise IndexError("no second row")
        return super().step(problem, factors, memory)


WRONG = {
    Negative: "nonnegative_and_finite",
    NotFinite: "zeros_in_the_start_are_safe",
    WritesIntoTheData: "inputs_untouched",
    WritesIntoItsInput: "factors_handed_out_stay",
    FollowsTheFirst: "same_beside_others",
    GlobalRandom: "same_seed_same_result",
    Unseeded: "same_seed_same_result",
    Overshoots: "monotone",
    FlattersItself: "reported_loss",
    ReturnsTheStaleLoss: "reported_loss",
    BelowTheFloor: "svd_floor",
    ForgetsThePenalty: "penalties_hold",
    SpoilsTheData: "what_is_shown_as_final_is_exact",
    AbsoluteEpsilon: "units_do_not_matter",
    CountsRows: "order_does_not_matter",
    TakesStoredForObserved: "sparse_equals_dense",
    Widens: "float32_agrees",
    ForgetsHalf: "planted_factors_are_found",
    NormalisesOneSide: "exact_is_fixed_point",
    FloorsAtALevel: "zero_rows_and_columns",
    IgnoresTheMask: "masked_entries_do_not_matter",
    ReadsUnderTheMask: "masked_entries_do_not_matter",
    TooSlow: "rank_one",
    SwapsAComponent: "transposition_mirrors",
    NeedsASquare: "shapes_and_special_matrices",
}


@pytest.mark.parametrize(("kind", "promise"), WRONG.items(), ids=lambda v: getattr(v, "__name__", v))
def test_a_wrong_solver_is_caught(kind, promise):
    with pytest.raises((AssertionError, ValueError, IndexError)):
        CHECKS[promise](kind())


@pytest.mark.parametrize("promise", CHECKS)
def test_the_right_one_that_they_vary_is_not(promise):
    CHECKS[promise](Right())


def test_every_check_catches_some_wrong_solver():
    assert set(WRONG.values()) == set(CHECKS)
