"""nmfcore: non-negative matrix factorization you can trust; it knows no screen, no plot and no Streamlit."""

from nmfcore.checks import ProblemError, as_matrix, as_problem
from nmfcore.factorization import Axes, Axis, Factorization, Factors, History, Penalty, Problem, Progress, StopReason
from nmfcore.losses import relative_error
from nmfcore.run import Run, prepare, solve
from nmfcore.solvers import SOLVERS, make_solver
from nmfcore.spec import RunSpec, StopRule
from nmfcore.version import VERSION

__version__ = VERSION

__all__ = [
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
    "prepare",
    "relative_error",
    "solve",
]
