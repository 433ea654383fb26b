"""Commands of smsfs, each in a process of its own, forked from one that has imported smsfs before.

Tests run many commands, some of them again and again until the store is as it is to be, and each would spend
most of a second of the processor's time on importing. What runs on, a ``Program``, is started as users do.

Run as a program, this is the process that forks. It ends with the one that started it.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

#: What commands use, beside their modules.
COMMON = ("smsfs.frontends.logins", "smsfs.store.sqlite", "smsfs.store.postgresql")
LARGEST = 2**20

_making = threading.Lock()


class Commands:
    """Runs commands until this process ends."""

    def __init__(self) -> None:
        self._address = str(Path(tempfile.mkdtemp(prefix="smsfs-commands-")) / "socket")
        command = [sys.executable, __file__, self._address]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
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
            status = self._answer(arguments, [file.fileno() for file in files], bound)
            for file in files[1:]:
                file.seek(0)
            return subprocess.CompletedProcess(list(arguments), status, files[1].read(), files[2].read())

    def _answer(self, arguments: Sequence[str], files: list[int], bound: float) -> int:
        request = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(bound)
            connection.connect(self._address)
            socket.send_fds(connection, [json.dumps(request).encode()], files)
            connection.shutdown(socket.SHUT_WR)
            try:
                answer = connection.recv(16)
            except TimeoutError as exc:
                raise subprocess.TimeoutExpired(list(arguments), bound) from exc
        return int(answer) if answer else -signal.SIGKILL  # it could not say how it ended


def commands() -> Commands:
    """The one of this process, also where several threads ask for it at once."""
    with _making:
        return _made()


@cache
def _made() -> Commands:
    return Commands()


def _serve(address: str) -> None:
    """Fork for each connection, until the process that holds the other end of standard input is gone."""
    from smsfs.cli import COMMANDS  # noqa: PLC0415 -- the tests' own process does without

    for module in (*(f"smsfs.cli.{name}" for name in COMMANDS.values()), *COMMON):
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets those that have ended
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        os.write(1, b"ready\n")
        while 0 not in select.select([0, listener.fileno()], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _become(connection)
    Path(address).unlink()
    Path(address).parent.rmdir()


def _become(connection: socket.socket) -> None:
    """Be the command, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files = b"", []
    while part := socket.recv_fds(connection, LARGEST, 3):
        if not part[0]:
            break
        request += part[0]
        files += part[1]
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    status = _run(**json.loads(request))
    connection.sendall(str(status).encode())
    os._exit(status)


def _run(arguments: list[str], folder: str, environment: dict[str, str]) -> int:
    """Do what the interpreter does with ``python -m smsfs``; the exit status."""
    from smsfs.cli import main  # noqa: PLC0415 -- as above

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
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
