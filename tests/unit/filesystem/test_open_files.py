"""Open files: bytes, sizes, times, and what closing leaves."""

import errno
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from smsfs.errors import StoreUnavailable
from smsfs.states import FileState
from smsfs.store.sqlite.contents import PlainWriter
from tests.support.server import wait_for

BAD = b"msisdn,message\nnobody,hello\n"
CREATE = os.O_RDWR | os.O_CREAT


def test_writes_land_where_they_are_told(files):
    """Clients that send blocks out of order would get a scrambled file."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(4, b"efgh")
    draft.write(0, b"abcd")
    draft.write(10, b"k")
    assert draft.read(0, 100) == b"abcdefgh\0\0k"
    assert draft.read(11, 5) == b""
    draft.close()
    assert files.get("a.csv") == b"abcdefgh\0\0k"


def test_appended_rows_go_to_the_end_whatever_the_offset(files, elsewhere):
    """A client that names offset 0 as it appends, as curl does, would overwrite the file's first rows."""
    files.put("a.csv", b"12345")
    first = files.fs.open("a.csv", os.O_WRONLY | os.O_APPEND)
    second = elsewhere.fs.open("a.csv", CREATE | os.O_APPEND)
    first.write(0, b"67")
    second.write(0, b"89")
    first.write(3, b"ab")
    first.close()
    second.close()
    assert files.get("a.csv") == b"123456789ab"


def test_appending_to_an_emptied_file_begins_at_its_start(files):
    """A client that appends and truncates would leave the old rows, or a gap."""
    files.put("a.csv", b"12345")
    draft = files.fs.open("a.csv", os.O_WRONLY | os.O_APPEND | os.O_TRUNC)
    draft.write(0, b"ab")
    draft.write(0, b"cd")
    draft.truncate(3)
    draft.write(0, b"ef")
    draft.close()
    assert files.get("a.csv") == b"abcef"


def test_appending_stops_at_the_limit(files):
    """A file would grow past the account's limit, piece by piece."""
    files.put("a.csv", b"12345")
    limit = files.fs.settings()["max_file_bytes"]
    draft = files.fs.open("a.csv", os.O_WRONLY | os.O_APPEND)
    with pytest.raises(OSError, match="bytes at most"):
        draft.write(0, bytes(limit - 4))
    draft.abandon()


def test_what_is_behind_the_content_is_not_passed_on_to_a_socket(files):
    """A download of a rejected file would lack its causes, or hold what an upload of them left."""
    files.finish(data=BAD)
    (name,) = files.names()
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        reader = files.fs.open(name, os.O_RDONLY)
        assert reader.send(near.fileno(), 2, 1000) == len(BAD) - 2
        assert far.recv(1000) == BAD[2:]
        assert reader.send(near.fileno(), len(BAD), 1000) == 0
        assert reader.read(len(BAD), 1000) == files.get(name)[len(BAD) :]
        reader.close()
        assert reader.send(near.fileno(), 0, 1000) == 0


def test_size_grows_while_a_file_is_written(files, elsewhere):
    """A client that watches its upload would see it stand still."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"12345")
    for place in (files, elsewhere):
        assert place.fs.stat("a.csv").size == 5
        assert [entry.size for entry in place.fs.listdir("")] == [5]
    assert draft.stat().size == 5
    draft.close()
    assert elsewhere.fs.stat("a.csv").size == 5


def test_truncating_open_empties_the_file(files):
    """An upload over a longer file would keep its end."""
    files.put("a.csv", b"a long first version")
    files.put("a.csv", b"short")
    assert files.get("a.csv") == b"short"


def test_open_without_truncation_keeps_the_file(files):
    """A client that resumes an upload would begin with an empty file."""
    files.put("a.csv", b"12345")
    draft = files.fs.open("a.csv", CREATE)
    draft.write(5, b"6789")
    draft.close()
    assert files.get("a.csv") == b"123456789"


@pytest.mark.parametrize("size", [0, 3, 9])
def test_size_is_set_for_real(files, size):
    """A client that sets a size would be told OK and find another."""
    files.put("a.csv", b"12345")
    files.fs.truncate("a.csv", size)
    assert files.get("a.csv") == b"12345\0\0\0\0"[:size].ljust(size, b"\0")
    assert files.fs.stat("a.csv").size == size
    assert files.fs.usage().bytes == size


def test_reader_does_not_write(files, refused):
    """A handle that was opened for reading could change the file."""
    files.put()
    reader = files.fs.open("a.csv", os.O_RDONLY)
    refused(errno.EBADF, "open for reading only", reader.write, 0, b"x")
    refused(errno.EBADF, "open for reading only", reader.truncate, 0)
    reader.set_times(1.0)
    reader.chmod(0o600)
    reader.sync()
    assert reader.stat().mtime != 1.0
    reader.close()
    reader.close()
    refused(errno.EBADF, "closed", reader.read, 0, 1)


def test_closed_draft_takes_no_more(files, refused):
    """A late block of a client could change a file that was submitted."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"12345")
    draft.close()
    for call in (
        lambda: draft.write(0, b"x"),
        lambda: draft.truncate(0),
        lambda: draft.read(0, 1),
        draft.sync,
    ):
        refused(errno.EBADF, "The file is closed", call)
    draft.close()
    draft.abandon()
    assert (files.get("a.csv"), files.store.files.view().find(files.account.id, "a.csv").cut) == (
        b"12345",
        False,
    )


def test_reader_follows_a_draft(files):
    """A client that follows an upload would see nothing."""
    draft = files.fs.open("a.csv", CREATE)
    reader = files.fs.open("a.csv", os.O_RDONLY)
    draft.write(0, b"12345")
    assert reader.read(0, 100) == b"12345"
    assert reader.stat().size == 5
    reader.abandon()
    draft.close()


def test_causes_follow_the_bytes_of_a_rejected_file(files):
    """A customer would not learn why, or get a damaged file back."""
    data = b"msisdn,message\nnobody,hello"
    name = files.finish(data=data)
    whole = files.get(name)
    assert whole.startswith(data + b"\n#smsfs rejected: line 2, column msisdn")
    assert files.fs.stat(name).size == len(whole)
    reader = files.fs.open(name, os.O_RDONLY)
    for start in (0, len(data) - 3, len(data), len(data) + 5, len(whole)):
        assert reader.read(start, 10) == whole[start : start + 10]
    reader.close()


def test_closing_sets_the_time_of_the_last_write(files, clock):
    """A listing would show when a file was created, not when it arrived."""
    draft = files.fs.open("a.csv", CREATE)
    clock.now += 5
    draft.write(0, b"1")
    clock.now += 5
    draft.close()
    assert files.fs.stat("a.csv").mtime == clock.now


@pytest.mark.parametrize("how", ["handle", "path"])
def test_time_set_during_an_upload_survives_it(files, clock, how):
    """Clients that keep times would see another one after put -p."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"1")
    draft.set_times(1234.0) if how == "handle" else files.fs.set_times("a.csv", 1234.0)
    clock.now += 5
    draft.close()
    assert files.fs.stat("a.csv").mtime == 1234.0


def test_write_after_the_time_was_set_counts(files, clock):
    """A changed file would look unchanged to rsync."""
    draft = files.fs.open("a.csv", CREATE)
    draft.set_times(1234.0)
    draft.write(0, b"1")
    draft.close()
    assert files.fs.stat("a.csv").mtime == clock.now


def test_times_of_drafts_only_are_set(files):
    """The time of a file in flight would lie, or a client fail over it."""
    files.put()
    files.fs.set_times("a.csv", 1234.0)
    assert files.fs.stat("a.csv").mtime == 1234.0
    name = files.submit("b")
    before = files.fs.stat(name).mtime
    files.fs.set_times(name, 1234.0)
    files.fs.set_times("b.ready", 1234.0)
    assert files.fs.stat(name).mtime == before


def test_open_without_a_write_leaves_the_time(files, elsewhere, clock):
    """Looking at a file in an editor would set back the time that another client set."""
    files.put()
    draft = files.fs.open("a.csv", os.O_RDWR)
    clock.now += 5
    elsewhere.fs.set_times("a.csv", 1234.0)
    draft.close()
    assert files.fs.stat("a.csv").mtime == 1234.0


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_writer_of_a_vanished_draft_ends_quietly(files, how):
    """A client would fail, or bring back a file that another removed."""
    draft = files.fs.open("a.csv", CREATE)
    second = files.fs.open("a.csv", CREATE)
    if how == "removed":
        files.fs.remove("a.csv")
    else:
        files.put("b.csv", b"new")
        files.fs.rename("b.csv", "a.csv", replace=True)
    assert draft.write(0, b"late") == 4
    assert (draft.stat().size, second.stat().size) == (4, 4)
    draft.close()
    second.abandon()
    assert files.names() == ([] if how == "removed" else ["a.csv"])
    assert files.store.contents.orphans(1e12) == []


def test_renamed_draft_is_still_written(files):
    """A client that renames before it closes would lose the end of its file."""
    draft = files.fs.open("a.part", CREATE)
    draft.write(0, b"12")
    files.fs.rename("a.part", "a.csv", replace=False)
    draft.write(2, b"345")
    draft.close()
    assert files.get("a.csv") == b"12345"


def test_lost_bytes_do_not_hide_other_files(files, refused):
    """One damaged file would hide all of an account's files, or fail a listing beside an upload."""
    draft = files.fs.open("a.csv", CREATE)
    files.put("b.csv")
    files.store.contents.delete([draft.file.content])
    assert files.names() == ["a.csv", "b.csv"]
    refused(errno.EAGAIN, "missing", files.fs.open, "a.csv", os.O_RDONLY)
    draft.close()


def test_failed_open_leaves_no_writer(files, monkeypatch):
    """After a moment without free descriptors, a file could never be submitted again."""
    files.put()

    def full(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(files.store.contents, "open_write", full)
        with pytest.raises(OSError, match="Too many"):
            files.fs.open("a.csv", CREATE)
    files.put()
    files.fs.rename("a.csv", "a.ready", replace=False)


def test_failed_write_makes_the_upload_incomplete(files, monkeypatch, refused):
    """A file with a hole, for a full disk, would be sent."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"12345")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(PlainWriter, "write", full)
        with pytest.raises(OSError, match="No space"):
            draft.write(5, b"67")
    draft.write(7, b"89")
    draft.close()
    refused(errno.EACCES, "was cut off", files.fs.rename, "a.csv", "a.ready", replace=False)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "no luck"), RuntimeError("no luck")])
def test_failed_sync_is_told_and_cuts(files, monkeypatch, refused, error):
    """A client would be told that its file is safe when the disk said otherwise."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"12345")

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(PlainWriter, "sync", fail)
        with pytest.raises(type(error), match="no luck"):
            draft.close()
    draft.close()
    refused(errno.EACCES, "was cut off", files.fs.rename, "a.csv", "a.ready", replace=False)


@contextmanager
def away(monkeypatch, store):
    """A store that takes no changes."""

    def fail(*_, **_options):
        raise StoreUnavailable("The store is away.")

    with monkeypatch.context() as patch:
        patch.setattr(store.files, "change", fail)
        yield


def test_close_without_a_store_is_told_and_made_good_later(files, monkeypatch, refused):
    """A file whose end could not be noted would count as open for ever, or be sent unproven."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"12345")
    with away(monkeypatch, files.store):
        refused(errno.EAGAIN, "away", draft.close)
    refused(errno.ENOENT, "no file none", files.fs.rename, "none", "none.ready", replace=False)
    refused(errno.EACCES, "was cut off", files.fs.rename, "a.csv", "a.ready", replace=False)
    files.put("a.csv")
    files.fs.rename("a.csv", "a.ready", replace=False)


def test_close_without_a_store_is_made_good_by_itself(files, elsewhere, monkeypatch, refused):
    """A client that goes to another host could not send its file until somebody came to this one."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"12345")
    with away(monkeypatch, files.store):
        refused(errno.EAGAIN, "away", draft.close)
    elsewhere.put("a.csv")
    view = files.store.files.view()
    wait_for(lambda: not view.find(files.fs._account.id, "a.csv").writers, "the writer to end")


@pytest.fixture
def changes(files, monkeypatch):
    """Whether each change of files was synced, in turn."""
    seen, change = [], files.store.files.change

    def seen_change(account, *, synced=True, **paths):
        seen.append(synced)
        return change(account, synced=synced, **paths)

    monkeypatch.setattr(files.store.files, "change", seen_change)
    return seen


def test_a_new_upload_is_synced_once_at_its_close(files, changes):
    """Many small files would wait for the disk more often than anybody needs, or never."""
    files.put("a.csv")
    assert changes == [False, True]


def test_an_upload_over_another_is_noted_on_the_disk_before_its_first_byte(files, changes):
    """After a power cut half of the new upload would be taken for the whole old one, and sent."""
    files.put("a.csv")
    changes.clear()
    files.put("a.csv")
    assert changes == [False, True, True], "a look whether it is there, its beginning, its end"


def test_an_upload_over_one_that_just_came_is_noted_on_the_disk_too(files, elsewhere, changes, monkeypatch):
    """The same, where two clients begin in the same moment."""
    settled = files.fs._uploads._settled

    def settled_before(where):
        found = settled(where)
        if found is None:
            elsewhere.put(where)
        return found

    monkeypatch.setattr(files.fs._uploads, "_settled", settled_before)
    draft = files.fs.open("a.csv", CREATE & ~os.O_CREAT)  # as a mount does
    assert changes == [False, True]
    draft.abandon()


def test_a_new_upload_that_its_client_syncs_is_on_the_disk_with_its_name(files, clock, changes):
    """A client that asked for its bytes to be safe would find no file after a power cut."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"12345")
    clock.now += 1
    draft.sync()
    assert changes == [False, True]
    assert files.store.files.view().find(files.account.id, "a.csv").mtime == clock.now
    draft.sync()
    assert changes == [False, True]
    draft.abandon()


def test_what_is_synced_is_not_synced_again(files, monkeypatch):
    """A program that syncs before it closes, as every one on a mount does, would wait for the disk twice."""
    synced, sync = [], PlainWriter.sync
    monkeypatch.setattr(PlainWriter, "sync", lambda writer: (synced.append(writer.size()), sync(writer)))
    draft = files.fs.open("a.csv", CREATE)
    for _ in range(2):
        draft.write(0, b"12345")
        draft.sync()
        draft.sync()
    draft.close()
    assert synced == [5, 5]
    draft = files.fs.open("a.csv", os.O_WRONLY)
    draft.truncate(3)
    draft.close()
    assert synced == [5, 5, 3]


def test_a_failed_sync_makes_the_upload_incomplete(files, monkeypatch, refused):
    """A file whose bytes the disk has lost would be sent: the system reports that once, and then no more."""

    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"12345")
    with monkeypatch.context() as patch:
        patch.setattr(PlainWriter, "sync", broken)
        with pytest.raises(OSError, match="Input/output"):
            draft.sync()
    draft.close()
    refused(errno.EACCES, "was cut off", files.fs.rename, "a.csv", "a.ready", replace=False)


def test_synced_bytes_are_there_for_others(files, elsewhere):
    """A sync would return before the bytes can be seen."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"12345")
    draft.sync()
    assert elsewhere.get("a.csv") == b"12345"
    draft.close()


def test_threads_write_one_file(files):
    """A client that sends blocks in parallel would lose some."""
    draft = files.fs.open("a.csv", CREATE)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: draft.write(n * 10, b"%010d" % n), range(100)))
    draft.close()
    assert files.get("a.csv") == b"".join(b"%010d" % n for n in range(100))


def test_one_of_many_renames_submits(files, elsewhere):
    """Two clients renaming the same file at once would send it twice."""
    files.put()

    def rename(place):
        try:
            place.fs.rename("a.csv", "a.ready", replace=False)
        except FileNotFoundError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(rename, [files, elsewhere, files, elsewhere]))
    assert sorted(told) == [False, False, False, True]
    assert [entry.state for entry in files.fs.listdir("")] == [FileState.PROCESSING]
    assert len(list(files.store.queue.batches())) == 1
