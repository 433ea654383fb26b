"""How fast files come in: over SFTP beside OpenSSH's server, and through the mount beside sshfs."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from smsfs.config import load, open_store
from tests.support.clients import sshfs
from tests.support.server import Mount, wait_for

MIB = 1024 * 1024
LISTED = 10_000
ROW = "msisdn,message\n4512345678,Hello\n"
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NO_PEER = "no OpenSSH server here to compare with"
OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes")


def run_sftp(port, user, key, commands):
    """The seconds that OpenSSH's sftp takes for a batch of commands, login included."""
    options = [part for option in OPTIONS for part in ("-o", option)]
    command = [
        "sftp",
        "-F",
        "none",
        *options,
        "-i",
        str(key),
        "-P",
        str(port),
        "-b",
        "-",
        f"{user}@127.0.0.1",
    ]
    began = time.perf_counter()
    subprocess.run(
        command, input="\n".join(commands), text=True, check=True, capture_output=True, timeout=120
    )
    return time.perf_counter() - began


def is_listening(port):
    """Whether something answers on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def openssh(folder, key):
    """OpenSSH's own server on loopback; its port, or None if it does not start here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")], check=True)
    lines = (
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nAuthorizedKeysFile {key}.pub",
        "Subsystem sftp internal-sftp\nUsePAM no\nStrictModes no\nPidFile none\n",
    )
    (folder / "sshd_config").write_text("\n".join(lines))
    process = subprocess.Popen([SSHD, "-D", "-f", str(folder / "sshd_config")])
    try:
        wait_for(lambda: is_listening(port) or process.poll() is not None, "OpenSSH's server")
        yield port if process.poll() is None else None
    finally:
        process.terminate()
        process.wait()


def peer_seconds(folder, key, commands):
    """How long the same commands take with OpenSSH's server; None where it cannot run."""
    if not SSHD:
        return None
    home = folder / "peer"
    home.mkdir()
    with openssh(folder, key) as port:
        return run_sftp(port, getpass.getuser(), key, [f"cd {home}", *commands]) if port else None


def beside(ours, theirs):
    """Our time as a multiple of the peer's, in words."""
    return f"{ours / theirs:.1f} x OpenSSH's time" if theirs else NO_PEER


def test_put_and_rename_over_sftp(server, tmp_path, full, figure):
    """A client with many small files would wait far longer than with the server it knows."""
    pairs, file = (500 if full else 30), tmp_path / "one.csv"
    file.write_text(ROW)
    commands = [f"put {file} {n}.csv\nrename {n}.csv {n}.csv.ready" for n in range(pairs)]
    login = server.login
    seconds = run_sftp(login.port, login.account, login.key, commands)
    peer = peer_seconds(tmp_path, login.key, commands)
    figure(f"SFTP: {pairs} times put and rename to .ready", f"{pairs / seconds:.0f}/s", beside(seconds, peer))
    wait_for(lambda: len(server.installation.sent()) == pairs, "every file's message")


def test_upload_of_30_mb_over_sftp(server, tmp_path, figure):
    """The largest file that GatewayAPI takes would keep its sender waiting."""
    file = tmp_path / "large.csv"
    file.write_bytes(os.urandom(30 * MIB))
    commands = [f"put {file} large.csv"]
    login = server.login
    seconds = run_sftp(login.port, login.account, login.key, commands)
    peer = peer_seconds(tmp_path, login.key, commands)
    figure("SFTP: upload of 30 MiB", f"{30 / seconds:.0f} MiB/s", beside(seconds, peer))
    assert [item["bytes"] for item in server.installation.rows("files")] == [30 * MIB]


def cycle(folder, count):
    """Write, rename, read and delete small files; the seconds that it takes."""
    began = time.perf_counter()
    for number in range(count):
        path = folder / f"{number}.part"
        path.write_text(ROW)
        path = path.rename(folder / f"{number}.csv")
        assert path.read_text() == ROW
        path.unlink()
    return time.perf_counter() - began


@pytest.fixture
def mountpoint():
    """An empty folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="smsfs-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_small_files_through_the_mount(server, mountpoint, full, figure):
    """A program that writes into the mount would be held up by every file."""
    count = 300 if full else 30
    (mountpoint / "sshfs").mkdir()
    with Mount(server.installation, mountpoint / "fuse", "clinic") as mount:
        ours = cycle(mount.mountpoint, count)
    with sshfs(server.login, mountpoint / "sshfs"):
        theirs = cycle(mountpoint / "sshfs", count)
    ratio = f"{ours / theirs:.1f} x the time of sshfs on our SFTP ({count / theirs:.0f}/s)"
    figure(f"FUSE: {count} times write, rename, read, delete", f"{count / ours:.0f}/s", ratio)


def test_listing_of_ten_thousand_files(server, tmp_path, mountpoint, figure):
    """A folder with a month's files would take so long to list that clients give up."""
    with closing(open_store(load(server.installation.configuration))) as store:
        account, now = store.accounts.find("clinic").id, store.now()
        with store.files.change(account) as files:
            for number in range(LISTED):
                files.add(account, f"file-{number:05}.csv", f"none-{number}", now)
    peer = tmp_path / "peer"
    peer.mkdir()
    for number in range(LISTED):
        (peer / f"file-{number:05}.csv").touch()
    login = server.login
    over_sftp = run_sftp(login.port, login.account, login.key, ["ls -l"])
    with Mount(server.installation, mountpoint / "fuse", "clinic") as mount:
        mounted, listed = seconds_of_ls(mount.mountpoint)
    plain, _ = seconds_of_ls(peer)
    figure(f"SFTP: ls -l of {LISTED:,} files", f"{over_sftp:.2f} s", "login included")
    figure(
        f"FUSE: ls -l of {LISTED:,} files",
        f"{mounted:.2f} s",
        f"{mounted / plain:.0f} x a plain folder's time",
    )
    assert listed == LISTED


def seconds_of_ls(folder):
    """How long ``ls -l`` takes, and how many files it shows."""
    began = time.perf_counter()
    shown = subprocess.run(["ls", "-l", str(folder)], check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - began, shown.count(".csv")
