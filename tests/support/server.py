"""Real smsfs processes for tests: a store in a folder, ``serve`` and ``mount`` on it, and what was sent.

Nothing is patched, so a test sees what a user sees. Linux only: a server's workers are found in ``/proc``.
"""

import asyncio
import contextlib
import inspect
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from tests.support.commands import commands, started

PATIENCE = 60.0
PAUSE = 0.005
T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], what: str = "a condition", bound: float = PATIENCE, pause: float = PAUSE
) -> T:
    """What ``condition`` returns once it is true; asked each ``pause`` seconds, for half of the time at most.

    Raises:
        TimeoutError: it was not within ``bound`` seconds; names ``what`` was waited for.
    """
    deadline = (asked := time.monotonic()) + bound
    while not (result := condition()):
        now = time.monotonic()
        if now > deadline:
            raise TimeoutError(f"waited {bound} seconds in vain for {what}")
        time.sleep(max(pause, now - asked))
        asked = time.monotonic()
    return result


async def until(condition: Callable[[], Any], what: str = "it", bound: float = PATIENCE) -> Any:
    """Like ``wait_for``, in a coroutine; ``condition`` may be a coroutine function, too.

    Raises:
        TimeoutError: as there.
    """
    deadline = time.monotonic() + bound
    while True:
        result = condition()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {bound} seconds in vain for {what}")
        await asyncio.sleep(PAUSE)


def free_ports(count: int) -> list[int]:
    """Different ports on loopback that nobody listens on now, nor is given by the kernel for port 0."""
    ports: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(ports) < count:
            with contextlib.suppress(OSError):
                port = 20_000 + secrets.randbelow(12_000)
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
    return ports


class Installation:
    """A configuration and a store in a folder, with the commands of smsfs on them.

    Args:
        folder: exists and is this installation's alone.
        sections: the configuration, section -> key -> value; SFTP listens on a free loopback port unless it
            says otherwise.
    """

    def __init__(self, folder: Path, sections: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.folder = folder
        self.configuration = folder / "smsfs.toml"
        store, sftp = {"url": f"sqlite://{folder / 'smsfs.db'}"}, {"listen": ["127.0.0.1:0"]}
        given = dict(sections or {})
        self.configure(
            {**given, "store": {**store, **given.get("store", {})}, "sftp": {**sftp, **given.get("sftp", {})}}
        )

    def configure(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the configuration; programs that run already keep theirs."""
        lines = []
        for name, keys in sections.items():
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
        self.configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        """The command line of ``smsfs`` with these arguments on this configuration."""
        return [sys.executable, "-m", "smsfs", *arguments, "-c", str(self.configuration)]

    def run(
        self, *arguments: str, text: str = "", check: bool = True, bound: float = 60.0
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, ``text`` being its standard input.

        Raises:
            subprocess.CalledProcessError: it failed, and ``check`` says that it must not.
        """
        done = commands().run([*arguments, "-c", str(self.configuration)], text, bound)
        if check:
            done.check_returncode()
        return done

    def add_account(self, name: str, password: str, *options: str, dialect: str = "gatewayapi") -> None:
        """Make an account; ``options`` go to ``smsfs account add``."""
        self.run(
            *("account", "add", name, "--dialect", dialect, "--password-stdin", *options),
            text=password + "\n",
        )

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command, such as ``files`` or ``messages``, prints with ``--json``."""
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    def sent(self, account: str | None = None) -> list[dict[str, Any]]:
        """The messages in the outbox, of one account or of all, without a line that is being written."""
        outbox = self.folder / "outbox.jsonl"
        data = outbox.read_bytes() if outbox.exists() else b""
        messages = [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
        return [message for message in messages if account in (None, message["account"])]


class Program:
    """A command of smsfs that runs until it is told to stop, and writes a line "ready" first.

    As a context manager it is started and surely ended. Its log gathers in ``log`` over all its starts.

    Args:
        installation: what it runs on.
        arguments: the command and its arguments.

    Attributes:
        watched: the programs whose logs are to be looked at: those that run, or ran since the last look.
        expected: the names of warnings and errors that its log may have.
        exact: whether it starts exactly as users start it, and not as quickly as it can.
    """

    exact = bool(os.environ.get("SMSFS_BENCHMARK"))

    watched: ClassVar["list[Program]"] = []

    def __init__(self, installation: Installation, *arguments: str) -> None:
        self.installation = installation
        self.expected: set[str] = set()
        self._seen = 0
        self._command = installation.command(*arguments)
        self._output = installation.folder / f"{arguments[0]}-{id(self)}.out"
        self._log = installation.folder / f"{arguments[0]}-{id(self)}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The running process, or the one that ran last.

        Raises:
            RuntimeError: it was never started.
        """
        if self._process is None:
            raise RuntimeError("the program was not started")
        return self._process

    @property
    def log(self) -> str:
        """What it, and its workers, wrote to standard error so far."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def new_lines(self) -> list[str]:
        """The whole lines of its log that this has not returned before."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as log:
            log.seek(self._seen)
            whole, end, _ = log.read().rpartition(b"\n")
        self._seen += len(whole + end)
        return whole.decode(errors="replace").split("\n")

    @property
    def output(self) -> str:
        """What it wrote to standard output since its last start."""
        return self._output.read_text(encoding="utf-8") if self._output.exists() else ""

    def launch(self) -> Self:
        """Start it, without waiting until it is ready."""
        with self._output.open("wb") as output, self._log.open("ab") as log:
            self._process = started(
                self._command,
                exact=self.exact,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                cwd=self.installation.folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
            )
        if self not in self.watched:
            self.watched.append(self)
        return self

    def start(self) -> Self:
        """Start it, and wait until it is ready.

        Raises:
            RuntimeError: it ended instead; holds its log.
        """
        process = self.launch().process
        try:
            wait_for(lambda: "ready " in self.output or process.poll() is not None, "the line ready")
        except TimeoutError:
            self.kill()
            raise
        if process.poll() is not None:
            raise RuntimeError(f"it ended with status {process.returncode}: {self.log}")
        return self

    def stop(self, bound: float = PATIENCE) -> int:
        """Tell it to stop as systemd does, with SIGTERM; its exit status.

        Raises:
            subprocess.TimeoutExpired: it did not end within ``bound`` seconds, and was killed.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(bound)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, as ``kill -9`` does; it alone."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()


class Server(Program):
    """``smsfs serve``; an ``exact`` one, and its workers, start as users start them."""

    def __init__(self, installation: Installation, *, exact: bool = False) -> None:
        super().__init__(installation, "serve")
        self.exact = exact or self.exact

    @property
    def port(self) -> int:
        """The port on which SFTP listens."""
        return self._port("sftp")

    @property
    def web_port(self) -> int:
        """The port on which its health pages are; the configuration must have a section ``[web]``."""
        return self._port("web")

    @property
    def ftp_port(self) -> int:
        """The port on which FTP listens; the configuration must have a section ``[ftp]``."""
        return self._port("ftp")

    @property
    def ftps_port(self) -> int:
        """The port on which FTPS with implicit TLS listens; the section has ``implicit_listen``."""
        return self._port("ftps")

    def _port(self, listener: str) -> int:
        line = re.compile(rf"^ready {listener} .*:(\d+)\n", re.MULTILINE)
        return int(wait_for(lambda: line.findall(self.output), f"the line ready {listener}")[0])

    def workers(self) -> dict[str, int]:
        """The processes of the pipeline that run now: name, such as ``"intake"``, to process id."""
        return {name: pid for pid in children(self.process.pid) if (name := _worker_name(pid))}

    def kill_all(self) -> None:
        """End it and its workers at once, as a loss of power does."""
        self.process.send_signal(signal.SIGSTOP)  # or it would start again what is killed first
        for pid in children(self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.kill()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold it and its workers still for a while."""
        held = [self.process.pid, *children(self.process.pid)]
        for pid in held:
            stop_process(pid)
        try:
            yield
        finally:
            for pid in reversed(held):
                os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def paused(self, worker: str) -> Iterator[None]:
        """Hold one worker still: ``with server.paused("intake")`` keeps submitted files ``.processing``."""
        pid = wait_for(lambda: self.workers().get(worker, 0), f"the worker {worker}")
        wait_for(lambda: _held(pid), f"the worker {worker} to stand still")
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def children(pid: int) -> list[int]:
    """The processes that a process of one thread has started, and that still run."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:  # it has ended
        return []
    return [int(child) for child in found.split()]


def stop_process(pid: int) -> None:
    """Hold every thread of a process still; when this returns, they are."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: set(_thread_states(pid)) == {"T"}, "SIGSTOP to act")


def _thread_states(pid: int) -> list[str]:
    try:
        states = [task.read_text(encoding="ascii") for task in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:  # a thread ended in this moment
        return []
    return [state.rpartition(")")[2].split()[0] for state in states]


def _held(pid: int) -> bool:
    """Stop a process, unless just then it has a lock on the store that everybody else would wait for."""
    stop_process(pid)
    locks = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
    if not any({"POSIX", "WRITE", str(pid)} <= set(lock) for lock in locks):
        return True
    os.kill(pid, signal.SIGCONT)
    return False


def _worker_name(pid: int) -> str | None:
    """The name behind ``smsfs worker`` in a process's command line."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:  # it has ended
        return None
    return arguments[arguments.index("worker") + 1] if "worker" in arguments else None


class Mount(Program):
    """``smsfs mount`` on the folder ``mountpoint``, which it makes; unmounted at the end, whatever happens.

    Args:
        installation: what it runs on.
        mountpoint: in an existing folder, best one with a short path.
        account: whose files; None for all accounts, each in a folder of its name.
        options: of ``smsfs mount``.
    """

    def __init__(
        self, installation: Installation, mountpoint: Path, account: str | None = None, *options: str
    ) -> None:
        whose = ("--account", account) if account else ()
        super().__init__(installation, "mount", str(mountpoint), *whose, *options)
        self.mountpoint = mountpoint
        mountpoint.mkdir(exist_ok=True)

    def is_mounted(self) -> bool:
        """Whether the kernel still has the mount, though its process may be dead."""
        return f" {self.mountpoint} " in Path("/proc/self/mounts").read_text(encoding="utf-8")

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.unmount()

    def unmount(self) -> None:
        """Remove what a killed mount leaves behind."""
        if self.is_mounted():
            subprocess.run(["fusermount3", "-uz", str(self.mountpoint)], check=True)
