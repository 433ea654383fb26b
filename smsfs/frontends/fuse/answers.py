"""What leaves a callback: a result, or an ``OSError`` with an errno; the reason goes to the log."""

import errno
import functools
import os
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import structlog

from smsfs.errors import Refusal

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger()


def answered(callback: Callable[Concatenate[Any, str, P], R]) -> Callable[Concatenate[Any, str, P], R]:
    """Let only an ``OSError`` with an errno out of a callback: the bindings make garbage of the rest."""

    @functools.wraps(callback)
    def answer(self: Any, path: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return callback(self, path, *args, **kwargs)
        except Exception as error:
            number = _logged_errno(callback.__name__, path, error)
            raise OSError(number, os.strerror(number)) from error

    return answer


def _logged_errno(operation: str, path: str, error: Exception) -> int:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, Refusal):
        is_question = operation == "access" or (operation, number) == ("getattr", errno.ENOENT)
        tell = log.debug if is_question else log.info
        tell("refused", op=operation, path=path, reason=error.sentence)
    else:
        log.error("failed", op=operation, path=path, exc_info=error)
    return number or errno.EIO
