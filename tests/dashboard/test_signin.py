"""Does signing in work from the first screen to the name on the page? A provider of OpenID Connect runs here, not a real one."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from running import COMMAND, serving
from test_deploy import free_port

from benchmarks.tab import Tab

pytest.importorskip("authlib", reason="the extra [auth] is not installed")
jwk = pytest.importorskip("joserfc.jwk")

SECRETS = """
[auth]
redirect_uri = "http://localhost:{port}/oauth2callback"
cookie_secret = "a long random text for a test"
client_id = "nmf"
client_secret = "told to nobody"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


class Provider(ThreadingHTTPServer):
    """Lets everybody in as Ada, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.key = jwk.RSAKey.generate_key(2048)
        self.asked: list[str] = []
        self.nonce = ""


class Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        given = {name: values[0] for name, values in urllib.parse.parse_qs(query).items()}
        self.server.asked.append(path)
        if path == "/.well-known/openid-configuration":
            url = self.server.url
            self.say({
                "issuer": url, "authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token",
                "jwks_uri": f"{url}/keys", "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            })  # fmt: skip
        elif path == "/keys":
            self.say({"keys": [self.server.key.as_dict(private=False)]})
        elif path == "/authorize":
            self.server.nonce = given.get("nonce", "")
            back = urllib.parse.urlencode({"code": "once", "state": given["state"]})
            self.send_response(302)
            self.send_header("Location", f"{given['redirect_uri']}?{back}")
            self.end_headers()

    def do_POST(self) -> None:
        from joserfc import jwt

        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        now = int(time.time())
        claims = {"iss": self.server.url, "sub": "1", "aud": "nmf", "iat": now, "exp": now + 600, "name": "Ada *Byron*"}
        claims |= {"nonce": self.server.nonce} if self.server.nonce else {}
        token = jwt.encode({"alg": "RS256", "kid": self.server.key.thumbprint()}, claims, self.server.key)
        self.say({"access_token": "x", "token_type": "Bearer", "expires_in": 600, "id_token": token})

    def say(self, answer: dict) -> None:
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def provider():
    server = Provider()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_whoever_the_provider_lets_in_sees_the_dashboard_and_nobody_else(provider, tmp_path):
    port = free_port()
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(SECRETS.format(port=port, provider=provider.url))
    with serving(COMMAND, tmp_path, "--port", str(port), STREAMLIT_SERVER_PORT=str(port)):
        with Tab(f"http://localhost:{port}") as tab:
            tab.run()
            assert tab.says("This server asks who you are before it shows anything.")
            assert not any("rank" in name for name in tab.elements)
            tab.run(**{next(iter(tab.elements)): True})
            assert "/auth/login" in tab.redirect
            assert tab.follow() == 200
            assert [path for path in provider.asked if path in ("/authorize", "/token")] == ["/authorize", "/token"]
            cookies = tab.cookies
        with Tab(f"http://localhost:{port}", cookies=cookies) as tab:
            tab.run()
            assert tab.says("Ada *Byron*")
            assert any("rank" in name for name in tab.elements)
        with Tab(f"http://localhost:{port}") as stranger:
            stranger.run()
            assert stranger.says("This server asks who you are before it shows anything.")
