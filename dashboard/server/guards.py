"""Who may ask this server what, and what does every answer carry? Known hosts, one origin, security headers, probes.

Streamlit's own checks come after these. One of them would ask the network: for a WebSocket from a foreign page it looks up the
computer's address in the internet, in the event loop, so that five attempts held the server up for ten seconds where the network
hangs. So a request from a foreign page ends here.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.server import opening
from dashboard.server.settings import EMBED_VARIABLE, ORIGIN

PROBE = "/_stcore/health"  # says "ok" and nothing else
CHANGES = ("POST", "PUT", "PATCH", "DELETE")


def headers_of(scope: Scope, name: bytes) -> list[str]:
    """The values of one header, as often as it was sent."""
    return [value.decode("latin-1") for key, value in scope.get("headers", ()) if key.lower() == name]


class KnownHosts(TrustedHostMiddleware):
    """Refuses every request for a host name that is not ours, so that no foreign site can reach the server by DNS.

    Streamlit applies `server.allowedHosts` to the WebSocket only; this covers uploads and media as well. The health check alone
    is answered under every name: an orchestrator asks for it at a container's own address, and it says nothing but "ok".
    """

    def __init__(self, app: ASGIApp) -> None:
        hosts = st.get_option("server.allowedHosts") or ["*"]
        super().__init__(app, [f"[{host}]" if ":" in host else host for host in hosts], www_redirect=False)
        base = (st.get_option("server.baseUrlPath") or "").strip("/")
        self.probe = f"/{base}{PROBE}" if base else PROBE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] == self.probe:
            await self.app(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


class OneOrigin:
    """Refuses what a page from elsewhere sends: a WebSocket, or a request that changes something, of another origin than ours.

    Another port of the same computer is elsewhere, too. Programs that are no browsers send no origin. A proxy has to pass on the
    host that the browser asked for (`proxy_set_header Host $http_host` in nginx); a header that says which host that was is not
    believed, since anybody can send it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = scope["type"] == "websocket" or (scope["type"] == "http" and scope["method"] in CHANGES)
        if not asks or self.is_ours(headers_of(scope, b"origin"), headers_of(scope, b"host")):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the browser reads 403
        else:
            await PlainTextResponse("This request comes from another site's page.", status_code=403)(scope, receive, send)

    @staticmethod
    def is_ours(origins: list[str], hosts: list[str]) -> bool:
        """Whether there is no origin, or one that is written exactly as the one host: then Streamlit asks nobody about it."""
        return not origins or (len(origins) == len(hosts) == 1 and netloc(origins[0]) == hosts[0] != "")


def netloc(origin: str) -> str | None:
    """Host and port of an origin; None when it is none."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc if parts.scheme in ("http", "https") and "@" not in parts.netloc else None


class SecurityHeaders:
    """Adds our headers to every response that does not have them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in security_headers(embedders()).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in self.headers if h[0] not in present)]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def embedders() -> list[str]:
    """The origins that may show the dashboard inside their pages; what is no origin is left out."""
    return [origin for origin in os.environ.get(EMBED_VARIABLE, "").split() if ORIGIN.fullmatch(origin)]


def security_headers(embed_in: Iterable[str] = ()) -> dict[str, str]:
    """What every response carries.

    embed_in : origins that may show the dashboard in a frame; nobody may without them
    """
    frames = " ".join(embed_in)
    policy = {
        "default-src": "'none'",
        # 'unsafe-eval': without it Plotly's WebGL traces (scattergl) say "WebGL is not supported" and draw nothing
        "script-src": " ".join(["'self'", "'unsafe-eval'", *_inline_script_hashes(), opening.source()]),
        "style-src": "'self' 'unsafe-inline'",  # Streamlit and Plotly write their styles at run time
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "frame-src": "'none'",
        "frame-ancestors": frames or "'none'",
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
        **({} if frames else {"x-frame-options": "DENY"}),  # an old header that knows no list; the policy above stands for it
    }


def _inline_script_hashes() -> list[str]:
    """CSP sources of the scripts that stand inside Streamlit's own page, so that no other inline script may run."""
    page = Path(st.__file__).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
