"""What strangers and one greedy account do to a server; each flood goes on until it is told to stop.

Every connection comes from an address of the loopback range, so that limits by address and network show.
"""

import asyncio
import contextlib
import io
import json
import random
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncssh
from attrs import frozen

PAUSE = 0.5
SILENT = 400
SESSIONS, HANDLES, FOLDERS = 10, 100, 40
FILES_IN_FOLDER = 500
BACKLOG, CAMPAIGN_ROWS = 2000, 100_000
ROWS_OF_ZIP = 50_000
HOSTILE = "\x1b]0;owned\x07\x1b[2Jroot\r\n\u202e"


@frozen
class Target:
    """Where a server listens, and who may log in: accounts with one password.

    Attributes:
        sftp: its port, as are ``ftp`` and ``web``.
        greedy: an account of the dialect gatewayapi.
        campaign: one of the dialect smsportal.
        password: of both.
    """

    sftp: int
    ftp: int
    web: int
    greedy: str
    campaign: str
    password: str

    @contextlib.asynccontextmanager
    async def session(self, account: str, source: str) -> AsyncIterator[asyncssh.SFTPClient]:
        """A session of an account, from an address of the loopback range."""
        async with (
            asyncssh.connect(
                "127.0.0.1",
                self.sftp,
                username=account,
                password=self.password,
                known_hosts=None,
                local_addr=(source, 0),
                client_keys=None,
                config=None,
                login_timeout=60,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            yield sftp


def address() -> str:
    """One of 25 networks' addresses."""
    return f"127.{random.randint(10, 34)}.0.{random.randint(1, 20)}"  # noqa: S311 - no secret


async def silent(target: Target) -> None:
    """Connections that say nothing, on every door, opened again when they are closed."""
    await asyncio.gather(*(_silent(port) for port in (target.sftp, target.ftp, target.web) * (SILENT // 3)))


async def _silent(port: int) -> None:
    while True:
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address(), 0))
            while await reader.read(4096):
                pass
        except OSError:
            pass
        finally:
            if writer:
                writer.close()
        await asyncio.sleep(PAUSE)


async def guesses(target: Target) -> None:
    """Wrong passwords for names that would steer a terminal, over SFTP and FTP."""
    await asyncio.gather(*(_guess(target) for _ in range(4)), *(_guess_ftp(target) for _ in range(4)))


async def _guess(target: Target) -> None:
    while True:
        with contextlib.suppress(OSError, asyncssh.Error):
            await asyncssh.connect(
                *("127.0.0.1", target.sftp),
                username=HOSTILE,
                password="wrong",
                known_hosts=None,
                local_addr=(address(), 0),
                client_keys=None,
                config=None,
            )
        await asyncio.sleep(PAUSE)


async def _guess_ftp(target: Target) -> None:
    while True:
        with contextlib.suppress(OSError):
            source = (address(), 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", target.ftp, local_addr=source)
            writer.write(b"USER \x1b[2J" + b"x" * 1500 + b"\r\nPASS y\r\n")
            while await reader.readline():
                pass
            writer.close()
        await asyncio.sleep(PAUSE)


async def handles(target: Target) -> None:
    """Every session that an account may have, each with as many open files and folders as it may."""
    async with target.session(target.greedy, "127.0.0.3") as sftp:
        for number in range(FILES_IN_FOLDER):
            with contextlib.suppress(asyncssh.Error):
                async with sftp.open(f"kept-{number}.csv", "wb") as file:
                    await file.write(b"x")
    await asyncio.gather(*(_handles(target, number) for number in range(SESSIONS)))


async def _handles(target: Target, number: int) -> None:
    while True:
        with contextlib.suppress(OSError, asyncssh.Error):
            async with target.session(target.greedy, f"127.0.1.{number + 1}") as sftp:
                kept = []
                for one in range(HANDLES):
                    with contextlib.suppress(asyncssh.Error):
                        kept.append(await sftp.open(f"kept-{one}.csv", "rb"))
                for _ in range(FOLDERS):
                    with contextlib.suppress(asyncssh.Error):
                        await sftp.listdir(".")
                await asyncio.sleep(PAUSE)
        await asyncio.sleep(PAUSE)


async def backlog(target: Target) -> None:
    """One account submits files faster than any server reads them, a large one among them."""
    row = "".join(f"45{random.randrange(10**8):08},Hello number {n}\n" for n in range(10))  # noqa: S311 - no secret
    big = "".join(f"45{n:08},Our offer of the day: {n % 97} percent\n" for n in range(CAMPAIGN_ROWS))
    while True:
        with contextlib.suppress(OSError, asyncssh.Error):
            async with target.session(target.greedy, "127.0.2.1") as sftp:
                for number in range(BACKLOG):
                    data = big if number % 100 == 0 else row
                    await _submit(sftp, f"b-{random.randrange(10**9)}.csv", f"msisdn,message\n{data}")  # noqa: S311 - no secret
        await asyncio.sleep(PAUSE)


async def _submit(sftp: asyncssh.SFTPClient, name: str, text: str) -> None:
    async with sftp.open(name, "wb") as file:
        await file.write(text.encode())
    await sftp.rename(name, f"{name}.ready")


async def campaigns(target: Target) -> None:
    """Archives of many contacts, one after the other."""
    while True:
        with contextlib.suppress(OSError, asyncssh.Error):
            async with target.session(target.campaign, "127.0.3.1") as sftp:
                name = f"c-{random.randrange(10**9)}"  # noqa: S311 - no secret
                async with sftp.open(f"Send_SMS/{name}.zip", "wb") as file:
                    await file.write(await asyncio.to_thread(_archive, name))
        await asyncio.sleep(10 * PAUSE)


def _archive(name: str) -> bytes:
    contacts = [{"msisdn": f"2782{n:07}", "message": f"Sale {n % 89}"} for n in range(ROWS_OF_ZIP)]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.json", "version: 7\n" + json.dumps({"contacts": contacts}))
    return packed.getvalue()


FLOODS: dict[str, Callable[[Target], Awaitable[None]]] = {
    each.__name__: each for each in (silent, guesses, handles, backlog, campaigns)
}
