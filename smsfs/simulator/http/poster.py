"""Calls webhooks as a provider does: receipts for what was taken, and replies; with faults when asked for."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Self

import aiohttp
from attrs import define, field, frozen

from smsfs.simulator.http.posts import Kind, Post, Reply, State, unsigned
from smsfs.simulator.http.taken import Message

#: What may go wrong with the receipts for a message.
HOOK_FAULTS = {
    "late": "the receipt comes later than it should, by `--late` seconds",
    "doubled": "each call comes twice",
    "before": "the receipt comes before the answer to the message",
    "unsigned": "a call without a signature comes first, and says the opposite, where calls are signed",
    "reordered": "a receipt that the message is still on its way comes after the last one",
}
#: Seconds until a call is made again that was not taken; after that it is given up.
RETRIES = (0.2, 0.5, 1.0, 2.0, 4.0)
CALL_SECONDS = 10.0


@frozen
class Posting:
    """How webhooks are called.

    Attributes:
        kind: of the provider.
        url: where it calls, unless a message tells it another address.
        secret: that it signs with; empty for none.
        receipts: seconds from a message to its receipt; None for no receipts.
        undelivered: a pattern; recipients it is found in get nothing.
        faults: share of the messages whose receipts meet each of :data:`HOOK_FAULTS`.
        late: seconds more for the fault of that name.
    """

    kind: Kind
    url: str = ""
    secret: str = field(default="", repr=False)
    receipts: float | None = None
    undelivered: re.Pattern[str] | None = None
    faults: Mapping[str, float] = field(factory=dict)
    late: float = 5.0

    def met(self, number: int) -> set[str]:
        """The faults that message ``number``, from 1, meets."""
        return {
            name for name, share in self.faults.items() if int(number * share) > int((number - 1) * share)
        }


@define
class PostCounts:
    """What became of the calls.

    Attributes:
        called: that were taken.
        repeated: that were made again.
        given_up: that were not taken in the end.
    """

    called: int = 0
    repeated: int = 0
    given_up: int = 0


class Poster:
    """Calls a webhook; an asynchronous context manager.

    Args:
        posting: how.
    """

    def __init__(self, posting: Posting) -> None:
        self.posting, self.counts = posting, PostCounts()
        self._numbers, self._replies = count(1), count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(CALL_SECONDS))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def taken(self, messages: Sequence[Message]) -> None:
        """Messages were taken, and their answer is about to leave; returns when it may."""
        if self.posting.receipts is None:
            return
        first = []
        for message in messages:
            faults = self.posting.met(next(self._numbers))
            task = self._begin(self._report(message, faults))
            first += [task] if "before" in faults else []
        if first:
            await asyncio.wait(first)

    @property
    def busy(self) -> bool:
        """Whether there are calls that are not over."""
        return bool(self._tasks)

    def reply(self, source: str, destination: str, text: str) -> None:
        """A person writes."""
        posting, now = self.posting, time.time()
        known = f"mo-{now:.6f}-{next(self._replies)}"
        post = posting.kind.reply(Reply(source, destination, text, known), posting.url, now)
        self._begin(self._call(post, signed=True))

    def _begin(self, work: Any) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _report(self, message: Message, faults: set[str]) -> None:
        posting = self.posting
        wait = posting.late if "late" in faults else 0.0
        await asyncio.sleep(wait + (0.0 if "before" in faults else posting.receipts or 0.0))
        failed = posting.undelivered and posting.undelivered.search(message.destination)
        end: State = "undelivered" if failed else "delivered"
        opposite: State = "delivered" if failed else "undelivered"
        if "unsigned" in faults and posting.kind.sign is not unsigned:
            await self._tell(message, opposite, signed=False)
        states: list[State] = [end, "passing"] if "reordered" in faults else ["passing", end]
        for state in states:
            for _ in range(2 if "doubled" in faults else 1):
                await self._tell(message, state)

    async def _tell(self, message: Message, state: State, *, signed: bool = True) -> None:
        posting = self.posting
        for post in posting.kind.receipt(message, state, posting.url, time.time()):
            if post.url:
                await self._call(post, signed=signed)

    async def _call(self, post: Post, *, signed: bool) -> None:
        """Call until it is taken; one that is not signed is tried once."""
        for wait in (*RETRIES, None):
            status = await self._status(post, signed=signed)
            if status in self.posting.kind.taken:
                self.counts.called += 1
                return
            if wait is None or not signed or status in self.posting.kind.dropped:
                break
            self.counts.repeated += 1
            await asyncio.sleep(wait)
        self.counts.given_up += signed

    async def _status(self, post: Post, *, signed: bool) -> int:
        """The status of a call's answer; 0 if there was none."""
        posting = self.posting
        made = posting.kind.sign(post, posting.secret, time.time()) if signed and posting.secret else post
        headers = {"Content-Type": made.kind, **made.headers} if made.method == "POST" else dict(made.headers)
        try:
            async with self._session.request(
                made.method, made.url, data=made.body or None, headers=headers
            ) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0
