"""Which file a reader works on: the process that started it knows, however the reader ends.

The number stands in eight bytes of memory that both have open, so that writing it costs next to nothing.
"""

import os
import resource
import signal
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_NUMBER = struct.Struct("<q")
#: Signals by which a process ends for what it did itself. Others, such as SIGKILL, come from outside.
_OWN_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGSYS}
#: Of 1000: where memory is short, the kernel ends a reader, whose file is read again, before anything else.
_OOM_SCORE = 500
#: Which number in /proc/self/statm is that of pages of data and stack.
_DATA = 5
MIB = 1024 * 1024
_SPARE = 64 * MIB


class InHand:
    """The number of the batch that is worked on, 0 for none.

    Args:
        descriptor: of the memory, as it was inherited; None to make it.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = os.memfd_create("smsfs-in-hand") if descriptor is None else descriptor

    def note(self, batch: int) -> None:
        """Note which batch it is."""
        os.pwrite(self.descriptor, _NUMBER.pack(batch), 0)

    def last(self) -> int:
        """Which batch it was last."""
        data = os.pread(self.descriptor, _NUMBER.size, 0)
        return int(_NUMBER.unpack(data)[0]) if len(data) == _NUMBER.size else 0

    def close(self) -> None:
        """Let go of the memory."""
        os.close(self.descriptor)


def is_own_fault(status: int) -> bool:
    """Whether a process that ended with this status crashed over what it was doing."""
    return -status in _OWN_FAULTS


def limit_memory(mebibytes: int) -> Callable[[], bool]:
    """Limit what this process takes beyond what it has now; where the host has no more, it goes first.

    Args:
        mebibytes: 0 for no limit.

    Returns:
        Tells whether it has more than that by now. Some libraries crash where memory cannot be had, so that
        asking for more is a ``MemoryError`` only a good way above.
    """
    with suppress(OSError):  # where there is no /proc, or it cannot be written
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
    if not mebibytes:
        return lambda: False
    # data, not the whole address space: a stack that could not grow would be a crash without a reason
    most = _data_bytes() + mebibytes * MIB
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = most + mebibytes * MIB // 4 + _SPARE
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    return lambda: _data_bytes() > most


def _data_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[_DATA]
    return int(pages) * resource.getpagesize()
