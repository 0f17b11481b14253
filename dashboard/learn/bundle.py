"""What does a browser need to play a lesson without asking again? Texts with their numbers filled in, states, and scenes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dashboard.devices.pack import pack
from dashboard.learn.lessons import HOLE, Ask, Lesson, Step, written
from dashboard.learn.registry import DEVICES
from dashboard.learn.scene import LessonError, Scene


def bundle(lesson: Lesson) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and blocks of a lesson: scenes that several steps share are in it once, those with arrays as packed blocks."""
    numbers = {name: written(number) for name, number in lesson.numbers.items()}
    steps: list[dict[str, Any]] = []
    scenes: dict[str, dict[str, Any]] = {}
    blocks: dict[str, np.ndarray] = {}
    for at, step in enumerate(lesson.steps, 1):
        try:
            scene = DEVICES[step.device].scene(step.data, step.state)
        except ValueError as wrong:
            raise LessonError(f"Lesson {lesson.key}, step {at}: {wrong}.") from None
        if scene.id not in scenes:
            scenes[scene.id] = _sent(scene, blocks)
        steps.append(_step(step, scene.id, numbers))
    head = {
        "id": lesson.key, "title": lesson.title, "aha": _filled(lesson.aha, numbers), "sources": list(lesson.sources),
        "steps": steps, "scenes": scenes,
    }  # fmt: skip
    return head, blocks


def scene_data(scene: Scene) -> dict[str, Any] | bytes:
    """One scene as a device takes it."""
    head = {"id": scene.id, **scene.head}
    return pack(head, scene.arrays) if scene.arrays else head


def _sent(scene: Scene, blocks: dict[str, np.ndarray]) -> dict[str, Any]:
    data = scene_data(scene)
    if not isinstance(data, bytes):
        return data
    blocks[scene.id] = np.frombuffer(data, np.uint8)
    return {"id": scene.id, "block": scene.id}


def _step(step: Step, scene: str, numbers: Mapping[str, str]) -> dict[str, Any]:
    place = DEVICES[step.device].place
    return {
        "title": step.title, "text": _filled(step.text, numbers), "device": step.device, "scene": scene,
        "state": place(step.data, step.state), "link": step.link,
        "ask": None if step.ask is None else _ask(step.ask, place(step.data, step.ask.then), numbers),
    }  # fmt: skip


def _ask(ask: Ask, then: dict[str, Any], numbers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "question": _filled(ask.question, numbers), "options": [_filled(option, numbers) for option in ask.options] or None,
        "answer": ask.answer, "reveal": _filled(ask.reveal, numbers), "play": ask.play, "then": then, "draw": ask.draw,
    }  # fmt: skip


def _filled(text: str, numbers: Mapping[str, str]) -> str:
    return HOLE.sub(lambda hole: numbers[hole[1]], text)
