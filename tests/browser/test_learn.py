"""Lessons in a real browser: nothing given away, one key from beginning to end, nothing asked of the server on the way.

And the two formulas that run in the browser, beside nmfcore's.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import re

import numpy as np
import pytest

from benchmarks import lessons as benchmark
from dashboard.devices.pack import pack
from dashboard.learn import export, lessons, rooms
from dashboard.learn.bundle import bundle
from dashboard.learn.registry import DEVICES
from nmfcore.kernels.nnls import nnls_gram

FILES = benchmark.FILES
ERRORS = "async cases => { const m = await import('%s/nonneg.js'); return cases.map(([H, X]) => m.fit(H, X)) }"
PRODUCT = """async ([block, frame]) => {
    const { unpack } = await import('%s/kit.js'), { product } = await import('%s/scrubber.js')
    const { arrays } = unpack(Uint8Array.from(atob(block), c => c.charCodeAt(0)))
    return Array.from(product(arrays, frame, new Float32Array(arrays.W.shape[1] * arrays.H.shape[2])))
}"""
ROOTS = "[document, ...[...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)]"
# Of the lesson as it stands: how far it reaches below the fold, and what a screen reader or an eye would learn too early.
STANDS = """() => {
    const root = ROOTS.flatMap(r => [...r.querySelectorAll('.lesson')])[0]
    const drawn = e => e.getClientRects().length && !e.closest('.unseen, .scroll *')
    const seen = e => getComputedStyle(e).visibility !== 'hidden' && e.getClientRects().length && e.textContent
    const low = [...root.querySelectorAll('.stage *')].filter(drawn).map(e => e.getBoundingClientRect().bottom)
    return { below: Math.round(Math.max(...low) - innerHeight), title: root.querySelector('h1').textContent,
      veiled: Boolean(root.querySelector('.veiled')), seen: [...root.querySelectorAll('.veiled .verdict')].some(seen),
      said: [...root.querySelectorAll('.veiled [aria-live]')].map(e => e.textContent).join('') }
}""".replace("ROOTS", ROOTS)
CHECKED: set[str] = set()  # devices that axe has looked at in both themes


def test_a_lesson_in_the_dashboard_from_a_link_to_the_next_lesson(app):
    sent = []
    app.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(1)))
    app.open("/learn?lesson=zeros&step=4")
    verdict = app.page.locator(".verdict")
    app.expect(verdict).to_be_hidden()
    app.expect(app.page.locator(".unseen")).to_have_text("")  # nor is it read out
    app.page.get_by_role("radio", name="Still exactly 0").click()
    app.page.keyboard.press("PageDown")  # what a presenter's clicker sends
    app.expect(verdict).to_have_text("0 × anything = 0: locked")
    app.expect(app.page.get_by_role("status")).to_contain_text("0.362")
    app.page.keyboard.press("PageDown")
    app.expect(app.title()).to_contain_text("Who can leave zero?")
    app.page.keyboard.press("PageDown")
    app.settled()
    assert "step=5" in app.page.url

    before = len(sent)  # stepping through the cells asks nobody
    app.page.get_by_role("group", name="Cell lab").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Home", "ArrowRight"):
        app.page.keyboard.press(key)
    app.expect(app.page.locator(".cell.mine")).to_have_attribute("aria-label", "W, post 2, topic 1: 1.10")
    assert len(sent) == before

    here = app.page.locator(".cell.mine")  # the place is kept: when the theme is changed, and on other pages
    app.page.get_by_test_id("stMainMenu").click()
    app.page.get_by_test_id("stMainMenuItem-theme-Dark").click()
    app.page.keyboard.press("Escape")
    app.expect(app.page.get_by_test_id("stApp")).to_have_css("background-color", "rgb(16, 21, 29)")
    app.expect(app.page.locator(".lesson")).to_have_css("background-color", "rgb(16, 21, 29)")
    app.expect(app.title()).to_contain_text("Who can leave zero?")
    app.expect(here).to_have_attribute("aria-label", "W, post 2, topic 1: 1.10")
    app.settled().go("Overview").go("Learn")
    app.expect(app.title()).to_contain_text("touching it")  # a link to a page leaves the lesson behind
    app.page.get_by_role("button", name="Open lesson 4", exact=True).click()
    app.expect(app.title()).to_contain_text("Who can leave zero?")
    app.expect(here).to_have_attribute("aria-label", "W, post 2, topic 1: 1.10")
    app.page.keyboard.press("PageUp")
    app.expect(verdict).to_have_text("0 × anything = 0: locked")  # the answer stays open


def test_formulas_in_the_browser_are_nmfcores_and_a_frame_is_quick(app):
    rng = np.random.default_rng(0)
    cases = [(rng.dirichlet([0.7] * 3, r), rng.dirichlet([0.7] * 3, 24)) for r in (1, 2, 3, 4, 5) for _ in range(20)]
    for name in rooms.ROOMS:
        X, plain = rooms.room(name)
        cases += [(np.array(start, float), X) for start in plain["starts"]]
    app.open("/learn")
    shown = app.page.evaluate(ERRORS % FILES, [[H.tolist(), X.tolist()] for H, X in cases])
    for (H, X), found in zip(cases, shown, strict=True):
        W = nnls_gram(H @ H.T, H @ X.T).T
        assert abs(found["error"] - np.linalg.norm(X - W @ H) / np.linalg.norm(X)) < 1e-12
        np.testing.assert_allclose(np.array(found["W"]) @ H, W @ H, atol=1e-7)  # W itself need not be unique

    scene = DEVICES["scrubber"].scene("films", {"rank": 10})
    block = base64.b64encode(pack({"id": scene.id, **scene.head}, scene.arrays)).decode()
    drawn = np.array(app.page.evaluate(PRODUCT % (FILES, FILES), [block, 7])).reshape(200, 260)
    W, H = (scene.arrays[name][7] / 65535 * scene.arrays[f"{name}_top"][7] for name in ("W", "H"))
    np.testing.assert_allclose(drawn, W @ H, atol=1e-6)

    for device in ("scrubber", "cone"):  # neither asks the server, and each frame shows something else
        median, before, after = benchmark.dragged(app.page, device)
        assert before != after
        assert median < 100  # ms of script; `python -m benchmarks.lessons` holds 8 where nobody else computes


def test_the_run_on_screen_opens_in_three_devices(app):
    app.open("/learn?watch=run")
    slider, reading = app.page.get_by_role("slider", name="Iteration"), app.page.locator(".reading")
    app.expect(reading).to_contain_text("top keywords are those of the end")
    slider.focus()
    slider.press("Home")
    app.expect(reading).to_contain_text("iteration 0")
    app.open("/learn?watch=seeds")
    app.expect(app.page.locator(".twins .verdict")).to_contain_text("cosine between these two")
    app.open("/learn?watch=words")
    app.page.locator(".suspect").first.click()
    app.expect(app.page.locator(".told.verdict")).to_contain_text("is a top word of")


def test_presenting_leaves_the_lesson_alone_on_the_screen(app):
    app.page.set_viewport_size({"width": 1024, "height": 768})
    app.page.emulate_media(color_scheme="dark")
    app.open("/learn?lesson=zeros&step=2&present=1")
    app.expect(app.page.get_by_test_id("stTopNavLink")).to_have_count(0)
    app.expect(app.page.locator(".lesson.present")).to_be_visible()
    assert app.page.evaluate(STANDS)["below"] <= 0
    assert not violations(app.page, "presenting", "dark")
    app.page.set_viewport_size({"width": 1280, "height": 800})
    app.open("/learn?lesson=symmetric&step=2")  # the tallest of all steps
    app.page.keyboard.press("PageDown")
    assert app.page.evaluate(STANDS)["below"] <= 0
    app.open("/learn?lesson=zeros&step=2&only=device")
    app.expect(app.page.locator(".lesson .formula")).to_be_visible()
    app.expect(app.page.locator(".lesson-words")).to_be_hidden()
    app.expect(app.page.get_by_role("button", name="All lessons")).to_have_count(0)


@pytest.mark.parametrize("key", lessons.folders())
def test_one_key_leads_through_a_lesson_and_nothing_is_given_away(key, browser, tmp_path):
    """From the exported file, so that this is its test as well: offline, light and dark, for the room and for the beamer."""
    file = tmp_path / "lesson.html"
    file.write_text(export.page(*bundle(lessons.load(key))), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", offline=True)
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(("file:", "data:")) else None)
    page.goto(file.as_uri())
    page.locator(".stage .device").wait_for()
    steps, titles = lessons.load(key).steps, []
    for step in steps:
        stands = page.evaluate(STANDS)
        titles.append(stands["title"])
        assert stands["below"] <= 0, f"{step.title}: {stands['below']} px below the fold"
        if step.ask:
            assert stands["veiled"]
            assert not stands["said"], "read out before it was asked for"
            assert not stands["seen"], "visible before it was asked for"
            if step.device not in CHECKED:
                wrong += violations(page, key, "light")
            page.keyboard.press("PageDown")
        assert not page.evaluate(STANDS)["veiled"]
        if step.device not in CHECKED:
            CHECKED.add(step.device)
            wrong += violations(page, key, "dark") + violations(page, key, "light")
        page.keyboard.press("PageDown")
    wrong += handed_out(page, steps)
    page.set_viewport_size({"width": 1024, "height": 768})  # and back, as on a small beamer, the answers open
    page.keyboard.press("f")
    page.locator(".lesson.present").wait_for()
    for step in reversed(steps):
        stands = page.evaluate(STANDS)
        assert stands["title"].endswith(step.title)
        assert stands["below"] <= 0, f"presenting, {step.title}: {stands['below']} px below the fold"
        page.keyboard.press("PageUp")
    assert [title.endswith(step.title) for title, step in zip(titles, steps, strict=True)] == [True] * len(steps)
    assert not wrong
    context.close()


HANDOUT = """() => {
    const page = document.querySelector('.handout'), devices = [...page.querySelectorAll('.device')]
    const pixels = e => e.getContext('2d').getImageData(0, 0, e.width, e.height).data
    const light = e => pixels(e).reduce((sum, v) => sum + v, 0) / (e.width * e.height) // red, green, blue and 255 for opaque
    return { sections: page.querySelectorAll(':scope > section').length,
      empty: devices.filter(e => e.getBoundingClientRect().height < 40).length,
      wide: Math.round(page.scrollWidth - page.clientWidth), background: getComputedStyle(page).backgroundColor,
      dark: [...page.querySelectorAll('.frame canvas')].filter(e => light(e) < 512).length,
      answers: page.querySelectorAll('ol > li').length, shown: getComputedStyle(page.querySelector('h1')).printColorAdjust }
}"""


def handed_out(page, steps):
    """What is wrong with the lesson on paper, printed from a dark screen."""
    page.emulate_media(color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    found = page.evaluate(HANDOUT)
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    asked = sum(step.ask is not None for step in steps)
    right = {
        "sections": len(steps) + 1, "empty": 0, "wide": 0, "background": "rgb(255, 255, 255)", "dark": 0, "shown": "exact",
    }  # fmt: skip
    said = [f"on paper: {name} is {found[name]}, not {value}" for name, value in right.items() if found[name] != value]
    return said + ([] if found["answers"] >= asked else [f"on paper: {found['answers']} answers to {asked} questions"])


def violations(page, key, scheme):
    """What axe finds on the page as it stands; nothing where it is not installed."""
    if importlib.util.find_spec("axe_playwright_python") is None:
        return []
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{key}, {scheme}: {v['id']}: {json.dumps([n['html'][:120] for n in v['nodes'][:2]])}" for v in found]


TABLES = {"lab", "scrubber", "scale", "sum", "two", "loss"}  # devices that show a table or a letter of the algebra
# What is read on the device, and the shapes of its pictures.
TURNED = """() => {
    const stage = document.querySelector('.stage')
    return [stage.innerText, [...stage.querySelectorAll('canvas')].map(e => [e.width, e.height]).join(' ')]
}"""
# What a screen reader is told must carry what the picture is there to show.
AHA = {
    "lab": r"pull \d.*push \d.*: (pull|push) wins",
    "scrubber": r"relative error 0\.\d+ · \d+ of 30 top keywords are those of the end",
    "cone": r"relative error 0\.\d+; \d+ of 24 points cannot be made exactly",
    "scale": r"the model is the same, \d+ of 200 films change their largest topic",
    "sum": r"NMF: relative error .* nothing below zero\. SVD: .* below zero",
    "seeds": r"cosine between these two: .* errors differ by .* in all runs: \d+ of 10",
    "two": r"After 3 steps: .*(arrived after|none has arrived)",
    "loss": r"the model there; \d+ % of the loss is in that one cell; \d+ % of the topic has moved",
}
EVERY = """
title = "Every device"
about = "One step for each."
aha = "They all answer."
minutes = 1
order = 1
device = "lab"
"""
FIRST = {
    "scrubber": "iteration = 3",
    "cone": "rank = 3",
    "scale": "component = 6, factor = 2.0",
    "two": "steps = 2",
    "seeds": "iteration = 4",
}


def test_every_device_by_keyboard_says_what_it_shows(browser, tmp_path):
    """What a screen reader is told changes with each key, on every device."""
    steps = [
        f'[[steps]]\ntitle = "{key}"\ntext = "Look."\ndevice = "{key}"\nstate = {{ {FIRST.get(key, "")} }}\n' for key in DEVICES
    ]
    (tmp_path / "every").mkdir()
    (tmp_path / "every" / "lesson.toml").write_text(EVERY + "".join(steps), encoding="utf-8")
    file = tmp_path / "every.html"
    file.write_text(export.page(*bundle(lessons.load("every", tmp_path))), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    page.locator(".stage .device").wait_for()
    said = page.locator(".stage .unseen")
    for key in DEVICES:
        if key == "intrusion":
            page.locator(".suspect").first.press("Enter")
            assert "is a top word of" in page.locator(".told.verdict").inner_text()
            assert "intruder" in page.get_by_role("link", name="Answers as CSV").get_attribute("href")
        elif key == "rank":
            page.get_by_role("button", name="SVD floor").press("Enter")
            assert "SVD floor" not in said.inner_text()
            assert "held-out error: rank 1 0.51" in said.inner_text()
            assert "lowest at rank 4" in said.inner_text()
        else:
            where = page.locator(".lamp").first if key == "cone" else page.locator(".stage [role=group][tabindex='0']").first
            before = said.text_content()
            where.press("ArrowLeft" if key == "loss" else "ArrowRight")
            assert said.text_content() != before, key
            assert re.search(AHA[key], said.text_content()), key
        page.keyboard.press("PageDown")
    ours = {}  # once through all devices in each notation: tables and letters turn, and only those
    page.get_by_role("radio", name="X ≈ WH").click()
    for key in reversed(DEVICES):
        ours[key] = page.evaluate(TURNED)
        page.keyboard.press("PageUp")
    page.get_by_role("radio", name="V ≈ WH").click()
    for key in DEVICES:
        stands = page.evaluate(TURNED)
        assert (stands != ours[key]) == (key in TABLES), key
        assert "X" not in re.findall(r"[XVWH]+", stands[0]), key
        page.keyboard.press("PageDown")
    context.close()
