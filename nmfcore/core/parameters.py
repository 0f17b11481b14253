"""Which values may a parameter have, and what does it mean?

Bounds are declared once, where the parameter stands: a dataclass field made by `parameter(...)`. `parameters(kind)` reads them
from the class, for everyone who checks, shows or hands on such a value: the class itself, the panel, a link, the estimator. What
a parameter means is taken from the class's docstring (the line "name : meaning"), so that it is written once, too.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
import sys
from dataclasses import MISSING, dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from nmfcore.core.errors import ProblemError

ABOVE_ZERO = sys.float_info.min  # the least value of a number that has to be above 0
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, kind, bounds and meaning.

    kind : bool, int, float or str
    default : the value it has when nobody sets it
    least, most : both can be reached; None where there is no bound (a float is finite in any case)
    offered : the most that a screen or a link asks for, where a program may go further; None for `most`
    choices : the words a str may be; empty for any
    optional : None is a value, too
    unit : what a number counts ("iterations", "seconds"); "" for a pure number
    meaning : one sentence or two for the person who sets it
    """

    name: str
    kind: type
    default: Any = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    unit: str = ""
    meaning: str = ""
    offered: float | None = None

    @property
    def asked(self) -> Parameter:
        """This parameter as a screen or a link may ask for it: up to what is offered."""
        return self if self.offered is None else replace(self, most=self.offered)

    @property
    def bounds(self) -> str:
        """Which values are allowed, in words: "a whole number from 0 to 1,000"."""
        if self.choices:
            return " or ".join(repr(choice) for choice in self.choices)
        words = KINDS[self.kind]
        if self.least == ABOVE_ZERO:
            words += " above 0" if self.most is None else f" above 0, at most {_written(self.most)}"
        elif self.least is not None and self.most is not None:
            words += f" from {_written(self.least)} to {_written(self.most)}"
        elif self.least is not None:
            words += f" of at least {_written(self.least)}"
        elif self.most is not None:
            words += f" of at most {_written(self.most)}"
        return f"{words}, or None" if self.optional else words

    def checked(self, value: Any, owner: str = "") -> Any:
        """The value as plain bool, int, float or str; NumPy's numbers are taken for what they are.

        owner : whose parameter it is, for the message

        Raises
        ------
        ProblemError
            If the value is of another kind or out of bounds.
        """
        plain = self._plain(value)
        if plain is MISSING:
            raise ProblemError(f"{self.name}{f' of {owner}' if owner else ''} must be {self.bounds}, not {_shown(value)}.")
        return plain

    def _plain(self, value: Any) -> Any:
        """The value in its plain kind, or MISSING where it is not allowed."""
        if value is None and self.optional:
            return None
        if self.kind is bool:
            return bool(value) if isinstance(value, (bool, np.bool_)) else MISSING
        if isinstance(value, (bool, np.bool_)):
            return MISSING
        if self.kind is str:
            fits = isinstance(value, str) and (not self.choices or value in self.choices)
            return str(value) if fits else MISSING
        if not isinstance(value, Integral if self.kind is int else Real):
            return MISSING
        try:
            number = self.kind(value)
        except OverflowError:
            return MISSING
        inside = (self.least is None or number >= self.least) and (self.most is None or number <= self.most)
        return number if math.isfinite(number) and inside else MISSING


def parameter(
    default: Any,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    optional: bool = False,
    unit: str = "",
    offered: float | None = None,
) -> Any:
    """A dataclass field with that default and those bounds; see `Parameter`. Its kind is the default's."""
    held = Parameter("", type(default), default, least, most, choices, optional, unit, offered=offered)
    return field(default=default, metadata={"parameter": held})


@functools.cache
def parameters(kind: type[Any]) -> dict[str, Parameter]:
    """The parameters of a dataclass by name, in order: all fields whose default is a bool, number or word.

    A field that declares no bounds has none; its kind is that of its default.
    """
    found = {}
    for each in fields(kind):
        held = each.metadata.get("parameter") or Parameter(each.name, type(each.default), each.default)
        if held.kind in KINDS:
            found[each.name] = replace(held, name=each.name, meaning=meaning(kind, each.name))
    return found


def meaning(kind: type, name: str) -> str:
    """What a class's docstring says of a parameter: the text after "name : " up to the next blank line or parameter."""
    text = inspect.getdoc(kind) or ""
    found = re.search(rf"^{re.escape(name)} : (.+?)(?=^\w+(?:, \w+)* : |\n\n|\Z)", text, re.M | re.S)
    return " ".join(found[1].split()) if found else ""


def check_parameters(instance: Any, owner: str = "") -> None:
    """Check every parameter of a (frozen) dataclass instance and make it plain; for `__post_init__`.

    Raises
    ------
    ProblemError
        By the first that is not allowed.
    """
    kind: Any = type(instance)
    for name, each in parameters(kind).items():
        object.__setattr__(instance, name, each.checked(getattr(instance, name), owner))


def plain(value: Any) -> Any:
    """JSON's kinds of value: NumPy's numbers become Python's, tuples lists, mappings dicts; the rest stays."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict) or hasattr(value, "keys"):
        return {str(name): plain(value[name]) for name in value}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value


def _written(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
