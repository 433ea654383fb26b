"""A backend that is made and started when that can be done, and is down until then.

One that cannot be made (its certificates cannot be read), cannot be started (its file is a folder) or has
a fault of its own says so as its state. It is tried again, and meanwhile stops no other.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from smsfs.backends import (
    Backend,
    Envelope,
    Load,
    MaySend,
    NotTaken,
    OnAnswer,
    Recalled,
    Receive,
    State,
    receive_nothing,
)
from smsfs.errors import ConfigurationError

#: How long others wait for a backend to start, before it is left to do so beside them.
START_SECONDS = 2.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
LOOK_SECONDS = 1.0
#: A backend that worked for so long is tried again soon.
STEADY_SECONDS = 60.0

log = structlog.get_logger()


class Mending:
    """A backend, or for the time being none.

    Args:
        name: in the configuration, for the log.
        make: makes the backend, or raises.
        idempotent: as the backend says of itself; known before there is one.
        traceable: also as the backend says.
    """

    def __init__(self, name: str, make: Callable[[], Backend], *, idempotent: bool, traceable: bool) -> None:
        self.idempotent, self.traceable = idempotent, traceable
        self._name, self._make = name, make
        self._backend: Backend | None = None
        self._why = "it is being started"
        self._logged = ""
        self._under_way = 0
        self._finishing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def slices(self) -> int:
        """As many as the backend wants, and none while there is none."""
        return self._backend.slices if self._backend and not self._fault() else 0

    @property
    def load(self) -> Load | None:
        """What the backend has open; None while there is none, and of one without a carrier."""
        return getattr(self._backend, "load", None)

    def state(self) -> State:
        """Down while there is no backend, with the reason."""
        if self._backend is None:
            return "down", self._why
        if fault := self._fault():
            return "down", fault
        try:
            return self._backend.state()
        except Exception as exc:  # noqa: BLE001 -- whatever it is, the others' states have to be known
            return "down", _clause(exc)

    async def start(self, receive: Receive = receive_nothing) -> None:
        """Begin to look after it; returns once it is up, or soon."""
        self._receive = receive
        tried = asyncio.Event()
        self._task = asyncio.create_task(self._look_after(tried))
        with suppress(TimeoutError):
            await asyncio.wait_for(tried.wait(), START_SECONDS)

    async def submit(self, envelopes: Sequence[Envelope], answer: OnAnswer, may_send: MaySend) -> None:
        """Hand messages over.

        Raises:
            NotTaken: there is no backend to take them now.
        """
        if self._backend is None or self._fault():
            raise NotTaken(self.state()[1])
        self._under_way += 1
        try:
            await self._backend.submit(envelopes, answer, may_send)
        finally:
            self._under_way -= 1

    def recall(self, which: Recalled) -> None:
        """Give back what has not left."""
        if self._backend:
            self._backend.recall(which)

    def finish(self) -> None:
        """Begin nothing more."""
        self._finishing = True
        if self._backend:
            self._backend.finish()

    async def stop(self) -> None:
        """Let go of the backend."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._let_go()

    def _fault(self) -> str:
        return getattr(self._backend, "fault", "")

    async def _look_after(self, tried: asyncio.Event) -> None:
        """Make it, and make it anew when it has a fault; the less often, the less it helps."""
        wait, began, loop = FIRST_WAIT, 0.0, asyncio.get_running_loop()
        while True:
            if self._backend is None and not self._finishing:
                began = loop.time()
                await self._try()
                tried.set()
            if self._backend:
                await self._until_fault()
            wait = FIRST_WAIT if loop.time() - began > STEADY_SECONDS else wait
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _until_fault(self) -> None:
        """Let the backend work until it has a fault, then let go of it."""
        while not self._fault() or self._under_way:  # noqa: ASYNC110 -- a fault is an attribute
            await asyncio.sleep(LOOK_SECONDS)
        self._why = self._fault()
        await self._let_go()

    async def _try(self) -> None:
        """Make and start the backend, or keep the reason why not."""
        try:
            backend = self._make()
            await backend.start(self._receive)
        except Exception as exc:  # noqa: BLE001 -- whatever it is, the other backends go on
            self._why = _clause(exc)
            self._log(exc)
            return
        self._backend, self._logged = backend, ""
        if self._finishing:
            backend.finish()

    def _log(self, exc: Exception) -> None:
        """Say once why it cannot be had; a fault of ours with its traceback."""
        if self._why == self._logged:
            return
        self._logged = self._why
        expected = isinstance(exc, (ConfigurationError, OSError))
        log.error(
            "backend_not_started", backend=self._name, reason=self._why, exc_info=None if expected else exc
        )

    async def _let_go(self) -> None:
        backend, self._backend = self._backend, None
        if backend:
            await _stopped(self._name, backend)


async def _stopped(name: str, backend: Backend) -> None:
    try:
        await backend.stop()
    except Exception:
        log.exception("backend_not_stopped", backend=name)


def _clause(exc: Exception) -> str:
    """The reason as a clause; of an error that has no words of its own, its kind."""
    return str(exc).rstrip(".") or type(exc).__name__
