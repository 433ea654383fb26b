"""The settings that every account has, whatever its dialect."""

import re
from collections.abc import Mapping
from typing import Any

from smsfs.dialects import Dialect
from smsfs.errors import ConfigurationError
from smsfs.sms.quoting import quoted
from smsfs.sms.text import DROP, GSM, OFF, REFUSE

MIB = 1024 * 1024
DAY = 86_400
#: Enough for any number of bytes or seconds, and small enough for 64 bits in every engine.
MAX_DIGITS = 15

#: Where an account that wants them finds its result files.
RESULTS_FOLDER = "results"

#: Each with its default, whose type is the type of its values.
COMMON: dict[str, Any] = {
    "backend": "",  # the backend that sends, or a route as in backends.routing; empty: the default one
    "alias_seconds": 60,  # how long x.ready answers after it was submitted
    "duplicate_seconds": 60,  # the same name and bytes again within this time is a client's retry
    "validity_seconds": 2 * DAY,  # a message that has not left by then is never sent
    "chmod": "refuse",  # or "ignore": answer OK and do nothing
    "controls": REFUSE,  # or "drop": control characters in texts, other than line ends
    "smart": OFF,  # or "gsm": quotes, dashes and the like of word processors as their plain neighbours
    "max_file_bytes": 64 * MIB,
    "max_files": 100_000,
    "max_bytes": 10_240 * MIB,
    "max_open_files": 256,  # for reading and writing together
    "max_open_folders": 1000,
    "email": "",  # who is told how a file went, unless the file says; empty: nobody
    "keep_files_days": 30,
    "keep_messages_days": 90,
    "results": False,  # a folder with what became of each message
    "result_prices": False,  # two more columns in those files: what a message cost, and in which currency
    "weight": 1,  # its share of reading and sending while others wait too
    "optouts": False,  # keep an opt-out list, which replies that are stop words add to
    "stop_words": "STOP,STOPALL,UNSUBSCRIBE,CANCEL,END,QUIT,REVOKE,OPTOUT",
}
#: RFC 5322, section 3.4.1, without quotes, and RFC 5321, section 4.5.3.1.3.
_email = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", re.ASCII
).fullmatch
_MAX_EMAIL = 254

CHOICES = {"chmod": ("refuse", "ignore"), "controls": (REFUSE, DROP), "smart": (OFF, GSM)}
#: The least and the most of a setting, and why: what is beyond can only be a mistake.
_RANGES: Mapping[str, tuple[int, int, str]] = {
    # Carriers are told in a calendar's digits how long a message is good: more than ten years none keeps it.
    "validity_seconds": (60, 3650 * DAY, "a message has to be read and handed over within that time"),
    "weight": (1, 100, ""),
    "alias_seconds": (0, 30 * DAY, "the old name of a file would hide what is uploaded later"),
    "duplicate_seconds": (0, 366 * DAY, "no list could be sent a second time"),
    "max_file_bytes": (1, 10**MAX_DIGITS, "nothing could be uploaded"),
    "max_files": (1, 10**MAX_DIGITS, "nothing could be uploaded"),
    "max_bytes": (1, 10**MAX_DIGITS, "nothing could be uploaded"),
    "max_open_files": (1, 10**MAX_DIGITS, "nothing could be uploaded"),
    "keep_files_days": (1, 36_500, "days are counted, and nobody would see how a file went"),
    "keep_messages_days": (1, 36_500, "days are counted, and nobody would see what became of a message"),
}


def settings_of(dialect: Dialect, own: Mapping[str, Any]) -> dict[str, Any]:
    """An account's settings with every default filled in."""
    return {**COMMON, **dialect.defaults, **own}


def shown(value: Any) -> str:
    """The value of a setting as a command line gives it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_email(text: str) -> bool:
    """Whether this is an address that every relay takes."""
    return len(text) <= _MAX_EMAIL and _email(text) is not None


def check_setting(dialect: Dialect, key: str, text: str) -> Any:
    """The value of a setting as given on a command line.

    Raises:
        ConfigurationError: there is no such setting, or it cannot have this value.
    """
    if key in dialect.defaults:
        return dialect.check_setting(key, text)
    if key not in COMMON:
        known = ", ".join(sorted({*COMMON, *dialect.defaults}))
        raise ConfigurationError(f"There is no setting {key!r}; there are {known}.")
    choices = ("true", "false") if isinstance(COMMON[key], bool) else CHOICES.get(key)
    if choices and text not in choices:
        raise ConfigurationError(f"{key} is one of {', '.join(choices)}, not {text!r}.")
    if isinstance(COMMON[key], bool):
        return text == "true"
    if key == "email" and text and not is_email(text):
        raise ConfigurationError(f"The email must be an address such as sms@example.com, not {quoted(text)}.")
    if isinstance(COMMON[key], str):
        return text
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise ConfigurationError(f"{key} is a whole number of at most {MAX_DIGITS} digits, not {text!r}.")
    return _in_range(key, int(text))


def _in_range(key: str, number: int) -> int:
    least, most, why = _RANGES.get(key, (0, number, ""))
    if number > most:
        raise ConfigurationError(f"{key} is at most {most}, not {number}.")
    if number < least:
        raise ConfigurationError(f"{key} is at least {least}, not {number}{f': {why}' if why else ''}.")
    return number
