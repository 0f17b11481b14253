"""What data is there, how does it arrive, and how is it prepared?

`cards`, `load` and `load_prepared` are the catalog; `read_matrix` and `as_dataset` bring a file of one's own; `apply` runs
steps of preparation. Nothing here knows a screen.
"""

from nmfcore.data.catalog import card, cards, load, load_prepared
from nmfcore.data.model.card import Card
from nmfcore.data.model.dataset import Dataset, Effect, Summary
from nmfcore.data.model.errors import DataUnavailable, Fix, UploadError
from nmfcore.data.model.facts import Classes, Fact, Facts
from nmfcore.data.model.limits import Limits, available_memory, estimated_bytes, memory_budget
from nmfcore.data.model.table import Table
from nmfcore.data.prepare import STEPS, apply
from nmfcore.data.reading import read_matrix
from nmfcore.data.settle import as_dataset

__all__ = [
    "STEPS",
    "Card",
    "Classes",
    "DataUnavailable",
    "Dataset",
    "Effect",
    "Fact",
    "Facts",
    "Fix",
    "Limits",
    "Summary",
    "Table",
    "UploadError",
    "apply",
    "as_dataset",
    "available_memory",
    "card",
    "cards",
    "estimated_bytes",
    "load",
    "load_prepared",
    "memory_budget",
    "read_matrix",
]
