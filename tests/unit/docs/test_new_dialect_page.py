"""The dialect that docs/a-new-dialect.md builds, from an upload to messages."""

import os
import re
from pathlib import Path

import pytest

from smsfs.errors import NameTooLong, NotAllowed
from smsfs.filesystem import Filesystems
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.pipeline.reports.messages import statuses
from smsfs.store.sqlite import SqliteStore

PAGE = (Path(__file__).parents[3] / "docs" / "a-new-dialect.md").read_text(encoding="utf-8")
START = 1_700_000_000.0
STAMP = "20231114T221320"


def block(language):
    """The first fenced block of the page in a language."""
    return re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[1]


@pytest.fixture
def rules():
    """The page's dialect."""
    module = {"__name__": "lines"}
    exec(compile(block("python"), "a-new-dialect.md", "exec"), module)  # noqa: S102 -- a page of our own
    return module["Lines"]()


@pytest.fixture
def store(tmp_path):
    """A store whose clock stands."""
    store = SqliteStore(tmp_path / "smsfs.db", lambda: START)
    yield store
    store.close()


@pytest.fixture
def files(store, rules):
    """The files of an account with that dialect."""
    account = store.accounts.add("shop", "lines", {}, START)
    return Filesystems(store, store.register("front"), lambda _: rules).of(account)


@pytest.fixture
def read(store, rules):
    """Read what was submitted."""
    intake = Intake(store, store.register("intake"), lambda _: rules, IntakeRules("outbox"))
    return intake.step


def upload(files, name, text):
    """A complete upload."""
    draft = files.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    draft.write(0, text.encode())
    draft.close()


def content(files, name):
    """What a client reads."""
    reader = files.open(name, os.O_RDONLY)
    text = reader.read(0, 10_000).decode()
    reader.close()
    return text


def names(files):
    """What a client sees."""
    return [entry.name for entry in files.listdir("/")]


def test_a_good_file_becomes_messages(files, read, store):
    """A developer who follows the page would get a dialect that sends nothing, or something else."""
    upload(files, "list.txt", block(""))
    assert not read()
    files.rename("list.txt", "list.go", replace=False)
    assert names(files) == [f"list.{STAMP}.sending"]
    assert read()
    assert names(files) == [f"list.{STAMP}.sent"]
    (batch,) = store.queue.batches()
    assert [(item.message.recipient, item.message.text) for item in statuses(store, batch)] == [
        ("4512345678", "Your parcel is here."),
        ("4512345679", "Your parcel is late."),
    ]


def test_a_bad_file_says_why_and_can_be_mended(files, read, store):
    """A client of such a dialect could not learn what is wrong with its file, nor send it once mended."""
    bad = "4512345678 Hello\nnobody Hello\n4512345679\n"
    upload(files, "list.txt", bad)
    files.rename("list.txt", "list.go", replace=False)
    assert read()
    failed = f"list.{STAMP}.failed"
    assert names(files) == [failed]
    shown = content(files, failed)
    assert shown.startswith(bad)
    assert re.findall(r"rejected: (line \d)", shown) == ["line 2", "line 3"]
    assert next(iter(store.queue.batches())).state == "rejected"
    files.rename(failed, "again.go", replace=False)
    assert read()
    assert names(files) == [f"again.{STAMP}.failed"]
    assert content(files, f"again.{STAMP}.failed") == shown


@pytest.mark.parametrize("name", ["list.go", "list.sent"])
def test_names_of_the_server_are_refused(files, name):
    """A file would seem to be sent that never was."""
    with pytest.raises(NotAllowed):
        upload(files, name, "4512345678 Hello\n")
    assert names(files) == []


def test_a_name_that_is_too_long_is_refused(files):
    """A file would lie there under a name that no other file system takes."""
    upload(files, "list.txt", block(""))
    with pytest.raises(NameTooLong):
        files.rename("list.txt", "l" * 240 + ".go", replace=False)
    assert names(files) == ["list.txt"]


def test_it_is_as_short_as_it_says():
    """A developer would take for required what only some dialects have."""
    assert len([line for line in block("python").splitlines() if line]) <= 55
