"""What are the topics of a run once somebody has named, merged and cleaned them?

Needs no session, so that files hold what the page shows. Numbers are written from 1; a merged topic is written "2 + 5" and has
the colour of its first member.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.topics_shown.edits import Edits, Members
from nmfcore.topics.terms import together


@dataclass(frozen=True)
class Topic:
    """One topic on the page.

    members : its components, counted from 0, rising;  name : typed or suggested, not escaped
    typed : whether somebody typed the name;  share : of what the model explains (a merged topic: the sum over its members)
    """

    members: Members
    name: str
    typed: bool
    share: float

    @property
    def first(self) -> int:
        """The component that gives it number and colour."""
        return self.members[0]

    @property
    def label(self) -> str:
        """ "3", or "2 + 5" for a merged one."""
        return " + ".join(str(k + 1) for k in self.members)

    @property
    def merged(self) -> bool:
        return len(self.members) > 1


def listed(edits: Edits, shares: np.ndarray, suggested: Sequence[str], suggested_merged: Sequence[str]) -> tuple[Topic, ...]:
    """The topics in the order of the first of their members.

    Parameters
    ----------
    shares : (r,) of what the model explains that is each component's
    suggested : (r,) what components are called where nobody typed a name
    suggested_merged : (t,) the same for the topics that are shown; used where several components are one topic
    """
    found = []
    for g, members in enumerate(edits.topics(len(shares))):
        typed = edits.names.get(members)
        name = typed or (suggested_merged[g] if len(members) > 1 else suggested[members[0]])
        found.append(Topic(members, name, typed is not None, float(shares[list(members)].sum())))
    return tuple(found)


def merged(W: np.ndarray, H: np.ndarray, edits: Edits) -> tuple[np.ndarray, np.ndarray]:
    """W (m, t) and H (t, n) of the topics that are shown, on no particular scale; W and H themselves where nothing is merged."""
    if not edits.merges:
        return W, H
    sums = together(W, H, edits.topics(len(H)))
    return sums.W, sums.H
