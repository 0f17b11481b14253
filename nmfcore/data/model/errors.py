"""How does the data side say no?

Two exception classes: `UploadError` for a file or matrix that cannot be used as it is, `DataUnavailable` for a data set of
the catalog that could not be brought here. Their text is the sentence a person reads: problem, value, place, way out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CONVERT = (  # the way out for data beyond what is read into memory
    "Larger data (AnnData, Zarr, Parquet, sparse NPZ) is converted once, python -m nmfcore.data.blocks FILE --to "
    "DIR/NAME.blocks, and opened by nmf-dashboard --data DIR."
)


@dataclass(frozen=True)
class Fix:
    """A way out that a screen can offer as a button.

    label : what the button says
    options : options of `read_matrix`, or of `as_dataset` when the error came from there; reading again with them
        resolves the problem
    says : what follows from it, one sentence; ""
    """

    label: str
    options: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"label": self.label, "options": dict(self.options), "says": self.says}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Fix:
        return cls(str(plain["label"]), dict(plain["options"]), str(plain.get("says", "")))


class UploadError(ValueError):
    """A file that cannot be used as it is.

    Attributes
    ----------
    problem : what is wrong, one clause without a full stop
    place : where, e.g. "line 5, column 3"; "" when the whole file is meant
    value : what stands there, shortened; ""
    way_out : what to do, one sentence
    fixes : tuple of `Fix`
    message : all of it as the sentence a person reads; also `str(error)`
    """

    def __init__(self, problem: str, *, place: str = "", value: str = "", way_out: str = "", fixes: Sequence[Fix] = ()) -> None:
        self.problem = (problem[:1].upper() + problem[1:]).rstrip(".")
        self.place = place
        self.value = value
        self.way_out = way_out
        self.fixes = tuple(fixes)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        where = ": ".join(part for part in (self.place, self.value) if part)
        sentence = f"{self.problem} ({where})" if where else self.problem
        return f"{sentence}. {self.way_out}".strip()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the reader's child process hands its refusals back this way."""
        return {
            "problem": self.problem,
            "place": self.place,
            "value": self.value,
            "way_out": self.way_out,
            "fixes": [fix.to_dict() for fix in self.fixes],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> UploadError:
        fixes = [Fix.from_dict(fix) for fix in plain.get("fixes", ())]
        texts = {name: str(plain.get(name, "")) for name in ("place", "value", "way_out")}
        return cls(str(plain["problem"]), fixes=fixes, **texts)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self).from_dict, (self.to_dict(),))


class TooLarge(UploadError):
    """Data that is refused for its size alone: rows, columns, values, bytes, memory. Its way out always names blocks as well."""

    def __init__(self, problem: str, *, place: str = "", value: str = "", way_out: str = "", fixes: Sequence[Fix] = ()) -> None:
        way_out = way_out if CONVERT in way_out else f"{way_out} {CONVERT}".lstrip()
        super().__init__(problem, place=place, value=value, way_out=way_out, fixes=fixes)


class DataUnavailable(OSError):
    """A data set of the catalog could not be brought here; the message lists what was tried and what to do."""


def shown(value: object, most: int = 40) -> str:
    """A cell's content as it stands in a message: quoted, escaped, on one line, at most `most` characters."""
    text = value if isinstance(value, str) else str(value)
    cut = text if len(text) <= most else text[: most - 3] + "..."
    return repr(cut)


def listed(names: Sequence[object], most: int = 5) -> str:
    """The first few of several names as a list in a sentence: 'a', 'b' and 3 more."""
    first = ", ".join(shown(name) for name in names[:most])
    rest = len(names) - most
    return first if rest <= 0 else f"{first} and {rest:,} more"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """1 row, 2 rows, 2,034 rows."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
