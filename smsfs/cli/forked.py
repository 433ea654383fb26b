"""Workers that are forked from ``smsfs serve`` while it has neither thread, event loop nor store.

What it has imported by then they need not import again, and they share the memory that it takes. Each waits
until it is told which worker it is. One that is started again later is a fresh process: by then a fork
would copy the locks of threads that it has not.
"""

import asyncio
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Self

from attrs import frozen

LONGEST_REQUEST = 2**16
#: Where /proc/self/stat has the beginning and the end of the command line, behind the name in brackets.
_LINE = slice(45, 47)


@frozen
class Waiting:
    """A process that waits to be told which worker it is.

    Attributes:
        pid: its number.
        input: its standard input; the process ends with it.
        output: descriptor of its standard output.
    """

    pid: int
    input: socket.socket
    output: int

    def become(self, arguments: Sequence[str], files: Mapping[str, int]) -> None:
        """Have it run ``smsfs`` with these arguments and, by the names of options, these open files.

        Raises:
            OSError: it is not there any more.
        """
        request = json.dumps([list(arguments), list(files)]).encode()
        socket.send_fds(self.input, [request], list(files.values()))

    def dismiss(self) -> None:
        """Let it end without having been a worker."""
        self.input.close()
        os.close(self.output)


def fork_waiting(count: int, run: Callable[[list[str]], None]) -> list[Waiting]:
    """Fork so many processes; fewer, or none, where that cannot be done safely.

    Args:
        count: how many.
        run: what a process does with the arguments of its command line.

    Raises:
        SystemExit: in the new processes, when they have done their work.
    """
    made: list[Waiting] = []
    if not _can_fork():
        return made
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # what is never looked through is not copied either
    with suppress(OSError):  # no room for another process: it is tried again when one is needed
        while len(made) < count:
            made.append(_fork(run))
    return made


def _can_fork() -> bool:
    """Whether this process has one thread, and the system tells by a descriptor when another ends."""
    try:
        os.close(os.pidfd_open(os.getpid()))
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except (AttributeError, OSError):
        return False


def _fork(run: Callable[[list[str]], None]) -> Waiting:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours, theirs = (end.detach() for end in ends)
    output, said = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        for descriptor in (ours, theirs, output, said):
            os.close(descriptor)
        raise
    if pid == 0:
        _wait_and_run(theirs, said, run)
    os.close(theirs)
    os.close(said)
    return Waiting(pid, socket.socket(fileno=ours), output)


def _wait_and_run(own_input: int, own_output: int, run: Callable[[list[str]], None]) -> NoReturn:
    os.setsid()
    os.dup2(own_input, 0)
    os.dup2(own_output, 1)
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number > 2:  # noqa: PLR2004 -- standard error
            with suppress(OSError):  # that of the folder itself
                os.close(number)
    with socket.socket(fileno=os.dup(0)) as asked:
        request, files, _, _ = socket.recv_fds(asked, LONGEST_REQUEST, 8)
    if not request:
        os._exit(0)  # no worker is needed, or serve is dead
    arguments, options = json.loads(request)
    arguments += with_numbers(options, files)
    _show_as(["smsfs", *arguments])
    run(arguments)
    sys.exit()


def with_numbers(options: Iterable[str], files: Iterable[int]) -> list[str]:
    """Arguments that give open files by their numbers."""
    return [part for option, file in zip(options, files, strict=True) for part in (option, str(file))]


def _show_as(line: Sequence[str]) -> None:
    """Be seen under this command line, as far as there is room for it in that of ``smsfs serve``."""
    with suppress(OSError):  # it is seen under the other, then
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        start, end = map(int, fields[_LINE])
        text = b"".join(os.fsencode(part) + b"\0" for part in line)[: end - start - 1]
        with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(text.ljust(end - start, b"\0"))


class Forked:
    """A worker that was forked, as ``asyncio.subprocess.Process`` is.

    Attributes:
        stdin: it ends when this is closed.
        stdout: what it says.
        returncode: its exit status, once it has ended; below 0, minus the signal that ended it.
    """

    def __init__(self, waiting: Waiting) -> None:
        self.stdin = waiting.input
        self.stdout = asyncio.StreamReader()
        self.returncode: int | None = None
        self._pid = waiting.pid
        self._ended = asyncio.Event()

    @classmethod
    async def started(
        cls, waiting: Waiting, arguments: Sequence[str], files: Mapping[str, int]
    ) -> Self | None:
        """A worker of the one that waits; None if that has ended meanwhile."""
        try:
            waiting.become(arguments, files)
        except OSError:
            waiting.dismiss()
            await asyncio.to_thread(os.waitpid, waiting.pid, 0)
            return None
        worker, loop = cls(waiting), asyncio.get_running_loop()
        watched = os.pidfd_open(waiting.pid)
        loop.add_reader(watched, worker._end, watched)
        reader = asyncio.StreamReaderProtocol(worker.stdout)
        await loop.connect_read_pipe(lambda: reader, os.fdopen(waiting.output, "rb", 0))
        return worker

    def _end(self, watched: int) -> None:
        asyncio.get_running_loop().remove_reader(watched)
        os.close(watched)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self.stdin.close()
        self._ended.set()

    async def wait(self) -> int:
        """Its exit status, when it has ended."""
        await self._ended.wait()
        return self.returncode or 0

    def kill(self) -> None:
        """End it at once."""
        if self.returncode is None:
            os.kill(self._pid, signal.SIGKILL)
