"""How are numbers and names written on screen? One spelling for each, everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dashboard.text.plain import markdown
from nmfcore.core.factorization import StopReason
from nmfcore.core.spec import RunSpec
from nmfcore.core.written import percent as percent
from nmfcore.data.model.dataset import Dataset
from nmfcore.solvers import SOLVERS
from nmfcore.solvers.starts import INITS

SHORTEST = 0.01  # seconds; what takes less is not told apart
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
PARTS = {"documents": "topic", "table": "topic", "ratings": "taste", "images": "part", "expression": "metagene"}
SHORT_REASONS = {
    StopReason.CONVERGED: "converged",
    StopReason.KKT: "stationary",
    StopReason.EXACT: "exact",
    StopReason.ITERATIONS: "iteration limit",
    StopReason.SECONDS: "time limit",
    StopReason.CANCELLED: "stopped by you",
    StopReason.DIVERGED: "diverged",
    StopReason.UNFINISHED: "unfinished",
}


def count(number: int, singular: str, plural: str | None = None) -> str:
    """1 document, 2,034 documents."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def spelled(number: int) -> str:
    """Words up to twelve, digits beyond, capitalised for the start of a title."""
    return NUMBERS[number].capitalize() if number < len(NUMBERS) else f"{number:,}"


def error(value: float, digits: int = 4) -> str:
    """0.9615; an error of nothing, of data that is zero everywhere, is undefined."""
    return "undefined" if math.isnan(value) else f"{value:.{digits}f}"


def above(value: float, floor: float) -> str:
    """How far an error is above its floor; rounding alone takes it below, and is not shown."""
    return f"{max(0.0, value - floor):.4f}"


def no_less(value: float, digits: int = 0) -> str:
    """66 of 66.58: what is said to be at least so large is rounded down, so that it stays true."""
    step = 10.0**digits
    return f"{math.floor(value * step + 1e-9) / step:,.{digits}f}"


def no_more(value: float, digits: int = 0) -> str:
    """67 of 66.58: what is said to be at most so large is rounded up, so that it stays true."""
    step = 10.0**digits
    return f"{math.ceil(value * step - 1e-9) / step:,.{digits}f}"


def seconds(value: float | None) -> str:
    """0.31 s, 12 s, 3 min."""
    if value is None:
        return "unknown"
    if value < SHORTEST:
        return f"under {SHORTEST} s"
    if value < 10:
        return f"{value:.2f} s"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min"


def about(value: float) -> str:
    """What an estimate says: about 0.31 s, under 0.01 s."""
    return seconds(value) if value < SHORTEST else f"about {seconds(value)}"


def part(dataset: Dataset) -> str:
    """What one component of this data is called."""
    return PARTS.get(dataset.kind, "component")


@dataclass(frozen=True)
class Nouns:
    """What the data calls its rows, its columns and a component, as Markdown: film, keyword, topic; sample, gene, metagene."""

    item: str
    items: str
    column: str
    columns: str
    part: str

    @classmethod
    def of(cls, dataset: Dataset) -> Nouns:
        rows, columns = dataset.axes.rows, dataset.axes.columns
        called = (rows.singular, rows.name, columns.singular, columns.name, part(dataset))
        return cls(*(markdown(name, 30) for name in called))

    @property
    def heading(self) -> str:
        """The columns at the start of a sentence: "Keywords"."""
        return self.columns[:1].upper() + self.columns[1:]


def shape(dataset: Dataset) -> str:
    """2,034 documents × 8,356 terms."""
    m, n = dataset.shape
    rows, columns = dataset.axes.rows, dataset.axes.columns
    first = count(m, markdown(rows.singular), markdown(rows.name))
    return first if dataset.is_corpus else f"{first} × {count(n, markdown(columns.singular), markdown(columns.name))}"


ANSWERED = {  # what an answer given on import did to the cells
    ("missing", "mask"): "gaps left out",
    ("missing", "zero"): "gaps as 0",
    ("missing", "drop_rows"): "rows with gaps dropped",
    ("missing", "drop_columns"): "columns with gaps dropped",
    ("negatives", "clip"): "negatives as 0",
    ("negatives", "shift"): "raised to 0",
    ("zeros", "missing"): "0 as a gap",
    ("orientation", "columns"): "transposed",
}


def preparation(spec: RunSpec) -> str:
    """What was done to the data in a few words, on import and after, e.g. "tf-idf"; "as it is" without anything."""
    words = [said for (question, answer), said in ANSWERED.items() if spec.data_options.get(question) == answer]
    for step in spec.preparation:
        if step.get("step") == "text":
            weighting = str(step.get("weighting", "tfidf"))
            words.append({"tfidf": "tf-idf"}.get(weighting, weighting))
        else:
            words.append(str(step.get("step", "")).replace("_", " "))
    return ", ".join(words) or "as it is"


def wished(spec: RunSpec, rank: int) -> str:
    """What wishes made of the rank: "rank 10 + 1 from a wish", "rank 10 − 2 from 3 wishes"; "2 wishes" where it stayed.

    rank : of the run, whose wishes may have added or taken away components
    """
    wishes, more = len(spec.guidance), rank - spec.rank
    if not wishes or not more:
        return count(wishes, "wish", "wishes") if wishes else ""
    return f"rank {spec.rank} {'+' if more > 0 else '−'} {abs(more)} from {'a wish' if wishes == 1 else f'{wishes} wishes'}"


def identity(title: str, spec: RunSpec, convention: str, rank: int | None = None) -> str:
    """One line that says which run this is: data, preparation, solver, start, seed, scale; and what wishes made of its rank."""
    return " · ".join(
        [
            markdown(title),
            markdown(preparation(spec)),
            f"{SOLVERS[spec.solver].title}, {spec.init} start, seed {spec.seed}",
            *([wished(spec, rank or spec.rank)] if spec.guidance else []),
            convention,
        ]
    )


def start_title(init: str) -> str:
    return INITS[init].title if init in INITS else init
