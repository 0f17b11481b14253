"""How documents become a matrix: counts or TF-IDF, which words, how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import session
from nmfcore.data.prepare import LANGUAGES

WEIGHTS = {"tfidf": "TF-IDF", "counts": "Counts", "binary": "Binary"}
GRAMS = {(1, 1): "single words", (1, 2): "words and pairs", (1, 3): "words to triples"}


def draw(key: str, steps: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The controls, set to the given steps at first; returns the steps they describe."""
    usual = next((dict(step) for step in steps if step.get("step") == "text"), {})
    others = [dict(step) for step in steps if step.get("step") != "text"]

    def name(part: str) -> str:
        return f"text_{key}_{part}"

    session.control(name("weighting"), usual.get("weighting", "tfidf"))
    weighting = st.segmented_control(
        "Weights", list(WEIGHTS), format_func=WEIGHTS.get, key=name("weighting"), required=True, persist_state="session",
        help="Counts: how often a word stands in a document. TF-IDF: the same, with words that stand everywhere pushed down.",
    )  # fmt: skip
    one, two = st.columns(2)
    with one:
        session.control(name("min_df"), int(usual.get("min_df", 2)))
        min_df = st.number_input(
            "In at least … documents", 1, 10_000, key=name("min_df"), step=1, persist_state="session", help="min_df: rarer words are left out."
        )
        session.control(name("features"), int(usual.get("max_features") or 0))
        features = st.number_input(
            "Vocabulary at most (0: no cap)", 0, 200_000, key=name("features"), step=1000, persist_state="session",
            help="max_features: the most frequent words are kept.",
        )  # fmt: skip
    with two:
        session.control(name("max_df"), float(usual.get("max_df", 0.95)))
        max_df = st.number_input(
            "In at most this share of documents", 0.01, 1.0, key=name("max_df"), step=0.05, persist_state="session",
            help="max_df: words that stand nearly everywhere are left out.",
        )  # fmt: skip
        session.control(name("ngrams"), tuple(usual.get("ngrams", (1, 1))))
        ngrams = st.selectbox("Terms", list(GRAMS), format_func=GRAMS.get, key=name("ngrams"), persist_state="session")
    session.control(name("stop"), list(usual.get("stop_words", ["english"])))
    stop = st.multiselect(
        "Stop words", LANGUAGES, key=name("stop"), persist_state="session", placeholder="none",
        help="Lists of function words that are left out, by language.",
    )  # fmt: skip
    step: dict[str, Any] = {"step": "text", "weighting": weighting, "min_df": int(min_df), "max_df": float(max_df), "stop_words": list(stop)}
    if tuple(ngrams) != (1, 1):
        step["ngrams"] = list(ngrams)
    if features:
        step["max_features"] = int(features)
    if "sublinear" in usual:
        step["sublinear"] = usual["sublinear"]
    return (step, *others)
