"""One connection to an SMSC, from its bind to its end."""

import asyncio
from collections.abc import Sequence
from typing import Literal, Protocol, cast

import structlog

from smsfs.backends.smpp.constants import RESPONSE, Command, Status, status_meaning, status_name
from smsfs.backends.smpp.decoder import HEADER_LENGTH, Answer, Decoder
from smsfs.backends.smpp.deliveries import Response
from smsfs.backends.smpp.options import SmppConfig
from smsfs.backends.smpp.outgoing import Outgoing
from smsfs.backends.smpp.pdu import (
    HEADER,
    Bind,
    BindReceiver,
    BindResp,
    BindTransceiver,
    BindTransmitter,
    DataSm,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Pdu,
    Raw,
    SmppError,
    Unbind,
    UnbindResp,
)
from smsfs.backends.smpp.window import Window

Kind = Literal["transmitter", "receiver", "transceiver"]
BINDS: dict[Kind, type[Bind]] = {
    "transmitter": BindTransmitter,
    "receiver": BindReceiver,
    "transceiver": BindTransceiver,
}
LAST_SEQUENCE = 0x7FFFFFFF
#: For what is still to be answered before an end, and then for the SMSC to agree to it.
UNBIND_SECONDS = 5.0
#: After a pause of reading, answers that came meanwhile have so long to be read.
CATCH_UP_SECONDS = 5.0

log = structlog.get_logger()
_header = HEADER.pack
_SUBMIT_SM = int(Command.SUBMIT_SM)

#: A message with its answer: when it left, the status, and the id.
Answered = tuple[Outgoing, float, int, str]


class BindRefused(Exception):
    """The SMSC does not let us in; the text says why, as a clause."""


class Owner(Protocol):
    """Who sends over a link, and hears what became of it."""

    def answered(self, answers: Sequence[Answered]) -> None:
        """The SMSC answered messages."""

    def unanswered(self, outgoing: Outgoing, reason: str) -> None:
        """No answer will come."""

    def ready(self) -> None:
        """There may be room for more."""

    def delivered(self, link: "Link", pdu: DeliverSm | DataSm) -> None:
        """The SMSC delivered a receipt or a reply, to be answered with :meth:`Link.respond`."""


class Link(asyncio.Protocol):
    """Binds when the connection is made; what is sent over it is answered to ``owner``.

    ``bound`` and ``closed`` are futures: the first is set when messages may be sent, or fails with
    :class:`BindRefused`; the second says why the link ended.

    Args:
        config: of the SMSC.
        owner: who uses it.
        kind: what to bind as.
        password: to bind with.
    """

    def __init__(self, config: SmppConfig, owner: Owner, kind: Kind, password: str) -> None:
        self._config, self._password = config, password
        self._owner = owner
        self.kind = kind
        self._loop = asyncio.get_running_loop()
        self.window: Window[Outgoing] = Window(config.window, config.response_timeout)
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._sequence = 0
        self._open = False
        self._writable = True
        self._heard = self._loop.time()
        self._enquired: float | None = None
        self._doubted = False  # there was no answer in time: nothing more is sent until something comes
        self._end = "the connection was closed by the SMSC"
        self._owed = 0
        self._leave: tuple[Pdu, float] | None = None
        self._reading = True
        self._read_on = 0.0
        self.proved = False
        self.bound: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[str] = self._loop.create_future()

    # -- sending --------------------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """How many messages may be sent now."""
        able = self._open and self._writable and not self._doubted and self.kind != "receiver"
        return self.window.free if able else 0

    def post(self, requests: Sequence[tuple[Outgoing, bytes]], now: float) -> None:
        """Send the next parts of messages, each with the body of its request, in one piece."""
        pieces: list[bytes] = []
        add = self.window.add
        for outgoing, body in requests:
            self._sequence = sequence = self._sequence % LAST_SEQUENCE + 1
            add(sequence, outgoing, now)
            pieces += _header(HEADER_LENGTH + len(body), _SUBMIT_SM, 0, sequence), body
        if self._transport:
            self._transport.write(b"".join(pieces))

    def tick(self, now: float) -> None:
        """Give up on answers that are overdue, and check a silent link."""
        self._part(now)
        if not self._reading or now < self._read_on:
            return  # answers may be there that were not read
        for outgoing in self.window.expired(now):
            self._doubted = True
            self._owner.unanswered(outgoing, f"no answer within {self._config.response_timeout:g} seconds")
        if not self._open:
            return
        if self._enquired is not None and now - self._enquired > self._config.response_timeout:
            self.abort("the SMSC does not answer any more")
        elif self._enquired is None and (self._doubted or now - self._heard >= self._config.enquire_link):
            self._enquired, self._doubted = now, self._doubted or bool(self.window)
            self._send(EnquireLink(self._next()))

    async def unbind(self) -> None:
        """Wait for the answers that are due, in either direction, and take leave."""
        self._open = False
        patience = self._loop.time() + UNBIND_SECONDS
        while not self.closed.done() and (self.window or (self._owed and self._loop.time() < patience)):
            await asyncio.wait([self.closed], timeout=0.05)
        if not self.closed.done():
            self._send(Unbind(self._next()))
            await asyncio.wait([self.closed], timeout=UNBIND_SECONDS)
            self.abort("unbound")

    def abort(self, reason: str) -> None:
        """Cut the connection."""
        self._open = False
        if self._transport and not self.closed.done():
            self._end = reason
            self._transport.abort()

    def _next(self) -> int:
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        return self._sequence

    def _send(self, pdu: Pdu) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(pdu.encode())

    def _part_with(self, last: Pdu, reason: str) -> None:
        """Send no more messages, and end the link with a last word once those sent are answered."""
        self._open, self._end = False, reason
        self._leave = last, self._loop.time()
        self._part(self._loop.time())

    def _part(self, now: float) -> None:
        if self._leave is None or ((self.window or self._owed) and now - self._leave[1] < UNBIND_SECONDS):
            return
        self._send(self._leave[0])
        self._leave = None
        if self._transport:
            self._transport.close()
            # An SMSC that does not read would keep the connection, and the next bind, waiting for ever.
            self._loop.call_later(UNBIND_SECONDS, self.abort, self._end)

    # -- what asyncio calls ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Log in."""
        self._transport = cast("asyncio.Transport", transport)
        if transport.get_extra_info("sslcontext") is None:
            # What is within the limits, uvloop keeps back until all that came was looked at.
            self._transport.set_write_buffer_limits(0)
        config = self._config
        self._send(BINDS[self.kind](self._next(), config.system_id, self._password, config.system_type))

    def data_received(self, data: bytes) -> None:
        """Answers, for the most part.

        When all of them are good, the next messages leave first: the SMSC would idle while these answers
        are recorded. A bad one may be a reason not to send.
        """
        self._heard = self._loop.time()
        self._enquired, self._doubted = None, False
        answers: list[Answer] = []
        others = self._decoder.feed(data, answers)
        answered = self._found(answers)
        for pdu in others:
            self._other(pdu)
        if any(status for _, _, status, _ in answered):
            self._report(answered)
            return
        self._owner.ready()
        if answered:
            self._loop.call_soon(self._report, answered)

    def _found(self, answers: Sequence[Answer]) -> list[Answered]:
        """The messages that are answered."""
        found, take = [], self.window.take
        for sequence, status, message_id in answers:
            waiting = take(sequence)
            if waiting is None:
                late = {"id": message_id, "status": status_name(status)}
                log.warning("late_answer", host=self._config.host, **late)
            else:
                found.append((*waiting, status, message_id))
        return found

    def pause_writing(self) -> None:
        """The SMSC does not read."""
        self._writable = False

    def resume_writing(self) -> None:
        """It reads again."""
        self._writable = True
        self._owner.ready()

    def eof_received(self) -> None:
        """The SMSC is gone: what is sent now would never be answered."""
        self._open = False

    def connection_lost(self, exc: Exception | None) -> None:
        """What has no answer now will have none."""
        self._open = False
        reason = f"the connection was lost: {exc}" if exc else self._end
        if not self.bound.done():
            self.bound.set_exception(BindRefused(reason))
            self.bound.exception()  # seen, should nobody wait for it any more
        self.closed.set_result(reason)
        for outgoing in self.window.clear():
            self._owner.unanswered(outgoing, reason)

    # -- receiving ------------------------------------------------------------------------------------

    def _report(self, answers: Sequence[Answered]) -> None:
        statuses = {status for _, _, status, _ in answers}
        self.proved |= bool(statuses - {Status.RINVBNDSTS})
        if Status.RINVBNDSTS in statuses and self._open:
            self._part_with(Unbind(self._next()), "the SMSC says that the link is not bound")
        self._owner.answered(answers)
        self._owner.ready()

    def _other(self, pdu: Pdu | SmppError) -> None:
        if isinstance(pdu, (DeliverSm, DataSm)):  # most are
            self._owed += 1
            self._owner.delivered(self, pdu)
        elif isinstance(pdu, SmppError):
            self._unreadable(pdu)
        elif isinstance(pdu, BindResp):
            self._bound(pdu.status)
        elif isinstance(pdu, EnquireLink):
            self._send(EnquireLinkResp(pdu.sequence))
        elif isinstance(pdu, Unbind):
            self._part_with(UnbindResp(pdu.sequence), "the SMSC took leave")
        elif isinstance(pdu, UnbindResp):
            self.abort("unbound")
        elif isinstance(pdu, GenericNack):
            self._nacked(pdu.sequence, pdu.status or Status.RUNKNOWNERR)
        elif isinstance(pdu, Raw) and not pdu.command_id & RESPONSE:
            self._send(GenericNack(pdu.sequence, Status.RINVCMDID))

    def _nacked(self, sequence: int, status: int) -> None:
        """A request was not understood; a bind neither, where transceivers are not known."""
        if self.bound.done():
            self._report(self._found([(sequence, status, "")]))
        else:
            self._bound(status)

    def _bound(self, status: int) -> None:
        if self.bound.done():
            return
        if status == Status.ROK:
            self._open = True
            self.bound.set_result(None)
            return
        reason = f"the SMSC refused the login: {status_meaning(status)} ({status_name(status)})"
        self.bound.set_exception(BindRefused(reason))
        self.abort(reason)

    def respond(self, responses: Sequence[Response]) -> None:
        """Answer deliveries that came by this link, if it still is up."""
        self._owed -= len(responses)
        self.proved = True
        if self._transport and not self._transport.is_closing():
            self._transport.write(b"".join(response.encode() for response in responses))

    def pause(self) -> None:
        """Leave in the connection what the SMSC sends."""
        if self._transport and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self._reading = True
        self._heard, self._enquired = self._loop.time(), None
        self._read_on = self._heard + CATCH_UP_SECONDS
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    def _unreadable(self, error: SmppError) -> None:
        which = {"command": f"0x{error.command:08X}", "sequence": error.sequence}
        log.warning("unreadable_pdu", host=self._config.host, reason=str(error), **which)
        if error.command & RESPONSE:
            found = self.window.take(error.sequence)
            if found:
                self._owner.unanswered(found[0], f"the answer cannot be read: {error}")
        else:
            self._send(GenericNack(error.sequence, error.status))
        if error.fatal:
            self.abort(f"the SMSC sent what is not SMPP: {error}")
