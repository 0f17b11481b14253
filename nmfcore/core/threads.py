"""Who works beside the calling thread? A small pool for the hot loops, and one switch for BLAS's own threads.

Other processes: start them by spawn, forkserver or loky. After a plain fork the child gets new locks and a new pool, but what
other libraries (BLAS, OpenMP, numba's compiler) held in other threads at that moment stays held there: a fork during somebody's
fit is not safe, neither here nor in scikit-learn.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from nmfcore.core.wanted import ask

CONVERTED = 1 << 20  # numbers that one thread converts at a time: fewer are not worth waking another


def in_single(values: np.ndarray) -> np.ndarray:
    """A float32 copy, C-ordered, made by several threads when it is large: most of the time goes into memory touched at first."""
    new = np.empty(values.shape, np.float32)
    per_row = max(1, values.size // max(1, len(values)))
    edges = [*range(0, len(values), max(1, CONVERTED // per_row)), len(values)]

    def convert(begin: int, end: int) -> None:
        new[begin:end] = values[begin:end]

    share(convert, list(pairwise(edges)))
    return new


def share(loop: Callable[..., Any], spans: list[tuple[int, int]]) -> list[Any]:
    """[loop(*span) for span in spans], by this thread and the pool's.

    Waking a thread costs as much as a million multiply-adds, so this one begins at once and waits for no helper that has not.
    It asks before each span whether the work is still wanted (core/wanted.py).
    """
    results: list[Any] = [None] * len(spans)
    todo = iter(range(len(spans)))  # taking the next number is atomic

    def work() -> None:
        for i in todo:
            ask()
            results[i] = loop(*spans[i])

    wanted = 0 if getattr(_here, "alone", False) else min(processors(), len(spans)) - 1
    helpers = [_pool().submit(work) for _ in range(wanted)]
    try:
        work()
    except BaseException:
        for _ in todo:  # the helpers take nothing further on
            pass
        raise
    finally:
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    return results


@contextmanager
def alone() -> Iterator[None]:
    """Inside, `share` of this thread calls nobody: for work of which every processor has a part of its own already."""
    before = getattr(_here, "alone", False)
    _here.alone = True
    try:
        yield
    finally:
        _here.alone = before


def processors() -> int:
    """How many threads are worth having: those that may run here, four at most."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, usable)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, processors() - 1), thread_name_prefix="nmf-kernel")


class _Blas:
    """Limits BLAS to one thread while anybody asks for it, and restores what was there when the last one is done."""

    def __init__(self) -> None:
        self.lock, self.users = threading.Lock(), 0
        self.libraries: list[Any] | None = None
        self.before: list[tuple[Any, int]] = []

    @contextmanager
    def single(self) -> Iterator[None]:
        with self.lock:
            if self.users == 0:
                if self.libraries is None:
                    self.libraries = list(ThreadpoolController().select(user_api="blas").lib_controllers)
                self.before = [(library, library.num_threads) for library in self.libraries]
            for library, _ in self.before:  # each time: another thread's limits (scikit-learn's) may have ended in between
                if library.num_threads != 1:  # threadpoolctl's own limit() is slow
                    _set_threads(library, 1)
            self.users += 1
        try:
            yield
        finally:
            with self.lock:
                self.users -= 1
                if self.users == 0:
                    for library, threads in self.before:
                        if threads != 1:
                            _set_threads(library, threads)


def _set_threads(library: Any, number: int) -> None:
    """From whatever thread: since threadpoolctl 3.8 only the first one that set OpenBLAS's threads may go on doing so, the others
    are ignored without a word. The lock and the count of `_Blas` stand for that rule here; nobody is left in control."""
    release = getattr(library, "clear_controlling_thread", lambda **_: None)
    release(force=True)
    library.set_num_threads(number)
    release(force=True)


def _renew() -> None:
    """In the child of a fork: threads of the pool are gone, and locks may be held by threads that do not exist here."""
    _pool.cache_clear()
    _blas.lock, _blas.users = threading.Lock(), 0


_here = threading.local()
_blas = _Blas()  # the number of BLAS threads is the process's, so its keeper is too
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def one_blas_thread() -> AbstractContextManager[None]:
    """BLAS in one thread while the engines run: they cut the work themselves, and waiting BLAS threads spin in their way."""
    return _blas.single()
