"""How soon does a lens answer? python -m benchmarks.lenses [--repeats 5] [--only groups,map]

Starts a dashboard of its own with all of 20 Newsgroups (18,846 posts, 20 groups, rank 20; a made-up date for each post, for most
have lost theirs) and opens it in a headless Chromium. Each line is one thing a person does; its time is from the click until the
page is drawn: the script has finished, nothing is stale, and the browser's last long task is over. Then the map is dragged and
its frames are counted. Medians of ten (five turns of there and back) go to results/lenses.json and lenses.md; with --only the
other lines stay as they were measured before. Without a graphics card Chromium draws WebGL by software, and the frames are those
of such a machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results" / "lenses.json"
GOAL_SECONDS, GOAL_FRAMES, GOAL_FITS = 0.5, 30, 3
WINDOWS = 20
FLAGS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync")
MONTHS = 24  # over which the made-up dates are spread
BUSY = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    return !app || app.dataset.testConnectionState !== 'CONNECTED' || app.dataset.testScriptState !== 'notRunning'
        || !!document.querySelector('[data-testid=stSkeleton], [data-testid=stAppSkeleton], [data-stale=true]')
        || [...document.querySelectorAll('[class*=st-key-stop-]')].length > 0;
}"""
# From the action on: when the page was last seen busy, and when the last long task ended; over when both are half a second ago
WATCH = (
    "() => { const busy = "
    + BUSY
    + """;
    const seen = {begin: performance.now(), busy: 0, task: 0};
    window.lens = new Promise((resolve) => {
        const tasks = new PerformanceObserver((list) => {
            for (const one of list.getEntries()) seen.task = Math.max(seen.task, one.startTime + one.duration); });
        tasks.observe({entryTypes: ['longtask']});
        const look = () => {
            const now = performance.now();
            if (busy()) seen.busy = now;
            const last = Math.max(seen.busy, seen.task), idle = now - Math.max(last, seen.begin);
            if ((last && idle > 500) || idle > 3000) { tasks.disconnect(); resolve(Math.max(last - seen.begin, 0)); }
            else requestAnimationFrame(look); };
        requestAnimationFrame(look); }); }"""
)
FRAMES = """() => { window.frames_seen = []; window.counting = true;
    const look = (now) => { window.frames_seen.push(now); if (window.counting) requestAnimationFrame(look); };
    requestAnimationFrame(look); }"""


@dataclass
class Report:
    """Seconds of each thing that was done, and frames a second while the map is dragged."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    frames: float = 0.0
    dynamic: list[float] = field(default_factory=list)

    def kept(self) -> dict[str, Any]:
        """The numbers, with those of earlier measurements that this one did not repeat."""
        before = (
            json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"seconds": {}, "first": {}, "frames": 0}
        )
        return {
            "seconds": before["seconds"] | {name: [round(one, 3) for one in times] for name, times in self.seconds.items()},
            "first": before["first"] | {name: round(one, 3) for name, one in self.first.items()},
            "frames": round(self.frames, 1) or before["frames"],
            "dynamic": [round(one, 2) for one in self.dynamic] or before.get("dynamic", []),
        }


def table(numbers: dict[str, Any]) -> str:
    """The numbers as a table in Markdown."""
    lines = ["| what | median of | seconds | most | the first time |", "|---|---|---|---|---|"]
    for name, times in numbers["seconds"].items():
        middle = statistics.median(times)
        missed = "" if middle <= GOAL_SECONDS else " **(over)**"
        lines.append(f"| {name} | {len(times)} | {middle:.2f}{missed} | {max(times):.2f} | {numbers['first'][name]:.2f} |")
    if numbers["frames"]:
        lines.append(f"| Map: frames a second while it is dragged (goal {GOAL_FRAMES}) | - | {numbers['frames']:.0f} | - | - |")
    if numbers["dynamic"]:
        fits, most = statistics.median(numbers["dynamic"]), max(numbers["dynamic"])
        what = f"Dynamic topics over {WINDOWS} windows, in fits of everything (goal {GOAL_FITS})"
        lines.append(f"| {what} | {len(numbers['dynamic'])} | {fits:.1f} fits | {most:.1f} fits | - |")
    return "\n".join(lines) + "\n"


def serve(port: int) -> None:
    """The dashboard, whose 20 Newsgroups know a date of each post."""
    from dashboard.server import cli
    from nmfcore.data import catalog
    from nmfcore.data.model.facts import Fact, Facts

    real = catalog.load

    def dated(key: str, *more: Any, **named: Any) -> Any:
        dataset = real(key, *more, **named)
        if key != "newsgroups":
            return dataset
        days = np.random.default_rng(0).integers(0, MONTHS * 30, dataset.shape[0])
        when = Fact("when", "date", (np.datetime64("2020-01-01") + days).astype("datetime64[s]"))
        return replace(dataset, facts=Facts((*dataset.facts, when)))

    catalog.load = dated
    cli.main(["--port", str(port), "--no-browser"])


@contextmanager
def running() -> Iterator[str]:
    """The address of a dashboard of one's own."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.lenses", "--serve"], stdout=out, stderr=subprocess.STDOUT, env=env
            )
        try:
            while not (found := re.search(r"NMF dashboard: (http://\S+)", log.read_text())):
                if process.poll() is not None:
                    raise SystemExit(log.read_text()[-2000:])
                time.sleep(0.1)
            yield found[1]
        finally:
            process.terminate()
            process.wait(20)


class Walk:
    """A browser page on the running dashboard."""

    def __init__(self, page: Any, url: str, report: Report, repeats: int) -> None:
        self.page, self.url, self.report, self.repeats = page, url, report, repeats

    def settled(self) -> None:
        """Wait until nothing is computed and drawn."""
        self.page.evaluate(WATCH)
        self.page.evaluate("() => window.lens")

    def timed(self, act: Callable[[], None]) -> float:
        """Seconds from an action until the page is drawn."""
        self.page.evaluate(WATCH)
        act()
        return float(self.page.evaluate("() => window.lens")) / 1000.0

    def between(self, name: str, *acts: Callable[[], None], before: Callable[[], None] | None = None) -> None:
        """Take turns with actions; the first turn of each is told apart, since figures are then computed.

        before : what is done before each turn of all, off the clock
        """
        times = []
        for _ in range(self.repeats + 1):
            if before is not None:
                before()
            times.append([self.timed(act) for act in acts])
        self.report.first[name] = max(times[0])
        self.report.seconds[name] = [each for turn in times[1:] for each in turn]
        print(f"{name}: {statistics.median(self.report.seconds[name]):.2f} s", file=sys.stderr, flush=True)

    # -- what a person does ----------------------------------------------------------------------------------------------

    def go(self, title: str) -> None:
        self.page.get_by_test_id("stTopNavSection").filter(has_text="Lenses").first.click()
        self.page.get_by_test_id("stTopNavDropdownLink").filter(has_text=re.compile(f"^{title}$")).click()
        self.settled()

    def turns(self, name: str, act: Callable[[str, str], None], label: str, *options: str) -> None:
        """Take turns with the values of one control."""
        self.between(name, *(partial(act, label, option) for option in options))

    def press(self, label: str, option: str) -> None:
        page = self.page
        group = page.get_by_role("radiogroup", name=label).or_(page.get_by_role("toolbar", name=label)).first
        group.get_by_text(option, exact=True).click()

    def select(self, label: str, option: str) -> None:
        box = self.page.get_by_role("combobox", name=label, exact=True)
        box.click()
        if box.is_editable():
            box.fill(option)
        wanted = self.page.get_by_role("option", name=option, exact=True).first
        wanted.wait_for()
        self.page.evaluate(WATCH)  # the clock begins with the choice, not with the typing before it
        wanted.click()

    def fill(self, label: str, text: str) -> None:
        box = self.page.get_by_label(label, exact=True).first
        box.fill(text)
        box.press("Enter")


def everything() -> dict[str, Any]:
    """The options that load all of 20 Newsgroups."""
    from nmfcore.data import catalog

    groups = next(option for option in catalog.card("newsgroups").options if option.name == "categories").choices
    return {"categories": list(groups), "subset": "all", "remove": ["headers", "footers", "quotes"]}


def address(page: str, **more: str) -> str:
    """The address of a page with all of 20 Newsgroups at rank 20."""
    options = everything()
    return f"/{page}?" + urllib.parse.urlencode({"data": "newsgroups", "options": json.dumps(options), "rank": "20", **more})


def by_group(walk: Walk) -> None:
    """Table, small multiples, order, two groups' words."""
    walk.go("By group")
    walk.turns("By group: table of shares and topic by topic", walk.press, "Show", "Topic by topic", "Table of shares")
    walk.turns("By group: topics by number and by difference", walk.press, "Topics", "by number", "by difference")
    walk.turns("By group: words of two groups", walk.select, "Terms of", "sci.space", "rec.autos")
    walk.turns("By group: a word is searched", walk.fill, "Find a term", "orbit", "car")


def filtered(walk: Walk) -> None:
    """A condition added and taken back."""

    def look() -> None:
        walk.page.get_by_role("button", name="Filter").click()
        walk.settled()
        box = walk.page.get_by_role("combobox", name="Only these", exact=True)
        box.click()
        box.fill("sci.space")

    def add() -> None:
        walk.page.get_by_role("option", name=re.compile("sci.space")).first.click()

    def remove() -> None:
        walk.page.locator("[class*=st-key-chip-0]").get_by_role("button").click()

    walk.between("By group: a filter set and taken back", add, remove, before=look)


def through_time(walk: Walk) -> None:
    """Bins, topics, words of a topic."""
    walk.go("Over time")
    walk.turns("Over time: bins of a month and of a quarter", walk.select, "Bins of", "a month", "a quarter")
    first = walk.page.get_by_role("toolbar", name="Topics").or_(walk.page.get_by_role("group", name="Topics")).first
    last = first.get_by_role("button").last
    walk.between("Over time: a topic's line shown and hidden", last.click, last.click)


def on_the_map(walk: Walk) -> None:
    """Colours, search, and a drag."""
    walk.go("Map")
    begin = time.perf_counter()
    button = walk.page.get_by_role("button", name="Draw the map")
    if button.count():
        button.click()
    walk.page.get_by_text(re.compile("far means little")).first.wait_for(timeout=180_000)
    walk.settled()
    print(f"the map itself: {time.perf_counter() - begin:.1f} s", file=sys.stderr, flush=True)
    walk.turns("Map: coloured by group and by topic", walk.select, "Coloured by", "group", "largest topic")
    walk.turns("Map: searched", walk.fill, "Find", "orbit", "")
    walk.report.frames = dragged(walk)


def dragged(walk: Walk, seconds: float = 3.0) -> float:
    """Frames a second while the map is dragged to and fro."""
    chart = walk.page.locator(".st-key-item_map-points-light, .st-key-item_map-points-dark").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    walk.page.mouse.move(x, y)
    walk.page.mouse.down()
    walk.page.evaluate(FRAMES)
    end, step = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        step += 1
        walk.page.mouse.move(x + 120 * np.sin(step / 6), y + 80 * np.cos(step / 6))
    times = walk.page.evaluate("() => { window.counting = false; return window.frames_seen; }")
    walk.page.mouse.up()
    return (len(times) - 1) / ((times[-1] - times[0]) / 1000.0)


def dynamic_cost(repeats: int) -> list[float]:
    """Seconds of dynamic topics over 20 windows, in fits of everything at rank 20; one of each in turn."""
    from nmfcore import solve
    from nmfcore.data import catalog
    from nmfcore.methods.dynamic import dynamic_topics

    X = catalog.load_prepared("newsgroups", everything()).X
    index = np.random.default_rng(0).integers(0, WINDOWS, X.shape[0])
    found = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        solve(X, 20, seed=0)
        between = time.perf_counter()
        dynamic_topics(X, index, [str(one) for one in range(WINDOWS)], window_rank=8, rank=10)
        found.append((time.perf_counter() - between) / (between - begin))
        print(f"one fit {between - begin:.2f} s, dynamic {time.perf_counter() - between:.2f} s", file=sys.stderr, flush=True)
    return found[1:]  # the first compiles


PARTS = {"groups": by_group, "filter": filtered, "time": through_time, "map": on_the_map}


def measured(repeats: int, only: str) -> Report:
    """Everything, in a browser."""
    from playwright.sync_api import sync_playwright

    report = Report()
    with running() as url, sync_playwright() as playwright:
        found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        page.set_default_timeout(60_000)
        walk = Walk(page, url, report, repeats)
        page.goto(url + address("groups"))
        page.get_by_test_id("stSidebar").get_by_text(re.compile("18,846")).first.wait_for(timeout=180_000)
        page.get_by_text(re.compile("converged|most iterations")).first.wait_for(timeout=180_000)
        walk.settled()
        for name, part in PARTS.items():
            if not only or name in only.split(","):
                part(walk)
        browser.close()
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help=f"some of {','.join(PARTS)},dynamic")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(0)
        return
    only = given.only.split(",") if given.only else [*PARTS, "dynamic"]
    report = measured(given.repeats, given.only) if set(only) & set(PARTS) else Report()
    report.dynamic = dynamic_cost(given.repeats) if "dynamic" in only else []
    numbers = report.kept()
    RESULTS.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    RESULTS.with_suffix(".md").write_text(table(numbers), encoding="utf-8")
    print(table(numbers))


if __name__ == "__main__":
    main()
