"""Kannel on loopback, to compare with: HTTP in, SMPP out, all of it in memory.

``apt-get install kannel`` installs it; its own service need not run. Kannel's defaults hold but for the
window: its queue is in memory, and nothing of it is on disk when a client gets its answer.
"""

import asyncio
import contextlib
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self, cast
from urllib.parse import urlencode

from tests.support.server import free_ports, wait_for

#: More connections than smsbox needs to be busy all the time.
CONNECTIONS = 32
_HOST = "127.0.0.1"
_CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = {host}
admin-password = benchmark
smsbox-port = {box}
smsbox-interface = {host}
box-allow-ip = {host}
box-deny-ip = "*.*.*.*"
log-level = 3

group = smsc
smsc = smpp
smsc-id = simulator
host = {host}
port = {smsc}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
max-pending-submits = {window}

group = smsbox
bearerbox-host = {host}
sendsms-port = {http}
sendsms-interface = {host}
log-level = 3

group = sendsms-user
username = benchmark
password = benchmark
max-messages = 10
concatenation = true
"""

_SERVICE = """
group = sms-service
keyword = default
catch-all = true
post-url = "{hook}"
send-sender = true
max-messages = 0
"""


_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


def programs() -> tuple[str, str] | None:
    """Paths of bearerbox and smsbox; None where they are not installed."""
    found = [shutil.which(name, path=_PLACES) for name in ("bearerbox", "smsbox")]
    return cast("tuple[str, str]", tuple(found)) if all(found) else None


class Kannel:
    """bearerbox and smsbox.

    Args:
        folder: gets their configuration and their logs.
        smsc: the port of the SMSC on loopback.
        window: messages that may wait for their answers.
        hook: where messages from persons are posted to; empty for nowhere.

    Attributes:
        port: where smsbox takes messages.
    """

    def __init__(self, folder: Path, smsc: int, window: int, hook: str = "") -> None:
        self._admin, self._box_port, self.port = free_ports(3)
        ports = {"admin": self._admin, "box": self._box_port, "http": self.port, "smsc": smsc}
        self._folder = folder
        self._configuration = folder / "kannel.conf"
        text = _CONFIGURATION.format(host=_HOST, window=window, **ports)
        service = _SERVICE.format(hook=hook) if hook else ""
        self._configuration.write_text(text + service, encoding="utf-8")
        self._log = folder / "kannel.log"

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """Run both, and wait until messages can pass.

        Raises:
            RuntimeError: they are not installed.
        """
        paths = programs()
        if paths is None:
            raise RuntimeError("Kannel is not installed: apt-get install kannel does that")
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(self._log.open("wb"))
            stack.enter_context(self._box(paths[0], log.fileno()))
            wait_for(lambda: "online" in self._status(), "Kannel to bind")
            stack.enter_context(self._box(paths[1], log.fileno()))
            wait_for(lambda: "smsbox:" in self._status(), "Kannel's smsbox")
            yield self

    @contextlib.contextmanager
    def _box(self, path: str, log: int) -> Iterator[None]:
        command = [path, str(self._configuration)]
        with subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                yield
            finally:
                process.kill()

    def _status(self) -> str:
        url = f"http://{_HOST}:{self._admin}/status.txt?password=benchmark"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def send(self, messages: Sequence[tuple[str, str]]) -> None:
        """Post messages, recipient and text, over many connections that stay open.

        Raises:
            RuntimeError: one was not taken.
        """
        asyncio.run(_post(self.port, [_request(*message) for message in messages]))

    def batch(self, recipients: Sequence[str], text: str, bound: float) -> None:
        """Hand one text for many over by Kannel's own mtbatch, past HTTP: the fastest way into it.

        Raises:
            subprocess.SubprocessError: that failed, or took longer than ``bound`` seconds.
        """
        content, receivers = self._folder / "content", self._folder / "receivers"
        content.write_text(text, encoding="utf-8")
        receivers.write_text("".join(f"{recipient}\n" for recipient in recipients), encoding="utf-8")
        mtbatch = shutil.which("mtbatch", path=_PLACES) or "mtbatch"
        options = ["-v", "4", "-b", _HOST, "-p", str(self._box_port), "-f", "Clinic"]
        subprocess.run(
            [mtbatch, *options, str(content), str(receivers)], capture_output=True, check=True, timeout=bound
        )


def _request(recipient: str, text: str) -> bytes:
    login = {"username": "benchmark", "password": "benchmark"}
    query = urlencode({**login, "from": "Clinic", "to": recipient, "text": text})
    return f"GET /cgi-bin/sendsms?{query} HTTP/1.1\r\nHost: {_HOST}\r\n\r\n".encode()


async def _post(port: int, requests: Sequence[bytes]) -> None:
    loop, left = asyncio.get_running_loop(), iter(requests)
    clients = [_Client(left) for _ in range(min(CONNECTIONS, len(requests)))]
    for client in clients:
        await loop.create_connection(lambda client=client: client, _HOST, port)  # type: ignore[misc]
    await asyncio.gather(*(client.done for client in clients))


class _Client(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests
        self._data = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """An answer, or a piece of one."""
        self._data += data
        head, blank, body = self._data.partition(b"\r\n\r\n")
        if not blank or len(body) < int(head.lower().partition(b"content-length:")[2].split()[0]):
            return
        if not head.startswith(b"HTTP/1.1 202"):
            self.done.set_exception(RuntimeError(f"Kannel refused a message: {self._data!r}"))
            self._transport.close()
            return
        self._data = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Kannel must not hang up before the end."""
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"Kannel closed the connection: {exc}"))
