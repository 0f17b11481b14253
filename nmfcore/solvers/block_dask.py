"""How do the workers of a Dask cluster visit the blocks, and what if one of them is lost?

Blocks lie with the workers in groups of neighbours, each with its state; a group's sums are added where it lies, in the tree of
all blocks, so a worker returns one (n, r) sum per group. A group that is lost with its worker is read again, and its states are
made again from the run's journal.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nmfcore.core.blocks import Blocks, DaskBlocks
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.solvers.block_journal import Journal, LostWorkers, check, done, settled, value
from nmfcore.solvers.block_work import Interrupted, Order, State, Sums, Tree, add, alive_always, work

ATTEMPTS = 4  # times that a pass is begun again after workers were lost, before the run gives up
GROUPS_PER_THREAD = 4  # at least, so that the threads end about together; a group costs tasks and a sum that may travel


def present_client() -> Any:
    """The Dask client that this process works with, or None."""
    try:
        from distributed import get_client

        return get_client()
    except (ImportError, ValueError):
        return None


def groups_of(count: int, threads: int) -> list[range]:
    """Runs of neighbouring blocks, each a whole branch of the tree of sums: 2^k of them, the last one maybe fewer."""
    size = 1
    while -(-count // (2 * size)) >= GROUPS_PER_THREAD * threads:
        size *= 2
    return [range(begin, min(begin + size, count)) for begin in range(0, count, size)]


@dataclass(frozen=True, eq=False)
class Grouped:
    """What came of one group: the new states of its blocks (None where they have not changed), and their sums."""

    states: list[State] | None
    sums: Sums


class DaskEngine:
    """The workers of a cluster; each group of blocks and its states stay where they are, F goes to every worker once in a pass.

    client : a synchronous Dask client
    folder : where checkpoints and the orders since lie; None where no states are kept
    """

    name = "dask"

    def __init__(self, blocks: Blocks, client: Any, *, folder: Path | None = None) -> None:
        if getattr(client, "asynchronous", False):
            raise ProblemError("This Dask client is asynchronous; NMF needs one made with Client(...) outside of an event loop.")
        self.blocks, self.client = blocks, client
        self.journal = None if folder is None else Journal(client, folder)
        self.run = uuid.uuid4().hex[:8]
        self.sums: Sums = ()
        self._given: Callable[[int, int], np.ndarray] | None = None
        self._last: Order | None = None
        self._count = 0
        self._interrupted = threading.Event()
        workers = client.scheduler_info(n_workers=-1)["workers"]
        self._places = sorted(workers)
        self.groups = groups_of(len(blocks), max(1, sum(int(w["nthreads"]) for w in workers.values())))
        self.data = self._load(range(len(self.groups)), pinned=True)
        self.good: list[Any] = [None] * len(self.groups)
        self.new: list[Any] = []

    def _load(self, which: Any, *, pinned: bool = False) -> list[Any]:
        """The groups with these numbers; pinned : neighbours with one worker, so that few sums travel."""
        found = []
        for g in which:
            where: dict[str, Any] = {}
            if pinned and self._places:
                place = self._places[g * len(self._places) // len(self.groups)]
                where = {"workers": [place], "allow_other_workers": True}
            if isinstance(self.blocks, DaskBlocks):
                parts = self.blocks.delayed()
                chunks = self.client.compute([parts[i] for i in self.groups[g]], **where)
                found.append(self.client.submit(_listed, *chunks, pure=False, **where))
            else:
                found.append(self.client.submit(_blocks_of, self.blocks, self.groups[g], pure=False, **where))
        return found

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
            self.client.submit(_group_work, Xs, states, sent, group, key=f"nmf-pass-{name}-{g}", pure=False)
            for g, (Xs, states, group) in enumerate(zip(self.data, self.good, self.groups, strict=True))
        ]
        states = [self.client.submit(_states_of, part, key=f"nmf-state-{name}-{g}", pure=False) for g, part in enumerate(parts)]
        tree = Tree(len(parts))

        def plus(one: Any, two: Any) -> Any:
            return self.client.submit(add, one, two, pure=False)

        for g, part in enumerate(parts):
            tree.put(g, self.client.submit(_sums_of, part, key=f"nmf-sums-{name}-{g}", pure=False), plus)
        del parts
        waiting = dict(enumerate(states))
        while waiting:
            for g in [i for i, future in waiting.items() if future.status not in ("pending", "queued")]:
                check(waiting.pop(g))
                yield from self.groups[g]
            if self._interrupted.is_set():
                self.client.cancel([*states, tree.root])
                raise Interrupted
            if waiting:
                settled(list(waiting.values()))
        self.sums = value(tree.root)
        self.new, self._last = states, order

    def _heal(self) -> None:
        """Make the lost blocks and states again: the data from its source, the states from the journal."""
        gone = [g for g, future in enumerate(self.data) if future.status in ("lost", "cancelled", "error")]
        for g, future in zip(gone, self._load(gone), strict=True):
            self.data[g] = future
        if self._given is None and (self.journal is None or not self.journal.number):
            return
        for g, future in enumerate(self.good):
            if future is None or future.status != "finished":
                self.good[g] = self._again(g)

    def _again(self, g: int) -> Any:
        """The states of a group once more."""
        held = None if self.journal is None else self.journal.states(g)
        if held is None and self._given is not None:
            held = [(self._given(*self.blocks.span(i)),) for i in self.groups[g]]
        states = None if held is None else self.client.submit(_same, held, pure=False)
        for _, path, order in [] if self.journal is None else self.journal.orders:
            part = self.client.submit(_repeat, self.data[g], states, order, np.load(path), self.groups[g], pure=False)
            states = self.client.submit(_states_of, part, pure=False)
            del part
            done(states, self._interrupted)
        return states

    def keep(self) -> None:
        assert self._last is not None
        assert self.journal is not None
        self.journal.add(self._last)
        self.good, self.new = self.new, []
        self.journal.write(self.good)

    def place(self, give: Callable[[int, int], np.ndarray]) -> None:
        self._given = give
        self.good = [
            self.client.submit(_same, [(give(*self.blocks.span(i)),) for i in group], pure=False) for group in self.groups
        ]

    def states(self) -> Iterator[State]:
        for g in range(len(self.groups)):
            for attempt in range(ATTEMPTS):
                try:
                    states = value(self.good[g])
                    break
                except LostWorkers:
                    if attempt + 1 == ATTEMPTS:
                        raise
                    self._heal()
            yield from states

    def map(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        self._interrupted.clear()

        def sent() -> list[Any]:
            return [self.client.scatter(a, broadcast=True, hash=False) if isinstance(a, np.ndarray) else a for a in args]

        def begun(g: int, given: list[Any]) -> Any:
            spans = [(i, self.blocks.span(i)[0]) for i in self.groups[g]]
            return self.client.submit(_group_map, function, self.data[g], spans, *given, pure=False)

        given = sent()
        found = [begun(g, given) for g in range(len(self.groups))]
        for g in range(len(found)):
            for attempt in range(ATTEMPTS):
                try:
                    yield from value(found[g], self._interrupted)
                    break
                except LostWorkers as lost:
                    if attempt + 1 == ATTEMPTS:
                        raise ProblemError(f"Workers were lost {ATTEMPTS} times in one pass ({lost}).") from None
                    self._heal()
                    given = sent()
                    for other in range(g, len(found)):
                        if found[other].status != "finished":
                            found[other] = begun(other, given)
            found[g] = None

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        self.data, self.good, self.new = [], [], []


# -- what the workers do --------------------------------------------------------------------------------------------------------
def _blocks_of(blocks: Blocks, group: range) -> list[Matrix]:
    return [blocks.block(index) for index in group]


def _listed(*chunks: Matrix) -> list[Matrix]:
    return list(chunks)


def _same(states: list[State]) -> list[State]:
    return states


def _group_work(Xs: list[Matrix], states: list[State] | None, order: Order, group: range) -> Grouped:
    """An order on every block of a group, summed in their branch of the tree."""
    tree, new = Tree(len(group)), []
    for at, index in enumerate(group):
        made = work(Xs[at], None if states is None else states[at], order, index, alive_always)
        tree.put(at, made.sums)
        if made.state is not None:
            new.append(made.state)
    return Grouped(new or None, tree.root)


def _repeat(Xs: list[Matrix], states: list[State] | None, order: Order, F: np.ndarray, group: range) -> Grouped:
    """An order whose F was kept apart, once more."""
    return _group_work(Xs, states, replace(order, F=F), group)


def _group_map(function: Callable[..., Any], Xs: list[Matrix], spans: list[tuple[int, int]], *args: Any) -> list[Any]:
    return [function(X, index, begin, *args) for X, (index, begin) in zip(Xs, spans, strict=True)]


def _states_of(made: Grouped) -> list[State] | None:
    return made.states


def _sums_of(made: Grouped) -> Sums:
    return made.sums
