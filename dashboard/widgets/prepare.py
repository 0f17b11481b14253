"""What is done to the data before it is factorized: the steps, their parameters, and the numbers before and after.

The controls come from nmfcore/data/prepare.py's STEPS: a step that is added there appears here, with its title and parameters.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.text.plain import markdown
from dashboard.text.words import percent
from dashboard.widgets import text_preparation
from nmfcore.data.model.dataset import Dataset, Summary
from nmfcore.data.prepare import STEPS, checked, parameters_of
from nmfcore.data.readers.names import unique

Steps = tuple[dict[str, Any], ...]
NUMBERS = [name for name, step in STEPS.items() if step.needs == "numbers"]
# how the values of a step's text parameters read on screen; a test holds this against the steps
CHOICES: dict[str, dict[str, str]] = {
    "norm": {"l1": "sum (L1)", "l2": "length (L2)", "max": "maximum"},
    "mean": {"real": "a real zero", "missing": "not measured"},
    "axis": {"columns": "columns", "rows": "rows"},
}


def draw(name: str, steps: Sequence[Mapping[str, Any]], *, text: bool, without: Sequence[str] = ()) -> Steps:
    """The controls, set to the given steps at first; returns the steps they describe.

    name : prefix of the widgets' keys; another one begins anew
    text : whether the data is documents, whose words have to become numbers first
    without : steps that are not offered, because the page has a control of its own for them
    """
    offered = [step for step in NUMBERS if step not in without]
    found: list[dict[str, Any]] = []
    if text:
        usual = next((step for step in steps if step.get("step") == "text"), {"step": "text"})
        found.append(text_preparation.draw(name, usual))
    mine = {str(step["step"]): step for step in steps if step.get("step") in offered}
    session.control(f"{name}_steps", list(mine))
    chosen = st.multiselect(
        "Then, in this order" if text else "Steps, in this order",
        offered,
        format_func=lambda step: STEPS[step].title,
        key=f"{name}_steps",
        persist_state="session",
        placeholder="none: the numbers as they are",
        help="  \n".join(f"**{STEPS[step].title}**: {STEPS[step].says}." for step in offered),
    )
    return (*found, *(_parameters(name, step, mine.get(step, {})) for step in chosen))


def differ(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> bool:
    """Whether two preparations are not the same, however many of their parameters are written down."""
    return [checked(step) for step in first] != [checked(step) for step in second]


def _parameters(name: str, step: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of one step; those that are usual are left out of the result."""
    usual = parameters_of(step)
    result: dict[str, Any] = {"step": step}
    with st.container(border=True, gap="xsmall", key=f"{name}_{step}_box"):
        st.markdown(f"**{STEPS[step].title}**  \n:small[{_says(step)}]")
        if usual:
            with st.grid(min(3, max(2, len(usual))), min_column_width=140):
                for parameter, default in usual.items():
                    value = _control(f"{name}_{step}_{parameter}", parameter, default, given.get(parameter, default))
                    if value != default:
                        result[parameter] = value
    return result


def _says(step: str) -> str:
    """The first sentence of a step's own documentation."""
    return markdown(" ".join((inspect.getdoc(STEPS[step].function) or STEPS[step].says).split()), 300)


def _control(key: str, parameter: str, default: Any, value: Any) -> Any:
    session.control(key, value)
    title = parameter.replace("_", " ").capitalize()
    if isinstance(default, bool):
        return st.toggle(title, key=key, persist_state="session")
    if isinstance(default, int):
        return int(st.number_input(title, 1, 10_000_000, key=key, step=1, persist_state="session"))
    if isinstance(default, float):
        return float(st.number_input(title, 0.0, 1e150, key=key, format="%g", persist_state="session"))
    words = CHOICES[parameter]
    return st.segmented_control(
        title, list(words), format_func=words.__getitem__, key=key, required=True, persist_state="session"
    )


def effects(dataset: Dataset, key: str, *, notes: bool = True) -> None:
    """What each step did: the numbers before and after."""
    if not dataset.effects:
        return
    rows = [_row("As read", dataset.effects[0].before)]
    rows += [_row(STEPS[effect.step].title, effect.after) for effect in dataset.effects]
    table = pd.DataFrame(
        rows, columns=["After", dataset.axes.rows.name, dataset.axes.columns.name, "not 0", "filled", "values", "mean"]
    )
    table.columns = unique([str(name) for name in table.columns])
    st.dataframe(table, hide_index=True, key=key, alt="The numbers before the preparation and after each of its steps")
    for effect in dataset.effects if notes else ():
        for note in effect.notes:
            st.markdown(f"- :small[**{STEPS[effect.step].title}**: {markdown(note, 400)}]")


def _row(name: str, numbers: Summary) -> list[str]:
    if not numbers.columns:
        return [name, f"{numbers.rows:,}", "", "", "", "", ""]
    return [
        name,
        f"{numbers.rows:,}",
        f"{numbers.columns:,}",
        f"{numbers.stored:,}",
        percent(numbers.density),
        f"{numbers.minimum:.4g} to {numbers.maximum:.4g}",
        f"{numbers.mean:.4g}",
    ]
