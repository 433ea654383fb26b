"""The client against an SMSC that others wrote: node-smpp, fetched by npm."""

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from smsfs.backends import Accepted, Envelope
from smsfs.backends.smpp.client import SmppBackend
from smsfs.backends.smpp.options import SmppConfig
from smsfs.sms.message import Message
from smsfs.sms.segments import count
from tests.support.server import until

SERVER = Path(__file__).with_name("node_smsc.js")
BOUND = 60.0
TEXTS = ["Hej, æøå {€}", "x" * 400, "Привет, 😀", "😀" * 100, "last"]


@asynccontextmanager
async def smsc(modules, **told):
    """The SMSC's port, and what it reports as it comes."""
    process = await asyncio.create_subprocess_exec(
        "node", str(SERVER), json.dumps(told), stdout=asyncio.subprocess.PIPE, env={"NODE_PATH": str(modules)}
    )
    try:
        port = json.loads(await asyncio.wait_for(process.stdout.readline(), BOUND))["port"]
        yield port, process.stdout
    finally:
        process.kill()
        await process.wait()


async def reports(output, wanted, times=1):
    """What the SMSC reports, until something of the kind was reported so many times."""
    found = []
    async with asyncio.timeout(BOUND):
        while sum(wanted in report for report in found) < times:
            found.append(json.loads(await output.readline()))
    return found


def envelope(row, text):
    """A message on its way."""
    encoding, parts = count(text)
    message = Message(row, f"4512{row:06}", text, "Shop", encoding=encoding, parts=parts)
    return Envelope(f"1-{row}", "acme", "a.csv", 0.0, 1, message, 4102444800.0)


async def exchange(modules, texts, told=None, deliveries=0, **options):
    """Send texts, be asked for a sign of life, take deliveries, take leave.

    Returns:
        The answers by row, what the SMSC reported, and what it delivered.
    """
    answers, delivered = {}, []

    async def receive(batch):
        delivered.extend(batch)

    async with smsc(modules, **told or {}) as (port, output):
        config = SmppConfig("smpp", "127.0.0.1", "smsfs", "secret", port, reconnect_first=0.1, **options)
        backend = SmppBackend("carrier", config, Path())
        await backend.start(receive)
        sent = [envelope(row, text) for row, text in enumerate(texts)]
        await asyncio.wait_for(
            backend.submit(sent, lambda item, what: answers.update({item.message.row: what}), lambda: True),
            BOUND,
        )
        found = await reports(output, "enquired")
        left = deliveries - sum("delivered" in report for report in found)
        found += await reports(output, "delivered", max(0, left))
        await asyncio.wait_for(backend.stop(), BOUND)
        found += await reports(output, "unbound")
    return answers, found, delivered


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar"])
@pytest.mark.parametrize("bind", ["transmitter", "transceiver", "transmitter+receiver"])
def test_node_smpp_reads_what_was_written(modules, concatenation, bind):
    """Carriers would read another text, number or reference than our own simulator does."""
    answers, found, _ = asyncio.run(exchange(modules, TEXTS, concatenation=concatenation, bind=bind))
    got = [report for report in found if "text" in report]
    assert [type(answers[row]) for row in range(len(TEXTS))] == [Accepted] * len(TEXTS)
    texts = {}
    for report in got:
        assert report["source"] == [5, 0, "Shop"]
        assert report["destination"][:2] == [1, 1]
        texts.setdefault(int(report["destination"][2][4:]), []).append(report)
    for row, text in enumerate(TEXTS):
        parts = texts[row]
        assert "".join(part["text"] for part in parts) == text
        assert len(parts) == answers[row].parts
        assert {part["data_coding"] for part in parts} == {0 if count(text)[0] == "gsm7" else 8}
        assert [place(part) for part in parts] == [(len(parts), number + 1) for number in range(len(parts))]


NATIONAL = [
    "Ağ şubesi, çağr\u0131 merkezi: İyi günler! " * 2,
    "Ağ şubesi, çağr\u0131 merkezi: İyi günler! " * 9,
    "Mañana en Málaga, a las tres de la tarde, o después según convenga. " * 2,
    "Mañana en Málaga, a las tres de la tarde, o después según convenga. " * 5,
    "Amanhã não há reunião; até às três, em São João, com atenção. " * 2,
    "Amanhã não há reunião; até às três, em São João, com atenção. " * 5,
]


@pytest.mark.parametrize("concatenation", ["udh8", "udh16"])
def test_node_smpp_reads_national_tables(modules, concatenation):
    """Phones would show other letters than our own simulator does."""
    options = {"concatenation": concatenation, "languages": ["tr", "es", "pt"]}
    answers, found, _ = asyncio.run(exchange(modules, NATIONAL, **options))
    got = [report for report in found if "text" in report]
    assert {report["data_coding"] for report in got} == {0}
    for row, text in enumerate(NATIONAL):
        parts = [report for report in got if int(report["destination"][2][4:]) == row]
        assert "".join(report["text"] for report in parts) == text
        assert len(parts) == answers[row].parts
        assert len(parts) < count(text)[1]


def place(report):
    """Total and number of a part, from its header or its parameters."""
    if report["header"]:
        header = bytes.fromhex(report["header"][0])
        return header[-2], header[-1]
    reference, total, number = report["sar"]
    return (1, 1) if reference is None else (total, number)


@pytest.mark.parametrize("by", ["deliver_sm", "data_sm"])
@pytest.mark.parametrize("bind", ["transceiver", "transmitter+receiver"])
def test_receipts_of_node_smpp(modules, by, bind):
    """No receipt of a carrier would find its message."""
    parts = sum(count(text)[1] for text in TEXTS)
    bases = {"id_base": "hexadecimal", "receipt_id_base": "decimal"}
    exchanged = exchange(modules, TEXTS, {"by": by}, parts, bind=bind, **bases)
    answers, found, delivered = asyncio.run(exchanged)
    assert [report["status"] for report in found if "delivered" in report] == [0] * parts
    assert {report["delivered"] for report in found if "delivered" in report} == {f"{by}_resp"}
    assert Counter((item.id, item.recipient) for item in delivered) == Counter(
        (part, f"4512{row:06}") for row, answer in answers.items() for part in (answer.id, *answer.more)
    )
    assert {(item.event, int(item.id) % 2) for item in delivered} == {("delivered", 1), ("undelivered", 0)}
    assert {item.reason for item in delivered} == {"DELIVRD", "UNDELIV"}
    if by == "deliver_sm":
        assert {item.code for item in delivered} == {"002", "005"}
        assert {item.done for item in delivered} == {1788265860.0}


@pytest.mark.parametrize("by", ["deliver_sm", "data_sm"])
def test_replies_of_node_smpp(modules, by):
    """What a person answers would arrive garbled, or in parts that nobody can join."""
    replies = ["Ja tak {€}", "x" * 400, "Да, 😀", "😀" * 100]
    told = {"replies": replies, "by": by}
    parts = 1 + 3 + 1 + 3
    _, found, delivered = asyncio.run(exchange(modules, [], told, parts))
    assert [report["status"] for report in found if "delivered" in report] == [0] * parts
    assert {(part.sender, part.recipient) for part in delivered} == {("4512345678", "1204")}
    assert [(part.reference, part.part, part.total) for part in delivered] == [
        *[(0, 1, 1), (1, 1, 3), (1, 2, 3), (1, 3, 3)],
        *[(0, 1, 1), (3, 1, 3), (3, 2, 3), (3, 3, 3)],
    ]
    texts = [part.text for part in delivered]
    joined = [texts[0], "".join(texts[1:4]), texts[4], "".join(texts[5:])]
    assert [text.encode("utf-16", "surrogatepass").decode("utf-16") for text in joined] == replies


def test_node_smpp_takes_leave(modules):
    """A carrier that restarts would get an answer too few, or smsfs never come back."""

    async def scenario():
        async with smsc(modules, replies=["a"], unbind=True) as (port, output):
            config = SmppConfig("smpp", "127.0.0.1", "smsfs", "secret", port, reconnect_first=0.1)
            backend = SmppBackend("carrier", config, Path())
            await backend.start(lambda _: asyncio.sleep(0))
            found = await reports(output, "unbound")
            found += await reports(output, "bound")
            await backend.stop()
        return [next(iter(report.items())) for report in found if "enquired" not in report]

    assert asyncio.run(scenario()) == [
        ("bound", "bind_transceiver"),
        ("delivered", "deliver_sm_resp"),
        ("unbound", "by the SMSC"),
        ("bound", "bind_transceiver"),
    ]


def test_node_smpp_refuses_a_login(modules):
    """A wrong password would be taken for a fault of the network."""

    async def scenario():
        async with smsc(modules) as (port, _):
            config = SmppConfig("smpp", "127.0.0.1", "smsfs", "wrong", port)
            backend = SmppBackend("carrier", config, Path())
            with structlog.testing.capture_logs() as logs:
                await backend.start()
                await until(lambda: logs, "the log")
                await backend.stop()
        return logs[0]

    assert "the password is wrong" in asyncio.run(scenario())["reason"]
