import asyncio
import time
from functools import partial

import pytest
import structlog

from smsfs.backends import Accepted, Rejected, Throttled, Unknown
from smsfs.backends.smpp import client
from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.header import content, tables
from smsfs.backends.smpp.link import Link
from smsfs.backends.smpp.options import SmppConfig
from smsfs.backends.smpp.outgoing import Composer
from smsfs.backends.smpp.pdu import (
    GenericNack,
)
from smsfs.backends.smpp.text import alphabet, decode
from smsfs.sms import gsm
from smsfs.sms.message import Message

LONG = "A long text, with the euro sign € at times. " * 9
LONG_UCS2 = "Привет, 😀! " * 40


def refuse_nth(number, status):
    """A script that accepts all but the nth."""

    def script(session, pdu):
        session.answer(pdu, status if len(session.smsc.got) == number else 0)

    return script


def test_plain_message(play):
    """A message would leave from another sender, in another alphabet, or without its end of validity."""

    async def scenario(smsc, sender):
        answers = await (await sender.bound()).submit("Hej, æøå", expires=4102444800.0)
        assert answers == [Accepted("id1", 1)]
        [pdu] = smsc.got
        assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == ("Shop", 5, 0)
        assert (pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi) == ("4512345678", 1, 1)
        assert (pdu.short_message, pdu.data_coding) == (b"Hej, \x1d\x0c\x0f", 0)
        assert pdu.validity_period == "000101000000000+"

    play(scenario)


@pytest.mark.parametrize(
    ("name", "ton", "npi"), [("4520202020", 1, 1), ("1204", 3, 1), ("Shop24", 5, 0), ("", 0, 0)]
)
def test_kinds_of_senders(play, name, ton, npi):
    """A carrier would refuse the sender, or show another."""

    async def scenario(smsc, sender):
        await sender.submit("x", sender=name)
        pdu = smsc.got[0]
        assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == (name, ton, npi)

    play(scenario, short_code_ton=3, short_code_npi=1)


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize("text", [LONG, LONG_UCS2])
def test_long_message(play, concatenation, text):
    """A phone would show the parts as messages of their own, or in another order."""

    async def scenario(smsc, sender):
        [answer] = await sender.submit(text)
        assert isinstance(answer, Accepted)
        parts = 3 if text == LONG else 8
        assert (answer.id, answer.parts) == ("id1", parts)
        more = [f"id{number}" for number in range(2, parts + 1)]
        assert list(answer.more) == (more if concatenation != "payload" else [])
        found = [content(pdu) for pdu in smsc.got]
        assert len({fragment and fragment.reference for fragment, _ in found}) == 1
        if concatenation != "payload":
            assert [fragment.sequence for fragment, _ in found] == list(range(1, len(found) + 1))
        together = b"".join(data for _, data in found)
        decoded = gsm.decode(together) if text == LONG else together.decode("utf-16-be")
        assert decoded == text
        assert {pdu.data_coding for pdu in smsc.got} == {0 if text == LONG else 8}

    play(scenario, concatenation=concatenation)


@pytest.mark.parametrize(
    ("receipts", "answer"),
    [
        ("each", Accepted("id1", 3, ("id2", "id3"))),
        ("first", Accepted("id1", 3, spare=("id2", "id3"))),
        ("any", Accepted("id1", 3, aliases=("id2", "id3"))),
    ],
)
def test_a_carrier_that_reports_once_for_all_parts(play, receipts, answer):
    """A long message would never count as delivered, at a carrier that sends one receipt for it."""

    async def scenario(_smsc, sender):
        assert await sender.submit(LONG) == [answer]

    play(scenario, receipts=receipts)


@pytest.mark.parametrize(
    ("receipts", "answer"),
    [("each", Accepted("", 3, ("id1", "id3"))), ("first", Accepted("id1", 3, spare=("id3",)))],
)
def test_a_part_without_an_id(play, receipts, answer):
    """A message whose carrier forgot an id would wait for ever, or count as delivered too early."""

    def script(session, pdu):
        name = "" if len(session.smsc.got) == 2 else f"id{len(session.smsc.got)}"
        session.answer(pdu, 0, name)

    async def scenario(smsc, sender):
        smsc.script = script
        assert await sender.submit(LONG) == [answer]

    play(scenario, receipts=receipts)


@pytest.mark.parametrize(
    ("concatenation", "receipts"), [("udh8", "each"), ("payload", "each"), ("udh8", "any")]
)
def test_no_id_at_all(play, concatenation, receipts):
    """Receipts would be told of a message of which all are there."""

    async def scenario(smsc, sender):
        smsc.script = lambda session, pdu: session.answer(pdu, 0, "")
        told = 3 if (concatenation, receipts) == ("udh8", "each") else 1
        assert await sender.submit(LONG) == [Accepted("", told)]

    play(scenario, concatenation=concatenation, receipts=receipts)


@pytest.mark.parametrize(("receipts", "ids", "requests"), [("each", ("id1", "id2"), 3), ("any", ("id1",), 1)])
def test_unknown_after_some_parts(play, receipts, ids, requests):
    """A message of unknown fate would wait for more receipts than its carrier sends."""

    def script(session, pdu):
        if len(session.smsc.got) == 3:
            session.transport.abort()
        else:
            session.answer(pdu)

    async def scenario(smsc, sender):
        smsc.script = script
        [answer] = await sender.submit(LONG)
        assert (answer.ids, answer.requests) == (ids, requests)

    play(scenario, receipts=receipts)


@pytest.mark.parametrize(("concatenation", "reference"), [("udh8", 3), ("udh16", 4)])
def test_national_tables(play, concatenation, reference):
    """A Turkish text would cost twice as many SMS as it needs, or be read as other letters."""
    text, short, plain = "İyi günler, \u0131ş\u0131k çok güzel. " * 12, "Ağ şubesi, çağri. " * 5, "İyi günler"

    async def scenario(smsc, sender):
        whole, one, other = [(await sender.submit(each))[0] for each in (text, short, plain)]
        assert (whole.parts, one.parts, other.parts) == (3, 1, 1)
        *long, single, ucs2 = smsc.got
        assert {pdu.data_coding for pdu in (*long, single)} == {0}
        assert (ucs2.data_coding, ucs2.esm_class) == (8, 0)
        assert {pdu.esm_class for pdu in (*long, single)} == {0x40}
        assert single.short_message[:4] == bytes((3, 0x25, 1, 1))
        for number, pdu in enumerate(long, 1):
            size = 2 + reference
            assert pdu.short_message[0] == size + 3
            assert pdu.short_message[size - 1 : size + 4] == bytes((3, number, 0x25, 1, 1))
        assert [read(pdu) for pdu in (single, ucs2)] == [short, plain]
        assert "".join(map(read, long)) == text

    play(scenario, concatenation=concatenation, languages=["tr", "es"])


def read(pdu):
    """What a phone shows of a message."""
    return decode(content(pdu)[1], alphabet(pdu.data_coding), tables(pdu))


def test_a_text_counted_in_national_tables_leaves_without_them(play):
    """A message would be refused that another backend was to send in fewer SMS."""

    async def scenario(smsc, sender):
        answers = await sender.submit("Ağ şubesi, çağri. " * 5, counted=("gsm7", 1))
        assert answers == [Accepted("id1", 2, ("id2",))]
        assert {pdu.data_coding for pdu in smsc.got} == {8}

    play(scenario)


def test_a_carrier_of_latin1(play):
    """At a carrier that is told "Latin-1" each umlaut would arrive as another letter."""

    async def scenario(smsc, sender):
        await sender.submit("Grüße", "5 €", "ø" * 161)
        umlauts, euro, *long = smsc.got
        assert (umlauts.short_message, umlauts.data_coding) == ("Grüße".encode("latin-1"), 3)
        assert (euro.short_message, euro.data_coding) == ("5 €".encode("utf-16-be"), 8)
        assert b"".join(content(pdu)[1] for pdu in long) == b"\xf8" * 161
        assert [pdu.data_coding for pdu in long] == [3, 3]

    play(scenario, data_coding_gsm7=3, window=1)


def test_references_differ_after_a_restart():
    """A phone would join a part from before a restart with parts of another message."""
    config = SmppConfig("smpp", "smsc.example", "smsfs", "secret")
    message = Message(1, "4512345678", LONG, parts=3)
    first = [Composer(config).parts(message)[1][0].short_message[:6] for _ in range(9)]
    assert len(set(first)) > 1


def test_part_refused_in_the_middle(play):
    """An operator could not tell that the recipient was sent a part of the message."""

    async def scenario(smsc, sender):
        smsc.script = refuse_nth(2, Status.RINVDSTADR)
        [answer] = await sender.submit(LONG)
        assert isinstance(answer, Rejected)
        assert answer.code == "ESME_RINVDSTADR"
        assert answer.reason.startswith("part 2 of 3: ")
        assert answer.reason.endswith("; 1 sent before it")
        assert answer.ids == ("id1",)
        assert len(smsc.got) == 2, "no further part is paid for"

    play(scenario)


def test_refused(play):
    """A wrong number would be tried for days, or a good one beside it given up."""

    async def scenario(smsc, sender):
        smsc.script = refuse_nth(2, Status.RINVDSTADR)
        good, bad, other = await sender.submit("a", "b", "c")
        assert isinstance(good, Accepted)
        assert isinstance(other, Accepted)
        assert bad == Rejected("ESME_RINVDSTADR", "the recipient's number is not allowed (ESME_RINVDSTADR)")

    play(scenario)


@pytest.mark.parametrize("status", [Status.RSYSERR, Status.RX_T_APPN])
def test_passing_fault(play, status):
    """A message would be rejected for good by a fault that passes."""

    async def scenario(smsc, sender):
        smsc.script = refuse_nth(1, status)
        assert await sender.submit("a") == [Throttled(0)]

    play(scenario)


@pytest.mark.parametrize("status", [Status.RTHROTTLED, Status.RMSGQFUL])
def test_not_now_is_tried_again_here(play, status):
    """Each "not now" would cost its message minutes of waiting in the store."""

    async def scenario(smsc, sender):
        smsc.script = refuse_nth(1, status)
        assert [type(what) for what in await sender.submit("a", "b")] == [Accepted, Accepted]
        assert len(smsc.got) == 3

    play(scenario)


def test_not_now_gives_way(play, monkeypatch):
    """A message that a carrier never takes would hold up its slice for ever."""
    monkeypatch.setattr(client, "TRIES", 3)

    async def scenario(smsc, sender):
        smsc.script = lambda session, pdu: session.answer(pdu, Status.RMSGQFUL)
        assert await sender.submit("a") == [Throttled(0)]
        assert len(smsc.got) == 3

    play(scenario)


def test_link_lost_after_the_write(play):
    """A message whose answer was lost would count as not sent, and its double as no double."""

    async def scenario(smsc, sender):
        smsc.script = lambda session, _pdu: len(smsc.got) == 2 and session.transport.abort()
        answers = await (await sender.bound()).submit("a", "b", "c", "d")
        first, second, *rest = answers
        assert all(isinstance(answer, Unknown) for answer in (first, second))
        assert [type(answer) for answer in rest] == [Unknown, Unknown]
        assert "the connection was " in first.reason

    async def cut_once(smsc, sender):
        def script(session, pdu):
            smsc.script = lambda session, pdu: session.answer(pdu)
            del pdu
            session.transport.abort()

        smsc.script = script
        answers = await (await sender.bound()).submit("a", "b", "c", "d")
        assert [type(answer) for answer in answers] == [Unknown, Accepted, Accepted, Accepted]

    play(scenario, window=4)
    play(cut_once, window=1)


def test_no_answer(play):
    """A message without an answer would hold its place in the window for ever."""

    async def scenario(smsc, sender):
        smsc.script = lambda session, pdu: None if len(smsc.got) == 1 else session.answer(pdu)
        lost, sent = await sender.submit(LONG, "b")
        assert lost == Unknown("no answer within 0.3 seconds", requests=1)
        assert isinstance(sent, Accepted)

    play(scenario, response_timeout=0.3, window=1, concatenation="payload")


def test_late_answer(play, wait_until):
    """An answer that comes too late would be taken for another message's, or end the link."""

    async def scenario(smsc, sender):
        late = []
        smsc.script = lambda session, pdu: late.append(partial(session.answer, pdu))
        [lost] = await sender.submit("a")
        assert isinstance(lost, Unknown)
        smsc.script = lambda session, pdu: session.answer(pdu)
        with structlog.testing.capture_logs() as logs:
            late[0]()
            assert isinstance((await sender.submit("b"))[0], Accepted)
            await wait_until(lambda: logs)
        assert [entry["event"] for entry in logs] == ["late_answer"]

    play(scenario, response_timeout=0.2)


def test_refused_by_nack(play):
    """A message would be unknown though the SMSC said that it cannot read it."""

    async def scenario(smsc, sender):
        smsc.script = lambda session, pdu: session.send(GenericNack(pdu.sequence, Status.RINVCMDLEN))
        assert (await sender.submit("a"))[0].code == "ESME_RINVCMDLEN"

    play(scenario)


def test_what_does_not_fit(play):
    """A single message with an impossible number would end the backend."""

    async def scenario(smsc, sender):
        [answer] = await sender.submit("a", recipient="1" * 30)
        assert (type(answer), answer.code) == (Rejected, "ESME_RINVDSTADR")
        [answer] = await sender.submit("x" * 153 * 256)
        assert (type(answer), answer.code) == (Rejected, "ESME_RINVMSGLEN")
        assert smsc.got == []

    play(scenario)


@pytest.mark.parametrize(("sender", "odd"), [("日本", "日"), ("a\0b", "\\x00"), ("Shop\ud83d", "\\ud83d")])
def test_sender_that_cannot_be_sent(play, sender, odd):
    """One account's odd sender would end the backend for all."""

    async def scenario(smsc, client):
        [answer] = await client.submit("a", sender=sender)
        assert (type(answer), answer.code) == (Rejected, "ESME_RINVSRCADR")
        assert odd in answer.reason
        assert answer.reason.endswith(", which SMPP cannot carry.")
        assert smsc.got == []

    play(scenario)


def test_receipts_are_asked_for_with_each_part(play):
    """A long message would be shown as delivered though only its first part was."""

    async def scenario(smsc, sender):
        await sender.submit(LONG)
        assert [pdu.registered_delivery for pdu in smsc.got] == [1, 1, 1]

    play(scenario)


def test_too_late(play):
    """A message would be sent after its validity, because its slice was claimed before."""

    async def scenario(smsc, sender):
        assert await sender.submit("a", left=0) == [Throttled(0)]
        assert smsc.got == []

    play(scenario)


def test_may_not_send(play):
    """Two hosts would send the same messages."""

    async def scenario(smsc, sender):
        sender.allowed = False
        assert await (await sender.bound()).submit("a", "b") == [Throttled(0), Throttled(0)]
        sender.allowed = True

        def last(session, pdu):
            sender.allowed = False
            session.answer(pdu)

        smsc.script = last
        answers = await sender.submit("a", "b", LONG)
        assert [type(answer) for answer in answers] == [Accepted, Throttled, Throttled]
        assert len(smsc.got) == 1

    play(scenario, window=1)


def test_may_not_send_the_rest(play):
    """The first part of a message would count as nothing sent."""

    async def scenario(smsc, sender):
        def last(session, pdu):
            sender.allowed = False
            session.answer(pdu)

        smsc.script = last
        assert await sender.submit(LONG) == [
            Unknown("part 2 of 3: could not be sent; 1 sent before it", ("id1",), 3)
        ]

    play(scenario)


def test_throughput(play):
    """A carrier would throttle, or charge, who sends faster than the contract says."""

    async def scenario(_smsc, sender):
        await sender.bound()
        began = time.monotonic()
        await sender.submit(*["a"] * 40)
        assert time.monotonic() - began >= 0.35

    play(scenario, throughput=100, window=50)


def test_finish(play, wait_until):
    """A stop of the server would wait for hours of a slow carrier, or leave messages as unknown."""

    async def scenario(smsc, sender):
        held = []
        smsc.script = lambda session, pdu: held.append((session, pdu))
        sending = asyncio.create_task(sender.submit(LONG, "b", "c"))
        await wait_until(lambda: len(held) == 2)
        sender.backend.finish()
        smsc.script = lambda session, pdu: session.answer(pdu)
        for session, pdu in held:
            session.answer(pdu)
        answers = await sending
        assert [type(answer) for answer in answers] == [Accepted, Accepted, Throttled]
        assert await sender.submit("d") == [Throttled(0)]

    play(scenario, window=2)


def test_cancelled(play, wait_until):
    """Messages that the dispatcher gave up, and gives to another, would leave from here too."""

    async def scenario(smsc, sender):
        held = []
        smsc.script = lambda session, pdu: held.append((session, pdu))
        sending = asyncio.create_task(sender.submit("a", "b", "c"))
        await wait_until(lambda: held)
        sending.cancel()
        await asyncio.wait([sending])
        smsc.script = lambda session, pdu: session.answer(pdu)
        held[0][0].answer(held[0][1])
        assert isinstance((await sender.submit("z"))[0], Accepted)
        assert [pdu.short_message for pdu in smsc.got] == [b"a", b"z"]

    play(scenario, window=1)


def test_a_fault_of_ours(play, monkeypatch, wait_until):
    """After a bug of smsfs, messages that never left would be of unknown fate, one slice after the other."""

    async def scenario(smsc, sender):
        await sender.bound()
        smsc.script = lambda _session, _pdu: None
        sending = asyncio.create_task(sender.submit("a", "b"))
        await wait_until(lambda: smsc.got)
        with structlog.testing.capture_logs() as logs:
            monkeypatch.setattr(Link, "tick", lambda *_: 1 / 0)
            answers = await sending
        assert [type(answer) for answer in answers] == [Unknown, Throttled]
        assert [type(answer) for answer in await sender.submit("c")] == [Throttled]
        assert [entry["event"] for entry in logs][:1] == ["backend_fault"]
        assert sender.backend.slices == 0

    play(scenario, window=1)
