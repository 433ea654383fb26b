"""Text to the octets of one message or several, and back (3GPP TS 23.040, section 9.2.3.24, and SMPP 3.4).

There are four ways of sending a text that one message cannot hold: a user data header with an 8 or a
16 bit reference, the ``sar_*`` parameters, and ``message_payload``, which leaves the parts to the carrier.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from msgspec import Struct

from smsfs.backends.smpp.coding import LATIN1, alphabet, decode
from smsfs.backends.smpp.constants import UDHI, Tag
from smsfs.backends.smpp.header import LOCKING_SHIFT, MAX_PARTS, SINGLE_SHIFT, Fragment, content
from smsfs.backends.smpp.pdu import Tlvs
from smsfs.sms import gsm, segments
from smsfs.sms.segments import GSM7, UCS2
from smsfs.sms.shifts import Shifted, shift

__all__ = ["LATIN1", "Fragment", "Part", "Reassembler", "alphabet", "content", "decode", "encode", "split"]

UDH8, UDH16, SAR, PAYLOAD = "udh8", "udh16", "sar", "payload"

MAX_PAYLOAD = 65535


class Part(Struct, frozen=True, gc=False):
    """What one PDU carries of a text."""

    short_message: bytes
    esm_class: int = 0
    tlvs: Tlvs = ()


def encode(text: str, alphabet: str) -> bytes:
    """The octets of a text, septets unpacked.

    Raises:
        UnicodeEncodeError: the alphabet lacks a character.
    """
    return encoder(alphabet)(text)


def encoder(alphabet: str) -> Callable[[str], bytes]:
    """What encodes texts in an alphabet, as above."""
    return _ENCODERS.get(alphabet, _latin1)


def _ucs2(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _latin1(text: str) -> bytes:
    return text.encode("latin-1")


_ENCODERS: dict[str, Callable[[str], bytes]] = {GSM7: gsm.encode, UCS2: _ucs2}


def split(
    text: str,
    concatenation: str = UDH8,
    reference: int = 0,
    default: str = GSM7,
    languages: tuple[int, ...] = (),
) -> tuple[str, list[Part]]:
    """The alphabet a text leaves in, and its parts.

    The parts are those of :func:`smsfs.sms.segments.split`; with ``sar`` those of an 8 bit reference,
    which is the header that carriers make of it.

    Args:
        text: any text.
        concatenation: ``"udh8"``, ``"udh16"``, ``"sar"`` or ``"payload"``; for a text of several parts.
        reference: the number that joins the parts; as many of its low bits are taken as fit.
        default: ``"gsm7"`` or ``"latin1"``: what this carrier takes texts of the GSM alphabet in. A text
            with a character that Latin-1 lacks leaves as UCS-2 then.
        languages: whose national tables may be used, with a header in the text; by number.

    Raises:
        ValueError: it takes over 255 parts, or over 65,535 octets as a payload.
    """
    bits = 16 if concatenation == UDH16 else 8
    shifted = shift(text, languages, bits) if languages else None
    if shifted:
        return GSM7, _shifted(shifted, reference, bits)
    found, pieces = segments.split(text, bits)
    if found == GSM7 and default == LATIN1:
        found = LATIN1
        if not _is_latin1(text):
            found, pieces = segments.split(text, bits, UCS2)
    encoded = [encode(piece, found) for piece in pieces]
    if len(encoded) == 1:
        return found, [Part(encoded[0])]
    if concatenation == PAYLOAD:
        return found, [_payload(b"".join(encoded))]
    total = _joined(len(encoded))
    join = _JOIN[concatenation]
    return found, [join(data, reference, total, number) for number, data in enumerate(encoded, 1)]


def _joined(total: int) -> int:
    if total > MAX_PARTS:
        raise ValueError(f"a text of {total} parts is over the {MAX_PARTS} that can be joined")
    return total


def _shifted(shifted: Shifted, reference: int, bits: int) -> list[Part]:
    """Parts whose headers name tables, and join them if there are several."""
    named = [(LOCKING_SHIFT, shifted.locking), (SINGLE_SHIFT, shifted.single)]
    tables = b"".join(bytes((kind, 1, number)) for kind, number in named if number)
    total = _joined(len(shifted.parts))
    parts = []
    for number, septets in enumerate(shifted.parts, 1):
        joining = _joining(reference, bits, total, number) if total > 1 else b""
        header = joining + tables
        parts.append(Part(bytes((len(header),)) + header + septets, UDHI))
    return parts


def _joining(reference: int, bits: int, total: int, number: int) -> bytes:
    """The element that joins parts."""
    width = bits // 8
    kind = {8: 0, 16: 8}[bits]
    return bytes((kind, width + 2)) + (reference % (1 << bits)).to_bytes(width) + bytes((total, number))


def _is_latin1(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _payload(data: bytes) -> Part:
    if len(data) > MAX_PAYLOAD:
        raise ValueError(f"a text of {len(data)} octets is over the {MAX_PAYLOAD} of one payload")
    return Part(b"", 0, ((Tag.MESSAGE_PAYLOAD, data),))


def _udh8(data: bytes, reference: int, total: int, number: int) -> Part:
    return Part(b"\x05" + _joining(reference, 8, total, number) + data, UDHI)


def _udh16(data: bytes, reference: int, total: int, number: int) -> Part:
    return Part(b"\x06" + _joining(reference, 16, total, number) + data, UDHI)


def _sar(data: bytes, reference: int, total: int, number: int) -> Part:
    tlvs = (
        (Tag.SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2)),
        (Tag.SAR_TOTAL_SEGMENTS, bytes((total,))),
        (Tag.SAR_SEGMENT_SEQNUM, bytes((number,))),
    )
    return Part(data, 0, tlvs)


_JOIN = {UDH8: _udh8, UDH16: _udh16, SAR: _sar}


class Reassembler:
    """Puts parts together again; pure, with the time as an argument.

    Args:
        patience: seconds that parts wait for the others.
        limit: messages that may be incomplete at a time; the oldest makes room.
    """

    def __init__(self, patience: float = 3600.0, limit: int = 10_000) -> None:
        self._patience = patience
        self._limit = limit
        self._waiting: OrderedDict[Hashable, tuple[float, dict[int, bytes]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Hashable, fragment: Fragment, data: bytes, now: float) -> list[bytes] | None:
        """The octets of all parts in order once the last one came, None before.

        Args:
            key: what parts of one message share beside their reference: the two numbers, say.
            fragment: where the part belongs; one that came before is replaced.
            data: its octets without a header.
            now: seconds.
        """
        place = (key, fragment.reference, fragment.total, fragment.bits)
        _, parts = self._waiting.setdefault(place, (now, {}))
        parts[fragment.sequence] = data
        if len(parts) < fragment.total:
            return None
        del self._waiting[place]
        return [part for _, part in sorted(parts.items())]

    def expired(self, now: float) -> list[list[bytes]]:
        """The parts of the messages that waited too long, or are too many; they are forgotten here."""
        gone = []
        while self._waiting:
            since, parts = next(iter(self._waiting.values()))
            if now - since < self._patience and len(self._waiting) <= self._limit:
                break
            self._waiting.popitem(last=False)
            gone.append([part for _, part in sorted(parts.items())])
        return gone
