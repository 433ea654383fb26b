"""Logins, restarts, and how a server ends."""

import contextlib
import signal
import socket
import subprocess
from pathlib import Path

import paramiko
import pytest

from tests.support import clients
from tests.support.server import Installation, Server, wait_for

pytestmark = pytest.mark.logs("worker_ended", "worker_does_not_stay_up")  # they are killed

#: Seconds that a stop waits for its clients: more than any test does.
GRACE = 120
#: What paramiko raises when it closes a file over a connection that is gone.
GONE = (EOFError, OSError, paramiko.SSHException)
KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512")


@pytest.fixture(scope="module")
def account(base, kit):
    """A server of this module's own, with an account."""
    (base / "own").mkdir()
    sections = {**kit.sections, "pipeline": {"stop_grace": GRACE}}
    with Server(Installation(base / "own", sections), exact=True) as server:
        yield kit.Account(server, "shop", base / "own")
    assert "Traceback" not in server.log


@pytest.fixture
def own(account):
    """The account, with its server running, whatever the test before has done to it."""
    if account.server.process.poll() is not None:
        account.server.start()
    return account


def can_log_in(account, **login):
    """Whether a login is let in."""
    try:
        with account.session(**login) as sftp:
            sftp.listdir()
    except paramiko.AuthenticationException:
        return False
    return True


def test_only_the_password_and_the_key_let_in(own, tmp_path):
    """Anyone could send messages at the account's cost, or the customer could not."""
    assert can_log_in(own)
    assert not can_log_in(own, password="wrong")
    assert not can_log_in(own, password="")
    assert can_log_in(own, key=paramiko.Ed25519Key(filename=str(own.key)))
    assert not can_log_in(own, key=paramiko.Ed25519Key(filename=str(clients.make_key(tmp_path))))
    with pytest.raises(clients.ClientFailed, match="Permission denied"):
        clients.OpenSsh(clients.Login(own.server.port, "nobody", "x", own.key, "", own.home)).batch("ls")


def test_a_new_password_acts_at_once(own, kit):
    """A password that got known would still let in for minutes."""
    assert can_log_in(own)
    own.installation.run("account", "passwd", own.name, "--password-stdin", text="another one\n")
    assert not can_log_in(own)
    assert can_log_in(own, password="another one")
    own.installation.run("account", "passwd", own.name, "--password-stdin", text=f"{kit.password}\n")
    assert can_log_in(own)


def test_a_disabled_account_is_refused_at_once_and_its_files_still_leave(own, kit):
    """A customer who is shut out could go on, or would lose what was accepted before."""
    with own.server.paused("intake"):
        with own.session() as sftp, sftp.open("before.csv", "w") as file:
            file.write(kit.csv_of("before"))
        with own.session() as sftp:
            sftp.rename("before.csv", "before.ready")
        own.installation.run("account", "disable", own.name)
    try:
        key = paramiko.Ed25519Key(filename=str(own.key))
        assert (can_log_in(own), can_log_in(own, key=key)) == (False, False)
        own.wait_for_sent("before", 3)
    finally:
        own.installation.run("account", "disable", own.name, "--undo")
    assert can_log_in(own)


def test_a_removed_key_is_refused(own, tmp_path):
    """The key of someone who left would still let in."""
    path = clients.make_key(tmp_path)
    key = paramiko.Ed25519Key(filename=str(path))
    own.installation.run("account", "passwd", own.name, "--key", str(path.with_suffix(".pub")))
    assert can_log_in(own, key=key)
    own.installation.run("account", "passwd", own.name, "--drop-key", f"SHA256:{fingerprint(key)}")
    assert not can_log_in(own, key=key)


def fingerprint(key):
    """The fingerprint without its prefix."""
    return key.fingerprint.removeprefix("SHA256:")


def test_an_account_sees_only_its_own_files(own, kit):
    """One customer could read, remove or send another's messages."""
    (own.home / "rival").mkdir()
    rival = kit.Account(own.server, "rival", own.home / "rival")
    with own.session() as sftp, rival.session() as other:
        with sftp.open("secret.csv", "w") as file:
            file.write(kit.csv_of("secret"))
        assert other.listdir() == []
        for path in ("secret.csv", "../shop/secret.csv", "/shop/secret.csv"):
            with pytest.raises(FileNotFoundError):
                other.open(path)
        with pytest.raises(FileNotFoundError):
            other.rename("secret.csv", "secret.ready")
        sftp.remove("secret.csv")


def test_a_restart_keeps_host_keys_and_files(own, kit):
    """Every client would warn of an attack after a restart, or drafts would be gone."""
    server = own.server
    with own.session() as sftp, sftp.open("kept.csv", "w") as file:
        file.write(kit.csv_of("kept"))
    before = [kit.host_key(server.port, kind) for kind in KINDS]
    assert server.stop() == 0
    server.start()
    assert [kit.host_key(server.port, kind) for kind in KINDS] == before
    with own.session() as sftp:
        assert sftp.open("kept.csv").read().decode() == kit.csv_of("kept")
        sftp.rename("kept.csv", "kept.ready")
        own.wait_for_sent("kept", 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_at_once(own, number):
    """Restarts and shutdowns of the host would hang."""
    server = own.server
    wait_for(lambda: len(server.workers()) == 3, "the workers")
    workers = server.workers().values()
    server.process.send_signal(number)
    assert server.process.wait(GRACE / 2) == 0
    assert not [pid for pid in workers if alive(pid)]


def alive(pid):
    """Whether a process runs."""
    return Path(f"/proc/{pid}").exists()


def is_refused(port):
    """Whether nobody listens on a port."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_stop_lets_an_upload_and_its_rename_finish(own, kit):
    """Each restart would cut somebody's upload."""
    server = own.server
    with own.session() as sftp:
        file = sftp.open("during the stop.csv", "w")
        file.write(kit.csv_of("during the stop"))
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: is_refused(server.port), "the stop to begin")
        file.write("4512345678,and one more,smsfs,last\n")
        file.close()
        sftp.rename("during the stop.csv", "during the stop.ready")
        assert sftp.listdir()
    assert server.process.wait(GRACE / 2) == 0
    server.start()
    assert len(own.wait_for_sent("during the stop", 4)) == 4


def test_a_stop_does_not_wait_for_ever(base, kit):
    """A client that hangs in the middle of an upload could keep the server from stopping."""
    (base / "impatient").mkdir()
    sections = {**kit.sections, "pipeline": {"stop_grace": 0.5}}
    with Server(Installation(base / "impatient", sections)) as server:
        account = kit.Account(server, "shop", base / "impatient")
        with account.session() as sftp:
            file = sftp.open("hanging.csv", "w")
            file.write("half")
            assert server.stop(GRACE / 2) == 0
            with contextlib.suppress(*GONE):
                file.close()
        (shown,) = account.installation.rows("files")
    assert (shown["file"], shown["state"], shown["cut"]) == ("hanging.csv", "draft", True)


def test_a_second_server_on_the_port_ends_with_a_sentence(own, base, kit):
    """The operator would see a traceback, or two servers that fight."""
    (base / "other").mkdir()
    address = f"127.0.0.1:{own.server.port}"
    other = Installation(base / "other", {**kit.sections, "sftp": {"listen": [address]}})
    done = other.run("serve", check=False)
    assert done.returncode == 1
    assert f'"reason": "SFTP cannot listen on {address}: ' in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("worker", ["intake", "dispatch", "reports"])
def test_a_worker_that_dies_is_started_again(own, kit, worker):
    """After a crash of a worker nothing would leave until someone restarts the server."""
    pid = wait_for(lambda: own.server.workers().get(worker), "the worker")
    subprocess.run(["kill", "-9", str(pid)], check=True)
    with own.session() as sftp:
        with sftp.open(f"{worker}.csv", "w") as file:
            file.write(kit.csv_of(worker))
        sftp.rename(f"{worker}.csv", f"{worker}.ready")
        own.wait_for_sent(worker, 3)
    wait_for(lambda: own.server.workers().get(worker, pid) != pid, "the new worker")
