"""Names and contents that nobody sends on purpose: a sentence each, and the server goes on."""

import errno
import os
import re

import pytest

MIB = 2**20
HEADER = "msisdn,message,userref\n"
ROW = "4512345678,hello,1\n"
#: What a file holds -> what the last line of the rejected file says of it.
CONTENTS = {
    "NUL bytes": (HEADER.encode() + b"4512345678,he\0llo,1\n", "line 2: the row holds a NUL character"),
    "only NUL bytes": (bytes(1000), "#smsfs rejected: "),
    "a lone quote": (f'{HEADER}4512345678,he"llo,1\n'.encode(), "line 2: cell 2 .* holds a quote"),
    "an open quote": (f'{HEADER}4512345678,"hello,1\n'.encode(), "line 2: .* a closing quote is missing"),
    "a million columns": (b"," * 999_999 + b"x", "line 1: column 1 of the first row has no name"),
    "a million cells in a row": (HEADER.encode() + b"," * 1_000_000 + b"x\n", "line 2: .*1,000,001 cells"),
    "a million column names": (
        ",".join(f"c{number}" for number in range(MIB)).encode(),
        "line 1: the row is over",
    ),
    "a field of 5 MB": (f"{HEADER}4512345678,{'x' * 5 * MIB},1\n".encode(), "line 2: the row is over"),
    "a quoted field of 5 MB": (
        f'{HEADER}4512345678,"{"x " * 80 * 1024}",1\n'.encode(),
        "line 2: a cell is over 131,072",
    ),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + os.urandom(5000), "#smsfs rejected: "),
    "mangled UTF-8": (
        HEADER.encode() + "4512345678,æøå æøå æøå æøå\xff,1\n".encode()[:-4] + b"\xff,1\n",
        "line 2",
    ),
    "no header": (ROW.encode(), "the first row must name the columns"),
    "a header alone": (HEADER.encode(), "no rows behind its column names"),
    "an unknown column": (
        b"msisdn,message,colour\n4512345678,hello,red\n",
        'line 1: column "colour" is unknown',
    ),
    "100,001 bad rows": (HEADER.encode() + b"x,,\n" * 100_001, "and 199,901 more"),
}


def submit(sftp, name, content):
    """Upload a file and rename it."""
    with sftp.open(name, "wb") as file:
        file.set_pipelined(pipelined=True)
        file.write(content)
    sftp.rename(name, f"{name}.ready")


def last_line(sftp, name):
    """The last line of a file."""
    with sftp.open(name) as file:
        file.seek(max(0, file.stat().st_size - 1000))
        return file.read().decode("utf-8", "replace").rstrip().rpartition("\n")[2]


@pytest.mark.parametrize("what", CONTENTS)
def test_a_file_that_is_no_batch_is_rejected_with_its_cause(shop, sftp, what):
    """A person would not learn what is wrong, or the file would stay ``.processing`` for ever."""
    content, cause = CONTENTS[what]
    submit(sftp, f"odd {what}", content)
    rejected = shop.wait_for_state(sftp, f"odd {what}", "rejected")
    line = last_line(sftp, rejected)
    assert line.startswith("#smsfs rejected: ")
    assert re.search(cause, line), line
    assert len(line) < 450
    assert sftp.stat(rejected).st_size > len(content)
    assert shop.sent(f"odd {what}") == []


def filled(size):
    """A batch of exactly so many bytes, in few but long rows."""
    rows = [HEADER]
    room = size - len(HEADER)
    while room:
        length = min(room, 30_000) if not 30_000 < room < 30_100 else 15_000
        rows.append("4512345678,".ljust(length - 3, "x") + ",1\n")
        room -= length
    return "".join(rows).encode()


def test_the_limit_is_30_mib_to_the_byte(shop, sftp):
    """A batch of the promised size would be rejected, or one that is too large accepted."""
    content = filled(30 * MIB)
    assert len(content) == 30 * MIB
    submit(sftp, "just right.csv", content)
    submit(sftp, "too large.csv", content + b"\n")
    rejected = shop.wait_for_state(sftp, "too large.csv", "rejected", 60)
    assert "the file has 31,457,281 bytes; a batch has at most 31,457,280" in last_line(sftp, rejected)
    shop.wait_for_state(sftp, "just right.csv", "success", 60)
    shop.wait_for_sent("just right.csv", content.count(b"\n") - 1)
    for name in sftp.listdir():
        if name.startswith(("just right.csv", "too large.csv")):
            sftp.remove(name)


@pytest.mark.parametrize(
    "name", ["../climbing.csv", "/../../climbing.csv", "a/../../climbing.csv", "//./climbing.csv"]
)
def test_no_name_leads_out_of_the_account(shop, sftp, kit, name):
    """A client could read or write files of the host."""
    with sftp.open(name, "w") as file:
        file.write(kit.csv_of("climbing"))
    assert "climbing.csv" in sftp.listdir("/..")
    folder = shop.installation.folder
    assert [*folder.rglob("climbing*"), *folder.parent.glob("climbing*")] == []
    sftp.remove("climbing.csv")
    for outside in ("../../../../etc/passwd", "/etc/passwd"):
        with pytest.raises(FileNotFoundError):
            sftp.open(outside)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (b"nul\0.csv", "cannot hold a NUL"),
        (b"\xe6\xf8\xe5.csv", "not UTF-8"),
        (b"x" * 300, "bytes; at most 255"),
        ("æ".encode() * 128, "bytes; at most 255"),
    ],
)
def test_a_bad_name_is_a_sentence(sftp, kit, name, sentence):
    """A person would see "Failure", or a file with a name that no program can use would appear."""
    with sftp.open("good name.csv", "w") as file:
        file.write(kit.csv_of("good name"))
    before = sorted(sftp.listdir())
    attempts = [
        lambda: sftp.open(name, "w"),
        lambda: sftp.rename("good name.csv", name),
        lambda: sftp.rename("good name.csv", name + b".ready"),
        lambda: sftp.posix_rename("good name.csv", name),
        lambda: sftp.remove(name),
        lambda: sftp.stat(name),
    ]
    for attempt in attempts:
        with pytest.raises(OSError, match=sentence):
            attempt()
    assert sorted(sftp.listdir()) == before


@pytest.mark.parametrize(
    ("name", "number"),
    [
        (b"\xe6\xf8\xe5.csv", errno.EINVAL),
        (b"x" * 256, errno.ENAMETOOLONG),
        ("æ".encode() * 128, errno.ENAMETOOLONG),
    ],
)
def test_a_bad_name_in_a_mounted_folder_is_refused(mount, name, number):
    """A program on the host could make a file that SFTP clients can neither see nor remove."""
    folder = os.fsencode(mount.mountpoint)
    with pytest.raises(OSError) as refusal:
        os.open(folder + b"/" + name, os.O_WRONLY | os.O_CREAT)
    assert refusal.value.errno == number
    assert name not in map(os.fsencode, (path.name for path in mount.mountpoint.iterdir()))


@pytest.mark.parametrize(
    "name", ["æøå 文字 🎉.csv", "with 'quotes' \"and\" $(signs) `;|&.csv", "-rf", "*", "~", " "]
)
def test_unusual_names_are_sent_like_any_other(shop, sftp, kit, name):
    """People whose files have such names could not send them."""
    submit(sftp, name, kit.csv_of("unusual").encode())
    # a list that is made while the file gets its next name may have both
    *_, shown = sorted(item for item in sftp.listdir() if re.match(re.escape(name) + r"\.\d{8}T", item))
    assert len(shop.wait_for_sent(f"{name}.2", 3)) == 3
    assert shown.startswith(name)
