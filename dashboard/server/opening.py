"""Which script of ours stands in the page that a browser opens? One, beside Streamlit's own: dashboard/assets/opening.js.

Streamlit has no place for it, so the page is changed on its way out. Its text is held by the policy through its hash.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = (Path(__file__).parents[1] / "assets" / "opening.js").read_text(encoding="utf-8")
HEAD_ENDS = b"</head>"
PACKED_OR_KEPT = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")  # asked for, what cannot be added to
OF_THE_FILE = ("etag", "last-modified", "accept-ranges")  # what was said of the page as it lies on disk


def source() -> str:
    """The script as the content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"


class OwnScript:
    """Puts the script into every page that a browser asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope.get("headers", ())
        if scope["type"] != "http" or not any(name == b"accept" and b"text/html" in value for name, value in headers):
            await self.app(scope, receive, send)
            return
        scope = {**scope, "headers": [one for one in headers if one[0] not in PACKED_OR_KEPT]}
        began: Message | None = None
        parts: list[bytes] = []

        async def pass_on(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start" and _is_page(message):
                began = message
            elif began is None or message["type"] != "http.response.body":
                await send(message)
            else:
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    page = b"".join(parts).replace(HEAD_ENDS, f"<script>{SCRIPT}</script>".encode() + HEAD_ENDS, 1)
                    headers = MutableHeaders(raw=began["headers"])
                    headers["content-length"] = str(len(page))
                    for name in OF_THE_FILE:
                        del headers[name]
                    await send(began)
                    await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, pass_on)


def _is_page(start: Message) -> bool:
    headers = MutableHeaders(raw=start["headers"])
    return "content-encoding" not in headers and headers.get("content-type", "").startswith("text/html")
