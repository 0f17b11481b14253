"""What does the file leave open? Each question with its answers side by side: what follows, and how the first rows look."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.text.plain import clean, markdown
from dashboard.work.importing import Import
from dashboard.work.outcome import ANSWERS_SHOWN
from dashboard.work.recognised import Glimpse
from nmfcore.data.model.table import Question, Table


def draw(brought: Import, table: Table | None) -> None:
    """The questions of this reading, and those that were answered otherwise than they were taken."""
    now = {question.key for question in table.questions} if table is not None else set()
    for key, question in brought.questions.items():
        if key in now or brought.answers.get(key):
            _question(brought, question)


def _question(brought: Import, question: Question) -> None:
    taken = brought.answers.get(question.key, 0)
    with st.container(border=True, gap="small", key=f"question-{question.key.replace(' ', '-')}"):
        st.markdown(f":material/help: **{markdown(question.asks, 300)}**")
        for column, number in zip(
            st.columns(min(len(question.choices), ANSWERS_SHOWN)), range(len(question.choices[:ANSWERS_SHOWN])), strict=True
        ):
            with column, st.container(gap="xsmall"):
                _answer(brought, question, number, taken)


def _answer(brought: Import, question: Question, number: int, taken: int) -> None:
    choice = question.choices[number]
    if number == taken:
        st.markdown(f":material/check: **{markdown(choice.label, 60)}** :gray[· taken]")
    else:
        key = f"answer-{question.key.replace(' ', '-')}-{number}"
        st.button(markdown(choice.label, 60), key=key, width="stretch", on_click=brought.answer, args=(question.key, number))
    st.markdown(f":small[{markdown(choice.says, 200)}]")
    if (question.key, number) in brought.glimpses:
        _glimpse(brought.glimpses[question.key, number], f"glimpse-{question.key}-{number}")


def _glimpse(glimpse: Glimpse | None, key: str) -> None:
    if glimpse is None:
        st.markdown(":small[:gray[It cannot be read so as it is.]]")
        return
    names: list[str] = []
    for at, name in enumerate(glimpse.names):
        shown = clean(name, 20) or ("row" if at == 0 else "-")
        names.append(shown if shown not in names else f"{shown} ({at})")
    cells = [[clean(cell, 60) if isinstance(cell, str) else cell for cell in row] for row in glimpse.rows]
    st.dataframe(
        pd.DataFrame(cells, columns=names), hide_index=True, key=key, height="content", placeholder="", alt="Its first rows"
    )
    st.markdown(f":small[:gray[{markdown(glimpse.says, 80)}]]")
