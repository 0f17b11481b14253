"""How are several rules kept together: on one row, and on all rows of a factorization? The rules themselves are in rules.py.

Notation as there: q (n,) the wanted row, h >= 0 the row it becomes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nmfcore.core.rules import Avoid, Cone, First, Fixed, Pull, Rule, Zero, direction

ROUNDS = 200  # of turns through several rules on one row; two convex ones were met in the first in all of 13,000 updates


class RowRules:
    """All rules on one row, in force together.

    Zeros come first and are taken out of every direction; then the cones, the last one first, so that the first one, the oldest
    wish, holds exactly; then First, then Avoid. Where more than one rule is at work the result may miss the nearest allowed row;
    the old row, which is allowed, is kept when it is nearer, so that the loss cannot rise.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self.fixed = any(isinstance(rule, Fixed) for rule in rules)
        zeros = [np.asarray(rule.where, np.intp) for rule in rules if isinstance(rule, Zero)]
        self.zeros = np.unique(np.concatenate(zeros)) if zeros else np.zeros(0, np.intp)
        cones: list[Rule] = [Cone(self._free(r.target), r.cosine) for r in rules if isinstance(r, Cone)]
        firsts: list[Rule] = [r for r in rules if isinstance(r, First)]
        avoids: list[Rule] = [Avoid(self._free(r.target), r.cosine) for r in rules if isinstance(r, Avoid)]
        pulls = [Pull(self._free(r.target), r.strength) for r in rules if isinstance(r, Pull)]
        if len(pulls) > 1 or (pulls and (cones or firsts or avoids)):
            raise ValueError("A row that is pulled can have zeros beside it, and no other rule.")
        self.pull = pulls[0] if pulls else None
        self.turns = (*pulls, *reversed(cones), *firsts, *avoids)
        self.exact = not self.turns or (len(self.turns) == 1 and isinstance(self.turns[0], (Cone, Pull)))

    def _free(self, target: np.ndarray) -> np.ndarray:
        """The target without the zeros of this row."""
        if not len(self.zeros):
            return target
        target = np.array(target, np.float64)
        target[self.zeros] = 0
        return target

    @property
    def simple(self) -> bool:
        """Whether there are only zeros, pulls and fixed rows: then the conditions of a minimum can be read off the gradient."""
        return not self.turns or self.pull is not None

    def row(self, q: np.ndarray, old: np.ndarray, weight: float = 1.0) -> np.ndarray:
        """The row that q (n,) becomes, of q's dtype.

        old : (n,) a row that the rules allow;  weight : see `Pull.row`
        """
        if self.fixed:
            return old
        wanted = np.array(q, np.float64)
        wanted[self.zeros] = 0
        h = wanted
        for rule in self.turns:
            h = rule.row(h, None, weight)
        if self.exact:
            return np.maximum(h, 0).astype(q.dtype)
        settled = self._settled(h)
        if settled is None or _further(settled, old, q):
            return old
        return settled.astype(q.dtype)

    def _settled(self, h: np.ndarray) -> np.ndarray | None:
        """Turns through the rules until all hold; None when they do not meet."""
        for _ in range(ROUNDS):
            if all(rule.holds(h) for rule in self.turns):
                return h
            for rule in self.turns:
                h = rule.row(h)
        return None

    def holds(self, h: np.ndarray) -> bool:
        """Whether the rules allow this row."""
        return not h[self.zeros].any() and all(rule.holds(np.asarray(h, np.float64)) for rule in self.turns)

    def allowed(self, h: np.ndarray) -> np.ndarray:
        """An allowed row near h (n,), for a start."""
        if self.fixed or self.holds(h):
            return h
        near = self.row(h, np.zeros_like(h))
        for rule in self.turns:
            if not near.any() and isinstance(rule, Cone):  # h had nothing in the cone: its axis, as long as h
                near = (direction(rule.target) * float(np.linalg.norm(h))).astype(h.dtype)
        return near


def _further(h: np.ndarray, old: np.ndarray, q: np.ndarray) -> bool:
    """Whether h is further from q than the old row."""
    to_old, to_new = np.asarray(old, np.float64) - q, h - q
    return bool(to_old.any()) and float(to_old @ to_old) < float(to_new @ to_new)


# -- the rules of a problem -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Rules:
    """The rules of a factorization: on rows of H and on columns of W, by component (counted from 0)."""

    H: Mapping[int, Sequence[Rule]] = field(default_factory=dict)
    W: Mapping[int, Sequence[Rule]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.H.values()) or any(self.W.values())

    @cached_property
    def rows(self) -> dict[int, RowRules]:
        """The rules on rows of H."""
        return {k: RowRules(rules) for k, rules in self.H.items() if rules}

    @cached_property
    def columns(self) -> dict[int, RowRules]:
        """The rules on columns of W."""
        return {k: RowRules(rules) for k, rules in self.W.items() if rules}

    @cached_property
    def pulls(self) -> dict[int, Pull]:
        """The rows that are pulled."""
        return {k: row.pull for k, row in self.rows.items() if row.pull is not None}

    @property
    def kinds(self) -> set[type]:
        """The kinds of rules there are."""
        return {type(rule) for side in (self.H, self.W) for rules in side.values() for rule in rules}

    def allowed(self, W: np.ndarray, H: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """W (m, r) and H (r, n) moved to where the rules allow them; themselves where they are there already."""
        return _allowed(W.T, self.columns).T, _allowed(H, self.rows)

    @property
    def mirrored(self) -> Rules:
        """Those on rows of H on both sides: the rules of a symmetric problem, whose one factor is S = W = H^T."""
        return Rules(self.H, self.H)

    def weights(self, H: np.ndarray) -> np.ndarray:
        """(r,) lambda_k rho_k: what pulls add to the diagonal of H H^T when W is updated."""
        added = np.zeros(len(H))
        for k, pull in self.pulls.items():
            added[k] = pull.strength * pull.outside(H[k])
        return added

    def price(self, W: np.ndarray, H: np.ndarray, loss: str = "frobenius") -> float:
        """What the pulls add to the loss at W (m, r), H (r, n)."""
        total = 0.0
        for k, pull in self.pulls.items():
            w, h = W[:, k].astype(np.float64), H[k]
            if loss == "frobenius":
                total += 0.5 * pull.strength * float(w @ w) * pull.outside(h)
            elif w.any() and h.any():
                total += pull.strength * float(w.sum()) * float(h.sum(dtype=np.float64)) * pull.divergence(h)
        return total


def _allowed(rows: np.ndarray, rules: Mapping[int, RowRules]) -> np.ndarray:
    moved = {k: rule.allowed(rows[k]) for k, rule in rules.items() if not rule.fixed and not rule.holds(rows[k])}
    if not moved:
        return rows
    rows = np.array(rows, order="C")
    for k, row in moved.items():
        rows[k] = row
    return rows
