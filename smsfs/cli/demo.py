"""``smsfs demo``: everything once, on a temporary server."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import asyncssh
import click

from smsfs.cli.common import out
from smsfs.config import Config, OutboxConfig, SftpConfig, StoreConfig, open_store
from smsfs.errors import ConfigurationError
from smsfs.frontends.logins import hash_password

ACCOUNT, PASSWORD = "clinic", "demo-password"
GOOD = """msisdn,message,sender,userref
4512345601,"Dear Ada, your appointment is tomorrow at 09:15.",Clinic,a-1
4512345602,"Kære Bo, din tid er i morgen kl. 10.30. Ring, hvis du er forhindret.",Clinic,a-2
4512345603,"Αγαπητή Ήβη, το ραντεβού σας είναι αύριο στις 11:00.",Clinic,a-3
"""
BAD = """msisdn,message,sender,userref
4512345604,"Dear Dan, your appointment is tomorrow at 12:00.",Clinic,a-4
+45 12 34 56 05,"Dear Eve, your appointment is tomorrow at 13:00.",Clinic,a-5
"""
PATIENCE = 20.0


@click.command()
def demo() -> None:
    """Show smsfs at work on a temporary server.

    One file is sent, one is rejected, and each step is shown. Everything happens in a temporary folder, on
    loopback; no message goes to anyone.
    """
    with tempfile.TemporaryDirectory(prefix="smsfs-demo-") as folder:
        asyncio.run(_demo(Path(folder)))


async def _demo(folder: Path) -> None:
    config = Config(
        StoreConfig(f"sqlite://{folder / 'smsfs.db'}"),
        sftp=SftpConfig(listen=["127.0.0.1:0"]),
        backends={"outbox": OutboxConfig("outbox")},
    )
    _make_account(config)
    _say("1", f"A server on a temporary store, with the account [bold]{ACCOUNT}[/].")
    async with _server(folder, config) as port, _session(port) as sftp:
        _say("2", f"Logged in over SFTP at 127.0.0.1:{port}.")
        await _send(sftp, "appointments.csv", GOOD, "3")
        _say("4", "What left (outbox.jsonl):")
        for line in await _lines(folder / "outbox.jsonl", GOOD.count("\n") - 1):
            item = json.loads(line)
            out.print(f"     row {item['row']} to {item['recipient']}, {item['parts']} SMS, ", end="")
            out.print(f"{item['encoding']}: {item['text']}", markup=False, style="cyan", soft_wrap=True)
        rejected = await _send(sftp, "more.csv", BAD, "5")
        _say("6", f"Why, at the bottom of {rejected}:")
        async with sftp.open(rejected, "rb") as file:
            text = bytes(cast("bytes", await file.read())).decode().rstrip()
        out.print(text.rpartition("\n")[2], markup=False, style="yellow", soft_wrap=True)
    out.print(
        "[green]Done.[/] The first file's messages left once each; of the second, none was sent.",
        soft_wrap=True,
    )


def _say(number: str, text: str) -> None:
    out.print(f"[bold]{number}[/]  {text}", soft_wrap=True)


def _make_account(config: Config) -> None:
    store = open_store(config)
    try:
        made = store.accounts.add(ACCOUNT, "gatewayapi", {}, store.now())
        store.accounts.set_password(made.id, hash_password(PASSWORD))
    finally:
        store.close()


@asynccontextmanager
async def _server(folder: Path, config: Config) -> AsyncIterator[int]:
    """A real ``smsfs serve``; the port it listens on."""
    file = folder / "smsfs.toml"
    listen = json.dumps(config.sftp.listen)
    file.write_text(
        f'[store]\nurl = "{config.store.url}"\n[sftp]\nlisten = {listen}\n[log]\nlevel = "warning"\n'
    )
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "smsfs",
        "serve",
        "-c",
        str(file),
        stdout=pipe,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        line = (await asyncio.wait_for(server.stdout.readline(), PATIENCE)).decode() if server.stdout else ""
        if not line.startswith("ready sftp "):
            raise ConfigurationError("The demo's server did not start; its log above says why.")
        yield int(line.rpartition(":")[2])
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()


@asynccontextmanager
async def _session(port: int) -> AsyncIterator[asyncssh.SFTPClient]:
    async with (
        asyncssh.connect(
            "127.0.0.1",
            port,
            username=ACCOUNT,
            password=PASSWORD,
            known_hosts=None,
            config=None,
            client_keys=None,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        yield sftp


async def _send(sftp: asyncssh.SFTPClient, name: str, text: str, number: str) -> str:
    """Upload and rename a file, and show its names until it has its last one; that name."""
    async with sftp.open(name, "wb") as file:
        await file.write(text.encode())
    _say(number, f"put {name}, then rename it to {name}.ready; its names from then on:")
    await sftp.rename(name, f"{name}.ready")
    shown = ""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        now = next(item for item in map(str, await sftp.listdir()) if item.startswith(name))
        if now != shown:
            shown = now
            out.print(f"     {_coloured(shown)}")
        if shown.endswith((".success", ".rejected")):
            return shown
        await asyncio.sleep(0.01)
    raise ConfigurationError(f"{shown} did not get its last name within {PATIENCE:.0f} seconds.")


def _coloured(name: str) -> str:
    stem, _, state = name.rpartition(".")
    colour = {"processing": "blue", "success": "green", "rejected": "red"}.get(state, "white")
    return f"{stem}.[{colour}]{state}[/]"


async def _lines(file: Path, count: int) -> list[str]:
    """The lines of a file, once there are that many."""

    def lines() -> list[str]:
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    await _until(lambda: len(lines()) >= count)
    return lines()


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise ConfigurationError(f"The messages did not leave within {PATIENCE:.0f} seconds.")
        await asyncio.sleep(0.01)
