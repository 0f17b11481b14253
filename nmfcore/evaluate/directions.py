"""What do orthonormal directions say: how orthonormal are they, how far from another space, and what is at their two ends?

Source of the angles: Knyazev & Argentati 2002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from nmfcore.core.factorization import Axis

FORMED_SIDE = 2000  # U U^T is formed up to this side; above, its distance from I comes from the small Gram matrix


@dataclass(frozen=True)
class Orthogonality:
    """How far a factor Q (m, k) is from orthonormal columns and from orthonormal rows.

    columns : ||Q^T Q - I||_F over (k, k);  rows : ||Q Q^T - I||_F over (m, m);  sentence : what the two numbers mean
    """

    columns: float
    rows: float
    sentence: str


def orthogonality(Q: np.ndarray, *, name: str = "U") -> Orthogonality:
    """The two orthogonality numbers of Q (m, k), m >= k; V^T is given as its transpose.

    Only a square Q has both: a tall one has k orthonormal columns in m dimensions, so Q Q^T is a projection onto them and its
    distance from I is sqrt(m - k), not 0. Forming Q Q^T is avoided for large m: ||QQ^T - I||^2 = ||Q^T Q||^2 - 2 tr(Q^T Q) + m.
    """
    m, k = Q.shape
    Q = np.asarray(Q, np.float64)
    gram = Q.T @ Q  # (k, k)
    columns = float(np.linalg.norm(gram - np.eye(k)))
    if m <= FORMED_SIDE:
        rows = float(np.linalg.norm(Q @ Q.T - np.eye(m)))
    else:
        rows = float(np.sqrt(max(0.0, np.sum(gram**2) - 2.0 * np.trace(gram) + m)))
    if m == k:
        sentence = f"{name} is square ({m} × {k}): its columns are orthonormal, and so are its rows."
    else:
        sentence = (
            f"{name} is tall ({m:,} × {k:,}): its columns are orthonormal, its rows cannot be. "
            f"{name}{name}ᵀ projects onto {k:,} of {m:,} directions and is √({m:,} − {k:,}) = {np.sqrt(m - k):.4g} away from I."
        )
    return Orthogonality(columns, rows, sentence)


def principal_angles(H: np.ndarray, Vt: np.ndarray) -> np.ndarray:
    """Principal angles in degrees, rising, between the row spaces of H (r, n) and Vt (k, n).

    All 0: NMF found the SVD's subspace and only chose another basis in it. 90: a direction the other does not have at all.
    Zero rows of H span nothing and are left out, so that there are min(number of non-zero rows, k) angles.

    Source: Knyazev & Argentati 2002 (scipy.linalg.subspace_angles).
    """
    live = np.asarray(H, np.float64)[np.any(H != 0, axis=1)]
    if not len(live):
        return np.zeros(0)
    angles = scipy.linalg.subspace_angles(live.T, np.asarray(Vt, np.float64).T)
    return np.sort(np.degrees(angles))


@dataclass(frozen=True, eq=False)
class Side:
    """One end of a singular vector: its largest features, their loadings (signed), and its share of the vector's energy."""

    indices: np.ndarray
    features: list[str]
    loadings: np.ndarray
    share: float


@dataclass(frozen=True, eq=False)
class Sides:
    """A row of V^T read at both ends; sorted by signed value alone, one of the two would be lost."""

    component: int
    positive: Side
    negative: Side


def sides(Vt: np.ndarray, axis: Axis | None = None, *, count: int = 10) -> list[Sides]:
    """For each singular vector its `count` largest positive and largest negative features.

    share is the sum of squares of that side (the two add up to 1). Ties go to the smaller index.

    Vt : (k, n) array
    """
    axis = axis or Axis("columns", "column")
    found = []
    for k, row in enumerate(Vt):
        ends = []
        for sign in (1.0, -1.0):
            strength = np.maximum(sign * row, 0.0)
            order = np.argsort(-strength, kind="stable")[:count]
            order = order[strength[order] > 0]
            ends.append(Side(order, axis.take(order), row[order].copy(), float(strength @ strength)))
        found.append(Sides(k, *ends))
    return found
