"""The settings that SMSPortal's dialect adds to those of every account."""

from collections.abc import Mapping
from typing import Any

from smsfs.errors import ConfigurationError
from smsfs.sms.plans import is_country
from smsfs.sms.quoting import quoted
from smsfs.sms.sender import sender

MIB = 1024 * 1024

DEFAULTS: Mapping[str, Any] = {
    "sender_fixed": "",  # what senderId Fixed stands for; empty: the backend's own
    "sender_fixedr": "",  # what FixedR stands for
    "country": "",  # whose local numbers are read, such as ZA; empty: numbers are international
    "check_networks": True,
    "unknown_keys": "ignore",
    "unique_seconds": 172_800,  # how long a name is not accepted again; 0: it always is
    "duplicate_seconds": 0,  # names are unique anyhow
    "optouts": True,
    "max_batch_bytes": 20 * MIB,  # of one document
    "max_zip_bytes": 200 * MIB,  # of all documents of a zip, inflated
}
CHOICES: Mapping[str, tuple[str, ...]] = {"unknown_keys": ("ignore", "reject")}


def check_text(key: str, value: str) -> str:
    """The value of a setting that is a text.

    Raises:
        ConfigurationError: it is not a country, or not a sender, where it must be one.
    """
    if key == "country" and value and not is_country(value):
        raise ConfigurationError(f"The country must be two capital letters such as ZA, not {quoted(value)}.")
    if key.startswith("sender"):
        try:
            return sender(value)
        except ValueError as error:
            raise ConfigurationError(f"{key} is a sender's name or number: {error}.") from None
    return value
