"""How long will a fit take, and how do we know?

seconds = start + iterations * seconds of one + the floor's SVD where it is not here yet. How many iterations a solver usually
needs depends on the rank and on whether X is sparse (USUAL); what one costs is counted (`cost`). Where runs on the same data are
here, they say both: the pace of one stands for this machine's, its iterations for this data's, and a limit that one has reached
for at least so many. Those of the same solver and settings come first. The constants are of runs over the catalog on two cores
(`python -m benchmarks.estimates` compares them again); a factor of two is what they are good for in 19 of 20 runs for
iterations and in seven of ten for seconds; with missing entries in fewer, where the number of iterations differs tenfold
from data to data until a first run has told it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.work.fitted import FittedRun
from dashboard.work.floor import EXACT_SIDE, EXTRA_RANKS, SVD_TERMS
from nmfcore.core.factorization import Factorization, StopReason
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.data.model.dataset import Dataset
from nmfcore.kernels import engines

FROM_SIZE = "from the size of the data"
FROM_RUN = "from runs on this data"
NOT_YET = "with plain NumPy until the compiled kernels are ready"

RATE = 40e9  # multiply-adds a second of the compiled loops
READ = 1.25e-9  # s to read one stored value of X once more
ROW = 2e-8  # s for what is done once for each row and column
CALL = 1e-4  # s of Python for one iteration
FEW = 0.1  # share of stored values below which X counts as sparse
LOOKED_AT = 50  # rows of dense X that say so
LOOP = (
    1.8  # of the solver's own time: the loop measures loss and distance from a stationary point beside it, and a job has its own
)
BEGIN = 5e-3  # s until the first iteration of the smallest data
SVD_RATE = 1.2e10  # multiply-adds a second of the SVD behind the floor
SVD_PASSES = 6  # over X
TOL_POWER = 0.35  # iterations grow with tol ** -0.35
PACE = (0.1, 10.0)  # between which a run on screen may say that this machine is faster or slower
WISH = 0.5  # of the base fit's iterations, for each wish


@dataclass(frozen=True)
class Usual:
    """Iterations of one solver at rank r: factor * r ** power, and `random` times that from a random start.

    dense, sparse : (factor, power, random)
    times : what an iteration costs beside HALS; plain : how many times as much where nothing is compiled
    cell : seconds of an iteration for each cell, and for each cell and component, where it forms the residual; None: as HALS
    """

    dense: tuple[float, float, float]
    sparse: tuple[float, float, float]
    times: float = 1.0
    plain: float = 2.0
    cell: tuple[float, float] | None = None


USUAL: Mapping[str, Usual] = {
    "hals": Usual((11.0, 0.6, 1.25), (5.5, 0.45, 1.3)),
    "mu": Usual((80.0, 0.6, 1.2), (15.0, 0.35, 1.6), times=1.2),
    "kl-newton": Usual((15.0, 0.4, 1.4), (15.0, 0.4, 1.4), plain=5.0),
    "pg": Usual((25.0, 0.4, 1.2), (10.0, 0.2, 1.9), times=7.0),
    "masked-hals": Usual((70.0, 0.4, 1.1), (70.0, 0.4, 1.1), cell=(0.0, 4e-9)),
    "masked": Usual((90.0, 0.65, 1.3), (90.0, 0.65, 1.3), cell=(3.2e-9, 4e-10)),
}
OTHERS = Usual((60.0, 0.2, 1.0), (60.0, 0.2, 1.0), times=4.0)
KL_RATES = {True: 0.75e9, False: 1.2e9}  # the same where every stored value takes a division, for sparse and for dense X


@dataclass(frozen=True)
class Estimate:
    """What is expected of a fit. how : what that was estimated from, in a few words"""

    seconds: float
    iterations: int
    how: str


def expected(spec: RunSpec, dataset: Dataset | None, ran: Iterable[FittedRun] = (), *, floor: bool = True) -> Estimate | None:
    """What a fit will take; None where nobody can say, because the data is not here.

    ran : runs that are here, the latest first;  floor : whether the SVD behind the floor has to be computed, too
    """
    if dataset is None or dataset.X is None:
        return None
    count, each = iterations(spec, dataset), cost(spec, dataset, plain=engines.preparing())
    told = [run for run in ran if run.dataset is dataset and len(run.factorization.history) > 1]
    if told:
        nearest = min(told, key=lambda run: unlike(run.spec, spec))  # of equals the first, which is the latest
        each *= pace(nearest.factorization, cost(nearest.spec, dataset, plain=nearest.plain))
        count = told_iterations(spec, dataset, told, count)
        floor = floor and not any(run.measured for run in told)
    count = max(1.0, min(count, spec.stop.max_iter)) if spec.stop.max_iter else 0.0
    seconds = BEGIN + LOOP * count * each
    if spec.stop.max_seconds:
        seconds = min(seconds, spec.stop.max_seconds)
    how = (FROM_RUN if told else FROM_SIZE) + (f", {NOT_YET}" if engines.preparing() else "")
    return Estimate(seconds + (svd_seconds(dataset, spec.rank) if floor else 0.0), round(count), how)


def estimate(spec: RunSpec, dataset: Dataset | None, ran: Iterable[FittedRun] = ()) -> float | None:
    """About how many seconds the iterations of a fit take; None where nobody can say."""
    found = expected(spec, dataset, ran, floor=False)
    return None if found is None else found.seconds


def unlike(one: RunSpec, other: RunSpec) -> tuple[Any, ...]:
    """How little a run says about another's: the smaller, the more. What changes its course most comes first."""
    return (
        (one.solver, one.loss) != (other.solver, other.loss),
        dict(one.penalty) != dict(other.penalty),
        dict(one.solver_options) != dict(other.solver_options),
        one.init != other.init,
        abs(math.log(one.rank / other.rank)),
        abs(math.log(one.stop.tol / other.stop.tol)) if min(one.stop.tol, other.stop.tol) > 0.0 else 0.0,
    )


def told_iterations(spec: RunSpec, dataset: Dataset, told: Sequence[FittedRun], count: float) -> float:
    """How many iterations runs on the same data let expect: those of the one most alike that ended by itself, in proportion.

    One that reached its limit would have needed more: at least so many are expected where it is as much alike.

    count : what is usual
    """
    alike = sorted((run for run in told if says_iterations(run.factorization, spec)), key=lambda run: unlike(run.spec, spec))
    for run in alike[:1]:
        found = count * run.factorization.history[-1].iteration / iterations(run.spec, dataset)
        return max(found, count) if cut_short(run.factorization) else found
    return count


def iterations(spec: RunSpec, dataset: Dataset) -> float:
    """How many iterations such a fit usually takes, without its limit."""
    usual = USUAL.get(spec.solver, OTHERS)
    factor, power, random = usual.sparse if few_values(dataset) else usual.dense
    found = factor * spec.rank**power * (random if spec.init == "random" else 1.0) * (1.0 + WISH * len(spec.guidance))
    if spec.stop.tol <= 0.0:
        return float(spec.stop.max_iter)
    return float(found * (StopRule().tol / spec.stop.tol) ** TOL_POWER)


def few_values(dataset: Dataset) -> bool:
    """Whether most of X is zero, however it is stored: then few iterations are enough."""
    m, n = dataset.shape
    if dataset.sparse:
        return bool(dataset.X.nnz < FEW * m * n)
    some = dataset.X[:: max(1, m // LOOKED_AT)]
    return bool(np.count_nonzero(some) < FEW * some.size)


def cost(spec: RunSpec, dataset: Dataset, *, plain: bool = False) -> float:
    """Seconds of one iteration on the machine of the constants; plain : with plain NumPy, whatever is installed."""
    (m, n), r = dataset.shape, spec.rank
    usual = USUAL.get(spec.solver, OTHERS)
    stored = int(dataset.X.nnz) if dataset.sparse else m * n
    slow = 1.0 if engines.wanted() and not plain else usual.plain
    counted = 4.0 * stored * r + 4.0 * (m + n) * r * r
    if spec.loss == "frobenius" and usual.cell is not None:
        each, component = usual.cell
        return CALL + m * n * (each + component * r)
    if spec.loss != "frobenius":
        return CALL + slow * counted / KL_RATES[dataset.sparse]
    return usual.times * (CALL + slow * (READ * stored + ROW * (m + n) + counted / RATE))


def pace(result: Factorization, usual: float) -> float:
    """How many times as long as usual one iteration took; the median, since a first step may have loaded something."""
    each = float(np.median(np.diff(result.history.seconds)))
    return float(np.clip(max(each, 1e-6) / usual, *PACE))


def says_iterations(result: Factorization, spec: RunSpec) -> bool:
    """Whether a run's number of iterations says something about another's: one solver, one loss, and both have a tolerance."""
    ran = result.spec
    alike = (ran.solver, ran.loss) == (spec.solver, spec.loss) and min(ran.stop.tol, spec.stop.tol) > 0.0
    return alike and result.stopped is not StopReason.DIVERGED


def cut_short(result: Factorization) -> bool:
    """Whether a run would have gone on, had nobody and nothing ended it."""
    return result.stopped in (StopReason.ITERATIONS, StopReason.SECONDS, StopReason.CANCELLED, StopReason.UNFINISHED)


def svd_seconds(dataset: Dataset, rank: int) -> float:
    """Seconds of the SVD behind the floor."""
    m, n = dataset.shape
    if min(m, n) <= EXACT_SIDE:
        return 2.0 * m * n * min(m, n) / SVD_RATE
    terms = next((step for step in SVD_TERMS if step >= rank + EXTRA_RANKS), SVD_TERMS[-1]) + EXTRA_RANKS
    stored: Any = dataset.X.nnz if dataset.sparse else m * n
    return SVD_PASSES * (4.0 * stored * terms + 4.0 * (m + n) * terms**2) / SVD_RATE
