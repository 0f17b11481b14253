"""Exactly what was run: its parts for people, and behind the card's menu the specification as JSON, which repeats it."""

from __future__ import annotations

import streamlit as st

from dashboard.text import settings
from dashboard.text.plain import markdown
from dashboard.text.words import part, start_title
from dashboard.widgets import card
from dashboard.work import steering
from dashboard.work.fitted import FittedRun
from nmfcore.solvers import SOLVERS

LONGEST = 300  # characters of a value on screen; the JSON has all of it


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
    spec, noun = run.spec, part(run.dataset)
    found = {"data": run.dataset.title} | settings.of_data(spec)
    found |= {"solver": SOLVERS[spec.solver].title} | settings.of_solver(spec)
    found |= {"loss": spec.loss, "rank": f"{spec.rank}", "start": start_title(spec.init), "seed": f"{spec.seed}"}
    found |= settings.of_problem(spec)
    found |= {f"wish {at + 1}": steering.said(edit, run.dataset.axes, noun) for at, edit in enumerate(spec.guidance)}
    return found | settings.of_stop(spec.stop)
