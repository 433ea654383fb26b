"""Webhooks: what providers post is stored, and only then acknowledged.

A provider calls again after an answer that is not 2xx, but some never do after one of 4xx: so what may go
well the next time is refused with 503. What comes twice counts once.
"""

import asyncio
import hmac
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

import structlog
from aiohttp import web
from attrs import define, field, frozen

from smsfs.backends import Delivered, Receive
from smsfs.backends.http.hooks import Call, Hook, UnreadableCallError
from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.frontends.forwarded import caller_of
from smsfs.frontends.proxy import is_within
from smsfs.frontends.quiet import Quiet
from smsfs.metrics import tally
from smsfs.metrics.catalog import WEBHOOK_CALLS
from smsfs.ranges import Network

#: How long a body may take to come, and to be stored; then the provider is asked to call again.
READ_SECONDS, STORE_SECONDS = 10.0, 5.0
RETRY_SECONDS = "30"
#: Receipts and replies that wait for the store at a time.
MOST_WAITING = 20_000
#: For so long the health page warns of calls to a true address that were refused.
WARN_SECONDS = 3600.0

#: What an operator has to set right, here or at the provider.
ALARMING = frozenset({400, 401, 403, 405, 413})

log = structlog.get_logger(frontend="web")


@frozen
class Door:
    """The webhook of one backend.

    Attributes:
        token: of its address.
        secret: that calls are signed with; empty if they are not.
        hook: how to read them.
        receive: stores what they bring.
        sources: where they may come from; empty for anywhere.
        window: how far the time that a signature covers may be from ours, in seconds; 0 for any.
    """

    token: str = field(repr=False)
    secret: str = field(repr=False)
    hook: Hook
    receive: Receive
    sources: Sequence[Network] = ()
    window: float = 0


@define
class _Refusals:
    """Calls to a true address that were refused since they began, and why the last one was."""

    count: int = 0
    at: float = 0.0
    reason: str = ""


class _RefusedError(Exception):
    """A call is not taken: the status of the answer, and a clause for the log."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason


class Hooks:
    """``/hooks/<backend>/<token>`` for backends, by POST or GET as their providers call.

    Args:
        doors: by the backend's name.
        public_url: of this server, as providers know it; empty for HTTPS under the name that they call.
        shut: backends whose webhooks cannot work at present.
        proxies: whose word counts about who calls.
        clock: seconds since the epoch.

    Attributes:
        counts: calls by the status of their answer.
    """

    def __init__(
        self,
        doors: Mapping[str, Door],
        public_url: str = "",
        shut: Collection[str] = (),
        proxies: Sequence[Network] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._doors = {name: (door, _Writer(name, door.receive)) for name, door in doors.items()}
        self._public_url, self._shut = public_url.rstrip("/"), shut
        self._quiet = Quiet()
        self._proxies, self._clock = proxies, clock
        self._refusals: dict[str, _Refusals] = {}
        self.counts: Counter[int] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """For ``WebServer``."""
        path = "/hooks/{backend}/{token}"
        made = [web.post(path, self._answer), web.get(path, self._answer, allow_head=False)]
        return made if self._doors or self._shut else []

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            answer = await self._take(request)
        except _RefusedError as refused:
            known = request.match_info["backend"] if request.match_info["backend"] in self._doors else None
            self._tell(known or "", refused.status)
            what = {"backend": known, "status": refused.status, "peer": caller_of(request, self._proxies)}
            self._quiet.tell(log.warning, "hook_refused", refused.reason, **what)
            if known and refused.status in ALARMING:
                self._count(known, refused.reason)
            again = (
                {"Retry-After": RETRY_SECONDS}
                if refused.status == web.HTTPServiceUnavailable.status_code
                else {}
            )
            return web.Response(status=refused.status, headers=again)
        self._tell(request.match_info["backend"], web.HTTPOk.status_code)
        return web.Response(text=answer, content_type="text/xml") if answer else web.Response()

    def _tell(self, backend: str, status: int) -> None:
        self.counts[status] += 1
        tally.add(WEBHOOK_CALLS, 1, backend, str(status))

    async def _take(self, request: web.Request) -> str:
        """Store what a call brings; what its provider wants for an answer.

        Raises:
            _RefusedError: it cannot be, or is not to be.
        """
        door, writer = self._door(request)
        if door.sources and not is_within(caller_of(request, self._proxies), door.sources):
            raise _RefusedError(403, "the address it comes from is not in hook_from")
        call = Call(self._url(request), _headers(request), await _body(request), request.method)
        if door.secret:
            self._check_signature(door, call)
        try:
            delivered = door.hook.delivered(call)
        except UnreadableCallError as exc:
            raise _RefusedError(400, str(exc)) from None
        await writer.store(delivered)
        return door.hook.answer

    def _door(self, request: web.Request) -> "tuple[Door, _Writer]":
        if request.match_info["backend"] in self._shut:
            raise _RefusedError(503, "the secrets of the webhook could not be read at the start")
        found = self._doors.get(request.match_info["backend"])
        expected = found[0].token if found else ""
        given = request.match_info["token"].encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, expected.encode()) or not found:
            raise _RefusedError(404, "the address is not one of a webhook")
        if request.method not in found[0].hook.methods:
            raise _RefusedError(405, "the provider does not call by this method")
        return found

    def _check_signature(self, door: Door, call: Call) -> None:
        if not door.hook.genuine(call, door.secret):
            raise _RefusedError(401, "the signature is wrong")
        stamp = door.hook.stamp(call) if door.window else None
        if stamp is not None and abs(self._clock() - stamp) > door.window:
            off = "old" if stamp < self._clock() else "ahead of this host's clock"
            raise _RefusedError(401, f"the signature is over {door.window:g} seconds {off}")

    def _count(self, backend: str, reason: str) -> None:
        found, now = self._refusals.setdefault(backend, _Refusals()), self._clock()
        found.count = found.count + 1 if now - found.at < WARN_SECONDS else 1
        found.at, found.reason = now, reason

    def refusals(self) -> dict[str, str]:
        """By backend, a clause about calls to its true address that were refused within the last hour."""
        now = self._clock()
        return {
            name: f"refused calls ({found.count}); the last one because {found.reason}"
            for name, found in self._refusals.items()
            if now - found.at < WARN_SECONDS
        }

    def warning(self) -> str:
        """The same for the health page; empty when there is nothing."""
        return " ".join(f"The webhook of {name} {what}." for name, what in self.refusals().items())

    def _url(self, request: web.Request) -> str:
        return (self._public_url or f"https://{request.host}") + request.raw_path


class _Writer:
    """Stores what waits in one commit, one after the other, for one backend.

    Hundreds of calls at a time would otherwise take a thread each, and a write of the disk each.
    """

    def __init__(self, backend: str, receive: Receive) -> None:
        self._backend, self._receive = backend, receive
        self._waiting: list[tuple[Sequence[Delivered], asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def store(self, delivered: Sequence[Delivered]) -> None:
        """Store all of a call.

        Raises:
            _RefusedError: it is not known to be stored.
        """
        if sum(len(items) for items, _ in self._waiting) > MOST_WAITING:
            raise _RefusedError(503, "too many receipts and replies wait for the store")
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((delivered, stored))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        try:
            done = await asyncio.wait_for(asyncio.shield(stored), STORE_SECONDS)
        except TimeoutError:
            done = False
        if not done:
            raise _RefusedError(503, "the store does not take it")

    async def _write(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            done = await self._stored([item for items, _ in taken for item in items])
            for _, stored in taken:
                stored.set_result(done)

    async def _stored(self, delivered: Sequence[Delivered]) -> bool:
        try:
            await self._receive(delivered)
        except (StoreUnavailable, StoreDamaged):
            return False  # which says so itself
        except Exception:
            log.exception("hook_failed", backend=self._backend)
            return False
        return True


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


async def _body(request: web.Request) -> bytes:
    """All of the body.

    Raises:
        _RefusedError: it does not come, or is too long.
    """
    try:
        return await asyncio.wait_for(request.read(), READ_SECONDS)
    except web.HTTPRequestEntityTooLarge:
        raise _RefusedError(413, "the body is too long") from None
    except TimeoutError:
        raise _RefusedError(503, "the body did not come in time") from None
    except (web.RequestPayloadError, OSError):
        raise _RefusedError(400, "the body did not come whole") from None
