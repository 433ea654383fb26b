"""Open files behave as Python's own."""

import array
import io

import pytest
from fs import errors
from fs.enums import Seek
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SMALL = st.integers(0, 20)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.binary(max_size=12)),
        st.tuples(st.just("read"), st.one_of(st.just(-1), SMALL)),
        st.tuples(st.just("readinto"), SMALL.map(bytearray)),
        st.tuples(st.just("readline")),
        st.tuples(st.just("seek"), st.integers(-5, 20), st.sampled_from([0, 1, 2])),
        st.tuples(st.just("truncate"), st.one_of(st.none(), SMALL)),
        st.tuples(st.just("tell")),
        st.tuples(st.just("flush")),
        st.tuples(st.sampled_from(["readable", "writable"])),
    ),
    max_size=12,
)


def did(file, name, *arguments):
    """What a step gave back, or the kind of error it ended in."""
    try:
        result = getattr(file, name)(*arguments)
    except io.UnsupportedOperation:
        return "unsupported"
    except (ValueError, OSError):
        return "wrong"
    return (result, *map(bytes, (argument for argument in arguments if isinstance(argument, bytearray))))


@pytest.mark.parametrize("buffering", [0, 8, -1])
@pytest.mark.parametrize("mode", ["rb", "r+b", "wb", "w+b", "ab", "a+b"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_file_does_what_python_s_does(files, tmp_path, mode, buffering, steps):
    """A program that writes to a folder today would read or write other bytes through smsfs."""
    files.writebytes("a", b"one\ntwo\n")
    (tmp_path / "a").write_bytes(b"one\ntwo\n")
    with files.open("a", mode, buffering) as ours, (tmp_path / "a").open(mode, buffering) as real:
        for name, *arguments in steps:
            again = [bytearray(item) if isinstance(item, bytearray) else item for item in arguments]
            assert did(ours, name, *arguments) == did(real, name, *again), name
    assert files.readbytes("a") == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("mode", ["r", "r+", "w", "a+", "rt"])
def test_text(files, mode):
    """Text would be read or written in the wrong encoding or with other ends of lines."""
    files.writetext("a", "Größe\r\n")
    with files.open("a", mode) as file:
        assert (file.mode, file.name, file.encoding) == (mode, "a", "utf-8")
        if file.writable():
            file.write("Mühe\r\n")
    expected = {
        "r": "Größe\r\n",
        "r+": "Mühe\r\n\r\n",
        "w": "Mühe\r\n",
        "a+": "Größe\r\nMühe\r\n",
        "rt": "Größe\r\n",
    }
    assert files.readtext("a") == expected[mode]
    files.writetext("b", "ö\n", encoding="cp1252", newline="\r\n")
    assert files.readbytes("b") == b"\xf6\r\n"


@pytest.mark.parametrize(("mode", "shown"), [("r", "rb"), ("w+", "w+b"), ("ab", "ab"), ("x", "xb")])
def test_binary_files_tell_their_mode(files, mode, shown):
    """Libraries that look at a file's mode, such as zipfile and tarfile, would take it for text."""
    name = "b" if mode == "x" else "a"
    files.writebytes("a", b"")
    with files.openbin(name, mode) as file:
        assert (file.mode, file.name) == (shown, name)


def test_text_mode_is_refused_by_openbin(files):
    """A slip in a mode would give bytes where text was asked for."""
    with pytest.raises(ValueError, match="binary"):
        files.openbin("a", "wt")
    with pytest.raises(ValueError, match="invalid characters"):
        files.open("a", "wU")
    assert files.listdir("/") == []


def test_exclusive_creation(files):
    """Two programs that agree on a name by exclusive creation would both think it theirs."""
    with files.open("a", "xb") as file:
        file.write(b"first")
    with pytest.raises(errors.FileExists):
        files.open("a", "xb")
    assert files.readbytes("a") == b"first"


def test_any_buffer_is_written(files):
    """Arrays and views would be refused, or written element by element."""
    with files.openbin("a", "w") as file:
        assert file.write(array.array("H", [1, 2])) == 4
        assert file.write(memoryview(b"abcd")[::2]) == 2
        with pytest.raises(TypeError):
            file.write("text")
        assert file.seek(-2, Seek.end) == 4
    assert files.readbytes("a") == array.array("H", [1, 2]).tobytes() + b"ac"


def test_a_closed_file_says_so(files):
    """A program that goes on with a closed file would lose what it writes without a word."""
    with files.openbin("a", "w+") as file:
        pass
    for step in (file.read, file.tell, file.truncate, lambda: file.write(b"x"), lambda: file.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            step()
    file.close()


def test_large_files_stream(files):
    """Files larger than a buffer would be cut or mixed up."""
    content = bytes(range(256)) * 20_000
    files.upload("a", io.BytesIO(content), chunk_size=70_001)
    target = io.BytesIO()
    files.download("a", target, chunk_size=99_991)
    assert target.getvalue() == content
    with files.open("a", "rb") as file:
        assert b"".join(file) == content


def test_folders_are_listed_with_all_that_is_asked(files):
    """A program that lists a folder would lack sizes, or page wrongly through many files."""
    for number in range(5):
        files.writebytes(f"{number}", b"x" * number)
    infos = list(files.scandir("/", ["details", "smsfs"], page=(1, 4)))
    assert [(info.name, info.size, info.get("smsfs", "state")) for info in infos] == [
        ("1", 1, "draft"),
        ("2", 2, "draft"),
        ("3", 3, "draft"),
    ]
    assert not infos[0].has_namespace("access")
    assert (files.getinfo("/", ["details"]).is_dir, files.getinfo("/").name) == (True, "")
