import asyncio
import contextlib
import socket

import aiohttp
import pytest
import uvloop

from smsfs.errors import ConfigurationError
from smsfs.frontends import web
from smsfs.frontends.web import start_web

LIMIT = 60


class Host:
    """Says what it is told to; notes how often it was asked."""

    def __init__(self):
        self.sentence, self.error, self.asked = None, None, 0
        self.answering = asyncio.Event()
        self.answering.set()

    async def readiness(self):
        """Answer a check, once that is allowed."""
        self.asked += 1
        await self.answering.wait()
        if self.error:
            raise self.error
        return self.sentence


@contextlib.asynccontextmanager
async def serving():
    """A host, and a function that gets a page: its status and text."""
    host = Host()
    server = await start_web([("127.0.0.1", 0)], host.readiness)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.addresses[0][1]}") as session:

        async def get(path):
            async with session.get(path) as response:
                return response.status, await response.text()

        try:
            yield host, get
        finally:
            await server.stop()


def run(scenario):
    """Run a coroutine with a bound on its time."""
    return uvloop.run(asyncio.wait_for(scenario, LIMIT))


def test_pages():
    """A balancer would send clients to a host that cannot serve them, or to none."""

    async def scenario():
        async with serving() as (host, get):
            assert [await get("/healthz"), await get("/readyz")] == [(200, "ok\n")] * 2
            host.sentence = "This host is stopping."
            assert await get("/readyz") == (503, "This host is stopping.\n")
            assert await get("/healthz") == (200, "ok\n")
            assert (await get("/etc/passwd"))[0] == 404

    run(scenario())


def test_a_store_that_hangs_is_asked_once(monkeypatch):
    """While the database is gone each check would take one more thread, until none is left for clients."""
    monkeypatch.setattr(web, "READY_SECONDS", 0.05)

    async def scenario():
        async with serving() as (host, get):
            host.answering.clear()
            for status, sentence in [await get("/readyz"), await get("/readyz")]:
                assert status == 503
                assert "not answered within" in sentence
            assert await get("/healthz") == (200, "ok\n")
            assert host.asked == 1
            host.answering.set()
            assert await get("/readyz") == (200, "ok\n")

    run(scenario())


def test_a_fault_is_a_sentence():
    """An operator would read a traceback instead of what is wrong, or the page fail for good."""

    async def scenario():
        async with serving() as (host, get):
            host.error = RuntimeError("boom")
            status, sentence = await get("/readyz")
            assert (status, "boom" in sentence) == (503, False)
            host.error = None
            assert await get("/readyz") == (200, "ok\n")

    run(scenario())


def test_an_address_in_use_is_named():
    """An operator would not learn which of the listeners could not start."""

    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ConfigurationError, match=rf"127.0.0.1:{port}.*\[web\]"):
                await start_web([("127.0.0.1", 0), ("127.0.0.1", port)], Host().readiness)

    run(scenario())


def test_silent_connections_make_room():
    """Who only connects would use up the descriptors of the server, or shut the load balancer out."""

    async def scenario():
        server = await start_web([("127.0.0.1", 0)], Host().readiness)
        crowd = [await asyncio.open_connection(*server.addresses[0]) for _ in range(web.MAX_CONNECTIONS + 20)]
        assert [await reader.read() for reader, _ in crowd[:20]] == [b""] * 20
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.0 200 OK")
        for _, each in [*crowd, (reader, writer)]:
            each.close()
        await server.stop()

    run(scenario())


def test_a_warning_keeps_nobody_away():
    """A host whose carriers are away would be taken out of service, or nobody told that they are."""

    async def scenario():
        said = ["No backend can send since noon."]
        host = Host()
        server = await start_web([("127.0.0.1", 0)], host.readiness, lambda: said[0])
        url = f"http://127.0.0.1:{server.addresses[0][1]}/readyz"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert (response.status, await response.text()) == (200, f"ok\nwarning: {said[0]}\n")
            host.sentence = "This host is stopping."
            async with session.get(url) as second:
                assert (second.status, await second.text()) == (503, "This host is stopping.\n")
        await server.stop()

    run(scenario())
