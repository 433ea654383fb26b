"""The simulator: links, and what they share."""

import asyncio
import ssl
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from smsfs.backends.smpp import text
from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.pdu import MAX_SHORT_MESSAGE, Bind, DeliverSm, SmppError, SubmitSm
from smsfs.simulator.behaviour import Behaviour, Bucket, Counts
from smsfs.simulator.ledger import Ledger, Received
from smsfs.simulator.receipts import ID_BASES, Delivery, write
from smsfs.simulator.session import Session
from smsfs.sms.segments import UCS2

#: ``registered_delivery``, its low bits: a receipt for failures only.
_ON_FAILURE = 2
_MAX_ADDRESS = 20


class Simulator:
    """An SMSC on a TCP port; an asynchronous context manager.

    Args:
        behaviour: what it does; the attribute of that name may be replaced at any time.
        host: where it listens.
        port: the port it listens on; 0 takes a free one, see :attr:`port`.
        tls: of the server, for links over TLS.
        path: of the ledger file; None for none.
        keep: whether :attr:`messages` is kept.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        path: Path | None = None,
        keep: bool = True,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.counts = Counts()
        self.host, self.port = host, port
        self.ledger = Ledger(path, keep=keep)
        self.links: list[Session] = []
        self._tls = tls
        self._empty = asyncio.Event()
        self._empty.set()
        self._server: asyncio.Server | None = None
        self._bucket = Bucket()
        # Ids are unique over restarts, for a client keeps them longer than that.
        self._number = time.time_ns() // 1000
        self._reference = 0
        self._receipts: deque[tuple[float, str, Delivery]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[str, deque[DeliverSm]] = {}

    @property
    def messages(self) -> list[Received]:
        """The messages that came, complete ones and torn ones, in the order of their last parts."""
        return self.ledger.messages

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self), self.host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        if self._server:
            self._server.close()
        self.disconnect()
        await self._empty.wait()
        self.ledger.close()

    def disconnect(self) -> None:
        """Cut every link."""
        for link in self.links:
            link.cut()

    def send(self, source: str, destination: str, message: str, system_id: str = "") -> None:
        """A person sends a text, in as many parts as it takes.

        Args:
            source: the person's number.
            destination: the number or name it goes to.
            message: any text.
            system_id: of the client that gets it; empty for the first that takes messages.
        """
        self._reference += 1
        alphabet, parts = text.split(message, reference=self._reference)
        coding = 8 if alphabet == UCS2 else 0
        for part in parts:
            pdu = DeliverSm(
                0, source, destination, part.short_message, coding, part.esm_class, source_addr_ton=1
            )
            self._waiting.setdefault(system_id, deque()).append(pdu)
        self._push()

    def joined(self, link: Session) -> None:
        """A link came up."""
        self.counts.links += 1
        self.links.append(link)
        self._empty.clear()

    def left(self, link: Session) -> None:
        """A link is gone; what it did not deliver is delivered over another."""
        self.links.remove(link)
        if not self.links:
            self._empty.set()
        if link.delivering:
            self._waiting.setdefault(link.system_id, deque()).extendleft(reversed(link.delivering.values()))
            self._push()

    def admit(self, bind: Bind) -> int:
        """The status that answers a bind."""
        if self.behaviour.system_id not in {"", bind.system_id}:
            return Status.RINVSYSID
        if self.behaviour.password not in {"", bind.password}:
            return Status.RINVPASWD
        return Status.ROK

    def bound(self, link: Session) -> None:
        """A link may be used from now on."""
        if link.takes_deliveries:
            self._push()

    def take(self, pdu: SubmitSm, link: Session) -> tuple[int, str, bool]:
        """Status, id, and whether the client gets them in time."""
        try:
            fragment, data = text.content(pdu)
        except SmppError as exc:
            self.counts.rejected += 1
            return exc.status, "", True
        status = self._busy() or self._refusal(pdu, fragment)
        if status:
            return status, "", True
        self._number += 1
        message_id, receipt_id = ID_BASES[self.behaviour.id_base](self._number)
        self.ledger.add(link.system_id, pdu, fragment, data, message_id, time.time())
        self.counts.accepted += 1
        if self.behaviour.gives_receipts and pdu.registered_delivery & 3:
            self._promise(pdu, receipt_id, link)
        return Status.ROK, message_id, self._answers()

    def delivered(self, link: Session, pdu: DeliverSm, status: int) -> None:
        """A client answered a deliver_sm."""
        if status == Status.ROK:
            self.counts.delivered += 1
            self._push()
            return
        self.counts.refused += 1
        loop = asyncio.get_running_loop()
        loop.call_later(self.behaviour.retry, self._again, link.system_id, pdu)

    def _busy(self) -> int:
        behaviour = self.behaviour
        if behaviour.throughput and not self._bucket.take(behaviour.throughput, time.monotonic()):
            self.counts.throttled += 1
            return Status.RTHROTTLED
        if behaviour.queue:
            # The message that is being judged is among the unanswered.
            waiting = sum(link.unanswered for link in self.links) + len(self._receipts)
            if waiting > behaviour.queue:
                self.counts.queue_full += 1
                return Status.RMSGQFUL
        return Status.ROK

    def _refusal(self, pdu: SubmitSm, fragment: text.Fragment | None) -> int:
        status = _wrong(pdu)
        if not status and self.behaviour.rejects:
            place = f"{fragment.sequence}/{fragment.total}" if fragment else "1/1"
            subject = f"{pdu.destination_addr} {place}"
            status = next((code for found, code in self.behaviour.rejects if found.search(subject)), 0)
        self.counts.rejected += status != 0
        return status

    def _answers(self) -> bool:
        """Whether this one is answered; the others are spread evenly."""
        share, number = self.behaviour.no_answer, self.counts.accepted
        if int(number * share) == int((number - 1) * share):
            return True
        self.counts.unanswered += 1
        return False

    def _promise(self, pdu: SubmitSm, message_id: str, link: Session) -> None:
        """Make the receipt, or see to it that it is made in time."""
        behaviour = self.behaviour
        fails = behaviour.undelivered is not None and behaviour.undelivered.search(pdu.destination_addr)
        if pdu.registered_delivery & 3 == _ON_FAILURE and not fails:
            return
        now = datetime.fromtimestamp(int(time.time()), UTC)
        delivery = Delivery(pdu, message_id, "UNDELIV" if fails else "DELIVRD", now, now)
        if behaviour.receipts_first:
            self._deliver(link.system_id, delivery)
            return
        loop = asyncio.get_running_loop()
        self._receipts.append(
            (loop.time() + behaviour.latency + (behaviour.receipts or 0), link.system_id, delivery)
        )
        if self._timer is None:
            self._timer = loop.call_at(self._receipts[0][0], self._deliver_due)

    def _deliver_due(self) -> None:
        loop = asyncio.get_running_loop()
        while self._receipts and self._receipts[0][0] <= loop.time():
            _, system_id, delivery = self._receipts.popleft()
            self._deliver(system_id, delivery)
        self._timer = loop.call_at(self._receipts[0][0], self._deliver_due) if self._receipts else None

    def _deliver(self, system_id: str, delivery: Delivery) -> None:
        self.counts.receipts += 1
        pdu = write(delivery, self.behaviour.receipt_format)
        self._waiting.setdefault(system_id, deque()).append(pdu)
        self._push()

    def _again(self, system_id: str, pdu: DeliverSm) -> None:
        self._waiting.setdefault(system_id, deque()).append(pdu)
        self._push()

    def _push(self) -> None:
        """Send what waits over the links of those it is for, spread evenly."""
        for system_id, waiting in self._waiting.items():
            while waiting and (link := self._idlest(system_id)):
                link.deliver(waiting.popleft())

    def _idlest(self, system_id: str) -> Session | None:
        links = [link for link in self.links if link.takes_deliveries and system_id in ("", link.system_id)]
        if len(links) == 1:
            return links[0]
        return min(links, key=lambda link: len(link.delivering), default=None)


def _wrong(pdu: SubmitSm) -> int:
    """The status for fields over their limits."""
    if not 0 < len(pdu.destination_addr) <= _MAX_ADDRESS:
        return Status.RINVDSTADR
    if len(pdu.source_addr) > _MAX_ADDRESS:
        return Status.RINVSRCADR
    return Status.RINVMSGLEN if len(pdu.short_message) > MAX_SHORT_MESSAGE else Status.ROK
