"""TLS, begun by AUTH or with the first byte."""

import contextlib
import ftplib
import socket
import ssl

import pytest

from smsfs.frontends.ftp import FtpSettings
from smsfs.frontends.proxy import networks
from tests.support.server import wait_for

# ruff: noqa: S321 - FTP is what is tested

HEADER = b"PROXY TCP4 198.51.100.7 127.0.0.1 50000 8021\r\n"


def trusting(certificate):
    """A client's TLS that trusts the server."""
    return ssl.create_default_context(cafile=certificate[0])


class TestTls:
    def test_a_login_needs_tls_unless_plain_is_on(self, serve, certificate, hand, events):
        """Passwords and files would travel unencrypted though the operator forbade it."""
        with serve(plain=False) as serving:
            client = serving.connect()
            for command in ("USER shop", "PASS secret"):
                client.username = "shop"
                assert hand.refused(client, command)[:3] in ("530", "503")
            assert "explicit FTPS" in hand.refused(client, "USER shop")
            assert any("explicit FTPS" in event.get("sentence", "") for event in events)
            client.close()
            with ftplib.FTP_TLS(context=trusting(certificate), timeout=20) as secure:
                secure.connect("127.0.0.1", serving.port)
                secure.login("shop", "secret")
                for command in ("PASV", "EPSV", "PORT 127,0,0,1,200,200", "EPRT |1|127.0.0.1|50000|"):
                    assert hand.refused(secure, command).startswith("521 Data connections are encrypted")
                assert hand.refused(secure, "PROT P").startswith("503 PBSZ 0")
                secure.prot_p()
                assert hand.refused(secure, "PROT C").startswith("536")
                assert hand.put(secure, "b.csv", b"x").startswith("226")

    def test_plain_can_be_all_there_is(self, serve, hand):
        """A server without certificate could not be had."""
        with serve() as serving:
            serving.server.settings = FtpSettings(plain=True)
            client = serving.log_in()
            assert hand.refused(client, "AUTH TLS").startswith("502 There is no certificate")
            assert "AUTH" not in client.sendcmd("FEAT")
            client.close()

    def test_old_versions_are_refused(self, serving):
        """What TLS 1.1 encrypts can be read by others."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="deprecated"):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="deprecated"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with ftplib.FTP_TLS(context=context, timeout=20) as client:
            client.connect("127.0.0.1", serving.port)
            with pytest.raises(ssl.SSLError):
                client.auth()

    def test_commands_slipped_in_before_tls_are_dropped(self, serving, certificate):
        """Somebody on the network could have a client's session begin with his commands."""
        with socket.create_connection(("127.0.0.1", serving.port), 20) as sock:
            assert sock.recv(100).startswith(b"220")
            sock.sendall(b"AUTH TLS\r\nPBSZ 0\r\nNOOP\r\n")
            assert sock.recv(100) == b"234 Begin TLS.\r\n"
            with trusting(certificate).wrap_socket(sock, server_hostname="localhost") as secure:
                secure.sendall(b"PROT P\r\n")
                assert secure.recv(100).startswith(b"503 PBSZ 0 comes first")

    def test_what_is_no_tls_ends_the_connection(self, serving, events, hand):
        """The server would wait for it for ever."""
        with socket.create_connection(("127.0.0.1", serving.port), 20) as sock:
            sock.recv(100)
            sock.sendall(b"AUTH TLS\r\n")
            sock.recv(100)
            sock.sendall(b"USER shop\r\n")
            hand.rest(sock)
        wait_for(lambda: any(event["event"] == "tls_failed" for event in events), "the refusal")

    def test_data_connections_that_are_no_tls(self, secure, hand, memory):
        """An upload would wait for ever, or be taken in from a stranger."""
        host, port = secure.makepasv()
        with socket.create_connection((host, port), 20) as sock:
            assert secure.sendcmd("STOR b.csv").startswith("150")
            sock.sendall(b"not encrypted, and long enough for a record")
            with pytest.raises(ftplib.error_temp, match="425 TLS on the data connection failed"):
                secure.voidresp()
        memory.wait_for(("abandon", "b.csv"))
        assert hand.put(secure, "b.csv", b"again").startswith("226")

    @pytest.mark.parametrize("first", ["command", "handshake"])
    def test_either_side_may_begin_the_data_connection_s_tls(self, secure, certificate, memory, first):
        """Curl waits for the reply before its handshake, others do not; one of them would hang."""
        host, port = secure.makepasv()
        with socket.create_connection((host, port), 20) as sock:
            if first == "command":
                assert secure.sendcmd("STOR b.csv").startswith("150")
            with trusting(certificate).wrap_socket(sock, server_hostname="localhost") as data:
                if first == "handshake":
                    assert secure.sendcmd("STOR b.csv").startswith("125")
                data.sendall(b"x")
                data.unwrap()
        assert secure.voidresp().startswith("226")
        assert memory.files["b.csv"] == b"x"

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_data_connections_resume_the_control_connection_s_tls(
        self, serving, certificate, memory, version
    ):
        """FileZilla would warn of every upload, and clients that insist on it would fail."""
        trusted = trusting(certificate)
        trusted.minimum_version = trusted.maximum_version = version
        with ftplib.FTP_TLS(context=trusted, timeout=20) as client:
            client.connect("127.0.0.1", serving.port)
            client.login("shop", "secret")
            client.prot_p()
            for name in ("b.csv", "c.csv"):
                with socket.create_connection(client.makepasv(), 20) as sock:
                    client.sendcmd(f"STOR {name}")
                    session = client.sock.session
                    with trusted.wrap_socket(sock, server_hostname="localhost", session=session) as data:
                        assert data.session_reused
                        data.sendall(b"x")
                        data.unwrap()
                assert client.voidresp().startswith("226")
                assert memory.files[name] == b"x"

    def test_a_large_download(self, secure, memory):
        """Its end would be missing when the network's buffers are full."""
        memory.files["big"] = bytearray(20_000_000)
        with secure.transfercmd("RETR big") as data:
            received = 0
            while part := data.recv(65536):
                received += len(part)
            data.unwrap()
        assert secure.voidresp().startswith("226")
        assert received == 20_000_000


class TestImplicitTls:
    """TLS from the first byte."""

    @pytest.fixture
    def implicit(self, serve):
        """A server with a port for it."""
        with serve(plain=False, implicit_listen=[("127.0.0.1", 0)]) as serving:
            yield serving

    def test_a_session(self, implicit, certificate, memory):
        """Clients that know only port 990 could not upload, or their data would travel unencrypted."""
        address = implicit.server.implicit_addresses[0]
        with (
            socket.create_connection(address, 20) as sock,
            trusting(certificate).wrap_socket(sock, server_hostname="localhost") as secure,
            secure.makefile("rb") as lines,
        ):
            assert lines.readline().startswith(b"220")
            secure.sendall(b"USER shop\r\nPASS secret\r\nAUTH TLS\r\nEPSV\r\nSTOR b.csv\r\n")
            replies = [lines.readline().decode() for _ in range(5)]
            assert [reply[:3] for reply in replies] == ["331", "230", "503", "229", "150"]
            with (
                socket.create_connection(("127.0.0.1", int(replies[3].split("|")[3])), 20) as plain,
                trusting(certificate).wrap_socket(plain, server_hostname="localhost") as data,
            ):
                data.sendall(b"x")
                data.unwrap()
            assert lines.readline().startswith(b"226")
        assert memory.files["b.csv"] == b"x"

    def test_what_is_no_tls_ends_the_connection(self, implicit, events):
        """A password that a client sends without TLS would be taken, or the server wait for ever."""
        with socket.create_connection(implicit.server.implicit_addresses[0], 20) as sock:
            sock.sendall(b"USER shop\r\nPASS secret\r\n")
            wait_for(lambda: any(event["event"] == "tls_failed" for event in events), "the refusal")
            wait_for(lambda: implicit.threads() == 0, "the end")
        assert not [event for event in events if event["event"] == "login"]

    def test_behind_a_balancer(self, serve, certificate):
        """The beginning of TLS would be taken for a part of the header, and every client be refused."""
        balancer = {"proxy_from": networks(["127.0.0.1"]), "implicit_listen": [("127.0.0.1", 0)]}
        with serve(**balancer) as serving:
            client, wire = ssl.MemoryBIO(), ssl.MemoryBIO()
            shake = trusting(certificate).wrap_bio(client, wire, server_hostname="localhost")
            with pytest.raises(ssl.SSLWantReadError):
                shake.do_handshake()
            with socket.create_connection(serving.server.implicit_addresses[0], 20) as sock:
                sock.sendall(HEADER + wire.read())  # in one piece
                greeting = b""
                while not greeting:
                    arrived = sock.recv(65536)
                    assert arrived
                    client.write(arrived)
                    with contextlib.suppress(ssl.SSLWantReadError):
                        shake.do_handshake()
                        sock.sendall(wire.read())
                        greeting = shake.read(3)
                assert greeting == b"220"
