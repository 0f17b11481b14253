"""What may be asked of a factorization of blocks, and how does it come to a run?

`prepare_blocks` and `continue_blocks` are what nmfcore/run.py opens for X in blocks. What cannot be done on blocks is refused
in a sentence here, before anything is read.
"""

from __future__ import annotations

from collections.abc import Mapping as Mapping  # named in the fields that `AskedOfBlocks` inherits; its API page reads them here
from dataclasses import dataclass, replace
from typing import Any

from nmfcore.core.blocks import Blocks, DaskBlocks, as_visited
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Factorization, History, Penalty, StopReason
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.solvers.asked import Asked
from nmfcore.solvers.block_dask import present_client
from nmfcore.solvers.block_starts import SAMPLE_VALUES, STARTS, sample_share
from nmfcore.solvers.blocked_run import BlockedRun, Visit
from nmfcore.solvers.hals import HALS
from nmfcore.solvers.protocol import Solver


@dataclass(frozen=True, eq=False)
class AskedOfBlocks(Asked):
    """What `solve` was told of a factorization of blocks; None where nothing was said.

    W, H : (m, r) and (r, n), a given start;  mask : (m, n), refused
    init : "sample" (a fit of a sample of the rows first), "nndsvd" (a sketch in two passes), "random" or "given"; None takes
        "sample" where there are many rows
    stop : as elsewhere, but without a limit of seconds when none is given
    """

    W: Any = None
    H: Any = None
    mask: Any = None
    axes: Axes | None = None
    evaluate_every: int = 1
    kkt_every: int | None = None
    recording: Any = None

    @property
    def given(self) -> bool:
        """Whether a start was given, or half of one."""
        return self.W is not None or self.H is not None

    def chosen(self) -> HALS:
        """The solver, where it can do all of this on blocks.

        Raises
        ------
        ProblemError
            If something cannot be done block by block; the message says what can.
        """
        solver, spec = super().chosen(), self.spec
        refuse_on_blocks(solver, self.mask, self.symmetric or (spec is not None and spec.symmetric), self.loss or (
            spec.loss if spec else None))  # fmt: skip
        assert isinstance(solver, HALS)
        if self.recording is not None:
            raise ProblemError(
                "A run on data in blocks keeps no iterates: each would be as long as the data. Record a sample's run."
            )
        return solver

    def specified(self, solver: HALS, blocks: Blocks) -> RunSpec:
        """The specification of the run: the one that is given, whole, or one made of the rest.

        Raises
        ------
        ProblemError
            If the two contradict each other, or the start is none for blocks.
        """
        asked = self
        if self.spec is None and self.init is None and not self.given:
            asked = replace(asked, init=usual_start_on(blocks, self.rank))
        if self.spec is None and self.stop is None:
            asked = replace(asked, stop=StopRule(tol=solver.tol, max_seconds=None))
        spec = asked.specification(solver, given=self.given)
        if spec.init not in STARTS:
            raise ProblemError(f"Data in blocks cannot begin from {spec.init!r}. Starts that can: {', '.join(STARTS)}.")
        if spec.guidance:
            refuse_guidance_on_blocks()
        return spec if spec.fingerprint or not blocks.fingerprint else spec.replace(fingerprint=blocks.fingerprint)


def refuse_on_blocks(solver: Solver, mask: Any, symmetric: bool, loss: str | None) -> None:
    """Raise the sentence that says what blocks cannot do, and what can.

    mask : (m, n) or None

    Raises
    ------
    ProblemError
    """
    whole = "Take a part of the rows into memory (blocks.rows(0, 100_000)) for that."
    if not isinstance(solver, HALS):
        raise ProblemError(f"{solver.title} cannot visit data block by block. The solver that can: hals. {whole}")
    if mask is not None:
        raise ProblemError(f"Data in blocks cannot have missing entries (a mask was given). {whole}")
    if symmetric:
        raise ProblemError(f"Data in blocks cannot be factorized as X = S S^T. {whole}")
    if loss not in (None, "frobenius", "beta=2"):
        raise ProblemError(f"Data in blocks can have the Frobenius loss only, not {loss!r}. {whole}")


def refuse_guidance_on_blocks() -> None:
    """Raise the sentence that says what guided topics need.

    Raises
    ------
    ProblemError
    """
    raise ProblemError(
        "Guided topics are refitted on all of X in memory, which data in blocks is too large for. Guide a sample of its rows "
        "(nmfcore.evaluate.blocks.sample), then fit the weights of all rows to those topics (nmfcore.evaluate.blocks.transform)."
    )


def prepare_blocks(X: Any, rank: int | None = None, **options: Any) -> BlockedRun:
    """`prepare` for data in blocks: the options of `AskedOfBlocks`, and beside them those of `Visit`: client, threads, folder.

    X : (m, n) blocks, or an array of Dask; for the latter the present client is taken where there is one and none is named

    Raises
    ------
    ProblemError
        If the data, the rank or the combination cannot be factorized block by block; the message says what can.
    """
    visit = Visit(**{name: options.pop(name) for name in ("client", "threads", "folder") if name in options})
    return _run(X, AskedOfBlocks(rank=rank, **options), visit)


def _run(X: Any, asked: AskedOfBlocks, visit: Visit, history: History | None = None) -> BlockedRun:
    solver, blocks = asked.chosen(), as_visited(X, asked.axes)
    if visit.client is None and isinstance(blocks, DaskBlocks):
        visit = replace(visit, client=present_client())
    spec = asked.specified(solver, blocks)
    return BlockedRun(
        blocks, solver, spec, given=(asked.W, asked.H), visit=visit, evaluate_every=asked.evaluate_every,
        kkt_every=asked.kkt_every, history=history,
    )  # fmt: skip


def usual_start_on(blocks: Blocks, rank: int | None) -> str:
    """The start where none is asked for: a sample where there is more than one, and rows enough for it; else a sketch."""
    stored = blocks.facts.stored if blocks.facts is not None else 0
    return "sample" if rank and stored >= SAMPLE_VALUES and sample_share(blocks, rank) is not None else "nndsvd"


def continue_blocks(
    factorization: Factorization,
    X: Any,
    *,
    stop: StopRule | None = None,
    penalty: Penalty | None = None,
    axes: Axes | None = None,
    **options: Any,
) -> BlockedRun:
    """A run on blocks that goes on from a finished factorization; parameters as in `continue_` and `prepare_blocks`.

    X : (m, n) blocks, or an array of Dask

    Raises
    ------
    ProblemError
        If the run diverged, or X does not fit the factors.
    """
    if factorization.stopped is StopReason.DIVERGED:
        raise ProblemError("This run diverged, and going on would only diverge again. Choose a smaller step and start anew.")
    spec = factorization.spec if stop is None else factorization.spec.replace(stop=stop)
    visit = Visit(**{name: options.pop(name) for name in ("client", "threads", "folder") if name in options})
    asked = AskedOfBlocks(spec=spec.replace(init="given"), W=factorization.W, H=factorization.H, axes=axes, **options)
    going_on = _run(X, asked, visit, factorization.history)
    going_on.spec = spec
    if penalty is not None:
        going_on.penalty = penalty or None
    return going_on
