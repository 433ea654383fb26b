"""The options of a document: what stands beside its contacts, and bears on all of them."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from attrs import frozen

from smsfs.dialects.smsportal.codes import Code, Fault
from smsfs.dialects.smsportal.template import gsm_text, pieces
from smsfs.sms.quoting import quoted
from smsfs.sms.sender import sender
from smsfs.sms.text import DEFAULT_RULES, TextRules, rules_of

#: Each as it is told apart, with the page's spelling.
OPTIONS = {
    name.lower().replace("_", ""): name
    for name in (
        "version",
        "email",
        "start",
        "end",
        "senderId",
        "check_optouts",
        "message_template",
        "max_errors",
        "contacts",
    )
}

_date = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?Z?", re.ASCII).fullmatch
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

T = TypeVar("T")


@frozen
class Window:
    """When messages are sent, in seconds since the epoch; ``end`` 0 for no end, ``start`` 0 for at once."""

    start: int = 0
    end: int = 0

    def due(self, place: int, total: int) -> int:
        """The time of one of ``total`` messages, counted from 0; they are spread evenly."""
        return self.start + place * (self.end - self.start) // total if self.end else self.start


@frozen
class Plan:
    """How the contacts of a document become messages.

    Attributes:
        template: text and the name of a value in turn; empty where every contact has its own message.
        window: when they are sent.
        sender: of all of them; empty for the backend's.
        max_errors: contacts that may be wrong before nothing is sent; None for any number.
        contacts: how many there are, the wrong ones included.
        country: whose local numbers are read.
        check_networks: whether numbers that no plan has are refused.
        strict: whether unknown keys are.
        texts: what is done to a text before it is sent.
    """

    template: tuple[str, ...]
    window: Window
    sender: str
    max_errors: int | None
    contacts: int
    country: str
    check_networks: bool
    strict: bool
    texts: TextRules = DEFAULT_RULES


@frozen
class Options:
    """What a document says of itself.

    Attributes:
        given: by folded name.
        unknown: names that are none of these.
        contacts: how many there are.
        without_message: the first contact, from 1, that has no message of its own; 0 if each has.
    """

    given: Mapping[str, Any]
    unknown: Sequence[str]
    contacts: int
    without_message: int

    def text(self, name: str) -> str:
        """The text of an option, without the space around it; empty where it is missing or no text."""
        value = self.given.get(name)
        return value.strip() if isinstance(value, str) else ""

    def is_missing(self, name: str) -> bool:
        """Whether it is not there, null or empty."""
        return self.given.get(name) in (None, "")


def scrubs(options: Options) -> bool:
    """Whether numbers on the opt-out list are refused; where what is said makes no sense, they are."""
    return _boolean(options.given.get("checkoptouts")) is not False


def plan(options: Options, settings: Mapping[str, Any], now: int) -> tuple[Plan | None, list[Fault]]:
    """The plan of a document, or everything that is wrong with its options.

    Args:
        options: as they were read.
        settings: the account's.
        now: when it was submitted, in seconds since the epoch.
    """
    faults: list[Fault] = []
    strict, texts = settings["unknown_keys"] == "reject", rules_of(settings)
    _tried(faults, _check_contacts, options)
    _tried(faults, _check_unknown, options.unknown if strict else [])
    _tried(faults, _check_optouts, options.given.get("checkoptouts"))
    template = _tried(faults, _template, options, texts)
    window = _tried(faults, _window, options, now)
    name = _tried(faults, _sender, options, settings)
    most = _tried(faults, _max_errors, options)
    if faults or template is None or window is None or name is None:
        return None, faults
    country, check = settings["country"], settings["check_networks"]
    return Plan(template, window, name, most, options.contacts, country, check, strict, texts), []


def _tried(faults: list[Fault], check: Callable[..., T], *arguments: Any) -> T | None:
    try:
        return check(*arguments)
    except Fault as fault:
        faults.append(fault)
        return None


def _boolean(value: Any) -> bool | None:
    """What is meant, or None where nothing can be."""
    if value is None or value == "":
        return True
    return _BOOLEANS.get(_written(value).strip().lower())


def _written(value: Any) -> str:
    """A value as it stands in the file, as far as that is short."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else "[...]" if isinstance(value, list) else "{...}"


def _check_contacts(options: Options) -> None:
    if options.given.get("contacts") is not None:
        raise Fault(Code.PARSE, 'contacts must be a list: [{"msisdn": "27821234567"}]')
    if not options.contacts:
        raise Fault(Code.MISSING, "contacts is missing or empty: there is nobody to send to")


def _check_unknown(names: Sequence[str]) -> None:
    if names:
        raise Fault(Code.PARSE, f"{quoted(names[0])} is unknown; there are {', '.join(OPTIONS.values())}")


def _check_optouts(value: Any) -> None:
    if _boolean(value) is None:
        raise Fault(Code.PARSE, f"check_optouts is true or false, not {quoted(_written(value))}")


def _max_errors(options: Options) -> int | None:
    value = options.given.get("maxerrors")
    text = "" if value is None else _written(value).strip().lower()
    if text in {"", "unlimited"}:
        return None
    if not re.fullmatch("[0-9]{1,18}", text):
        raise Fault(Code.PARSE, f"max_errors is a number of contacts, not {quoted(text)}")
    return int(text)


def _sender(options: Options, settings: Mapping[str, Any]) -> str:
    text = options.text("senderid")
    if not text and not options.is_missing("senderid"):
        raise Fault(Code.PARSE, "senderId is a text: a name, a number, Fixed or FixedR")
    if text.lower() in {"", "fixed", "fixedr"}:
        return str(settings["sender_fixedr" if text.lower() == "fixedr" else "sender_fixed"])
    try:
        return sender(text)
    except ValueError as error:
        raise Fault(Code.PARSE, f"senderId: {error}") from None


def _time(options: Options, name: str) -> int | None:
    if options.is_missing(name):
        return None
    found = _date(options.text(name))
    try:
        if found:
            return int(datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3] or ''}+00:00").timestamp())
    except ValueError:  # the 31st of February
        pass
    shown = quoted(_written(options.given[name]))
    raise Fault(Code.PARSE, f"{name}: {shown} is no time such as 2026-07-19 11:05, year first, in UTC")


def _window(options: Options, now: int) -> Window:
    start, end = _time(options, "start"), _time(options, "end")
    if end is None:
        return Window(start if start and start > now else 0)
    if start is not None and end <= start:
        raise Fault(Code.DATE, f"end ({_shown(end)}) is not later than start ({_shown(start)})")
    if end <= now:
        over = f"end ({_shown(end)}) had passed when the file was submitted ({_shown(now)})"
        raise Fault(Code.DATE, f"{over}; times are in UTC")
    return Window(max(start or now, now), end)


def _shown(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _template(options: Options, texts: TextRules) -> tuple[str, ...]:
    if options.is_missing("messagetemplate"):
        if options.without_message:
            number = options.without_message
            reason = f"message_template is missing, and contact {number} has no message of its own"
            raise Fault(Code.MISSING, reason)
        return ()
    value = options.given["messagetemplate"]
    if not isinstance(value, str):
        raise Fault(Code.PARSE, "message_template is no text")
    found = pieces(value)
    return tuple(
        piece if place % 2 else gsm_text(texts, piece, "message_template")
        for place, piece in enumerate(found)
    )
