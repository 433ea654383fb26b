"""Limits of an account, and what clients are told of them."""

import errno
import os

import pytest

CREATE = os.O_WRONLY | os.O_CREAT


def test_file_size_is_limited(files, refused):
    """One client could fill the disk with one file."""
    files.set(max_file_bytes=100)
    draft = files.fs.open("a.csv", CREATE)
    assert draft.write(0, b"x" * 100) == 100
    refused(errno.EFBIG, "100 bytes at most; split it", draft.write, 100, b"x")
    refused(errno.EFBIG, "100 bytes at most", draft.truncate, 101)
    refused(errno.EFBIG, "100 bytes at most", draft.write, 2**62, b"x")
    draft.close()
    assert files.fs.stat("a.csv").size == 100


def test_file_that_did_not_fit_is_not_submitted(files, refused):
    """The first part of a file that was too large would be sent."""
    files.set(max_file_bytes=100)
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"x" * 100)
    refused(errno.EFBIG, "at most", draft.write, 100, b"x")
    draft.close()
    refused(errno.EACCES, "was cut off", files.fs.rename, "a.csv", "a.ready", replace=False)


def test_number_of_files_is_limited(files, refused):
    """A client in a loop could fill the store with files."""
    files.set(max_files=2)
    files.put("a")
    files.put("b")
    refused(errno.EDQUOT, "holds 2 files, as many as it may; delete some", files.fs.open, "c", CREATE)
    files.put("a", b"again")
    files.fs.remove("b")
    files.put("c")
    assert files.names() == ["a", "c"]


def test_bytes_of_an_account_are_limited(files, refused):
    """One customer could take the disk from all others."""
    files.set(max_bytes=100)
    files.put("a", b"x" * 60)
    draft = files.fs.open("b", CREATE)
    draft.write(0, b"x" * 40)
    refused(errno.EDQUOT, "space is used up; delete some files", draft.write, 40, b"x")
    draft.close()
    files.fs.remove("b")
    files.put("a", b"x" * 100)
    assert files.fs.usage().bytes == 100


def test_open_uploads_share_the_accounts_space(files, refused):
    """A customer with several uploads at once could take the disk from all others."""
    files.set(max_bytes=100)
    first, second = files.fs.open("a", CREATE), files.fs.open("b", CREATE)
    first.write(0, b"x" * 60)
    refused(errno.EDQUOT, "space is used up", second.write, 0, b"x" * 41)
    first.close()
    refused(errno.EDQUOT, "space is used up", second.write, 0, b"x" * 41)
    assert second.write(0, b"x" * 40) == 40
    second.close()
    assert files.fs.usage().bytes == 100


def test_space_that_an_open_upload_gives_back_is_free(files, refused):
    """An upload would be refused for the sake of bytes that are gone."""
    files.set(max_bytes=100)
    files.put("old", b"x" * 50)
    first, second = files.fs.open("a", CREATE), files.fs.open("b", CREATE)
    first.write(0, b"x" * 50)
    refused(errno.EDQUOT, "space is used up", second.write, 0, b"x")
    files.fs.remove("old")
    assert second.write(0, b"x" * 50) == 50
    first.abandon()
    files.fs.remove("a")
    assert second.write(50, b"x" * 50) == 50
    second.close()


def test_two_writers_of_one_file_take_its_space_once(files):
    """A file that is open twice would fill an account that has room for it."""
    files.set(max_bytes=100)
    first, second = files.fs.open("a", CREATE), files.fs.open("a", CREATE)
    first.write(0, b"x" * 90)
    first.close()
    assert second.write(0, b"y" * 100) == 100
    second.close()
    assert files.fs.usage().bytes == 100


def test_an_upload_anew_need_not_share_with_the_one_before_it(files, refused):
    """A connection that hangs would keep its client from uploading again where space is short."""
    files.set(max_bytes=100)
    hanging = files.fs.open("a", CREATE)
    hanging.write(0, b"x" * 90)
    files.put("a", b"y" * 90)
    refused(errno.EDQUOT, "space is used up", hanging.write, 90, b"x")
    hanging.abandon()
    assert files.fs.usage().bytes == 90


def test_open_files_are_limited(files, refused):
    """A client that never closes its files could use up the server's."""
    files.set(max_open_files=2)
    first, second = files.fs.open("a", CREATE), files.fs.open("b", CREATE)
    refused(
        errno.EMFILE,
        "2 files are open for writing, as many as may be; close some",
        files.fs.open,
        "c",
        CREATE,
    )
    assert files.names() == ["a", "b"]
    first.close()
    files.fs.open("c", CREATE).close()
    second.abandon()
    files.fs.open("d", CREATE).close()
    files.fs.open("e", CREATE).close()


def test_refused_opens_do_not_count_as_open(files, refused):
    """An account would be locked out by its own refused requests."""
    files.set(max_open_files=1)
    for _ in range(3):
        refused(errno.EACCES, "Upload it under another name", files.fs.open, "x.ready", CREATE)
        refused(errno.ENOENT, "no file", files.fs.open, "x", os.O_WRONLY)
    files.put()


def test_usage_is_told_with_its_limits(files):
    """Clients would see the wrong free space, and refuse to upload."""
    files.set(max_files=7, max_bytes=1000)
    files.put("a", b"12345")
    files.submit("b", b"123")
    usage = files.fs.usage()
    assert (usage.files, usage.max_files, usage.bytes, usage.max_bytes, usage.max_name) == (
        2,
        7,
        8,
        1000,
        255,
    )


def test_settings_count_at_once(files, refused):
    """A change by the operator would wait for a restart."""
    files.put("a")
    files.set(max_files=1)
    refused(errno.EDQUOT, "holds 1 files", files.fs.open, "b", CREATE)
    files.set(max_files=2)
    files.put("b")


@pytest.mark.parametrize("size", [-1, -(2**63)])
def test_negative_sizes_are_refused(files, refused, size):
    """A wrong request would end in an internal error."""
    files.put()
    refused(errno.EINVAL, "fewer than no bytes", files.fs.truncate, "a.csv", size)
