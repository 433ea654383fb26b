"""From a submitted file to queued messages, or to a rejection with its causes."""

from collections import defaultdict

import pytest

from smsfs.dialects.registry import dialect
from smsfs.errors import StoreUnavailable
from smsfs.pipeline.intake.reader import ReaderSpentError
from smsfs.pipeline.slices import messages_of
from smsfs.states import FileState

pytestmark = pytest.mark.logs("gave_up", "intake_failed", "reader_out_of_memory", "stale_write")

GOOD = b"msisdn,message\n4512345678,hello\n"
MARK = b"#smsfs rejected: "


class Broken:
    """A dialect whose reader fails; the rest is gatewayapi's."""

    def __init__(self, failure, after=0):
        self._real = dialect("gatewayapi")
        self._failure, self._after = failure, after
        self.tries = 0

    def __getattr__(self, name):
        return getattr(self._real, name)

    def read(self, upload):
        """Some rows, then the failure."""
        self.tries += 1
        for number, row in enumerate(self._real.read(upload)):
            if number == self._after:
                raise self._failure
            yield row
        raise self._failure


def test_good_file_becomes_messages(house):
    """A file would be accepted whose messages never leave, or leave changed."""
    number = house.submit(
        b"msisdn,message,sender,userref\n4512345678,hello,Shop,r1\n4587654321,caf\xc3\xa9,,\n"
    )
    assert house.intake().step()
    assert not house.intake().step()
    (slice_,) = house.store.queue.slices(number)
    first, second = messages_of(slice_)
    assert (first.row, first.recipient, first.text, first.sender, first.userref) == (
        1,
        "4512345678",
        "hello",
        "Shop",
        "r1",
    )
    assert (second.row, second.text) == (2, "café")
    assert (slice_.state, slice_.backend, slice_.account) == ("queued", "out", "shop")
    assert (house.batch(number).messages, house.file(number).state) == (2, FileState.SUCCESS)
    assert house.file(number).name == "a.20231114T221320.success"
    assert house.file(number).tail == b""


def test_bad_row_rejects_the_whole_file(house):
    """Half of a customer's file would be sent, and the other half again with the mended one."""
    number = house.submit(GOOD + b"nobody,hi\n4512345678,x\n4511111111,\n")
    assert house.intake().step()
    batch = house.batch(number)
    assert (batch.state, batch.messages, batch.cause_count) == ("rejected", 0, 2)
    assert [cause.line for cause in batch.causes] == [3, 5]
    assert list(house.store.queue.slices(number)) == []
    assert house.shown(number).count(MARK) == 2
    assert house.file(number).name == "a.20231114T221320.rejected"


def test_bad_rows_are_skipped_where_the_account_says_so(house):
    """One bad row would hold up a file of an account that asked for the rest to be sent."""
    house.set(bad_rows="skip")
    number = house.submit(GOOD + b"nobody,hi\n4587654321,x\n")
    assert house.intake().step()
    assert house.states(number) == {1: "queued", 3: "queued"}
    assert house.file(number).state is FileState.SUCCESS
    assert MARK + b"line 3" in house.shown(number)


def test_file_without_a_good_row_is_rejected(house):
    """A file of which nothing was sent would be shown as a success."""
    house.set(bad_rows="skip")
    number = house.submit(b"msisdn,message\nnobody,hi\n")
    assert house.intake().step()
    assert house.batch(number).state == "rejected"


@pytest.mark.parametrize("skip", ["skip", "reject"])
def test_file_that_turns_unreadable_sends_nothing(house, table, skip):
    """The first part of a damaged file would be sent."""
    house.set(bad_rows=skip)
    number = house.submit(table(600) + b'4512345678,"never closed\n')
    assert house.intake().step()
    assert house.batch(number).state == "rejected"
    assert list(house.store.queue.slices(number)) == []
    assert house.store.queue.backlog() == {}


def test_many_causes_are_counted_and_the_first_kept(house):
    """A file of nothing but bad rows would grow beyond measure."""
    number = house.submit(b"msisdn,message\n" + b"nobody,hi\n" * 250)
    assert house.intake().step()
    batch = house.batch(number)
    assert (len(batch.causes), batch.cause_count) == (100, 250)
    assert MARK + b"and 150 more" in house.shown(number)


def test_slices_hold_at_most_500(house, table):
    """A large file would be one unit of work that no other file can pass."""
    number = house.submit(table(1001))
    assert house.intake().step()
    slices = list(house.store.queue.slices(number))
    assert [(item.seq, item.first_row, item.last_row, item.size) for item in slices] == [
        (0, 1, 500, 500),
        (1, 501, 1000, 500),
        (2, 1001, 1001, 1),
    ]
    assert [message.row for item in slices for message in messages_of(item)] == list(range(1, 1002))


def test_messages_have_their_validity_and_backend(house):
    """Messages would leave days late, or over the wrong carrier."""
    house.set(backend="carrier", validity_seconds=100)
    number = house.submit(GOOD)
    assert house.intake().step()
    (slice_,) = house.store.queue.slices(number)
    batch = house.batch(number)
    assert (slice_.backend, slice_.expires, slice_.not_before) == (
        "carrier",
        batch.submitted + 100,
        batch.submitted,
    )


def test_rows_go_by_sender_account_and_share(house):
    """A sender's messages would leave by a carrier that does not know it, or one carrier get all of them."""
    house.set(backend="from:Acme=acme account:other=x account:shop&47=own 3%one|1%two")
    rows = [f"45{row:08},Hi,Shop" for row in range(400)]
    data = "\n".join(["msisdn,message,sender", "4500000001,Hi,ACME", "4712345678,Hi,Shop", *rows]).encode()
    numbers = [house.submit(data, name) for name in ("a", "b")]
    while house.intake().step():
        pass
    sizes = [{item.backend: item.size for item in house.store.queue.slices(number)} for number in numbers]
    assert [set(found) for found in sizes] == [{"acme", "own", "one", "two"}] * 2
    assert [(found["acme"], found["own"], found["one"] + found["two"]) for found in sizes] == [
        (1, 1, 400)
    ] * 2
    assert all(240 < found["one"] < 360 for found in sizes)


def test_rows_are_gathered_by_their_route(house):
    """Messages would leave by the wrong carrier, or in slices of one that take hours."""
    house.set(backend="450=dk,backup carrier")
    number = house.submit(
        b"msisdn,message\n" + b"".join(b"4%d%08d,x\n" % (5 + row % 2, row) for row in range(7001))
    )
    assert house.intake().step()
    slices = list(house.store.queue.slices(number))
    assert [item.seq for item in slices] == list(range(15))
    assert [item.first_row for item in slices] == sorted(item.first_row for item in slices)
    sizes = defaultdict(list)
    for item in slices:
        sizes[item.backend, item.chain].append(item.size)
        prefix = "45" if item.backend == "dk" else "46"
        assert all(message.recipient.startswith(prefix) for message in messages_of(item))
    assert dict(sizes) == {
        ("dk", "dk,backup"): [500] * 7 + [1],
        ("carrier", ""): [500] * 7,
    }
    assert list(house.states(number)) == list(range(1, 7002))


def test_flags_decide_how_a_file_is_read(house):
    """A file from Excel would be rejected."""
    number = house.submit(b"msisdn;message\n4512345678;caf\xe9\n", flags=("excel", "cp1252"))
    assert house.intake().step()
    (message,) = messages_of(next(house.store.queue.slices(number)))
    assert message.text == "café"


def test_repeated_file_is_not_sent_again(house, clock):
    """A client that retries after a lost answer would send everything twice."""
    first = house.submit(GOOD)
    clock.now += 60
    second = house.submit(GOOD)
    intake = house.intake()
    assert intake.step()
    assert intake.step()
    assert [house.batch(number).state for number in (first, second)] == ["accepted", "rejected"]
    assert b"same bytes was accepted at 2023-11-14 22:13:20 UTC" in house.shown(second)
    assert list(house.store.queue.slices(second)) == []


@pytest.mark.parametrize("difference", ["later", "stem", "bytes", "off", "rejected"])
def test_other_files_are_no_repetition(house, clock, difference):
    """A customer's daily file would be refused as a copy of yesterday's."""
    if difference == "off":
        house.set(duplicate_seconds=0)
    first = b"msisdn,message\nnobody,x\n" if difference == "rejected" else GOOD
    house.submit(first)
    intake = house.intake()
    assert intake.step()
    if difference == "rejected":
        house.set(unknown_columns="ignore")
    clock.now += 61 if difference == "later" else 1
    data = GOOD + b"4500000000,more\n" if difference == "bytes" else GOOD
    number = house.submit(data, stem="b" if difference == "stem" else "a")
    assert intake.step()
    assert house.batch(number).state == "accepted"


def test_mended_file_is_read_without_its_causes(house):
    """A file sent again would be rejected for the lines that told why it was."""
    number = house.submit(GOOD.rstrip() + b"\n#smsfs rejected: line 2: it was a full moon\n")
    assert house.intake().step()
    assert house.states(number) == {1: "queued"}
    assert house.shown(number) == GOOD.rstrip()


def test_failure_is_tried_again_and_then_told(house, clock):
    """A file would be stuck for ever, or be rejected for a passing fault of the server."""
    broken = Broken(RuntimeError("out of memory"))
    intake = house.intake(lambda _: broken)
    number = house.submit(GOOD)
    for failures in range(1, 6):
        assert intake.step()
        assert (house.batch(number).state, house.batch(number).failures) == ("pending", failures)
        assert house.file(number).state is FileState.PROCESSING
        clock.now += 1799
        assert not intake.step()
        clock.now += 1
    assert intake.step()
    assert (broken.tries, house.batch(number).state) == (6, "rejected")
    shown = house.shown(number)
    assert shown.startswith(GOOD)
    assert b"failed 6 times to read the file and gives up; nothing was sent" in shown
    assert b"out of memory" not in shown


def test_failure_after_some_rows_sends_nothing_twice(house, clock, table):
    """Rows staged before a failure would be sent beside those of the next try."""
    number = house.submit(table(1200))
    assert house.intake(lambda _: Broken(RuntimeError("no"), after=1100)).step()
    assert house.store.queue.backlog() == {}
    clock.now += 1800
    assert house.intake().step()
    assert [item.size for item in house.store.queue.slices(number)] == [500, 500, 200]


def test_file_that_kills_its_reader_is_given_up(house, connect, clock):
    """A file over which the reader crashes would be read for ever."""
    number = house.submit(GOOD)
    for _ in range(6):
        reader = connect()
        assert reader.queue.claim_batch(reader.register("intake"), clock()).id == number
        reader.close()
        house.store.settle()
        house.store.queue.crashed(number, clock() + 1800, surely=True)
        clock.now += 1800
    broken = Broken(AssertionError("read once more"))
    assert house.intake(lambda _: broken).step()
    assert (broken.tries, house.batch(number).state) == (0, "rejected")
    assert b"failed 6 times" in house.shown(number)


def test_file_that_takes_all_memory_is_read_once_more_and_rejected(house):
    """A file that is a bomb would be shown as being processed for hours, or be blamed for its neighbour's."""
    number = house.submit(GOOD)
    for state, crashes in (("pending", 1), ("rejected", 1)):
        with pytest.raises(ReaderSpentError):
            house.intake(lambda _: Broken(MemoryError())).step()
        batch = house.batch(number)
        assert (batch.state, batch.crashes, batch.failures) == (state, crashes, 0)
    assert b"takes more memory than the server has for one file; nothing was sent" in house.shown(number)


def test_lost_bytes_are_no_end_of_the_reader(house, clock):
    """One damaged file would stop all others."""
    lost, good = house.submit(GOOD), house.submit(GOOD, "b")
    house.store.contents.delete([house.file(lost).content])
    intake = house.intake(max_failures=1)
    assert intake.step()
    assert intake.step()
    assert house.batch(good).state == "accepted"
    clock.now += 1800
    assert intake.step()
    assert house.batch(lost).state == "rejected"


@pytest.mark.parametrize("when", ["before", "after staging"])
def test_crash_between_steps_leaves_a_file_to_be_read(house, elsewhere, when, table):
    """A crash would lose a file, or send its first rows twice."""
    number = house.submit(table(3))
    reader = elsewhere.owner
    assert elsewhere.store.queue.claim_batch(reader, house.store.now()).id == number
    if when == "after staging":

        def crash(*_):
            raise KeyboardInterrupt

        elsewhere.store.queue.release_batch(number, reader)
        elsewhere.store.queue.accept = crash
        with pytest.raises(KeyboardInterrupt):
            elsewhere.intake().step()
    elsewhere.store.close()
    house.store.settle()
    assert house.intake().step()
    assert house.states(number) == {1: "queued", 2: "queued", 3: "queued"}


def test_stale_reader_changes_nothing(house, elsewhere, monkeypatch):
    """A reader that was taken for dead would judge a file that another has judged."""
    number = house.submit(GOOD)
    real = house.store.queue.accept

    def overtaken(batch, owner, *given):
        house.store.queue.release_batch(batch, owner)
        assert elsewhere.intake().step()
        real(batch, owner, *given)

    monkeypatch.setattr(house.store.queue, "accept", overtaken)
    assert house.intake().step()
    assert house.states(number) == {1: "queued"}
    assert house.batch(number).messages == 1


def test_reader_that_fails_stale_goes_on(house, elsewhere):
    """A reader whose file was taken and then fails would end, and leave all other files waiting."""
    number = house.submit(GOOD)

    class Overtaken(Broken):
        def read(self, _upload):
            """The file goes to another reader, then reading fails."""
            house.store.queue.release_batch(number, house.owner)
            assert elsewhere.intake().step()
            raise RuntimeError("too late")

    assert house.intake(lambda _: Overtaken(None)).step()
    assert (house.batch(number).state, house.batch(number).failures) == ("accepted", 0)


def test_store_that_is_away_is_no_failure_of_the_file(house, monkeypatch):
    """A file would be rejected because the disk was full for hours."""
    number = house.submit(GOOD)

    def away(*_):
        raise StoreUnavailable("The store is away.")

    monkeypatch.setattr(house.store.queue, "accept", away)
    with pytest.raises(StoreUnavailable):
        house.intake().step()
    assert house.batch(number).failures == 0


def test_file_of_another_time_keeps_its_names(house, clock):
    """The name of a file read late would change its time."""
    number = house.submit(GOOD)
    clock.now += 3600
    assert house.intake().step()
    assert house.file(number).name == "a.20231114T221320.success"


def test_verdict_is_of_the_batch_read(house):
    """The name of one file would be given to another."""
    first, second = house.submit(GOOD, "first"), house.submit(GOOD, "second")
    intake = house.intake()
    assert intake.step()
    assert (house.batch(first).state, house.batch(second).state) == ("accepted", "pending")
