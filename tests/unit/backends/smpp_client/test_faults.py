"""The client against the simulator and its faults: what was answered, held against what came."""

import asyncio
import re
from collections import Counter

import pytest

from smsfs.backends import Accepted, Envelope, Rejected, Unknown
from smsfs.backends.smpp.client import SmppBackend
from smsfs.backends.smpp.options import SmppConfig
from smsfs.simulator import Behaviour, Simulator
from smsfs.sms.message import Message
from smsfs.sms.segments import count

BOUND = 60.0


def envelopes(texts):
    """Messages on their way, each to a number of its own."""
    for row, text in enumerate(texts):
        encoding, parts = count(text)
        message = Message(row, f"45{row:08}", text, "Shop", encoding=encoding, parts=parts)
        yield Envelope(f"1-{row}", "acme", "a.csv", 0.0, 1, message)


async def exchange(folder, behaviour, texts, rounds=1, **options):
    """Send texts, and what was not accepted again; the simulator, and the answers of each round."""
    async with Simulator(behaviour) as smsc:
        given = {"window": 10, "reconnect_first": 0.02, "reconnect_longest": 0.1, **options}
        backend = SmppBackend(
            "carrier", SmppConfig("smpp", smsc.host, "smsfs", "secret", smsc.port, **given), folder
        )
        await backend.start()
        answers, left = [], list(envelopes(texts))
        try:
            for _ in range(rounds):
                answers.append({})
                given_back = answers[-1]

                def answer(envelope, what, given_back=given_back):
                    assert envelope.message.row not in given_back, "answered twice"
                    given_back[envelope.message.row] = what

                await asyncio.wait_for(backend.submit(left, answer, lambda: True), BOUND)
                left = [item for item in left if not isinstance(given_back[item.message.row], Accepted)]
        finally:
            await asyncio.wait_for(backend.stop(), BOUND)
    return smsc, answers


def play(*arguments, **options):
    """Run an exchange."""
    return asyncio.run(exchange(*arguments, **options))


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar", "payload"])
def test_texts_arrive(tmp_path, concatenation):
    """People would read something else than what was written."""
    texts = ["Hej", "€" * 200, "x" * 161, "😀" * 100, "я" * 71, "[" * 161, "", "a\nb" * 99]
    smsc, [answers] = play(tmp_path, Behaviour(), texts, concatenation=concatenation)
    assert sorted(message.text for message in smsc.messages) == sorted(texts)
    assert all(isinstance(what, Accepted) for what in answers.values())


@pytest.mark.parametrize("window", [1, 7, 100])
def test_window_is_kept(tmp_path, window):
    """A carrier would refuse, or end the link of, who has more unanswered than the contract allows."""
    smsc, _ = play(tmp_path, Behaviour(latency=0.001), ["x"] * 300, window=window)
    assert smsc.counts.most_unanswered == window
    assert len(smsc.messages) == 300


def test_throttled(tmp_path):
    """A carrier's limit would cost messages, or be run against for ever."""
    smsc, [answers] = play(tmp_path, Behaviour(throughput=200), ["x"] * 400, window=50)
    assert Counter(type(what) for what in answers.values()) == {Accepted: 400}
    assert Counter(message.destination for message in smsc.messages).most_common(1)[0][1] == 1
    assert smsc.counts.throttled < 400


def test_queue_full(tmp_path):
    """A carrier with a short queue would get nothing, or messages twice."""
    smsc, [answers] = play(tmp_path, Behaviour(queue=5, latency=0.01), ["x"] * 60, window=20)
    assert Counter(type(what) for what in answers.values()) == {Accepted: 60}
    assert len(smsc.messages) == len({message.destination for message in smsc.messages}) == 60
    assert smsc.counts.queue_full > 0


def test_rejects(tmp_path):
    """One wrong number would take good ones with it, or be sent in part."""
    behaviour = Behaviour(rejects=[(re.compile("3 1/1$"), 0x0B), (re.compile("4 2/2$"), 0x66)])
    smsc, [answers] = play(tmp_path, behaviour, ["x"] * 3 + ["y", "z" * 200])
    assert [type(answers[row]) for row in range(5)] == [Accepted, Accepted, Accepted, Rejected, Rejected]
    assert answers[3].code == "ESME_RINVDSTADR"
    assert answers[4].reason.startswith("part 2 of 2: ")
    assert len([message for message in smsc.messages if message.complete]) == 3


@pytest.mark.parametrize("after", [10, 37])
def test_cut_links(tmp_path, after):
    """A message that came might count as not sent; its double would then be a surprise."""
    smsc, answers = play(tmp_path, Behaviour(disconnect_after=after), ["x"] * 60, rounds=40, window=3)
    arrived = Counter(message.destination for message in smsc.messages)
    unknown = Counter(row for given in answers for row, what in given.items() if isinstance(what, Unknown))
    accepted = {row for given in answers for row, what in given.items() if isinstance(what, Accepted)}
    assert unknown
    for row in range(60):
        times = arrived[f"45{row:08}"]
        assert (row in accepted) <= times <= (row in accepted) + unknown[row]


def test_no_answer(tmp_path):
    """A carrier that loses answers would stop everything, or get each message again and again."""
    behaviour = Behaviour(no_answer=0.1, late=1.5)
    smsc, [answers] = play(tmp_path, behaviour, ["x"] * 100, response_timeout=0.5, window=5)
    kinds = Counter(type(what) for what in answers.values())
    assert kinds == {Accepted: 90, Unknown: 10}
    assert len(smsc.messages) == 100


def test_ids(tmp_path):
    """A receipt would not be matched to its message."""
    smsc, [answers] = play(tmp_path, Behaviour(id_base="hex"), ["x", "y" * 300], id_base="hexadecimal")
    first = {message.destination: int(message.ids[0], 16) for message in smsc.messages}
    assert {f"45{row:08}": int(what.id) for row, what in answers.items()} == first
