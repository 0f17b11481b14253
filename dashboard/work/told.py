"""What do a workbench's parts become when they are told something: "a topic about these keywords", "never these genes"?

The chain of refits as work for the job service, and its name in an address. Pure of Streamlit. A person keeps a `Guidance`; it
belongs to one fit of one data set (`Subject`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.work.gate import room
from dashboard.work.job import Job
from nmfcore import guide
from nmfcore.core.factorization import Axes, Factorization
from nmfcore.core.guidance import Guidance
from nmfcore.guide import Guided
from nmfcore.topics.terms import best

FIRST = 10  # words by which a part is told before and after
LONGEST_LINK = 6_000  # characters of wishes in an address


@dataclass(frozen=True, eq=False)
class Told:
    """Parts under a guidance, as a page reads them.

    shown : what the page draws;  sentences : one for each verdict of the model
    before : relative error without the last wish;  effect : what the last wish did to the items
    first, earlier : the first words of each part by its id, now and without the last wish
    """

    model: Guided
    shown: Any
    sentences: tuple[str, ...]
    before: float
    effect: str
    first: Mapping[int, list[str]]
    earlier: Mapping[int, list[str]]


@dataclass(frozen=True, eq=False)
class Subject:
    """A fit whose parts can be told something.

    page, noun : the page, and what a part is called there
    key : names the fit in the job service, for this session only where the data is its own
    X, base, axes : the matrix, the fit and the labels with the words in columns
    read : what the page draws of a model
    say : a sentence for each verdict, and what the last wish did to the items: of the model before it and the one after
    name : names data and fit in an address, the same for everybody
    """

    page: str
    noun: str
    key: Hashable
    X: Any
    base: Factorization
    axes: Axes
    read: Callable[[Guided], Any]
    say: Callable[[Guided, Guided], tuple[tuple[str, ...], str]]
    name: str

    def firsts(self, model: Guided) -> dict[int, list[str]]:
        """The first words of each part by its id."""
        H = model.result.H
        return {
            t: [self.axes.columns.label(int(j)) for j in best(row, FIRST) if row[j] > 0]
            for t, row in zip(model.ids, H, strict=True)
        }

    def untold(self, shown: Any) -> Told:
        """The fit without wishes, drawn as `shown`."""
        model = guide.first(self.base)
        return Told(model, shown, (), self.base.relative_error, "", self.firsts(model), {})


def named(fingerprint: str, *fit: Any) -> str:
    """A short name of a fit of some data that every process gives it; fit : plain values that determine it."""
    return hashlib.blake2s(repr((fingerprint, *fit)).encode(), digest_size=6).hexdigest()


def told_key(subject: Subject, guidance: Guidance) -> Hashable:
    """Names what a guidance makes of a fit."""
    return ("told", subject.page, subject.key, guidance.to_json())


def told_work(subject: Subject, guidance: Guidance) -> Callable[[Job], Told]:
    """The work of the job that refits under every wish, one after the other."""

    def work(job: Job) -> Told:
        m, n = np.shape(subject.X)
        room(job, (m, n), subject.base.rank + len(guidance), runs=3)
        earlier = model = guide.start_of(subject.base, guidance)
        for edit in guidance:
            job.check()
            earlier, model = model, guide.steer(subject.X, model, edit, axes=subject.axes)
        sentences, effect = subject.say(earlier, model)
        error = earlier.result.relative_error
        return Told(model, subject.read(model), sentences, error, effect, subject.firsts(model), subject.firsts(earlier))

    return work


# -- in an address ---------------------------------------------------------------------------------------------------------


def to_link(subject: Subject, guidance: Guidance) -> str:
    """The wishes as an address holds them, with the name of the fit that they were made for; "" for none."""
    if not guidance:
        return ""
    return json.dumps({"of": subject.name, **guidance.to_dict()}, separators=(",", ":"), sort_keys=True)


def from_link(subject: Subject, text: str) -> Guidance:
    """The wishes of an address, where they were made for this fit; else none.

    Raises
    ------
    ValueError
        If they cannot be read.
    """
    if not text:
        return Guidance()
    plain = json.loads(text)
    if not isinstance(plain, dict) or plain.pop("of", None) != subject.name:
        return Guidance()
    return Guidance.from_dict(plain)
