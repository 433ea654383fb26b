"""Submission: names, seconds, aliases."""

import errno
import os

import pytest

from smsfs.states import FileState


def test_submitted_file_has_its_new_name_at_once(files):
    """A client that lists after its rename would not find its file."""
    files.put("upload.csv")
    files.fs.rename("upload.csv", "a.ready", replace=False)
    (entry,) = files.fs.listdir("")
    assert (entry.name, entry.state, entry.mode) == (
        "a.20231114T221320.processing",
        FileState.PROCESSING,
        0o444,
    )
    (batch,) = files.store.queue.batches()
    assert (batch.stem, batch.flags, batch.path, batch.state) == ("a", frozenset(), entry.name, "pending")


def test_flags_of_the_name_reach_the_reader(files):
    """An Excel file would be read as a plain one."""
    files.put("upload")
    files.fs.rename("upload", "a.utf8.excel.ready", replace=False)
    (batch,) = files.store.queue.batches()
    assert batch.flags == {"excel", "utf8"}


def test_same_name_in_one_second_takes_the_next(files, clock):
    """Two files of one name and second would fight for one name, in flight or later."""
    names = [files.submit("a", b"x%d" % n) for n in range(3)]
    assert names == [f"a.20231114T22132{n}.processing" for n in range(3)]
    assert files.intake.step()
    assert files.submit("a", b"y") == "a.20231114T221323.processing"
    clock.now += 10
    assert files.submit("a", b"z") == "a.20231114T221330.processing"


def test_files_of_one_second_are_read_without_waiting(files):
    """The sixtieth file of one name and second would wait a minute."""
    for number in range(3):
        files.submit("a", b"msisdn,message\n4512345678,%d\n" % number)
    assert [files.intake.step() for _ in range(4)] == [True, True, True, False]


def test_inode_and_size_stay(files):
    """A mount would take a submitted file for another."""
    files.put("upload")
    before = files.fs.stat("upload")
    files.fs.rename("upload", "a.ready", replace=False)
    after = files.fs.stat("a.ready")
    assert (after.inode, after.size, after.mtime) == (before.inode, before.size, before.mtime)
    assert before.inode > 0


def test_alias_answers_but_is_not_listed(files, elsewhere, clock, refused):
    """A client that looks for its x.ready after the rename would report a failure."""
    name = files.submit("x")
    for place in (files, elsewhere):
        assert place.fs.stat("x.ready").name == name
        assert place.names() == [name]
        place.fs.set_times("x.ready", 5.0)
        place.fs.chmod("x.ready", 0o600)
        place.fs.chown("x.ready", 0, 0)
    assert files.get("x.ready").startswith(b"msisdn")
    clock.now += 59.9
    assert files.fs.stat("x.ready").name == name
    clock.now += 0.1
    refused(errno.ENOENT, "There is no file x.ready", files.fs.stat, "x.ready")


def test_alias_follows_the_file(files):
    """The old name would show a file in flight that has long been sent."""
    files.submit("x")
    assert files.intake.step()
    assert files.fs.stat("x.ready").state is FileState.SUCCESS


def test_alias_never_exists_for_changes(files, refused):
    """A second x.ready within the minute would be refused, or the first be damaged through its alias."""
    first = files.submit("x", b"1")
    refused(errno.ENOENT, "no file x.ready", files.fs.remove, "x.ready")
    refused(errno.ENOENT, "no file x.ready", files.fs.rename, "x.ready", "b", replace=True)
    refused(errno.ENOENT, "no file x.ready", files.fs.open, "x.ready", os.O_WRONLY)
    refused(errno.ENOENT, "no file x.ready", files.fs.truncate, "x.ready", 0)
    refused(errno.EACCES, "Upload it under another", files.fs.open, "x.ready", os.O_WRONLY | os.O_CREAT)
    second = files.submit("x", b"22")
    assert files.names() == [first, second]
    assert files.fs.stat("x.ready").size == 2


def test_alias_of_a_removed_file_is_gone(files, refused):
    """A removed file would still answer."""
    files.fs.remove(files.finish("x"))
    refused(errno.ENOENT, "no file x.ready", files.fs.stat, "x.ready")


@pytest.mark.parametrize(("seconds", "answers"), [(0, False), (5, True)])
def test_alias_time_is_the_accounts(files, refused, seconds, answers):
    """An account could not choose how long the old name answers."""
    files.set(alias_seconds=seconds)
    files.submit("x")
    if answers:
        assert files.fs.stat("x.ready")
    else:
        refused(errno.ENOENT, "no file", files.fs.stat, "x.ready")


def test_refused_submission_changes_nothing(files, refused):
    """A refused rename would leave half of a submission."""
    files.put("a.csv", b"")
    files.put("b.csv")
    refused(errno.EINVAL, "empty", files.fs.rename, "a.csv", "x.ready", replace=True)
    refused(errno.EACCES, "No batch can be named", files.fs.rename, "b.csv", ".ready", replace=True)
    refused(
        errno.ENAMETOOLONG,
        "too long for a batch",
        files.fs.rename,
        "b.csv",
        "x" * 240 + ".ready",
        replace=True,
    )
    assert files.names() == ["a.csv", "b.csv"]
    assert list(files.store.queue.batches()) == []
    refused(errno.ENOENT, "no file", files.fs.stat, "x.ready")
