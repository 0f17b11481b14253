"""How are the components of a picture written, coloured and called?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.text.plain import clean, plotly

NAME_LENGTH = 40  # characters of a name behind its number


@dataclass(frozen=True)
class Components:
    """The components of one picture, in its order.

    labels : (r,) how they are written: "3", or "2 + 5" for a merged topic
    colours : (r,) the numbers, counted from 0, that give them their colours
    names : (r,) what they are called, not escaped; none where names are not shown
    noun : what one of them is
    """

    labels: Sequence[str]
    colours: Sequence[int]
    names: Sequence[object] = ()
    noun: str = "topic"

    def written(self, k: int) -> str:
        """ "3 · moon orbit launch", or "topic 3" without names; not escaped."""
        return f"{self.labels[k]} · {clean(self.names[k])}" if self.names else f"{self.noun} {self.labels[k]}"

    def title(self, k: int) -> str:
        """ "3 · moon orbit launch" as escaped text."""
        return plotly(self.labels[k]) + (f" · {plotly(clean(self.names[k], NAME_LENGTH))}" if self.names else "")


def numbered(count: int, names: Sequence[object] = (), noun: str = "topic") -> Components:
    """Components that are written 1 to `count` and have the colours of their places."""
    return Components([str(k + 1) for k in range(count)], range(count), names, noun)
