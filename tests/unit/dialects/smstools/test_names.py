"""Folders, names and settings of the smstools dialect."""

from datetime import UTC, datetime

import pytest

from smsfs.dialects import Submission
from smsfs.dialects.settings import check_setting
from smsfs.dialects.smstools import SmsTools
from smsfs.errors import Cause, ConfigurationError, NameTooLong, NotAllowed
from smsfs.states import FileState

DIALECT = SmsTools()
SETTINGS = DIALECT.defaults
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)


@pytest.mark.parametrize("name", ["send_aB3x9Q", "x", "x.sms", "a b", "æ.txt"])
def test_any_name_in_outgoing_is_sent(name):
    """A program that makes its names with mktemp would wait for ever."""
    path = f"outgoing/{name}"
    DIALECT.create(path, SETTINGS)
    assert DIALECT.close(path, SETTINGS) == DIALECT.rename(path, SETTINGS) == Submission(name)
    assert DIALECT.trial(name) == Submission(name)


@pytest.mark.parametrize(
    "path", ["x", "outgoing/x.LOCK", "outgoing/.x", "outgoing/x.tmp", "outgoing/x.filepart"]
)
def test_other_names_wait(path):
    """A text would be sent while its program still writes it."""
    DIALECT.create(path, SETTINGS)
    assert DIALECT.close(path, SETTINGS) is None
    assert DIALECT.rename(path, SETTINGS) is None


@pytest.mark.parametrize("folder", ["sent", "failed", "incoming"])
def test_the_servers_folders_are_not_for_uploads(folder):
    """A client could make a file look as if it had been sent."""
    for attempt in (DIALECT.create, DIALECT.rename):
        with pytest.raises(NotAllowed) as refusal:
            attempt(f"{folder}/x", SETTINGS)
        assert str(refusal.value) == f"Only the server puts files into {folder}; upload to outgoing."


def test_a_name_too_long_for_its_later_names_is_refused_at_once():
    """A file would be taken and could not be moved to where its client looks."""
    with pytest.raises(NameTooLong):
        DIALECT.create(f"outgoing/{'x' * 240}", SETTINGS)


def test_where_a_file_goes():
    """A program that watches sent and failed would not see how a text went."""
    paths = [DIALECT.path(Submission("x"), AT, state) for state in ("processing", "success", "rejected")]
    assert paths == ["outgoing/x", "sent/x", "failed/x"]
    assert DIALECT.spare("failed/x", AT) == "failed/x.20261122T094500"


def test_an_empty_upload_is_reported():
    """A client whose upload is empty would hear OK and nothing more."""
    assert DIALECT.stray("outgoing/x", 0, SETTINGS) == Cause("nothing is sent of it: it is empty")
    assert DIALECT.stray("outgoing/x.tmp", 0, SETTINGS) is None
    assert DIALECT.stray("x", 5, SETTINGS) is None


def test_settings():
    """A mistyped setting would be found by the first text that fails."""
    assert check_setting(DIALECT, "country", "de") == "DE"
    assert check_setting(DIALECT, "flash", "plain") == "plain"
    for key, value in (("country", "Germany"), ("flash", "yes"), ("from_header", "x")):
        with pytest.raises(ConfigurationError):
            check_setting(DIALECT, key, value)


def test_refusals_say_what_may_be_done():
    """A client would be refused without a way on."""
    assert "goes to sent or failed" in DIALECT.refusal("outgoing/x", FileState.PROCESSING)
    assert "rename it into outgoing" in DIALECT.refusal("failed/x", FileState.REJECTED)
    for path in ("failed/x.reasons", "incoming/out.000001"):
        assert "is the server's" in DIALECT.refusal(path, FileState.SUCCESS)
