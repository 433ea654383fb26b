"""Names, triggers and settings of the Naxai dialect."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects import Findings, Submission
from smsfs.dialects.naxai import Naxai
from smsfs.errors import Cause, ConfigurationError, Missing, NameTooLong, Refusal
from smsfs.states import FileState

DIALECT = Naxai()
SETTINGS = DIALECT.defaults
ANY = {**SETTINGS, "endings": "*"}
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
DRAFT, PROCESSING, REJECTED = FileState.DRAFT, FileState.PROCESSING, FileState.REJECTED


def _sentence(call, *arguments, kind=Refusal) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("name", ["x.csv", "X.CSV", "list.txt", "a b.csv", "é.csv", "x.20261122.csv"])
def test_a_complete_upload_is_a_submission(name):
    """As on the page: as soon as the file is uploaded, it is processed."""
    DIALECT.create(name, SETTINGS)
    assert DIALECT.close(name, SETTINGS) == Submission(name)
    assert DIALECT.rename(name, SETTINGS) == Submission(name)
    assert DIALECT.rename(name, SETTINGS) == Submission(name)
    assert DIALECT.trial(name) == Submission(name)


LITTER = str.split(
    "x.csv.filepart x.csv.part x.csv.a1b2c3d4.partial x.csv.writing x.csv.tmp tmp.x.csv .x.csv ._x.csv "
    ".in.x.csv ~$x.csv .~lock.x.csv# #x.csv# x.csv~ x.csv.swp 4913 .DS_Store Thumbs.db desktop.ini "
    ".fuse_hidden0000001 x.csv.crdownload X.CSV.PART"
)


@pytest.mark.parametrize("name", LITTER)
def test_what_clients_and_desktops_leave_waits(name):
    """Half an upload, or what an editor keeps for itself, would be sent."""
    for settings in (SETTINGS, ANY):
        DIALECT.create(name, settings)
        assert DIALECT.close(name, settings) is None
        assert DIALECT.rename(name, settings) is None


@pytest.mark.parametrize("name", ["x", "x.dat", "x.csv.done", "csv", "x.CSV2"])
def test_other_names_wait_unless_their_endings_are_set(name):
    """A client could not prepare a file under another name, or one of a strange system never be sent."""
    assert DIALECT.close(name, SETTINGS) is None
    assert DIALECT.close(name, ANY) == Submission(name)
    assert DIALECT.close("x.dat", {**SETTINGS, "endings": "dat"}) == Submission("x.dat")


@pytest.mark.parametrize(
    "name", ["status_2026-11-21.csv", "received_2026-11-21.csv", "STATUS_2026-11-21.CSV"]
)
def test_reports_are_the_server_s(name):
    """A client's file would stand where a report has to be, or pass for one."""
    said = "Files named status_ or received_ and a day are the server's; choose another name."
    assert _sentence(DIALECT.create, name, SETTINGS) == said
    assert _sentence(DIALECT.rename, name, SETTINGS) == said
    assert DIALECT.close(name, ANY) is None


@pytest.mark.parametrize("name", ["x.csv.rejected", "x.csv.errors"])
def test_the_server_s_endings(name):
    """A client could make a file look as if it had been rejected."""
    assert "are the server's" in _sentence(DIALECT.create, name, SETTINGS)
    assert "are the server's" in _sentence(DIALECT.rename, name, ANY)


def test_names_that_look_like_reports_are_free():
    """A client's own status file would be refused."""
    assert DIALECT.close("status_2026.csv", SETTINGS)
    assert DIALECT.close("my_status_2026-11-21.csv", SETTINGS)


def test_a_file_keeps_its_name_until_it_is_out_of_sight():
    """A client that looks for its file would find another name, or a mended file no name to come back to."""
    submission = Submission("list.csv")
    assert DIALECT.path(submission, AT, PROCESSING) == "list.csv"
    assert DIALECT.path(submission, AT, FileState.CONSUMED) == "list.csv"
    assert DIALECT.path(submission, AT, REJECTED) == "list.csv.rejected"
    assert DIALECT.spare("list.csv", AT) == "list.20261122T094500.csv"
    assert DIALECT.spare("list.csv.rejected", AT) == "list.csv.20261122T094500.rejected"
    assert DIALECT.spare("list", AT) == "list.20261122T094500"
    assert not DIALECT.stamped


def test_it_is_told_why_a_file_cannot_be_changed():
    """A person would try again and again what this file cannot have done to it."""
    assert "y.csv is being processed; it can be read" in DIALECT.refusal("y.csv", PROCESSING)
    assert "is the server's" in DIALECT.refusal("y.csv.errors", FileState.SUCCESS)
    assert "was rejected; rename it" in DIALECT.refusal("y.csv.rejected", REJECTED)


def test_there_are_no_folders_and_names_have_room():
    """A file would vanish into a folder, or could not be given the name that tells how it went."""
    assert 'no folder "a"' in _sentence(DIALECT.create, "a/b.csv", SETTINGS, kind=Missing)
    fits = "é" * 113 + ".csv"
    assert DIALECT.rename(fits, SETTINGS)
    assert len(DIALECT.spare(DIALECT.path(Submission(fits), AT, REJECTED), AT).encode()) <= 255
    assert "bytes" in _sentence(DIALECT.create, "é" * 114 + ".csv", SETTINGS, kind=NameTooLong)


@given(st.text(st.characters(exclude_characters="\0"), max_size=300))
def test_any_name_is_taken_or_refused_with_a_sentence(name):
    """A strange name would end a session with a traceback."""
    for call in (
        lambda: DIALECT.create(name, ANY),
        lambda: DIALECT.rename(name, SETTINGS),
        lambda: DIALECT.close(name, SETTINGS),
    ):
        try:
            call()
        except Refusal as refusal:
            assert refusal.sentence.isprintable()  # noqa: PT017 - one of the two outcomes


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("phone_column", "Mobile", "Mobile"),
        ("country", "be", "BE"),
        ("template", "Hi {{ name }}", "Hi {{ name }}"),
        ("sender", "+32476123456", "32476123456"),
        ("max_parts", "3", 3),
        ("dedupe_file", "true", True),
        ("dedupe_days", "7", 7),
        ("weekdays", "mon-fri", "mon-fri"),
        ("hours", "08:00-20:00", "08:00-20:00"),
        ("timezone", "Europe/Brussels", "Europe/Brussels"),
        ("exclusions", "2026-12-24..2027-01-02", "2026-12-24..2027-01-02"),
        ("holidays", "01-01,12-25", "01-01,12-25"),
        ("endings", "CSV,dat", "csv,dat"),
        ("max_rows", "5", 5),
        ("max_batch_bytes", "1000", 1000),
    ],
)
def test_settings(key, text, value):
    """A connector could not be set up as on the vendor's page."""
    assert DIALECT.check_setting(key, text) == value
    assert type(value) is type(DIALECT.defaults[key])


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("phone_colum", "x", 'There is no setting "phone_colum"; there are phone_column, country'),
        ("country", "Belgium", 'country cannot be set: "Belgium" is no country; write its two letters'),
        ("template", "Hi\n{{ name | }}", "The template cannot be used: line 2, column 4: expected word"),
        ("sender", "A very long sender", "sender cannot be set:"),
        ("max_parts", "256", "a whole number from 0 to 255"),
        ("dedupe_file", "yes", 'it is true or false, not "yes"'),
        ("dedupe_days", "-1", "a whole number from 0 to 366"),
        ("weekdays", "monday", '"monday" is no weekday'),
        ("hours", "8-20", "write it such as 08:00-20:00"),
        ("timezone", "CEST+1", "is no time zone"),
        ("exclusions", "tomorrow", '"tomorrow" is no day'),
        ("holidays", "BE", '"BE" is no day'),
        ("endings", ".csv", "write them such as csv,txt"),
        ("max_rows", "0", "a whole number from 1"),
        ("phone_column", "a\nb", "is no name of a column"),
    ],
)
def test_wrong_settings(key, text, said):
    """A slip in a setting would be kept and never do anything."""
    sentence = _sentence(DIALECT.check_setting, key, text, kind=ConfigurationError)
    assert said in sentence
    assert sentence.endswith(".")


def test_a_calendar_without_openings_is_refused():
    """Messages of a connector would wait for ever."""
    DIALECT.check_together({**SETTINGS, "weekdays": "sun"}, AT)
    DIALECT.check_together(SETTINGS, AT)
    never = {**SETTINGS, "exclusions": "2026-01-01..2030-01-01"}
    sentence = _sentence(DIALECT.check_together, never, AT, kind=ConfigurationError)
    assert sentence.startswith("By this calendar nothing could be sent within a year")


def test_what_the_pipeline_asks():
    """Numbers would get a second message within the days of the connector, or a good row not be sent."""
    assert DIALECT.claims({**SETTINGS, "dedupe_days": 7}) == 604_800
    assert DIALECT.claims(SETTINGS) == 0
    assert DIALECT.skips_bad_rows(SETTINGS)
    assert DIALECT.code_for("optout") == "904"
    assert DIALECT.code_for("what nobody thought of") == "900"


def test_rows_that_were_not_sent_are_reported():
    """Nobody would learn which appointments were not confirmed: the file itself is gone by then."""
    submission, causes = Submission("list.csv"), [Cause("it is bad", line, "phone") for line in range(2, 152)]
    ((name, data),) = DIALECT.reports(Findings(submission, causes[:2], 2, FileState.CONSUMED, AT))
    assert name == "list.csv.errors"
    assert data.decode().split("\r\n") == [
        "2 rows of list.csv could not be sent; the daily status files tell of the others.",
        "line 2, column phone: it is bad",
        "line 3, column phone: it is bad",
        "",
    ]
    ((_, data),) = DIALECT.reports(Findings(submission, causes, 150, FileState.CONSUMED, AT))
    assert data.endswith(b"line 101, column phone: it is bad\r\nand 50 more\r\n")
    assert DIALECT.reports(Findings(submission, [], 0, FileState.CONSUMED, AT)) == []
    assert DIALECT.reports(Findings(submission, causes, 150, REJECTED, AT)) == []


def test_a_rejected_file_says_why_and_can_be_sent_again():
    """A client would have to guess, or its mended file be read with the reasons in it."""
    data = b"phone;name\n32476123456;Jan\n"
    tail = DIALECT.tail(data, [Cause("the connector has no text")], 1, Submission("x.csv"))
    assert b"#smsfs rejected: the connector has no text" in tail
    assert DIALECT.client_size(io.BytesIO(data + tail), len(data + tail)) == len(data)
