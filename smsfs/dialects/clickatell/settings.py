"""The settings of an account with a Clickatell folder."""

from collections.abc import Mapping
from typing import Any

DEFAULTS: Mapping[str, Any] = {
    "bad_rows": "skip",  # or "reject": nothing is sent if one number is wrong
    "flash": "reject",  # or "plain": SMS_FLASH is sent as an ordinary SMS; or "send"
    "unknown_keys": "reject",  # or "ignore"
    "max_rows": 100_000,  # numbers in one file
    "max_batch_bytes": 30 * 1024 * 1024,
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "bad_rows": ("skip", "reject"),
    "flash": ("reject", "plain", "send"),
    "unknown_keys": ("reject", "ignore"),
}
