"""FTP and FTPS with the clients that people use, against the real server."""

# ruff: noqa: S321 - FTP is what is tested

import contextlib
import ftplib
import io
import json
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.support.clients import ClientFailed
from tests.support.ftp_clients import FtpCurl, FtpLftp, FtpLogin, FtpRclone
from tests.support.haproxy import program
from tests.support.server import Installation, Server, free_ports, wait_for

EXAMPLE = Path(__file__).parents[2] / "packaging" / "haproxy-ftp.cfg"
SCRIPT = Path(__file__).with_name("basic_ftp.js")
CUT = "was cut off; upload it again"
LIMITS = {"max_connections_per_address": 100, "ban_after": 1000}
#: The first rclone that asks about one file by MLST; earlier ones look for it in the listing.
RCLONE_WITH_MLST = (1, 61)


@pytest.fixture(scope="module")
def shop(base, kit, certificate):
    """An account on a server with FTP."""
    (base / "ftp").mkdir()
    ftp = kit.ftp_section(certificate, "127.0.0.1:0", "[::1]:0", implicit_listen=["127.0.0.1:0"])
    with Server(Installation(base / "ftp", {**kit.sections, "ftp": ftp})) as server:
        (base / "ftp-shop").mkdir()
        yield kit.Account(server, "shop", base / "ftp-shop")
    assert server.process.returncode == 0
    assert "Traceback" not in server.log


@pytest.fixture(params=["plain", "tls"])
def login(request, shop, kit, certificate):
    """How clients log in, without and with TLS."""
    trusted = certificate[0] if request.param == "tls" else None
    return FtpLogin(shop.server.ftp_port, shop.name, kit.password, shop.home, trusted)


@contextlib.contextmanager
def session(login):
    """A session of ftplib."""
    if login.certificate:
        client = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=login.certificate), timeout=20)
    else:
        client = ftplib.FTP(timeout=20)
    with client:
        client.connect("127.0.0.1", login.port)
        client.login(login.account, login.password)
        if login.certificate:
            client.prot_p()
        yield client


class Names:
    """Lists over FTP what tests wait for."""

    def __init__(self, client):
        self.listdir = client.nlst


def kind(login):
    """For names of files."""
    return "tls" if login.certificate else "plain"


def old_rclone(client):
    """Whether rclone looks for a renamed file in the listing, where it has its next name."""
    version = re.search(r"rclone v(\d+)\.(\d+)", client.run("rclone", "version"))
    return tuple(map(int, version.groups())) < RCLONE_WITH_MLST


@pytest.mark.parametrize("client_type", [FtpLftp, FtpCurl, FtpRclone])
def test_real_clients_send(client_type, shop, login, kit, tmp_path):
    """The clients that people have would not get their messages sent, or get them sent twice."""
    client = client_type(login)
    file = tmp_path / f"{client_type.__name__}-{kind(login)}.csv"
    file.write_text(kit.csv_of(file.name))
    if client_type is FtpRclone and old_rclone(client):
        with pytest.raises(ClientFailed, match="Move NewObject failed: object not found"):
            client.send(file)
    else:
        assert f"{file.name}." in client.send(file)
    with session(login) as ftp:
        name = shop.wait_for_state(Names(ftp), file.name, "success")
    messages = shop.wait_for_sent(file.name, 3)
    assert sorted(message["userref"] for message in messages) == kit.references(file.name)
    client.fetch(name, tmp_path / "back.csv")
    assert (tmp_path / "back.csv").read_text().startswith(kit.csv_of(file.name))


@pytest.mark.parametrize("client_type", [FtpLftp, FtpCurl, FtpRclone])
def test_real_clients_use_implicit_tls(client_type, shop, kit, certificate, tmp_path):
    """Clients that know FTPS by its port 990 only could not upload."""
    where = FtpLogin(shop.server.ftps_port, shop.name, kit.password, shop.home, certificate[0], scheme="ftps")
    file = tmp_path / f"{client_type.__name__}-implicit.csv"
    file.write_text(kit.csv_of(file.name))
    client_type(where).put(file, file.name)
    client_type(where).fetch(file.name, tmp_path / "back.csv")
    assert (tmp_path / "back.csv").read_text() == kit.csv_of(file.name)


@pytest.mark.parametrize("client_type", [FtpLftp, FtpCurl, FtpRclone])
def test_refusals_reach_the_user(client_type, login, kit):
    """Whoever makes a mistake would not know which."""
    client = client_type(login)
    name = f"refused-{client_type.__name__}-{kind(login)}.csv"
    with session(login) as ftp:
        ftp.storbinary(f"STOR {name}", io.BytesIO(kit.csv_of(name).encode()))
    with pytest.raises(ClientFailed) as failed:
        client.rename(name, f"{name}.success")
    assert "given by the server" in failed.value.words


def test_ftplib_sends(shop, login, kit):
    """Python programs could not send."""
    name = f"ftplib-{kind(login)}.csv"
    with session(login) as ftp:
        assert ftp.storlines(f"STOR {name}", io.BytesIO(kit.csv_of(name).encode())).startswith("226")
        assert ftp.rename(name, f"{name}.ready").startswith("250")
        assert ftp.sendcmd(f"MLST {name}.ready").startswith("250")
        assert ftp.sendcmd(f"MFMT 20200101000000 {name}.ready").startswith("213")
        shop.wait_for_state(Names(ftp), name, "success")
        ftp.storbinary(f"STOR {name}", io.BytesIO(b"x"))
        with pytest.raises(ftplib.error_perm, match=r"550 .*given by the server"):
            ftp.rename(name, "x.success")
    assert sorted(message["userref"] for message in shop.wait_for_sent(name, 3)) == kit.references(name)


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Where npm put basic-ftp."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    folder = tmp_path_factory.mktemp("node")
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-save", "basic-ftp@5.0.5"],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.skip("npm cannot fetch basic-ftp here")
    return folder / "node_modules"


def test_basic_ftp_sends(modules, shop, login, kit, tmp_path):
    """Programs on Node.js could not send."""
    file = tmp_path / f"node-{kind(login)}.csv"
    file.write_text(kit.csv_of(file.name))
    command = ["node", str(SCRIPT), str(login.port), login.account, login.password]
    done = subprocess.run(
        [*command, str(login.certificate or ""), str(file)],
        env={"NODE_PATH": str(modules), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["size"] == file.stat().st_size
    assert any(name.startswith(f"{file.name}.") for name in report["names"])
    assert "given by the server" in report["refusal"]
    assert sorted(item["userref"] for item in shop.wait_for_sent(file.name, 3)) == kit.references(file.name)


def test_ipv6(shop, kit, certificate):
    """Clients that have only IPv6 could not send."""
    port = int(re.search(r"^ready ftp \[::1\]:(\d+)$", shop.server.output, re.MULTILINE)[1])
    with ftplib.FTP_TLS(context=ssl.create_default_context(cafile=certificate[0]), timeout=20) as ftp:
        ftp.connect("::1", port)
        ftp.login(shop.name, kit.password)
        ftp.prot_p()
        ftp.storbinary("STOR six.csv", io.BytesIO(kit.csv_of("six.csv").encode()))
        ftp.rename("six.csv", "six.csv.ready")
        shop.wait_for_sent("six.csv", 3)


def arrived(client, name):
    """How many bytes of a file the server has."""
    try:
        return client.size(name)
    except ftplib.error_perm:
        return 0


def test_an_upload_that_is_aborted(shop, login, kit):
    """Half a file would be sent when somebody presses Cancel."""
    name = f"abort-{kind(login)}.csv"
    with session(login) as ftp:
        data = ftp.transfercmd(f"STOR {name}")
        data.sendall(kit.csv_of(name, 100).encode())
        with session(login) as other:
            wait_for(lambda: arrived(other, name), "the first bytes")
        ftp.abort()
        ftp.voidresp()
        data.close()
        with pytest.raises(ftplib.error_perm, match=CUT):
            ftp.rename(name, f"{name}.ready")
    assert shop.sent(name) == []


def test_an_upload_that_was_cut_can_be_resumed(shop, login, kit):
    """After a cut, a large file would have to be uploaded from its start."""
    name, text = f"resumed-{kind(login)}.csv", kit.csv_of(f"resumed-{kind(login)}.csv").encode()
    half = len(text) // 2
    with session(login) as ftp:
        data = ftp.transfercmd(f"STOR {name}")
        data.sendall(text[:half])
        wait_for(lambda: arrived(ftp, name) == half, "the first half")
        ftp.abort()
        ftp.voidresp()
        data.close()
        ftp.storbinary(f"STOR {name}", io.BytesIO(text[half:]), rest=ftp.size(name))
        ftp.rename(name, f"{name}.ready")
    assert sorted(message["userref"] for message in shop.wait_for_sent(name, 3)) == kit.references(name)


def test_a_file_that_is_too_big_is_told(shop, login, kit):
    """The user would see a broken connection in place of the reason."""
    shop.installation.run("account", "set", shop.name, "max_file_bytes=100000")
    try:
        with session(login) as ftp:
            with pytest.raises(ftplib.error_perm, match="552 A file may have 100000 bytes at most"):
                ftp.storbinary("STOR big.csv", io.BytesIO(kit.csv_of("big.csv", 50_000).encode()))
            with pytest.raises(ftplib.error_perm, match=CUT):
                ftp.rename("big.csv", "big.csv.ready")
            ftp.delete("big.csv")
    finally:
        shop.installation.run("account", "set", shop.name, "max_file_bytes=52428800")


def test_closed_accounts_stay_out(shop, login):
    """Whoever may no longer send would send on."""
    shop.installation.run("account", "disable", shop.name)
    try:
        with pytest.raises(ftplib.error_perm, match="530"), session(login):
            pass
    finally:
        shop.installation.run("account", "disable", shop.name, "--undo")
    with session(login):
        pass


def test_ftp_without_certificate_is_no_accident(base, kit):
    """Passwords would travel unencrypted because somebody forgot a line."""
    (base / "bare").mkdir()
    installation = Installation(base / "bare", {**kit.sections, "ftp": {"listen": ["127.0.0.1:0"]}})
    done = installation.run("serve", check=False)
    assert done.returncode != 0
    assert "[ftp] has no certificate" in done.stderr
    assert "Traceback" not in done.stderr


BALANCER, DIRECT, CLIENT = "127.0.0.3", "127.0.0.1", "127.0.0.2"


@pytest.fixture(scope="module")
def balanced(base, kit, certificate):
    """A server behind HAProxy with the example, control and data connections; the login to use there."""
    (base / "balanced").mkdir()
    first, *_, control = sorted(free_ports(2))
    ftp = {"listen": [f"{DIRECT}:0"], "proxy_from": [DIRECT], "masquerade_address": BALANCER, **LIMITS}
    ftp |= {"certificate": str(certificate[0]), "key": str(certificate[1]), "passive_ports": f"{first}"}
    sections = {**kit.sections, "ftp": ftp, "web": {"listen": [f"{DIRECT}:0"]}}
    with Server(Installation(base / "balanced", sections)) as server:
        account = kit.Account(server, "shop", base / "balanced")
        changed = {
            "bind :2021": f"bind {BALANCER}:{control}",
            "192.0.2.11:8021 check port 8080": f"{DIRECT}:{server.ftp_port} check port {server.web_port}",
            "    server host-b 192.0.2.12:8021 check port 8080\n": "",
            "bind :50000-50049": f"bind {BALANCER}:{first}",
            "192.0.2.11 send-proxy": f"{DIRECT} send-proxy",
        }
        with haproxy(base / "balanced", changed):
            login = FtpLogin(control, account.name, kit.password, account.home, certificate[0])
            yield account, login
    assert "Traceback" not in server.log


@contextlib.contextmanager
def haproxy(folder, changed):
    """HAProxy with the example for FTP."""
    text = EXAMPLE.read_text(encoding="utf-8").partition("listen ftp-data-b")[0]
    for old, new in changed.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    defaults = "defaults\n    timeout connect 3s\n    timeout client 1m\n    timeout server 1m\n"
    file = folder / "haproxy.cfg"
    file.write_text(defaults + text, encoding="utf-8")
    with (
        (folder / "haproxy.log").open("wb") as log,
        subprocess.Popen([program("haproxy"), "-f", str(file), "-db"], stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def through(login):
    """Ftplib through the balancer from an address of its own; None while that does not serve."""
    client = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=login.certificate), timeout=20)
    client.context.check_hostname = False
    try:
        client.connect(BALANCER, login.port, source_address=(CLIENT, 0))
        client.login(login.account, login.password)
    except (OSError, EOFError):
        client.close()
        return None
    client.prot_p()
    return client


@pytest.mark.parametrize("extended", [True, False])
def test_behind_haproxy(balanced, kit, extended):
    """Behind the balancer data connections would be refused, or all clients count as one."""
    account, login = balanced
    name = f"balanced-{extended}.csv"
    with wait_for(lambda: through(login), "HAProxy to know the server") as ftp:
        ftp.trust_server_pasv_ipv4_address = True
        ftp.af = socket.AF_INET6 if extended else socket.AF_INET  # ftplib's way to choose EPSV or PASV
        ftp.source_address = (CLIENT, 0)
        ftp.storbinary(f"STOR {name}", io.BytesIO(kit.csv_of(name).encode()))
        ftp.rename(name, f"{name}.ready")
        account.wait_for_sent(name, 3)
    lines = [json.loads(line) for line in account.server.log.splitlines() if line.startswith("{")]
    assert {line["peer"] for line in lines if line["event"] == "login"} == {CLIENT}
    with socket.create_connection((DIRECT, account.server.ftp_port), 20) as direct:
        direct.sendall(b"USER x\r\n")  # in place of a header
        with contextlib.suppress(ConnectionResetError):
            assert direct.recv(100) == b""
