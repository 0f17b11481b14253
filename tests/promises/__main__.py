"""Does a test fail when a promise is broken? Breaks each one in a copy of the checkout and runs the tests that are named for it.

    python -m tests.promises            all of them
    python -m tests.promises 4 11       those of two promises

A mutation that no longer fits the code, or that the named tests let pass, is a failure. The checkout itself is never touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.promises.mutations import MUTATIONS, Mutation

CHECKOUT = Path(__file__).resolve().parents[2]
NEEDED = ("nmfcore", "dashboard", "datasets", "tests", "benchmarks", "deploy", "docs", "README.md", "pyproject.toml")
AT_ONCE = 2
SECONDS = 240  # for the tests of one mutation on a busy machine; they take a few seconds
FAILED = 1  # pytest's exit code when tests ran and some failed; any other says that they did not run


def copied(place: Path) -> Path:
    """A copy of what the tests need, with what is compiled already: a file that is changed has another time than that says."""
    for name in NEEDED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("results"))
        elif source.exists():
            shutil.copy(source, place / name)
    return place


def wrong(mutation: Mutation, copy: Path) -> str:
    """Why a mutation shows that the tests do not hold the promise; "" when they do."""
    path = copy / mutation.file
    whole = path.read_text(encoding="utf-8")
    if whole.count(mutation.old) != 1:
        return f"{mutation.file} has {whole.count(mutation.old)} places like {mutation.old.strip()[:60]!r}, not one"
    path.write_text(whole.replace(mutation.old, mutation.new), encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(copy), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutation.tests]
    try:
        done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"its tests took longer than {SECONDS} s"
    finally:
        path.write_text(whole, encoding="utf-8")
    if done.returncode != FAILED:
        said = "passed" if done.returncode == 0 else f"did not run (code {done.returncode})"
        return f"{', '.join(mutation.tests)} {said}\n{done.stdout[-1500:]}{done.stderr[-500:]}"
    return ""


def main(asked: list[str]) -> int:
    chosen = [one for one in MUTATIONS if not asked or str(one.promise) in asked]
    left: SimpleQueue[Mutation] = SimpleQueue()
    for one in chosen:
        left.put(one)
    problems: list[str] = []
    lock = threading.Lock()

    def work() -> None:
        with tempfile.TemporaryDirectory(prefix="nmf-promises-") as folder:
            copy = copied(Path(folder))
            while True:
                try:
                    one = left.get_nowait()
                except Empty:
                    return
                began = time.monotonic()
                why = wrong(one, copy)
                seconds = time.monotonic() - began
                with lock:
                    print(f"{'BROKEN' if why else 'kept  '} {one.promise:>2}  {one.breaks}  ({seconds:.1f} s)", flush=True)
                    if why:
                        problems.append(f"Promise {one.promise}, {one.breaks}: {why}")

    threads = [threading.Thread(target=work) for _ in range(min(AT_ONCE, len(chosen)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("\n".join(problems) if problems else f"All {len(chosen)} breaks were seen by the tests that are named for them.")
    return 1 if problems or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
