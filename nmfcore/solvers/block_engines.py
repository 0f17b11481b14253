"""Who visits the blocks: threads of this process, or the workers of a Dask cluster?

Both carry out the same `Order`s with the same functions on the same blocks and add in the same tree, so they give the same bits.
An engine holds the state of every block (its rows of W) in two versions: the good one, and the one that the last pass made;
`keep` makes the second the first. A pass that is interrupted, or lost with a worker, leaves the good one as it was and can be
made again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nmfcore.core.blocks import Blocks, DaskBlocks
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.solvers.block_work import Done, Interrupted, Order, State, Sums, Tree, add, alive_always, work

MOST_THREADS = 8  # of the local engine; each holds a block's factors and an (n, r) sum
LARGE_BYTES = 256 << 20  # of an array as long as X that is still kept in memory
ATTEMPTS = 4  # times that a pass is begun again after workers were lost, before the run gives up
PATIENCE = 0.2  # seconds between two looks at what the workers do


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
            array.tofile(self._path(side, index, number))
        self.held[side][index] = [(array.shape, array.dtype) for array in state]

    def get(self, side: int, index: int) -> State | None:
        held = self.held[side][index]
        if self.folder is None or held is None:
            return held
        return tuple(
            np.fromfile(self._path(side, index, number), dtype).reshape(shape) for number, (shape, dtype) in enumerate(held)
        )

    def _path(self, side: int, index: int, number: int) -> Path:
        assert self.folder is not None
        return self.folder / f"state-{side}-{index:05}-{number}"


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


# -- Dask -----------------------------------------------------------------------------------------------------------------------
def present_client() -> Any:
    """The Dask client that this process works with, or None."""
    try:
        from distributed import get_client

        return get_client()
    except (ImportError, ValueError):
        return None


class LostWorkers(Exception):
    """Something that a pass needs has gone with a worker."""


class DaskEngine:
    """The workers of a cluster; each block and its state stay where they are, F goes to every worker once in a pass.

    client : a synchronous Dask client
    folder : where the orders that made the present states are kept, one F each: if a worker is lost, its blocks' states are made
        again from them; None where no states are kept
    """

    name = "dask"

    def __init__(self, blocks: Blocks, client: Any, *, folder: Path | None = None) -> None:
        if getattr(client, "asynchronous", False):
            raise ProblemError("This Dask client is asynchronous; NMF needs one made with Client(...) outside of an event loop.")
        self.blocks, self.client, self.folder = blocks, client, folder
        self.run = uuid.uuid4().hex[:8]
        self.sums: Sums = ()
        self._given: Callable[[int, int], np.ndarray] | None = None
        self._kept: list[tuple[Path, Order]] = []  # the orders whose states were kept, without their F
        self._last: Order | None = None
        self._count = 0
        self._interrupted = threading.Event()
        self.data = self._load(range(len(blocks)))
        self.good: list[Any] = [None] * len(blocks)
        self.new: list[Any] = []

    def _load(self, which: Any) -> list[Any]:
        if isinstance(self.blocks, DaskBlocks):
            parts = self.blocks.delayed()
            return self.client.compute([parts[i] for i in which])
        return [self.client.submit(_block_of, self.blocks, i, pure=False) for i in which]

    def go(self, order: Order) -> Iterator[int]:
        self._interrupted.clear()
        for attempt in range(ATTEMPTS):
            try:
                if attempt:
                    self._heal()
                yield from self._go(order)
                return
            except LostWorkers as lost:
                if attempt + 1 == ATTEMPTS:
                    raise ProblemError(
                        f"Workers were lost {ATTEMPTS} times in one pass ({lost}). They may have too little memory: give them "
                        "more, or cut the data into smaller blocks. What the run has so far is kept; it can go on."
                    ) from None

    def _go(self, order: Order) -> Iterator[int]:
        self._count += 1
        name = f"{self.run}-{self._count}"
        sent = self.client.scatter(order, broadcast=True, hash=False)
        parts = [
            self.client.submit(work, X, state, sent, index, key=f"nmf-pass-{name}-{index}", pure=False)
            for index, (X, state) in enumerate(zip(self.data, self.good, strict=True))
        ]
        states = [self.client.submit(_state_of, part, key=f"nmf-state-{name}-{i}", pure=False) for i, part in enumerate(parts)]
        tree = Tree(len(parts))

        def plus(one: Any, two: Any) -> Any:
            return self.client.submit(add, one, two, pure=False)

        for index, part in enumerate(parts):
            tree.put(index, self.client.submit(_sums_of, part, key=f"nmf-sums-{name}-{index}", pure=False), plus)
        del parts
        waiting = dict(enumerate(states))
        while waiting:
            for index in [i for i, future in waiting.items() if future.status not in ("pending", "queued")]:
                _check(waiting.pop(index))
                yield index
            if self._interrupted.is_set():
                self.client.cancel([*states, tree.root])
                raise Interrupted
            if waiting:
                _settled(list(waiting.values()))
        self.sums = _value(tree.root)
        self.new, self._last = states, order

    def _heal(self) -> None:
        """Make the lost blocks and states again: the data from its source, the state from all orders that were kept."""
        gone = [i for i, future in enumerate(self.data) if future.status in ("lost", "cancelled", "error")]
        for index, future in zip(gone, self._load(gone), strict=True):
            self.data[index] = future
        if self._given is None and not self._kept:
            return
        for index, future in enumerate(self.good):
            if future is not None and future.status == "finished":
                continue
            state = (
                None if self._given is None else self.client.submit(_placed, self._given(*self.blocks.span(index)), pure=False)
            )
            for path, order in self._kept:
                part = self.client.submit(_repeat, self.data[index], state, order, np.load(path), index, pure=False)
                state = self.client.submit(_state_of, part, pure=False)
                del part
                _done(state, self._interrupted)
            self.good[index] = state

    def keep(self) -> None:
        assert self._last is not None
        assert self.folder is not None
        path = self.folder / f"order-{self._count:05}.npy"
        np.save(path, self._last.F, allow_pickle=False)
        self._kept.append((path, _without_F(self._last)))
        self.good, self.new = self.new, []

    def place(self, give: Callable[[int, int], np.ndarray]) -> None:
        self._given = give
        spans = [self.blocks.span(i) for i in range(len(self.blocks))]
        self.good = [self.client.submit(_placed, give(*span), pure=False) for span in spans]

    def states(self) -> Iterator[State]:
        for index in range(len(self.blocks)):
            for attempt in range(ATTEMPTS):
                try:
                    state = _value(self.good[index])
                    break
                except LostWorkers:
                    if attempt + 1 == ATTEMPTS:
                        raise
                    self._heal()
            yield state

    def map(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        self._interrupted.clear()
        sent = [self.client.scatter(a, broadcast=True, hash=False) if isinstance(a, np.ndarray) else a for a in args]
        spans = [self.blocks.span(i) for i in range(len(self.blocks))]
        found = [self.client.submit(function, X, index, spans[index][0], *sent, pure=False) for index, X in enumerate(self.data)]
        for index in range(len(found)):
            for attempt in range(ATTEMPTS):
                try:
                    yield _value(found[index], self._interrupted)
                    break
                except LostWorkers as lost:
                    if attempt + 1 == ATTEMPTS:
                        raise ProblemError(f"Workers were lost {ATTEMPTS} times in one pass ({lost}).") from None
                    self._heal()
                    sent = [self.client.scatter(a, broadcast=True, hash=False) if isinstance(a, np.ndarray) else a for a in args]
                    for other in range(index, len(found)):
                        if found[other].status != "finished":
                            found[other] = self.client.submit(
                                function, self.data[other], other, spans[other][0], *sent, pure=False
                            )
            found[index] = None

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        self.data, self.good, self.new = [], [], []


def _block_of(blocks: Blocks, index: int) -> Matrix:
    return blocks.block(index)


def _placed(W: np.ndarray) -> State:
    return (W,)


def _repeat(X: Matrix, state: State | None, order: Order, F: np.ndarray, index: int) -> Done:
    """An order whose F was kept apart, once more."""
    return work(X, state, _with_F(order, F), index, alive_always)


def _without_F(order: Order) -> Order:
    return Order(**{**vars(order), "F": np.zeros((0, 0))})


def _with_F(order: Order, F: np.ndarray) -> Order:
    return Order(**{**vars(order), "F": F})


def _state_of(done: Done) -> State | None:
    return done.state


def _sums_of(done: Done) -> Sums:
    return done.sums


def _settled(futures: list[Any]) -> None:
    """Wait until one of them is no longer pending, or a moment."""
    from distributed import TimeoutError as Later
    from distributed import wait as until

    try:
        with futures[0].client.as_current():  # it need not be the one that this process works with otherwise
            until(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED")
    except (Later, TimeoutError):
        pass
    except Exception as wrong:  # a future that was lost is reported this way too; its status says so
        if not any(f.status in ("lost", "cancelled", "error") for f in futures):
            raise wrong


def _check(future: Any) -> None:
    """Raise what a future that is no longer pending has to say, if it is not well.

    Raises
    ------
    LostWorkers
        If it has gone with a worker.
    """
    if future.status == "finished":
        return
    if future.status == "error":
        error = future.exception()
        if type(error).__name__ in (
            "KilledWorker",
            "FutureCancelledError",
            "CancelledError",
            "ComputeError",
            "NoValidWorkerError",
        ):
            raise LostWorkers(type(error).__name__)
        raise error
    raise LostWorkers(future.status)


def _done(future: Any, interrupted: threading.Event | None = None) -> None:
    """Wait for a future in short turns, and raise what it has to say if it is not well."""
    while future.status in ("pending", "queued"):
        if interrupted is not None and interrupted.is_set():
            raise Interrupted
        _settled([future])
    _check(future)


def _value(future: Any, interrupted: threading.Event | None = None) -> Any:
    """The result of a future."""
    _done(future, interrupted)
    try:
        return future.result()
    except Exception as wrong:
        if future.status != "error":
            raise LostWorkers(type(wrong).__name__) from None
        raise


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
