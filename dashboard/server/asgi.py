"""What does the server add to Streamlit: its guards, a warm start, housekeeping, an error screen, its log and its address?

`options()` are the arguments of `st.App` in app.py, so that both ways of starting have all of it.
May import streamlit and starlette, and the modules that it warms up by name.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
import webbrowser
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware

from dashboard.server.guards import KnownHosts, OneOrigin, SecurityHeaders
from dashboard.server.housekeeping import EVERY_SECONDS, keep_house
from dashboard.server.opening import OwnScript
from dashboard.server.settings import LOG_LEVELS, LOG_VARIABLE
from dashboard.work.jobs import service

_log = logging.getLogger(__name__)

# What the first screen needs. Imported before the server says that it is up: beside a browser that starts at the same time and a
# script that waits for the same modules, all of them together took twice as long.
FIRST = (
    "numpy",
    "scipy.linalg",
    "scipy.sparse",
    "pandas",
    "plotly.graph_objects",
    "plotly.io",
    "plotly.offline",
    "PIL.Image",
    "streamlit.material_icon_names",
    "dashboard.main",
)
LATER = ("sklearn.decomposition", "sklearn.feature_extraction.text")  # imported once the first screen is drawn
FIRST_SECONDS = 60.0  # the server is up after this time in any case
CLOSE_SECONDS = 0.3  # for each thread when the server ends; they are daemons, so none of them holds it up
LESSON_PAUSE = 0.1  # seconds between two lessons that are made ready
LATER_SECONDS = 15.0  # the rest is loaded after this time, also when nobody has come
BROWSER_SECONDS = 3.0  # what a browser needs to draw the first screen
KERNEL_DTYPES = ("float32", "float64")
WARM = "all is loaded"  # begins the line of the log that says so; from then on memory grows with people alone
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
COMPILE_SECONDS = 300.0  # then the child that compiles is given up
COMPILE = """
import os, sys
if hasattr(os, "nice"):
    os.nice(10)
sys.path.insert(0, sys.argv[1])
from nmfcore.kernels import engines
for dtype in sys.argv[2:]:
    engines.warm(dtype)
"""


def options() -> dict[str, Any]:
    """The keyword arguments of `st.App`."""
    return {
        "middleware": [Middleware(SecurityHeaders), Middleware(KnownHosts), Middleware(OneOrigin), Middleware(OwnScript)],
        "lifespan": lifespan,
        "on_script_error": show_error,
    }


# -- start -----------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Runs when the port is bound: requests that come now are answered in a moment."""
    start_log()
    hold_uploads_in_memory()
    answer_at_once()
    logging.getLogger("streamlit.error_util").addFilter(lambda record: record.msg != "Uncaught app execution")  # see show_error
    ready = threading.Event()
    threading.Thread(target=warm_up, args=(ready,), name="warm-up", daemon=True).start()
    await asyncio.to_thread(ready.wait, FIRST_SECONDS)
    url = address()
    print(f"NMF dashboard: {url}  (Ctrl+C stops it)", flush=True)  # what the command is for, so not a log line
    if not st.get_option("server.headless"):
        threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()
    house = asyncio.create_task(keep_house(min(EVERY_SECONDS, st.get_option("server.disconnectedSessionTTL") / 2)))
    try:
        yield
    finally:
        house.cancel()
        service().close(timeout=CLOSE_SECONDS)


def start_log() -> None:
    """Our own lines at the level that was asked for; the libraries' at warnings and above."""
    level = os.environ.get(LOG_VARIABLE, "info").lower()
    logging.basicConfig(format=LOG_FORMAT, level=logging.WARNING)
    for name in ("dashboard", "nmfcore"):
        logging.getLogger(name).setLevel(level.upper() if level in LOG_LEVELS else logging.INFO)


def hold_uploads_in_memory() -> None:
    """Starlette writes an upload above 1 MB into the system's temporary folder while it arrives; ours stays in memory."""
    MultiPartParser.spool_max_size = (int(st.get_option("server.maxUploadSize")) + 1) * 2**20


def answer_at_once() -> None:
    """Every connection sends what it has without waiting for the other side's receipt of what it sent before (TCP_NODELAY).

    asyncio asks for that itself, but only where a socket names its protocol, and Streamlit hands it one that does not. Head and
    body of an answer then lie up to 40 ms apart, and there are sixty answers before a page is drawn.
    """
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as Protocol

    made = Protocol.connection_made

    def connection_made(self: Any, transport: Any) -> None:
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made(self, transport)

    if made.__module__ != __name__:  # a second start in one process finds it done
        Protocol.connection_made = connection_made  # type: ignore[method-assign]


def address() -> str:
    """Where this server answers, for a browser on this computer."""
    host = st.get_option("server.address") or "localhost"
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    path = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"http://{f'[{host}]' if ':' in host else host}:{st.get_option('server.port')}/{path}".rstrip("/")


def warm_up(ready: threading.Event) -> None:
    """Load what the first screen needs and fit it, say so, and load the rest when that screen has been drawn.

    All that is loaded is taken out of the garbage collector's sight: Streamlit collects garbage around every script run, which
    walks through every object of every library: 170 ms a run without the freeze, 10 ms with it.
    """
    from dashboard.main import DRAWN
    from nmfcore.kernels import engines

    began = time.monotonic()
    with engines.plain_meanwhile():  # nobody's run, and above all not the first screen, waits for the kernels
        try:
            _load(FIRST)
            from dashboard.work.fitting import warm

            warm(service())
            _freeze()
        finally:
            ready.set()
        if DRAWN.wait(LATER_SECONDS):
            time.sleep(BROWSER_SECONDS)
        _load(LATER)
        warm_lessons()
        warm_kernels()
    _freeze()
    _log.info("%s seconds=%.1f kernels=%s", WARM, time.monotonic() - began, engines.in_use())


def warm_lessons() -> None:
    """Make the course ready: a lesson that is opened by its address, in front of a class, waits for nothing then."""
    from dashboard.learn import shelf

    def say(title: str, share: float) -> None:
        time.sleep(LESSON_PAUSE)  # whoever is using the dashboard meanwhile goes first

    shelf.prepare(say)


def _load(names: Sequence[str]) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as missing:
            _log.warning("Warm-up goes on without %s: %s", name, missing)


def _freeze() -> None:
    gc.collect()
    gc.freeze()


def warm_kernels() -> None:
    """Compile the kernels where the extra [fast] is installed.

    A child process at low priority compiles into numba's cache first, because compiling holds the interpreter: for up to 17 s
    on a busy machine no page was drawn. Loading from the cache afterwards takes a fraction of a second. Where the cache cannot
    be written, they are compiled here after all.
    """
    from nmfcore.kernels import engines

    if not engines.wanted():
        return
    place = str(Path(engines.__file__).parents[2])
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = [sys.executable, "-B", "-c", COMPILE, place, *KERNEL_DTYPES]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMPILE_SECONDS, check=False)
    for dtype in KERNEL_DTYPES:
        engines.warm(dtype)


# -- errors ----------------------------------------------------------------------------------------------------------


def show_error(error: Exception) -> bool:
    """The screen of a page that failed: what happened, and the id under which the log has the details.

    Streamlit logs the same traceback just before, without an id; `lifespan` filters that one out.
    """
    name = uuid.uuid4().hex[:8]
    _log.error("Page failed, error %s", name, exc_info=error)
    st.error(
        f"This page could not be drawn. Your data and your results are still there: go to another page, or reload this one. "
        f"The server's log has the details under error `{name}`."
    )
    return True
