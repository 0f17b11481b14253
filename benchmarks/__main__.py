"""Run the benchmark: python -m benchmarks [--only KEY ...] [--repeats N] [--without CONTENDER ...]

Every contender factorizes the same matrix in the same process, one after the other, and again in the next repeat; what is
compared are ratios within one run. The whole takes half an hour or more; a workload's result is written as soon as it is there.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
from sklearn.decomposition._nmf import _beta_divergence, _initialize_nmf
from threadpoolctl import threadpool_info

from benchmarks import starts
from benchmarks.contenders import CONTENDERS, NO_CAP, Contender
from benchmarks.report import write_report
from benchmarks.workloads import WORKLOADS, Workload
from nmfcore.core.losses import relative_error
from nmfcore.core.version import VERSION
from nmfcore.kernels import engines

RESULTS = Path(__file__).parent / "results"
EQUAL = 1e-4  # relative difference up to which two losses count as equal
MEMORY_STEPS = 6  # iterations while memory is watched: more hold no more
LONG = 60.0  # seconds: a contender that took longer than this is not repeated


def reached(X: Any, W: np.ndarray, H: np.ndarray, loss: str) -> float:
    """What contenders are compared by, in float64: ||X - WH||^2 / ||X||^2, or the divergence as scikit-learn computes it.

    Its `mu` may leave WH at 0 where X is not; its own divergence, which raises such entries to 1e-7, stays finite.
    """
    W, H = np.asarray(W, np.float64), np.asarray(H, np.float64)
    return relative_error(X, W, H) ** 2 if loss == "frobenius" else float(_beta_divergence(X, W, H, loss))


def timed(contender: Contender, X: Any, workload: Workload, start: Any, seed: int) -> dict[str, Any]:
    gc.collect()
    began, used = time.perf_counter(), time.process_time()
    W, H, curve = contender.fit(X, workload.rank, workload.loss, start, seed, NO_CAP)
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    return {
        "contender": contender.key, "seconds": seconds, "processor_seconds": processor, "curve": curve, "repeat": seed,
        "loss": reached(X, W, H, workload.loss), "same_start": start is not None,
    }  # fmt: skip


def memory(contender: Contender, X: Any, workload: Workload) -> float:
    """Megabytes that a few iterations hold at most beyond X, as tracemalloc counts them."""
    gc.collect()
    tracemalloc.start()
    try:
        contender.fit(X, workload.rank, workload.loss, None, 0, MEMORY_STEPS)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def measure(workload: Workload, repeats: int, without: list[str]) -> dict[str, Any]:
    X = workload.matrix()
    able = [c for c in CONTENDERS.values() if c.key not in without and c.can(X, workload.rank, workload.loss)]
    base = "cd" if workload.loss == "frobenius" else "mu"
    runs: list[dict[str, Any]] = []
    for repeat in range(repeats):  # the repeat's number is the seed of everybody's own start
        for contender in able:
            before = [run["seconds"] for run in runs if run["contender"] == contender.key and not run["same_start"]]
            if before and before[-1] > LONG:
                continue
            runs.append(timed(contender, X, workload, None, repeat))
            say(f"  {contender.title}: {runs[-1]['seconds']:.3f} s, {runs[-1]['loss']:.6g}")
        whole = next((run for run in runs if run["contender"] == base and run["repeat"] == repeat), None)
        if whole is None:
            continue
        began = time.perf_counter()
        start = _initialize_nmf(X, workload.rank, init="nndsvda", random_state=repeat)  # the base's own, drawn once more
        drawn = time.perf_counter() - began
        runs.append({**whole, "seconds": whole["seconds"] - drawn, "same_start": True})
        for contender in [c for c in able if c.key in ("numpy", "compiled")]:
            runs.append(timed(contender, X, workload, start, repeat))
            say(f"  {contender.title}, the base's start: {runs[-1]['seconds']:.3f} s, {runs[-1]['loss']:.6g}")
    held = {c.key: memory(c, X, workload) for c in able if c.key in ("numpy", "compiled", base)}
    say("  megabytes: " + ", ".join(f"{key} {value:.0f}" for key, value in held.items()))
    return {
        "workload": workload.key, "title": workload.title, "rank": workload.rank, "loss": workload.loss, "goal": workload.goal,
        "shape": list(X.shape), "stored": int(getattr(X, "nnz", X.size)), "base": base, "equal": EQUAL, "machine": machine(),
        "memory": held, "runs": runs,
    }  # fmt: skip


def machine() -> dict[str, Any]:
    return {
        "nmfcore": VERSION, "python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__, "kernels": engines.in_use(), "processors": len_affinity(),
        "blas": [f"{p['internal_api']} {p.get('version', '')}, {p['num_threads']} threads" for p in threadpool_info()
                 if p["user_api"] == "blas"],
    }  # fmt: skip


def len_affinity() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="nmfcore beside scikit-learn and a peer")
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS, "starts"], default=[*WORKLOADS, "starts"], metavar="WORKLOAD")
    parser.add_argument("--without", nargs="+", choices=list(CONTENDERS), default=[], metavar="CONTENDER")
    parser.add_argument("--repeats", type=int, help="instead of each workload's own number")
    parser.add_argument("--note", default="", help="about the circumstances, written below the table")
    parser.add_argument("--report", action="store_true", help="only write the tables and plots again from the stored results")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if not options.report:
        for dtype in (np.float32, np.float64):
            engines.warm(dtype)
        if "starts" in options.only:
            say("Twenty starts")
            say(f"Written: {starts.write(RESULTS, say)}")
        for key in [key for key in options.only if key in WORKLOADS]:
            say(WORKLOADS[key].title)
            found = measure(WORKLOADS[key], options.repeats or WORKLOADS[key].repeats, options.without)
            found["machine"]["note"] = options.note
            (RESULTS / f"{key}.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")
    say(f"Written: {write_report(RESULTS)}")


if __name__ == "__main__":
    main()
