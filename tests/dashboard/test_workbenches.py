"""Do the workbench pages say what the library computes, and stand with empty, bad and large input?"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from streamlit.testing.v1 import AppTest

from dashboard.figures.workbench import Score, models, over_ranks, similarities, symmetric_fit
from dashboard.text.explanations import sections
from dashboard.text.plain import clean
from dashboard.widgets.bench import zipped
from dashboard.work import expression
from dashboard.work import images as pictures
from dashboard.work import recommender as rec
from dashboard.work import symmetric as bench_symmetric
from dashboard.work.job import Job
from dashboard.work.told import told_work
from nmfcore.core.factorization import Axes, Axis
from nmfcore.core.guidance import Guidance, Pin, Seed
from nmfcore.data import load_prepared
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.facts import Classes

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")
NASTY = "<img src=x onerror=alert(1)> ![](http://evil.example/x.png) [link](http://evil.example) $x$ **b**"
PATIENCE = 60  # reruns of a page until what it computes is there


def opened(page: str, dataset: Dataset | None = None, **query: str) -> AppTest:
    """The page with all it computes, on its own data or on a data set of this session's; query : what the address says."""
    app = AppTest.from_file(APP, default_timeout=60).run()
    if dataset is not None:
        app.session_state["nmf"].chosen.data = dataset
    for name, value in query.items():
        app.query_params[name] = value
    return settled(app.switch_page(f"views/{page}.py").run())


def settled(app: AppTest) -> AppTest:
    """Look again until nothing is computed any more."""
    import time

    for _ in range(PATIENCE):
        assert not app.exception, app.exception[0].value
        if not any(button.label == "Stop" and (button.key or "").startswith("stop-") for button in app.button):
            return app
        time.sleep(0.3)
        app.run()
    raise AssertionError("The page is still computing.")


def text(app: AppTest) -> str:
    return "\n".join(block.value for block in app.markdown)


def upload(X, *, kind="table", rows=None, columns=None, **more) -> Dataset:
    axes = Axes(Axis("rows", "row", rows), Axis("columns", "column", columns))
    return Dataset(key="upload", title="mine <b>& yours</b>", X=np.asarray(X, float), axes=axes, kind=kind, **more)


def finished(work):
    """The result of a job's work, without a job service."""
    return work(Job("test", _until=float("inf")))


# -- recommender -----------------------------------------------------------------------------------------------------------


def test_the_recommender_asks_the_classic_question_first_and_answers_1_175():
    app = opened("recommender")
    assert app.title[0].value.startswith("Will Jai like Black Mirror? 1.175 if missing means 0, 4.")
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Classic, missing = 0"] == "1.175"
    assert values["Only rated neighbours"] == "4.70"
    assert "5/12 × 0 \\+ 4/12 × 0 \\+ 3/12 × 4\\.7 \\= 1\\.175".replace("/", "\\/") in text(app)
    assert "Lowest: " in text(app)  # the held-out errors are there without a click


def test_another_user_and_show_give_another_question():
    app = opened("recommender")
    app.selectbox(key="recommender-user").set_value(3).run()
    app.selectbox(key="recommender-item").set_value(4)
    app = settled(app.run())
    assert app.title[0].value.startswith("Will Abhi like Sacred Games?")


def test_only_shows_that_the_user_has_not_rated_are_offered():
    source = rec.of_dataset(load_prepared("tv"))
    for user in range(5):
        rated = set(source.ratings.of_user(user)[0].tolist())
        assert not rated & set(rec.unrated(source.ratings, user))


def test_an_edited_table_gives_other_ratings_and_an_empty_one_none():
    source = rec.of_dataset(load_prepared("tv"))
    table = rec.frame(source)
    table.loc[2, "Jai"] = 5.0
    table.loc[0, "Jai"] = 0.0
    after = rec.of_frame(table, source)
    assert len(after.ratings) == len(source.ratings)  # one more, one less
    assert 2 in after.ratings.of_user(0)[0]
    assert 0 not in after.ratings.of_user(0)[0]
    assert after.key != source.key
    table.iloc[:, 1:] = np.nan
    assert rec.of_frame(table, source) is None


def test_a_table_without_a_rating_says_so_on_the_page():
    app = opened("recommender")
    source = rec.of_dataset(load_prepared("tv"))
    base, table = f"recommender-{source.key}", rec.frame(source)
    table.iloc[:, 1:] = np.nan
    app.session_state[f"{base}-now"] = table
    app.session_state[f"{base}-shown"] = table
    app.run()
    assert not app.exception
    assert app.title[0].value == "No rating is left"
    app.button(key=f"{base}-reset").click()
    assert settled(app.run()).title[0].value.startswith("Will Jai like")


def test_a_new_show_and_a_new_user_are_added_and_can_be_rated():
    app = opened("recommender")
    base = f"recommender-{rec.of_dataset(load_prepared('tv')).key}"
    assert app.button(key=f"{base}-add-0").disabled
    for side, name in ((0, "The  Office\n"), (1, "Jai"), (1, NASTY)):
        app.text_input(key=f"{base}-name").set_value(name).run()
        app.button(key=f"{base}-add-{side}").click()
        app = settled(app.run())
        assert not app.exception
        assert app.text_input(key=f"{base}-name").value == ""
    table = app.session_state[f"{base}-now"]
    assert table.shape == (8, 8)
    assert table.iloc[7, 0] == "The Office"
    assert list(table.columns[6:]) == ["Jai (2)", clean(NASTY[:60])]
    table = table.copy()
    table.iloc[7, 6] = 4.0
    app.session_state[f"{base}-now"] = app.session_state[f"{base}-shown"] = table
    app = settled(app.run())
    app.selectbox(key="recommender-user").set_value(5)
    app = settled(app.run())
    assert app.title[0].value.startswith("Will Jai \\(2\\) like ")
    assert "The Office" not in app.selectbox(key="recommender-item").options
    app.button(key=f"{base}-reset").click()
    assert "(2)" not in settled(app.run()).title[0].value


def test_added_lines_keep_the_names_there_were_and_count_as_other_ratings():
    X = np.array([[5.0, 0, 3], [4, 2, 0]])
    source = rec.of_dataset(Dataset(key="upload", title="t", X=X, axes=Axes(), kind="ratings"))
    one, two = (rec.of_frame(rec.with_row(rec.frame(source), name), source) for name in ("a", "b"))
    assert one.axes.rows.take(range(3)) == ["row 1", "row 2", "a"]
    assert one.axes.columns is source.axes.columns
    assert one.ratings.shape == (3, 3)
    assert len({source.key, one.key, two.key}) == 3
    with_user = rec.of_frame(rec.with_column(rec.frame(source), "row"), source)
    assert with_user.axes.columns.label(3) == "row (2)"  # the table's first column has that name already
    assert rec.of_frame(rec.frame(source), source).key == source.key


def test_triples_with_users_first_are_turned_so_that_shows_are_rows():
    X = np.array([[5.0, 0, 3], [4, 2, 0]])
    axes = Axes(Axis("users", "user", ["u1", "u2"]), Axis("items", "item", ["a", "b", "c"]))
    source = rec.of_dataset(Dataset(key="upload", title="t", X=X, axes=axes, kind="ratings"))
    assert source.ratings.shape == (3, 2)
    assert source.axes.rows.label(0) == "a"
    assert_allclose(source.ratings.matrix().toarray(), X.T)


def test_uploaded_ratings_are_used_with_their_names_shown_as_text():
    rng = np.random.default_rng(0)
    X = rng.integers(1, 6, (8, 6)) * (rng.random((8, 6)) < 0.7)
    names = ["![x](http://evil)", "<b>bold</b>", "=1+1", *"abcde"]
    data = upload(X, kind="ratings", rows=names, columns=[f"user {j}" for j in range(6)], mask=(X > 0).astype(np.uint8))
    app = opened("recommender", data)
    assert app.title[0].value.startswith("Will user 0 like")
    assert "![x](http" not in text(app) + app.title[0].value


def test_data_that_is_not_ratings_is_refused_with_a_reason_and_the_example_stands():
    app = opened("recommender", upload(np.eye(4) + 1))
    assert "cannot be used here" in text(app)
    assert app.title[0].value.startswith("Will Jai like Black Mirror?")


def test_a_large_table_is_not_edited_and_its_held_out_errors_wait_to_be_asked():
    rng = np.random.default_rng(0)
    X = rng.integers(1, 6, (150, 40)) * (rng.random((150, 40)) < 0.5)
    app = opened("recommender", upload(X, kind="ratings", mask=(X > 0).astype(np.uint8)))
    assert "it could be edited here" in text(app)
    assert app.button(key="recommender-measure").label == "Measure"


def test_the_recommenders_script_repeats_its_numbers(capsys):
    source = rec.of_dataset(load_prepared("tv"))
    fits = finished(rec.fit_work(source, 2, 1.0, 0))
    exec(compile(rec.script(fits, 2, 0, 3, "H rows L1"), "script", "exec"), {})
    out = capsys.readouterr().out
    assert "= 1.175" in out
    value = float(out.split("masked, ridge 1.0 ")[1].split()[0])
    assert_allclose(value, fits.ridged.W[2] @ fits.ridged.H[:, 0], rtol=1e-6)


# -- symmetric topics ------------------------------------------------------------------------------------------------------


def test_symmetric_topics_explains_jaws_1984_and_fargo():
    app = opened("symmetric")
    assert app.title[0].value == "Ten topics from keywords alone, then 200 films described"
    values = {metric.label: metric.value for metric in app.metric}
    assert 0.6 < float(values["Error of C"]) < 0.7
    assert values["Numbers in S"] == "56.5 %"  # 260 of 460
    said = text(app)
    for film in ("Jaws", "1984", "Fargo"):
        assert f"**{film}**" in said
    assert "the steadier ones over" in said  # the comparison is there without a click


def test_typed_keywords_are_projected_and_unknown_ones_named():
    app = opened("symmetric")
    app.text_input(key="symmetric-typed").set_value("shark, Robot, zebra![x](http://evil)")
    app = settled(app.run())
    assert "**shark\\, Robot**" in text(app)
    assert "Not among the keywords: zebra" in text(app)
    assert "![x](http" not in text(app)
    app.text_input(key="symmetric-typed").set_value("nothing known")
    assert "None of the keywords is known yet" in text(settled(app.run()))


def test_idf_that_a_normalisation_undoes_is_said():
    app = opened("symmetric")
    app.selectbox(key="symmetric-weighting").set_value("idf")
    assert "IDF changes X and step 3, but not C" in text(settled(app.run()))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (upload(np.eye(4), mask=np.ones((4, 4), np.uint8)), "missing entries"),
        (upload(np.ones((3, bench_symmetric.MOST_KEYWORDS + 1))), "all pairs"),
        (upload(np.ones((2, 2))), "three rows"),
    ],
)
def test_data_without_countable_keywords_is_refused_with_a_reason(data, words):
    assert words in bench_symmetric.refusal(data)


def test_keywords_that_never_come_together_get_a_sentence_and_a_way_to_start_again():
    app = opened("symmetric", upload(np.eye(6), rows=list("abcdef"), columns=list("uvwxyz")))
    app.selectbox(key="symmetric-source").set_value("chosen").run()
    app.toggle(key="symmetric-diagonal").set_value(False)
    app = settled(app.run())
    assert "nothing to factorize" in text(app)
    assert any(button.label == "Start again" for button in app.button)


def test_the_symmetric_script_repeats_its_numbers(capsys):
    steps = finished(bench_symmetric.steps_work(load_prepared("movies"), bench_symmetric.Choice("binary", "cosine", True, 6, 0)))
    script = bench_symmetric.script(steps, "movies")
    exec(compile(script[: script.index("both = compare")], "script", "exec"), {})
    out = capsys.readouterr().out
    assert_allclose(float(out.split("relative error of C ")[1].split()[0]), steps.run.relative_error, rtol=1e-6)
    assert f"1 {steps.names[0]}" in out


def test_symmetric_topics_follow_wishes_and_the_link_holds_them():
    app = opened("symmetric")
    labels = load_prepared("movies").axes.columns.labels
    app.multiselect(key="keywords-words").set_value([list(labels).index(word) for word in ("horse", "outlaw")]).run()
    for step in ("preview", "keep"):
        app.button(key=f"symmetric-told-{step}").click()
        settled(app.run())
    assert app.title[0].value == "Eleven topics from keywords alone, then 200 films described"
    assert "2 of 2 keywords among the first ten" in text(app)
    assert "all 10 of its leading keywords come together with one of them" in text(app)
    assert wishes_of(app)["edits"] == [{"do": "seed", "words": ["horse", "outlaw"]}]
    app.pills(key="keywords-verb").set_value("forbid").run()
    app.multiselect(key="keywords-words").set_value([list(labels).index("outlaw")]).run()
    assert "wanted in topic 11" in text(app)  # refused before anything is fitted, by the name of the other wish
    assert app.button(key="symmetric-told-preview").disabled
    there = opened("symmetric", told=json.dumps(wishes_of(app)))
    assert there.title[0].value == app.title[0].value
    there.button(key="symmetric-told-undo").click()
    assert settled(there.run()).title[0].value.startswith("Ten topics")


def test_the_script_of_told_topics_repeats_them(capsys):
    choice = bench_symmetric.Choice("binary", "cosine", True, 6, 0)
    data = load_prepared("movies")
    steps = finished(bench_symmetric.steps_work(data, choice))
    wishes = Guidance((Seed(("horse", "outlaw")), Pin(2)))
    told = finished(told_work(bench_symmetric.subject(steps, data.identity, data.fingerprint), wishes))
    script = bench_symmetric.script(steps, "movies", wishes)
    exec(compile(script[: script.index("both = compare")], "script", "exec"), {})
    out = capsys.readouterr().out
    assert_allclose(float(out.split("relative error of C ")[1].split()[0]), told.shown.run.relative_error, rtol=1e-6)
    assert f"7 {told.shown.names[6]}" in out


def test_every_keyword_gets_a_line_of_its_own_or_the_note_says_how_many_share_one():
    C = np.eye(700)
    axis = Axis("words", "word", [f"w{i}" for i in range(700)])
    drawn = similarities(C, np.arange(700), axis=axis, quantity="cosine", name="C")
    assert drawn.figure.data[0].z.shape == (300, 300)
    assert "mean over 2–3 × 2–3 words" in drawn.note
    assert similarities(C[:50, :50], np.arange(50), axis=axis, quantity="cosine", name="C").note is None


def test_the_symmetric_fit_is_named_c_and_ss():
    S = np.random.default_rng(0).random((12, 2))
    drawn = symmetric_fit(S @ S.T, S, axis=Axis("words", "word"))
    names = [note.text for note in drawn.figure.layout.annotations]
    assert names == ["<b>C</b>", "<b>SSᵀ</b>", "<b>C − SSᵀ</b>"]
    assert_allclose(drawn.figure.data[2].z, 0, atol=1e-6)


# -- images ----------------------------------------------------------------------------------------------------------------


def test_images_shows_parts_of_the_digits_and_the_order_of_the_errors():
    app = opened("images")
    assert app.title[0].value == "Ten parts in 1,797 digits"
    values = {metric.label: float(metric.value) for metric in app.metric}
    assert values["PCA"] < values["NMF: relative error"] < values["k-means"]
    assert len(app.get("plotly_chart")) >= 4


def test_another_number_of_parts_grows_out_of_the_ones_there_are():
    app = opened("images")
    app.slider(key="images-rank-slider").set_value(14)
    app = settled(app.run())
    assert app.title[0].value == "14 parts in 1,797 digits"
    assert "grown from 10 parts" in text(app)
    app.toggle(key="images-warm").set_value(False)
    app.slider(key="images-rank-slider").set_value(12)
    assert "NNDSVDa start" in text(settled(app.run()))


def test_a_warm_start_walked_again_gives_the_same_parts():
    data = load_prepared("digits")
    base = finished(pictures.fit_work(data, (4,), 0, None))
    one = finished(pictures.fit_work(data, (4, 6), 0, base.run.factors))
    other = finished(pictures.fit_work(data, (4, 6), 0, None))
    assert_allclose(one.run.H, other.run.H, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("chain", "rank", "warm", "after"),
    [
        ((), 5, True, (5,)),
        ((5,), 5, True, (5,)),
        ((5,), 7, True, (5, 7)),
        ((5,), 7, False, (7,)),
        (tuple(range(1, 13)), 20, True, (20,)),
    ],
)
def test_a_chain_of_warm_starts_is_continued_or_begun_anew(chain, rank, warm, after):
    assert pictures.extended(chain, rank, warm) == after


@pytest.mark.parametrize("model", range(4))
def test_the_sum_of_the_parts_ends_at_the_models_picture(model):
    data = load_prepared("digits")
    found = finished(pictures.fit_work(data, (5,), 0, None)).models[model]
    steps, added, errors = pictures.steps_of(data, found, 3, "error")
    base = 0 if found.mean is None else found.mean
    assert_allclose(base + added.sum(axis=0), found.reconstruct([3])[0], atol=1e-4)
    assert len(errors) == len(steps) + 1


def test_one_image_is_built_by_pca_from_its_mean():
    app = opened("images")
    app.segmented_control(key="images-model").set_value("PCA")
    app.slider(key="images-shown").set_value(0)
    app = settled(app.run())
    assert "The mean image is taken off first" in text(app)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (upload(np.ones((5, 6))), "pictures of one height"),
        (upload(np.ones((2, 4)), image_shape=(2, 2)), "three images"),
        (upload(np.ones((5, 4)), image_shape=(2, 2), mask=np.ones((5, 4), np.uint8)), "missing pixels"),
    ],
)
def test_rows_that_are_no_pictures_are_refused_with_a_reason(data, words):
    assert words in pictures.refusal(data)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")  # k-means is right: there are four different images
def test_uploaded_images_that_are_all_black_stand():
    X = np.zeros((6, 9))
    X[:3] = np.random.default_rng(0).random((3, 9))
    app = opened("images", upload(X, kind="images", image_shape=(3, 3)))
    assert app.title[0].value == "Six parts in 6 rows"
    app.number_input(key="images-image").set_value(6)  # a black one: no part is in it
    settled(app.run())


# -- expression ------------------------------------------------------------------------------------------------------------


def patients(seed=0) -> Dataset:
    """40 genes in 12 samples of two kinds, one of them labelled wrongly."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 0.2, (40, 12))
    X[:15, :6] += 3 + rng.random((15, 6))
    X[20:35, 6:] += 3 + rng.random((15, 6))
    axes = Axes(Axis("genes", "gene", [f"g{i}" for i in range(40)]), Axis("samples", "sample", [f"s{j}" for j in range(12)]))
    classes = Classes.of(["sick"] * 5 + ["well"] * 7)  # s5 is sick, whatever its label says
    return Dataset(key="upload", title="patients", X=X, axes=axes, kind="expression", column_classes=classes)


def test_expression_names_the_misplaced_sample():
    app = opened("expression", patients())
    assert app.title[0].value == "Two metagenes: 11 of 12 samples lie with their class"
    assert "Misplaced: s5 (well, with sick)" in text(app)
    values = {metric.label: metric.value for metric in app.metric}
    assert float(values["Cophenetic correlation"]) > 0.99
    assert values["Purity"] == "91.7 %"


def test_expression_follows_marker_genes_lifts_and_undoes():
    app = opened("expression", patients())
    said = lambda: "\n".join(block.value for block in [*app.markdown, *app.title])  # noqa: E731
    assert "Two metagenes" in said()
    app.text_area(key="markers-text").set_value("nothing like a gene").run()
    assert "None of these 1 is a gene" in said()
    assert app.button(key="expression-told-preview").disabled
    app.text_area(key="markers-text").set_value("g0, G1, g2").run()
    app.button(key="expression-told-preview").click()
    settled(app.run())
    assert "3 of 3 among the first ten" in said()
    app.button(key="expression-told-keep").click()
    settled(app.run())
    assert "Three metagenes" in said()
    assert "1 wish" in said()
    link = wishes_of(app)
    assert [edit["do"] for edit in link["edits"]] == ["seed"]
    app.button(key="expression-told-lift-0").click()
    settled(app.run())
    app.button(key="expression-told-keep").click()
    settled(app.run())
    assert "2 wishes" in said()
    assert not [button for button in app.button if (button.key or "").startswith("expression-told-lift")]
    app.button(key="expression-told-undo").click().run()
    app.button(key="expression-told-undo").click().run()
    assert "Two metagenes" in said()
    assert wishes_of(app) is None


def test_a_link_with_wishes_opens_the_same_metagenes_and_another_fit_does_not_take_them():
    app = opened("expression", patients())
    app.text_area(key="markers-text").set_value("g0, g1, g2").run()
    for step in ("preview", "keep"):
        app.button(key=f"expression-told-{step}").click()
        settled(app.run())
    link = json.dumps(wishes_of(app))
    there = opened("expression", patients(), told=link)
    assert there.title[0].value.startswith("Three metagenes")
    other = opened("expression", patients(), told=link, metagenes="3")
    assert other.title[0].value.startswith("Three metagenes")
    assert wishes_of(other) is None  # it has three of its own, and the wishes were made for two
    bad = opened("expression", patients(), told=link.replace("seed", "sing"))
    assert bad.title[0].value.startswith("Two metagenes")
    assert "part told cannot be followed" in text(bad)


def wishes_of(app: AppTest) -> dict | None:
    """What the address says of wishes."""
    return json.loads("".join(app.query_params["told"])) if "told" in app.query_params else None


def test_wishes_wait_for_the_survey_whose_best_start_they_begin_from(monkeypatch):
    monkeypatch.setattr("dashboard.cards.expression.surveyed", lambda table, choice: None)
    app = opened("expression", patients())
    assert "Possible once the survey below is over" in text(app)
    assert not [button for button in app.button if button.key == "expression-told-preview"]


def test_expression_says_what_it_needs_before_anything_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("NMF_DATA_DIR", str(tmp_path))
    app = opened("expression")
    assert app.title[0].value in ("Expression",) or "metagenes" in app.title[0].value  # here already, from an earlier fetch
    if app.title[0].value == "Expression":
        assert any(button.label == "Fetch it" for button in app.button)
        assert "has to be fetched once" in text(app)


def test_samples_in_rows_are_turned():
    data = patients()
    turned = Dataset(
        key="upload", title="t", X=data.X.T.copy(), axes=data.axes.transposed, kind="expression", classes=data.column_classes
    )
    assert expression.samples_are_rows(turned)
    assert not expression.samples_are_rows(data)
    one, other = expression.of_dataset(data, False), expression.of_dataset(turned, True)
    assert_allclose(one.X, other.X)
    assert one.known == other.known


def test_without_known_classes_groups_are_shown_alone():
    rng = np.random.default_rng(1)
    app = opened("expression", upload(rng.random((30, 8)), kind="expression"))
    assert app.title[0].value == "Two metagenes in 8 columns"
    assert "no classes" in {metric.value for metric in app.metric}


@pytest.mark.parametrize(
    ("known", "first"),
    [
        (["ALL B", "ALL T", "AML"], ("ALL", "ALL", "AML")),
        (["a", "b"], None),
        (["x 1", "x 2"], None),
    ],
)
def test_classes_are_merged_by_their_first_word_where_that_leaves_at_least_two(known, first):
    assert expression.coarse(known) == first


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (upload(np.ones((4, 9))), "at least five"),
        (upload(np.ones((9, 9)), mask=np.ones((9, 9), np.uint8)), "missing"),
        (upload(np.ones((1100, 1100))), "neither can be the samples"),
    ],
)
def test_tables_that_are_no_expression_are_refused_with_a_reason(data, words):
    assert words in expression.refusal(data)


def test_a_stopped_survey_keeps_the_ranks_that_are_done():
    table = expression.of_dataset(patients(), False)
    job = Job("test", _until=float("inf"))
    work = expression.survey_work(table, 2, 0)
    report = job.report

    def stop_after_two(progress, **more):
        if len(job.progress) == 1:
            job._stop.set()
        return report(progress, **more)

    job.report = stop_after_two
    done = work(job)
    assert [one.rank for one in done] == [2, 3]


def test_the_criteria_over_ranks_name_the_best():
    drawn = over_ranks([2, 3], [("cophenetic", [0.9, 1.0]), ("raw cophenetic", [0.8, np.nan])], quantity="certainty", present=2)
    assert "highest at rank 3" in drawn.alt
    assert drawn.figure.data[1].line.dash == "dot"


def test_the_scripts_of_images_and_expression_repeat_their_numbers(capsys, monkeypatch):
    data = load_prepared("digits")
    found = finished(pictures.fit_work(data, (4, 6), 0, None))
    exec(compile(pictures.script(data, found), "script", "exec"), {})
    errors = {line.split()[0]: float(line.split()[1]) for line in capsys.readouterr().out.splitlines()}
    assert_allclose(errors["NMF"], found.nmf.relative_error, rtol=1e-6)
    assert_allclose(errors["k-means"], found.kmeans.relative_error, rtol=1e-6)

    table = expression.of_dataset(patients(), False)
    monkeypatch.setattr("nmfcore.data.load_prepared", lambda key: patients())
    exec(compile(expression.script("leukemia", False, 2, 3, 0), "script", "exec"), {})
    out = capsys.readouterr().out
    first = finished(expression.survey_work(table, 3, 0))[0]
    assert_allclose(float(out.split()[3]), min(first.errors), rtol=1e-6)
    assert "misplaced: s5" in out


# -- shared ----------------------------------------------------------------------------------------------------------------


def test_an_export_holds_safe_tables_and_the_script():
    import pandas as pd

    archive = zipfile.ZipFile(io.BytesIO(zipped({"a": pd.DataFrame({"=x": ["=1+1", "b"]})}, "print(1)")))
    assert archive.namelist() == ["a.csv", "reproduce.py"]
    assert archive.read("a.csv").decode().splitlines()[:2] == ['"\'=x"', '"\'=1+1"']


@pytest.mark.parametrize("page", ["recommender", "symmetric", "images", "expression"])
def test_every_workbench_explains_its_method_with_a_source(page):
    assert any(f"{year}" in sections(page)["method"] for year in range(1900, 2025))


def test_the_bars_of_models_name_the_lowest():
    drawn = models([Score("a", 2.0, 0.1, True), Score("b", 1.0, np.nan, False)], quantity="RMSE")
    assert "lowest is b" in drawn.alt
    assert list(drawn.table()["model"]) == ["a", "b"]
