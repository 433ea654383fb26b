"""``python -m tests.support.attack --minutes N``: all floods at once, and what a well-behaved client sees.

Prints one line, and ends with status 0 if the customer was served: 99 of 100 files of ten rows sent within
two seconds and none in vain, every process of the server under 200 MB, and under 1 MB of log a minute. With
``--pair`` there are two hosts on one PostgreSQL, each with all floods and with a customer of its own; of
everything, the worse is printed.
"""

import asyncio
import contextlib
import resource
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psutil
from attrs import define, field

from tests.support.attack.floods import FLOODS, Target
from tests.support.postgres import PostgresServer
from tests.support.server import Installation, Server

PASSWORD = "correct horse"
MOST_SECONDS, MOST_MEMORY, MOST_LOG = 2.0, 200e6, 1e6
PATIENCE = 60.0
ROWS = "".join(f"4511{number:06},Your appointment is at 9:{number:02}\n" for number in range(10, 20))


@define
class Seen:
    """What a customer and an operator saw: seconds until ``.success``, sentences of failures, bytes."""

    seconds: list[float] = field(factory=list)
    failures: list[str] = field(factory=list)
    memory: int = 0
    largest: str = ""
    log: float = 0.0

    def add(self, other: "Seen") -> None:
        """Count what another customer saw, of a host of its own."""
        self.seconds += other.seconds
        self.failures += other.failures
        self.note(other.memory, other.largest)
        self.log = max(self.log, other.log)

    def note(self, memory: int, name: str) -> None:
        """Keep the most bytes that any process held, and which it was."""
        self.memory, self.largest = max((self.memory, self.largest), (memory, name))

    @property
    def p99(self) -> float:
        """Seconds that one file in a hundred took longer than."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)] if self.seconds else float("inf")

    @property
    def good(self) -> bool:
        """Whether the customer was served, and the operator's host stayed as it should."""
        within = self.p99 < MOST_SECONDS and self.memory < MOST_MEMORY and self.log < MOST_LOG
        return bool(self.seconds) and not self.failures and within

    def __str__(self) -> str:
        half = statistics.median(self.seconds) if self.seconds else float("inf")
        return (
            f"{len(self.seconds)} files, p50 {half:.2f} s, p99 {self.p99:.2f} s, "
            f"{len(self.failures)} failures, "
            f"memory {self.memory / 1e6:.0f} MB at most ({self.largest}), "
            f"log {self.log / 1e6:.2f} MB a minute"
        )


@click.command()
@click.option("--minutes", default=1.0, show_default=True, help="How long.")
@click.option("--only", multiple=True, type=click.Choice(list(FLOODS)), help="These floods; all of them.")
@click.option("--engine", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--pair", is_flag=True, help="Two hosts on PostgreSQL, and all floods against both.")
def main(minutes: float, only: tuple[str, ...], engine: str, pair: bool) -> None:
    """Attack a server of our own on loopback, and say how its customer fared."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else soft, hard))
    hosts = 2 if pair else 1
    seen = run(minutes * 60, only or tuple(FLOODS), "postgresql" if pair else engine, hosts)
    click.echo(str(seen))
    for sentence in seen.failures[:5]:
        click.echo(f"  {sentence}")
    sys.exit(0 if seen.good else 1)


def run(seconds: float, names: tuple[str, ...], engine: str = "sqlite", hosts: int = 1) -> Seen:
    """Serve, attack and measure for some seconds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="smsfs-attack-")))
        sections: dict[str, dict[str, object]] = {
            "ftp": {"listen": ["127.0.0.1:0"], "plain": True},
            "web": {"listen": ["127.0.0.1:0"]},
        }
        if engine == "postgresql":
            database = PostgresServer({})
            stack.callback(database.stop)
            sections["store"] = {"url": database.new_database()}
        servers = [Server(_installation(folder / f"host{number}", sections)) for number in range(hosts)]
        for name, dialect in (("greedy", "gatewayapi"), ("campaign", "smsportal"), ("clinic", "gatewayapi")):
            servers[0].installation.add_account(name, PASSWORD, dialect=dialect)
        targets = [_target(stack.enter_context(server)) for server in servers]
        for server in servers:
            stack.callback(server.kill_all)  # a stop in peace would wait for what the floods have left
        for target in targets:
            stack.callback(_end, _attackers(target, names))
        return _watched(servers, targets, seconds)


def _installation(folder: Path, sections: dict[str, dict[str, object]]) -> Installation:
    folder.mkdir()
    outbox = {"type": "outbox", "path": str(folder / "outbox.jsonl")}
    return Installation(folder, {**sections, "backends.outbox": outbox})


def _target(server: Server) -> Target:
    return Target(server.port, server.ftp_port, server.web_port, "greedy", "campaign", PASSWORD)


def _attackers(target: Target, names: tuple[str, ...]) -> "list[subprocess.Popen[bytes]]":
    """Each flood in a process of its own, below the server in the eyes of the scheduler."""
    script = (
        "import asyncio, sys; from tests.support.attack.floods import FLOODS, Target; "
        "t = sys.argv; asyncio.run(FLOODS[t[1]](Target(*map(int, t[2:5]), *t[5:8])))"
    )
    ports = (str(target.sftp), str(target.ftp), str(target.web))
    accounts = (target.greedy, target.campaign, target.password)
    return [
        subprocess.Popen(
            ["nice", "-n", "5", sys.executable, "-c", script, name, *ports, *accounts],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in names
    ]


def _end(attackers: "list[subprocess.Popen[bytes]]") -> None:
    for each in attackers:
        each.kill()
        each.wait()


def _watched(servers: list[Server], targets: list[Target], seconds: float) -> Seen:
    """What the customers of all hosts saw, each of its own."""
    began, each = time.monotonic(), [Seen() for _ in servers]
    before = [len(server.log) for server in servers]

    async def customers() -> None:
        pairs = zip(servers, targets, each, strict=True)
        await asyncio.gather(*(_customer(*pair, began + seconds) for pair in pairs))

    asyncio.run(customers())
    minutes = (time.monotonic() - began) / 60
    total = Seen()
    for server, seen, length in zip(servers, each, before, strict=True):
        seen.log = (len(server.log) - length) / max(minutes, 1)
        total.add(seen)
    return total


async def _customer(server: Server, target: Target, seen: Seen, until: float) -> None:
    """Send a file of ten rows after the other, each over a connection of its own, as cron jobs do."""
    number = 0
    while time.monotonic() < until:
        number += 1
        began = time.monotonic()
        try:
            await asyncio.wait_for(_send(target, f"n{number}-{target.sftp}.csv"), PATIENCE)
        except Exception as exc:  # noqa: BLE001 - whatever a customer is told is what is to be counted
            seen.failures.append(f"file {number}: {type(exc).__name__}: {exc}")
        else:
            seen.seconds.append(time.monotonic() - began)
        _note_memory(server, seen)
        await asyncio.sleep(0.2)


async def _send(target: Target, name: str) -> None:
    async with target.session("clinic", "127.0.0.1") as sftp:
        async with sftp.open(name, "wb") as file:
            await file.write(f"msisdn,message\n{ROWS}".encode())
        await sftp.rename(name, f"{name}.ready")
        while True:
            shown = [str(entry) for entry in await sftp.listdir(".")]
            if any(entry.startswith(name) and entry.endswith(".success") for entry in shown):
                return
            await asyncio.sleep(0.05)


def _note_memory(server: Server, seen: Seen) -> None:
    """Look at what each process of the server holds alone."""
    names = {pid: name for name, pid in server.workers().items()}
    for process in (psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children()):
        with contextlib.suppress(psutil.Error):
            seen.note(process.memory_full_info().uss, names.get(process.pid, "front"))


if __name__ == "__main__":
    main()
