"""How the program that calls a mount is ending; Linux shows it for each task in ``/proc/ID/stat`` (proc(5)).

The kernel closes the files of a program that was killed as if it had closed them itself. But while a mount
answers ``flush``, the program that closes its file waits, and its own end, if that is why, shows already.
"""

import os
from pathlib import Path

#: ``PF_SIGNALED`` in the kernel's ``sched.h``: a signal ended this task, or another thread ended all of them.
_SIGNALED = 0x400
#: In an exit code as ``wait`` has it: the number of the signal.
_SIGNAL = 0x7F
#: Places behind the name of the program, counted from 0.
_FLAGS, _EXIT_CODE = 6, 49


def was_killed(task: int, proc: Path = Path("/proc")) -> bool:
    """Whether a signal, Ctrl-C among them, is ending a task that waits for our answer.

    Args:
        task: its id; 0, as of a task in another container, is never known to be killed.
        proc: where the kernel shows it.
    """
    place = proc / str(task)
    try:
        fields = (place / "stat").read_bytes().rpartition(b")")[2].split()
        sees_all = os.geteuid() in (0, place.stat().st_uid)
    except OSError:
        return False
    signaled, code = int(fields[_FLAGS]) & _SIGNALED, int(fields[_EXIT_CODE])
    # of others' tasks the code is hidden; the flag alone is also set where a thread has ended the program
    return bool(signaled and (code & _SIGNAL or not sees_all))
