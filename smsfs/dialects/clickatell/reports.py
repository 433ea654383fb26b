"""The log beside a file: a response for each number that got nothing, as Clickatell writes them."""

from collections.abc import Sequence

from smsfs.dialects.clickatell.codes import PARAMETER
from smsfs.errors import Cause
from smsfs.sms.quoting import escaped


def log_of(causes: Sequence[Cause], total: int) -> bytes:
    """A line ``ERR: 105, why`` for each cause, and one for those that are not shown."""
    lines = [f"ERR: {cause.code or PARAMETER}, {escaped(str(cause))}" for cause in causes]
    if total > len(causes):
        lines.append(f"ERR: {PARAMETER}, and {total - len(causes):,} more")
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "backslashreplace")
