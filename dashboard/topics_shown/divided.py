"""Which topics are shown divided into children, and how is that written in a link?

A cut says: this topic, or this child of one, is shown as so many children. What the children are follows from the run alone (an
NMF of the topic's own part, with the run's seed), so a cut is all that a link or a saved run has to hold. In text a topic has
its number, a child the number of its parent and its place by size: "5:3,5.2:4" is topic 5 in three, and its second child in four.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FEWEST, MOST = 2, 12  # children of one topic
DEEPEST = 2  # a topic's children can be divided, and theirs
MOST_CUTS = 24  # in one view

Members = tuple[int, ...]  # the components of one topic, counted from 0, rising
Path = tuple[int, ...]  # from a topic down to one of its children: places by size, counted from 0
WRITTEN = re.compile(rf"(\d{{1,4}}(?:\+\d{{1,4}}){{0,39}})((?:\.\d{{1,2}}){{0,{DEEPEST}}}):(\d{{1,2}})", re.ASCII)


@dataclass(frozen=True, order=True)
class Cut:
    """A topic (`path` is empty) or a child of it, shown as `into` children."""

    members: Members
    path: Path
    into: int

    def written(self, numbers: Sequence[int]) -> str:
        """ "5", "5.2" or "2 + 5.1": what is divided, with the numbers that its components have."""
        whole = " + ".join(str(numbers[k] + 1) for k in self.members)
        return "".join([whole, *(f".{place + 1}" for place in self.path)])

    def holds(self, other: Cut) -> bool:
        """Whether another cut is this one's place, or below it."""
        return self.members == other.members and other.path[: len(self.path)] == self.path


def with_cut(cuts: Sequence[Cut], new: Cut) -> tuple[Cut, ...]:
    """These and one more. Where the place was divided otherwise, its children are others, and what was below them goes."""
    return tuple(cuts) if new in cuts else tuple(sorted([*without(cuts, new), new]))


def without(cuts: Sequence[Cut], gone: Cut) -> tuple[Cut, ...]:
    """These without one and all that is below it."""
    return tuple(cut for cut in cuts if not gone.holds(cut))


def checked(cuts: Sequence[Cut]) -> tuple[Cut, ...]:
    """Cuts that somebody else wrote, in order.

    Raises
    ------
    ValueError
        If there are too many, one divides into too few or too many, twice, too deep, or below a child that is not there.
    """
    if len(cuts) > MOST_CUTS:
        raise ValueError(f"more than {MOST_CUTS} divided topics")
    into = {(cut.members, cut.path): cut.into for cut in cuts}
    if len(into) < len(cuts):
        raise ValueError("a topic that is divided twice")
    for cut in cuts:
        if not FEWEST <= cut.into <= MOST or len(cut.path) > DEEPEST:
            raise ValueError(f"a topic divided into {cut.into}, or too deep")
        for depth, place in enumerate(cut.path):
            if not 0 <= place < into.get((cut.members, cut.path[:depth]), 0):
                raise ValueError("a child that is not there")
    return tuple(sorted(cuts))


def as_text(cuts: Sequence[Cut], numbers: Sequence[int]) -> str:
    """Cuts as a link holds them; "" without any."""
    return ",".join(f"{cut.written(numbers).replace(' ', '')}:{cut.into}" for cut in cuts)


def from_text(text: str, numbers: Sequence[int]) -> tuple[Cut, ...]:
    """What `as_text` wrote, checked as something that a stranger wrote.

    numbers : of the run's components, counted from 0

    Raises
    ------
    ValueError
        If it is something else, or names a topic that the run does not have.
    """
    place = {number: k for k, number in enumerate(numbers)}
    cuts = []
    for part in text.split(",") if text else ():
        found = WRITTEN.fullmatch(part)
        if found is None:
            raise ValueError(f"{part[:30]!r}, which is no division")
        named = [int(one) - 1 for one in found[1].split("+")]
        missing = [number for number in named if number not in place]
        if missing:
            raise ValueError(f"topic {missing[0] + 1}, which is not there")
        path = tuple(int(one) - 1 for one in found[2].split(".")[1:])
        cuts.append(Cut(tuple(sorted({place[number] for number in named})), path, int(found[3])))
    return checked(cuts)


def to_list(cuts: Sequence[Cut]) -> list[dict[str, Any]]:
    """Cuts as JSON values, for a file."""
    return [{"components": list(cut.members), "child": list(cut.path), "into": cut.into} for cut in cuts]


def from_list(given: Sequence[Mapping[str, Any]], rank: int) -> tuple[Cut, ...]:
    """What `to_list` wrote, checked.

    Raises
    ------
    ValueError
        If it is something else, or names a component that the run does not have.
    """
    cuts = []
    for entry in given:
        if not isinstance(entry, Mapping):
            raise ValueError("a division that is none")
        values = [entry.get("components"), entry.get("child"), [entry.get("into")]]
        if not all(isinstance(v, list) and all(type(n) is int and n >= 0 for n in v) for v in values):
            raise ValueError("a division that is no list of numbers")
        members = tuple(sorted(set(entry["components"])))
        if not members or members[-1] >= rank:
            raise ValueError("a division of a topic that is not there")
        cuts.append(Cut(members, tuple(entry["child"]), entry["into"]))
    return checked(cuts)
