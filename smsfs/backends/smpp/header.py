"""The header that a message may begin with (3GPP TS 23.040, 9.2.3.24), and what SMPP has in its place."""

from collections.abc import Iterator

from msgspec import Struct

from smsfs.backends.smpp.constants import UDHI, Status, Tag
from smsfs.backends.smpp.pdu import ShortMessage, SmppError

MAX_PARTS = 255
#: Elements of a user data header that name the tables of the text (3GPP TS 23.040, 9.2.3.24.15 and 16).
SINGLE_SHIFT, LOCKING_SHIFT = 0x24, 0x25
#: Numbers of the languages of a locking and of a single shift table; 0 for the default ones.
Tables = tuple[int, int]
DEFAULT_TABLES: Tables = (0, 0)


class Fragment(Struct, frozen=True, gc=False):
    """Where a part belongs: ``sequence`` of ``total``, both from 1; ``bits`` are those of the reference."""

    reference: int
    total: int
    sequence: int
    bits: int = 8


def content(pdu: ShortMessage) -> tuple[Fragment | None, bytes]:
    """Where a message belongs among its parts, None if it stands alone, and its octets without a header.

    A header whose numbers make no sense (part 3 of 2) is passed over, as the standard asks.

    Raises:
        SmppError: the user data header is longer than the message.
    """
    data = pdu.body
    if not pdu.esm_class & UDHI:
        return _sar_fragment(pdu), data
    if not data or data[0] >= len(data):
        raise SmppError("A user data header is cut short.", Status.RINVESMCLASS, pdu.command, pdu.sequence)
    end = 1 + data[0]
    return _udh_fragment(data[1:end]) or _sar_fragment(pdu), data[end:]


def _udh_fragment(header: bytes) -> Fragment | None:
    """The last joining element of a header that makes sense; the last one counts (section 9.2.3.24)."""
    found = None
    for kind, value in elements(header):
        if (kind, len(value)) in {(0, 3), (8, 4)}:
            fragment = Fragment(int.from_bytes(value[:-2]), value[-2], value[-1], 8 * (len(value) - 2))
            found = fragment if _sensible(fragment) else found
    return found


def _sar_fragment(pdu: ShortMessage) -> Fragment | None:
    if not pdu.tlvs:
        return None
    reference = pdu.tlv(Tag.SAR_MSG_REF_NUM)
    total = pdu.tlv(Tag.SAR_TOTAL_SEGMENTS)
    sequence = pdu.tlv(Tag.SAR_SEGMENT_SEQNUM)
    if reference is None or total is None or sequence is None:
        return None
    fragment = Fragment(int.from_bytes(reference), int.from_bytes(total), int.from_bytes(sequence), 16)
    return fragment if _sensible(fragment) else None


def _sensible(fragment: Fragment) -> bool:
    return 1 < fragment.total <= MAX_PARTS and 1 <= fragment.sequence <= fragment.total


def elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of a user data header, each its identifier and its value; what is cut short is left out.

    Args:
        header: without the octet that gives its length.
    """
    while len(header) > 1:
        kind, length = header[0], header[1]
        value, header = header[2 : 2 + length], header[2 + length :]
        yield kind, value


def tables(pdu: ShortMessage) -> Tables:
    """The tables that a message's header names; the last one of each kind counts."""
    data = pdu.body
    if not pdu.esm_class & UDHI or not data:
        return DEFAULT_TABLES
    found = {kind: value[0] for kind, value in elements(data[1 : 1 + data[0]]) if len(value) == 1}
    return found.get(LOCKING_SHIFT, 0), found.get(SINGLE_SHIFT, 0)
