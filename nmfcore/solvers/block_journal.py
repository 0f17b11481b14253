"""From what are states made again that were lost with a Dask worker?

From a checkpoint, the states of all blocks as they were after one kept pass, and the orders that were kept since. Both lie in
the run's folder, so that a late loss costs a few passes over the lost blocks and not all of them; the bits are the same.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nmfcore.solvers.block_work import Interrupted, Order, State

CHECKPOINT_EVERY = 8  # kept passes: so many F are kept, and a late loss costs about so many passes over what was lost
PATIENCE = 0.2  # seconds between two looks at what the workers do


class LostWorkers(Exception):
    """Something that a pass needs has gone with a worker."""


class Journal:
    """What the present states can be made again from: a checkpoint, and the orders that were kept since.

    folder : where both lie; workers that see it write their states themselves, the client those of the others
    """

    def __init__(self, client: Any, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.orders: list[tuple[int, Path, Order]] = []  # number, F in a file, the rest
        self.checkpoint = 0  # number of the kept pass whose states lie in files
        self.number = 0
        self._writing: tuple[int, list[Any]] | None = None
        self._token = folder / f"here-{uuid.uuid4().hex}"
        self._token.touch()

    def add(self, order: Order) -> None:
        """An order was kept."""
        self.number += 1
        path = self.folder / f"order-{self.number:05}.npy"
        np.save(path, order.F, allow_pickle=False)
        self.orders.append((self.number, path, replace(order, F=np.zeros((0, 0)))))

    def write(self, states: list[Any]) -> None:
        """Begin to write these states, where it is time; what was begun before is taken up once all of it is there."""
        self._finish()
        if self._writing is None and self.number - self.checkpoint >= CHECKPOINT_EVERY:
            paths = [str(self._path(self.number, g)) for g in range(len(states))]
            tasks = [
                self.client.submit(_write, state, path, str(self._token), pure=False)
                for state, path in zip(states, paths, strict=True)
            ]
            self._writing = self.number, tasks

    def _finish(self) -> None:
        if self._writing is None:
            return
        number, tasks = self._writing
        if any(task.status in ("lost", "cancelled", "error") for task in tasks):
            self._writing = None  # a worker was lost meanwhile: the earlier checkpoint stays
        elif all(task.status == "finished" for task in tasks):
            self._writing = None
            try:
                for g, task in enumerate(tasks):
                    there = value(task)
                    if there is not None:
                        save_states(self._path(number, g), there)
            except LostWorkers:
                return
            earlier, self.checkpoint = self.checkpoint, number
            for g in range(len(tasks)):
                self._path(earlier, g).unlink(missing_ok=True)
            for old, path, _ in self.orders:
                if old <= number:
                    path.unlink()
            self.orders = [order for order in self.orders if order[0] > number]

    def states(self, group: int) -> list[State] | None:
        """The states of a group at the checkpoint; None where there is none yet."""
        return read_states(self._path(self.checkpoint, group)) if self.checkpoint else None

    def _path(self, number: int, group: int) -> Path:
        return self.folder / f"states-{number:05}-{group:05}.npz"


def _write(states: list[State], path: str, token: str) -> list[State] | None:
    """Write a group's states where this worker sees the run's folder; else give them back, for the client to write."""
    if not Path(token).is_file():
        return states
    save_states(Path(path), states)
    return None


def save_states(path: Path, states: list[State]) -> None:
    """The arrays of some blocks' states in one file, which is there whole or not at all."""
    half = path.with_suffix(".half.npz")
    arrays = {f"{at}-{number}": array for at, state in enumerate(states) for number, array in enumerate(state)}
    np.savez(half, allow_pickle=False, **arrays)
    half.replace(path)


def read_states(path: Path) -> list[State]:
    """What `save_states` wrote."""
    with np.load(path, allow_pickle=False) as file:
        names = [tuple(map(int, name.split("-"))) for name in file.files]
        blocks = range(1 + max(at for at, _ in names))
        return [tuple(file[f"{at}-{number}"] for number in sorted(k for b, k in names if b == at)) for at in blocks]


def settled(futures: list[Any]) -> None:
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


def check(future: Any) -> None:
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


def done(future: Any, interrupted: threading.Event | None = None) -> None:
    """Wait for a future in short turns, and raise what it has to say if it is not well."""
    while future.status in ("pending", "queued"):
        if interrupted is not None and interrupted.is_set():
            raise Interrupted
        settled([future])
    check(future)


def value(future: Any, interrupted: threading.Event | None = None) -> Any:
    """The result of a future."""
    done(future, interrupted)
    try:
        return future.result()
    except Exception as wrong:
        if future.status != "error":
            raise LostWorkers(type(wrong).__name__) from None
        raise
