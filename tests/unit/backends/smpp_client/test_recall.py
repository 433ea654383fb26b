import asyncio

from smsfs.backends import Accepted, Throttled

LONG = "A long text, with the euro sign € at times. " * 9


def test_what_has_not_left_is_called_back(play, wait_until):
    """Messages that an operator cancelled would leave, or the second half of a long one never would."""

    async def scenario(smsc, sender):
        held = []
        smsc.script = lambda session, pdu: held.append((session, pdu))
        sending = asyncio.create_task(sender.submit(LONG, "b", "c", "d"))
        await wait_until(lambda: len(held) == 2)
        sender.backend.recall(lambda envelope: envelope.message.text != "d")
        smsc.script = lambda session, pdu: session.answer(pdu)
        for session, pdu in held:
            session.answer(pdu)
        answers = await sending
        assert [type(answer) for answer in answers] == [Accepted, Accepted, Throttled, Accepted]

    play(scenario, window=2)
