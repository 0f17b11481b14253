"""Do refits obey? 210 scripted edits with random choices, chains of eight, seeds of hidden topics, and how long a refit takes.

    python -m benchmarks.guided [movies four all]

writes results/guided.json (every edit) and results/guided.md (the distributions). The tests of the wishes are those of
nmfcore/guide/verdicts.py; the choices are drawn from a fixed seed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

import nmfcore
from benchmarks.workloads import FOUR, texts
from nmfcore import guide
from nmfcore.core.factorization import Axes, Axis
from nmfcore.core.spec import StopRule
from nmfcore.data import catalog
from nmfcore.guide import Add, Delete, Edit, Forbid, Group, Guided, Merge, Move, Pin, Seed, Split
from nmfcore.kernels import engines
from nmfcore.topics.terms import best

RESULTS = Path(__file__).parent / "results"
BASE = StopRule(tol=1e-6, max_iter=1000, max_seconds=None)  # an empty refit should change next to nothing
VERBS = ("seed", "split", "merge", "forbid", "everywhere", "move", "group", "add", "delete", "pin")
COUNTS = {  # of each wish on each data set: 70 + 100 + 40
    "movies": dict(zip(VERBS, (16, 8, 8, 6, 4, 6, 7, 3, 7, 5), strict=True)),
    "four": dict(zip(VERBS, (22, 12, 12, 8, 6, 8, 11, 5, 10, 6), strict=True)),
    "all": dict(zip(VERBS, (10, 4, 4, 4, 2, 4, 4, 2, 4, 2), strict=True)),
}
RANKS = {"movies": (8, 10), "four": (6, 8, 10), "all": (20,)}
HIDDEN = {"movies": 12, "four": 36, "all": 6}  # seeds of hidden topics
CHAINS = {"movies": 14, "four": 14, "all": 1}
LENGTH = 8  # edits of a chain


@dataclass(frozen=True, eq=False)
class Data:
    name: str
    X: Any
    axes: Axes


def load(name: str) -> Data:
    """The films, or 20 Newsgroups (four groups or all) as tf-idf without English stop words and without words of one document."""
    if name == "movies":
        films = catalog.load("movies")
        return Data(name, films.X, films.axes)
    vectorizer = TfidfVectorizer(min_df=2, stop_words="english")
    X = vectorizer.fit_transform(texts(FOUR, "train") if name == "four" else texts("all", "all"))
    return Data(name, X, Axes(Axis("documents", "document"), Axis("words", "word", list(vectorizer.get_feature_names_out()))))


# -- random edits -------------------------------------------------------------------------------------------------------------
def words_of(H: np.ndarray, k: int, count: int = 3) -> tuple[int, ...]:
    return tuple(int(j) for j in best(H[k], count))


def seed_words(data: Data, base: Guided, finer: np.ndarray, turn: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Half of a hidden topic (a finer fit's), half random words, one word, or the words of a topic that is there."""
    common = np.flatnonzero(np.asarray((data.X > 0).sum(axis=0)).ravel() >= 5)
    kind = turn % 6
    if kind in (0, 2, 4):
        return words_of(finer, int(rng.integers(len(finer))))
    if kind == 1:
        return tuple(int(j) for j in rng.choice(common, 3, replace=False))
    if kind == 3:
        return (int(rng.choice(common)),)
    return words_of(base.result.H, int(rng.integers(len(base.ids))))


def random_edits(verb: str, data: Data, model: Guided, finer: np.ndarray, turn: int, rng: np.random.Generator) -> list[Edit]:
    """The edits of one script: all but the last only prepare it."""
    ids, H = list(model.ids), model.result.H
    one, two = (int(k) for k in rng.choice(ids, 2, replace=False))
    place = model.at(one)
    if verb == "seed":
        return [Seed(seed_words(data, model, finer, turn, rng))]
    if verb == "split":
        return [Split(one)]
    if verb == "merge":
        return [Merge((one, two))]
    if verb in ("forbid", "everywhere"):
        word = words_of(H, place, 10)[int(rng.integers(10))]
        return [Forbid((word,), one if verb == "forbid" else None)]
    if verb == "move":
        return [Move((words_of(H, place, 10)[int(rng.integers(10))],), one, two)]
    if verb == "group":
        filled = np.flatnonzero(np.asarray((data.X > 0).sum(axis=1)).ravel() > 0)
        pool = guide.leading(model.result.W, place, 50) if turn % 2 == 0 else filled  # half of them have something in common
        return [Group(tuple(int(i) for i in rng.choice(pool, 10, replace=False)))]
    if verb == "add":
        return [Add()]
    if verb == "delete":
        return [Delete(one)]
    third = next(int(k) for k in rng.permutation(ids) if k not in (one, two))
    fourth = next(int(k) for k in rng.permutation(ids) if k not in (one, two, third))
    return [Pin(one), Pin(two), [Split(third), Merge((third, fourth)), Delete(third)][turn % 3]]


# -- measuring ----------------------------------------------------------------------------------------------------------------
def processor_seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.thread_time()
    done = work()
    return done, time.thread_time() - began


def one(data: Data, model: Guided, edits: list[Edit]) -> dict[str, Any]:
    """One script: the edits, and what the last of them did."""
    before = model
    for edit in edits[:-1]:
        before = guide.steer(data.X, before, edit, axes=data.axes)
    after, seconds = processor_seconds(lambda: guide.steer(data.X, before, edits[-1], axes=data.axes))
    told = {v.number: v for v in after.verdicts}
    verdict = told[len(after.guidance) - 1]
    done = guide.effects(data.X, after, before, axes=data.axes)
    swapped = [t for t in done.moved if nearest(before, after, t) != t]
    return {
        "edit": edits[-1].to_dict(), "obeyed": all(v.obeyed for v in told.values()), "measures": dict(verdict.measures),
        "cost": done.cost, "moved": max(done.moved.values(), default=0.0), "swapped": len(swapped), "seconds": seconds,
        "iterations": after.result.history[-1].iteration, "items": len(done.items), "sentence": verdict.sentence,
    }  # fmt: skip


def nearest(before: Guided, after: Guided, topic: int) -> int:
    """The id of the topic now that is most like what that topic was."""
    old = before.result.H[before.at(topic)]
    rows = after.result.H.astype(float) / np.linalg.norm(after.result.H.astype(float), axis=1, keepdims=True)
    return after.ids[int(np.argmax(rows @ old))]


def models(data: Data) -> Iterator[tuple[int, Guided, np.ndarray]]:
    """A base fit of each rank, and H of one twice as fine."""
    for rank in RANKS[data.name]:
        base = nmfcore.solve(data.X, rank, stop=BASE)
        yield rank, guide.first(base), nmfcore.solve(data.X, 2 * rank, stop=BASE).H


def scripts(data: Data, fits: list[tuple[int, Guided, np.ndarray]]) -> list[dict[str, Any]]:
    found = []
    for at, (verb, count) in enumerate(COUNTS[data.name].items()):
        rng = np.random.default_rng([1, at])
        for turn in range(count):
            _, model, finer = fits[turn % len(fits)]
            found.append({"data": data.name, "verb": verb} | one(data, model, random_edits(verb, data, model, finer, turn, rng)))
            print(data.name, verb, turn, found[-1]["sentence"], flush=True)
    return found


def hidden(data: Data, fits: list[tuple[int, Guided, np.ndarray]]) -> list[float]:
    """The share of a seeded topic's leading documents that hold a seed word, for three words of hidden topics."""
    found, rng = [], np.random.default_rng(2)
    for turn in range(HIDDEN[data.name]):
        _, model, finer = fits[turn % len(fits)]
        words = words_of(finer, int(rng.integers(len(finer))))
        found.append(guide.steer(data.X, model, Seed(words), axes=data.axes).verdicts[-1].measures["about"])
    return found


def chains(data: Data, fits: list[tuple[int, Guided, np.ndarray]]) -> list[dict[str, Any]]:
    """Eight random edits one after the other: how many wishes that still stand are kept, and whether a replay has equal bits."""
    found = []
    for turn in range(CHAINS[data.name]):
        rng = np.random.default_rng([3, turn])
        _, model, finer = fits[turn % len(fits)]
        after, moved = model, 0.0
        while len(after.guidance) < LENGTH:
            verb = str(rng.choice(["seed", "split", "merge", "forbid", "everywhere", "move", "group", "add", "delete"]))
            edit = random_edits(verb, data, after, finer, int(rng.integers(6)), rng)[-1]
            try:
                new = guide.steer(data.X, after, edit, axes=data.axes)
            except nmfcore.ProblemError:  # a contradiction, refused
                continue
            done = guide.effects(data.X, new, after, axes=data.axes)
            moved, after = max(moved, *done.moved.values()), new
        again = guide.replay(data.X, model.result, after.guidance, axes=data.axes).result
        same = bool(np.array_equal(again.W, after.result.W) and np.array_equal(again.H, after.result.H))
        kept = [v.obeyed for v in after.verdicts]
        found.append({"standing": len(kept), "kept": int(sum(kept)), "moved": moved, "same": same})
        print(data.name, "chain", turn, found[-1], flush=True)
    return found


# -- the report ---------------------------------------------------------------------------------------------------------------
EDITS_HEAD = ("wish", "edits", "obeyed", "cost %, median", "cost %, 90th", "others moved, largest", "ids swapped")
DATA_HEAD = ("data", "refit, median s", "largest s", "iterations", "about, mean", "kept after 8", "moved, largest", "equal bits")


def table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def report(edits: list[dict[str, Any]], about: dict[str, list[float]], runs: dict[str, list[dict[str, Any]]]) -> str:
    """Two tables: the edits by wish, and the data sets.

    about : share of the ten leading documents that hold a seed word, for seeds of hidden topics; kept : wishes that still stand
    after eight random edits and are kept; moved : 1 - cosine of a topic that nobody asked to change, in one edit
    """
    wishes = []
    for verb in (*VERBS, "all"):
        part = [e for e in edits if verb in (e["verb"], "all")]
        cost = 100 * np.array([e["cost"] for e in part])
        obeyed, moved = np.mean([e["obeyed"] for e in part]), max(e["moved"] for e in part)
        numbers = (f"{np.median(cost):.2f}", f"{np.quantile(cost, 0.9):.2f}", f"{moved:.4f}")
        wishes.append([verb, str(len(part)), f"{obeyed:.0%}", *numbers, str(sum(e["swapped"] for e in part))])
    sets = []
    for name, rows in runs.items():
        part = [e for e in edits if e["data"] == name]
        seconds, steps = [e["seconds"] for e in part], [e["iterations"] for e in part]
        kept, standing = sum(r["kept"] for r in rows), sum(r["standing"] for r in rows)
        times = [f"{np.median(seconds):.3f}", f"{max(seconds):.2f}", f"{np.median(steps):.0f}", f"{np.mean(about[name]):.2f}"]
        moved = f"{max(r['moved'] for r in rows):.4f}"
        sets.append([name, *times, f"{kept} of {standing}", moved, f"{sum(r['same'] for r in rows)} of {len(rows)}"])
    return f"{table(EDITS_HEAD, wishes)}\n\n{table(DATA_HEAD, sets)}"


def main(names: list[str]) -> None:
    edits, about, runs = [], {}, {}
    for name in names:
        data = load(name)
        fits = list(models(data))
        edits += scripts(data, fits)
        about[name], runs[name] = hidden(data, fits), chains(data, fits)
    text = report(edits, about, runs)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    whole = {"version": nmfcore.__version__, "kernels": engines.in_use(), "edits": edits, "about": about, "chains": runs}
    (RESULTS / "guided.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    head = (
        "# Guided refits\n\nMade by `python -m benchmarks.guided`; seconds are of one thread. benchmarks/README.md says how.\n\n"
    )
    (RESULTS / "guided.md").write_text(f"{head}{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or list(COUNTS))
