"""A bare client of the simulator, which says exactly what the test says."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from smsfs.backends.smpp.decoder import Decoder
from smsfs.backends.smpp.pdu import BindTransceiver, DeliverSm, DeliverSmResp

PATIENCE = 60.0


class Client:
    """One link: what is sent goes out as it is, what comes is kept until it is asked for."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self._decoder = Decoder()
        self._found = []

    def send(self, *pdus):
        """In one write."""
        self._writer.write(b"".join(pdu if isinstance(pdu, bytes) else pdu.encode() for pdu in pdus))

    async def next(self):
        """The next PDU; None when the link is gone."""
        while not self._found:
            try:
                data = await asyncio.wait_for(self._reader.read(65536), PATIENCE)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._found += self._decoder.feed(data)
        return self._found.pop(0)

    async def take(self, count):
        """So many of them."""
        return [await self.next() for _ in range(count)]

    async def ask(self, pdu):
        """Send one, and get the next that comes."""
        self.send(pdu)
        return await self.next()

    async def delivery(self, status=0):
        """The next deliver_sm, answered."""
        pdu = await self.next()
        assert isinstance(pdu, DeliverSm)
        self.send(DeliverSmResp(pdu.sequence, status))
        return pdu

    async def close(self):
        """Without a word."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@asynccontextmanager
async def connected(port, bind=None, tls=None):
    """A client, bound as a transceiver unless told otherwise; ``bind=False`` leaves that to the test."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    client = Client(reader, writer)
    try:
        if bind is not False:
            response = await client.ask(bind or BindTransceiver(1, "me", "secret"))
            assert response.status == 0
        yield client
    finally:
        await client.close()


@pytest.fixture
def link():
    """Connects a client."""
    return connected
