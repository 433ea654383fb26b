"""What a worker has counted, in memory that it shares with the process which started it."""

import os
import struct
import threading
from contextlib import suppress
from zlib import crc32

import msgspec

from smsfs.metrics import Tally, Told, merged

#: How often a worker writes: so much of what it counted is lost at most when it is killed.
WRITE_SECONDS = 1.0
#: A reader that meets a half written page looks again so often.
LOOKS = 5

_HEADER = struct.Struct("<II")
_decoder = msgspec.json.Decoder(Told)


class Slate:
    """A page that one process writes and another reads.

    Args:
        descriptor: of the memory; None to make some.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = os.memfd_create("smsfs-metrics") if descriptor is None else descriptor
        self._last = Told()

    def write(self, told: Told) -> None:
        """Put this in place of what is there."""
        data = msgspec.json.encode(told)
        os.pwrite(self.descriptor, _HEADER.pack(len(data), crc32(data)) + data, 0)

    def read(self) -> Told:
        """What is there; if it is just being written, what was there before."""
        for _ in range(LOOKS):
            header = os.pread(self.descriptor, _HEADER.size, 0)
            if len(header) < _HEADER.size:
                break
            length, checksum = _HEADER.unpack(header)
            data = os.pread(self.descriptor, length, _HEADER.size)
            if crc32(data) == checksum:
                self._last = _decoder.decode(data)
                break
        return self._last

    def close(self) -> None:
        """Let go of the memory."""
        os.close(self.descriptor)


class Book:
    """What the processes have counted that were started for one job, one after the other."""

    def __init__(self) -> None:
        self._before = Told()
        self._slate: Slate | None = None

    def begin(self) -> int:
        """For a process that is to be started: the descriptor that it writes to."""
        self.end()
        self._slate = Slate()
        return self._slate.descriptor

    def end(self) -> None:
        """The process has ended: what it counted stays, how it stood does not."""
        if self._slate:
            self._before = Told(self.told().counted)
            self._slate.close()
            self._slate = None

    def told(self) -> Told:
        """All of it."""
        return merged([self._before, self._slate.read()]) if self._slate else self._before


def keep_writing(tally: Tally, slate: Slate) -> None:
    """Write what is counted again and again, in a thread."""
    ended = threading.Event()  # never set: the thread ends with the process

    def write() -> None:
        while not ended.wait(WRITE_SECONDS):
            with suppress(MemoryError):  # a reader may have no more for a moment
                slate.write(tally.told())

    threading.Thread(target=write, name="smsfs-metrics", daemon=True).start()
