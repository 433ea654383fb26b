"""Requests over aiohttp, with one question always answered: may the carrier have it, or certainly not?

A connection is had first: until then nothing has left, whatever goes wrong. From then on, everything short
of a whole response leaves the carrier's side open. aiohttp never sends a request twice here.
"""

import asyncio
import os
import select
import ssl
import time
from collections.abc import Callable
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from typing import Any
from weakref import WeakSet

import aiohttp
from attrs import define

from smsfs import __version__
from smsfs.backends import MaySend
from smsfs.backends.http.contract import Request, Response
from smsfs.backends.http.options import HttpConfig

#: Of a response that is longer, nothing is believed.
MOST_BYTES = 16 * 1024 * 1024
#: A connection that was idle for so long is not used again: servers close theirs after 5 seconds and more.
KEEP_ALIVE_SECONDS = 4.0
#: Connections that were closed while idle, and are passed over for one message.
PASSED_OVER = 100
DNS_SECONDS = 30
#: A carrier that says to wait longer is asked again nevertheless.
LONGEST_WAIT = 3600.0
TICK_SECONDS = 0.001


class NotWrittenError(Exception):
    """Nothing of the request has left; says why, as a clause."""


class NotAllowedError(Exception):
    """Nothing of the request has left: at the last moment it was no longer allowed to."""


class LostError(Exception):
    """The request, or a part of it, has left, and there is no whole response; says why, as a clause."""


@define(eq=False)
class _Attempt:
    """How far one request has come."""

    may_send: MaySend
    written: bool = False


_attempt: ContextVar[_Attempt] = ContextVar("attempt")


class Transport:
    """One session with one carrier; made and used in a running event loop.

    Args:
        config: of the carrier.
        context: how to encrypt.
    """

    def __init__(self, config: HttpConfig, context: ssl.SSLContext) -> None:
        self._url, self._proxy = config.url.rstrip("/"), config.proxy or None
        self._session = aiohttp.ClientSession(
            connector=_Connector(
                ssl=context,
                limit=config.connections,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                ttl_dns_cache=DNS_SECONDS,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"smsfs/{__version__}", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(
                total=config.connect_timeout + config.response_timeout,
                connect=config.connect_timeout,
                sock_read=config.response_timeout,
            ),
        )

    async def send(self, request: Request, may_send: MaySend) -> Response:
        """Send a request, and give the whole response.

        Args:
            request: it.
            may_send: asked right before the first byte leaves.

        Raises:
            NotWrittenError: there was no connection to write to.
            NotAllowedError: ``may_send`` said no.
            LostError: it left, and no whole response came.
        """
        attempt = _Attempt(may_send)
        _attempt.set(attempt)
        try:
            async with self._session.request(
                request.method,
                (request.base or self._url) + request.path,
                data=request.body or None,
                headers=request.headers,
                proxy=self._proxy,
                allow_redirects=False,
            ) as answer:
                body = await _whole(answer)
        except (aiohttp.ClientError, OSError) as exc:  # TimeoutError is one
            raise (LostError if attempt.written else NotWrittenError)(_clause(exc)) from exc
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status, body, headers, retry_after(headers, time.time()))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
        await asyncio.sleep(TICK_SECONDS)  # the transports close in the loop's next rounds


class _Connector(aiohttp.TCPConnector):
    """Gives connections that are alive as far as can be known; from the moment it does, bytes leave."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: WeakSet[Any] = WeakSet()  # connections that were given before; a trace costs far more

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109 -- aiohttp's
        attempt = _attempt.get()
        if attempt.written:
            raise LostError("the connection broke after the request was sent")
        for _ in range(PASSED_OVER):
            connection = await super().connect(req, traces, timeout)
            if connection.protocol not in self._known:
                self._known.add(connection.protocol)
                break
            if not _ended(connection):
                break
            connection.close()
        if not attempt.may_send():
            connection.release()
            raise NotAllowedError
        attempt.written = True
        return connection


def _ended(connection: Any) -> bool:
    """Whether the server has closed a connection that was idle: then there is something to read."""
    sock = connection.transport and connection.transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """The body.

    Raises:
        LostError: it is longer than any that a carrier sends.
    """
    data = bytearray()
    async for chunk in answer.content.iter_any():
        data += chunk
        if len(data) > MOST_BYTES:
            raise LostError(f"the answer is over {MOST_BYTES} bytes long")
    return bytes(data)


def retry_after(headers: dict[str, str], now: float) -> float:
    """Seconds to wait, from ``Retry-After`` in seconds or as a date; 0 where it is missing or means nothing.

    Args:
        headers: with names in lower case. The server's own ``Date`` counts before our clock.
        now: seconds since the epoch.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return 0.0
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT)
    at = _moment(text)
    if at is None:
        return 0.0
    since = _moment(headers.get("date", ""))
    return min(max(0.0, at - (now if since is None else since)), LONGEST_WAIT)


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


_CLAUSES: list[tuple[type[BaseException], Callable[[Any], str]]] = [
    (aiohttp.ClientConnectorDNSError, lambda exc: f"the name {exc.host} cannot be resolved"),
    (
        aiohttp.ClientConnectorCertificateError,
        lambda exc: f"the certificate of {exc.host} is not good: {_words(exc.certificate_error)}",
    ),
    (aiohttp.ClientProxyConnectionError, lambda exc: f"the proxy cannot be reached: {_words(exc.os_error)}"),
    (
        aiohttp.ClientConnectorError,
        lambda exc: f"{exc.host}:{exc.port} cannot be reached: {_words(exc.os_error)}",
    ),
    (aiohttp.ClientHttpProxyError, lambda exc: f"the proxy answered {exc.status} {exc.message}"),
    (aiohttp.ConnectionTimeoutError, lambda _: "there was no connection within connect_timeout"),
    (TimeoutError, lambda _: "there was no whole answer within response_timeout"),
    (aiohttp.ClientPayloadError, lambda _: "the connection broke in the middle of the answer"),
    (aiohttp.ServerDisconnectedError, lambda _: "the connection broke before the answer"),
    (OSError, lambda _: "the connection broke before the answer"),
    # its own text would show headers
    (aiohttp.ClientResponseError, lambda _: "the answer is not HTTP"),
]


def _clause(exc: BaseException) -> str:
    """What went wrong, in a few words and without what was sent."""
    return next((words(exc) for kind, words in _CLAUSES if isinstance(exc, kind)), None) or _words(exc)


def _words(exc: BaseException) -> str:
    if isinstance(exc, OSError) and not isinstance(exc, ssl.SSLError) and (exc.errno or 0) > 0:
        return os.strerror(exc.errno or 0)  # asyncio's own text names the address again
    text = getattr(exc, "verify_message", None) or getattr(exc, "strerror", None) or str(exc)
    return str(text).rstrip(".") or type(exc).__name__
