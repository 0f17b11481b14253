"""How long will a fit take, and how do we know?

seconds = what a job has around it + the start + iterations * seconds of one + the floor's SVD where it is not here yet. How many
iterations a solver usually needs depends on the rank and on whether X is sparse; what one costs is counted (`cost`), with a pace
for each solver (USUAL). Where runs on the same data are here, they say both: the pace of one stands for this machine's, its
iterations for this data's, and a limit that one has reached for at least so many. Those of the same solver and settings come
first. The constants are of runs over the catalog on two cores, where all that a job does counts, not only the solver's steps;
`python -m benchmarks.estimates` compares them again, and benchmarks/README.md says how often they are within a factor of two.
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

ROW = 4.4e-8  # s for what is done once for each row and column
CALL = 1.1e-4  # s of Python for one iteration, where a solver says nothing else
FEW = 0.1  # share of stored values below which X counts as sparse
LOOKED_AT = 50  # rows of dense X that say so
LOOP = 1.8  # of the solver's own time: the loop measures loss and distance from a stationary point beside it
BEGIN = 5e-3  # s of a job beside all that is counted here
START, START_RATE = 2e-3, 1.8e10  # s of a start from singular vectors, and multiply-adds a second of its SVD
START_EXTRA = 10  # singular vectors that it looks at beyond the rank
SVD_RATE = 1.2e10  # multiply-adds a second of the SVD behind the floor
SVD_PASSES = 6  # over X
TOL_POWER = 0.35  # iterations grow with tol ** -0.35
PACE = (0.1, 10.0)  # between which a run on screen may say that this machine is faster or slower
WISH = 0.5  # of the base fit's iterations, for each wish


@dataclass(frozen=True)
class Usual:
    """Iterations of one solver at rank r: factor * r ** power, and `random` times that from a random start.

    dense, sparse : (factor, power, random)
    call : s of an iteration of the smallest data; rates : multiply-adds a second for dense and for sparse X
    plain : how many times as long where nothing is compiled
    cell : seconds of an iteration for each cell, and for each cell and component, where it forms the residual
    """

    dense: tuple[float, float, float]
    sparse: tuple[float, float, float]
    call: float = CALL
    rates: tuple[float, float] = (6e9, 2e9)
    plain: float = 2.0
    cell: tuple[float, float] | None = None


KL_CALL, KL_RATES = 2e-4, (1.14e9, 0.85e9)  # where every stored value takes a division
USUAL: Mapping[str, Usual] = {
    "hals": Usual((11.0, 0.6, 1.25), (5.5, 0.45, 1.3), rates=(2.8e10, 1.4e10)),
    "mu": Usual((80.0, 0.6, 1.2), (15.0, 0.35, 1.6), call=5e-5, rates=(3.4e10, 4.6e9)),
    "kl-newton": Usual((15.0, 0.4, 1.4), (15.0, 0.4, 1.4), plain=5.0),
    "pg": Usual((25.0, 0.4, 1.2), (10.0, 0.2, 1.9), call=6e-4, rates=(2.6e9, 0.57e9)),
    "masked-hals": Usual((70.0, 0.4, 1.1), (70.0, 0.4, 1.1), cell=(0.0, 7.2e-9)),
    "masked": Usual((90.0, 0.65, 1.3), (90.0, 0.65, 1.3), cell=(5.8e-9, 7.2e-10)),
}
OTHERS = Usual((60.0, 0.2, 1.0), (60.0, 0.2, 1.0), call=7e-4)


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
    seconds = BEGIN + start_seconds(spec, dataset) + count * each
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
    """Seconds of one iteration, with its share of all that a job does, on the machine of the constants.

    plain : with plain NumPy, whatever is installed
    """
    (m, n), r = dataset.shape, spec.rank
    usual = USUAL.get(spec.solver, OTHERS)
    slow = 1.0 if engines.wanted() and not plain else usual.plain
    if spec.loss == "frobenius" and usual.cell is not None:
        each, component = usual.cell
        return CALL + m * n * (each + component * r)
    if spec.loss != "frobenius":
        return KL_CALL + slow * _counted(dataset, r) / KL_RATES[dataset.sparse]
    return usual.call + slow * (ROW * (m + n) + _counted(dataset, r) / usual.rates[dataset.sparse])


def _counted(dataset: Dataset, r: int) -> float:
    """Multiply-adds of both products and of both halves of an iteration."""
    m, n = dataset.shape
    return 4.0 * _stored(dataset) * r + 4.0 * (m + n) * r * r


def _stored(dataset: Dataset) -> int:
    return int(dataset.X.nnz) if dataset.sparse else dataset.shape[0] * dataset.shape[1]


def start_seconds(spec: RunSpec, dataset: Dataset) -> float:
    """Seconds until the first iteration: a start from singular vectors looks for them first."""
    if spec.init in ("random", "given"):
        return 0.0
    terms = spec.rank + START_EXTRA
    return START + (24.0 * _stored(dataset) * terms + 16.0 * sum(dataset.shape) * terms**2) / START_RATE


def pace(result: Factorization, usual: float) -> float:
    """How many times as long as usual one iteration took; the median, since a first step may have loaded something."""
    each = float(np.median(np.diff(result.history.seconds)))
    return float(np.clip(LOOP * max(each, 1e-6) / usual, *PACE))


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
    return SVD_PASSES * (4.0 * _stored(dataset) * terms + 4.0 * (m + n) * terms**2) / SVD_RATE
