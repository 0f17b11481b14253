"""Multiplicative updates (Lee & Seung 2001): the loss never rises, factors never become negative, zeros stay zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.factorization import Factors, Problem
from nmfcore.losses import gram_form, inner
from nmfcore.solvers.protocol import Solver, Supports


@dataclass(frozen=True)
class Memory:
    loss: float


@dataclass(frozen=True)
class MultiplicativeUpdates(Solver):
    """W <- W * (X H^T) / (W H H^T), then H <- H * (W^T X) / (W^T W H), elementwise.

    Source: Lee & Seung 2001, Algorithms for non-negative matrix factorization, eq. 4.
    """

    key = "mu"
    title = "Multiplicative updates"
    reference = "Lee & Seung 2001, eq. 4"
    supports = Supports(losses=("frobenius",))
    monotone = True
    locks_zeros = True

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        return Memory(float("nan"))

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        W, H = factors.W, factors.H
        W = W * ratio(problem.X @ H.T, W @ (H @ H.T))
        WtX = (problem.Xt @ W).T  # (r, n): the one expensive product, used for the update and for the loss
        WtW = W.T @ W
        H = H * ratio(WtX, WtW @ H)
        square = gram_form(problem.squared_norm, inner(WtX, H), WtW, H @ H.T)
        return Factors(W, H), Memory(0.5 * square)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator, and 0 where the denominator is 0: there the factor or its partner is 0 already."""
    tiny = np.finfo(denominator.dtype).tiny
    return np.where(denominator > tiny, numerator / np.maximum(denominator, tiny), denominator.dtype.type(0))
