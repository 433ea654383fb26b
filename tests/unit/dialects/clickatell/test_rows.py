"""Files of the clickatell dialect."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects import Submission, Upload
from smsfs.dialects.clickatell import Clickatell
from smsfs.errors import Cause, Unreadable
from smsfs.sms.message import Message
from smsfs.sms.numbers import is_msisdn

DIALECT = Clickatell()
AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
TO = "to:27999900001\n"
#: The example of the vendor's page.
EXAMPLE = (
    "api_id:xxxx\nuser:xxxx\npassword:xxxx\ntext:This is my message being sent to 3 mobile numbers.\n"
    "to:27999900001\nto:27999900002\nto:27999900003\n"
)


class Reading:
    """What came of a file; ``fatal`` if nothing of it is sent."""

    def __init__(self, data, **settings):
        data = data.encode() if isinstance(data, str) else data
        self.rows, self.fatal = [], None
        settings = {**DIALECT.defaults, **settings}
        try:
            self.rows += DIALECT.read(Upload(io.BytesIO(data), len(data), Submission("x"), settings, AT))
        except Unreadable as error:
            self.fatal = error.cause
        self.messages = [row for row in self.rows if isinstance(row, Message)]
        self.causes = [
            *(row for row in self.rows if isinstance(row, Cause)),
            *([self.fatal] if self.fatal else []),
        ]
        self.told = [f"{cause.code} {cause}" for cause in self.causes]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_vendors_example(end):
    """Files that Clickatell takes would not be taken here, from one kind of computer at least."""
    found = Reading(EXAMPLE.replace("\n", end))
    assert [message.recipient for message in found.messages] == ["27999900001", "27999900002", "27999900003"]
    assert {message.text for message in found.messages} == {
        "This is my message being sent to 3 mobile numbers."
    }
    assert not found.causes


def test_the_text_may_come_behind_the_numbers_and_has_lines():
    """The numbers before the text would get nothing."""
    (message,) = Reading(f"{TO}\nTEXT: Dear Ann: \ntext:\ntext:Bye").messages
    assert message.text == "Dear Ann:\n\nBye"


def test_options():
    """A message would leave at the wrong time, from a stranger, or in the wrong letters."""
    data = f"{TO}from:Clinic\nclimsgid:a-1\ndeliv_time:60\nvalidity:90\nunicode:1\ntext:00480069\nconcat:3\n"
    (message,) = Reading(data).messages
    now = AT.timestamp()
    assert message == Message(
        1, "27999900001", "Hi", "Clinic", userref="a-1", due=now + 3600, until=now + 5400
    )


def test_numbers_that_are_none_do_not_stop_the_others():
    """One mistyped number of a hundred thousand would keep all messages from leaving."""
    found = Reading("text:Hi\nto:12\nto:27999900001\nto:\n")
    assert [message.row for message in found.messages] == [2]
    assert found.fatal is None
    assert found.told[0].startswith('105 line 2: to: "12" is no phone number')
    assert found.told[1] == "105 line 4: to: the phone number is missing"
    assert DIALECT.skips_bad_rows(DIALECT.defaults)
    assert not DIALECT.skips_bad_rows({**DIALECT.defaults, "bad_rows": "reject"})


WRONG = {
    "no number": ("text:Hi\n", "101 no line to: names a recipient"),
    "no text": (TO, "107 no line text: holds the message"),
    "empty text": (f"{TO}text:\n", "107 line 2: text: the message is empty"),
    "too long": (f"{TO}text:{'x' * 161}\nconcat:1\n", "113 line 2: text: the message takes 2 SMS; at most 1"),
    "no key": (f"{TO}text:Hi\nHello\n", '101 line 3: "Hello" has no key'),
    "unknown": (f"{TO}txet:Hi\n", "101 line 2: txet: this key is unknown; the keys are to, text, from"),
    "batch": (f"{TO}text:Hi\ncsv:1,2\n", "101 line 3: csv: only a plain text for all numbers"),
    "binary": (f"{TO}udh:0605\ntext:Hi\n", "101 line 2: udh: only a plain text"),
    "twice": (f"{TO}text:Hi\nfrom:A1\nfrom:B1\n", "101 line 4: from: it is given twice"),
    "sender": (f"{TO}text:Hi\nfrom:much too long\n", "106 line 3: from:"),
    "flash": (f"{TO}text:Hi\nmsg_type:SMS_FLASH\n", "101 line 3: msg_type: flash messages are not sent"),
    "ringtone": (f"{TO}text:Hi\nmsg_type:SMS_NOKIA_RING\n", "101 line 3: msg_type:"),
    "unicode": (
        f"{TO}text:Hi\nunicode:1\n",
        "116 line 2: text: with unicode:1 it is four hexadecimal digits",
    ),
    "half": (f"{TO}text:d800\nunicode:1\n", "116 line 2: text:"),
    "flag": (f"{TO}text:Hi\nunicode:yes\n", '101 line 3: unicode: it is 0 or 1, not "yes"'),
    "delay": (f"{TO}text:Hi\ndeliv_time:10081\n", "120 line 3: deliv_time: it is from 0 to 10,080"),
    "validity": (f"{TO}text:Hi\nvalidity:soon\n", "101 line 3: validity: it is a whole number"),
    "over": (f"{TO}text:Hi\nvalidity:5\ndeliv_time:5\n", "101 line 3: validity: 5 minutes end before"),
    "reference": (f"{TO}text:Hi\nclimsgid:{'x' * 256}\n", "101 line 3: climsgid: it has at most 255"),
    "line": (f"{TO}text:{'x' * 8192}\n", "101 line 2: the line has over 8,192 bytes"),
    "bytes": (TO.encode() + b"text:\x81\n", "hexadecimal 81 is no Windows-1252"),
    "numbers": (TO * 4 + "text:Hi\n", "101 the file has 4 numbers; at most 3 are read: split it"),
    "large": ("x" * 9000, "101 the file has 9,000 bytes; at most 8,999 are read: split it"),
    "rubbish": ("x\n" * 2000, '101 line 1001: "x" has no key'),
}


@pytest.mark.parametrize("kind", WRONG)
def test_nothing_is_sent_if_the_file_is_wrong_and_it_is_said_why(kind):
    """Everyone would get a text that was not meant, or nobody learn why none came."""
    data, sentence = WRONG[kind]
    found = Reading(data, max_rows=3, max_batch_bytes=8999)
    assert found.fatal
    assert not found.messages
    assert any(sentence in told for told in found.told), found.told


def test_settings_allow_what_is_refused_otherwise():
    """Files with keys of an earlier version of the system could not be sent."""
    (message,) = Reading(
        f"{TO}text:Hi\nmsg_type:SMS_FLASH\nx:y\n", flash="plain", unknown_keys="ignore"
    ).messages
    assert (message.text, message.klass) == ("Hi", "standard")
    (message,) = Reading(f"{TO}text:Hi\nmsg_type:SMS_FLASH\n", flash="send").messages
    assert message.klass == "flash"


LINES = st.sampled_from(
    [
        *("to:27999900001", "to:12", "to:", "text:Hi", "text:", "unicode:1", "text:0048", "from:A1", "x"),
        *("msg_type:SMS_TEXT", "validity:5", "deliv_time:5", "a:b", "", ":", "user:x", "concat:1", "\x1a"),
    ]
)


@given(st.lists(LINES, max_size=8), st.binary(max_size=8), st.sampled_from(["\n", "\r\n", "\r"]))
def test_every_number_gets_a_message_or_a_cause(lines, rest, end):
    """A file would stop the reader, or a number be passed over without a word."""
    found = Reading(end.join(lines).encode() + end.encode() + rest)
    if found.fatal:
        assert not found.messages
        return
    assert len(found.rows) >= sum(line.startswith("to:") for line in lines) > 0
    assert all(is_msisdn(message.recipient) and message.text for message in found.messages)
