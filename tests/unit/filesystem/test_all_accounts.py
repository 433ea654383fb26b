"""The admin's view: each account in a folder of its name."""

import errno
import os

import pytest


@pytest.fixture
def everyone(files, clock):
    """Two accounts, one of them with a file."""
    files.store.accounts.add("second", "gatewayapi", {"max_files": 1}, clock())
    files.put("a.csv", b"12345")
    return files.all.all()


def test_accounts_are_folders(everyone, files):
    """An admin would not find an account's files."""
    entries = everyone.listdir("/")
    assert [(entry.name, entry.is_folder) for entry in entries] == [("second", True), ("shop", True)]
    assert [entry.name for entry in everyone.listdir("/shop")] == ["a.csv"]
    assert everyone.listdir("second") == []
    assert everyone.stat("shop/a.csv") == files.fs.stat("a.csv")


def test_folder_looks_the_same_from_outside_and_inside(everyone):
    """A mount would see another folder in its listing than when it looks at it."""
    assert everyone.listdir("/") == [everyone.stat("second"), everyone.stat("/shop/")]
    inodes = [everyone.stat(path).inode for path in ("/", "second", "shop", "shop/a.csv")]
    assert len(set(inodes)) == 4
    assert (everyone.stat("/").name, everyone.stat("/").is_folder) == ("", True)


def test_requests_reach_the_account(everyone, files):
    """An admin's change would be lost, or end up with another customer."""
    draft = everyone.open("/second/b.csv", os.O_WRONLY | os.O_CREAT)
    draft.write(0, b"123")
    draft.close()
    everyone.rename("second/b.csv", "second/c.csv", replace=False)
    everyone.set_times("second/c.csv", 5.0)
    everyone.truncate("second/c.csv", 2)
    everyone.set_times("second/c.csv", 6.0)
    everyone.chmod("second/c.csv", 0o644)
    everyone.chown("second/c.csv", -1, -1)
    entry = everyone.stat("second/c.csv")
    assert (entry.size, entry.mtime) == (2, 6.0)
    everyone.remove("second/c.csv")
    assert everyone.listdir("second") == []
    assert files.names() == ["a.csv"]


def test_files_stay_with_their_account(everyone, files, refused):
    """A customer's file would turn up, and be sent, in another's name."""
    for target in ("second/a.csv", "second/a.ready"):
        refused(errno.EXDEV, "copy it", everyone.rename, "shop/a.csv", target, replace=True)
    assert files.names() == ["a.csv"]


def test_only_accounts_are_in_the_root(everyone, refused):
    """A file would be put where no account is."""
    create = os.O_WRONLY | os.O_CREAT
    refused(errno.EACCES, "smsfs account add", everyone.open, "/x", create)
    refused(errno.ENOENT, "There is no account x", everyone.open, "/x", os.O_RDONLY)
    refused(errno.ENOENT, "There is no account x", everyone.stat, "x/y")
    refused(errno.ENOENT, "There is no account x", everyone.listdir, "x")
    refused(errno.EACCES, "smsfs account add", everyone.remove, "/")
    refused(errno.EACCES, "smsfs account add", everyone.open, "/", create)
    refused(errno.EISDIR, "/shop is a folder", everyone.open, "/shop", create)
    refused(errno.EISDIR, "folder", everyone.remove, "shop")
    refused(errno.EISDIR, "folder", everyone.rename, "shop", "shop/b", replace=True)
    everyone.set_times("/", 5.0)


def test_usage_is_the_sum(everyone, files):
    """The free space of the mount of all accounts would be one account's."""
    usage, own = everyone.usage(), files.fs.usage()
    assert (usage.files, usage.bytes) == (1, 5)
    assert usage.max_files == own.max_files + 1
    assert usage.max_bytes == 2 * own.max_bytes


def test_new_account_is_there_at_once(everyone, files, clock):
    """A new customer would have to wait for a restart."""
    files.store.accounts.add("new", "gatewayapi", {}, clock())
    assert [entry.name for entry in everyone.listdir("")] == ["new", "second", "shop"]
    assert everyone.listdir("new") == []


def test_account_has_one_filesystem(files):
    """Limits on open files would count for each session alone."""
    assert files.all.of(files.account) is files.all.of(files.store.accounts.find("shop"))
