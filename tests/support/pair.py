"""Several hosts on one PostgreSQL database, each with an outbox of its own, and ways to trouble them."""

import contextlib
import fcntl
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import asyncssh

from tests.support.server import Installation, Server, free_ports, wait_for

SECTIONS: Mapping[str, Mapping[str, Any]] = {
    "sftp": {"max_connections_per_address": 100, "ban_after": 1000},
    "pipeline": {"retry_seconds": 1, "max_failures": 50, "stop_grace": 5},
    "log": {"level": "warning", "format": "json"},
}
#: Of a host's log, shown when a test fails.
SHOWN_LINES = 60
LEASE, MARGIN = 3.0, 1.0
BLOCK = 65536


class Forwarder:
    """A TCP port that leads to another one, until the way is cut or blocked.

    Args:
        target: the port on loopback that it leads to.
        delay: seconds that everything takes each way.
    """

    def __init__(self, target: int, delay: float = 0.0) -> None:
        self._target = target
        self._delay = delay
        self._lost: set[socket.socket] = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._left: int | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        (self.port,) = free_ports(1)
        self._listen()

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    @contextlib.contextmanager
    def blocked(self) -> Iterator[None]:
        """Let nothing through for a while, and tell nobody, as a network does that loses every packet."""
        self._flowing.clear()
        try:
            yield
        finally:
            self._flowing.set()

    @contextlib.contextmanager
    def blocked_after(self, size: int) -> Iterator[None]:
        """Let through so many bytes more to the target, then nothing, as ``blocked`` does."""
        self._left = size
        try:
            yield
        finally:
            self._left = None
            self._flowing.set()

    @property
    def is_blocked(self) -> bool:
        """Whether nothing is let through."""
        return not self._flowing.is_set()

    @contextlib.contextmanager
    def forgotten(self) -> Iterator[None]:
        """Let nothing through on the connections there are, as a firewall does that forgot them."""
        with self._lock:
            self._lost |= self._open
        yield

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """End every connection and refuse new ones for a while, as a host does whose server is stopped."""
        self.close()
        try:
            yield
        finally:
            self._listen()

    def close(self) -> None:
        """Refuse connections from now on, and end those there are."""
        _end(self._listener)
        with self._lock:
            for end in self._open:
                _shut(end)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._flowing.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            _end(client)
            return
        with self._lock:
            self._open |= {client, server}
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                for part in self._parts(data, target):
                    self._flowing.wait()
                    time.sleep(self._delay)
                    if source not in self._lost:
                        target.sendall(part)
        self._flowing.wait()
        _shut(source)
        _shut(target)

    def _parts(self, data: bytes, target: socket.socket) -> Iterator[bytes]:
        """What is to be sent, cut where nothing more gets through."""
        if self._left is None or target.getpeername()[1] != self._target:
            yield data
            return
        with self._lock:
            head = data[: self._left]
            self._left -= len(head)
            is_last = self._left == 0
        yield head
        if is_last:
            self._left = None
            self._flowing.clear()
        yield data[len(head) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def _end(end: socket.socket) -> None:
    """Close a socket, and wake whoever waits in it."""
    _shut(end)
    end.close()


class Pair:
    """Hosts that share a database; as a context manager, started and surely ended.

    Args:
        folder: is given a folder for each host.
        urls: the way of each host to the database.
        sections: more of the configuration, as for ``Installation``.
    """

    def __init__(
        self, folder: Path, urls: Sequence[str], sections: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        self.folder = folder
        ports = iter(free_ports(2 * len(urls)))
        self.servers = [
            Server(_installation(folder / f"host{number}", url, (next(ports), next(ports)), sections or {}))
            for number, url in enumerate(urls, 1)
        ]

    @property
    def installation(self) -> Installation:
        """Any of the hosts, to run commands on."""
        return self.servers[0].installation

    def sent(self, account: str | None = None) -> list[dict[str, Any]]:
        """The messages in all outboxes, of one account or of all."""
        return [message for server in self.servers for message in server.installation.sent(account)]

    def add_account(self, name: str, password: str, *options: str) -> list[dict[str, Any]]:
        """Make an account that may log in with a key; for ``asyncssh.connect``, its login on each host."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        public = self.folder / f"{name}.pub"
        key.write_public_key(public)
        self.installation.add_account(name, password, "--key", str(public), *options)
        login = {"host": "127.0.0.1", "username": name, "client_keys": [key], "known_hosts": None}
        ports = [server.port for server in self.servers]
        return [{**login, "port": port, "config": None, "agent_path": None} for port in ports]

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            for server in self.servers:
                stack.enter_context(server)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            for server in self.servers:
                tail = "\n".join(server.log.splitlines()[-SHOWN_LINES:])
                sys.stderr.write(f"\nthe end of {server.installation.folder.name}'s log:\n{tail}\n")
        self._stack.close()


def _installation(
    folder: Path, url: str, ports: tuple[int, int], sections: Mapping[str, Mapping[str, Any]]
) -> Installation:
    """A host whose ports stay the same when it is started again."""
    folder.mkdir()
    sftp, web = ports
    own: dict[str, dict[str, Any]] = {
        "store": {"url": url, "lease": LEASE, "margin": MARGIN},
        "sftp": {"listen": [f"127.0.0.1:{sftp}"]},
        "web": {"listen": [f"127.0.0.1:{web}"]},
        "backends.outbox": {"type": "outbox", "path": str(folder / "outbox.jsonl")},
    }
    merged: dict[str, dict[str, Any]] = {}
    for source in (SECTIONS, own, sections):
        for name, keys in source.items():
            merged.setdefault(name, {}).update(keys)
    return Installation(folder, merged)


@contextlib.contextmanager
def full_outbox(installation: Installation) -> Iterator[None]:
    """Hold a host's outbox, so that its dispatcher claims messages and cannot get rid of them.

    Linux only: ``waits_for_outbox`` finds in ``/proc/locks`` when it has come to that.
    """
    path = installation.folder / "outbox.jsonl"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def wait_for_sending(server: Server, bound: float = 20.0) -> None:
    """Wait until the host's present dispatcher has sent something; clients must be sending all along."""
    outbox = server.installation.folder / "outbox.jsonl"
    sizes: dict[int, int] = {}

    def has_sent() -> bool:
        pid, size = server.workers().get("dispatch", 0), outbox.stat().st_size if outbox.exists() else 0
        return pid > 0 and size > sizes.setdefault(pid, size)

    wait_for(has_sent, "the dispatcher to send", bound)


def waits_for_outbox(server: Server) -> bool:
    """Whether the host's dispatcher has claimed messages, and cannot get rid of them.

    One that only starts waits for its outbox too: see ``wait_for_sending``.
    """
    locks = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
    waiting = {lock[5] for lock in locks if lock[1:3] == ["->", "FLOCK"]}
    return str(server.workers().get("dispatch")) in waiting


def wait_for_log(server: Server, event: str, times: int = 1, bound: float = 20.0) -> None:
    """Wait until a host has logged an event that often."""
    wait_for(lambda: server.log.count(event) >= times, f"{event} in the log", bound)
