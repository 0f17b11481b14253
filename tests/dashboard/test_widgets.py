"""Do the widgets stand outside the pages that use them: each alone, with what it may be given?"""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from nmfcore.data.prepare import STEPS
from nmfcore.topics.scale import CONVENTIONS


def drawn(script, **given):
    return AppTest.from_function(script, kwargs=given, default_timeout=30).run()


def texts(app):
    return " ".join(block.value for block in app.markdown)


def a_card(page="overview", name="loss", say=""):
    from dashboard.figures.loss import loss_curve
    from dashboard.widgets import card

    card.picture(page, name, "A title", loss_curve([1, 2, 3], [0.9, 0.5, 0.4]), say=say)


def test_a_card_has_title_picture_and_sentence():
    app = drawn(a_card, say="Look at the end.")
    assert not app.exception
    assert "**A title**" in texts(app)
    assert "Look at the end." in texts(app)
    assert len(app.get("plotly_chart")) == 1
    assert not app.dataframe  # the numbers are behind the menu


def test_an_open_menu_holds_explanation_numbers_and_the_file(monkeypatch):
    monkeypatch.setattr("dashboard.widgets.lesson_link.draw", lambda *_: None)  # it needs the pages
    app = drawn(a_card)
    app.session_state["overview-loss-menu"] = True
    app.run()
    assert not app.exception
    assert len(app.dataframe) == 1
    assert len(app.dataframe[0].value) == 3
    assert [button.label for button in app.get("download_button")] == ["Numbers as CSV"]


def test_a_card_without_explanation_is_refused_when_it_is_drawn():
    app = drawn(a_card, name="nobody explained this")
    assert app.exception


def a_table(rows):
    import pandas as pd

    from dashboard.widgets import bench

    bench.table("compare", "topics", "Matched", pd.DataFrame({"n": range(rows)}), say="All of them.")


@pytest.mark.parametrize("rows", [0, 1, 40])
def test_a_table_is_a_card_with_its_menu(rows):
    app = drawn(a_table, rows=rows)
    assert not app.exception
    assert len(app.dataframe[0].value) == rows
    assert "All of them." in texts(app)


def test_of_a_long_table_the_first_rows_are_shown_and_the_file_is_named():
    from dashboard.widgets.bench import MOST_ROWS

    app = drawn(a_table, rows=MOST_ROWS + 5)
    assert len(app.dataframe[0].value) == MOST_ROWS
    assert f"The first {MOST_ROWS:,} of {MOST_ROWS + 5:,} rows; the CSV has them all." in texts(app)


def key_figures(count):
    from dashboard.widgets import header
    from dashboard.widgets.header import Figure

    header.key_figures([Figure(f"Number {k}", str(k), "beside", "What it is.") for k in range(count)])


@pytest.mark.parametrize("count", [0, 1, 4])
def test_key_figures_carry_value_reference_and_definition(count):
    app = drawn(key_figures, count=count)
    assert not app.exception
    assert [metric.value for metric in app.metric] == [str(k) for k in range(count)]
    assert all(metric.delta == "beside" and metric.help == "What it is." for metric in app.metric)


def the_scale():
    import streamlit as st

    from dashboard.widgets import scale

    st.text(f"{scale.choose()}|{scale.words()}|{scale.current()}")


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_scale_can_be_chosen_and_is_said_in_words(convention):
    app = drawn(the_scale)
    app.selectbox[0].set_value(convention).run()
    chosen, said, current = app.text[0].value.split("|")
    assert chosen == current == convention
    assert said


def a_notice(message, missing=False):
    from dashboard import session
    from dashboard.session.tab import Notice
    from dashboard.widgets import notices

    session.state().notice = Notice(message) if message else None
    notices.draw()


def test_a_refusal_shows_its_sentence_as_text_and_can_be_dismissed():
    app = drawn(a_notice, message="X has **3** negative entries <b>here</b>.")
    assert not app.exception
    assert "negative entries" in texts(app)
    assert "<b>" not in texts(app)
    assert app.button(key="dismiss")


def test_without_a_refusal_nothing_is_drawn():
    app = drawn(a_notice, message="")
    assert not app.markdown
    assert not app.button


@pytest.mark.parametrize("step", STEPS)
def test_every_step_of_preparation_is_explained_in_plain_text(step):
    from dashboard.widgets import prepare

    said = prepare._says(step) if hasattr(prepare, "_says") else STEPS[step].says
    assert len(said) > 20
    assert STEPS[step].title
