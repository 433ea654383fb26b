"""The backend ``outbox``: appends each message to a file of JSON lines, for trying out and for hand-over."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from smsfs.backends import UP, Accepted, Answer, Envelope, Receive, State, Throttled, receive_nothing
from smsfs.errors import ConfigurationError


class Outbox:
    """Appends to ``path``; what it accepted is on stable storage.

    Several processes may append to one file. A line torn by a crash is cut off at the next start, or before
    the next is written: its message was never accepted.
    """

    idempotent = False
    traceable = False
    slices = 2

    def __init__(self, path: Path) -> None:
        self._path = path

    def state(self) -> State:
        """Down while its file cannot be opened."""
        try:
            os.close(self._open())
        except OSError as exc:
            return "down", f"the outbox {self._path} cannot be written: {exc.strerror}"
        return UP

    async def start(self, receive: Receive = receive_nothing) -> None:
        """Make the folder, if need be, and cut off a torn line: nothing may come to be sent for long.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        del receive  # nothing ever comes back here
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(self._append, b"", lambda: True)
        except OSError as exc:
            raise ConfigurationError(
                f"The outbox {self._path} cannot be written ({exc.strerror}); messages wait until it can."
            ) from exc

    async def submit(
        self,
        envelopes: Sequence[Envelope],
        answer: Callable[[Envelope, Answer], None],
        may_send: Callable[[], bool],
    ) -> None:
        """Append one line for each message."""
        lines = b"".join(msgspec.json.encode(_line(envelope)) + b"\n" for envelope in envelopes)
        written = await asyncio.to_thread(self._append, lines, may_send)
        for envelope in envelopes:
            accepted = Accepted(envelope.key, envelope.message.parts)
            answer(envelope, accepted if written else Throttled(0))

    def finish(self) -> None:
        """What it has is written in a moment."""

    async def stop(self) -> None:
        """Nothing is held between two calls."""

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def _append(self, lines: bytes, may_send: Callable[[], bool]) -> bool:
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _cut_torn_line(descriptor)
            if not may_send():
                return False
            view = memoryview(lines)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
            return True
        finally:
            os.close(descriptor)


def _cut_torn_line(descriptor: int) -> None:
    end = size = os.fstat(descriptor).st_size
    while end and os.pread(descriptor, 1, end - 1) != b"\n":
        block = os.pread(descriptor, min(65536, end), max(0, end - 65536))
        end = max(0, end - 65536) + block.rfind(b"\n") + 1
    if end != size:
        os.ftruncate(descriptor, end)


def _line(envelope: Envelope) -> dict[str, str | int]:
    message = envelope.message
    return {
        "id": envelope.key,
        "account": envelope.account,
        "file": envelope.file,
        "row": message.row,
        "recipient": message.recipient,
        "sender": message.sender,
        "text": message.text,
        "parts": message.parts,
        "encoding": message.encoding,
        "class": message.klass,
        "userref": message.userref,
        "submitted_at": datetime.fromtimestamp(envelope.submitted, UTC).isoformat().replace("+00:00", "Z"),
    }
