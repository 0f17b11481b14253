"""What does the server add to Streamlit: security headers, known hosts, a warm start, an error screen, its address?

`options()` are the arguments of `st.App` in app.py, so that both ways of starting have all of it.
May import streamlit and starlette, and the modules that it warms up by name.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import hashlib
import importlib
import logging
import re
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
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
LATER_SECONDS = 15.0  # the rest is loaded after this time, also when nobody has come
BROWSER_SECONDS = 3.0  # what a browser needs to draw the first screen
KERNEL_DTYPES = ("float32", "float64")
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
        "middleware": [Middleware(SecurityHeaders), Middleware(KnownHosts)],
        "lifespan": lifespan,
        "on_script_error": show_error,
    }


# -- start -----------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Runs when the port is bound: requests that come now are answered in a moment."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("streamlit.error_util").addFilter(lambda record: record.msg != "Uncaught app execution")  # see show_error
    ready = threading.Event()
    threading.Thread(target=warm_up, args=(ready,), name="warm-up", daemon=True).start()
    await asyncio.to_thread(ready.wait, FIRST_SECONDS)
    url = address()
    print(f"NMF dashboard: {url}  (Ctrl+C stops it)", flush=True)  # what the command is for, so not a log line
    if not st.get_option("server.headless"):
        threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()
    yield


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

    with engines.plain_meanwhile():  # nobody's run, and above all not the first screen, waits for the kernels
        try:
            _load(FIRST)
            from dashboard.work.fitting import warm
            from dashboard.work.jobs import service

            warm(service())
            _freeze()
        finally:
            ready.set()
        if DRAWN.wait(LATER_SECONDS):
            time.sleep(BROWSER_SECONDS)
        _load(LATER)
        warm_kernels()
    _freeze()


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
        command = [sys.executable, "-c", COMPILE, place, *KERNEL_DTYPES]
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


# -- headers ---------------------------------------------------------------------------------------------------------


class KnownHosts(TrustedHostMiddleware):
    """Refuses every request for a host name that is not ours, so that no foreign site can reach the server by DNS.

    Streamlit applies `server.allowedHosts` to the WebSocket only; this covers uploads and media as well.
    """

    def __init__(self, app: ASGIApp) -> None:
        hosts = st.get_option("server.allowedHosts") or ["*"]
        super().__init__(app, [f"[{host}]" if ":" in host else host for host in hosts], www_redirect=False)


class SecurityHeaders:
    """Adds our headers to every response that does not have them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in security_headers().items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in self.headers if h[0] not in present)]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def security_headers() -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        # 'unsafe-eval': without it Plotly's WebGL traces (scattergl) say "WebGL is not supported" and draw nothing
        "script-src": " ".join(["'self'", "'unsafe-eval'", *_inline_script_hashes()]),
        "style-src": "'self' 'unsafe-inline'",  # Streamlit and Plotly write their styles at run time
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "frame-src": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


def _inline_script_hashes() -> list[str]:
    """CSP sources of the scripts that stand inside Streamlit's own page, so that no other inline script may run."""
    page = Path(st.__file__).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
