"""200,000 contacts in one document."""

import io
import time
import tracemalloc
from datetime import UTC, datetime
from itertools import chain

import pytest

from smsfs.dialects import Sheet, Submission, Upload
from smsfs.dialects.smsportal import SmsPortal

AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
CONTACTS = 200_000
DIALECT = SmsPortal()
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    """A document of some 18 MB."""
    head = 'version: 7\n{"start":"2026-11-23 08:00","end":"2026-11-23 18:00",'
    head += '"message_template":"Hello @@value1@@, until @@value2@@","contacts":[\n'
    contact = (
        '{{"msisdn":"2782{0:07}","customerId":"c{0}","values":{{"value1":"Jane {0}","value2":"10:00"}}}}'
    )
    return (head + ",\n".join(map(contact.format, range(CONTACTS))) + "\n]}\n").encode()


def rows(data, **settings):
    """The rows as they come."""
    stream, settings = io.BytesIO(data), {**DIALECT.defaults, **settings}
    return DIALECT.read(Upload(stream, len(data), Submission("x.json"), settings, AT))


@pytest.mark.slow
def test_each_contact_gets_its_own_message(data, capsys):
    """In a large file, contacts would be lost or mixed up where one block of it ends and the next begins."""
    start, count = time.perf_counter(), 0
    found = chain(rows(data))
    assert isinstance(next(found), Sheet)
    for count, message in enumerate(found, 1):
        assert message.row == count
        assert (message.recipient, message.userref) == (f"2782{count - 1:07}", f"c{count - 1}")
        assert message.text == f"Hello Jane {count - 1}, until 10:00"
    seconds = time.perf_counter() - start
    assert count == CONTACTS
    assert message.due == message.until - 1
    with capsys.disabled():
        print(f" smsportal: {count / seconds:,.0f} contacts/s with numbering plans ", end="")  # noqa: T201 - asked for


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(data):
    """One large batch would push the server out of memory."""
    peaks = []
    for part in (20, 5):  # measuring takes its time
        short = data[: data.index(b"}},\n", len(data) // part)] + b"}}]}"
        stream = rows(short, check_networks=False)
        next(stream)
        tracemalloc.start()
        count = sum(1 for _ in stream)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert count > CONTACTS // 6
    assert peaks[1] < peaks[0] + 200_000 < 2_500_000
