"""Listings of large folders, which are given a part at a time."""

import io
import tracemalloc

import pytest

from smsfs.filesystem.folder import PAGE
from smsfs.frontends.ftp.control import LISTING_WEIGHT, MAX_UNREAD
from tests.support.server import wait_for

FILES = 2000


@pytest.fixture
def crowded(memory):
    """A folder of many files, and their names."""
    names = [f"file{number:04}.csv" for number in range(FILES)]
    memory.files = {name: bytearray() for name in names}
    memory.listed = names
    return memory


@pytest.mark.parametrize("command", ["NLST", "LIST", "MLSD", "NLST *.csv", "NLST file0*"])
def test_a_listing_is_whole(serve, crowded, command):
    """A client would not find its file in a large folder, or find it twice."""
    lines = []
    with serve() as serving:
        client = serving.log_in()
        client.retrlines(command, lines.append)
        client.close()
    wanted = [name for name in crowded.listed if not command.endswith("0*") or name.startswith("file0")]
    assert [line.split()[-1] for line in lines] == wanted


def test_a_listing_on_the_control_connection_is_whole(serve, crowded):
    """A client that lists by STAT would not find its file, or read the next reply in the midst of it."""
    with serve() as serving:
        client = serving.log_in()
        lines = client.sendcmd("STAT /").splitlines()
        assert client.sendcmd("NOOP").startswith("200")
        client.close()
    assert [line.split()[-1] for line in lines[1:-1]] == crowded.listed


def test_listings_that_nobody_reads_end_the_session(serve, crowded, events):
    """A client that asks for listings and reads none would have the server hold all of them."""
    crowded.files = {f"{number:04}-{'x' * 200}": bytearray() for number in range(PAGE)}
    with serve() as serving:
        client = serving.log_in()
        client.sock.sendall(b"STAT /\r\n" * (MAX_UNREAD // LISTING_WEIGHT + 400))
        wait_for(lambda: serving.threads() == 0, "the session to end")
        client.close()
    assert "replies_not_read" in [event["event"] for event in events]


def test_a_listing_that_nobody_reads_is_small(serve, crowded):
    """Some clients that stop reading in the midst of a large listing would take the server's memory."""
    crowded.files = {f"{number:05}-{'x' * 200}": bytearray() for number in range(20_000)}
    whole = sum(len(name) for name in crowded.files)
    tracemalloc.start()
    try:
        with serve() as serving:
            client = serving.log_in()
            data = client.transfercmd("LIST")
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            received = len(data.recv(1000))
            held = tracemalloc.get_traced_memory()[0] - before
            data.close()
            client.close()
    finally:
        tracemalloc.stop()
    assert received
    assert held < whole / 2


def test_what_was_stored_last_is_among_them_in_order(serve, memory):
    """A client that looks once whether its upload has arrived would not find it, as it was sent already."""
    memory.files = {name: bytearray() for name in ("a.csv", "z.csv")}
    with serve() as serving:
        client = serving.log_in()
        client.storbinary("STOR m.csv", io.BytesIO(b"x"))
        assert client.nlst() == ["a.csv", "m.csv", "z.csv"]
        client.close()
