"""Log events: for people on a terminal, or as JSON lines."""

import logging
import sys
import threading

import structlog

from smsfs.config import LogConfig

log = structlog.get_logger()


def configure(config: LogConfig) -> None:
    """Write events to standard error, those of libraries among them when they matter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _as_json() if config.format == "json" else [_for_people()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[config.level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # whole lines: the processes share it
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


def _for_people() -> structlog.typing.Processor:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        exception_formatter=structlog.dev.plain_traceback,  # rich shows local variables: message texts
    )


def _as_json() -> list[structlog.typing.Processor]:
    """What nobody caught is an event, too."""
    sys.excepthook = lambda *raised: log.critical("crashed", exc_info=raised)
    threading.excepthook = lambda raised: log.critical("thread_crashed", exc_info=raised[:3])
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
