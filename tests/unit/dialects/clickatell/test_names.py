"""Names and settings of the clickatell dialect."""

from datetime import UTC, datetime

import pytest

from smsfs.dialects import Findings, Submission
from smsfs.dialects.clickatell import Clickatell
from smsfs.errors import Cause, Missing, NameTooLong, NotAllowed
from smsfs.states import FileState

DIALECT = Clickatell()
SETTINGS = DIALECT.defaults
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)


@pytest.mark.parametrize("name", ["x.txt", "x", "X.TXT", "a b.sms"])
def test_a_complete_upload_is_sent(name):
    """A file would lie in the folder unsent."""
    DIALECT.create(name, SETTINGS)
    assert DIALECT.close(name, SETTINGS) == DIALECT.rename(name, SETTINGS) == Submission(name)
    assert DIALECT.trial(name) == Submission(name)


@pytest.mark.parametrize("name", [".x.txt", "x.txt.part", "x.filepart", "x.tmp", "x.txt~"])
def test_temporary_names_wait(name):
    """A file would be sent while its client is still uploading it."""
    DIALECT.create(name, SETTINGS)
    assert DIALECT.close(name, SETTINGS) is None
    assert DIALECT.rename(name, SETTINGS) is None


def test_names_that_clients_may_not_give():
    """A client could make a file look as if it had been sent, or wait for one in a folder."""
    for ending in (".sent", ".rejected", ".log"):
        with pytest.raises(NotAllowed, match=f"Names that end in {ending} are given by the server"):
            DIALECT.create(f"x.txt{ending}", SETTINGS)
        assert DIALECT.close(f"x.txt{ending}", SETTINGS) is None
    with pytest.raises(Missing):
        DIALECT.rename("a/x.txt", SETTINGS)
    with pytest.raises(NameTooLong):
        DIALECT.create("x" * 240, SETTINGS)


def test_where_a_file_and_its_log_go():
    """A client would not see how its file went, or could not use its name again."""
    states = (FileState.PROCESSING, FileState.SUCCESS, FileState.REJECTED)
    assert [DIALECT.path(Submission("x.txt"), AT, state) for state in states] == [
        *("x.txt", "x.txt.sent", "x.txt.rejected")
    ]
    for stem in ("x.txt.sent", "x.txt.rejected", "x.txt"):
        ((path, data),) = DIALECT.reports(
            Findings(Submission(stem), [Cause("wrong", 3, code="105")], 2, states[1], AT)
        )
        assert path == "x.txt.log"
        assert data == b"ERR: 105, line 3: wrong\r\nERR: 101, and 1 more\r\n"
    assert DIALECT.reports(Findings(Submission("x"), [], 0, states[1], AT)) == []


def test_an_empty_upload_is_reported():
    """A client whose upload is empty would hear OK and nothing more."""
    assert DIALECT.stray("x.txt", 0, SETTINGS) == Cause("nothing is sent of it: it is empty")
    assert DIALECT.stray("x.txt.part", 0, SETTINGS) is None
    assert DIALECT.stray("x.txt", 1, SETTINGS) is None


def test_codes_of_what_the_pipeline_finds():
    """A client that reads codes would take an opt-out for an error of the server."""
    assert DIALECT.code_for("optout") == "122"
    assert DIALECT.code_for("anything else") == "901"
