"""How is a file read where it can do no harm?

In a child process that has bounded memory (RLIMIT_AS), time and file sizes, a clean environment, no standard input but its
orders, and an audit hook that refuses network connections, other programs and pickled classes. The file's bytes come
through an anonymous file in memory (Linux; elsewhere a temporary file that is removed at once), and so does the result.
The child is this module, started with `python -I -S -B` (it writes no bytecode either); nothing of the calling program's main
module is run again.

Where a platform has no RLIMIT_AS that works (Windows, macOS) the size limits and the time limit still hold, but the memory
bound does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

if __name__ == "__main__":  # in the child, with -S: the parent says where packages are, before anything else is imported
    _ORDERS = json.loads(sys.stdin.buffer.readline())
    sys.path[:0] = [place for place in _ORDERS["path"] if place not in sys.path]
    for _name, _folder in (("nmfcore", 2), ("nmfcore.data", 1)):  # bare packages: the solvers are not needed here (0.6 s)
        sys.modules[_name] = types.ModuleType(_name)
        sys.modules[_name].__path__ = [str(Path(__file__).resolve().parents[_folder])]

from nmfcore.data.model import handover
from nmfcore.data.model.card import Report
from nmfcore.data.model.errors import TooLarge, UploadError, shown
from nmfcore.data.model.limits import MIB, Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

POLL_SECONDS = 0.05
START_SECONDS = 20  # for starting Python and importing NumPy on a slow disk; comes on top of the reading time
WAIT = 2  # the bound is on processor time; on a busy computer that may take this many times as long
OUT_OF_MEMORY = 77  # the child's exit code when the memory bound was reached
REFUSED_EVENTS = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class",
                  "urllib.", "ftplib.", "smtplib.", "webbrowser.", "os.remove", "os.rename", "shutil.")  # fmt: skip


def read_in_child(source: Source, key: str, options: ReadOptions, limits: Limits, report: Report) -> Table:
    """The table in a source, read in a child process.

    Raises
    ------
    UploadError
        The reader's refusal; or that reading took too much time or memory, or that the child crashed.
    """
    with _handed(source) as (place, fds), _scratch() as (result, result_place, result_fds):
        orders = {
            "path": _search_path(),
            "name": source.name,
            "file": place,
            "result": result_place,
            "format": key,
            "options": asdict(options),
            "limits": asdict(limits),
        }
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd=os.path.abspath(os.sep),
            close_fds=True,
            pass_fds=fds + result_fds,  # empty where there are no anonymous files
        )
        try:
            assert child.stdin is not None
            try:
                child.stdin.write(json.dumps(orders).encode() + b"\n")
                child.stdin.close()
            except OSError:  # it ended before it read them; its exit code says why
                pass
            _wait(child, source, limits, report)
        finally:  # also when `report` raised to cancel
            if child.poll() is None:
                child.kill()
            child.wait()
        if child.returncode != 0:
            raise _failed(child.returncode, source, limits)
        result.seek(0)
        return handover.read(result)


def _wait(child: subprocess.Popen[bytes], source: Source, limits: Limits, report: Report) -> None:
    """Until the child has ended, reporting on the way; refused when that takes too long."""
    end = time.monotonic() + WAIT * limits.parse_seconds + START_SECONDS
    while True:
        try:
            child.wait(POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            pass
        if time.monotonic() > end:
            raise _too_slow(source, limits)
        report(f"Reading {shown(source.name)}", None)


def _failed(code: int, source: Source, limits: Limits) -> UploadError:
    """Why a child ended with this code, for a person."""
    if code in (OUT_OF_MEMORY, -9):  # -9: the system itself ended it, for want of memory
        return TooLarge(
            f"Reading {shown(source.name)} needs more than {limits.parse_bytes / MIB:,.0f} MB of memory",
            way_out="Take a part of it, or save it in a denser format (sparse NPZ, Parquet).",
        )
    if code in (-24, -14):  # SIGXCPU, SIGALRM: its own clock ran out
        return _too_slow(source, limits)
    return UploadError(
        f"{shown(source.name)} made its reader crash (code {code}); nothing of it was used",
        way_out="The file is probably damaged. Save it again or in another format.",
    )


def _too_slow(source: Source, limits: Limits) -> UploadError:
    return TooLarge(
        f"Reading {shown(source.name)} took more than {limits.parse_seconds} seconds of work and was stopped",
        way_out="Take a part of it, or save it in a faster format (NPZ, Parquet).",
    )


def _search_path() -> list[str]:
    """Where the child finds the packages this process uses: nmfcore itself, then the folders on our own path."""
    here = str(Path(__file__).resolve().parents[3])
    return list(dict.fromkeys([here, *(os.path.abspath(place) for place in sys.path if place and os.path.isdir(place))]))


def _environment() -> dict[str, str]:
    """A clean environment: no proxies, credentials or Python settings; one thread per numerical library."""
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS")
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return {**kept, **dict.fromkeys(threads, "1"), "ARROW_DEFAULT_MEMORY_POOL": "system", "LC_ALL": "C.UTF-8", "PATH": os.defpath}


@contextmanager
def _scratch() -> Iterator[tuple[BinaryIO, str, tuple[int, ...]]]:
    """An empty file that leaves no trace: its stream, the name under which a child can open it, and what to pass on."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("nmf", 0), "w+b") as stream:
            yield stream, f"/proc/self/fd/{stream.fileno()}", (stream.fileno(),)
        return
    with tempfile.TemporaryDirectory(prefix="nmf-") as folder:
        place = Path(folder, "file")
        with open(place, "w+b") as stream:
            yield stream, str(place), ()


@contextmanager
def _handed(source: Source) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A name under which the child can open the source, and what to pass on."""
    if source.path is not None:
        yield str(source.path.resolve()), ()
        return
    with _scratch() as (stream, place, fds):
        stream.write(source.content or b"")
        stream.flush()
        yield place, fds


# --- in the child -------------------------------------------------------------------------------------------------------


def _bound(limits: Limits) -> None:
    """Bound memory, time and files from here on; what the interpreter and its libraries hold already does not count."""
    try:
        import resource
        import signal
    except ImportError:  # Windows: the parent's clock remains
        return
    held = 0
    with suppress(OSError, ValueError, IndexError):
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    work = int(usage.ru_utime + usage.ru_stime) + limits.parse_seconds
    bounds = {"RLIMIT_CORE": 0, "RLIMIT_CPU": work, "RLIMIT_NOFILE": 64}
    if held:
        bounds["RLIMIT_AS"] = held + limits.parse_bytes
    for name, most in bounds.items():
        try:
            resource.setrlimit(getattr(resource, name), (most, most + 5 if name == "RLIMIT_CPU" else most))
        except (ValueError, OSError, AttributeError):
            continue
    signal.alarm(WAIT * limits.parse_seconds)


def _guard() -> None:
    """Refuse, from here on, whatever no reader needs: network, programs, pickled classes, removing files."""

    def refuse(event: str, arguments: Any) -> None:
        if event.startswith(REFUSED_EVENTS):
            raise PermissionError(f"A reader must not do this: {event}")

    sys.addaudithook(refuse)


def _main(orders: dict[str, Any]) -> int:
    import csv

    from nmfcore.data.readers import READERS
    from nmfcore.data.readers.run import run_reader

    limits = Limits(**orders["limits"])
    options = ReadOptions(**orders["options"])
    csv.field_size_limit(limits.unpacked_bytes)
    if orders["format"] in READERS:
        READERS[orders["format"]].load()
    _bound(limits)
    _guard()
    source = Source(orders["name"], path=Path(orders["file"]))
    table, refusal = None, None
    with open(orders["result"], "r+b") as result:
        try:
            table = run_reader(source, orders["format"], options, limits)
        except UploadError as error:
            refusal = error
        except MemoryError:
            return OUT_OF_MEMORY
        try:
            handover.write(result, table, refusal)
        except MemoryError:
            return OUT_OF_MEMORY
    return 0


if __name__ == "__main__":
    code = _main(_ORDERS)
    os._exit(code)  # no clean-up: everything is written, and destructors of libraries could only fail
