"""Which number does a piece of text say, and which sign is its decimal sign?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.data.model.errors import counted

MISSING = frozenset(
    ["", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "-", "--", "–", "—", "?", ".", "..", "missing", "<na>", "\\n"]
)
# what spreadsheets write where a formula failed
CELL_ERRORS = frozenset(
    ["#n/a", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!", "#spill!", "#calc!", "#getting_data"]
)
TRUTH = {"true": 1.0, "false": 0.0, "wahr": 1.0, "falsch": 0.0, "vrai": 1.0, "faux": 0.0}
CURRENCY = "$€£¥₹"
SPACES = " \u00a0\u202f\u2009'’"  # between groups of three digits
GREATEST = 1e150  # beyond this a square overflows
EXACT = 2**53  # whole numbers beyond this lose digits as float64
DIGITS = 1e19  # from here on nobody counts: such numbers are sizes, whose last digits mean nothing

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?", re.ASCII)
_SPACED = re.compile(rf"[+-]?\d{{1,3}}([{SPACES}]\d{{3}})+([.,]\d+)?", re.ASCII)
_GROUPED = {
    ",": re.compile(r"[+-]?\d{1,3}(,\d{2,3})*,\d{3}(\.\d*)?", re.ASCII),
    ".": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?", re.ASCII),
}
# what counts as a number while delimiters are compared, whatever the decimal sign
LOOKS_NUMERIC = re.compile(rf"[+\-−]?[{CURRENCY}]?\s?(\d[\d.,{SPACES}]*|[.,]\d+)([eEdD][+-]?\d+)?\s?[%{CURRENCY}]?", re.ASCII)
_POINT = re.compile(r"-?(0|\d{4,})\.\d+|-?\d+\.(\d{1,2}|\d{4,})", re.ASCII)
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"
    r"|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?",
    re.ASCII,
)

_STARTS = frozenset("0123456789+-.,")

Cell = Any  # str, float, int, bool, None, or a date


def inexact(X: Any) -> list[str]:
    """A note where numbers that were written as text are whole and so large that float64 does not hold each of them.

    X : (m, n) dense or sparse, or None
    """
    values = X.data if sp.issparse(X) else X
    if values is None or values.dtype != np.float64 or not values.size or not np.nanmax(np.abs(values), initial=0.0) >= EXACT:
        return []
    size = np.abs(values)
    large = (size >= EXACT) & (size < DIGITS) & (values == np.floor(values))
    count = int(np.count_nonzero(large))
    if not count:
        return []
    at = int(np.argmax(large))
    if sp.issparse(X):
        whole = sp.coo_array(X)
        row, column = int(whole.coords[0][at]), int(whole.coords[1][at])
    else:
        row, column = (int(place) for place in np.unravel_index(at, X.shape)[:2])
    numbers = counted(count, "whole number is", "whole numbers are")
    return [f"{numbers} at or beyond 2^53 and can lose their last digits (first at row {row + 1:,}, column {column + 1:,})."]


@dataclass
class Numbers:
    """Reads cells as numbers under one convention, and counts what it met on the way.

    decimal : "." or ","
    thousands : the other one, or "" when groups of digits are not divided by it
    extra_missing : more texts that mean "missing"
    met : how often something worth a note was met: "percent", "thousands", "truth", "currency", "error", "missing"
    """

    decimal: str = "."
    thousands: str = ","
    extra_missing: frozenset[str] = frozenset()
    met: dict[str, int] = field(default_factory=dict)

    def quick(self, cell: str) -> float | None:
        """The number of a plainly written cell in this convention; None for all others, which `value` looks at."""
        if cell[:1] not in _STARTS or "_" in cell:  # float would read 1_000, nan and inf too
            return None
        if self.decimal == ",":
            if "." in cell:
                return None
            cell = cell.replace(",", ".")
        try:
            return float(cell)
        except ValueError:
            return None

    def is_missing(self, cell: Cell) -> bool:
        if cell is None or (isinstance(cell, float) and cell != cell):
            return True
        if not isinstance(cell, str):
            return False
        text = cell.strip().lower()
        return text in MISSING or text in CELL_ERRORS or text in self.extra_missing

    def kind(self, cell: Cell) -> str:
        """ "number", "missing", "date" or "text"; counts nothing."""
        if type(cell) is str and cell and self.quick(cell) is not None:
            return "missing" if self.extra_missing and self.is_missing(cell) else "number"
        if isinstance(cell, (date, datetime, time, timedelta)):
            return "date"
        if self.is_missing(cell):
            return "missing"
        before = dict(self.met)
        value = self.value(cell)
        self.met = before
        if value is not None:
            return "number"
        return "date" if isinstance(cell, str) and _DATE.fullmatch(cell.strip()) else "text"

    def value(self, cell: Cell) -> float | None:
        """The number, NaN when the cell is missing, None when it is no number."""
        if isinstance(cell, bool):
            self._count("truth")
            return float(cell)
        if isinstance(cell, (int, float)):
            return _float(cell)
        if cell is None:
            self._count("missing")
            return float("nan")
        if not isinstance(cell, str):
            return None
        text = cell.strip().strip("\ufeff")
        low = text.lower()
        if low in MISSING or low in self.extra_missing:
            self._count("missing")
            return float("nan")
        if low in CELL_ERRORS:
            self._count("error")
            return float("nan")
        if low in TRUTH:
            self._count("truth")
            return TRUTH[low]
        return self._number(text)

    def _number(self, text: str) -> float | None:
        plain, factor = text.replace("−", "-"), 1.0
        if plain.endswith("%"):
            plain, factor = plain[:-1].rstrip(), 0.01
        bare = plain.strip(CURRENCY + " ") if any(sign in plain for sign in CURRENCY) else plain
        if bare[:1] in "+-" and bare[1:2] and bare[1] in CURRENCY:
            bare = bare[0] + bare[2:].lstrip()
        number = self._digits(bare)
        if number is None:
            return None
        if factor != 1:
            self._count("percent")
            return number / 100
        if bare != plain:
            self._count("currency")
        return number

    def _digits(self, text: str) -> float | None:
        """A number in this convention, without signs around it."""
        grouped = _GROUPED.get(self.thousands)
        if grouped is not None and grouped.fullmatch(text):
            self._count("thousands")
            return _float(text.replace(self.thousands, "").replace(self.decimal, "."))
        if _SPACED.fullmatch(text):
            self._count("thousands")
            for space in SPACES:
                text = text.replace(space, "")
            return _float(text.replace(",", "."))
        if self.decimal == "," and "." not in text:
            text = text.replace(",", ".")
        elif self.decimal == ",":
            return None  # "1.5" among decimal commas: which of the two was meant?
        if _PLAIN.fullmatch(text):
            return _float(text.replace("d", "e").replace("D", "e"))
        low = text.lower().lstrip("+-")
        return float(text) if low in ("inf", "infinity") else float("inf") if low in ("∞",) else None

    def _count(self, what: str) -> None:
        self.met[what] = self.met.get(what, 0) + 1

    def notes(self) -> list[str]:
        """A sentence for each thing met."""
        met = self.met
        sentences = {
            "percent": f"{_n(met, 'percent', 'value')} with a percent sign, divided by 100.",
            "thousands": f"{_n(met, 'thousands', 'value')} with signs between groups of digits, read as one number.",
            "truth": f"{_n(met, 'truth', 'cell')} with true or false, read as 1 and 0.",
            "currency": f"{_n(met, 'currency', 'value')} with a currency sign, which was left out.",
            "error": f"{_n(met, 'error', 'cell')} with an error of the spreadsheet (like #DIV/0!), counted as missing.",
        }
        return [sentence for what, sentence in sentences.items() if met.get(what)]


def _n(met: dict[str, int], what: str, name: str) -> str:
    return counted(met.get(what, 0), name)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of 400 digits
        return float("inf") if value > 0 else float("-inf")


def sniff_decimal(cells: Iterable[Cell], delimiter: str | None) -> tuple[str, str, str]:
    """The decimal sign, the thousands sign, and a note when the cells do not settle it ("" when they do)."""
    comma = point = vague_comma = vague_point = 0
    for cell in cells:
        if not isinstance(cell, str) or ("," not in cell and "." not in cell):
            continue
        if "," not in cell and _POINT.fullmatch(cell):  # by far the commonest
            point += 1
            continue
        text = cell.strip().strip(CURRENCY + " %+-−")
        if re.fullmatch(r"\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,}", text):
            comma += 1
        elif re.fullmatch(r"\d{1,3}(,\d{2,3})*,\d{3}\.\d+|\d{1,3}(,\d{3}){2,}", text):
            point += 1
        elif re.fullmatch(r"[1-9]\d{0,2},\d{3}", text):
            vague_comma += 1
        elif re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", text):
            vague_point += 1
        elif re.fullmatch(r"\d*,\d+([eE][+-]?\d+)?|\d+,", text):
            comma += 1
        elif re.fullmatch(r"\d*\.\d+([eEdD][+-]?\d+)?|\d+\.", text):
            point += 1
    if comma > point:
        return ",", ".", ""
    if point:
        return ".", ",", ""
    if vague_comma and not vague_point and delimiter != ",":
        if delimiter == ";":
            return ",", ".", "Numbers like 1,234 were read with a decimal comma, because the cells are divided by semicolons."
        return ".", ",", "Numbers like 1,234 were read as one thousand two hundred and thirty-four."
    if vague_comma:
        return ".", ",", "Numbers like 1,234 were read as one thousand two hundred and thirty-four."
    return ".", ",", ""


def mostly_numeric(cells: Sequence[Cell]) -> float:
    """Share of the cells that are numbers, dates, times or missing, whatever the decimal sign."""
    if not cells:
        return 0.0
    good = 0
    for cell in cells:
        text = str(cell).strip()
        good += bool(LOOKS_NUMERIC.fullmatch(text) or _DATE.fullmatch(text)) or text.lower() in MISSING or text.lower() in TRUTH
    return good / len(cells)
