"""Which words does a text have, and how often?

Counting and order are scikit-learn's CountVectorizer's; what is dropped is counted and said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.card import Report, silent
from nmfcore.data.model.dataset import as_matrix
from nmfcore.data.model.errors import counted
from nmfcore.data.model.limits import Limits

# What counts as a word. Names, not free expressions: a hostile one in a link could keep the server busy for ever.
TOKENS = {
    "words": r"(?u)\b\w\w+\b",  # two or more letters or digits; scikit-learn's own
    "letters": r"(?u)\b[^\W\d_][^\W\d_]+\b",  # two or more letters
    "short": r"(?u)\b\w+\b",  # single letters and digits too
    "joined": r"(?u)\b\w[\w'’-]*\w\b",  # mother-in-law and don't are one word
}
LANGUAGES = ("english", "german", "french", "spanish", "italian", "portuguese", "dutch")


def term_counts(
    documents: Sequence[str],
    report: Report = silent,
    *,
    ngrams: Sequence[int] = (1, 1),
    min_df: float = 1,
    max_df: float = 1.0,
    max_features: int | None = None,
    stop: Iterable[str] = (),
    token_pattern: str = "words",
    lowercase: bool = True,
) -> tuple[Any, list[str], list[str]]:
    """Counts of the terms that pass (m, n) float32 CSR, the terms in alphabetical order, and notes on what was dropped.

    Counting and order are scikit-learn's CountVectorizer's; dropping is done here, so that it can be counted.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    shortest, longest = _phrase_lengths(ngrams)
    most = Limits.from_environment()
    if len(documents) > most.documents:
        raise ValueError(f"{len(documents):,} documents; at most {most.documents:,} can be read. Take a part of them.")
    vectorizer = CountVectorizer(
        lowercase=lowercase,
        stop_words=sorted(stop) or None,
        token_pattern=_pattern(token_pattern),
        ngram_range=(shortest, longest),
        dtype=np.float32,
    )
    try:
        counts = sp.csr_array(vectorizer.fit_transform(_reported(documents, report)))
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        raise ValueError("No words are left: the documents are empty or hold stop words only. Choose fewer stop words.") from None
    terms = vectorizer.get_feature_names_out()
    df = np.bincount(counts.indices, minlength=len(terms))  # one entry per document and term
    m = len(documents)
    low = min_df * m if min_df < 1 else min_df
    high = max_df * m if max_df <= 1 else max_df
    rare, common = df < low, df > high
    keep = ~(rare | common)
    cap = min(max_features or most.vocabulary, most.vocabulary)
    passed = int(keep.sum())
    if passed > cap:
        total = np.asarray(counts.sum(axis=0)).ravel()
        kept = np.flatnonzero(keep)
        keep = np.zeros(len(terms), bool)
        keep[kept[np.argsort(-total[kept], kind="stable")[:cap]]] = True
    reasons = [
        (int(rare.sum()), f"in fewer than {_documents(min_df)}"),
        (int((common & ~rare).sum()), f"in more than {_documents(max_df)}"),
        (max(0, passed - cap), f"beyond the {cap:,} most frequent"),
    ]
    notes = []
    if not keep.all():
        dropped = ", ".join(f"{number:,} {reason}" for number, reason in reasons if number)
        notes.append(f"{int((~keep).sum()):,} of {len(terms):,} terms dropped: {dropped}.")
    if not keep.any():
        raise ValueError(
            f"No term is left of {len(terms):,}: all occur in fewer than {_documents(min_df)} or in more than "
            f"{_documents(max_df)}. Lower the minimum or raise the maximum."
        )
    return as_matrix(counts[:, np.flatnonzero(keep)]), [str(term) for term in terms[keep]], notes


def stop_list(languages: Sequence[str], extra: Sequence[str] = (), token_pattern: str = "words") -> set[str]:
    """The words to leave out: function words of these languages, and the extra ones, cut into words as the text is."""
    words = {word for language in languages for word in function_words(language)}
    cut = re.compile(_pattern(token_pattern))
    return words | {part for word in extra for part in cut.findall(str(word).lower())}


def function_words(language: str) -> frozenset[str]:
    """The stop words of one language; English has scikit-learn's list, the others their file in `stopwords/`."""
    if language not in LANGUAGES:
        raise ValueError(f"There is no stop word list for {language!r}. Known: {', '.join(LANGUAGES)}.")
    if language == "english":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return frozenset(ENGLISH_STOP_WORDS)
    content = (resources.files("nmfcore.data") / "stopwords" / f"{language}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in content.splitlines() if not line.startswith("#") for word in line.split())


def _reported(documents: Sequence[str], report: Report) -> Iterator[str]:
    for number, document in enumerate(documents):
        if number % 500 == 0:
            report("Counting words", number / len(documents))
        yield document


def _pattern(name: str) -> str:
    if name not in TOKENS:
        raise ValueError(f"Unknown token pattern {name!r}. Known: {', '.join(TOKENS)}.")
    return TOKENS[name]


def _phrase_lengths(ngrams: Sequence[int]) -> tuple[int, int]:
    shortest, longest = (int(n) for n in ngrams)
    if not 1 <= shortest <= longest <= 5:
        raise ValueError(f"ngrams is {shortest} to {longest}; phrases can have 1 to 5 words, the shorter length first.")
    return shortest, longest


def _documents(limit: float) -> str:
    """A document frequency in words."""
    return f"{limit:.2%} of the documents" if limit < 1 else counted(int(limit), "document") if limit > 1 else "1 document"
