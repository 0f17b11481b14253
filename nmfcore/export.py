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
import struct
import zipfile
import zlib
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import is_blocks
from nmfcore.core.checks import ProblemError, as_matrix
from nmfcore.core.factorization import Axes, Axis, Factorization, History, Matrix, Progress, StopReason
from nmfcore.core.guidance import Guidance
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.core.version import VERSION

FORMAT = 1  # of the NPZ files; rises when an older reader would misread them
LARGEST = 2_000_000_000  # bytes an NPZ may unpack to: a small file can claim to be a huge one
MATRIX = frozenset({"shape", "X", "data", "indices", "indptr", "mask"})  # the members that hold a matrix
DATE = (1980, 1, 1, 0, 0, 0)  # of the members of an NPZ: equal contents give equal files


# -- the script ------------------------------------------------------------------------------------------------------------
def script(fit: Factorization, *, X: Matrix | None = None, mask: Any = None, axes: Axes | None = None) -> str:
    """A Python program that repeats this run and writes its W and H.

    The stop rule is replaced by the number of iterations that were done, because clocks cannot be repeated; a run that was
    continued is continued after as many as it was. A guided run is repeated as it came about: the base fit under its stop rule
    without the clock, then every refit.

    Parameters
    ----------
    fit : the run
    X, mask : the matrix of an upload and its mask, both (m, n); the program then reads it from the file it is handed,
        `data.npz` beside it otherwise
        (`save_matrix` makes that file), and checks its digest. X may be a store of blocks: the program is then handed its folder
    axes : the labels of an upload, which that file does not hold: words and items of a guidance become numbers

    Raises
    ------
    ProblemError
        If the run began from given W and H, which a specification does not hold, an upload comes without X, or a guidance names
        words of an upload that comes without labels.
    """
    spec = fit.spec
    if spec.init == "given":
        raise ProblemError("This run began from given W and H, which its specification does not hold. Save the run instead.")
    done = [p for p in fit.history.points if math.isfinite(p.loss) and math.isfinite(p.relative_error)][-1]
    cuts = [0, *(seam for seam in fit.seams if seam < done.iteration), done.iteration]
    first, *legs = [end - begin for begin, end in pairwise(cuts)]
    counted = StopRule(tol=0.0, max_iter=first, max_seconds=None, kkt=0.0)
    if spec.guidance:
        legs = []
        counted = replace(spec.stop, max_seconds=None)
        spec = replace(spec, guidance=_numbered(spec, axes or Axes())) if spec.data in ("", "upload") else spec
    plain = replace(spec, stop=counted).to_dict()
    if spec.data in ("", "upload"):
        if X is None:
            raise ProblemError("The data of this run is not in the catalog; give X so that the script can check its data file.")
        if is_blocks(X):
            digest = getattr(X, "fingerprint", "")
            if not digest:
                raise ProblemError("A script can name a store of blocks, not these: make one with nmfcore.data.blocks.as_blocks.")
            source, handed = _FROM_STORE.format(digest=digest), _HANDED_STORE.format(shape=X.shape, digest=digest[:12])
            file = "data.blocks"
        else:
            digest = matrix_digest(X, mask)
            source, handed = _FROM_FILE.format(digest=digest), _HANDED.format(shape=np.shape(X), digest=digest[:12])
            file = "data.npz"
    else:
        source, handed, file = _FROM_CATALOG, "", ""
    return _SCRIPT.format(
        version=VERSION,
        argument=f" {file}" if handed else "",
        handed=handed,
        sentence=fit.stopped.sentence,
        spec=pprint.pformat(plain, width=100, sort_dicts=False),
        source=source,
        error=done.relative_error if fit.W.any() and fit.H.any() else None,
        said=_SAID if fit.W.any() and fit.H.any() else _UNDEFINED,
        legs=_LEGS.format(legs=legs) if legs else "",
        guided=_GUIDED.format(axes="" if handed else "\n    axes=dataset.axes,") if spec.guidance else "",
    )


def _numbered(spec: RunSpec, axes: Axes) -> Guidance:
    """The guidance of a run with columns and rows in place of labels."""
    places = [{str(label): i for i, label in reversed(list(enumerate(a.labels or ())))} for a in (axes.columns, axes.rows)]
    try:
        return spec.guidance.by_number(*places)
    except KeyError as unknown:
        raise ProblemError(f"The guidance of this run names {unknown}, which is no label of its data: give its axes.") from None


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
    penalty=Penalty(**SPEC.penalty),{guided}
)
{legs}np.savez("factors.npz", W=fit.W, H=fit.H)
{said}
'''

_SAID = 'print(f"Relative error {fit.relative_error:.6f}, expected {EXPECTED_RELATIVE_ERROR:.6f}")'
_UNDEFINED = 'print("WH is 0 everywhere. If X is, too, a relative error is undefined; else it is 1:", 1.0 * bool((X != 0).sum()))'

_LEGS = """for iterations in {legs}:  # it was continued: what the solver remembers between steps began afresh there
    run = nmfcore.run.continue_(fit, X, stop=nmfcore.StopRule(tol=0.0, max_iter=iterations, max_seconds=None), mask=mask)
    for _ in run:
        pass
    fit = run.result()
"""

_GUIDED = """
    guidance=SPEC.guidance,{axes}"""

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


_HANDED_STORE = """Hand it the folder of the store of blocks
({shape[0]} x {shape[1]}, fingerprint {digest}): the data of this run is in no catalog. """

_FROM_STORE = """import sys

from nmfcore.data.blocks import as_blocks

DATA = sys.argv[1] if len(sys.argv) > 1 else "data.blocks"
X, mask = as_blocks(DATA), None
if X.fingerprint != "{digest}":
    raise SystemExit(f"{{DATA}} is not the store this run was made with.")
"""


# -- matrices --------------------------------------------------------------------------------------------------------------
def matrix_digest(X: Any, mask: Any = None) -> str:
    """SHA-256 of the values, shape and dtype of X and of where the mask is 1; labels don't enter.

    X : (m, n) array or CSR;  mask : (m, n), 1 = observed, or None
    """
    matrix = as_matrix(X, allow_missing=mask is not None)
    digest = hashlib.sha256(f"{matrix.shape} {matrix.dtype.str} {sp.issparse(matrix)}\n".encode())
    parts = [matrix.data, matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)] if sp.issparse(matrix) else [matrix]
    if mask is not None:
        parts.append(_observed(mask))
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def save_matrix(file: str | Path | BinaryIO, X: Any, mask: Any = None) -> None:
    """X (dense, or CSR as its three arrays) and the mask as one NPZ without pickles.

    X : (m, n) array or CSR;  mask : (m, n), 1 = observed, or None
    """
    matrix = as_matrix(X, allow_missing=mask is not None)
    _write(file, {"format": np.array(FORMAT)} | _arrays_of(matrix, mask))


def load_matrix(file: str | Path | BinaryIO) -> tuple[Matrix, np.ndarray | None]:
    """X and the mask (None without one) of a file made by `save_matrix`.

    Raises
    ------
    ProblemError
        If it is no such file, was made by a later version, holds no non-negative matrix, or would unpack to more than 2 GB.
    """
    return _matrix_of(_read(file, {"shape"}, MATRIX - {"shape"}, "matrix"), "matrix")


def _arrays_of(X: Matrix, mask: Any) -> dict[str, np.ndarray]:
    """A matrix and its mask as arrays by name."""
    arrays = {"shape": np.array(X.shape)}
    arrays |= {"data": X.data, "indices": X.indices, "indptr": X.indptr} if sp.issparse(X) else {"X": X}
    return arrays if mask is None else arrays | {"mask": _observed(mask)}


def _matrix_of(held: dict[str, np.ndarray], what: str) -> tuple[Matrix, np.ndarray | None]:
    """The matrix and mask of those arrays, every entry and index checked."""
    mask = held.get("mask")
    if "X" in held:
        X = held["X"]
        shape = X.shape
    else:
        missing = {"data", "indices", "indptr"} - set(held)
        if missing:
            raise ProblemError(f"This {what} file lacks {', '.join(sorted(missing))}. Export it again.")
        shape = tuple(int(n) for n in held["shape"].ravel())
        try:
            X = sp.csr_array((held["data"], held["indices"], held["indptr"]), shape=shape)
            X.check_format(full_check=True)  # an index beyond the end would be read by compiled code
        except ValueError as wrong:
            raise ProblemError(f"This {what} file does not hold a valid sparse matrix: {wrong}. Export it again.") from None
    if X.ndim != 2 or X.dtype not in (np.float32, np.float64) or (mask is not None and mask.shape != shape):
        raise ProblemError(f"This {what} file does not hold a matrix and a mask of its shape. Export it again.")
    as_matrix(X, allow_missing=mask is not None)  # refuses what is negative or not finite
    return X, None if mask is None else _observed(mask)


def _observed(mask: Any) -> np.ndarray:
    """The mask as a dense uint8 array."""
    return np.ascontiguousarray(np.asarray(mask.toarray() if sp.issparse(mask) else mask) > 0).astype(np.uint8)


# -- finished runs ---------------------------------------------------------------------------------------------------------
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
    arrays = {"format": np.array(FORMAT), "W": fit.W, "H": fit.H}
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
        arrays |= _arrays_of(as_matrix(X, allow_missing=mask is not None), mask)
    _write(file, arrays)


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
    held = _read(file, {"W", "H", "about", *(f"history_{name}" for name in COLUMNS)}, MATRIX, "run", largest)
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
    counted = table.ndim == 2 and len(table) > 0 and np.isfinite(table[:, [0, 1, 3]]).all()
    if not counted or (table[:, [0, 1, 3]] < 0).any() or (np.diff(table[:, 0]) <= 0).any() or np.isnan(table[:, 2]).any():
        raise ProblemError("The history in this run file is damaged. Export the run again.")
    history = History([Progress(int(i), s, loss, e, None if np.isnan(k) else k) for i, s, loss, e, k in table.tolist()])
    fit = Factorization(W, H, history, stopped, spec, warnings, tuple(s for s in seams if 0 < s <= history[-1].iteration))
    if "shape" not in held:
        return SavedRun(fit, axes, view=view)
    X, mask = _matrix_of(held, "run")
    if X.shape != (len(W), H.shape[1]):
        raise ProblemError(f"This run file contradicts itself: its data is {X.shape}, W {W.shape}, H {H.shape}.")
    return SavedRun(fit, axes, X, mask, about_data, view)


def _axis(about: Mapping[str, Any]) -> Axis:
    labels = about.get("labels")
    texts = [about["name"], about["singular"], *(labels if isinstance(labels, list) else [])]
    if not all(isinstance(text, str) for text in texts) or not isinstance(labels, (list, type(None))):
        raise ValueError("an axis whose names are no text")
    return Axis(about["name"], about["singular"], labels)


# -- NPZ without pickles -----------------------------------------------------------------------------------------------------
DAMAGED = (zipfile.BadZipFile, zlib.error, ValueError, TypeError, OSError, EOFError, RuntimeError, struct.error, OverflowError)


def _write(file: str | Path | BinaryIO, arrays: dict[str, np.ndarray]) -> None:
    """An NPZ whose bytes depend on its contents only."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", DATE), member.getvalue(), compress_type=zipfile.ZIP_DEFLATED, compresslevel=4
            )


def _read(
    file: str | Path | BinaryIO, needed: set[str], optional: Set[str], what: str, largest: int | None = None
) -> dict[str, np.ndarray]:
    """The named arrays of an NPZ, checked for size, format and completeness; other members are not looked at."""
    largest = LARGEST if largest is None else largest
    if not isinstance(file, (str, Path)):
        file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            wanted = {name: info for name, info in members.items() if name in {"format", *needed, *optional}}
            missing = ({"format"} | needed) - set(wanted)
            if missing:
                raise ProblemError(f"This is no {what} file of nmf-dashboard: it lacks {', '.join(sorted(missing))}.")
            size = sum(info.file_size for info in wanted.values())
            if size > largest:
                raise ProblemError(f"This {what} file would unpack to {size / 1e9:.3g} GB; the limit is {largest / 1e9:.3g} GB.")
            held = {name: _array(archive, info) for name, info in wanted.items()}
        version = int(held["format"])
    except ProblemError:
        raise
    except DAMAGED as wrong:
        raise ProblemError(f"This is no {what} file of nmf-dashboard ({wrong}). Choose a file that was exported here.") from None
    if version > FORMAT:
        raise ProblemError(f"This {what} file has format {version}; this program reads up to {FORMAT}. Update it.")
    return held


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """One array of numbers; its header has to account for every byte before anything of that size is made."""
    with archive.open(info) as member:
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        version = np.lib.format.read_magic(member)
        if version not in header:
            raise ValueError(f"{info.filename} has a header of version {version}")
        try:
            shape, fortran, dtype = header[version](member)
        except Exception as wrong:  # NumPy hands the header to Python's own parser, whose errors are of many kinds
            raise ValueError(f"{info.filename} has a damaged header: {type(wrong).__name__}") from None
        if dtype.hasobject or dtype.kind not in "fiub":
            raise ValueError(f"{info.filename} holds {dtype}, not numbers")
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size != info.file_size - member.tell():
            raise ValueError(f"{info.filename} is not as long as its header says")
        flat = np.frombuffer(member.read(size), dtype)
        if flat.nbytes != size:
            raise ValueError(f"{info.filename} ends too early")
    order: Literal["F", "C"] = "F" if fortran else "C"
    return np.array(flat.reshape(shape, order=order), dtype=dtype.newbyteorder("="), order="C")
