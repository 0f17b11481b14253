"""Does the Matrices page order by what is asked, and lead from the binned picture to the real cells?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.cards import matrix_zoom
from nmfcore.core.factorization import Axis
from nmfcore.topics.ordering import Ordering

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")
SHOWN = ["W", "H", "X", "WH", "residual", "parts"]


def start(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    own = {name: query.pop(name) for name in ("matrix", "order") if name in query}
    for name, value in query.items():
        app.query_params[name] = value
    app.run().switch_page("views/matrices.py").run()
    for name, value in own.items():
        app.segmented_control(key=name).set_value(value).run()
    return app


def text(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(block.value for block in app.markdown)


def figures(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("order", ["strongest", "label", "leaves", "input"])
@pytest.mark.parametrize("matrix", SHOWN)
def test_every_matrix_in_every_order(matrix, order):
    app = start(data="digits", rank="5", matrix=matrix, order=order)
    said = text(app)
    assert "**Real cells of " in said
    words = {"strongest": "by largest part", "label": "by label", "leaves": "leaf order", "input": "in the order of the data"}
    rows = matrix != "H"
    assert words[order] in said.replace("\\", "") if rows or order != "label" else "by largest part" in said
    if order == "label" and matrix == "W":
        assert figures(app)[0]["layout"]["yaxis"]["ticktext"] == [str(k) for k in range(10)]


def test_data_without_classes_do_not_offer_an_order_by_label():
    app = start(data="tv", rank="2", solver="masked-hals")
    assert app.segmented_control(key="order").value == "strongest"
    assert "By label" not in app.segmented_control(key="order").options


def test_real_cells_begin_where_they_are_told_to_and_find_names():
    app = start(matrix="parts", order="input")
    assert "films 1 to 20 of 200 × keywords 1 to 12 of 260" in text(app)
    app.text_input(key="cells-rows-find").set_value("jaws").run()
    place = app.number_input(key="cells-rows-from").value
    assert f"Jaws, place {place + matrix_zoom.BEFORE}" in text(app)
    app.number_input(key="cells-columns-number").set_value(5).run()
    shown = figures(app)[1]
    assert "Jaws" in shown["layout"]["yaxis"]["ticktext"]
    assert len(shown["layout"]["xaxis"]["ticktext"]) == 5
    app.text_input(key="cells-rows-find").set_value("no such film").run()
    assert "not found" in text(app)
    assert app.number_input(key="cells-rows-from").value == place


def test_a_window_beyond_the_end_of_other_data_is_set_right():
    app = start(matrix="W")
    app.number_input(key="cells-rows-from").set_value(190).run()
    assert "films 190 to 200 of 200" in text(app)
    app.slider(key="rank").set_value(4).run()
    assert "films 190 to 200 of 200" in text(app)


def test_a_box_becomes_as_many_cells_as_can_be_read(monkeypatch):
    controls = {"chart": {"selection": {"points": [{"customdata": [100, 300, 50, 70]}, {"customdata": [300, 500, 50, 70]}]}}}
    monkeypatch.setattr(matrix_zoom.session, "control_value", controls.get)
    monkeypatch.setattr(matrix_zoom.session, "set_control", controls.__setitem__)
    matrix_zoom.boxed(None, "parts")("chart")
    assert [controls[f"cells-{side}-from"] for side in matrix_zoom.SIDES] == [101, 51]
    assert [controls[f"cells-{side}-number"] for side in matrix_zoom.SIDES] == [matrix_zoom.MOST_ROWS, matrix_zoom.MOST_BESIDE]
    before = dict(controls)
    controls["chart"] = {"selection": {"points": []}}
    matrix_zoom.boxed(None, "parts")("chart")
    assert {name: controls[name] for name in before if name != "chart"} == {n: v for n, v in before.items() if n != "chart"}


def test_names_are_found_at_their_place_in_the_order_and_numbers_where_there_are_no_names():
    order = Ordering(np.array([2, 0, 1]), "")
    assert matrix_zoom.find_places("moon", Axis("terms", "term", ["moonlight", "moon", "sun"]), order) == [2]
    assert matrix_zoom.find_places("document 3", Axis("documents", "document"), order) == [0]
    assert matrix_zoom.find_places("document 9", Axis("documents", "document"), order) == []
    assert matrix_zoom.find_places(" ", Axis("documents", "document"), order) == []


@pytest.mark.parametrize(("largest", "digits"), [(0.0, 0), (250.0, 0), (3.26, 1), (0.5, 2), (0.0123, 3), (1e-9, 4)])
def test_cells_are_written_with_the_decimals_they_need(largest, digits):
    assert matrix_zoom.decimals(np.array([[largest, 0.0]])) == digits
