"""``[web]`` with TLS of its own."""

import asyncio
import contextlib
import shutil
import ssl
from pathlib import Path

import aiohttp
import pytest

from smsfs.frontends import listen_errors
from smsfs.frontends.certificate import Certificate
from smsfs.frontends.web import start_web
from tests.support.ftp_clients import make_certificate
from tests.support.server import until

LIMIT = 60


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A certificate and its key."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@contextlib.asynccontextmanager
async def serving(files):
    """A server over TLS, and a client that trusts its certificate."""
    server = await start_web(
        [("127.0.0.1", 0)], lambda: asyncio.sleep(0), tls=Certificate(*files, "web").context
    )
    trust = ssl.create_default_context(cafile=files[0])
    trust.check_hostname = False
    connector = aiohttp.TCPConnector(ssl=trust, force_close=True)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            yield server.addresses[0][1], session
    finally:
        await server.stop()


def run(scenario):
    """Run a coroutine with a bound on its time."""
    asyncio.run(asyncio.wait_for(scenario(), LIMIT))


def test_pages_over_tls(files, tmp_path):
    """A provider that calls over HTTPS only would need a proxy, or be shown a certificate that has ended."""
    renewed = tmp_path / "renewed"
    renewed.mkdir()
    mine = [Path(shutil.copy(file, tmp_path)) for file in files]

    async def scenario():
        async with serving(mine) as (port, session):
            async with session.get(f"https://127.0.0.1:{port}/healthz") as response:
                assert (response.status, await response.text()) == (200, "ok\n")
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"http://127.0.0.1:{port}/healthz")
            other = make_certificate(renewed)
            for file, new in zip(mine, other, strict=True):
                shutil.copy(new, file)
            with pytest.raises(
                aiohttp.ClientConnectorCertificateError
            ):  # it is the new one, which nobody trusts
                await session.get(f"https://127.0.0.1:{port}/healthz")

    run(scenario)


def test_silent_clients_give_way(files, monkeypatch):
    """Connections that begin no handshake would use up the descriptors, or shut the provider out."""
    monkeypatch.setattr(listen_errors, "MOST_HANDSHAKES", 2)

    async def scenario():
        async with serving(files) as (port, session):
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
            await until(lambda: sum(reader.at_eof() for reader, _ in silent) >= 2, "the oldest to be cut")
            async with session.get(f"https://127.0.0.1:{port}/healthz") as response:
                assert response.status == 200
            for _, writer in silent:
                writer.close()

    run(scenario)
