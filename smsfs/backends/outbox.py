"""The backend ``outbox``: appends each message to a file of JSON lines, for trying out and for hand-over."""

import asyncio
import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from smsfs.backends import (
    UP,
    Accepted,
    Envelope,
    MaySend,
    NotTaken,
    OnAnswer,
    Recalled,
    Receive,
    State,
    Throttled,
    receive_nothing,
)
from smsfs.backends.outbox_files import OutboxFiles, cut_torn_line
from smsfs.errors import ConfigurationError

SLICES = 2
#: How long after a failure the file is tried again.
AGAIN_SECONDS = 5.0


class Outbox:
    """Appends to ``path``; what it accepted is on stable storage.

    With ``keep_days`` the first message of a day, in UTC, moves the file of the day before away.

    Several processes may append to one file. A line torn by a crash is cut off at the next start, or before
    the next is written: its message was never accepted.
    """

    idempotent = False
    traceable = False

    def __init__(self, path: Path, keep_days: int = 0, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        self._files = OutboxFiles(path, keep_days)
        self._trouble, self._again = "", 0.0
        #: Of its own: another program may hold the file for long, and others need the threads of the process.
        self._threads = ThreadPoolExecutor(SLICES, thread_name_prefix="outbox")

    @property
    def slices(self) -> int:
        """None while its file cannot be written, but for one that tries that now and then."""
        if not self._trouble:
            return SLICES
        return int(time.monotonic() >= self._again)

    def state(self) -> State:
        """Down while its file cannot be opened, or could not be written."""
        try:
            os.close(self._open())
        except OSError as exc:
            return "down", f"the outbox {self._path} cannot be written: {exc.strerror}"
        return ("down", self._trouble) if self._trouble else UP

    async def start(self, receive: Receive = receive_nothing) -> None:
        """Make the folder, if need be, and cut off a torn line: nothing may come to be sent for long.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        del receive  # nothing ever comes back here
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            await self._in_thread([], lambda: True)
        except OSError as exc:
            raise ConfigurationError(
                f"The outbox {self._path} cannot be written ({exc.strerror}); messages wait until it can."
            ) from exc

    async def submit(self, envelopes: Sequence[Envelope], answer: OnAnswer, may_send: MaySend) -> None:
        """Append one line for each message.

        Raises:
            NotTaken: the file cannot be written.
            OSError: only the first lines could be; whether they will stay is not known.
        """
        lines = [msgspec.json.encode(_line(envelope)) + b"\n" for envelope in envelopes]
        try:
            written = await self._in_thread(lines, may_send)
        except _Cut as exc:
            for envelope in envelopes[exc.lines :]:
                answer(envelope, Throttled(0))
            self._in_trouble(exc.why)
            if not exc.kept:
                raise exc.why from None
            for envelope in envelopes[: exc.lines]:
                answer(envelope, Accepted(envelope.key, envelope.message.parts))
            return
        except OSError as exc:
            self._in_trouble(exc)
            raise NotTaken(exc.errno, exc.strerror) from exc
        self._trouble = "" if written else self._trouble
        for envelope in envelopes:
            accepted = Accepted(envelope.key, envelope.message.parts)
            answer(envelope, accepted if written else Throttled(0))

    def _in_trouble(self, exc: OSError) -> None:
        self._trouble = f"the outbox {self._path} cannot be written: {exc.strerror}"
        self._again = time.monotonic() + AGAIN_SECONDS

    async def _in_thread(self, lines: Sequence[bytes], may_send: MaySend) -> bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._append, lines, may_send)

    def recall(self, which: Recalled) -> None:
        """What it has is written in a moment."""

    def finish(self) -> None:
        """What it has is written in a moment."""

    async def stop(self) -> None:
        """Nothing is held between two calls."""

    def _open(self) -> int:
        descriptor = self._files.open()
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a device or a pipe keeps nothing
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is a device or a pipe, and no file")
        return descriptor

    def _append(self, lines: Sequence[bytes], may_send: MaySend) -> bool:
        """Write lines, and bring them to stable storage; False if they may not be sent any more.

        Raises:
            _Cut: the first lines were written.
            OSError: none was.
        """
        descriptor = self._locked()
        try:
            cut_torn_line(descriptor)
            if not may_send():
                return False
            _write(descriptor, lines)
            return True
        finally:
            os.close(descriptor)

    def _locked(self) -> int:
        """Today's file, open and locked; another process may move it away while this one waits."""
        while True:
            descriptor = self._open()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if self._files.is_current(descriptor) and not self._files.end_day(descriptor, self._clock()):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)


class _Cut(Exception):
    """Some lines were written, and then there was a failure; ``kept``: they are on stable storage."""

    def __init__(self, lines: int, why: OSError, *, kept: bool) -> None:
        super().__init__(str(why))
        self.lines, self.why, self.kept = lines, why, kept


def _write(descriptor: int, lines: Sequence[bytes]) -> None:
    data = b"".join(lines)
    done = 0
    try:
        while done < len(data):
            done += os.write(descriptor, memoryview(data)[done:])
        os.fsync(descriptor)
    except OSError as exc:
        whole = data[:done].count(b"\n")
        if whole:  # where it is the disk that failed to sync, nothing can be known any more
            raise _Cut(whole, exc, kept=done < len(data) and _is_synced(descriptor)) from exc
        raise


def _is_synced(descriptor: int) -> bool:
    """Bring what was written before a disk was full to stable storage, without its torn line."""
    try:
        cut_torn_line(descriptor)
        os.fsync(descriptor)
    except OSError:
        return False
    return True


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
