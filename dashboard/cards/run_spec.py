"""Exactly what was run: its parts for people, and behind the card's menu the specification as JSON, which repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from dashboard.text.plain import markdown
from dashboard.text.words import part, start_title
from dashboard.widgets import card
from dashboard.work import steering
from dashboard.work.fitting import FittedRun
from nmfcore.data.prepare import STEPS
from nmfcore.solvers import SOLVERS, make_solver

LONGEST = 300  # characters of a value on screen; the JSON has all of it
NAMED = 6  # entries of a list that are written out


def draw(run: FittedRun) -> None:
    """The card."""
    with st.container(border=True, gap="xsmall"):
        menu = card.corner("fit", "spec", "Exactly what was run", "what this is, and the specification as JSON")
        if menu is not None:
            with menu:
                st.code(run.spec.to_json(), language="json", height=200, wrap_lines=True)
                st.download_button(
                    "Specification as JSON",
                    data=run.spec.to_json(),
                    file_name="specification.json",
                    mime="application/json",
                    on_click="ignore",
                    icon=":material/download:",
                    key="fit-spec-json",
                )
        lines = [f":gray[{markdown(name, 40)}:] {markdown(value, LONGEST)}" for name, value in rows(run).items()]
        st.markdown(":small[" + "  \n".join(lines) + "]")  # lines wrap; the cells of a table this narrow are cut off


def rows(run: FittedRun) -> dict[str, str]:
    """Every part of the specification, as a person would say it."""
    spec, solver = run.spec, SOLVERS[run.spec.solver]
    found = {"data": run.dataset.title}
    found |= {_words(name): said(value) for name, value in spec.data_options.items()}
    found["preparation"] = "; ".join(map(step, spec.preparation)) or "none"
    found["fingerprint"] = spec.fingerprint[:16]
    found["solver"] = solver.title
    options = make_solver(spec.solver, spec.solver_options).options()
    found |= {_words(name): said(value) for name, value in options.items()}
    found |= {"loss": spec.loss, "rank": f"{spec.rank}", "start": start_title(spec.init), "seed": f"{spec.seed}"}
    found |= {_words(name): said(value) for name, value in spec.penalty.items()}
    noun = part(run.dataset)
    found |= {f"wish {at + 1}": steering.said(edit, run.dataset.axes, noun) for at, edit in enumerate(spec.guidance)}
    stop = spec.stop
    found["stops when"] = f"the error falls by less than {stop.tol:g} per iteration" if stop.tol else "a limit is reached"
    found["iterations at most"] = f"{stop.max_iter:,}"
    found["seconds at most"] = "no limit" if stop.max_seconds is None else f"{stop.max_seconds:g}"
    return found


def step(given: Mapping[str, Any]) -> str:
    """One step of the preparation with its parameters: "Scale rows (norm l2)"."""
    key = str(given.get("step", ""))
    more = ", ".join(f"{_words(name)} {said(value)}" for name, value in given.items() if name != "step")
    title = STEPS[key].title if key in STEPS else key
    return f"{title} ({more})" if more else title


def said(value: Any) -> str:
    """A value of a specification without the marks of a programming language."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(name)} {said(one)}" for name, one in value.items()) or "none"
    if isinstance(value, Iterable) and not isinstance(value, str):
        entries = [said(one) for one in value]
        more = len(entries) - NAMED
        return ", ".join(entries[:NAMED]) + (f" and {more:,} more" if more > 0 else "") or "none"
    return str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")
