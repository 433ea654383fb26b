"""Delivery receipts, in the ways in which carriers write them, and the ids by which they are matched.

Appendix B of the specification describes the text, but each vendor has its own: other orders, missing
fields, dates with seconds, error codes with letters. Optional parameters, where they are and say something,
count for more.
"""

import re
from datetime import datetime

from msgspec import Struct

from smsfs.backends.smpp import words
from smsfs.backends.smpp.coding import alphabet, decode, unpacked
from smsfs.backends.smpp.constants import INTERMEDIATE, MESSAGE_TYPE, RECEIPT, Tag
from smsfs.backends.smpp.dates import moment
from smsfs.backends.smpp.header import content
from smsfs.backends.smpp.pdu import ShortMessage
from smsfs.backends.smpp.words import STATES
from smsfs.sms.segments import GSM7, UCS2

__all__ = ["STATES", "ReceiptText", "doubtful", "normal_id", "other_id", "receipt"]

DECIMAL, HEXADECIMAL, TEXT = "decimal", "hexadecimal", "text"
_DIGITS = {
    DECIMAL: re.compile(r"[0-9]{1,64}").fullmatch,
    HEXADECIMAL: re.compile(r"(0x)?[0-9a-f]{1,64}").fullmatch,
}

_LABEL = r"id|sub|dlvrd|submit[ _]date|done[ _]date|stat|err"
#: A label and its value; where the value is missing, the next label is not the value.
_field = re.compile(rf"\b({_LABEL})\s*:\s*(?!(?:{_LABEL}|text)\s*:)([^\s,;]*)", re.IGNORECASE)
_text = re.compile(r"\btext\s*:", re.IGNORECASE)
#: A receipt as the specification has it, and most carriers: it is read in a fifth of the time.
_usual = re.compile(
    r"id:([\w-]{1,65}) sub:(\d{1,3}) dlvrd:(\d{1,3}) submit date:(\d{10,14}) done date:(\d{10,14}) "
    r"stat:(\w{1,7}) err:(\w{1,8}) [Tt]ext:(.*)",
    re.ASCII | re.DOTALL,
).fullmatch
_USUAL = ("id", "sub", "dlvrd", "submit date", "done date", "stat", "err", "text")
#: Whether octets are read alike in every alphabet of one octet.
_is_plain = re.compile(rb"[\n\r\x20-\x7e]*\0*").fullmatch
#: Whether octets may hold two labels that no receipt is without, in one octet or two for each character.
_has_id = re.compile(rb"i\0?d\0?\s{0,3}\0?:", re.IGNORECASE).search
_has_stat = re.compile(rb"s\0?t\0?a\0?t\0?\s{0,3}\0?:", re.IGNORECASE).search


class ReceiptText(Struct, frozen=True):
    """What a carrier says of a message.

    Attributes:
        id: the carrier's id as it wrote it; see :func:`normal_id`. Empty if none was found.
        stat: one of :data:`.words.STATES`, or a vendor's own word, in capitals. Empty if none was found.
        error: the carrier's code for the reason; letters are possible, and it may be empty.
        submitted: when the carrier got the message, without a zone if it names none; None if it does not say.
        done: when it came to this state; also without a zone, or None.
        text: the beginning of the message, where the carrier sends it along.
    """

    id: str
    stat: str
    error: str = ""
    submitted: datetime | None = None
    done: datetime | None = None
    text: str = ""

    @property
    def outcome(self) -> str | None:
        """``"delivered"``, ``"undelivered"`` or ``"expired"``; None on its way, and without a word."""
        return words.outcome(self.stat)


def usual(octets: bytes) -> tuple[str, str, str, str] | None:
    """The id, stat, err and done date of a text as most carriers write it; None if it is another."""
    found = _usual(octets.decode("latin-1").replace("\0", " "))
    return (found[1], found[6], found[7], found[5]) if found else None


def receipt(pdu: ShortMessage) -> ReceiptText | None:
    """The receipt that a PDU is, by its ``esm_class`` or its parameters; None if a person wrote it.

    Raises:
        SmppError: its user data header is cut short.
    """
    if pdu.esm_class & MESSAGE_TYPE in {RECEIPT, INTERMEDIATE}:
        return _read(pdu)
    if not _c_octets(pdu.tlv(Tag.RECEIPTED_MESSAGE_ID)):
        return None
    found = _read(pdu)
    # A person's reply may name the message that it answers in the same parameter.
    return found if found.stat or not pdu.body.strip(b"\0 ") else None


def doubtful(pdu: ShortMessage) -> ReceiptText | None:
    """What a PDU would say if it were a receipt, though only its text says so; None if it does not.

    Raises:
        SmppError: its user data header is cut short.
    """
    body = pdu.body
    if b":" not in body or not (_has_id(body) and _has_stat(body)):
        return None
    found = _read(pdu)
    return found if found.id and found.stat else None


def _read(pdu: ShortMessage) -> ReceiptText:
    """A receipt, put together from all its places; one that says nothing gives way to one that does."""
    _, data = content(pdu)
    fields = _fields_of(data, pdu.data_coding)
    return ReceiptText(
        _c_octets(pdu.tlv(Tag.RECEIPTED_MESSAGE_ID)) or fields.get("id", ""),
        words.state(pdu.tlv(Tag.MESSAGE_STATE), fields),
        _error(pdu.tlv(Tag.NETWORK_ERROR_CODE), fields.get("err", "")),
        moment(fields.get("submit date", "")),
        moment(fields.get("done date", "")),
        fields.get("text", ""),
    )


def other_id(pdu: ShortMessage) -> str:
    """The id in the text of a receipt whose parameters have another; empty if there are no two.

    Raises:
        SmppError: its user data header is cut short.
    """
    named = _c_octets(pdu.tlv(Tag.RECEIPTED_MESSAGE_ID))
    if not (named and pdu.body):
        return ""
    written = _fields_of(content(pdu)[1], pdu.data_coding).get("id", "")
    return "" if written == named else written


def normal_id(message_id: str, base: str = TEXT) -> str:
    """An id in the one form in which those of a response and of its receipt are equal.

    Args:
        message_id: as the carrier wrote it.
        base: ``"decimal"``, ``"hexadecimal"``, or ``"text"`` for ids that are compared as they are, but for
            case and leading zeros. An id that is no number in its base counts as text.

    Returns:
        Decimal digits, or a text in lower case without leading zeros.
    """
    text = message_id.strip().lower()
    if base != TEXT and _DIGITS[base](text):
        return str(int(text, 10 if base == DECIMAL else 16))
    return text.lstrip("0") or text[:1]


def _fields_of(data: bytes, data_coding: int) -> dict[str, str]:
    """Label -> value, in the reading of the octets that makes most sense: ``data_coding`` is a hint."""
    if usual := _usual(data.decode("latin-1").replace("\0", " ")):  # no other reading makes more sense
        return dict(zip(_USUAL, (*usual.groups()[:-1], usual[len(_USUAL)].strip()), strict=True))
    if _is_plain(data):
        return _fields(data.rstrip(b"\0").decode("ascii"))
    found = [_fields(_clean(text)) for text in _readings(data, data_coding)]
    return max(found, key=_sense)


def _readings(data: bytes, data_coding: int) -> list[str]:
    """The texts that octets may be, the likeliest first."""
    written = alphabet(data_coding)
    wide = [data.decode(codec, "replace") for codec in ("utf-16-be", "utf-16-le")]
    narrow = [data.decode("latin-1"), decode(data, GSM7) if data.isascii() else decode(unpacked(data), GSM7)]
    if written == UCS2:
        return [*wide, *narrow]
    return [*narrow, decode(data, written), *wide]


def _sense(fields: dict[str, str]) -> tuple[bool, int]:
    """An id that can be read, and then most fields."""
    message_id = fields.get("id", "")
    return bool(message_id) and message_id.isascii() and message_id.isprintable(), len(fields)


def _fields(text: str) -> dict[str, str]:
    """Label -> value; of a label that is there twice, the first.

    What follows ``text:`` was written by the client and could look like anything; it is searched only when
    a carrier puts it first.
    """
    cut = _text.search(text)
    head, tail = (text[: cut.start()], text[cut.end() :]) if cut else (text, "")
    found = _field.findall(head) or _field.findall(tail)
    fields: dict[str, str] = {}
    for label, value in found:
        fields.setdefault(label.lower().replace("_", " "), value)
    if cut:
        fields["text"] = tail.strip()
    return fields


def _c_octets(value: bytes | None) -> str:
    return value.partition(b"\0")[0].decode("latin-1").strip() if value else ""


def _clean(text: str) -> str:
    """Without the NUL that some end it with, and without halves of surrogate pairs: neither can be stored."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _error(value: bytes | None, written: str) -> str:
    """The parameter's code, without the octet for the kind of network it is from, or the text's."""
    network_error_octets = 3
    code = int.from_bytes(value[1:]) if value and len(value) == network_error_octets else None
    return written if code is None or (code == 0 and written) else str(code)
