"""nmfcore: non-negative matrix factorization you can trust; it knows no screen, no plot and no Streamlit."""

from typing import TYPE_CHECKING, Any

from nmfcore.core import moved
from nmfcore.core.checks import ProblemError, as_matrix, as_problem
from nmfcore.core.factorization import Axes, Axis, Factorization, Factors, History, Penalty, Problem, Progress, StopReason
from nmfcore.core.losses import relative_error
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.core.version import VERSION
from nmfcore.run import Run, prepare, solve
from nmfcore.solvers import SOLVERS, make_solver

__version__ = VERSION
moved.install()

if TYPE_CHECKING:
    from nmfcore.estimator import NMF, non_negative_factorization

__all__ = [
    "NMF",
    "SOLVERS",
    "Axes",
    "Axis",
    "Factorization",
    "Factors",
    "History",
    "Penalty",
    "Problem",
    "ProblemError",
    "Progress",
    "Run",
    "RunSpec",
    "StopReason",
    "StopRule",
    "as_matrix",
    "as_problem",
    "make_solver",
    "non_negative_factorization",
    "prepare",
    "relative_error",
    "solve",
]


def __getattr__(name: str) -> Any:
    """The estimator on first use: `import nmfcore` does not load scikit-learn, which takes longer than all the rest."""
    if name in ("NMF", "non_negative_factorization"):
        from nmfcore import estimator

        return getattr(estimator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
