"""Delivery receipts, in the ways in which carriers write them, and the ids by which they are matched.

The text is told of in appendix B of the specification, but each vendor has its own: other orders, missing
fields, dates with seconds, error codes with letters. Optional parameters, where they are, count for more.
"""

import re
from datetime import datetime

from msgspec import Struct

from smsfs.backends.smpp.constants import INTERMEDIATE, MESSAGE_TYPE, RECEIPT, Tag
from smsfs.backends.smpp.pdu import ShortMessage
from smsfs.backends.smpp.text import alphabet, content, decode
from smsfs.sms.segments import UCS2

#: ``message_state`` -> word of a receipt (section 5.2.28; 0 and 9 are of SMPP 5).
STATES = {
    0: "SCHEDULED",
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
    9: "SKIPPED",
}
#: Word -> what became of the message.
OUTCOMES = {
    "DELIVRD": "delivered",
    "EXPIRED": "expired",
    "DELETED": "undelivered",
    "UNDELIV": "undelivered",
    "REJECTD": "undelivered",
    "SKIPPED": "undelivered",
    "UNKNOWN": "undelivered",
}
#: Words that say that the message is still on its way; the last three are vendors'.
ON_THE_WAY = frozenset({"SCHEDULED", "ENROUTE", "ACCEPTD", "BUFFRED", "BUFFERD", "ACKED"})
#: What carriers write for a word, cut or spelt out.
_SPELLINGS = {
    "DELIVERED": "DELIVRD",
    "UNDELIVERABLE": "UNDELIV",
    "UNDELIVERED": "UNDELIV",
    "UNDELIVRD": "UNDELIV",
    "REJECTED": "REJECTD",
    "ACCEPTED": "ACCEPTD",
    "FAILED": "UNDELIV",
}

DECIMAL, HEXADECIMAL, TEXT = "decimal", "hexadecimal", "text"

_LABEL = r"id|sub|dlvrd|submit[ _]date|done[ _]date|stat|err"
#: A label and its value; where the value is missing, the next label is none.
_field = re.compile(rf"\b({_LABEL})\s*:\s*(?!(?:{_LABEL}|text)\s*:)(\S*)", re.IGNORECASE)
_text = re.compile(r"\btext\s*:", re.IGNORECASE)
_DATE_LENGTHS = (10, 12, 14)


class Receipt(Struct, frozen=True):
    """What a carrier says of a message.

    Attributes:
        id: the carrier's id as it wrote it; see :func:`normal_id`. Empty if none was found.
        stat: one of :data:`STATES`, or a vendor's own word, in capitals. Empty if none was found.
        error: the carrier's code for the reason; letters are possible, and it may be empty.
        submitted: when the carrier got the message, on the carrier's clock; None if it does not say.
        done: when it came to this state, likewise.
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
        """``"delivered"``, ``"undelivered"`` or ``"expired"``; None on its way, and for an unknown word."""
        return OUTCOMES.get(self.stat)


def receipt(pdu: ShortMessage) -> Receipt | None:
    """The receipt that a PDU is; None if it is a message from a person.

    Raises:
        SmppError: its user data header is cut short.
    """
    identified = pdu.tlv(Tag.RECEIPTED_MESSAGE_ID)
    if identified is None and pdu.esm_class & MESSAGE_TYPE not in {RECEIPT, INTERMEDIATE}:
        return None
    _, data = content(pdu)
    written = alphabet(pdu.data_coding)
    fields = _fields(_clean(decode(data, UCS2) if written == UCS2 else data.decode("latin-1")))
    message_id = _c_octets(identified) if identified else fields.get("id", "")
    stat = STATES.get(_number(pdu.tlv(Tag.MESSAGE_STATE)), "") or _stat(fields)
    return Receipt(
        message_id,
        stat,
        _network_error(pdu.tlv(Tag.NETWORK_ERROR_CODE)) or fields.get("err", ""),
        _date(fields.get("submit date", "")),
        _date(fields.get("done date", "")),
        fields.get("text", ""),
    )


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
    digits = {DECIMAL: r"[0-9]{1,64}", HEXADECIMAL: r"(0x)?[0-9a-f]{1,64}"}.get(base)
    if digits and re.fullmatch(digits, text):
        return str(int(text, 10 if base == DECIMAL else 16))
    return text.lstrip("0") or text[:1]


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
        fields.setdefault(label.lower().replace("_", " "), value.rstrip(",;"))
    if cut:
        fields["text"] = tail.strip()
    return fields


def _stat(fields: dict[str, str]) -> str:
    word = fields.get("stat", "").upper()
    return _SPELLINGS.get(word, word)


def _date(digits: str) -> datetime | None:
    """Ten digits, with seconds twelve, with the century fourteen; None for anything else."""
    if len(digits) not in _DATE_LENGTHS or not (digits.isascii() and digits.isdecimal()):
        return None
    full = (digits if len(digits) == _DATE_LENGTHS[-1] else "20" + digits).ljust(14, "0")
    day = int(full[:4]), int(full[4:6]), int(full[6:8])
    try:  # a quarter of the time that strptime takes, for each of thousands a second
        return datetime(*day, int(full[8:10]), int(full[10:12]), int(full[12:]))  # noqa: DTZ001 - the carrier's zone is unknown
    except ValueError:
        return None


def _number(value: bytes | None) -> int:
    return int.from_bytes(value) if value else -1


def _c_octets(value: bytes) -> str:
    return value.partition(b"\0")[0].decode("latin-1")


def _clean(text: str) -> str:
    """Without the NUL that some end it with, and without halves of surrogate pairs: neither can be stored."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _network_error(value: bytes | None) -> str:
    """The code, without the octet that says which kind of network it is from."""
    network_error_octets = 3
    return str(int.from_bytes(value[1:])) if value and len(value) == network_error_octets else ""
