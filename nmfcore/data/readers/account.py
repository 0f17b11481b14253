"""What has been understood and assumed of a file so far?

One `Account` accompanies a table through the rooms of its reading (grid, roles, values, triples, documents): the options that
were chosen, the limits, how numbers are written, and the notes and questions that the person gets to see in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nmfcore.data.model.errors import Fix
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Question
from nmfcore.data.readers.numbers import Numbers
from nmfcore.data.readers.options import ReadOptions


@dataclass
class Account:
    """The state of one reading.

    name : of the file
    unit : what the number of a row counts: "line", "row" or "record"
    typed : whether cells may be numbers already (Excel, JSON); then short rows are completed with missing cells
    understood : what was recognised, JSON values
    """

    name: str
    options: ReadOptions
    limits: Limits
    understood: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    unit: str = "line"
    typed: bool = False
    numbers: Numbers = field(default_factory=Numbers)

    def ask(self, key: str, asks: str, choices: Sequence[Fix]) -> None:
        """Something the file does not settle; the first choice is the one that was taken."""
        self.questions.append(Question(key, asks, tuple(choices)))
