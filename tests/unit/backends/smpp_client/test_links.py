import asyncio
import contextlib
import socket
import ssl
import subprocess

import pytest
import structlog
import uvloop

from smsfs.backends import UP, Accepted, Throttled, Unknown
from smsfs.backends.smpp import client, link, reconnector
from smsfs.backends.smpp.constants import Status
from smsfs.backends.smpp.options import SmppConfig
from smsfs.backends.smpp.pdu import (
    Bind,
    BindTransceiver,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Raw,
    SubmitSm,
    Unbind,
    UnbindResp,
)
from smsfs.errors import ConfigurationError
from smsfs.simulator import Simulator

SITES = ("127.0.0.2", "127.0.0.1")


def test_reconnect(play):
    """After an SMSC's restart nothing would leave until an operator restarts smsfs."""

    async def scenario(smsc, sender):
        await sender.bound()
        await smsc.close()
        await smsc.listen()
        assert isinstance((await sender.submit("a"))[0], Accepted)

    play(scenario)


def test_no_link(play, monkeypatch):
    """Messages of an SMSC that is away would be unknown, or wait where they cannot leave."""
    monkeypatch.setattr(client, "LINK_PATIENCE_SECONDS", 0.2)

    async def scenario(smsc, sender):
        answers = await sender.submit("a", "b")
        assert all(isinstance(answer, Throttled) for answer in answers)
        assert sender.backend.slices == 0, "no more slices are wanted"
        assert sender.backend.state() == ("down", "cannot connect: Connection refused")
        await smsc.listen()
        await sender.bound()
        assert sender.backend.slices > 0
        assert sender.backend.state() == UP

    play(scenario, listen=False)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".invalid"])
def test_wrong_host(tmp_path, host, wait_until):
    """A slip in the host's name would end the backend, or be told as a traceback."""

    async def main():
        backend = client.SmppBackend("carrier", SmppConfig("smpp", host, "s", "p"), tmp_path)
        with structlog.testing.capture_logs() as logs:
            await backend.start()
            await wait_until(lambda: logs)
            await backend.stop()
        assert logs[0]["reason"].startswith("cannot connect: ")

    asyncio.run(main())


def test_the_first_address_is_silent(play, wait_until, monkeypatch):
    """A carrier one of whose two sites is away would not be reached at the other either."""
    monkeypatch.setattr(reconnector, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(client, "LINK_PATIENCE_SECONDS", 60.0)

    async def scenario(smsc, sender):
        await sender.bound()
        with contextlib.ExitStack() as stack:
            silent = stack.enter_context(socket.socket())
            silent.bind(("127.0.0.2", smsc.port))
            silent.listen(0)
            for _ in range(3):  # there is room for one, and nobody is answered any more
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(silent.getsockname())

            async def both(_host, port, **_options):
                return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (site, port)) for site in SITES]

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
            sender.backend._config.host = "smsc.example"
            smsc.sessions[0].transport.abort()
            await wait_until(lambda: not sender.backend._links)
            assert isinstance((await sender.submit("a"))[0], Accepted)

    play(scenario)


def test_wrong_password(play, wait_until):
    """An operator would not see why nothing leaves, or the carrier would lock the account out."""

    async def scenario(smsc, sender):
        smsc.bind_status = Status.RINVPASWD
        with structlog.testing.capture_logs() as logs:
            await smsc.listen()
            await wait_until(lambda: smsc.count(BindTransceiver) >= 3)
            sentences = [entry["reason"] for entry in logs if entry["event"] == "smsc_away"]
        assert "the SMSC refused the login: the password is wrong (ESME_RINVPASWD)" in sentences
        assert not sender.backend._links

    play(scenario, listen=False, bind="transceiver", reconnect_first=0.01)


def test_enquire_link(play, wait_until):
    """A dead connection would be noticed with the first message only, which is unknown then."""

    async def scenario(smsc, sender):
        await sender.bound()
        await wait_until(lambda: smsc.count(EnquireLink) >= 2)
        assert len(smsc.sessions) == 1
        smsc.alive = False
        before = smsc.sessions[0]
        await wait_until(lambda: smsc.sessions and before not in smsc.sessions)

    play(scenario, enquire_link=0.1, response_timeout=0.3)


def test_what_an_smsc_asks(play, wait_until):
    """An SMSC would end the link for want of an answer."""

    async def scenario(smsc, sender):
        await sender.bound()
        session = smsc.sessions[0]
        session.send(EnquireLink(7))
        session.send(Raw(9, 0x112))
        session.send(Raw(10, 0x80000112))
        session.send(Unbind(11))
        await wait_until(lambda: len(smsc.pdus) >= 5)
        assert smsc.pdus[1:4] == [EnquireLinkResp(7), GenericNack(9, Status.RINVCMDID), UnbindResp(11)]

    play(scenario)


def test_an_smsc_without_transceivers(play, wait_until):
    """An operator would look for a network fault where the carrier takes no transceivers."""

    async def scenario(smsc, sender):
        smsc.nacks_binds = True
        await smsc.close()
        await smsc.listen()
        [reconnector] = sender.backend._reconnectors
        told = "the SMSC refused the login: the command is not known (ESME_RINVCMDID)"
        await wait_until(lambda: reconnector.reason == told)
        smsc.nacks_binds = False
        await sender.bound()

    play(scenario)


def test_an_smsc_that_lost_its_session(play):
    """Everything that waits would be rejected for good by an SMSC that has forgotten our bind."""

    async def scenario(smsc, sender):
        def forgetful(session, pdu):
            session.answer(pdu, 0 if session.binds_before else Status.RINVBNDSTS)

        await sender.bound()
        smsc.script = forgetful
        first, *_ = answers = await sender.submit(*["a"] * 5)
        assert first == Throttled(0)
        assert {type(answer) for answer in answers} <= {Accepted, Throttled}
        assert [type(answer) for answer in await sender.submit("a")] == [Accepted]
        assert smsc.count(Unbind) == 1
        assert smsc.count(BindTransceiver) == 2

    play(scenario, window=2)


def test_leave_of_a_link_that_is_gone(play, wait_until):
    """An SMSC that takes leave and hangs up at once would stop the backend for good."""

    async def scenario(smsc, sender):
        await sender.bound()
        [old] = sender.backend._links
        held = []
        smsc.script = lambda _, pdu: held.append(pdu)
        sending = asyncio.create_task(sender.submit("a"))
        await wait_until(lambda: held)
        smsc.sessions[0].send(Unbind(11))
        smsc.sessions[0].transport.close()
        assert isinstance((await sending)[0], Unknown)
        old.tick(asyncio.get_running_loop().time())  # as it comes before the backend has heard of it

    play(scenario, runner=uvloop.run)


def test_leave_of_an_smsc_that_does_not_read(play, wait_until, monkeypatch):
    """A connection that never ends would keep the next bind from being made."""
    monkeypatch.setattr(link, "UNBIND_SECONDS", 0.05)

    async def scenario(smsc, sender):
        await sender.bound()
        [old] = sender.backend._links
        monkeypatch.setattr(old._transport, "close", lambda: None)  # what is written never leaves
        smsc.sessions[0].send(Unbind(11))
        await wait_until(old.closed.done)
        assert old.closed.result() == "the SMSC took leave"
        assert isinstance((await sender.submit("a"))[0], Accepted)

    play(scenario)


def test_no_more_into_a_link_that_is_silent(play):
    """Behind a broken line one window of messages after the other would be sent into the void, and again."""

    async def scenario(smsc, sender):
        smsc.alive = False
        await sender.bound()
        silent = smsc.sessions[0]
        smsc.script = lambda session, pdu: session is silent or session.answer(pdu)
        lost, *others = await sender.submit(*["a"] * 4)
        assert isinstance(lost, Unknown)
        assert {type(answer) for answer in others} == {Accepted}
        assert silent.submits == 1

    play(scenario, window=1, response_timeout=1.0)


def test_garbage(play):
    """Bytes that are no SMPP would stop the backend for good."""

    async def scenario(smsc, sender):
        def garbage(session, _pdu):
            smsc.script = lambda session, pdu: session.answer(pdu)
            session.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        smsc.script = garbage
        broken, sent = await sender.submit("a", "b")
        assert isinstance(broken, Unknown)
        assert isinstance(sent, Accepted)

    play(scenario, window=1)


def test_several_binds(play, wait_until):
    """A contract for more connections would bring no more speed."""

    async def scenario(smsc, sender):
        await sender.bound(3)
        held = []
        smsc.script = lambda session, pdu: held.append((session, pdu))
        sending = asyncio.create_task(sender.submit(*["a"] * 12))
        await wait_until(lambda: len(held) == 6)
        assert {session.unanswered for session in smsc.sessions} == {2}
        smsc.script = lambda session, pdu: session.answer(pdu)
        for session, pdu in held:
            session.answer(pdu)
        assert {type(what) for what in await sending} == {Accepted}
        assert smsc.most == 2

    play(scenario, binds=3, window=2)


def test_stop_waits_for_answers(play, wait_until):
    """A stop would leave what was just sent without its answer."""

    async def scenario(smsc, sender):
        held = []
        smsc.script = lambda session, pdu: held.append((session, pdu))
        sending = asyncio.create_task(sender.submit("a"))
        await wait_until(lambda: held)
        stopping = asyncio.create_task(sender.backend.stop())
        await wait_until(sender.backend._reconnectors[0]._stopping.is_set)
        assert smsc.count(Unbind) == 0
        session, pdu = held[0]
        session.answer(pdu)
        assert isinstance((await sending)[0], Accepted)
        await stopping
        assert smsc.count(Unbind) == 1

    play(scenario)


def self_signed(certificate):
    """Make an SMSC's certificate, signed by itself; its side of TLS."""
    key = certificate.with_suffix(".key")
    subject = ("-subj", "/CN=smsc", "-addext", "subjectAltName=IP:127.0.0.1")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key)
    command = ["openssl", "req", "-x509", *kind, *subject, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate, key)
    return served


def test_tls(tmp_path, play, wait_until):
    """Passwords and messages would be readable on the way, or go to whoever answers."""
    served = self_signed(tmp_path / "ca.pem")

    async def trusted(_smsc, sender):
        assert isinstance((await sender.submit("a"))[0], Accepted)

    async def distrusted(smsc, sender):
        with structlog.testing.capture_logs() as logs:
            await wait_until(lambda: any("reason" in entry for entry in logs))
        assert logs[0]["reason"] == "cannot connect: its certificate is not trusted: self-signed certificate"
        assert smsc.count(SubmitSm) == 0
        assert not sender.backend._links

    play(trusted, ssl=served, tls=True, ca="ca.pem")
    play(trusted, ssl=served, tls=True, verify=False)
    play(distrusted, ssl=served, tls=True)


def test_the_certificates_to_trust_are_renewed(tmp_path, play):
    """Nothing would be sent from the day on that the carrier has a new certificate, until a restart."""
    trusted = tmp_path / "ca.pem"

    async def scenario(smsc, sender):
        await sender.bound()
        await smsc.close()
        await smsc.listen(self_signed(trusted))
        assert isinstance((await sender.submit("a"))[0], Accepted)

    async def spoiled(smsc, sender):
        await sender.bound()
        with structlog.testing.capture_logs() as logs:
            trusted.write_text("half a file")
            await smsc.close()
            await smsc.listen(served)
            assert isinstance((await sender.submit("a"))[0], Accepted)
        told = [entry["reason"] for entry in logs if entry["event"] == "certificates_not_renewed"]
        assert set(told) == {f"The certificates in {trusted} cannot be used: they are no PEM certificates."}

    for play_out in (scenario, spoiled):
        served = self_signed(trusted)
        play(play_out, ssl=served, tls=True, ca="ca.pem")


def test_the_password_may_come_from_elsewhere_and_change(tmp_path, play, monkeypatch):
    """A password could be kept in the configuration alone, or a new one would need a restart."""
    file = tmp_path / "carrier.password"
    file.write_text("first\n")
    monkeypatch.setenv("CARRIER_PASSWORD", "from-env")

    def passwords(smsc):
        return [pdu.password for pdu in smsc.pdus if isinstance(pdu, Bind)]

    async def again(smsc, sender):
        await smsc.close()
        await smsc.listen()
        assert isinstance((await sender.submit("a"))[0], Accepted)

    async def changed(smsc, sender):
        await sender.bound()
        file.write_text("second")
        await again(smsc, sender)
        with structlog.testing.capture_logs() as logs:
            file.write_text("over eight")
            await again(smsc, sender)
        assert passwords(smsc)[0] == "first"
        assert set(passwords(smsc)[1:]) == {"second"}
        reasons = {entry["reason"] for entry in logs if entry["event"] == "password_not_renewed"}
        sentence = "password is over the 8 characters that SMPP allows"
        assert reasons == {f"The password cannot be used: {sentence}."}

    async def environment(smsc, sender):
        await sender.bound()
        assert set(passwords(smsc)) == {"from-env"}

    play(changed, password=None, password_file="carrier.password")
    play(environment, password="${CARRIER_PASSWORD}")


def test_password_that_is_nowhere(tmp_path):
    """An operator would look for the fault at the carrier."""
    backend = client.SmppBackend(
        "carrier", SmppConfig("smpp", "127.0.0.1", "s", password_file="nowhere"), tmp_path
    )
    with pytest.raises(ConfigurationError, match=r"The password cannot be read from .*/nowhere: No such"):
        asyncio.run(backend.start())
    for keys in ({}, {"password": "a", "password_file": "b"}):
        with pytest.raises(ValueError, match="it needs the key 'password' or the key 'password_file', and"):
            SmppConfig("smpp", "127.0.0.1", "s", **keys)
    assert "secret" not in repr(SmppConfig("smpp", "127.0.0.1", "s", "secret"))


def test_tls_to_a_plain_port(tmp_path, wait_until):
    """An operator would be told of a wrong version number, and look for it."""

    async def main():
        async with Simulator() as smsc:
            config = SmppConfig("smpp", smsc.host, "s", "p", smsc.port, tls=True)
            backend = client.SmppBackend("carrier", config, tmp_path)
            with structlog.testing.capture_logs() as logs:
                await backend.start()
                await wait_until(lambda: logs)
                await backend.stop()
        assert logs[0]["reason"].endswith("; does it speak TLS on this port?")

    asyncio.run(main())
