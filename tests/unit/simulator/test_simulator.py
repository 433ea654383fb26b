"""The simulator does what it is told: every fault that it is to show is shown."""

import asyncio
import json
import re
import struct
import time

import pytest
from attrs import evolve

from smsfs.backends.smpp import text
from smsfs.backends.smpp.constants import Command, Status
from smsfs.backends.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Raw,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from smsfs.backends.smpp.receipt import normal_id, receipt
from smsfs.simulator import Behaviour, Simulator
from smsfs.simulator.receipts import FORMATS, ID_BASES

BASES = {
    "dec": ("decimal", "decimal"),
    "hex": ("hexadecimal", "hexadecimal"),
    "hex-dec": ("hexadecimal", "decimal"),
    "dec-hex": ("decimal", "hexadecimal"),
}


def run(test, behaviour=None, **options):
    """Run a coroutine function with a simulator."""

    async def whole():
        async with asyncio.timeout(60), Simulator(behaviour, **options) as smsc:
            await test(smsc)

    asyncio.run(whole())


def submit(sequence, destination="4512345678", **fields):
    """A message of one part."""
    return SubmitSm(sequence, "Clinic", destination, **{"short_message": b"Hello", **fields})


def long(words, way="udh8", first=10):
    """The PDUs of a long text."""
    alphabet, parts = text.split(words, way, 7)
    coding = 8 if alphabet == "ucs2" else 0
    return [
        submit(
            number,
            short_message=part.short_message,
            esm_class=part.esm_class,
            tlvs=part.tlvs,
            data_coding=coding,
        )
        for number, part in enumerate(parts, first)
    ]


def test_messages_are_taken(link, tmp_path):
    """What a client sent could not be compared with what arrived."""
    path = tmp_path / "ledger.jsonl"

    async def test(smsc):
        async with link(smsc.port) as client:
            for way in ("udh8", "udh16", "sar", "payload"):
                pdus = long("Kære Bo " * 50, way)
                client.send(*pdus)
                answers = await client.take(len(pdus))
                assert [answer.status for answer in answers] == [0] * len(pdus)
                assert smsc.messages[-1].ids == [answer.message_id for answer in answers]
            await client.ask(submit(2, short_message="日本".encode("utf-16-be"), data_coding=8))
        assert [message.text for message in smsc.messages] == ["Kære Bo " * 50] * 4 + ["日本"]
        assert [message.parts for message in smsc.messages] == [3, 3, 3, 1, 1]
        assert len({id_ for message in smsc.messages for id_ in message.ids}) == smsc.counts.accepted == 11
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert [line["text"] for line in lines] == [message.text for message in smsc.messages]
        assert (lines[0]["source"], lines[0]["destination"]) == ("Clinic", "4512345678")

    run(test, path=path)


def test_a_torn_message_is_in_the_ledger(link, tmp_path):
    """Parts that arrived without the others would be missing where lost messages are counted."""
    path = tmp_path / "ledger.jsonl"

    async def test(smsc):
        async with link(smsc.port) as client:
            first, last = long("x" * 200)
            for pdu in (first, first, last):
                await client.ask(pdu)
            await client.ask(first)

    run(test, path=path)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(line["complete"], line["parts"]) for line in lines] == [(False, 1), (True, 2), (False, 1)]


def test_logins(link):
    """A wrong password would be noticed at the carrier only."""

    async def test(smsc):
        for bind, status in [
            (BindTransceiver(1, "me", "wrong"), Status.RINVPASWD),
            (BindTransceiver(1, "you", "secret"), Status.RINVSYSID),
            (BindTransceiver(1, "me", "secret"), Status.ROK),
        ]:
            async with link(smsc.port, bind=False) as client:
                answer = await client.ask(bind)
                assert (type(answer), answer.status) == (BindTransceiverResp, status)
        async with link(smsc.port) as client:
            assert (await client.ask(BindTransceiver(2, "me", "secret"))).status == Status.RALYBND

    run(test, Behaviour(system_id="me", password="secret"))


def test_what_may_go_over_a_link(link):
    """A client that sends before its login, or over a receiver, would work here and fail at a carrier."""

    async def test(smsc):
        async with link(smsc.port, bind=False) as client:
            assert (await client.ask(submit(1))).status == Status.RINVBNDSTS
        async with link(smsc.port, BindReceiver(1, "me")) as client:
            assert (await client.ask(submit(2))).status == Status.RINVBNDSTS
        assert smsc.messages == []

    run(test)


def test_small_talk(link):
    """A client could not see whether its link is alive, nor end it in peace."""

    async def test(smsc):
        async with link(smsc.port) as client:
            assert await client.ask(EnquireLink(5)) == EnquireLinkResp(5)
            assert await client.ask(Raw(6, 0x21)) == GenericNack(6, Status.RINVCMDID)
            client.send(Raw(6, 0x80000021), submit(7), Unbind(8))
            answer, bye, gone = await client.take(3)
            assert (answer.sequence, answer.status, bye, gone) == (7, 0, UnbindResp(8), None)

    run(test, Behaviour(latency=0.05))


def test_what_cannot_be_read(link):
    """A fault of the codec would hang a client instead of being told."""

    async def test(smsc):
        async with link(smsc.port) as client:
            torn = submit(9).encode()[:-3]
            answer = await client.ask(struct.pack(">I", len(torn)) + torn[4:])
            assert answer == SubmitSmResp(9, Status.RINVCMDLEN)
            assert await client.ask(submit(3, short_message=b"\xff", esm_class=0x40)) == SubmitSmResp(
                3, Status.RINVESMCLASS
            )
            client.send(struct.pack(">IIII", 7, Command.SUBMIT_SM, 0, 4))
            assert await client.take(2) == [GenericNack(4, Status.RINVCMDLEN), None]

    run(test)


def test_limits_of_fields(link):
    """Addresses that no carrier takes would pass here."""

    async def test(smsc):
        async with link(smsc.port) as client:
            bad = submit(2).encode().replace(b"4512345678", b"4" * 21)
            assert (await client.ask(struct.pack(">I", len(bad)) + bad[4:])).status == Status.RINVDSTADR
            assert (await client.ask(submit(3, destination=""))).status == Status.RINVDSTADR

    run(test)


def test_latency(link):
    """A window would be measured against answers that come at once."""

    async def test(smsc):
        async with link(smsc.port) as client:
            start = time.monotonic()
            client.send(*map(submit, range(2, 12)))
            answers = await client.take(10)
            assert time.monotonic() - start >= 0.1
            assert [answer.sequence for answer in answers] == list(range(2, 12))
            assert smsc.counts.most_unanswered == 10

    run(test, Behaviour(latency=0.1))


def test_throughput(link):
    """A client that is too fast would never be told so."""

    async def test(smsc):
        async with link(smsc.port) as client:
            client.send(*map(submit, range(2, 52)))
            statuses = [answer.status for answer in await client.take(50)]
            assert statuses[0] == Status.ROK
            assert 35 <= statuses.count(Status.RTHROTTLED) == smsc.counts.throttled
            assert len(smsc.messages) == statuses.count(Status.ROK)

    run(test, Behaviour(throughput=20))


def test_a_full_queue(link):
    """A client would never meet a carrier whose queue is full, and empties."""

    async def test(smsc):
        async with link(smsc.port) as client:
            client.send(*map(submit, range(2, 12)))
            statuses = [answer.status for answer in await client.take(10)]
            assert statuses == [Status.ROK] * 4 + [Status.RMSGQFUL] * 6
            assert (await client.ask(submit(20))).status == Status.ROK

    run(test, Behaviour(queue=4, latency=0.05))


def test_rejects(link):
    """Neither a refused number nor a part refused in the middle could be tried out."""
    rejects = [(re.compile("^4599"), Status.RINVDSTADR), (re.compile("2/3$"), Status.RX_P_APPN)]

    async def test(smsc):
        async with link(smsc.port) as client:
            assert await client.ask(submit(2, "4599000000")) == SubmitSmResp(2, Status.RINVDSTADR)
            client.send(*long("y" * 400))
            assert [answer.status for answer in await client.take(3)] == [0, Status.RX_P_APPN, 0]
            assert (smsc.counts.rejected, smsc.counts.accepted) == (2, 2)

    run(test, Behaviour(rejects=rejects))


def test_disconnects(link):
    """A link that breaks in the middle could not be tried out."""

    async def test(smsc):
        for _ in range(2):
            async with link(smsc.port) as client:
                client.send(*map(submit, range(2, 12)))
                while await client.next():
                    pass
        assert smsc.counts.submits == len(smsc.messages) == 6

    run(test, Behaviour(disconnect_after=3))


def test_no_answer_and_late_answers(link):
    """Messages of which nobody knows what became could not be tried out."""

    async def test(smsc):
        async with link(smsc.port) as client:
            client.send(*map(submit, range(2, 12)))
            assert [answer.sequence for answer in await client.take(5)] == [2, 4, 6, 8, 10]
            assert (await client.ask(EnquireLink(50))) == EnquireLinkResp(50)
            smsc.behaviour = evolve(smsc.behaviour, no_answer=1.0, late=0.05)
            assert (await client.ask(submit(60))).sequence == 60
        assert len(smsc.messages) == 11
        assert smsc.counts.unanswered == 6

    run(test, Behaviour(no_answer=0.5))


def test_a_deaf_carrier(link):
    """A client that waits for ever on a dead link could not be found out."""

    async def test(smsc):
        async with link(smsc.port) as client:
            client.send(EnquireLink(5))
            assert (await client.ask(submit(6))).sequence == 6

    run(test, Behaviour(deaf=True))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("base", ID_BASES)
def test_receipts(link, name, base):
    """Receipts of some carriers could not be tried out."""
    ours, theirs = BASES.get(base, ("text", "text"))

    async def test(smsc):
        async with link(smsc.port) as client:
            for number, expected in (("4512345678", "delivered"), ("4590", "undelivered")):
                answer = await client.ask(submit(2, number, registered_delivery=1))
                pdu = await client.delivery()
                found = receipt(pdu)
                assert found.outcome == expected
                assert normal_id(found.id, theirs) == normal_id(answer.message_id, ours)
                assert (pdu.source_addr, pdu.destination_addr) == (number, "Clinic")
            assert isinstance(await client.ask(EnquireLink(9)), EnquireLinkResp)
        assert (smsc.counts.receipts, smsc.counts.delivered) == (2, 2)

    behaviour = Behaviour(receipts=0, receipt_format=name, id_base=base, undelivered=re.compile("^4590"))
    run(test, behaviour)


def test_a_receipt_before_the_answer(link):
    """A client that loses a receipt whose message it does not know yet could not be found out."""

    async def test(smsc):
        async with link(smsc.port) as client:
            client.send(submit(2, registered_delivery=1))
            first, second = await client.take(2)
            assert isinstance(first, DeliverSm)
            assert receipt(first).id == second.message_id

    run(test, Behaviour(receipts_first=True))


def test_receipts_are_sent_when_asked_for(link):
    """A client that forgets to ask for receipts would get them here and nowhere else."""

    async def test(smsc):
        async with link(smsc.port) as client:
            client.send(submit(2), submit(3, registered_delivery=2), submit(4, registered_delivery=1))
            assert [answer.sequence for answer in await client.take(3)] == [2, 3, 4]
            assert receipt(await client.delivery()).id == smsc.messages[2].ids[0]
            assert smsc.counts.receipts == 1

    run(test, Behaviour(receipts=0.02))


def test_a_refused_receipt_comes_again(link):
    """A client that could not store a receipt would not get it a second time, as it would of a carrier."""

    async def test(smsc):
        async with link(smsc.port) as client:
            await client.ask(submit(2, registered_delivery=1))
            first = await client.delivery(Status.RX_T_APPN)
            again = await client.next()
            assert again.short_message == first.short_message
        async with link(smsc.port, BindTransmitter(1, "me")), link(smsc.port) as client:
            assert (await client.delivery()).short_message == first.short_message
            assert isinstance(await client.ask(EnquireLink(9)), EnquireLinkResp)
        assert (smsc.counts.refused, smsc.counts.delivered) == (1, 1)

    run(test, Behaviour(receipts=0, retry=0.01))


def test_receipts_go_to_whoever_sent(link):
    """Receipts of one client would reach another."""

    async def test(smsc):
        async with link(smsc.port, BindTransmitter(1, "me")) as client:
            await client.ask(submit(2, registered_delivery=1))
            async with link(smsc.port, BindTransceiver(1, "you")) as other:
                client.send(EnquireLink(3))
                await client.next()
                assert isinstance(await other.ask(EnquireLink(3)), EnquireLinkResp)
                async with link(smsc.port, BindReceiver(1, "me")) as receiver:
                    assert receipt(await receiver.delivery()).outcome == "delivered"

    run(test, Behaviour(receipts=0))


def test_replies(link):
    """A person's long reply could not be tried out."""

    async def test(smsc):
        smsc.send("4512345678", "12345", "Ja, tak 🎉" * 20)
        async with link(smsc.port) as client:
            parts = [await client.delivery() for _ in range(3)]
            reassembler = text.Reassembler()
            found = [reassembler.add(part.source_addr, *text.content(part), 0.0) for part in parts]
            assert b"".join(found[-1]).decode("utf-16-be") == "Ja, tak 🎉" * 20
            assert receipt(parts[0]) is None

    run(test)


def test_many_receipts_wait_for_their_turn(link):
    """A client that is slow would be drowned in receipts that it did not answer yet."""

    async def test(smsc):
        async with link(smsc.port) as client:
            client.send(*(submit(number, registered_delivery=1) for number in range(2, 302)))
            found = await client.take(400)
            waiting = [pdu for pdu in found if isinstance(pdu, DeliverSm)]
            assert len(waiting) == 100
            client.send(*(DeliverSmResp(pdu.sequence) for pdu in waiting))
            rest = await client.take(100)
            assert len({pdu.short_message for pdu in waiting + rest}) == 200

    run(test, Behaviour(receipts=0))
