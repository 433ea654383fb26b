"""Log events on a terminal: nothing that a client wrote can steer it, or be taken for an event."""

import io
import sys
import textwrap
from typing import Any, TextIO

import structlog

from smsfs.sms.quoting import escaped, escaped_lines

#: Values of several lines, which the renderer writes as they are.
_BLOCKS = ("exception", "stack")


def for_people() -> list[structlog.typing.Processor]:
    """Processors that make a line of an event, the last of all."""
    return [
        _escape_values,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_write_traceback),
    ]


def _escape_values(
    _logger: Any, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Leave nothing to the renderer that would steer the terminal, or end the line."""
    event["event"] = escaped(str(event.get("event", "")))
    for key, value in event.items():
        if key in _BLOCKS:
            event[key] = _block(str(value))
        elif isinstance(value, str) and not value.isprintable():
            event[key] = _Shown(value)
    return event


class _Shown:
    """A text that is shown as Python would write it: in quotes, and with escapes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return repr(self._text)


def _write_traceback(to: TextIO, raised: structlog.typing.ExcInfo) -> None:
    """The traceback without local variables, which hold message texts: rich would show them."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, raised)
    to.write(f"\n{_block(plain.getvalue().strip())}")


def _block(text: str) -> str:
    """Lines that cannot be taken for events: a client's words may be in the text of an exception."""
    return textwrap.indent(escaped_lines(text), "  ")
