"""A browser tab without a browser: speaks Streamlit's protocol over its WebSocket, uploads files, presses buttons, and listens.

For measuring the server, and for tests of it, where a real browser would be most of what is measured.
"""

from __future__ import annotations

import contextlib
import re
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

PATIENCE = 60.0  # seconds until a tab that hears nothing gives up


@dataclass
class Tab:
    """One open tab.

    url : of the server; query : the address after the question mark; session : an earlier session to come back to
    name, before : of this page and of the one before it in the tab, as our script in the page draws them: 32 hexadecimal digits
    """

    url: str
    query: str = ""
    page: str = ""
    session: str = ""
    name: str = ""
    before: str = ""
    elements: dict[str, Any] = field(default_factory=dict)  # the widgets of the last run, by id
    texts: list[str] = field(default_factory=list)  # what the last run wrote
    drawn: set[str] = field(default_factory=set)  # the widgets that the last run drew, which may have been of a part of the page
    received: int = 0
    cookies: CookieJar = field(default_factory=CookieJar)
    redirect: str = ""  # where the server sent it to sign in
    _widgets: dict[str, Any] = field(default_factory=dict)  # what each control says
    _parts: dict[str, str] = field(default_factory=dict)  # the fragment that each control is drawn by
    _hash: str = ""
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Tab:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect, as a browser does: first the page (for its cookie), then the WebSocket with the page's origin."""
        self._http = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        with self._http.open(self.url + "/_stcore/host-config", timeout=PATIENCE):
            pass
        with self._http.open(self.url + "/_stcore/health", timeout=PATIENCE):
            pass
        origin = re.match(r"https?://[^/]+", self.url)
        assert origin is not None
        spoken = ["streamlit", self._xsrf() or "none", *([self.session] if self.session else [])]
        spoken += ["nmf-page." + ".".join(name for name in (self.name, self.before) if name)] if self.name else []
        dialled = connect(
            self.url.replace("http", "ws", 1) + "/_stcore/stream",
            origin=origin[0],  # type: ignore[arg-type]
            subprotocols=spoken,  # type: ignore[arg-type]
            additional_headers={"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)},
            max_size=None,
            open_timeout=PATIENCE,
            compression=None,
        )
        self._socket: ClientConnection = self._open.enter_context(dialled)

    def _xsrf(self) -> str:
        return next((str(cookie.value) for cookie in self.cookies if cookie.name == "_streamlit_xsrf"), "")

    def close(self) -> None:
        """Close the tab."""
        self._open.close()

    def cut(self) -> None:
        """Lose the connection without a word."""
        with contextlib.suppress(OSError):
            self._socket.socket.shutdown(2)
        with contextlib.suppress(Exception):
            self._open.close()

    def run(self, **changed: Any) -> float:
        """Have the script run, with what the controls say; seconds until it is finished.

        changed : values of controls by a part of their id; True presses a button
        """
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string, rerun.page_name = self.query, self.page
        if self._hash:
            rerun.page_script_hash = self._hash
        for part, value in changed.items():
            name = self.find(part)
            rerun.fragment_id = self._parts.get(name, "")  # as a browser does: then that part alone is drawn
            state = rerun.widget_states.widgets.add()
            state.id = name
            if value is True:
                state.trigger_value = True
            else:
                slides = type(self.elements[name]).__name__ == "Slider"
                self._widgets[name] = [float(value)] if slides else value
                _put(state, self._widgets[name])
        for name, value in self._widgets.items():
            if not any(state.id == name for state in rerun.widget_states.widgets):
                state = rerun.widget_states.widgets.add()
                state.id = name
                _put(state, value)
        began = time.perf_counter()
        self._socket.send(message.SerializeToString())
        self.drawn = set()
        self._listen(whole=not rerun.fragment_id)
        seconds = time.perf_counter() - began
        self._widgets = {name: value for name, value in self._widgets.items() if name in self.elements}  # as a browser does
        return seconds

    def _listen(self, *, whole: bool) -> None:
        """Take what the server sends until the script is over. whole : the page is drawn anew, not a part of it"""
        end = time.monotonic() + PATIENCE
        while True:
            content = self._socket.recv(timeout=max(0.1, end - time.monotonic()))
            self.received += len(content)
            message = ForwardMsg()
            message.ParseFromString(content)  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session = message.new_session.initialize.session_id or self.session
                if whole:
                    self.elements, self.texts, self._parts = {}, [], {}
                whole = True  # a part that asks for the whole page has ended before
            elif kind == "navigation":
                self._hash = message.navigation.page_script_hash
            elif kind == "auth_redirect":
                self.redirect = message.auth_redirect.url
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "delta":
                self._take(message.delta)
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN:
                    continue
                return

    def _take(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        inner = getattr(element, kind)
        name = getattr(inner, "id", "")
        if name:
            self.elements[name] = inner
            self.drawn.add(name)
            self._parts[name] = delta.fragment_id
        for attribute in ("body", "label", "message"):
            text = getattr(inner, attribute, "")
            if isinstance(text, str) and text:
                self.texts.append(text)

    def follow(self) -> int:
        """Go where the server sent the tab, as a browser does; the status at the end of all redirects."""
        with self._http.open(urllib.parse.urljoin(f"{self.url}/", self.redirect), timeout=PATIENCE) as answer:
            return int(answer.status)

    def go(self, page: str) -> float:
        """Open another page of the same session; seconds."""
        self.page, self._hash = page, ""
        return self.run()

    def wait_for(self, part: str, patience: float = PATIENCE) -> None:
        """Draw the page again, as its fragments do while something is under way, until a control is there."""
        end = time.monotonic() + patience
        while not any(part in name for name in self.elements):
            if time.monotonic() > end:
                raise TimeoutError(f"no {part!r} after {patience:.0f} s; the page says {self.texts[:20]}")
            time.sleep(0.3)
            self.run()

    def says(self, words: str) -> bool:
        """Whether the last run wrote these words; what Markdown needs before a sign does not count."""
        return any(words in text.replace("\\", "") for text in self.texts)

    def find(self, part: str) -> str:
        """The id of the control that this is part of; behind a ~ stands how often the program has turned it."""
        plain = {name: name.partition("~")[0] for name in self.elements}
        found = [name for name, key in plain.items() if key == part or key.endswith(f"-{part}") or f"-{part}-" in key]
        if not found:
            raise LookupError(f"There is no control {part!r} among {sorted(self.elements)}.")
        return found[0]

    def upload(self, part: str, name: str, content: bytes) -> float:
        """Drop a file into an uploader; seconds until the page is drawn with it."""
        from streamlit.proto.Common_pb2 import FileUploaderState, FileURLs

        wanted = BackMsg()
        wanted.file_urls_request.request_id = "1"
        wanted.file_urls_request.file_names.append(name)
        wanted.file_urls_request.session_id = self.session
        began = time.perf_counter()
        self._socket.send(wanted.SerializeToString())
        place: FileURLs | None = None
        while place is None:
            message = ForwardMsg()
            message.ParseFromString(self._socket.recv(timeout=PATIENCE))  # type: ignore[arg-type]
            if message.WhichOneof("type") == "file_urls_response":
                place = message.file_urls_response.file_urls[0]
        edge = "tab-without-browser"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        origin = re.match(r"https?://[^/]+", self.url)
        assert origin is not None
        request = urllib.request.Request(self.url + place.upload_url, data=body, method="PUT")
        request.add_header("Content-Type", f"multipart/form-data; boundary={edge}")
        request.add_header("X-Xsrftoken", self._xsrf())
        request.add_header("Origin", origin[0])
        with self._http.open(request, timeout=PATIENCE):
            pass
        state = FileUploaderState()
        info = state.uploaded_file_info.add()
        info.file_id, info.name, info.size = place.file_id, name, len(content)
        info.file_urls.CopyFrom(place)
        self.run(**{part: state})
        return time.perf_counter() - began


def _put(state: Any, value: Any) -> None:
    """What a control says, in the protocol's terms."""
    kind = type(value).__name__
    if kind == "FileUploaderState":
        state.file_uploader_state_value.CopyFrom(value)
    elif isinstance(value, bool):
        state.bool_value = value
    elif isinstance(value, int):
        state.int_value = value
    elif isinstance(value, float):
        state.double_value = value
    elif isinstance(value, list):
        state.double_array_value.data.extend(float(one) for one in value)
    else:
        state.string_value = str(value)
