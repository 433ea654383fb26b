"""What a file says about its one text, whatever the order of its lines."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from attrs import define, field

from smsfs.dialects.clickatell import codes
from smsfs.dialects.clickatell.lines import Line
from smsfs.dialects.measured import measured
from smsfs.errors import Cause
from smsfs.sms.classes import FLASH
from smsfs.sms.quoting import quoted
from smsfs.sms.segments import MAX_PARTS
from smsfs.sms.sender import sender
from smsfs.sms.text import rules_of

T = TypeVar("T")

#: Once in a file, and what they say is done.
USED = ("from", "msg_type", "unicode", "concat", "validity", "deliv_time", "climsgid")
#: Of no consequence here: who logs in is known, and receipts and routes are the account's.
PASSED_OVER = (
    *("api_id", "user", "password", "callback", "deliv_ack", "mo", "queue", "escalate", "req_feat"),
    *("max_credits", "reply"),
)
#: They ask for what is no plain text, or for a text of its own for each number.
REFUSED = ("udh", "data", "csv", "delimiter")
KNOWN = ("to", "text", *USED, *PASSED_OVER, *REFUSED)
#: Minutes: seven days.
MOST_MINUTES = 10_080
MAX_REFERENCE = 255
#: So many are no typing errors but another file.
MAX_CAUSES = 1000


@define
class Options:
    """What was found.

    Attributes:
        values: the lines of the keys that may come once.
        texts: the lines of text.
        numbers: how many recipients there are.
        causes: what is wrong with the file as a whole.
    """

    values: dict[str, Line] = field(factory=dict)
    texts: list[Line] = field(factory=list)
    numbers: int = 0
    causes: list[Cause] = field(factory=list)


@define
class Text:
    """What each recipient gets, but for the number."""

    text: str = ""
    encoding: str = "gsm7"
    parts: int = 1
    sender: str = ""
    userref: str = ""
    due: float = 0
    until: float = 0
    klass: str = "standard"


def gathered(lines: Iterable[Line | Cause], settings: Mapping[str, Any]) -> Options:
    """The options of a file."""
    found = Options()
    for line in lines:
        if isinstance(line, Cause):
            found.causes.append(line)
        elif line.key == "to":
            found.numbers += 1
        elif line.key == "text":
            found.texts.append(line)
        else:
            _take(line, found, settings)
        if len(found.causes) > MAX_CAUSES:
            break
    if not found.numbers:
        found.causes.append(Cause("no line to: names a recipient", code=codes.PARAMETER))
    if found.numbers > settings["max_rows"]:
        reason = (
            f"the file has {found.numbers:,} numbers; at most {settings['max_rows']:,} are read: split it"
        )
        found.causes.append(Cause(reason, code=codes.PARAMETER))
    return found


def _take(line: Line, found: Options, settings: Mapping[str, Any]) -> None:
    if line.key in REFUSED:
        found.causes.append(line.cause("only a plain text for all numbers of the file is sent"))
    elif line.key in USED:
        if line.key in found.values:
            found.causes.append(line.cause("it is given twice"))
        found.values[line.key] = line
    elif line.key not in PASSED_OVER and settings["unknown_keys"] != "ignore":
        known = ", ".join(KNOWN[: 2 + len(USED)])
        found.causes.append(line.cause(f"this key is unknown; the keys are {known}"))


class Reader:
    """Reads what the options say, and adds to their causes what is wrong.

    Args:
        found: the options.
        settings: the account's.
        at: the time of submission, UTC.
    """

    def __init__(self, found: Options, settings: Mapping[str, Any], at: datetime) -> None:
        self._found, self._settings, self._at = found, settings, at.timestamp()

    def text(self) -> Text:
        """What each recipient gets."""
        klass = self._of("msg_type", self._type, "standard")
        hexadecimal = self._of("unicode", _flag, otherwise=False)
        most = self._of("concat", lambda value: _whole(value, 1, MAX_PARTS), MAX_PARTS)
        text, coding, parts = self._measured(hexadecimal=hexadecimal, most=most)
        delay = self._of("deliv_time", lambda value: _whole(value, 0, MOST_MINUTES), 0, codes.TIME)
        good = self._of("validity", lambda value: _validity(value, delay), 0)
        return Text(
            text,
            coding,
            parts,
            self._of("from", sender, "", codes.SENDER),
            self._of("climsgid", _reference, ""),
            self._at + 60 * delay if delay else 0,
            self._at + 60 * good if good else 0,
            klass,
        )

    def _of(self, key: str, check: Callable[[str], T], otherwise: T, code: str = codes.PARAMETER) -> T:
        line = self._found.values.get(key)
        if line is None:
            return otherwise
        try:
            return check(line.value)
        except ValueError as error:
            self._found.causes.append(line.cause(str(error), code))
            return otherwise

    def _type(self, value: str) -> str:
        if value.upper() in {"", "SMS_TEXT", "SMS_DEFAULT"}:
            return "standard"
        if value.upper() != "SMS_FLASH":
            raise ValueError(f"{quoted(value)} is no plain text, and only those are sent")
        if self._settings["flash"] == "reject":
            raise ValueError(
                "flash messages are not sent from here; leave it out, "
                'or set flash to "send" for the account, or to "plain" to send an ordinary SMS'
            )
        return FLASH if self._settings["flash"] == "send" else "standard"

    def _measured(self, *, hexadecimal: bool, most: int) -> tuple[str, str, int]:
        texts = self._found.texts
        if not texts:
            self._found.causes.append(Cause("no line text: holds the message", code=codes.EMPTY))
            return "", "", 0
        written = list(self._written(hexadecimal=hexadecimal))
        try:
            return measured(rules_of(self._settings), "\n".join(written), most)
        except ValueError as error:
            code = codes.PARTS if "SMS" in str(error) else codes.EMPTY
            self._found.causes.append(texts[0].cause(str(error), code))
            return "", "", 0

    def _written(self, *, hexadecimal: bool) -> Iterator[str]:
        for line in self._found.texts:
            if not hexadecimal:
                yield line.value
                continue
            try:
                yield bytes.fromhex(line.value).decode("utf-16-be")
            except ValueError:
                reason = "with unicode:1 it is four hexadecimal digits for each character, such as 0048 for H"
                self._found.causes.append(line.cause(reason, codes.UNICODE))


def _flag(value: str) -> bool:
    if value not in {"0", "1"}:
        raise ValueError(f"it is 0 or 1, not {quoted(value)}")
    return value == "1"


def _whole(value: str, least: int, most: int) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(most))):
        raise ValueError(f"it is a whole number from {least} to {most:,}, not {quoted(value)}")
    if not least <= int(value) <= most:
        raise ValueError(f"it is from {least} to {most:,}, not {value}")
    return int(value)


def _validity(value: str, delay: int) -> int:
    minutes = _whole(value, 1, MOST_MINUTES)
    if minutes <= delay:
        raise ValueError(
            f"{minutes} minutes end before the message may leave, {delay} minutes after the upload"
        )
    return minutes


def _reference(value: str) -> str:
    if len(value) > MAX_REFERENCE or not value.isprintable():
        raise ValueError(f"it has at most {MAX_REFERENCE} printable characters")
    return value
