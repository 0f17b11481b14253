"""How good are the estimates beside Fit? python -m benchmarks.estimates [--data KEY ...] [--out FILE]

Every data set of the catalog, at several ranks, with the first solvers that the panel offers, from the usual and from a random
start: what `dashboard/work/estimates.py` expects, from the size of the data alone and from earlier runs on it, beside the
seconds of the whole job (start, iterations, floor). Within a factor of two is the goal for nine of ten.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dashboard.work.estimates import expected
from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import FIRST, fit_key, fit_work
from dashboard.work.floor import known_floor
from dashboard.work.jobs import Jobs
from dashboard.work.ledger import Bounds
from dashboard.work.loading import data_key, load
from nmfcore.core.spec import RunSpec
from nmfcore.data import catalog
from nmfcore.kernels import engines
from nmfcore.solvers import SOLVERS

RANKS = (3, 6, 10, 20, 40)
SOLVERS_TRIED = ("hals", "mu", "kl-newton", "pg")
STARTS = (FIRST.init, "random")
FACTOR, SHARE = 2.0, 0.9
PATIENCE = 120.0  # s


def specs(key: str, shape: tuple[int, int], ranks: Sequence[int] = RANKS) -> Iterator[RunSpec]:
    """The runs that are tried on one data set."""
    for rank in (rank for rank in ranks if rank <= min(shape) // 2):
        for solver in SOLVERS_TRIED if rank <= 10 else SOLVERS_TRIED[:1]:
            for start in STARTS:
                yield FIRST.replace(
                    data=key, preparation=catalog.card(key).preparation, rank=rank, solver=solver, init=start,
                    loss=SOLVERS[solver].supports.losses[0], solver_options={},
                )  # fmt: skip


def tried(key: str, ranks: Sequence[int] = RANKS) -> Iterator[dict[str, Any]]:
    """One data set: for each run what was expected, from nothing and from the run before, and what it was."""
    jobs = Jobs(Bounds(workers=1))
    base = FIRST.replace(data=key, preparation=catalog.card(key).preparation)
    dataset = load(base)
    jobs.put(data_key(base), dataset)
    before: list[FittedRun] = []  # the latest first
    for spec in specs(key, dataset.shape, ranks):
        floor = known_floor(dataset, spec.rank, jobs) is None
        guesses = [expected(spec, dataset, ran, floor=floor) for ran in ((), before)]
        job = jobs.submit(fit_key(spec), fit_work(spec, jobs), session="benchmark")
        began = time.monotonic()
        if not job.wait(PATIENCE):
            print(f"{key}, {spec.solver}, rank {spec.rank}: left after {time.monotonic() - began:.0f} s", file=sys.stderr)
            jobs.stop(job.key, "benchmark")
            job.wait(10.0)
            continue
        run = jobs.result(job.key)
        if run is None:
            continue
        before.insert(0, run)
        plain, told = guesses
        assert plain is not None
        assert told is not None
        yield {
            "data": key, "rank": spec.rank, "solver": spec.solver, "start": spec.init, "seconds": job.seconds,
            "iterations": run.factorization.history[-1].iteration, "from_size": plain.seconds, "from_run": told.seconds,
            "iterations_from_size": plain.iterations,
        }  # fmt: skip


def within(rows: list[dict[str, Any]], guess: str, truth: str = "seconds") -> float:
    """The share of runs whose guess is within FACTOR of what it was."""
    near = [1 / FACTOR <= row[guess] / max(row[truth], 1e-3) <= FACTOR for row in rows]
    return sum(near) / max(len(near), 1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimates", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", nargs="+", default=[key for key in catalog.cards() if key != "tv"], metavar="KEY")
    parser.add_argument("--ranks", nargs="+", type=int, default=RANKS, help="others than those that the constants are from")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    args = parser.parse_args()
    for dtype in ("float32", "float64"):
        engines.warm(dtype)
    rows = [row for key in args.data for row in tried(key, args.ranks)]
    print("| data | rank | solver | start | seconds | expected from size | from the runs before | iterations | expected |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['data']} | {row['rank']} | {row['solver']} | {row['start']} | {row['seconds']:.3f} | "
            f"{row['from_size']:.3f} | {row['from_run']:.3f} | {row['iterations']} | {row['iterations_from_size']} |"
        )
    shares = {
        "seconds, from the size alone": within(rows, "from_size"),
        "seconds, from the runs before": within(rows, "from_run"),
        "iterations, from the size alone": within(rows, "iterations_from_size", "iterations"),
    }
    for name, share in shares.items():
        print(f"{name}: {share:.0%} of {len(rows)} within a factor of {FACTOR:g} (goal {SHARE:.0%})")
    if args.out:
        args.out.write_text(json.dumps({"shares": shares, "rows": rows}, indent=1) + "\n")
    return 0 if min(shares.values()) >= SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
