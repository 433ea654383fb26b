"""Messages on their way to a request, and the calls of ``submit`` that they belong to."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from attrs import define
from msgspec import Struct
from msgspec.structs import replace

from smsfs.backends import Answer, Envelope, MaySend, NotTaken, OnAnswer, Throttled
from smsfs.backends.http.contract import bundle_of


@define(eq=False)
class Job:
    """One call of ``submit``, which is done when each of its messages has an answer or was withdrawn."""

    answer: OnAnswer
    may_send: MaySend
    left: int
    done: asyncio.Future[None]
    began: float
    open: bool = True
    _withdrawn: str = ""

    def finish(self, envelope: Envelope, what: Answer) -> None:
        """A message has its answer."""
        if self.open:
            self.answer(envelope, what)
            self._one_less()

    def withdraw(self, reason: str) -> None:
        """A message has not left, and is to wait elsewhere."""
        if self.open:
            self._withdrawn = reason
            self._one_less()

    def _one_less(self) -> None:
        self.left -= 1
        if self.left or self.done.done():
            return
        if self._withdrawn:
            self.done.set_exception(NotTaken(self._withdrawn))
        else:
            self.done.set_result(None)


class Outgoing(Struct, eq=False, gc=False):
    """A message; ``out`` while it is in a request."""

    job: Job
    envelope: Envelope
    out: bool = False

    def finish(self, what: Answer) -> None:
        """It has its answer."""
        self.out = False
        self.job.finish(self.envelope, what)

    def withdraw(self, reason: str) -> None:
        """It is to wait elsewhere."""
        self.out = False
        self.job.withdraw(reason)

    def at(self, now: float) -> Envelope:
        """Itself, with the time that is left for it."""
        return replace(self.envelope, left=self.envelope.left - (now - self.job.began))

    def goes_with(self, other: "Outgoing", bundle: int) -> bool:
        """Whether another message is in the same bundle of so many rows."""
        return bundle_of(self.envelope, bundle) == bundle_of(other.envelope, bundle)

    def may_leave(self, now: float, *, allowed: bool) -> bool:
        """Whether it may leave still: its job is ``allowed`` to, and it is in time. If not, it is put off."""
        if allowed and now - self.job.began < self.envelope.left:
            return True
        self.finish(Throttled(0))
        return False


class Line:
    """Messages that wait for a request."""

    def __init__(self) -> None:
        self._waiting: deque[Outgoing] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, messages: Iterable[Outgoing]) -> None:
        """They are the last ones."""
        self._waiting.extend(messages)

    def back(self, messages: Sequence[Outgoing]) -> None:
        """They have not left after all, and are the first ones again."""
        for outgoing in reversed(messages):
            outgoing.out = False
            self._waiting.appendleft(outgoing)

    def take(self, most: int, now: float, bundle: int = 0) -> list[Outgoing]:
        """The next messages that may leave; those before them that may not are put off.

        Those of more than ``bundle`` rows, or of several files, are not taken together, unless that is 0.
        """
        taken: list[Outgoing] = []
        allowed: dict[Job, bool] = {}
        while self._waiting and len(taken) < most:
            outgoing = self._waiting.popleft()
            if taken and bundle and not outgoing.goes_with(taken[0], bundle):
                self._waiting.appendleft(outgoing)
                break
            job = outgoing.job
            if not job.open:
                continue
            if job not in allowed:
                allowed[job] = job.may_send()
            if outgoing.may_leave(now, allowed=allowed[job]):
                outgoing.out = True
                taken.append(outgoing)
        return taken

    def put_off(self, which: Callable[[Outgoing], bool] = lambda _: True) -> None:
        """Some, or all, are to be sent later."""
        messages, self._waiting = self._waiting, deque()
        for outgoing in messages:
            if which(outgoing):
                outgoing.finish(Throttled(0))
            else:
                self._waiting.append(outgoing)

    def put_off_jobs(self, jobs: Collection[Job]) -> None:
        """Those of some jobs are to be sent later."""
        if jobs:
            self.put_off(lambda outgoing: outgoing.job in jobs)

    def withdraw(self, reason: str) -> None:
        """All are to wait elsewhere."""
        while self._waiting:
            self._waiting.popleft().withdraw(reason)
