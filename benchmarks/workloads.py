"""What is factorized? Each workload is a name, a matrix, a rank and a loss; data comes through nmfcore's catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from nmfcore.data import load

REMOVE = ["headers", "footers", "quotes"]


@dataclass(frozen=True)
class Workload:
    """key, title : its names; rank, loss : what is asked; goal : (plain NumPy, compiled) times scikit-learn, or None."""

    key: str
    title: str
    rank: int
    matrix: Callable[[], Any]
    loss: str = "frobenius"
    goal: tuple[float, float] | None = None
    repeats: int = 5


@lru_cache(maxsize=2)
def texts(categories: Any, subset: str) -> list[str]:
    chosen = list(categories) if isinstance(categories, tuple) else categories
    return list(load("newsgroups", {"categories": chosen, "subset": subset, "remove": REMOVE}).documents)


FOUR = ("alt.atheism", "talk.religion.misc", "comp.graphics", "sci.space")


def four_groups(vectorizer: type) -> Any:
    return vectorizer(stop_words="english").fit_transform(texts(FOUR, "train")).astype(np.float64)


def scikit_learn_example(vectorizer: type = TfidfVectorizer) -> Any:
    """2000 documents, 1000 words: the preparation of scikit-learn's topic extraction example."""
    some = np.random.default_rng(1).permutation(np.array(texts("all", "train"), dtype=object))[:2000]
    return vectorizer(max_df=0.95, min_df=2, max_features=1000, stop_words="english").fit_transform(some).astype(np.float64)


@lru_cache(maxsize=1)
def all_groups() -> Any:
    return TfidfVectorizer(min_df=2, stop_words="english").fit_transform(texts("all", "all"))


def faces() -> np.ndarray:
    """The 400 ORL faces as columns, grey values in [0, 1]."""
    return np.ascontiguousarray(load("faces").X.T, dtype=np.float64)


def raw_faces() -> np.ndarray:
    return faces() * 255


def expression() -> np.ndarray:
    return np.ascontiguousarray(load("leukemia").X, dtype=np.float64)


def dense() -> np.ndarray:
    """10000 x 5000 of rank 50 with noise: sparse exponential factors, then 20 % of the mean as uniform noise."""
    rng = np.random.default_rng(0)
    W = rng.exponential(size=(10_000, 50)) * (rng.random((10_000, 50)) < 0.3)
    H = rng.exponential(size=(50, 5_000)) * (rng.random((50, 5_000)) < 0.3)
    X = W @ H
    X += 0.4 * X.mean() * rng.random(X.shape)
    return X


WORKLOADS = {
    w.key: w
    for w in (
        Workload("four-counts", "20 Newsgroups, four groups, counts", 6, lambda: four_groups(CountVectorizer), goal=(5, 6)),
        Workload("four-tfidf", "20 Newsgroups, four groups, TF-IDF", 6, lambda: four_groups(TfidfVectorizer), goal=(5, 6)),
        Workload("example", "scikit-learn's example, 2000 × 1000 TF-IDF", 10, scikit_learn_example, goal=(6, 8)),
        Workload("expression", "Leukemia expression, 5000 × 38", 3, expression, goal=(4, 6)),
        Workload("all-20", "20 Newsgroups, all, TF-IDF", 20, all_groups, goal=(15, 25), repeats=3),
        Workload("faces", "ORL faces in [0, 1], 10304 × 400", 49, faces, goal=(8, 15), repeats=3),
        Workload("faces-255", "ORL faces in 0 to 255, 10304 × 400", 49, raw_faces, repeats=1),
        Workload("dense", "Dense 10000 × 5000, planted rank 50 with noise", 50, dense, goal=(15, 18), repeats=3),
        Workload("kl-example", "2000 × 1000 TF-IDF, Kullback-Leibler", 10, scikit_learn_example, "kullback-leibler", (2, 25), 3),
        Workload(
            "kl-counts", "2000 × 1000 counts, Kullback-Leibler", 10, lambda: scikit_learn_example(CountVectorizer),
            "kullback-leibler", None, 3,
        ),
        Workload("kl-all", "20 Newsgroups, all, TF-IDF, Kullback-Leibler", 20, all_groups, "kullback-leibler", (2, 30), 1),
        Workload("all-100", "20 Newsgroups, all, TF-IDF", 100, all_groups, goal=(20, 40), repeats=3),
    )
}  # fmt: skip
