"""The folder with result files: who sees it, and what may be done in it."""

import errno
import os

import pytest

from smsfs.pipeline.reports.results import REPORTS, ResultWriter
from smsfs.store import Outcome, SliceReport

NAME = "results/a.20231114T221320.csv"


@pytest.fixture
def write(files):
    """Writes the result files that are due."""
    assert files.store.lead(files.owner, REPORTS)
    return ResultWriter(files.store, files.owner, lambda: 0.0).step


@pytest.fixture
def send(files, clock, write):
    """The messages leave, and the result file is final."""

    def send():
        slice_ = files.store.queue.claim_slice(files.owner, "outbox", clock(), oldest=True)
        outcomes = [Outcome(1, "accepted", clock(), "c-1")]
        files.store.queue.record(files.owner, [SliceReport(slice_, outcomes, done=True)])
        clock.now += 2
        assert write()

    return send


@pytest.fixture
def result(files, write):
    """An account with a result file that is not final."""
    files.set(results=True)
    files.finish()
    assert write()
    return NAME


def test_the_folder_is_there_when_it_is_wanted(files):
    """A client would look for its results in vain, or find a folder that it did not ask for."""
    assert files.names() == []
    with pytest.raises(FileNotFoundError):
        files.fs.stat("/results")
    files.set(results=True)
    assert files.names() == ["results"]
    assert files.fs.stat("/results").is_folder
    assert files.fs.stat("/results").inode == files.fs.listdir("/")[0].inode
    assert files.fs.listdir("/results") == []


def test_results_are_listed_and_read(files, result, send):
    """A client could not see or fetch what became of its messages."""
    (entry,) = files.fs.listdir("/results")
    assert entry == files.fs.stat(result)
    assert (entry.mode, entry.state) == (0o444, "processing")
    before = files.get(result)
    assert before.decode().splitlines()[1:] == ["1,4512345678,,1,queued,,,,,,"]
    assert len(before) == entry.size
    send()
    assert files.get(result).decode().splitlines()[1].startswith("1,4512345678,,1,submitted,c-1,")
    assert files.fs.stat(result).state == "success"


def test_reader_keeps_what_it_has_open(files, result, send):
    """A download during an update would be half of one version and half of the other."""
    reader = files.fs.open(result, os.O_RDONLY)
    before = files.get(result)
    size = reader.stat().size
    send()
    assert reader.read(0, 1_000_000) == before
    assert reader.stat().size == size == len(before)
    reader.close()
    assert files.get(result) != before


def test_unfinished_results_cannot_be_deleted(files, result, refused, send):
    """A client would delete a file that comes back, or never get rid of one that is through."""
    refused(errno.EACCES, "not final yet", files.fs.remove, result)
    send()
    files.fs.remove(result)
    assert files.fs.listdir("/results") == []
    assert files.store.results.due(1e12, 10) == []
    assert files.store.contents.missing() == []


CHANGES = {
    "create": lambda fs: fs.open("results/new.csv", os.O_WRONLY | os.O_CREAT),
    "overwrite": lambda fs: fs.open(NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    "append": lambda fs: fs.open(NAME, os.O_WRONLY),
    "truncate": lambda fs: fs.truncate(NAME, 0),
    "rename inside": lambda fs: fs.rename(NAME, "results/b.csv", replace=False),
    "rename out": lambda fs: fs.rename(NAME, "b.csv", replace=True),
    "resubmit": lambda fs: fs.rename(NAME, "b.ready", replace=True),
    "rename in": lambda fs: fs.rename("draft.csv", "results/b.csv", replace=True),
    "submit in": lambda fs: fs.rename("draft.csv", "results/b.ready", replace=True),
    "replace": lambda fs: fs.rename("draft.csv", NAME, replace=True),
}


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_else_changes_there(files, result, refused, send, change, final):
    """A client could mix files of its own with the server's, or spoil what it reads later."""
    files.put("draft.csv")
    if final:
        send()
    before = files.get(result)
    refused(errno.EACCES, "", CHANGES[change], files.fs)
    assert files.get(result) == before
    assert [entry.name for entry in files.fs.listdir("/results")] == [NAME.partition("/")[2]]
    assert "draft.csv" in files.names()


def test_attributes_there(files, result, refused):
    """A client that sets times or modes after a download would fail, or change them."""
    before = files.fs.stat(result)
    files.fs.set_times(result, 1.0)
    files.fs.chmod(result, 0o444)
    refused(errno.EPERM, "Permissions are fixed", files.fs.chmod, result, 0o777)
    assert files.fs.stat(result) == before
    files.fs.set_times("/results", 1.0)
    files.fs.chmod("/results", 0o755)


def test_the_folder_itself_cannot_be_replaced(files, refused):
    """A draft would take the place of the folder, and hide every result."""
    files.set(results=True)
    files.put("draft.csv")
    refused(errno.EISDIR, "is a folder", files.fs.open, "results", os.O_WRONLY | os.O_CREAT)
    refused(errno.EEXIST, "is a folder", files.fs.rename, "draft.csv", "results", replace=True)
    refused(errno.EISDIR, "is a folder", files.fs.remove, "results")


def test_results_are_out_of_reach_when_they_are_switched_off(files, result, refused):
    """Files of a folder that is not there could be opened by those who remember a name."""
    files.set(results=False)
    assert files.names() == ["a.20231114T221320.success"]
    for call in (files.fs.stat, files.fs.listdir, files.fs.remove):
        refused(errno.ENOENT, "There is no", call, result)
    refused(errno.ENOENT, "There is no", files.fs.listdir, "/results")
    refused(errno.ENOENT, "There is no folder", files.fs.open, "results/x", os.O_WRONLY | os.O_CREAT)


def test_admin_sees_them_too(files, result):
    """Whoever has all accounts mounted would not find the results."""
    assert "results" in [entry.name for entry in files.all.all().listdir("/shop")]
    assert files.all.all().stat(f"/shop/{result}").state == "processing"
