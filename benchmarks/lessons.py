"""How soon does a lesson stand, and how soon does it turn? python -m benchmarks.lessons [--tries 10] [LESSON ...]

Starts a dashboard of its own and opens each lesson by its address in a headless Chromium, each time in a fresh profile that has
nothing cached. First paint is counted from the beginning of the navigation until the frame in which the lesson's title and its
device are on the screen. A step is counted from the key until the frame that shows it, and beside it the script alone. Then the
script of a frame while the scrubber is dragged through 200 x 260 cells, and a corner of the cone through 24 points.
Needs Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.load import server
from dashboard.devices.pack import pack
from dashboard.figures.theme import LIGHT
from dashboard.learn import export, lessons
from dashboard.learn.registry import DEVICES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TRIES = 10
GOALS = {"first": 1500.0, "step": 50.0}  # ms, medians
DRAGGED = 8.0  # ms of script a frame, median
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
FILES = "/_stcore/bidi-components/nmf-dashboard.lesson"
# The lesson's shadow tree, once its title and a device stand in it.
ROOT = """(() => [...document.querySelectorAll('[data-testid=stMain] *')].map(e => e.shadowRoot)
    .find(root => root?.querySelector('.stage .device')))"""
WATCH = f"""() => {{
    const look = () => requestAnimationFrame({ROOT}() ? () => setTimeout(() => {{ window.painted = performance.now() }}) : look)
    look()
}}"""
# Page Down through the lesson: milliseconds until each step is painted, and of script in them.
TURN = f"""async () => {{
    const root = {ROOT}(), dots = () => [...root.querySelectorAll('.dot-step')], took = []
    const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    while (!dots().at(-1).classList.contains('now')) {{
        await frame()
        const began = performance.now()
        document.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'PageDown', bubbles: true }}))
        const script = performance.now() - began
        await frame()
        took.push([performance.now() - began, script])
    }}
    return took
}}"""
# A device alone in the page: its frames while a slider or a corner is dragged; it throws when it asks the server.
ALONE = """async ([device, block, theme]) => {
    const files = 'FILES', { unpack } = await import(`${files}/kit.js`), { default: draw } = await import(`${files}/${device}.js`)
    const parentElement = document.body.appendChild(document.createElement('div')), took = []
    parentElement.style.cssText = theme
    const data = unpack(Uint8Array.from(atob(block), c => c.charCodeAt(0)))
    draw({ parentElement, data, setStateValue() { throw Error('asked the server') } })
    const find = what => parentElement.querySelector(what), timed = act => {
        const began = performance.now()
        act()
        took.push(performance.now() - began)
    }
    const read = () => find(device === 'cone' ? '.big' : '.reading').textContent, before = read()
    if (device === 'cone') {
        const lamp = find('.lamp circle'), room = find('.room'), box = lamp.getBoundingClientRect()
        const at = (kind, x, y) => new PointerEvent(kind, { clientX: x, clientY: y, buttons: 1, bubbles: true, pointerId: 1 })
        room.setPointerCapture = () => {}
        lamp.dispatchEvent(at('pointerdown', box.x, box.y))
        for (let i = 0; i < 60; i++) timed(() => room.dispatchEvent(at('pointermove', box.x - i, box.y + i)))
    } else {
        const range = find('input[type=range]')
        for (let f = 0; f <= +range.max; f++) timed(() => { range.value = f; range.dispatchEvent(new Event('input')) })
    }
    const after = read()
    parentElement.remove()
    return [took.sort((a, b) => a - b)[took.length >> 1], before, after]
}""".replace("FILES", FILES)
SCENES: dict[str, tuple[str, dict[str, Any]]] = {"scrubber": ("films", {"rank": 10}), "cone": ("lamps", {"rank": 3})}


@dataclass
class Found:
    """Medians in milliseconds."""

    lesson: str
    first: float
    step: float
    slowest: float  # step of the lesson
    script: float  # of a step


def tried(browser: Browser, url: str, key: str) -> tuple[float, list[list[float]]]:
    """One visit with nothing cached: first paint, and each step's paint and script."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.add_init_script(f"({WATCH})()")
    page.goto(f"{url}/learn?lesson={key}")
    page.wait_for_function("window.painted")
    first: float = page.evaluate("window.painted")
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    steps: list[list[float]] = page.evaluate(TURN)
    context.close()
    return first, steps


def measured(browser: Browser, url: str, key: str, tries: int) -> Found:
    """One lesson, so many times."""
    median = statistics.median
    visits = [tried(browser, url, key) for _ in range(tries)]
    steps = [median(paint for paint, _ in step) for step in zip(*(steps for _, steps in visits), strict=True)]
    script = median(script for _, steps in visits for _, script in steps)
    return Found(key, median(first for first, _ in visits), median(steps), max(steps), script)


def dragged(page: Page, device: str) -> tuple[float, str, str]:
    """Median script of a frame in milliseconds while a device is dragged, and what it says before and after.

    page : one that has been served by the dashboard, where a lesson has been opened
    """
    scene = DEVICES[device].scene(*SCENES[device])
    block = base64.b64encode(pack({"id": scene.id, **scene.head}, scene.arrays)).decode()
    script, before, after = page.evaluate(ALONE, [device, block, export.variables(LIGHT)])
    return script, before, after


def alone(process: int) -> None:
    """Wait until the server's child that compiles has ended: it would take one of two processors from what is measured."""
    while any(tasks.read_text().strip() for tasks in Path(f"/proc/{process}/task").glob("*/children")):
        time.sleep(0.5)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lessons", description="How soon does a lesson stand, and turn?")
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="which lessons (default: all)")
    parser.add_argument("--tries", type=int, default=TRIES)
    args = parser.parse_args(argv)
    from playwright.sync_api import sync_playwright

    missed = []
    with server() as running, sync_playwright() as playwright:
        path: Any = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        keys = args.lessons or list(lessons.folders())
        tried(
            browser, running.url, keys[0]
        )  # the first page of a server and of a browser; it also begins the rest of the warm-up
        running.warm()
        alone(running.process.pid)
        print("| lesson | first paint, ms | step, ms | slowest step | script of a step |\n|---|---|---|---|---|", flush=True)
        for key in keys:
            each = measured(browser, running.url, key, args.tries)
            print(f"| {key} | {each.first:.0f} | {each.step:.0f} | {each.slowest:.0f} | {each.script:.1f} |", flush=True)
            missed += [f"{key}: {name}" for name, most in GOALS.items() if getattr(each, name) > most]
        page = browser.new_page()
        page.goto(f"{running.url}/learn?lesson={keys[0]}")
        page.wait_for_function(f"{ROOT}()")
        for device in SCENES:
            script = statistics.median(dragged(page, device)[0] for _ in range(args.tries))
            print(f"\n{device}, dragged: {script:.1f} ms of script a frame")
            missed += [f"{device}: script"] if script > DRAGGED else []
        browser.close()
    print(f"\nGoals missed: {', '.join(missed) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
