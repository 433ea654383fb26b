import ftplib
import io
import os
import socket

import pytest

from smsfs.errors import DiskFull, FileTooBig, NotAllowed, StillOpen, StoreUnavailable

MTIME = "20231114221320"


@pytest.fixture(autouse=True)
def content(memory):
    """A file that is there."""
    memory.files["a.csv"] = bytearray(b"line 1\r\nline 2\n")
    return bytes(memory.files["a.csv"])


def test_a_file_goes_in_is_renamed_and_comes_out(client, memory, hand):
    """Nothing could be sent over FTP."""
    data = os.urandom(300_000)
    assert hand.put(client, "b.csv", data) == "226 Transfer complete."
    assert ("close", "b.csv") in memory.calls
    assert client.rename("b.csv", "b.csv.ready").startswith("250")
    assert ("rename", "/b.csv", "/b.csv.ready", True) in memory.calls
    assert hand.get(client, "b.csv.ready") == data
    assert client.delete("b.csv.ready").startswith("250")


def test_the_end_of_an_upload_is_told_after_it_is_stored(client, memory, hand):
    """A client would hear that a file is safe which the next crash loses."""
    hand.put(client, "b.csv", b"x")
    assert memory.calls[-1] == ("close", "b.csv")


@pytest.mark.parametrize("mode", ["A", "A N", "I", "L 8"])
def test_bytes_stay_as_they_are_in_any_type(client, memory, content, hand, mode):
    """A message's length, and so its price, would depend on a client's setting."""
    with client.transfercmd("STOR b.csv") as data:
        client.sendcmd(f"TYPE {mode}")
        data.sendall(b"a\r")
        data.sendall(b"\nb\nc\r\n\r")
    assert client.voidresp().startswith("226")
    assert memory.files["b.csv"] == b"a\r\nb\nc\r\n\r"
    client.sendcmd(f"TYPE {mode}")
    assert client.sendcmd("SIZE a.csv") == f"213 {len(content)}"
    with client.transfercmd("RETR a.csv", rest=3) as data:
        assert hand.rest(data).encode() == content[3:]
    client.voidresp()


def test_ascii_uploads_are_stored_as_they_come(client, memory):
    """The lines of ftp.exe, which asks for ASCII, would arrive changed."""
    client.storlines("STOR b.csv", io.BytesIO(b"one\ntwo\n"))
    assert memory.files["b.csv"] == b"one\r\ntwo\r\n"


def test_an_upload_goes_on_at_an_offset(client, memory, hand):
    """After a cut, all would have to be uploaded again, or the old end be sent behind the new one."""
    memory.files["a.csv"][:] = b"0123456789"
    client.storbinary("STOR a.csv", io.BytesIO(b"xy"), rest=4)
    assert memory.files["a.csv"] == b"0123xy"
    assert hand.put(client, "a.csv", b"!", "APPE").startswith("226")
    assert memory.files["a.csv"] == b"0123xy!"
    assert hand.put(client, "new.csv", b"n", "APPE").startswith("226")
    assert memory.files["new.csv"] == b"n"


def test_an_offset_behind_the_end_is_refused(client, memory, hand):
    """A file would get a hole of zeros."""
    with pytest.raises(ftplib.error_perm, match="554 20 is behind the file's end, which is at 15"):
        client.storbinary("STOR a.csv", io.BytesIO(b"xy"), rest=20)
    with pytest.raises(ftplib.error_perm, match="554 20 is behind"):
        hand.get(client, "a.csv", rest=20)
    with pytest.raises(ftplib.error_perm, match="There is no file"):
        client.storbinary("STOR missing.csv", io.BytesIO(b"xy"), rest=20)
    assert len(memory.files["a.csv"]) == 15


@pytest.mark.parametrize(
    ("between", "stored"), [("NOOP", b"line xy"), ("SIZE a.csv", b"xy"), ("REST 0", b"xy")]
)
def test_an_offset_counts_for_one_transfer(client, memory, hand, between, stored):
    """A file would be uploaded into the middle of another."""
    client.sendcmd("REST 5")
    client.sendcmd(between)
    hand.put(client, "a.csv", b"xy")
    assert memory.files["a.csv"] == stored
    hand.put(client, "a.csv", b"z")
    assert memory.files["a.csv"] == b"z"


def test_rest_does_not_go_with_appe(client, hand):
    """It is unclear what the client means, and lines would be doubled."""
    client.sendcmd("EPSV")
    client.sendcmd("REST 5")
    assert "APPE goes on at the file's end" in hand.refused(client, "APPE a.csv")
    assert hand.refused(client, "REST x").startswith("550 REST takes a number")


def test_a_rename_is_of_the_file_named_last(client, memory, hand):
    """After a failed RNFR, another file than was meant would be sent."""
    memory.files["b.csv"] = bytearray()
    assert client.sendcmd("RNFR a.csv").startswith("350")
    assert hand.refused(client, "RNFR missing.csv").startswith("550 There is no file")
    assert hand.refused(client, "RNTO x.ready").startswith("503")
    assert client.sendcmd("RNFR a.csv").startswith("350")
    client.sendcmd("PWD")
    assert hand.refused(client, "RNTO x.ready").startswith("503")
    assert set(memory.files) == {"a.csv", "b.csv"}


def test_listings(client, content):
    """Clients would show nothing, or fail."""
    lines, names = [], []
    client.retrlines("LIST -la", lines.append)
    assert [line.split()[4:] for line in lines] == [[str(len(content)), "Nov", "14", "2023", "a.csv"]]
    client.retrlines("NLST *.c?v", names.append)
    assert names == ["a.csv"] == client.nlst() == client.nlst("a.csv")
    facts = {"type": "file", "size": "15", "modify": MTIME, "perm": "elc", "unique": "2"}
    assert list(client.mlsd()) == [("a.csv", facts)]
    assert client.sendcmd("MLST a.csv").splitlines()[1] == (
        f" type=file;size=15;modify={MTIME};perm=elc;unique=2; /a.csv"
    )
    assert client.sendcmd("STAT a.csv").splitlines()[1].endswith(" a.csv")
    assert client.sendcmd("STAT").startswith("211")


def test_listings_with_several_options(client):
    """Clients that say each option by itself would see no files."""
    for arguments in (
        "-l -a",
        "-l -a *.csv",
        "-a /",
        "-CF",
        "-alT",
        "-qGs1 a.csv",
        "--color=never -x",
        "-l -- /",
    ):
        lines = []
        client.retrlines(f"LIST {arguments}", lines.append)
        assert [line.split()[-1] for line in lines] == ["a.csv"], arguments
        assert client.nlst(*arguments.split(" ")) == ["a.csv"], arguments


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_may_end_in_lf_alone(serve, end):
    """A script that sends its commands by itself would wait for a greeting's answer for ever."""
    with (
        serve() as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as client,
        client.makefile("rb") as lines,
    ):
        replies = []
        for command in (b"USER shop", b"PASS secret", b"SIZE a.csv", b"x" * 2048, b"x" * 2049, b"QUIT"):
            replies.append(lines.readline()[:3])
            client.sendall(command + end)
        replies.append(lines.readline()[:3])
    assert replies == [b"220", b"331", b"230", b"213", b"502", b"500", b"221"]


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        ("*.csv", ["a.csv"]),
        ("/*.csv", ["/a.csv"]),
        ("./a.*", ["./a.csv"]),
        ("/a.csv", ["/a.csv"]),
        ("/", ["a.csv"]),
    ],
)
def test_names_can_be_fetched_as_they_are_listed(client, hand, content, argument, names):
    """``mget`` in another folder would ask for files that are not in this one."""
    assert client.nlst(argument) == names
    assert hand.get(client, names[0]) == content


def test_an_empty_folder_is_listed(client, memory):
    """A client would wait for a listing that never ends."""
    memory.files.clear()
    assert client.nlst() == []
    assert list(client.mlsd()) == []


@pytest.mark.slow
def test_a_long_listing_is_whole(secure, memory):
    """Files at its end would be missing."""
    memory.files.update({f"{number:05}.csv": bytearray() for number in range(20_000)})
    assert len(secure.nlst()) == 20_001


def test_chosen_facts(client):
    """Clients that ask for fewer facts would get what they cannot read."""
    client.sendcmd("OPTS MLST size;unix.mode;")
    assert list(client.mlsd()) == [("a.csv", {"size": "15", "unix.mode": "0644"})]


def test_times_are_told_and_set(client, memory, hand):
    """WinSCP and rclone, which set the time after an upload, would report a failure."""
    assert client.sendcmd("MDTM a.csv") == f"213 {MTIME}"
    assert client.sendcmd("MFMT 20200101000000 a.csv") == "213 Modify=20200101000000; /a.csv"
    assert ("set_times", "/a.csv", 1577836800.0) in memory.calls
    assert "YYYYMMDDHHMMSS" in hand.refused(client, "MFMT yesterday a.csv")


def test_folders(client, hand):
    """Clients that go into folders, or make theirs first, would fail."""
    assert client.pwd() == "/"
    assert client.cwd("/.//").startswith("250")
    assert hand.refused(client, "CWD a.csv") == "550 /a.csv is a file, not a folder."
    assert hand.refused(client, "CWD sub") == "550 There is no folder /sub."
    assert client.sendcmd("NOOP") == "200 Still here."
    assert client.sendcmd("CDUP").startswith("250")
    assert hand.refused(client, "MKD /") == "550 / exists already."
    assert hand.refused(client, "MKD sub").startswith("550 Folders are fixed here: mkdir")
    assert hand.refused(client, "XMKD sub").startswith("550 Folders are fixed here: mkdir")
    assert hand.refused(client, "RMD sub").startswith("550 Folders are fixed here: rmdir")
    assert hand.refused(client, "SIZE /") == "550 / is a folder, not a file."
    assert hand.refused(client, "MLSD a.csv").startswith("501 /a.csv is a file")
    assert client.nlst("/../..") == ["a.csv"]


def test_modes_are_refused_as_the_rules_say(client, hand):
    """A client would be told that a mode changed which did not."""
    assert hand.refused(client, "SITE CHMOD 600 a.csv").startswith("550 Permissions are fixed here")
    assert hand.refused(client, "SITE CHMOD u+x a.csv").startswith("550 SITE CHMOD takes an octal mode")
    assert hand.refused(client, "SITE EXEC ls").startswith("502")


@pytest.mark.parametrize(
    ("failure", "reply"),
    [
        (NotAllowed("Not that name."), "550 Not that name."),
        (DiskFull("The disk is full."), "452 The disk is full."),
        (FileTooBig("Split it."), "552 Split it."),
        (StillOpen("Close it."), "450 Close it."),
        (StoreUnavailable("Try again."), "451 Try again."),
        (OSError(5, "secret path"), "451 Input/output error; the operator's log has the details (reference"),
        (ZeroDivisionError("secret"), "451 Internal error; the operator's log has the details (reference"),
    ],
)
@pytest.mark.parametrize("when", ["open", "write", "close"])
def test_whatever_fails_is_told(client, memory, hand, failure, reply, when):
    """A client would hear 226 for a file that is not there, or wait for an answer until it gives up."""
    if when == "open":
        memory.failure = failure
        with pytest.raises(ftplib.Error) as caught:
            hand.put(client, "b.csv", b"x" * 3_000_000)
    else:
        with client.transfercmd("STOR b.csv") as data:
            if when == "write":
                memory.failure = failure
            data.sendall(b"x" * 3_000_000)
            memory.failure = failure
        with pytest.raises(ftplib.Error) as caught:
            client.voidresp()
        assert ("abandon", "b.csv") in memory.calls
    assert str(caught.value).startswith(reply)
    assert "secret" not in str(caught.value)
    memory.failure = None
    assert ("close", "b.csv") not in memory.calls
    assert hand.put(client, "b.csv", b"again").startswith("226")


@pytest.mark.parametrize("failing", [["close"], ["write"], ["close", "abandon"], ["write", "abandon"]])
def test_a_failure_that_nobody_foresaw_is_answered(client, memory, hand, monkeypatch, failing):
    """A client would wait for the reply to its upload until it gives up, or find its connection reset."""

    def fail(*_):
        raise ZeroDivisionError

    for method in failing:
        monkeypatch.setattr(type(memory.open("a.csv", os.O_RDONLY)), method, fail)
    with pytest.raises(ftplib.error_temp, match="451 Internal error; the operator's log"):
        hand.put(client, "b.csv", b"x" * 3_000_000)
    monkeypatch.undo()
    assert hand.put(client, "b.csv", b"again").startswith("226")


def test_a_file_that_cannot_be_read_is_told(client, memory, hand, monkeypatch):
    """A client would take half a file for all of it."""

    def fail(*_):
        raise StoreUnavailable("The bytes are away.")

    monkeypatch.setattr(type(memory.open("a.csv", os.O_RDONLY)), "read", fail)
    with pytest.raises(ftplib.error_temp, match=r"451 The bytes are away\."):
        hand.get(client, "a.csv")
    assert client.nlst() == ["a.csv"]


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "\x7f", "a\0b"])
def test_control_characters_in_names_are_refused(client, memory, name):
    """A name could forge lines of listings, or replies."""
    client.putline = lambda line: client.sock.sendall(f"{line}\r\n".encode())
    with pytest.raises(ftplib.error_perm, match="cannot hold control characters"):
        client.sendcmd(f"RNFR {name}")
    assert list(memory.files) == ["a.csv"]


def test_names_in_utf_8(client, memory, hand):
    """Names with letters of other languages would be mangled, or end the session."""
    hand.put(client, "Bestellung größer €.csv", b"x")
    assert "Bestellung größer €.csv" in memory.files
    assert client.sendcmd("OPTS UTF8 ON").startswith("200")
    client.sock.sendall("SIZE größer.csv\r\n".encode("latin-1"))
    with pytest.raises(ftplib.error_perm, match="550 The file name is not UTF-8"):
        client.voidresp()


def test_long_commands_are_refused_whole(client):
    """The end of a long name would be executed as a command."""
    client.maxline = 100_000
    client.sock.sendall(b"SIZE " + b"x" * 4000 + b"\r\nNOOP\r\n")
    with pytest.raises(ftplib.error_perm, match="500 The command is too long"):
        client.voidresp()
    assert client.voidresp().startswith("200")


def test_one_transfer_at_a_time(client, memory, hand):
    """The bytes of one file would end up in another."""
    with client.transfercmd("STOR b.csv") as data:
        data.sendall(b"first")
        for command in ("STOR c.csv", "RETR a.csv", "LIST", "PASV", "EPSV", "PORT 127,0,0,1,200,200"):
            assert hand.refused(client, command).startswith("450 A transfer is under way"), command
        data.sendall(b" still")
    assert client.voidresp().startswith("226")
    assert memory.files["b.csv"] == b"first still"


def test_a_transfer_needs_a_data_connection(client, memory, hand):
    """A file would be emptied for an upload that never comes."""
    for command in ("STOR a.csv", "APPE a.csv", "RETR a.csv", "LIST", "NLST", "MLSD"):
        assert hand.refused(client, command).startswith("425 A data connection comes first"), command
    assert memory.files["a.csv"]
    assert not [call for call in memory.calls if call[0] == "open"]


def test_what_is_not_offered_is_not_there(client, hand):
    """The library's own commands would reach the host's files."""
    for command in ("STOU a.csv", "SITE HELP", "SITE", "NOPE", "HANDLE_ERROR", ""):
        assert hand.refused(client, command)[:3] in ("500", "502", "501"), command
    features = client.sendcmd("FEAT")
    known = "AUTH TLS,EPSV,MDTM,MFMT,MLST type*;,PBSZ,PROT,REST STREAM,SIZE,UTF8"
    for feature in known.split(","):
        assert f"\n {feature}" in features
    assert client.sendcmd("SYST").startswith("215 UNIX")
    assert client.sendcmd("HELP").startswith("214")
    assert client.sendcmd("ALLO 100").startswith("202")
