"""Names and settings of the bulksms dialect."""

from datetime import UTC, datetime

import pytest

from smsfs.dialects import Submission
from smsfs.dialects.bulksms import BulkSms
from smsfs.dialects.settings import check_setting
from smsfs.errors import ConfigurationError, Missing, NameTooLong, NotAllowed
from smsfs.states import FileState

DIALECT = BulkSms()
SETTINGS = DIALECT.defaults
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)


def test_a_rename_to_the_ending_sends():
    """A file would not be sent, or be sent while it is still being uploaded."""
    DIALECT.create("x.csv", SETTINGS)
    assert DIALECT.close("x.csv", SETTINGS) is None
    assert DIALECT.rename("y.csv", SETTINGS) is None
    assert DIALECT.rename("x.csv.READY", SETTINGS) == Submission("x.csv")
    assert DIALECT.trial("x.csv") == DIALECT.trial("x.csv.ready") == Submission("x.csv")
    with pytest.raises(NotAllowed, match=r'then rename it to "x\.csv\.ready"'):
        DIALECT.create("x.csv.ready", SETTINGS)
    DIALECT.create(".in.x.csv.ready", SETTINGS)  # lftp's name while it uploads


def test_the_ending_is_the_accounts():
    """A program that renames as BulkSMS had told it would wait for ever."""
    settings = {**SETTINGS, "ending": check_setting(DIALECT, "ending", ".Csv")}
    assert settings["ending"] == ".csv"
    assert DIALECT.rename("x.csv", settings) == Submission("x")
    assert DIALECT.rename("x.csv.ready", settings) is None
    for wrong in ("csv", ".", ".tmp", ".success", ".a/b", "", ".part"):
        with pytest.raises(ConfigurationError):
            check_setting(DIALECT, "ending", wrong)
    assert check_setting(DIALECT, "bad_rows", "skip") == "skip"


@pytest.mark.parametrize("ending", [".processing", ".success", ".rejected"])
def test_the_servers_names_are_not_for_clients(ending):
    """A client could make a file look as if it had been sent."""
    for attempt in (DIALECT.create, DIALECT.rename):
        with pytest.raises(NotAllowed, match=f"Names that end in {ending} are given by the server"):
            attempt(f"x{ending}", SETTINGS)
        with pytest.raises(Missing):
            attempt("a/x.csv", SETTINGS)


def test_names_that_no_batch_can_have():
    """A file would be sent and could not be shown afterwards."""
    with pytest.raises(NotAllowed, match="something must stand before"):
        DIALECT.rename(".ready", SETTINGS)
    with pytest.raises(NameTooLong):
        DIALECT.rename("x" * 240 + ".ready", SETTINGS)
    assert DIALECT.rename("._x.ready", SETTINGS) is None


def test_how_it_went_is_in_the_name():
    """A client would not see whether its file was sent, or names would grow with each attempt."""
    paths = [
        DIALECT.path(Submission("x.csv"), AT, state) for state in (FileState.PROCESSING, FileState.SUCCESS)
    ]
    assert paths == ["x.csv.20261122T094500.processing", "x.csv.20261122T094500.success"]
    rejected = DIALECT.path(Submission("x.csv"), AT, FileState.REJECTED)
    assert DIALECT.rename(f"{rejected}.ready", SETTINGS) == Submission("x.csv")
