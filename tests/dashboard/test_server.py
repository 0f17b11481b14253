"""Do both ways of starting give the same safe server, from any folder, and does the command refuse in plain words?"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit
import uvicorn
from running import CHECKOUT, COMMAND, SCRIPT, WATCHED, Running, serving, start
from starlette.requests import Request
from streamlit import config
from streamlit.testing.v1 import AppTest

from benchmarks.tab import Tab
from dashboard.learn import shelf
from dashboard.server import asgi, cli, guards, housekeeping, opening

CONFIG = CHECKOUT / "dashboard" / ".streamlit" / "config.toml"

# Settings of another project, lying in the folder where the dashboard is started
FOREIGN_CONFIG = """
[server]
address = "0.0.0.0"
allowedHosts = []
maxUploadSize = 5000
[client]
showErrorDetails = "full"
[theme]
base = "dark"
[theme.light]
primaryColor = "#FF0000"
"""


# -- a running server ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[WATCHED, SCRIPT], ids=["nmf-dashboard", "streamlit run"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The dashboard, started in another project's folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "config.toml").write_text(FOREIGN_CONFIG)
    with serving(request.param, folder) as running:
        yield running


def test_it_answers_on_loopback_whatever_the_folder_says(server):
    assert server.url == f"http://127.0.0.1:{server.port}"
    assert server.get("/_stcore/health").status == 200


@pytest.mark.parametrize("path", ["/", "/topics", "/_stcore/health", "/favicon.png", "/nothing/here.js"])
def test_every_response_has_the_security_headers(server, path):
    headers = server.get(path).headers
    for name, value in guards.security_headers().items():
        assert headers[name] == value


@pytest.mark.parametrize("path", ["/", "/topics"])
def test_a_page_carries_our_one_script_and_the_policy_allows_it(server, path):
    page = server.get(path, Accept="text/html,*/*;q=0.8", Accept_Encoding="gzip")
    assert page.said.count(opening.SCRIPT) == 1
    assert opening.source() in page.headers["content-security-policy"]
    assert int(page.headers["content-length"]) == len(page.said.encode())
    assert "etag" not in page.headers


def test_the_policy_names_no_other_host_and_no_inline_script(server):
    policy = dict(part.strip().split(" ", 1) for part in server.get().headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "unsafe-inline" not in policy["script-src"]
    assert policy["connect-src"] == "'self'"
    assert not re.search(r"https?:|wss?:|\*", " ".join(policy.values()))


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_its_own_names_are_answered(server, name):
    host = f"{name}:{server.port}"
    assert server.get(host=host).status == 200
    assert server.open_socket(host, f"http://{host}") == 101


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", ""])
def test_a_foreign_host_name_is_refused(server, name):
    assert server.get(host=name).status == 400
    assert server.get("/_stcore/host-config", host=name).status == 400
    assert server.open_socket(name, f"http://{name}") in (400, 403)


def test_a_probe_is_answered_at_a_containers_own_address(server):
    assert server.get("/_stcore/health", host="10.1.2.3:8501").status == 200
    assert server.get("/_stcore/health", host="10.1.2.3:8501", method="PUT", Origin="http://10.1.2.3:8501").status == 400
    assert server.get("/_stcore/health/", host="10.1.2.3:8501").status == 400


FOREIGN = [
    "http://evil.example",
    "https://192.0.2.7",
    "http://127.0.0.1",
    "http://localhost:1",
    "null",
    "file://",
    "http://",
    "x",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_another_pages_websocket_is_refused_and_the_server_asks_nobody(server, origin):
    host = f"127.0.0.1:{server.port}"
    assert server.open_socket(host, origin) == 403
    assert server.open_socket(host, f"http://{host}@evil.example") == 403
    assert server.open_socket(host, None) == 101  # a program that is no browser
    assert server.called() == ""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_changes_something_is_refused_from_another_page(server, method):
    host, place = f"127.0.0.1:{server.port}", "/_stcore/upload_file/a/b"
    answer = server.get(place, host, method, Origin="http://evil.example", Content_Length="0")
    assert (answer.status, answer.said) == (403, "This request comes from another site's page.")
    assert "another site" not in server.get(place, host, method, Origin=f"http://{host}", Content_Length="0").said


def test_a_display_control_redraws_its_page_alone_and_a_fit_everything(server):
    with Tab(server.url) as tab:
        tab.run()
        tab.go("matrices")
        tab.run(**{"cells-rows-from": 3})
        assert any("cells-rows-number" in name for name in tab.drawn)
        assert not any("rank-field" in name for name in tab.drawn)
        tab.go("compare")
        tab.run(**{"another-seed": True})  # drawn in a part of its own, and the panel shows what it starts
        assert any("rank-field" in name for name in tab.drawn)


def test_the_server_calls_nobody(server):
    """From its start on, with a page drawn and a file brought; its own sockets are watched, not only the browser's."""
    with Tab(server.url) as tab:
        tab.run()
        assert any("films" in text for text in tab.texts)
    assert server.get("/").status == 200
    assert server.called() == ""


def test_an_upload_stays_in_memory_while_it_arrives():
    asgi.hold_uploads_in_memory()
    content = b"1,2\n" * 800_000
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n\r\n'
    body = head + content + b"\r\n--x--\r\n"

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def parsed():
        scope = {"type": "http", "method": "PUT", "headers": [(b"content-type", b"multipart/form-data; boundary=x")]}
        async with Request(scope, receive).form() as form:
            file = form["file"]
            return file.size, file._in_memory

    assert asyncio.run(parsed()) == (len(content), True)


def test_an_answer_does_not_wait_for_the_receipt_of_the_one_before():
    """Head and body of every answer lay 40 ms apart: asyncio does nothing about that where a socket names no protocol."""
    asgi.answer_at_once()
    found = []

    async def app(scope, receive, send):
        sockets = [each.transport.get_extra_info("socket") for each in running.server_state.connections]
        found.extend(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def visited():
        serving_it = asyncio.create_task(running.serve(sockets=[bound]))
        while not running.started:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        await reader.readline()
        writer.close()
        running.should_exit = True
        await serving_it

    with socket.socket(family=socket.AF_INET) as bound:  # as Streamlit makes it
        bound.bind(("127.0.0.1", 0))
        running = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))
        running.install_signal_handlers = lambda: None
        asyncio.run(visited())
    assert found == [1]


def test_it_does_not_listen_on_the_network(server):
    outside = [name for name in cli.own_names() if re.fullmatch(r"[\d.]+", name) and not cli.is_loopback(name)]
    if not outside:
        pytest.skip("this computer has no address but loopback")
    with socket.socket() as probe:
        probe.settimeout(5)
        assert probe.connect_ex((outside[0], server.port)) != 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_ctrl_c_ends_it_at_once_without_a_traceback(tmp_path):
    running = start(COMMAND, tmp_path)
    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(10) == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in running.log.read_text()


# -- the settings ----------------------------------------------------------------------------------------------------


def options(table: dict, path: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from options(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


SETTINGS = dict(options(tomllib.loads(CONFIG.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_an_option_of_this_streamlit(name):
    assert name in config._config_options_template


def test_the_settings_hold_over_those_of_the_folder_it_is_started_in(tmp_path):
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(FOREIGN_CONFIG)
    script = (
        "import sys, json\nfrom streamlit import config\n"
        "config._main_script_path = sys.argv[1]\n"
        "print(json.dumps({name: config.get_option(name) for name in json.loads(sys.argv[2])}))"
    )
    names = json.dumps(list(SETTINGS))
    run = subprocess.run(
        [sys.executable, "-c", script, str(cli.APP), names], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == SETTINGS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server.address", "127.0.0.1"),
        ("server.allowedHosts", list(cli.LOOPBACK)),
        ("server.maxUploadSize", 100),
        ("server.enableCORS", True),
        ("server.enableXsrfProtection", True),
        ("server.disconnectedSessionTTL", 900),
        ("browser.gatherUsageStats", False),
        ("client.showErrorDetails", "none"),
        ("client.showErrorLinks", False),
        ("client.disableDataExport", True),
        ("runner.magicEnabled", False),
        ("runner.fastReruns", False),
    ],
)
def test_the_safe_settings_are_shipped(name, value):
    assert SETTINGS[name] == value


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_has_enough_colours_for_plotly(theme):
    assert len(SETTINGS[f"theme.{theme}.chartCategoricalColors"]) >= 10  # with fewer the colourway has an "undefined"
    assert len(set(SETTINGS[f"theme.{theme}.chartCategoricalColors"])) >= 10


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the command hands to Streamlit, instead of a server."""
    calls: list[list[str]] = []
    monkeypatch.setattr("streamlit.web.cli.main", lambda args, **_: calls.append(args))
    return calls


def test_help_explains_every_option(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    for word in (
        "--host",
        "--port",
        "--allow-host",
        "--no-browser",
        "--data",
        "--base-path",
        "--embed-in",
        "this computer only",
        "0.0.0.0",
        "8501",
    ):
        assert word in text


def test_a_port_in_use_is_named_with_the_way_out(capsys, launched):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["--port", str(port)]) == 1
    said = capsys.readouterr().err
    assert said == (
        f"nmf-dashboard: port {port} is in use. Is a dashboard already running? Choose another one with --port, or --port 0.\n"
    )
    assert launched == []


def test_an_address_of_another_computer_is_refused(capsys, launched):
    assert cli.main(["--host", "192.0.2.77"]) == 1
    assert "this computer has no address '192.0.2.77'" in capsys.readouterr().err
    assert launched == []


@pytest.mark.parametrize("port", ["x", "-1", "65536", "1.5", ""])
def test_what_is_no_port_is_refused(capsys, port):
    with pytest.raises(SystemExit) as stopped:
        cli.main([f"--port={port}"])
    assert stopped.value.code == 2
    assert f"{port!r} is no port; it is a number from 0 to 65535" in capsys.readouterr().err


def test_without_options_it_listens_here_and_says_nothing(capsys, launched):
    assert cli.main([]) == 0
    assert launched == [["run", str(cli.APP), "--server.address=127.0.0.1"]]
    assert capsys.readouterr().err == ""


def test_options_reach_the_server(launched):
    cli.main(["--port", "0", "--no-browser", "--allow-host", "nmf.example.org"])
    flags = launched[0][2:]
    hosts = [flag.partition("=")[2] for flag in flags if flag.startswith("--server.allowedHosts=")]
    assert hosts == [*cli.LOOPBACK, "nmf.example.org"]
    assert {"--server.port=0", "--server.headless=true"} <= set(flags)


def test_listening_on_the_network_is_warned_about_in_one_line(capsys, launched, monkeypatch):
    monkeypatch.setattr(cli, "own_names", lambda: ["lab", "lab.local", "192.0.2.9"])
    assert cli.main(["--host", "0.0.0.0"]) == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "anyone on the network can now open this dashboard" in said
    assert "lab.local" in said
    assert "--server.allowedHosts=lab.local" in launched[0]
    assert "--server.allowedHosts=0.0.0.0" not in launched[0]


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("lab", False)],
)
def test_which_addresses_are_this_computer_alone(host, alone):
    assert cli.is_loopback(host) is alone


# -- around the pages ------------------------------------------------------------------------------------------------


def test_a_page_that_fails_shows_an_id_and_the_log_has_the_rest(caplog):
    def page():
        from dashboard.server.asgi import show_error

        try:
            raise RuntimeError("/secret/path")
        except RuntimeError as error:
            if not show_error(error):
                raise

    at = AppTest.from_function(page).run(timeout=30)
    (box,) = at.error
    name = re.search(r"error `([0-9a-f]{8})`", box.value)[1]
    assert "secret" not in box.value
    assert not at.exception
    (record,) = [record for record in caplog.records if record.name == "dashboard.server.asgi"]
    assert name in record.getMessage()
    assert record.levelno == logging.ERROR
    assert "RuntimeError: /secret/path" in caplog.text


def test_streamlits_own_inline_scripts_are_allowed_by_their_hash():
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page)
    assert len(guards._inline_script_hashes()) == len(inline)


def test_garbage_is_collected_by_the_housekeeping_and_not_after_every_script():
    class Loop:
        pass

    settings = tomllib.loads((Path(asgi.__file__).parents[1] / ".streamlit" / "config.toml").read_text())
    assert settings["runner"]["postScriptGC"] is False
    loop = Loop()
    loop.itself = loop
    there = weakref.ref(loop)
    gc.disable()
    try:
        del loop
        assert there() is not None
        housekeeping.tidy()
        assert there() is None
    finally:
        gc.enable()


def test_the_warm_up_goes_on_without_a_missing_module_and_freezes_what_it_loaded(monkeypatch, caplog):
    monkeypatch.setattr(asgi, "FIRST", ("json", "no_such_module_here", "tomllib"))
    monkeypatch.setattr(asgi, "LATER_SECONDS", 0.0)
    monkeypatch.setattr(asgi, "BROWSER_SECONDS", 0.0)
    made_ready = []
    monkeypatch.setattr(asgi, "LESSON_PAUSE", 0.0)
    monkeypatch.setattr(shelf, "ready", made_ready.append)
    caplog.set_level("INFO", "dashboard")
    before, ready = gc.get_freeze_count(), threading.Event()
    try:
        asgi.warm_up(ready)
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
    assert ready.is_set()
    assert made_ready == [lesson.key for lesson in shelf.course()[0]]
    assert "Warm-up goes on without no_such_module_here" in caplog.text
    assert asgi.WARM in caplog.records[-1].getMessage()


@pytest.mark.parametrize(
    ("host", "base", "url"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8501"),
        ("::1", "", "http://[::1]:8501"),
        ("0.0.0.0", "", "http://localhost:8501"),
        (None, "nmf/", "http://localhost:8501/nmf"),
    ],
)
def test_the_address_is_one_a_browser_can_open(monkeypatch, host, base, url):
    given = {"server.address": host, "server.port": 8501, "server.baseUrlPath": base}
    monkeypatch.setattr(asgi.st, "get_option", given.get)
    assert asgi.address() == url


def test_tabs_on_one_run_of_the_catalogs_data_share_it(server):
    before = server.logged().count(" fit rows=")
    with contextlib.ExitStack() as opened:
        for _ in range(8):
            tab = opened.enter_context(Tab(server.url, query="rank=13&data=movies"))
            tab.run()
            tab.go("topics")
            tab.wait_for("topic", 30)
    assert server.logged().count(" fit rows=") == before + 1
