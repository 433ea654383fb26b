import errno
import os
import struct
from collections import deque

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsfs import errors
from smsfs.filesystem import Entry
from smsfs.frontends.sftp import files, folders, handles, protocol, wire
from smsfs.frontends.sftp.wire import ProtocolError, Reply, Request, Splitter, Status

SIZE, OWNER, MODE, TIMES = 1, 2, 4, 8
property_settings = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_init_announces_exactly_what_is_answered(memory):
    """A client would use an extension that fails, or miss one that it needs."""
    session = protocol.SftpSession(memory)
    packets = deque([struct.pack(">BI", Request.INIT, 6)])
    (packet,) = Splitter().feed(session.handle(packets))
    assert packet[:5] == struct.pack(">BI", Reply.VERSION, 3)
    reader, announced = wire.Reader(packet, 5), {}
    for _ in range(6):
        name = reader.string()
        announced[name] = reader.string()
    assert set(announced) == set(session.extensions)
    assert announced[b"statvfs@openssh.com"] == b"2"
    assert announced[b"posix-rename@openssh.com"] == b"1"
    with pytest.raises(wire.Malformed):
        reader.u32()


def test_every_request_of_the_protocol_is_answered(drive):
    """A client that sends a request that was forgotten would wait for ever."""
    requests = set(Request) - {Request.INIT, Request.EXTENDED}
    for request in requests:
        _, reader = drive.ask(request, "a", "b", "c")
        assert reader.u32() != Status.OP_UNSUPPORTED, request.name
    assert set(drive.session.answers) == requests | {Request.EXTENDED}


def test_unknown_requests_and_extensions_are_unsupported(drive):
    """A client that probes for a feature would take the wrong path, or lose its session."""
    assert drive.status(99, "a")[0] == Status.OP_UNSUPPORTED
    assert drive.status(Request.EXTENDED, "hardlink@openssh.com", "a", "b")[0] == Status.OP_UNSUPPORTED


@pytest.mark.parametrize("packet", [b"", b"\x01", struct.pack(">BI", Request.STAT, 1)])
def test_a_session_starts_with_init(memory, packet):
    """Something that is not SFTP would be executed as if it were."""
    waiting = deque([packet or b"\x00"])
    with pytest.raises(ProtocolError):
        protocol.SftpSession(memory).handle(waiting)


def test_upload_and_download(drive, raw):
    """The bytes of a file would not be those that were uploaded."""
    handle = drive.open("a.csv")
    assert drive.status(Request.WRITE, handle, raw.u64(3), "def") == (Status.OK, "")
    assert drive.status(Request.WRITE, handle, raw.u64(0), "abc") == (Status.OK, "")
    assert drive.status(Request.CLOSE, handle) == (Status.OK, "")
    assert drive.filesystem.files == {"a.csv": b"abcdef"}
    handle = drive.open("a.csv", 1)
    kind, reader = drive.ask(Request.READ, handle, raw.u64(2), 100)
    assert (kind, reader.string()) == (Reply.DATA, b"cdef")
    assert drive.status(Request.READ, handle, raw.u64(6), 100)[0] == Status.EOF
    assert drive.status(Request.READ, handle, raw.u64(2**64 - 1), 100)[0] == Status.EOF
    assert (drive.session.counters.bytes_in, drive.session.counters.bytes_out) == (6, 4)


def test_append_honours_the_offsets(drive, raw):
    """``reput`` of OpenSSH and lftp would write the rest of a file at the wrong place."""
    drive.filesystem.files["a.csv"] = bytearray(b"abXX")
    handle = drive.open("a.csv", 0x0E)
    assert drive.status(Request.WRITE, handle, raw.u64(2), "cd")[0] == Status.OK
    assert drive.filesystem.files["a.csv"] == b"abcd"


def test_write_ignores_what_follows_its_data(drive, raw):
    """The rclone of Debian 12 could not upload files over 32 KiB."""
    handle = drive.open("a.csv")
    assert drive.status(Request.WRITE, handle, raw.u64(0), "data", raw(b"x" * 28_672))[0] == Status.OK
    assert drive.filesystem.files["a.csv"] == b"data"


def test_write_beyond_every_file_is_refused(drive, raw):
    """A wild offset would end in an internal error."""
    code, message = drive.status(Request.WRITE, drive.open("a.csv"), raw.u64(2**63), "x")
    assert code == Status.FAILURE
    assert "No file reaches" in message


def test_one_read_is_capped(drive, raw):
    """One request would make the server hold as much memory as a client likes to name."""
    drive.filesystem.files["a.csv"] = bytearray(2**20)
    _, reader = drive.ask(Request.READ, drive.open("a.csv", 1), raw.u64(0), 2**32 - 1)
    assert len(reader.string()) == files.MAX_READ


def test_many_reads_are_answered_in_parts(drive):
    """A burst of READs would make the server hold all the answers at once."""
    drive.filesystem.files["a.csv"] = bytearray(2**20)
    handle = drive.open("a.csv", 1)
    read = struct.pack(">BI", Request.READ, 1) + wire.string(handle) + struct.pack(">QI", 0, 2**18)
    waiting = deque([read] * 100)
    replies = drive.session.handle(waiting)
    assert len(replies) <= protocol.REPLY_BYTES + files.MAX_READ + 100
    assert len(waiting) > 90


def test_many_requests_are_answered_in_parts(drive):
    """A client that queues thousands of requests and goes would keep a thread busy long after."""
    waiting = deque([struct.pack(">BI", Request.REMOVE, 1) + wire.string(b"a")] * 1000)
    drive.session.handle(waiting)
    assert len(waiting) == 1000 - protocol.REQUESTS_PER_CALL


@pytest.mark.parametrize(
    ("wanted", "flags"),
    [
        (0x01, "O_RDONLY"),
        (0x02, "O_WRONLY"),
        (0x1A, "O_WRONLY|O_CREAT|O_TRUNC"),
        (0x0A, "O_WRONLY|O_CREAT"),
        (0x2A, "O_WRONLY|O_CREAT|O_EXCL"),
        (0x0E, "O_WRONLY|O_CREAT|O_APPEND"),
        (0x1B, "O_RDWR|O_CREAT|O_TRUNC"),
    ],
)
def test_open_flags(drive, wanted, flags):
    """An upload would append where it should replace, or replace where it should fail."""
    drive.ask(Request.OPEN, "a.csv", wanted, 0)
    expected = 0
    for name in flags.split("|"):
        expected |= getattr(os, name)
    assert ("open", "a.csv", expected) in drive.filesystem.calls


def test_open_takes_attributes_without_effect(drive):
    """Uploads of OpenSSH and curl, which send a mode along, would fail."""
    handle = drive.open("a.csv", 0x1A, SIZE | OWNER | MODE | TIMES, 0, 9, 501, 20, 0o100600, 1, 2)
    assert drive.status(Request.CLOSE, handle)[0] == Status.OK
    assert [call[0] for call in drive.filesystem.calls] == ["open", "close"]


def test_opendir_fails_at_once(drive):
    """Clients that test a folder by opening it would be told that it exists."""
    drive.filesystem.files["a.csv"] = bytearray()
    assert drive.status(Request.OPENDIR, "nothing")[0] == Status.NO_SUCH_FILE
    assert drive.status(Request.OPENDIR, "a.csv")[0] == Status.FAILURE


def read_folder(drive, path):
    """The names, lines and attributes of a folder, and how many replies that took."""
    _, reader = drive.ask(Request.OPENDIR, path)
    handle, names, replies = reader.string(), [], 0
    while True:
        kind, reader = drive.ask(Request.READDIR, handle)
        if kind == Reply.STATUS:
            assert reader.u32() == Status.EOF
            assert drive.status(Request.CLOSE, handle)[0] == Status.OK
            return names, replies
        replies += 1
        names += [(reader.string(), reader.string(), reader.attributes()) for _ in range(reader.u32())]


def test_readdir_of_ten_thousand(drive):
    """A listing of a large folder would be one huge packet, or lose names."""
    drive.filesystem.files = {f"{number}.csv": bytearray() for number in range(10_000)}
    names, replies = read_folder(drive, "/")
    assert [name for name, _, _ in names[:3]] == [b".", b"..", b"0.csv"]
    assert len({name for name, _, _ in names}) == 10_002
    assert replies == -(-10_002 // folders.NAMES_PER_REPLY)


def test_readdir_tells_all_of_a_file(drive):
    """Clients would show wrong sizes, dates or kinds, and paramiko and JSch fail on what is missing."""
    drive.filesystem.files["ä.csv"] = bytearray(1234)
    names, _ = read_folder(drive, "")
    assert names[2][1].decode() == "-rw-r--r--    1 shop     smsfs          1234 Nov 14 22:13 ä.csv"
    assert names[0][1].startswith(b"drwxr-xr-x ")
    assert names[2][2] == wire.Attributes(1234, (0, 0), 0o644, 1_700_000_000)


def test_listing_shows_the_year_of_old_files():
    """A file of last year would look like one of this year."""
    entry = Entry("a", False, 1, 0o444, 0.0, 1)
    line = wire.Reader(wire.listed(entry, "a", "shop", (0, 0), 1.7e9))
    line.string()
    assert line.string().endswith(b" Jan  1  1970 a")


def test_names_that_are_no_utf8_come_back_as_they_are(drive):
    """A refused name would be told as an internal error instead of its sentence."""
    code, message = drive.status(Request.STAT, b"\xff.csv")
    assert code == Status.FAILURE
    assert "UTF-8" in message


@pytest.mark.parametrize("request_", [Request.STAT, Request.LSTAT, Request.FSTAT])
def test_attributes_are_complete(drive, request_):
    """A client that compares sizes after an upload would report a failure."""
    drive.filesystem.files["a.csv"] = bytearray(7)
    what = drive.open("a.csv", 1) if request_ is Request.FSTAT else "/x/../a.csv"
    kind, reader = drive.ask(request_, what)
    assert kind == Reply.ATTRS
    expected = struct.pack(
        ">IQIIIII", SIZE | OWNER | MODE | TIMES, 7, 0, 0, 0o100644, 1_700_000_000, 1_700_000_000
    )
    assert reader._packet[5:] == expected


def test_empty_path_is_the_folder_a_session_starts_in(drive):
    """``ls`` without a path would fail with clients that send the empty string."""
    kind, reader = drive.ask(Request.STAT, "")
    reader.u32()
    reader.u64()
    reader.u64()
    assert (kind, reader.u32()) == (Reply.ATTRS, 0o040755)


@pytest.mark.parametrize(
    ("path", "normal"),
    [(".", "/"), ("", "/"), ("//a//b/./c/..", "/a/b"), ("../../x", "/x"), ("new.csv/", "/new.csv")],
)
def test_realpath_is_lexical(drive, path, normal):
    """Clients that resolve the target of an upload first would fail on a file that is not there yet."""
    kind, reader = drive.ask(Request.REALPATH, path)
    assert (kind, reader.u32(), reader.string(), reader.string()) == (
        Reply.NAME,
        1,
        normal.encode(),
        normal.encode(),
    )


def test_rename_and_posix_rename_differ_in_replacing(drive):
    """The ``mv`` of lftp would overwrite a file, or OpenSSH's fail to."""
    drive.filesystem.files = {"a": bytearray(b"a"), "b": bytearray(b"b")}
    assert drive.status(Request.RENAME, "a", "b")[0] == Status.FAILURE
    assert drive.status(Request.EXTENDED, "posix-rename@openssh.com", "a", "b")[0] == Status.OK
    assert drive.filesystem.files == {"b": b"a"}


def test_remove(drive):
    """Spring would not upload at all: it removes its target first, and wants exactly 'no such file'."""
    drive.filesystem.files["a"] = bytearray()
    assert drive.status(Request.REMOVE, "a")[0] == Status.OK
    assert drive.status(Request.REMOVE, "a")[0] == Status.NO_SUCH_FILE


def test_folders_and_links_cannot_be_made(drive):
    """A client would be told that a folder was made that is not there."""
    drive.filesystem.files["a"] = bytearray()
    for request, fields in {
        Request.MKDIR: ("new", 0),
        Request.RMDIR: ("/",),
        Request.SYMLINK: ("a", "b"),
    }.items():
        assert drive.status(request, *fields)[0] == Status.PERMISSION_DENIED
    assert drive.status(Request.READLINK, "a")[0] == Status.FAILURE
    assert drive.status(Request.READLINK, "b")[0] == Status.NO_SUCH_FILE


def test_mkdir_of_a_folder_that_exists(drive):
    """``put -r`` into an existing folder would stop: it goes on only when it hears FAILURE."""
    assert drive.status(Request.MKDIR, "/", 0)[0] == Status.FAILURE


def setstat(drive, *attributes, target="a.csv", request=Request.SETSTAT):
    """The status of a change of attributes, and what the filesystem was asked."""
    drive.filesystem.files.setdefault("a.csv", bytearray(9))
    drive.filesystem.calls.clear()
    code, _ = drive.status(request, target, *attributes)
    return code, drive.filesystem.calls


def test_setstat_truncates_for_real(drive, raw):
    """A shorter file uploaded over a longer one would keep the old rows: SMS to the wrong people."""
    assert setstat(drive, SIZE, raw.u64(4)) == (Status.OK, [("truncate", "a.csv", 4)])
    assert setstat(drive, SIZE, raw.u64(2**63))[0] == Status.FAILURE


def test_setstat_sets_times_and_takes_the_mode_beside_them(drive):
    """``cp -p`` and WinSCP would report a failed upload."""
    assert setstat(drive, TIMES, 5, 6) == (Status.OK, [("set_times", "a.csv", 6)])
    assert setstat(drive, TIMES | MODE, 0o600, 5, 6) == (Status.OK, [("set_times", "a.csv", 6)])


def test_chmod_alone_is_for_the_filesystem_to_decide(drive):
    """A ``chmod`` would seem to work although the mode cannot change."""
    assert setstat(drive, MODE, 0o600)[0] == Status.PERMISSION_DENIED
    assert setstat(drive, MODE, 0o600, target="none")[0] == Status.NO_SUCH_FILE


def test_chown_passes_on_only_what_would_change(drive):
    """``rsync -a`` would fail for setting the owner that is there already."""
    assert setstat(drive, OWNER, 0, 0) == (Status.OK, [])
    assert setstat(drive, OWNER, 0, 7) == (Status.OK, [("chown", "a.csv", -1, 7)])


def test_lsetstat_is_setstat(drive):
    """With sshfs, ``touch`` would not work."""
    code, _ = drive.status(Request.EXTENDED, "lsetstat@openssh.com", "/", TIMES, 1, 2)
    assert (code, drive.filesystem.calls) == (Status.OK, [("set_times", "/", 2)])


def test_fsetstat_on_an_open_file(drive, raw):
    """scp, which cuts the tail of a file by it, would leave old rows behind."""
    handle = drive.open("a.csv")
    for attributes, calls in (
        ((SIZE, raw.u64(4)), [("truncate", 4)]),
        ((SIZE | TIMES, raw.u64(4), 5, 6), [("truncate", 4), ("set_times", 6)]),
        ((MODE | TIMES, 0o600, 5, 6), [("set_times", 6)]),
        ((MODE, 0o600), [("chmod", 0o600)]),
        ((OWNER, 1, 2), []),
    ):
        assert setstat(drive, *attributes, target=handle, request=Request.FSETSTAT) == (Status.OK, calls)


def test_space_limits_and_fsync(drive):
    """``df`` on sshfs would be wrong, and OpenSSH fall back to small blocks."""
    handle = drive.open("a.csv")
    for fields in (("statvfs@openssh.com", "/"), ("fstatvfs@openssh.com", handle)):
        kind, reader = drive.ask(Request.EXTENDED, *fields)
        assert kind == Reply.EXTENDED_REPLY
        assert [reader.u64() for _ in range(11)] == [4096, 4096, 256, 254, 254, 100, 99, 99, 0, 2, 255]
    _, reader = drive.ask(Request.EXTENDED, "limits@openssh.com")
    assert [reader.u64() for _ in range(4)] == [262_144, 261_120, 261_120, 100]
    assert drive.status(Request.EXTENDED, "fsync@openssh.com", handle)[0] == Status.OK
    assert ("sync", "a.csv") in drive.filesystem.calls


def test_handles_are_counted_and_end_with_close(drive):
    """A client would use up the server's files, or go on with one that it closed."""
    opened = [drive.open("a.csv") for _ in range(handles.MAX_HANDLES)]
    code, message = drive.status(Request.OPEN, "a.csv", 1, 0)
    assert (code, "100 files are open" in message) == (Status.FAILURE, True)
    assert drive.status(Request.OPENDIR, "/")[0] == Status.FAILURE
    assert drive.status(Request.CLOSE, opened[0])[0] == Status.OK
    for request in (Request.CLOSE, Request.FSTAT, Request.READDIR):
        code, message = drive.status(request, opened[0])
        assert (code, "Invalid handle" in message) == (Status.FAILURE, True)
    assert drive.open("a.csv") not in opened


def test_close_and_cut_are_told_apart(drive):
    """The remains of a cut upload would be taken for a whole file, and sent."""
    whole, part = drive.open("whole.csv"), drive.open("part.csv")
    drive.ask(Request.OPENDIR, "/")
    drive.status(Request.CLOSE, whole)
    assert drive.session.has_open_files
    drive.session.cut()
    drive.session.cut()
    assert drive.filesystem.calls[-2:] == [("close", "whole.csv"), ("abandon", "part.csv")]
    assert not drive.session.has_open_files
    assert drive.status(Request.CLOSE, part)[0] == Status.FAILURE


def test_a_close_that_fails_is_told_and_no_upload(drive):
    """A file that could not be made durable would count as uploaded."""
    handle = drive.open("a.csv")
    drive.filesystem.failure = errors.StoreUnavailable("The store cannot answer; try again.")
    assert drive.status(Request.CLOSE, handle) == (Status.FAILURE, "The store cannot answer; try again.")
    assert drive.filesystem.calls[-1] == ("abandon", "a.csv")


STATUSES = {
    errors.NotAllowed: Status.PERMISSION_DENIED,
    errors.NotPermitted: Status.PERMISSION_DENIED,
    errors.Missing: Status.NO_SUCH_FILE,
    errors.NotFolder: Status.NO_SUCH_FILE,
    errors.Exists: Status.FAILURE,
    errors.IsFolder: Status.FAILURE,
    errors.StillOpen: Status.FAILURE,
    errors.BadRequest: Status.FAILURE,
    errors.NameTooLong: Status.FAILURE,
    errors.OtherAccount: Status.FAILURE,
    errors.FileTooBig: Status.FAILURE,
    errors.QuotaFull: Status.FAILURE,
    errors.DiskFull: Status.FAILURE,
    errors.TooManyOpen: Status.FAILURE,
    errors.BadHandle: Status.FAILURE,
    errors.StoreUnavailable: Status.FAILURE,
    errors.StoreDamaged: Status.FAILURE,
    errors.ReadOnly: Status.PERMISSION_DENIED,
}


@pytest.mark.parametrize("refusal", errors.Refusal.__subclasses__())
def test_refusals_keep_their_sentence(drive, refusal):
    """The person at the client would not learn what to do, or a program take the wrong path."""
    drive.filesystem.failure = refusal("Do it so; ä.")
    assert drive.status(Request.OPEN, "a", 0x1A, 0) == (STATUSES[refusal], "Do it so; ä.")


@pytest.mark.parametrize(
    ("failure", "status", "shown"),
    [
        (ValueError("secret path"), Status.FAILURE, "Internal error; the operator's log has the details"),
        (OSError(errno.EIO, "secret path"), Status.FAILURE, "Input/output error; the operator's log"),
        (PermissionError(errno.EPERM, "secret path"), Status.PERMISSION_DENIED, "Operation not permitted; "),
        (OSError("secret path"), Status.FAILURE, "Internal error; "),
    ],
)
def test_failures_leak_nothing(drive, failure, status, shown):
    """A client would see the server's paths, or wait for a reply that never comes."""
    drive.filesystem.failure = failure
    code, message = drive.status(Request.OPEN, "a", 0x1A, 0)
    assert code == status
    assert message.startswith(shown)
    assert "secret" not in message


PATHS = st.sampled_from(["a", "b.csv", "/", ".", "../a", "c\0", "x" * 300])
FIELDS = st.one_of(
    PATHS,
    st.binary(max_size=40),
    st.integers(0, 2**32 - 1),
    st.sampled_from([b"1", b"2"]),
    st.sampled_from(sorted(protocol.EXTENSIONS)),
)
REQUESTS = st.tuples(
    st.one_of(st.sampled_from(sorted(set(Request) - {Request.INIT})), st.integers(0, 255)),
    st.lists(FIELDS, max_size=5),
)


def packet_of(drive, number, request):
    """One request as a packet."""
    return struct.pack(">BI", request[0], number) + b"".join(map(drive.encode, request[1]))


@property_settings
@given(requests=st.lists(REQUESTS, max_size=30))
def test_whatever_is_asked_gets_one_reply(new_drive, requests):
    """A strange request would end the session, or leave its client waiting."""
    drive = new_drive()
    replies = drive.send(*(packet_of(drive, number, request) for number, request in enumerate(requests)))
    assert [struct.unpack_from(">I", reply, 1)[0] for reply in replies] == list(range(len(requests)))


@property_settings
@given(data=st.lists(st.binary(max_size=60), max_size=20))
def test_garbage_is_a_reply_or_a_protocol_error(new_drive, data):
    """Bytes that are no SFTP would end the server's task with a traceback."""
    drive = new_drive()
    for packet in data:
        try:
            assert len(drive.send(packet or b"\0")) == 1
        except ProtocolError:
            assert len(packet) < 5


@property_settings
@given(requests=st.lists(REQUESTS, max_size=10), cuts=st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_chunks_make_no_difference(new_drive, requests, cuts):
    """How the network cuts the stream would change what a client gets."""
    drive = new_drive()
    packets = [packet_of(drive, number, request) for number, request in enumerate(requests)]
    stream = b"".join(map(wire.string, packets))
    splitter, found, cuts, at = Splitter(), [], cuts * (len(stream) + 1), 0
    while at < len(stream):
        size = cuts.pop()
        found += splitter.feed(stream[at : at + size])
        at += size
    one_by_one = Splitter()
    assert found == packets == [p for byte in stream for p in one_by_one.feed(bytes([byte]))]


@pytest.mark.parametrize("length", [0, wire.MAX_PACKET + 1, 2**32 - 1])
def test_a_packet_of_an_impossible_length_ends_the_stream(length):
    """A client would make the server collect gigabytes for one packet."""
    splitter = Splitter()
    assert list(splitter.feed(wire.string(b"ok") + struct.pack(">I", length))) == [b"ok"]
    assert splitter.error is not None
    assert not splitter.feed(wire.string(b"more"))


def test_the_longest_packet_passes():
    """Clients that write in blocks of a megabyte could not upload."""
    assert len(Splitter().feed(wire.string(bytes(wire.MAX_PACKET)))) == 1
