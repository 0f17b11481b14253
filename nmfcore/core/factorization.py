"""What are the nouns of a factorization: the problem, its factors, the history and the result?

Notation everywhere in this package: X (m, n) is the data, W (m, r) and H (r, n) are the factors, r is the rank,
and WH approximates X. Rows of X are items and columns are features unless the data's card names its axes otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.threads import in_single

if TYPE_CHECKING:
    from nmfcore.core.keeping import Rules
    from nmfcore.core.spec import RunSpec

BETA = {"frobenius": 2.0, "kullback-leibler": 1.0, "itakura-saito": 0.0}  # the losses that have a name

SINGLE_SIZE = 40_000  # stored values of X from which float32 is worth its copy

Matrix = Any  # (m, n) C-ordered numpy array or scipy CSR array, float32 or float64, >= 0


def _in_single(X: Matrix) -> Matrix:
    """CSR X in float32, its indices shared."""
    return sp.csr_array((in_single(X.data), X.indices, X.indptr), X.shape)


def stored_values(X: Matrix) -> int:
    """How many numbers X holds: its stored values when sparse, all its entries when dense.

    X : (m, n) array or CSR
    """
    return int(X.nnz if sp.issparse(X) else X.size)


@dataclass(frozen=True, eq=False)
class Axis:
    """One side of X: what its entries are called and, where known, the label of each.

    `name` is the plural ("documents"), `singular` one of them ("document"); `labels` is None when there are none,
    and then entry 0 is shown as "document 1".
    """

    name: str = "rows"
    singular: str = "row"
    labels: Sequence[str] | None = None

    def label(self, index: int) -> str:
        """The label of entry `index` (counted from 0)."""
        return f"{self.singular} {index + 1}" if self.labels is None else str(self.labels[index])

    def take(self, indices: Sequence[int] | np.ndarray) -> list[str]:
        """The labels of several entries."""
        return [self.label(int(i)) for i in indices]


@dataclass(frozen=True, eq=False)
class Axes:
    """The two axes of X: `rows` are the items, `columns` the features."""

    rows: Axis = Axis("rows", "row")
    columns: Axis = Axis("columns", "column")

    @property
    def transposed(self) -> Axes:
        return Axes(self.columns, self.rows)


def beta_of(loss: str) -> float:
    """The beta of a loss by name: "frobenius", "kullback-leibler", "itakura-saito" or "beta=1.5".

    Raises
    ------
    ValueError
        If there is no such loss.
    """
    if loss in BETA:
        return BETA[loss]
    if isinstance(loss, str) and loss.startswith("beta="):
        try:
            beta = float(loss.removeprefix("beta="))
        except ValueError:
            beta = math.nan
        if math.isfinite(beta):
            return beta
    raise ValueError(f"Unknown loss {loss!r}. Known: {', '.join(BETA)}, or 'beta=1.5' for any other beta.")


@dataclass(frozen=True, eq=False)
class Problem:
    """What is minimised: loss(X, WH) over W, H >= 0 at one rank.

    Made by `nmfcore.core.checks.as_problem`, the one strict gate; solvers may rely on what it guarantees:
    X is a C-ordered array or a CSR array with sorted indices, without stored zeros, finite, >= 0, float32 or float64,
    and its largest entry lies between 2**-20 and 2**20. `scale` is the power of four by which X was divided to get there (1 for
    nearly all data), so that W and H are multiplied by its exact square root at the end.

    mask : None when everything is observed; otherwise (m, n), 1 = observed, 0 = missing: a dense array of X's dtype, or for
        sparse X a CSR array of ones with exactly X's stored pattern (X then keeps its stored zeros: they are observed).
        X is 0 wherever the mask is.
    symmetric : X is a similarity matrix C, and the factors are S and S transposed.
    penalty : the regularisation, in scikit-learn's meaning; `None` for none.
    rules : what rows of H and columns of W have to keep, see nmfcore/core/keeping.py; `None` for
        nothing. Of a symmetric problem both are columns of S, and both sides hold the same rules.
    """

    X: Matrix
    rank: int
    loss: str = "frobenius"
    mask: Matrix | None = None
    symmetric: bool = False
    penalty: Penalty | None = None
    scale: float = 1.0
    rules: Rules | None = None

    def under(self, rules: Rules | None, rank: int) -> Problem:
        """The same X at that rank under these rules; what was found out about X is shared."""
        other = replace(self, rules=rules or None, rank=rank)
        for name in ("Xt", "single", "squared_norm"):
            if name in vars(self):
                vars(other)[name] = vars(self)[name]
        return other

    @property
    def plain_loss(self) -> bool:
        """Whether the loss is that of X against WH alone: no penalty, and no rule that has a price."""
        return not self.penalty and not (self.rules and self.rules.pulls)

    @cached_property
    def Xt(self) -> Matrix:
        """X transposed (n, m): a view for dense X, a CSR copy built once for sparse X (its products are twice as fast)."""
        return sp.csr_array(self.X.T) if self.sparse else self.X.T

    @cached_property
    def notes(self) -> dict[str, Any]:
        """What a start found out about X on its way and a solver can use: "sketch", its Y and B with X ~ YB."""
        return {}

    @cached_property
    def single(self) -> Problem:
        """This problem in float32 (itself if it is so already): one copy of X's values, made once for the fast paths."""
        if self.dtype == np.float32:
            return self
        if self.sparse:
            single = replace(self, X=_in_single(self.X))
            if "Xt" in vars(self):
                vars(single)["Xt"] = _in_single(vars(self).pop("Xt"))
            return single
        return replace(self, X=in_single(self.X))

    @cached_property
    def double(self) -> Problem:
        """This problem in float64 (itself if it is so already): one copy of X's values."""
        return self if self.dtype == np.float64 else replace(self, X=self.X.astype(np.float64))

    @property
    def working(self) -> Problem:
        """The problem in the precision to iterate in: float32 where X is large enough for that to be worth a copy."""
        return self.single if stored_values(self.X) >= SINGLE_SIZE else self

    @cached_property
    def squared_norm(self) -> float:
        """||X||_F^2 over the observed entries, summed in float64."""
        values = self.X.data if self.sparse else self.X.ravel()
        return float(np.einsum("i,i->", values, values, dtype=np.float64))

    @property
    def shape(self) -> tuple[int, int]:
        return (int(self.X.shape[0]), int(self.X.shape[1]))

    @property
    def sparse(self) -> bool:
        return sp.issparse(self.X)

    @property
    def dtype(self) -> np.dtype:
        return self.X.dtype


@dataclass(frozen=True)
class Penalty:
    """L1 and L2 weights on W and H (all >= 0), already multiplied by the number of features or samples.

    loss + l1_W |W|_1 + l1_H |H|_1 + l2_W/2 |W|_F^2 + l2_H/2 |H|_F^2. Source: scikit-learn's NMF user guide.
    """

    l1_W: float = 0.0
    l1_H: float = 0.0
    l2_W: float = 0.0
    l2_H: float = 0.0

    def __bool__(self) -> bool:
        return any((self.l1_W, self.l1_H, self.l2_W, self.l2_H))

    def to_dict(self) -> dict[str, float]:
        """The weights by name, as a specification holds them."""
        return {name: float(weight) for name, weight in vars(self).items()}


@dataclass(frozen=True, eq=False)
class Factors:
    """W (m, r) and H (r, n), both >= 0. A symmetric run stores S as W and its transpose as H."""

    W: np.ndarray
    H: np.ndarray

    @property
    def rank(self) -> int:
        return int(self.W.shape[1])

    @property
    def in_double(self) -> Factors:
        """Both factors in float64."""
        return Factors(self.W.astype(np.float64, copy=False), self.H.astype(np.float64, copy=False))

    def scaled(self, by: float) -> Factors:
        """Both factors times `by`, as new arrays; themselves where `by` is 1."""
        return self if by == 1 else Factors(self.W * self.W.dtype.type(by), self.H * self.H.dtype.type(by))


@dataclass(frozen=True)
class Progress:
    """One recorded point of a run.

    iteration : how many steps were done (0 is the start)
    seconds : time spent in steps and in preparing the solver; evaluating the loss does not count
    loss : what the solver minimises, in the units of the loss (Frobenius: half the squared residual norm)
    relative_error : ||X - WH||_F / ||X||_F, for every loss (masked: over observed entries); no unit
    kkt : KKT residual relative to the start, or None where it was not computed
    """

    iteration: int
    seconds: float
    loss: float
    relative_error: float
    kkt: float | None = None


POINT_BYTES = 300  # of a recorded point: five numbers and what holds them


@dataclass(eq=False)
class History:
    """The recorded points of one run, in order; grows while the run goes on. Append-only, so readers need no lock."""

    points: list[Progress] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> Progress:
        return self.points[index]

    def append(self, point: Progress) -> None:
        self.points.append(point)

    def column(self, name: str) -> np.ndarray:
        """One quantity over the recorded points, e.g. `history.column("relative_error")`; None becomes NaN."""
        return np.array([np.nan if getattr(p, name) is None else getattr(p, name) for p in tuple(self.points)], float)

    @property
    def nbytes(self) -> int:
        """Bytes of the recorded points, about; so that whoever adds up what a run holds need not look at each number."""
        return POINT_BYTES * len(self.points)

    @property
    def iterations(self) -> np.ndarray:
        return self.column("iteration")

    @property
    def seconds(self) -> np.ndarray:
        return self.column("seconds")

    @property
    def relative_errors(self) -> np.ndarray:
        return self.column("relative_error")


class StopReason(Enum):
    """Why a run ended; the value is the sentence a person reads."""

    CONVERGED = "The relative error no longer fell by more than tol"
    KKT = "The KKT residual fell below its limit"
    EXACT = "The factorization is exact to rounding"
    ITERATIONS = "The iteration limit was reached"
    SECONDS = "The time limit was reached"
    CANCELLED = "You stopped it; the result so far is valid"
    DIVERGED = "The loss rose without bound (a smaller step helps, where there is one); the last finite factors are kept"
    UNFINISHED = "It has not finished yet"

    @property
    def sentence(self) -> str:
        return self.value

    @property
    def can_continue(self) -> bool:
        """Whether running on from these factors could lower the loss."""
        return self not in (StopReason.DIVERGED, StopReason.EXACT)


@dataclass(frozen=True, eq=False)
class Factorization:
    """A finished run: the factors, how they came about, why it stopped, and the spec that repeats it.

    `warnings` are sentences a person should read beside the result (locked zeros, dead components).
    `seams` are the iterations at which it was continued: what the solver remembers between steps (momentum, random orders) began
    afresh there.
    """

    W: np.ndarray
    H: np.ndarray
    history: History
    stopped: StopReason
    spec: RunSpec
    warnings: tuple[str, ...] = ()
    seams: tuple[int, ...] = ()

    @property
    def factors(self) -> Factors:
        return Factors(self.W, self.H)

    @property
    def rank(self) -> int:
        return int(self.W.shape[1])

    @property
    def relative_error(self) -> float:
        """Of the factors that are returned, not of an earlier iterate."""
        return self.history[-1].relative_error

    def with_spec(self, spec: RunSpec) -> Factorization:
        return replace(self, spec=spec)
