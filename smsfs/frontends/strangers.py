"""What may be logged about clients that have not logged in: they choose what they say, and how much.

A door binds ``stranger=True`` to the log of a connection, and takes that away after the login.
"""

from collections.abc import MutableMapping
from typing import Any

from smsfs.sms.quoting import cut

#: Characters of a value in a log line, with whatever escapes it gets.
MAX_LOGGED = 128


def shorten_strangers(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Cut what a stranger's event holds: a processor of structlog, to stand before the one that renders."""
    if event.pop("stranger", False):
        for key, value in event.items():
            if isinstance(value, str):
                event[key] = cut(value, MAX_LOGGED)
    return event
