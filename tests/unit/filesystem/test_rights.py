"""The right to an account is checked where it counts: in the transaction that a client's answer waits for."""

import errno
import os

import pytest

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Access, Filesystems


def disable(store, account):
    """Close the account."""
    store.accounts.set_disabled(account.id, disabled=True)


def remove(store, account):
    """Remove the account."""
    store.contents.delete(store.accounts.remove(account.id))


ENDS = pytest.mark.parametrize(("end", "word"), [(disable, "closed"), (remove, "removed")])


@ENDS
def test_nothing_more_is_submitted(files, elsewhere, refused, end, word):
    """Messages of a customer who was shut out would leave, in the moment before the session ends."""
    files.put("a.csv")
    files.fs.settings()
    end(elsewhere.store, files.account)
    refused(errno.EACCES, word, files.fs.rename, "a.csv", "a.ready", replace=False)
    assert list(files.store.queue.batches()) == []


@ENDS
def test_upload_under_way_is_cut(files, elsewhere, refused, end, word):
    """Half a file would count as whole, or a client hear OK for an upload that is nowhere."""
    draft = files.fs.open("a.csv", os.O_WRONLY | os.O_CREAT)
    draft.write(0, b"msisdn,message\n")
    end(elsewhere.store, files.account)
    refused(errno.EACCES, word, draft.close)
    left = [(file.name, bool(file.cut)) for file in elsewhere.store.files.all()]
    assert left == ([("a.csv", True)] if end is disable else [])


@ENDS
def test_open_files_are_of_no_use(files, refused, end, word):
    """A program that keeps a file open would read and write on after it was shut out."""
    files.put("b.csv")
    draft, reader = files.fs.open("a.csv", os.O_WRONLY | os.O_CREAT), files.fs.open("b.csv", os.O_RDONLY)
    draft.write(0, b"msisdn")
    end(files.store, files.account)
    refused(errno.EACCES, word, draft.write, 6, b",message\n")
    refused(errno.EACCES, word, draft.sync)
    refused(errno.EACCES, word, reader.read, 0, 10)
    reader.close()
    draft.abandon()


@ENDS
def test_nothing_is_shown_or_opened(files, refused, end, word):
    """A mount, or a program, would go on as if nothing had happened."""
    files.put("a.csv")
    end(files.store, files.account)
    steps = [
        lambda: files.fs.stat("/"),
        lambda: files.fs.listdir("/"),
        lambda: files.fs.open("a.csv", os.O_RDONLY),
        lambda: files.fs.open("new.csv", os.O_WRONLY | os.O_CREAT),
        lambda: files.fs.remove("a.csv"),
        lambda: files.fs.set_times("a.csv", 1.0),
        lambda: files.fs.truncate("a.csv", 0),
        files.fs.usage,
    ]
    for step in steps:
        refused(errno.EACCES, word, step)


def test_a_right_that_has_ended_stays_so(files, refused):
    """An old session would come to life again when the account is opened again."""
    disable(files.store, files.account)
    refused(errno.EACCES, "closed", files.fs.listdir, "/")
    files.store.accounts.set_disabled(files.account.id, disabled=False)
    refused(errno.EACCES, "closed", files.fs.listdir, "/")
    again = files.all.of(files.store.accounts.get(files.account.id))
    assert again.listdir("/") == []


def test_only_logins_end_with_their_password(files, refused):
    """A mount would go with each new password, which it never had; or a thief's session stay."""
    thief = files.all.of(files.account, Access.LOGIN)
    everybody = files.all.all()
    files.store.accounts.set_password(files.account.id, "new")
    refused(errno.EACCES, "log in again", thief.listdir, "/")
    assert files.fs.listdir("/") == everybody.listdir("/shop") == []


def test_operator_sees_closed_accounts(files):
    """The files of a closed account could not be looked at any more."""
    everybody = files.all.all()
    files.put("a.csv")
    disable(files.store, files.account)
    assert [entry.name for entry in everybody.listdir("/shop")] == ["a.csv"]


def test_next_account_of_the_name_has_its_own_rules(files):
    """Files of a new customer would be read by the folder rules of the one before."""
    Filesystems(files.store, files.owner, dialect)
    remove(files.store, files.account)
    new = files.store.accounts.add("shop", "naxai", {}, 0.0)
    assert new.id != files.account.id
    assert files.all.of(new)._view._scope.dialect.name == "naxai"
