"""What is a wish in force, what is a model under wishes, and what is said about them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Factorization, StopReason
from nmfcore.core.guidance import Edit, Forbid, Guidance
from nmfcore.core.rules import Rule


@dataclass(frozen=True, eq=False)
class Wish:
    """A wish in force: its edit, and what it asks of which topic.

    number : its place in the guidance, counted from 0
    topics : ids of the topics it is about
    rows, columns : rules on rows of H and columns of W, by id
    words, items : (s,) columns and rows of X that it names
    facts : what the verdict compares with (rows (n,), errors)
    """

    number: int
    edit: Edit
    topics: tuple[int, ...] = ()
    rows: Mapping[int, tuple[Rule, ...]] = field(default_factory=dict)
    columns: Mapping[int, tuple[Rule, ...]] = field(default_factory=dict)
    words: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))
    items: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def everywhere(self) -> bool:
        """Whether it forbids words in all topics, those to come among them."""
        return isinstance(self.edit, Forbid) and self.edit.topic is None


@dataclass(frozen=True)
class Verdict:
    """Whether a wish is kept, in numbers and in a sentence.

    number : of the wish, counted from 0
    measures : by name; which ones depends on the edit
    """

    number: int
    edit: Edit
    obeyed: bool
    measures: Mapping[str, float]
    sentence: str


@dataclass(frozen=True, eq=False)
class Guided:
    """A model after some wishes.

    result : the factorization; its specification holds the guidance
    ids : of the topics, in the order of the rows of H
    verdicts : of every wish in force, and of the last edit
    wishes : those in force
    ended : number of each wish that ended, and the number of the edit that ended it
    base : the first fit
    """

    result: Factorization
    ids: tuple[int, ...]
    guidance: Guidance
    verdicts: tuple[Verdict, ...] = ()
    wishes: tuple[Wish, ...] = ()
    ended: Mapping[int, int] = field(default_factory=dict)
    base: Factorization | None = None

    def at(self, topic: int) -> int:
        """The row of H of that id.

        Raises
        ------
        ProblemError
            If there is no such topic (any more).
        """
        if topic not in self.ids:
            gone = topic < self.guidance.made(self.result.spec.rank)
            raise ProblemError(f"Topic {topic + 1} {'is there no more' if gone else 'does not exist'}.")
        return self.ids.index(topic)


def first(base: Factorization) -> Guided:
    """A base fit as a model without wishes.

    Raises
    ------
    ProblemError
        If it is a guided run already, whose rules only `replay` knows, or was continued, which no specification repeats.
    """
    if base.spec.guidance:
        raise ProblemError("This run was guided before; replay its guidance from the base fit to steer it further.")
    spec, done = base.spec, base.history[-1].iteration
    if base.seams:
        raise ProblemError(
            f"This run was continued after {base.seams[-1]} iterations, and what is steered has to be one fit, which its "
            f"specification repeats. Fit it in one: stop=StopRule(tol=0, max_iter={done})."
        )
    if base.stopped in (StopReason.CANCELLED, StopReason.SECONDS):  # a clock cannot be repeated, a count can
        base = base.with_spec(spec.replace(stop=replace(spec.stop, max_iter=done)))
    return Guided(base, tuple(range(base.rank)), Guidance(), base=base)
