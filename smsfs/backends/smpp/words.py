"""The words of receipts: what carriers say became of a message, by number or by word."""

from collections.abc import Mapping
from functools import lru_cache

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
#: Word -> what became of the message; every other that is not in :data:`ON_THE_WAY` is ``"undelivered"``.
OUTCOMES = {"DELIVRD": "delivered", "EXPIRED": "expired"}
#: Words that say that the message is still on its way; most are vendors'.
ON_THE_WAY = frozenset(
    {
        *("SCHEDULED", "ENROUTE", "ACCEPTD", "BUFFRED", "BUFFERD", "BUFFERED", "ACKED", "QUEUED", "PENDING"),
        *("SENT", "SUBMITD", "SUBMITTED", "INPROGRESS", "PROCESSING", "TRANSIT", "INTRANSIT", "RETRY"),
        *("RETRYING", "WAITING", "DEFERRED", "FORWARDED"),
    }
)
#: What carriers write for a word, cut or spelt out.
SPELLINGS = {
    **dict.fromkeys(("DELIVERED", "DELIVERD", "DELIVRED", "DELVRD", "DLVRD", "DELIVER"), "DELIVRD"),
    **dict.fromkeys(("UNDELIVERABLE", "UNDELIVERED", "UNDELIVRD", "UNDELIVERD", "UNDLVRD"), "UNDELIV"),
    **dict.fromkeys(("FAILED", "FAIL", "FAILURE"), "UNDELIV"),
    **dict.fromkeys(("REJECTED", "REJCTD", "REJECT"), "REJECTD"),
    **dict.fromkeys(("ACCEPTED", "ACCEPT", "ACCPTD"), "ACCEPTD"),
    **dict.fromkeys(("EXPIRD", "EXPRD", "EXPIRE"), "EXPIRED"),
    **dict.fromkeys(("DELETD", "DELETE"), "DELETED"),
    **dict.fromkeys(("SCHEDLD", "SCHEDULD"), "SCHEDULED"),
    **dict.fromkeys(("ENRUTE", "ENROUT"), "ENROUTE"),
}
_FINAL = frozenset(STATES.values()) - ON_THE_WAY
_MOST_DIGITS = 3


def outcome(word: str) -> str | None:
    """``"delivered"``, ``"undelivered"`` or ``"expired"``; None on its way, and without a word."""
    if not word or word in ON_THE_WAY:
        return None
    return OUTCOMES.get(word, "undelivered")


def state(parameter: bytes | None, fields: Mapping[str, str]) -> str:
    """The word for what became of a message; of several places, of the one that says most.

    A word that nobody knows is kept, in capitals.

    Args:
        parameter: ``message_state``, if it is there.
        fields: label -> value of the text.
    """
    written = fields.get("stat", "")
    if parameter is None and written in _FINAL:  # most are
        return written
    found = max((_numbered(parameter), _word(written)), key=_weight)
    return found or _counted(fields)


def _weight(word: str) -> int:
    """How much a word says: that all is over more than that something is on its way."""
    if not word:
        return 0
    if word in ON_THE_WAY:
        return 1
    if word == "UNKNOWN":
        return 2
    return 4 if word in _FINAL else 3


@lru_cache(maxsize=256)
def _numbered(parameter: bytes | None) -> str:
    """The word of a number in one octet or several, or in digits; empty for any other."""
    if not parameter:
        return ""
    digits = parameter.strip(b"\0 ")
    if digits.isdigit() and len(digits) <= _MOST_DIGITS:
        return STATES.get(int(digits), "")
    return STATES.get(int.from_bytes(parameter), "")


@lru_cache(maxsize=256)
def _word(written: str) -> str:
    bare = "".join(filter(str.isalnum, written.upper()))
    if _is_number(bare):
        return STATES.get(int(bare), bare)
    word = SPELLINGS.get(bare, bare)
    return word if word in ON_THE_WAY or word in STATES.values() else written.upper()


def _counted(fields: Mapping[str, str]) -> str:
    """A receipt without a word may say of how many messages how many were delivered."""
    sent, delivered = fields.get("sub", ""), fields.get("dlvrd", "")
    numbers = [int(text) for text in (sent, delivered) if _is_number(text)]
    return "DELIVRD" if len(numbers) == 2 and 0 < numbers[0] <= numbers[1] else ""  # noqa: PLR2004 - both


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
