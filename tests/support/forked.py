"""Programs of smsfs that run on, forked from a process that has imported smsfs before.

Most of the processor's time that a server takes to start is spent on importing, once for itself and once for
each worker, and tests start and kill hundreds of them. ``Forked`` is a ``subprocess.Popen`` for command lines
``python -m smsfs``: the same arguments, environment, files and parent, seen from outside as well. A program
that is ``exact`` starts as users start it.
"""

import asyncio
import ctypes
import fcntl
import json
import os
import platform
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

#: The system call ``clone`` of a kind of machine; on others, programs start as users start them.
CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine(), 0)
#: The new process has the parent of the one that forks, and its C library learns its number.
CLONE_PARENT, CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID = 0x8000, 0x01000000, 0x00200000
PR_GET_TID_ADDRESS = 40
PYTHON_M = (sys.executable, "-m", "smsfs")
#: What interpreter and libraries read of the environment when they start, by the beginning of its name.
READ_AT_START = ("PYTHON", "LD_", "MALLOC", "LC_", "LANG", "UV_", "OPENSSL")
#: Descriptors above this are free for a moment while others get their places.
HIGH = 500


def can_fork(command: Sequence[str], environment: Mapping[str, str] | None = None) -> bool:
    """Whether such a program is one that ``Forked`` starts, with an interpreter like this one's."""
    given = os.environ if environment is None else environment
    ignored = {"PYTHONUNBUFFERED"}
    names = {name for name in {*given, *os.environ} if name.startswith(READ_AT_START)} - ignored
    same = all(given.get(name) == os.environ.get(name) for name in names)
    return bool(CLONE) and tuple(command[: len(PYTHON_M)]) == PYTHON_M and same


class Forked(subprocess.Popen[bytes]):
    """A program of smsfs; where it cannot be forked, it is started as any other.

    Args:
        command: as ``subprocess.Popen`` takes it.
        address: of the process that forks.
        given: further arguments of ``subprocess.Popen``.
    """

    def __init__(self, command: Sequence[str], address: str, **given: Any) -> None:
        self._address = address
        self._forks = can_fork(command, given.get("env"))
        super().__init__(command, **given)

    def _execute_child(self, args: Any, *rest: Any) -> None:
        """Do what the method of ``subprocess`` does, whose arguments these are."""
        if not self._forks:
            super()._execute_child(args, *rest)  # type: ignore[misc]
            return
        (_, _, _, pass_fds, cwd, env, _, _, _, *pipes, _, _, _, _, _, new_session, _) = rest
        request = {
            "arguments": list(args[len(PYTHON_M) :]),
            "folder": os.fspath(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
            "title": list(args),
            "places": [0, 1, 2, *pass_fds],
            "new_session": new_session,
        }
        given = [own if pipe == -1 else pipe for own, pipe in enumerate((pipes[0], pipes[3], pipes[5]))]
        try:
            self.pid = int(asked(self._address, request, [*given, *pass_fds]))
            self._child_created = True
        finally:
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def asked(address: str, request: Mapping[str, Any], files: Sequence[int], bound: float = 60.0) -> bytes:
    """What the process that forks answers; empty if it, or what it forked, could not.

    Raises:
        TimeoutError: it took longer than ``bound`` seconds.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(bound)
        connection.connect(address)
        socket.send_fds(connection, [json.dumps(request).encode()], files)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(16)


def cloned() -> int:
    """As ``os.fork``, in a process of one thread, but the new process is a child of this one's parent."""
    python = ctypes.pythonapi
    place = ctypes.c_long(0)
    known = ctypes.PyDLL(None).prctl(PR_GET_TID_ADDRESS, ctypes.byref(place), 0, 0, 0) == 0
    flags = CLONE_PARENT | (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID if known else 0)
    call = ctypes.PyDLL(None).syscall  # one that keeps the interpreter's lock
    call.restype = ctypes.c_long
    python.PyOS_BeforeFork()
    number = [
        ctypes.c_long(value) for value in (CLONE, flags | signal.SIGCHLD, 0, 0, place.value, place.value)
    ]
    pid = int(call(*number))
    if pid:
        python.PyOS_AfterFork_Parent()
    else:
        python.PyOS_AfterFork_Child()
    if pid < 0:
        raise OSError("the process could not be cloned")
    return pid


def take_places(files: Sequence[int], places: Sequence[int], kept: int = -1) -> int:
    """Let these open files be the descriptors ``places``, and close all others but one; its number then."""
    high = [fcntl.fcntl(file, fcntl.F_DUPFD, HIGH) for file in files]
    high_kept = fcntl.fcntl(kept, fcntl.F_DUPFD, HIGH) if kept >= 0 else kept
    os.closerange(3, HIGH)
    for file, place in zip(high, places, strict=True):
        os.dup2(file, place)
        os.close(file)
    if high_kept >= 0:
        os.set_inheritable(high_kept, False)
    return high_kept


def show_title(title: Sequence[str]) -> None:
    """Be seen under this command line; the program was started with one that is long enough."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    line = b"".join(part.encode() + b"\0" for part in title)[: end - start - 1]
    ctypes.memmove(start, line.ljust(end - start, b"\0"), end - start)


class Worker:
    """A worker of ``smsfs serve``, as ``asyncio.subprocess.Process`` is."""

    def __init__(self, process: Forked) -> None:
        self._process = process
        self.stdin = process.stdin
        self.stdout: asyncio.StreamReader | None = None
        self._ended = asyncio.Event()

    @classmethod
    async def started(cls, address: str, command: Sequence[str], **given: Any) -> Self:
        """Start one."""
        loop = asyncio.get_running_loop()
        worker = cls(Forked(command, address, **given))
        worker.stdout = asyncio.StreamReader()
        reader = asyncio.StreamReaderProtocol(worker.stdout)
        await loop.connect_read_pipe(lambda: reader, worker._process.stdout)
        watched = os.pidfd_open(worker._process.pid)

        def ended() -> None:
            loop.remove_reader(watched)
            os.close(watched)
            worker._process.wait()
            worker._ended.set()

        loop.add_reader(watched, ended)
        return worker

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, once it has ended."""
        return self._process.returncode

    async def wait(self) -> int:
        """Its exit status."""
        await self._ended.wait()
        return self._process.wait()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()


def forks_workers(address: str) -> None:
    """Have this process, a server, start its workers from the process that forks at ``address``."""
    usual: Callable[..., Any] = asyncio.create_subprocess_exec

    async def start(*command: str, **given: Any) -> Any:
        if can_fork(command):
            return await Worker.started(address, command, **given)
        return await usual(*command, **given)

    asyncio.create_subprocess_exec = start  # type: ignore[assignment]
