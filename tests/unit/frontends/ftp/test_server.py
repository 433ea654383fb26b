"""Connections, logins, limits, TLS, balancers and the end of the server."""

import ftplib
import io
import socket
import struct
import threading

import pytest

from smsfs.errors import ConfigurationError, NotAllowed, StoreUnavailable
from smsfs.frontends.ftp import FtpServer, FtpSettings, server, session
from smsfs.frontends.proxy import networks
from tests.support.server import wait_for

# ruff: noqa: S321 - FTP is what is tested


class TestLogins:
    def test_wrong_passwords_end_the_connection(self, serve, events):
        """Passwords could be tried as fast as the network allows."""
        with serve(max_auth_tries=2) as serving:
            client = serving.connect()
            for reply in ("530 The account's name or password is wrong", "530 Too many failed logins"):
                with pytest.raises(ftplib.error_perm, match=reply):
                    client.login("shop", "wrong")
            with pytest.raises((EOFError, ConnectionError)):
                client.sendcmd("NOOP")
            client.close()
        failed = [event for event in events if event["event"] == "login_failed"]
        assert [(event["peer"], event["account"]) for event in failed] == [("127.0.0.1", "shop")] * 2
        assert "wrong" not in str(events)

    def test_a_new_user_command_does_not_give_new_tries(self, serve):
        """The limit of tries would be none."""
        with serve(max_auth_tries=2) as serving:
            client = serving.log_in()
            client.sendcmd("REIN")
            for reply in ("530 The account's name or password is wrong", "530 Too many failed logins"):
                client.sendcmd("USER x")
                client.sendcmd("USER y")
                with pytest.raises(ftplib.error_perm, match=reply):
                    client.sendcmd("PASS y")
            client.close()

    def test_bans(self, serve, events):
        """A password would be found by trying for long enough."""
        with serve(ban_after=1, ban_time=3600) as serving:
            client, other = serving.connect(), serving.connect()
            with pytest.raises(ftplib.error_perm, match="Too many"):
                client.login("shop", "wrong")
            with pytest.raises(ftplib.error_perm, match="Too many"):
                other.login("shop", "secret")
            with pytest.raises(ftplib.error_temp, match="421 Not now: banned"):
                serving.connect()
            client.close()
            other.close()
        assert [event["seconds"] for event in events if event["event"] == "banned"] == [3600]

    def test_logins_that_cannot_be_checked(self, serve):
        """A client would take its password for wrong while the store is away."""
        with serve() as serving:
            serving.account.failure = StoreUnavailable("The store is away.")
            client = serving.connect()
            with pytest.raises(ftplib.error_temp, match="421 Logins cannot be checked for now"):
                client.login("shop", "secret")
            client.close()
            serving.account.failure = None
            serving.log_in().close()

    def test_an_account_closed_in_that_moment(self, serve, monkeypatch):
        """It would get in."""
        with serve() as serving:

            async def closed(_):
                raise NotAllowed("This account was closed.")

            monkeypatch.setattr(serving.account, "filesystem", closed)
            client = serving.connect()
            with pytest.raises(ftplib.Error):
                client.login("shop", "secret")
            with pytest.raises((ftplib.Error, EOFError, ConnectionError)):
                client.nlst()
            client.close()

    def test_nothing_before_the_login(self, serving, hand):
        """Anybody could list the files."""
        client = serving.connect()
        for command in ("LIST", "STOR x", "PASV", "STAT x", "RNFR x", "ABOR", "MLST", "PWD"):
            assert hand.refused(client, command).startswith("530 Log in first"), command
        assert hand.refused(client, "PASS x").startswith("503")
        assert client.sendcmd("FEAT").startswith("211")
        client.close()

    def test_who_does_not_log_in_in_time(self, serve):
        """Connections that do nothing would use up those there are."""
        with serve(login_timeout=0.2) as serving:
            client = serving.connect()
            assert client.getline().startswith("421 No login in time")
            with pytest.raises(EOFError):
                client.getline()
            client.close()

    def test_who_does_nothing_for_long(self, serve):
        """Sessions that were forgotten would use up those there are."""
        with serve(idle_timeout=0.2) as serving:
            client = serving.connect()
            with pytest.raises(ftplib.error_temp, match="421 Closed after a long time without a command"):
                _log_in_and_wait(client)
            client.close()


def _log_in_and_wait(client):
    """For what comes without a command; on a slow machine that may be before the end of the login."""
    client.login("shop", "secret")
    client.voidresp()


def _logs_in(serving):
    try:
        serving.log_in().close()
    except ftplib.error_temp:
        return False
    return True


class TestLimits:
    def test_connections_of_all_and_of_one_address(self, serve):
        """One client could keep all others out, or the server run out of threads."""
        for options, reason in (
            ({"max_connections": 2}, "too many connections"),
            ({"max_connections_per_address": 2}, "too many connections from this address"),
        ):
            with serve(**options) as serving:
                clients = [serving.connect(), serving.connect()]
                with pytest.raises(ftplib.error_temp, match=f"421 Not now: {reason}"):
                    serving.connect()
                if "per_address" in str(options):
                    clients.append(serving.connect(source=("127.0.0.2", 0)))
                clients.pop(0).close()
                wait_for(lambda serving=serving: _logs_in(serving))
                for client in clients:
                    client.close()
                wait_for(lambda serving=serving: serving.threads() == 0)

    @pytest.mark.parametrize("what", ["threads", "files"])
    def test_a_system_without_room(self, serve, monkeypatch, events, what):
        """Clients would wait for ever, and the server never stop."""

        def refuse(*_):
            raise RuntimeError("no more") if what == "threads" else OSError("no more")

        with serve(max_connections_per_address=1) as serving:
            place = (threading.Thread, "start") if what == "threads" else (server, "Ends")
            monkeypatch.setattr(*place, refuse)
            with pytest.raises(ftplib.error_temp, match="421 Not now: the server has no room"):
                serving.connect()
            monkeypatch.undo()
            serving.log_in().close()
        refused = [event for event in events if event["event"] == "connection_refused"]
        assert [(event["log_level"], event["reason"]) for event in refused] == [("error", "no more")]

    def test_a_filesystem_that_hangs_stalls_one_client(self, serve, memory):
        """All clients would wait for the slowest disk."""
        with serve() as serving:
            slow, quick = serving.log_in(), serving.log_in()
            memory.gate = threading.Event()
            data = slow.transfercmd("STOR slow.csv")
            data.sendall(b"x")
            memory.wait_for(("at the gate",))
            assert quick.nlst() == ["slow.csv"]
            memory.gate.set()
            data.close()
            assert slow.voidresp().startswith("226")
            assert memory.files["slow.csv"] == b"x"
            slow.close()
            quick.close()

    def test_who_reads_no_replies_is_closed(self, serving, events):
        """One client could use up the server's memory."""
        sock = socket.create_connection(("127.0.0.1", serving.port), 60)
        with sock, pytest.raises(ConnectionError):
            sock.sendall(b"HELP\r\n" * 1_000_000)
        wait_for(lambda: any(event["event"] == "replies_not_read" for event in events))

    def test_only_so_many_calls_at_a_time(self, serve, memory):
        """Many clients at once would use up the connections to the database."""
        with serve(calls=2) as serving:
            clients = [serving.log_in() for _ in range(4)]
            memory.gate = threading.Event()
            uploads = [client.transfercmd(f"STOR {number}.csv") for number, client in enumerate(clients)]
            for data in uploads:
                data.sendall(b"x")
            wait_for(lambda: memory.calls.count(("at the gate",)) == 2)
            memory.gate.set()
            for data, client in zip(uploads, clients, strict=True):
                data.close()
                assert client.voidresp().startswith("226")
                client.close()
            assert len(memory.files) == 4


class TestDataConnections:
    def test_one_that_is_there_at_the_end(self, client):
        """A session would stand for as long as nothing may happen, and count as one of its address's."""
        with socket.create_connection(client.makepasv(), 20):
            wait_for(lambda: "Data connection open" in client.sendcmd("STAT"))
            assert client.sendcmd("QUIT").startswith("221")
            assert client.sock.recv(10) == b""

    def test_active_mode(self, client, memory):
        """Old clients that know nothing else could not upload."""
        client.set_pasv(False)
        client.storbinary("STOR b.csv", io.BytesIO(b"x"))
        assert memory.files["b.csv"] == b"x"
        assert client.nlst() == ["b.csv"]

    def test_active_mode_goes_to_the_client_only(self, client, hand):
        """The server could be made to attack others, or to bypass a firewall."""
        assert "501 Rejected data connection to foreign address" in hand.refused(
            client, "PORT 127,0,0,2,200,1"
        )
        assert "501" in hand.refused(client, "EPRT |1|127.0.0.2|50000|")
        assert "privileged port" in hand.refused(client, "PORT 127,0,0,1,0,25")
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
        assert hand.refused(client, f"PORT 127,0,0,1,{port // 256},{port % 256}").startswith("425")
        assert client.nlst() == []

    def test_passive_mode_is_for_the_client_only(self, client, memory, events):
        """Somebody else could upload a file of his own in the client's place."""
        host, port = client.makepasv()
        with socket.create_connection((host, port), 20, ("127.0.0.2", 0)) as stranger:
            assert stranger.recv(10) == b""
        with socket.create_connection((host, port), 20) as sock:
            assert client.sendcmd("STOR b.csv")[:3] in ("125", "150")
            sock.sendall(b"x")
        assert client.voidresp().startswith("226")
        assert memory.files["b.csv"] == b"x"
        refused = [event for event in events if event["event"] == "data_connection_refused"]
        assert [event["address"] for event in refused] == ["127.0.0.2"]

    def test_ports_and_the_address_told(self, serve):
        """Data connections would come to ports that the firewall closes, or to an address inside."""
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            ports = [sock.getsockname()[1] for sock in (one, two)]
            one.close()
            with serve(passive_ports=ports, masquerade_address="192.0.2.10") as serving:
                client = serving.log_in()
                assert ftplib.parse227(client.sendcmd("PASV")) == ("192.0.2.10", ports[0])
                assert ftplib.parse229(client.sendcmd("EPSV"), ("x", 0))[1] == ports[0]
                other = serving.log_in()
                with pytest.raises(ftplib.error_temp, match="451 All ports for data connections are taken"):
                    other.sendcmd("PASV")
                client.close()
                wait_for(lambda: other.sendcmd("NOOP") and serving.threads() == 1)
                assert other.sendcmd("PASV").startswith("227")
                other.close()

    def test_ipv6(self, serve):
        """Clients that have only IPv6 could not upload."""
        with serve(listen=[("::1", 0)]) as serving:
            client = serving.log_in(host="::1")
            client.storbinary("STOR b.csv", io.BytesIO(b"x"))
            with pytest.raises(ftplib.error_perm, match="522 Over IPv6 there is only EPSV"):
                client.sendcmd("PASV")
            client.set_pasv(False)
            assert client.nlst() == ["b.csv"]
            client.close()


class TestBalancer:
    HEADER = b"PROXY TCP4 198.51.100.7 127.0.0.1 50000 8021\r\n"

    def connect(self, serving, *parts):
        """A connection from a balancer's address, with the parts of its header."""
        sock = socket.create_connection(("127.0.0.1", serving.port), 20)
        for part in parts:
            sock.sendall(part)
        return sock, sock.makefile("rb")

    @pytest.mark.parametrize("cut", [0, 10])
    def test_clients_are_themselves(self, serve, events, cut):
        """Behind a balancer all clients would count as one, and one wrong password ban them all."""
        with serve(proxy_from=networks(["127.0.0.1"])) as serving:
            sock, lines = self.connect(serving, self.HEADER[:cut], self.HEADER[cut:])
            with sock, lines:
                assert lines.readline().startswith(b"220")
                sock.sendall(b"USER shop\r\nPASS secret\r\n")
                assert [lines.readline()[:3] for _ in range(2)] == [b"331", b"230"]
                sock.sendall(b"PORT 127,0,0,1,200,1\r\n")
                assert lines.readline().startswith(b"501 Rejected data connection to foreign address")
        assert [event["peer"] for event in events if event["event"] == "login"] == ["198.51.100.7"]

    def test_data_connections_through_the_balancer(self, serve, memory, events, hand):
        """Only control connections could be balanced, or a stranger's data taken for the client's."""
        other = struct.pack(
            ">12sBBH4s4sHH", b"\r\n\r\n\0\r\nQUIT\n", 0x21, 0x11, 12, b"\1" * 4, b"\2" * 4, 1, 2
        )
        with serve(proxy_from=networks(["127.0.0.1"])) as serving:
            sock, lines = self.connect(serving, self.HEADER)
            with sock, lines:
                sock.sendall(b"USER shop\r\nPASS secret\r\nEPSV\r\nSTOR b.csv\r\n")
                replies = [lines.readline().decode() for _ in range(5)]
                port = int(replies[3].split("|")[3])
                for header in (b"no header", other, self.HEADER + b"bytes"):
                    with socket.create_connection(("127.0.0.1", port), 20) as data:
                        data.sendall(header)
                        data.shutdown(socket.SHUT_WR)
                        assert hand.rest(data) == ""
                assert lines.readline().startswith(b"226")
        assert memory.files["b.csv"] == b"bytes"
        assert len([event for event in events if event["event"] == "data_connection_refused"]) == 2

    def test_a_missing_header_is_refused(self, serve):
        """With send-proxy forgotten, all clients would count as one."""
        with serve(proxy_from=networks(["127.0.0.1"]), login_timeout=0.2) as serving:
            for parts in ((b"USER shop\r\n",), ()):
                sock, lines = self.connect(serving, *parts)
                with sock, lines:
                    assert lines.read() == b"" if not parts else True
            assert serving.threads() == 0


class TestEnd:
    def test_uploads_under_way_may_finish(self, serve, memory, events, monkeypatch):
        """Each upgrade of the server would break uploads."""
        with serve() as serving:
            busy, quiet = serving.log_in(), serving.log_in()
            data = busy.transfercmd("STOR b.csv")
            data.sendall(b"half")
            serving.begin_to_stop(20)
            assert quiet.getline().startswith("421 The server is stopping")
            monkeypatch.setattr(session, "QUIET_SECONDS", 60)
            with pytest.raises(OSError, match=r"refused|reset"):
                serving.connect()
            data.sendall(b" and half")
            data.close()
            assert busy.voidresp().startswith("226")
            assert busy.rename("b.csv", "b.csv.ready").startswith("250")
            monkeypatch.undo()
            assert busy.getline().startswith("421 The server is stopping")
            serving.stop()
            for client in (busy, quiet):
                client.close()
        assert memory.files == {"b.csv.ready": b"half and half"}
        assert not [event for event in events if event["log_level"] == "error"]

    def test_what_does_not_finish_is_cut(self, serve, memory):
        """The server would not stop, or half a file be taken for all of it."""
        with serve() as serving:
            client, silent = serving.log_in(), serving.connect()
            with client.transfercmd("STOR b.csv") as data:
                data.sendall(b"half")
                wait_for(lambda: memory.files["b.csv"] == b"half")
                serving.stop(grace=0.1)
            assert ("abandon", "b.csv") in memory.calls
            assert ("close", "b.csv") not in memory.calls
            client.close()
            silent.close()

    def test_a_port_that_is_taken(self, run):
        """An operator would see a traceback."""

        async def scenario():
            with socket.create_server(("127.0.0.1", 0)) as taken:
                address = taken.getsockname()
                server = FtpServer(FtpSettings(plain=True, listen=[("127.0.0.1", 0), address]), None)
                with pytest.raises(ConfigurationError, match=r"FTP cannot listen on .*: Address already"):
                    await server.listen()

        run(scenario())

    def test_plain_is_warned_of(self, serve, events):
        """Nobody would remember that passwords travel unencrypted."""
        with serve():
            assert [event["log_level"] for event in events if event["event"] == "plain_ftp"] == ["warning"]
        events.clear()
        with serve(plain=False):
            assert not [event for event in events if event["event"] == "plain_ftp"]
