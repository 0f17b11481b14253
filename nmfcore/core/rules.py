"""Which rows of H (and columns of W) are allowed, and which allowed one is nearest to a wanted one?

A person's wish about a topic is a rule on one row of H or one column of W. With G = W^T W, P = W^T X and
q = (p_k - sum_{j != k} G_kj h_j) / G_kk the block problem of row k is 1/2 G_kk ||h - q||^2: the same in all directions, so HALS
under a rule sets the row to the Euclidean projection of q onto what the rule allows. The rule then holds exactly, whatever the
scale of X or of the factors, and the loss stays the plain loss.

Notation: q (n,) the wanted row, not clipped; h >= 0 the row it becomes; v+ = max(0, v); t >= 0 a direction of length 1.
Columns of W are treated alike.

Sources: seed words as rules, Vendrow, Haddock, Rebrova & Needell 2020; zeros in W for labelled documents, MacMillan & Wilson
2017; the penalty, Choo, Lee, Reddy & Park 2013; block descent under convex rules, Tseng 2001.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

SLACK = 1e-9  # by so much a cosine may fall short and still count as kept: rounding of float64 sums
MARGIN = 1e-5  # relative: words asked to be among the first stand so far above the others, which survives float32


def direction(row: np.ndarray) -> np.ndarray:
    """The row (n,) at length 1, in float64; zeros stay zeros."""
    row = np.asarray(row, np.float64)
    length = float(np.linalg.norm(row))
    return row / length if length > 0 else row


def support(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a target (n,) at length 1 is positive, and its values there."""
    t = direction(target)
    at = np.flatnonzero(t > 0)
    return at, t[at]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The cosine of two rows (n,), 0 where one of them is zero."""
    return float(direction(a) @ direction(b))


# -- the rules ------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Zero:
    """h_j = 0 for every j of `where` (indices)."""

    where: np.ndarray

    def row(self, q: np.ndarray, old: np.ndarray | None = None, weight: float = 1.0) -> np.ndarray:
        """The nearest allowed row to q (n,): q+, with the zeros."""
        h = np.maximum(q, 0)
        h[self.where] = 0
        return h

    def holds(self, h: np.ndarray) -> bool:
        return not h[self.where].any()


@dataclass(frozen=True, eq=False)
class Fixed:
    """h stays what it is, to the last bit; its partner stays free and takes the scale."""

    def row(self, q: np.ndarray, old: np.ndarray | None = None, weight: float = 1.0) -> np.ndarray:
        """The old row; q where there is none yet."""
        return np.maximum(q, 0) if old is None else old

    def holds(self, h: np.ndarray) -> bool:
        return True


@dataclass(frozen=True, eq=False)
class Cone:
    """<h, t> >= c ||h||: the row points where `target` does, up to the angle whose cosine is c. Convex.

    target : (n,) >= 0, of any length;  cosine : c, above 0 and up to 1
    """

    target: np.ndarray
    cosine: float

    @cached_property
    def _support(self) -> tuple[np.ndarray, np.ndarray]:
        return support(self.target)

    def row(self, q: np.ndarray, old: np.ndarray | None = None, weight: float = 1.0) -> np.ndarray:
        """The nearest allowed row to q (n,).

        q+ where that is inside; else h = v (||v|| - eta c)+ / ||v|| with v = (q + eta t)+ and the eta > 0 at which
        cos(v, t) = c: the Karush-Kuhn-Tucker conditions. For c = 1: <q, t>+ t.
        """
        at, t = self._support
        if self.cosine >= 1:
            h = np.zeros_like(q)
            h[at] = max(0.0, float(q[at] @ t)) * t
            return h
        h = np.maximum(q, 0)
        inside, wanted = h[at], q[at]
        h[at] = 0
        outside = float(h @ h)  # ||v||^2 where t is 0: eta changes nothing there
        h[at] = inside
        along, length = float(inside @ t), float(np.sqrt(outside + inside @ inside))
        if along >= self.cosine * length:
            return h

        def gap(eta: float) -> float:
            v = np.maximum(wanted + eta * t, 0)
            return float(v @ t) - self.cosine * float(np.sqrt(outside + v @ v))

        high = length
        while gap(high) < 0 and high < np.inf:
            high *= 2
        if not len(t) or not np.isfinite(high):
            return np.zeros_like(q)
        eta = float(brentq(gap, 0.0, high, xtol=np.finfo(float).tiny, rtol=4 * np.finfo(float).eps))
        h[at] = np.maximum(wanted + eta * t, 0)
        size = float(np.linalg.norm(h))
        return h * max(0.0, size - eta * self.cosine) / size

    def holds(self, h: np.ndarray) -> bool:
        at, t = self._support
        return float(h[at] @ t) >= (self.cosine - SLACK) * float(np.linalg.norm(h))


@dataclass(frozen=True, eq=False)
class First:
    """All of `words` (indices) are among the `count` largest entries. Not convex.

    margin : relative; how far above the others they have to stand
    """

    words: np.ndarray
    count: int = 10
    margin: float = MARGIN

    def row(self, q: np.ndarray, old: np.ndarray | None = None, weight: float = 1.0) -> np.ndarray:
        """The nearest allowed row to q (n,).

        The count - |words| largest others stay; the rest becomes min(q, u), the words max(q, u (1 + margin)), where
        sum over words (u - q)+ = sum over the rest (q - u)+.
        """
        h = np.maximum(q, 0)
        others = np.ones(len(q), bool)
        others[self.words] = False
        free = max(0, self.count - len(self.words))
        rest = np.flatnonzero(others)
        if free >= len(rest):
            return h
        if free:
            top = np.argpartition(-q[rest], free - 1)[:free]
            rest = np.delete(rest, top)
        low, high = float(q[self.words].min()), float(q[rest].max())
        if low >= high * (1 + self.margin) or high <= 0:
            return h
        u = max(0.0, _level(q[self.words], q[rest][q[rest] > low]))
        h[rest] = np.minimum(h[rest], u)
        h[self.words] = np.maximum(h[self.words], u * (1 + self.margin))
        return h

    def holds(self, h: np.ndarray) -> bool:
        low = float(h[self.words].min())
        larger = int(np.count_nonzero(h > low))  # words among them too, of which there are fewer than all
        return larger < self.count


def _level(up: np.ndarray, down: np.ndarray) -> float:
    """u with sum (u - up)+ = sum (down - u)+; both sides are piecewise linear in u, so its piece is found among the entries."""
    at = np.concatenate([up, down])
    order = np.argsort(at, kind="stable")
    at = at[order]
    raised = order < len(up)
    below, below_sum = np.cumsum(raised), np.cumsum(np.where(raised, at, 0.0))
    above = len(down) - np.cumsum(~raised)
    above_sum = float(down.sum()) - np.cumsum(np.where(raised, 0.0, at))
    gap = below * at - below_sum - (above_sum - above * at)  # rising; below 0 at the smallest of `up` unless all is met
    piece = max(0, int(np.searchsorted(gap, 0.0)) - 1)
    return float((below_sum[piece] + above_sum[piece]) / (below[piece] + above[piece]))


@dataclass(frozen=True, eq=False)
class Avoid:
    """<h, t> <= c ||h||: the row does not come nearer to `target` than the angle whose cosine is c. Not convex."""

    target: np.ndarray
    cosine: float

    @cached_property
    def _support(self) -> tuple[np.ndarray, np.ndarray]:
        return support(self.target)

    def row(self, q: np.ndarray, old: np.ndarray | None = None, weight: float = 1.0) -> np.ndarray:
        """The nearest allowed row to q (n,): q+ where that is allowed, else <q, v>+ v / ||v||^2 with v = (q - eta t)+ at the
        eta at which cos(v, t) = c; zero where there is none."""
        at, t = self._support
        h = np.maximum(q, 0)
        inside, wanted = h[at], q[at]
        h[at] = 0
        outside = float(h @ h)
        h[at] = inside
        if not len(t) or float(inside @ t) <= self.cosine * float(np.sqrt(outside + inside @ inside)):
            return h

        def excess(eta: float) -> float:
            v = np.maximum(wanted - eta * t, 0)
            length = float(np.sqrt(outside + v @ v))
            return (float(v @ t) / length if length > 0 else 0.0) - self.cosine

        high = (1 - 1e-12) * float((wanted / t).max())  # from there on nothing of the target is left
        if excess(high) > 0:
            return np.zeros_like(q)
        eta = float(brentq(excess, 0.0, high, xtol=np.finfo(float).tiny, rtol=4 * np.finfo(float).eps))
        h[at] = np.maximum(wanted - eta * t, 0)
        square = float(h @ h)
        return h * (max(0.0, float(np.maximum(q, 0) @ h)) / square) if square > 0 else h

    def holds(self, h: np.ndarray) -> bool:
        at, t = self._support
        return float(h[at] @ t) <= (self.cosine + SLACK) * float(np.linalg.norm(h))


@dataclass(frozen=True, eq=False)
class Pull:
    """No rule but a price: the energy of the topic outside `target` counts lambda times in the loss.

    Frobenius: 1/2 lambda ||w||^2 ||h - d t||^2, d free. Kullback-Leibler: lambda ||w||_1 ||h||_1 KL(t | h), both at sum 1.
    Neither changes with (w / c, c h), and both grow with X as the loss does: lambda has no unit.

    target : (n,) >= 0, of any length;  strength : lambda > 0

    Source: Choo, Lee, Reddy & Park 2013, with the scale of h taken out.
    """

    target: np.ndarray
    strength: float

    @cached_property
    def _direction(self) -> np.ndarray:
        return direction(self.target)

    @cached_property
    def shares(self) -> np.ndarray:
        """The target at sum 1."""
        target = np.asarray(self.target, np.float64)
        return target / target.sum()

    def row(self, q: np.ndarray, old: np.ndarray | None = None, weight: float = 1.0) -> np.ndarray:
        """The minimum over h >= 0 and d of ||h - q||^2 + lambda ||h - d t||^2: h = (q + lambda d t)+ / (1 + lambda), d = <h, t>.

        The equation for d is piecewise linear and convex, so Newton from below ends after a few exact steps.
        weight : lambda is multiplied by this (G_kk over G_kk and the L2 weight)
        """
        t, strength = self._direction, self.strength * weight
        at = np.flatnonzero(t > 0)
        wanted, along = q[at], t[at]
        d, size = 0.0, -1
        while True:
            live = wanted + strength * d * along > 0
            if int(live.sum()) == size:  # the live entries only grow: the same number is the same set
                break
            size = int(live.sum())
            d = max(0.0, float(wanted[live] @ along[live]) / (1 + strength * (1 - float(along[live] @ along[live]))))
        return np.maximum(q + strength * d * t, 0) / (1 + strength)

    def holds(self, h: np.ndarray) -> bool:
        return True

    def outside(self, h: np.ndarray) -> float:
        """rho = ||h - <h, t> t||^2, the energy of h (n,) outside the target."""
        h = np.asarray(h, np.float64)
        rest = h - float(h @ self._direction) * self._direction
        return float(rest @ rest)

    def divergence(self, h: np.ndarray) -> float:
        """KL(t | h), both at sum 1; infinite where h is 0 and t is not."""
        total = float(np.sum(h, dtype=np.float64))
        t = self.shares
        at = t > 0
        if total <= 0 or np.any(h[at] <= 0):
            return float("inf")
        return float(np.sum(t[at] * np.log(t[at] * total / np.asarray(h, np.float64)[at])))

    def slope(self, h: np.ndarray) -> np.ndarray:
        """The gradient of 1/2 rho at h (n,): h - <h, t> t."""
        return np.asarray(h, np.float64) - float(h @ self._direction) * self._direction


Rule = Zero | Fixed | Cone | First | Avoid | Pull
