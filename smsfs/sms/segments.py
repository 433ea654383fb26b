"""How many SMS a text takes, and which text each of them carries.

One SMS has 140 octets: 160 septets, or 70 UTF-16 code units. A longer text gives up 6 octets of each part
to the header that joins them (153 septets, 67 units), or 7 with a 16 bit reference (152 and 66).
"""

from smsfs.sms import gsm

GSM7, UCS2 = "gsm7", "ucs2"
#: That a text can have: the number of a part is one octet (3GPP TS 23.040, 9.2.3.24.1).
MAX_PARTS = 255

#: Encoding -> units that fit a text of one part.
SINGLE = {GSM7: 160, UCS2: 70}
#: Bits of the reference number -> encoding -> units that fit each part of several.
JOINED = {8: {GSM7: 153, UCS2: 67}, 16: {GSM7: 152, UCS2: 66}}

_ONE_GSM7 = (GSM7, 1)


def count(text: str, reference_bits: int = 8) -> tuple[str, int]:
    """The encoding of a text on the air, ``"gsm7"`` or ``"ucs2"``, and the number of its parts.

    Always what :func:`split` would give, without building the parts.

    Args:
        text: any text; the empty one takes one part.
        reference_bits: 8 or 16, the size of the reference number that joins parts.
    """
    if gsm.beyond_basic(text) is None:
        length = len(text)
        return _ONE_GSM7 if length <= SINGLE[GSM7] else (GSM7, -(-length // JOINED[reference_bits][GSM7]))
    encoding, data = _encoded(text)
    return encoding, len(_ends(encoding, data, reference_bits))


def split(text: str, reference_bits: int = 8, encoding: str | None = None) -> tuple[str, list[str]]:
    """The encoding of a text and the text of each of its parts, every part as full as it can be.

    Neither an escape and its septet nor the two halves of a surrogate pair are ever parted.

    Args:
        text: any text; the empty one gives one empty part.
        reference_bits: 8 or 16, the size of the reference number that joins parts.
        encoding: ``"ucs2"`` for a text that a carrier takes in no other; else what fits the text.
    """
    encoding, data = (UCS2, _utf16(text)) if encoding == UCS2 else _encoded(text)
    ends = _ends(encoding, data, reference_bits)
    pieces = (data[start:end] for start, end in zip([0, *ends], ends, strict=False))
    if encoding == GSM7:
        return encoding, [gsm.decode(piece) for piece in pieces]
    return encoding, [piece.decode("utf-16-be", "surrogatepass") for piece in pieces]


def _encoded(text: str) -> tuple[str, bytes]:
    """One octet per septet, or two per UTF-16 code unit."""
    try:
        return GSM7, gsm.encode(text)
    except UnicodeEncodeError:
        return UCS2, _utf16(text)


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _ends(encoding: str, data: bytes, reference_bits: int) -> list[int]:
    """The offsets in ``data`` at which its parts end."""
    width = 1 if encoding == GSM7 else 2
    if len(data) <= SINGLE[encoding] * width:
        return [len(data)]
    step = JOINED[reference_bits][encoding] * width
    opens_pair = range(gsm.ESCAPE, gsm.ESCAPE + 1) if encoding == GSM7 else range(0xD8, 0xDC)
    ends: list[int] = []
    end = 0
    while end + step < len(data):
        end += step
        if data[end - width] in opens_pair:
            end -= width
        ends.append(end)
    return [*ends, len(data)]
