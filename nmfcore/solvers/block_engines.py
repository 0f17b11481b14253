"""Who visits the blocks: threads of this process, or the workers of a Dask cluster?

Both carry out the same `Order`s with the same functions on the same blocks and add in the same tree, so they give the same bits.
An engine holds the state of every block (its rows of W) in two versions: the good one, and the one that the last pass made;
`keep` makes the second the first. A pass that is interrupted, or lost with a worker, leaves the good one as it was and can be
made again.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nmfcore.core.blocks import Blocks, DaskBlocks
from nmfcore.solvers.block_dask import DaskEngine, present_client
from nmfcore.solvers.block_work import Done, Interrupted, Order, State, Sums, Tree, work

MOST_THREADS = 8  # of the local engine; each holds a block's factors and an (n, r) sum
LARGE_BYTES = 256 << 20  # of an array as long as X that is still kept in memory


class Engine(Protocol):
    """What the solver needs of whoever visits the blocks.

    sums : of the last pass that was carried out to its end
    """

    blocks: Blocks
    name: str
    sums: Sums

    def go(self, order: Order) -> Iterator[int]:
        """Carry out an order on every block; yields the number of each block that is done. Ends early with `Interrupted`."""
        ...

    def keep(self) -> None:
        """What the last pass made is from now on the good state."""
        ...

    def place(self, give: Callable[[int, int], np.ndarray]) -> None:
        """Make give(begin, end), one array, the state of the block with these rows."""
        ...

    def states(self) -> Iterator[State]:
        """The good state of each block, in order."""
        ...

    def map(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """function(X_b, index, first_row, *args) of every block, in order."""
        ...

    def interrupt(self) -> None:
        """End what is under way; from any thread."""
        ...

    def close(self) -> None:
        """Let go of threads, files and what the workers hold."""
        ...


# -- this process ---------------------------------------------------------------------------------------------------------------
class Shelf:
    """The states of all blocks in two versions, in memory or as plain files in a folder."""

    def __init__(self, count: int, folder: Path | None = None) -> None:
        self.folder = folder
        self.held: list[list[Any]] = [[None] * count, [None] * count]

    def put(self, side: int, index: int, state: State) -> None:
        if self.folder is None:
            self.held[side][index] = state
            return
        for number, array in enumerate(state):
            write_over(self._path(side, index, number), array)
        self.held[side][index] = [(array.shape, array.dtype) for array in state]

    def get(self, side: int, index: int) -> State | None:
        held = self.held[side][index]
        if self.folder is None or held is None:
            return held
        return tuple(
            np.fromfile(self._path(side, index, number), dtype, math.prod(shape)).reshape(shape)
            for number, (shape, dtype) in enumerate(held)
        )

    def _path(self, side: int, index: int, number: int) -> Path:
        assert self.folder is not None
        return self.folder / f"state-{side}-{index:05}-{number}"


def write_over(path: Path, array: np.ndarray) -> None:
    """Write an array into a file that may be there already, in its place.

    A file that is cut to nothing first, as `tofile` does, is written to the disk as soon as it is closed (ext4 does so for
    safety), and whoever computes waits for that in every pass.
    """
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb", buffering=0) as file:
        left = np.ascontiguousarray(array).data.cast("B")
        while left:
            left = left[file.write(left) :]


class LocalEngine:
    """A few threads of this process, each with one block at a time.

    threads : None for as many as there are processors, at most 8; the result does not depend on it
    folder : where the states are kept as files; None keeps them in memory
    """

    name = "local"

    def __init__(self, blocks: Blocks, *, threads: int | None = None, folder: Path | None = None) -> None:
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.blocks = blocks
        self.threads = max(1, min(threads or min(usable, MOST_THREADS), len(blocks)))
        self.shelf = Shelf(len(blocks), folder)
        self.good = 0
        self.sums: Sums = ()
        self._changed: list[int] = []
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="nmf-blocks")
        self._closed = weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)

    def go(self, order: Order) -> Iterator[int]:
        tree = Tree(len(self.blocks))
        changed: list[int] = []

        def one(index: int) -> Sums:
            done: Done = work(self.blocks.block(index), self.shelf.get(self.good, index), order, index, self._alive)
            self.blocks.release(index)
            if done.state is not None:
                self.shelf.put(1 - self.good, index, done.state)
                changed.append(index)
            return done.sums

        for index, sums in self._each(one, ordered=False):
            tree.put(index, sums)
            yield index
        self.sums, self._changed = tree.root, changed

    def keep(self) -> None:
        if self._changed:
            self.good, self._changed = 1 - self.good, []

    def place(self, give: Callable[[int, int], np.ndarray]) -> None:
        for index in range(len(self.blocks)):
            self.shelf.put(self.good, index, (give(*self.blocks.span(index)),))

    def states(self) -> Iterator[State]:
        for index in range(len(self.blocks)):
            state = self.shelf.get(self.good, index)
            assert state is not None
            yield state

    def map(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        def one(index: int) -> Any:
            found = function(self.blocks.block(index), index, self.blocks.span(index)[0], *args)
            self.blocks.release(index)
            return found

        for _, found in self._each(one, ordered=True):
            yield found

    def _each(self, one: Callable[[int], Any], *, ordered: bool) -> Iterator[tuple[int, Any]]:
        """one(index) for every block by the threads, begun in order and at most one more than there are threads at a time."""
        self._stop.clear()
        todo = iter(range(len(self.blocks)))
        under_way: dict[Future, int] = {}
        try:
            for _ in range(self.threads + 1):
                self._next(todo, one, under_way)
            while under_way:
                first = min(under_way, key=lambda f: under_way[f])
                wait([first] if ordered else under_way, return_when=FIRST_COMPLETED)
                for future in [first] if ordered else [f for f in under_way if f.done()]:
                    index = under_way.pop(future)
                    found = future.result()
                    self._next(todo, one, under_way)
                    yield index, found
        finally:  # also when the caller has left the loop: nothing works on after that
            self._stop.set()
            for future in under_way:
                future.cancel()
            wait(under_way)
            self._stop.clear()

    def _next(self, todo: Iterator[int], one: Callable[[int], Any], under_way: dict[Future, int]) -> None:
        index = next(todo, None)
        if index is not None:
            under_way[self._pool.submit(one, index)] = index

    def _alive(self) -> None:
        if self._stop.is_set():
            raise Interrupted

    def interrupt(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self._closed()
        self.shelf = Shelf(len(self.blocks))


def engine_for(blocks: Blocks, client: Any = None, threads: int | None = None, folder: Path | None = None) -> Engine:
    """The workers of a client, or threads of this process; for an array of Dask the present client where there is one."""
    if client is None and isinstance(blocks, DaskBlocks):
        client = present_client()
    return LocalEngine(blocks, threads=threads, folder=folder) if client is None else DaskEngine(blocks, client, folder=folder)


def mapped_array(shape: tuple[int, int], dtype: np.dtype, inside: str | Path | None = None) -> np.ndarray:
    """An array of that shape, in a file where it is large; the file goes when the array does."""
    if shape[0] * shape[1] * dtype.itemsize <= LARGE_BYTES:
        return np.empty(shape, dtype)
    folder, remove = own_folder(inside)
    array = np.lib.format.open_memmap(folder / "array.npy", "w+", dtype, shape)
    weakref.finalize(array, remove)
    return array


def own_folder(inside: str | Path | None = None) -> tuple[Path, Callable[[], None]]:
    """A new folder for the files of one run, and what removes it."""
    path = Path(tempfile.mkdtemp(prefix="nmf-blocks-", dir=inside))
    return path, lambda: shutil.rmtree(path, ignore_errors=True)
