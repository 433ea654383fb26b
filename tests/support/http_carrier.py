"""A simulated HTTP carrier on a thread of its own, for tests whose loop is another, and as a process."""

import asyncio
import contextlib
import http.client
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from smsfs.simulator.http import HttpSimulator, Message
from tests.support.commands import started
from tests.support.server import wait_for

SECONDS = 20


@contextlib.contextmanager
def on_a_thread(carrier: HttpSimulator) -> Iterator[HttpSimulator]:
    """Run a carrier beside the test."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(carrier.__aenter__(), loop).result(SECONDS)
        yield carrier
        asyncio.run_coroutine_threadsafe(carrier.__aexit__(None, None, None), loop).result(SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class HttpCarrier:
    """``smsfs simulator --provider`` in a process, with a ledger in ``folder``; it may be run again.

    Attributes:
        port: where it listens on loopback; 0 before it first ran.
        ledger: the file, to which each run appends.
    """

    def __init__(self, folder: Path, provider: str = "gatewayapi") -> None:
        self.port = 0
        self.ledger = folder / "ledger.jsonl"
        self._output, self._provider = folder / "simulator.out", provider

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def running(self, *options: str) -> Iterator[Self]:
        """Run it, with options of the command."""
        command = [sys.executable, "-m", "smsfs", "simulator", "--provider", self._provider]
        place = ["--ledger", str(self.ledger), "--port", str(self.port)]
        with (
            self._output.open("w", encoding="utf-8") as output,
            started([*command, *place, *options], stdout=output, stderr=subprocess.STDOUT) as process,
        ):
            try:
                line = wait_for(lambda: self._output.read_text(encoding="utf-8"), "the simulator")
                assert line.startswith(f"ready {self._provider} http://"), line
                self.port = int(line.split()[2].rpartition(":")[2])
                yield self
            finally:
                process.terminate()

    def received(self) -> list[Message]:
        """What the ledger has, without a line that is being written."""
        data = self.ledger.read_bytes() if self.ledger.exists() else b""
        lines = data[: data.rfind(b"\n") + 1].splitlines()
        return [msgspec.json.decode(line, type=Message) for line in lines]


def signed_post(address: str, body: Any, secret: str, source: str = "", trust: Path | None = None) -> int:
    """Post to a webhook as GatewayAPI does; the status of the answer.

    Args:
        address: of the webhook.
        body: to be JSON.
        secret: that it is signed with.
        source: where it comes from, as a proxy would say; empty for no proxy.
        trust: the certificate that an address with HTTPS is to have.
    """
    data = json.dumps(body).encode()
    headers = {"Signature": f"v1={digest(secret.encode(), data, sha256).hex()}"}
    headers |= {"X-Forwarded-For": source} if source else {}
    return call(address, data, headers, trust)


def call(address: str, body: bytes, headers: Mapping[str, str], trust: Path | None = None) -> int:
    """Post to a webhook; the status of the answer."""
    parts = urlsplit(address)
    place = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=trust)
        opened: http.client.HTTPConnection = http.client.HTTPSConnection(
            *place, timeout=SECONDS, context=context
        )
    else:
        opened = http.client.HTTPConnection(*place, timeout=SECONDS)
    with contextlib.closing(opened) as connection:
        connection.request("POST", parts.path, body, dict(headers))
        return connection.getresponse().status


def status(message: Message, word: str) -> dict[str, Any]:
    """A delivery status of GatewayAPI about a message of the ledger."""
    number, _, msisdn = message.id.partition("-")
    return {"id": int(number), "msisdn": int(msisdn), "time": 1796038556, "status": word}
