"""What are the few hot loops?

Each loop exists as plain NumPy here; compiled twins are added where a compiler is installed. Notation: F (r, n) are factor rows,
P (r, n) the product of the data with the other factor, G (r, r) the other factor's Gram matrix.
"""

from __future__ import annotations

import numpy as np

PANEL = 32  # components per panel: the panel's rows stay in cache, and all the others enter through one matrix product
ONE_PANEL = 48  # up to this rank one panel is faster than two


def sweep_rows(F: np.ndarray, P: np.ndarray, G: np.ndarray, times: int) -> None:
    """Minimise 1/2 <F, G F> - <P, F> over F >= 0, row after row, in place.

    f_k <- max(0, (p_k - sum_{j != k} G_kj f_j) / G_kk): each row is set to its exact optimum, the others held fixed. A row with
    G_kk <= 0 belongs to a dead component: nothing it does changes the loss, so it is left as it is.

    Parameters
    ----------
    F : (r, n) C-ordered, >= 0; overwritten
    P : (r, n)
    G : (r, r) symmetric
    times : passes over the rows

    Memory: one copy of P. Source: Cichocki & Phan 2009, algorithm 2.
    """
    r, n = F.shape
    diagonal = np.diag(G)
    alive = np.flatnonzero(diagonal > 0)
    inverse = np.zeros(r, F.dtype)
    inverse[alive] = 1.0 / diagonal[alive]
    weights = (G * inverse[:, None]).astype(F.dtype, copy=False)
    np.fill_diagonal(weights, 0)
    targets = P * inverse[:, None]
    width = r if r <= ONE_PANEL else PANEL
    panels = [slice(begin, min(begin + width, r)) for begin in range(0, r, width)]
    outside = [_without(weights[panel], panel) for panel in panels]
    pull = np.empty(n, F.dtype)
    for _ in range(times):
        for panel, others in zip(panels, outside, strict=True):
            rows = F[panel]
            aim = targets if len(panels) == 1 else targets[panel] - others @ F
            for k in range(len(rows)):
                if inverse[panel.start + k] > 0:
                    np.dot(weights[panel.start + k, panel], rows, out=pull)
                    np.subtract(aim[k], pull, out=pull)
                    np.maximum(pull, 0, out=rows[k])


def _without(weights: np.ndarray, panel: slice) -> np.ndarray:
    """The rows of one panel with the panel's own columns set to zero."""
    others = weights.copy()
    others[:, panel] = 0
    return others
