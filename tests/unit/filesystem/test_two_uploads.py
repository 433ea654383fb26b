"""Two uploads of one name at once, where a file is sent when it is closed."""

import errno
import os

import pytest

from smsfs.states import FileState

PATH, WRITE = "Send_SMS/a.json", os.O_WRONLY | os.O_CREAT
TEXT = b'version: 7\n{"message_template": "%s", "contacts": [{"msisdn": "2782123456%d"}]}'
ONE, OTHER = TEXT % (b"one", 1), TEXT % (b"two", 2)
HALF = len(ONE) // 2


@pytest.fixture
def portal(files):
    """The files of an account whose files are sent when they are closed."""
    account = files.store.accounts.add("portal", "smsportal", {}, files.store.now())
    return type(files)(files.store, account)


@pytest.fixture(params=["same process", "other process"])
def hanging(request, portal, connect):
    """An upload that stands half way, its connection being gone without a word."""
    files = portal if request.param == "same process" else type(portal)(connect(), portal.account)
    draft = files.fs.open(PATH, WRITE | os.O_TRUNC)
    draft.write(0, ONE[:HALF])
    return draft


@pytest.mark.parametrize("first", ["hanging", "new"])
def test_an_upload_anew_is_sent_whatever_becomes_of_the_one_that_hangs(portal, hanging, first):
    """A client that comes back after its connection broke would be told OK, and its list never be sent."""
    if first == "new":
        portal.put(PATH, OTHER)
        hanging.abandon()
    else:
        draft = portal.fs.open(PATH, WRITE | os.O_TRUNC)
        hanging.abandon()
        draft.write(0, OTHER)
        draft.close()
    assert portal.fs.stat(PATH).state is FileState.PROCESSING
    assert portal.get(PATH) == OTHER


def test_two_uploads_are_never_mixed_and_the_earlier_one_hears_of_it(portal, hanging, refused):
    """The people of one list would get the text of another."""
    draft = portal.fs.open(PATH, WRITE | os.O_TRUNC)
    draft.write(0, OTHER)
    hanging.write(HALF, ONE[HALF:])
    refused(errno.EACCES, "Another upload of a.json began meanwhile; upload it again", hanging.close)
    draft.close()
    assert portal.get(PATH) == OTHER
    assert [batch.stem for batch in portal.store.queue.batches()] == ["a.json"]


@pytest.mark.parametrize("end", ["close", "cut"])
def test_resuming_what_another_connection_has_open_is_refused_in_the_end(portal, hanging, refused, end):
    """A client that resumes while its old connection hangs would be told OK, and its list never be sent."""
    draft = portal.fs.open(PATH, os.O_WRONLY)
    draft.write(HALF, ONE[HALF:])
    if end == "cut":
        hanging.abandon()
        refused(errno.EACCES, "The upload of Send_SMS/a.json was cut off; upload it again", draft.close)
    else:
        refused(errno.EBUSY, "Send_SMS/a.json is still being written", draft.close)
        hanging.abandon()
    assert portal.fs.stat(PATH).state is FileState.DRAFT
    portal.put(PATH, ONE)
    assert portal.fs.stat(PATH).state is FileState.PROCESSING


def test_a_size_set_by_name_disturbs_no_upload(portal):
    """Clients that set the size before or behind their bytes could send nothing."""
    draft = portal.fs.open(PATH, WRITE | os.O_TRUNC)
    portal.fs.truncate(PATH, 0)
    draft.write(0, ONE + b"more")
    portal.fs.truncate(PATH, len(ONE))
    draft.close()
    assert portal.get(PATH) == ONE
    assert portal.fs.stat(PATH).state is FileState.PROCESSING


def test_the_bytes_of_an_upload_begun_anew_are_not_kept(portal, hanging):
    """Each upload that hangs would take up space for ever."""
    portal.put(PATH, OTHER)
    hanging.abandon()
    assert portal.store.contents.orphans(float("inf")) == []
    usage = portal.fs.usage()
    assert (usage.files, usage.bytes) == (1, len(OTHER))
