"""The examples of the vendor's page, as they stand there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "data" / "smsportal"
EXAMPLES = [(FOLDER / f"example-{number}.txt").read_text(encoding="utf-8") for number in (1, 2, 3, 4)]
FIRST, SECOND, THIRD, FOURTH = EXAMPLES
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
