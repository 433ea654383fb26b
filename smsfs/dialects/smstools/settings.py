"""The settings of an account with spool folders."""

from collections.abc import Mapping
from typing import Any

from smsfs.errors import ConfigurationError
from smsfs.sms.local import COUNTRIES
from smsfs.sms.quoting import quoted

IGNORE, REJECT, PLAIN, SEND, SENDER = "ignore", "reject", "plain", "send", "sender"

DEFAULTS: Mapping[str, Any] = {
    "country": "",  # two letters, whose local numbers are read; empty: with country codes only
    "flash": REJECT,  # or "plain": Flash: yes is sent as an ordinary SMS; or "send"
    "from_header": IGNORE,  # or "sender": From: is who the recipient sees
    "unknown_headers": REJECT,  # or "ignore": a header that smstools3 does not have
    "incoming_utf8": False,  # replies in UTF-8, not in ISO 8859-15 or UCS-2
    "max_batch_bytes": 1024 * 1024,
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "flash": (REJECT, PLAIN, SEND),
    "from_header": (IGNORE, SENDER),
    "unknown_headers": (REJECT, IGNORE),
}


def check_setting(key: str, value: Any) -> Any:
    """The value of a setting.

    Raises:
        ConfigurationError: it is a country that does not exist.
    """
    if key == "country" and value and value.upper() not in COUNTRIES:
        raise ConfigurationError(f"The country must be two letters such as DE, not {quoted(value)}.")
    return value.upper() if key == "country" else value
