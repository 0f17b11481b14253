"""How do metagenes follow what is known of genes? Marker lists, files of gene sets, and the refits that keep to them.

X (m, n) is genes × samples, as in nmfcore/methods/expression.py; a guidance speaks of topics as rows of H, so refits work on X
transposed, where a metagene is a row. The GMT format has one set a line: name, description and genes, divided by tabs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nmfcore import guide
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Axis, Factorization
from nmfcore.core.guidance import FIRST_WORDS, Guidance
from nmfcore.guide import Guided

MOST_SETS, MOST_GENES = 50_000, 20_000  # of a file; more is no file of gene sets


def gene_sets(text: str) -> dict[str, tuple[str, ...]]:
    """The sets of a GMT file by name; of equal names the first one counts.

    Raises
    ------
    ProblemError
        If a line has no genes, or there are more sets or genes than such files have.
    """
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts = [part.strip() for part in line.split("\t")]
        genes = tuple(dict.fromkeys(gene for gene in parts[2:] if gene))
        if not parts[0] or not genes:
            raise ProblemError(f"Line {number} is no gene set: a GMT line has a name, a description and genes, divided by tabs.")
        if len(genes) > MOST_GENES or len(found) >= MOST_SETS:
            raise ProblemError(f"Line {number}: up to {MOST_SETS:,} sets of up to {MOST_GENES:,} genes are read.")
        found.setdefault(parts[0], genes)
    if not found:
        raise ProblemError("The file holds no gene set.")
    return found


def pasted(text: str) -> tuple[str, ...]:
    """The genes of a list that somebody pasted, divided by commas, semicolons, tabs or lines."""
    return tuple(dict.fromkeys(gene for gene in (part.strip() for part in re.split(r"[,;\t\n\r]+", text)) if gene))


def present(names: Sequence[str], genes: Axis) -> tuple[list[int], list[str]]:
    """Rows of X of the named genes, and the names that it does not have; upper and lower case do not matter."""
    labels = {} if genes.labels is None else {str(label).casefold(): i for i, label in reversed(list(enumerate(genes.labels)))}
    rows = [labels.get(name.casefold(), -1) for name in names]
    return list(dict.fromkeys(row for row in rows if row >= 0)), [name for name, row in zip(names, rows, strict=True) if row < 0]


def leading(X: np.ndarray, rows: Sequence[int], count: int = FIRST_WORDS) -> tuple[int, ...]:
    """Those of the genes, rows of X (m, n), that vary most over the samples, at most `count`: so many can be among the first."""
    spread = X[list(rows)].std(axis=1)
    return tuple(int(rows[i]) for i in np.argsort(-spread, kind="stable")[:count])


def steered(X: np.ndarray, fit: Factorization, guidance: Guidance, genes: Axis, samples: Axis) -> Guided:
    """A fit of genes × samples refitted under every wish; words of the guidance are genes, topics metagenes.

    X : (m, n) genes × samples, >= 0;  fit : of X, W (m, r) and H (r, n)

    Raises
    ------
    ProblemError
        If a wish contradicts another one, or names a gene that is not there.
    """
    return guide.replay(np.ascontiguousarray(X.T), as_topics(fit), guidance, axes=Axes(samples, genes))


def as_topics(fit: Factorization) -> Factorization:
    """A fit of genes × samples as one of samples × genes, whose topics are the metagenes."""
    return replace(fit, W=np.ascontiguousarray(fit.H.T), H=np.ascontiguousarray(fit.W.T))


def as_metagenes(model: Guided) -> Factorization:
    """The model as genes × metagenes and metagenes × samples again."""
    return as_topics(model.result)  # turning is its own inverse


def follows(X: np.ndarray, rows: Sequence[int], activity: np.ndarray) -> float:
    """Correlation of a metagene's activity (n,) with the mean of the genes, each at mean 0 and deviation 1 over the samples.

    X : (m, n) genes × samples;  rows : of the genes
    """
    chosen = X[list(rows)].astype(np.float64)
    deviation = chosen.std(axis=1, keepdims=True)
    scaled = np.divide(chosen - chosen.mean(axis=1, keepdims=True), deviation, out=np.zeros_like(chosen), where=deviation > 0)
    mean = scaled.mean(axis=0)
    if not mean.std() or not np.std(activity):
        return 0.0
    return float(np.corrcoef(mean, activity.astype(np.float64))[0, 1])
