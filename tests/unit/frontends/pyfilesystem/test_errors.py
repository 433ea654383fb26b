"""What is refused, as which error of PyFilesystem2, and with which sentence."""

import errno

import fs.move
import pytest
from fs import errors

from smsfs.errors import Missing, QuotaFull, StoreUnavailable
from smsfs.frontends.pyfilesystem.translate import fs_error

REFUSALS = [
    (lambda files: files.openbin("none"), errors.ResourceNotFound, "There is no file none."),
    (lambda files: files.openbin("none", "r+"), errors.ResourceNotFound, "There is no file none."),
    (lambda files: files.remove("none"), errors.ResourceNotFound, "There is no file none."),
    (lambda files: files.listdir("none"), errors.ResourceNotFound, "There is no file none."),
    (lambda files: files.setinfo("none", {}), errors.ResourceNotFound, "There is no file none."),
    (lambda files: files.move("none", "new"), errors.ResourceNotFound, "There is no file none."),
    (lambda files: files.writebytes("no/file", b"x"), errors.ResourceNotFound, "no folder no"),
    (lambda files: files.openbin("draft", "x"), errors.FileExists, "draft is there already."),
    (lambda files: files.move("draft", "empty"), errors.DestinationExists, "empty is there already."),
    (lambda files: files.move("empty", "x.ready"), errors.ResourceInvalid, "there is nothing to send"),
    (lambda files: files.move("draft", "x.success"), errors.PermissionDenied, "given by the server"),
    (lambda files: files.writebytes("x.ready", b"x"), errors.PermissionDenied, "another name first"),
    (lambda files: files.writebytes("sent.ready", b"x"), errors.PermissionDenied, "another name first"),
    (lambda files: files.remove(files.getinfo("sent.ready").name), errors.PermissionDenied, "processed"),
    (
        lambda files: files.openbin(files.getinfo("sent.ready").name, "a"),
        errors.PermissionDenied,
        "processed",
    ),
    (lambda files: files.openbin("/"), errors.FileExpected, "/ is a folder"),
    (lambda files: files.remove("/"), errors.FileExpected, "/ is a folder"),
    (lambda files: files.move("/", "x"), errors.FileExpected, "/ is a folder"),
    (lambda files: files.listdir("draft"), errors.DirectoryExpected, "draft is a file."),
    (lambda files: list(files.scandir("draft")), errors.DirectoryExpected, "draft is a file."),
    (lambda files: files.removedir("draft"), errors.DirectoryExpected, "draft"),
    (lambda files: files.removedir("none"), errors.ResourceNotFound, "There is no file none."),
    (lambda files: files.removedir("/"), errors.RemoveRootError, "root"),
    (lambda files: files.makedir("new"), errors.PermissionDenied, "mkdir is not allowed"),
    (lambda files: files.makedir("draft"), errors.PermissionDenied, "mkdir is not allowed"),
    (lambda files: files.makedir("/"), errors.DirectoryExists, "/"),
    (lambda files: files.makedirs("new/folder"), errors.PermissionDenied, "mkdir is not allowed"),
    (lambda files: files.openbin("a\0b", "w"), errors.InvalidCharsInPath, "invalid characters"),
    (lambda files: files.exists("a\udc80b"), errors.InvalidCharsInPath, "not UTF-8"),
    (lambda files: files.writebytes("x" * 256, b""), errors.InvalidPath, "256 bytes"),
    (lambda files: files.move("draft", "{name}.{0}.success"), errors.PermissionDenied, "given by"),
    (lambda files: files.remove("{0}{path}"), errors.ResourceNotFound, "There is no file {0}{path}."),
]


@pytest.fixture
def furnished(files):
    """A draft, an empty draft, and a file on its way."""
    files.writebytes("sent", b"x")
    files.move("sent", "sent.ready")
    files.writebytes("draft", b"x")
    files.writebytes("empty", b"")
    return files


@pytest.mark.parametrize(("act", "kind", "sentence"), REFUSALS)
def test_refusals_are_pyfilesystem_errors(furnished, act, kind, sentence):
    """A program could not tell refusals apart, nor show its user what to do."""
    before = furnished.listdir("/")
    with pytest.raises(kind) as caught:
        act(furnished)
    assert type(caught.value) is kind
    assert sentence in str(caught.value)
    assert furnished.listdir("/") == before


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, errors.InsufficientStorage),
        (errno.EDQUOT, errors.InsufficientStorage),
        (errno.EFBIG, errors.InsufficientStorage),
        (errno.EROFS, errors.PermissionDenied),
        (errno.EIO, errors.OperationFailed),
        (errno.EMFILE, errors.OperationFailed),
        (None, errors.OperationFailed),
    ],
)
def test_the_system_s_own_errors(number, kind):
    """A full or failing disk would end a program with an error that it does not know."""
    error = fs_error("a.csv", OSError(number, "It {broke}."))
    assert (type(error), str(error)) == (kind, "It {broke}.")


def test_errors_carry_the_path_and_the_refusal():
    """A program could not look up which file it was, or the exact reason."""
    refusal = Missing("There is no file a.")
    error = fs_error("a", refusal)
    assert (error.path, error.exc) == ("a", refusal)
    assert type(fs_error("a", StoreUnavailable("Later."))) is errors.RemoteConnectionError
    assert fs_error("a", QuotaFull("Full.")).errno == errno.EDQUOT


def test_an_upload_over_the_limit(files, store):
    """A file over the limit would be cut at it and sent."""
    account = store.accounts.find("acme")
    store.accounts.update(account.id, {"max_file_bytes": 10})
    with pytest.raises(errors.InsufficientStorage, match="10 bytes at most"):
        files.writebytes("a.csv", b"x" * 11)
    with pytest.raises(errors.PermissionDenied, match="cut off"):
        files.move("a.csv", "a.ready")


def test_what_exists_may_be_made_again(files, everyone):
    """Programs that prepare their folders with ``makedirs(recreate=True)`` would stop."""
    assert files.makedir("/", recreate=True).listdir("/") == []
    assert everyone.makedirs("acme", recreate=True).listdir("/") == []


def test_a_folder_cannot_be_moved_away(everyone):
    """An account's files would vanish from sight of everyone else."""
    with pytest.raises(errors.FSError):
        fs.move.move_dir(everyone, "acme", everyone, "elsewhere")
    assert everyone.listdir("/") == ["acme", "other"]
    with pytest.raises(errors.PermissionDenied, match="rmdir is not allowed"):
        everyone.removetree("acme")


def test_times_are_set_on_drafts_only(furnished):
    """A program that keeps times would stop, or change the time at which a file was sent."""
    sent = furnished.getinfo("sent.ready").name
    for name, expected in (
        ("draft", 1000.0),
        (sent, furnished.getinfo(sent, ["details"]).raw["details"]["modified"]),
    ):
        furnished.setinfo(name, {"details": {"modified": 1000.0, "accessed": 5.0}})
        assert furnished.getinfo(name, ["details"]).raw["details"]["modified"] == expected


def test_modes_and_owners_follow_the_account(furnished, store):
    """A program would be told that a file is protected while it is not."""
    with pytest.raises(errors.PermissionDenied, match="Permissions are fixed"):
        furnished.setinfo("draft", {"access": {"permissions": ["u_r"]}})
    with pytest.raises(errors.PermissionDenied, match="Ownership is fixed"):
        furnished.setinfo("draft", {"access": {"uid": 12}})
    shown = furnished.getinfo("draft", ["access"])
    assert shown.permissions.mode == 0o644
    furnished.setinfo("draft", {"access": {"permissions": shown.permissions.dump()}})
    store.accounts.update(store.accounts.find("acme").id, {"chmod": "ignore"})
    furnished.setinfo("draft", {"access": {"permissions": ["u_r"], "gid": 12}})
    assert furnished.getinfo("draft", ["access"]).permissions.mode == 0o644
