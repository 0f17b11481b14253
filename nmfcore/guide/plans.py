"""Where does the refit of each edit start, and which rules does it keep?

One function for each edit in PLANS: the model before and the edit in, a start and a wish out. No start draws a random number.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Matrix, Problem
from nmfcore.core.guidance import (
    FIRST_WORDS,
    HOW,
    Add,
    Delete,
    Forbid,
    Group,
    Lift,
    Merge,
    Move,
    Pin,
    Remove,
    Seed,
    Split,
)
from nmfcore.core.losses import inner
from nmfcore.core.rules import Avoid, Cone, First, Fixed, Pull, Rule, Zero, cosine, direction
from nmfcore.guide.wishes import Guided, Wish
from nmfcore.topics.terms import best, merge, together

COSINE = dict(zip(HOW, (0.7, 0.9, 1.0), strict=True))  # how near a topic stays to what was asked for
PULL = dict(zip(HOW, (0.3, 1.0, 3.0), strict=True))  # the same under Kullback-Leibler, which has no projections
STAY, HOLD = 0.95, 0.9  # of a topic nobody asked to change, and of one that was changed, to itself, in one refit
CHILD, UNITED, AWAY = 0.65, 0.95, 0.5  # of a half to its parent, a union to its parts' sum, the others to a deleted topic
POWER_STEPS = 30  # of the start of a topic for the unexplained, and of a split


@dataclass(frozen=True, eq=False)
class Before:
    """The model before an edit, in the problem's units, and the edit with its columns and rows."""

    problem: Problem
    W: np.ndarray
    H: np.ndarray
    guided: Guided
    edit: Any
    number: int
    words: np.ndarray
    items: np.ndarray
    axes: Axes

    @property
    def X(self) -> Matrix:
        return self.problem.X

    @property
    def new_id(self) -> int:
        return self.guided.guidance.made(self.guided.result.spec.rank)

    @property
    def euclidean(self) -> bool:
        return self.problem.loss == "frobenius"

    @property
    def symmetric(self) -> bool:
        """Whether topics are columns of S in C ~ S S^T, and X is C."""
        return self.problem.symmetric

    def row(self, topic: int) -> np.ndarray:
        """The row of H (n,) of that id, in float64."""
        return self.H[self.guided.at(topic)].astype(np.float64)


@dataclass(eq=False)
class Plan:
    """Where a refit starts, and what it has to keep.

    new : ids that first move alone
    held : rows that topics are held to in this refit only, and how nearly; `loose` ones are held to nothing
    kept : ids of new topics that are held to what they became alone
    retired, reshaped : ids that go, and ids that become something else, so that earlier wishes about them end
    child : the id of the other half of a topic that is split
    """

    W: np.ndarray
    H: np.ndarray
    ids: list[int]
    wish: Wish | None = None
    new: tuple[int, ...] = ()
    held: dict[int, tuple[np.ndarray, float]] = field(default_factory=dict)
    loose: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    retired: tuple[int, ...] = ()
    reshaped: tuple[int, ...] = ()
    child: int | None = None
    lifted: int | None = None
    wishes: list[Wish] = field(default_factory=list)


def _with_new(at: Before, w: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """W, H and the ids with one more topic at the end, as large as a topic is on average."""
    dtype = at.H.dtype
    w, h = direction(w), direction(h)
    size = np.sqrt(inner(at.W, at.W) * inner(at.H, at.H)) / max(1, len(at.H)) if at.H.any() else 1.0
    W = np.hstack([at.W, (w[:, None] * np.sqrt(size)).astype(dtype)])
    H = np.vstack([at.H, (h[None, :] * np.sqrt(size)).astype(dtype)])
    if at.symmetric:
        W = H.T.copy()
    return W, H, [*at.guided.ids, at.new_id]


def _wish(at: Before, topics: tuple[int, ...], **parts: Any) -> Wish:
    return Wish(at.number, at.edit, topics, words=at.words, items=at.items, **parts)


def _towards(at: Before, target: np.ndarray, *, first_words: bool) -> tuple[Rule, ...]:
    """The rules of a topic that shall be about `target` (n,)."""
    if not at.euclidean:
        return (Pull(target, PULL[at.edit.how]),)
    near: tuple[Rule, ...] = (Cone(target, COSINE[at.edit.how]),)
    return (*near, First(at.words, FIRST_WORDS)) if first_words else near


def _raised(row: np.ndarray, words: np.ndarray) -> np.ndarray:
    """The row (n,) with those words at its largest entry."""
    row = np.array(row, np.float64)
    row[words] = row.max() if row.any() else 1.0
    return row


def columns_of(X: Matrix, columns: np.ndarray) -> np.ndarray:
    """Some columns of X, dense, float64.

    X : (m, n) array or CSR;  the result is (m, len(columns))
    """
    picked = X[:, columns]
    return np.asarray(picked.toarray() if sp.issparse(picked) else picked, np.float64)


def rows_of(X: Matrix, rows: np.ndarray) -> np.ndarray:
    """Some rows of X (m, n), dense, float64: (len(rows), n)."""
    picked = X[rows]
    return np.asarray(picked.toarray() if sp.issparse(picked) else picked, np.float64)


def _seed(at: Before) -> Plan:
    """A new topic starts from the documents that hold the words: w = sum of x_j / ||x_j||, h = X^T w with the words raised."""
    columns = columns_of(at.X, at.words)
    lengths = np.linalg.norm(columns, axis=0)
    if not lengths.all():
        missing = at.axes.columns.label(int(at.words[int(np.argmin(lengths))]))
        raise ProblemError(f"'{missing}' occurs nowhere in this data.")
    facts = {"meet": _meeting(at, columns)}
    if at.edit.topic is not None:
        target = _raised(at.row(at.edit.topic), at.words)
        wish = _wish(at, (at.edit.topic,), rows={at.edit.topic: _towards(at, target, first_words=True)}, facts=facts)
        H = at.H
        if not at.euclidean:  # a divergence from the target needs something wherever the target has something
            k, H = at.guided.at(at.edit.topic), at.H.copy()
            H[k] = (0.5 * at.row(at.edit.topic) + 0.5 * at.H[k].sum() * target / target.sum()).astype(H.dtype)
        return Plan(at.W, H, list(at.guided.ids), wish, loose=(at.edit.topic,))
    w = (columns / lengths).sum(axis=1)
    target = _raised(w if at.symmetric else _back(at.X, w), at.words)
    W, H, ids = _with_new(at, w, target)
    wish = _wish(at, (at.new_id,), rows={at.new_id: _towards(at, target, first_words=True)}, facts=facts)
    return Plan(W, H, ids, wish, new=(at.new_id,), loose=(at.new_id,))


def _meeting(at: Before, columns: np.ndarray) -> int:
    """In how many items two of the words meet (one word: how many hold it); of a similarity, how many pairs of them are alike.

    columns : (m, s) those of X
    """
    if at.symmetric:
        return int(np.count_nonzero(np.triu(columns[at.words], 1)))
    return int(np.count_nonzero((columns > 0).sum(axis=1) >= min(2, len(at.words))))


def _back(X: Matrix, w: np.ndarray) -> np.ndarray:
    """X^T w (n,), in float64."""
    return np.asarray(X.T @ w.astype(X.dtype), np.float64).ravel()


def _forth(X: Matrix, h: np.ndarray) -> np.ndarray:
    """X h (m,), in float64."""
    return np.asarray(X @ h.astype(X.dtype), np.float64).ravel()


def _forbid(at: Before) -> Plan:
    if at.edit.topic is None:
        touched = [t for t, row in zip(at.guided.ids, at.H, strict=True) if np.isin(_first_of(row), at.words).any()]
        wish = _wish(at, tuple(at.guided.ids))
    else:
        touched = [at.edit.topic]
        wish = _wish(at, (at.edit.topic,), rows={at.edit.topic: (Zero(at.words),)})
    held = {}
    for topic in touched:
        rest = at.row(topic)
        rest[at.words] = 0
        if not rest.any():
            raise ProblemError(f"Topic {topic + 1} has no other {at.axes.columns.singular}. Delete it instead.")
        held[topic] = (rest, HOLD)
    had = bool(at.H[[at.guided.at(t) for t in wish.topics]][:, at.words].any())
    wish = replace(wish, facts={"rest": {topic: row for topic, (row, _) in held.items()}, "held": had})
    return Plan(at.W, at.H, list(at.guided.ids), wish, held=held)


def _first_of(row: np.ndarray) -> np.ndarray:
    """The first ten columns of a row of H (n,), of those that it has."""
    first_ = best(row, FIRST_WORDS)
    return first_[row[first_] > 0]


def _move(at: Before) -> Plan:
    source, target, first_ = at.row(at.edit.source), at.row(at.edit.target), First(at.words, FIRST_WORDS)
    source[at.words] = 0
    if not source.any():
        raise ProblemError(f"Topic {at.edit.source + 1} has no other {at.axes.columns.singular}. Delete it instead.")
    wish = _wish(
        at, (at.edit.source, at.edit.target), rows={at.edit.source: (Zero(at.words),), at.edit.target: (first_,)}
    )  # fmt: skip
    held = {at.edit.source: (source, HOLD), at.edit.target: (first_.row(target), HOLD)}
    H = at.H
    if at.euclidean:
        H = at.H.copy()
        H[at.guided.at(at.edit.target)] = first_.row(target)
    return Plan(at.W, H, list(at.guided.ids), wish, held=held)


def _group(at: Before) -> Plan:
    rows = rows_of(at.X, at.items)
    lengths = np.linalg.norm(rows, axis=1)
    if not lengths.any():
        raise ProblemError(f"These {at.axes.rows.name} are empty: they have nothing in common.")
    target = (rows[lengths > 0] / lengths[lengths > 0, None]).mean(axis=0)
    w = np.zeros(at.problem.shape[0])
    w[at.items] = 1.0
    W, H, ids = _with_new(at, w, target)
    W[at.items, : len(at.H)] = 0
    near = _towards(at, target, first_words=False)
    wish = _wish(at, (at.new_id,), rows={at.new_id: near}, facts={"target": target})
    return Plan(W, H, ids, wish, new=(at.new_id,), loose=(at.new_id,))


def _remove(at: Before) -> Plan:
    topic = at.edit.topic
    W = at.W.copy()
    W[at.items, at.guided.at(topic)] = 0
    if not W[:, at.guided.at(topic)].any():
        raise ProblemError(f"Topic {topic + 1} has no other {at.axes.rows.singular}. Delete it instead.")
    wish = _wish(at, (topic,), columns={topic: (Zero(at.items),)})
    return Plan(W, at.H, list(at.guided.ids), wish, held={topic: (at.row(topic), HOLD)})


def _split(at: Before) -> Plan:
    """The parent's items are cut by the sign of their leading direction orthogonal to it, the other topics taken off."""
    k, parent = at.guided.at(at.edit.topic), at.row(at.edit.topic)
    axis, w = direction(parent), at.W[:, k].astype(np.float64)
    W_rest, H_rest = (np.delete(F, k, axis=a).astype(np.float64) for F, a in ((at.W, 1), (at.H, 0)))
    own = np.flatnonzero(w > 0)
    X, weight = at.X[own], w[own] / max(float(w.max()), np.finfo(float).tiny)

    def along(v: np.ndarray) -> np.ndarray:
        return _forth(X, v) - W_rest[own] @ (H_rest @ v)

    def across(u: np.ndarray) -> np.ndarray:
        v = _back(X, u) - (u @ W_rest[own]) @ H_rest
        return v - (v @ axis) * axis

    squares = X.multiply(X).sum(axis=0) if at.problem.sparse else np.einsum("ij,ij->j", X, X)
    v = np.sqrt(np.asarray(squares, np.float64).ravel())
    v = v - (v @ axis) * axis
    for _ in range(POWER_STEPS):
        v = across(weight**2 * along(direction(v)))
    sides = along(direction(v)) > 0
    halves = [np.zeros_like(w), np.zeros_like(w)]
    for half, side in zip(halves, (sides, ~sides), strict=True):
        half[own[side]] = w[own[side]]
    if not (halves[0].any() and halves[1].any()):
        raise ProblemError(f"The {at.axes.rows.name} of topic {at.edit.topic + 1} are all alike: there is nothing to split.")
    rows = [np.maximum(_back(at.X, half) - (half @ W_rest) @ H_rest, 0) for half in halves]
    rows = [row if row.any() else parent for row in rows]
    W, H, ids = _with_new(at, halves[1], rows[1])
    W[:, k] = halves[0]
    H[k] = rows[0] / max(float(halves[0] @ halves[0]), np.finfo(float).tiny)
    both = (at.edit.topic, at.new_id)
    wish = _wish(at, both, rows={t: (Cone(parent, CHILD),) for t in both}, facts={"target": parent})
    return Plan(W, H, ids, wish, new=both, loose=both, reshaped=(at.edit.topic,), child=at.new_id)


def _merge(at: Before) -> Plan:
    places = [at.guided.at(topic) for topic in at.edit.topics]
    united, target = merge(at.W, at.H, places), together(at.W, at.H, [places]).H[0].astype(np.float64)
    kept, gone = at.edit.topics[0], at.edit.topics[1:]
    ids = [t for t in at.guided.ids if t not in gone]
    W, H = (F.astype(at.H.dtype) for F in (united.W, united.H))
    wish = _wish(at, (kept,), rows={kept: (Cone(target, UNITED),)}, facts={"target": target})
    return Plan(W, H, ids, wish, new=(kept,), loose=(kept,), retired=gone, reshaped=(kept,))


def _delete(at: Before) -> Plan:
    k, gone = at.guided.at(at.edit.topic), at.row(at.edit.topic)
    ids = [t for t in at.guided.ids if t != at.edit.topic]
    near = {t: cosine(at.row(t), gone) for t in ids}
    pinned = {wish.topics[0] for wish in at.guided.wishes if isinstance(wish.edit, Pin)}
    rows: dict[int, tuple[Rule, ...]] = {t: (Avoid(gone, max(AWAY, near[t])),) for t in ids if t not in pinned}
    wish = _wish(at, tuple(rows), rows=rows, facts={"target": gone, "near": near})
    return Plan(np.delete(at.W, k, axis=1), np.delete(at.H, k, axis=0), ids, wish, retired=(at.edit.topic,))


def _add(at: Before) -> Plan:
    """Power steps on X - WH, clipped at 0 and never formed, from the items that are explained least."""
    W, H = at.W.astype(np.float64), at.H.astype(np.float64)
    squares = at.X.multiply(at.X).sum(axis=1) if at.problem.sparse else np.einsum("ij,ij->i", at.X, at.X)
    cross = np.einsum("ij,ij->i", np.asarray(at.X @ at.H.T), at.W, dtype=np.float64)
    w = np.maximum(np.asarray(squares, np.float64).ravel() - 2 * cross + np.einsum("ij,ij->i", W @ (H @ H.T), W), 0)
    h = np.zeros(at.problem.shape[1])
    for _ in range(POWER_STEPS):
        h = direction(np.maximum(_back(at.X, w) - H.T @ (W.T @ w), 0))
        w = direction(np.maximum(_forth(at.X, h) - W @ (H @ h), 0))
    if not (w.any() and h.any()):
        raise ProblemError("There is nothing left that another topic could explain.")
    new_W, new_H, ids = _with_new(at, w, h)
    wish = _wish(at, (at.new_id,), facts={"error": at.guided.result.relative_error})
    return Plan(new_W, new_H, ids, wish, new=(at.new_id,), kept=(at.new_id,))


def _pin(at: Before) -> Plan:
    fixed: dict[int, tuple[Rule, ...]] = {at.edit.topic: (Fixed(),)}
    wish = _wish(at, (at.edit.topic,), rows=fixed, facts={"target": at.row(at.edit.topic)})
    return Plan(at.W, at.H, list(at.guided.ids), wish)


def _lift(at: Before) -> Plan:
    wish = next(wish for wish in at.guided.wishes if wish.number == at.edit.edit)
    free = at.guided.ids if wish.everywhere else wish.topics
    told = Wish(at.number, at.edit, wish.topics)
    return Plan(at.W, at.H, list(at.guided.ids), told, loose=tuple(free), lifted=wish.number)


PLANS: dict[type, Any] = {
    Seed: _seed, Forbid: _forbid, Move: _move, Group: _group, Remove: _remove, Split: _split, Merge: _merge, Delete: _delete,
    Add: _add, Pin: _pin, Lift: _lift,
}  # fmt: skip
