"""How is nmfcore used where scikit-learn's NMF is expected?

`NMF` and `non_negative_factorization` have the parameters, attributes, warnings and error texts of
`sklearn.decomposition.NMF` (1.9), over the one loop of nmfcore/solvers/loop.py. Minimised is

    D_beta(X | WH) + alpha_W l1_ratio n |W|_1 + alpha_H l1_ratio m |H|_1
                   + 1/2 alpha_W (1 - l1_ratio) n ||W||_F^2 + 1/2 alpha_H (1 - l1_ratio) m ||H||_F^2     (X is m × n)

What differs, and why:

- `tol` has one meaning for every solver: the run stops when the relative error (other losses and penalised ones: the square root
  of the loss) fell by less than tol * TOL_SHARE per iteration, relative to itself, over the last five iterations. scikit-learn
  measures the violation of the optimality conditions for 'cd' and the loss at every tenth iteration for 'mu'.
- 'cd' is HALS. Up to SMALL cells of X it takes scikit-learn's steps (so sparse and dense, float32 and float64 agree entry by
  entry); above, several sweeps per product, extrapolated, with restarts, which needs far fewer products with X.
- `solver` may also be the key of any other solver of nmfcore, or a solver object with its own parameters.
- `transform` is exact for Frobenius (non-negative least squares, with the penalty of W), whatever tol and max_iter; for
  other losses a row has settled when an update changes no weight by more than tol of its largest; max_iter limits the updates.
- `random_state` may be a numpy Generator, and None draws a fresh seed: the global random state is neither read nor changed.
- `shuffle` draws one random order of the components for the whole run, not a new one in every sweep.
- `history_` and `stopped_` say how the run went and why it ended.

This is the only module of nmfcore that imports scikit-learn's estimator classes; `import nmfcore` does not load it.
Source: scikit-learn 1.9, user guide 2.5.7 "Non-negative matrix factorization" and the documentation of NMF.
"""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from nmfcore.core.blocks import as_visited, is_blocks
from nmfcore.core.checks import ProblemError, as_problem, first_zero, penalty_for
from nmfcore.core.factorization import BETA, Factorization, Factors, Matrix, Penalty, Problem, Progress, StopReason, beta_of
from nmfcore.core.losses import beta_divergence
from nmfcore.core.parameters import Parameter, parameters
from nmfcore.core.spec import WEIGHT, RunSpec, StopRule
from nmfcore.solvers import SOLVERS, make_solver, starts
from nmfcore.solvers.block_door import prepare_blocks
from nmfcore.solvers.block_engines import engine_for, mapped_array
from nmfcore.solvers.blocked_run import Within
from nmfcore.solvers.hals import HALS
from nmfcore.solvers.loop import Run
from nmfcore.solvers.measure import in_units
from nmfcore.solvers.mu import MultiplicativeUpdates
from nmfcore.solvers.protocol import Solver
from nmfcore.topics.encode import encode_rows

SMALL = 10_000  # cells of X up to which 'cd' takes scikit-learn's own steps; speed does not matter there, repeatability does
PLAIN_SOLVERS = sorted(k for k, s in SOLVERS.items() if not (s.supports.requires_mask or s.supports.requires_symmetric))
INITS = sorted({"random", "nndsvd", "nndsvda", "nndsvdar", "custom", "sample", *starts.INITS})
TOL_SHARE = 0.1  # scikit-learn's default 1e-4 then stops at 1e-5 per iteration: no worse a loss than its 'cd' reaches

EVALUATE_EVERY = 5  # iterations: other losses than Frobenius cost as much to evaluate as half a step (scikit-learn: 10)
FAINT = 1e-7  # about float32's rounding, as scikit-learn's EPSILON
ROUNDING = float(np.finfo(np.float64).eps)  # scikit-learn's 'mu' sets smaller entries to 0 when beta <= 1


@dataclass(frozen=True)
class ScikitUpdates(MultiplicativeUpdates):
    """`mu` as scikit-learn means it: for beta <= 1 entries below the rounding of 1 become 0, unless WH would lose an entry."""

    def step(self, problem: Problem, factors: Factors, memory: Any) -> tuple[Factors, Any]:
        new, memory = super().step(problem, factors, memory)
        beta, level = beta_of(problem.loss), ROUNDING * problem.scale**-0.5
        small_H = (new.H > 0) & (level > new.H) & (beta <= 1)
        small_W = (new.W > 0) & (level > new.W) & (beta < 1)
        if not small_H.any() and not small_W.any():
            return new, memory
        W, H = np.where(small_W, 0, new.W), np.where(small_H, 0, new.H)
        shared = (problem.X != 0).astype(H.dtype) @ (H > 0).T.astype(H.dtype)  # 0: the next update of W makes it 0
        cleaned = Factors(np.where(shared > 0, W, 0), H)
        return (cleaned, memory) if np.isfinite(beta_divergence(problem, cleaned, beta)) else (new, memory)


def _allowed(held: Parameter, *, least: float | None = None) -> Interval:
    """The bounds of nmfcore's table as scikit-learn checks them; `least` where it asks for more."""
    low = held.least if least is None else least
    return Interval(Integral if held.kind is int else Real, low, held.most, closed="left" if held.most is None else "both")


class NMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Non-negative matrix factorization X ~ WH, a drop-in for `sklearn.decomposition.NMF`.

    Parameters
    ----------
    n_components : int, "auto" or None
        The rank. None: as many as X has columns; "auto": that of W and H if they are given, else as None.
    init : None, "random", "nndsvd", "nndsvda", "nndsvdar", "custom" or another start of nmfcore
        None: "nndsvda" if n_components <= min(n_samples, n_features), else "random". "custom": the W and H given to `fit`.
    solver : "cd" (HALS), "mu", the key of another solver of `nmfcore.SOLVERS`, or a solver object
    beta_loss : "frobenius" (2), "kullback-leibler" (1), "itakura-saito" (0) or a float, where the solver can
    tol : float >= 0
        Relative fall of the error per iteration, times 10, below which the run ends; 0 never ends it. See the module.
    max_iter : int >= 1
    random_state : None, int, numpy RandomState or Generator
    alpha_W, alpha_H : float >= 0
        Weights of the regularisation of W and H; alpha_H="same" takes alpha_W.
    l1_ratio : float, 0 (only L2) to 1 (only L1)
    verbose : int or bool; other than 0 writes one line per recorded iteration to standard output
    shuffle : bool, a random order of the components

    Attributes
    ----------
    components_ : (n_components, n_features) array, H
    n_components_ : int
    reconstruction_err_ : float
        The Frobenius norm of X - WH; for other losses the square root of twice the beta-divergence. Without the penalties.
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : (n_features,) array of names, when X has them
    history_ : History
        Iteration, seconds, loss, relative error of every iteration; for other losses than Frobenius of every fifth.
    stopped_ : StopReason
        Why the run ended; its value is a sentence.

    Source: Lee & Seung 1999, 2001; Cichocki & Phan 2009; Fevotte & Idier 2011; the interface is scikit-learn's.

    Examples
    --------
    >>> import numpy as np
    >>> from nmfcore import NMF
    >>> X = np.array([[1, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> model = NMF(n_components=2, init="random", random_state=0)
    >>> W = model.fit_transform(X)
    >>> W.shape, model.components_.shape
    ((6, 2), (2, 2))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [_allowed(parameters(RunSpec)["rank"]), None, StrOptions({"auto"})],
        "init": [StrOptions(set(INITS)), None],
        "solver": [StrOptions({"cd", *PLAIN_SOLVERS}), Solver],
        "beta_loss": [StrOptions(set(BETA)), Real],
        "tol": [Interval(Real, 0, None, closed="left")],  # as scikit-learn; the loop's own ends at 1, see TOL_SHARE
        "max_iter": [_allowed(parameters(StopRule)["max_iter"], least=1)],
        "random_state": ["random_state", np.random.Generator],
        "alpha_W": [_allowed(WEIGHT)],
        "alpha_H": [_allowed(WEIGHT), StrOptions({"same"})],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "verbose": ["verbose"],
        "shuffle": ["boolean"],
    }

    def __init__(
        self,
        n_components: int | str | None = "auto",
        *,
        init: str | None = None,
        solver: str | Solver = "cd",
        beta_loss: float | str = "frobenius",
        tol: float = 1e-4,
        max_iter: int = 200,
        random_state: Any = None,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        verbose: int | bool = 0,
        shuffle: bool = False,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.shuffle = shuffle

    # -- what scikit-learn calls ------------------------------------------------------------------------------------
    def fit(self, X: Any, y: Any = None, **params: Any) -> NMF:
        """Learn H from X (m, n); `y` is ignored, W and H may be given for init="custom"."""
        self.fit_transform(X, **params)
        return self

    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> np.ndarray:
        """Learn H from X and return W.

        Parameters
        ----------
        X : (m, n) array-like, data frame or sparse matrix, >= 0
        y : ignored
        W : (m, n_components) array, the start for init="custom"
        H : (n_components, n) array, the start for init="custom"

        Returns
        -------
        (m, n_components) array

        Raises
        ------
        ValueError
            If X is negative or not finite, or a parameter does not fit it.
        """
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
        if is_blocks(X):
            result, error = self._factorize_blocks(X, W, H)
        else:
            _refuse_masked(X)
            X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32])
            result, error = self._factorize(X, W, H)
        self._n_components = self.n_components_ = int(result.H.shape[0])
        self.components_ = result.H
        self.reconstruction_err_ = error
        self.n_iter_ = _iterations(result)
        self.history_ = result.history
        self.stopped_ = result.stopped
        return result.W

    def transform(self, X: Any) -> np.ndarray:
        """W (m, n_components) that minimises the loss of X against W components_, with components_ fixed."""
        check_is_fitted(self)
        if is_blocks(X):
            return self._project_blocks(as_visited(X))
        _refuse_masked(X)
        X = validate_data(
            self, X, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32], reset=False, ensure_non_negative=True
        )
        return self._project(X, self.components_.astype(X.dtype, copy=False))

    def inverse_transform(self, X: Any) -> Any:
        """X (m, n_components), as `transform` returns it, times components_: (m, n_features)."""
        check_is_fitted(self)
        return X @ self.components_

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # -- from parameters to a run -----------------------------------------------------------------------------------
    def _factorize(self, X: Any, W: Any, H: Any) -> tuple[Factorization, float]:
        """The finished run on validated X, and its reconstruction error."""
        solver = self._solver(X)
        self._refuse_zeros(X)
        check_non_negative(X, "NMF initialization")
        custom = self.init == "custom"
        if custom:
            rank = self._rank(X, H)
            W, H = _check_given(X, W, H, rank)
        else:
            if W is not None or H is not None:
                warnings.warn(
                    "When init!='custom', provided W or H are ignored. Set  init='custom' to use them as initialization.",
                    RuntimeWarning,
                    stacklevel=2,
                )
            rank = self._rank(X, None)
        problem = self._problem(X, rank)
        seed = _seed(self.random_state)
        init = "given" if custom else self._init_name(X, rank)
        given = {"W": W, "H": H} if custom else {}
        start = (
            _mean_filled(problem, seed) if (solver.key, init) == ("mu", "nndsvda") else starts.start(problem, init, seed, **given)
        )
        if solver.key == "mu":
            start = _with_support(problem, start)
        order = np.random.default_rng(seed).permutation(rank) if self.shuffle else np.arange(rank)
        stop = self._stop_rule()
        spec = RunSpec(
            solver=solver.key, solver_options=solver.options(), loss=problem.loss, rank=rank, init=init, seed=seed, stop=stop
        )
        every = 1 if problem.loss == "frobenius" else EVALUATE_EVERY
        run = Run(problem, solver, Factors(start.W[:, order], start.H[order]), spec, evaluate_every=every)
        for point in run:
            if self.verbose:
                _say(point)
        result = run.result()
        back = np.argsort(order)
        result = replace(result, W=np.ascontiguousarray(result.W[:, back]), H=np.ascontiguousarray(result.H[back]))
        self._warn(result)
        return result, _reconstruction_error(problem, result)

    def _project(self, X: Any, H: np.ndarray) -> np.ndarray:
        """W for fixed H (r, n), both validated."""
        self._solver(X)
        self._refuse_zeros(X)
        W, settled = encode_rows(self._problem(X, len(H)), H, tol=self.tol, max_iter=self.max_iter)
        if not settled and self.tol > 0:
            self._warn_limit()
        return W

    def _factorize_blocks(self, X: Any, W: Any, H: Any) -> tuple[Factorization, float]:
        """The finished run on data that is visited block by block, and its reconstruction error."""
        if self.shuffle or self.init not in (None, "random", "nndsvd", "sample", "custom"):
            raise ValueError(
                "Data in blocks can begin from init=None, 'sample', 'nndsvd', 'random' or 'custom', without shuffle."
            )
        blocks = as_visited(X)
        self.n_features_in_ = blocks.columns
        solver = HALS() if self.solver == "cd" else self._solver(blocks)
        custom = self.init == "custom"
        run = prepare_blocks(
            blocks, self._rank(blocks, H if custom else None), solver=solver, init=None if custom else self.init,
            seed=_seed(self.random_state), loss=_loss_name(self.beta_loss),
            penalty=penalty_for(self.alpha_W, self.alpha_H, self.l1_ratio, blocks.shape),
            stop=self._stop_rule(),
            **({"W": W, "H": H} if custom else {}),
        )  # fmt: skip
        for point in run:
            if self.verbose and not isinstance(point, Within):
                _say(point)
        result = run.result()
        self._warn(result)
        facts = blocks.facts
        assert facts is not None
        return result, result.relative_error * facts.squared_norm**0.5

    def _project_blocks(self, blocks: Any) -> np.ndarray:
        """W of data in blocks for the components, one pass; a mapped file where it is large."""
        H = self.components_.astype(blocks.dtype, copy=False)
        if H.shape[1] != blocks.columns:
            raise ValueError(f"X has {blocks.columns} features, but NMF is expecting {H.shape[1]} features as input.")
        W = mapped_array((blocks.shape[0], len(H)), blocks.dtype)
        engine = engine_for(blocks)
        penalty = penalty_for(self.alpha_W, self.alpha_H, self.l1_ratio, blocks.shape)
        for index, rows in enumerate(engine.map(_encoded, H, penalty)):
            begin, end = blocks.span(index)
            W[begin:end] = rows
        engine.close()
        return W

    def _stop_rule(self) -> StopRule:
        return StopRule(tol=min(1.0, self.tol * TOL_SHARE), max_iter=int(self.max_iter), max_seconds=None)

    def _rank(self, X: Any, H: Any) -> int:
        if self.n_components == "auto" and H is not None:
            return int(np.shape(H)[0])
        return int(X.shape[1] if self.n_components in ("auto", None) else self.n_components)

    def _solver(self, X: Any) -> Solver:
        """The solver object, after the checks of its parameters that need more than one of them."""
        if isinstance(self.solver, Solver):
            solver = self.solver
        elif self.solver == "cd":
            solver = HALS(extrapolate=False, sweeps=1) if X.shape[0] * X.shape[1] <= SMALL else HALS()
        else:
            solver = ScikitUpdates() if self.solver == "mu" else make_solver(self.solver)
        loss = _loss_name(self.beta_loss)
        if loss != "frobenius" and solver.refusal(as_problem(np.ones((1, 1)), 1, loss=loss)) is not None:
            raise ValueError(
                f"Invalid beta_loss parameter: solver {self.solver!r} does not handle beta_loss = {self.beta_loss!r}"
            )
        if solver.key == "mu" and self.init == "nndsvd":
            warnings.warn(
                "The multiplicative update ('mu') solver cannot update zeros present in the initialization, and so leads to "
                "poorer results when used jointly with init='nndsvd'. You may try init='nndsvda' or init='nndsvdar' instead.",
                UserWarning,
                stacklevel=2,
            )
        return solver

    def _refuse_zeros(self, X: Any) -> None:
        if beta_of(_loss_name(self.beta_loss)) <= 0 and X.min() == 0:
            row, column = first_zero(sp.csr_array(X) if sp.issparse(X) else X)
            raise ValueError(
                "When beta_loss <= 0 and X contains zeros, the solver may diverge. Please add small values "
                f"to X, or use a positive beta_loss. The first zero is at row {row + 1}, column {column + 1}."
            )

    def _init_name(self, X: Any, rank: int) -> str:
        if self.init == "sample":
            raise ValueError("init = 'sample' is for data in blocks; in memory, take 'nndsvd' or another start.")
        fits = rank <= min(X.shape)
        if self.init is None:
            return "nndsvda" if fits else "random"
        if self.init != "random" and not fits:
            raise ValueError(f"init = '{self.init}' can only be used when n_components <= min(n_samples, n_features)")
        return self.init

    def _problem(self, X: Any, rank: int) -> Problem:
        penalty = penalty_for(self.alpha_W, self.alpha_H, self.l1_ratio, X.shape)
        return as_problem(X, rank, loss=_loss_name(self.beta_loss), penalty=penalty, overcomplete=True)

    def _warn(self, result: Factorization) -> None:
        if result.stopped is StopReason.DIVERGED:
            warnings.warn(f"{result.stopped.sentence}.", ConvergenceWarning, stacklevel=2)
        elif _iterations(result) == self.max_iter and self.tol > 0:
            self._warn_limit()

    def _warn_limit(self) -> None:
        warnings.warn(
            f"Maximum number of iterations {self.max_iter} reached. Increase it to improve convergence.",
            ConvergenceWarning,
            stacklevel=2,
        )


@validate_params(
    {"X": ["array-like", "sparse matrix"], "W": ["array-like", None], "H": ["array-like", None], "update_H": ["boolean"]},
    prefer_skip_nested_validation=False,
)
def non_negative_factorization(
    X: Any,
    W: Any = None,
    H: Any = None,
    n_components: int | str | None = "auto",
    *,
    init: str | None = None,
    update_H: bool = True,
    solver: str | Solver = "cd",
    beta_loss: float | str = "frobenius",
    tol: float = 1e-4,
    max_iter: int = 200,
    alpha_W: float = 0.0,
    alpha_H: float | str = "same",
    l1_ratio: float = 0.0,
    random_state: Any = None,
    verbose: int | bool = 0,
    shuffle: bool = False,
) -> tuple[np.ndarray, np.ndarray, int]:
    """X ~ WH in one call, a drop-in for `sklearn.decomposition.non_negative_factorization`.

    Parameters
    ----------
    X : (m, n) array-like or sparse matrix, >= 0
    W : (m, n_components) array, the start for init="custom"
    H : (n_components, n) array, the start for init="custom", or with update_H=False the fixed factor
    update_H : bool; False solves for W only
    n_components, init, solver, beta_loss, tol, max_iter, alpha_W, alpha_H, l1_ratio, random_state, verbose, shuffle : see `NMF`

    Returns
    -------
    W : (m, n_components) array
    H : (n_components, n) array
    n_iter : int; 1 for update_H=False, which is solved directly

    Raises
    ------
    ValueError, TypeError
        As `NMF`.
    """
    model = NMF(
        n_components=n_components, init=init, solver=solver, beta_loss=beta_loss, tol=tol, max_iter=max_iter,
        random_state=random_state, alpha_W=alpha_W, alpha_H=alpha_H, l1_ratio=l1_ratio, verbose=verbose, shuffle=shuffle,
    )  # fmt: skip
    model._validate_params()
    _refuse_masked(X)
    X = check_array(X, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32])
    if update_H:
        result, _ = model._factorize(X, W, H)
        return result.W, result.H, _iterations(result)
    if W is not None:
        warnings.warn("When update_H=False, the provided initial W is not used.", RuntimeWarning, stacklevel=2)
    check_non_negative(X, "NMF initialization")
    H = _check_factor(H, (model._rank(X, H), X.shape[1]), "NMF (input H)")
    if H.dtype != X.dtype:
        raise TypeError(f"H should have the same dtype as X. Got H.dtype = {H.dtype}.")
    return model._project(X, np.array(H, order="C")), H, 1


def _refuse_masked(X: Any) -> None:
    """scikit-learn reads a masked array as if nothing was masked."""
    if np.ma.is_masked(X):
        count = int(np.ma.getmaskarray(X).sum())
        raise ProblemError(
            f"X is a masked array with {count:,} masked entries, and this estimator knows no missing ones. "
            "Fill them (X.filled(0)), or use nmfcore.solve with solver='masked-hals', which skips them."
        )


def _check_given(X: Matrix, W: Any, H: Any, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """The given start as arrays, whose shapes, signs and dtypes fit X."""
    H = _check_factor(H, (rank, X.shape[1]), "NMF (input H)")
    W = _check_factor(W, (X.shape[0], rank), "NMF (input W)")
    if H.dtype != X.dtype or W.dtype != X.dtype:
        raise TypeError(f"H and W should have the same dtype as X. Got H.dtype = {H.dtype} and W.dtype = {W.dtype}.")
    return W, H


def _check_factor(factor: Any, shape: tuple[int, int], name: str) -> np.ndarray:
    array = check_array(factor)
    for axis, place in enumerate(("first", "second")):
        if array.shape[axis] != shape[axis]:
            raise ValueError(
                f"Array with wrong {place} dimension passed to {name}. Expected {shape[axis]}, but got {array.shape[axis]}."
            )
    check_non_negative(array, name)
    if np.max(array) == 0:
        raise ValueError(f"Array passed to {name} is full of zeros.")
    return array


def _loss_name(beta_loss: float | str) -> str:
    """nmfcore's name of a loss that scikit-learn gives by name or as beta."""
    if isinstance(beta_loss, str):
        return beta_loss
    return next((name for name, beta in BETA.items() if beta == beta_loss), f"beta={float(beta_loss)!r}")


def _seed(random_state: Any) -> int:
    """A whole number from whatever scikit-learn accepts; None is fresh entropy, never the global state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    return int(random_state)


def _mean_filled(problem: Problem, seed: int) -> Factors:
    """scikit-learn's "nndsvda", for its own 'mu' to take the same steps: zeros become the mean of X, nothing is rescaled."""
    factors = starts.start(problem, "nndsvd", seed)
    mean = factors.W.dtype.type(problem.X.mean() * problem.scale)
    return Factors(np.where(factors.W == 0, mean, factors.W), np.where(factors.H == 0, mean, factors.H))


def _with_support(problem: Problem, start: Factors) -> Factors:
    """A start under which the loss is finite: where WH would be 0 and X is not, zeros become FAINT times the largest entry.

    scikit-learn computes such a loss with WH raised to 1e-7; multiplicative updates could not move it.
    """
    beta = beta_of(problem.loss)
    if beta > 1 or np.isfinite(beta_divergence(problem, start.scaled(problem.scale**-0.5), beta)):
        return start
    W = np.where(start.W == 0, FAINT * max(start.W.max(), np.finfo(start.W.dtype).tiny), start.W)
    H = np.where(start.H == 0, FAINT * max(start.H.max(), np.finfo(start.H.dtype).tiny), start.H)
    return Factors(W.astype(start.W.dtype), H.astype(start.H.dtype))


def _encoded(X: Matrix, index: int, first_row: int, H: np.ndarray, penalty: Penalty | None) -> np.ndarray:
    """The weights of one block's rows, exact."""
    return encode_rows(as_problem(X, len(H), penalty=penalty, overcomplete=True), H, tol=0.0, max_iter=1)[0]


def _iterations(result: Factorization) -> int:
    return max(1, result.history[-1].iteration)  # a start that is exact needs no step; scikit-learn then counts one


def _reconstruction_error(problem: Problem, result: Factorization) -> float:
    """sqrt(2 D_beta(X | WH)) in the units of X, without the penalties."""
    beta = beta_of(problem.loss)
    value = beta_divergence(problem, result.factors.in_double.scaled(problem.scale**-0.5), beta)
    return in_units(problem.loss, problem.scale**0.5, math.sqrt(2.0 * max(value, 0.0)))


def _say(point: Progress) -> None:
    """One line of progress; scikit-learn's users expect it on standard output."""
    sys.stdout.write(f"Iteration {point.iteration}, {point.seconds:.3f} seconds, relative error {point.relative_error:.6f}\n")
