"""What an SMSC delivered, on its way to stable storage; it is answered once it is there."""

import asyncio
from collections import defaultdict, deque
from typing import Protocol

import structlog

from smsfs.backends import Delivered, Receive
from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.delivered import delivered
from smsfs.backends.smpp.pdu import DataSm, DataSmResp, DeliverSm, DeliverSmResp

#: So many at most are stored together.
BATCH = 1000
#: With so many unanswered, what the SMSC sends is left in the connection.
LIMIT = 4000
#: After a failure: an SMSC that sends again at once would keep everybody busy with nothing.
FAILURE_SECONDS = 1.0

Response = DeliverSmResp | DataSmResp


class Source(Protocol):
    """A link that deliveries come by."""

    def respond(self, responses: list[Response]) -> None:
        """Answer deliveries, if the link still is up."""

    def pause(self) -> None:
        """Read no more for a while."""

    def resume(self) -> None:
        """Read on."""


#: Where something came from, the answer to it, and what it is.
_Unanswered = tuple[Source, int, type[Response], Delivered]


class Deliveries:
    """Collects deliveries of all links, has them stored in the order in which they came, and answers them.

    Args:
        receive: stores them, or raises; they are refused then, and the SMSC is to keep them.
        id_base: how ids are written in receipts.
        log: of the backend.
    """

    def __init__(self, receive: Receive, id_base: str, log: structlog.typing.FilteringBoundLogger) -> None:
        self._receive = receive
        self._id_base = id_base
        self._log = log
        self._waiting: deque[_Unanswered] = deque()
        self._storing = 0
        self._paused: list[Source] = []
        self._come = asyncio.Event()
        self._closed = self._failing = False

    def __len__(self) -> int:
        """How many have no answer yet."""
        return len(self._waiting) + self._storing

    def add(self, source: Source, pdu: DeliverSm | DataSm) -> None:
        """A delivery came."""
        response = DataSmResp if isinstance(pdu, DataSm) else DeliverSmResp
        if self._closed:
            source.respond([response(pdu.sequence, Status.RX_T_APPN)])
            return
        self._waiting.append((source, pdu.sequence, response, delivered(pdu, self._id_base)))
        self._come.set()
        if len(self) >= LIMIT and source not in self._paused:
            self._paused.append(source)
            source.pause()

    def close(self) -> None:
        """Refuse what comes from now on; what came before is stored and answered."""
        self._closed = True

    async def run(self) -> None:
        """Store and answer, until cancelled."""
        while True:
            await self._come.wait()
            self._come.clear()
            while self._waiting:
                await asyncio.sleep(0)  # answers that came with them are handed over first
                await self._take()

    async def _take(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        self._storing = len(batch)
        status = await self._stored([content for *_, content in batch])
        answers: dict[Source, list[Response]] = defaultdict(list)
        for source, sequence, response, _ in batch:
            answers[source].append(response(sequence, status))
        self._storing = 0
        for source, responses in answers.items():
            source.respond(responses)
        if len(self) <= LIMIT // 2:
            paused, self._paused = self._paused, []
            for source in paused:
                source.resume()

    async def _stored(self, items: list[Delivered]) -> Status:
        try:
            await self._receive(items)
        except Exception as exc:  # noqa: BLE001 - whatever it is, what is not stored must not be acknowledged
            if not self._failing:
                self._log.warning("inbound_not_stored", reason=str(exc), action="the SMSC keeps it")
            self._failing = True
            await asyncio.sleep(0 if self._closed else FAILURE_SECONDS)
            return Status.RX_T_APPN
        if self._failing:
            self._failing = False
            self._log.info("inbound_stored_again")
        return Status.ROK
