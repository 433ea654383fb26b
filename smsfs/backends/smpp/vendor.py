"""Optional parameters of a carrier's own, such as the template that India's rules ask for. Pure.

The configuration has a tag and a text for each; places in a text, such as ``{userref}``, are filled in from
the message.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from smsfs.backends import Envelope
from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.pdu import SmppError, encode_tlvs

#: Tags that SMPP 3.4 leaves to carriers (section 5.3.2).
FIRST, LAST = 0x1400, 0x3FFF
LONGEST = 254
PLACES: dict[str, Callable[[Envelope, str], str]] = {
    "account": lambda item, _: item.account,
    "class": lambda item, _: item.message.klass,
    "key": lambda item, _: item.key,
    "sender": lambda item, default: item.message.sender or default,
    "to": lambda item, _: item.message.recipient,
    "userref": lambda item, _: item.message.userref,
}
_tag = re.compile(r"0x([0-9A-Fa-f]{4})").fullmatch
_hex = re.compile(r"0x((?:[0-9A-Fa-f]{2})*)").fullmatch
_place = re.compile(r"\{([^{}]*)\}")


@frozen
class Vendor:
    """The parameters of one backend.

    Attributes:
        common: text by tag.
        own: the same for some accounts, by name, in place of those; an empty text leaves one out.
        sender: of messages that name none.
    """

    common: Mapping[int, str]
    own: Mapping[str, Mapping[int, str]]
    sender: str = ""

    def encoded(self, envelope: Envelope) -> bytes:
        """The octets of a message's parameters, in the order of their tags.

        Raises:
            SmppError: what is filled in does not fit.
        """
        texts = {**self.common, **self.own.get(envelope.account, {})}
        values = ((tag, self._value(tag, texts[tag], envelope)) for tag in sorted(texts))
        return encode_tlvs(tuple((tag, value) for tag, value in values if value))

    def _value(self, tag: int, text: str, envelope: Envelope) -> bytes:
        if found := _hex(text):
            return bytes.fromhex(found[1])
        filled = _place.sub(lambda place: PLACES[place[1]](envelope, self.sender), text)
        if not filled.isascii() or len(filled) > LONGEST:
            reason = f"The parameter 0x{tag:04X} is not ASCII, or over {LONGEST} characters long."
            raise SmppError(reason, Status.RINVOPTPARAMVAL)
        return filled.encode()


def vendor(common: Mapping[str, str], own: Mapping[str, Mapping[str, str]], sender: str = "") -> Vendor:
    """The parameters as the configuration has them.

    Raises:
        ValueError: a clause that names the key and what is wrong with it.
    """
    accounts = {name: _checked(f"account_tlvs.{name}", texts) for name, texts in own.items()}
    return Vendor(_checked("tlvs", common), accounts, sender)


def _checked(key: str, texts: Mapping[str, Any]) -> dict[int, str]:
    found: dict[int, str] = {}
    for name, text in texts.items():
        tag = int(name, 16) if _tag(name) else 0
        if not FIRST <= tag <= LAST:
            raise ValueError(f"{key} has {name!r}, and has to have tags from 0x{FIRST:X} to 0x{LAST:X}")
        if tag in found:
            raise ValueError(f"{key} has the tag {name} twice")
        _check_text(f"{key} has for {name}", text)
        found[tag] = text
    return found


def _check_text(what: str, text: str) -> None:
    if text.startswith("0x") and not _hex(text):
        raise ValueError(f"{what} {text!r}, which has to be pairs of hexadecimal digits behind 0x")
    if not text.isascii() or len(text) > LONGEST:
        raise ValueError(f"{what} a text that is not ASCII, or over {LONGEST} characters long")
    for place in _place.findall(text):
        if place not in PLACES:
            known = ", ".join(f"{{{name}}}" for name in PLACES)
            raise ValueError(f"{what} the place {{{place}}}, and can have {known}")
