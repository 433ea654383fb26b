"""One connection to an SMSC, from its bind to its end."""

import asyncio
from typing import Protocol, cast

import structlog

from smsfs.backends.smpp.constants import RESPONSE, Status, status_meaning, status_name
from smsfs.backends.smpp.decoder import Decoder
from smsfs.backends.smpp.letter import Letter
from smsfs.backends.smpp.options import SmppConfig
from smsfs.backends.smpp.pdu import (
    Bind,
    BindResp,
    BindTransceiver,
    BindTransmitter,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Pdu,
    Raw,
    SmppError,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from smsfs.backends.smpp.window import Window

BINDS: dict[str, type[Bind]] = {"transmitter": BindTransmitter, "transceiver": BindTransceiver}
LAST_SEQUENCE = 0x7FFFFFFF
UNBIND_SECONDS = 5.0
#: Messages written together: a write for each is three times slower, and with too many the SMSC idles.
CHUNK = 20

log = structlog.get_logger()


class BindRefused(Exception):
    """The SMSC does not let us in; the text says why, as a clause."""


class Owner(Protocol):
    """Who sends over a link, and hears what became of it."""

    def answered(self, letter: Letter, status: int, message_id: str, sent: float) -> None:
        """The SMSC answered what left at ``sent``."""

    def unanswered(self, letter: Letter, reason: str) -> None:
        """No answer will come."""

    def ready(self) -> None:
        """There may be room for more."""


class Link(asyncio.Protocol):
    """Binds when the connection is made; what is sent over it is answered to ``owner``.

    ``bound`` and ``closed`` are futures: the first is set when messages may be sent, or fails with
    :class:`BindRefused`; the second says why the link ended.
    """

    def __init__(self, config: SmppConfig, owner: Owner) -> None:
        self._config = config
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._window: Window[Letter] = Window(config.window, config.response_timeout)
        self._decoder = Decoder()
        self._buffer: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._sequence = 0
        self._open = False
        self._writable = True
        self._heard = self._loop.time()
        self._enquired: float | None = None
        self._end = "the connection was closed by the SMSC"
        self._refused_delivery = False
        self.proved = False
        self.bound: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[str] = self._loop.create_future()

    # -- sending --------------------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """How many messages may be sent now."""
        return self._window.free if self._open and self._writable else 0

    def post(self, letter: Letter, now: float) -> None:
        """Put the next part of a message into the buffer; it leaves with :meth:`flush` at the latest.

        Raises:
            SmppError: it does not fit its fields, and is not in the buffer.
        """
        sequence = self._next()
        data = letter.encode(sequence)
        self._window.add(sequence, letter, now)
        self._buffer.append(data)
        if len(self._buffer) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write the buffer, in one piece."""
        if self._buffer and self._transport:
            self._transport.write(b"".join(self._buffer))
            self._buffer.clear()

    def tick(self, now: float) -> None:
        """Give up on answers that are overdue, and check a silent link."""
        for letter in self._window.expired(now):
            self._owner.unanswered(letter, f"no answer within {self._config.response_timeout:g} seconds")
        if not self._open:
            return
        if self._enquired is not None and now - self._enquired > self._config.response_timeout:
            self.abort("the SMSC does not answer any more")
        elif self._enquired is None and now - self._heard >= self._config.enquire_link:
            self._enquired = now
            self._send(EnquireLink(self._next()))

    async def unbind(self) -> None:
        """Wait for the answers that are due, and take leave."""
        self._open = False
        while self._window and not self.closed.done():
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
        if self._transport:
            self._transport.write(pdu.encode())

    # -- what asyncio calls ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Log in."""
        self._transport = cast("asyncio.Transport", transport)
        config = self._config
        self._send(BINDS[config.bind](self._next(), config.system_id, config.password, config.system_type))

    def data_received(self, data: bytes) -> None:
        """Answers, for the most part."""
        self._heard = self._loop.time()
        self._enquired = None
        for pdu in self._decoder.feed(data):
            if isinstance(pdu, SubmitSmResp):
                self._answered(pdu.sequence, pdu.status, pdu.message_id)
            else:
                self._other(pdu)
        self._owner.ready()

    def pause_writing(self) -> None:
        """The SMSC does not read."""
        self._writable = False

    def resume_writing(self) -> None:
        """It reads again."""
        self._writable = True
        self._owner.ready()

    def connection_lost(self, exc: Exception | None) -> None:
        """What has no answer now will have none."""
        self._open = False
        reason = f"the connection was lost: {exc}" if exc else self._end
        if not self.bound.done():
            self.bound.set_exception(BindRefused(reason))
            self.bound.exception()  # seen, should nobody wait for it any more
        self.closed.set_result(reason)
        for letter in self._window.clear():
            self._owner.unanswered(letter, reason)

    # -- receiving ------------------------------------------------------------------------------------

    def _answered(self, sequence: int, status: int, message_id: str) -> None:
        found = self._window.take(sequence)
        if found is None:
            log.warning("late_answer", host=self._config.host, id=message_id, status=status_name(status))
            return
        self.proved = True
        self._owner.answered(found[0], status, message_id, found[1])

    def _other(self, pdu: Pdu | SmppError) -> None:
        if isinstance(pdu, SmppError):
            self._unreadable(pdu)
        elif isinstance(pdu, BindResp):
            self._bound(pdu)
        elif isinstance(pdu, EnquireLink):
            self._send(EnquireLinkResp(pdu.sequence))
        elif isinstance(pdu, DeliverSm):
            self._refuse_delivery(pdu)
        elif isinstance(pdu, Unbind):
            self._open, self._end = False, "the SMSC took leave"
            self._send(UnbindResp(pdu.sequence))
        elif isinstance(pdu, UnbindResp):
            self.abort("unbound")
        elif isinstance(pdu, GenericNack):
            self._answered(pdu.sequence, pdu.status or Status.RUNKNOWNERR, "")
        elif isinstance(pdu, Raw) and not pdu.command_id & RESPONSE:
            self._send(GenericNack(pdu.sequence, Status.RINVCMDID))

    def _bound(self, pdu: BindResp) -> None:
        if self.bound.done():
            return
        if pdu.status == Status.ROK:
            self._open = True
            self.bound.set_result(None)
            return
        reason = f"the SMSC refused the login: {status_meaning(pdu.status)} ({status_name(pdu.status)})"
        self.bound.set_exception(BindRefused(reason))
        self.abort(reason)

    def _refuse_delivery(self, pdu: DeliverSm) -> None:
        """Nothing stores it yet, so the SMSC has to keep it."""
        self._send(DeliverSmResp(pdu.sequence, Status.RX_T_APPN))
        if not self._refused_delivery:
            self._refused_delivery = True
            log.warning("delivery_not_taken", host=self._config.host, action="the SMSC keeps it")

    def _unreadable(self, error: SmppError) -> None:
        log.warning("unreadable_pdu", host=self._config.host, reason=str(error))
        if error.command & RESPONSE:
            found = self._window.take(error.sequence)
            if found:
                self._owner.unanswered(found[0], f"the answer cannot be read: {error}")
        else:
            self._send(GenericNack(error.sequence, error.status))
        if error.fatal:
            self.abort(f"the SMSC sent what is not SMPP: {error}")
