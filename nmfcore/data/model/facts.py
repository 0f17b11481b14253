"""What is known of the items beside their features: author, date, country, class?

`Facts` is a typed table with one row per item. Facts are never factorized; topics are looked at by them, and any of them can
serve as known classes. Four kinds: a *category* (an index into its names), a *number*, a *date* and a *text*. What is not known
of an item is -1, NaN, NaT or "" in these kinds, and belongs to no class.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

KINDS = ("category", "number", "date", "text")
UNKNOWN = frozenset(
    ["", "na", "n/a", "n.a.", "nan", "null", "<na>", "nat", "?", "-", "--", ".", "\\n"]
)  # of a fact, in lower case
CATEGORIES = 200  # different values up to which a column of words is a category ...
REPEATED = 2  # ... when each occurs this often in the mean
DIGITS = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DATE = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)


def is_unknown(text: str) -> bool:
    """Whether a cell of a fact says that nothing is known: blank, NA, NaN, null, a dash, a question mark."""
    return text.strip().lower() in UNKNOWN


def known_cells(cells: Sequence[str]) -> list[bool]:
    """Of which items a column says something; a dash beside plus signs says minus."""
    signs = "+" in cells
    return [not is_unknown(cell) or (signs and cell.strip() == "-") for cell in cells]


@dataclass(frozen=True, eq=False)
class Classes:
    """Known labels of the rows: `names` of the classes, and for each row the index of its class (-1: none)."""

    names: tuple[str, ...]
    index: np.ndarray

    def take(self, rows: np.ndarray) -> Classes:
        return Classes(self.names, self.index[rows])

    @classmethod
    def of(cls, labels: Sequence[str]) -> Classes:
        """The classes of one label per row, in alphabetical order; a row whose label is blank or NA belongs to none."""
        texts = np.asarray([str(label) for label in labels], dtype=object)
        known = np.array(known_cells(list(texts)), dtype=bool)
        names, place = np.unique(texts[known].astype(str), return_inverse=True)
        index = np.full(len(texts), -1, np.int32)
        index[known] = place
        return cls(tuple(str(name) for name in names), index)


@dataclass(frozen=True, eq=False)
class Fact:
    """One thing that is known of the items.

    name : as it stands in the file
    kind : "category", "number", "date" or "text"
    values : (m,) int32 index into `names` (-1: not known), float64 (NaN), datetime64[s] (NaT), or a tuple of m texts ("")
    names : of the categories
    """

    name: str
    kind: str
    values: Any
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"A fact's kind is {self.kind!r}; known: {', '.join(KINDS)}.")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def known(self) -> np.ndarray:
        """(m,) bool: of which items it is known."""
        if self.kind == "category":
            return self.values >= 0
        if self.kind == "number":
            return ~np.isnan(self.values)
        if self.kind == "date":
            return ~np.isnat(self.values)
        return np.array([bool(text) for text in self.values], dtype=bool)

    def take(self, rows: np.ndarray) -> Fact:
        """The fact of some items, in the given order."""
        values = tuple(self.values[i] for i in rows) if self.kind == "text" else self.values[rows]
        return Fact(self.name, self.kind, values, self.names)

    def shown(self, item: int) -> str:
        """What is known of one item, as text; "" when it is not known."""
        value = self.values[item]
        if self.kind == "text":
            return str(value)
        if self.kind == "category":
            return self.names[value] if value >= 0 else ""
        if self.kind == "number":
            return "" if value != value else f"{value:.15g}"
        return "" if np.isnat(value) else str(value).replace("T", " ").removesuffix(" 00:00:00")

    def texts(self) -> list[str]:
        """What is known of every item, as text."""
        return [self.shown(i) for i in range(len(self))]

    def classes(self) -> Classes:
        """The items grouped by this fact: categories as they are, numbers and dates in their order, texts alphabetically."""
        if self.kind == "category":
            return Classes(self.names, self.values)
        known = self.known
        values = np.array(self.values, dtype=object).astype(str) if self.kind == "text" else self.values
        different, place = np.unique(values[known], return_inverse=True)
        index = np.full(len(self), -1, np.int32)
        index[known] = place
        return Classes(tuple(Fact(self.name, self.kind, different).texts()), index)

    def to_dict(self) -> dict[str, Any]:
        """JSON values: name, kind, values as texts, numbers or indices, names of categories."""
        if self.kind == "number":
            values: list[Any] = [None if value != value else value for value in self.values.tolist()]
        elif self.kind == "date":
            values = [None if np.isnat(value) else str(value) for value in self.values]
        else:
            values = [int(value) if self.kind == "category" else str(value) for value in self.values]
        return {"name": self.name, "kind": self.kind, "values": values, "names": list(self.names)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], size: int) -> Fact:
        """The fact of JSON values, checked.

        Raises
        ------
        ValueError
            If it is no fact of `size` items.
        """
        name, kind, values, names = (plain.get(key) for key in ("name", "kind", "values", "names"))
        if not isinstance(name, str) or kind not in KINDS or not isinstance(values, list) or len(values) != size:
            raise ValueError(f"a fact of {size} items")
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise ValueError("a list of category names")
        kinds = {"category": int, "number": (int, float, type(None)), "date": (str, type(None)), "text": str}[kind]
        if not all(isinstance(value, kinds) and not isinstance(value, bool) for value in values):  # type: ignore[arg-type]
            raise ValueError(f"values of the kind {kind}")
        if kind == "text":
            return cls(name, kind, tuple(values))
        if kind == "category":
            index = np.array(values, dtype=np.int32)
            if size and (int(index.min()) < -1 or int(index.max()) >= len(names)):
                raise ValueError("a category for every item")
            return cls(name, kind, index, tuple(names))
        if kind == "number":
            return cls(name, kind, np.array([np.nan if value is None else value for value in values], dtype=np.float64))
        try:
            dates = np.array(["NaT" if value is None else value for value in values], dtype="datetime64[s]")
        except ValueError:  # NumPy's own sentence
            raise ValueError("values of the kind date") from None
        return cls(name, kind, dates)

    @classmethod
    def of(cls, name: str, texts: Sequence[str], decimal: str = ".") -> Fact:
        """The fact that a column of texts holds; its kind is what all its known cells are.

        Dates are read in the order year, month, day, or day, month, year; 03/04/2024 alone could be either, and such a column
        stays text.
        """
        cells = [str(text).strip() for text in texts]
        known = known_cells(cells)
        said = [cell for cell, is_known in zip(cells, known, strict=True) if is_known]
        if said and all(DIGITS.fullmatch(_pointed(cell, decimal)) for cell in said) and not _are_codes(said):
            values = [float(_pointed(c, decimal)) if k else np.nan for c, k in zip(cells, known, strict=True)]
            if np.isfinite([value for value in values if value == value]).all():
                return cls(name, "number", np.array(values, dtype=np.float64))
        dates = _dates(said)
        if dates is not None:
            found = iter(dates)
            days = [next(found) if k else "NaT" for k in known]
            return cls(name, "date", np.array(days, dtype="datetime64[s]"))
        different = len(set(said))
        if different and (different <= 2 or (different <= CATEGORIES and different * REPEATED <= len(said))):
            classes = Classes.of(cells)
            return cls(name, "category", classes.index, classes.names)
        return cls(name, "text", tuple(cell if k else "" for cell, k in zip(cells, known, strict=True)))


@dataclass(frozen=True, eq=False)
class Facts:
    """A typed table with one row per item; facts in the order of the file, each name once."""

    columns: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.columns):
            raise ValueError("Two facts have the same name.")
        if len({len(fact) for fact in self.columns}) > 1:
            raise ValueError("Facts of different numbers of items.")

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.columns)

    def __len__(self) -> int:
        """How many facts there are (not items)."""
        return len(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Fact:
        """The fact of this name.

        Raises
        ------
        KeyError
            If there is none.
        """
        for fact in self.columns:
            if fact.name == name:
                return fact
        raise KeyError(f"There is no fact {name!r}. There are: {', '.join(self.names) or 'none'}.")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(fact.name for fact in self.columns)

    @property
    def items(self) -> int:
        """Of how many items; 0 when there is no fact."""
        return len(self.columns[0]) if self.columns else 0

    def of_kind(self, *kinds: str) -> tuple[Fact, ...]:
        """The facts of some kinds."""
        return tuple(fact for fact in self.columns if fact.kind in kinds)

    def take(self, rows: np.ndarray) -> Facts:
        """The facts of some items, in the given order."""
        return Facts(tuple(fact.take(rows) for fact in self.columns))

    def with_fact(self, fact: Fact) -> Facts:
        """These and one more; one of the same name is replaced."""
        return Facts((*(old for old in self.columns if old.name != fact.name), fact))

    def to_list(self) -> list[dict[str, Any]]:
        """JSON values."""
        return [fact.to_dict() for fact in self.columns]

    @classmethod
    def from_list(cls, plain: Any, size: int) -> Facts:
        """The facts of JSON values, checked; ValueError when they are not facts of `size` items."""
        if not isinstance(plain, list) or not all(isinstance(one, dict) for one in plain):
            raise ValueError("a list of facts")
        return cls(tuple(Fact.from_dict(one, size) for one in plain))

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[str]], decimal: str = ".") -> Facts:
        """The facts that columns of text hold, each of the kind that its cells are."""
        return cls(tuple(Fact.of(name, texts, decimal) for name, texts in columns.items()))


def _pointed(cell: str, decimal: str) -> str:
    return cell.replace(",", ".") if decimal == "," and "." not in cell else cell


def _are_codes(cells: Sequence[str]) -> bool:
    """Whether digits are codes and not numbers: a ZIP or article number has zeros in front that belong to it."""
    return any(len(cell) > 1 and cell[0] == "0" and cell.isdigit() for cell in cells)


def _dates(cells: Sequence[str]) -> list[str] | None:
    """The dates in ISO form that all these cells are; None when one is no date, or the order of day and month is open."""
    if not cells:
        return None
    parts = []
    for cell in cells:
        found = DATE.fullmatch(cell)
        if found is None:
            return None
        parts.append(found)
    first_is_year = [len(found[1]) == 4 for found in parts]
    if all(first_is_year):
        order = (0, 1, 2)
    elif any(first_is_year):
        return None
    else:
        day_first = any(int(found[1]) > 12 for found in parts) or all(found[2] == "." for found in parts)
        month_first = any(int(found[3]) > 12 for found in parts)
        if day_first == month_first:
            return None
        order = (2, 1, 0) if day_first else (2, 0, 1)
    dates = []
    for found in parts:
        three = (found[1], found[3], found[4])
        year, month, day = (int(three[i]) for i in order)
        year += 0 if year > 99 else 2000 if year < 70 else 1900
        try:
            moment = datetime(year, month, day, int(found[5] or 0), int(found[6] or 0), int(found[7] or 0))
        except ValueError:
            return None
        dates.append(moment.isoformat())
    return dates
