"""An SMSC that does what a test says, and a backend that talks to it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from smsfs.backends import Envelope
from smsfs.backends.smpp.client import SmppBackend
from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.decoder import Decoder
from smsfs.backends.smpp.options import SmppConfig
from smsfs.backends.smpp.pdu import (
    BIND_RESPONSES,
    Bind,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from smsfs.sms.message import Message
from smsfs.sms.segments import count
from tests.support.server import until

BOUND = 60.0


class Session(asyncio.Protocol):
    """One connection to the SMSC."""

    def __init__(self, smsc):
        self.smsc = smsc
        self.decoder = Decoder()
        self.unanswered = self.submits = 0
        self.binds = None

    def connection_made(self, transport):
        """Count it."""
        self.transport = transport
        self.smsc.sessions.append(self)

    def connection_lost(self, _exc):
        """Count it no more."""
        self.smsc.sessions.remove(self)

    def data_received(self, data):
        """Do as the test says."""
        for pdu in self.decoder.feed(data):
            self.smsc.pdus.append(pdu)
            if isinstance(pdu, Bind):
                self.bind(pdu)
            elif isinstance(pdu, EnquireLink) and self.smsc.alive:
                self.send(EnquireLinkResp(pdu.sequence))
            elif isinstance(pdu, Unbind):
                self.send(UnbindResp(pdu.sequence))
            elif isinstance(pdu, SubmitSm):
                self.unanswered += 1
                self.submits += 1
                self.smsc.most = max(self.smsc.most, self.unanswered)
                self.smsc.got.append(pdu)
                self.smsc.script(self, pdu)

    def bind(self, pdu):
        """Answer a bind."""
        self.binds, self.binds_before = type(pdu), self.smsc.binds
        self.smsc.binds += 1
        if self.smsc.nacks_binds:
            self.send(GenericNack(pdu.sequence, Status.RINVCMDID))
        else:
            self.send(BIND_RESPONSES[type(pdu)](pdu.sequence, self.smsc.bind_status))

    def send(self, *pdus):
        """PDUs to the client, in one write."""
        self.transport.write(b"".join(pdu.encode() for pdu in pdus))

    def answer(self, pdu, status=0, message_id=None):
        """The answer to a submit_sm; by default its id tells its place in what was got."""
        self.unanswered -= 1
        if message_id is None:
            message_id = "" if status else f"id{len(self.smsc.got)}"
        self.send(SubmitSmResp(pdu.sequence, status, message_id))


class Smsc:
    """Accepts everything, unless a test sets ``script``."""

    def __init__(self):
        self.sessions, self.pdus, self.got = [], [], []
        self.most = self.binds = 0
        self.nacks_binds = False
        self.bind_status = 0
        self.alive = True
        self.script = lambda session, pdu: session.answer(pdu)
        self.port = 0
        self.server = None

    async def listen(self, ssl=None):
        """Open the port, the same as before."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Session(self), "127.0.0.1", self.port, ssl=ssl)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self):
        """Cut everything."""
        self.server.close()
        for session in list(self.sessions):
            session.transport.abort()
        await until(lambda: not self.sessions, "all sessions ended")
        await self.server.wait_closed()

    def answers(self, kind):
        """Sequence number and status of the client's responses of a kind, in order."""
        return [(pdu.sequence, pdu.status) for pdu in self.pdus if isinstance(pdu, kind)]

    def count(self, kind):
        """How many PDUs of a kind came."""
        return sum(isinstance(pdu, kind) for pdu in self.pdus)


class Stored:
    """Takes what the SMSC delivered, as a test says."""

    def __init__(self):
        self.batches = []
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, batch):
        """Keep it, once the gate is open; or fail."""
        self.batches.append(list(batch))
        await self.gate.wait()
        if self.away:
            self.batches.pop()
            raise OSError("the store is away")

    @property
    def all(self):
        """What was kept, in order."""
        return [item for batch in self.batches for item in batch]


class Sender:
    """A backend, and the answers it gave."""

    def __init__(self, backend):
        self.backend = backend
        self.stored = Stored()
        self.allowed = True

    async def submit(self, *texts, **fields):
        """Send texts; the answers, in the order of the texts."""
        envelopes = [envelope(row, text, **fields) for row, text in enumerate(texts, 1)]
        answers = {}

        def answer(envelope, what):
            assert envelope.message.row not in answers, "answered twice"
            answers[envelope.message.row] = what

        await asyncio.wait_for(self.backend.submit(envelopes, answer, lambda: self.allowed), BOUND)
        return [answers[row] for row in range(1, len(texts) + 1)]

    async def bound(self, binds=1):
        """Wait for the binds."""
        await until(lambda: len(self.backend._links) == binds, "the binds are up")
        return self


def envelope(
    row, text, sender="Shop", recipient="4512345678", expires=float("inf"), left=float("inf"), counted=None
):
    """A message on its way."""
    encoding, parts = counted or count(text)
    message = Message(row, recipient, text, sender, encoding=encoding, parts=parts)
    return Envelope(f"1-{row}", "acme", "a.csv", 0.0, 1, message, expires, left)


@asynccontextmanager
async def bench(folder, *, ssl=None, listen=True, **options):
    """An SMSC and a backend bound to it."""
    smsc = Smsc()
    await smsc.listen(ssl)
    if not listen:
        await smsc.close()
    given = {"password": "secret", "reconnect_first": 0.05, "reconnect_longest": 0.1, **options}
    config = SmppConfig("smpp", "127.0.0.1", "smsfs", port=smsc.port, **given)
    sender = Sender(SmppBackend("carrier", config, folder))
    await sender.backend.start(sender.stored)
    try:
        yield smsc, sender
    finally:
        await asyncio.wait_for(sender.backend.stop(), BOUND)
        await smsc.close()


@pytest.fixture
def play(tmp_path):
    """Run a scenario with an SMSC and a backend."""

    def run(scenario, runner=asyncio.run, **options):
        async def main():
            async with bench(tmp_path, **options) as (smsc, sender):
                await scenario(smsc, sender)

        runner(main())

    return run


@pytest.fixture
def wait_until():
    """Wait for a condition, with a bound."""
    return until
