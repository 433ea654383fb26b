"""Log events: for people on a terminal, or as JSON lines."""

import io
import logging
import sys
import textwrap
import threading
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from smsfs.frontends.strangers import shorten_strangers
from smsfs.sections import LogConfig
from smsfs.sms.quoting import escaped, escaped_lines, json_text

log = structlog.get_logger()


def configure(config: LogConfig) -> None:
    """Write events to standard error, those of libraries among them when they matter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _as_json() if config.format == "json" else _for_people()
    stream = cast("TextIO", _Patient(sys.stderr))
    structlog.configure(
        processors=[*shared, shorten_strangers, *last],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[config.level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(stream),  # whole lines: the processes share it
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    named = [*shared, structlog.stdlib.add_logger_name]
    only = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=named, processors=[only, *last])
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.captureWarnings(capture=True)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # whoever cannot get a connection says so
    # what nobody caught is an event, too
    sys.excepthook = lambda *raised: log.critical("crashed", exc_info=raised)
    threading.excepthook = lambda raised: log.critical("thread_crashed", exc_info=raised[:3])


class _Patient:
    """A stream that may be gone, or full: what cannot be logged holds up nothing and ends nobody."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, if that can be done."""
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        """Likewise."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def _for_people() -> list[structlog.typing.Processor]:
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
        if isinstance(value, str) and not value.isprintable():
            event[key] = _Shown(value)
    for key in ("exception", "stack"):  # texts of several lines, which the renderer does not ask how to show
        if key in event:
            event[key] = _block(str(event[key]))
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


def _as_json() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=json_text, ensure_ascii=True),
    ]
