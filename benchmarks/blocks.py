"""What do passes over data beyond memory cost, and does the number of workers change a bit?

    python -m benchmarks.blocks [big newsgroups slope workers parts] [--stored 500_000_000] [--folder DIR]

writes results/blocks.json and results/blocks.md. `big` plants 20 topics with Zipf columns in a store of 3.1 GB (at 500 million
stored values; it stays in the folder for the next time) and fits it in a process of its own, whose peak of memory is measured;
`newsgroups` compares blocks with memory from one start; `slope` measures seconds per pass from 1e5 to 1e8 stored values;
`workers` runs 1, 2 and 4 Dask workers on one array and kills one in the middle; `parts` measures what 3 to 96 blocks cost beside
the threads of one process.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment

import nmfcore
from nmfcore.core.blocks import ArrayBlocks, Blocks
from nmfcore.core.spec import StopRule
from nmfcore.data.blocks import Store, as_blocks
from nmfcore.kernels.engines import compiled, in_use
from nmfcore.solvers.block_engines import LocalEngine
from nmfcore.solvers.block_work import Order
from nmfcore.solvers.blocked_run import Within

RESULTS = Path(__file__).parent / "results"
PER_ROW, COLUMNS, RANK = 130, 100_000, 20
FOREVER = StopRule(tol=0, max_iter=12, max_seconds=None)
FEW = StopRule(tol=0, max_iter=7, max_seconds=None)
QUIET = 0.1  # processors that others may use while something is measured
PARTITIONS = (3, 6, 12, 24, 48, 96)


class Planted(Blocks):
    """Counts: each row draws words from one to three of `rank` topics; a topic prefers a twentieth of Zipf-distributed columns.

    Made block by block from a seed, so that nothing is ever whole.
    """

    def __init__(self, stored: int, columns: int = COLUMNS, rank: int = RANK, values: int = 1 << 23) -> None:
        rows = max(rank * 10, int(stored / (PER_ROW * 0.87)))  # a word that is drawn twice is stored once
        height = max(1, int(values / (PER_ROW * 0.87)))
        self.edges = np.array([*range(0, rows, height), rows], np.int64)
        self.columns, self.dtype, self.sparse, self.title = columns, np.dtype(np.float32), True, f"planted-{stored}"
        zipf = 1.0 / (np.arange(columns) + 10.0)
        own = np.random.default_rng(7).integers(0, rank, columns)
        self.topics = np.stack([np.where(own == k, 12.0, 0.4) * zipf for k in range(rank)])
        self.topics /= self.topics.sum(axis=1, keepdims=True)
        self.sums = np.cumsum(self.topics, axis=1)

    def block(self, index: int) -> sp.csr_array:
        begin, end = self.span(index)
        rng = np.random.default_rng([11, index])
        m, rank = end - begin, len(self.topics)
        chosen = rng.integers(0, rank, (m, 3))
        shares = rng.dirichlet([0.6, 0.3, 0.1], m)
        which = (rng.random((m, PER_ROW))[:, :, None] > np.cumsum(shares, axis=1)[:, None, :2]).sum(axis=2)
        topic = np.take_along_axis(chosen, which, axis=1).ravel()
        words = np.empty(m * PER_ROW, np.int32)
        for k in range(rank):
            mine = np.flatnonzero(topic == k)
            words[mine] = np.searchsorted(self.sums[k], rng.random(len(mine)) * self.sums[k, -1])
        X = sp.csr_array(
            (np.ones(m * PER_ROW, np.float32), np.minimum(words, self.columns - 1), np.arange(0, m * PER_ROW + 1, PER_ROW)),
            shape=(m, self.columns),
        )
        X.sum_duplicates()
        return X


def peak_mb() -> float:
    """The most memory that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def digest(fit: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(fit.W).tobytes() + fit.H.tobytes()).hexdigest()[:16]


# -- 500 million stored values -------------------------------------------------------------------------------------------------
def big(stored: int, folder: Path) -> dict[str, Any]:
    """Convert once, then fit in a process of its own."""
    target = folder / f"planted-{stored}.blocks"
    began = time.perf_counter()
    code = (
        "import sys, json, resource; from benchmarks.blocks import Planted, peak_mb; from nmfcore.data.blocks import as_blocks;"
        f"as_blocks(Planted({stored}), {str(target)!r}); print(json.dumps(peak_mb()))"
    )
    made = {}
    if not (target / "header.json").exists():
        made = {"converting_peak_mb": json.loads(_child(code)), "converting_s": time.perf_counter() - began}
    return made | json.loads(_child(f"from benchmarks.blocks import fit_big; fit_big({str(target)!r})"))


def _child(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip().splitlines()[-1]


class Laps:
    """Seconds of pieces of work: by the clock, of this process's processors, and of all others' meanwhile (Linux; else 0)."""

    def __init__(self) -> None:
        self.clock: list[float] = []
        self.own: list[float] = []
        self.others: list[float] = []
        self.begin()

    def begin(self) -> None:
        self._at = self._now()

    def end(self) -> None:
        now = self._now()
        clock, own, busy = (b - a for a, b in zip(self._at, now, strict=True))
        self.clock.append(round(clock, 3))
        self.own.append(round(own, 3))
        self.others.append(round(max(0.0, busy - own), 3))
        self._at = now

    @staticmethod
    def _now() -> tuple[float, float, float]:
        stat = Path("/proc/stat")
        ticks = [int(n) for n in stat.read_text().splitlines()[0].split()[1:9]] if stat.exists() else [0] * 8
        return time.perf_counter(), time.process_time(), (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")

    def median(self) -> dict[str, Any]:
        """By the clock and of processors, over the pieces during which others used less than a tenth of a processor (the kernel's
        own writing is some of it); over all of them where there are none."""
        quiet = [i for i, (clock, others) in enumerate(zip(self.clock, self.others, strict=True)) if others < QUIET * clock]
        at = quiet or list(range(len(self.clock)))
        clock, own = (float(np.median(np.array(each)[at])) for each in (self.clock, self.own))
        said = f"{len(quiet)} of {len(self.clock)}"
        return {"s": clock, "cpu_s": own, "quiet": said, "clock": self.clock, "own": self.own, "others": self.others}


def fit_big(path: str) -> None:
    """Fit the store and print what was measured, as JSON."""
    nmfcore.solve(ArrayBlocks(sp.csr_array(np.eye(40, dtype=np.float32) + 1)), 2)  # kernels compiled, libraries loaded
    if compiled():
        LocalEngine(ArrayBlocks(np.ones((9, 9), np.float32)))
    base = peak_mb()
    store = Store(path)
    run = nmfcore.prepare(store, RANK, stop=StopRule(tol=3e-6, max_iter=60, max_seconds=None))
    began, passes, fitted = time.perf_counter(), Laps(), 0.0
    for point in run:
        if isinstance(point, Within) and not point.phase.startswith("Pass"):
            passes.begin()
            fitted = fitted if point.phase == "Exact loss" else time.perf_counter() - began
        elif isinstance(point, Within) and point.blocks == point.of:
            passes.end()
    whole, peak = time.perf_counter() - began, peak_mb()
    began = time.perf_counter()
    result = run.result()
    written = time.perf_counter() - began
    engine, F = LocalEngine(store), np.ascontiguousarray(result.H.T)
    products = Laps()
    for k in range(5):
        for _ in engine.go(Order("sketch", F, plain=compiled() is None, dtype="<f4")):
            pass
        if k:  # the first looks through every block once, as the run's first pass did
            products.end()
        products.begin()
    m, n = store.shape
    reading, read = _read_once(store)
    print(json.dumps({
        "rows": m, "columns": n, "stored": store.facts.stored if store.facts else 0, "blocks": len(store), "bytes": read,
        "rank": RANK, "init": result.spec.init, "threads": engine.threads, "kernels": in_use(),
        "passes": run.passes, "iterations": result.history[-1].iteration, "stopped": result.stopped.name,
        "relative_error": result.relative_error, "whole_s": whole, "start_s": fitted, "result_s": written,
        "pass": passes.median(), "products": products.median(), "reading_s": reading,
        "base_mb": base, "peak_mb": peak, "factors_mb": (m + n) * RANK * 4 / 1e6, **_found(Path(path), result.H),
    }))  # fmt: skip


def _read_once(store: Store) -> tuple[float, int]:
    """Seconds and bytes of reading all files once, from the system's cache where it holds them."""
    began, read, buffer = time.perf_counter(), 0, bytearray(1 << 22)
    for name in sorted(p.name for p in store.folder.iterdir() if p.suffix in (".data", ".indices", ".indptr")):
        with (store.folder / name).open("rb", buffering=0) as file:
            while size := file.readinto(buffer):
                read += size
    return time.perf_counter() - began, read


def _found(path: Path, H: np.ndarray) -> dict[str, float]:
    """How like the planted topics the found ones (r, n) are: cosines of the best pairing."""
    planted = Planted(int(path.stem.split("-")[1])).topics
    a, b = (M / np.linalg.norm(M, axis=1, keepdims=True) for M in (planted, H.astype(float)))
    likeness = a @ b.T
    rows, columns = linear_sum_assignment(-likeness)
    return {"least_cosine": float(likeness[rows, columns].min()), "mean_cosine": float(likeness[rows, columns].mean())}


# -- blocks beside memory ------------------------------------------------------------------------------------------------------
def newsgroups(stored: int, folder: Path) -> dict[str, Any]:
    """All posts as TF-IDF, rank 20: the same start in memory and in 3 and 16 blocks."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    from benchmarks.workloads import texts

    X = TfidfVectorizer(min_df=2, stop_words="english").fit_transform(texts("all", "all")).astype(np.float32)
    problem = nmfcore.as_problem(X, RANK)
    start = nmfcore.solvers.starts.start(problem, "nndsvd", 0)
    given = {"W": start.W, "H": start.H, "stop": StopRule(tol=3e-6, max_seconds=None)}
    memory = nmfcore.solve(X, RANK, **given)
    found = {"shape": list(X.shape), "stored": int(X.nnz), "memory_iterations": memory.history[-1].iteration}
    for parts in (3, 16):
        edges = np.linspace(0, X.shape[0], parts + 1).astype(int)
        fit = nmfcore.solve(ArrayBlocks(X, edges=edges), RANK, **given)
        found[f"iterations_{parts}"] = fit.history[-1].iteration
        found[f"loss_off_{parts}"] = fit.history[-1].loss / memory.history[-1].loss - 1
    return found


# -- seconds over size ---------------------------------------------------------------------------------------------------------
def slope(stored: int, folder: Path) -> dict[str, Any]:
    """Seconds per pass of one thread for stores of 1e5 to 1e8 values (or up to `stored`)."""
    sizes, seconds = [], []
    for size in (1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8):
        if size > max(stored, 1e6):
            break
        store = _planted_store(int(size), folder, columns=max(1000, int(size / 1000)))
        sizes.append(store.facts.stored if store.facts else 0)
        seconds.append(_seconds_per_pass(store, np.min, threads=1))
    a, _ = np.polyfit(np.log10(sizes), np.log10(seconds), 1)
    return {"stored": sizes, "seconds": seconds, "slope": float(a)}


def _planted_store(size: int, folder: Path, columns: int) -> Store:
    return as_blocks(Planted(size, columns), folder / f"slope-{size}.blocks")


def _seconds_per_pass(blocks: Blocks, of: Callable[..., Any] = np.median, **options: Any) -> float:
    """The median over the passes after the second, or their least, which others' work on the machine changes least."""
    run = nmfcore.prepare(blocks, RANK, init="random", **{"stop": FOREVER, **options})
    for _ in run:
        pass
    return float(of(np.diff(run.history.seconds)[2:]))


# -- Dask ----------------------------------------------------------------------------------------------------------------------
def workers(stored: int, folder: Path) -> dict[str, Any]:
    """1, 2 and 4 workers, and one of two killed; 1e8 stored values at full size."""
    source = _of_dask(stored, folder)
    array = _in_chunks(source, 12)
    local = nmfcore.solve(_rechunked(source, 12, folder), RANK, init="random", stop=FOREVER)
    found: dict[str, Any] = {"stored": source.facts.stored if source.facts else 0}
    found["local"] = {"bits": digest(local), "pass_s": float(np.median(np.diff(local.history.seconds)[2:]))}
    for count in (1, 2, 4):
        found[f"workers_{count}"] = _on_cluster(array, count)
    found["killed"] = _on_cluster(array, 2, kill=True)
    return found


def parts(stored: int, folder: Path, counts: Sequence[int] = PARTITIONS) -> dict[str, Any]:
    """What so many blocks cost with two workers, beside two threads of one process."""
    source, found = _of_dask(stored, folder), {}
    for count in counts:
        threads = _seconds_per_pass(_rechunked(source, count, folder), threads=2, stop=FEW)
        cluster = _on_cluster(_in_chunks(source, count), 2, stop=FEW)
        found[str(count)] = {"threads_s": threads, "dask_s": cluster["pass_s"], "overhead_s": cluster["pass_s"] - threads}
    return found


def _of_dask(stored: int, folder: Path) -> Store:
    """The store that both measure, made where it is not there yet."""
    size = min(stored, 100_000_000)
    return _planted_store(size, folder, columns=min(COLUMNS, max(2000, size // 100)))


def _rechunked(store: Store, parts: int, folder: Path) -> Store:
    """The same rows in so many blocks."""
    target = folder / f"{store.folder.stem}-{parts}.blocks"
    stored = store.facts.stored if store.facts else 0
    if not target.exists():
        edges = np.linspace(0, store.shape[0], parts + 1).astype(int)
        return as_blocks(_Slices(store, edges), target, values=max(1, int(0.9 * stored / parts)))
    return Store(target)


class _Slices(Blocks):
    """Rows of a store, cut otherwise."""

    def __init__(self, store: Store, edges: np.ndarray) -> None:
        self.store, self.edges, self.columns, self.dtype = store, np.asarray(edges, np.int64), store.columns, store.dtype
        self.title = store.title

    def block(self, index: int) -> Any:
        return self.store.rows(*self.span(index))


def _in_chunks(store: Store, parts: int) -> Any:
    """The rows as an array of Dask; each worker reads its own."""
    import dask as lazy
    import dask.array as da

    edges = np.linspace(0, store.shape[0], parts + 1).astype(int)
    meta = sp.csr_array((0, 0), dtype=np.float32)
    one = lazy.delayed(store.rows)
    return da.concatenate([
        da.from_delayed(one(int(a), int(b)), (int(b - a), store.columns), meta=meta)
        for a, b in pairwise(edges)
    ])  # fmt: skip


def _on_cluster(array: Any, workers: int, *, kill: bool = False, stop: StopRule = FOREVER) -> dict[str, Any]:
    from distributed import Client, LocalCluster

    options = {"n_workers": workers, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(silence_logs=50, **options) as cluster, Client(cluster) as client:
        run, killed = nmfcore.prepare(array, RANK, init="random", stop=stop), 0
        for point in run:
            if kill and not killed and isinstance(point, Within) and point.phase == "Pass 6" and point.blocks == 4:
                killed = next(iter(client.run(os.getpid).values()))
                os.kill(killed, signal.SIGKILL)
        result = run.result()
        peak = max(client.run(peak_mb).values())
    each = np.diff(result.history.seconds)
    found = {"bits": digest(result), "pass_s": float(np.median(each[2:])), "peak_mb_per_worker": peak}
    return found | ({"slowest_pass_s": float(each.max()), "killed": bool(killed)} if kill else {})


# -- what is written -----------------------------------------------------------------------------------------------------------
def report(found: dict[str, Any]) -> str:
    """The acceptance table as Markdown."""
    lines = ["| what | measured | wanted |", "|---|---|---|"]

    def row(what: str, measured: str, wanted: str) -> None:
        lines.append(f"| {what} | {measured} | {wanted} |")

    if "big" in found:
        b = found["big"]
        size = f"{b['stored']:,} stored values, {b['rows']:,} × {b['columns']:,}"
        row(
            f"{size}, rank {b['rank']}, {b['blocks']} blocks: peak memory",
            f"{b['peak_mb']:,.0f} MB (the program itself {b['base_mb']:,.0f}, the factors {b['factors_mb']:,.0f})",
            "≤ 1,000 MB + factors",
        )
        one, two = b["pass"], b["products"]
        row(
            "seconds per pass, over the two products alone",
            f"{one['s']:.2f} s / {two['s']:.2f} s = {one['s'] / two['s']:.2f} "
            f"(processor: {one['cpu_s']:.1f} s / {two['cpu_s']:.1f} s; medians over the {one['quiet']} passes and {two['quiet']} "
            "products during which nothing else computed)",
            "≤ 1.3",
        )
        row("reading its files once, from the system's cache", f"{b['reading_s']:.2f} s for {b['bytes'] / 1e9:.2f} GB", "")
        row("planted topics found: cosine, least and mean of 20", f"{b['least_cosine']:.3f}, {b['mean_cosine']:.3f}", "found")
        row(
            "passes until it stood still, start included",
            f"{b['passes']} ({b['init']}; {b['whole_s']:.0f} s, the start {b['start_s']:.0f})",
            "",
        )
    if "newsgroups" in found:
        n = found["newsgroups"]
        for parts in (3, 16):
            row(
                f"20 Newsgroups, same start, {parts} blocks against memory",
                f"loss off by {n[f'loss_off_{parts}']:.1e}, "
                f"{n[f'iterations_{parts}']} against {n['memory_iterations']} iterations",
                "≤ 1e-6, ≤ 2 more",
            )
    if "slope" in found:
        s = found["slope"]
        row(
            f"slope of seconds per pass over stored values, {s['stored'][0]:.0e} to {s['stored'][-1]:.0e}",
            f"{s['slope']:.3f}",
            "1.0 ± 0.1",
        )
    if "workers" in found:
        d = found["workers"]
        same = {d["local"]["bits"], *(d[f"workers_{k}"]["bits"] for k in (1, 2, 4)), d["killed"]["bits"]}
        row(
            "bits of W and H: threads, Dask with 1, 2 and 4 workers, and with one killed",
            "the same" if len(same) == 1 else f"{same}",
            "the same",
        )
        for k in (1, 2, 4):
            w = d[f"workers_{k}"]
            row(f"Dask, {k} workers, 12 blocks", f"{w['pass_s']:.2f} s a pass, {w['peak_mb_per_worker']:.0f} MB per worker", "")
        row("the pass in which a worker was killed", f"{d['killed']['slowest_pass_s']:.1f} s", "made up for")
    for count, t in found.get("parts", {}).items():
        row(
            f"{count} blocks: two threads, Dask with 2 workers, the difference",
            f"{t['threads_s']:.2f} s, {t['dask_s']:.2f} s, {t['overhead_s']:.2f} s",
            "",
        )
    return "\n".join(lines) + "\n"


PARTS: dict[str, Callable[[int, Path], dict[str, Any]]] = {
    "big": big, "newsgroups": newsgroups, "slope": slope, "workers": workers, "parts": parts,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.blocks", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--stored", type=int, default=500_000_000, help="stored values of the largest store")
    parser.add_argument("--blocks", type=int, nargs="+", default=PARTITIONS, help="numbers of blocks that `parts` measures")
    parser.add_argument("--folder", type=Path, help="where stores are made and kept (default: a temporary one, removed)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where blocks.json and blocks.md are written")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="nmf-benchmark-"))
    folder.mkdir(parents=True, exist_ok=True)
    file = asked.out / "blocks.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    try:
        for name in asked.parts:
            began = time.perf_counter()
            if name == "parts":  # some of them at a time: each takes half a minute
                found[name] = found.get(name, {}) | parts(asked.stored, folder, asked.blocks)
            else:
                found[name] = PARTS[name](asked.stored, folder)
            gc.collect()
            print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
            file.write_text(json.dumps(found, indent=1) + "\n")
            (asked.out / "blocks.md").write_text(report(json.loads(json.dumps(found))))
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(report(json.loads(json.dumps(found))))


if __name__ == "__main__":
    main()
