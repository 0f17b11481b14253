"""How is a finished run kept in a file, and read from a file of a stranger?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nmfcore.core.checks import ProblemError, as_matrix
from nmfcore.core.factorization import Axes, Axis, Factorization, History, Matrix, Progress, StopReason
from nmfcore.core.spec import RunSpec
from nmfcore.core.version import VERSION
from nmfcore.export import npz
from nmfcore.export.matrices import MEMBERS, arrays_of, matrix_of

COLUMNS = ("iteration", "seconds", "loss", "relative_error", "kkt")


@dataclass(frozen=True, eq=False)
class SavedRun:
    """What a run file holds: the run, its labels, how it was shown, and, for data that is in no catalog, X, its mask and what is
    known of it."""

    fit: Factorization
    axes: Axes
    X: Matrix | None = None
    mask: np.ndarray | None = None
    about_data: Mapping[str, Any] = field(default_factory=dict)
    view: Mapping[str, Any] = field(default_factory=dict)


def save_run(
    file: str | Path | BinaryIO,
    fit: Factorization,
    axes: Axes | None = None,
    *,
    X: Matrix | None = None,
    mask: Any = None,
    about_data: Mapping[str, Any] | None = None,
    view: Mapping[str, Any] | None = None,
) -> None:
    """A finished run with its history, specification, warnings and labels as one NPZ without pickles.

    Parameters
    ----------
    X, mask : (m, n) the data, for a run whose data no catalog holds
    about_data : JSON values that belong to the data
    view : JSON values that say how the run was shown; they are handed back as they are, unchecked
    """
    axes = axes or Axes()
    arrays = {"format": np.array(npz.FORMAT), "W": fit.W, "H": fit.H}
    arrays |= {f"history_{name}": fit.history.column(name) for name in COLUMNS}
    about: dict[str, Any] = {
        "spec": fit.spec.to_dict(),
        "stopped": fit.stopped.name,
        "warnings": list(fit.warnings),
        "seams": list(fit.seams),
        "version": VERSION,
        "data": dict(about_data or {}),
        "view": dict(view or {}),
    }
    for name, axis in (("rows", axes.rows), ("columns", axes.columns)):
        about[name] = {"name": axis.name, "singular": axis.singular}
        if axis.labels is not None:
            about[name]["labels"] = [str(label) for label in axis.labels]
    arrays["about"] = np.frombuffer(json.dumps(about, allow_nan=False).encode(), np.uint8)
    if X is not None:
        arrays |= arrays_of(as_matrix(X, allow_missing=mask is not None), mask)
    npz.write(file, arrays)


def load_run(file: str | Path | BinaryIO) -> tuple[Factorization, Axes]:
    """A run kept by `save_run`, and the axes with their labels. Raises as `read_run` does."""
    saved = read_run(file)
    return saved.fit, saved.axes


def read_run(file: str | Path | BinaryIO, *, largest: int | None = None) -> SavedRun:
    """All that `save_run` kept. Nothing in the file is run, and no array is made before its size is known to be true.

    Parameters
    ----------
    largest : bytes the file may unpack to; 2 GB when None

    Raises
    ------
    ProblemError
        If it is no such file, was made by a later version, is damaged or inconsistent, holds entries that are negative or not
        finite, or would unpack to more.
    """
    held = npz.read(file, {"W", "H", "about", *(f"history_{name}" for name in COLUMNS)}, MEMBERS, "run", largest)
    try:
        about = json.loads(held["about"].tobytes().decode())
        spec, stopped = RunSpec.from_dict(about["spec"]), StopReason[about["stopped"]]
        axes = Axes(*(_axis(about[name]) for name in ("rows", "columns")))
        warnings = tuple(str(w) for w in about["warnings"])
        seams = tuple(int(seam) for seam in about.get("seams", ()))
        about_data, view = dict(about.get("data", {})), dict(about.get("view", {}))
        table = np.stack([held[f"history_{name}"].astype(float) for name in COLUMNS], axis=1)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise ProblemError(f"This run file cannot be understood ({wrong}). Export the run again.") from None
    W, H = _factors(held, axes, spec)
    history = _history(table)
    fit = Factorization(W, H, history, stopped, spec, warnings, tuple(s for s in seams if 0 < s <= history[-1].iteration))
    if "shape" not in held:
        return SavedRun(fit, axes, view=view)
    X, mask = matrix_of(held, "run")
    if X.shape != (len(W), H.shape[1]):
        raise ProblemError(f"This run file contradicts itself: its data is {X.shape}, W {W.shape}, H {H.shape}.")
    return SavedRun(fit, axes, X, mask, about_data, view)


def _factors(held: Mapping[str, np.ndarray], axes: Axes, spec: RunSpec) -> tuple[np.ndarray, np.ndarray]:
    """W (m, r) and H (r, n), which fit each other, the labels and the specification."""
    W, H = held["W"], held["H"]
    labels = [None if axis.labels is None else len(axis.labels) for axis in (axes.rows, axes.columns)]
    fits = W.ndim == H.ndim == 2 and W.shape[1] == len(H) and labels[0] in (None, len(W)) and labels[1] in (None, H.shape[1])
    if not fits or W.dtype != H.dtype or W.dtype not in (np.float32, np.float64) or spec.topics != len(H):
        raise ProblemError(
            f"This run file contradicts itself: W {W.shape}, H {H.shape}, labels {labels}, rank {spec.topics}. Export it again."
        )
    for name, factor in (("W", W), ("H", H)):
        if not np.isfinite(factor).all() or (factor < 0).any():
            raise ProblemError(f"{name} in this run file has entries that are negative or not finite, so it is no NMF.")
    return W, H


def _history(table: np.ndarray) -> History:
    """The history of a table (points, 5) of the COLUMNS."""
    counted = table.ndim == 2 and len(table) > 0 and np.isfinite(table[:, [0, 1, 3]]).all()
    if not counted or (table[:, [0, 1, 3]] < 0).any() or (np.diff(table[:, 0]) <= 0).any() or np.isnan(table[:, 2]).any():
        raise ProblemError("The history in this run file is damaged. Export the run again.")
    return History([Progress(int(i), s, loss, e, None if np.isnan(k) else k) for i, s, loss, e, k in table.tolist()])


def _axis(about: Mapping[str, Any]) -> Axis:
    labels = about.get("labels")
    texts = [about["name"], about["singular"], *(labels if isinstance(labels, list) else [])]
    if not all(isinstance(text, str) for text in texts) or not isinstance(labels, (list, type(None))):
        raise ValueError("an axis whose names are no text")
    return Axis(about["name"], about["singular"], labels)
