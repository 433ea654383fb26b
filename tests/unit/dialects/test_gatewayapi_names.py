"""Names, triggers and settings of the GatewayAPI dialect."""

import errno
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects import Submission
from smsfs.dialects.gatewayapi import GatewayApi
from smsfs.dialects.gatewayapi.names import FLAGS
from smsfs.errors import ConfigurationError, NameTooLong, Refusal
from smsfs.states import FileState

DIALECT = GatewayApi()
REFUSE = DIALECT.defaults
DIRECT = {**REFUSE, "direct_ready": "submit-on-close"}
AT = datetime(2026, 11, 22, 6, 44, 18, tzinfo=UTC)
DRAFT, REJECTED = FileState.DRAFT, FileState.REJECTED

stems = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=30)
flag_lists = st.lists(st.sampled_from(FLAGS), max_size=2, unique=True).filter(
    lambda flags: set(flags) != {"utf8", "cp1252"}
)


def _refusal(call, *arguments) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    assert str(caught.value).isprintable()
    return caught.value


@given(stems.filter(lambda stem: not stem.startswith(("._", ".in"))), flag_lists)
def test_a_name_that_ends_in_ready_is_a_submission(stem, flags):
    """A file would lie there unsent, or be read as another format than its name says."""
    name = ".".join([stem + ".csv", *flags])
    submission = DIALECT.rename(f"{name}.ready", REFUSE)
    assert submission == Submission(name, flags)
    assert DIALECT.path(submission, AT, FileState.SUCCESS) == f"{name}.20261122T064418.success"


@pytest.mark.parametrize(
    ("name", "stem", "flags"),
    [
        ("x.READY", "x", set()),
        ("X.csv.Ready", "X.csv", set()),
        ("x.EXCEL.ready", "x.EXCEL", {"excel"}),
        ("x.Utf8.Excel.READY", "x.Utf8.Excel", {"utf8", "excel"}),
        ("x.CP1252.READY", "x.CP1252", {"cp1252"}),
    ],
)
def test_names_mean_the_same_in_any_case(name, stem, flags):
    """A program that writes its names in capitals would have no file sent, and hear nothing."""
    assert DIALECT.rename(name, REFUSE) == Submission(stem, flags)
    assert DIALECT.trial(name) == Submission(stem, flags)
    assert "rename it to" in _refusal(DIALECT.create, name, REFUSE).sentence
    DIALECT.create(name, DIRECT)
    assert DIALECT.close(name, DIRECT) == Submission(stem, flags)


@pytest.mark.parametrize(
    "name",
    [
        "x.csv",
        "x.READYX",
        "x.ready.csv",
        "ready",
        "xready",
        ".x.filepart",
        "x.excel",
        "x.ready.filepart",
        "._x",
    ],
)
def test_other_names_are_drafts(name):
    """A file would be sent while its client is still preparing it."""
    assert DIALECT.rename(name, DIRECT) is None
    assert DIALECT.close(name, DIRECT) is None
    DIALECT.create(name, DIRECT)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".ready", "something must stand before"),
        (".excel.ready", "something must stand before"),
        (".utf8.excel.ready", "something must stand before"),
        ("x.utf8.cp1252.ready", "both .utf8 and .cp1252"),
        ("x.excel.excel.ready", "a flag stands in it twice"),
        ("._x.csv.ready", "macOS"),
    ],
)
def test_names_that_are_no_batch_are_refused(name, said):
    """A file would be sent under a name that cannot be meant, or litter of a desktop be rejected as rows."""
    assert said in _refusal(DIALECT.rename, name, REFUSE).sentence
    assert said in _refusal(DIALECT.create, name, DIRECT).sentence


@pytest.mark.parametrize("ending", [".processing", ".success", ".rejected"])
def test_the_servers_own_endings_are_not_for_clients(ending):
    """A client could make a file look as if it had been sent."""
    for call in (
        lambda: DIALECT.create(f"x{ending}", DIRECT),
        lambda: DIALECT.rename(f"x{ending}", DIRECT),
        lambda: DIALECT.rename(f"x{ending}", DIRECT),
    ):
        refusal = _refusal(call)
        assert refusal.errno == errno.EACCES
        assert "choose another name" in refusal.sentence


def test_an_upload_straight_to_ready_says_what_to_do():
    """A client that cannot know whether its upload is complete would have half of it sent."""
    refusal = _refusal(DIALECT.create, "x.csv.ready", REFUSE)
    assert refusal.sentence == 'Upload it under another name first, then rename it to "x.csv.ready".'
    assert DIALECT.close("x.csv.ready", REFUSE) is None


def test_an_account_may_submit_on_close():
    """A client without rename could not use smsfs at all, though its account allows it."""
    DIALECT.create("x.excel.ready", DIRECT)
    assert DIALECT.close("x.excel.ready", DIRECT) == Submission("x.excel", {"excel"})


@pytest.mark.parametrize(
    ("state", "said"), [(FileState.PROCESSING, "being processed"), (FileState.SUCCESS, "under a new name")]
)
def test_it_is_told_why_a_file_cannot_be_changed(state, said):
    """A person would try again and again what this file cannot have done to it."""
    assert said in DIALECT.refusal("x.csv", state)


@pytest.mark.parametrize(
    ("name", "stem", "flags"),
    [
        ("x.csv.ready", "x.csv", set()),
        ("x.csv.20261122T064418.rejected.ready", "x.csv", set()),
        ("x.csv.20261122T064418.rejected.Ready", "x.csv", set()),
        ("x.Excel.20261122T064418.rejected.ready", "x.Excel", {"excel"}),
        ("x.excel.20261122T064418.rejected.ready", "x.excel", {"excel"}),
        ("x.csv.20261122T064418.rejected.excel.ready", "x.csv.excel", {"excel"}),
    ],
)
def test_a_rejected_file_can_be_sent_again(name, stem, flags):
    """A mended file would be read as comma separated because its flag is no longer next to .ready."""
    assert DIALECT.rename(name, REFUSE) == Submission(stem, flags)
    assert DIALECT.rename("x.csv", REFUSE) is None


def test_a_name_has_room_for_its_timestamp():
    """A file would be taken and then could not be given the name that tells how it went."""
    assert DIALECT.rename("æ" * 114 + ".ready", REFUSE) == Submission("æ" * 114)
    assert len(DIALECT.path(Submission("æ" * 114), AT, FileState.PROCESSING).encode()) <= 255
    with pytest.raises(NameTooLong, match=r"at most 228 bytes may stand before \.ready"):
        DIALECT.rename("æ" * 115 + ".ready", REFUSE)


def test_there_are_no_folders():
    """A file would vanish into a folder that no listing shows."""
    for call in (
        lambda: DIALECT.create("a/b.csv", REFUSE),
        lambda: DIALECT.rename("a/b.ready", REFUSE),
    ):
        refusal = _refusal(call)
        assert refusal.errno == errno.ENOENT
        assert 'no folder "a"' in refusal.sentence


@given(st.text(st.characters(exclude_characters="\0")), st.booleans())
def test_any_name_is_taken_or_refused_with_a_sentence(name, direct):
    """A strange name would end a session with a traceback."""
    settings = DIRECT if direct else REFUSE
    for name_ in (name, f"{name}.ready"):
        try:
            DIALECT.create(name_, settings)
            DIALECT.close(name_, settings)
            DIALECT.rename(name_, settings)
        except Refusal as refusal:
            sentence = refusal.sentence
        else:
            sentence = "taken"
        assert sentence.isprintable()


def test_settings_are_checked():
    """A misspelt setting would be kept and never do anything."""
    assert DIALECT.check_setting("bad_rows", "skip") == "skip"
    assert DIALECT.check_setting("max_batch_bytes", "1000000") == 1_000_000
    for key, value, said in (
        ("bad_row", "skip", 'no setting "bad_row"; there are unknown_columns, bad_rows'),
        ("bad_rows", "Skip", 'bad_rows is reject or skip, not "Skip".'),
        ("max_batch_bytes", "30 MB", "is a number of bytes"),
        ("max_batch_bytes", "0", "is a number of bytes"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            DIALECT.check_setting(key, value)
    for key, choices in DIALECT.choices.items():
        assert DIALECT.defaults[key] == DIALECT.check_setting(key, choices[0])
