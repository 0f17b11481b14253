"""What has a person changed in how the topics of a run are shown?

Names, hidden words, merges, and topics shown divided into children. They belong to the view: the run and its numbers (error,
floor) stay what they are. Components keep their numbers and colours; a merged topic has the number and colour of its first
member. Pure values, so that undoing is going back to an earlier one. May import the standard library, `plain` and `divided` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.text.plain import clean
from dashboard.topics_shown import divided
from dashboard.topics_shown.divided import Cut, Members, Path

LONGEST_NAME = 60  # characters of a name that somebody types
MOST_HIDDEN = 500  # words
MOST_LISTED = 10_000  # entries of a list in a file


@dataclass(frozen=True)
class Edits:
    """All edits of one run.

    merges : components (counted from 0) that are shown as one topic, at least two in each, in no more than one
    hidden : columns of X that no list of words shows, in the order they were hidden
    names : what somebody called a topic, by its members
    cuts : topics, and children of them, that are shown divided; those of members that are merged otherwise now stay, unseen
    """

    merges: tuple[Members, ...] = ()
    hidden: tuple[int, ...] = ()
    names: Mapping[Members, str] = field(default_factory=dict)
    cuts: tuple[Cut, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.merges or self.hidden or self.names or self.cuts)

    def topics(self, rank: int) -> list[Members]:
        """The members of every topic that is shown, in the order of the first of them."""
        inside = {k for group in self.merges for k in group}
        return sorted([*self.merges, *((k,) for k in range(rank) if k not in inside)])

    def around(self, k: int) -> Members:
        """The members of the topic that component k is in."""
        return next((group for group in self.merges if k in group), (k,))

    def merge(self, components: Iterable[int]) -> Edits:
        """Show these as one topic, with all that they are merged with already; a typed name of the first goes along."""
        groups = sorted({self.around(k) for k in components})
        if len(groups) < 2:
            return self
        whole = tuple(sorted(k for group in groups for k in group))
        name = next((self.names[group] for group in groups if group in self.names), None)
        names = {**self.names, whole: name} if name is not None else self.names
        return replace(self, merges=tuple(sorted([*(g for g in self.merges if g not in groups), whole])), names=names)

    def hide(self, columns: Iterable[int]) -> Edits:
        """Hide words; beyond the limit nothing more is hidden."""
        return replace(self, hidden=tuple(dict.fromkeys([*self.hidden, *columns]))[:MOST_HIDDEN])

    def unhide(self, columns: Iterable[int]) -> Edits:
        """Show words again."""
        back = set(columns)
        return replace(self, hidden=tuple(j for j in self.hidden if j not in back))

    def rename(self, members: Members, name: str) -> Edits:
        """Call a topic something, on one line of at most 60 characters; without a name it has the suggested one again."""
        shown = clean(name, LONGEST_NAME)
        if shown == self.names.get(members, ""):
            return self
        others = {at: called for at, called in self.names.items() if at != members}
        return replace(self, names={**others, members: shown} if shown else others)

    def divide(self, members: Members, path: Path, into: int) -> Edits:
        """Show a topic, or a child of one, as so many children."""
        new = divided.with_cut(self.cuts, Cut(members, path, into))
        return replace(self, cuts=new) if len(new) <= divided.MOST_CUTS else self

    def undivide(self, cut: Cut) -> Edits:
        """Show it whole again, and all that is below it with it."""
        return replace(self, cuts=divided.without(self.cuts, cut))

    @property
    def cuts_seen(self) -> tuple[Cut, ...]:
        """The cuts of topics that are shown."""
        return tuple(cut for cut in self.cuts if self.around(cut.members[0]) == cut.members)

    def to_dict(self) -> dict[str, Any]:
        """These edits as JSON values, for a file."""
        said = {
            "merges": [list(group) for group in self.merges],
            "hidden": list(self.hidden),
            "names": [{"components": list(at), "name": called} for at, called in self.names.items()],
        }
        return said | ({"divided": divided.to_list(self.cuts)} if self.cuts else {})

    @classmethod
    def from_dict(cls, given: Mapping[str, Any], rank: int, columns: int) -> Edits:
        """What `to_dict` wrote, checked as something that a stranger wrote.

        Parameters
        ----------
        rank, columns : how many components and columns the run has

        Raises
        ------
        ValueError
            If it is something else, or names a component or column that the run does not have.
        """
        merges = tuple(sorted(_members(group, rank) for group in _list(given.get("merges", []))))
        inside = [k for group in merges for k in group]
        if any(len(group) < 2 for group in merges) or len(set(inside)) < len(inside):
            raise ValueError("merged topics that overlap or have one member")
        hidden = tuple(_number(j, columns) for j in _list(given.get("hidden", [])))
        if len(set(hidden)) < len(hidden) or len(hidden) > MOST_HIDDEN:
            raise ValueError(f"hidden words that repeat, or more than {MOST_HIDDEN}")
        edits = cls(merges, hidden, cuts=divided.from_list(_list(given.get("divided", [])), rank))
        for entry in _list(given.get("names", [])):
            if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
                raise ValueError("a name that is no text")
            edits = edits.rename(_members(entry.get("components"), rank), entry["name"])
        return edits

    @property
    def sentence(self) -> str:
        """What differs from the run, in a few words: "1 merge, 2 words hidden"."""
        parts = [(len(self.merges), "merge", "merges"), (len(self.hidden), "word hidden", "words hidden")]
        called = sum(self.around(at[0]) == at for at in self.names)  # members of a merge keep theirs, unseen
        parts.append((called, "name changed", "names changed"))
        parts.append((len(self.cuts_seen), "division", "divisions"))
        return ", ".join(f"{number:,} {one if number == 1 else more}" for number, one, more in parts if number)


def _list(given: Any) -> list[Any]:
    if not isinstance(given, list) or len(given) > MOST_LISTED:
        raise ValueError("edits that are no short list")
    return given


def _number(given: Any, below: int) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given < below:
        raise ValueError(f"a number from 0 to {below - 1}, not {str(given)[:20]!r}")
    return given


def _members(given: Any, rank: int) -> Members:
    found = tuple(sorted({_number(k, rank) for k in _list(given)}))
    if not found:
        raise ValueError("a topic without components")
    return found
