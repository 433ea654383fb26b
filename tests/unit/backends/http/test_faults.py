"""What becomes of messages when something goes wrong: real requests to a carrier that does it."""

import asyncio
import re
import socket
import ssl
import threading

import pytest

from smsfs.backends import UP, Accepted, Rejected, Throttled, Unknown
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from smsfs.simulator.http.gatewayapi import GatewayApi
from tests.support.ftp_clients import make_certificate
from tests.support.server import free_ports

TAKEN = {"500-taken": 3, "cut-taken": 3, "half": 3, "wrong": 3, "500": 0, "cut": 0}


def run(work):
    """Run a test's work."""
    return asyncio.run(asyncio.wait_for(work, 120))


@pytest.mark.parametrize("fault", ["429", "503"])
@pytest.mark.parametrize("wait", ["20", "Tue, 19 Jan 2038 03:14:07 GMT", ""])
def test_not_now_is_no_doubt(kit, fault, wait):
    """Messages that certainly did not leave would be held back, or recorded as perhaps doubled."""

    async def work():
        async with kit.both(HttpBehaviour(retry_after=wait), [fault]) as (carrier, backend):
            answers, _ = await kit.submit(backend)
            assert not carrier.messages
            assert backend.slices == 0
            assert backend.state() == UP
            return {
                answer.retry_after for answer in answers.values() if isinstance(answer, Throttled)
            }, answers

    [pause], answers = run(work())
    assert len(answers) == 3
    expected = {"20": 20, "": 1}.get(wait, 3600)
    assert pause == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("fault", TAKEN)
def test_doubt_is_never_silent(kit, fault):
    """Messages would be lost, or sent twice without a word about it."""

    async def work():
        async with kit.both(script=[fault]) as (carrier, backend):
            answers, reason = await kit.submit(backend)
            assert carrier.counts.requests == 1
            return answers, reason, len(carrier.messages)

    answers, reason, taken = run(work())
    assert [type(answer) for answer in answers.values()] == [Unknown] * 3
    assert reason == ""
    assert taken == TAKEN[fault]


def test_answer_that_does_not_come_in_time_is_unknown(kit):
    """A slow carrier would hold the messages of a slice for ever."""

    async def work():
        async with kit.both(script=["slow"], response_timeout=0.3) as (carrier, backend):
            answers, _ = await kit.submit(backend)
            assert len(carrier.messages) == 3
            return answers

    reasons = {answer.reason for answer in run(work()).values()}
    assert reasons == {"there was no whole answer within response_timeout"}


def test_carrier_away_comes_back(kit):
    """Messages of a night in which the carrier was away would be lost, doubled, or wait for a person."""

    async def work():
        [port] = free_ports(1)
        async with kit.backend(f"http://127.0.0.1:{port}") as backend:
            answers, reason = await kit.submit(backend)
            assert answers == {}
            assert reason == f"127.0.0.1:{port} cannot be reached: Connection refused"
            assert backend.state() == ("down", reason)
            assert backend.slices == 0
            await kit.until(lambda: backend.slices == 1)
            async with HttpSimulator(GatewayApi(kit.token), port=port) as carrier:
                answers, _ = await kit.submit(backend)
                assert backend.state() == UP
                return answers, len(carrier.messages)

    answers, arrived = run(work())
    assert [type(answer) for answer in answers.values()] == [Accepted] * 3
    assert arrived == 3


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://carrier.invalid", "cannot be resolved"),
        ("https://127.0.0.1:{port}", "certificate of 127.0.0.1"),
    ],
)
def test_carrier_that_cannot_be_written_to_gets_nothing(kit, url, reason, tmp_path):
    """A name or a certificate that is wrong would make every message one of unknown fate."""
    certificate, key = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def work():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
        async with server, kit.backend(url.format(port=server.sockets[0].getsockname()[1])) as backend:
            return await kit.submit(backend)

    answers, said = run(work())
    assert answers == {}
    assert reason in said


def test_handshake_without_end_leaves_nothing_in_doubt(kit):
    """A carrier that hangs would make every message one of unknown fate."""

    async def work():
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"https://127.0.0.1:{server.getsockname()[1]}"
            async with kit.backend(url, connect_timeout=0.3) as backend:
                return await kit.submit(backend)

    assert run(work()) == ({}, "there was no connection within connect_timeout")


def test_refusal_of_one_refuses_that_one(kit):
    """One barred number would cost all others of its file their message."""

    async def work():
        barred = HttpBehaviour(refuse=[(re.compile("(07|31)$"), "0x0215")])
        async with kit.both(barred) as (carrier, backend):
            answers, _ = await kit.submit(backend, 40)
            return answers, [message.destination for message in carrier.messages]

    answers, arrived = run(work())
    refused = {row: answer for row, answer in answers.items() if isinstance(answer, Rejected)}
    assert set(refused) == {7, 31}
    assert refused[7].code == "0x0215"
    assert "4500100007 is blacklisted" in refused[7].reason
    assert sum(isinstance(answer, Accepted) for answer in answers.values()) == 38
    assert len(arrived) == len(set(arrived)) == 38


@pytest.mark.parametrize(
    ("code", "sentence"),
    [("0x0216", "the credit is used up"), ("0x0213", "the carrier does not let this account send")],
)
def test_account_in_trouble_keeps_its_messages(kit, code, sentence):
    """A file sent in the hour before the account is filled up again would be rejected."""

    async def work():
        async with kit.both(HttpBehaviour(error=code)) as (carrier, backend):
            answers, reason = await kit.submit(backend)
            assert answers == {}
            assert reason.startswith(sentence)
            assert backend.state() == ("down", reason)
            carrier.behaviour = HttpBehaviour()
            await kit.until(lambda: backend.slices)
            answers, reason = await kit.submit(backend)
            assert backend.state() == UP
            return answers, [message.destination for message in carrier.messages]

    answers, arrived = run(work())
    assert all(isinstance(answer, Accepted) for answer in answers.values())
    assert len(arrived) == len(answers) == 3


def test_token_is_mended_without_a_restart(kit, tmp_path):
    """The operator would paste the right token, and still nothing would leave."""
    (tmp_path / "token").write_text("not-the-token\n")

    async def work():
        async with kit.both(token_file="token") as (carrier, backend):
            answers, reason = await kit.submit(backend)
            assert (answers, carrier.messages) == ({}, [])
            assert reason.startswith("the carrier refuses the token: 401 Unauthorized")
            assert "not-the-token" not in reason
            (tmp_path / "token").write_text(kit.token)
            await kit.until(lambda: backend.slices)
            return await kit.submit(backend)

    answers, _ = run(work())
    assert [type(answer) for answer in answers.values()] == [Accepted] * 3


def test_nothing_leaves_after_the_last_moment(kit):
    """A host that lost its lease while it connected would send what another is sending."""
    asked = []

    def may_send():
        asked.append(True)
        return len(asked) == 1

    async def work():
        async with kit.both() as (carrier, backend):
            answers, _ = await kit.submit(backend, may_send=may_send)
            return answers, carrier.counts.requests

    answers, requests = run(work())
    assert len(asked) >= 2
    assert set(answers.values()) == {Throttled(0)}
    assert requests == 0


class Closing(threading.Thread):
    """A carrier that closes each connection some time after its first answer, without a word."""

    def __init__(self):
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.idle, self.closed, self.requests = threading.Event(), threading.Event(), 0

    def run(self):
        """Answer one request on each of two connections."""
        for _ in range(2):
            connection, _ = self.server.accept()
            data = b""
            while not data.endswith(b"}]}]"):
                data += connection.recv(65536)
            self.requests += 1
            body = b'{"ids":[%d]}' % self.requests
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            self.idle.wait(20)
            connection.close()
            self.closed.set()
        self.server.close()


def test_connection_closed_while_idle_is_passed_over(kit):
    """Every message after a pause would be of unknown fate where a carrier closes idle connections."""
    carrier = Closing()
    carrier.start()

    async def work():
        async with kit.backend(f"http://127.0.0.1:{carrier.server.getsockname()[1]}") as backend:
            first, _ = await kit.submit(backend, 1)
            carrier.idle.set()
            assert carrier.closed.wait(20)  # and the loop, held up meanwhile, has not seen it
            second, _ = await kit.submit(backend, 1)
            return first[1], second[1]

    assert run(work()) == (Accepted("1-4500100001", 1), Accepted("2-4500100001", 1))
    carrier.join(20)
    assert carrier.requests == 2
