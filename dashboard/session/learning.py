"""What does a device of the lessons say, and how does the page stand: presenting, or beside the rest of the dashboard?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dashboard.session.address import linked
from dashboard.session.tab import control_value, jobs, state
from dashboard.work.job import JobsBusy

LESSONS = ("lessons",)  # names the job that makes the course ready; it is the same for everyone


def sent(key: str, name: str) -> dict[str, Any]:
    """What a device last sent under a name; empty when nothing. It comes from a browser: check it before it is used."""
    said = control_value(key, {})
    value = said.get(name) if hasattr(said, "get") else None
    return dict(value) if isinstance(value, dict) else {}


def presenting() -> bool:
    """Whether the address asks for a lesson as for a beamer: without bar and panel."""
    return bool(linked("lesson") or linked("watch")) and linked("present") == "1"


def prepare_lessons(prepare: Callable[[Callable[[str, float], object]], int]) -> None:
    """Make the course ready in the background, once for everyone; a lesson opened meanwhile is made at once."""
    try:
        jobs().submit(LESSONS, lambda job: prepare(job.say), session=state().id, label="Preparing the course", lane="lessons")
    except JobsBusy:
        return  # each lesson is then made when it is opened
