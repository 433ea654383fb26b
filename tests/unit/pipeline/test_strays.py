"""Uploads of which nothing ever comes."""

import pytest
from structlog.testing import capture_logs

from smsfs.dialects.registry import dialect
from smsfs.pipeline.reports.strays import GRACE_SECONDS, LOOK_SECONDS, Strays

pytestmark = pytest.mark.logs("never_sent")

NAMES = ("smsportal", "naxai")


@pytest.fixture
def lot(house, clock):
    """An account of a dialect with drafts in it, and who looks for strays."""

    class Lot:
        def __init__(self, kind, **settings):
            settings = {"email": "ann@example.com", **settings}
            self.account = house.store.accounts.add(kind, kind, settings, clock())
            self.strays = Strays(house.store, NAMES, dialect)

        def put(self, path, data=b"x", **times):
            """A draft that is complete."""
            content = house.store.contents.create()
            with house.store.files.change(self.account.id) as files:
                file = files.add(self.account.id, path, content, clock() + times.get("ahead", 0))
                files.resize(file.id, len(data), clock() + times.get("ahead", 0))
            return file.id

        def wait(self, seconds=GRACE_SECONDS + 1):
            """Let time pass, with a look at its begin and end."""
            told = self.strays.step()
            clock.now += seconds
            return told + self.strays.step()

        def names(self):
            """Every path of the account."""
            return [file.path for file in house.store.files.all(self.account.id)]

        def batches(self):
            """What was noted."""
            return list(house.store.queue.batches(self.account.id))

    return Lot


WRONG = {
    "csv": ("smsportal", "Send_SMS/list.csv", b"x", "must end in .txt, .json or .zip"),
    "no ending": ("smsportal", "Send_SMS/list", b"x", "must end in .txt, .json or .zip"),
    "workbook": ("smsportal", "Send_SMS/list.xlsx", b"x", "must end in .txt, .json or .zip"),
    "empty": ("smsportal", "Send_SMS/list.json", b"", "it is empty"),
    "naxai": ("naxai", "list.json", b"x", "must end in .csv or .txt"),
    "empty for naxai": ("naxai", "list.csv", b"", "it is empty"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_client_is_told_of_an_upload_that_is_never_sent(lot, house, clock, kind):
    """A client would hear OK for a list of appointments that nobody gets, and nothing else, for ever."""
    name, path, data, said = WRONG[kind]
    here = lot(name)
    file = here.put(path, data)
    with capture_logs() as logged:
        assert here.wait() == 1
    (batch,) = here.batches()
    assert (batch.state, batch.path) == ("rejected", path)
    assert said in str(batch.causes[0])
    assert [entry["file"] for entry in logged if entry["event"] == "never_sent"] == [path]
    assert [item.address for item in house.store.notices.due(clock.now, 9)] == ["ann@example.com"]
    assert house.store.files.view().get(file).state == "draft"
    reports = [one for one in here.names() if one.startswith("Errors/")]
    assert len(reports) == (2 if name == "smsportal" else 0)
    assert here.wait() == 0
    assert len(here.batches()) == 1


@pytest.mark.parametrize(
    "path",
    [
        "Send_SMS/a.json",
        "Send_SMS/.a.csv",
        "Send_SMS/a.json.filepart",
        "Send_SMS/a.csv.tmp",
        "a.csv",
    ],
)
def test_what_may_still_be_sent_is_nobody_s_fault(lot, path):
    """A client would be told of a failure while it is still uploading."""
    here = lot("smsportal")
    here.put(path)
    assert here.wait() == 0


def test_a_renamed_upload_is_not_told_of(lot, house, clock):
    """A client that uploads under another name first would get a report for each file."""
    here = lot("smsportal")
    file = here.put("Send_SMS/a.csv")
    here.strays.step()
    clock.now += GRACE_SECONDS - LOOK_SECONDS
    with house.store.files.change(here.account.id) as files:
        files.move(file, "Send_SMS/b.csv")
    assert here.wait(LOOK_SECONDS + 1) == 0
    assert here.wait() == 1


def test_a_client_s_own_times_change_nothing(lot):
    """An upload with an old date would be reported at once, and one with a future date never."""
    here = lot("smsportal")
    here.put("Send_SMS/old.csv", ahead=-1e6)
    here.put("Send_SMS/new.csv", ahead=1e6)
    assert here.wait(LOOK_SECONDS + 1) == 0
    assert here.wait() == 2
    assert here.wait() == 0


def test_a_report_never_takes_a_name_that_is_there(lot):
    """Another report would be lost, or the telling fail for ever."""
    here = lot("smsportal")
    here.put("Errors/list.csv.errors.txt")
    here.put("Send_SMS/list.csv")
    assert here.wait() == 1
    assert len([one for one in here.names() if one.startswith("Errors/list.csv")]) == 3
