"""Names, triggers and settings of the SMSPortal dialect."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects import Findings, Submission
from smsfs.dialects.settings import check_setting
from smsfs.dialects.smsportal import SmsPortal
from smsfs.errors import Cause, ConfigurationError, NameTooLong, NotAllowed, Refusal
from smsfs.states import FileState

DIALECT = SmsPortal()
SETTINGS = DIALECT.defaults
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
DRAFT = FileState.DRAFT


@pytest.mark.parametrize("name", ["x.json", "x.txt", "x.zip", "X.JSON", "x.Zip", "a b.csv.txt", "æ.json"])
def test_allowed_names_in_the_folder_are_sent(name):
    """A file would lie in Send_SMS unsent."""
    path = f"Send_SMS/{name}"
    DIALECT.create(path, SETTINGS)
    assert DIALECT.close(path, SETTINGS) == Submission(name)
    assert DIALECT.rename(path, SETTINGS) == Submission(name)
    assert DIALECT.trial(name) == Submission(name)


@pytest.mark.parametrize(
    "path",
    [
        "x.json",
        "Send_SMS/x.csv",
        "Send_SMS/x",
        "Send_SMS/x.json.filepart",
        "Send_SMS/x.json.part",
        "Send_SMS/x.json.tmp",
        "Send_SMS/x.json~",
        "Send_SMS/.in.x.json",
        "Send_SMS/._x.json",
        "Send_SMS/.x.json.Ab12Cd",
        "Send_SMS/.json",
        "Send_SMS/~$x.txt",
        "Send_SMS/json",
    ],
)
def test_other_names_wait(path):
    """A file would be sent while its client is still uploading or preparing it."""
    DIALECT.create(path, SETTINGS)
    assert DIALECT.close(path, SETTINGS) is None
    assert DIALECT.rename(path, SETTINGS) is None


@pytest.mark.parametrize("folder", ["Processed", "Errors"])
def test_the_servers_folders_are_not_for_uploads(folder):
    """A client could make a file look as if it had been sent, or wait for one in the wrong folder."""
    for call in (
        lambda: DIALECT.create(f"{folder}/x.json", SETTINGS),
        lambda: DIALECT.rename(f"{folder}/x.csv", SETTINGS),
    ):
        with pytest.raises(NotAllowed) as refusal:
            call()
        assert str(refusal.value) == f"Only the server puts files into {folder}; upload to Send_SMS."


@pytest.mark.parametrize(
    ("path", "state", "said"),
    [
        ("Send_SMS/x.json", FileState.PROCESSING, "goes to Processed or Errors then."),
        ("Processed/x.json", FileState.SUCCESS, "upload it under a new name."),
        ("Errors/x.json", FileState.REJECTED, "rename it into Send_SMS to send it again, or delete it."),
        ("Errors/x.json.errors.txt", FileState.SUCCESS, "is the server's; it can be read or deleted."),
    ],
)
def test_it_is_told_why_a_file_cannot_be_changed(path, state, said):
    """A person would try again and again what this file cannot have done to it."""
    told = DIALECT.refusal(path, state)
    assert told.startswith(f"{path} ")
    assert told.endswith(said)


def test_a_rejected_file_can_be_sent_again():
    """A file whose account had run out of credit would have to be uploaded once more."""
    assert DIALECT.rename("Send_SMS/x.json", SETTINGS) == Submission("x.json")
    assert DIALECT.rename("x.json", SETTINGS) is None


@pytest.mark.parametrize(
    ("state", "path"),
    [
        (FileState.PROCESSING, "Send_SMS/x.json"),
        (FileState.SUCCESS, "Processed/x.json"),
        (FileState.REJECTED, "Errors/x.json"),
    ],
)
def test_the_folder_tells_how_it_went(state, path):
    """A client would look for its file in the folder that the page names, and not find it."""
    assert DIALECT.path(Submission("x.json"), AT, state) == path
    assert path.rpartition("/")[0] in DIALECT.folders


@pytest.mark.parametrize(
    ("path", "spare"),
    [
        ("Processed/x.json", "Processed/x.20261122T094500.json"),
        ("Errors/x.json.errors.txt", "Errors/x.json.errors.20261122T094500.txt"),
        ("Processed/a.b/x", "Processed/a.b/x.20261122T094500"),
        (".hidden", ".hidden.20261122T094500"),
    ],
)
def test_a_taken_name_gets_a_time(path, spare):
    """The file of last week, or its report, would be overwritten by this week's of the same name."""
    assert DIALECT.spare(path, AT) == spare


def test_a_name_has_room_for_its_time_and_its_reports():
    """A file would be taken and then could not be given the name that tells how it went."""
    name = "æ" * 111 + ".json"
    submission = DIALECT.close(f"Send_SMS/{name}", SETTINGS)
    spare = Submission(DIALECT.spare(name, AT))
    DIALECT.create(f"Send_SMS/{name}", SETTINGS)
    reports = DIALECT.reports(Findings(spare, [Cause("bad")], 1, FileState.SUCCESS, AT))
    assert submission == Submission(name)
    assert len(reports) == 2
    assert all(len(path.rpartition("/")[2].encode()) <= 255 for path, _ in reports)
    with pytest.raises(NameTooLong, match="at most 227 bytes"):
        DIALECT.create(f"Send_SMS/{'æ' * 112}.json", SETTINGS)
    DIALECT.create(f"Send_SMS/{'æ' * 112}.csv", SETTINGS)


def test_a_local_file_that_would_not_be_sent_is_refused():
    """Whoever tries a file on the command line would be told that a name is right that waits for ever."""
    with pytest.raises(NotAllowed, match=r'"x.csv" would be sent: its name must end in .txt, .json or .zip'):
        DIALECT.trial("x.csv")


@given(st.text(st.characters(exclude_characters="\0")))
def test_any_name_is_taken_or_refused_with_a_sentence(name):
    """A strange name would end a session with a traceback."""
    for path in (name, f"Send_SMS/{name}", f"Send_SMS/{name}.json", f"Errors/{name}"):
        try:
            DIALECT.create(path, SETTINGS)
            DIALECT.close(path, SETTINGS)
            DIALECT.rename(path, SETTINGS)
        except Refusal as refusal:
            said = refusal.sentence
        else:
            said = "taken"
        assert said.isprintable()


def test_settings_are_checked():
    """A misspelt setting would be kept and never do anything."""
    for key, value, kept in (
        ("sender_fixed", "+27821234567", "27821234567"),
        ("country", "ZA", "ZA"),
        ("check_networks", "false", False),
        ("unknown_keys", "reject", "reject"),
        ("unique_seconds", "0", 0),
        ("max_batch_bytes", "1000", 1000),
    ):
        assert check_setting(DIALECT, key, value) == kept
        assert type(kept) is type(DIALECT.defaults[key])


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("mail", "a@b.example", 'no setting "mail"; there are sender_fixed'),
        ("sender_fixedr", "a name that is long", "sender_fixedr is a sender's name or number"),
        ("country", "za", "The country must be two capital letters"),
        ("country", "XX", "The country must be two capital letters"),
        ("check_networks", "yes", "check_networks is true or false"),
        ("unknown_keys", "", "unknown_keys is ignore or reject"),
        ("unique_seconds", "2 days", "unique_seconds is a number of seconds, at least 0"),
        ("max_zip_bytes", "0", "max_zip_bytes is a number of bytes, at least 1"),
    ],
)
def test_a_wrong_setting_is_refused(key, value, said):
    """An operator would believe that a rule holds which does not."""
    with pytest.raises(ConfigurationError, match=said):
        DIALECT.check_setting(key, value)
