"""What is a run together with its data, and what follows from it?

Every number that a page shows comes from a `FittedRun`; what is derived from it is computed once and lives as long as it does.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from nmfcore import guide
from nmfcore.core.factorization import Factorization
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.data.model.dataset import Dataset
from nmfcore.evaluate.svd import SVD, attainable_share
from nmfcore.run import Run

T = TypeVar("T")

MOST_DERIVED = 300  # of one run: the pictures of a page at about ten positions of its sliders (a card of a topic is 5 to 20 KB)


class Derived:
    """Quantities that follow from one object, computed when first asked for; those used last are kept, at most so many.

    A page asks for pictures at every position of its sliders, and a run is shared by all sessions that show it: what nobody has
    asked for lately is given up, and computed anew when somebody comes back to it.
    """

    def __init__(self, most: int = MOST_DERIVED) -> None:
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._latest: dict[str, tuple[Hashable, Any]] = {}
        self._most = most
        self._lock = threading.Lock()

    def __call__(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The value of that key; two sessions that ask at the same time may both compute it, and get the same."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                known: T = self._values[key]
                return known
        value = compute()
        with self._lock:
            value = self._values.setdefault(key, value)
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._values)

    def latest(self, name: str, key: Hashable, compute: Callable[[], T]) -> T:
        """The value of that key; of all keys under one name only the last is kept, for what is large."""
        held = self._latest.get(name)
        if held is None or held[0] != key:
            held = self._latest[name] = (key, compute())
        value: T = held[1]
        return value

    def forget(self) -> bool:
        """Let go of all of them, to be computed again when they are asked for; whether there were any."""
        with self._lock:
            had = bool(self._values or self._latest)
            self._values.clear()
            self._latest = {}
        return had


@dataclass(eq=False)
class FittedRun:
    """A factorization with the data it belongs to.

    spec : repeats exactly this result (a stopped run's iteration limit is where it stopped)
    decomposition : the truncated (small data: exact) SVD of X, for the floor under every NMF of a rank; None: not measured
    unmeasured : why it was not, as a sentence
    guided : the model with what its wishes ask; None without wishes, and for a run that came from a file
    plain : whether it began with plain NumPy because the compiled kernels were still being prepared
    rule : the stop rule under which a continued run ended, whose spec says how many iterations it had; None otherwise
    """

    spec: RunSpec
    dataset: Dataset
    factorization: Factorization
    decomposition: SVD | None
    run: Run
    unmeasured: str = ""
    guided: guide.Guided | None = None
    plain: bool = False
    rule: StopRule | None = None
    derived: Derived = field(default_factory=Derived)
    _taken: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take_run(self) -> Run | None:
        """The run itself, for whoever goes on from here first; None for everybody else."""
        return self.run if self._taken.acquire(blocking=False) else None

    def forget_solver(self) -> bool:
        """Let go of what the solver needs to go on; going on then repeats the run from its start. Whether there was any."""
        if self.dataset.owner == "" or self.take_run() is None:  # others may go on from a run on the catalog's data
            return False
        self.run.release()
        return True

    @cached_property
    def key(self) -> str:
        """Names the run; a run on somebody's own data is named by whose it is, too."""
        return f"{self.spec.key}@{self.dataset.owner}" if self.dataset.owner else self.spec.key

    @property
    def asked(self) -> RunSpec:
        """What the controls say of it: the rule that stops it, where `spec` may say how many iterations it had."""
        return self.spec if self.spec.guidance else self.run.spec.replace(stop=self.rule or self.run.spec.stop)

    @property
    def rank(self) -> int:
        return self.factorization.rank

    @property
    def ids(self) -> tuple[int, ...]:
        """What gives each component its number and colour: their places, unless wishes have removed or added some."""
        return self.spec.guidance.ids(self.spec.rank)

    @property
    def measured(self) -> bool:
        """Whether the SVD is here."""
        return self.decomposition is not None

    @property
    def svd(self) -> SVD:
        """The SVD, of a run for which it is `measured`."""
        if self.decomposition is None:
            raise ValueError(self.no_floor)
        return self.decomposition

    @property
    def bounded(self) -> bool:
        """Whether the SVD is a floor under this run; `no_floor` says why not."""
        return not self.no_floor

    @cached_property
    def empty(self) -> bool:
        """Whether every given entry is 0: relative errors and shares of nothing have no meaning."""
        X, mask = self.dataset.X, self.dataset.mask
        values = X.data if self.dataset.sparse else X if mask is None else X[mask > 0]
        return not np.any(values)

    @property
    def error(self) -> float:
        """The relative error; NaN where it is undefined."""
        return math.nan if self.empty else self.factorization.relative_error

    @property
    def errors(self) -> np.ndarray:
        """The relative errors of the history (k,); NaN where they are undefined."""
        errors = self.factorization.history.relative_errors
        return np.full_like(errors, math.nan) if self.empty else errors

    @property
    def no_floor(self) -> str:
        """Why the SVD is no floor under this run, in a clause; "" where it is one."""
        if self.empty:
            return "every entry is 0, so there is nothing to explain"
        if self.dataset.mask is not None:
            return "the SVD takes missing entries for 0"
        if not self.measured:
            return (self.unmeasured[:1].lower() + self.unmeasured[1:].rstrip(".")) or "it was not measured"
        return ""

    @property
    def floor(self) -> float:
        """The relative error of the best rank-r matrix, which no NMF of this rank can fall below where it is `bounded`.

        NaN where it was not measured.
        """
        return float(self.svd.floor([self.rank])[0]) if self.measured else float("nan")

    @property
    def floor_line(self) -> float | None:
        """The floor to draw under the curve; None where the SVD is none."""
        return self.floor if self.bounded else None

    @property
    def baseline(self) -> float | None:
        """The error of rank 1, to draw beside the curve; None for rank 1 itself, and where the SVD is no floor."""
        return float(self.svd.floor([1])[0]) if self.rank > 1 and self.bounded else None

    @property
    def attainable(self) -> float:
        """The share of what any rank-r model can explain that this one explains."""
        return attainable_share(self.error, self.floor)
