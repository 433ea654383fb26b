"""What one account has open, against what others may open, and what open folders cost."""

import errno
import os
import struct
import tracemalloc
from collections import deque

import pytest

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.filesystem.reading import FAR
from smsfs.frontends.sftp.handles import MAX_HANDLES
from smsfs.frontends.sftp.protocol import SftpSession
from smsfs.frontends.sftp.wire import Reader, Reply, Request, Status

CREATE = os.O_WRONLY | os.O_CREAT
FOLDERS = 400
FILES = 5000


def test_files_open_for_reading_count_too(files, refused):
    """A client that only reads could use up the server's descriptors, and shut everybody out."""
    files.put()
    files.set(max_open_files=3)
    open_files = [files.fs.open("a.csv", os.O_RDONLY) for _ in range(2)] + [files.fs.open("b", CREATE)]
    sentence = "1 files are open for writing and 2 for reading, as many as may be; close some."
    refused(errno.EMFILE, sentence, files.fs.open, "a.csv", os.O_RDONLY)
    refused(errno.EMFILE, sentence, files.fs.open, "c", CREATE)
    for file in open_files:
        file.close()
        file.close()
    again = [files.fs.open("a.csv", os.O_RDONLY) for _ in range(3)]
    refused(errno.EMFILE, "as many as may be", files.fs.open, "a.csv", os.O_RDONLY)
    for file in again:
        file.abandon()


def test_reads_that_are_refused_do_not_count(files, refused):
    """An account would be locked out by its own mistakes."""
    files.set(max_open_files=1)
    for _ in range(3):
        refused(errno.ENOENT, "no file", files.fs.open, "x", os.O_RDONLY)
    files.put()
    assert files.get("a.csv")


def test_open_folders_are_counted(files, refused):
    """A client that opens folders and never closes them would use up the server's memory."""
    files.set(max_open_folders=2)
    first, _ = (files.fs.open_folder("/") for _ in range(2))
    refused(errno.EMFILE, "2 folders are open", files.fs.open_folder, "/")
    refused(errno.EMFILE, "2 folders are open", files.all.all().open_folder, f"/{files.account.name}")
    first.close()
    first.close()
    files.fs.open_folder("/")
    refused(errno.EMFILE, "2 folders are open", files.fs.open_folder, "/")


@pytest.mark.parametrize("greedy", [1, 3])
def test_what_accounts_leave_open_is_shared(files, greedy):
    """One account, or a few, would open all that the process may, and others are refused their first file."""
    shared = Filesystems(files.store, files.owner, dialect, most_open=40)
    for number in range(greedy + 1):
        account = files.store.accounts.add(f"account{number}", "gatewayapi", {}, 0.0)
        files.put(fs=shared.of(account))
    *many, honest = (shared.of(files.store.accounts.find(f"account{number}")) for number in range(greedy + 1))
    held = []
    for fs in many * 40:
        try:
            held.append(fs.open("a.csv", os.O_RDONLY))
        except OSError as exc:
            assert exc.errno == errno.EMFILE  # noqa: PT017 - most of them are to be refused
    files.put("b.csv", fs=honest)
    last = [honest.open("b.csv", os.O_RDONLY) for _ in range(40 // (greedy + 1) // 2)]
    assert len(held) + len(last) < 40
    for file in held + last:
        file.close()
    again = [many[0].open("a.csv", os.O_RDONLY) for _ in range(20)]
    for file in again:
        file.close()


@pytest.mark.parametrize("offset", [27, FAR, 2**44, 2**62, 2**63 - 2, 2**63 - 1, 2**63, 2**64 - 1])
def test_there_is_nothing_behind_the_end(files, offset):
    """A client that asks far behind the end would be told of an error of the disk."""
    files.put("draft.csv")
    names = ["draft.csv", files.submit("sent")]
    for name in names:
        reader = files.fs.open(name, os.O_RDONLY)
        assert reader.read(offset + 10, 32768) == b""
        reader.close()
    writer = files.fs.open("draft.csv", os.O_RDWR)
    assert writer.read(offset + 10, 32768) == b""
    writer.close()


def session_of(files):
    """An SFTP session past its INIT."""
    session = SftpSession(files.fs)
    session.handle(deque([struct.pack(">BI", Request.INIT, 3)]))
    return session


def ask(session, request, text, *rest):
    """What answers a request, its length and type taken off."""
    packet = struct.pack(">BII", request, 1, len(text)) + text + b"".join(rest)
    reply = session.handle(deque([packet]))
    return reply[4], Reader(reply, 9)


def names_of(reader):
    """The names of a READDIR's answer."""
    names = []
    for _ in range(reader.u32()):
        names.append(reader.string().decode())
        reader.string()
        reader.attributes()
    return names


def fill(files, count):
    """Drafts without bytes, in one transaction."""
    with files.store.files.change(files.account.id) as change:
        for number in range(count):
            change.add(files.account.id, f"file{number:05}.csv", f"content{number}", 1e9)


def test_open_folders_cost_next_to_nothing(files):
    """Some hundred open folders of a busy account would take all memory of the server, and end it."""
    fill(files, FILES)
    sessions = [session_of(files) for _ in range(FOLDERS // MAX_HANDLES)]
    handles, peak = [], 0
    tracemalloc.start()
    try:
        for number in range(FOLDERS):
            kind, reader = ask(sessions[number // MAX_HANDLES], Request.OPENDIR, b"/")
            assert kind == Reply.HANDLE
            handles.append((sessions[number // MAX_HANDLES], reader.string()))
        _, peak = tracemalloc.get_traced_memory()
        opened = tracemalloc.get_traced_memory()[0]
        for session, handle in handles:
            assert ask(session, Request.READDIR, handle)[0] == Reply.NAME
        read = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert peak < 2**20
    assert opened < 2**20
    assert read < 2 * 2**20
    for session in sessions:
        session.cut()
    files.set(max_open_folders=1)
    files.fs.open_folder("/").close()


def test_a_listing_is_whole_while_others_write(files):
    """A client that lists a busy folder would miss a file that was there all the time, or see it twice."""
    fill(files, 1000)
    session = session_of(files)
    handle = ask(session, Request.OPENDIR, b"/")[1].string()
    seen, turn = [], 0
    while True:
        kind, reader = ask(session, Request.READDIR, handle)
        if kind == Reply.STATUS:
            assert reader.u32() == Status.EOF
            break
        seen += names_of(reader)
        with files.store.files.change(files.account.id) as change:
            gone = change.find(files.account.id, f"file{turn * 70:05}.csv")
            change.remove(gone.id)
            change.add(files.account.id, f"file{turn * 70:05}.csv", f"again{turn}", 1e9)
            change.add(files.account.id, f"file{turn * 90:05}.new", f"new{turn}", 1e9)
        turn += 1
    assert turn >= 8
    assert len(seen) == len(set(seen))
    assert {f"file{number:05}.csv" for number in range(1000)} <= set(seen)
    assert seen[:2] == [".", ".."]
