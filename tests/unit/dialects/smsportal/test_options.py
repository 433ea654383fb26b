"""The options of a document: spellings, times, and what is wrong with them."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects.smsportal.options import Window

CONTACT = {"msisdn": "27821234567"}
LATER, LATEST = "2026-11-22 10:00", "2026-11-22 10:20"


def seconds(text):
    """Of a time in UTC."""
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


@pytest.mark.parametrize(
    "start",
    [
        "version: 7\n",
        "\ufeffversion: 7\n",
        "\n\n  VERSION :7  \r\n\r\n",
        'Version: "7"\r',
        "version:7",
    ],
)
def test_the_version_line_is_read_as_people_write_it(read, start):
    """A file that the vendor takes would be refused for a space."""
    reading = read(start + '{"message_template": "Hi", "contacts": [{"msisdn": "27821234567"}]}')
    assert ([message.text for message in reading.messages], reading.fatal) == (["Hi"], None)


@pytest.mark.parametrize("version", ["7", '"7"', '" 7 "'])
def test_the_version_may_be_a_key(read, version):
    """Whoever writes plain JSON could not use the system."""
    for text in (
        f'{{"version": {version}, "message_template": "Hi", "contacts": [{{"msisdn": "27821234567"}}]}}',
        f'{{"message_template": "Hi", "contacts": [{{"msisdn": "27821234567"}}], "Version": {version}}}',
    ):
        assert len(read(text).messages) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", 'does not say its version: its first line must be "version: 7"'),
        ("version: 6\n{}", '"6" is no version of the file format: it must be 7'),
        ("version: \n{}", '"" is no version'),
        ('{"version": 8}', '"8" is no version'),
        ('{"version": true}', "what is given is no version"),
        ('version: 7\n{"version": 6}', '"6" is no version'),
    ],
)
def test_other_versions_are_refused(read, text, said):
    """A file of another format would be read as if it were this one."""
    reading = read(text)
    assert reading.codes == ["File.InvalidVersion"]
    assert said in str(reading.fatal)


@pytest.mark.parametrize(
    "names",
    [
        ("Start", "End", "SenderID", "Check_OptOuts", "Message_Template", "Contacts", "Email"),
        ("Start_DT", "End_DT", "senderId", "checkOptOuts", "messageTemplate", "CONTACTS", "EMAIL"),
        ("start_dt", "end_dt", "sender_id", "check_optouts", "message_template", "contacts", " email "),
    ],
)
def test_names_are_those_of_the_page_and_of_the_white_label(read, names):
    """A customer of the white label would have everything sent at once, also to numbers that opted out."""
    values = (f'"{LATER}"', f'"{LATEST}"', '"Shop"', "false", '"Hi"', "[%s]", '"a@b.example"')
    members = ", ".join(f'"{name}": {value}' for name, value in zip(names, values, strict=True))
    reading = read("version: 7\n{" + members % '{"MSISDN": "27821234567", "CustomerID": "c1"}' + "}")
    (message,) = reading.messages
    assert (message.text, message.sender, message.userref) == ("Hi", "Shop", "c1")
    assert (message.due, message.until) == (seconds(LATER), seconds(LATEST))
    assert (reading.sheets[0].email, reading.sheets[0].optouts) == ("a@b.example", False)


@pytest.mark.parametrize(
    ("value", "scrubbed"),
    [
        *((yes, True) for yes in (True, "true", 1, "1", None, "")),
        *((no, False) for no in (False, "False", 0, "0", " FALSE ")),
    ],
)
def test_opt_outs_are_heeded_unless_the_file_says_no(read, document, value, scrubbed):
    """Somebody who opted out would get an advertisement."""
    reading = read(document(CONTACT, check_optouts=value))
    assert (reading.sheets[0].optouts, reading.fatal) == (scrubbed, None)


def test_what_opt_outs_cannot_mean_is_refused(read, document):
    """A typing error would decide whether people who opted out get messages."""
    for value in ("no", 2, [], {"a": 1}):
        reading = read(document(CONTACT, check_optouts=value))
        assert (reading.codes, reading.messages) == (["File.ParseError"], [])
        assert reading.sheets[0].optouts


@pytest.mark.parametrize(
    ("options", "at", "due", "until"),
    [
        ({}, "2026-11-22 09:45", [0, 0, 0], 0),
        ({"start": None, "end": ""}, "2026-11-22 09:45", [0, 0, 0], 0),
        ({"start": LATER}, "2026-11-22 09:45", [600_900] * 3, 0),
        ({"start": LATER}, "2026-11-22 10:01", [0, 0, 0], 0),
        ({"start": LATER, "end": LATEST}, "2026-11-22 09:45", [600_900, 601_300, 601_700], 602_100),
        ({"start": LATER, "end": LATEST}, "2026-11-22 10:10", [601_500, 601_700, 601_900], 602_100),
        ({"end": LATEST}, "2026-11-22 10:10", [601_500, 601_700, 601_900], 602_100),
        ({"start": "2026-11-22T10:00:00Z"}, "2026-11-22 09:45", [600_900] * 3, 0),
    ],
)
def test_messages_are_spread_over_the_window(read, document, options, at, due, until):
    """A campaign would leave at once, or go on when nobody answers the phone any more."""
    now = datetime.fromisoformat(f"{at}+00:00")
    reading = read(document(CONTACT, CONTACT, CONTACT, **options), at=now)
    zero = seconds(LATER) - 600_900
    assert [message.due and message.due - zero for message in reading.messages] == due
    assert {message.until and message.until - zero for message in reading.messages} == {until}


def test_a_window_may_lie_across_midnight(read, document):
    """Messages of the night would all be sent on one side of it."""
    reading = read(document(CONTACT, CONTACT, start="2026-12-31 23:50", end="2027-01-01 00:10"))
    assert [message.due for message in reading.messages] == [
        seconds("2026-12-31 23:50"),
        seconds("2027-01-01 00:00"),
    ]


@given(st.integers(0, 2**33), st.integers(1, 10**8), st.integers(1, 10**6), st.data())
def test_no_message_is_due_outside_its_window(start, length, total, data):
    """A message would be due when its window is over, and be cancelled."""
    window = Window(start, start + length)
    place = data.draw(st.integers(0, total - 1))
    assert start <= window.due(place, total) < start + length
    assert place == 0 or window.due(place - 1, total) <= window.due(place, total)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"start": LATEST, "end": LATER},
            "end (2026-11-22 10:00:00) is not later than start (2026-11-22 10:20:00)",
        ),
        ({"start": LATER, "end": LATER}, "is not later than start"),
        (
            {"end": "2026-11-22 09:45"},
            "end (2026-11-22 09:45:00) had passed when the file was submitted (2026-11-22 09:45:00); times",
        ),
        ({"start": "2017-11-02 06:19", "end": "2017-11-02 06:34"}, "had passed when the file was submitted"),
    ],
)
def test_a_window_that_cannot_be_kept_is_refused(read, document, options, said):
    """An invitation would be sent after the event."""
    reading = read(document(CONTACT, **options))
    assert (reading.codes, reading.messages) == (["IncorrectScheduledDate"], [])
    assert said in str(reading.fatal)


@pytest.mark.parametrize(
    "time",
    [
        *(
            "22-11-2026 10:00",
            "2026-11-22",
            "10:00",
            "2026-02-31 10:00",
            "2026-11-22 25:00",
            "0000-01-01 00:00",
        ),
        *("2026-11-22 10:00+02:00", "٢٠٢٦-11-22 10:00", 5, ["x"], True),
    ],
)
@pytest.mark.parametrize("option", ["start", "end"])
def test_a_time_that_cannot_be_read_is_refused(read, document, option, time):
    """Messages would be sent at once because nobody could read when."""
    reading = read(document(CONTACT, **{option: time}))
    assert (reading.codes, reading.messages) == (["File.ParseError"], [])
    assert f"{option}: " in str(reading.fatal)
    assert "no time such as 2026-07-19 11:05, year first, in UTC" in str(reading.fatal)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        *((fixed, "One") for fixed in (None, "", "Fixed", "FIXED")),
        *((repliable, "27820000000") for repliable in ("FixedR", "fixedr")),
        *(("Shop", "Shop"), ("+27821112222", "27821112222"), (27821112222, "27821112222")),
    ],
)
def test_senders(read, document, given, sent):
    """A recipient could not tell who writes, or could not answer."""
    reading = read(document(CONTACT, senderId=given), sender_fixed="One", sender_fixedr="27820000000")
    assert [message.sender for message in reading.messages] == [sent]


@pytest.mark.parametrize("given", ["A name that is long", "1234567890123456", "a@b€", True, ["Shop"]])
def test_a_wrong_sender_is_refused(read, document, given):
    """A whole campaign would be sent under a name that carriers cut or reject."""
    reading = read(document(CONTACT, senderId=given))
    assert (reading.codes, reading.messages) == (["File.ParseError"], [])
    assert "sender" in str(reading.fatal)


@pytest.mark.parametrize(
    "given", ["[email\xa0protected]", "nobody", "a@b\nBcc: c@d", "a@b, c@d", 5, "@", "x" * 250 + "@b.example"]
)
def test_a_wrong_address_is_told_to_the_account(read, document, given):
    """Nobody would hear of a file's outcome, or a mail would go to addresses that a file smuggled in."""
    reading = read(document(CONTACT, email=given))
    assert (reading.sheets[0].email, len(reading.messages), reading.fatal) == ("", 1, None)
    (cause,) = reading.causes
    assert "is no address, so the outcome is told to the account's" in str(cause)
    assert str(cause).isprintable()


@pytest.mark.parametrize(
    ("limit", "stops"),
    [
        ("1", True),
        (1, True),
        (0, True),
        ("2", False),
        (None, False),
        ("Unlimited", False),
        (2**31 - 1, False),
    ],
)
def test_too_many_errors_stop_the_whole(read, document, limit, stops):
    """A list that is half wrong would be half sent, though its owner said not to."""
    text = document(CONTACT, {"msisdn": ""}, {"msisdn": "x"}, CONTACT, max_errors=limit)
    reading = read(text)
    assert [cause.index for cause in reading.causes] == [2, 3]
    assert (reading.fatal is not None) == stops
    if stops:
        assert f"2 contacts are wrong, and max_errors allows {limit}, so nothing was sent" in str(
            reading.fatal
        )
    else:
        assert len(reading.messages) == 2


@pytest.mark.parametrize("limit", ["few", -1, 1.5, True, [], "9" * 19])
def test_a_limit_of_errors_that_is_none_is_refused(read, document, limit):
    """Whoever wanted a limit would have none."""
    reading = read(document(CONTACT, max_errors=limit))
    assert (reading.codes, reading.messages) == (["File.ParseError"], [])


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"contacts": None}, "RequiredParameter.Missing", "contacts is missing or empty"),
        ({"contacts": []}, "RequiredParameter.Missing", "contacts is missing or empty"),
        ({"contacts": {"msisdn": "27821234567"}}, "File.ParseError", "contacts must be a list"),
        ({"contacts": "27821234567"}, "File.ParseError", "contacts must be a list"),
        ({"message_template": ["Hi"]}, "File.ParseError", "message_template is no text"),
        ({"message_template": "Hi @@name@@"}, "File.ParseError", '"@@name@@" cannot be filled in'),
        ({"message_template": "Hi @@value7@@"}, "File.ParseError", "there are value1 to value6"),
        ({"message_template": "Hi “@@value1@@”"}, "File.ParseError", "U+201C LEFT DOUBLE QUOTATION MARK"),
        ({"message_template": ""}, "RequiredParameter.Missing", "and contact 1 has no message of its own"),
        ({"message_template": None}, "RequiredParameter.Missing", "message_template is missing"),
    ],
)
def test_what_every_message_needs(read, options, code, said):
    """Half a list would be sent a text that is not the one meant, or nothing and no word about it."""
    whole = {"message_template": "Hello", "contacts": [CONTACT, {**CONTACT, "message": "Own"}], **options}
    reading = read("version: 7\n" + json.dumps(whole))
    assert ([str(reading.fatal.code)], reading.messages) == ([code], [])
    assert said in str(reading.fatal)


def test_everything_wrong_with_the_options_is_told_at_once(read, document):
    """A client would mend one fault, send the file again, and be told of the next."""
    reading = read(document(CONTACT, start="x", senderId="€", max_errors="?", check_optouts="?"))
    told = " ".join(map(str, [*reading.causes, reading.fatal]))
    assert all(name in told for name in ("start", "senderId", "max_errors", "check_optouts"))
    assert reading.messages == []


def test_unknown_keys_are_passed_over_or_refused(read, document):
    """A client's own notes would stop its file; or a misspelt start would send everything at once."""
    text = document({**CONTACT, "note": "x"}, CONTACT, strat=LATER)
    assert len(read(text).messages) == 2
    strict = read(text, unknown_keys="reject")
    assert (strict.codes, strict.messages) == (["File.ParseError"], [])
    assert (
        '"strat" is unknown; there are version, email, start, end, senderId, check_optouts, message'
        in str(strict.fatal)
    )
    only_contact = read(document({**CONTACT, "note": "x"}, CONTACT), unknown_keys="reject")
    assert [cause.index for cause in only_contact.causes] == [1]
    assert '"note" is unknown' in str(only_contact.causes[0])


@pytest.mark.parametrize(
    "name",
    ["email", "start", "end", "senderId", "check_optouts", "max_errors", "message_template", "version"],
)
def test_values_nested_as_deep_as_can_be_are_refused_like_any(read, document, name):
    """A file made to break the server would be tried again for hours in place of being refused."""
    for depth in range(850, 1000, 3):
        nested = "[" * depth + "]" * depth
        text = (
            document(CONTACT)
            .replace("{", f'{{"{name}": {nested}, ', 1)
            .replace('"message_template": "Hello", ', "")
        )
        reading = read(text)
        assert reading.fatal is not None
        assert str(reading.fatal).isprintable()
