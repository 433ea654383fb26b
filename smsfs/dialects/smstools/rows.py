"""From a spool file to messages: one text, and a recipient in each ``To:``."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, TypeVar

from smsfs.dialects.smstools import validity
from smsfs.dialects.smstools.headers import REFUSED, REFUSED_IF_YES, Header, Spool, parted
from smsfs.dialects.smstools.settings import IGNORE, REJECT, SEND, SENDER
from smsfs.dialects.smstools.text import ISO, alphabet, decoded
from smsfs.errors import Cause, Unreadable
from smsfs.sms import local, segments
from smsfs.sms.classes import FLASH
from smsfs.sms.message import Message
from smsfs.sms.segments import MAX_PARTS
from smsfs.sms.sender import sender
from smsfs.sms.text import rules_of

T = TypeVar("T")

_FLASH = (
    "flash messages are not sent from here; leave it out, "
    'or set flash to "send" for the account, or to "plain" to send an ordinary SMS'
)
_SHORT = "short numbers cannot be written to, only phone numbers"
_NOT_TEXT = "asks for what is no plain text message, and only those are sent"
#: What ``System_message`` takes beside a yes.
_SYSTEM = frozenset({"2", "tosim"})


def rows(stream: BinaryIO, size: int, settings: Mapping[str, Any], at: datetime) -> Iterator[Message | Cause]:
    """A message for each recipient, in order; or, if anything is wrong, each cause.

    Raises:
        Unreadable: the file is too large, or its bytes are no such file.
    """
    most = settings["max_batch_bytes"]
    if size > most:
        raise Unreadable(Cause(f"the file has {size:,} bytes; a file with a text has at most {most:,}"))
    stream.seek(0)
    spool = parted(stream.read(size), ignore_unknown=settings["unknown_headers"] == IGNORE)
    causes = [*spool.causes, *_refused(spool, settings)]
    read = _Reader(spool, settings, at, causes)
    messages = read.messages()
    yield from sorted(causes, key=lambda cause: cause.line or 0) or messages


def _refused(spool: Spool, settings: Mapping[str, Any]) -> Iterator[Cause]:
    """Headers that ask for what cannot be done."""
    for header in spool.headers:
        asked = header.yes or (header.name == "System_message" and header.value.lower() in _SYSTEM)
        if (header.name in REFUSED and header.value) or (header.name in REFUSED_IF_YES and asked):
            yield header.cause(_NOT_TEXT)
        elif header.name == "Flash" and header.yes and settings["flash"] == REJECT:
            yield header.cause(_FLASH)
        elif header.name == "To_TOA" and header.value.lower() != "international":
            yield header.cause("numbers are international here, with the country code")


class _Reader:
    """Reads what is in the headers and the text, and collects what is wrong."""

    def __init__(self, spool: Spool, settings: Mapping[str, Any], at: datetime, causes: list[Cause]) -> None:
        self._spool, self._settings, self._at, self._causes = spool, settings, at, causes
        self._read_number = local.reader(settings["country"])

    def messages(self) -> list[Message]:
        text, coding, parts = self._text()
        until = self._of("Validity", lambda value: self._at.timestamp() + validity.seconds(value), 0.0)
        name = self._of("From", sender, "") if self._settings["from_header"] == SENDER else ""
        found = [header for header in self._spool.headers if header.name == "To"]
        if not found:
            self._causes.append(Cause("header To, with the recipient's number, is missing"))
        recipients = [self._checked(header, self._number, "") for header in found]
        flash = self._spool.get("Flash")
        klass = FLASH if flash and flash.yes and self._settings["flash"] == SEND else "standard"
        return [
            Message(row, recipient, text, name, klass, encoding=coding, parts=parts, until=until)
            for row, recipient in enumerate(recipients, 1)
        ]

    def _number(self, value: str) -> str:
        if value[:1] == "s" and value[1:].isdigit():
            raise ValueError(_SHORT)
        return self._read_number(value)

    def _of(self, name: str, check: Callable[[str], T], otherwise: T) -> T:
        header = self._spool.get(name)
        return self._checked(header, check, otherwise) if header else otherwise

    def _checked(self, header: Header, check: Callable[[str], T], otherwise: T) -> T:
        try:
            return check(header.value)
        except ValueError as error:
            self._causes.append(header.cause(str(error)))
            return otherwise

    def _text(self) -> tuple[str, str, int]:
        """The text, its encoding on the air and how many SMS it takes."""
        named = self._of("Alphabet", alphabet, "")
        if not named and self._spool.get("Alphabet"):
            return "", segments.GSM7, 1
        try:
            text = decoded(self._spool.text, named or ISO, self._spool.line)
            return self._measured(rules_of(self._settings).read(text))
        except Unreadable as error:
            self._causes.append(error.cause)
        except ValueError as error:
            self._causes.append(Cause(str(error), self._spool.line))
        return "", segments.GSM7, 1

    def _measured(self, text: str) -> tuple[str, str, int]:
        if not text:
            raise ValueError("the text is empty: it comes behind a blank line")
        coding, parts = segments.count(text)
        if parts > MAX_PARTS:
            raise ValueError(f"the text takes {parts} SMS; at most {MAX_PARTS} can be joined")
        split = self._spool.get("Autosplit")
        if split and split.value == "0" and parts > 1:
            raise ValueError(f"the text takes {parts} SMS, and Autosplit: 0 allows one")
        return text, coding, parts
