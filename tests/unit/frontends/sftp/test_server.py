import asyncio
import os
import threading

import asyncssh
import pytest

from smsfs.errors import ConfigurationError
from smsfs.frontends.sftp import SftpSettings, start
from smsfs.frontends.sftp.settings import ssh_options
from smsfs.frontends.sftp.wire import MAX_PACKET, Request

LIMIT = 60


def test_openssh_uploads_lists_renames_and_removes(run, serve, memory, openssh, tmp_path):
    """The client that most people have would not work."""
    content = os.urandom(3_000_000)
    (tmp_path / "a.csv").write_bytes(content)
    batch = "put -p a.csv\nls -l\nrename a.csv b.csv\nget b.csv c.csv\ndf\nrm b.csv\n-rm b.csv\n"

    async def scenario():
        async with serve() as serving:
            return await openssh("sftp", serving.port, "-b", "-", "shop@127.0.0.1", text=batch)

    done = run(scenario())
    assert done.returncode == 0, done.stderr
    assert "-rw-r--r--" in done.stdout
    assert "3000000" in done.stdout
    assert (tmp_path / "c.csv").read_bytes() == content
    assert memory.files == {}
    assert ("close", "a.csv") in memory.calls


def test_scp_over_sftp_ends_well(run, serve, memory, openssh, tmp_path):
    """A script with scp would report a failure although the file arrived."""
    (tmp_path / "a.csv").write_bytes(b"short")
    memory.files["a.csv"] = bytearray(b"longer than that")

    async def scenario():
        async with serve() as serving:
            return await openssh("scp", serving.port, "-q", "-s", "a.csv", "shop@127.0.0.1:a.csv")

    done = run(scenario())
    assert (done.returncode, memory.files["a.csv"]) == (0, b"short"), done.stderr


@pytest.mark.parametrize("command", [["echo ${ShellId}%ComSpec%"], []])
def test_commands_and_shells_are_refused_at_once(run, serve, openssh, command):
    """The probes of rclone and WinSCP would wait, and a person in front of a dead prompt."""

    async def scenario():
        async with serve() as serving:
            return await openssh("ssh", serving.port, "-T", "shop@127.0.0.1", *command)

    done = run(scenario())
    assert done.returncode == 1
    assert "only SFTP" in done.stderr


def test_nothing_but_our_subsystem_is_reachable(run, serve, host_key):
    """By asyncssh's own SFTP server, scp, a terminal or a tunnel, a client would reach the host itself."""
    options = ssh_options(SftpSettings([host_key]), asyncssh.SSHServer)
    assert (options.sftp_factory, options.process_factory, options.session_factory) == (None, None, None)
    assert [options.allow_scp, options.allow_pty, options.agent_forwarding, options.x11_forwarding] == [
        False
    ] * 4

    async def scenario():
        async with serve() as serving, serving.connect() as connection:
            for subsystem in ("netconf", "scp"):
                with pytest.raises(asyncssh.ChannelOpenError):
                    await connection.create_process(subsystem=subsystem)
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", serving.port)
            with pytest.raises(asyncssh.ChannelListenError):
                await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1)
            assert (await connection.run("scp -t .")).exit_status == 1

    run(scenario())


def test_asyncssh_client_with_key(run, until, serve, client_key, events):
    """Clients that are no OpenSSH would fail, or the operator not see who was there."""

    async def scenario():
        async with serve() as serving, serving.connect(password=None, client_keys=[client_key]) as connection:
            async with connection.start_sftp_client() as sftp, sftp.open("a.csv", "wb") as file:
                await file.write(b"x" * 1_000_000)
            async with connection.start_sftp_client() as sftp:
                assert await sftp.listdir(".") == [".", "..", "a.csv"]
                assert await sftp.getsize("a.csv") == 1_000_000
                with pytest.raises(asyncssh.SFTPFailure, match="there already"):
                    await sftp.open("a.csv", "x")
            await until(lambda: len([e for e in events if e["event"] == "session_end"]) == 2)

    run(scenario())
    ends = [event for event in events if event["event"] == "session_end"]
    assert ends[0]["account"] == "shop"
    assert ends[0]["peer"] == "127.0.0.1"
    assert ends[0]["bytes_in"] == 1_000_000
    assert [event["account"] for event in events if event["event"] == "login"] == ["shop"]


def test_a_slow_reader_does_not_make_replies_pile_up(run, until, serve, memory):
    """A client that asks for much and takes little would fill the server's memory."""
    memory.files["a.csv"] = bytearray(2**20)
    asked = 400

    async def scenario():
        async with serve() as serving, serving.connect(encoding=None) as connection:
            process = await connection.create_process(
                subsystem="sftp", encoding=None, window=2**30, max_pktsize=2**15
            )
            process.stdin.write(packet(Request.INIT, 3))
            process.stdin.write(packet(Request.OPEN, 1, b"a.csv", 1, 0))
            connection._transport.pause_reading()
            for number in range(asked):
                process.stdin.write(packet(Request.READ, number, b"1", 0, 0, 2**18))
            (client,) = serving.server._clients
            await until(lambda: client._channels and not client.writable)
            (channel,) = client._channels
            done = channel.session.counters.bytes_out
            assert done < asked * 2**18 / 4
            connection._transport.resume_reading()
            received = 0
            while received < asked * 2**18:
                received += len(await process.stdout.read(2**20))
            assert channel.session.counters.bytes_out == asked * 2**18

    run(scenario())


def packet(request, number, *fields):
    """A request with its length; ``int`` fields are 32 bits, bytes are strings."""
    body = bytes([request]) + number.to_bytes(4, "big")
    for field in fields:
        body += field.to_bytes(4, "big") if isinstance(field, int) else len(field).to_bytes(4, "big") + field
    return len(body).to_bytes(4, "big") + body


def test_requests_before_an_eof_are_answered(run, serve):
    """The last requests of a client that closes its side early would be lost."""

    async def scenario():
        async with serve() as serving, serving.connect() as connection:
            process = await connection.create_process(subsystem="sftp", encoding=None)
            process.stdin.write(packet(Request.INIT, 3) + packet(Request.STAT, 7, b"/") * 100)
            process.stdin.write_eof()
            answers = await process.stdout.read()
            assert answers.count(b"\0\0\0\x07\0\0\0\x0f") == 100
            await process.wait_closed()
            assert process.exit_status == 0

    run(scenario())


@pytest.mark.parametrize("bad", [b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\0", (MAX_PACKET + 1).to_bytes(4, "big")])
def test_bytes_that_are_no_sftp_end_the_session(run, serve, bad, events):
    """A confused client would wait for ever."""

    async def scenario():
        async with serve() as serving, serving.connect() as connection:
            process = await connection.create_process(subsystem="sftp", encoding=None)
            process.stdin.write(packet(Request.INIT, 3) + bad)
            await process.wait_closed()
            assert process.exit_status == 1

    run(scenario())
    assert [event["event"] for event in events].count("protocol_error") == 1


def test_a_cut_connection_abandons_its_uploads(run, serve, memory, events):
    """Half a file would be taken for a whole one, and sent."""

    async def scenario():
        async with serve() as serving:
            connection = await serving.connect()
            sftp = await connection.start_sftp_client()
            whole, part = await sftp.open("whole.csv", "wb"), await sftp.open("part.csv", "wb")
            await whole.write(b"1")
            await part.write(b"2")
            await whole.close()
            connection.abort()
            await asyncio.to_thread(memory.wait_for, ("abandon", "part.csv"))

    run(scenario())
    assert ("close", "whole.csv") in memory.calls
    assert ("close", "part.csv") not in memory.calls
    assert [event["file"] for event in events if event["event"] == "transfer_cut"] == ["part.csv"]


def test_an_eof_with_an_open_upload_is_a_cut(run, serve, memory):
    """A client killed in the middle of an upload would have submitted it."""

    async def scenario():
        async with serve() as serving, serving.connect() as connection:
            process = await connection.create_process(subsystem="sftp", encoding=None)
            process.stdin.write(packet(Request.INIT, 3) + packet(Request.OPEN, 1, b"a.csv", 0x1A, 0))
            process.stdin.write_eof()
            await process.wait_closed()

    run(scenario())
    assert memory.calls[-1] == ("abandon", "a.csv")


def test_a_cut_waits_for_the_request_under_way(run, until, serve, memory):
    """A file would be abandoned by one thread while another writes to it."""
    memory.gate = threading.Event()

    async def scenario():
        async with serve() as serving:
            connection = await serving.connect()
            sftp = await connection.start_sftp_client()
            file = await sftp.open("a.csv", "wb")
            write = asyncio.create_task(file.write(b"data"))
            await asyncio.to_thread(memory.wait_for, ("at the gate",))
            connection.abort()
            await until(lambda: not serving.server._clients)
            assert ("abandon", "a.csv") not in memory.calls
            memory.gate.set()
            await asyncio.to_thread(memory.wait_for, ("abandon", "a.csv"))
            with pytest.raises(asyncssh.SFTPError):
                await write

    run(scenario())
    assert memory.files["a.csv"] == b"data"


def test_the_loop_is_never_blocked(run, serve, memory):
    """One client on a slow disk would stop every other."""
    memory.gate = threading.Event()

    async def scenario():
        async with (
            serve() as serving,
            serving.connect() as one,
            serving.connect() as other,
            one.start_sftp_client() as slow,
            other.start_sftp_client() as quick,
        ):
            file = await slow.open("a.csv", "wb")
            write = asyncio.create_task(file.write(b"data"))
            await asyncio.to_thread(memory.wait_for, ("at the gate",))
            assert await quick.listdir(".") == [".", "..", "a.csv"]
            memory.gate.set()
            await write
            await file.close()

    run(scenario())


def test_stop_lets_a_transfer_finish(run, until, serve, memory):
    """An upload would be cut by every restart of the server."""

    async def scenario():
        async with serve() as serving:
            connection = await serving.connect()
            sftp = await connection.start_sftp_client()
            file = await sftp.open("a.csv", "wb")
            stopping = asyncio.create_task(serving.server.stop(LIMIT))
            await until(lambda: serving.server.stopping)
            with pytest.raises(OSError):
                await serving.connect()
            await file.write(b"data")
            await file.close()
            await sftp.rename("a.csv", "a.csv.ready")
            await stopping
            await connection.wait_closed()

    run(scenario())
    assert ("close", "a.csv") in memory.calls
    assert memory.files == {"a.csv.ready": b"data"}


def test_stop_cuts_what_takes_longer_than_its_grace(run, serve, memory):
    """The server could not be stopped while a client keeps a file open."""

    async def scenario():
        async with serve() as serving:
            connection = await serving.connect()
            sftp = await connection.start_sftp_client()
            await sftp.open("a.csv", "wb")
            await serving.server.stop(0.1)
            assert memory.calls[-1] == ("abandon", "a.csv")
            await connection.wait_closed()

    run(scenario())


def test_an_address_in_use_is_a_sentence(run, serve, host_key):
    """The operator would see a traceback."""

    async def scenario():
        async with serve() as serving:
            with pytest.raises(ConfigurationError) as told:
                await start(SftpSettings([host_key], [("127.0.0.1", serving.port)]), serving.authenticator)
            assert str(told.value).startswith(f"SFTP cannot listen on 127.0.0.1:{serving.port}: ")

    run(scenario())
