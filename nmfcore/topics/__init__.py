"""What do W and H say? Words and items of a topic, scale, likeness, groups, and items explained.

The names of terms.py stand here too: `from nmfcore import topics; topics.top_terms(H, axis)`.
"""

from nmfcore.topics.terms import (
    Sizes,
    TermInTopics,
    TopItems,
    TopTerms,
    best,
    corpus_totals,
    find_terms,
    merge,
    names,
    separating_terms,
    sizes,
    term_in_topics,
    together,
    top_items,
    top_terms,
)

__all__ = [
    "Sizes",
    "TermInTopics",
    "TopItems",
    "TopTerms",
    "best",
    "corpus_totals",
    "find_terms",
    "merge",
    "names",
    "separating_terms",
    "sizes",
    "term_in_topics",
    "together",
    "top_items",
    "top_terms",
]
