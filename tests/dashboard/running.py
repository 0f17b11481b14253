"""A dashboard that really runs, for tests of the server: start it, ask it, see what it logged and which addresses it called."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent.parent
START_SECONDS = 60.0

COMMAND = ["-m", "dashboard.server.cli"]
WATCHED = [str(Path(__file__).with_name("watched.py"))]
SCRIPT = ["-m", "streamlit", "run", str(CHECKOUT / "dashboard" / "app.py"), "--server.headless=true"]


@dataclass
class Running:
    url: str
    port: int
    process: subprocess.Popen[str]
    log: Path
    calls: Path  # addresses that are not this computer, if it was started with a watch

    def get(self, path: str = "/", host: str | None = None, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        """The answer to a request, with any Host header; what it says is in `said`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host if host is not None else f"127.0.0.1:{self.port}")
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.said = answer.read().decode(errors="replace") if answer.status != 101 else ""
        connection.close()
        return answer

    def open_socket(self, host: str, origin: str | None, base: str = "") -> int:
        """The status of an attempt to open Streamlit's WebSocket; 101 is success."""
        handshake = {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Version": "13"}
        if origin is not None:
            handshake["Origin"] = origin
        return self.get(f"{base}/_stcore/stream", host, Connection="Upgrade", Upgrade="websocket", **handshake).status

    def logged(self) -> str:
        return self.log.read_text(errors="replace")

    def called(self) -> str:
        return self.calls.read_text() if self.calls.exists() else ""


def start(command: Sequence[str], folder: Path, *arguments: str, **environment: str) -> Running:
    """Start it in that folder and wait until it says where it is."""
    log, calls = folder / "log.txt", folder / "calls.txt"
    env = {
        **os.environ, "PYTHONPATH": str(CHECKOUT), "NMF_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1",
        "STREAMLIT_SERVER_PORT": "0", "STREAMLIT_SERVER_HEADLESS": "true", **environment,
    }  # fmt: skip
    whole = [sys.executable, *command, *([str(calls)] if command is WATCHED else []), *arguments]
    with log.open("w") as out:
        process = subprocess.Popen(whole, stdout=out, stderr=subprocess.STDOUT, cwd=folder, env=env, text=True)
    end = time.monotonic() + START_SECONDS
    while not (found := re.search(r"NMF dashboard: (http://\S+?:(\d+)\S*)", log.read_text())):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(f"The server did not start. It logged:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)
    return Running(found[1], int(found[2]), process, log, calls)


@contextlib.contextmanager
def serving(command: Sequence[str], folder: Path, *arguments: str, **environment: str) -> Iterator[Running]:
    """The same for the length of a test; a traceback in its log fails the test."""
    running = start(command, folder, *arguments, **environment)
    try:
        yield running
    finally:
        running.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(10)
        running.process.kill()
        running.process.wait()
    assert "Traceback" not in running.logged(), running.logged()[-3000:]
