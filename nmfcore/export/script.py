"""How does a program repeat a run?"""

from __future__ import annotations

import math
import pprint
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from nmfcore.core.blocks import is_blocks
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Factorization, Matrix
from nmfcore.core.guidance import Guidance
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.core.version import VERSION
from nmfcore.export.matrices import matrix_digest


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
    stop = StopRule(tol=0.0, max_iter=first, max_seconds=None, kkt=0.0)
    if spec.guidance:
        legs, stop = [], replace(spec.stop, max_seconds=None)
        spec = replace(spec, guidance=_numbered(spec, axes or Axes())) if spec.data in ("", "upload") else spec
    source = _source(spec, X, mask)
    defined = fit.W.any() and fit.H.any()
    return _SCRIPT.format(
        version=VERSION,
        argument=f" {source.file}" if source.file else "",
        handed=source.handed,
        sentence=fit.stopped.sentence,
        spec=pprint.pformat(replace(spec, stop=stop).to_dict(), width=100, sort_dicts=False),
        source=source.code,
        error=done.relative_error if defined else None,
        said=_SAID if defined else _UNDEFINED,
        legs=_LEGS.format(legs=legs) if legs else "",
        guided=_GUIDED.format(axes="" if source.file else "\n    axes=dataset.axes,") if spec.guidance else "",
    )


class _Source(NamedTuple):
    """Where the program has its data from: the lines that read it, what to hand it, and the file that is meant; "" for none."""

    code: str
    handed: str = ""
    file: str = ""


def _source(spec: RunSpec, X: Any, mask: Any) -> _Source:
    if spec.data not in ("", "upload"):
        return _Source(_FROM_CATALOG)
    if X is None:
        raise ProblemError("The data of this run is not in the catalog; give X so that the script can check its data file.")
    if not is_blocks(X):
        digest = matrix_digest(X, mask)
        return _Source(_FROM_FILE.format(digest=digest), _HANDED.format(shape=np.shape(X), digest=digest[:12]), "data.npz")
    digest = getattr(X, "fingerprint", "")
    if not digest:
        raise ProblemError("A script can name a store of blocks, not these: make one with nmfcore.data.blocks.as_blocks.")
    return _Source(_FROM_STORE.format(digest=digest), _HANDED_STORE.format(shape=X.shape, digest=digest[:12]), "data.blocks")


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
