"""The backend ``smpp``: messages to an SMSC over one or several binds.

Messages wait in one line for room in the window of any bind. The parts of a long one go one after the
other: a part that is refused costs no further part, and at most one part's fate is ever open.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from smsfs.backends import (
    UP,
    Accepted,
    Answer,
    Envelope,
    Load,
    MaySend,
    OnAnswer,
    Recalled,
    Receive,
    Rejected,
    State,
    Throttled,
    Unknown,
    many,
    receive_nothing,
)
from smsfs.backends.smpp.answers import accepted, known
from smsfs.backends.smpp.constants import Status, status_meaning, status_name
from smsfs.backends.smpp.deliveries import Deliveries
from smsfs.backends.smpp.link import Answered, Kind, Link
from smsfs.backends.smpp.options import SmppConfig, Trust
from smsfs.backends.smpp.outgoing import Composer, Job, Outgoing
from smsfs.backends.smpp.pdu import DataSm, DeliverSm, SmppError
from smsfs.backends.smpp.receipt import normal_id
from smsfs.backends.smpp.reconnector import Reconnector
from smsfs.backends.smpp.throttle import STALL_SECONDS, Throttle
from smsfs.metrics import tally
from smsfs.metrics.catalog import SUBMIT_SECONDS, THROTTLED

SLICE = 500
TICK_SECONDS = 0.1
#: Without a bind for so long, messages had better wait elsewhere.
LINK_PATIENCE_SECONDS = 3.0
#: Messages that are encoded before there is room for them, to leave at once when there is.
AHEAD = 100
#: Messages written together: a write for each is three times slower, and with too many the SMSC idles.
CHUNK = 50
#: So many times "not now" for one message, and it gives way to others.
TRIES = 10

#: Everything is to slow down.
BUSY = frozenset({Status.RTHROTTLED, Status.RMSGQFUL})
#: This message may be taken later, or by another link.
TEMPORARY = BUSY | {Status.RSYSERR, Status.RX_T_APPN, Status.RINVBNDSTS}

log = structlog.get_logger()


class SmppBackend:
    """Submits over SMPP 3.4, and keeps its binds up.

    Args:
        name: in the configuration, for the log.
        config: of the SMSC.
        folder: what a relative path of certificates is relative to.
        jitter: gives a number from 0 to 1 that shortens a wait before connecting again; random by default.
    """

    idempotent = False

    def __init__(
        self, name: str, config: SmppConfig, folder: Path, jitter: Callable[[], float] | None = None
    ) -> None:
        self.slices = 0
        self.traceable = config.bind != "transmitter"
        self._name = name
        self._config = config
        self._folder = folder
        self._composer = Composer(config)
        self._log = log.bind(backend=name)
        self._jitter = jitter
        self._line: deque[Outgoing] = deque()
        self._begun: deque[Outgoing] = deque()
        self._prepared: deque[Outgoing] = deque()
        self._jobs: set[Job] = set()
        self._links: list[Link] = []
        self._receivers: list[Link] = []
        self._reconnectors: list[Reconnector] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._finishing = False
        self.fault = ""

    @property
    def load(self) -> Load:
        """Requests without an answer, and binds."""
        links = self._all_links()
        return Load(sum(len(link.window) for link in links), len(links))

    def state(self) -> State:
        """Down after a few seconds without a bind."""
        if self.fault:
            return "down", self.fault
        if self._links or self._loop.time() - self._down_since <= LINK_PATIENCE_SECONDS:
            return UP
        return "down", self._reconnectors[0].reason

    async def start(self, receive: Receive = receive_nothing) -> None:
        """Begin to connect; what cannot be reached is tried again and again.

        Raises:
            ConfigurationError: the certificates to trust cannot be read.
        """
        trust = Trust(self._config, self._folder)
        self._loop = asyncio.get_running_loop()
        self._throttle = Throttle(self._config.throughput, self._loop.time())
        self._down_since = self._loop.time()
        self._timer, self.slices = None, 0
        self._finishing, self.fault = False, ""
        self._deliveries = Deliveries(receive, self._config.id_base_of_receipts, self._log)
        self._reconnectors = [
            Reconnector(self._config, trust, self, self._log, self._jitter, kind) for kind in self._kinds()
        ]
        work = (self._watch, self._deliveries.run, *(reconnector.run for reconnector in self._reconnectors))
        self._tasks = [asyncio.create_task(part()) for part in work]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def submit(self, envelopes: Sequence[Envelope], answer: OnAnswer, may_send: MaySend) -> None:
        """Send messages; what finds no link within a few seconds is ``Throttled``."""
        now = self._loop.time()
        job = Job(many(answer), may_send, len(envelopes), self._loop.create_future(), now)
        messages = [Outgoing(job, envelope) for envelope in envelopes]
        if self._finishing or self.fault or not messages:
            self._put_back(messages, STALL_SECONDS if self.fault else 0)
            return
        self._jobs.add(job)
        self._line.extend(messages)
        self.ready()
        try:
            await job.done
        finally:
            job.open = False
            self._jobs.discard(job)

    def recall(self, which: Recalled) -> None:
        """Give back what has not begun to leave."""
        self._withdraw(lambda outgoing: not outgoing.sent and which(outgoing.envelope), 0)

    def finish(self) -> None:
        """Begin no further message; those begun go on."""
        self._finishing = True
        self._withdraw(lambda outgoing: not outgoing.sent, 0)

    async def stop(self) -> None:
        """Take leave of the SMSC, once it has answered what it got."""
        for reconnector in self._reconnectors:
            reconnector.stop()
        self._deliveries.close()
        await asyncio.gather(*(link.unbind() for link in self._all_links()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._timer:
            self._timer.cancel()

    # -- sending --------------------------------------------------------------------------------------

    def ready(self) -> None:
        """Send what there is room for."""
        if not any(self._lines()):
            return
        now = self._loop.time()
        asked: dict[Job, bool] = {}
        for link in self._links:
            allowed = self._throttle.allowance(now)
            room = link.free if allowed is None else min(link.free, allowed)
            posted = self._fill(link, room, now, asked)
            self._throttle.spend(posted)
        if any(link.free for link in self._links) and any(self._lines()) and self._timer is None:
            self._timer = self._loop.call_later(self._throttle.wait(now), self._again)
        if self._line:
            self._loop.call_soon(self._prepare)

    def _prepare(self) -> None:
        """Encode what leaves next, while the SMSC has the turn."""
        while self._line and len(self._prepared) < AHEAD:
            outgoing = self._line.popleft()
            outgoing.prepare(self._composer)
            self._prepared.append(outgoing)

    def _lines(self) -> tuple[deque[Outgoing], ...]:
        """What waits, in the order in which it leaves."""
        return self._begun, self._prepared, self._line

    def _again(self) -> None:
        self._timer = None
        self.ready()

    def _fill(self, link: Link, room: int, now: float, asked: dict[Job, bool]) -> int:
        """Send up to so many requests over a link."""
        posted = 0
        while posted < room and (requests := self._requests(min(CHUNK, room - posted), now, asked)):
            link.post(requests, now)
            posted += len(requests)
        return posted

    def _requests(self, most: int, now: float, asked: dict[Job, bool]) -> list[tuple[Outgoing, bytes]]:
        """The next messages that may leave, up to so many, each with the body of its request."""
        found: list[tuple[Outgoing, bytes]] = []
        while len(found) < most and (outgoing := self._next()):
            job, ahead = outgoing.job, outgoing.ahead
            if job not in asked:
                asked[job] = job.may_send()
            late = not outgoing.sent and now - job.began >= outgoing.envelope.left
            if late or not asked[job]:
                self._put_back([outgoing], 0)
                continue
            if ahead:
                outgoing.ahead = b""
                found.append((outgoing, ahead))
                continue
            try:
                found.append((outgoing, outgoing.body(self._composer)))
            except SmppError as exc:
                job.finish(outgoing.envelope, Rejected(status_name(exc.status), str(exc)))
            except ValueError as exc:
                job.finish(outgoing.envelope, Rejected(status_name(Status.RINVMSGLEN), str(exc)))
        return found

    def _next(self) -> Outgoing | None:
        while line := self._begun or self._prepared or self._line:
            outgoing = line.popleft()
            if outgoing.job.open:
                return outgoing
        return None

    # -- what became of it ------------------------------------------------------------------------------

    def answered(self, answers: Sequence[Answered]) -> None:
        """The SMSC answered parts."""
        now = self._loop.time()
        tally.observe(SUBMIT_SECONDS, [now - sent for _, sent, _, _ in answers], self._name)
        good: list[Answered] = []
        for answered in answers:
            outgoing, sent, status, _ = answered
            if status:
                self._taken(good)
                self._refused(outgoing, status, sent)
                good = []
            else:
                good.append(answered)
        self._taken(good)

    def _taken(self, answers: Sequence[Answered]) -> None:
        """The SMSC took parts; those that were the last ones of their messages are told of together."""
        base, receipts = self._config.id_base, self._config.receipts
        whole: dict[Job, list[tuple[Envelope, Answer]]] = defaultdict(list)
        for outgoing, _, _, message_id in answers:
            name = normal_id(message_id, base)
            if name and not outgoing.pieces:  # most messages are one part
                whole[outgoing.job].append((outgoing.envelope, Accepted(name, 1)))
            elif outgoing.accepted(name):
                whole[outgoing.job].append((outgoing.envelope, accepted(outgoing, receipts)))
            else:
                self._begun.append(outgoing)
        self._throttle.accepted(self._loop.time(), len(answers))
        for job, ended in whole.items():
            job.finish_all(ended)

    def unanswered(self, outgoing: Outgoing, reason: str) -> None:
        """A part may or may not have been taken."""
        outgoing.job.finish(outgoing.envelope, self._unknown(outgoing, reason))

    def _unknown(self, outgoing: Outgoing, reason: str) -> Unknown:
        most = 1 if self._config.receipts != "each" else outgoing.total
        return Unknown(_of_part(outgoing, reason), known(outgoing.ids)[:most], most)

    def _refused(self, outgoing: Outgoing, status: int, sent: float) -> None:
        if status not in TEMPORARY:
            reason = f"{status_meaning(status)} ({status_name(status)})"
            refused = Rejected(status_name(status), _of_part(outgoing, reason), known(outgoing.ids))
            outgoing.job.finish(outgoing.envelope, refused)
            return
        outgoing.not_now += 1
        if outgoing.sent or status in BUSY:
            self._slow_down(status, sent)
        keep = outgoing.sent or (status in BUSY and not self._finishing)
        if keep and outgoing.not_now < TRIES:
            self._begun.append(outgoing)
        else:
            self._put_back([outgoing], 0)

    def _slow_down(self, status: int, sent: float) -> None:
        tally.add(THROTTLED, 1, self._name)
        pause = self._throttle.not_now(self._loop.time(), sent)
        if pause is not None:
            self._log.warning(
                "slowing_down", status=status_name(status), pause=pause, rate=round(self._throttle.rate)
            )

    def _put_back(self, messages: Sequence[Outgoing], wait: float) -> None:
        """Give messages back, to be sent later; not those of which the recipient may have a part."""
        for outgoing in messages:
            what = self._unknown(outgoing, "could not be sent") if outgoing.sent else Throttled(wait)
            outgoing.job.finish(outgoing.envelope, what)

    def _withdraw(self, which: Callable[[Outgoing], bool], wait: float) -> None:
        """Give back those in line to which it applies."""
        for line in self._lines():
            messages = [outgoing for outgoing in line if outgoing.job.open]
            line.clear()
            line.extend(outgoing for outgoing in messages if not which(outgoing))
            self._put_back([outgoing for outgoing in messages if which(outgoing)], wait)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task of ours ended; by a fault, when nobody cancelled it: nothing more is sent."""
        if task.cancelled() or not (fault := task.exception()):
            return
        self._log.error("backend_fault", exc_info=fault)
        self.fault, self.slices = "the backend has a fault, which is in the log", 0
        self._withdraw(lambda _: True, STALL_SECONDS)
        for link in self._all_links():
            link.abort("the backend has a fault")

    # -- links ----------------------------------------------------------------------------------------

    def _kinds(self) -> list[Kind]:
        bind, binds = self._config.bind, self._config.binds
        if bind == "transmitter+receiver":
            transmitters: list[Kind] = ["transmitter"] * binds
            return [*transmitters, "receiver"]
        return [bind] * binds

    def _all_links(self) -> list[Link]:
        return [*self._links, *self._receivers]

    def up(self, link: Link) -> None:
        """A bind came up."""
        if link.kind == "receiver":
            self._receivers.append(link)
            return
        self._links.append(link)
        self.slices = self._wanted_slices()
        self.ready()

    def down(self, link: Link) -> None:
        """A bind is gone."""
        if link.kind == "receiver":
            self._receivers.remove(link)
            return
        self._links.remove(link)
        if not self._links:
            self._down_since = self._loop.time()

    def delivered(self, link: Link, pdu: DeliverSm | DataSm) -> None:
        """The SMSC delivered a receipt or a reply."""
        self._deliveries.add(link, pdu)

    def _wanted_slices(self) -> int:
        """Enough to keep windows full while the next is claimed; few, if it takes long to send one."""
        if 0 < self._config.throughput < SLICE:
            return 1
        return 2 + self._config.window * self._config.binds // SLICE * 2

    async def _watch(self) -> None:
        """Look after what no answer wakes up."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self._loop.time()
            for link in self._all_links():
                link.tick(now)
            self._give_up(now)
            self.ready()

    def _give_up(self, now: float) -> None:
        stale = {job for job in self._jobs if not job.may_send()}
        if stale:
            self._withdraw(lambda outgoing: outgoing.job in stale, 0)
        if not self._links and now - self._down_since > LINK_PATIENCE_SECONDS:
            self.slices = 0
            self._withdraw(lambda _: True, min(reconnector.wait(now) for reconnector in self._reconnectors))
        elif self._throttle.stalled(now):
            self._withdraw(lambda _: True, STALL_SECONDS)


def _of_part(outgoing: Outgoing, reason: str) -> str:
    """A reason, with the part that it is about if there are several."""
    if outgoing.total == 1:
        return reason
    return f"part {outgoing.sent + 1} of {outgoing.total}: {reason}; {outgoing.sent} sent before it"
