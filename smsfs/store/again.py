"""What a moment's trouble of the store undid in whole, done again."""

import functools
import random
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from typing import Any, ParamSpec, TypeVar

from smsfs.errors import StoreConflict, StoreFull

#: Seconds before each further try. Two changes that met go on at once, but not both at the same time.
CONFLICT_PAUSES = (0.005, 0.02, 0.1, 0.3)
FULL_PAUSES = (0.1, 0.4, 1.0)

P = ParamSpec("P")
T = TypeVar("T")


def again(step: Callable[P, T]) -> Callable[P, T]:
    """A step that is one transaction, tried again while the store undoes it for a reason that may pass."""

    @functools.wraps(step)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        conflicts, fulls = iter(CONFLICT_PAUSES), iter(FULL_PAUSES)
        while True:
            try:
                return step(*args, **kwargs)
            except (StoreConflict, StoreFull) as exc:
                pause = next(conflicts if isinstance(exc, StoreConflict) else fulls, None)
                if pause is None:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- not a secret

    return tried


def tried_again(part: T, names: Iterable[str], is_changing: Callable[[], bool]) -> T:
    """A part of a store, some of whose methods are tried again from now on.

    Args:
        part: has the methods.
        names: of these, those that are one transaction and change something.
        is_changing: whether the thread is within a transaction already, all of which would have to be done
            again: then they are not.
    """
    for name in names:
        setattr(part, name, _unless(is_changing, getattr(part, name)))
    return part


def _unless(is_changing: Callable[[], bool], method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def called(*args: Any, **kwargs: Any) -> Any:
        if is_changing():
            return method(*args, **kwargs)
        held = list(args)

        @again
        def step() -> Any:
            return method(*(_kept(held, place) for place in range(len(held))), **kwargs)

        return step()

    return called


def _kept(held: list[Any], place: int) -> Any:
    """An argument; of an iterator, which may have no end, a copy as far as it is used."""
    if not isinstance(held[place], Iterator):
        return held[place]
    held[place], copy = tee(held[place])
    return copy
