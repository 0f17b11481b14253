"""What is a lesson? A folder with one TOML file: text, numbers and states, never code. This reads it strictly.

Every number in a text and every claim is a measure that nmfcore computes, so no lesson can be out of date, and a test computes
them all. Whatever is unknown is refused with the lesson, the step, and what would be understood; docs/lessons.md says how to
write one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from dashboard.learn.registry import DEVICES
from dashboard.learn.scene import LessonError, Rule, listed, text, whole, yes
from dashboard.links import PARAMETERS
from nmfcore.core.written import percent

FOLDER = Path(__file__).resolve().parents[1] / "lessons"
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LARGEST_FILE = 100_000  # bytes; ours are under 10,000
MOST_LESSONS = 200  # of a folder
MOST_STEPS, MOST_TEXT = 30, 4_000  # characters
OPTIONS = range(2, 5)  # how many answers a question may have
HOLE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
LABELLED = r"\b(?i:topic|post|word|lamp|type|seed|part|step|corner|component|person|film)s? \d+(?: (?:and|to) \d+)?"
DIGITS = re.compile(rf"{LABELLED}|\$[^$]*\$|`[^`]*`|\b[01]\b(?![.,]\d)|(\d[\d.,]*)")
PAGES = Path(__file__).resolve().parents[1] / "views"


@dataclass(frozen=True)
class Number:
    """A number that a text names: measured (of, device, data, given), or a setting."""

    name: str
    digits: int = 0
    percent: bool = False
    setting: float | None = None
    of: str = ""
    device: str = ""
    data: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """A sentence that has to be true, and the limits of the measure that says so."""

    that: str
    measured: Number
    limits: Mapping[str, float]


@dataclass(frozen=True)
class Ask:
    """A question before the reveal. answer counts from 1; draw: the reader draws a curve instead of choosing."""

    question: str
    reveal: str
    options: tuple[str, ...] = ()
    answer: int = 0
    play: bool = False
    draw: bool = False
    then: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    title: str
    text: str
    device: str
    data: str
    state: Mapping[str, Any]
    ask: Ask | None = None
    link: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Lesson:
    """What a lesson's file says, checked."""

    key: str
    title: str
    about: str
    aha: str
    minutes: int
    order: int
    steps: tuple[Step, ...]
    numbers: Mapping[str, Number]
    claims: tuple[Claim, ...]
    sources: tuple[str, ...] = ()


# -- finding -------------------------------------------------------------------------------------------------------------
def folders(own: Path | None = None) -> dict[str, Path]:
    """The lessons by key: ours, then those of a folder of one's own (one with a key of ours replaces it).

    Raises
    ------
    LessonError
        If a lesson of one's own cannot be told apart or there are too many.
    """
    found: dict[str, Path] = {}
    for root in (FOLDER, *([own] if own is not None else [])):
        here = sorted(root.glob("*/lesson.toml")) if root.is_dir() else []
        if len(here) > MOST_LESSONS:
            raise LessonError(f"{root.name} holds {len(here)} lessons; at most {MOST_LESSONS} are read.")
        for path in here:
            if not KEY.fullmatch(path.parent.name):
                raise LessonError(f"The folder {path.parent.name[:60]!r} is no key for a lesson: use a-z, 0-9 and hyphens.")
            found[path.parent.name] = path
    return found


def load(key: str, own: Path | None = None) -> Lesson:
    """The lesson of that name.

    Raises
    ------
    LessonError
        If there is none, or something in it is unknown.
    """
    known = folders(own)
    if key not in known:
        raise LessonError(f"There is no lesson {key[:40]!r}. Lessons: {listed(list(known))}.")
    return read(known[key])


def course(own: Path | None = None) -> tuple[list[Lesson], list[str]]:
    """All lessons in the order of the course, and a sentence for each that cannot be used."""
    lessons, wrong = [], []
    for path in folders(own).values():
        try:
            lessons.append(read(path))
        except LessonError as error:
            wrong.append(str(error))
    return sorted(lessons, key=lambda lesson: (lesson.order, lesson.key)), wrong


# -- reading ---------------------------------------------------------------------------------------------------------------
class _Reader:
    """Reads one file; knows where it is, so that an error can say so."""

    def __init__(self, key: str) -> None:
        self.key, self.where = key, ""

    def refuse(self, problem: str) -> LessonError:
        return LessonError(f"Lesson {self.key}{f', {self.where}' if self.where else ''}: {problem}")

    def table(self, value: Any, name: str, needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
        """A table with these names and no others."""
        if not isinstance(value, dict):
            raise self.refuse(f"{name} must be a table.")
        if strange := set(value) - set(needed) - set(optional):
            raise self.refuse(f"{name} has no {listed(list(strange))}. It has: {listed([*needed, *optional])}.")
        if missing := set(needed) - set(value):
            raise self.refuse(f"{name} needs {listed(list(missing))}.")
        return value

    def obey(self, rule: Rule, value: Any, name: str) -> Any:
        try:
            return rule(value)
        except ValueError as expected:
            raise self.refuse(f"{name} is {value!r}; expected {expected}.") from None

    def words(self, value: Any, name: str, numbers: Mapping[str, Number]) -> str:
        """A text whose numbers are all in [numbers]."""
        found: str = self.obey(text, value, name)
        if len(found) > MOST_TEXT:
            raise self.refuse(f"{name} has {len(found):,} characters; at most {MOST_TEXT:,} fit a screen.")
        if unknown := {hole for hole in HOLE.findall(found) if hole not in numbers}:
            raise self.refuse(f"{name} names {listed(list(unknown))}, which [numbers] has not.")
        plain = HOLE.sub("", found)
        if "{" in plain or "}" in plain:
            raise self.refuse(f"{name} has a brace that names no number.")
        if loose := [match[1] for match in DIGITS.finditer(plain) if match[1]]:
            raise self.refuse(f"{name} says {loose[0].rstrip('.,')}; a number is written as {{name}} and computed in [numbers].")
        return found

    def device(self, table: Mapping[str, Any], usual: tuple[str, str]) -> tuple[str, str]:
        """Device and data; a step with another device names its own data where the device has several."""
        device = table.get("device", usual[0])
        if device not in DEVICES:
            raise self.refuse(f"unknown device {device!r}. Known: {listed(list(DEVICES))}.")
        able = DEVICES[device].data
        data = table.get("data", usual[1] if device == usual[0] else able[0])
        if data not in able:
            raise self.refuse(f"{device} has no data {data!r}. It has: {', '.join(able)}.")
        return device, data

    def state(self, value: Any, device: str, name: str = "state") -> dict[str, Any]:
        states = DEVICES[device].states
        table = self.table(value, f"{name} of {device}", (), tuple(states))
        return {key: self.obey(states[key], given, f"{name} {key}") for key, given in table.items()}

    def number(self, name: str, value: Any, usual: tuple[str, str], extra: Sequence[str]) -> tuple[Number, dict[str, Any]]:
        """A measure with its parameters, and what the table says besides."""
        if not isinstance(value, dict) or "of" not in value:
            raise self.refuse(f"{name} must name a measure: {{ of = ... }}.")
        device, data = self.device(value, usual)
        measures = DEVICES[device].measures
        if value["of"] not in measures:
            raise self.refuse(f"{name}: {device} has no measure {value['of']!r}. It has: {listed(list(measures))}.")
        measure = measures[value["of"]]
        self.table(value, name, ("of", *measure.needs), ("device", "data", *extra, *measure.takes))
        given = {key: self.obey(measure.takes[key], value[key], f"{name} {key}") for key in measure.takes if key in value}
        return Number(name, of=value["of"], device=device, data=data, given=given), {
            key: value[key] for key in extra if key in value
        }


def read(path: Path) -> Lesson:
    """A lesson from its file.

    Raises
    ------
    LessonError
        If it cannot be read, or says something unknown.
    """
    reader = _Reader(path.parent.name)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise reader.refuse(f"its file is larger than {LARGEST_FILE:,} bytes.")
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as wrong:
        raise reader.refuse(f"its file cannot be read: {wrong}.") from None
    needed = ("title", "about", "aha", "minutes", "order", "device", "steps")
    reader.table(plain, "the lesson", needed, ("data", "numbers", "claims", "sources"))
    usual = reader.device(
        plain, (plain["device"], plain.get("data", "")) if "data" in plain else (plain["device"], _first(plain["device"]))
    )
    numbers = dict(_numbers(reader, plain.get("numbers", {}), usual))
    steps = tuple(_steps(reader, plain["steps"], usual, numbers))
    reader.where = ""
    claims = tuple(_claims(reader, plain.get("claims", []), usual))
    reader.where = ""
    lesson = Lesson(
        reader.key,
        reader.words(plain["title"], "title", {}),
        reader.words(plain["about"], "about", {}),
        reader.words(plain["aha"], "aha", numbers),
        reader.obey(whole(1, 60), plain["minutes"], "minutes"),
        reader.obey(whole(0, 100_000), plain["order"], "order"),
        steps,
        numbers,
        claims,
        tuple(reader.obey(text, source, "a source") for source in plain.get("sources", [])),
    )
    _settings_are_used(reader, lesson)
    return lesson


def _first(device: Any) -> str:
    return DEVICES[device].data[0] if isinstance(device, str) and device in DEVICES else ""


def _numbers(reader: _Reader, plain: Any, usual: tuple[str, str]) -> Iterator[tuple[str, Number]]:
    if not isinstance(plain, dict):
        raise reader.refuse("[numbers] must be a table.")
    for name, value in plain.items():
        reader.where = f"number {name}"
        if not HOLE.fullmatch(f"{{{name}}}"):
            raise reader.refuse("a number's name is written with a-z, 0-9 and _.")
        if isinstance(value, dict) and "given" in value:
            reader.table(value, "a setting", ("given",))
            if isinstance(value["given"], bool) or not isinstance(value["given"], (int, float)):
                raise reader.refuse("a setting must be a number.")
            yield name, Number(name, setting=value["given"])
            continue
        found, rest = reader.number(name, value, usual, ("digits", "percent"))
        if ("digits" in rest) == ("percent" in rest):
            raise reader.refuse("give digits (decimal places) or percent = true.")
        digits = reader.obey(whole(0, 9), rest.get("digits", 0), "digits")
        percent = "percent" in rest and reader.obey(yes, rest["percent"], "percent")
        yield name, Number(name, digits, percent, None, found.of, found.device, found.data, found.given)
    reader.where = ""


def _steps(reader: _Reader, plain: Any, usual: tuple[str, str], numbers: Mapping[str, Number]) -> Iterator[Step]:
    if not isinstance(plain, list) or not 1 <= len(plain) <= MOST_STEPS:
        raise reader.refuse(f"[[steps]] must be a list of 1 to {MOST_STEPS} steps.")
    for at, value in enumerate(plain, 1):
        reader.where = f"step {at}"
        table = reader.table(value, "a step", ("title", "text"), ("device", "data", "state", "ask", "link"))
        device, data = reader.device(table, usual)
        state = reader.state(table.get("state", {}), device)
        try:
            DEVICES[device].place(data, state)
        except ValueError as wrong:
            raise reader.refuse(f"{wrong}.") from None
        yield Step(
            reader.words(table["title"], "title", {}),
            reader.words(table["text"], "text", numbers),
            device,
            data,
            state,
            _ask(reader, table["ask"], device, numbers) if "ask" in table else None,
            _link(reader, table["link"]) if "link" in table else None,
        )


def _ask(reader: _Reader, plain: Any, device: str, numbers: Mapping[str, Number]) -> Ask:
    table = reader.table(plain, "ask", ("question", "reveal"), ("options", "answer", "play", "then", "draw"))
    draw = "draw" in table and reader.obey(yes, table["draw"], "draw")
    options = table.get("options", [])
    if draw and (device != "rank" or "options" in table or "answer" in table):
        raise reader.refuse("draw is for the device rank, in place of options and answer.")
    if not draw and (not isinstance(options, list) or len(options) not in OPTIONS or "answer" not in table):
        raise reader.refuse("ask needs two to four options, and the answer.")
    return Ask(
        reader.words(table["question"], "question", numbers),
        reader.words(table["reveal"], "reveal", numbers),
        tuple(reader.words(option, "an option", numbers) for option in options),
        0 if draw else reader.obey(whole(1, len(options)), table["answer"], "answer"),
        "play" in table and reader.obey(yes, table["play"], "play"),
        draw,
        reader.state(table.get("then", {}), device, "then"),
    )


def _link(reader: _Reader, plain: Any) -> dict[str, str]:
    """A page of this dashboard, with what Copy link writes; never another address."""
    table = reader.table(plain, "link", ("page", "label"), ("query",))
    pages = {path.stem for path in PAGES.glob("*.py")} - {"__init__"}
    if table["page"] not in pages:
        raise reader.refuse(f"there is no page {table['page']!r}. Pages: {listed(list(pages))}.")
    query: dict[str, str] = {}
    for part in filter(None, str(table.get("query", "")).split("&")):
        name, _, value = part.partition("=")
        if name not in (*PARAMETERS, "show", "view", "topic", "item") and not KEY.fullmatch(name):
            raise reader.refuse(f"a link cannot set {name!r}.")
        query[name] = value
    address = "./" if table["page"] == "overview" else table["page"]
    return {"href": f"{address}?{urlencode(query)}" if query else address, "label": reader.obey(text, table["label"], "label")}


def _claims(reader: _Reader, plain: Any, usual: tuple[str, str]) -> Iterator[Claim]:
    if not isinstance(plain, list):
        raise reader.refuse("[[claims]] must be a list.")
    limits = ("least", "most", "below", "above")
    for at, value in enumerate(plain, 1):
        reader.where = f"claim {at}"
        table = reader.table(value, "a claim", ("that", "is"))
        found, given = reader.number("is", table["is"], usual, limits)
        if not given or any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in given.values()):
            raise reader.refuse(f"a claim needs a number for one of {', '.join(limits)}.")
        yield Claim(reader.obey(text, table["that"], "that"), found, given)


def _settings_are_used(reader: _Reader, lesson: Lesson) -> None:
    """A setting named in a text stands in a state, a measure or a claim; otherwise it would be a number that nobody computes."""
    used = [value for step in lesson.steps for value in (*step.state.values(), *(step.ask.then.values() if step.ask else ()))]
    used += [value for number in lesson.numbers.values() for value in number.given.values()]
    used += [value for claim in lesson.claims for value in (*claim.measured.given.values(), *claim.limits.values())]
    for number in lesson.numbers.values():
        if number.setting is not None and not any(not isinstance(v, bool) and v == number.setting for v in used):
            reader.where = f"number {number.name}"
            raise reader.refuse(f"no state, measure or claim of this lesson has the value {number.setting:g}.")


# -- numbers ---------------------------------------------------------------------------------------------------------------
def measured(number: Number) -> float:
    """The value of a number.

    Raises
    ------
    LessonError
        If the measure has no value for these parameters.
    """
    if number.setting is not None:
        return float(number.setting)
    try:
        return float(DEVICES[number.device].measures[number.of].compute(number.data, **number.given))
    except ValueError as wrong:
        raise LessonError(f"Number {number.name}: {number.of} of {number.device} on {number.data}: {wrong}.") from None


def written(number: Number) -> str:
    """A number as the text says it."""
    value = measured(number)
    if number.setting is not None:
        return f"{value:,.10g}"
    if number.percent:
        return percent(value, 0)
    return re.sub("^-", "−", f"{value:,.{number.digits}f}")


def holds(claim: Claim) -> tuple[bool, float]:
    """Whether a claim is true, and the number found."""
    value, limits = measured(claim.measured), claim.limits
    inside = limits.get("least", value) <= value <= limits.get("most", value)
    strictly = limits.get("above", float("-inf")) < value < limits.get("below", float("inf")) or not {"above", "below"} & set(
        limits
    )
    return inside and strictly, value
