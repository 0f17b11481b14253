"""What is a solver?

An immutable object that holds its parameters and knows one step. It has no clock, no history, no stop rule and prints
nothing: all of that is the loop's (nmfcore/solvers/loop.py). A new solver is one file beside this one and one line in SOLVERS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from nmfcore.core.factorization import Factors, Problem
from nmfcore.core.parameters import ABOVE_ZERO as ABOVE_ZERO
from nmfcore.core.parameters import Parameter as Parameter
from nmfcore.core.parameters import check_parameters
from nmfcore.core.parameters import parameter as parameter
from nmfcore.core.parameters import parameters as parameters

MOST_SWEEPS = 10_000  # passes within one iteration: no stop rule looks in between


@dataclass(frozen=True)
class Supports:
    """What a solver can do; the loop refuses the rest in one sentence, and the picker greys it out with the same one.

    losses : names, where "beta=..." stands for any beta
    rules : `Problem.rules`, a person's wishes about topics
    """

    losses: tuple[str, ...] = ("frobenius",)
    sparse: bool = True
    mask: bool = False
    requires_mask: bool = False
    symmetric: bool = False
    requires_symmetric: bool = False
    penalty: bool = False
    rules: bool = False

    def has_loss(self, loss: str) -> bool:
        """Whether the loss of that name is among `losses`."""
        return loss in self.losses or (loss.startswith("beta=") and "beta=..." in self.losses)


@dataclass(frozen=True)
class Solver:
    """Base of all solvers. Subclasses are frozen dataclasses whose fields are the parameters a person may set.

    A field made by `parameter(default, least=..., most=...)` declares its bounds; they are checked when the solver is made, and
    `parameters(kind)` tells them to panels, links and scripts, with the meaning that the docstring gives.

    key : its name in SOLVERS, links and scripts
    title : its name on screen
    reference : authors, year and the equation
    supports : what it can do
    monotone : whether the loss never rises (with the default parameters)
    locks_zeros : whether a zero in the start stays zero for ever, so that a start full of zeros needs a warning
    ordered : whether the result depends on the order of the rows of X (the solver visits rows one after another or at random)
    tol : the stop tolerance that suits its pace; a person may set another
    """

    key: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    supports: ClassVar[Supports] = Supports()
    monotone: ClassVar[bool] = True
    locks_zeros: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    tol: ClassVar[float] = 1e-5

    def __post_init__(self) -> None:
        check_parameters(self, self.title)

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Any:
        """What the steps need to remember; may be None. Runs on the solver's clock."""
        return None

    def share(self, problem: Problem) -> None:
        """Make what all runs of one problem have in common, before several of them begin at one time."""

    def step(self, problem: Problem, factors: Factors, memory: Any) -> tuple[Factors, Any]:
        """One iteration: new factors and memory. Must not write into `factors` that it has handed out.

        A step that knows its loss hands it over as `memory.loss` (float), and the loop does not compute it again.
        """
        raise NotImplementedError

    def steps(self, problem: Problem, factors: Sequence[Factors], memories: Sequence[Any]) -> list[tuple[Factors, Any]]:
        """`step` of several runs of one problem, each as it would go alone; a solver may read X once for all of them."""
        return [self.step(problem, each, memory) for each, memory in zip(factors, memories, strict=True)]

    def options(self) -> dict[str, Any]:
        """The parameters as JSON values."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def refusal(self, problem: Problem) -> str | None:
        """Why this solver cannot run this problem, without naming alternatives; None when it can."""
        can = self.supports
        if problem.symmetric and not can.symmetric:
            return f"{self.title} cannot factorize a symmetric problem X = S S^T."
        if can.requires_symmetric and not problem.symmetric:
            return f"{self.title} needs a symmetric similarity matrix (symmetric=True)."
        if problem.mask is not None and not can.mask:
            return f"{self.title} cannot skip missing entries (a mask was given)."
        if can.requires_mask and problem.mask is None:
            return f"{self.title} is for data with missing entries and needs a mask."
        if not can.has_loss(problem.loss):
            return f"{self.title} cannot minimise the loss '{problem.loss}' (it can: {', '.join(can.losses)})."
        if problem.sparse and not can.sparse:
            return f"{self.title} needs a dense matrix."
        if problem.penalty and not can.penalty:
            return f"{self.title} has no L1 or L2 regularisation."
        if problem.rules and not can.rules:
            return f"{self.title} cannot keep wishes about topics (rules on rows of H and columns of W)."
        return None
