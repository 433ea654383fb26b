"""A carrier that answers as a test tells it to."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from smsfs.backends import (
    UP,
    Accepted,
    Answer,
    Envelope,
    MaySend,
    OnAnswer,
    Recalled,
    Receive,
    State,
    Throttled,
    receive_nothing,
)

Script = Mapping[int, Sequence[Answer | Exception | None]]
OK = Accepted("id", 1)


class ScriptedCarrier:
    """A backend that follows a script.

    Args:
        script: for a row, the answers to its attempts in order: an answer, an exception to raise instead, or
            None for silence. What the script does not tell is accepted.
        idempotent: as the backend says of itself.

    Attributes:
        envelopes: what was handed over, in order.
        gate: while it is cleared, nothing is answered.
        together: how many slices are with it now.
        most_together: how many there were at most.
        down: why nothing can leave; empty while it can.
        keeps: what it has counts as on its way, so that nothing of it can be called back.
    """

    traceable = True
    slices = 2

    def __init__(
        self,
        script: Script | None = None,
        *,
        idempotent: bool = False,
    ) -> None:
        self.script: dict[int, list[Answer | Exception | None]] = defaultdict(list)
        self.script.update((row, list(answers)) for row, answers in (script or {}).items())
        self.idempotent = idempotent
        self.envelopes: list[Envelope] = []
        self.together = self.most_together = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls: list[str] = []
        self.down = ""
        self.keeps = False
        self._waiting: dict[Envelope, OnAnswer] = {}

    @property
    def sent(self) -> list[int]:
        """The rows that were handed over, in order."""
        return [envelope.message.row for envelope in self.envelopes]

    def state(self) -> State:
        """As the test says."""
        return ("down", self.down) if self.down else UP

    async def start(self, receive: Receive = receive_nothing) -> None:
        """Remember that it was called, and with what."""
        self.receive = receive
        self.calls.append("start")

    def recall(self, which: Recalled) -> None:
        """Give back what it has not answered, unless it ``keeps`` all."""
        if self.keeps:
            return
        for envelope in [item for item in self._waiting if which(item)]:
            self._waiting.pop(envelope)(envelope, Throttled(0))

    def finish(self) -> None:
        """Remember that it was called."""
        self.calls.append("finish")

    async def stop(self) -> None:
        """Remember that it was called."""
        self.calls.append("stop")

    async def submit(self, envelopes: Sequence[Envelope], answer: OnAnswer, _may_send: MaySend) -> None:
        """Answer each message as the script says."""
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        self.envelopes += envelopes
        self._waiting.update(dict.fromkeys(envelopes, answer))
        try:
            await self.gate.wait()
            for envelope in envelopes:
                if self._waiting.pop(envelope, None):
                    self._answer(envelope, answer)
        finally:
            self.together -= 1

    def _answer(self, envelope: Envelope, answer: OnAnswer) -> None:
        told = self.script[envelope.message.row]
        what = told.pop(0) if told else OK
        if isinstance(what, Exception):
            raise what
        if what is not None:
            answer(envelope, what)
