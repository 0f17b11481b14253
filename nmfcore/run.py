"""How is a factorization run?

`solve` for a result, `prepare` for a run to watch, `continue_` to go on, `several` for many starts at a time. The loop is in
nmfcore/solvers/loop.py, beside it together.py; a result that a person has guided is the loop's, and then one refit for every wish
(nmfcore/guide). Data in blocks has its own loop.
"""

from __future__ import annotations

from typing import Any

from nmfcore.core.blocks import is_blocks
from nmfcore.core.factorization import Factorization
from nmfcore.guide.steer import refuse as refuse_guidance
from nmfcore.guide.steer import replay
from nmfcore.solvers import loop
from nmfcore.solvers.asked import refuse
from nmfcore.solvers.block_door import continue_blocks, prepare_blocks, refuse_guidance_on_blocks
from nmfcore.solvers.loop import Run
from nmfcore.solvers.remarks import dead_components
from nmfcore.solvers.stopping import EXACT, RISEN, WINDOW
from nmfcore.solvers.together import Together, at_once, planned, several

__all__ = [
    "EXACT", "RISEN", "WINDOW", "Run", "Together", "at_once", "continue_", "dead_components", "planned", "prepare", "refuse",
    "several", "solve",
]  # fmt: skip


def prepare(X: Any, rank: int | None = None, **options: Any) -> Run:
    """The run of `solve`, not yet begun: iterate over it to watch it work. Parameters as in `solve`.

    X in blocks, or an array of Dask, gives a `BlockedRun`, which also tells how far a pass is.

    Parameters
    ----------
    X : (m, n) array or CSR, >= 0, or blocks
    rank : number of components r; may stand in `spec` instead

    Returns
    -------
    Run
        Each step gives a `Progress`; `run.result()` is the factorization so far, with W (m, r) and H (r, n).

    Raises
    ------
    ProblemError
        If X, the start or an option is not allowed; the sentence says what is.
    """
    return prepare_blocks(X, rank, **options) if is_blocks(X) else loop.prepare(X, rank, **options)


def continue_(factorization: Factorization, X: Any, **options: Any) -> Run:
    """A run that goes on from a finished one; parameters as in `loop.continue_`, for X in blocks as in `continue_blocks`.

    Parameters
    ----------
    factorization : the result to go on from; its spec names the solver
    X : (m, n), the data of that factorization

    Returns
    -------
    Run
        Not begun; `run.result()` after iterating over it holds one history, the old one first.

    Raises
    ------
    ProblemError
        If the run diverged, or X does not fit the factors.
    """
    return continue_blocks(factorization, X, **options) if is_blocks(X) else loop.continue_(factorization, X, **options)


def solve(X: Any, rank: int | None = None, **options: Any) -> Factorization:
    """Factorize X ~ WH with W, H >= 0.

    Parameters
    ----------
    X : (m, n) array-like or scipy sparse, >= 0; rows are items, columns features. `Blocks` and arrays of Dask are visited block
        by block, by `hals`; client, threads and folder are then parameters, too (see `prepare_blocks`)
    rank : 1 to min(m, n); None only with a spec
    solver : key in SOLVERS or a solver; solver_options : its parameters
    init : a key of INITS, or "given" (W and H are then the start); None takes "nndsvda" for solvers that cannot leave a
        zero, "nndsvd" for the other Frobenius solvers, "least-squares" for the rest
    seed : whole number, 0 when none is given; the same seed gives the same result
    loss : "frobenius", "kullback-leibler", "itakura-saito" or "beta=..."
    stop : `StopRule`
    mask : (m, n) of 0/1, 1 = observed
    symmetric : X = S S^T
    penalty : `Penalty`
    axes : names and labels, for messages and for the words of a guidance
    guidance : `Guidance`, wishes that the fit is refitted under one after the other; rank is that of the first fit
    spec : a `RunSpec` in place of all of these but mask, W and H; the rank and other arguments may repeat what it says

    Returns
    -------
    Factorization

    Raises
    ------
    ProblemError
        If X, the rank or the combination cannot be factorized, a parameter is out of bounds, or the specification contradicts an
        argument.
    """
    guidance = options.pop("guidance", None) or (options["spec"].guidance if options.get("spec") is not None else None)
    if guidance and is_blocks(X):
        refuse_guidance_on_blocks()
    run = prepare(X, rank, **options)
    if guidance:
        refuse_guidance(run.problem, run.solver)
    for _ in run:
        pass
    base = run.result()
    return replay(X, base, guidance, axes=options.get("axes")).result if guidance else base
