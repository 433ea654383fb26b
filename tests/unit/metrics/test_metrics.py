import os

import pytest

from smsfs.metrics import OTHERS, Metric, Sample, Series, Tally, Told, merged
from smsfs.metrics.slate import Book, Slate

SENT = Metric("sent", "counter", "Sent.", ("backend",))
OF_ACCOUNT = Metric("sent_of", "counter", "Sent.", ("account",))
BINDS = Metric("binds", "gauge", "Binds.", ("backend",))
SECONDS = Metric("seconds", "histogram", "Seconds.", ("backend",), (0.1, 1.0))


@pytest.fixture
def tally():
    """What a process has counted."""
    tally = Tally()
    tally.add(SENT, 2, "one")
    tally.add(SENT, 3, "one")
    tally.observe(SECONDS, [0.1, 0.5, 7], "one")
    tally.measure(BINDS, 4, "one")
    tally.measure(BINDS, 1, "one")
    return tally


def test_counts_add_up_and_what_is_measured_last_holds(tally):
    """An operator would see fewer messages than were sent, or binds that are long gone."""
    assert tally.told() == Told(
        [Sample("sent", ("one",), 5), Sample("seconds", ("one",), [1, 1, 1, 7.6])],
        [Sample("binds", ("one",), 1)],
    )


def test_processes_are_added_up(tally):
    """Of several readers, the files of one alone would be shown."""
    other = Tally()
    other.add(SENT, 1, "two")
    other.add(SENT, 1, "one")
    other.observe(SECONDS, [2], "one")
    told = merged([tally.told(), other.told()])
    assert Sample("sent", ("one",), 6) in told.counted
    assert Sample("sent", ("two",), 1) in told.counted
    assert Sample("seconds", ("one",), [1, 1, 2, 9.6]) in told.counted


def test_accounts_are_left_out_unless_they_are_asked_for(tally):
    """Who has ten thousand customers would have ten thousand series of each kind in Prometheus."""
    tally.add(OF_ACCOUNT, 1, "shop")
    assert "sent_of" not in {sample.name for sample in tally.told().counted}
    tally.by_account = True
    tally.add(OF_ACCOUNT, 1, "shop")
    assert Sample("sent_of", ("shop",), 1) in tally.told().counted


def test_labels_are_bounded():
    """Whatever is counted by account would take more memory with each account that ever was."""
    series = Series(most=2)
    keys = [series.key("sent", (name,)) for name in ("one", "two", "three", "one", "four")]
    assert [labels for _, (labels,) in keys] == ["one", "two", OTHERS, "one", OTHERS]


def test_what_a_killed_process_counted_stays(tally):
    """Prometheus would take a restart of a worker for thousands of messages sent again."""
    book = Book()
    Slate(os.dup(book.begin())).write(tally.told())
    assert book.told() == tally.told()
    book.end()
    assert book.told() == Told(tally.told().counted)  # how it stood is over
    Slate(os.dup(book.begin())).write(tally.told())
    assert Sample("sent", ("one",), 10) in book.told().counted
    book.end()
    book.end()
    assert Sample("sent", ("one",), 10) in book.told().counted


def test_a_page_that_is_half_written_is_not_read(tally):
    """A counter would jump to nonsense, and all graphs with it."""
    slate = Slate()
    assert slate.read() == Told()
    slate.write(tally.told())
    assert slate.read() == tally.told()
    os.pwrite(slate.descriptor, b"garbage", 12)
    assert slate.read() == tally.told()
    slate.write(Told())
    assert slate.read() == Told()
    slate.close()
