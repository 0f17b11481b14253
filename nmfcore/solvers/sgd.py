"""Stochastic gradient: how far does one get by looking at a few rows of X at a time?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.core.factorization import Factors, Problem
from nmfcore.core.losses import inner
from nmfcore.core.wanted import ask
from nmfcore.solvers.gd import curvature_of
from nmfcore.solvers.protocol import ABOVE_ZERO, Solver, Supports, parameter


@dataclass(frozen=True)
class Memory:
    seed: int
    epoch: int


@dataclass(frozen=True)
class StochasticGradient(Solver):
    """For each batch B of rows, in random order: W_B <- max(0, W_B - a (W_B H - X_B) H^T), then
    H <- max(0, H - a W_B^T (W_B H - X_B)).

    The step a is step_size / (1 + decay t) in the t-th pass, in units of 1/L: L = ||H H^T||_2 for W_B; for H the larger of the
    batch's ||W_B^T W_B||_2 and its share of ||W^T W||_2, so that a batch with little in it does not take a giant step.
    One iteration is one pass over all rows. The first rescales the start by sqrt(<X, WH> / ||WH||^2).

    batch : rows at a time
    step_size : of the first pass; 1 is the largest that cannot raise the batch's own loss
    decay : 0 keeps the step, larger values shrink it sooner

    Source: Robbins & Monro 1951 (decaying steps); projected as in Lin 2007, eq. 9. Without the projection, entries become
    negative and the loss can fall below the optimum: that is no NMF.
    """

    key = "sgd"
    title = "Stochastic gradient (mini-batches of rows)"
    reference = "Robbins & Monro 1951; Lin 2007, eq. 9"
    supports = Supports(losses=("frobenius",))
    monotone = False
    ordered = True

    batch: int = parameter(256, least=1, unit="rows")
    step_size: float = parameter(1.0, least=ABOVE_ZERO)
    decay: float = parameter(0.05, least=0.0)

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        return Memory(int(rng.integers(2**32)), 0)

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        if memory.epoch == 0:
            factors = fitted_scale(problem, factors)
        W, H = factors.W.copy(), factors.H
        order = np.random.default_rng([memory.seed, memory.epoch]).permutation(len(W))
        step = self.step_size / (1.0 + self.decay * memory.epoch)
        whole = curvature_of(W.T @ W)
        for begin in range(0, len(W), self.batch):
            ask()
            rows = np.sort(order[begin : begin + self.batch])
            X = problem.X[rows]
            HHt = H @ H.T
            part = W[rows]
            part = np.maximum(part - _length(step, curvature_of(HHt), W) * (part @ HHt - X @ H.T), 0)
            WtW = part.T @ part
            steepest = max(curvature_of(WtW), whole * len(rows) / len(W))
            H = np.maximum(H - _length(step, steepest, W) * (WtW @ H - (X.T @ part).T), 0)
            W[rows] = part
        return Factors(W, H), Memory(memory.seed, memory.epoch + 1)


def _length(step: float, curvature: float, like: np.ndarray) -> np.floating:
    return like.dtype.type(step / curvature if curvature > 0 else 0)


def fitted_scale(problem: Problem, factors: Factors) -> Factors:
    """Both factors times sqrt(<X, WH> / ||WH||^2): the best multiple of WH."""
    W, H = factors.W, factors.H
    square = inner(W.T @ W, H @ H.T)
    cross = inner(problem.X @ H.T, W)
    return factors.scaled(np.sqrt(cross / square)) if square > 0 and cross > 0 else factors
