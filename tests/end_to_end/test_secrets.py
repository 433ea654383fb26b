"""Secrets of carriers that are refused, and of a mail relay: nothing that smsfs shows has one."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.server import Installation, Server, wait_for
from tests.support.smsc import Smsc

TOKEN, PASSWORD, MAIL = "token-0123456789-shown", "pw-shown", "mail-0123456789-shown"


class Echo(BaseHTTPRequestHandler):
    """Refuses everything, and says what it was asked with."""

    def do_POST(self):
        """Answer with all of the request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = f"{self.path} {self.headers} {body.decode()}".encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def echo():
    """The address of such a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def configuration(url, smsc):
    """Two carriers that refuse their secrets, from the environment and from a file, and a mail relay."""
    web = {"type": "http", "url": url, "path": "/send?p={secret}&to={to}", "text": "{text} {secret}"}
    carrier = {"type": "smpp", "host": "127.0.0.1", "port": smsc.port, "system_id": "smsfs"}
    relay = {"host": "127.0.0.1", "port": 25, "sender": "smsfs@example.org"}
    return {
        "pipeline": {"default_backend": "web,carrier"},
        "backends.web": {**web, "auth": "bearer", "secret": "${WEB_TOKEN}"},
        "backends.carrier": {**carrier, "password_file": "carrier.password", "reconnect_longest": 1},
        "mail": {**relay, "username": "me", "password": MAIL},
    }


def command_lines(installation):
    """Those of all processes on an installation."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
            if str(installation.folder) in line:
                yield line


def shown(installation):
    """What commands say, and what one says to a configuration with a slip in each section."""
    for command in (["backends"], ["backends", "--json"], ["messages", "--json"], ["files", "--json"]):
        done = installation.run(*command)
        yield done.stdout + done.stderr
    text = installation.configuration.read_text()
    installation.configuration.write_text(text.replace("[backends.", "[backends.x]\nslip = 1\n[backends."))
    done = installation.run("backends", check=False)
    assert done.returncode
    yield done.stdout + done.stderr


def test_no_output_has_a_secret(tmp_path, echo, kit, monkeypatch):
    """Whoever reads a log or a list of processes could send at the customer's cost."""
    monkeypatch.setenv("WEB_TOKEN", TOKEN)
    (tmp_path / "smsfs").mkdir()
    (tmp_path / "smsfs" / "carrier.password").write_text(PASSWORD)
    smsc = Smsc(tmp_path)
    with smsc.running("--password", "another"):
        installation = Installation(tmp_path / "smsfs", configuration(echo, smsc))
        with Server(installation) as server:
            account = kit.Account(server, "shop", installation.folder)
            with account.session() as sftp:
                with sftp.file("a.csv", "w") as file:
                    file.write(kit.csv_of("a", 5))
                sftp.rename("a.csv", "a.csv.ready")
                account.wait_for_state(sftp, "a", "success")
            wait_for(lambda: "carrier_trouble" in server.log, "the provider to refuse")
            wait_for(lambda: "the password is wrong" in server.log, "the carrier to refuse")
            lines = list(command_lines(installation))
            assert lines
            said = [*lines, *shown(installation)]
        said.append(server.log)
    assert "the carrier does not let this account send: 401" in said[-1]
    for secret in (TOKEN, PASSWORD, MAIL):
        assert secret not in "\n".join(said)
