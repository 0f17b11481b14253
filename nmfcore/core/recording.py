"""Which iterates of a run are kept, so that it can be looked at again?

The beginning all, the rest ever more sparsely, because a factorization changes most in its first iterations; never more than a
number that is given, so the memory is known before the run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.core.factorization import Factors

ITEMSIZE = 4  # bytes of a float32, in which iterates are kept: for pictures, seven digits are plenty


@dataclass(frozen=True, eq=False)
class Frame:
    """One iterate: W (m, r) and H (r, n) as float32 in the units of X, and where it was taken."""

    iteration: int
    relative_error: float
    W: np.ndarray
    H: np.ndarray


class Recording:
    """Keeps at most `most` iterates of a run: the start, the latest, and between them as even as it goes on a logarithmic scale.

    Parameters
    ----------
    most : at least 3
    """

    def __init__(self, most: int) -> None:
        if most < 3:
            raise ValueError(f"A recording keeps at least 3 iterates, not {most}.")
        self.most = most
        self.frames: list[Frame] = []

    @staticmethod
    def bytes_for(shape: tuple[int, int], rank: int, most: int) -> int:
        """The memory that a recording takes at most, in bytes: (most + 1) r (m + n) float32."""
        return (most + 1) * rank * sum(shape) * ITEMSIZE

    def take(self, iteration: int, relative_error: float, factors: Factors) -> None:
        """Keep an iterate, and drop the one that is missed least; the same iteration again replaces what was kept of it."""
        frame = Frame(iteration, relative_error, factors.W.astype(np.float32), factors.H.astype(np.float32))
        if self.frames and self.frames[-1].iteration == iteration:
            self.frames.pop()
        self.frames.append(frame)
        if len(self.frames) > self.most:
            at = np.log1p([f.iteration for f in self.frames])
            without = at[2:] - at[:-2]  # the gap that the absence of each inner one would leave
            del self.frames[1 + int(np.argmin(without))]
