"""The text of a spool file, by its alphabet."""

import codecs

from smsfs.errors import Cause, Unreadable
from smsfs.sms import gsm

GSM, ISO, UCS, UTF, BINARY = "GSM", "ISO", "UCS", "UTF-8", "binary"
_BY_START = {"gsm": GSM, "bin": BINARY, "utf": UTF}
_BY_START |= dict.fromkeys(("iso", "lat", "ans"), ISO) | dict.fromkeys(("ucs", "chi", "uni"), UCS)
_SEPTETS = 0x80
_UNIT = 2
#: What is no part of a text at its end: blanks, and the mark with which old programs end a file.
_TRIMMED = " \t\r\n\x1a"


def alphabet(value: str) -> str:
    """One of the five alphabets; three letters tell which.

    Raises:
        ValueError: it is not one; the text is a clause.
    """
    found = _BY_START.get(value[:3].lower())
    if not found:
        raise ValueError("it is GSM, ISO, UCS or UTF-8")
    if found == BINARY:
        raise ValueError("binary messages are not sent, only texts")
    return found


def decoded(data: bytes, named: str, line: int) -> str:
    """The text, with LF between its lines and nothing blank at its end.

    Args:
        data: what follows the blank line.
        named: as :func:`alphabet` gave it; ISO also takes UTF-8, as smstools3 does.
        line: where it begins.

    Raises:
        Unreadable: it is not written in that alphabet.
    """
    text = _READERS[named](data, line)
    return text.replace("\r\n", "\n").rstrip(_TRIMMED)


def _from_gsm(data: bytes, line: int) -> str:
    odd = next((place for place, byte in enumerate(data) if byte >= _SEPTETS), None)
    if odd is not None:
        place = line + data[:odd].count(b"\n")
        raise Unreadable(Cause(f"hexadecimal {data[odd]:02X} is no character of Alphabet: GSM", place))
    return gsm.decode(data)


def _from_iso(data: bytes, line: int) -> str:
    try:
        return _from_utf(data, line)
    except Unreadable:
        return data.decode("iso8859-15")


def _from_utf(data: bytes, line: int) -> str:
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        shown = " ".join(f"{byte:02X}" for byte in error.object[error.start : error.end])
        place = line + error.object[: error.start].count(b"\n")
        raise Unreadable(Cause(f"hexadecimal {shown} is no UTF-8", place)) from None


def _from_ucs(data: bytes, line: int) -> str:
    if len(data) % _UNIT:
        reason = "the text has an odd number of bytes, so it is not UCS-2, as Alphabet says"
        raise Unreadable(Cause(reason, line))
    codec = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-16-be"
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        raise Unreadable(Cause("the text is not UCS-2 with the high byte first", line)) from None


_READERS = {GSM: _from_gsm, ISO: _from_iso, UTF: _from_utf, UCS: _from_ucs}
