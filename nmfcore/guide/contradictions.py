"""Which wishes cannot be kept together? They are refused before anything is fitted, in a sentence that names the other wish."""

from __future__ import annotations

import numpy as np

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes
from nmfcore.core.guidance import FIRST_WORDS, Delete, Edit, Forbid, Group, Lift, Merge, Move, Pin, Remove, Seed
from nmfcore.core.rules import First, Pull, Zero
from nmfcore.guide.wishes import Guided, Wish

OF_KEYWORDS = (Seed, Forbid, Pin, Lift)  # what topics that are columns of S alone can be told


def refuse_contradictions(before: Guided, edit: Edit, words: np.ndarray, items: np.ndarray, axes: Axes) -> None:
    """Raise the sentence that names the other wish, before anything is fitted."""
    if before.result.spec.symmetric and not isinstance(edit, OF_KEYWORDS):
        known = ", ".join(kind.do for kind in OF_KEYWORDS)
        raise ProblemError(f"Topics of {axes.columns.name} alone cannot keep the wish '{edit.do}'. They can: {known}.")
    for topic in edit.topics_named:
        before.at(topic)
    if isinstance(edit, Lift):
        if edit.edit >= len(before.guidance):
            raise ProblemError(f"There is no wish {edit.edit + 1}.")
        if edit.edit not in {wish.number for wish in before.wishes}:
            by = before.ended.get(edit.edit)
            raise ProblemError(f"Wish {edit.edit + 1} does not bind" + (f": wish {by + 1} ended it." if by is not None else "."))
        return
    changed = set(before.ids) if isinstance(edit, Forbid) and edit.topic is None else set(edit.topics_named)
    for wish in before.wishes:
        if not isinstance(wish.edit, Pin):
            continue
        pinned = wish.topics[0]
        held = pinned in changed
        if isinstance(edit, Forbid) and edit.topic is None:  # a pinned topic without the word has nothing to lose
            held = bool(before.result.H[before.at(pinned), words].any())
        if held:
            what = "it is pinned already" if isinstance(edit, Pin) else "it is pinned"
            raise ProblemError(f"Topic {pinned + 1} cannot change: {what} (wish {wish.number + 1}). Lift that wish first.")
    if isinstance(edit, Move) and edit.source == edit.target:
        raise ProblemError("A word moves from one topic to another one.")
    _refuse_words(before, edit, words, axes)
    _refuse_items(before, edit, items, axes)
    if isinstance(edit, Delete) and len(before.ids) == 1:
        raise ProblemError("This is the only topic: without it nothing would be left.")
    if isinstance(edit, Merge) and len(edit.topics) > len(before.ids):
        raise ProblemError(f"There are {len(before.ids)} topics.")


def _wanted_in(edit: Edit) -> int | None:
    """The topic in which an edit wants words among the first; None where it wants none, or a new topic."""
    if isinstance(edit, Move):
        return edit.target
    return edit.topic if isinstance(edit, Seed) else None


def _refuse_words(before: Guided, edit: Edit, words: np.ndarray, axes: Axes) -> None:
    label = axes.columns.label
    if isinstance(edit, (Seed, Move)):
        if len(words) > FIRST_WORDS:
            raise ProblemError(f"Up to {FIRST_WORDS} {axes.columns.name} can be among the first {FIRST_WORDS}, not {len(words)}.")
        home = _wanted_in(edit)
        for wish in before.wishes:
            forbids = _zeros(wish, home)
            both = np.intersect1d(words, forbids)
            if len(both):
                where = "everywhere" if wish.everywhere else f"in topic {(home or 0) + 1}"
                raise ProblemError(
                    f"'{label(int(both[0]))}' is forbidden {where} (wish {wish.number + 1}). Lift that wish first."
                )
            held = [r.words for r in wish.rows.get(home, ()) if isinstance(r, First)] if home is not None else []
            together_ = len(np.union1d(words, np.concatenate([*held, words])))
            if held and together_ > FIRST_WORDS:
                raise ProblemError(
                    f"Wish {wish.number + 1} has {len(held[0])} {axes.columns.name} among the first {FIRST_WORDS} of topic "
                    f"{(home or 0) + 1}; {len(words)} more do not fit. Lift that wish first."
                )
    if isinstance(edit, (Forbid, Move)):
        source = edit.source if isinstance(edit, Move) else edit.topic
        for wish in before.wishes:
            wanting = [t for t, rules in wish.rows.items() if any(isinstance(rule, (First, Pull)) for rule in rules)]
            both = np.intersect1d(words, wish.words)
            for topic in wanting:
                if len(both) and source in (None, topic):
                    raise _refusal(f"'{label(int(both[0]))}' is wanted in topic {topic + 1}", wish)


def _refusal(what: str, wish: Wish) -> ProblemError:
    return ProblemError(f"{what} (wish {wish.number + 1}). Lift that wish first.")


def _zeros(wish: Wish, topic: int | None) -> np.ndarray:
    """The words that a wish forbids in that topic (None: in one that does not exist yet)."""
    if wish.everywhere:
        return wish.words
    rules = wish.rows.get(topic, ()) if topic is not None else ()
    found = [rule.where for rule in rules if isinstance(rule, Zero)]
    return np.concatenate(found) if found else np.zeros(0, np.intp)


def _refuse_items(before: Guided, edit: Edit, items: np.ndarray, axes: Axes) -> None:
    for wish in before.wishes:
        if not isinstance(wish.edit, Group):
            continue
        both = np.intersect1d(items, wish.items)
        if isinstance(edit, Group) and len(both):
            raise _refusal(f"'{axes.rows.label(int(both[0]))}' is in a group already", wish)
        if isinstance(edit, Remove) and len(both) and edit.topic in wish.topics:
            raise _refusal(f"'{axes.rows.label(int(both[0]))}' belongs to topic {edit.topic + 1}", wish)
