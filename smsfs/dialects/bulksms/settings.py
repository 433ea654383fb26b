"""The settings of an account with a BulkSMS folder."""

import re
from collections.abc import Mapping
from typing import Any

from smsfs.dialects.bulksms.names import SYSTEM
from smsfs.dialects.staging import is_staging
from smsfs.errors import ConfigurationError
from smsfs.sms.quoting import quoted

DEFAULTS: Mapping[str, Any] = {
    "ending": ".ready",  # a rename to a name that ends so sends the file
    "unknown_columns": "reject",
    "bad_rows": "reject",
    "max_batch_bytes": 30 * 1024 * 1024,
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "unknown_columns": ("reject", "ignore"),
    "bad_rows": ("reject", "skip"),
}
_ending = re.compile(r"\.[a-z0-9]{1,20}").fullmatch


def check_setting(key: str, value: Any) -> Any:
    """The value of a setting.

    Raises:
        ConfigurationError: it is an ending that names cannot have, or that means something else.
    """
    if key != "ending":
        return value
    ending = str(value).lower()
    if not _ending(ending) or ending in SYSTEM or is_staging(f"x{ending}"):
        raise ConfigurationError(
            f"The ending must be a dot and letters or digits, such as .ready, that no unfinished upload "
            f"and no file of the server's has, not {quoted(value)}."
        )
    return ending
