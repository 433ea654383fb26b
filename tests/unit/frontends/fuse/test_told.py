"""What a listing has told of files, for the question about each of them that follows."""

import os
from contextlib import closing

import pytest

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.frontends.fuse.operations import Operations
from smsfs.store.sqlite import SqliteStore

FILES = [f"{number}.csv" for number in range(5)]


@pytest.fixture
def opener(tmp_path):
    """Opens the filesystem of an account, each time as another process would."""
    stores = []

    def open_(make=lambda store: store.accounts.find("shop")):
        stores.append(SqliteStore(tmp_path / "smsfs.db"))
        return Filesystems(stores[-1], stores[-1].register("mount"), dialect).of(make(stores[-1]))

    open_(lambda store: store.accounts.add("shop", "gatewayapi", {}, 1.0))
    yield open_
    for store in stores:
        store.close()


def _write(filesystem, name, data):
    with closing(filesystem.open(name, os.O_WRONLY | os.O_CREAT)) as file:
        file.write(0, data)


@pytest.fixture
def mount(opener):
    """The callbacks of a mount that has just listed some files."""
    filesystem = opener()
    for name in FILES:
        _write(filesystem, name, b"msisdn,message\n")
    operations = Operations(filesystem, lambda: None, os.getpid)
    _list(operations)
    return operations


def _list(operations):
    number = operations.opendir("/")
    shown = {name: attributes for name, attributes, _ in operations.readdir_with_offset("/", 0, number)}
    operations.releasedir("/", number)
    return shown


def test_what_was_listed_answers_for_each_file(mount):
    """A program such as ls -l would ask the store again for each file just listed."""
    shown = _list(mount)
    assert [mount._told.find(f"/{name}") for name in FILES] == [shown[name] for name in FILES]
    assert (
        mount.getattr("/1.csv") == shown["1.csv"] == mount._access.attributes(mount._filesystem.stat("1.csv"))
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda theirs: theirs.rename("1.csv", "1.csv.ready", replace=False),
        lambda theirs: theirs.remove("1.csv"),
        lambda theirs: _write(theirs, "1.csv", b"msisdn,message\n4512345678,Hi\n"),
        lambda theirs: theirs.set_times("1.csv", 7.0),
    ],
)
def test_any_change_is_seen_at_once(mount, opener, change):
    """A program on a mount would see a file that is gone, or its old size, and send half of it on."""
    before = mount.getattr("/1.csv")
    theirs = opener()
    change(theirs)
    if "1.csv" in [entry.name for entry in theirs.listdir("/")]:
        assert mount.getattr("/1.csv") == mount._access.attributes(theirs.stat("1.csv")) != before
    else:
        with pytest.raises(FileNotFoundError):
            mount.getattr("/1.csv")


def test_a_file_that_grows_is_asked_for(mount, opener):
    """A program that follows an upload would not see it grow: bytes are written without a commit."""
    theirs = opener()
    with closing(theirs.open("new.csv", os.O_WRONLY | os.O_CREAT)) as file:
        file.write(0, b"12345")
        assert _list(mount)["new.csv"]["st_size"] == 5
        file.write(5, b"67")
        assert mount.getattr("/new.csv")["st_size"] == 7
