"""A backend over HTTP on a simulated carrier, both in the loop of the test."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from smsfs.backends import NotTaken
from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator
from smsfs.simulator.http.gatewayapi import GatewayApi
from tests.support.backend_suite import envelope
from tests.support.server import until

BOUND = 60.0
TOKEN = "token-0123456789"


class Kit:
    """What the tests share."""

    token = TOKEN
    until = staticmethod(until)

    def __init__(self, folder):
        self.folder = folder

    @asynccontextmanager
    async def backend(self, url, **options):
        """A backend that is started, with a token unless it is to come from elsewhere."""
        if "token_file" not in options:
            options = {"token": Secret(TOKEN), **options}
        backend = HttpBackend("carrier", GatewayApiConfig("gatewayapi", url=url, **options), self.folder)
        await backend.start()
        try:
            yield backend
        finally:
            await backend.stop()

    @asynccontextmanager
    async def both(self, behaviour=None, script=(), **options):
        """A carrier and a backend that sends to it."""
        async with HttpSimulator(GatewayApi(TOKEN), behaviour) as carrier:
            carrier.script.extend(script)
            async with self.backend(carrier.url, **options) as backend:
                yield carrier, backend

    async def submit(self, backend, rows=3, may_send=lambda: True, make=envelope):
        """The answers by row, and why the others were not taken."""
        answers, reason = {}, ""

        def answer(item, what):
            assert item.message.row not in answers
            answers[item.message.row] = what

        try:
            async with asyncio.timeout(BOUND):
                await backend.submit([make(row) for row in range(1, rows + 1)], answer, may_send)
        except NotTaken as exc:
            reason = str(exc)
        return answers, reason


@pytest.fixture
def kit(tmp_path):
    """What the tests share."""
    return Kit(tmp_path)
