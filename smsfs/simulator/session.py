"""One link of the simulator."""

import asyncio
from collections import deque
from typing import Protocol, cast

from smsfs.backends.smpp.constants import RESPONSE, VERSION, Command, Status, Tag
from smsfs.backends.smpp.decoder import Decoder
from smsfs.backends.smpp.pdu import (
    BIND_RESPONSES,
    Bind,
    BindReceiver,
    BindTransmitter,
    DataSm,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Pdu,
    Raw,
    SmppError,
    SubmitSm,
    Unbind,
    UnbindResp,
    frame,
)
from smsfs.simulator.behaviour import Behaviour, Counts
from smsfs.simulator.ledger import Ledger

#: deliver_sm that may wait for their answers on one link.
DELIVER_WINDOW = 100
_HIGHEST_SEQUENCE = 0x7FFFFFFF
_SUBMIT_SM_RESP = int(Command.SUBMIT_SM_RESP)
#: Seconds that a timer is late as a rule; answers are due so much earlier.
_LATENESS = 1e-4


class Center(Protocol):
    """What the links of one simulator share."""

    behaviour: Behaviour
    counts: Counts
    ledger: Ledger

    def joined(self, link: "Session") -> None:
        """A link came up."""

    def left(self, link: "Session") -> None:
        """A link is gone; what it did not deliver is delivered over another."""

    def admit(self, bind: Bind) -> int:
        """The status that answers a bind."""

    def bound(self, link: "Session") -> None:
        """A link may be used from now on."""

    def take(self, pdu: SubmitSm, link: "Session") -> tuple[int, str, bool]:
        """Status, id, and whether the client gets them in time."""

    def delivered(self, link: "Session", pdu: DeliverSm, status: int) -> None:
        """A client answered a deliver_sm."""


class Session(asyncio.Protocol):
    """Reads requests and writes answers, those of one chunk in one write."""

    def __init__(self, smsc: Center) -> None:
        self._smsc = smsc
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._bind: Bind | None = None
        self._received = 0
        self._unanswered = 0
        self._out: list[bytes] = []
        self._later: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._sequence = 0
        self._arrived = 0.0
        self._closing = False
        #: Who is at the other end; empty before the bind.
        self.system_id = ""
        self.delivering: dict[int, DeliverSm] = {}

    @property
    def unanswered(self) -> int:
        """The submit_sm that wait for their answers."""
        return self._unanswered

    @property
    def takes_deliveries(self) -> bool:
        """Whether one more deliver_sm may go out now."""
        bound = self._bind is not None and not isinstance(self._bind, BindTransmitter)
        return bound and not self._closing and len(self.delivering) < DELIVER_WINDOW

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast("asyncio.Transport", transport)
        self._smsc.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The link is gone; what it was to deliver goes another way."""
        del exc
        self._closing = True
        if self._timer:
            self._timer.cancel()
        self._smsc.left(self)

    def eof_received(self) -> None:
        """The client is done; so are we."""

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._arrived = self._loop.time()
        for pdu in self._decoder.feed(data):
            if self._closing:
                return
            if isinstance(pdu, SubmitSm):
                self._submit(pdu)
            elif isinstance(pdu, SmppError):
                self._error(pdu)
            else:
                self._other(pdu)
        self._smsc.ledger.flush()
        self._flush()

    def deliver(self, pdu: DeliverSm) -> None:
        """Send a deliver_sm; it leaves with the next flush."""
        self._sequence = self._sequence % _HIGHEST_SEQUENCE + 1
        self.delivering[self._sequence] = pdu
        if not self._out:
            self._loop.call_soon(self._flush)
        data = pdu.encode()
        self._out.append(b"%b%b%b" % (data[:12], self._sequence.to_bytes(4), data[16:]))

    def cut(self) -> None:
        """Break the link without a word."""
        self._closing = True
        self._transport.abort()

    def _submit(self, pdu: SubmitSm) -> None:
        self._received += 1
        self._unanswered += 1
        counts, behaviour = self._smsc.counts, self._smsc.behaviour
        counts.submits += 1
        counts.most_unanswered = max(counts.most_unanswered, self._unanswered)
        if self._bind is None or isinstance(self._bind, BindReceiver):
            status, message_id, answered = int(Status.RINVBNDSTS), "", True
        else:
            status, message_id, answered = self._smsc.take(pdu, self)
        if behaviour.disconnect_after and self._received >= behaviour.disconnect_after:
            self._smsc.ledger.flush()
            self.cut()
            return
        response = frame(_SUBMIT_SM_RESP, status, pdu.sequence, b"%b\0" % message_id.encode())
        if answered:
            self._answer(response, behaviour.latency)
        elif behaviour.late is not None:
            self._loop.call_later(behaviour.late, self._write_late, response)
        else:
            self._unanswered -= 1

    def _other(self, pdu: Pdu) -> None:
        if isinstance(pdu, DeliverSmResp):
            self._delivered(pdu)
        elif isinstance(pdu, EnquireLink):
            if not self._smsc.behaviour.deaf:
                self._out.append(EnquireLinkResp(pdu.sequence).encode())
        elif isinstance(pdu, Bind):
            self._out.append(self._bound(pdu))
        elif isinstance(pdu, Unbind):
            self._unbind(pdu)
        elif isinstance(pdu, DataSm) or (isinstance(pdu, Raw) and not pdu.command_id & RESPONSE):
            self._out.append(GenericNack(pdu.sequence, Status.RINVCMDID).encode())

    def _bound(self, pdu: Bind) -> bytes:
        status = Status.RALYBND if self._bind else self._smsc.admit(pdu)
        response = BIND_RESPONSES[type(pdu)]
        if status:
            return response(pdu.sequence, status).encode()
        self._bind, self.system_id = pdu, pdu.system_id
        self._loop.call_soon(self._smsc.bound, self)
        version = ((Tag.SC_INTERFACE_VERSION, bytes((VERSION,))),)
        return response(pdu.sequence, Status.ROK, "simulator", version).encode()

    def _unbind(self, pdu: Unbind) -> None:
        """The answers that are due come first."""
        self._bind = None
        response = UnbindResp(pdu.sequence).encode()
        wait = max(0.0, self._later[-1][0] - self._loop.time()) if self._later else 0.0
        self._loop.call_later(wait, self._close, response)

    def _close(self, last: bytes) -> None:
        self._flush_due()
        if not self._closing:
            self._transport.write(last)
            self._closing = True
            self._transport.close()

    def _error(self, error: SmppError) -> None:
        if error.fatal:
            self._out.append(GenericNack(error.sequence, error.status).encode())
            self._flush()
            self._closing = True
            self._transport.close()
        elif not error.command & RESPONSE:
            self._out.append(frame(error.command | RESPONSE, error.status, error.sequence, b""))

    def _delivered(self, pdu: DeliverSmResp) -> None:
        delivery = self.delivering.pop(pdu.sequence, None)
        if delivery is not None:
            self._smsc.delivered(self, delivery, pdu.status)

    def _answer(self, response: bytes, latency: float) -> None:
        if latency <= 0 and not self._later:
            self._unanswered -= 1
            self._out.append(response)
            return
        self._later.append((self._arrived + latency - _LATENESS, response))
        if self._timer is None:
            self._timer = self._loop.call_at(self._later[0][0], self._flush_due)

    def _flush_due(self) -> None:
        """Write the answers whose time has come."""
        now = self._loop.time()
        later = self._later
        while later and later[0][0] <= now:
            self._out.append(later.popleft()[1])
            self._unanswered -= 1
        self._timer = self._loop.call_at(later[0][0], self._flush_due) if later else None
        self._flush()

    def _write_late(self, response: bytes) -> None:
        self._unanswered -= 1
        self._out.append(response)
        self._flush()

    def _flush(self) -> None:
        if self._out and not self._closing:
            self._transport.write(b"".join(self._out))
        self._out.clear()
