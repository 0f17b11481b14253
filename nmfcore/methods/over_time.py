"""How do topics change over time?

Items have a date, a year or a number; they are put into bins of equal width (a day to a century, or 1, 2, 5, 10, ...), and a bin
is a group like any other (methods/groups.py), so its shares have intervals and its size is told. A topic's own words in a bin
are found with W fixed: H_b = argmin ||X_b - W_b H_b||, H_b >= 0 (exact). W is held because it says how much each item is of the
topic; letting W move too would let the topic become another one from bin to bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.core.wanted import ask
from nmfcore.data.model.facts import Classes, Fact
from nmfcore.methods.groups import LEAST
from nmfcore.topics.projection import project_columns

MOST_BINS = 60  # that are chosen by themselves; a person may ask for finer ones up to LIMIT
LIMIT = 2000
# name -> (NumPy's unit, how many of it)
UNITS = {
    "day": ("D", 1), "week": ("W", 1), "month": ("M", 1), "quarter": ("M", 3), "year": ("Y", 1), "5 years": ("Y", 5),
    "decade": ("Y", 10), "century": ("Y", 100),
}  # fmt: skip
YEARS = (1000, 2200)  # whole numbers between these are years
HALVES = "two halves"  # before and after the median, equal moments together


@dataclass(frozen=True, eq=False)
class Bins:
    """Items by bins in time.

    unit : a key of UNITS, or the width of a bin of numbers as text
    names : (b,) of every bin from the first to the last, empty ones included
    index : (m,) bin of each item, -1 where nothing is known
    """

    unit: str
    names: tuple[str, ...]
    index: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """(b,) items in each bin."""
        return np.bincount(self.index[self.index >= 0], minlength=len(self.names))

    @property
    def classes(self) -> Classes:
        return Classes(self.names, self.index)


def units_of(fact: Fact) -> list[str]:
    """The bins that can be chosen for a fact, from fine to coarse; those with more than LIMIT bins are left out."""
    if not fact.known.any():
        return []
    units = list(UNITS) if fact.kind == "date" else _widths(fact)
    halves = [HALVES] if len(np.unique(fact.values[fact.known])) > 1 else []
    return [unit for unit in units if _number_of(fact, unit) <= LIMIT] + halves


def usual_unit(fact: Fact) -> str:
    """The finest bins of which there are not too many to read, and half of which hold enough items to say something of.

    Where none hold enough, the finest that can be read.

    Raises
    ------
    ProblemError
        If the fact is no date and no number, or nothing is known.
    """
    units = [unit for unit in _checked(fact) if unit != HALVES]
    readable = [unit for unit in units if _number_of(fact, unit) <= MOST_BINS] or units[-1:]
    return next((unit for unit in readable if _hold_enough(bins(fact, unit).counts)), readable[0])


def _hold_enough(counts: np.ndarray) -> bool:
    filled = counts[counts > 0]
    return len(filled) > 1 and bool(np.median(filled) >= LEAST)


def bins(fact: Fact, unit: str | None = None) -> Bins:
    """The items of a date or number by bins.

    Parameters
    ----------
    fact : of kind "date" or "number", one value an item
    unit : one of `units_of(fact)`; None takes `usual_unit`

    Raises
    ------
    ProblemError
        If the fact is no date and no number, nothing is known, or there are no such bins.
    """
    known = _checked(fact)
    unit = unit or usual_unit(fact)
    if unit not in known:
        raise ProblemError(f"{fact.name} cannot be divided into bins of {unit!r}. Possible: {', '.join(known)}.")
    if unit == HALVES:
        return _halves(fact)
    place, first, last = _places(fact, unit)
    names = tuple(_name(at, unit, fact) for at in range(first, last + 1))
    return Bins(unit, names, np.where(fact.known, place - first, -1).astype(np.int32))


def _halves(fact: Fact) -> Bins:
    """The earlier and the later half, as equal in number as they can be with equal values together."""
    known = fact.known
    values, counts = np.unique(fact.values[known], return_counts=True)
    before = np.cumsum(counts)[:-1]
    cut = int(np.argmin(np.abs(2 * before - counts.sum())))
    index = np.full(len(fact), -1, np.int32)
    index[known] = (fact.values[known] > values[cut]).astype(np.int32)
    said = Fact(fact.name, fact.kind, values).shown
    ends = ((0, cut), (cut + 1, len(values) - 1))
    return Bins(HALVES, tuple(said(a) if a == b else f"{said(a)} to {said(b)}" for a, b in ends), index)


def _checked(fact: Fact) -> list[str]:
    if fact.kind not in ("date", "number"):
        raise ProblemError(f"{fact.name} is neither a date nor a number, so it has no order in time.")
    known = units_of(fact)
    if not known:
        raise ProblemError(f"Of no item {fact.name} is known.")
    return known


def _widths(fact: Fact) -> list[str]:
    """1, 2, 5, 10, ... times the power of ten that divides the span into something readable; years as the units of years."""
    values = fact.values[fact.known]
    if _are_years(values):
        return ["year", "5 years", "decade", "century"]
    span = float(values.max() - values.min())
    if span == 0:
        return ["1"]
    power = int(np.floor(np.log10(span)))
    whole = bool(np.all(values == np.round(values)))
    steps = [m * 10.0**e for e in range(power - 3, power + 1) for m in (1, 2, 5)]
    return [f"{step:g}" for step in steps if step >= 1 or not whole]


def _are_years(values: np.ndarray) -> bool:
    return bool(np.all(values == np.round(values)) and values.min() >= YEARS[0] and values.max() <= YEARS[1])


def _places(fact: Fact, unit: str) -> tuple[np.ndarray, int, int]:
    """(m,) number of the bin on an endless axis, and the first and last that occur."""
    known = fact.known
    place = np.zeros(len(fact), np.int64)
    if fact.kind == "date":
        name, many = UNITS[unit]
        days = fact.values[known].astype("datetime64[D]")
        if name == "W":  # weeks begin on Monday; day 0 of NumPy is a Thursday
            place[known] = (days.astype(np.int64) + 3) // 7
        elif name == "Y":
            place[known] = (days.astype("datetime64[Y]").astype(np.int64) + 1970) // many
        else:
            place[known] = days.astype(f"datetime64[{name}]").astype(np.int64) // many
    else:
        width = float(UNITS[unit][1]) if unit in UNITS else float(unit)
        place[known] = np.floor(fact.values[known] / width + 1e-9).astype(np.int64)
    return place, int(place[known].min()), int(place[known].max())


def _number_of(fact: Fact, unit: str) -> int:
    _, first, last = _places(fact, unit)
    return last - first + 1


def _name(at: int, unit: str, fact: Fact) -> str:
    if fact.kind == "number" and unit not in UNITS:
        width, whole = float(unit), bool(np.all(fact.values[fact.known] % 1 == 0))
        return f"{at:g}" if width == 1 and whole else f"{at * width:g} to {(at + 1) * width:g}"
    if unit == "week":
        return str(np.datetime64(at * 7 - 3, "D"))
    name, many = UNITS[unit]
    if name == "Y":
        return {1: f"{at}", 5: f"{at * 5}–{at * 5 + 4}", 10: f"{at * 10}s", 100: f"{at * 100}s"}[many]
    moment = np.datetime64(at * many, name)  # type: ignore[call-overload]
    return f"{str(moment)[:4]} Q{at % 4 + 1}" if unit == "quarter" else str(moment)


def words_by_bin(X: Matrix, W: np.ndarray, found: Bins, topic: int, *, least: int = 1) -> np.ndarray:
    """A topic's row of H in each bin, with W held: (b, n) shares of the topic's words in the bin, NaN where there are too few
    items.

    H_b = argmin over H >= 0 of ||X_b - W_b H||_F for the items of the bin (exact, NNLS); row `topic`, divided by its sum.

    Parameters
    ----------
    X : (m, n) array or CSR, >= 0;  W : (m, r) array, >= 0
    least : items below which a bin is left out; a bin also needs an item that is in the topic
    """
    out = np.full((len(found.names), X.shape[1]), np.nan)
    for at, count in enumerate(found.counts):
        ask()
        rows = np.flatnonzero(found.index == at)
        if count < max(least, 1) or not (W[rows, topic] > 0).any():
            continue
        H = project_columns(X[rows], W[rows])
        total = H[topic].sum()
        if total > 0:
            out[at] = H[topic] / total
    return out
