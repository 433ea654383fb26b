"""How messages share connections and requests."""

import asyncio
import ssl

import msgspec
import pytest
import uvloop
from structlog.testing import capture_logs

from smsfs.backends import Accepted, NotTaken, Throttled
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from smsfs.simulator.http.gatewayapi import GatewayApi
from tests.support.backend_suite import envelope
from tests.support.ftp_clients import make_certificate


def run(work):
    """Run a test's work."""
    return asyncio.run(asyncio.wait_for(work, 120))


def test_a_slice_is_one_request(kit):
    """A file of ten thousand rows would take ten thousand round trips."""

    async def work():
        async with kit.both() as (carrier, backend):
            await kit.submit(backend, 500)
            return carrier.counts.requests, len(carrier.messages)

    assert run(work()) == (1, 500)


def test_limits_of_the_contract_are_kept(kit):
    """The carrier would cut off a customer who opens more connections than the contract allows."""

    async def work():
        async with kit.both(HttpBehaviour(latency=0.02), connections=3, batch=7) as (carrier, backend):
            slices = [kit.submit(backend, 50) for _ in range(4)]
            found = await asyncio.gather(*slices)
            return carrier.counts, [len(answers) for answers, _ in found]

    counts, answered = run(work())
    assert answered == [50] * 4
    assert counts.connections == 3
    assert counts.requests >= 200 / 7


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_connection_is_used_again_and_encrypted(kit, loop, tmp_path):
    """Each request would pay for a handshake of its own, or the token go over the wire for all to read."""
    certificate, key = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def work():
        async with (
            HttpSimulator(GatewayApi(kit.token), tls=context) as carrier,
            kit.backend(carrier.url, ca="certificate.pem") as backend,
        ):
            answers = [(await kit.submit(backend, 3))[0] for _ in range(5)]
            return answers, carrier.counts

    with asyncio.Runner(loop_factory=loop) as runner:
        answers, counts = runner.run(work())
    assert {type(answer) for found in answers for answer in found.values()} == {Accepted}
    assert (counts.requests, counts.connections) == (5, 1)


def test_throughput_is_kept(kit):
    """The carrier would throttle, or drop, what comes faster than the contract says."""

    async def work():
        async with kit.both(throughput=40) as (carrier, backend):
            await kit.submit(backend, 60)
            return [message.at for message in carrier.messages]

    times = run(work())
    assert len(times) == 60
    assert times[-1] - times[0] >= 0.9
    assert sum(at < times[0] + 0.5 for at in times) <= 40


def test_proxy_is_used(kit):
    """A host without a way out of its own could not send."""

    async def work():
        async with (
            kit.both() as (carrier, _),
            kit.backend("http://carrier.invalid", proxy=carrier.url) as backend,
        ):
            return await kit.submit(backend), len(carrier.messages)

    (answers, _), arrived = run(work())
    assert [type(answer) for answer in answers.values()] == [Accepted] * 3
    assert arrived == 3


def test_message_that_is_late_does_not_leave(kit):
    """A reminder would arrive after its appointment."""

    async def work():
        async with kit.both() as (carrier, backend):
            late = lambda row: msgspec.structs.replace(envelope(row), left=0.0 if row == 2 else 100.0)  # noqa: E731 -- short
            answers, _ = await kit.submit(backend, make=late)
            return answers, {message.validity for message in carrier.messages}

    answers, validities = run(work())
    assert answers[2] == Throttled(0)
    assert isinstance(answers[1], Accepted)
    assert validities == {60}


def test_server_that_stops_begins_nothing(kit):
    """A restart would take as long as the backlog, or leave messages in doubt."""

    async def work():
        behaviour = HttpBehaviour(latency=0.3)
        async with kit.both(behaviour, connections=1, batch=5) as (carrier, backend):
            sending = asyncio.create_task(kit.submit(backend, 20))
            await kit.until(lambda: carrier.counts.requests == 1)
            backend.finish()
            answers, _ = await sending
            later, _ = await kit.submit(backend, 2)
            return answers, later, carrier.counts.requests

    answers, later, requests = run(work())
    assert sum(isinstance(answer, Accepted) for answer in answers.values()) == 5
    assert sum(answer == Throttled(0) for answer in answers.values()) == 15
    assert set(later.values()) == {Throttled(0)}
    assert requests == 1


def test_what_is_in_no_request_is_called_back(kit):
    """Messages that an operator cancelled would leave."""

    async def work():
        behaviour = HttpBehaviour(latency=0.3)
        async with kit.both(behaviour, connections=1, batch=5) as (carrier, backend):
            sending = asyncio.create_task(kit.submit(backend, 20))
            await kit.until(lambda: carrier.counts.requests == 1)
            backend.recall(lambda envelope: envelope.message.row != 20)
            answers, _ = await sending
            return answers, carrier.counts.requests

    answers, requests = run(work())
    assert sum(answer == Throttled(0) for answer in answers.values()) == 14
    assert isinstance(answers[20], Accepted)
    assert requests == 2


def test_server_that_stops_looks_for_no_culprit(kit):
    """A restart would take as long as it takes to find the barred numbers of a whole backlog."""

    async def work():
        behaviour = HttpBehaviour(latency=0.3, error="0x0215")
        async with kit.both(behaviour) as (carrier, backend):
            sending = asyncio.create_task(kit.submit(backend, 64))
            await kit.until(lambda: carrier.counts.requests == 1)
            backend.finish()
            answers, _ = await sending
            return answers, carrier.counts.requests

    answers, requests = run(work())
    assert (len(answers), requests) == (64, 1)
    assert set(answers.values()) == {Throttled(0)}


def test_long_pause_gives_messages_to_others(kit):
    """Messages would wait an hour in front of one carrier while another one is idle."""

    async def work():
        behaviour = HttpBehaviour(latency=0.1, retry_after="600")
        async with kit.both(behaviour, ["429"], connections=1, batch=5) as (_, backend):
            return await kit.submit(backend, 20)

    answers, reason = run(work())
    assert len(answers) == 5
    assert reason == "the carrier asked to wait for 600 seconds"


def test_answers_are_never_logged_with_secrets(kit):
    """Whoever reads the log could send at the customer's cost."""

    async def work():
        async with kit.both(HttpBehaviour(error="0x0229")) as (_, backend):
            await kit.submit(backend)
            with pytest.raises(NotTaken) as raised:
                await backend.submit([envelope(1)], lambda *_: None, lambda: True)
            return str(raised.value), repr(backend.__dict__)

    with capture_logs() as logs:
        reason, inside = run(work())
    assert logs
    assert kit.token not in f"{logs}{reason}{inside}"
