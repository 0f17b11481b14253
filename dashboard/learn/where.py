"""Which lesson explains which picture? By page, and by card where that says more; "How to read it" links there."""

from __future__ import annotations

from collections.abc import Mapping

FIRST = "factorization"
PAGES: Mapping[str, str] = {
    "overview": "factorization",
    "data": "loss",
    "fit": "multiply",
    "topics": "factorization",
    "items": "factorization",
    "matrices": "factorization",
    "svd": "parts",
    "rank": "rank",
    "compare": "not-unique",
    "clusters": "scale",
    "symmetric": "symmetric",
    "recommender": "loss",
    "images": "parts",
    "expression": "rank",
    "groups": "scale",
    "over_time": "scale",
    "item_map": "cone",
    "stores": "factorization",
    "wishes": "not-unique",
}
CARDS: Mapping[tuple[str, str], str] = {
    ("overview", "loss"): "multiply",
    ("overview", "items"): "scale",
    ("fit", "kkt"): "gradient",
    ("topics", "npmi"): "symmetric",
    ("matrices", "scale"): "scale",
    ("matrices", "parts"): "parts",
    ("compare", "race"): "hals",
    ("compare", "curves"): "hals",
    ("expression", "method"): "factorization",
    ("expression", "samples"): "cone",
    ("recommender", "similarity"): "scale",
    ("symmetric", "loss"): "not-unique",
}


def lesson_for(page: str, card: str) -> str:
    """Key of the lesson that explains a card; a page that names none leads to where the course begins."""
    return CARDS.get((page, card)) or PAGES.get(page, FIRST)
