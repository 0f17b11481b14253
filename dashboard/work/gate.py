"""Is there room for a computation, and what would fit if not? Every computation passes this gate before it takes memory."""

from __future__ import annotations

from dashboard.work.job import Job
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.errors import CONVERT
from nmfcore.data.model.limits import estimated_bytes, memory_budget, share_that_fits
from nmfcore.run import at_once


def fits(job: Job, dataset: Dataset, rank: int, *, loss: str = "frobenius", runs: int = 1, extra: int = 0) -> None:
    """`room` for a fit to a data set."""
    stored = int(dataset.X.nnz) if dataset.sparse else None
    room(job, dataset.shape, rank, stored=stored, loss=loss, runs=runs, extra=extra)


def room(
    job: Job,
    shape: tuple[int, int],
    rank: int,
    *,
    stored: int | None = None,
    loss: str = "frobenius",
    runs: int = 1,
    extra: int = 0,
) -> None:
    """Go on only if a fit of this size has room.

    shape, stored : of X; stored values where it is sparse
    runs : how many are held at one time; extra : bytes beside what a fit takes

    Raises
    ------
    DoesNotFit
        With the rank, or the share of the data, that would fit.
    """
    m, n = shape
    factor = "frobenius" if loss == "frobenius" else "kl"
    needed = runs * estimated_bytes(m, n, rank, loss=factor, stored=stored) + extra
    each = 16 * (m + n) * runs
    budget = memory_budget()
    left = (budget - (needed - each * rank)) // each if each else 0
    if 1 <= left < rank:
        way_out = f"Rank {left} would fit."
    else:
        share = int(100 * share_that_fits(needed, budget, min(m, n), rank, runs=runs))
        much = f"About {share} % of it" if share else "Less than 1 % of it, at this rank,"
        way_out = f"{much} would fit: take fewer {'rows' if m >= n else 'columns'} on the Data page. {CONVERT}"
    job.reserve(needed, way_out)


def starts_beside(dataset: Dataset, rank: int, runs: int, *, loss: str = "frobenius", extra: int = 0) -> tuple[int, int]:
    """How many of so many starts may be at work at one time, and the bytes that they take beside one fit; see `fits`."""
    factor, stored = "frobenius" if loss == "frobenius" else "kl", int(dataset.X.nnz) if dataset.sparse else None
    alone = estimated_bytes(*dataset.shape, rank, loss=factor, stored=stored) + extra
    return at_once(dataset.shape, rank, runs, memory_budget() - alone)
