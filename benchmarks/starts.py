"""What do twenty starts cost: one after the other, and together?

    python -m benchmarks --only starts

Random starts and the stop rule of a rank survey (nmfcore/evaluate/rank.py), on the matrices of some workloads. "one" is the
median of the fits alone, each with its own check of X; "together" is `nmfcore.run.several`; their results are compared bit for
bit.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.contenders import kernels
from benchmarks.workloads import WORKLOADS
from nmfcore.evaluate.rank import QUICK
from nmfcore.run import several, solve

STARTS = 20
ON = ("four-tfidf", "example", "expression", "all-20")  # keys of WORKLOADS
REPEATS = 3


def measure(key: str, setting: str) -> dict[str, Any]:
    """Seconds of each fit alone and of all together, the least of some repeats, for one workload and one set of loops."""
    workload = WORKLOADS[key]
    X, together = workload.matrix(), []
    with kernels(setting):
        alone, fits = [], []
        for seed in range(STARTS):
            began = time.perf_counter()
            fits.append(solve(X, workload.rank, init="random", seed=seed, stop=QUICK))
            alone.append(time.perf_counter() - began)
        for _ in range(REPEATS):
            began = time.perf_counter()
            runs = several(X, workload.rank, range(STARTS), stop=QUICK)
            for _ in runs:
                pass
            together.append(time.perf_counter() - began)
        same = all(
            np.array_equal(fit.W, runs.results[seed].W) and np.array_equal(fit.H, runs.results[seed].H)
            for seed, fit in enumerate(fits)
        )
        beside = runs.beside(runs.starts[0])
    return {
        "workload": key, "loops": setting, "one": median(alone), "alone": sum(alone), "together": min(together), "same": same,
        "beside": beside,
    }  # fmt: skip


def write(folder: Path, say: Any) -> Path:
    """Measure, and write starts.json and starts.md into the folder; the path of the table."""
    found = []
    for key in ON:
        for setting, name in (("off", "NumPy only"), ("auto", "compiled")):
            row = {**measure(key, setting), "name": name}
            found.append(row)
            say(f"  {WORKLOADS[key].title}, {name}: {row['one']:.3f} s one, {row['together']:.3f} s together")
    (folder / "starts.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")
    path = folder / "starts.md"
    path.write_text(table(found))
    return path


def table(found: list[dict[str, Any]]) -> str:
    """The Markdown table of the measurements."""
    lines = [
        f"| workload | loops | one start | {STARTS} one after the other | {STARTS} together | side by side | same bits |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found:
        workload, times = WORKLOADS[row["workload"]], [f"{row[k] / row['one']:.1f}×" for k in ("alone", "together")]
        cells = [
            f"{workload.title}, rank {workload.rank}", row["name"], f"{1000 * row['one']:.0f} ms",
            f"{row['alone']:.2f} s, {times[0]}", f"{row['together']:.2f} s, {times[1]}", str(row["beside"]),
            "yes" if row["same"] else "no",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
