"""Do the recipes of docs/deploy.md hold, as far as they run without a cloud? A real proxy stands in front of two real servers."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import tomllib

import pytest
from running import CHECKOUT, COMMAND, Running, serving
from streamlit.testing.v1 import AppTest

from benchmarks.tab import Tab
from dashboard.server import cli, guards

DEPLOY = CHECKOUT / "deploy"
ROWS = "name,a,b,c\n" + "\n".join(f"row {i},{i},{i * i % 7},{9 - i}" for i in range(1, 9)) + "\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# -- a proxy under a path ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """Two servers behind nginx with the shipped configuration, its names and ports put in; and where the proxy answers."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        if os.environ.get("CI"):
            pytest.fail("nginx is not installed (CI is set, so this is no reason to skip).")
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    one, two, proxy = (tmp_path_factory.mktemp(name) for name in ("one", "two", "proxy"))
    with serving(COMMAND, one, "--base-path", "nmf") as first, serving(COMMAND, two, "--base-path", "/nmf/") as second:
        port = free_port()
        text = (DEPLOY / "nginx.conf").read_text()
        text = text.replace("server nmf-1:8501;", f"server 127.0.0.1:{first.port};")
        text = text.replace("server nmf-2:8501;", f"server 127.0.0.1:{second.port};")
        text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};").replace("/tmp/nginx", f"{proxy}/nginx")
        (proxy / "nginx.conf").write_text(text)
        command = [nginx, "-c", str(proxy / "nginx.conf"), "-p", str(proxy), "-g", "daemon off;", "-e", "/dev/stderr"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                pytest.fail(f"nginx did not start: {process.stderr.read()}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/nmf", (first, second)
        process.terminate()
        process.wait(10)
        process.stderr.close()


def test_the_address_it_prints_has_the_path(proxied):
    _, servers = proxied
    assert all(server.url.endswith("/nmf") for server in servers)


def test_a_person_behind_the_proxy_brings_and_fits_a_file(proxied):
    url, _ = proxied
    with Tab(url, page="data") as tab:
        tab.run()
        tab.run(**{"open-upload": True})
        tab.upload("upload-0", "lines.csv", ROWS.encode())
        tab.wait_for("use-upload")
        tab.run(**{"use-upload": True})
        tab.run(fit=True)
        assert tab.says("lines.csv")
        session = tab.session
    with Tab(url, session=session) as back:  # a connection that was lost comes back to the same server
        back.run()
        assert back.session == session
        assert back.says("lines.csv")


def test_the_proxy_passes_on_who_asks(proxied):
    url, servers = proxied
    port = int(url.split(":")[2].split("/")[0])
    through = Running(url, port, servers[0].process, servers[0].log, servers[0].calls)
    host = f"127.0.0.1:{port}"
    assert through.open_socket(host, f"http://{host}", "/nmf") == 101
    assert through.open_socket(host, f"http://127.0.0.1:{servers[0].port}", "/nmf") == 403
    assert through.open_socket(host, "http://evil.example", "/nmf") == 403
    assert through.get("/nmf", host).status == 308
    assert through.get("/nmf/_stcore/health", host).status == 200
    assert through.get("/", host).status == 404


def test_a_probe_under_a_path_is_answered_at_the_pods_address(proxied):
    _, (server, _) = proxied
    assert server.get("/nmf/_stcore/health", host="10.0.0.7:8501").status == 200
    assert server.get("/nmf/", host="10.0.0.7:8501").status == 400
    assert server.get("/_stcore/health", host="10.0.0.7:8501").status == 400


# -- in a frame --------------------------------------------------------------------------------------------------------


def test_no_page_may_show_it_in_a_frame_but_those_that_are_named(tmp_path):
    with serving(COMMAND, tmp_path, "--embed-in", "https://course.example.org", "--embed-in", "http://localhost:8000") as server:
        answer = server.get("/")
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors https://course.example.org http://localhost:8000;" in policy
        assert answer.headers["x-frame-options"] is None
        cookies = server.get("/_stcore/host-config").headers.get_all("set-cookie") or []
        cookies += server.get("/_stcore/health").headers.get_all("set-cookie") or []
        assert any("SameSite=None" in cookie and "Secure" in cookie for cookie in cookies)
    assert "frame-ancestors 'none'" in guards.security_headers()["content-security-policy"]


@pytest.mark.parametrize(
    "origin",
    ["course.example.org", "https://x.org/path", "*", "https://x.org; script-src *", "https://x.org 'self'", "", "data:"],
)
def test_what_is_no_origin_is_refused(origin, capsys, monkeypatch):
    assert cli.main(["--embed-in", origin]) == 1
    assert "is no origin for --embed-in" in capsys.readouterr().err
    monkeypatch.setenv("NMF_EMBED_IN", origin)
    assert "*" not in guards.embedders()
    assert all(guards.ORIGIN.fullmatch(one) for one in guards.embedders())


@pytest.mark.parametrize("path", ["../x", "a b", "a//b", "/a/../b", "é", "a?b"])
def test_what_is_no_path_is_refused(path, capsys):
    assert cli.main(["--base-path", path]) == 1
    assert "is no path for --base-path" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"), [(["nowhere.csv"], "no file or folder 'nowhere.csv'"), (["--data", "no"], "no folder 'no'")]
)
def test_what_is_not_there_is_refused(given, said, capsys):
    assert cli.main(given) == 1
    assert said in capsys.readouterr().err


# -- the log -----------------------------------------------------------------------------------------------------------


def test_the_log_has_a_line_per_fit_and_nothing_of_the_data(tmp_path):
    (tmp_path / "secret-name.csv").write_text(ROWS.replace("row", "Anna"))
    with serving(COMMAND, tmp_path, str(tmp_path / "secret-name.csv")) as server, Tab(server.url) as tab:
        tab.run()
        assert tab.says("secret-name.csv")
        end = time.monotonic() + 20
        while not (found := re.search(r"fit rows=8 columns=3 .*", server.logged())):
            assert time.monotonic() < end
            tab.run()
        assert re.search(r"solver=\w+ loss=frobenius rank=\d+ iterations=\d+ seconds=[\d.]+ stopped=\w+", found[0])
        for said in ("secret-name", "Anna"):
            assert said not in server.logged()


# -- sign-in -----------------------------------------------------------------------------------------------------------


def test_nothing_is_drawn_before_somebody_has_signed_in():
    app = AppTest.from_file(str(CHECKOUT / "dashboard" / "app.py"), default_timeout=60)
    app.secrets["auth"] = {
        "redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x" * 32, "client_id": "a", "client_secret": "b",
        "server_metadata_url": "https://login.example.org/.well-known/openid-configuration",
    }  # fmt: skip
    app.run()
    assert not app.exception
    assert app.title[0].value == "NMF dashboard"
    assert [button.label for button in app.button] == ["Sign in"]
    assert not app.metric
    assert "nmf" not in app.session_state


# -- files for engines that are not here -------------------------------------------------------------------------------


def test_the_cloud_has_our_settings_but_for_where_it_listens():
    ours, cloud = (
        tomllib.loads((folder / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
        for folder in (CHECKOUT / "dashboard", DEPLOY / "cloud")
    )
    assert ours["server"].pop("address") == "127.0.0.1"
    assert "address" not in cloud["server"]
    ours["server"].pop("allowedHosts")
    assert cloud["server"].pop("allowedHosts")[0] == "*.streamlit.app"
    assert cloud == ours


def test_the_clouds_main_file_is_the_whole_dashboard(tmp_path):
    command = ["-m", "streamlit", "run", str(DEPLOY / "cloud" / "streamlit_app.py"), "--server.headless=true"]
    with serving(command, tmp_path, "--server.address=127.0.0.1") as server:
        assert server.get("/", host="nmf.streamlit.app").status == 200
        assert server.get("/", host="evil.example").status == 400
        assert server.get("/").headers["x-frame-options"] == "DENY"
        with Tab(server.url) as tab:
            tab.run()
            assert tab.says("films")


def test_the_image_is_built_in_two_stages_without_root_and_checks_its_health():
    text = (DEPLOY / "Dockerfile").read_text()
    assert len(re.findall(r"^FROM ", text, re.M)) == 2
    assert "COPY --from=build" in text
    last = text[text.rindex("FROM ") :]
    assert re.search(r"^USER 10001$", last, re.M)
    assert last.index("USER 10001") > last.index("useradd")
    assert "/_stcore/health" in re.search(r"HEALTHCHECK .*\\\n.*", last)[0]
    entry = json.loads(re.search(r"^ENTRYPOINT (\[.*\])$", last, re.M)[1])
    cli.parser().parse_args(entry[1:])  # every option in it is one of the command's
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M))
    named = {name for line in copied for name in line.split()}
    assert all((CHECKOUT / name).exists() for name in named)
    kept = (CHECKOUT / ".dockerignore").read_text().split()
    assert all(f"!{name}" in kept for name in named)


def test_compose_and_kubernetes_name_what_there_is():
    yaml = pytest.importorskip("yaml")
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name in ("nmf-1", "nmf-2"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        cli.parser().parse_args(service["command"])
        assert f"server {name}:8501;" in (DEPLOY / "nginx.conf").read_text()
        assert "/nmf/_stcore/health" in service["healthcheck"]["test"][-1]
    deployment, service = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")} == {
        guards.PROBE
    }
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert service["spec"]["sessionAffinity"] == "ClientIP"
    cli.parser().parse_args(container["args"])


def test_every_recipe_has_a_section_and_every_file_is_named():
    text = (CHECKOUT / "docs" / "deploy.md").read_text(encoding="utf-8")
    for title in ("proxy", "Docker", "Kubernetes", "course page", "Sign-in", "cloud", "Spaces"):
        assert re.search(rf"^## .*{title}", text, re.M)
    for path in re.findall(r"`(deploy/[\w./]+)`", text):
        assert (CHECKOUT / path).exists(), path
    dockers = {"--rm", "--read-only", "--tmpfs", "--cap-drop", "--security-opt", "--build-arg", "--build"}
    assert {option for option in re.findall(r"(?<!-)--[a-z][a-z-]*", text) if option not in cli.parser().format_help()} <= dockers
