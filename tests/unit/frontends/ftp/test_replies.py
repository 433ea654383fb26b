import errno

import pytest
from attrs import evolve

from smsfs.errors import BadRequest
from smsfs.filesystem import Entry
from smsfs.frontends.ftp import replies
from smsfs.states import FileState

DRAFT = Entry("a.csv", False, 12, 0o644, 1_700_000_000.0, 255, FileState.DRAFT)
FOLDER = Entry("Send_SMS", True, 0, 0o755, 0.0, 1)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, 452),
        (errno.EDQUOT, 552),
        (errno.EFBIG, 552),
        (errno.EACCES, 550),
        (errno.ENOENT, 550),
        (errno.EBUSY, 450),
        (errno.EMFILE, 450),
        (errno.EAGAIN, 451),
        (errno.ENAMETOOLONG, 553),
    ],
)
def test_codes_say_whether_trying_again_helps(number, code):
    """A client would try for ever what cannot be, or give up what the next minute allows."""
    assert replies.code_of(number, replies.REFUSED) == code


def test_times_are_those_of_the_format():
    """Clients would show wrong times, and rclone upload again what has not changed."""
    assert replies.timestamp(1_700_000_000.9) == "20231114221320"
    assert replies.seconds_of("20231114221320") == replies.seconds_of("20231114221320.123") == 1_700_000_000


@pytest.mark.parametrize("text", ["", "2023", "20231301000000", "20230229000000", "2023111422132", "x" * 14])
def test_what_is_no_time_is_refused(text):
    """A typing mistake would set a time that nobody meant."""
    with pytest.raises(BadRequest, match="YYYYMMDDHHMMSS"):
        replies.seconds_of(text)


@pytest.mark.parametrize(
    ("state", "permissions"),
    [
        (FileState.DRAFT, "awfdr"),
        (FileState.PROCESSING, "r"),
        (FileState.SUCCESS, "dr"),
        (FileState.REJECTED, "fdr"),
    ],
)
def test_facts_say_what_a_client_may_do(state, permissions):
    """Clients would offer what is refused, or hide what is allowed."""
    line = replies.facts_line(evolve(DRAFT, state=state), list(replies.FACTS), "a.csv")
    facts = f"type=file;size=12;modify=20231114221320;perm={permissions};unique=ff;unix.mode=0644;"
    assert line == f"{facts} a.csv\r\n"
    assert replies.facts_line(FOLDER, ["type", "perm"], "/x\n") == "type=dir;perm=elc; /x\\n\r\n"


def test_a_name_cannot_forge_a_line():
    """A file that came over SFTP could show files that are not there."""
    forged = evolve(DRAFT, name="a\r\n-rw-r--r-- b\x7f")
    line = replies.long_line(forged, "shop", 1_700_000_060.0)
    assert line.count("\r\n") == line.count("\n") == 1
    assert line == "-rw-r--r--    1 shop     smsfs            12 Nov 14 22:13 a\\r\\n-rw-r--r-- b\\x7f\r\n"
