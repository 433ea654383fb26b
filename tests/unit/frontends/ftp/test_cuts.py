"""How an upload ends, and whether that is taken for all of it."""

import contextlib
import ftplib
import socket
import ssl
import threading

import pytest

from smsfs.frontends.ftp import data as module
from smsfs.frontends.ftp import standing
from tests.support.server import wait_for

CUT = "426 The upload was cut off"


def begin(client, memory, name="b.csv"):
    """An upload under way, some bytes of which have arrived."""
    data = client.transfercmd(f"STOR {name}")
    data.sendall(b"half")
    wait_for(lambda: memory.files.get(name) == b"half", "the bytes to arrive")
    return data


def assert_cut(memory, name="b.csv"):
    """The file was given up, not completed."""
    memory.wait_for(("abandon", name))
    assert ("close", name) not in memory.calls


def test_a_reset(client, memory, hand):
    """Half a file would be sent when a network fails."""
    hand.reset(begin(client, memory))
    with pytest.raises(ftplib.error_temp, match=CUT):
        client.voidresp()
    assert_cut(memory)
    assert hand.put(client, "b.csv", b"again").startswith("226")


def test_an_abort(client, memory, hand):
    """Half a file would be sent when a person presses Cancel."""
    data = begin(client, memory)
    assert client.abort().startswith("426")
    assert client.getresp().startswith("226")
    assert_cut(memory)
    data.close()
    assert hand.put(client, "b.csv", b"again").startswith("226")


def test_an_abort_with_telnet_s_bytes(client, memory):
    """Clients that follow the letter of the standard could not cancel."""
    with begin(client, memory):
        client.sock.sendall(b"\xff\xf4\xff\xf2ABOR\r\n")
        with pytest.raises(ftplib.error_temp, match="426 The transfer was aborted"):
            client.voidresp()
    assert_cut(memory)


def test_a_program_that_was_killed(client, memory, monkeypatch):
    """The kernel ends both connections of a killed program in good order: half a file would be sent."""
    monkeypatch.setattr(standing, "STANDING_SECONDS", 5)
    data = begin(client, memory)
    data.close()  # the order is that of the file descriptors
    client.sock.close()
    client.file.close()
    assert_cut(memory)


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_control_connection_that_ends_first(client, memory, hand, how):
    """Half a file would be sent when a client crashes."""
    with begin(client, memory):
        client.file.close()
        if how == "end":
            client.sock.close()
        else:
            hand.reset(client.sock)
        assert_cut(memory)


def test_quit_before_the_end_lets_the_upload_end(client, memory):
    """Clients that say good-bye early would have to upload again."""
    with begin(client, memory) as data:
        assert client.sendcmd("QUIT").startswith("221")
        data.sendall(b" and half")
    assert client.voidresp().startswith("226")
    assert memory.files["b.csv"] == b"half and half"
    assert ("close", "b.csv") in memory.calls


def test_tls_that_ends_without_close_notify(secure, memory, hand):
    """Half a file would be sent when a program is killed, and TLS be no better than none."""
    data = begin(secure, memory)
    socket.socket.shutdown(data, socket.SHUT_WR)  # below TLS: what the kernel does for a killed program
    with pytest.raises(ftplib.error_temp, match=f"{CUT}: its TLS connection ended without close_notify; "):
        secure.voidresp()
    assert_cut(memory)
    data.close()
    assert hand.put(secure, "b.csv", b"again").startswith("226")


def test_tls_that_is_reset(secure, memory, hand):
    """Half a file would be sent when a network fails."""
    hand.reset(begin(secure, memory))
    with pytest.raises(ftplib.error_temp, match=CUT):
        secure.voidresp()
    assert_cut(memory)


def test_tls_that_is_forged(secure, memory):
    """Bytes that somebody slipped in would be taken for the file's, or its end for the client's."""
    data = begin(secure, memory)
    socket.socket.sendall(data, b"\x15\x03\x03\x00\x02\x01\x00" * 3)  # an alert that is not encrypted
    with pytest.raises(ftplib.error_temp, match=CUT):
        secure.voidresp()
    assert_cut(memory)
    data.close()


def test_tls_that_ends_well_is_answered(secure, memory):
    """Clients that wait for the server's close_notify would hang."""
    data = begin(secure, memory)
    plain = data.unwrap()  # waits for it
    assert secure.voidresp().startswith("226")
    assert ("close", "b.csv") in memory.calls
    plain.close()


class Deaf:
    """A TLS client that reads nothing after its handshake; Go's are of this kind when they only write."""

    def __init__(self, sock, context):
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._incoming.write(sock.recv(65536))
            else:
                self._flush()
                return

    def _flush(self):
        self._sock.sendall(self._outgoing.read())

    def send(self, content):
        """Send, and say good-bye."""
        self._tls.write(content)
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_never_reads_the_data_connection(secure, memory, certificate, version):
    """What the server sent there would have the client's kernel reset the upload, and lose its end."""
    trusted = ssl.create_default_context(cafile=certificate[0])
    trusted.minimum_version = trusted.maximum_version = version
    content = b"x" * 10_000_000
    with socket.create_connection(secure.makepasv(), 20) as sock:
        assert secure.sendcmd("STOR b.csv").startswith("150")
        Deaf(sock, trusted).send(content)
    assert secure.voidresp().startswith("226")
    assert memory.files["b.csv"] == content


def test_a_stalled_upload(serving, client, memory, monkeypatch):
    """A client whose network is gone would keep its file open for ever."""
    begun, look = threading.Event(), module.DataConnection.handle_timeout
    monkeypatch.setattr(module.DataConnection, "handle_timeout", lambda data: begun.is_set() and look(data))
    object.__setattr__(serving.server.settings, "idle_timeout", 0.01)  # of data connections from now on
    with begin(client, memory):
        begun.set()
        with pytest.raises(ftplib.error_temp, match=CUT):
            client.voidresp()
        assert_cut(memory)


def test_an_upload_whose_data_connection_never_comes(client, memory, hand):
    """The file would be open for ever, or take in the bytes of the next upload."""
    client.makeport = None
    client.sendcmd("EPSV")
    assert client.sendcmd("STOR b.csv").startswith("150")
    assert hand.refused(client, "EPSV").startswith("450")
    assert client.abort().startswith("426")
    assert client.getresp().startswith("226")
    assert_cut(memory)
    assert hand.put(client, "c.csv", b"c").startswith("226")
    assert memory.files == {"b.csv": b"", "c.csv": b"c"}


@pytest.mark.parametrize("command", ["REIN", "USER shop"])
def test_another_login_while_an_upload_waits(client, memory, hand, command):
    """The next account would write into a file of the one before."""
    client.sendcmd("EPSV")
    client.sendcmd("STOR b.csv")
    client.sendcmd(command)
    assert_cut(memory)
    assert hand.refused(client, "PWD").startswith("530")


def test_a_download_that_is_cut(client, memory, hand):
    """The operator would look for a fault where a client just went."""
    memory.files["a.csv"] = bytearray(50_000_000)
    data = client.transfercmd("RETR a.csv")
    assert data.recv(1)  # a reset before that is one of a connection that was not yet used
    hand.reset(data)
    with pytest.raises(ftplib.error_temp, match="426 The connection for the data was lost"):
        client.voidresp()
    assert len(hand.get(client, "a.csv", rest=49_000_000)) == 1_000_000


def test_a_refusal_in_the_middle_is_read(client, memory, monkeypatch):
    """The client would see a broken connection in place of the sentence; but not take in data for ever."""
    memory.files["b.csv"] = bytearray()
    monkeypatch.setattr(module, "PASS_OVER", 10_000_000)
    for size, passes in ((3_000_000, True), (40_000_000, False)):
        memory.failure = None
        data = client.transfercmd("STOR b.csv")
        memory.failure = OSError(28, "full")
        with contextlib.suppress(ConnectionError):
            data.sendall(b"x" * size)
            assert passes
        data.close()
        with pytest.raises(ftplib.error_temp, match="452 No space left"):
            client.voidresp()
        assert_cut(memory)
