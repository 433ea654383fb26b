"""Commands of smsfs, each in a process of its own, forked from one that has imported smsfs before.

Tests run many commands, some of them again and again until the store is as it is to be, and each would spend
most of a second of the processor's time on importing. Programs, which run on, are forked too: ``forked``.

Run as a program, this is the process that forks. It ends with the one that started it.
"""

import atexit
import contextlib
import gc
import json
import os
import pkgutil
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from tests.support.forked import (
    Forked,
    asked,
    can_fork,
    cloned,
    forks_workers,
    show_title,
    take_places,
)

#: Modules of smsfs that are imported only by those that need them: they warn, or need what may be missing.
LEFT_OUT = ("smsfs.__main__", "smsfs.frontends.pyfilesystem", "smsfs.frontends.fuse")
LARGEST = 2**20
#: Room for the command lines of programs, which take the place of this one's.
ROOM = "-" * 4000

_making = threading.Lock()


class Commands:
    """Runs commands until this process ends."""

    def __init__(self) -> None:
        name = f"smsfs-commands-{secrets.token_hex(8)}"  # no file: nothing is left behind, however this ends
        self.address = f"\0{name}"
        command = [sys.executable, "-m", "tests.support.commands", name, ROOM]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError("smsfs cannot be imported")

    def run(self, arguments: Sequence[str], text: str, bound: float) -> "subprocess.CompletedProcess[str]":
        """Run ``smsfs`` with these arguments to its end, ``text`` being its standard input.

        Raises:
            subprocess.TimeoutExpired: it took longer than ``bound`` seconds.
        """
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(3)]
            files[0].write(text)
            files[0].seek(0)
            request = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
            try:
                answer = asked(self.address, request, [file.fileno() for file in files], bound)
            except TimeoutError as exc:
                raise subprocess.TimeoutExpired(list(arguments), bound) from exc
            status = int(answer) if answer else -signal.SIGKILL  # it could not say how it ended
            for file in files[1:]:
                file.seek(0)
            return subprocess.CompletedProcess(list(arguments), status, files[1].read(), files[2].read())


def commands() -> Commands:
    """The one of this process, also where several threads ask for it at once."""
    with _making:
        return _made(os.getpid())


@cache
def _made(pid: int) -> Commands:
    """One for each process: what it forks are the children of the process that started it."""
    del pid
    return Commands()


def started(command: Sequence[str], *, exact: bool = False, **given: Any) -> "subprocess.Popen[bytes]":
    """Start a program of smsfs, as ``subprocess.Popen`` does; an ``exact`` one is not forked."""
    if exact or not can_fork(command, given.get("env")):
        return subprocess.Popen(command, **given)
    return Forked(command, commands().address, **given)


def _serve(name: str) -> None:
    """Import all there is to import, and fork for whoever asks, until standard input ends."""
    import smsfs  # noqa: PLC0415 -- the tests' own process does without

    for module in pkgutil.walk_packages(smsfs.__path__, "smsfs."):
        if not module.name.startswith(LEFT_OUT):
            import_module(module.name)
    gc.collect()
    gc.freeze()  # what is never written to is not copied either
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets those that have ended
    with _listening(name) as listener:
        os.write(1, b"ready\n")
        _fork_until_end(listener, 0)


def _listening(name: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0{name}")
    listener.listen(64)
    return listener


def _fork_until_end(listener: socket.socket, life: int) -> None:
    """Fork for each connection, until there is no one any more who could write to the descriptor ``life``."""
    while life not in select.select([life, listener.fileno()], [], [])[0]:
        connection, _ = listener.accept()
        with connection:
            request, files = _received(connection)
            if not request:
                continue
            wanted = json.loads(request)
            stays = "title" in wanted
            if pid := cloned() if stays else os.fork():
                if stays:
                    connection.sendall(str(pid).encode())
            else:
                listener.detach()
                _become(connection.detach(), files, **wanted)
        for file in files:
            os.close(file)


def _received(connection: socket.socket) -> tuple[bytes, list[int]]:
    """A request, and the files that come with it."""
    request, files = b"", []
    while part := socket.recv_fds(connection, LARGEST, 8):
        if not part[0]:
            break
        request += part[0]
        files += part[1]
    return request, files


def _become(  # noqa: PLR0913 -- what a process is made of
    asker: int,
    files: list[int],
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    title: Sequence[str] = (),
    places: Sequence[int] = (0, 1, 2),
    *,
    new_session: bool = False,
) -> NoReturn:
    """Be the command or the program, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if title:
        show_title(title)
        asker = -1
    if new_session:
        os.setsid()
    answer = take_places(files, places, asker)
    if title and arguments[0] == "serve":
        forks_workers(_nursery())
    asked = os.getpid()
    status = _run(arguments, folder, environment)
    if answer >= 0 and os.getpid() == asked:  # serve forks workers, which come back here too
        os.write(answer, str(status).encode())
    os._exit(status)


def _nursery() -> str:
    """Fork a process that forks this one's workers, and ends with it; its address."""
    name = f"smsfs-workers-{secrets.token_hex(8)}"
    listener = _listening(name)
    life, held = os.pipe()
    if os.fork() == 0:
        os.close(held)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for file in range(2):
            os.close(file)
        _fork_until_end(listener, life)
        os._exit(0)
    listener.close()
    os.close(life)
    return f"\0{name}"


def _run(arguments: list[str], folder: str, environment: dict[str, str]) -> int:
    """Do what the interpreter does with ``python -m smsfs``; the exit status."""
    from smsfs.cli import main  # noqa: PLC0415 -- as above

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    if "PYTHONUNBUFFERED" in environment:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    status: object = 0
    try:
        main(arguments)
    except SystemExit as exc:
        status = exc.code
    except BaseException:  # noqa: BLE001 -- as the interpreter does
        sys.excepthook(*sys.exc_info())
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    if isinstance(status, str):
        os.write(2, f"{status}\n".encode())
    return status if isinstance(status, int) else int(status is not None)


if __name__ == "__main__":
    _serve(sys.argv[1])
