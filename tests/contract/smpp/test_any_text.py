"""Any text arrives as it was written, however its parts are joined."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsfs.backends import Accepted, Envelope
from smsfs.backends.smpp.client import SmppBackend
from smsfs.backends.smpp.options import SmppConfig
from smsfs.simulator import Simulator
from smsfs.sms import gsm
from smsfs.sms.message import Message
from smsfs.sms.segments import count

#: No file can hold half a surrogate pair, for none can be decoded to it.
CHARACTERS = st.characters(exclude_categories=["Cs"])
ALPHABETS = [st.sampled_from([*gsm.BASIC]), st.sampled_from("a€[]"), st.sampled_from("aя😀"), CHARACTERS]
PIECES = st.one_of(*(st.text(alphabet, max_size=40) for alphabet in ALPHABETS))
TEXTS = st.builds(lambda piece, times, end: piece * times + end, PIECES, st.integers(1, 30), PIECES)


async def exchange(folder, texts, concatenation):
    """Send texts; the answers and what the simulator put together, both by row."""
    answers = {}
    async with Simulator() as smsc:
        options = {"window": 10, "concatenation": concatenation}
        config = SmppConfig("smpp", smsc.host, "smsfs", "secret", smsc.port, **options)
        backend = SmppBackend("carrier", config, folder)
        await backend.start()
        envelopes = [envelope(row, text) for row, text in enumerate(texts)]
        await asyncio.wait_for(
            backend.submit(
                envelopes, lambda item, what: answers.update({item.message.row: what}), lambda: True
            ),
            30,
        )
        await backend.stop()
    return answers, {int(message.destination[2:]): message for message in smsc.messages}


def envelope(row, text):
    """A message on its way."""
    encoding, parts = count(text)
    message = Message(row, f"45{row:08}", text, "Shop", encoding=encoding, parts=parts)
    return Envelope(f"1-{row}", "acme", "a.csv", 0.0, 1, message)


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar", "payload"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=20))
def test_any_text_arrives(tmp_path, concatenation, texts):
    """Someone would read another text than was written, or parts of it in the wrong order."""
    answers, arrived = asyncio.run(exchange(tmp_path, texts, concatenation))
    assert {row: message.text for row, message in arrived.items()} == dict(enumerate(texts))
    for row, message in arrived.items():
        assert message.complete
        assert isinstance(answers[row], Accepted)
        assert [answers[row].id, *answers[row].more] == message.ids
