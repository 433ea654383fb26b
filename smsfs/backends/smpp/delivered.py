"""What an SMSC delivers, as receipts and replies; pure."""

from datetime import UTC, datetime
from functools import lru_cache

from msgspec.structs import replace

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.smpp import coding, words
from smsfs.backends.smpp import receipt as written
from smsfs.backends.smpp.constants import INTERMEDIATE, MESSAGE_TYPE, RECEIPT, UDHI
from smsfs.backends.smpp.dates import moment
from smsfs.backends.smpp.header import content, tables
from smsfs.backends.smpp.pdu import ShortMessage, SmppError

#: What became of a message -> event of ``states.MESSAGE_TRANSITIONS``.
_EVENTS = {"delivered": "delivered", "undelivered": "undelivered", "expired": "receipt_expired"}


def delivered(pdu: ShortMessage, id_base: str) -> Delivered:
    """The receipt or reply that a deliver_sm or data_sm is.

    It never fails, for a carrier sends again and again what is refused. A user data header that is cut
    short is read as text.

    Args:
        pdu: any.
        id_base: how ids are written in receipts, see :func:`.receipt.normal_id`.
    """
    if pdu.esm_class == RECEIPT and not pdu.tlvs and (told := written.usual(pdu.short_message)):
        message_id, stat, error, done = told
        own_id, source = written.normal_id(message_id, id_base), pdu.source_addr
        recipient = source if source.isdecimal() else _recipient(pdu)
        event, word, at = _usually(stat, done)
        return Receipt(own_id, recipient, event, error, word, at)
    pdu = _readable(pdu)
    found = written.receipt(pdu)
    return _receipt(found, pdu, id_base) if found else _reply(pdu, id_base)


@lru_cache(maxsize=1024)  # receipts come by thousands a second
def _usually(stat: str, done: str) -> tuple[str, str, float | None]:
    """The event, the word and the time of a usual text without parameters, which always has a word."""
    word = words.state(None, {"stat": stat})
    return _EVENTS.get(words.outcome(word) or "", "passing"), word, _seconds(moment(done))


def _receipt(found: written.ReceiptText, pdu: ShortMessage, id_base: str) -> Receipt:
    event = _EVENTS.get(found.outcome or "", "passing" if found.stat else "")
    if event and event != "delivered" and pdu.esm_class & MESSAGE_TYPE == INTERMEDIATE:
        event = "passing"  # of one attempt, after which there may be others
    other = written.other_id(pdu)
    return Receipt(
        written.normal_id(found.id, id_base),
        _recipient(pdu),
        event,
        found.error,
        found.stat,
        _seconds(found.done),
        written.normal_id(other, id_base) if other else "",
    )


def _recipient(pdu: ShortMessage) -> str:
    """Whom the message went to: the source of its receipt, unless only the destination is a number."""
    source = _address(pdu.source_addr)
    if source.isdecimal():
        return source
    destination = _address(pdu.destination_addr)
    if destination.isdecimal():
        return destination
    return "".join(filter(str.isdecimal, source))


def _readable(pdu: ShortMessage) -> ShortMessage:
    if pdu.esm_class & UDHI:
        try:
            content(pdu)
        except SmppError:
            return replace(pdu, esm_class=pdu.esm_class & ~UDHI)
    return pdu


def _reply(pdu: ShortMessage, id_base: str) -> ReplyPart:
    fragment, data = content(pdu)
    text = coding.read(data, pdu.data_coding, tables(pdu), len(pdu.body) - len(data), fragment)
    text = text.replace("\0", "")  # no text, and databases refuse it
    sender, recipient = _address(pdu.source_addr), _address(pdu.destination_addr)
    if fragment is None:
        found = written.doubtful(pdu)
        return ReplyPart(sender, recipient, text, receipt=_receipt(found, pdu, id_base) if found else None)
    return ReplyPart(sender, recipient, text, fragment.reference, fragment.sequence, fragment.total)


def _address(address: str) -> str:
    digits = address.removeprefix("+")
    return digits if digits.isdecimal() else address


@lru_cache(maxsize=1024)
def _seconds(done: datetime | None) -> float | None:
    """Since the epoch. A time without a zone, as most receipts have it, is taken for UTC."""
    return (done if done.tzinfo else done.replace(tzinfo=UTC)).timestamp() if done else None
