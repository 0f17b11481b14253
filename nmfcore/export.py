"""How does a result leave this program, so that it can be repeated elsewhere or opened again later?

`script` writes a Python program that makes the same run again: same data, start, solver and number of iterations, hence the same
W and H on a machine with the same libraries (elsewhere they differ by rounding only). `save_run` and `load_run` keep a finished
run in one NPZ file without pickles; `save_matrix` and `load_matrix` do the same for the data of an upload.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import pprint
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import scipy.sparse as sp

from nmfcore.checks import ProblemError, as_matrix
from nmfcore.factorization import Axes, Axis, Factorization, History, Matrix, Progress, StopReason
from nmfcore.spec import RunSpec, StopRule
from nmfcore.version import VERSION

FORMAT = 1  # of the NPZ files; rises when an older reader would misread them
LARGEST = 2_000_000_000  # bytes an NPZ may unpack to: a small file can claim to be a huge one
DATE = (1980, 1, 1, 0, 0, 0)  # of the members of an NPZ: equal contents give equal files


# -- the script ------------------------------------------------------------------------------------------------------------
def script(fit: Factorization, *, X: Matrix | None = None, mask: Any = None) -> str:
    """A Python program that repeats this run and writes its W and H.

    The stop rule is replaced by the number of iterations that were done, because clocks cannot be repeated.

    Parameters
    ----------
    fit : the run
    X, mask : the matrix of an upload; the program then reads it from the file it is handed, `data.npz` beside it otherwise
        (`save_matrix` makes that file), and checks its digest

    Raises
    ------
    ProblemError
        If the run began from given W and H, which a specification does not hold, or an upload comes without X.
    """
    spec = fit.spec
    if spec.init == "given":
        raise ProblemError("This run began from given W and H, which its specification does not hold. Save the run instead.")
    done = [p for p in fit.history.points if math.isfinite(p.loss) and math.isfinite(p.relative_error)][-1]
    counted = StopRule(tol=0.0, max_iter=done.iteration, max_seconds=None, kkt=0.0)
    plain = replace(spec, stop=counted).to_dict()
    if spec.data in ("", "upload"):
        if X is None:
            raise ProblemError("The data of this run is not in the catalog; give X so that the script can check its data file.")
        digest = matrix_digest(X, mask)
        source, handed = _FROM_FILE.format(digest=digest), _HANDED.format(shape=np.shape(X), digest=digest[:12])
    else:
        source, handed = _FROM_CATALOG, ""
    return _SCRIPT.format(
        version=VERSION,
        argument=" data.npz" if handed else "",
        handed=handed,
        sentence=fit.stopped.sentence,
        spec=pprint.pformat(plain, width=100, sort_dicts=False),
        source=source,
        error=done.relative_error,
    )


_SCRIPT = '''"""Repeats one factorization exactly. Written by nmf-dashboard {version}.

    pip install nmf-dashboard=={version}
    python THIS_FILE.py{argument}

writes factors.npz with W and H. {handed}The original run ended so: "{sentence}".
"""

import numpy as np

import nmfcore
from nmfcore import Penalty, RunSpec, solve

SPEC = RunSpec.from_dict(
{spec}
)
EXPECTED_RELATIVE_ERROR = {error!r}

{source}
if nmfcore.__version__ != "{version}":
    print(f"Made with nmfcore {version}, this is {{nmfcore.__version__}}: results may differ.")
fit = solve(
    X,
    SPEC.rank,
    solver=SPEC.solver,
    solver_options=SPEC.solver_options,
    init=SPEC.init,
    seed=SPEC.seed,
    loss=SPEC.loss,
    stop=SPEC.stop,
    mask=mask,
    symmetric=SPEC.symmetric,
    penalty=Penalty(**SPEC.penalty),
)
np.savez("factors.npz", W=fit.W, H=fit.H)
print(f"Relative error {{fit.relative_error:.6f}}, expected {{EXPECTED_RELATIVE_ERROR:.6f}}")
'''

_FROM_CATALOG = """from nmfcore.data import catalog

dataset = catalog.load_prepared(SPEC.data, dict(SPEC.data_options), list(SPEC.preparation))
X, mask = dataset.X, dataset.mask
if SPEC.fingerprint and dataset.fingerprint != SPEC.fingerprint:
    print("The data differs from the original's: another source or version of it was found.")
"""

_HANDED = """Hand it the matrix that was exported with it
(data.npz, {shape[0]} x {shape[1]}, fingerprint {digest}): the data of this run is in no catalog. """

_FROM_FILE = """import sys

from nmfcore.export import load_matrix, matrix_digest

DATA = sys.argv[1] if len(sys.argv) > 1 else "data.npz"  # exported together with this script
X, mask = load_matrix(DATA)
if matrix_digest(X, mask) != "{digest}":
    raise SystemExit(f"{{DATA}} is not the matrix this run was made with.")
"""


# -- matrices --------------------------------------------------------------------------------------------------------------
def matrix_digest(X: Any, mask: Any = None) -> str:
    """SHA-256 of the values, shape and dtype of X and of where the mask is 1; labels don't enter."""
    matrix = as_matrix(X, allow_missing=mask is not None)
    digest = hashlib.sha256(f"{matrix.shape} {matrix.dtype.str} {sp.issparse(matrix)}\n".encode())
    parts = [matrix.data, matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)] if sp.issparse(matrix) else [matrix]
    if mask is not None:
        parts.append(_observed(mask))
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def save_matrix(file: str | Path | BinaryIO, X: Any, mask: Any = None) -> None:
    """X (dense, or CSR as its three arrays) and the mask as one NPZ without pickles."""
    matrix = as_matrix(X, allow_missing=mask is not None)
    arrays = {"format": np.array(FORMAT), "shape": np.array(matrix.shape)}
    if sp.issparse(matrix):
        arrays |= {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    else:
        arrays |= {"X": matrix}
    if mask is not None:
        arrays["mask"] = _observed(mask)
    _write(file, arrays)


def load_matrix(file: str | Path | BinaryIO) -> tuple[Matrix, np.ndarray | None]:
    """X and the mask (None without one) of a file made by `save_matrix`.

    Raises
    ------
    ProblemError
        If it is no such file, was made by a later version, or would unpack to more than 2 GB.
    """
    held = _read(file, {"shape"}, "matrix")
    shape = tuple(int(n) for n in held["shape"])
    if "X" in held:
        return held["X"], held.get("mask")
    missing = {"data", "indices", "indptr"} - set(held)
    if missing:
        raise ProblemError(f"This matrix file lacks {', '.join(sorted(missing))}. Export it again.")
    try:
        matrix = sp.csr_array((held["data"], held["indices"], held["indptr"]), shape=shape)
    except ValueError as wrong:
        raise ProblemError(f"This matrix file does not hold a valid sparse matrix: {wrong}. Export it again.") from None
    return as_matrix(matrix), held.get("mask")


def _observed(mask: Any) -> np.ndarray:
    """The mask as a dense uint8 array."""
    return np.ascontiguousarray(np.asarray(mask.toarray() if sp.issparse(mask) else mask) > 0).astype(np.uint8)


# -- finished runs ---------------------------------------------------------------------------------------------------------
def save_run(file: str | Path | BinaryIO, fit: Factorization, axes: Axes | None = None) -> None:
    """A finished run with its history, specification, warnings and labels as one NPZ without pickles."""
    axes = axes or Axes()
    columns = ("iteration", "seconds", "loss", "relative_error", "kkt")
    arrays = {"format": np.array(FORMAT), "W": fit.W, "H": fit.H}
    arrays |= {f"history_{name}": fit.history.column(name) for name in columns}
    about: dict[str, Any] = {
        "spec": fit.spec.to_dict(),
        "stopped": fit.stopped.name,
        "warnings": list(fit.warnings),
        "version": VERSION,
    }
    for name, axis in (("rows", axes.rows), ("columns", axes.columns)):
        about[name] = {"name": axis.name, "singular": axis.singular}
        if axis.labels is not None:
            about[name]["labels"] = [str(label) for label in axis.labels]
    arrays["about"] = np.frombuffer(json.dumps(about, allow_nan=False).encode(), np.uint8)
    _write(file, arrays)


def load_run(file: str | Path | BinaryIO) -> tuple[Factorization, Axes]:
    """A run kept by `save_run`, and the axes with their labels.

    Raises
    ------
    ProblemError
        If it is no such file, was made by a later version, is inconsistent, or would unpack to more than 2 GB.
    """
    columns = ("iteration", "seconds", "loss", "relative_error", "kkt")
    held = _read(file, {"W", "H", "about", *(f"history_{name}" for name in columns)}, "run")
    try:
        about = json.loads(held["about"].tobytes().decode())
        spec, stopped = RunSpec.from_dict(about["spec"]), StopReason[about["stopped"]]
        axes = Axes(*(Axis(about[k]["name"], about[k]["singular"], about[k].get("labels")) for k in ("rows", "columns")))
        warnings = tuple(str(w) for w in about["warnings"])
        table = np.stack([held[f"history_{name}"].astype(float) for name in columns], axis=1)
    except (ValueError, KeyError, TypeError) as wrong:
        raise ProblemError(f"This run file cannot be understood ({wrong}). Export the run again.") from None
    W, H = held["W"], held["H"]
    labels = [None if axis.labels is None else len(axis.labels) for axis in (axes.rows, axes.columns)]
    fits = W.ndim == H.ndim == 2 and W.shape[1] == len(H) and labels[0] in (None, len(W)) and labels[1] in (None, H.shape[1])
    if not fits or not len(table) or W.dtype.kind != "f" or H.dtype.kind != "f":
        raise ProblemError(f"This run file contradicts itself: W {W.shape}, H {H.shape}, labels {labels}. Export the run again.")
    history = History([Progress(int(i), s, loss, e, None if np.isnan(k) else k) for i, s, loss, e, k in table.tolist()])
    return Factorization(W, H, history, stopped, spec, warnings), axes


# -- NPZ without pickles -----------------------------------------------------------------------------------------------------
def _write(file: str | Path | BinaryIO, arrays: dict[str, np.ndarray]) -> None:
    """An NPZ whose bytes depend on its contents only."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", DATE), member.getvalue(), compress_type=zipfile.ZIP_DEFLATED, compresslevel=4
            )


def _read(file: str | Path | BinaryIO, needed: set[str], what: str) -> dict[str, np.ndarray]:
    """All arrays of an NPZ, checked for size, format and completeness."""
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST:
            raise ProblemError(f"This {what} file would unpack to {size / 1e9:.1f} GB; the limit is {LARGEST / 1e9:.0f} GB.")
        if not isinstance(file, (str, Path)):
            file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            held = {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as wrong:
        if isinstance(wrong, ProblemError):
            raise
        raise ProblemError(f"This is no {what} file of nmf-dashboard ({wrong}). Choose a file that was exported here.") from None
    missing = ({"format"} | needed) - set(held)
    if missing:
        raise ProblemError(f"This is no {what} file of nmf-dashboard: it lacks {', '.join(sorted(missing))}.")
    if int(held["format"]) > FORMAT:
        raise ProblemError(f"This {what} file has format {int(held['format'])}; this program reads up to {FORMAT}. Update it.")
    return held
