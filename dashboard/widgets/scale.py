"""The scale convention in force: WH stays the same when a component's scale moves between W and H, so it has to be stated."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.work.fitting import FittedRun
from nmfcore.topics.scale import CONVENTIONS, DEFAULT
from nmfcore.topics.scale import apply as rescale

KEY = "scale"


def current() -> str:
    """Key of the convention in force."""
    key = session.control_value(KEY, DEFAULT)
    return key if key in CONVENTIONS else DEFAULT


def words() -> str:
    """The convention as it is written in captions."""
    return CONVENTIONS[current()].title[0].lower() + CONVENTIONS[current()].title[1:]


def choose() -> str:
    """The picker; its value is part of the link."""
    session.control(KEY, DEFAULT)
    return st.selectbox(
        "Scale of W and H",
        list(CONVENTIONS),
        format_func=lambda key: CONVENTIONS[key].title,
        key=KEY,
        bind="query-params",
        help="WH is the same under every convention; which component is an item's largest is not.",
    )


def apply(run: FittedRun) -> tuple[np.ndarray, np.ndarray]:
    """W and H of the run under the convention in force."""
    key = current()
    factors = run.derived(("scaled", key), lambda: rescale(run.factorization.W, run.factorization.H, key))
    return factors.W, factors.H
