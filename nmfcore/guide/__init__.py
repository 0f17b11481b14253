"""How does a model follow a person's wishes, and did it? The names of steer.py stand here: `guide.steer(X, previous, edit)`."""

from nmfcore.core.guidance import (
    EDITS,
    Add,
    Delete,
    Edit,
    Forbid,
    Group,
    Guidance,
    Lift,
    Merge,
    Move,
    Pin,
    Remove,
    Seed,
    Split,
)  # fmt: skip
from nmfcore.guide.effects import Effects, effects
from nmfcore.guide.steer import Refit, begin, refuse, replay, start_of, steer
from nmfcore.guide.verdicts import LEADING, largest, leading
from nmfcore.guide.wishes import Guided, Verdict, Wish, first

__all__ = [
    "EDITS", "LEADING", "Add", "Delete", "Edit", "Effects", "Forbid", "Group", "Guidance", "Guided", "Lift", "Merge", "Move",
    "Pin", "Refit", "Remove", "Seed", "Split", "Verdict", "Wish", "begin", "effects", "first", "largest", "leading", "refuse",
    "replay", "start_of", "steer",
]  # fmt: skip
