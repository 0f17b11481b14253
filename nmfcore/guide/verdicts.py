"""Is a wish kept by the model as it is now?

One test for each edit in VERDICTS, with a second number beside it: a wish can be kept to the letter and miss what was meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nmfcore.core.factorization import Axes, Matrix
from nmfcore.core.guidance import FIRST_WORDS, Add, Delete, Forbid, Group, Lift, Merge, Move, Pin, Remove, Seed, Split
from nmfcore.core.rules import First, cosine
from nmfcore.core.written import ROUNDING, as_cosine, percent
from nmfcore.guide.plans import AWAY, columns_of
from nmfcore.guide.wishes import Guided, Verdict, Wish
from nmfcore.topics.terms import best, sizes, together

LEADING = 10  # a topic is read by so many first items
PART, SUM, APART = 0.1, 0.8, 0.7  # split: the smaller one's part of both, and cosines of both to what was split and to each other
WHOLE = 0.9  # merged: the cosine to the sum of the parts
FRESH = 0.5  # added: the largest cosine to another topic
NEARER = 0.1  # deleted: others may come so much nearer to it, where they were near already
SAME = 0.999  # pinned: the cosine to what was pinned


def leading(W: np.ndarray, k: int, count: int = LEADING) -> np.ndarray:
    """The rows of X with the largest entries in column k of W, of those above 0.

    W : (m, r) array;  the result is (count,) or shorter, falling
    """
    found = best(W[:, k], count)
    return found[W[found, k] > 0]


def largest(W: np.ndarray, H: np.ndarray) -> np.ndarray:
    """(m,) the topic with the largest energy w_ik ||h_k|| of each item, on whatever scale; -1 where there is none.

    W : (m, r);  H : (r, n)
    """
    energy = W.astype(np.float64) * np.linalg.norm(H.astype(np.float64), axis=1)
    return np.where(energy.any(axis=1), energy.argmax(axis=1), -1)


def verdict(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Verdict:
    """Whether a wish is kept by the model as it is now.

    X : (m, n) array or CSR
    """
    obeyed, measures, sentence = VERDICTS[type(wish.edit)](wish, guided, X, axes)
    return Verdict(wish.number, wish.edit, bool(obeyed), {name: float(v) for name, v in measures.items()}, sentence)


Judged = tuple[bool, dict[str, float], str]


def _among_first(H: np.ndarray, k: int, words: np.ndarray) -> int:
    """How many of the words are among the first ten of row k."""
    first_ = best(H[k], FIRST_WORDS)
    return int(np.isin(words, first_[H[k][first_] > 0]).sum())


def _judge_seed(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    k, W, H = guided.at(wish.topics[0]), guided.result.W, guided.result.H
    got, asked = _among_first(H, k, wish.words), len(wish.words)
    items = leading(W, k)
    holding = int(np.count_nonzero((columns_of(X, wish.words)[items] > 0).any(axis=1)))
    about = holding / max(1, len(items))
    meet = int(wish.facts["meet"])
    noun = axes.columns.name if asked > 1 else axes.columns.singular
    one, symmetric = "one of them" if asked > 1 else "it", guided.result.spec.symmetric
    do = "come together with" if symmetric else "hold"
    held = int(np.count_nonzero(H[k]))
    few = f" of {held}" if held < 2 * FIRST_WORDS else ""  # then to be among them says little
    sentence = f"{got} of {asked} {noun} among the first ten{few}; "
    sentence += f"{_of(holding, len(items))} of its leading {axes.rows.name} {do} {one}."
    sentence += _pairs(meet, asked) if symmetric else _little(meet, asked, axes)
    return got == asked, {"asked": asked, "got": got, "about": about, "meet": meet}, sentence


def _little(meet: int, asked: int, axes: Axes) -> str:
    """What to say of words that the data hardly holds, or holds together."""
    if meet >= LEADING:
        return ""
    what = "these meet" if asked > 1 else "it is"
    count = f"{meet} {axes.rows.singular if meet == 1 else axes.rows.name}" if meet else f"no {axes.rows.singular}"
    return f" The data hold little of it: {what} in {count}."


def _pairs(meet: int, asked: int) -> str:
    """What to say of keywords that do not all come together."""
    pairs = asked * (asked - 1) // 2
    if meet >= pairs:
        return ""
    if pairs == 1:
        return " They never come together."
    return f" Of their {pairs} pairs {meet or 'none'} ever {'come' if meet > 1 else 'comes'} together."


def _of(part: int, whole: int) -> str:
    return f"all {whole}" if part == whole and whole else f"{part} of {whole}"


def _judge_forbid(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    H = guided.result.H
    topics = guided.ids if wish.everywhere else wish.topics
    weight = max((float(H[guided.at(t), wish.words].max()) for t in topics), default=0.0)
    rest = {t: cosine(H[guided.at(t)], row) for t, row in wish.facts.get("rest", {}).items() if t in guided.ids}
    where = "" if wish.everywhere else f" in {_listed(topics)}"
    gone = f"Not{where} any more" if where else "In no topic any more"
    if weight == 0 and not wish.facts.get("held", True):
        gone = f"Not{where}, as before" if where else "In no topic, as before"
    sentence = gone if weight == 0 else f"Weight {weight:.3g}{where}"
    if not rest:
        return weight == 0, {"weight": weight}, f"{sentence}."
    topic = min(rest, key=lambda t: rest[t])
    what = f"the rest of topic {topic + 1}" + (", which changed most," if len(rest) > 1 else "")
    sentence += f"; {what} has a cosine of {as_cosine(rest[topic])} to what it was."
    return weight == 0, {"weight": weight, "rest": rest[topic]}, sentence


def _listed(topics: Iterable[int]) -> str:
    numbers = [str(t + 1) for t in topics]
    return f"topic {numbers[0]}" if len(numbers) == 1 else f"topics {', '.join(numbers[:-1])} and {numbers[-1]}"


def _judge_move(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    H, obeyed, parts = guided.result.H, True, []
    measures: dict[str, float] = {"asked": len(wish.words)}
    for topic, rules in wish.rows.items():
        k = guided.at(topic)
        if any(isinstance(rule, First) for rule in rules):
            measures["got"] = _among_first(H, k, wish.words)
            obeyed &= measures["got"] == len(wish.words)
            parts.append(f"{int(measures['got'])} of {len(wish.words)} among the first ten of topic {topic + 1}")
        else:
            measures["weight"] = max(measures.get("weight", 0.0), float(H[k, wish.words].max()))
            obeyed &= measures["weight"] == 0
            parts.append(f"weight {measures['weight']:.3g} in topic {topic + 1}")
    sentence = "; ".join(reversed(parts))
    return obeyed, measures, sentence[:1].upper() + sentence[1:] + "."


def _judge_group(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    k, W, H = guided.at(wish.topics[0]), guided.result.W, guided.result.H
    got, asked = int(np.count_nonzero(largest(W[wish.items], H) == k)), len(wish.items)
    lead = int(np.isin(leading(W, k), wish.items).sum())
    near = cosine(H[k], wish.facts["target"])
    sentence = (
        f"It is the largest topic of {_of(got, asked)}; {lead} of its ten leading {axes.rows.name} are among them. "
        f"Its cosine to their mean is {as_cosine(near)}."
    )
    return got == asked, {"asked": asked, "got": got, "leading": lead, "cosine": near}, sentence


def _judge_remove(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    weight = max(float(guided.result.W[wish.items, guided.at(t)].max()) for t in wish.topics)
    count = f"{len(wish.items)} {axes.rows.name if len(wish.items) > 1 else axes.rows.singular}"
    return weight == 0, {"weight": weight}, f"Weight {weight:.3g} of {count} in {_listed(wish.topics)}."


def _judge_split(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    W, H = guided.result.W, guided.result.H
    a, b = (guided.at(topic) for topic in wish.topics)
    mass = W[:, [a, b]].sum(axis=0, dtype=np.float64) * H[[a, b]].sum(axis=1, dtype=np.float64)
    part = float(mass.min() / mass.sum()) if mass.sum() > 0 else 0.0
    whole = cosine(together(W, H, [[a, b]]).H[0], wish.facts["target"])
    between = cosine(H[a], H[b])
    measures = {"part": part, "sum": whole, "between": between}
    sentence = (
        f"The smaller half has {percent(part, 0)} of both; together they have a cosine of {as_cosine(whole)} to what was split, "
        f"and {as_cosine(between)} to each other."
    )
    return part >= PART and whole >= SUM and between <= APART, measures, sentence


def _judge_merge(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    near = cosine(guided.result.H[guided.at(wish.topics[0])], wish.facts["target"])
    W, H = guided.result.W, guided.result.H
    share = float(sizes(X, W, H).share[guided.at(wish.topics[0])])
    sentence = f"Its cosine to the sum of its parts is {as_cosine(near)}; it is {percent(share, 0)} of what the model explains."
    return near >= WHOLE, {"cosine": near, "share": share}, sentence


def _judge_delete(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    gone, before = wish.facts["target"], wish.facts["near"]
    near = {t: cosine(guided.result.H[guided.at(t)], gone) for t in guided.ids if t in before}
    closest = max(near, key=lambda t: near[t])
    obeyed = all(value <= max(AWAY, before[t] + NEARER) + ROUNDING for t, value in near.items())
    now, then = as_cosine(near[closest]), as_cosine(before[closest])
    sentence = f"Nearest to it now: topic {closest + 1}, with a cosine of {now} ({then} before)."
    return obeyed, {"nearest": near[closest], "before": before[closest]}, sentence


def _judge_add(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    k, H = guided.at(wish.topics[0]), guided.result.H
    near = max((cosine(H[k], H[j]) for j in range(len(H)) if j != k), default=0.0)
    before, now = float(wish.facts["error"]), guided.result.relative_error
    sentence = (
        f"The relative error goes from {before:.4f} to {now:.4f}; its nearest topic has a cosine of {as_cosine(near)} to it."
    )
    return now < before and near <= FRESH, {"before": before, "now": now, "nearest": near}, sentence


def _judge_pin(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    near = cosine(guided.result.H[guided.at(wish.topics[0])], wish.facts["target"])
    same = f"{axes.columns.name.capitalize()} and weights are the same to the last bit"
    return near >= SAME, {"cosine": near}, f"{same}." if near >= SAME else f"Its cosine to what was pinned is {near:.3f}."


def _judge_lift(wish: Wish, guided: Guided, X: Matrix, axes: Axes) -> Judged:
    gone = wish.edit.edit not in {w.number for w in guided.wishes}  # type: ignore[attr-defined]
    return gone, {}, f"Wish {wish.edit.edit + 1} no longer binds."  # type: ignore[attr-defined]


VERDICTS: dict[type, Any] = {
    Seed: _judge_seed, Forbid: _judge_forbid, Move: _judge_move, Group: _judge_group, Remove: _judge_remove, Split: _judge_split,
    Merge: _judge_merge, Delete: _judge_delete, Add: _judge_add, Pin: _judge_pin, Lift: _judge_lift,
}  # fmt: skip
