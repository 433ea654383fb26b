"""The settings of a connector: what they may be, and whether they fit together."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from smsfs.dialects.naxai.liquid import RenderError, Template, TemplateError, TooMuchWork
from smsfs.errors import ConfigurationError
from smsfs.sms.calendar import Calendar, NeverOpen, days_of, hours_of, weekdays_of, zone_of
from smsfs.sms.local import COUNTRIES
from smsfs.sms.quoting import quoted
from smsfs.sms.sender import sender

DEFAULTS: Mapping[str, Any] = {
    "phone_column": "",  # as the first row names it; empty: the one likeliest by its name
    "country": "",  # two letters, whose local numbers are read; empty: with country codes only
    "template": "",  # the text, in Liquid
    "sender": "",  # empty: the backend's
    "max_parts": 0,  # of a message; over it the message is refused with 802; 0: 255
    "dedupe_file": False,  # a number gets one message of a file
    "dedupe_days": 0,  # a number gets one message of the connector in so many days, and so of a file
    "weekdays": "",  # such as mon-fri; empty: all
    "hours": "",  # such as 08:00-20:00; empty: all day
    "timezone": "UTC",  # whose clock weekdays and hours are
    "exclusions": "",  # days without sending, such as 2026-12-24..2027-01-02,2027-05-14
    "holidays": "",  # likewise, also every year: 01-01,12-25
    "protocols": "sftp,ftps",  # by which it may log in; ftp: also without TLS
    "endings": "csv,txt",  # of names that submit; *: any name that is no client's temporary one
    "max_batch_bytes": 20 * 1024 * 1024,
    "max_rows": 200_000,
}
MAX_TEXT = 255
PROTOCOLS = ("sftp", "ftps", "ftp")


def check_setting(key: str, text: str) -> Any:
    """The value of a setting from its text.

    Raises:
        ConfigurationError: there is no such setting, or the value is none of its values.
    """
    if key not in DEFAULTS:
        raise ConfigurationError(f"There is no setting {quoted(key)}; there are {', '.join(DEFAULTS)}.")
    try:
        return _CHECKS[key](text)
    except (TemplateError, TooMuchWork) as error:
        raise ConfigurationError(f"The template cannot be used: {error}.") from None
    except ValueError as error:
        raise ConfigurationError(f"{key} cannot be set: {error}.") from None


def check_together(settings: Mapping[str, Any], at: datetime) -> None:
    """Check what depends on several settings, before they are stored.

    Raises:
        ConfigurationError: by the calendar nothing could be sent within a year.
    """
    calendar = calendar_of(settings)
    try:
        if calendar is not None:
            calendar.opening(at)
    except NeverOpen as error:
        raise ConfigurationError(f"By this calendar {error}.") from None


def calendar_of(settings: Mapping[str, Any]) -> Calendar | None:
    """The calendar of a connector; None if it sends at any time."""
    keys = ("weekdays", "hours", "exclusions", "holidays")
    if not any(settings[key] for key in keys):
        return None
    start, end = hours_of(settings["hours"])
    closed = days_of(settings["exclusions"]), days_of(settings["holidays"])
    return Calendar(zone_of(settings["timezone"]), weekdays_of(settings["weekdays"]), start, end, closed)


def endings_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The endings of names that submit, in lower case with their dot; none where any name does."""
    found = settings["endings"].split(",")
    return () if "*" in found else tuple(f".{ending}" for ending in found)


def _column(text: str) -> str:
    if len(text) > MAX_TEXT or not text.isprintable():
        raise ValueError(f"{quoted(text)} is no name of a column")
    return text.strip()


def _country(text: str) -> str:
    if text and text.upper() not in COUNTRIES:
        raise ValueError(f"{quoted(text)} is no country; write its two letters, such as BE")
    return text.upper()


def _template(text: str) -> str:
    if text:
        _try(Template(text))
    return text


def _try(template: Template) -> None:
    """Make a text of empty cells, which a template that loops does not end with either.

    Raises:
        TooMuchWork: it is such a one.
    """
    render = template.renderer(template.columns)
    try:
        render([""] * len(template.columns))
    except TooMuchWork:
        raise
    except RenderError:  # a number may be wanted, say
        return


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"it is true or false, not {quoted(text)}")
    return text == "true"


def _whole(low: int, high: int) -> Callable[[str], int]:
    def check(text: str) -> int:
        if re.fullmatch("[0-9]{1,15}", text) and low <= int(text) <= high:
            return int(text)
        raise ValueError(f"it is a whole number from {low} to {high:,}, not {quoted(text)}")

    return check


def _kept(check: Callable[[str], object]) -> Callable[[str], str]:
    """A setting that is stored as it was written, once it could be read."""

    def checked(text: str) -> str:
        check(text)
        return text

    return checked


def _endings(text: str) -> str:
    if re.fullmatch(r"\*|[A-Za-z0-9]{1,20}(,[A-Za-z0-9]{1,20})*", text):
        return text.lower()
    raise ValueError(f"{quoted(text)} is no list of endings; write them such as csv,txt, or * for any")


def _protocols(text: str) -> str:
    wanted = text.lower().split(",")
    if set(wanted) <= set(PROTOCOLS):
        return ",".join(name for name in PROTOCOLS if name in wanted)
    raise ValueError(f"{quoted(text)} names none of {', '.join(PROTOCOLS)}; write such as sftp,ftps")


_CHECKS: Mapping[str, Callable[[str], Any]] = {
    "phone_column": _column,
    "country": _country,
    "template": _template,
    "sender": sender,
    "max_parts": _whole(0, 255),
    "dedupe_file": _flag,
    "dedupe_days": _whole(0, 366),
    "weekdays": _kept(weekdays_of),
    "hours": _kept(hours_of),
    "timezone": _kept(zone_of),
    "exclusions": _kept(days_of),
    "holidays": _kept(days_of),
    "protocols": _protocols,
    "endings": _endings,
    "max_batch_bytes": _whole(1, 10**12),
    "max_rows": _whole(1, 10**9),
}
