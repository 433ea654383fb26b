"""The web page of a running server."""

import re
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from tests.support.server import Installation, Server

PASSWORD = "correct-horse-battery"


def test_an_operator_logs_in(tmp_path):
    """The page would be there in tests alone, and not where smsfs serve runs."""
    installation = Installation(tmp_path, {"web": {"listen": ["127.0.0.1:0"], "pages": True}})
    installation.run("operator", "add", "alice", "--role", "viewer", "--password-stdin", text=f"{PASSWORD}\n")
    with Server(installation) as server:
        browser, address = (
            build_opener(HTTPCookieProcessor(CookieJar())),
            f"http://127.0.0.1:{server.web_port}",
        )
        with browser.open(f"{address}/") as answer:
            assert answer.url == f"{address}/login"
            token = re.findall(r'name="token" value="(\w+)"', answer.read().decode())[0]
        form = urlencode({"token": token, "name": "alice", "password": PASSWORD}).encode()
        with browser.open(f"{address}/login", form) as answer:
            text = answer.read().decode()
            assert answer.url == f"{address}/"
        for word in ("alice (viewer)", "outbox", "dispatch"):
            assert word in text
        with browser.open(f"{address}/readyz") as answer:
            assert answer.read() == b"ok\n"
