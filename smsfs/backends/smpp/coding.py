"""What the octets of a message mean: its ``data_coding``, and the tables that its header names.

SMPP gives meanings of its own to some codings below 0x10 (3.4, section 5.2.19); all others are data coding
schemes of GSM (3GPP TS 23.038, section 4).
"""

from smsfs.backends.smpp.header import DEFAULT_TABLES, Fragment, Tables
from smsfs.sms import alphabets, gsm
from smsfs.sms.segments import GSM7, UCS2

LATIN1, BINARY, COMPRESSED = "latin1", "binary", "compressed"

#: ``data_coding`` -> alphabet, or the name of Python's codec for it (section 5.2.19).
SMPP_CODINGS = {
    1: "ascii",
    2: BINARY,
    3: LATIN1,
    4: BINARY,
    5: "shift_jis",
    6: "iso8859-5",
    7: "iso8859-8",
    8: UCS2,
    10: "iso2022_jp",
    13: "euc_jp",
    14: "euc_kr",
}
#: Bits 3 and 2 of a general data coding scheme -> alphabet; the last is reserved, and means the first.
_GENERAL = (GSM7, BINARY, UCS2, GSM7)
_IS_COMPRESSED = 0x20
#: The last coding of each group, in their order, and the alphabet of the group.
_LAST_GENERAL, _LAST_RESERVED, _LAST_WAITING_GSM7, _LAST_WAITING_UCS2 = 0x7F, 0xBF, 0xDF, 0xEF

_BOMS = {b"\xfe\xff": "utf-16-be", b"\xff\xfe": "utf-16-le"}
_SEPTET, _OCTET = 7, 8
#: At least this share of a text that people write is letters, digits, blanks and punctuation.
_LIKELY = 0.7


def alphabet(data_coding: int, default: str = GSM7) -> str:
    """``"gsm7"``, ``"latin1"``, ``"ucs2"``, ``"binary"``, ``"compressed"``, or a codec of Python's.

    Args:
        data_coding: of the PDU, 0 to 255.
        default: what this carrier means by 0.
    """
    if data_coding in SMPP_CODINGS:
        return SMPP_CODINGS[data_coding]
    if data_coding == 0 or _LAST_GENERAL < data_coding <= _LAST_RESERVED:
        return default
    if data_coding <= _LAST_GENERAL:
        return COMPRESSED if data_coding & _IS_COMPRESSED else _GENERAL[data_coding >> 2 & 3]
    if data_coding <= _LAST_WAITING_GSM7:
        return GSM7
    if data_coding <= _LAST_WAITING_UCS2:
        return UCS2
    return BINARY if data_coding & 4 else GSM7


def decode(data: bytes, alphabet: str, tables: Tables = DEFAULT_TABLES) -> str:
    """The text of octets; binary and compressed ones as hexadecimal digits.

    It never fails, for what someone sent must reach its reader: octets that are not all septets are read
    as Windows-1252 in GSM 7 bit, and those that an alphabet lacks are replaced by U+FFFD elsewhere.

    Args:
        data: without a header; septets unpacked.
        alphabet: as :func:`alphabet` gave it.
        tables: of a text in GSM 7 bit.
    """
    if alphabet in {BINARY, COMPRESSED}:
        return data.hex()
    if alphabet == GSM7:
        if not data.isascii():
            return _western(data)
        return gsm.decode(data) if tables == DEFAULT_TABLES else alphabets.alphabet(*tables).decode(data)
    if alphabet == UCS2:
        return data.decode("utf-16-be", "replace" if len(data) % 2 else "surrogatepass")
    return data.decode(alphabet, "replace")


def _western(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read(
    data: bytes,
    data_coding: int,
    tables: Tables = DEFAULT_TABLES,
    header: int = 0,
    fragment: Fragment | None = None,
) -> str:
    """The text that a person wrote, of a whole message or of one part: :func:`decode`, and more.

    A byte order mark says how UCS-2 is to be read, padding behind the text is dropped, and septets that came
    packed are unpacked. A mark in a part is left where it is: it counts for the parts behind it, too.

    Args:
        data: without a header.
        data_coding: of the PDU.
        tables: of a text in GSM 7 bit.
        header: how many octets stood before ``data``.
        fragment: which part it is.
    """
    found = alphabet(data_coding)
    if found == COMPRESSED:
        return f"[compressed, data_coding 0x{data_coding:02X}] {data.hex()}"
    if found == UCS2:
        whole = data[:-1] if len(data) % 2 and data.endswith(b"\0") else data  # half a NUL is padding
        return decode(whole, UCS2) if fragment else _marked(whole)
    if found != GSM7:
        return decode(data, found, tables)
    if not data.isascii() and _is_packed(data, tables, header):
        data = unpacked(data, header)
    is_end = fragment is None or fragment.sequence == fragment.total
    return decode(_unpadded(data) if is_end else data, GSM7, tables)


def _marked(data: bytes) -> str:
    """UTF-16 in the order of its mark, big endian without one."""
    codec = _BOMS.get(data[:2])
    if codec is None or len(data) % 2:
        return decode(data, UCS2)
    return data[2:].decode(codec, "surrogatepass")


def _unpadded(septets: bytes) -> bytes:
    """Without the NULs with which some carriers end a text: it would end in ``@``, as hardly any does.

    What is left of one or two characters is too short to judge by.
    """
    kept = septets.rstrip(b"\0")
    return kept if len(kept) > 2 else septets  # noqa: PLR2004 - see above


def _is_packed(data: bytes, tables: Tables, header: int) -> bool:
    """Whether octets make a text as packed septets, and none as Windows-1252."""
    return not _is_text(_western(data)) and _is_text(decode(unpacked(data, header), GSM7, tables))


def _is_text(text: str) -> bool:
    if any(not character.isprintable() and character not in "\r\n\t" for character in text):
        return False
    common = sum(character.isalnum() or character in " \r\n.,;:!?'\"()/-@€$£%&+#*" for character in text)
    return common >= _LIKELY * len(text)


def unpacked(data: bytes, header: int = 0) -> bytes:
    """Septets one to an octet, from seven octets for eight of them (section 6.1.2.1).

    Seven bits that are left at the end are padding if they are 0: nobody can tell them from ``@``.

    Args:
        data: packed septets.
        header: how many octets stood before them; the text begins at the next whole septet.
    """
    fill = -header * _OCTET % _SEPTET
    bits = int.from_bytes(data, "little") >> fill
    count = (len(data) * _OCTET - fill) // _SEPTET
    septets = bytes([bits >> (_SEPTET * place) & 0x7F for place in range(count)])
    spare = len(data) * _OCTET - fill - count * _SEPTET
    return septets[:-1] if not spare and septets.endswith(b"\0") else septets
