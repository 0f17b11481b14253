"""How does the server stand many people? python -m benchmarks.load [--sessions 20] [--cycles 100] [--tabs 100] [--out FILE]

Starts a dashboard of its own and opens tabs without a browser (benchmarks/tab.py), so that what is measured is the server. Each
of the sessions brings a file of its own, uses it, fits it and turns its rank, all at one time. Then tabs are opened, fitted and
closed one after the other, and many tabs show one run. Reported: errors, if anybody saw a name of another, times of reruns, and
the server's memory.
A tab's session ends two seconds after it is closed here, not 15 minutes, so that the memory afterwards can be seen.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.tab import Tab
from dashboard.server.asgi import WARM

CHECKOUT = Path(__file__).resolve().parents[1]
TTL = 2  # seconds a closed tab's session is kept here
SETTLE = 8.0  # seconds after which memory is read: two looks of the housekeeping
WARM_SECONDS = 330.0  # compiling the kernels for the first time takes up to five minutes on a slow machine
ROWS, COLUMNS = 200, 60  # of each upload
RERUNS = 5  # turns of the rank in each session
SHARED_RANK = 17  # of the run that many tabs show; nobody has fitted it before
FITTED = "dashboard.work.fitting: fit "  # of the server's log, once for each fit
PAUSE = 1.0  # seconds a person looks before the next turn
GOALS = {"p95_seconds": 2.0, "mb_per_session": 30.0, "back_within": 1.10, "cycles_within": 1.10}


@dataclass
class Report:
    """What was measured; MB are of the server's resident memory."""

    sessions: int
    errors: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    rerun_p50: float = 0.0
    rerun_p95: float = 0.0
    upload_to_use_p95: float = 0.0
    base_mb: float = 0.0
    loaded_mb: float = 0.0
    after_mb: float = 0.0
    after_ten_cycles_mb: float = 0.0
    after_cycles_mb: float = 0.0
    cycles: int = 0
    tabs: int = 0
    tabs_fits: int = 0
    tabs_mb: float = 0.0

    @property
    def per_session(self) -> float:
        return (self.loaded_mb - self.base_mb) / max(self.sessions, 1)

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        found = [*self.errors[:5], *self.leaks[:5]]
        if self.rerun_p95 > GOALS["p95_seconds"]:
            found.append(f"reruns: p95 {self.rerun_p95:.2f} s, at most {GOALS['p95_seconds']:g}")
        if self.per_session > GOALS["mb_per_session"]:
            found.append(f"memory: {self.per_session:.1f} MB a session, at most {GOALS['mb_per_session']:g}")
        if self.after_mb > GOALS["back_within"] * self.base_mb:
            found.append(f"memory after they ended: {self.after_mb:.0f} MB, {self.base_mb:.0f} before")
        if self.cycles and self.after_cycles_mb > GOALS["cycles_within"] * self.after_ten_cycles_mb:
            found.append(
                f"memory after {self.cycles} cycles: {self.after_cycles_mb:.0f} MB, {self.after_ten_cycles_mb:.0f} after ten"
            )
        if self.tabs and self.tabs_fits != 1:
            found.append(f"{self.tabs} tabs on one run were fitted {self.tabs_fits} times, not once")
        return found


@dataclass
class Server:
    url: str
    process: subprocess.Popen[str]
    log: Path

    def memory(self) -> float:
        """MB resident."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def settled(self) -> float:
        """Memory once the housekeeping had its looks."""
        time.sleep(SETTLE)
        return self.memory()

    def warm(self) -> float:
        """Memory once everything is loaded, the compiled kernels among it: the server says so in its log.

        On a machine that has not done so before a child process compiles them, while the server's memory stands still for a
        minute: what it is then is no base, since it is nobody's visit that makes the difference.
        """
        end = time.monotonic() + WARM_SECONDS
        while WARM not in self.log.read_text():
            if time.monotonic() > end:
                raise RuntimeError(f"The server has not loaded all after {WARM_SECONDS:.0f} s: {self.log.read_text()[-2000:]}")
            time.sleep(0.2)
        return self.settled()


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A dashboard of its own on a free port."""
    with tempfile.TemporaryDirectory(prefix="nmf-load-") as folder:
        log = Path(folder, "log.txt")
        env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "NMF_DATA_DIR": folder, "PYTHONUNBUFFERED": "1"}
        env["STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL"] = str(TTL)
        command = [sys.executable, "-m", "dashboard.server.cli", "--port", "0", "--no-browser"]
        with log.open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder, env=env, text=True)
        try:
            end = time.monotonic() + 60
            while not (found := re.search(r"NMF dashboard: (http://\S+)", log.read_text())):
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"The server did not start: {log.read_text()[-2000:]}")
                time.sleep(0.05)
            yield Server(found[1], process, log)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def table(name: str, seed: int) -> bytes:
    """A file whose labels carry its name, so that a leak can be seen."""
    X = np.random.default_rng(seed).random((ROWS, COLUMNS)).round(3)
    head = "item," + ",".join(f"{name}c{j}" for j in range(COLUMNS))
    return "\n".join([head, *(f"{name}r{i}," + ",".join(map(str, row)) for i, row in enumerate(X))]).encode()


def visit(
    url: str, number: int, report: Report, times: list[float], ready: threading.Barrier, leave: threading.Event, pause: float
) -> None:
    """One person: brings a file, uses it, fits it, turns the rank; reads what is on the page after each step."""
    name = f"who{number:02d}x"

    def read() -> None:
        others = {other for text in tab.texts for other in re.findall(r"who\d\dx", text) if other != name}
        report.leaks.extend(f"{name} reads {other}" for other in sorted(others))

    try:
        with Tab(url, page="data") as tab:
            ready.wait(60)
            tab.run()
            tab.run(**{"open-upload": True})
            began = time.perf_counter()
            tab.upload("upload-0", f"{name}.csv", table(name, number))
            tab.wait_for("use-upload")
            tab.run(**{"use-upload": True})
            report_time = time.perf_counter() - began
            read()
            times.append(-report_time)  # negative: the way in, not a rerun
            tab.run(fit=True)
            for turn in range(RERUNS):
                time.sleep(pause)
                times.append(tab.run(rank=3 + turn))
                read()
            times.append(tab.go("topics"))
            read()
            if not tab.says(name):
                report.errors.append(f"{name} does not see its own data: {tab.texts[:6]}")
            leave.wait(300)
    except Exception as wrong:
        report.errors.append(f"{name}: {type(wrong).__name__}: {str(wrong)[:200]}")
        ready.abort()


def crowd(place: Server, report: Report, pause: float) -> None:
    """All at one time."""
    with Tab(place.url) as first:  # what the first visitor makes the server load is not the sessions'
        first.run()
        first.go("data")
        first.go("topics")
    report.base_mb = place.warm()
    times: list[float] = []
    ready, leave = threading.Barrier(report.sessions), threading.Event()
    shared = (report, times, ready, leave, pause)
    people = [threading.Thread(target=visit, args=(place.url, number, *shared)) for number in range(report.sessions)]
    for person in people:
        person.start()
    wanted = report.sessions * (RERUNS + 2)
    end = time.monotonic() + 300
    while len(times) < wanted and not report.errors and time.monotonic() < end:
        time.sleep(0.2)
    report.loaded_mb = place.memory()
    leave.set()
    for person in people:
        person.join(60)
    reruns = np.array([seconds for seconds in times if seconds >= 0] or [0.0])
    ways = np.array([-seconds for seconds in times if seconds < 0] or [0.0])
    report.rerun_p50, report.rerun_p95 = (float(np.percentile(reruns, share)) for share in (50, 95))
    report.upload_to_use_p95 = float(np.percentile(ways, 95))
    report.after_mb = place.settled()


def cycle(place: Server, report: Report, cycles: int) -> None:
    """Open, fit, close, again and again."""
    for number in range(1, cycles + 1):
        try:
            with Tab(place.url) as tab:
                tab.run()
                tab.run(rank=2 + number % 12)
                tab.run(fit=True)
        except Exception as wrong:
            report.errors.append(f"cycle {number}: {type(wrong).__name__}: {str(wrong)[:200]}")
            return
        if number == min(10, cycles):
            report.after_ten_cycles_mb = place.settled()
    report.cycles, report.after_cycles_mb = cycles, place.settled()


def shared(place: Server, report: Report, tabs: int) -> None:
    """So many tabs that turn to one run on the catalog's data, and stay open."""
    before, fitted = place.settled(), place.log.read_text().count(FITTED)
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(tabs):
                tab = opened.enter_context(Tab(place.url, query=f"rank={SHARED_RANK}&data=movies"))
                tab.run()
                tab.go("topics")
        except Exception as wrong:
            report.errors.append(f"shared: {type(wrong).__name__}: {str(wrong)[:200]}")
        report.tabs, report.tabs_mb = tabs, place.memory() - before
        report.tabs_fits = place.log.read_text().count(FITTED) - fitted


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--tabs", type=int, default=100)
    parser.add_argument(
        "--pause", type=float, default=PAUSE, help="seconds between two turns of one person (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    args = parser.parse_args()
    report = Report(args.sessions)
    with server() as place:
        crowd(place, report, args.pause)
        if args.cycles:
            cycle(place, report, args.cycles)
        if args.tabs:
            shared(place, report, args.tabs)
        if "Traceback" in place.log.read_text():
            report.errors.append(place.log.read_text()[-1500:])
    numbers = {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(report).items()}
    numbers["mb_per_session"] = round(report.per_session, 2)
    print(json.dumps(numbers, indent=1))
    if args.out:
        args.out.write_text(json.dumps(numbers, indent=1) + "\n")
    missed = report.missed()
    print("\n".join(f"MISSED {line}" for line in missed) or "All goals are reached.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
