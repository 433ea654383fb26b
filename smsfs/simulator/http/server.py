"""A simulated carrier on a TCP port."""

import asyncio
import ssl
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

import msgspec
from aiohttp import web

from smsfs.simulator.http.behaviour import TAKING, HttpBehaviour, HttpCounts
from smsfs.simulator.http.credit import told
from smsfs.simulator.http.states import state_told
from smsfs.simulator.http.taken import Asked, Contract, Message, Taken

if TYPE_CHECKING:
    from smsfs.simulator.http.poster import Poster

SLOW_SECONDS, STOP_SECONDS = 1.0, 1.0
STATUSES = {"429": 429, "503": 503, "500": 500, "500-taken": 500}


class HttpSimulator:
    """A carrier; an asynchronous context manager.

    Args:
        contract: of the provider.
        behaviour: what it does; the attribute of that name may be replaced at any time.
        host: where it listens.
        port: the port it listens on; 0 takes a free one, see :attr:`port`.
        tls: of the server, for HTTPS.
        path: of the ledger file; None for none.
        keep: whether :attr:`messages` is kept.

    Attributes:
        poster: calls the webhook, if it is set before the start.
        first: ids begin after this number: another one for each run of a carrier that outlives its messages.
        script: faults of the next requests, in order, before those of the behaviour; empty for none.
        credit: what it tells those who ask.
    """

    def __init__(
        self,
        contract: Contract,
        behaviour: HttpBehaviour | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        path: Path | None = None,
        keep: bool = True,
    ) -> None:
        self.behaviour = behaviour or HttpBehaviour()
        self.counts = HttpCounts()
        self.messages: list[Message] = []
        self.script: deque[str] = deque()
        self.host, self.port, self.credit = host, port, 1000.0
        self.poster: Poster | None = None
        self.first = 0
        self._contract, self._tls, self._keep = contract, tls, keep
        self._file: BinaryIO | None = path.open("ab") if path else None
        self._encode = msgspec.json.Encoder().encode
        self._seen: set[asyncio.BaseTransport] = set()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        if self.poster:
            await self.poster.__aenter__()
        self._runner = web.ServerRunner(
            web.Server(self._answer), access_log=None, shutdown_timeout=STOP_SECONDS
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, ssl_context=self._tls)
        await site.start()
        self.host, self.port = self._runner.addresses[0][:2]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        if self.poster:
            await self.poster.__aexit__()
        if self._file:
            self._file.close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take a request, or play a fault."""
        if request.transport and request.transport not in self._seen:
            self._seen.add(request.transport)
            self.counts.connections += 1
        body = await request.content.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, request.path_qs, headers, body)
        if answer := told(asked, self.credit) or state_told(asked, self.messages):
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        self.counts.requests += 1
        fault = self.script.popleft() if self.script else self.behaviour.fault(self.counts.requests)
        self.counts.faulty += bool(fault)
        taken = None if fault and fault not in TAKING else self._take(asked)
        if taken and self.poster:
            await self.poster.taken(taken.messages)
        if self.behaviour.latency:
            await asyncio.sleep(self.behaviour.latency)
        if taken and not fault:
            return web.Response(status=taken.status, body=taken.body, headers=taken.headers)
        return await self._play(fault, taken, request)

    def _take(self, asked: Asked) -> Taken:
        taken = self._contract.take(asked, self.first + self.counts.accepted, self.behaviour.refusal)
        self.counts.accepted += len(taken.messages)
        self.counts.refused += taken.status >= web.HTTPBadRequest.status_code
        for message in taken.messages:
            message.at = time.time()
            if self._keep:
                self.messages.append(message)
        if self._file and taken.messages:
            self._file.write(b"".join([self._encode(message) + b"\n" for message in taken.messages]))
            self._file.flush()
        return taken

    async def _play(self, fault: str, taken: Taken | None, request: web.BaseRequest) -> web.StreamResponse:
        if status := STATUSES.get(fault):
            wait = self.behaviour.retry_after if status != STATUSES["500"] else ""
            headers = {"Content-Type": "application/json"} | ({"Retry-After": wait} if wait else {})
            return web.Response(status=status, body=self._contract.failure(status), headers=headers)
        if fault == "wrong":
            return web.Response(text="<html>All is well</html>", content_type="text/html")
        if taken and fault in ("half", "slow"):
            return await _partly(request, taken, slow=fault == "slow")
        if request.transport:
            request.transport.abort()
        return web.Response()


async def _partly(request: web.BaseRequest, taken: Taken, *, slow: bool) -> web.StreamResponse:
    """Begin an answer, and break off in its middle, or take long over it."""
    response = web.StreamResponse(status=taken.status, headers=taken.headers)
    response.content_length = len(taken.body)
    await response.prepare(request)
    if slow:
        for octet in taken.body:
            await response.write(bytes([octet]))
            await asyncio.sleep(SLOW_SECONDS)
        return response
    await response.write(taken.body[: len(taken.body) // 2])
    if request.transport:
        request.transport.close()
    return response
