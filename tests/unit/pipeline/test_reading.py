"""Rows that are refused, documents whose names were used, credit, reports: what intake makes of them."""

import pytest

from smsfs.dialects import Refused, Sheet
from smsfs.dialects.registry import dialect
from smsfs.errors import Cause, Ignored, Unreadable
from smsfs.sms.message import Message
from smsfs.states import FileState

pytestmark = pytest.mark.logs("ignored")

DAY = 86_400


class Scripted:
    """A dialect whose files say what a test wants; the rest is gatewayapi's."""

    def __init__(self, rows, **rules):
        self._real, self._rows, self._rules = dialect("gatewayapi"), rows, rules
        self.accepted = rules.get("accepted", FileState.SUCCESS)

    def __getattr__(self, name):
        return getattr(self._real, name)

    def skips_bad_rows(self, _settings):
        """As told."""
        return self._rules.get("skips", True)

    def claims(self, _settings):
        """As told."""
        return self._rules.get("claims", 0)

    def unique_seconds(self, settings):
        """As the account's setting says."""
        return settings["unique_seconds"]

    def code_for(self, what):
        """What it is asked for."""
        return f"code of {what}"

    def reports(self, findings):
        """One, if told."""
        causes = "; ".join(map(str, findings.causes))
        told = f"{findings.submission.stem} {findings.state} {findings.total} {findings.at:%H%M}: {causes}"
        return [("report.txt", told.encode())] if self._rules.get("reports") else []

    def read(self, _upload):
        """The rows it was given."""
        for row in self._rows:
            if isinstance(row, Exception):
                raise row
            yield row


def message(row, **more):
    """A message to a number of its own."""
    return Message(row, f"45{row:08}", "hi", **more)


@pytest.fixture
def read(house):
    """Has a file read that says these rows; the number of its batch."""

    def read(*rows, stem="a", settings=None, **rules):
        house.set(**{"unique_seconds": 2 * DAY, "duplicate_seconds": 0, **(settings or {})})
        number = house.submit(b"x", stem)
        assert house.intake(lambda _: Scripted(rows, **rules)).step()
        return number

    return read


def test_refused_rows_are_kept_in_order_and_never_sent(house, read):
    """A row would be lost without a trace, or sent although the dialect refused it."""
    number = read(message(1), Refused(message(2), "802", "too long"), message(3))
    assert house.states(number) == {1: "queued", 2: "rejected", 3: "queued"}
    assert list(house.states(number)) == [1, 2, 3]
    assert [item.code for item in house.store.queue.outcomes(number, 1, 3)] == ["802"]
    assert house.batch(number).messages == 3
    assert house.store.queue.backlog() == {"out": 2}


def test_a_file_of_refused_rows_only(house, read):
    """A file would count as sent of which nothing was, or come back though its dialect has it vanish."""
    rows = [Refused(message(1), "802", "too long")]
    assert house.batch(read(*rows)).state == "rejected"
    number = read(*rows, stem="b", accepted=FileState.CONSUMED)
    assert (house.batch(number).state, house.states(number)) == ("accepted", {1: "rejected"})


def test_a_file_with_nothing_to_send_says_so(house, read):
    """A client would see a rejected file without a word why."""
    batch = house.batch(read(Sheet("a")))
    assert [cause.code for cause in batch.causes] == ["code of nothing to send"]


@pytest.mark.parametrize(
    ("own", "sheet", "wanted"), [(True, True, "rejected"), (False, True, "queued"), (True, False, "queued")]
)
def test_opted_out_numbers_are_refused(house, read, own, sheet, wanted):
    """Somebody who said STOP would be written to; or nobody could be written to whatever the file says."""
    house.store.optouts.add(house.account.id, [message(2).recipient], "test", house.store.now())
    rows = [Sheet("a", optouts=sheet), message(1), message(2)]
    number = read(*rows, settings={"optouts": own})
    assert house.states(number) == {1: "queued", 2: wanted}
    told = [(cause.code, cause.index, cause.msisdn) for cause in house.batch(number).causes]
    assert told == ([("code of optout", 2, message(2).recipient)] if wanted == "rejected" else [])


def test_opted_out_numbers_do_not_reject_a_file_whose_rows_stand_or_fall_together(house, read):
    """One STOP would keep a whole day's appointments from being sent."""
    house.store.optouts.add(house.account.id, [message(2).recipient], "test", house.store.now())
    number = read(message(1), message(2), settings={"optouts": True}, skips=False)
    assert house.states(number) == {1: "queued", 2: "rejected"}


def test_nobody_is_written_to_twice_within_the_time(house, read, clock):
    """A person on two lists would get two messages; or none for ever."""
    first = read(message(1), message(2), claims=DAY)
    second = read(message(2), message(3), stem="b", claims=DAY)
    assert house.states(first) == {1: "queued", 2: "queued"}
    assert house.states(second) == {2: "rejected", 3: "queued"}
    clock.now += DAY + 1
    assert house.states(read(message(2), stem="c", claims=DAY)) == {2: "queued"}


def test_a_rejected_file_keeps_nobody_from_being_written_to(house, read):
    """A mended file would not be sent to those whom the wrong one would have reached."""
    read(message(1), Unreadable(Cause("torn")), claims=DAY)
    assert house.states(read(message(1), stem="b", claims=DAY)) == {1: "queued"}


def test_a_name_is_used_once(house, read, clock):
    """A list uploaded a second time by mistake would be sent a second time."""
    first = read(Sheet("x.json", key="x.json"), message(1))
    second = read(Sheet("y.json", key="y.json"), message(2), Sheet("x.json", key="x.json"), message(3))
    assert [house.batch(number).state for number in (first, second)] == ["accepted", "rejected"]
    (cause,) = house.batch(second).causes
    assert (cause.code, cause.document, f"batch {first}" in cause.reason) == (
        "code of duplicate file",
        "x.json",
        True,
    )
    clock.now += 2 * DAY + 1
    assert house.batch(read(Sheet("x.json", key="x.json"), message(1))).state == "accepted"


def test_credit_is_charged_by_parts_and_its_lack_rejects_the_file(house, read):
    """A customer would send more than was paid for, or be charged for what was not sent."""
    house.store.accounts.set_credits(house.account.id, 5)
    accepted = read(message(1, parts=3), Refused(message(2, parts=9), "802", "too long"))
    rejected = read(message(1, parts=3), stem="b")
    assert [house.batch(number).state for number in (accepted, rejected)] == ["accepted", "rejected"]
    assert house.store.accounts.credits(house.account.id) == 2
    (cause,) = house.batch(rejected).causes
    assert (cause.code, "2 SMS" in cause.reason) == ("code of credits", True)
    assert "2 SMS" in house.shown(rejected).decode()


def test_messages_wait_for_their_time_and_not_longer(house, read, clock):
    """Messages would leave in the night, or days after what they are about."""
    number = read(message(1, due=clock.now + 60, until=clock.now + 120), message(2))
    (soon, later) = sorted(house.store.queue.slices(number), key=lambda item: item.not_before)
    assert (soon.first_row, soon.expires) == (2, clock.now + 2 * DAY)
    assert (later.not_before, later.expires) == (clock.now + 60, clock.now + 120)


def test_validity_counts_from_when_a_message_is_due(house, read, clock):
    """A message scheduled for next week would expire before it may leave."""
    number = read(message(1, due=clock.now + 7 * DAY))
    (slice_,) = house.store.queue.slices(number)
    assert slice_.expires == clock.now + 9 * DAY


def test_a_report_stands_beside_the_file_and_never_replaces_one(house, read):
    """A client would not learn what was wrong, or lose the report of yesterday."""
    for stem in ("a", "b"):
        read(message(1), Cause("bad", code="x"), stem=stem, reports=True)
    files = {file.name: file for file in house.store.files.all()}
    reports = sorted(name for name in files if name.startswith("report"))
    assert (len(reports), reports[-1]) == (2, "report.txt")
    first = files["report.txt"]
    shown = house.store.contents.read(first.content, 0, first.size).decode()
    assert shown == "a.20231114T221320.success success 1 2213: bad"


def test_an_ignored_file_stays_a_draft_and_its_cause_is_logged(house, read, events):
    """A file for another connector would vanish, or nobody would know why it lies there."""
    number = read(message(1), Ignored(Cause("no column holds phone numbers")))
    assert house.file(number).state is FileState.DRAFT
    assert house.states(number) == {}
    assert [event["cause"] for event in events if event["event"] == "ignored"] == [
        "no column holds phone numbers"
    ]


def test_who_is_told_by_mail(house, read, clock):
    """A mail would go to nobody, or to the wrong person, or before there is anything to tell."""
    read(
        Sheet("a", email="file@example.com"),
        message(1, due=1, until=clock.now + 60),
        settings={"email": "own@example.com"},
    )
    read(Unreadable(Cause("torn")), stem="b", settings={"email": "own@example.com"})
    read(message(1), stem="c", settings={"email": ""})
    due = house.store.notices.due(clock.now, 10)
    assert [(item.kind, item.address) for item in due] == [
        ("verdict", "file@example.com"),
        ("verdict", "own@example.com"),
    ]
    later = house.store.notices.due(clock.now + 3600, 10)
    assert [item.address for item in later if item.kind == "window"] == ["", "file@example.com"]


@pytest.mark.parametrize(("own", "told"), [("own@example.com", 2), ("", 1)])
def test_of_several_documents_one_without_an_address_is_told_to_the_account_s(house, read, clock, own, told):
    """Whoever put a list into an archive beside another's would hear nothing of it."""
    read(
        *(Sheet("a", email="file@example.com"), message(1), Sheet("b"), message(2)),
        settings={"email": own},
    )
    due = house.store.notices.due(clock.now, 10)
    assert [item.address for item in due] == ["file@example.com", own][:told]


def test_a_second_reading_claims_what_the_first_did(house, elsewhere):
    """A file whose reader died would be its own duplicate."""
    rows = [Sheet("x", key="x"), message(1)]
    house.set(unique_seconds=2 * DAY)
    number = house.submit(b"x")
    batch = house.store.queue.claim_batch(house.owner, house.store.now())
    until = house.store.now() + DAY
    house.store.claims.take(
        batch, house.owner, ["file x", f"to {message(1).recipient}"], house.store.now(), until
    )
    house.store.queue.release_batch(number, house.owner)
    assert elsewhere.intake(lambda _: Scripted(rows, claims=DAY)).step()
    assert elsewhere.states(number) == {1: "queued"}


def test_a_document_of_which_nothing_was_sent_may_come_again(house, read):
    """A mended list would be refused for two days because of an archive that sent nothing of it."""
    house.store.optouts.add(house.account.id, [message(3).recipient], "test", house.store.now())
    archive = [
        Sheet("z/a", key="a"),
        message(1),
        Sheet("z/b", key="b"),
        Cause("wrong"),
        Sheet("z/c", key="c"),
    ]
    read(*archive, message(3), settings={"optouts": True}, stem="z")
    for key, wanted in (("a", "rejected"), ("b", "accepted"), ("c", "accepted")):
        assert house.batch(read(Sheet(key, key=key), message(2), stem=key)).state == wanted
