"""What an SMSC delivers, as receipts and replies; pure."""

from datetime import UTC, datetime

from msgspec.structs import replace

from smsfs.backends import Inbound, Receipt, ReplyPart
from smsfs.backends.smpp import coding
from smsfs.backends.smpp import receipt as written
from smsfs.backends.smpp.constants import INTERMEDIATE, MESSAGE_TYPE, UDHI
from smsfs.backends.smpp.header import content, tables
from smsfs.backends.smpp.pdu import ShortMessage, SmppError

#: What became of a message -> event of ``states.MESSAGE_TRANSITIONS``.
_EVENTS = {"delivered": "delivered", "undelivered": "undelivered", "expired": "receipt_expired"}


def inbound(pdu: ShortMessage, id_base: str) -> Inbound | None:
    """The receipt or reply that a deliver_sm or data_sm is; None if there is nothing to be kept of it.

    It never fails, for a carrier sends again and again what is refused. A user data header that is cut
    short is read as text.

    Args:
        pdu: any; nothing is kept of a receipt that says that the message is still on its way.
        id_base: how ids are written in receipts, see :func:`.receipt.normal_id`.
    """
    pdu = _readable(pdu)
    found = written.receipt(pdu)
    if found is None:
        return _reply(pdu)
    event = _EVENTS.get(found.outcome or "", "")
    passing = found.stat in written.ON_THE_WAY
    if pdu.esm_class & MESSAGE_TYPE == INTERMEDIATE:  # of one attempt, after which there may be others
        passing = event != "delivered"
    if passing:
        return None
    message_id = written.normal_id(found.id, id_base)
    recipient = "".join(filter(str.isdecimal, pdu.source_addr))
    return Receipt(message_id, recipient, event, found.error, found.stat, _seconds(found.done))


def _readable(pdu: ShortMessage) -> ShortMessage:
    if pdu.esm_class & UDHI:
        try:
            content(pdu)
        except SmppError:
            return replace(pdu, esm_class=pdu.esm_class & ~UDHI)
    return pdu


def _reply(pdu: ShortMessage) -> ReplyPart:
    fragment, data = content(pdu)
    text = coding.read(data, pdu.data_coding, tables(pdu), len(pdu.body) - len(data), fragment)
    text = text.replace("\0", "")  # no text, and databases refuse it
    sender, recipient = _address(pdu.source_addr), _address(pdu.destination_addr)
    if fragment is None:
        return ReplyPart(sender, recipient, text)
    return ReplyPart(sender, recipient, text, fragment.reference, fragment.sequence, fragment.total)


def _address(address: str) -> str:
    digits = address.removeprefix("+")
    return digits if digits.isdecimal() else address


def _seconds(done: datetime | None) -> float | None:
    """Since the epoch. A carrier's clock has no zone in a receipt: it is taken for UTC."""
    return done.replace(tzinfo=UTC).timestamp() if done else None
