"""A message on its way to an SMSC, part by part."""

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from math import inf

from attrs import define

from smsfs.backends import Answer, Envelope, MaySend, OnAnswer
from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.options import SmppConfig
from smsfs.backends.smpp.pdu import SmppError, SubmitSm, numbered
from smsfs.backends.smpp.text import LATIN1, Part, alphabet, encode, split
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
        self._codings = dict.fromkeys((GSM7, LATIN1), config.data_coding_gsm7)
        self._languages = config.tongues.languages
        self._default = LATIN1 if alphabet(config.data_coding_gsm7) == LATIN1 else GSM7
        # Not the same after each start: phones would join parts of before it with those of another message.
        self._reference = secrets.randbelow(LAST_REFERENCE + 1)
        self.source = lru_cache(maxsize=1024)(self._source)

    def parts(self, message: Message) -> tuple[int, list[Part]]:
        """The data coding of a message, and its parts; a reference number of their own joins them.

        Raises:
            ValueError: there are too many.
        """
        found, default = message.encoding, self._default
        if message.parts == 1 and default == GSM7:
            with suppress(UnicodeEncodeError):  # the text was counted in national tables
                return self._coding(found), [Part(encode(message.text, found))]
        self._reference = (self._reference + 1) & LAST_REFERENCE
        way = self._config.concatenation, self._reference, default
        found, parts = split(message.text, *way, self._languages)
        return self._coding(found), parts

    def _coding(self, found: str) -> int:
        return self._codings.get(found, self._config.data_coding_ucs2)

    def pdu(self, envelope: Envelope, coding: int, part: Part) -> SubmitSm:
        """One part as a request, without a sequence number."""
        config, message = self._config, envelope.message
        source, ton, npi = self.source(message.sender)
        return SubmitSm(
            0,
            source,
            message.recipient,
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
            validity(envelope.expires) if config.validity_period else "",
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

    answer: OnAnswer
    may_send: MaySend
    left: int
    done: asyncio.Future[None]
    began: float
    open: bool = True

    def finish(self, envelope: Envelope, what: Answer) -> None:
        """A message is answered."""
        if not self.open:
            return
        self.left -= 1
        self.answer(envelope, what)
        if not self.left and not self.done.done():
            self.done.set_result(None)


class Outgoing:
    """A message on its way; of its parts, ``sent`` were accepted, and at most one is on a link."""

    __slots__ = ("_coding", "_composer", "_data", "_parts", "envelope", "ids", "job", "not_now", "sent")

    def __init__(self, job: Job, envelope: Envelope, composer: Composer) -> None:
        self.job = job
        self.envelope = envelope
        self._composer = composer
        self._coding, self._parts = 0, list[Part]()
        self._data = b""
        self.sent = 0
        self.ids: list[str] = []
        self.not_now = 0

    @property
    def total(self) -> int:
        """How many requests it takes."""
        return len(self._parts) or 1

    @property
    def parts(self) -> int:
        """How many SMS it is."""
        is_payload = self.total == 1 and self._parts and not self._parts[0].short_message
        return max(self.total, self.envelope.message.parts if is_payload else 1)

    def prepare(self) -> None:
        """Encode its next part ahead of its turn; what does not fit is reported when its turn comes."""
        with suppress(SmppError, ValueError):
            self._data = self._encoded()

    def encode(self, sequence: int) -> bytes:
        """The bytes of its next part.

        Raises:
            SmppError: a field does not fit.
            ValueError: the text has too many parts.
        """
        data, self._data = self._data or self._encoded(), b""
        return numbered(data, sequence)

    def _encoded(self) -> bytes:
        if not self._parts:
            self._coding, self._parts = self._composer.parts(self.envelope.message)
        return self._composer.pdu(self.envelope, self._coding, self._parts[self.sent]).encode()

    def accepted(self, message_id: str) -> bool:
        """A part was taken, under an id in its normal form; whether it was the last."""
        self.ids.append(message_id)
        self.sent += 1
        return self.sent >= self.total
