"""The rules of an account's folder, one refusal at a time."""

import errno
import os

import pytest

from smsfs.filesystem import AllAccounts
from smsfs.states import FileState

WRITE, CREATE = os.O_WRONLY, os.O_WRONLY | os.O_CREAT
SENTENCES = {
    "processing": "being processed",
    "success": "has been sent",
    "rejected": "was rejected; rename it to mend it",
}
FINISHED = ["success", "rejected"]
NOT_DRAFTS = ["processing", *FINISHED]


@pytest.mark.parametrize("state", NOT_DRAFTS)
@pytest.mark.parametrize(
    "flags", [WRITE, os.O_RDWR, WRITE | os.O_TRUNC, CREATE | os.O_TRUNC, os.O_APPEND | WRITE]
)
def test_only_drafts_are_written(files, refused, state, flags):
    """A client could change what was handed over or sent."""
    name = files.in_state(state)
    before = files.get(name)
    refused(errno.EACCES, SENTENCES[state], files.fs.open, name, flags)
    refused(errno.EACCES, SENTENCES[state], files.fs.truncate, name, 0)
    assert files.get(name) == before


def test_file_in_flight_is_not_removed(files, refused):
    """A client could make a file vanish while its messages are being made."""
    name = files.submit()
    refused(errno.EACCES, "deleted once it is .success or .rejected", files.fs.remove, name)
    assert files.names() == [name]


@pytest.mark.parametrize("state", ["draft", *FINISHED])
def test_other_files_are_removed_with_their_bytes(files, state):
    """A client could not tidy up, or the disk would fill with removed files."""
    files.fs.remove(files.in_state(state))
    assert files.names() == []
    assert files.store.contents.orphans(1e12) == []


@pytest.mark.parametrize("state", ["processing", "success"])
@pytest.mark.parametrize("target", ["b.csv", "b.ready"])
def test_handed_over_files_are_not_renamed(files, refused, state, target):
    """A file could be sent a second time by renaming it."""
    name = files.in_state(state)
    refused(errno.EACCES, SENTENCES[state], files.fs.rename, name, target, replace=True)
    assert files.names() == [name]


@pytest.mark.parametrize("state", NOT_DRAFTS)
@pytest.mark.parametrize("replace", [False, True])
def test_only_drafts_are_replaced(files, refused, state, replace):
    """A rename could overwrite a file in flight, or the record of one that was sent."""
    name = files.in_state(state)
    files.put("b.csv")
    ending = name.rpartition(".")[2]
    refused(
        errno.EACCES, f".{ending} are given by the server", files.fs.rename, "b.csv", name, replace=replace
    )
    assert set(files.names()) == {name, "b.csv"}


def test_plain_rename_keeps_what_is_there(files, refused):
    """SFTP's plain rename would overwrite another upload."""
    files.put("a.csv", b"a")
    files.put("b.csv", b"b")
    refused(errno.EEXIST, "b.csv is there already", files.fs.rename, "a.csv", "b.csv", replace=False)
    assert (files.get("a.csv"), files.get("b.csv")) == (b"a", b"b")


def test_replacing_rename_drops_the_old_bytes(files):
    """The bytes of replaced drafts would fill the disk."""
    files.put("a.csv", b"new")
    files.put("b.csv", b"old and long")
    files.fs.rename("a.csv", "b.csv", replace=True)
    assert (files.names(), files.get("b.csv")) == (["b.csv"], b"new")
    assert files.store.contents.orphans(1e12) == []
    assert (files.fs.usage().files, files.fs.usage().bytes) == (1, 3)


def test_rename_to_itself_does_nothing(files):
    """A client that renames a file to its own name would lose it."""
    files.put("a.csv")
    files.fs.rename("a.csv", "./a.csv", replace=True)
    assert files.names() == ["a.csv"]


@pytest.mark.parametrize("name", ["x.processing", "x.success", "x.20240101T000000.rejected"])
def test_names_of_the_server_are_not_for_clients(files, refused, name):
    """A client could make a file look as if it had been sent."""
    files.put("a.csv")
    refused(errno.EACCES, "given by the server", files.fs.open, name, CREATE)
    refused(errno.EACCES, "given by the server", files.fs.rename, "a.csv", name, replace=False)
    assert files.names() == ["a.csv"]


def test_upload_straight_to_ready_is_refused(files, refused):
    """A half-written file could be taken for complete."""
    refused(errno.EACCES, "Upload it under another name first", files.fs.open, "x.ready", CREATE)
    assert files.names() == []


def test_upload_straight_to_ready_where_it_is_allowed(files):
    """An account that may upload under .ready would never see its files sent."""
    files.set(direct_ready="submit-on-close")
    draft = files.fs.open("x.ready", CREATE)
    draft.write(0, b"123")
    assert [entry.state for entry in files.fs.listdir("")] == [FileState.DRAFT]
    draft.close()
    assert files.names() == ["x.20231114T221320.processing"]
    assert files.get("x.ready") == b"123"


@pytest.mark.parametrize("end", ["abandon", "empty", "other writer"])
def test_incomplete_upload_to_ready_is_not_sent(files, end, refused):
    """A cut or empty upload under .ready would be handed over."""
    files.set(direct_ready="submit-on-close")
    draft = files.fs.open("x.ready", CREATE)
    other = files.fs.open("x.ready", WRITE) if end == "other writer" else None
    if end != "empty":
        draft.write(0, b"msisdn")
    if other:
        refused(errno.EBUSY, "x.ready is still being written", draft.close)
    (draft.abandon if end == "abandon" else draft.close)()
    assert files.names() == ["x.ready"]
    if other:
        other.close()
        assert files.names() == ["x.20231114T221320.processing"]


def test_empty_file_is_no_batch(files, refused):
    """A client that created its file too early would be told that nothing was wrong."""
    files.put(data=b"")
    refused(errno.EINVAL, "a.csv is empty", files.fs.rename, "a.csv", "a.ready", replace=False)
    assert files.names() == ["a.csv"]


def test_open_file_is_not_submitted(files, elsewhere, refused):
    """A file would be sent while its last rows are still arriving."""
    files.put()
    for place in (files, elsewhere):
        draft = place.fs.open("a.csv", WRITE)
        refused(errno.EBUSY, "still being written", files.fs.rename, "a.csv", "a.ready", replace=False)
        draft.close()
    files.fs.rename("a.csv", "a.ready", replace=False)


def test_file_open_for_reading_is_submitted(files):
    """A client that looks at its file could not send it."""
    files.put()
    reader = files.fs.open("a.csv", os.O_RDONLY)
    files.fs.rename("a.csv", "a.ready", replace=False)
    assert reader.read(0, 6) == b"msisdn"
    reader.close()


def test_cut_upload_is_not_submitted_until_uploaded_again(files, refused):
    """A connection that broke in the middle of a file would send half of it."""
    draft = files.fs.open("a.csv", CREATE)
    draft.write(0, b"msisdn,mess")
    draft.abandon()
    assert files.get("a.csv") == b"msisdn,mess"
    refused(errno.EACCES, "was cut off; upload it again", files.fs.rename, "a.csv", "a.ready", replace=False)
    files.fs.rename("a.csv", "b.csv", replace=False)
    refused(errno.EACCES, "was cut off", files.fs.rename, "b.csv", "a.ready", replace=False)
    files.put("b.csv")
    files.fs.rename("b.csv", "a.ready", replace=False)


def test_upload_of_a_dead_process_is_cut(files, elsewhere, refused):
    """After a crash in the middle of an upload, half of it would be sent."""
    elsewhere.fs.open("a.csv", CREATE).write(0, b"msisdn,message\n4512345678,he")
    elsewhere.store.close()
    refused(errno.EACCES, "was cut off", files.fs.rename, "a.csv", "a.ready", replace=False)
    assert files.fs.stat("a.csv").size == 28
    files.put("a.csv")
    files.fs.rename("a.csv", "a.ready", replace=False)


@pytest.mark.parametrize("what", ["mkdir", "rmdir", "symlink", "link"])
def test_folders_are_fixed(files, refused, what):
    """A client would believe in a folder that is not there."""
    refused(errno.EACCES, f"{what} is not allowed", files.fs.refuse_folder_change, what)


@pytest.mark.parametrize("path", ["missing", "folder/file"])
def test_missing_files_are_missing(files, refused, path):
    """Clients that probe before an upload would give up at another error."""
    calls = {
        files.fs.stat: (),
        files.fs.remove: (),
        files.fs.set_times: (1.0,),
        files.fs.truncate: (1,),
        files.fs.chmod: (0o644,),
        files.fs.chown: (0, 0),
        files.fs.listdir: (),
    }
    for call, arguments in calls.items():
        refused(errno.ENOENT, "There is no ", call, path, *arguments)
    refused(errno.ENOENT, "There is no ", files.fs.open, path, os.O_RDONLY)
    refused(errno.ENOENT, "There is no ", files.fs.open, path, WRITE)
    refused(errno.ENOENT, "There is no ", files.fs.rename, path, "b.csv", replace=True)


def test_other_folders_take_no_files(files, refused):
    """A file could be put where nobody finds it."""
    files.put()
    refused(errno.ENOENT, "There is no folder sub", files.fs.open, "sub/a.csv", CREATE)
    refused(errno.ENOENT, "There is no folder sub", files.fs.rename, "a.csv", "sub/a.csv", replace=False)


def test_exclusive_creation_needs_a_free_name(files, refused):
    """Two clients that create the same file would write into one."""
    files.put()
    refused(errno.EEXIST, "a.csv is there already", files.fs.open, "a.csv", CREATE | os.O_EXCL)
    files.fs.open("b.csv", CREATE | os.O_EXCL).close()


def test_root_is_a_folder(files, refused):
    """A client would read, write or delete the folder as if it were a file."""
    files.put()
    refused(errno.EISDIR, "is a folder", files.fs.open, "/", os.O_RDONLY)
    refused(errno.EISDIR, "is a folder", files.fs.remove, "")
    refused(errno.EISDIR, "is a folder", files.fs.rename, "..", "b", replace=False)
    refused(errno.EEXIST, "is a folder", files.fs.rename, "a.csv", "/", replace=True)
    refused(errno.ENOTDIR, "a.csv is a file", files.fs.listdir, "a.csv")
    assert files.fs.stat("/").is_folder
    files.fs.set_times("/", 5.0)
    files.fs.chmod("/", 0o755)
    refused(errno.EPERM, "Permissions are fixed", files.fs.chmod, "/", 0o700)


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("a\0b", errno.EINVAL, "NUL"),
        ("caf\udce9", errno.EINVAL, "UTF-8"),
        ("x" * 256, errno.ENAMETOOLONG, "256 bytes; at most 255"),
        ("é" * 128, errno.ENAMETOOLONG, "256 bytes"),
    ],
)
def test_impossible_names_are_refused_everywhere(files, refused, name, code, text):
    """A strange name would end in an internal error, or in a file nobody can delete."""
    files.put()
    refused(code, text, files.fs.open, name, CREATE)
    refused(code, text, files.fs.stat, name)
    refused(code, text, files.fs.rename, "a.csv", name, replace=False)
    refused(code, text, files.fs.remove, name)


def test_longest_names_are_fine(files):
    """A name that every system allows would be refused."""
    files.put("é" * 127)
    assert files.names() == ["é" * 127]


@pytest.mark.parametrize("path", ["/a.csv", "//a.csv", "./a.csv", "../../a.csv", "x/../a.csv", "/a.csv/"])
def test_paths_are_resolved_by_their_text(files, path):
    """A client's way to write a path would lead to another file, or out of the account."""
    files.put()
    assert files.fs.stat(path).name == "a.csv"
    assert files.fs.normal(path) == "/a.csv"


def test_normal_form_never_fails():
    """REALPATH, with which every SFTP session begins, would fail."""
    normal = AllAccounts.normal
    assert [normal(None, path) for path in ("", ".", "..", "a/b/../../..", "\udce9/./b")] == [
        "/",
        "/",
        "/",
        "/",
        "/\udce9/b",
    ]


@pytest.mark.parametrize("state", ["draft", *NOT_DRAFTS])
def test_only_the_shown_mode_is_accepted(files, refused, state):
    """A client would believe that a file is protected, or cp -p would fail."""
    name = files.in_state(state)
    shown = files.fs.stat(name).mode
    assert shown == (0o644 if state == "draft" else 0o444)
    files.fs.chmod(name, shown | 0o100000)
    refused(errno.EPERM, "changing the mode of a file is not allowed", files.fs.chmod, name, 0o600)
    refused(errno.EPERM, "changing the owner of a file is not allowed", files.fs.chown, name, 0, 0)
    files.fs.chown(name, -1, -1)


def test_modes_that_ride_along_with_an_upload_are_accepted(files, elsewhere):
    """Clients that set modes while they upload would report a failed upload."""
    draft = files.fs.open("a.csv", CREATE)
    draft.chmod(0o600)
    for place in (files, elsewhere):
        place.fs.chmod("a.csv", 0o600)
        place.fs.chown("a.csv", 1000, 1000)
    draft.close()
    assert files.fs.stat("a.csv").mode == 0o644


def test_modes_can_be_ignored(files):
    """A client that insists on chmod could not use its account."""
    name = files.submit()
    files.set(chmod="ignore")
    files.fs.chmod(name, 0o600)
    files.fs.chown(name, 0, 0)
    assert files.fs.stat(name).mode == 0o444


def test_rejected_file_can_be_mended_and_sent(files):
    """A customer would have to upload a whole file again for one bad row."""
    bad = files.finish(data=b"msisdn,message\nnobody1,hello\n")
    assert b"#smsfs rejected: " in files.get(bad)
    files.fs.rename(bad, "mend.csv", replace=False)
    assert files.get("mend.csv") == b"msisdn,message\nnobody1,hello\n"
    draft = files.fs.open("mend.csv", os.O_RDWR)
    draft.write(15, b"4500012")
    draft.close()
    files.fs.rename("mend.csv", "a.ready", replace=False)
    assert files.intake.step()
    assert [entry.state for entry in files.fs.listdir("")] == [FileState.SUCCESS]


def test_rejected_file_can_be_sent_as_it_is(files):
    """A file that was rejected for a rule changed since could not be sent again."""
    bad = files.finish(data=b"msisdn,message,more\n4512345678,hello,x\n")
    files.set(unknown_columns="ignore")
    files.fs.rename(bad, f"{bad}.ready", replace=False)
    assert files.intake.step()
    (entry,) = files.fs.listdir("")
    assert (entry.state, entry.name) == (FileState.SUCCESS, "a.20231114T221321.success")
