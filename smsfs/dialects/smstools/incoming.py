"""Replies as files in ``incoming``, with the headers of smstools3 as far as they are known here.

There is no ``From_SMSC:``, ``IMSI:`` or ``Report:``, which a carrier does not say. As in smstools3, nothing
follows the text.
"""

import re

from smsfs.dialects.replies import ReplyToShow
from smsfs.dialects.smstools.names import INCOMING

#: Only those reply who were sent a message, to a number with its country code.
_TOA = "91 international, ISDN/telephone"
_ISO, _UCS2, _UTF8 = "iso8859-15", "utf-16-be", "utf-8"
_ALPHABETS = {_ISO: "ISO", _UCS2: "UCS2", _UTF8: "UTF-8"}
_UNIT = 2
_MOST_OF_A_MODEM = 100
_other = re.compile("[^A-Za-z0-9_-]")


def path(reply: ReplyToShow) -> str:
    """``incoming/MODEM.XXXXXX``, with the reply's number where smstools3 has six random characters."""
    return f"{INCOMING}/{_modem(reply)}.{reply.id:06}"


def content(reply: ReplyToShow, *, utf8: bool) -> bytes:
    """The file: in UTF-8 if asked for, otherwise in ISO 8859-15, or in UCS-2 if that lacks a character."""
    codec = _UTF8 if utf8 else _ISO
    try:
        text = reply.text.encode(codec)
    except UnicodeEncodeError:
        codec, text = _UCS2, reply.text.encode(_UCS2, "replace")
    length = len(text) // _UNIT if codec == _UCS2 else len(reply.text)
    at, modem = f"{reply.at:%y-%m-%d %H:%M:%S}", _modem(reply)
    headers = {
        "From": reply.sender,
        "From_TOA": _TOA,
        "Sent": at,
        "Received": at,
        "Subject": modem,
        "Modem": modem,
    }
    headers |= {} if reply.whole else {"Incomplete": "yes"}
    headers |= {"Alphabet": _ALPHABETS[codec], "Length": str(length)}
    return "".join(f"{name}: {value}\n" for name, value in headers.items()).encode("ascii") + b"\n" + text


def _modem(reply: ReplyToShow) -> str:
    """The backend in the place of a modem, as a name may have it."""
    return _other.sub("_", reply.backend)[:_MOST_OF_A_MODEM]
