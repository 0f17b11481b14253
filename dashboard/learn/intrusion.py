"""Word intrusion: five top words of a topic and one from another's, to be found by a person.

The intruder is a top word of another topic that ranks in the lower half here, so that it is neither rare in the corpus nor close
to this topic; the order is shuffled with a seed. Beside the score stands NPMI.
Sources: Chang, Gerrish, Wang, Boyd-Graber & Blei 2009; Bouma 2009.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from dashboard.learn.scale import factors
from dashboard.learn.scene import Device, Measure, Scene, rounded, whole
from nmfcore.core.factorization import Axes
from nmfcore.data import catalog
from nmfcore.evaluate.coherence import document_counts, npmi
from nmfcore.topics.terms import best

WORDS = 5
RANDOM_SETS = 200  # sets of five random words, whose NPMI is what no coherence looks like
RANK = 10


def rounds(H: np.ndarray, axes: Axes, X: Any, *, seed: int = 0, steady: Sequence[float] | None = None) -> dict[str, Any]:
    """One round per topic that has a possible intruder, and the NPMI of its words.

    Parameters
    ----------
    H : (r, n) array, r >= 2
    X : (m, n) array or sparse; documents for NPMI
    steady : (r,) how often each topic is found again from other starts, 0 to 1, where that was measured

    Returns
    -------
    dict with `rounds` and `random`, the range of NPMI of random sets of words (5 % to 95 %)
    """
    rng = np.random.default_rng(seed)
    r, n = H.shape
    tops = [best(row, WORDS) for row in H]
    place = np.argsort(np.argsort(-H, axis=1, kind="stable"), axis=1)  # (r, n) rank of each word in each topic
    drawn = [rng.choice(n, WORDS, replace=False) for _ in range(RANDOM_SETS)]
    counts = document_counts(X, np.unique(np.concatenate([*tops, *drawn])))
    scores, chance = npmi(counts, tops), npmi(counts, drawn)
    made = []
    for k in range(r):
        others = [
            (other, word)
            for other in range(r)
            if other != k
            for word in tops[other]
            if place[k, word] >= n // 2 and word not in tops[k]
        ]
        if not others:
            continue
        other, word = others[int(rng.integers(len(others)))]
        order = rng.permutation(WORDS + 1)
        words = np.append(tops[k], word)[order]
        made.append({
            "topic": k + 1, "from": other + 1, "words": axes.columns.take(words),
            "intruder": int(np.flatnonzero(order == WORDS)[0]),
            "npmi": rounded(scores[k]) or 0.0, **({} if steady is None else {"steady": rounded(steady[k])}),
        })  # fmt: skip
    return {"rounds": made, "random": [rounded(v) for v in np.nanquantile(chance, [0.05, 0.95])]}


@cache
def of_films() -> dict[str, Any]:
    films = catalog.load("movies")
    return rounds(factors().H, films.axes, films.X)


def scene(data: str, state: Mapping[str, Any]) -> Scene:
    return Scene(f"intrusion|{data}", {**of_films(), "words": {"component": "topic", "components": "topics"}})


def _scores() -> np.ndarray:
    return np.array([made["npmi"] for made in of_films()["rounds"]])


INTRUSION = Device(
    "intrusion",
    ("films",),
    {"round": whole(1, RANK)},
    scene,
    {
        "npmi": Measure(lambda data, topic: float(_scores()[topic - 1]), {"topic": whole(1, RANK)}, ("topic",)),
        "lowest": Measure(lambda data: float(_scores().min())),
        "highest": Measure(lambda data: float(_scores().max())),
        "hardest": Measure(lambda data: float(of_films()["rounds"][int(_scores().argmin())]["topic"])),
        "random_low": Measure(lambda data: of_films()["random"][0]),
        "random_high": Measure(lambda data: of_films()["random"][1]),
    },
)
