"""Two hosts on one database show one truth: identity, files, accounts, names that answer for a while."""

import asyncio
import contextlib
import socket
import stat

import asyncssh
import paramiko
import pytest

from tests.support.pair import Pair
from tests.support.server import wait_for

SOON = 1.0


@pytest.fixture(scope="module")
def pair(postgres, tmp_path_factory):
    """Two hosts that stay up."""
    url = postgres.new_database()
    with Pair(tmp_path_factory.mktemp("pair"), [url, url]) as pair:
        yield pair
    assert not any("Traceback" in server.log for server in pair.servers)
    postgres.drop_database(url)


@pytest.fixture
def connect():
    """Opens sessions of paramiko with a password; they are closed at the end."""
    with contextlib.ExitStack() as stack:

        def step(login, password):
            raw = socket.create_connection((login["host"], login["port"]))
            transport = stack.enter_context(contextlib.closing(paramiko.Transport(raw)))
            transport.connect(username=login["username"], password=password)
            return paramiko.SFTPClient.from_transport(transport)

        yield step


def put(sftp, name, text):
    """Write a file."""
    with sftp.open(name, "w") as file:
        file.write(text)


def names(sftp):
    """The names in the root, but for folders."""
    return {entry.filename for entry in sftp.listdir_attr() if stat.S_ISREG(entry.st_mode)}


def host_key(login):
    """The host key that a server shows."""
    return asyncio.run(asyncssh.get_server_host_key(login["host"], login["port"])).public_data


def test_both_hosts_show_one_host_key(pair):
    """A client that is moved to the other host would be warned of a stranger in the middle, and stop."""
    keys = {host_key(login) for login in pair.add_account("keyed", "a password")}
    assert len(keys) == 1


def test_a_file_goes_on_where_another_host_left_it(pair, connect):
    """A client whose balancer moves it between upload, rename and listing would not find its files."""
    here, there = (connect(login, "a password") for login in pair.add_account("moved", "a password"))
    put(here, "a.csv", "msisdn,message\n4512345678,Hello\n")
    wait_for(lambda: names(there) == {"a.csv"}, "the draft on the other host", SOON)
    there.posix_rename("a.csv", "a.csv.ready")
    assert here.stat("a.csv.ready").st_size == there.stat("a.csv.ready").st_size
    done = wait_for(lambda: {name for name in names(here) if name.endswith(".success")}, "the verdict")
    wait_for(lambda: names(there) == done, "the verdict on the other host", SOON)
    wait_for(lambda: pair.sent("moved"), "the message")
    assert [message["text"] for message in pair.sent("moved")] == ["Hello"]


def test_an_accounts_change_acts_on_the_other_host(pair, connect):
    """A closed or changed account would go on as before on every host but one until each is restarted."""
    logins = pair.add_account("changed", "first password")
    connect(logins[1], "first password")
    pair.installation.run("account", "passwd", "changed", "--password-stdin", text="second password\n")
    connect(logins[1], "second password")
    with pytest.raises(paramiko.AuthenticationException):
        connect(logins[1], "first password")
    pair.installation.run("account", "disable", "changed")
    for login in logins:
        with pytest.raises(paramiko.AuthenticationException):
            connect(login, "second password")


@pytest.mark.slow
def test_an_accounts_settings_act_on_a_session_of_the_other_host(pair, connect):
    """A limit would hold on the host on which it was set, and nowhere else."""
    there = connect(pair.add_account("limited", "a password")[1], "a password")
    pair.installation.run("account", "set", "limited", "max_file_bytes=20")
    with pytest.raises(OSError, match="20 bytes"):
        put(there, "big.csv", "msisdn,message\n4512345678,Hello\n")
