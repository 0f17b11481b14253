"""Multiplicative updates: each entry is multiplied by a ratio, so nothing becomes negative and zeros stay zero.

With Y = WH, powers and products elementwise, and M the mask (1 everywhere without one):

    W <- W * ( (M X Y^(beta-2)) H^T / (M Y^(beta-1)) H^T )^gamma,   then
    H <- H * ( W^T (M X Y^(beta-2)) / W^T (M Y^(beta-1)) )^gamma

beta 2: Frobenius (Y^0 = 1), 1: Kullback-Leibler, 0: Itakura-Saito. gamma(beta) makes the loss never rise (Fevotte & Idier 2011,
eq. 4.5): 1/(2 - beta) below 1, 1 from 1 to 2, 1/(beta - 1) above 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Factors, Penalty, Problem, beta_of
from nmfcore.core.keeping import Rules
from nmfcore.core.losses import at_stored, blocks, gram_form, inner, loss, penalty, power
from nmfcore.core.products import times
from nmfcore.core.rules import Fixed, Pull, Zero
from nmfcore.solvers.protocol import Solver, Supports, parameter

NEWTON_STEPS = 8  # from within a factor of two to the last digit
ANY_LOSS = ("frobenius", "kullback-leibler", "itakura-saito", "beta=...")


@dataclass(frozen=True)
class Memory:
    loss: float | None


@dataclass(frozen=True)
class MultiplicativeUpdates(Solver):
    """W <- W * (X H^T) / (W H H^T), then H <- H * (W^T X) / (W^T W H), elementwise; other losses as in the module's docstring.

    L1 and L2 weights are added to the denominators: + l1 + l2 W. For beta < 2 that could raise the loss; there the minimum of the
    majorizer is taken with l2 W^2 / 2 in it as it stands (see `penalised_ratio`), which cannot.

    Under `Problem.rules` (Kullback-Leibler only): zeros and fixed rows as they stand, and a row that is pulled to t with strength
    lambda becomes, at the sum s that it has, proportional to h_k (W^T (X / Y)) + lambda s |w_k|_1 t, while the denominator of
    its column of W grows by lambda s KL(t | h_k): the exact minimum of the majorizer with the price in it, so that the loss never
    rises.

    exponent : "mm", the exponent gamma(beta) under which the loss provably never rises; "heuristic", 1, which is faster below
        beta = 1 and falls in practice

    Source: Lee & Seung 2001, eq. 4; any beta: Fevotte & Idier 2011, eq. 4.1-4.5 and table 2.
    """

    key: ClassVar[str] = "mu"
    title: ClassVar[str] = "Multiplicative updates"
    reference: ClassVar[str] = "Lee & Seung 2001, eq. 4; Févotte & Idier 2011"
    supports: ClassVar[Supports] = Supports(losses=ANY_LOSS, penalty=True, rules=True)
    monotone: ClassVar[bool] = True
    locks_zeros: ClassVar[bool] = True

    exponent: str = parameter("mm", choices=("mm", "heuristic"))

    def refusal(self, problem: Problem) -> str | None:
        """As for every solver; of wishes, multiplicative updates keep some, and under one loss."""
        if not problem.rules:
            return super().refusal(problem)
        if beta_of(problem.loss) != 1:
            return f"{self.title} keep wishes about topics under the loss 'kullback-leibler' only, not under '{problem.loss}'."
        if problem.penalty:
            return f"{self.title} cannot keep wishes about topics beside L1 or L2 weights."
        if problem.rules.kinds - {Zero, Fixed, Pull}:
            return (
                f"{self.title} can forbid words, pin topics and pull them towards words, but hold no topic near a direction "
                "(split, merge, delete, group, and other topics that shall stay)."
            )
        return super().refusal(problem)

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        if beta_of(problem.loss) <= 1 and not np.isfinite(loss(problem, factors)):
            raise ProblemError(
                f"The start makes WH zero where X is not: there the loss '{problem.loss}' is infinite, and {self.title} "
                "can never change a zero. Start from nndsvda or random instead."
            )
        return Memory(None)

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        W, H, p = factors.W, factors.H, problem.penalty or Penalty()
        if problem.rules:
            return _under_rules(problem, problem.rules, W, H), Memory(None)
        beta = beta_of(problem.loss)
        gamma = majorizing_exponent(beta) if self.exponent == "mm" else 1.0
        if beta == 2 and problem.mask is None:
            W = W * ratio(times(problem.X, H.T), W @ (H @ H.T) + (p.l1_W + p.l2_W * W))
            WtX = times(problem.Xt, W).T  # (r, n): the one expensive product, used for the update and for the loss
            WtW = W.T @ W
            H = H * ratio(WtX, WtW @ H + (p.l1_H + p.l2_H * H))
            square = gram_form(problem.squared_norm, inner(WtX, H), W, H, WtW)
            new = Factors(W, H)
            return new, Memory(0.5 * square + penalty(problem, new))
        above, below = terms_W(problem, W, H, beta)
        W = W * penalised_ratio(above, below + W.dtype.type(p.l1_W), p.l2_W, W, beta, gamma)
        above, below = terms_H(problem, W, H, beta)
        H = H * penalised_ratio(above, below + H.dtype.type(p.l1_H), p.l2_H, H, beta, gamma)
        return Factors(W, H), Memory(None)


def _under_rules(problem: Problem, rules: Rules, W: np.ndarray, H: np.ndarray) -> Factors:
    """One Kullback-Leibler step under zeros, fixed rows and pulls."""
    above, below = terms_W(problem, W, H, 1.0)
    price = [p.strength * float(H[k].sum(dtype=np.float64)) * p.divergence(H[k]) for k, p in rules.pulls.items()]
    below = below.copy()
    below[:, list(rules.pulls)] += np.array(price, W.dtype)
    new_W = W * ratio(above, below)
    for k, column in rules.columns.items():
        new_W[:, k] = W[:, k] if column.fixed else new_W[:, k]
        new_W[column.zeros, k] = 0
    above, below = terms_H(problem, new_W, H, 1.0)
    new_H = H * ratio(above, below)
    for k, pull in rules.pulls.items():
        total = float(H[k].sum(dtype=np.float64))
        wanted = H[k] * above[k] + pull.strength * total * float(new_W[:, k].sum(dtype=np.float64)) * pull.shares
        if wanted.any():
            new_H[k] = wanted * (total / wanted.sum())
    for k, row in rules.rows.items():
        new_H[k] = H[k] if row.fixed else new_H[k]
        new_H[k][row.zeros] = 0
    return Factors(new_W, new_H)


def majorizing_exponent(beta: float) -> float:
    """gamma(beta), Fevotte & Idier 2011, eq. 4.5."""
    if beta < 1:
        return 1.0 / (2.0 - beta)
    return 1.0 if beta <= 2 else 1.0 / (beta - 1.0)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator, and 0 where the denominator is 0: there the factor or its partner is 0 already."""
    tiny = np.finfo(numerator.dtype).tiny
    return np.where(denominator > tiny, numerator / np.maximum(denominator, tiny), 0).astype(numerator.dtype, copy=False)


def penalised_ratio(above: np.ndarray, below: np.ndarray, l2: float, F: np.ndarray, beta: float, gamma: float) -> np.ndarray:
    """What F is multiplied by: (above / (below + l2 F))^gamma for beta >= 2 or l2 = 0, else q with below q^a + l2 F q^b = above.

    a = max(1, 2 - beta), b = 3 - beta: there the majorizer that gives the ratio for l2 = 0 has its minimum with l2 (q F)^2 / 2 in
    it. In u = q^a the equation is convex and rising; Newton's method from above, begun within a factor of two, needs a few steps.
    """
    if not l2 or beta >= 2:
        return ratio(above, below + F.dtype.type(l2) * F) ** F.dtype.type(gamma)
    a, b = max(1.0, 2.0 - beta), 3.0 - beta
    kind, power = F.dtype, F.dtype.type(b / a)
    above, weight = above.astype(np.float64), l2 * F.astype(np.float64)
    below = np.broadcast_to(below, F.shape).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        u = np.fmin(above / below, (above / weight) ** (a / b))  # fmin: where one of the two weights is 0, it bounds nothing
        for _ in range(NEWTON_STEPS):
            bent = weight * u**power
            u -= (below * u + bent - above) / (below + power * bent / u)
            u = np.where(u > 0, u, 0)
        return np.where(above > 0, np.nan_to_num(u, nan=0.0, posinf=0.0), 0).astype(kind) ** kind.type(1 / a)


def terms_W(problem: Problem, W: np.ndarray, H: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator of W's ratio, (m, r) each; the denominator is (1, r) for unmasked Kullback-Leibler.

    W : (m, r);  H : (r, n)
    """
    if problem.sparse and (problem.mask is not None or beta == 1):
        above, below = _stored(problem, W, H, beta)
        return above @ H.T, H.sum(axis=1)[None, :] if below is None else below @ H.T
    above, below = np.empty_like(W), np.empty_like(W)
    for rows, pulls, pushes in _pulls_and_pushes(problem, W, H, beta):
        above[rows], below[rows] = pulls @ H.T, pushes @ H.T
    return above, below


def terms_H(problem: Problem, W: np.ndarray, H: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator of H's ratio, (r, n) each; the denominator is (r, 1) for unmasked Kullback-Leibler.

    W : (m, r);  H : (r, n)
    """
    if problem.sparse and (problem.mask is not None or beta == 1):
        above, below = _stored(problem, W, H, beta)
        return (above.T @ W).T, W.sum(axis=0)[:, None] if below is None else (below.T @ W).T
    above, below = np.zeros_like(H), np.zeros_like(H)
    for rows, pulls, pushes in _pulls_and_pushes(problem, W, H, beta):
        above += W[rows].T @ pulls
        below += W[rows].T @ pushes
    return above, below


def _stored(problem: Problem, W: np.ndarray, H: np.ndarray, beta: float) -> tuple[sp.csr_array, sp.csr_array | None]:
    """X Y^(beta-2) and, with a mask, Y^(beta-1) as CSR arrays: only stored values are looked at."""
    X = problem.X
    y = at_stored(X, W, H)

    def shaped(values: np.ndarray) -> sp.csr_array:
        return sp.csr_array((values, X.indices, X.indptr), shape=X.shape)

    return shaped(X.data * power(y, beta - 2)), None if problem.mask is None else shaped(power(y, beta - 1))


def _pulls_and_pushes(problem: Problem, W: np.ndarray, H: np.ndarray, beta: float) -> Iterator[tuple[slice, Any, Any]]:
    """Rows, M X Y^(beta-2) and M Y^(beta-1) in blocks of rows; a bounded number of cells exists at one time."""
    for rows, x, y in blocks(problem.X, W, H):
        pulls, pushes = x * power(y, beta - 2), power(y, beta - 1)
        if problem.mask is not None:
            pushes = pushes * problem.mask[rows]  # X is 0 wherever the mask is
        yield rows, pulls, pushes
