"""How fast files come and go over FTP and FTPS, beside vsftpd, which does not sync what it stores."""

import ftplib
import io
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from smsfs.config import load, open_store
from tests.support.ftp_clients import make_certificate
from tests.support.server import Installation, Server, wait_for

# ruff: noqa: S321 - FTP is what is measured

MIB = 1024 * 1024
LISTED = 10_000
ROWS = b"msisdn,message\n" + b"4512345678,Your appointment is tomorrow at ten.\n" * 21
VSFTPD = shutil.which("vsftpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = """\
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
run_as_launching_user={launching}
anon_root={folder}/root
secure_chroot_dir={folder}/empty
seccomp_sandbox=NO
anonymous_enable=YES
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
allow_writeable_chroot=YES
ssl_enable=YES
allow_anon_ssl=YES
force_local_data_ssl=NO
force_local_logins_ssl=NO
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file={folder}/both.pem
"""
OURS, THEIRS = ("clinic", "a password"), ("anonymous", "somebody@example.org")


@pytest.fixture
def certificate(tmp_path):
    """The paths of a certificate and its key, for both servers."""
    return make_certificate(tmp_path)


@pytest.fixture
def server(tmp_path, certificate):
    """A server with FTP and an account, its workers up."""
    ftp = {"listen": ["127.0.0.1:0"], "plain": True, "max_connections_per_address": 500}
    files = dict(zip(("certificate", "key"), map(str, certificate), strict=True))
    installation = Installation(tmp_path, {"ftp": {**ftp, **files}, "log": {"level": "warning"}})
    installation.add_account(*OURS)
    with Server(installation) as running:
        wait_for(lambda: len(running.workers()) == 3, "the workers")
        yield running


@pytest.fixture
def peer(certificate):
    """Where vsftpd listens, and the folder that it serves; None where it cannot run."""
    with tempfile.TemporaryDirectory(prefix="smsfs-vsftpd-") as folder:
        Path(folder).chmod(0o755)  # its sessions run as another user
        with vsftpd(Path(folder), certificate) as port:
            yield (port, Path(folder, "root/files")) if port else None


@contextmanager
def vsftpd(folder, certificate):
    """The peer on loopback; its port, or None if it does not start here."""
    if not VSFTPD:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for name, mode in (("root", 0o755), ("root/files", 0o777), ("empty", 0o755)):
        (folder / name).mkdir()
        (folder / name).chmod(mode)
    (folder / "both.pem").write_bytes(b"".join(path.read_bytes() for path in certificate))
    configuration, is_root = folder / "vsftpd.conf", os.geteuid() == 0
    configuration.write_text(
        CONFIGURATION.format(port=port, folder=folder, launching="NO" if is_root else "YES")
    )
    process = subprocess.Popen([VSFTPD, configuration])
    try:
        wait_for(lambda: answers(port) or process.poll() is not None, "vsftpd")
        yield port if process.poll() is None else None
    finally:
        process.terminate()
        process.wait()


def answers(port):
    """Whether something listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def session(port, login, certificate, *, tls):
    """A client, logged in; with TLS for the data too."""
    if tls:
        client = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=certificate[0]), timeout=60)
    else:
        client = ftplib.FTP(timeout=60)
    with client:
        client.connect("127.0.0.1", port)
        client.login(*login)
        if login is THEIRS:  # nobody may write into its root
            client.cwd("files")
        if tls:
            client.prot_p()
        yield client


@pytest.fixture
def compare(server, peer, certificate, figure, full):
    """Notes a figure and its ratio to vsftpd's, each the median of some rounds that alternate."""

    def comparing(what, unit, measure, *, tls, goal=""):
        ours, theirs = [], []
        sides = [(server.ftp_port, OURS, ours)] + ([(peer[0], THEIRS, theirs)] if peer else [])
        for turn in range(5 if full else 1):
            for port, login, figures in sides:
                figures.append(measure(lambda p=port, who=login: session(p, who, certificate, tls=tls), turn))
        mine = statistics.median(ours)
        ratio = mine / statistics.median(theirs) if theirs else None
        beside = "vsftpd" if theirs else "no vsftpd here"
        figure(f"{'FTPS' if tls else 'FTP'}: {what}", f"{mine:.0f} {unit}", beside, ratio, goal)
        return mine

    return comparing


def seconds_of(call):
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_put_and_rename(compare, full, tls):
    """A client with many small files would wait far longer than with the server it knows."""
    count = 100 if full else 10

    def pairs(connect, turn):
        with connect() as client:

            def all_of_them():
                for number in range(count):
                    client.storbinary(f"STOR {turn}-{tls}-{number}.csv", io.BytesIO(ROWS))
                    name = f"{turn}-{tls}-{number}.csv"
                    client.rename(name, f"{name}.ready")

            return count / seconds_of(all_of_them)

    goal = ">= 1.0" if tls else ">= 0.4"
    assert compare("put 1 KiB and rename", "/s", pairs, tls=tls, goal=goal)


def test_logins_over_tls(compare, full):
    """Programs that log in for each file would be held up by it."""
    count = 50 if full else 5

    def logins(connect, _):
        def all_of_them():
            for _ in range(count):
                with connect():
                    pass

        return count / seconds_of(all_of_them)

    assert compare("logins", "/s", logins, tls=True, goal=">= 1.0")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("way", ["up", "down"])
def test_large_files(compare, full, way, tls):
    """The largest files would keep their senders waiting."""
    size = 60 if full else 5
    content = os.urandom(size * MIB)

    def transfer(connect, turn):
        with connect() as client:
            name = f"{turn}-{tls}-{way}"
            up = seconds_of(lambda: client.storbinary(f"STOR {name}", io.BytesIO(content), 2**18))
            down = seconds_of(lambda: client.retrbinary(f"RETR {name}", lambda _: None, 2**18))
            client.delete(name)
            return size / (up if way == "up" else down)

    goal = "" if tls else {"up": ">= 0.5", "down": ">= 0.8"}[way]
    assert compare(f"{size} MiB {way}", "MiB/s", transfer, tls=tls, goal=goal)


@pytest.mark.parametrize("command", ["LIST", "NLST"])
def test_listings(compare, server, peer, command):
    """A folder with a month's files would take so long to list that clients give up."""
    with closing(open_store(load(server.installation.configuration))) as store:
        account, now = store.accounts.find(OURS[0]).id, store.now()
        with store.files.change(account) as files:
            for number in range(LISTED):
                files.add(account, f"file-{number:05}.csv", f"none-{number}", now)
    for number in range(LISTED if peer else 0):
        (peer[1] / f"file-{number:05}.csv").touch()

    def rate(connect, _):
        lines = []
        with connect() as client:
            seconds = seconds_of(lambda: client.retrlines(command, lines.append))
        assert len(lines) == LISTED
        return LISTED / seconds

    assert compare(f"{command} of {LISTED:,}", "files/s", rate, tls=False, goal=">= 0.5")
