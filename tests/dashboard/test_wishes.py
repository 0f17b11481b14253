"""Refits with a wish: tried, kept, undone, gone back to, and found again in a link, a saved run, a script and a report."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from test_views import go, named, start

from dashboard import links
from dashboard.cards.wish import alike, verbs
from dashboard.figures.word_changes import Change, word_changes
from dashboard.files import exports, report, saved
from dashboard.session.steering import carry
from dashboard.topics_shown.edits import Edits
from dashboard.work import steering
from dashboard.work.fitting import FIRST, fit_key, fit_work
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from dashboard.work.turns import is_short
from nmfcore import guide
from nmfcore.core.factorization import Axes, Axis
from nmfcore.core.guidance import EDITS
from nmfcore.guide import Add, Delete, Forbid, Group, Guidance, Lift, Merge, Move, Pin, Remove, Seed, Split
from nmfcore.topics.scale import DEFAULT

MISSING = '{"edits":[{"do":"split","topic":99}]}'
NASTY = "<img src=x onerror=alert(1)> ![](http://evil.example/x.png)"


def opened(query=None):
    return go(start(query), "topics")


def run_of(app):
    return app.session_state["nmf"].shown.run


def text(app):
    return "\n".join(block.value for block in [*app.markdown, *app.title]).replace("\\", "")


def wish(app, verb, **controls):
    """Fill in the form and press Preview."""
    app.button(key="wish-button").click().run()
    app.button_group(key="wish-verb").set_value(verb).run()
    for name, value in controls.items():
        found = app.multiselect if isinstance(value, list) else app.selectbox
        found(key=f"wish-{name}").set_value(value).run()
    return app.button(key="wish-preview").click().run()


@pytest.fixture
def submitted(monkeypatch):
    """Every job that is submitted, by its label: whether it may be done by a thread for short work."""
    found, submit = {}, Jobs.submit

    def noted(self, key, work, **said):
        found[said.get("label", "")] = is_short(Job(key, expects=said.get("expects", 0.0)))
        return submit(self, key, work, **said)

    monkeypatch.setattr(Jobs, "submit", noted)
    return found


def test_a_wish_does_not_wait_behind_long_work(submitted):
    """Its length was unknown: with a survey and another long job under way a wish waited until one of them was over."""
    wish(opened({"rank": "7", "seed": "3"}), "about", words=["horse", "outlaw"])
    assert submitted["Refitting under the wish"]


def test_a_wish_on_a_workbench_does_not_wait_either(submitted):
    app = go(start({"topics": "5"}), "symmetric")
    kept = next(name for name, value in app.session_state._state.filtered_state.items() if isinstance(value, Guidance))
    app.session_state[kept] = Guidance().plus(Forbid((3,)))
    app.run()
    assert submitted["Refitting under your wish"]


def keep(app):
    return app.button(key="wish-keep").click().run()


def html(app):
    return "\n".join(block.value for block in app.get("html"))


# -- the page ------------------------------------------------------------------------------------------------------------------
def test_a_wish_is_previewed_kept_and_undone_with_the_same_bits():
    app = opened()
    base = run_of(app)
    app = wish(app, "about", words=["horse", "outlaw"])
    assert not app.exception
    assert run_of(app) is base  # nothing has changed yet
    said = text(app)
    assert "Kept: 2 of 2 keywords among the first ten; " in said
    assert re.search(r"(all 10|\d of 10) of its leading films hold one of them", said)
    assert re.search(
        r"Explains \d+\.\d\d % before, \d+\.\d\d % now, \d+\.\d\d % after the same refit without it: the wish costs", said
    )
    assert "Topic 11, new" in html(app)
    app = keep(app)
    first = run_of(app)
    assert first.spec.guidance == Guidance((Seed(("horse", "outlaw")),))
    assert "**1 wish**" in text(app)
    assert not app.session_state["nmf"].wanted.spec.guidance or not app.session_state["nmf"].trial

    app = keep(wish(app, "forbid", where=-1, words=["murder"]))
    second = run_of(app)
    assert not second.factorization.H[:, second.dataset.axes.columns.labels.index("murder")].any()
    app.button(key="wish-undo").click().run()
    assert_array_equal(run_of(app).factorization.H, first.factorization.H)
    app.button(key="wish-undo").click().run()
    assert run_of(app).key == base.key
    assert_array_equal(run_of(app).factorization.W, base.factorization.W)
    app.button(key="wish-redo").click().run()
    app.button(key="wish-redo").click().run()
    assert run_of(app) is second
    assert app.button(key="wish-redo").disabled


def test_what_a_wish_made_of_the_rank_is_said_beside_the_rank_and_under_the_title():
    """A seed made rank 10 eleven topics, and the panel went on saying Rank 10."""
    app = keep(wish(opened(), "about", words=["horse", "outlaw"]))
    side = "\n".join(block.value for block in app.sidebar.markdown)
    assert "Shown: 11 topics, rank 10 + 1 from a wish." in side
    assert "rank 10 + 1 from a wish" in text(app)
    app = keep(wish(app, "merge", topics=[0, 1]))
    app = keep(wish(app, "delete", topic=2))
    assert "rank 10 − 1 from 3 wishes" in text(app)
    assert "costs" in text(keep_open := wish(app, "forbid", where=-1, words=["murder"]))
    assert re.search(r"the wish costs (nothing|[\d.]+ % of what the model explained before)\.", text(keep_open))


def test_every_verb_says_what_happens_when_it_is_chosen():
    app = opened()
    app.button(key="wish-button").click().run()
    known = verbs("topic", "keywords")
    assert len({verb.meaning for verb in known.values()}) == len(known)
    for key, verb in known.items():
        if key not in ("group", "remove"):
            app.button_group(key="wish-verb").set_value(key).run()
            assert verb.meaning in text(app).replace("\u2060", "")


def test_a_wish_at_a_card_is_four_clicks():
    app = opened()
    clicks = 0
    app.button(key="topics-wish-3").click().run()
    clicks += 1
    app.button_group(key="wish-verb").set_value("split").run()
    clicks += 1
    assert app.selectbox(key="wish-topic").value == 2
    app.button(key="wish-preview").click().run()
    clicks += 1
    app.button(key="wish-keep").click().run()
    clicks += 1
    assert run_of(app).spec.guidance.edits == (Split(2),)
    assert clicks == 4


def test_one_can_go_back_and_branch_and_find_both_branches_again():
    app = opened()
    app = keep(wish(app, "split", topic=0))
    app = keep(wish(app, "delete", topic=3))
    tip = run_of(app)
    app.button(key="go-1").click().run()
    assert run_of(app).spec.guidance.edits == (Split(0),)
    app = keep(wish(app, "add"))
    other = run_of(app)
    assert other.spec.guidance.edits == (Split(0), Add())
    assert f"branch-{tip.spec.key}" in {button.key for button in app.button}
    kept = [run.spec.guidance.edits for run in app.session_state["nmf"].shown.kept.values()]
    assert sorted(map(len, kept)) == [0, 2, 2]  # the tips of both branches and the first fit
    app.button(key=f"branch-{tip.spec.key}").click().run()
    assert run_of(app) is tip
    app.switch_page("views/compare.py").run()
    assert not app.exception
    assert "2 wishes" in text(app)


def test_numbers_and_names_go_with_the_topics_and_not_with_their_places():
    app = opened()
    app.button(key="topics-open-4").click().run()
    app.text_input(key="name-3").set_value("The war").run()
    app.segmented_control(key="aspect").set_value("cards").run()
    app = keep(wish(app, "delete", topic=1))
    heads = re.findall(r"\*\*(\d+) · ", text(app))
    assert heads == [str(k) for k in (1, 3, 4, 5, 6, 7, 8, 9, 10)]
    assert "**4 · The war" in text(app)
    for page in ("items", "matrices", "overview", "fit", "svd", "compare", "rank"):
        app.switch_page(f"views/{page}.py").run()
        assert not app.exception, page


def test_contradictions_and_unknown_words_are_said_before_anything_is_fitted():
    app = opened()
    app = keep(wish(app, "forbid", where=-1, words=["murder"]))
    app.button_group(key="wish-verb").set_value("about").run()
    app.multiselect(key="wish-words").set_value(["murder"]).run()
    assert "is forbidden everywhere (wish 1)" in text(app)
    assert app.button(key="wish-preview").disabled
    app.multiselect(key="wish-words").set_value(["murderr"]).run()
    assert "There is no keyword “murderr”" in text(app)
    app.multiselect(key="wish-words").set_value(["murde"]).run()
    assert "There is “murder”" in text(app)


def test_items_that_are_ticked_belong_together_and_one_does_not_belong_here():
    app = go(start(), "items")
    app.button(key="item-not-here").click().run()
    assert not app.exception
    app.button(key="wish-preview").click().run()
    app = keep(app)
    assert isinstance(run_of(app).spec.guidance.edits[0], Remove)
    app.toggle(key="items-several").set_value(True).run()
    assert app.button(key="items-together").disabled  # nothing is ticked; a browser journey ticks
    app.session_state["wish-items"] = [1, 2, 3]
    app.session_state["wish-verb"] = "group"
    app.session_state["wish-open"] = True
    app.run()
    app.button(key="wish-preview").click().run()
    app = keep(app)
    run = run_of(app)
    assert run.spec.guidance.edits[-1] == Group((1, 2, 3))
    assert set(run.factorization.W[[1, 2, 3]].argmax(axis=1)) == {run.rank - 1}


def test_lifting_is_previewed_and_says_that_nothing_is_undone():
    app = opened()
    app = keep(wish(app, "forbid", where=-1, words=["murder"]))
    app.button(key="lift-0").click().run()
    assert "Wish 1 lifted" in text(app)
    app = keep(app)
    run = run_of(app)
    assert run.spec.guidance.edits[-1] == Lift(0)
    assert run.factorization.H[:, run.dataset.axes.columns.labels.index("murder")].any()
    assert "ended by wish 2" in text(app)


def test_turning_a_control_leaves_the_wishes_and_coming_back_keeps_them():
    app = opened()
    app = keep(wish(app, "split", topic=0))
    guided = run_of(app)
    app.slider(key="rank").set_value(13).run()
    assert not run_of(app).spec.guidance
    assert run_of(app).rank == 13
    assert "is fitted without the 1 wish. The run that keeps to it is among the kept runs" in text(app)
    app.button(key=f"kept-{guided.key}").click().run()
    assert run_of(app) is guided
    assert named(app.slider, "rank").value == 10


def test_where_no_wish_can_be_kept_the_form_says_why():
    app = opened({"solver": "anls-bpp"})
    app.button(key="wish-button").click().run()
    assert "cannot keep wishes about topics" in text(app)
    assert not [button for button in app.button if button.key == "wish-preview"]


def test_kullback_leibler_offers_what_it_keeps():
    app = opened({"solver": "mu", "loss": "kullback-leibler", "iterations": "30", "rank": "4"})
    app.button(key="wish-button").click().run()
    assert any("is pulled towards its keywords and may fall short of them" in block.value for block in app.markdown)
    assert app.button_group(key="wish-verb").options == [
        "A new topic about …",
        "Give it keywords",
        "Never these keywords",
        "Leave it as it is",
    ]
    app.multiselect(key="wish-words").set_value(["horse", "outlaw"]).run()
    app.button(key="wish-preview").click().run()
    app = keep(app)
    assert run_of(app).spec.guidance.others == "free"


def test_a_link_opens_the_same_bits_in_another_session():
    app = opened()
    app = keep(wish(app, "about", words=["horse", "outlaw"]))
    app = keep(wish(app, "split", topic=10))
    run = run_of(app)
    query = links.to_query(run.spec, FIRST)
    assert links.from_query(query, FIRST).guidance == run.spec.guidance
    other = opened(query)
    assert not other.exception
    assert_array_equal(run_of(other).factorization.H, run.factorization.H)
    assert "**2 wishes**" in text(other)


@pytest.mark.parametrize(
    "guide_",
    [
        '{"edits":[{"do":"explode"}]}',
        "[]",
        '{"edits":[{"do":"split","topic":"x"}]}',
        "{",
        '{"edits":[{"do":"split","topic":99}]}',
    ],
)
def test_a_link_with_a_damaged_guidance_is_refused_in_a_sentence(guide_):
    app = start({"guide": guide_})
    assert not app.exception
    assert re.search(
        r"cannot be opened|damaged|does not exist", text(app) + "\n".join(e.value for e in [*app.error, *app.warning])
    )


# -- without a screen ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def guided():
    with_jobs = Jobs()
    spec = FIRST.replace(guidance=Guidance((Seed(("horse", "outlaw")), Delete(2))))
    job = with_jobs.submit(fit_key(spec), fit_work(spec, with_jobs), session="s")
    assert job.wait(60)
    assert job.failure is None, job.failure
    yield with_jobs, with_jobs.result(fit_key(spec))
    with_jobs.close()


def test_the_report_numbers_topics_by_id(guided):
    _, run = guided
    assert run.ids == (0, 1, 3, 4, 5, 6, 7, 8, 9, 10)
    made = report.Report(run, DEFAULT, Edits())
    assert [line[1].split(" · ")[0] for line in made.vectors()[2:5]] == ["4", "5", "6"]
    for figure in (made.alike(), made.items()):
        drawn = json.loads(figure.data)["data"][0]
        written = [str(x) for x in (drawn["x"] if isinstance(drawn["x"], list) else drawn["y"])]
        assert "11" in written, written
        assert "3" not in written


def test_a_saved_run_comes_back_and_can_be_steered_on(guided):
    with_jobs, run = guided
    kept, data = saved.opened(saved.saved_run(run))
    assert data is None
    job = with_jobs.submit("open", saved.open_work(kept, data, with_jobs), session="s")
    assert job.wait(60)
    again = with_jobs.result("open")
    assert again.ids == run.ids == (0, 1, 3, 4, 5, 6, 7, 8, 9, 10)
    assert again.guided is None
    job = with_jobs.submit("wish", steering.preview_work(again, Forbid(("murder",)), "stay", with_jobs), session="s")
    assert job.wait(60)
    found = with_jobs.result("wish")
    assert found.verdict.obeyed
    assert found.after.spec.guidance.edits == (*run.spec.guidance.edits, Forbid(("murder",)))
    assert {w.number for w in again.guided.wishes} == {0, 1}


def test_script_and_report_hold_the_wishes(guided):
    _, run = guided
    assert "guidance=SPEC.guidance" in exports.script(run).decode()
    assert "a topic about horse, outlaw" in report.html(run)


def test_every_wish_has_a_name_and_nothing_in_it_is_formatted():
    axes = Axes(Axis("films", "film", [NASTY, "b"]), Axis("keywords", "keyword", [NASTY, "y", "z"]))
    edits = [
        Seed((0,)), Seed((0, "y"), topic=1, how="loosely"), Forbid((0,)), Forbid((0,), 2), Move((0,), 0, 1), Group((0,)),
        Group((0, 1)), Remove((0,), 1), Split(0), Merge((0, 2)), Delete(1), Add(), Pin(0), Lift(0),
    ]  # fmt: skip
    assert {type(edit) for edit in edits} == set(EDITS.values())
    said = [steering.said(edit, axes, "topic") for edit in edits]
    assert len(set(said)) == len(said)
    assert said[1] == f"{NASTY}, y in topic 2, loosely"
    drawn = word_changes([Change("Topic 1", 0, [NASTY, "kept"], ["kept", NASTY + "!"])])
    assert "<img" not in drawn
    assert "<del>" in drawn
    assert "<ins>" in drawn


def test_the_edits_of_the_view_go_with_the_ids():
    now = Edits(((1, 2),), (5,), {(0,): "A", (3,): "D"})
    assert carry(now, (0, 1, 2, 3), (0, 1, 2, 3, 4)) == now
    assert carry(now, (0, 1, 2, 3), (0, 2, 3)) == Edits((), (5,), {(0,): "A", (2,): "D"})


def test_what_moved_is_counted_against_a_refit_without_the_wish():
    films = FIRST
    with_jobs = Jobs()
    job = with_jobs.submit("base", fit_work(films, with_jobs), session="s")
    assert job.wait(60)
    run = with_jobs.result("base")
    job = with_jobs.submit("w", steering.preview_work(run, Pin(0), "stay", with_jobs), session="s")
    assert job.wait(60)
    found = with_jobs.result("w")
    assert len(found.effects.items) <= 4  # pinning asks nothing new of a model that has converged
    assert len(found.effects.items) == len(found.effects.left) == len(found.effects.joined)
    assert np.all(found.effects.left != found.effects.joined)
    assert steering.contradiction(found.after, Split(0)) == "Topic 1 cannot change: it is pinned (wish 1). Lift that wish first."
    assert guide.first(run.factorization).ids == run.ids
    with_jobs.close()


def test_a_word_that_is_nearly_there_is_suggested():
    axis = Axis("keywords", "keyword", ["shark", "Sea", "snow"])
    assert alike(axis, "sharks") == [0]
    assert alike(axis, "se") == [1]
    assert alike(axis, "xylophone") == []


# -- how far it is -------------------------------------------------------------------------------------------------------------
SHARP = "horse"
WAYS = {  # of each wish from Topics: what is pressed and named, one click each; the last one tries it
    "about": ["wish-button", ("wish-words", [SHARP])],
    "give": ["topics-wish-3", ("wish-words", [SHARP])],
    "forbid": ["topics-wish-3", ("wish-verb", "forbid"), ("wish-words", [SHARP])],
    "move": ["topics-wish-3", ("wish-verb", "move"), ("wish-words", [SHARP])],
    "split": ["topics-wish-3", ("wish-verb", "split")],
    "merge": ["wish-button", ("wish-verb", "merge"), ("wish-topics", [1, 4])],
    "delete": ["topics-wish-3", ("wish-verb", "delete")],
    "pin": ["topics-wish-3", ("wish-verb", "pin")],
    "add": ["wish-button", ("wish-verb", "add")],
}


def test_each_wish_is_tried_after_at_most_four_clicks_from_topics():
    app = go(start(), "topics")
    for verb, way in WAYS.items():
        way = [*way, "wish-preview"]
        assert len(way) <= 4
        for step in way:
            if isinstance(step, str):
                app.button(key=step).click()
            else:
                key, value = step
                (app.pills if key == "wish-verb" else app.multiselect)(key=key).set_value(value)
            app.run()
        assert not app.exception
        assert [button for button in app.button if button.key == "wish-keep"], verb
        app.button(key="wish-discard").click().run()
        app.button(key="wish-close").click().run()
