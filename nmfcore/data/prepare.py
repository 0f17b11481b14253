"""What was done to the data before it was factorized?

A preparation is a list of steps, each a dict of JSON values: its name under "step" and its parameters, for instance
`{"step": "text", "weighting": "tfidf", "min_df": 2}`. The list is part of the RunSpec, so a link or script repeats it. A
step never changes its input, and tells in notes what it dropped or assumed; the numbers before and after are kept too.

A new step is one function and one line in STEPS.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.model.card import Report, silent
from nmfcore.data.model.dataset import Dataset, Effect, as_kept
from nmfcore.data.model.errors import counted, listed
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.rows import from_ranges
from nmfcore.data.model.words import Counting, stop_list, term_counts

# a step takes the data set, its parameters by name and a report, and returns the new data set and its notes
StepFunction = Callable[..., tuple[Dataset, list[str]]]

LONGEST_NAME = 120  # characters of what a choice of items is called
WEIGHTINGS = ("counts", "binary", "tfidf")


def apply(dataset: Dataset, steps: Iterable[Mapping[str, Any]], report: Report | None = None) -> Dataset:
    """The data set after these steps, in order.

    Parameters
    ----------
    dataset : Dataset
    steps : dicts with "step" and the step's parameters
    report : called with what is being done; may raise to cancel

    Returns
    -------
    Dataset
        With the steps, their notes and their numbers before and after added.

    Raises
    ------
    ValueError
        If a step or parameter is unknown or impossible; the data set that came in is unchanged.
    """
    for step in steps:
        before = dataset.summary()
        parameters = checked(step)
        name = parameters.pop("step")
        (report or silent)(STEPS[name].title, None)
        changed, notes = STEPS[name].function(dataset, report or silent, **parameters)
        effect = Effect(name, before, changed.summary(), tuple(notes))
        dataset = changed.changed(
            steps=(*dataset.steps, {"step": name, **parameters}),
            effects=(*dataset.effects, effect),
            notes=(*dataset.notes, *notes),
        )
    return dataset


def checked(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step with all its parameters, defaults filled in, in one order: equal steps become equal dicts.

    Raises
    ------
    ValueError
        If the step or a parameter is unknown, or one without a default is missing.
    """
    name = step.get("step")
    if not isinstance(name, str) or name not in STEPS:
        raise ValueError(f"Unknown step {name!r}. Known: {', '.join(STEPS)}.")
    known = parameters_of(name)
    unknown = [key for key in step if key != "step" and key not in known]
    if unknown:
        raise ValueError(f"The step {name!r} has no parameter {unknown[0]!r} (parameters: {', '.join(known) or 'none'}).")
    given = {**known, **{key: value for key, value in step.items() if key != "step"}}
    return {"step": name, **{key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}}


def parameters_of(name: str) -> dict[str, Any]:
    """The parameters of a step with their defaults."""
    signature = inspect.signature(STEPS[name].function)
    return {key: p.default for key, p in signature.parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}


# --- text ---------------------------------------------------------------------------------------------------------------


def text(
    dataset: Dataset,
    report: Report,
    *,
    weighting: str = "tfidf",
    sublinear: bool = False,
    ngrams: Sequence[int] = (1, 1),
    min_df: float = 1,
    max_df: float = 1.0,
    max_features: int | None = None,
    stop_words: Sequence[str] = (),
    extra_stop_words: Sequence[str] = (),
    token_pattern: str = "words",
    lowercase: bool = True,
    drop_empty: bool = False,
) -> tuple[Dataset, list[str]]:
    """Documents x terms out of a corpus, float32 CSR.

    weighting : "counts", "binary", or "tfidf" (count times ln((1+m)/(1+df))+1, rows to unit length; scikit-learn's)
    sublinear : 1 + ln(count) in place of the count
    ngrams : shortest and longest phrase, in words
    min_df, max_df : documents that a term must and may occur in: a share up to 1 (min_df: below 1), else a number
    max_features : keep only the terms that occur most often
    stop_words : languages (`LANGUAGES`) whose function words are left out
    extra_stop_words : more words to leave out
    token_pattern : what counts as a word, a name in `PATTERNS`: "natural" for texts as people write them, "words" as scikit-learn
    drop_empty : drop documents in which no term is left; otherwise they stay, as rows of zeros
    """
    documents = dataset.documents
    if dataset.X is not None or documents is None:
        raise ValueError("The step 'text' needs documents; this data set is a matrix already.")
    if weighting not in WEIGHTINGS:
        raise ValueError(f"Unknown weighting {weighting!r}. Known: {', '.join(WEIGHTINGS)}.")
    stop = stop_list(stop_words, extra_stop_words, token_pattern)
    how = Counting(ngrams, min_df, max_df, max_features, stop, token_pattern, lowercase)
    counts, terms, notes = term_counts(documents, how, report)
    report("Weighting the terms", None)
    X = _weighted(counts, weighting, sublinear=sublinear)
    columns = replace(dataset.axes.columns, labels=terms)
    result = dataset.changed(X=X.astype(np.float32), axes=Axes(dataset.axes.rows, columns))
    empty = np.flatnonzero(np.diff(X.indptr) == 0)
    if not empty.size:
        return result, notes
    which = f"{counted(int(empty.size), 'document')} of {len(documents):,}"
    if not drop_empty:
        return result, [*notes, f"{which} without any of these terms: rows of zeros, which belong to no topic."]
    notes.append(f"{which} dropped, because none of these terms occurs in them: {_named(dataset.axes.rows, empty)}.")
    return result.take_rows(np.flatnonzero(np.diff(X.indptr))), notes


def _weighted(counts: Any, weighting: str, *, sublinear: bool) -> Any:
    """Counts (m, n) CSR with the weights that `text` names; counts are overwritten."""
    if weighting == "binary":
        counts.data[:] = 1
    elif sublinear:
        counts.data = np.log(counts.data) + np.float32(1)
    return _scaled(_times_idf(counts)[0], "l2", 1)[0] if weighting == "tfidf" else counts


# --- rows ---------------------------------------------------------------------------------------------------------------


def items(dataset: Dataset, report: Report, *, keep: str = "", called: str = "") -> tuple[Dataset, list[str]]:
    """Some of the items and all that is known of them; the columns stay, also those that hold zeros only now.

    keep : row numbers from 1, written as ranges ("1-3,7"); "" keeps all
    called : what the choice is called, for people
    """
    rows = from_ranges(keep, dataset.shape[0]) if keep else np.arange(dataset.shape[0])
    axis, named = dataset.axes.rows, f" ({called[:LONGEST_NAME]})" if called else ""
    said = f"{rows.size:,} of {counted(dataset.shape[0], axis.singular, axis.name)} are kept{named}."
    return dataset.take_rows(rows), [said]


# --- numbers ------------------------------------------------------------------------------------------------------------


def scale_rows(dataset: Dataset, report: Report, *, norm: str = "l2") -> tuple[Dataset, list[str]]:
    """Each row divided by its norm: "l1" (sums become 1), "l2" (unit length) or "max". Rows of zeros stay."""
    X, zero = _scaled(_matrix_of(dataset), norm, 1)
    return dataset.changed(X=X), _stayed(dataset.axes.rows, zero)


def scale_columns(dataset: Dataset, report: Report, *, norm: str = "l2") -> tuple[Dataset, list[str]]:
    """Each column divided by its norm: "l1", "l2" or "max". Columns of zeros stay."""
    X, zero = _scaled(_matrix_of(dataset), norm, 0)
    return dataset.changed(X=X), _stayed(dataset.axes.columns, zero)


def log1p(dataset: Dataset, report: Report) -> tuple[Dataset, list[str]]:
    """ln(1 + x) in place of x; zeros stay zeros."""
    X = _matrix_of(dataset).copy()
    if sp.issparse(X):
        X.data = np.log1p(X.data)
    else:
        X = np.log1p(X)
    return dataset.changed(X=X), []


def binary(dataset: Dataset, report: Report, *, threshold: float = 0.0) -> tuple[Dataset, list[str]]:
    """1 where x is above the threshold (at least 0), else 0."""
    if not threshold >= 0:
        raise ValueError(f"The threshold is {threshold}; it must be 0 or more.")
    X = _matrix_of(dataset)
    if sp.issparse(X):
        X = X.copy()
        X.data = (X.data > threshold).astype(X.dtype)
        return dataset.changed(X=as_kept(X)), []
    return dataset.changed(X=(threshold < X).astype(X.dtype)), []


def idf(dataset: Dataset, report: Report) -> tuple[Dataset, list[str]]:
    """Each column times ln((1+m)/(1+df))+1, df being the rows where it is not 0: what is everywhere weighs less."""
    X, _ = _times_idf(_matrix_of(dataset))
    return dataset.changed(X=X), []


def most_variable(dataset: Dataset, report: Report, *, count: int = 1000, axis: str = "columns") -> tuple[Dataset, list[str]]:
    """The `count` columns (or rows) with the largest variance, in their old order."""
    along = _axis_number(axis)
    if not count >= 1:
        raise ValueError(f"count is {count}; at least 1 has to be kept.")
    variance = _variance(_matrix_of(dataset), dataset.mask, along)
    if count >= variance.size:
        return dataset, [f"All {variance.size:,} {_named_axis(dataset, axis).name} were kept: there are no more than {count:,}."]
    keep = np.sort(np.argsort(-variance, kind="stable")[:count])
    result = dataset.take_columns(keep) if along == 0 else dataset.take_rows(keep)
    name = _named_axis(dataset, axis).name
    return result, [
        f"{variance.size - count:,} of {variance.size:,} {name} dropped: the {count:,} with the largest variance stay."
    ]


def drop_empty(dataset: Dataset, report: Report, *, rows: bool = True, columns: bool = True) -> tuple[Dataset, list[str]]:
    """Without the rows and columns that are zero (or missing) throughout; they are counted and the first ones named."""
    notes: list[str] = []
    X = _matrix_of(dataset)
    for wanted, along, axis in ((rows, 1, "rows"), (columns, 0, "columns")):
        if not wanted:
            continue
        filled = _counts(X, along) > 0
        if filled.all():
            continue
        names = _named_axis(dataset, axis)
        empty = np.flatnonzero(~filled)
        if not filled.any():
            raise ValueError(f"All {names.name} are empty: the matrix holds zeros only.")
        notes.append(f"{empty.size:,} empty of {filled.size:,} {names.name} dropped: {_named(names, empty)}.")
        keep = np.flatnonzero(filled)
        dataset = dataset.take_rows(keep) if along == 1 else dataset.take_columns(keep)
        X = dataset.X
    return dataset, notes


def zeros(dataset: Dataset, report: Report, *, mean: str = "real") -> tuple[Dataset, list[str]]:
    """What an entry of 0 says: "real" (it was measured: nothing is left out) or "missing" (a mask leaves it out of the fit)."""
    if mean not in ("real", "missing"):
        raise ValueError(f"mean is {mean!r}; it must be 'real' or 'missing'.")
    X = _matrix_of(dataset)
    m, n = X.shape
    if mean == "real":
        if dataset.mask is None:
            return dataset, ["Nothing was left out: every entry counts already."]
        back = m * n - int(dataset.mask.sum(dtype=np.int64))
        said = f"{counted(back, 'missing entry', 'missing entries')} became real zeros."
        return dataset.changed(mask=None, zero_means="a real zero"), [said]
    most = Limits.from_environment().dense_cells
    if m * n > most:
        raise ValueError(f"A mask for {m:,} x {n:,} entries would be too large (at most {most:,}). Take fewer rows or columns.")
    dense = X.toarray() if sp.issparse(X) else X
    seen = (dense != 0).astype(np.uint8)
    if not seen.any():
        raise ValueError("All entries are zero, so none would be left.")
    mask = seen if dataset.mask is None else seen & dataset.mask
    gone = m * n - int(mask.sum(dtype=np.int64))
    return dataset.changed(X=as_kept(dense), mask=mask, zero_means="not measured"), [
        f"{gone:,} of {m * n:,} entries are 0 and count as not measured."
    ]


def transpose(dataset: Dataset, report: Report) -> tuple[Dataset, list[str]]:
    """Rows become columns. Texts and picture sizes belong to rows and cannot come along."""
    X = as_kept(_matrix_of(dataset).T)
    lost = [name for name, value in (("texts", dataset.documents), ("pictures", dataset.image_shape)) if value is not None]
    notes = [f"The {' and '.join(lost)} belonged to the rows and are left out now."] if lost else []
    mask = None if dataset.mask is None else np.ascontiguousarray(dataset.mask.T)
    known = (dataset.column_classes, dataset.classes, dataset.column_facts, dataset.facts)
    sides = dict(zip(("classes", "column_classes", "facts", "column_facts"), known, strict=True))
    return dataset.changed(X=X, axes=dataset.axes.transposed, mask=mask, documents=None, image_shape=None, **sides), notes


def _matrix_of(dataset: Dataset) -> Any:
    if dataset.X is None:
        raise ValueError("This data set is still text: the step 'text' has to come first.")
    return dataset.X


def _scaled(X: Any, norm: str, along: int) -> tuple[Any, np.ndarray]:
    """X with its rows (along 1) or columns (0) divided by their norm, and which of them are zero."""
    values = abs(X) if norm == "l1" else X.multiply(X) if sp.issparse(X) else np.square(X, dtype=np.float64)
    if norm == "max":
        size = np.asarray(X.max(axis=along).toarray() if sp.issparse(X) else X.max(axis=along)).ravel().astype(np.float64)
    elif norm in ("l1", "l2"):
        size = np.asarray(values.sum(axis=along, dtype=np.float64)).ravel()
        size = np.sqrt(size) if norm == "l2" else size
    else:
        raise ValueError(f"Unknown norm {norm!r}. Known: l1, l2, max.")
    zero = np.flatnonzero(size == 0)
    by = np.divide(1.0, size, out=np.ones_like(size), where=size > 0)
    return _times(X, by, along), zero


def _times(X: Any, by: np.ndarray, along: int) -> Any:
    """Rows (along 1) or columns (0) of X times a number each; dtype and format stay."""
    if sp.issparse(X):
        factor = np.repeat(by, np.diff(X.indptr)) if along == 1 else by[X.indices]
        return sp.csr_array(((X.data * factor).astype(X.dtype), X.indices, X.indptr), shape=X.shape)
    return np.ascontiguousarray(X * (by[:, None] if along == 1 else by[None, :]), dtype=X.dtype)


def _times_idf(X: Any) -> tuple[Any, np.ndarray]:
    df = _counts(X, 0)
    weight = np.log((1 + X.shape[0]) / (1 + df)) + 1
    return _times(X, weight, 0), weight


def _counts(X: Any, along: int) -> np.ndarray:
    """How many entries are not zero, per row (along 1) or column (0)."""
    if not sp.issparse(X):
        return np.count_nonzero(X, axis=along)
    return np.diff(X.indptr) if along == 1 else np.bincount(X.indices, minlength=X.shape[1])


def _variance(X: Any, mask: np.ndarray | None, along: int) -> np.ndarray:
    """Variance per column (along 0) or row (1), over the observed entries, in float64."""
    if mask is not None:
        seen = np.maximum(mask.sum(axis=along, dtype=np.float64), 1)
        dense = X.toarray() if sp.issparse(X) else X
        mean = (dense * mask).sum(axis=along, dtype=np.float64) / seen
        return np.square(dense - np.expand_dims(mean, along), where=mask > 0, out=np.zeros(X.shape)).sum(axis=along) / seen
    if not sp.issparse(X):
        return X.var(axis=along, dtype=np.float64)
    n = X.shape[along]
    mean = np.asarray(X.sum(axis=along, dtype=np.float64)).ravel() / n
    square = np.asarray(X.multiply(X).sum(axis=along, dtype=np.float64)).ravel() / n
    return np.maximum(square - mean**2, 0)


def _axis_number(axis: str) -> int:
    if axis not in ("rows", "columns"):
        raise ValueError(f"axis is {axis!r}; it must be 'rows' or 'columns'.")
    return 0 if axis == "columns" else 1


def _named_axis(dataset: Dataset, axis: str) -> Axis:
    return dataset.axes.columns if axis == "columns" else dataset.axes.rows


def _named(axis: Axis, indices: np.ndarray) -> str:
    return listed(axis.take(indices[:5]) + [""] * max(0, len(indices) - 5))


def _stayed(axis: Axis, zero: np.ndarray) -> list[str]:
    if not zero.size:
        return []
    holds = "holds zeros only and stays as it is" if zero.size == 1 else "hold zeros only and stay as they are"
    return [f"{counted(int(zero.size), axis.singular, axis.name)} {holds}: {_named(axis, zero)}."]


@dataclass(frozen=True)
class Step:
    """A step of preparation: its function, its name on screen, one line on what it does, and what it works on."""

    function: StepFunction
    title: str
    says: str
    needs: str = "numbers"


STEPS: dict[str, Step] = {
    "text": Step(text, "Words to numbers", "Counts, marks or weighs the words of each document", "text"),
    "scale_rows": Step(scale_rows, "Scale rows", "Divides each row by its sum, length or maximum"),
    "scale_columns": Step(scale_columns, "Scale columns", "Divides each column by its sum, length or maximum"),
    "log1p": Step(log1p, "Logarithm", "Takes ln(1 + x), so that large values weigh less"),
    "most_variable": Step(most_variable, "Most variable", "Keeps the columns or rows with the largest variance"),
    "drop_empty": Step(drop_empty, "Drop empty", "Leaves out rows and columns that hold zeros only"),
    "binary": Step(binary, "Present or not", "1 where the value is above a threshold, else 0"),
    "idf": Step(idf, "Inverse document frequency", "Columns that are not zero almost everywhere weigh less"),
    "zeros": Step(zeros, "Meaning of zero", "Says whether an entry of 0 is a real zero or was not measured"),
    "items": Step(items, "Some items", "Keeps the rows that were chosen, as a filter or a lasso does", "any"),
    "transpose": Step(transpose, "Transpose", "Rows become columns"),
}
