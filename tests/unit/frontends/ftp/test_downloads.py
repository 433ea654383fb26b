"""Downloads of files that a real store keeps: the system passes plain files on to the network."""

import ftplib
import os

import pytest

CONTENT = os.urandom(5_000_000)


@pytest.fixture
def memory(stored):
    """In place of the filesystem in memory: one on a store, with a draft."""
    draft = stored.fs.open("a.csv", os.O_WRONLY | os.O_CREAT)
    draft.write(0, CONTENT)
    draft.close()
    return stored.fs


@pytest.mark.parametrize("kind", ["client", "secure"], ids=["plain", "TLS"])
@pytest.mark.parametrize("rest", [None, 1, 4_999_999, 5_000_000])
def test_all_of_a_file_arrives(request, hand, kind, rest):
    """A client would get a part of its file, or another one, and be told that this is all."""
    assert hand.get(request.getfixturevalue(kind), "a.csv", rest=rest) == CONTENT[rest or 0 :]


def test_a_client_that_goes_is_no_fault_of_the_server(client, memory, hand, events):
    """The operator would look for a fault where a client just went."""
    draft = memory.open("a.csv", os.O_WRONLY)
    draft.truncate(60_000_000)  # more than the network's buffers hold
    draft.close()
    data = client.transfercmd("RETR a.csv")
    assert data.recv(1)
    hand.reset(data)
    with pytest.raises(ftplib.error_temp, match="426 The connection for the data was lost"):
        client.voidresp()
    assert not [event for event in events if event["event"] == "request_failed"]
