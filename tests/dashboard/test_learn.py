"""Is what a lesson says true, is what a device shows nmfcore's own, and is a lesson's file read strictly?"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.devices.mount import DEVICES as MOUNTED
from dashboard.devices.pack import pack, quantised
from dashboard.learn import __main__ as check
from dashboard.learn import export, lessons, plane, rooms, scale, seeds, shelf, where
from dashboard.learn.bundle import bundle
from dashboard.learn.film import film
from dashboard.learn.lab import POSTS
from dashboard.learn.lessons import LessonError
from dashboard.learn.registry import DEVICES
from dashboard.learn.trace import SOLVERS, trace
from dashboard.server import cli
from dashboard.server.guards import security_headers
from nmfcore.core.factorization import Axes
from nmfcore.core.recording import Recording
from nmfcore.core.spec import StopRule
from nmfcore.data import catalog
from nmfcore.run import prepare, solve

ROOT = Path(lessons.__file__).parents[1]
APP = str(ROOT / "app.py")
ASSETS = sorted((ROOT / "devices" / "assets").iterdir())
LESSONS = [lessons.read(path) for path in lessons.folders().values()]
CLAIMS = [pytest.param(claim, id=f"{lesson.key}: {claim.that}") for lesson in LESSONS for claim in lesson.claims]
BY_KEY = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.key)


# -- lessons -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("claim", CLAIMS)
def test_what_a_lesson_claims_is_true(claim):
    true, found = lessons.holds(claim)
    assert true, f"found {found:.6g}, expected {dict(claim.limits)}"


@BY_KEY
def test_a_bundle_is_small_and_its_texts_have_no_open_hole(lesson):
    head, blocks = bundle(lesson)
    assert len(pack(head, blocks)) < 300_000
    said = [
        text
        for step in head["steps"]
        for text in (step["text"], *(v for v in (step["ask"] or {}).values() if isinstance(v, str)))
    ]
    assert not [text for text in said if "{" in text]
    assert lesson.claims
    assert any(step.ask for step in lesson.steps)


@BY_KEY
def test_an_exported_lesson_is_one_small_file_that_asks_nobody(lesson):
    page = export.page(*bundle(lesson))
    assert len(page.encode()) < 400_000
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?https?:""", page)
    assert "<\\/" not in page.split('id="data">')[1].split("</script>")[0]


def test_the_course_has_an_order_and_fits_an_hour():
    course, wrong = shelf.course()
    assert not wrong
    assert len({lesson.order for lesson in course}) == len(course)
    assert sum(lesson.minutes for lesson in course) <= 75


# -- the strict reader -----------------------------------------------------------------------------------------------------
GOOD = """
title = "A lesson"
about = "What is it?"
aha = "That it is."
minutes = 3
order = 5
device = "lab"
[numbers]
pull = {{ of = "pull", iteration = 1, cell = "H:1:win", digits = 2 }}
{numbers}
[[steps]]
title = "One"
text = "The pull is {{pull}}. {text}"
state = {{ rule = "mu", cell = "H:1:win" {state} }}
{ask}
[[claims]]
that = "it pulls"
is = {{ of = "pull", iteration = 1, cell = "H:1:win", above = 1.0 }}
"""
ASK = '[steps.ask]\nquestion = "Up?"\noptions = ["yes", "no"]\nanswer = {answer}\nreveal = "Yes."\n{more}'


def written(folder, **parts):
    (folder / "mine").mkdir(parents=True, exist_ok=True)
    path = folder / "mine" / "lesson.toml"
    path.write_text(GOOD.format(**{"numbers": "", "text": "", "state": "", "ask": ""} | parts), encoding="utf-8")
    return path


def test_a_lesson_of_ones_own_is_read_by_the_same_reader(tmp_path, monkeypatch):
    written(tmp_path, ask=ASK.format(answer=2, more="play = true"))
    monkeypatch.setenv(shelf.OWN, str(tmp_path))
    course, wrong = shelf.course()
    assert (course[0].key, wrong) == ("mine", [])
    head, _ = shelf.ready("mine")
    assert head["steps"][0]["text"] == "The pull is 4.35. "


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"state": ", speed = 3"}, "step 1: state of lab has no speed"),
        ({"state": ", iteration = 99"}, "state iteration is 99; expected a whole number from 1 to 12"),
        ({"state": ", step_size = 0.3"}, "in steps of 0.25"),
        ({"state": ', zeros = ["H:3:win"]'}, "a cell like 'H:1:win'"),
        ({"text": "It ends at 0.362."}, "says 0.362; a number is written as {name}"),
        ({"text": "It ends at {end}."}, "names end, which [numbers] has not"),
        ({"text": "A lone {"}, "a brace that names no number"),
        ({"numbers": 'x = { of = "weight" }'}, "lab has no measure 'weight'"),
        ({"numbers": 'x = { of = "error", digits = 2 }'}, "needs after"),
        ({"numbers": 'x = { of = "error", after = 6, cell = "H:1:win", digits = 2 }'}, "has no cell"),
        ({"numbers": 'x = { of = "error", after = 6 }'}, "give digits"),
        ({"numbers": "x = { given = 17 }"}, "no state, measure or claim of this lesson has the value 17"),
        ({"ask": ASK.format(answer=3, more="")}, "answer is 3; expected a whole number from 1 to 2"),
        ({"ask": ASK.format(answer=1, more='script = "x.js"')}, "ask has no script"),
        ({"ask": ASK.format(answer=1, more="draw = true")}, "draw is for the device rank"),
        ({"ask": 'link = { page = "../secrets", label = "there" }'}, "there is no page '../secrets'"),
        ({"ask": 'link = { page = "fit", query = "data=movies&JS(x)=1", label = "there" }'}, "a link cannot set"),
        ({"ask": 'device = "film"'}, "unknown device 'film'"),
        ({"ask": 'data = "digits"'}, "lab has no data 'digits'. It has: posts"),
    ],
)  # fmt: skip
def test_what_is_unknown_in_a_lesson_is_refused_with_place_and_way_out(tmp_path, parts, said):
    with pytest.raises(LessonError) as refused:
        lessons.read(written(tmp_path, **parts))
    assert said in str(refused.value)
    assert "mine" in str(refused.value)


def test_a_file_that_is_no_lesson_is_refused(tmp_path):
    path = written(tmp_path)
    for content in ("not toml [", "x" * 200_000, "title = 3"):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(LessonError, match="mine"):
            lessons.read(path)


@pytest.mark.parametrize("device", DEVICES.values(), ids=lambda device: device.key)
def test_every_device_draws_all_its_data_and_computes_all_its_measures(device):
    arguments = {
        "after": 5, "iteration": 2, "cell": "H:1:win", "rank": 2, "component": 1, "factor": 2.0, "model": "nmf",
        "parts": 3, "seed": 2, "rule": "hals",
        "pair": [1, 2], "topic": 1, "method": "mu", "steps": 3, "coordinate": 1, "fit": "kl", "outlier": 20,
    }  # fmt: skip
    for data in device.data:
        scene = device.scene(data, {})
        json.dumps(dict(scene.head), allow_nan=False)
        for name, measure in device.measures.items():
            given = {part: measure.takes[part](arguments[part]) for part in measure.needs}
            if (data, "fit" in given) == ("ratings", True):
                given["fit"] = "masked"
            if (device.key, data) == ("loss", "ratings") and name in ("moved", "share"):
                continue  # of the counts alone
            if (device.key, data) == ("loss", "counts") and name == "error":
                continue  # of the ratings alone
            assert np.isfinite(measure.compute(data, **given)), (device.key, data, name)


# -- numbers on screen -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("step_size", [1.0, 2.5, 4.0])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_formula_on_screen_gives_the_solvers_own_iterates(solver, step_size):
    found = trace(POSTS.X, POSTS.start, solver, iterations=20, step_size=step_size)
    assert len(found.halves) >= 20
    for half in found.halves:
        for group in half.groups:
            in_H = half.factor == "H"
            own = np.ix_(group.components, range(5)) if in_H else np.ix_(range(4), group.components)
            old, pull, push = half.before[own], group.pull[own], group.push[own]
            if half.rate is None:
                new = old * pull / push
            else:
                rate = half.rate[list(group.components)]
                new = np.maximum(0, old + (rate[:, None] if in_H else rate) * (pull - push))
            np.testing.assert_allclose(new, half.after[own], rtol=1e-9, atol=1e-12)


def test_the_trace_ends_where_the_solver_ends():
    stop = StopRule(tol=0.0, max_iter=20, max_seconds=None)
    whole = solve(POSTS.X, 2, solver="mu", W=POSTS.start.W, H=POSTS.start.H, stop=stop)
    assert np.array_equal(trace(POSTS.X, POSTS.start, iterations=20).factors[-1].H, whole.H)


def test_a_film_shows_the_iterates_that_the_run_had():
    data, recording = catalog.load("movies"), Recording(12)
    run = prepare(
        data.X, 4, solver="mu", init="random", seed=0, stop=StopRule(tol=0.0, max_iter=40, max_seconds=None), recording=recording
    )
    for _ in run:
        pass
    scene = film(data.X, recording.frames, data.axes, id="x", floor=None)
    arrays, end = scene.arrays, run.result()
    W, H = (arrays[f][-1] / 65535 * arrays[f"{f}_top"][-1] for f in ("W", "H"))
    rows = [list(data.axes.rows.labels).index(name) for name in scene.head["rows"]]
    columns = [list(data.axes.columns.labels).index(name) for name in scene.head["columns"]]
    assert np.abs(W @ H - (end.W @ end.H)[np.ix_(rows, columns)]).max() < 1e-4
    assert sorted(rows) == list(range(200))
    block = pack({"id": "x", **scene.head}, arrays)
    assert len(block) < 1_000_000


def test_a_film_of_60_iterations_stays_under_a_megabyte():
    shape, rank, frames = (200, 260), 10, 60
    rng = np.random.default_rng(0)
    W, H = rng.random((frames, shape[0], rank)), rng.random((frames, rank, shape[1]))
    (W, W_top), (H, H_top) = quantised(W), quantised(H)
    block = pack({}, {"X": np.zeros(shape, np.uint8), "W": W, "W_top": W_top, "H": H, "H_top": H_top})
    assert len(block) < 1_000_000


def test_scaling_a_topic_changes_no_model_and_moves_films():
    before, after = scale.factors(), scale.scaled(6, 3.0)
    np.testing.assert_allclose(after.W @ after.H, before.W @ before.H, rtol=1e-12, atol=1e-15)
    assert DEVICES["scale"].measures["moved"].compute("films", component=6, factor=3.0) > 10
    shown = DEVICES["scale"].scene("films", {})
    W = shown.arrays["W"].copy()
    first = W.argmax(axis=1)
    W[:, 5] *= 3
    assert (W.argmax(axis=1) != first).sum() == scale._moved("films", 6, 3.0)  # the picture's float32 moves the same films


def test_every_other_exact_answer_is_exact_and_none_is_negative():
    X = rooms.colours()
    for corners in rooms.family()["H"]:
        H = np.array(corners)
        W = rooms.mixed(X, H)
        assert W.min() >= 0
        assert np.abs(X - W @ H).max() < 1e-11


def test_the_wall_is_reached_by_hals_first_and_never_touched_by_multiplying():
    ways = {method: np.array(plane.way("wall", method)) for method in ("mu", "gd", "hals")}
    np.testing.assert_allclose(ways["hals"][-1], [0.78, 0.0], atol=1e-9)
    assert (ways["mu"] > 0).all()
    order = [plane._steps_to("wall", method) for method in ("hals", "gd", "mu")]
    assert order == sorted(order)
    alternating = np.array(plane.way("wall", "gd", 2.5))[-2:]
    assert np.ptp(alternating, axis=0).max() > 1.0  # too long a step jumps to and fro for ever


def test_topics_of_several_seeds_are_matched_to_the_first():
    scene = seeds.scene_of_films()
    cosines = scene.arrays["cosines"][:, -1] / scene.head["full"]
    np.testing.assert_allclose(cosines[0], 1.0, atol=1e-6)
    assert cosines.min() < 0.1  # one topic that another start does not have at all


# -- pages -------------------------------------------------------------------------------------------------------------------
def opened(**query):
    app = AppTest.from_file(APP, default_timeout=60).run()
    app.switch_page("views/learn.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def device_of(app):
    (found,) = app.get("bidi_component")  # AppTest has no class for it, but its message
    return found.proto


def read_block(block):
    length = int.from_bytes(block[:4], "little")
    return json.loads(block[4 : 4 + length])


def test_the_course_lists_every_lesson_and_opens_one():
    app = opened()
    assert not app.exception
    buttons = [button for button in app.button if button.label.startswith("Open lesson")]
    assert len(buttons) == len(LESSONS)
    buttons[0].click().run()
    assert not app.exception
    assert device_of(app).js_source_path


def test_a_lesson_draws_from_files_and_without_the_panel():
    app = opened(lesson="zeros", step="4")
    assert not app.exception
    assert device_of(app).js_source_path
    assert not device_of(app).js_content  # a file, never an inline script: our policy refuses those
    assert read_block(device_of(app).bytes)["open"] == 4
    assert not app.sidebar


def test_turning_a_step_leaves_the_data_as_it_was_and_moves_the_address():
    app = opened(lesson="zeros", step="4")
    before = device_of(app).bytes
    app.session_state["lesson"] = {"at": {"lesson": "zeros", "step": 5, "notation": "X"}}
    app.run()
    assert device_of(app).bytes == before


def test_a_zero_that_the_reader_puts_is_computed():
    app = opened(lesson="zeros", step="6")
    app.session_state["lesson"] = {"ask": {"lesson": "zeros", "step": 6, "zeros": [["H", 0, 4]], "step_size": 2.5}}
    asked = read_block(device_of(app.run()).bytes)["asked"]
    assert (asked["step"], asked["scene"]["zeros"], asked["scene"]["step_size"]) == (6, [["H", 0, 4]], 2.5)


@pytest.mark.parametrize(
    "ask",
    [
        {"step": 6, "zeros": [["H", 9, 4]]},
        {"step": 6, "zeros": [["H", 0, -1]]},
        {"step": 6, "zeros": "all"},
        {"step": 6, "step_size": 1e9},
        {"step": 6, "step_size": float("nan")},
        {"step": 99, "zeros": []},
        {"step": "6", "zeros": []},
        {"step": 6, "lesson": "other"},
        {"step": 6, "zeros": [["__class__", 0, 0]]},
    ],
)
def test_what_a_browser_sends_is_checked_before_it_is_computed(ask):
    head, _ = shelf.ready("zeros")
    assert shelf.answered(head, {"lesson": "zeros", **ask}) is None


@pytest.mark.parametrize("H", [[], [[1, 1]], [[0, 0, 0]], [[1, 2, float("inf")]], [[1, 2, 3]] * 9, "lamps", [[-1, 1, 1]], None])
def test_corners_from_a_browser_are_checked(H):
    with pytest.raises(ValueError, match="corners"):
        rooms.asked("lamps", {"H": H, "at": 1})


def test_an_unknown_lesson_gets_a_sentence():
    app = opened(lesson="nowhere")
    assert not app.exception
    assert "There is no lesson" in app.error[0].value


# -- safety ------------------------------------------------------------------------------------------------------------------
MARKUP = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "fetch(", "XMLHttpRequest")


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_no_device_turns_data_into_markup_and_the_folder_holds_nothing_else(path):
    code = "\n".join(re.sub(r"(^|\s)//.*", "", line) for line in path.read_text(encoding="utf-8").splitlines())
    assert not [word for word in MARKUP if word in code]
    assert path.suffix in (".js", ".css")  # everything in this folder is served to whoever asks


def test_every_device_has_its_script():
    names = {path.stem for path in ASSETS}
    assert set(MOUNTED) <= names
    assert set(DEVICES) <= set(MOUNTED)


def test_the_policy_is_what_it_was_before_there_were_devices():
    policy = re.sub(r" 'sha256-[^']+'", "", security_headers()["content-security-policy"])
    assert policy == (
        "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self' data:; media-src 'self' data: blob:; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "
        "frame-src 'none'; frame-ancestors 'none'; object-src 'none'; base-uri 'none'; form-action 'none'"
    )


# -- the run on screen ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["run", "seeds", "words"])
def test_the_run_on_screen_can_be_watched(what):
    app = opened(watch=what)
    for _ in range(200):  # recorded in the background
        if app.get("bidi_component"):
            break
        app.run()
    assert not app.exception
    proto = device_of(app)
    head = json.loads(proto.json) if proto.json else read_block(proto.bytes)
    assert head["id"].split("|")[0] == what
    run = app.session_state["nmf"].shown.run
    if what == "run":
        assert head["iterations"][-1] == run.factorization.history[-1].iteration
        assert head["errors"][-1] == pytest.approx(run.factorization.relative_error, rel=1e-5)
    if what == "words":
        topic = set(top_words_of(run, head["rounds"][0]["topic"] - 1))
        round_ = head["rounds"][0]
        assert {word for i, word in enumerate(round_["words"]) if i != round_["intruder"]} == topic


def top_words_of(run, k):
    return run.dataset.axes.columns.take(np.argsort(-run.factorization.H[k], kind="stable")[:5])


def test_a_recording_that_would_not_fit_is_refused_with_its_size(monkeypatch):
    from dashboard.work import watching

    monkeypatch.setattr(watching, "MOST_BYTES", 1_000)
    app = opened(watch="run")
    assert "MB are recorded" in app.info[0].value
    assert not app.get("bidi_component")


def test_a_film_of_more_than_a_picture_holds_shows_what_loads_most():
    rng = np.random.default_rng(0)
    W, H = rng.random((900, 3)) ** 8, rng.random((3, 700)) ** 8
    recording = Recording(60)
    run = prepare(
        W @ H, 3, solver="mu", init="random", seed=0, stop=StopRule(tol=0.0, max_iter=5, max_seconds=None), recording=recording
    )
    for _ in run:
        pass
    scene = film(W @ H, recording.frames, Axes(), id="x", floor=None)
    assert scene.arrays["X"].shape[0] <= 220
    assert scene.arrays["X"].shape[1] <= 280
    assert len(pack(dict(scene.head), scene.arrays)) < 1_000_000
    largest = int(run.result().W[:, 0].argmax())
    assert f"row {largest + 1}" in scene.head["rows"]


def test_how_to_read_it_leads_to_a_lesson():
    known = set(lessons.folders())
    named = {*where.PAGES.values(), *where.CARDS.values()}
    assert all(lessons.KEY.fullmatch(key) for key in named)
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert where.lesson_for("overview", "loss") in named
    assert app.get("bidi_component")  # the quiet line to the course
    assert named <= known


# -- the command -----------------------------------------------------------------------------------------------------------------
def test_the_command_names_a_folder_of_lessons_to_the_server(tmp_path, monkeypatch):
    monkeypatch.delenv(shelf.OWN, raising=False)
    with pytest.raises(cli.Refusal, match="is not a folder"):
        cli.offer_lessons(str(tmp_path / "nowhere"))
    with pytest.raises(cli.Refusal, match="holds no lesson"):
        cli.offer_lessons(str(tmp_path))
    assert shelf.own() is None
    monkeypatch.setenv(shelf.OWN, "")  # so that what the command sets is taken back after the test
    written(tmp_path, text="It ends at {end}.")
    cli.offer_lessons(str(tmp_path))
    assert shelf.own() == tmp_path.resolve()
    app = opened()
    assert not app.exception
    assert "text names end" in app.warning[0].value  # said on the page, and the other lessons are there
    assert len([button for button in app.button if button.label.startswith("Open lesson")]) == len(LESSONS)


def test_the_command_and_the_shelf_agree_on_the_name():
    assert cli.LESSONS == shelf.OWN


def test_the_check_on_the_command_line_says_what_is_wrong(tmp_path, capsys):
    assert check.main([str(written(tmp_path).parent)]) == 0
    assert "true  it pulls" in capsys.readouterr().out
    assert check.main([str(written(tmp_path, text="It ends at 0.362.").parent)]) == 1
    assert "says 0.362" in capsys.readouterr().out
    assert check.main(["--measure", "lab", "posts", "of=error", "after=60", "rule=hals"]) == 0
    assert capsys.readouterr().out.startswith("0.2399")
    assert check.main(["--measure", "lab", "posts", "of=weight", "after=60"]) == 2
