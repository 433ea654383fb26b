"""The settings that GatewayAPI's dialect adds to those of every account."""

from collections.abc import Mapping
from typing import Any

DEFAULTS: Mapping[str, Any] = {
    "unknown_columns": "reject",
    "bad_rows": "reject",
    "direct_ready": "refuse",
    "flash": "reject",
    "max_batch_bytes": 30 * 1024 * 1024,
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "unknown_columns": ("reject", "ignore"),
    "bad_rows": ("reject", "skip"),
    "direct_ready": ("refuse", "submit-on-close"),
    "flash": ("reject", "send"),
}
