"""What a recipient sees as the sender: a short name, or a number."""

import re
import unicodedata
from functools import lru_cache

from smsfs.sms import gsm
from smsfs.sms.quoting import quoted

MAX_CHARACTERS, MAX_DIGITS = 11, 15

_number = re.compile(rf"\+?([0-9]{{1,{MAX_DIGITS}}})").fullmatch
_digits = re.compile(r"\+?[0-9]+").fullmatch
_PRINTABLE = frozenset(gsm.BASIC) - set("\n\r\x1b")


@lru_cache(maxsize=1024)  # a file has few senders and many rows
def sender(text: str) -> str:
    """The sender as it is sent: a name without blanks around it, a number without its ``+``.

    A name has up to 11 characters of the GSM default alphabet, at least one of them a letter or a digit; a
    number has up to 15 digits. Carriers show nothing else reliably: the extension table is not for senders.

    Args:
        text: as the client wrote it; empty for the backend's own default.

    Raises:
        ValueError: it is neither; the text is a clause that says why.
    """
    if not text:
        return ""
    text = unicodedata.normalize("NFC", text).strip() or text
    if number := _number(text):
        return number[1]
    if problem := _wrong(text):
        raise ValueError(f"{quoted(text)} cannot be a sender: {problem}")
    return text


def _wrong(text: str) -> str | None:
    if _digits(text):
        return f"a number has at most {MAX_DIGITS} digits"
    if len(text) > MAX_CHARACTERS:
        return f"a name has at most {MAX_CHARACTERS} characters, and this one has {len(text)}"
    if text.isspace():
        return "it is blank"
    if not any(map(str.isalnum, text)):
        return "it has neither a letter nor a digit"
    odd = next((c for c in text if c not in _PRINTABLE), None)
    return odd and f"phones cannot show {quoted(odd)} in it"
