"""The scale convention in force: WH stays the same when a component's scale moves between W and H, so it has to be stated."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.topics_shown import on_scale, scale_words
from dashboard.work.fitted import FittedRun
from nmfcore.topics.scale import CONVENTIONS, DEFAULT


def current() -> str:
    """Key of the convention in force."""
    return session.convention()


def words() -> str:
    """The convention as it is written in captions."""
    return scale_words(session.convention())


def choose() -> str:
    """The picker; its value is part of the link."""
    session.control(session.SCALE, DEFAULT)
    return st.selectbox(
        "Scale of W and H",
        list(CONVENTIONS),
        format_func=lambda key: CONVENTIONS[key].title,
        key=session.SCALE,
        bind="query-params",
        help="WH is the same under every convention; which component is an item's largest is not.",
    )


def apply(run: FittedRun) -> tuple[np.ndarray, np.ndarray]:
    """W and H of the run under the convention in force."""
    factors = on_scale(run, session.convention())
    return factors.W, factors.H
