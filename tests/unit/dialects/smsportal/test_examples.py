"""The examples of the vendor's page, as they stand there."""

from datetime import UTC, datetime

import pytest

FIRST = """version: 7
{
"message_template": "Hello to the SMS world.",
"contacts": [
{"msisdn": "1111111111"},
{"msisdn": "2222222222"},
{"msisdn": "3333333333"},
{"msisdn": "4444444444"}
]
}
"""
SECOND = """version: 7
{
"start": "2017-11-02 06:19",
"end": "2017-11-02 06:34",
"senderId": "Fixed",
"check_optouts": true,
"email": "reports@example.com",
"max_errors": "1",
"message_template": "Message sent to @@value1@@",
"contacts": [
{"msisdn": "1111111111", "customerId": "AccJohn237", "values" : { "value1" : "John"}},
{"msisdn": "3333333333", "customerId": "TempAcc1032","message" : "Specific message for msisdn 3333333333"}
]
}
"""
THIRD = """version: 7
{
"message_template": "Message sent to 1111111111, 2222222222 and 4444444444",
"contacts": [
{"msisdn": "1111111111"},
{"msisdn": "2222222222"},
{"msisdn": "3333333333", "message": "Specific message for msisdn 3333333333"},
{"msisdn": "4444444444"}
]
}
"""
FOURTH = """version: 7
{
"message_template": "Message sent to @@value1@@, Welcome @@value2@@ @@value3@@ @@value4@@",
"contacts": [
{"msisdn": "1111111111", "values" : { "value1" : "1111111111", "value2" : "Title", "value3" : "1stName", "value4" : "Surname"}},
{"msisdn": "2222222222", "values" : { "value1" : "2222222222", "value3" : "Jane", "value4" : "Doe" }},
{"msisdn": "3333333333", "message" : "Specific message for msisdn 3333333333"}
]
}
"""  # noqa: E501 - as on the page
EXAMPLES = [FIRST, SECOND, THIRD, FOURTH]
THEN = datetime(2017, 11, 2, 6, 0, tzinfo=UTC)
SPECIFIC = "Specific message for msisdn 3333333333"


def _texts(reading):
    assert (reading.causes, reading.fatal) == ([], None)
    return [(message.row, message.recipient, message.text) for message in reading.messages]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_one_text_for_everybody(read, ends):
    """The simplest of files, from DOS, Mac or Unix, would not be sent."""
    assert _texts(read(FIRST.replace("\n", ends), check_networks=False)) == [
        (row, str(row) * 10, "Hello to the SMS world.") for row in (1, 2, 3, 4)
    ]


def test_every_option_at_once(read):
    """The file that shows what the system can do would lose an option without a word."""
    reading = read(SECOND, at=THEN, check_networks=False, sender_fixed="Clinic")
    assert _texts(reading) == [(1, "1111111111", "Message sent to John"), (2, "3333333333", SPECIFIC)]
    start, half, end = (datetime(2017, 11, 2, 6, 19, 0, tzinfo=UTC).timestamp() + s for s in (0, 450, 900))
    assert [(m.sender, m.userref, m.due, m.until) for m in reading.messages] == [
        ("Clinic", "AccJohn237", start, end),
        ("Clinic", "TempAcc1032", half, end),
    ]
    (sheet,) = reading.sheets
    assert (sheet.name, sheet.key, sheet.email, sheet.optouts) == (
        "list.json",
        "list.json",
        "reports@example.com",
        True,
    )


def test_a_contacts_own_message_wins(read):
    """A recipient would get the text that was meant for the others."""
    common = "Message sent to 1111111111, 2222222222 and 4444444444"
    texts = [text for _, _, text in _texts(read(THIRD, check_networks=False))]
    assert texts == [common, common, SPECIFIC, common]


def test_a_value_that_is_missing_is_empty(read):
    """A recipient would read @@value2@@, or get nothing because a title is unknown."""
    assert [text for _, _, text in _texts(read(FOURTH, check_networks=False))] == [
        "Message sent to 1111111111, Welcome Title 1stName Surname",
        "Message sent to 2222222222, Welcome  Jane Doe",
        SPECIFIC,
    ]


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_numbers_belong_to_nobody(read, text):
    """Numbers that no carrier has would be paid for."""
    reading = read(text, at=THEN)
    assert reading.messages == []
    assert set(reading.codes[:-1]) == {"MSISDN.NoNetworkFound"}
    assert reading.fatal is not None
