"""How documents become a matrix: what a word is, which words, and how they are weighed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.text.words import count
from nmfcore.data.model.languages import LANGUAGES
from nmfcore.data.prepare import checked, parameters_of
from nmfcore.data.usual import words_of

WEIGHTS = {"tfidf": "TF-IDF", "counts": "Counts", "binary": "Present or not"}
GRAMS = {
    (1, 1): "single words",
    (1, 2): "words and pairs",
    (1, 3): "words to triples",
    (2, 2): "pairs only",
    (2, 3): "pairs and triples",
}
TOKENS = {
    "natural": "words as people write them",
    "emoji": "words as people write them, and emoji",
    "words": "two or more letters or digits",
    "letters": "two or more letters, no digits",
    "short": "single letters and digits too",
    "joined": "joined words (mother-in-law, don't)",
}
MOST_WORDS = 5_000  # of a stop word list of one's own


def draw(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The controls, set to the given step at first; returns the step they describe, without what is usual anyway.

    name : prefix of the widgets' keys; another one begins anew
    """
    usual = checked({**given, "step": "text"})
    controls = _Controls(name, usual)
    found: dict[str, Any] = {"step": "text", "lowercase": usual["lowercase"]}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        found |= controls.weights()
    with st.grid(2, min_column_width=200):
        found |= controls.terms() | controls.cut_offs()
        found["stop_words"] = st.multiselect(
            "Stop words", LANGUAGES, format_func=str.capitalize, **controls.wired("stop", list(usual["stop_words"])),
            placeholder="none", help="Function words (the, and, of) that are left out, by language.",
        )  # fmt: skip
    found["extra_stop_words"] = _own_words(name, usual["extra_stop_words"])
    found["drop_empty"] = st.toggle(
        "Drop documents in which no term is left", **controls.wired("drop_empty", usual["drop_empty"]),
        help="They are counted and listed. Otherwise they stay as rows of zeros, which belong to no topic.",
    )  # fmt: skip
    defaults = parameters_of("text")
    plain = {part: list(value) if isinstance(value, tuple) else value for part, value in defaults.items()}
    return {part: value for part, value in found.items() if part == "step" or value != plain[part]}


@dataclass(frozen=True)
class _Controls:
    """The controls of one preparation: the prefix of their keys, and what they say at first."""

    name: str
    usual: Mapping[str, Any]

    def wired(self, part: str, value: Any) -> dict[str, Any]:
        """The key of a control that says `value` at first and keeps what it says on other pages."""
        session.control(f"{self.name}_{part}", value)
        return {"key": f"{self.name}_{part}", "persist_state": "session"}

    def weights(self) -> dict[str, Any]:
        """How often a word stands in a document, as a number."""
        weighting = st.segmented_control(
            "Weights", list(WEIGHTS), format_func=WEIGHTS.__getitem__, required=True,
            **self.wired("weighting", self.usual["weighting"]),
            help="Counts: how often a word stands in a document. TF-IDF: the same, with words that stand everywhere pushed down "
            "and each document brought to length 1.",
        )  # fmt: skip
        sublinear = st.toggle(
            "Sublinear", **self.wired("sublinear", self.usual["sublinear"]), disabled=weighting == "binary",
            help="1 + ln(count) in place of the count: the tenth occurrence of a word says less than the first.",
        )  # fmt: skip
        return {"weighting": weighting, "sublinear": sublinear}

    def terms(self) -> dict[str, Any]:
        """What counts as one word."""
        grams = tuple(self.usual["ngrams"])
        chosen = st.selectbox(
            "Terms", list(dict.fromkeys([*GRAMS, grams])),
            format_func=lambda pair: GRAMS.get(pair, f"{pair[0]} to {pair[1]} words"), **self.wired("ngrams", grams),
        )  # fmt: skip
        pattern = st.selectbox(
            "A word is", list(TOKENS), format_func=TOKENS.__getitem__, **self.wired("tokens", self.usual["token_pattern"])
        )
        return {"ngrams": list(chosen), "token_pattern": pattern}

    def cut_offs(self) -> dict[str, Any]:
        """Which words are too rare, too common, or too many."""
        least = st.number_input(
            "In at least … documents", 0.0, 200_000.0, step=1.0, format="%g",
            **self.wired("min_df", float(self.usual["min_df"])),
            help="min_df: rarer words are left out. Below 1 it is a share of the documents.",
        )  # fmt: skip
        most = st.number_input(
            "In at most … of the documents", 0.01, 200_000.0, step=0.05, format="%g",
            **self.wired("max_df", float(self.usual["max_df"])),
            help="max_df: words that stand nearly everywhere are left out. Up to 1 it is a share, above 1 a number.",
        )  # fmt: skip
        features = st.number_input(
            "Vocabulary at most (0: no cap)", 0, 200_000, step=1000,
            **self.wired("features", int(self.usual["max_features"] or 0)),
            help="max_features: the most frequent words are kept.",
        )  # fmt: skip
        cut = {"min_df": _frequency(least, at_one=1), "max_df": _frequency(most, at_one=1.0)}
        return cut | {"max_features": int(features) or None}


def _frequency(value: float, at_one: float) -> float:
    """A document frequency: a share stays a float, a number becomes whole; 1 is what the parameter takes it for."""
    if value == 1:
        return at_one
    return int(value) if value > 1 else float(value)


def _own_words(name: str, given: list[str]) -> list[str]:
    """A stop word list of one's own: typed, pasted or uploaded."""
    area = f"{name}_own"
    session.control(area, "\n".join(given))
    words = words_of(str(session.control_value(area, "")))[:MOST_WORDS]
    title = f"A stop word list of your own ({count(len(words), 'word')})" if words else "A stop word list of your own"
    with st.popover(title, icon=":material/playlist_remove:", on_change="rerun", key=f"{name}_own_open") as box:
        if box.open:
            st.text_area(
                "Words, one a line or divided by spaces or commas",
                key=area,
                height=160,
                persist_state="session",
                max_chars=100_000,
            )
            st.file_uploader(
                "Or a text file of them", type=["txt", "csv"], key=f"{name}_own_file", max_upload_size=1,
                on_change=_take_file, args=(f"{name}_own_file", area),
            )  # fmt: skip
    return words


def _take_file(uploader: str, area: str) -> None:
    """Put the words of an uploaded list into the text field, where they can be seen and changed."""
    file = session.control_value(uploader, None)
    if file is not None:
        words = words_of(file.getvalue()[:1_000_000].decode("utf-8", "replace"))[:MOST_WORDS]
        session.set_control(area, "\n".join(words)[:100_000])
