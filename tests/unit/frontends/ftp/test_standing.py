"""Uploads without TLS, whose clients are told at once that they are complete: which of them are."""

import os
import socket

import pytest

from smsfs.errors import NotAllowed, StillOpen
from smsfs.filesystem.openfile import Draft
from smsfs.frontends.ftp import standing
from smsfs.frontends.proxy import networks
from tests.support.server import wait_for

CONTENT = b"msisdn,message\n4512345678,hello\n"
CUT = "was cut off; upload it again"


@pytest.fixture
def memory(stored):
    """In place of the filesystem in memory: one on a store."""
    return stored.fs


@pytest.fixture
def wait(monkeypatch):
    """Sets how long the control connection has to stand."""
    return lambda seconds: monkeypatch.setattr(standing, "STANDING_SECONDS", seconds)


def begin(client, stored, name="a.csv"):
    """An upload under way, all of whose bytes have arrived."""
    data = client.transfercmd(f"STOR {name}")
    data.sendall(CONTENT)
    wait_for(lambda: stored.fs.stat(name).size == len(CONTENT), "the bytes")
    return data


def drop(client):
    """End the control connection as the kernel does for a killed program."""
    client.file.close()
    client.sock.close()


def assert_cut(stored, name="a.csv"):
    """It is cut, and nobody can hand it over."""
    wait_for(lambda: not stored.find(name).writers, "the end of the upload")
    with pytest.raises(NotAllowed, match=CUT):
        stored.fs.rename(name, "x.ready", replace=True)


def test_put_and_rename_wait_for_nothing(client, hand, wait):
    """Each small file would take its sender as long as it takes to be sure of a killed program."""
    wait(3600)
    for stem in ("a", "b"):
        assert hand.put(client, f"{stem}.csv", CONTENT).startswith("226")
        client.rename(f"{stem}.csv", f"{stem}.ready")
    assert [name.split(".")[0] for name in client.nlst()] == ["a", "b"]
    assert all(name.endswith(".processing") for name in client.nlst())


def test_a_program_whose_control_connection_ends_before_it_has_read_the_reply(client, stored, wait):
    """Half a file would be sent when a program is killed whose data connection ends first."""
    wait(3600)
    begin(client, stored).close()
    wait_for(lambda: client.sock.recv(1000, socket.MSG_PEEK).startswith(b"226"), "the reply")
    drop(client)
    assert_cut(stored)


def test_a_program_that_is_gone_when_the_reply_is_sent(client, stored, wait, monkeypatch):
    """Half a file would be sent when the reply to it crosses the end of its client."""
    wait(3600)
    hold = standing.Standing.hold

    def held(self, upload):
        drop(client)
        hold(self, upload)

    monkeypatch.setattr(standing.Standing, "hold", held)
    begin(client, stored).close()
    assert_cut(stored)


@pytest.mark.parametrize("name", ["a.csv", "a.ready"], ids=["sealed", "submitted by its end"])
def test_a_program_that_was_killed(serve, stored, wait, name):
    """Half a file would be sent when a program is killed."""
    stored.set(direct_ready="submit-on-close")
    wait(5)
    with serve() as serving:
        client = serving.log_in()
        begin(client, stored, name).close()
        drop(client)
        wait_for(lambda: not stored.find(name).writers, "the end of the upload")
        assert (stored.find(name).cut, stored.fs.stat(name).state) == (True, "draft")


def test_a_client_that_leaves_without_a_word(client, stored, hand, wait):
    """A client that closes its connections after the reply would have uploaded in vain."""
    wait(3600)
    assert hand.put(client, "a.csv", CONTENT).startswith("226")
    client.close()
    wait_for(lambda: not stored.find("a.csv").writers, "the end of the upload")
    stored.fs.rename("a.csv", "a.ready", replace=True)


def test_nobody_else_hands_it_over_meanwhile(client, stored, hand, wait):
    """Half a file would be sent if another session renamed what a killed one has left."""
    wait(3600)
    assert hand.put(client, "a.csv", CONTENT).startswith("226")
    with pytest.raises(StillOpen, match="still being written"):
        stored.fs.rename("a.csv", "a.ready", replace=True)
    client.voidcmd("NOOP")
    stored.fs.rename("a.csv", "a.ready", replace=True)


def test_time_makes_it_certain(client, stored, hand, wait):
    """Another session could never rename the upload of one that stays silent."""
    wait(0.01)
    assert hand.put(client, "a.csv", CONTENT).startswith("226")
    wait_for(lambda: not stored.find("a.csv").writers, "the end of the upload")
    stored.fs.rename("a.csv", "a.ready", replace=True)


def test_a_rename_that_is_refused_ends_it_all_the_same(client, stored, hand, wait):
    """A mistyped name would leave the file open, and the next rename be refused."""
    wait(3600)
    assert hand.put(client, "a.csv", CONTENT).startswith("226")
    client.sendcmd("RNFR a.csv")
    assert hand.refused(client, "RNTO a.success").startswith("550")
    assert stored.find("a.csv").writers == ()
    stored.fs.rename("a.csv", "a.ready", replace=True)


def test_behind_a_balancer_the_reply_waits(serving, client, hand, monkeypatch):
    """A balancer reads for clients that are gone: half a file would be sent."""
    object.__setattr__(serving.server.settings, "proxy_from", networks(["192.0.2.1"]))
    monkeypatch.setattr(Draft, "seal", lambda _: pytest.fail("it was answered at once"))
    assert hand.put(client, "a.csv", CONTENT).startswith("226")


def test_what_was_answered_outlives_the_process(stored):
    """A client was told that its file is safe, and would find it cut after a restart."""
    draft = stored.fs.open("a.csv", os.O_WRONLY | os.O_CREAT)
    draft.write(0, CONTENT)
    assert draft.seal()
    half = stored.fs.open("b.csv", os.O_WRONLY | os.O_CREAT)
    half.write(0, CONTENT)
    stored.restart()
    assert (stored.find("a.csv").cut, stored.find("a.csv").size) == (False, len(CONTENT))
    assert stored.find("b.csv").cut
    stored.fs.rename("a.csv", "a.ready", replace=True)


def test_a_store_that_is_away_cuts_nothing_that_was_answered(stored, monkeypatch):
    """A client was told that its file is safe, and could not have it sent."""
    draft = stored.fs.open("a.csv", os.O_WRONLY | os.O_CREAT)
    draft.write(0, CONTENT)
    assert draft.seal()
    with monkeypatch.context() as patch:
        patch.setattr(type(stored.store.files), "change", lambda *_, **__: pytest.fail("away"))
        with pytest.raises(BaseException, match="away"):
            draft.close()
    wait_for(lambda: not stored.find("a.csv").writers, "the end to be noted")
    stored.fs.rename("a.csv", "a.ready", replace=True)
