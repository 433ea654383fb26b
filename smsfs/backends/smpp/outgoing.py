"""A message on its way to an SMSC, part by part."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from math import inf

from attrs import define
from msgspec import Struct

from smsfs.backends import Answer, Envelope, MaySend, OnAnswers
from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.form import Form
from smsfs.backends.smpp.options import SmppConfig
from smsfs.backends.smpp.pdu import HEADER, SmppError, SubmitSm
from smsfs.backends.smpp.text import LATIN1, Part, alphabet, encoder, split
from smsfs.backends.smpp.vendor import vendor
from smsfs.sms.classes import class_of, coding_of
from smsfs.sms.message import Message
from smsfs.sms.quoting import quoted
from smsfs.sms.segments import GSM7

LAST_REFERENCE = 0xFFFF
INTERNATIONAL, ALPHANUMERIC, ISDN = 1, 5, 1
SHORTEST_NUMBER = 8


class Composer:
    """Messages to the fields of ``submit_sm``, as one SMSC wants them.

    Args:
        config: of the SMSC.
    """

    def __init__(self, config: SmppConfig) -> None:
        self._config = config
        own = config.tlvs or config.account_tlvs
        self._vendor = vendor(config.tlvs, config.account_tlvs, config.default_sender) if own else None
        self._codings = dict.fromkeys((GSM7, LATIN1), config.data_coding_gsm7)
        self._languages = config.tongues.languages
        self._default = LATIN1 if alphabet(config.data_coding_gsm7) == LATIN1 else GSM7
        # Not the same after each start: phones would join parts of before it with those of another message.
        self._reference = secrets.randbelow(LAST_REFERENCE + 1)
        self.source = lru_cache(maxsize=1024)(self._source)
        self._form = lru_cache(maxsize=1024)(self._form_of)

    def short(self, envelope: Envelope) -> bytes | None:
        """The body of the one request that most messages are; None if it takes more, or another way.

        Raises:
            SmppError: a field does not fit.
        """
        message = envelope.message
        if message.parts != 1 or self._default != GSM7:
            return None
        form = self._form(message.sender, message.encoding, message.klass, envelope.expires)
        try:
            octets = form.octets(message.text)
        except UnicodeEncodeError:  # the text was counted in national tables
            return None
        body = form.filled(message.recipient, octets)
        return body + self._vendor.encoded(envelope) if self._vendor else body

    def _form_of(self, sender: str, encoding: str, klass: str, expires: float) -> Form:
        coding = self._coding(encoding, klass)
        return Form(self._request(sender, "", coding, Part(b""), expires), encoder(encoding))

    def parts(self, message: Message) -> tuple[int, list[Part]]:
        """The data coding of a message, and its parts; a reference number of their own joins them.

        Raises:
            ValueError: there are too many.
        """
        self._reference = (self._reference + 1) & LAST_REFERENCE
        default = GSM7 if class_of(message.klass) is not None else self._default
        way = self._config.concatenation, self._reference, default
        found, parts = split(message.text, *way, self._languages)
        return self._coding(found, message.klass), parts

    def _coding(self, found: str, klass: str) -> int:
        number = class_of(klass)
        if number is not None:
            return coding_of(number, ucs2=found != GSM7)
        return self._codings.get(found, self._config.data_coding_ucs2)

    def body(self, envelope: Envelope, coding: int, part: Part) -> bytes:
        """The body of the request that is one part.

        Raises:
            SmppError: a field does not fit.
        """
        message = envelope.message
        pdu = self._request(message.sender, message.recipient, coding, part, envelope.expires)
        return pdu.encode()[HEADER.size :] + self._extra(envelope)

    def _extra(self, envelope: Envelope) -> bytes:
        """The carrier's own parameters, which are the last ones."""
        return self._vendor.encoded(envelope) if self._vendor else b""

    def _request(self, sender: str, recipient: str, coding: int, part: Part, expires: float) -> SubmitSm:
        config = self._config
        source, ton, npi = self.source(sender)
        return SubmitSm(
            0,
            source,
            recipient,
            part.short_message,
            coding,
            part.esm_class,
            config.registered_delivery,
            ton,
            npi,
            config.dest_ton,
            config.dest_npi,
            part.tlvs,
            config.service_type,
            0,
            config.priority,
            "",
            validity(expires) if config.validity_period else "",
        )

    def _source(self, sender: str) -> tuple[str, int, int]:
        """A sender's address, its type of number and its numbering plan."""
        config = self._config
        sender = (sender or config.default_sender).removeprefix("+")
        if odd := next((character for character in sender if not "\0" < character <= "\xff"), None):
            reason = f"The sender {quoted(sender)} has the character {quoted(odd)}, which SMPP cannot carry."
            raise SmppError(reason, Status.RINVSRCADR)
        if not sender:
            ton, npi = 0, 0
        elif not (sender.isascii() and sender.isdigit()):
            ton, npi = ALPHANUMERIC, 0
        elif len(sender) < SHORTEST_NUMBER:
            ton, npi = config.short_code_ton, config.short_code_npi
        else:
            ton, npi = INTERNATIONAL, ISDN
        given_ton, given_npi = config.source_ton, config.source_npi
        return sender, ton if given_ton is None else given_ton, npi if given_npi is None else given_npi


def validity(expires: float) -> str:
    """The ``validity_period`` that ends at a time in seconds since the epoch; empty without an end."""
    return "" if expires == inf else _validity(int(expires))


@lru_cache(maxsize=64)  # all messages of a file have one
def _validity(expires: int) -> str:
    return datetime.fromtimestamp(expires, UTC).strftime("%y%m%d%H%M%S000+")


@define(eq=False)
class Job:
    """One call of ``submit``: its messages are answered one by one, and then it is done."""

    answers: OnAnswers
    may_send: MaySend
    left: int
    done: asyncio.Future[None]
    began: float
    open: bool = True

    def finish(self, envelope: Envelope, what: Answer) -> None:
        """A message is answered."""
        self.finish_all([(envelope, what)])

    def finish_all(self, answers: Sequence[tuple[Envelope, Answer]]) -> None:
        """Some messages are answered."""
        if not self.open:
            return
        self.left -= len(answers)
        self.answers(answers)
        if not self.left and not self.done.done():
            self.done.set_result(None)


class Outgoing(Struct, eq=False, gc=False):
    """A message on its way; of its parts, ``sent`` were accepted, and at most one is on a link.

    Attributes:
        job: what it belongs to.
        envelope: the message.
        sent: how many of its parts were taken.
        ids: of those that were.
        not_now: how often the SMSC put it off.
        ahead: the body of its next request, where that was made ahead of its turn.
        coding: of its parts.
        pieces: its parts, if it takes more than one request, or another way than most.
    """

    job: Job
    envelope: Envelope
    sent: int = 0
    ids: tuple[str, ...] = ()
    not_now: int = 0
    ahead: bytes = b""
    coding: int = 0
    pieces: tuple[Part, ...] = ()

    @property
    def total(self) -> int:
        """How many requests it takes."""
        return len(self.pieces) or 1

    @property
    def parts(self) -> int:
        """How many SMS it is."""
        if not self.pieces:
            return 1
        is_payload = len(self.pieces) == 1 and not self.pieces[0].short_message
        return max(self.total, self.envelope.message.parts if is_payload else 1)

    def prepare(self, composer: Composer) -> None:
        """Encode its next part ahead of its turn; what does not fit is reported when its turn comes."""
        try:
            self.ahead = self.body(composer)
        except (SmppError, ValueError):
            self.ahead = b""

    def body(self, composer: Composer) -> bytes:
        """The body of the request that is its next part.

        Raises:
            SmppError: a field does not fit.
            ValueError: the text has too many parts.
        """
        if not self.pieces:
            short = composer.short(self.envelope)
            if short is not None:
                return short
            self.coding, parts = composer.parts(self.envelope.message)
            self.pieces = tuple(parts)
        return composer.body(self.envelope, self.coding, self.pieces[self.sent])

    def accepted(self, message_id: str) -> bool:
        """A part was taken, under an id in its normal form; whether it was the last."""
        self.ids += (message_id,)
        self.sent += 1
        return self.sent >= self.total
