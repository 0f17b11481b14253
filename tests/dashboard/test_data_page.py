"""Does the Data page take a file in, refuse it with a way out, and keep what was there until the new data is accepted?"""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from streamlit.testing.v1 import AppTest
from test_views import named

from dashboard.text.plain import JOINER
from dashboard.widgets import prepare
from nmfcore.data import Dataset, apply
from nmfcore.data.prepare import parameters_of

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")

FILMS = (
    b"film;genre;shark;sea;snow;crime\n"
    b"Jaws;horror;2,5;1,0;0;0\n"
    b"Fargo;crime;0;0;2,0;3,5\n"
    b"Heat;crime;0;0;0,5;3,0\n"
    b"Alien;horror;1,5;0;0;0,5\n"
    b"Up;family;0;0,5;0,5;0\n"
)


def start(query: dict[str, str] | None = None) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in (query or {}).items():
        app.query_params[name] = value
    return at_rest(app.run()).switch_page("views/data.py").run()


def at_rest(app: AppTest) -> AppTest:
    """Until no fit is under way: the test has no clock that would poll."""
    for _ in range(100):
        if not any(button.key == "stop" for button in app.button):
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError("The fit does not end.")


def bring(app: AppTest, name: str, content: bytes) -> AppTest:
    app.button(key="open-upload").click().run()
    app.file_uploader[0].set_value((name, content, "application/octet-stream")).run()
    return settled(app)


def settled(app: AppTest) -> AppTest:
    """Until nothing is being read any more."""
    for _ in range(100):
        if not any(button.key == "stop-import" for button in app.button):
            assert not app.exception
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError("The file is still being read.")


def said(app: AppTest) -> str:
    return plain("\n".join(block.value for block in app.markdown))


def sidebar(app: AppTest) -> str:
    return plain("\n".join(block.value for block in app.sidebar.markdown))


def plain(markdown: str) -> str:
    """What a person reads: without the backslashes and joiners that keep Markdown from taking effect."""
    return markdown.replace("\\", "").replace(JOINER, "")


def has(app: AppTest, key: str) -> bool:
    return any(button.key == key for button in app.button)


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if label in button.label).click().run()
    return settled(app)


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_a_file_is_understood_before_it_is_used_and_used_only_on_request():
    app = bring(start(), "films.csv", FILMS)
    text = said(app)
    assert "semicolon" in text
    assert "comma" in text
    assert "a matrix of 5 rows × 4 columns" in text
    assert metrics(app)["Rows"] == "5"
    assert "Films and their keywords" in sidebar(app)
    app.button(key="use-upload").click().run()
    settled(app)
    assert "films.csv" in sidebar(app)
    assert "Shown: Films and their keywords, rank 10. Press Fit for films.csv, rank 2." in sidebar(app)
    app.switch_page("views/overview.py").run()
    assert app.title[0].value.startswith("Ten topics in ")  # the result on screen stays
    at_rest(app.button(key="fit").click().run())
    assert app.title[0].value.startswith("Two topics in ")


def test_a_ragged_file_is_refused_with_its_line_and_a_fix_reads_it():
    lines = FILMS.splitlines()
    lines[3] = b"Heat;crime;0;0"
    app = bring(start(), "ragged.csv", b"\n".join(lines))
    assert app.button(key="use-upload").disabled
    assert "line 4 has 4 columns" in said(app).lower()
    assert "semicolon" in said(app)  # what else was understood is shown all the same
    press(app, "Leave these rows out")
    assert not app.button(key="use-upload").disabled
    assert metrics(app)["Rows"] == "4"
    press(app, "Undo")
    assert app.button(key="use-upload").disabled


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("text.csv", b"a,b\n1,2\n3,x\n4,5\n6,7\n", "text among the numbers"),
        ("model.pkl", b"\x80\x04\x95\x00", "pickle"),
        ("big.npy", b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10**9, 10), }", "damaged"),
        ("report.pdf", b"%PDF-1.4 hello", "PDF"),
    ],
)
def test_each_refusal_names_what_is_wrong_and_keeps_the_result(name, content, words):
    app = bring(start(), name, content)
    assert app.button(key="use-upload").disabled
    assert words in said(app)
    app.button(key="discard-upload").click().run()
    assert not app.exception
    app.switch_page("views/overview.py").run()
    assert app.title[0].value.startswith("Ten topics in ")


def test_missing_cells_wait_for_their_meaning():
    app = bring(start(), "missing.csv", FILMS.replace(b"3,5", b""))
    assert "1 cell of 20 is missing" in said(app)
    assert app.button(key="use-upload").disabled
    press(app, "Not measured")
    assert not app.button(key="use-upload").disabled
    app.button(key="use-upload").click().run()
    assert not settled(app).exception
    assert "left out of the fit" in said(app)
    assert named(app.selectbox, "solver").value != "hals"  # that one cannot skip entries


def test_negative_numbers_are_clipped_only_when_a_person_says_so():
    app = bring(start(), "negative.csv", FILMS.replace(b"3,5", b"-3,5"))
    assert "1 entry is negative" in said(app)
    press(app, "Clip them to 0")
    assert metrics(app)["Filled"] == "45.0 %"


def test_an_override_reads_the_file_again():
    app = bring(start(), "films.csv", FILMS)
    header = next(box for box in app.selectbox if box.label == "Header")
    assert header.value is True
    header.set_value(False).run()
    settled(app)
    assert app.button(key="use-upload").disabled or metrics(app)["Rows"] == "6"
    press(app, "Recognise everything again")
    assert metrics(app)["Rows"] == "5"


def test_the_columns_can_be_the_items():
    app = bring(start(), "films.csv", FILMS)
    turn = next(group for group in app.segmented_control if group.label == "The items are")
    turn.set_value("columns").run()
    settled(app)
    assert metrics(app)["Columns"] == "4"  # an axis keeps its name: the columns of the file are the items now
    assert "One item: **shark**" in said(app)


def test_documents_get_the_text_steps_and_their_numbers():
    texts = b"\n".join([b"the cat sat on the mat with the dog", b"a rocket flew to the moon and the stars"] * 30)
    app = bring(start(), "docs.txt", texts)
    assert metrics(app)["Documents"] == "60"
    terms = int(metrics(app)["Terms"])
    stop = next(box for box in app.multiselect if box.label == "Stop words")
    assert stop.value == ["english"]  # recognised
    stop.set_value([]).run()
    settled(app)
    assert int(metrics(app)["Terms"]) > terms


def test_a_preparation_that_leaves_nothing_is_refused_with_a_sentence():
    app = bring(start(), "docs.txt", b"\n".join([b"red apples of the tree", b"green pears of this garden"] * 30))
    field = next(box for box in app.number_input if box.label.startswith("In at least"))
    field.set_value(500.0).run()
    settled(app)
    assert "No term is left" in said(app)
    assert app.button(key="use-upload").disabled


def test_steps_show_their_numbers_before_they_are_used():
    app = bring(start(), "films.csv", FILMS)
    steps = next(box for box in app.multiselect if box.label.startswith("Steps"))
    steps.set_value(["log1p", "scale_rows"]).run()
    settled(app)
    table = next(frame.value for frame in app.dataframe if "After" in frame.value.columns)
    assert list(table["After"]) == ["As read", "Logarithm", "Scale rows"]
    app.button(key="use-upload").click().run()
    settled(app)
    # the accepted data can be prepared anew, from what was read
    steps = next(box for box in app.multiselect if box.label.startswith("Steps"))
    assert steps.value == ["log1p", "scale_rows"]
    steps.set_value([]).run()
    settled(app)
    app.button(key="use-upload").click().run()
    settled(app)
    assert "as it is" in sidebar(app)


def test_ratings_become_a_masked_matrix():
    rows = ["user,item,rating"] + [f"u{u},i{i},{1 + (u * i) % 5}" for u in range(6) for i in range(5) if (u + i) % 2]
    app = bring(start(), "ratings.csv", "\n".join(rows).encode())
    assert "ratings by 6 users of 5 items" in said(app)
    meaning = next(group for group in app.segmented_control if group.label.startswith("A pair without"))
    assert meaning.value == "mask"
    meaning.set_value("zero").run()
    settled(app)
    assert not app.button(key="use-upload").disabled


def test_a_zip_of_pictures_becomes_rows():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(4):
            pixels = bytes((number * 10 + j) % 256 for j in range(12))
            archive.writestr(f"{number}.pgm", b"P5 4 3 255\n" + pixels)
    app = bring(start(), "pictures.zip", packed.getvalue())
    assert "4 pictures of 3 × 4 pixels" in said(app)
    assert metrics(app)["Pixels"] == "12"


def test_sparse_data_stays_sparse():
    X = sp.random(300, 400, density=0.02, format="csr", random_state=0)
    packed = io.BytesIO()
    sp.save_npz(packed, X)
    app = bring(start(), "counts.npz", packed.getvalue())
    assert "sparse float64" in said(app)


def test_markup_from_a_file_is_plain_text_everywhere():
    nasty = "![x](http://evil.example/a.png)"
    content = f"name,{nasty},<b>bold</b>\n{nasty},1,2\n:smile: $x$,3,4\n[l](http://e.example),5,6\n".encode()
    app = bring(start(), f"{nasty}.csv", content)
    assert not app.exception
    for block in app.markdown:
        assert "![x](" not in block.value
        assert "](http" not in block.value
    app.button(key="use-upload").click().run()
    settled(app)
    for block in [*app.markdown, *app.sidebar.markdown]:
        assert "](http" not in block.value


def test_after_acceptance_the_bytes_are_gone():
    app = bring(start(), "films.csv", FILMS)
    app.button(key="use-upload").click().run()
    settled(app)
    me = app.session_state["nmf"]
    assert me.brought.looked_at is None
    assert me.brought.used.content is None
    assert not me.brought.used._tables


def test_a_link_to_an_upload_opens_when_the_same_file_is_brought():
    first = bring(start(), "films.csv", FILMS)
    first.button(key="use-upload").click().run()
    at_rest(first.button(key="fit").click().run())
    link = {name: value if isinstance(value, str) else value[0] for name, value in dict(first.query_params).items()}
    assert link["data"] == "upload"
    second = bring(start(link), "films.csv", FILMS)
    assert not at_rest(settled(second.button(key="use-upload").click().run())).exception
    second.switch_page("views/overview.py").run()
    assert second.title[0].value.startswith("Two topics in ")
    other = bring(start(link), "other.csv", FILMS.replace(b"2,5", b"1,5"))
    other.button(key="use-upload").click().run()
    assert "not the data of the link" in said(settled(other))


def test_a_file_of_zeros_is_said_to_be_one_with_what_can_be_done():
    app = bring(start(), "zeros.csv", b"name,a,b\nx,0,0\ny,0,0\nz,0,0\n")
    assert "All 6 entries are zero: there is nothing to factorize. Look whether the right sheet" in said(app).replace(
        "\u2060", ""
    )


def test_zeros_of_ratings_can_be_made_real():
    app = start()
    app.button(key="open-tv").click().run()
    meaning = next(group for group in app.segmented_control if group.label == "A 0 is")
    assert meaning.value == "missing"
    app.button(key="use-tv").click().run()
    assert "left out of the fit" in said(app)
    next(group for group in app.segmented_control if group.label == "A 0 is").set_value("real").run()
    app.button(key="use-tv").click().run()
    assert not app.exception
    assert "left out of the fit (mask)" not in said(app)


def test_the_catalog_says_what_will_come_before_it_is_loaded():
    app = start()
    app.button(key="open-digits").click().run()
    assert "What will come" in said(app)
    assert app.button(key="use-digits").label == "Use this data"
    app.button(key="use-digits").click().run()
    assert app.button(key="use-digits").label == "In use"
    assert "1,797" in metrics(app).values()


def test_a_single_value_is_said_and_not_drawn():
    app = start()
    assert "All of them are 1" in said(app)
    assert np.size(app.get("plotly_chart")) <= 1  # the sidebar's


@pytest.mark.parametrize("step", prepare.NUMBERS)
def test_every_step_of_the_registry_has_controls_for_its_parameters(step):
    data = Dataset("upload", "t", np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 1.0], [2.0, 2.0, 0.5]]))
    for parameter, default in parameters_of(step).items():
        if isinstance(default, str):
            for choice in prepare.CHOICES[parameter]:
                apply(data, [{"step": step, parameter: choice}])
        else:
            assert isinstance(default, (bool, int, float))
