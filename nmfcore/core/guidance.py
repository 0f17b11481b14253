"""What can a person ask of the topics, and how is it written down?

A guidance is a list of edits in the order in which they were made. It holds names and numbers only, never a matrix: together with
the base run's specification it determines the result. Each edit is a frozen value with a JSON form; what it does is in
nmfcore/guide/plans.py.

Topics are named by ids, counted from 0: those of the base fit are 0 to rank - 1, each new topic takes the next number, and no
number is used again. A word is a label of the columns or a column's number, an item a label of the rows or a row's number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, ClassVar

HOW = ("loosely", "firmly", "exactly")  # how far a topic may turn from what was asked for
OTHERS = ("stay", "still", "free")  # what the topics that nobody asked to change may do
MOST_EDITS, MOST_NAMES, LONGEST_NAME = 200, 10_000, 500  # a guidance beyond this was not made by a person
FIRST_WORDS = 10  # words asked for come among so many first ones

Names = tuple[int | str, ...]  # labels, or numbers counted from 0


@dataclass(frozen=True)
class Edit:
    """One wish. `do` is its name in JSON; `grows` is by how many topics the model grows."""

    do: ClassVar[str] = ""
    grows: ClassVar[int] = 0

    def __post_init__(self) -> None:
        for spec in fields(self):
            check = _CHECKS[spec.name]
            object.__setattr__(self, spec.name, check(f"{spec.name} of '{self.do}'", getattr(self, spec.name)))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; what has its default is left out."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return {"do": self.do} | {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @property
    def topics_named(self) -> tuple[int, ...]:
        """The ids of the topics that the edit names."""
        found = [getattr(self, name, None) for name in ("topic", "source", "target")]
        return (*(t for t in found if t is not None), *getattr(self, "topics", ()))


@dataclass(frozen=True)
class Seed(Edit):
    """A new topic about these words; with `topic`, that topic shall be about them too."""

    do: ClassVar[str] = "seed"

    words: Names
    topic: int | None = None
    how: str = "firmly"


@dataclass(frozen=True)
class Forbid(Edit):
    """These words are in no topic; with `topic`, not in that one."""

    do: ClassVar[str] = "forbid"

    words: Names
    topic: int | None = None


@dataclass(frozen=True)
class Move(Edit):
    """These words leave topic `source` and come among the first of topic `target`."""

    do: ClassVar[str] = "move"

    words: Names
    source: int
    target: int


@dataclass(frozen=True)
class Group(Edit):
    """These items make a topic of their own and are in no other."""

    do: ClassVar[str] = "group"
    grows: ClassVar[int] = 1

    items: Names
    how: str = "firmly"


@dataclass(frozen=True)
class Remove(Edit):
    """These items are not in that topic."""

    do: ClassVar[str] = "remove"

    items: Names
    topic: int


@dataclass(frozen=True)
class Split(Edit):
    """That topic becomes two; the one nearer to it keeps its id."""

    do: ClassVar[str] = "split"
    grows: ClassVar[int] = 1

    topic: int


@dataclass(frozen=True)
class Merge(Edit):
    """These topics become one, under the lowest of their ids."""

    do: ClassVar[str] = "merge"

    topics: tuple[int, ...]


@dataclass(frozen=True)
class Delete(Edit):
    """That topic goes, and no other takes its place."""

    do: ClassVar[str] = "delete"
    grows: ClassVar[int] = -1

    topic: int


@dataclass(frozen=True)
class Add(Edit):
    """A new topic for what the model does not explain."""

    do: ClassVar[str] = "add"
    grows: ClassVar[int] = 1


@dataclass(frozen=True)
class Pin(Edit):
    """The words of that topic stay exactly what they are."""

    do: ClassVar[str] = "pin"

    topic: int


@dataclass(frozen=True)
class Lift(Edit):
    """The wish of that number (counted from 0) no longer binds; undoing it means going back to an earlier model."""

    do: ClassVar[str] = "lift"

    edit: int


EDITS: dict[str, type[Edit]] = {
    kind.do: kind for kind in (Seed, Forbid, Move, Group, Remove, Split, Merge, Delete, Add, Pin, Lift)
}


@dataclass(frozen=True)
class Guidance:
    """The wishes in order, and what holds for all of their refits.

    others : "stay": a topic that nobody asked to change keeps a cosine of 0.95 to itself in every refit; "still": it does not
        change at all; "free": it may do what it likes
    tol, max_iter : the stop rule of every refit; a clock is none, since it cannot be repeated

    Raises
    ------
    ValueError
        If a value is not what that name holds.
    """

    edits: tuple[Edit, ...] = ()
    others: str = "stay"
    tol: float = 3e-6
    max_iter: int = 100

    def __post_init__(self) -> None:
        if isinstance(self.edits, Mapping) or not all(isinstance(edit, Edit) for edit in self.edits):
            raise ValueError("A guidance holds a list of edits.")
        object.__setattr__(self, "edits", tuple(self.edits))
        if len(self.edits) > MOST_EDITS:
            raise ValueError(f"A guidance holds up to {MOST_EDITS} edits, not {len(self.edits)}.")
        if self.others not in OTHERS:
            raise ValueError(f"The other topics can {', '.join(OTHERS[:-1])} or be {OTHERS[-1]}, not {self.others!r}.")
        if isinstance(self.max_iter, bool) or not isinstance(self.max_iter, int) or not 1 <= self.max_iter <= 10_000:
            raise ValueError(f"A refit takes 1 to 10,000 iterations, not {self.max_iter!r}.")
        if isinstance(self.tol, bool) or not isinstance(self.tol, (int, float)) or not 0 <= self.tol < 1:
            raise ValueError(f"The tolerance of a refit lies between 0 and 1, not {self.tol!r}.")

    def __bool__(self) -> bool:
        return bool(self.edits)

    def __len__(self) -> int:
        return len(self.edits)

    def __iter__(self) -> Iterator[Edit]:
        return iter(self.edits)

    def plus(self, edit: Edit) -> Guidance:
        """This guidance with one more edit."""
        return replace(self, edits=(*self.edits, edit))

    def first(self, count: int) -> Guidance:
        """The first `count` edits."""
        return replace(self, edits=self.edits[:count])

    def grown(self, rank: int) -> int:
        """How many topics there are after all edits of a base fit of that rank."""
        for edit in self.edits:
            rank += growth(edit)
        return rank

    def made(self, rank: int) -> int:
        """How many ids were given out so far: the next new topic gets this one."""
        return rank + sum(1 for edit in self.edits if growth(edit) > 0)

    def ids(self, rank: int) -> tuple[int, ...]:
        """The ids of the topics after all edits of a base fit of that rank, in the order of the rows of H."""
        ids, new = list(range(rank)), rank
        for edit in self.edits:
            gone = edit.topics[1:] if isinstance(edit, Merge) else (edit.topic,) if isinstance(edit, Delete) else ()
            ids = [k for k in ids if k not in gone]
            if growth(edit) > 0:
                ids, new = [*ids, new], new + 1
        return tuple(ids)

    def by_number(self, words: Mapping[str, int], items: Mapping[str, int]) -> Guidance:
        """The same guidance with columns and rows in place of labels, for data that comes without them.

        Raises
        ------
        KeyError
            If a label is not in the mapping.
        """
        edits = []
        for edit in self.edits:
            for name, numbers in (("words", words), ("items", items)):
                given = getattr(edit, name, None)
                if given is not None:
                    edit = replace(edit, **{name: tuple(n if isinstance(n, int) else numbers[n] for n in given)})
            edits.append(edit)
        return replace(self, edits=tuple(edits))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; what has its default is left out, so that no guidance is an empty dict."""
        plain: dict[str, Any] = {"edits": [edit.to_dict() for edit in self.edits]} if self.edits else {}
        usual = Guidance()
        for name in ("others", "tol", "max_iter"):
            if self.edits and getattr(self, name) != getattr(usual, name):
                plain[name] = getattr(self, name)
        return plain

    @classmethod
    def from_dict(cls, plain: Any) -> Guidance:
        """The guidance of a dict made by `to_dict`; whatever is unknown or of another kind is refused by name.

        Raises
        ------
        ValueError
        """
        if not isinstance(plain, Mapping):
            raise ValueError("A guidance must be a mapping of names to values.")
        unknown = sorted(set(plain) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"Unknown entries in a guidance: {', '.join(map(str, unknown))}.")
        edits = plain.get("edits", [])
        if not isinstance(edits, (list, tuple)):
            raise ValueError("The edits of a guidance must be a list.")
        return cls(**{**plain, "edits": tuple(edit_from_dict(edit) for edit in edits)})

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Guidance:
        """The guidance of a text made by `to_json`.

        Raises
        ------
        ValueError
        """
        return cls.from_dict(json.loads(text))


def growth(edit: Edit) -> int:
    """By how many topics the model grows through this edit."""
    if isinstance(edit, Seed):
        return int(edit.topic is None)
    return 1 - len(edit.topics) if isinstance(edit, Merge) else edit.grows


def edit_from_dict(plain: Any) -> Edit:
    """The edit of a dict made by `Edit.to_dict`.

    Raises
    ------
    ValueError
        If there is no such edit, or a value is missing, unknown or of another kind.
    """
    if not isinstance(plain, Mapping) or plain.get("do") not in EDITS:
        raise ValueError(f"Unknown edit {str(plain)[:60]!r}. Known: {', '.join(EDITS)}.")
    kind = EDITS[plain["do"]]
    values = {name: value for name, value in plain.items() if name != "do"}
    unknown = sorted(set(values) - {f.name for f in fields(kind)})
    if unknown:
        raise ValueError(f"Unknown entries in the edit '{kind.do}': {', '.join(map(str, unknown))}.")
    missing = [f.name for f in fields(kind) if f.default is MISSING and f.name not in values]
    if missing:
        raise ValueError(f"The edit '{kind.do}' lacks {', '.join(missing)}.")
    return kind(**values)


# -- checks ---------------------------------------------------------------------------------------------------------------------
def _names(what: str, value: Any) -> Names:
    try:
        found = tuple(n if isinstance(n, str) else _whole(what, n) for n in ([value] if isinstance(value, str) else value))
    except TypeError:
        raise ValueError(f"{what} must be a list of labels or numbers, not {str(value)[:60]!r}.") from None
    found = tuple(dict.fromkeys(found))
    if not found or len(found) > MOST_NAMES:
        raise ValueError(f"{what}: name 1 to {MOST_NAMES:,}, not {len(found)}.")
    if any(isinstance(n, str) and not 0 < len(n) <= LONGEST_NAME for n in found):
        raise ValueError(f"{what}: a label has 1 to {LONGEST_NAME} characters.")
    return found


def _whole(what: str, value: Any) -> int:
    """A whole number >= 0, NumPy's among them."""
    number = value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**53:
        raise ValueError(f"{what} must be a whole number from 0, not {str(value)[:60]!r}.")
    return number


def _topic(what: str, value: Any) -> int | None:
    if value is None and what in ("topic of 'seed'", "topic of 'forbid'"):
        return None
    return _whole(what, value)


def _topics(what: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{what} must be a list of topics, not {str(value)[:60]!r}.")
    found = tuple(sorted({_whole(what, topic) for topic in value}))
    if len(found) < 2:
        raise ValueError("Merging needs at least two different topics.")
    return found


def _how(what: str, value: Any) -> str:
    if value not in HOW:
        raise ValueError(f"{what} is one of {', '.join(HOW)}, not {str(value)[:60]!r}.")
    return str(value)


_CHECKS: dict[str, Any] = {
    "words": _names, "items": _names, "topic": _topic, "topics": _topics, "source": _whole, "target": _whole, "how": _how,
    "edit": _whole,
}  # fmt: skip
