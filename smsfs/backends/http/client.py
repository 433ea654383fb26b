"""The backends over HTTP: messages wait in one line for a connection, and leave many in one request.

What a request came to is one of four: nothing was written, and its messages wait in front of the line; the
carrier answered, and its provider says what became of each; the carrier cannot take anything, and they wait
elsewhere; or it may have them, and their fate is unknown.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import structlog

from smsfs.backends import (
    UP,
    Envelope,
    Load,
    MaySend,
    NotTaken,
    OnAnswer,
    Recalled,
    Receive,
    State,
    Throttled,
    Unknown,
    receive_nothing,
)
from smsfs.backends.http.contract import (
    Again,
    Provider,
    Refused,
    Request,
    Response,
    Trouble,
    Verdict,
    without_secrets,
)
from smsfs.backends.http.line import Job, Line, Outgoing
from smsfs.backends.http.login import Door, LoginError
from smsfs.backends.http.options import HttpConfig
from smsfs.backends.http.pace import PATIENCE_SECONDS, Health, Pace
from smsfs.backends.http.providers import kind_of, made
from smsfs.backends.http.transport import LostError, NotAllowedError, NotWrittenError, Transport
from smsfs.backends.tls import tls_context
from smsfs.errors import ConfigurationError
from smsfs.metrics import tally
from smsfs.metrics.catalog import SUBMIT_SECONDS, THROTTLED

SLICE = 500
WATCH_SECONDS = 0.25
#: Messages wait in line through a pause that is shorter; through others, where other backends can have them.
HOLD_SECONDS = 10.0

log = structlog.get_logger()


class HttpBackend:
    """Messages to one carrier, by its provider's contract.

    Args:
        name: in the configuration, for the log.
        config: of the carrier.
        folder: what relative paths of its files are relative to.
        server: the address that webhooks have as the carrier knows it; empty if nobody has said it.
    """

    def __init__(self, name: str, config: HttpConfig, folder: Path, server: str = "") -> None:
        kind = kind_of(config)
        self.idempotent, self.traceable = kind.idempotent, kind.traceable
        self._config, self._folder = config, folder
        self._place = name, server
        self._most = min(config.batch, kind.most)
        self._log = log.bind(backend=name)
        self._line = Line()
        self._jobs: set[Job] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None
        self._finishing = False
        self._health = Health()

    @property
    def slices(self) -> int:
        """Enough to fill every connection's next request; one to try a carrier with that is down."""
        now = self._loop.time()
        if not self._health.may_try(now) or self._pace.paused(now):
            return 0
        if self._health.down or 0 < self._config.throughput < SLICE:
            return 1
        return 2 + self._config.connections * -(-self._most // SLICE)

    @property
    def load(self) -> Load:
        """Requests without an answer."""
        return Load(len(self._sending))

    def state(self) -> State:
        """Down while it cannot be reached, or takes nothing from this account."""
        return ("down", self._health.reason) if self._health.down else UP

    async def start(self, receive: Receive = receive_nothing) -> None:
        """Get ready; the first message connects.

        Raises:
            ConfigurationError: its certificates or its secrets cannot be read.
        """
        del receive  # what carriers deliver needs a server, which is not there yet
        context = tls_context(self._config.ca, self._folder, verify=self._config.verify)
        self._provider = made(self._config, self._folder, place=self._place)
        self._loop = asyncio.get_running_loop()
        self._door = Door(Transport(self._config, context))
        self._pace, self._health = Pace(self._config.throughput), Health()
        self._finishing = False
        self._watching = asyncio.create_task(self._watch())

    async def submit(self, envelopes: Sequence[Envelope], answer: OnAnswer, may_send: MaySend) -> None:
        """Send messages.

        Raises:
            NotTaken: the carrier cannot take those that have no answer.
        """
        now = self._loop.time()
        if not envelopes:
            return
        if not self._health.may_try(now) and self._health.down:
            raise NotTaken(self._health.reason)
        job = Job(answer, may_send, len(envelopes), self._loop.create_future(), now)
        self._jobs.add(job)
        self._line.add(Outgoing(job, envelope) for envelope in envelopes)
        if self._finishing:
            self._line.put_off()
        self._pump()
        try:
            await job.done
        finally:
            job.open = False
            self._jobs.discard(job)

    def recall(self, which: Recalled) -> None:
        """Give back what is in no request."""
        self._line.put_off(lambda outgoing: which(outgoing.envelope))

    def finish(self) -> None:
        """Begin no further request."""
        self._finishing = True
        self._line.put_off()

    async def stop(self) -> None:
        """Close the connections; what is still on its way is nobody's business any more."""
        tasks = [*self._sending, *([self._watching] if self._watching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._timer:
            self._timer.cancel()
        self._timer = self._watching = None
        self._line = Line()
        await self._door.close()

    # -- the line ---------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Begin the requests that there are connections and time for."""
        while self._line:
            now = self._loop.time()
            if len(self._sending) >= (self._config.connections if self._health.good else 1):
                return
            wait = max(self._pace.wait(now), self._health.wait(now))
            if wait > 0:
                self._timer = self._timer or self._loop.call_later(wait, self._woken)
                return
            self._begin(1 if self._health.down else int(min(self._most, self._pace.room(now))), now)

    def _begin(self, most: int, now: float) -> None:
        """Begin a request with so many messages at most."""
        messages = self._line.take(most, now, self._provider.bundle)
        if not messages or (self._health.down and not self._renewed()):
            self._back(messages)
            return
        self._pace.spend(len(messages), now)
        task = asyncio.create_task(self._carry(messages))
        self._sending.add(task)
        task.add_done_callback(self._carried)

    def _renewed(self) -> bool:
        """Read the secrets again, which may have been mended."""
        try:
            self._provider = made(self._config, self._folder, place=self._place)
        except ConfigurationError as exc:
            self._trouble(str(exc).rstrip("."), self._loop.time())
            return False
        return True

    def _woken(self) -> None:
        self._timer = None
        self._pump()

    def _carried(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled():
            self._pump()

    async def _watch(self) -> None:
        """Put off what may leave no longer, whatever else goes on."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            self._line.put_off_jobs({job for job in self._jobs if not job.may_send()})
            self._pump()

    def _back(self, messages: Sequence[Outgoing]) -> None:
        """Nothing of these has left: they are in front of the line again, or wait elsewhere."""
        self._line.back(messages)
        if self._finishing:
            self._line.put_off()
        elif self._health.down:
            self._line.withdraw(self._health.reason)

    # -- requests ---------------------------------------------------------------------------------------

    async def _carry(self, messages: list[Outgoing]) -> None:
        """Send messages, whatever that comes to."""
        try:
            await self._send(messages)
        except Exception as exc:  # noqa: BLE001 -- whatever it is, each message has to have an answer
            self._log.exception("backend_fault")
            for outgoing in messages:
                if outgoing.out:
                    outgoing.finish(Unknown(f"the backend failed: {type(exc).__name__}"))

    async def _send(self, messages: list[Outgoing]) -> None:
        now = self._loop.time()
        by_key = {outgoing.envelope.key: outgoing for outgoing in messages}
        requests = self._provider.requests([item.at(now) for item in messages])
        waiting = deque((item, [by_key[each.key] for each in item.envelopes]) for item in requests)
        while waiting and not self._finishing and await self._exchange(*waiting.popleft()):
            pass
        self._back([outgoing for _, left in waiting for outgoing in left])

    async def _exchange(self, request: Request, messages: list[Outgoing]) -> bool:
        """Send one request, and see what it came to; whether another may follow at once."""
        began, jobs = self._loop.time(), {outgoing.job for outgoing in messages}
        try:
            response = await self._door.send(
                self._provider.login, request, lambda: all(job.may_send() for job in jobs)
            )
        except NotAllowedError:
            self._back(
                [item for item in messages if item.may_leave(self._loop.time(), allowed=item.job.may_send())]
            )
            return False
        except NotWrittenError as exc:
            self._trouble(str(exc), began, PATIENCE_SECONDS)
            self._back(messages)
            return False
        except LoginError as exc:
            return await self._judged(exc.verdict, messages, began)
        except LostError as exc:
            self._unknown(messages, str(exc))
            return True
        tally.observe(SUBMIT_SECONDS, [self._loop.time() - began], self._place[0])
        return await self._judged(_verdict(self._provider, request, response, self._log), messages, began)

    async def _judged(self, verdict: Verdict, messages: list[Outgoing], began: float) -> bool:
        if isinstance(verdict, Trouble):
            self._trouble(verdict.reason, began)
            self._back(messages)
            return False
        if isinstance(verdict, Throttled):
            self._not_now(verdict, messages, began)
            return False
        if isinstance(verdict, Unknown):
            self._unknown(messages, verdict.reason)
            return True
        if self._health.worked(began):
            self._log.info("carrier_back")
        if isinstance(verdict, Refused):
            await self._refused(verdict, messages)
            return True
        self._pace.taken()
        if isinstance(verdict, Again):
            return await self._again(verdict, messages)
        for outgoing, what in zip(messages, verdict, strict=True):
            outgoing.finish(what)
        return True

    async def _refused(self, verdict: Refused, messages: list[Outgoing]) -> None:
        """Refuse a message, or find out which of several is meant: nothing of them was taken."""
        if len(messages) == 1:
            messages[0].finish(verdict.answer)
            return
        half = len(messages) // 2
        for part in (messages[:half], messages[half:]):
            if self._health.good and not self._pace.paused(self._loop.time()) and not self._finishing:
                await self._send(part)
            else:
                self._back(part)

    async def _again(self, verdict: Again, messages: Sequence[Outgoing]) -> bool:
        """Send those messages in another request that were not in the one which the carrier knew already."""
        left = [outgoing for outgoing in messages if outgoing.envelope.key not in verdict.answers]
        for outgoing in messages:
            if what := verdict.answers.get(outgoing.envelope.key):
                outgoing.finish(what)
        if self._finishing:
            self._back(left)
            return False
        return await self._exchange(verdict.request, left)

    def _not_now(self, what: Throttled, messages: Sequence[Outgoing], began: float) -> None:
        """Wait, as the carrier says or a little longer each time."""
        tally.add(THROTTLED, 1, self._place[0])
        pause = self._pace.not_now(self._loop.time(), began, what.retry_after)
        self._log.warning("slowing_down", pause=round(pause, 3), messages=len(messages))
        for outgoing in messages:
            outgoing.finish(Throttled(pause))
        if pause > HOLD_SECONDS:
            self._line.withdraw(f"the carrier asked to wait for {pause:.0f} seconds")

    def _unknown(self, messages: Sequence[Outgoing], reason: str) -> None:
        self._log.warning("answer_lost", messages=len(messages), reason=reason)
        for outgoing in messages:
            outgoing.finish(Unknown(reason, requests=1))

    # -- the carrier's health ---------------------------------------------------------------------------

    def _trouble(self, reason: str, began: float, patience: float = 0.0) -> None:
        if reason != self._health.reason:
            self._log.warning("carrier_trouble", reason=reason)
        self._health.failed(self._loop.time(), began, reason, patience)


def _verdict(
    provider: Provider, request: Request, response: Response, to: structlog.stdlib.BoundLogger
) -> Verdict:
    """The provider's word; an answer that it cannot make sense of says nothing."""
    try:
        response = without_secrets(response, provider.secrets)
        verdict = provider.verdict(request, response)
    except Exception:  # noqa: BLE001 -- whatever it is, the messages may have been taken
        to.exception("answer_not_understood", status=response.status)
        return Unknown(f"the carrier's answer to {response.status} cannot be understood")
    if isinstance(verdict, Sequence) and len(verdict) != len(request.envelopes):
        return Unknown(f"the carrier answered for {len(verdict)} of {len(request.envelopes)} messages")
    return verdict
