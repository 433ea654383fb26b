"""Log events: for people on a terminal, or as JSON lines."""

import logging
import sys
import threading
from contextlib import suppress
from typing import TextIO, cast

import structlog

from smsfs.frontends.console import for_people
from smsfs.frontends.strangers import shorten_strangers
from smsfs.sections import LogConfig
from smsfs.sms.quoting import json_text

log = structlog.get_logger()


def configure(config: LogConfig) -> None:
    """Write events to standard error, those of libraries among them when they matter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _as_json() if config.format == "json" else for_people()
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
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # the code that cannot get a connection says so
    # an uncaught exception is an event, too
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


def _as_json() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=json_text, ensure_ascii=True),
    ]
