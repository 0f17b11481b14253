"""How does a test drive the real dashboard in a real browser?

`app` is a page of a running server in headless Chromium, with the waits that make a Streamlit test stable. After each test
it fails on console errors, page errors, requests to other hosts, exceptions on the page and tracebacks in the server's log.

    def test_a_fit_shows_its_topics(app):
        app.open("/").choose_select("Solver", "HALS").click_button("Fit")
        app.expect(app.title()).to_contain_text("topics")

Without Playwright or Chromium these tests are skipped, except where CI is set: there they fail.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, WebSocket

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent
START_SECONDS = 60.0  # until the server says where it is, on a busy machine
WAIT_MS = 20_000  # for one expectation
OFFERED = "offered"  # the folder beside the server's log whose files and stores everybody may open; empty at first
QUIET_SECONDS = 0.25  # a slider or a table tells the server 0.2 s after it was touched
SHORT_MESSAGE = 200  # bytes; "the script is over" is shorter
REMEMBERED = "cookies,local_storage,indexeddb,service_workers,websql,file_systems,shared_storage"  # all but the cache of files
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

BUSY = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    return !app || app.dataset.testConnectionState !== 'CONNECTED' || app.dataset.testScriptState !== 'notRunning'
        || !document.querySelector('[data-testid=stMainBlockContainer]')
        || !!document.querySelector('[data-testid=stSkeleton], [data-testid=stAppSkeleton], [data-stale=true]');
}"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the journeys, and run them last: Playwright's event loop stays with the thread, where `asyncio.run` then refuses.

    The README's command runs the rest first, and then the journeys by themselves, each of the two workers with a server and a
    browser of its own.
    """
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.path.is_relative_to(HERE))


def unavailable(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (CI is set, so this is no reason to skip.)")
    pytest.skip(reason)


# -- the server ------------------------------------------------------------------------------------------------------


@dataclass
class Server:
    """A running dashboard: where it answers, and what it logs."""

    url: str
    log: Path

    @property
    def offered(self) -> Path:
        """The folder that the server offers to everybody."""
        return self.log.parent / OFFERED

    def logged(self) -> str:
        return self.log.read_text(errors="replace")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The dashboard as its command starts it, from a folder that is not the checkout's, on a free port."""
    folder = tmp_path_factory.mktemp("server")
    log = folder / "log.txt"
    (folder / OFFERED).mkdir()
    # The checkout's packages, also where another version is installed; an empty cache unless the person names one
    env = {"NMF_DATA_DIR": str(folder / "data"), **os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    with log.open("w") as out:
        command = [sys.executable, "-m", "dashboard.server.cli", "--port", "0", "--no-browser", "--data", OFFERED]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=folder)
    try:
        yield Server(_address(process, log), log)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while not (found := re.search(r"NMF dashboard: (http://\S+)", log.read_text())):
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"The server did not start. It logged:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)
    return found[1]


# -- the browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests: the system's, or the one that Playwright installed."""
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        unavailable("Playwright is not installed: pip install playwright")
    expect.set_options(timeout=WAIT_MS)
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    with sync_playwright() as playwright:
        candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, names), playwright.chromium.executable_path]
        found = next((path for path in candidates if path and Path(path).exists()), None)
        if found is None:
            unavailable("No Chromium on this computer: install the system's chromium, or run playwright install chromium")
        chromium = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile as wide as a small laptop. It is kept for what it has loaded: half of a journey was the first screen."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
    )
    context.set_default_timeout(WAIT_MS)
    yield context
    context.close()


@pytest.fixture
def page(profile: BrowserContext, server: Server) -> Iterator[Page]:
    """A fresh page in a profile that remembers nothing of other journeys but the files that it has loaded."""
    page = profile.new_page()
    yield page
    forget = profile.new_cdp_session(page)
    forget.send("Storage.clearDataForOrigin", {"origin": server.url.rstrip("/"), "storageTypes": REMEMBERED})
    for opened in profile.pages:
        opened.close()
    profile.clear_cookies()


@pytest.fixture
def app(page: Page, server: Server) -> Iterator[App]:
    """The dashboard in the page. The test fails if anything went wrong on the way, whatever it asserts itself."""
    before = len(server.logged())
    app = App(page, server.url)
    yield app
    exceptions = [text for text in page.get_by_test_id("stException").all_inner_texts() if not app.is_forgiven(text)]
    found = [*app.problems, *exceptions]
    if found:
        pytest.fail("Went wrong on the page:\n" + "\n".join(found))
    log = server.logged()[before:]
    if "Traceback" in log and not app.is_forgiven(log):
        pytest.fail(f"The server logged:\n{log[-4000:]}")


@dataclass
class App:
    """The dashboard in a browser: open, do, and wait until it has settled. Every step returns the app itself."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)
    waiting: bool = False  # the server was asked to run the script and has not said that it is over

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._problem(f"page error: {error}"))
        self.page.on("request", lambda request: self._on_request(request.url))
        self.page.on("websocket", self._on_socket)

    def forgive(self, text: str) -> App:
        """Problems that contain this text are meant by the test. Say so before they happen."""
        self.forgiven.append(text)
        return self

    # -- moving about ------------------------------------------------------------------------------------------------

    def open(self, path: str = "/") -> App:
        self.page.goto(self.url + path)
        return self.settled()

    def go(self, title: str) -> App:
        """Click a page in the top bar, also where it is inside one of the drop-downs."""
        bar = self.page.get_by_test_id("stHeader")
        link = bar.get_by_role("link", name=title, exact=True)
        if not link.is_visible():
            for section in bar.get_by_test_id("stTopNavSection").all():
                section.click()
                link = self.page.get_by_test_id("stTopNavDropdownLink").filter(has_text=re.compile(f"^{re.escape(title)}$"))
                if link.is_visible():
                    break
                self.page.keyboard.press("Escape")
        link.click()
        return self.settled()

    def reload(self) -> App:
        self.page.reload()
        return self.settled()

    def settled(self) -> App:
        """Connected, every click answered, script finished, nothing loading, nothing stale, and all that for a moment.

        While a fragment polls, this is the pause between two polls; so assert outcomes with `expect`.
        """
        end, quiet_since = time.monotonic() + WAIT_MS / 1000, None
        while quiet_since is None or time.monotonic() - quiet_since < QUIET_SECONDS:
            if self.page.evaluate(BUSY) or self.waiting:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            assert time.monotonic() < end, f"The page has not settled. It reads:\n{self.text()[:2000]}"
            self.page.wait_for_timeout(50)
        return self

    # -- controls, by the label a person reads ---------------------------------------------------------------------

    def click_button(self, name: str) -> App:
        self.page.get_by_role("button", name=name, exact=True).click()
        return self.settled()

    def choose_select(self, label: str, option: str) -> App:
        """Choose in a select box by typing, which also reaches options further down a long list."""
        box = self.page.get_by_role("combobox", name=label)
        box.click()
        if box.is_editable():
            box.fill(option)
        self.page.get_by_role("option", name=option, exact=True).first.click()
        return self.settled()

    def choose(self, label: str, option: str) -> App:
        """Press one option of a segmented control, of pills or of radio buttons."""
        group = self.page.get_by_role("radiogroup", name=label).or_(self.page.get_by_role("toolbar", name=label)).first
        group.get_by_text(option, exact=True).click()
        return self.settled()

    def set_slider(self, label: str, value: float) -> App:
        """Move a slider with the arrow keys until it shows the value."""
        thumb = self.page.locator(f"input[type=range][aria-label={json.dumps(label)}]").first
        for _ in range(500):
            off = float(thumb.input_value()) - value
            if abs(off) < 1e-9:
                return self.settled()
            thumb.press("ArrowLeft" if off > 0 else "ArrowRight")
        raise AssertionError(f"The slider {label!r} does not reach {value}; it stands at {thumb.input_value()}.")

    def toggle(self, label: str) -> App:
        """Click a checkbox or a switch."""
        box = self.page.get_by_test_id("stCheckbox").filter(has=self.page.get_by_label(label, exact=True)).first
        box.locator("label").first.click()
        return self.settled()

    def fill(self, label: str, text: str) -> App:
        """Type into a text or number field and press Enter."""
        box = self.page.get_by_label(label, exact=True).first
        box.fill(text)
        box.press("Enter")
        return self.settled()

    def upload(self, label: str, file: str | Path | tuple[str, bytes]) -> App:
        """Hand a file, or a name with its content, to a file uploader."""
        given: Any = file
        if isinstance(file, tuple):
            given = {"name": file[0], "mimeType": "application/octet-stream", "buffer": file[1]}
        named = self.page.get_by_test_id("stWidgetLabel").filter(has_text=label)
        uploader = self.page.get_by_test_id("stFileUploader").filter(has=named).first
        uploader.locator("input[type=file]").set_input_files(given)
        return self.settled()

    def expand(self, title: str) -> App:
        """Open an expander, unless it is open."""
        expander = self.page.get_by_test_id("stExpander").filter(has=self.page.locator("summary", has_text=title)).first
        if expander.locator("details").get_attribute("open") is None:
            expander.locator("summary").click()
        return self.settled()

    # -- reading -----------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """What the main part of the page reads."""
        return "\n".join(self.page.get_by_test_id("stMain").all_inner_texts())

    def title(self) -> Locator:
        """The heading of the page. While one page follows another there can be two: the first is the new one."""
        return self.page.get_by_test_id("stMain").get_by_role("heading", level=1).first

    def sidebar(self) -> Locator:
        return self.page.get_by_test_id("stSidebar")

    def expect(self, what: Any) -> Any:
        """Playwright's `expect`, which waits; taken from here, so that a test file imports nothing that may be missing."""
        from playwright.sync_api import expect

        return expect(what)

    # -- what went wrong ---------------------------------------------------------------------------------------------

    def is_forgiven(self, text: str) -> bool:
        return any(meant in text for meant in self.forgiven)

    def _problem(self, text: str) -> None:
        if not self.is_forgiven(text):
            self.problems.append(text)

    def _on_console(self, message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        if message.type == "error":
            self._problem(f"console error: {message.text} ({address})")

    def _on_socket(self, socket: WebSocket) -> None:
        self._on_request(socket.url)
        self.waiting = False
        socket.on("framesent", self._on_sent)
        socket.on("framereceived", self._on_received)

    def _on_sent(self, frame: bytes | str) -> None:
        if isinstance(frame, bytes) and BackMsg.FromString(frame).WhichOneof("type") == "rerun_script":
            self.waiting = True

    def _on_received(self, frame: bytes | str) -> None:
        if isinstance(frame, bytes) and len(frame) < SHORT_MESSAGE:
            said = ForwardMsg.FromString(frame)
            if said.WhichOneof("type") == "script_finished" and said.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.waiting = False

    def _on_request(self, url: str) -> None:
        ours = (self.url, self.url.replace("http", "ws", 1), "data:", "blob:", "about:")
        if not url.startswith(ours):
            self._problem(f"request to another host: {url}")
