"""How is a fit of a store kept in a file, and how does it come back to its store?

The file is a saved run like any other, without X and the labels, which the store has. Coming back it is a stranger's file: what
it holds is checked, and its W and H are held against the store's blocks in one pass. Pure of Streamlit.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from dashboard.files.saved import AGREES, STORE, edits_of, only_problems
from dashboard.topics_shown.edits import Edits
from dashboard.work.job import Job
from dashboard.work.stores import StoreFit, client, needed_bytes, shares
from nmfcore import export
from nmfcore.core.errors import ProblemError
from nmfcore.core.factorization import Factorization
from nmfcore.data.blocks import Store
from nmfcore.data.model.limits import Limits
from nmfcore.evaluate import blocks as whole

MOST_TAKEN = 256 << 20  # bytes of W that are handed over in one file, which is made in memory


def saved(found: StoreFit, edits: Edits) -> bytes:
    """The run as a file that `read` reads; names of topics go with it, X and the labels stay in the store."""
    out, view = io.BytesIO(), edits.to_dict() | {STORE: found.store.title}
    export.save_run(out, found.fit, view=view)
    return out.getvalue()


def can_be_saved(found: StoreFit, limits: Limits | None = None) -> bool:
    """Whether the file would be small enough to be opened here again."""
    return found.fit.W.nbytes + found.fit.H.nbytes <= (limits or Limits.from_environment()).upload_bytes


def weights(found: StoreFit) -> bytes:
    """W (m, r) as an NPY file, rows in the order of the store's."""
    out = io.BytesIO()
    np.save(out, np.asarray(found.fit.W), allow_pickle=False)
    return out.getvalue()


def read(content: bytes, store: Store, limits: Limits | None = None) -> tuple[Factorization, Edits]:
    """The run in a file, and the names of its topics; it is one of this store's content.

    Raises
    ------
    ProblemError
        If it is no run file, is damaged or too large, or belongs to other data.
    """
    limits = limits or Limits.from_environment()
    if len(content) > limits.upload_bytes:
        raise ProblemError(f"The file has {len(content):,} bytes; files up to {limits.upload_bytes:,} are read.")
    with only_problems():
        held = export.read_run(io.BytesIO(content), largest=limits.unpacked_bytes)
        spec = held.fit.spec
        if STORE not in held.view:
            raise ProblemError("This run is not of a store. Open it on the Data page.")
        if spec.fingerprint != store.fingerprint or (held.fit.W.shape[0], held.fit.H.shape[1]) != store.shape:
            raise ProblemError(
                f"This run is of other content: its store had the fingerprint {spec.fingerprint[:12]}, this one has "
                f"{store.fingerprint[:12]}. Choose the store that it was made of, or fit this one."
            )
        return held.fit, edits_of(held)


def open_work(store: Store, fit: Factorization, owner: str) -> Callable[[Job], StoreFit]:
    """The work of a job that puts a run from a file beside its store again, once W and H have the error that it claims."""

    def work(job: Job) -> StoreFit:
        job.reserve(needed_bytes(store, fit.rank), "A lower rank needs less.")
        job.say("Checking it against its data, one pass")
        with client() as cluster:
            visit = whole.Visit(client=cluster, report=job.say)
            error = whole.relative_error(store, fit.W, fit.H, visit=visit)
        claimed = fit.relative_error
        if abs(error - claimed) > AGREES * max(error, AGREES):
            raise ProblemError(
                f"This file says its relative error is {claimed:.4f}; its W and H have {error:.4f}. It was changed."
            )
        return StoreFit(store, fit, fit.history[-1].iteration, "file", shares(fit), owner)

    return work
