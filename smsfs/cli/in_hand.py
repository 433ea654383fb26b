"""Which file a reader works on, told to the process that started it: known however the reader ends.

It is eight bytes of memory that both have open, so that telling costs next to nothing.
"""

import os
import resource
import signal
import struct
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


class InHand:
    """The number of the batch that is worked on, 0 for none.

    Args:
        descriptor: of the memory, as it was inherited; None to make it.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = os.memfd_create("smsfs-in-hand") if descriptor is None else descriptor

    def tell(self, batch: int) -> None:
        """Say which batch it is."""
        os.pwrite(self.descriptor, _NUMBER.pack(batch), 0)

    def told(self) -> int:
        """Which batch it was last."""
        data = os.pread(self.descriptor, _NUMBER.size, 0)
        return int(_NUMBER.unpack(data)[0]) if len(data) == _NUMBER.size else 0

    def close(self) -> None:
        """Let go of the memory."""
        os.close(self.descriptor)


def is_own_fault(status: int) -> bool:
    """Whether a process that ended with this status crashed over what it was doing."""
    return -status in _OWN_FAULTS


def limit_memory(mebibytes: int) -> None:
    """Let this process take so many MiB beyond what it has now; asking for more is a ``MemoryError``.

    It also becomes the first to go where the host runs out of memory. 0 sets no limit.
    """
    with suppress(OSError):  # where there is no /proc, or it cannot be written
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
    if mebibytes:
        # data, not the whole address space: a stack that could not grow would be a crash without a reason
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[_DATA])
        most = pages * resource.getpagesize() + mebibytes * MIB
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
