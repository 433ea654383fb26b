"""``python -m tests.support.attack --minutes N``: all floods at once, and what a well-behaved client sees.

Prints one line, and ends with status 0 if the customer was served: 99 of 100 files of ten rows sent within
two seconds and none in vain, every process of the server under 200 MB, and under 1 MB of log a minute.
"""

import asyncio
import os
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
    log: float = 0.0

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
            f"memory {self.memory / 1e6:.0f} MB at most, log {self.log / 1e6:.2f} MB a minute"
        )


@click.command()
@click.option("--minutes", default=1.0, show_default=True, help="How long.")
@click.option("--only", multiple=True, type=click.Choice(list(FLOODS)), help="These floods; all of them.")
@click.option("--engine", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
def main(minutes: float, only: tuple[str, ...], engine: str) -> None:
    """Attack a server of our own on loopback, and say how its customer fared."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else soft, hard))
    seen = run(minutes * 60, only or tuple(FLOODS), engine)
    click.echo(str(seen))
    for sentence in seen.failures[:5]:
        click.echo(f"  {sentence}")
    sys.exit(0 if seen.good else 1)


def run(seconds: float, names: tuple[str, ...], engine: str = "sqlite") -> Seen:
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
        installation = Installation(folder, sections)
        for name, dialect in (("greedy", "gatewayapi"), ("campaign", "smsportal"), ("clinic", "gatewayapi")):
            installation.add_account(name, PASSWORD, dialect=dialect)
        server = stack.enter_context(Server(installation))
        target = Target(server.port, server.ftp_port, server.web_port, "greedy", "campaign", PASSWORD)
        attackers = _attackers(target, names)
        stack.callback(_end, attackers)
        return _watched(server, target, seconds)


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


def _watched(server: Server, target: Target, seconds: float) -> Seen:
    seen, began = Seen(), time.monotonic()
    before = len(server.log)
    asyncio.run(_customer(server, target, seen, began + seconds))
    minutes = (time.monotonic() - began) / 60
    seen.log = (len(server.log) - before) / max(minutes, 1)
    return seen


async def _customer(server: Server, target: Target, seen: Seen, until: float) -> None:
    """Send a file of ten rows after the other, each over a connection of its own, as cron jobs do."""
    number = 0
    while time.monotonic() < until:
        number += 1
        began = time.monotonic()
        try:
            await asyncio.wait_for(_send(target, f"n{number}-{os.getpid()}.csv"), PATIENCE)
        except Exception as exc:  # noqa: BLE001 - whatever a customer is told is what is to be counted
            seen.failures.append(f"file {number}: {type(exc).__name__}: {exc}")
        else:
            seen.seconds.append(time.monotonic() - began)
        seen.memory = max(seen.memory, *_memory(server.process.pid))
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


def _memory(pid: int) -> list[int]:
    """Bytes that each process of the server holds alone."""
    with psutil.Process(pid).oneshot():
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    found = [0]
    for process in processes:
        try:
            found.append(process.memory_full_info().uss)
        except psutil.Error:
            continue
    return found


if __name__ == "__main__":
    main()
