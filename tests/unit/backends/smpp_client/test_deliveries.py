"""What the SMSC delivers is stored before it is answered."""

import asyncio

import pytest
import structlog

from smsfs.backends import Accepted, Receipt, ReplyPart
from smsfs.backends.smpp import deliveries
from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.pdu import (
    BindReceiver,
    BindTransmitter,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    Unbind,
    UnbindResp,
)


def receipt(sequence, stat="DELIVRD"):
    """A receipt whose id is its sequence number."""
    return DeliverSm(sequence, "4512345678", "Shop", f"id:{sequence} stat:{stat}".encode(), esm_class=4)


def test_answered_once_stored(play, wait_until):
    """A receipt that was acknowledged and never stored is lost for good."""

    async def scenario(smsc, sender):
        await sender.bound()
        sender.stored.gate.clear()
        session = smsc.sessions[0]
        session.send(receipt(1), DataSm(2, "45", "1204", tlvs=((0x0424, b"Hej"),)), EnquireLink(3))
        await wait_until(lambda: smsc.count(EnquireLinkResp) and sender.stored.batches)
        assert smsc.answers(DeliverSmResp) == smsc.answers(DataSmResp) == []
        session.send(*map(receipt, range(4, 8)), receipt(8, "ENROUTE"))
        session.send(EnquireLink(9))
        await wait_until(lambda: smsc.count(EnquireLinkResp) == 2)
        sender.stored.gate.set()
        await wait_until(lambda: smsc.count(DeliverSmResp) == 6)
        assert smsc.answers(DeliverSmResp) == [(1, 0), *((number, 0) for number in range(4, 9))]
        assert smsc.answers(DataSmResp) == [(2, 0)]
        later = [Receipt(str(number), "4512345678", "delivered", "", "DELIVRD") for number in range(4, 8)]
        assert sender.stored.batches == [
            [Receipt("1", "4512345678", "delivered", "", "DELIVRD"), ReplyPart("45", "1204", "Hej")],
            [*later, Receipt("8", "4512345678", "passing", "", "ENROUTE")],
        ]

    play(scenario)


def test_store_away(play, wait_until, monkeypatch):
    """While the store is away, receipts would be lost, or the log be flooded."""
    monkeypatch.setattr(deliveries, "FAILURE_SECONDS", 0.01)

    async def scenario(smsc, sender):
        await sender.bound()
        sender.stored.away = True
        with structlog.testing.capture_logs() as logs:
            for sequence in (1, 2):
                smsc.sessions[0].send(receipt(sequence))
                await wait_until(lambda sequence=sequence: smsc.count(DeliverSmResp) == sequence)
            sender.stored.away = False
            smsc.sessions[0].send(receipt(3))
            await wait_until(lambda: smsc.count(DeliverSmResp) == 3)
        refused = Status.RX_T_APPN
        assert smsc.answers(DeliverSmResp) == [(1, refused), (2, refused), (3, 0)]
        assert [entry["event"] for entry in logs] == ["inbound_not_stored", "inbound_stored_again"]
        assert logs[0]["reason"] == "the store is away"

    play(scenario)


def test_flood(play, wait_until, monkeypatch):
    """Receipts that come faster than they can be stored would fill the memory, or answers count as lost."""
    monkeypatch.setattr(deliveries, "LIMIT", 100)
    monkeypatch.setattr(deliveries, "BATCH", 30)
    padding = b"x" * 200

    async def scenario(smsc, sender):
        await sender.bound()
        session = smsc.sessions[0]
        sender.stored.gate.clear()
        smsc.script = lambda _session, _pdu: None
        sending = asyncio.create_task(sender.submit("a"))
        await wait_until(lambda: smsc.got)
        for sequence in range(1, 30_001):
            session.send(DeliverSm(sequence, "45", "1204", padding))
        session.answer(smsc.got[0])
        box, link = sender.backend._deliveries, sender.backend._links[0]
        await wait_until(lambda: not link._reading)
        await wait_until(lambda: link._loop.time() - link._heard > 0.4, "the answer is overdue, but unread")
        assert 100 <= len(box) < 3000
        sender.stored.gate.set()
        await wait_until(lambda: len(sender.stored.all) == 30_000)
        assert await sending == [Accepted("id1", 1)]
        await wait_until(lambda: smsc.count(DeliverSmResp) == 30_000)
        assert smsc.answers(DeliverSmResp) == [(number, 0) for number in range(1, 30_001)]
        assert max(map(len, sender.stored.batches)) == 30

    play(scenario, response_timeout=0.2)


def test_answers_go_to_their_links(play, wait_until):
    """An SMSC would take an answer for that of another receipt, which it forgets then."""

    async def scenario(smsc, sender):
        await sender.bound(2)
        sender.stored.gate.clear()
        first, second = smsc.sessions
        first.send(receipt(1))
        second.send(receipt(2))
        await wait_until(lambda: len(sender.backend._deliveries) == 2)
        first.transport.abort()
        await wait_until(lambda: first not in smsc.sessions)
        sender.stored.gate.set()
        await wait_until(lambda: smsc.count(DeliverSmResp))
        assert smsc.answers(DeliverSmResp) == [(2, 0)]
        assert {item.id for item in sender.stored.all} == {"1", "2"}

    play(scenario, binds=2)


@pytest.mark.parametrize("who", ["client", "smsc"])
def test_the_last_ones_are_answered(play, wait_until, who):
    """What was stored in the last moment would come again after each restart."""

    async def scenario(smsc, sender):
        await sender.bound()
        sender.stored.gate.clear()
        session = smsc.sessions[0]
        session.send(receipt(1))
        await wait_until(lambda: sender.stored.batches)
        stopping = None
        if who == "client":
            stopping = asyncio.create_task(sender.backend.stop())
            await wait_until(lambda: sender.backend._deliveries._closed)
        else:
            session.send(Unbind(2))
            await wait_until(lambda: sender.backend._links[0]._leave)
        if stopping:
            session.send(receipt(3))
            await wait_until(lambda: smsc.answers(DeliverSmResp) == [(3, Status.RX_T_APPN)])
        sender.stored.gate.set()
        end = Unbind if stopping else UnbindResp
        await wait_until(lambda: smsc.count(end))
        assert [type(pdu) for pdu in smsc.pdus[-2:]] == [DeliverSmResp, end]
        assert smsc.answers(DeliverSmResp)[-1] == (1, 0)
        if stopping:
            await stopping

    play(scenario)


def test_transmitter_and_receiver(play, wait_until):
    """At carriers without transceivers no receipt would ever come."""

    async def scenario(smsc, sender):
        await (await sender.bound(2)).submit("a", "b", "c")
        await wait_until(lambda: sender.backend._receivers)
        assert (smsc.count(BindTransmitter), smsc.count(BindReceiver)) == (2, 1)
        assert {session.binds for session in smsc.sessions if session.submits} == {BindTransmitter}
        receiver = next(session for session in smsc.sessions if session.binds is BindReceiver)
        receiver.send(receipt(1))
        await wait_until(lambda: smsc.answers(DeliverSmResp) == [(1, 0)])
        receiver.transport.abort()
        await wait_until(lambda: smsc.count(BindReceiver) == 2)
        assert smsc.count(BindTransmitter) == 2

    play(scenario, bind="transmitter+receiver", binds=2, window=1)


def test_transmitter(play):
    """A carrier that allows a transmitter only would refuse the login."""

    async def scenario(smsc, sender):
        await sender.submit("a")
        assert (smsc.count(BindTransmitter), smsc.count(BindReceiver)) == (1, 0)

    play(scenario, bind="transmitter")
