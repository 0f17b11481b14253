"""How much memory does one session hold, and what goes first when that is too much?

Pictures and tables that can be made again go first, then what a solver needs to go on (Continue then repeats the run from its
start), then the models between wishes, then kept runs: those that were passed through, then those shown longest ago, those with
names and merges last. The run on screen and the data in use stay. Data and results of the catalog are everybody's and count for
nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboard.session.keeping import let_go
from dashboard.session.tab import State, jobs
from dashboard.work.fitted import FittedRun
from dashboard.work.results import size_of
from nmfcore.data.model.limits import Limits

PICTURES = "Pictures and tables were dropped to stay within {budget:,.0f} MB for this session; they are made again when shown."
SOLVERS = "What earlier runs need to go on was dropped to stay within {budget:,.0f} MB; Continue repeats them from the start."
STEPS = "Models between wishes were dropped to stay within {budget:,.0f} MB; going back computes them again."
RUNS = "Kept runs were dropped to stay within {budget:,.0f} MB, those shown longest ago first. Their addresses fit them again."


@dataclass(frozen=True)
class Held:
    """Bytes that a session holds: its uploads, its runs, what was derived from them; and how many it may hold."""

    uploads: int
    runs: int
    derived: int
    budget: int

    @property
    def total(self) -> int:
        return self.uploads + self.runs + self.derived


def held(me: State) -> Held:
    """What a session holds now; arrays that several things share count once, what the catalog brought not at all."""
    counted: dict[int, Any] = {}
    for run in me.shown.kept.values():
        if not run.dataset.owner:
            size_of(run.dataset, counted)
    looked_at = [me.brought.looked_at, me.brought.used]
    uploads = size_of(
        [list(me.chosen.uploads.values()), [one.content for one in looked_at if one is not None], looked_at], counted
    )
    own = [*me.shown.kept.values(), *me.shown.steps.values()]
    runs = size_of([[run.factorization, run.run, run.decomposition, run.guided] for run in own], counted)
    derived = size_of([[run.derived for run in own], me.shown.edited], counted) + jobs().held(me.id)
    return Held(uploads, runs, derived, Limits.from_environment().session_bytes)


def make_room(me: State) -> None:
    """Drop what goes first until the session holds no more than it may, and say so."""
    now = held(me)
    for sentence, drop in (
        (PICTURES, _drop_pictures),
        (SOLVERS, _drop_solvers),
        (STEPS, _drop_steps),
        *((RUNS, _drop_run) for _ in range(len(me.shown.kept))),
    ):
        if now.total <= now.budget:
            return
        if drop(me):
            me.tell(sentence.format(budget=now.budget / 2**20))
            now = held(me)


def _others(me: State) -> list[FittedRun]:
    return [run for run in me.shown.kept.values() if run is not me.shown.run]


def _drop_pictures(me: State) -> bool:
    dropped = me.shown.edited.forget()
    for run in _others(me):
        dropped = run.derived.forget() or dropped
    return dropped


def _drop_solvers(me: State) -> bool:
    return sum(run.forget_solver() for run in _others(me)) > 0


def _drop_steps(me: State) -> bool:
    gone = [key for key, run in me.shown.steps.items() if run is not me.shown.run]
    for key in gone:
        del me.shown.steps[key]
    return bool(gone)


def _drop_run(me: State) -> bool:
    return let_go(me, me.shown.run)
