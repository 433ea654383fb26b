"""Files that vanish once they are sent, as clients of a connector see them."""

import errno
import os

import pytest

from smsfs.states import FileState

LIST = b"phone\n4512345678\n"


@pytest.fixture
def connector(files):
    """The files of a connector."""
    account = files.store.accounts.add("leads", "naxai", {"template": "Hello"}, files.store.now())
    return type(files)(files.store, account)


def test_a_sent_file_is_unlisted_and_answers_for_a_while(connector, clock, refused):
    """Clients that look back after an upload would report a failure, and send again."""
    connector.put("a.csv", LIST)
    assert connector.intake.step()
    assert connector.names() == []
    assert connector.fs.stat("a.csv").size == len(LIST)
    connector.fs.set_times("a.csv", 5.0)
    connector.fs.chmod("a.csv", 0o600)
    for call in (connector.get, connector.fs.remove):
        refused(errno.ENOENT, "There is no file", call, "a.csv")
    clock.now += 61
    refused(errno.ENOENT, "There is no file a.csv", connector.fs.stat, "a.csv")


@pytest.mark.parametrize("flags", [os.O_CREAT, os.O_TRUNC], ids=["created", "as a mount opens it"])
def test_its_name_is_free_for_the_next_upload(connector, flags):
    """The second list of a minute could not be uploaded."""
    connector.put("a.csv", LIST)
    assert connector.intake.step()
    draft = connector.fs.open("a.csv", os.O_WRONLY | flags)
    draft.write(0, b"phone\n4512345679\n4512345670\n")
    draft.close()
    assert connector.names() == ["a.csv"]
    assert connector.intake.step()
    assert connector.names() == []
    assert [batch.messages for batch in connector.store.queue.batches()] == [1, 2]


def test_nothing_is_added_to_it(connector, refused):
    """``echo row >> list.csv`` would make a file of that row alone, without its header, and submit it."""
    connector.put("a.csv", LIST)
    assert connector.intake.step()
    refused(errno.EACCES, "a.csv has been submitted", connector.fs.open, "a.csv", os.O_WRONLY)
    refused(errno.EACCES, "a.csv has been submitted", connector.fs.truncate, "a.csv", 3)
    connector.fs.truncate("a.csv", 0)  # as libfuse 2 begins when a file is written anew
    assert connector.names() == ["a.csv"]


def test_a_rejected_file_answers_as_it_was_uploaded(connector):
    """A client that compares sizes would call a whole upload broken."""
    connector.put("a.csv", b"phone,a name\n4512345678,x\n")
    assert connector.intake.step()
    assert connector.names() == ["a.csv.rejected"]
    assert connector.fs.stat("a.csv").size == 26
    assert connector.fs.stat("a.csv.rejected").size == len(connector.get("a.csv.rejected")) > 26
    connector.put("a.csv", b"phone,a name\n4512345679,x\n")
    assert connector.intake.step()
    assert len(connector.names()) == 2


def test_a_file_without_phone_numbers_stays_as_it_is(connector):
    """A file that is none for the connector would vanish, or keep its name from the next one."""
    connector.put("a.csv", b"name\nx\n")
    assert connector.intake.step()
    assert connector.fs.stat("a.csv").state is FileState.DRAFT
    connector.put("a.csv", LIST)
    assert connector.intake.step()
    assert connector.names() == []
