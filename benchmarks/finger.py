"""How soon does the screen follow the finger? python -m benchmarks.finger [--part PART] [--tries 10] [--out FILE]

A dashboard of its own in a real Chromium (Playwright, as the journeys in tests/browser have it), on 20 Newsgroups in full at rank
20. A time begins with the event in the browser (the click, the key) and ends with the last change of the page that belongs to it:
a MutationObserver watches it, and a change was the last when the server has answered, its script is over and nothing changed for
SETTLED seconds. What a table says to screen readers stands inside its canvas, and follows the picture 0.2 s later: it does not
count; where nothing else changed, the server's last word does. Three parts:

- first: from the line in which the server says where it is, to the first page's title and to its two pictures; a new server and a
  new browser profile for each try, the browser itself already there.
- controls: display controls of each page, moved forth and back.
- pages: a click in the top bar until the other page is drawn; and while it is being drawn, a click in the panel until it answers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.load import server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PARTS = ("first", "controls", "pages")
SETTLED = 0.35  # seconds without a change after which a page counts as drawn
PATIENCE = 60_000  # ms for one step
FIT_SECONDS = 180.0  # the data is fetched and counted, and the fit ends
VIEW = {"width": 1280, "height": 800}
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
GOALS = {"title": 1.5, "pictures": 3.0, "control": 0.3, "page": 0.7, "panel": 0.3}

# Records the first trusted event and every later change of the page; `drawn` answers once the page has settled.
WATCH = """(settled) => {
  const seen = window.__finger = {began: 0, changed: 0};
  const app = document.querySelector('[data-testid=stApp]');
  const running = () => app.dataset.testScriptState !== 'notRunning';
  const answered = () => seen.began && window.__heard > seen.began;
  const begin = event => { if (!seen.began && event.isTrusted) seen.began = performance.now(); };
  for (const kind of ['pointerdown', 'keydown']) window.addEventListener(kind, begin, true);
  for (const kind of ['pointerup', 'click']) window.addEventListener(kind, event => {
    if (event.isTrusted) seen.began = seen.began && !answered() ? performance.now() : seen.began; }, {capture: true, once: true});
  const drawnOn = node => (node.nodeType === 1 ? node : node.parentElement)?.closest('canvas');
  const observer = new MutationObserver(changes => {
    if (seen.began && changes.some(change => !drawnOn(change.target))) seen.changed = performance.now();
  });
  const watched = {subtree: true, childList: true, characterData: true, attributes: true};
  observer.observe(app, watched);
  seen.drawn = () => new Promise((done, failed) => {
    const look = () => {
      const now = performance.now();
      const over = answered() && !running() && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]');
      if (over && now - seen.changed > 1000 * settled) {
        observer.disconnect();
        done(((seen.changed || window.__heard) - seen.began) / 1000);
      }
      else if (seen.began && now - seen.began > 20000) { observer.disconnect(); failed(new Error('nothing came of it')); }
      else setTimeout(look, 20);
    };
    look();
  });
}"""

# When the server last said something: a script may be over before the page ever showed that one runs.
HEARD = """(() => {
  window.__heard = 0;
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', () => { window.__heard = performance.now(); });
    }
  };
})()"""

IDLE = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.dataset.testScriptState === 'notRunning' && app.dataset.testConnectionState === 'CONNECTED'
    && document.querySelector('[data-testid=stMainBlockContainer] h1')
    && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]');
}"""

PICTURES = "() => document.querySelectorAll('[data-testid=stMain] .js-plotly-plot .cartesianlayer .subplot').length >= 2"


@dataclass(frozen=True)
class Measured:
    """Seconds of one thing, over all tries."""

    part: str
    name: str
    goal: float
    seconds: tuple[float, ...]
    kilobytes: float = 0.0  # that the server sent for one of them

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def line(self) -> str:
        low, high = min(self.seconds), max(self.seconds)
        reached = "" if self.median <= self.goal else " (missed)"
        kilobytes = f"{self.kilobytes:,.0f}" if self.kilobytes else ""
        return f"| {self.name} | {self.median:.2f} s | {low:.2f} to {high:.2f} | {kilobytes} | {self.goal:g} s{reached} |"


def address() -> str:
    """The link to the run that is looked at."""
    from urllib.parse import urlencode

    from dashboard import links
    from dashboard.work.fitting import FIRST
    from nmfcore.data import catalog

    card = catalog.card("newsgroups")
    groups = next(option for option in card.options if option.name == "categories")
    options = {"categories": list(groups.choices), "subset": "all"}
    spec = FIRST.replace(data="newsgroups", data_options=options, preparation=card.preparation, rank=20)
    return "?" + urlencode(links.to_query(spec, FIRST))


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or the one that Playwright installed."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        names = ("chromium", "chromium-browser", "google-chrome")
        found = next((path for path in map(shutil.which, names) if path), playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def profile(browser: Browser) -> Iterator[Page]:
    """A page of a profile without a cache."""
    context = browser.new_context(viewport=VIEW, reduced_motion="reduce")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    context.add_init_script(HEARD)
    yield context.new_page()
    context.close()


# -- the first visit -----------------------------------------------------------------------------------------------------


def first_visit(browser: Browser, tries: int) -> list[Measured]:
    """Title and pictures of the first page, after the server said that it is up."""
    titles, pictures = [], []
    for _ in range(tries):
        with profile(browser) as page, server() as place:
            began = time.perf_counter()
            page.goto(place.url, wait_until="commit")
            page.locator("[data-testid=stMainBlockContainer] h1").wait_for()
            titles.append(time.perf_counter() - began)
            page.wait_for_function(PICTURES, polling=20)
            pictures.append(time.perf_counter() - began)
    return [
        Measured("first", "First visit: title", GOALS["title"], tuple(titles)),
        Measured("first", "First visit: both pictures", GOALS["pictures"], tuple(pictures)),
    ]


# -- controls --------------------------------------------------------------------------------------------------------------


@dataclass
class Desk:
    """The dashboard in a browser, with the run on screen, and what it has sent."""

    page: Page
    url: str
    received: int = 0

    def __post_init__(self) -> None:
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._on_frame))

    def _on_frame(self, content: str | bytes) -> None:
        self.received += len(content)

    def open(self) -> None:
        """Open the link, and wait until the run is on screen."""
        self.page.goto(self.url + "/" + address())
        self.page.get_by_role("heading", level=1, name=re.compile("18,846")).wait_for(timeout=1000 * FIT_SECONDS)
        self.idle()

    def idle(self) -> None:
        self.page.wait_for_function(IDLE, polling=50)
        self.page.wait_for_timeout(1000 * SETTLED)

    def timed(self, act: Callable[[], None]) -> tuple[float, int]:
        """Seconds and bytes of one act."""
        before = self.received
        self.page.evaluate(WATCH, SETTLED)
        act()
        seconds = float(self.page.evaluate("() => window.__finger.drawn()"))
        self.idle()
        return seconds, self.received - before

    def go(self, title: str) -> None:
        self.page.get_by_test_id("stHeader").get_by_role("link", name=title, exact=True).click()

    def press(self, label: str, option: str) -> None:
        """One option of a segmented control."""
        group = self.page.get_by_role("radiogroup", name=label).or_(self.page.get_by_role("toolbar", name=label)).first
        group.get_by_text(option, exact=True).click()

    def slide(self, label: str, key: str) -> None:
        self.page.locator(f"input[type=range][aria-label={json.dumps(label)}]").first.press(key)

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_role("combobox", name=label).first.click()
        self.page.get_by_role("option", name=option, exact=True).first.click()

    def click(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()


@dataclass(frozen=True)
class Control:
    """A display control: the page, how to get to it there, and its move forth and back."""

    page: str
    name: str
    forth: Callable[[Desk], None]
    back: Callable[[Desk], None]
    before: Callable[[Desk], None] = lambda desk: None


def _pressing(label: str, forth: str, back: str) -> tuple[Callable[[Desk], None], Callable[[Desk], None]]:
    return (lambda desk: desk.press(label, forth)), (lambda desk: desk.press(label, back))


def _sliding(label: str, forth: str = "Left", back: str = "Right") -> tuple[Callable[[Desk], None], Callable[[Desk], None]]:
    return (lambda desk: desk.slide(label, f"Arrow{forth}")), (lambda desk: desk.slide(label, f"Arrow{back}"))


def _choosing(label: str, forth: str, back: str) -> tuple[Callable[[Desk], None], Callable[[Desk], None]]:
    return (lambda desk: desk.choose(label, forth)), (lambda desk: desk.choose(label, back))


THRESHOLD = "In no group below this share of the largest topic"


def _to_clusters(desk: Desk) -> None:
    desk.press("View", "Clusters")


CONTROLS = (
    Control("Topics", "terms per card", *_sliding("Terms per card")),
    Control("Topics", "weight or distinctness", *_sliding("Ranked by weight (1) or by distinctness (0)")),
    Control("Items", "order of the table", *_choosing("Order", "largest weight first", "best match first")),
    Control("Items", "next rows, previous rows", lambda desk: desk.click("Next rows"), lambda desk: desk.click("Previous rows")),
    Control("Items", "clusters: threshold", *_sliding(THRESHOLD, "Right", "Left"), before=_to_clusters),
    Control("Matrices", "colours of W", *_pressing("Colours", "Logarithmic", "Linear")),
    Control("Matrices", "another matrix (H, W)", *_pressing("Matrix", "H", "W")),
    Control(
        "Matrices", "colours of X", *_pressing("Colours", "Logarithmic", "Linear"), before=lambda desk: desk.press("Matrix", "X")
    ),
    Control("NMF and SVD", "another topic", *_pressing("Topic and singular vector", "2", "1")),
    Control("Fit", "error axis", *_pressing("Error axis", "Logarithmic", "Linear")),
)


def controls(browser: Browser, tries: int) -> list[Measured]:
    """Each display control, forth and back in turn, so that every second try is of a position that was seen before."""
    found = []
    with server() as place, profile(browser) as page:
        desk = Desk(page, place.url)
        desk.open()
        for control in CONTROLS:
            desk.go(control.page)
            desk.idle()
            control.before(desk)
            desk.idle()
            ways = (control.forth, control.back)
            moves = [desk.timed(partial(ways[turn % 2], desk)) for turn in range(tries)]
            seconds, sizes = zip(*moves, strict=True)
            name = f"{control.page}: {control.name}"
            found.append(Measured("controls", name, GOALS["control"], seconds, statistics.median(sizes) / 1000))
    return found


# -- pages -----------------------------------------------------------------------------------------------------------------

ROUND = ("Topics", "Items", "Matrices", "NMF and SVD", "Rank", "Compare", "Fit", "Data", "Overview")
PANEL = """() => new Promise(done => {
  const box = document.querySelector('[data-testid=stSidebar] summary'), began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  const look = () => box.parentElement.open ? requestAnimationFrame(() => done(seconds())) : setTimeout(look, 5);
  box.click();
  look();
})"""


def pages(browser: Browser, tries: int) -> list[Measured]:
    """Around all pages, again and again; then the panel's expander while Topics is being drawn."""
    seconds: dict[str, list[tuple[float, int]]] = {name: [] for name in ROUND}
    answers = []
    with server() as place, profile(browser) as page:
        desk = Desk(page, place.url)
        desk.open()
        for turn in range(tries):
            for name in ROUND:
                moved = desk.timed(partial(desk.go, name))
                if turn or tries == 1:  # the first time a page is opened it computes what is kept afterwards
                    seconds[name].append(moved)
        for _ in range(tries):
            desk.go("Topics")
            page.wait_for_timeout(100)
            answers.append(float(page.evaluate(PANEL)))
            desk.idle()
            desk.go("Overview")
            desk.idle()
            if page.locator("[data-testid=stSidebar] details[open]").count():
                page.locator("[data-testid=stSidebar] summary").first.click()
                desk.idle()
    found = [Measured("pages", f"To {name}", GOALS["page"], *_columns(moved)) for name, moved in seconds.items()]
    return [*found, Measured("pages", "The panel answers meanwhile", GOALS["panel"], tuple(answers))]


def _columns(moved: list[tuple[float, int]]) -> tuple[tuple[float, ...], float]:
    return tuple(one[0] for one in moved), statistics.median(one[1] for one in moved) / 1000


MEASURES: dict[str, Callable[[Any, int], list[Measured]]] = {"first": first_visit, "controls": controls, "pages": pages}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finger", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--part", choices=PARTS, action="append", help="may be repeated; all of them when not given")
    parser.add_argument("--tries", type=int, default=10, help="of each (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    args = parser.parse_args()
    found: list[Measured] = []
    with chromium() as browser:
        for part in args.part or PARTS:
            found += MEASURES[part](browser, args.tries)
    print("| what | median | least to most | kB | goal |\n|---|---|---|---|---|")
    print("\n".join(one.line() for one in found))
    if args.out:
        numbers = [asdict(one) | {"median": round(one.median, 3)} for one in found]
        args.out.write_text(json.dumps(numbers, indent=1) + "\n")
    return 1 if any(one.median > one.goal for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
