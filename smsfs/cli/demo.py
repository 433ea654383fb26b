"""``smsfs demo``: everything once, on a temporary server."""

import asyncio
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import asyncssh
import click

from smsfs.backends.http.hooks import path_of
from smsfs.cli.demo_carriers import login_of, section_for
from smsfs.cli.simulator_http import CONTRACTS, SMPP
from smsfs.cli.terminal import out
from smsfs.config import Config, StoreConfig, open_store
from smsfs.errors import ConfigurationError
from smsfs.frontends.logins import hash_password
from smsfs.sms import segments

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
UNREACHABLE = "03$"
CONFIGURATION = """[store]
url = "{url}"
[sftp]
listen = ["127.0.0.1:0"]
[pipeline]
default_backend = "carrier"
[log]
level = "warning"
[web]
listen = ["127.0.0.1:{web}"]
public_url = "http://127.0.0.1:{web}"
[backends.carrier]
"""
HOOK_TOKEN, HOOK_SECRET = "demo-token-0123456789", "demo:hook-secret"
PATIENCE = 20.0
NAMES = {
    "smpp": "SMPP",
    "gatewayapi": "GatewayAPI",
    "smsportal": "SMSPortal",
    "twilio": "Twilio",
    "kannel": "Kannel",
    "vonage": "Vonage",
    "infobip": "Infobip",
    "naxai": "Naxai",
    "bulksms": "BulkSMS",
    "http": "a gateway of one's own",
}


@click.command()
@click.option(
    "--carrier",
    default=SMPP,
    type=click.Choice([SMPP, *CONTRACTS]),
    show_default=True,
    help="Which one: over SMPP, or a provider over HTTP, whose receipts come by webhook.",
)
def demo(carrier: str) -> None:
    """Show smsfs at work on a temporary server.

    One file is sent to a simulated carrier, whose receipts come back; one file is rejected; each
    step is shown. Everything happens in a temporary folder, on loopback; no message goes to anyone.
    """
    with tempfile.TemporaryDirectory(prefix="smsfs-demo-") as folder:
        asyncio.run(_demo(Path(folder), carrier))


async def _demo(folder: Path, provider: str) -> None:
    url = f"sqlite://{folder / 'smsfs.db'}"
    _make_account(Config(StoreConfig(url)))
    ledger = folder / "ledger.jsonl"
    receipts = ["--receipts", "0.3", "--undelivered", UNREACHABLE]
    web = _free_port()
    hook = _hook_options(provider, f"http://127.0.0.1:{web}{path_of('carrier', HOOK_TOKEN)}")
    options = ["--provider", provider, "--port", "0", "--ledger", str(ledger), *receipts, *hook]
    async with _started("simulator", *options) as carrier:
        configuration = folder / "smsfs.toml"
        keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in _section(provider, carrier).items())
        configuration.write_text(CONFIGURATION.format(url=url, web=web) + keys, encoding="utf-8")
        async with _started("serve", "-c", str(configuration)) as port, _session(port) as sftp:
            out.print(f"[bold]1[/]  A server with the account [bold]{ACCOUNT}[/], SFTP at 127.0.0.1:{port};")
            out.print(f"     a simulated carrier, {NAMES.get(provider, provider)} at 127.0.0.1:{carrier}.")
            await _show(sftp, ledger, "by webhook" if hook else "over SMPP")
    out.print(
        "[green]Done.[/] The first file's messages left once each; of the second, none was sent.",
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _hook_options(provider: str, address: str) -> list[str]:
    """Options of a simulated provider over HTTP, by which it knows us and our webhook."""
    if provider == SMPP:
        return []
    return ["--token", login_of(provider), "--hook", address, "--hook-secret", HOOK_SECRET]


def _section(provider: str, port: int) -> dict[str, Any]:
    if provider != SMPP:
        return section_for(provider, f"http://127.0.0.1:{port}", HOOK_TOKEN, HOOK_SECRET)
    return {"type": "smpp", "host": "127.0.0.1", "port": port, "system_id": "demo", "password": "demo"}


async def _show(sftp: asyncssh.SFTPClient, ledger: Path, way: str) -> None:
    await _send(sftp, "appointments.csv", GOOD, "2")
    rows = GOOD.count("\n") - 1
    _say("3", "What the carrier got:")
    for line in await _lines(ledger, rows):
        item = json.loads(line)
        parts = item.get("parts") or segments.count(item["text"])[1]
        out.print(f"     to {item['destination']} from {item['source']}, {parts} SMS: ", end="")
        out.print(item["text"], markup=False, style="cyan")
    _say("4", f"Its receipts have come back {way}; the client finds them in its own tree:")
    name, text = await _result(sftp, rows)
    out.print(f"     get results/{name}", markup=False)
    for line in text.splitlines():
        out.print(f"     {line}", markup=False, style="cyan")
    rejected = await _send(sftp, "more.csv", BAD, "5")
    _say("6", f"Why, at the bottom of {rejected}:")
    text = await _text(sftp, rejected)
    out.print(text.rstrip().rpartition("\n")[2], markup=False, style="yellow")


async def _result(sftp: asyncssh.SFTPClient, rows: int) -> tuple[str, str]:
    """The result file once every message has its receipt: its name, its text."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for name in map(str, await sftp.listdir("results")):
            text = "" if name.startswith(".") else await _text(sftp, f"results/{name}")
            if text.count("delivered") == rows:
                return name, text
        await asyncio.sleep(0.1)
    raise ConfigurationError(f"The receipts did not come within {PATIENCE:.0f} seconds.")


async def _text(sftp: asyncssh.SFTPClient, path: str) -> str:
    async with sftp.open(path, "rb") as file:
        return bytes(cast("bytes", await file.read())).decode()


def _say(number: str, text: str) -> None:
    out.print(f"[bold]{number}[/]  {text}")


def _make_account(config: Config) -> None:
    store = open_store(config)
    try:
        made = store.accounts.add(ACCOUNT, "gatewayapi", {"results": True}, store.now())
        store.accounts.set_password(made.id, hash_password(PASSWORD))
    finally:
        store.close()


@asynccontextmanager
async def _started(command: str, *arguments: str) -> AsyncIterator[int]:
    """A command of smsfs that runs until the end; the port it listens on."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smsfs", command, *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        pipe = process.stdout
        line = (await asyncio.wait_for(pipe.readline(), PATIENCE)).decode() if pipe else ""
        if not line.startswith("ready "):
            raise ConfigurationError(f"The command {command} did not start; its log above says why.")
        yield int(line.rpartition(":")[2])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


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
