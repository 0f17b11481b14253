"""Is a lesson right? `python -m dashboard.learn FOLDER ...` reads it strictly and computes its numbers and claims.

python -m dashboard.learn my-lessons/first          # one lesson, or a folder of lessons
python -m dashboard.learn --measure lab posts of=error after=60 rule=mu
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboard.devices.pack import pack
from dashboard.learn.bundle import bundle
from dashboard.learn.lessons import HOLE, Lesson, Number, holds, measured, read, written
from dashboard.learn.registry import DEVICES
from dashboard.learn.scene import LessonError

USUAL_BYTES = 300_000  # of a bundle: what a slow connection loads in a second or two


def main(arguments: Sequence[str]) -> int:
    """0 when every lesson is right, 1 when not, 2 when the command was not understood."""
    if arguments[:1] == ["--measure"] and len(arguments) > 3:
        return _measure(arguments[1], arguments[2], arguments[3:])
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    wrong = 0
    for argument in arguments:
        folder = Path(argument)
        for path in [folder / "lesson.toml"] if (folder / "lesson.toml").exists() else sorted(folder.glob("*/lesson.toml")):
            wrong += not _check(path)
    return 1 if wrong else 0


def _check(path: Path) -> bool:
    try:
        lesson = read(path)
        print(f"{lesson.key}: {lesson.title} ({len(lesson.steps)} steps, {lesson.minutes} min)")
        right = _report(lesson)
        head, blocks = bundle(lesson)
    except LessonError as error:
        print(error)
        return False
    size = len(pack(head, blocks))
    print(f"  bundle {size:,} bytes{' (large: use fewer different scenes)' if size > USUAL_BYTES else ''}")
    return right


def _report(lesson: Lesson) -> bool:
    for name, number in lesson.numbers.items():
        print(f"  {{{name}}} = {written(number)}")
    used = {hole for step in lesson.steps for hole in HOLE.findall(_words(step))} | set(HOLE.findall(lesson.aha))
    for name in sorted(set(lesson.numbers) - used):
        print(f"  {{{name}}} is in no text")
    right = True
    for claim in lesson.claims:
        true, value = holds(claim)
        right &= true
        limits = ", ".join(f"{name} {limit:g}" for name, limit in claim.limits.items())
        print(f"  {'true ' if true else 'FALSE'} {claim.that}: {value:.6g} ({limits})")
    return right


def _words(step: object) -> str:
    return repr(step)


def _measure(device: str, data: str, given: Sequence[str]) -> int:
    plain = dict(part.split("=", 1) for part in given)
    values = {name: _value(text) for name, text in plain.items()}
    of = str(values.pop("of", ""))
    try:
        measure = DEVICES[device].measures[of]
        found = Number("it", of=of, device=device, data=data, given={name: measure.takes[name](v) for name, v in values.items()})
        print(f"{measured(found):.10g}")
    except (KeyError, ValueError, TypeError) as wrong:
        known = "; ".join(f"{key}: {', '.join(of_device.measures)}" for key, of_device in DEVICES.items())
        print(f"Not understood: {wrong}. Devices and their measures: {known}.")
        return 2
    return 0


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
