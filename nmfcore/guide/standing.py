"""Which rules does a refit keep: those of the wishes that still stand, and those that hold the other topics where they are?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from nmfcore.core.factorization import Factorization, Problem
from nmfcore.core.guidance import Group, Guidance, Split
from nmfcore.core.keeping import Rules
from nmfcore.core.rules import Cone, Fixed, Rule, Zero, cosine, direction
from nmfcore.guide.plans import HOLD, STAY, Before, Plan
from nmfcore.guide.wishes import Wish


def surviving(wishes: tuple[Wish, ...], plan: Plan) -> list[Wish]:
    """The earlier wishes that go on. Rules follow ids; of a topic that becomes another one, what is forbidden there goes on."""
    found = []
    for wish in wishes:
        if wish.number == plan.lifted:
            continue
        if wish.everywhere:  # a topic that became another one is not compared with what it was
            rest = {t: row for t, row in wish.facts["rest"].items() if t not in (*plan.retired, *plan.reshaped)}
            found.append(replace(wish, facts={"rest": rest}))
            continue
        sides = [_followed(side, plan) for side in (wish.rows, wish.columns)]
        homes = set(plan.retired) | set(plan.reshaped)
        whole = not isinstance(wish.edit, (Group, Split)) or not homes & set(wish.topics)
        if any(sides) and whole:
            topics = tuple(t for t in {**dict.fromkeys(wish.topics), **sides[0], **sides[1]} if t in sides[0] or t in sides[1])
            facts = {**wish.facts, "rest": {}} if "rest" in wish.facts and set(topics) & homes else wish.facts
            found.append(replace(wish, topics=topics, rows=sides[0], columns=sides[1], facts=facts))
    return found


def _followed(side: Mapping[int, tuple[Rule, ...]], plan: Plan) -> dict[int, tuple[Rule, ...]]:
    found: dict[int, tuple[Rule, ...]] = {}
    for topic, rules in side.items():
        if topic in plan.retired:
            continue
        if topic in plan.reshaped:
            rules = tuple(rule for rule in rules if isinstance(rule, Zero))
            if plan.child is not None and rules:
                found[plan.child] = rules
        if rules:
            found[topic] = rules
    return found


def own_rules(plan: Plan) -> tuple[dict[int, list[Rule]], dict[int, list[Rule]]]:
    """What the wishes in force ask of rows of H and of columns of W, by id; the oldest first."""
    rows: dict[int, list[Rule]] = {t: [] for t in plan.ids}
    columns: dict[int, list[Rule]] = {t: [] for t in plan.ids}
    for wish in plan.wishes:
        for side, rules in ((rows, wish.rows), (columns, wish.columns)):
            for topic, asked in rules.items():
                side[topic] += asked
        if wish.everywhere:
            for topic in plan.ids:
                rows[topic].append(Zero(wish.words))
        if isinstance(wish.edit, Group):
            for topic in plan.ids:
                if topic not in wish.topics:
                    columns[topic].append(Zero(wish.items))
    return rows, columns


def rules_of(plan: Plan, at: Before | None, guidance: Guidance) -> Rules:
    """Everything that this refit has to keep, by component; at : the model that topics stay near to, None where all are loose."""
    rows, columns = own_rules(plan)
    others, euclidean = guidance.others, at is not None and at.euclidean
    for k, topic in enumerate(plan.ids):
        if any(isinstance(rule, Fixed) for rule in rows[topic]):
            rows[topic] = [Fixed()]
        elif topic in plan.held and euclidean:
            rows[topic].append(Cone(*plan.held[topic]))
        elif topic in plan.kept and euclidean:
            rows[topic].append(Cone(plan.H[k].astype(np.float64), HOLD))
        elif at is None or topic in plan.held or topic in plan.kept or topic in plan.loose or others == "free":
            pass
        elif others == "still" and not _asks(plan.wish, topic):
            rows[topic] = [Fixed()]
        else:
            rows[topic].append(_staying(at.row(topic), rows[topic]))
    place = {topic: k for k, topic in enumerate(plan.ids)}
    return Rules({place[t]: r for t, r in rows.items() if r}, {place[t]: r for t, r in columns.items() if r})


def under(problem: Problem, plan: Plan, at: Before | None, guidance: Guidance) -> Problem:
    """The problem with as many topics as planned, under everything that this refit has to keep; `at` as in `rules_of`."""
    rules = rules_of(plan, at, guidance)
    return problem.under(rules.mirrored if problem.symmetric else rules, len(plan.ids))


def _staying(old: np.ndarray, rules: Iterable[Rule]) -> Cone:
    """Keeps a cosine of STAY to the old row (n,), also where words of it are forbidden now: those count as lost."""
    rest = direction(old)
    for rule in rules:
        if isinstance(rule, Zero):
            rest[rule.where] = 0
    left = float(np.linalg.norm(rest))
    return Cone(old, min(1.0, STAY / left) if left > STAY else HOLD)


def _asks(wish: Wish | None, topic: int) -> bool:
    """Whether a new wish asks anything of that topic's words."""
    return wish is not None and (wish.everywhere or topic in wish.rows)


def named(plan: Plan, fit: Factorization) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """W, H and the ids after the refit: of two halves the one nearer to the parent takes the parent's place."""
    W, H = fit.W, fit.H
    if plan.child is not None and plan.wish is not None:
        a, b = (plan.ids.index(topic) for topic in plan.wish.topics)
        parent = plan.wish.facts["target"]
        if cosine(H[b], parent) > cosine(H[a], parent):
            order = np.arange(len(H))
            order[[a, b]] = b, a
            W, H = np.ascontiguousarray(W[:, order]), np.ascontiguousarray(H[order])
    return W, H, tuple(plan.ids)
