"""The examples for a pair of hosts, run by the programs that they are for."""

import contextlib
import io
import json
import re
import signal
import socket
import subprocess

import paramiko
import pytest

from tests.support.haproxy import BALANCER, EXAMPLE, HaProxy, page, program
from tests.support.server import Installation, Server, wait_for

CLIENT, STRANGER = "127.0.0.2", "127.0.0.3"
HALF = b"msisdn,message\n4510000001,first\n" + b"4510000002,another\n" * 5000


def events(server, name):
    """The log events of a server that have this name."""
    lines = [line for line in server.log.splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["event"] == name]


class Pair:
    """Two servers behind HAProxy, and a customer of theirs."""

    def __init__(self, servers, account, password, proxy):
        self.servers, self.account, self.password, self.proxy = servers, account, password, proxy

    @contextlib.contextmanager
    def session(self, port=None, source=CLIENT):
        """An SFTP session from an address, by default through HAProxy."""
        address = (BALANCER, port or self.proxy.port)
        sock = socket.create_connection(address, timeout=20, source_address=(source, 0))
        with contextlib.closing(paramiko.Transport(sock)) as transport:
            transport.connect(username=self.account.name, password=self.password)
            yield paramiko.SFTPClient.from_transport(transport)

    def logins(self):
        """How many sessions each server was given so far."""
        return [len(events(server, "login")) for server in self.servers]

    def server_of(self, before):
        """The server that was given the session since then, and the other."""
        after = wait_for(lambda: self.logins() if sum(self.logins()) > sum(before) else None, "the login")
        return self.servers if after[0] > before[0] else self.servers[::-1]


@pytest.fixture(scope="module")
def pair(base, kit):
    """Two servers on one store, and HAProxy before them as its example says."""
    servers = []
    with contextlib.ExitStack() as stack:
        for name in ("host-a", "host-b"):
            (base / name).mkdir()
            sections = {
                "store": {"url": f"sqlite://{base / 'host-a' / 'smsfs.db'}"},
                "sftp": {"proxy_from": [BALANCER], "ban_after": 1},
                "web": {"listen": [f"{BALANCER}:0"]},
                "pipeline": {"stop_grace": 60},
                "log": {"format": "json"},
            }
            servers.append(stack.enter_context(Server(Installation(base / name, sections))))
        (base / "pair").mkdir()
        account = kit.Account(servers[0], "pair", base / "pair")
        proxy = stack.enter_context(HaProxy(base / "pair", servers).running())
        pair = Pair(servers, account, kit.password, proxy)
        wait_for(lambda: served(pair), "HAProxy to know the servers")
        yield pair
    assert not [server.log for server in servers if "Traceback" in server.log]


def served(pair):
    """Whether a session can be had."""
    try:
        with pair.session():
            return True
    except (OSError, EOFError, paramiko.SSHException):
        return False


def test_a_client_behind_haproxy_is_itself(pair, kit):
    """Behind the balancer files would not leave, or the log name HAProxy as everybody's address."""
    before = {server: len(events(server, "login")) for server in pair.servers}
    bare = [len(events(server, "proxy_header_missing")) for server in pair.servers]
    with pair.session() as sftp:
        sftp.putfo(io.BytesIO(kit.csv_of("behind").encode()), "behind.csv")
        sftp.rename("behind.csv", "behind.csv.ready")
        pair.account.wait_for_state(sftp, "behind", "success")
    pair.account.wait_for_sent("behind", 3)
    logins = [event for server in pair.servers for event in events(server, "login")[before[server] :]]
    assert {event["peer"] for event in logins} == {CLIENT}
    assert [len(events(server, "proxy_header_missing")) for server in pair.servers] == bare


def test_a_host_that_stops_gets_no_new_sessions_and_finishes_its_own(pair):
    """Whenever a host is upgraded, uploads would break and clients be sent to a host that refuses them."""
    before = pair.logins()
    with pair.session() as sftp:
        stopping, other = pair.server_of(before)
        file = sftp.open("long.csv", "wb")
        file.write(HALF)
        stopping.process.send_signal(signal.SIGTERM)
        status, sentence = wait_for(lambda: not_ready(stopping), "the host to say that it stops", 2)
        assert (status, page(stopping.web_port, "/healthz")[0]) == (503, 200), sentence
        assert "stopping" in sentence
        counts = {server: len(events(server, "login")) for server in (stopping, other)}
        for _ in range(4):
            with pair.session() as another:
                another.listdir()
        file.write(HALF)
        file.close()
        assert sftp.stat("long.csv").st_size == 2 * len(HALF)
        assert len(events(stopping, "login")) == counts[stopping]
        assert len(events(other, "login")) == counts[other] + 4
    assert stopping.process.wait(60) == 0
    pair.account.installation.run("fsck")
    with pair.session() as sftp:
        assert sftp.stat("long.csv").st_size == 2 * len(HALF)


def not_ready(server):
    """What /readyz says, unless it says that all is well."""
    status, sentence = page(server.web_port, "/readyz")
    return None if status == 200 else (status, sentence)


def test_only_through_haproxy_from_its_address(pair):
    """With send-proxy forgotten all clients would count as one, and one wrong password ban them all."""
    server = next(server for server in pair.servers if server.process.poll() is None)
    with pytest.raises((OSError, EOFError, paramiko.SSHException)), pair.session(server.port, BALANCER):
        pass
    missing = wait_for(lambda: events(server, "proxy_header_missing"), "the log event")
    assert {event["proxy"] for event in missing} == {BALANCER}


def test_a_forged_header_gets_nobody_banned(pair):
    """A stranger that reaches a host could lock out any customer, or log in under a customer's address."""
    server = next(server for server in pair.servers if server.process.poll() is None)
    forged = f"PROXY TCP4 {CLIENT} {BALANCER} 50000 8022\r\n".encode()
    with socket.create_connection((BALANCER, server.port), 20, (STRANGER, 0)) as sock:
        sock.sendall(forged + b"SSH-2.0-forger\r\n")
        answer = b"".join(iter(lambda: read(sock), b""))
    assert answer.startswith(b"SSH-2.0-smsfs\r\n")
    with pair.session(server.port, STRANGER) as sftp:
        sftp.listdir()
    assert events(server, "login")[-1]["peer"] == STRANGER
    with pair.session() as sftp:
        sftp.listdir()


def read(sock):
    """What arrives next; nothing at the end of the connection, however it ends."""
    try:
        return sock.recv(4096)
    except ConnectionResetError:
        return b""


def complaints(configuration):
    """What keepalived finds wrong with a configuration, but for interfaces, whose names differ by machine."""
    checked = subprocess.run(
        [program("keepalived"), "--config-test", "--use-file", str(configuration)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        start_new_session=True,  # it ends with a SIGTERM to its process group
    )
    lines = (checked.stdout + checked.stderr).splitlines()
    return [line for line in lines if "interface" not in line]


def test_keepalived_understands_its_example(tmp_path):
    """The floating address would be on no host, or on both."""
    example = EXAMPLE.with_name("keepalived.conf")
    assert complaints(example) == []
    misspelt = tmp_path / "keepalived.conf"
    misspelt.write_text(example.read_text().replace("track_script", "trak_script"))
    assert complaints(misspelt)
    (asked,) = re.findall(r"http://\S+(?=\")", example.read_text())
    assert asked == "http://127.0.0.1:8404/alive"
